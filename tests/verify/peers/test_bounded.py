"""A bounded number covers what floating point makes of a computation, in any order, and not much more."""

import math
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verify.peers.bounded import Bounded, largest, smallest, total

UNIT = 2.0**-53
DYADIC = st.integers(-64, 64).filter(bool).map(lambda n: Fraction(n, 8))


def b(value):
    return Bounded(Fraction(value))


@given(st.lists(st.tuples(DYADIC, DYADIC), min_size=1, max_size=8), st.integers(0, 99))
def test_a_sum_of_quotients_in_any_order_is_within_the_bound(pairs, seed):
    exact = total(b(x) / b(y) for x, y in pairs)
    shuffled = list(pairs)
    Random(seed).shuffle(shuffled)
    computed = 0.0
    for x, y in shuffled:
        computed += float(x) / float(y)
    assert exact.allows(computed, UNIT)


@given(DYADIC, DYADIC, DYADIC)
def test_differences_and_products_are_within_the_bound(x, y, z):
    third = b(x) / b(3)
    exact = (third * b(y) - b(z)) * third
    computed = (float(x) / 3 * float(y) - float(z)) * (float(x) / 3)
    assert exact.allows(computed, UNIT)


def test_the_bound_is_a_few_roundings_of_what_was_added():
    exact = total(b(n) / b(3) for n in range(1, 11))
    assert exact.roundings <= 11 * sum(Fraction(n, 3) for n in range(1, 11))
    assert not exact.allows(float(exact.value) * (1 + 1e-13), UNIT)


def test_positive_part_maximum_and_minimum_do_not_add_to_it():
    one, other = Bounded(Fraction(-1), Fraction(2)), Bounded(Fraction(3), Fraction(5))
    assert (one.relu().value, one.relu().roundings) == (0, 2)
    assert (largest((one, other)).value, smallest((one, other)).value) == (3, -1)
    assert largest((one, other)).roundings == smallest((one, other)).roundings == 5


@pytest.mark.parametrize("found", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_never_allowed(found):
    assert not Bounded(Fraction(1), Fraction(10**9)).allows(found, UNIT)

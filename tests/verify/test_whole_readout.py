"""Another readout: the score is what it is said to be, and so is what the tail remembers of it."""

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from sympy import Rational

from verify.catalogue.units import PIECEWISE_LINEAR, unit
from verify.tails import WholeTail
from verify.whole_blocks import build
from verify.whole_readout import scaled, shifted, with_slope

TAILS = [build(Random(seed).choice, [unit(name) for name in PIECEWISE_LINEAR]) for seed in range(12)]


def anew(tail):
    """Return the same tail, which remembers nothing."""
    return WholeTail(tail.A, tail.entry, tail.layers)


def score(tail):
    return tail.face().exact(Rational(tail.point.numerator, tail.point.denominator))


@pytest.mark.parametrize("tail", TAILS, ids=str)
def test_a_scaled_or_shifted_tail_is_so_and_knows_it(tail):
    half, more = scaled(tail, Fraction(-1, 2)), shifted(tail, Fraction(3, 4))
    assert (score(half), score(more)) == (-score(tail) / 2, score(tail) + Rational(3, 4))
    for changed in (half, more):
        assert (changed.near, changed.distances) == (anew(changed).near, anew(changed).distances)


def test_most_tails_can_be_given_a_slope_and_know_it():
    fitted = [tail for tail in (with_slope(tail, Fraction(1)) for tail in TAILS) if tail is not None]
    assert len(fitted) > len(TAILS) / 2
    assert all(tail.near.slope == anew(tail).near.slope == 1 and tail.near == anew(tail).near for tail in fitted)


def test_a_slope_that_float64_does_not_hold_is_not_given():
    third = next(tail for tail in TAILS if tail.near.slope not in (0, 1))
    assert with_slope(third, Fraction(1, 3)) is None


def test_what_is_not_a_float64_is_refused():
    with pytest.raises(ValueError, match="float64"):
        shifted(TAILS[0], Fraction(1, 3))
    assert replace(TAILS[0]) == TAILS[0]

"""The textbook's formula in float32: within its bound, except where it over- or underflows or has an eps."""

from fractions import Fraction
from random import Random

import pytest
from flint import fmpq

from verify import replay
from verify.layers import Linear
from verify.map_properties import map_property
from verify.map_property import admitted, equal, outcome
from verify.map_replay import setting_of
from verify.probe import NoRule
from verify.setting import NoValue, Setting, closed
from verify.tails import WholeTail
from verify.textbook import allowed, stable, textbook

FIRST = (0, 0, 0)
PROPERTY = map_property("textbook-in-float32")
EXTREMES = ("no-overflow", "no-underflow", "no-eps")


def one(a, slope, bias=0, eps=0):
    A = (((Fraction(a),),),)
    return Setting(WholeTail(A, FIRST, (Linear(((Fraction(slope),),), (Fraction(bias),)),)), eps=Fraction(eps))


def stored(assumption):
    return setting_of(replay.read(f"textbook-in-float32/without-{assumption}"))


def test_an_ordinary_number_is_within_the_bound_and_the_bound_is_a_few_units():
    setting = one(1, 1)
    exact = closed(setting, FIRST)
    assert outcome(PROPERTY, setting, FIRST).holds is True
    assert exact / 2**24 < allowed(setting, FIRST, exact) < 20 * exact / 2**24


def test_the_bound_holds_wherever_nothing_over_or_underflows():
    random, kept = Random(0), 0
    for _ in range(400):
        exponent, size = random.randint(-43, 43), random.choice((1, -1, Fraction(3, 2), Fraction(-5, 4)))
        slope, reach = Fraction(2) ** exponent * size, random.choice((1, -1, 3, Fraction(1, 4)))
        setting = one(reach * Fraction(2) ** -exponent, slope, random.choice((random.randint(-90, 90), 86, 87)))
        if next(admitted(PROPERTY, setting), None):
            kept += 1
            assert outcome(PROPERTY, setting, FIRST).holds is not False, setting
    assert kept > 100


def test_overflow_gives_no_number_underflow_gives_one_half_and_eps_a_shift():
    with pytest.raises(NoValue, match="float32 arithmetic gives nan"):
        textbook(stored("no-overflow"), FIRST)
    assert textbook(stored("no-underflow"), FIRST) == fmpq(1, 2)
    assert closed(stored("no-underflow"), FIRST) == fmpq(1, 3)
    shift = fmpq(1, 3) - textbook(stored("no-eps"), FIRST)
    assert fmpq(1, 2**24) < shift < fmpq(1, 2**18)


@pytest.mark.parametrize("assumption", EXTREMES)
def test_the_closed_form_of_cam_needs_none_of_it(assumption):
    setting = stored(assumption)
    exact = closed(setting, FIRST)
    computed = Fraction(stable(setting, FIRST))
    assert abs(fmpq(computed.numerator, computed.denominator) - exact) <= allowed(setting, FIRST, exact)


def test_a_bound_that_is_too_small_would_be_noticed():
    sides = PROPERTY.sides(one(3, 1), FIRST)
    assert sides.lhs != sides.rhs and equal(sides) is True and equal(sides._replace(within=0)) is False


def test_what_float32_does_not_hold_is_not_judged():
    with pytest.raises(NoRule, match="float32 does not hold"):
        textbook(one(1 + Fraction(1, 2**30), 1), FIRST)


def test_at_a_pole_the_bound_says_nothing():
    near = one(1, -2 + Fraction(1, 2**22))
    with pytest.raises(NoRule, match="so near the pole"):
        allowed(near, FIRST, closed(near, FIRST))

"""Assumptions decide by exact numbers or balls, and say that they do not know where they do not."""

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, find, settings

from verify.assumptions import ASSUMPTIONS, assumption
from verify.errors import UsageError
from verify.layers import Activate, BatchNorm, Bias, Gate, GlobalAverage, Linear, Residual
from verify.setting import Setting
from verify.tails import WholeTail

FIRST = (0, 0, 0)
ONE, ZERO = Fraction(1), Fraction(0)
SQUARE, RELU, TANH = Gate((), ()), Activate("relu"), Activate("tanh")
NORM = BatchNorm((ZERO,), (ONE,), (ONE,), (ZERO,))


def row(*numbers):
    return ((tuple(map(Fraction, numbers)),),)


def linear(*weights, bias=0):
    return Linear((tuple(map(Fraction, weights)),), (Fraction(bias),))


def whole(A, *layers, **rest):
    return Setting(WholeTail(A, FIRST, layers), **rest)


PLAIN = whole(row(1), linear(1))
TWO = (((ONE,),), ((ONE,),))
CASES = {
    "interior": (whole(row(1), RELU, linear(1)), whole(row(1), Bias(row(-1)), RELU, linear(1))),
    "affine-along-line": (whole(row(1), RELU, linear(1)), whole(row(1), SQUARE, linear(1))),
    "piecewise-linear": (whole(row(1), SQUARE, RELU, linear(1)), whole(row(1), Residual((TANH,)), linear(1))),
    "no-products": (whole(row(1), TANH, linear(1)), whole(row(1), Residual((SQUARE,)), linear(1))),
    "exp-head": (PLAIN, whole(row(1), linear(1), head="tempered")),
    "scalar-head": (
        whole(row(1), linear(1), head="tanh"),
        whole(row(1), linear(1), head="softmax", rival=(linear(2),)),
    ),
    "outer-curved": (PLAIN, whole(row(1), linear(1, bias=-1), head="sigmoid")),
    "slope-nonzero": (PLAIN, whole(row(1, 1), linear(0, 1))),
    "no-pole": (PLAIN, whole(row(1), linear(-2))),
    "rectified": (whole(row(0), linear(1)), whole(row(1, -1), linear(1, 1))),
    "gradients-nonnegative": (whole(row(1, 1), linear(0, 1)), whole(row(1, 1), linear(1, -1))),
    "constant-in-space": (whole(row(1, 2), GlobalAverage(), linear(1)), whole(row(1, 2), linear(1, 2))),
    "pixels-separable": (whole(row(1, 2), SQUARE, linear(1, 1)), whole(row(1, 2), linear(1, 1), SQUARE)),
    "one-channel": (PLAIN, whole(TWO, linear(1, 1))),
    "weights-positive": (PLAIN, whole(row(1), linear(-1))),
    "eval-mode": (whole(row(1), NORM, linear(1)), whole(row(1), NORM, linear(1), training=True)),
    "no-overflow": (whole(row(1), linear(1, bias=85)), whole(row(1), linear(1, bias=87))),
    "no-underflow": (whole(row(1), linear(Fraction(1, 2**42))), whole(row(1), linear(Fraction(1, 2**43)))),
    "no-eps": (PLAIN, whole(row(1), linear(1), eps=Fraction(1, 2**20))),
}


def test_every_assumption_has_a_case():
    assert [*CASES] == [each.name for each in ASSUMPTIONS]


@pytest.mark.parametrize("name", CASES)
def test_an_assumption_tells_a_setting_that_meets_it_from_one_that_does_not(name):
    meets, violates = CASES[name]
    assert assumption(name).meets(meets) is True and assumption(name).meets(violates) is False


def test_it_is_decided_entry_by_entry():
    setting = whole(row(1, 1), linear(0, 1))
    assert [assumption("slope-nonzero").at(setting, place) for place in setting.places] == [False, True]


def test_on_a_kink_nothing_is_said_of_the_gradient():
    kinked = CASES["interior"][1]
    for name in ("affine-along-line", "slope-nonzero", "gradients-nonnegative"):
        assert assumption(name).at(kinked, FIRST) is None and not assumption(name).exists(kinked, FIRST)
    assert assumption("exp-head").exists(kinked, FIRST)


def test_what_a_ball_leaves_open_is_not_decided():
    """Two tanh units with opposite weights: S'' is 0, which balls cannot prove, nor that it is not."""
    rows = Linear(((ONE,), (ONE,)), (ZERO, ZERO))
    setting = whole(row(1), rows, TANH, linear(1, -1))
    assert assumption("affine-along-line").at(setting, FIRST) is None
    assert assumption("affine-along-line").exists(setting, FIRST)


BIG = Fraction(2) ** 43


@pytest.mark.parametrize(
    "setting",
    [
        whole(row(1), linear(1, bias=87)),  # the denominator, though none of its terms
        whole(row(1 / BIG), linear(BIG, bias=-70)),  # g^3, though not exp(S) g^3
        whole(row(BIG**3, -(BIG**3)), linear(1 / BIG, 1 / BIG)),  # sum |A|, though no product with it
    ],
    ids=str,
)
def test_whatever_the_textbook_formula_forms_can_overflow(setting):
    assert assumption("no-overflow").at(setting, FIRST) is False


def test_near_a_kink_behind_a_curved_unit_nothing_is_known():
    setting = whole(row(0), TANH, RELU, linear(1))
    assert assumption("interior").at(setting, FIRST) is None


@pytest.mark.parametrize("name", CASES)
def test_its_strategies_meet_it_and_violate_it_alone(name):
    few = settings(max_examples=60, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    each, plain = assumption(name), {"exp-head", "no-eps"} - {name}
    find(each.meeting(), lambda setting: each.at(setting, setting.tail.entry) is True, settings=few)
    if name not in ("scalar-head", "outer-curved"):  # a softmax and a sigmoid are no exponential
        violated = find(each.violating(plain), lambda setting: each.meets(setting) is False, settings=few)
        assert all(assumption(other).meets(violated) for other in plain)


def test_an_unknown_assumption_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'no-pole'"):
        assumption("no-poles")

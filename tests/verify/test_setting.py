"""What a setting is worth in balls, against oracles that share nothing with it: SymPy, torch, power series."""

from fractions import Fraction

import pytest
import torch
from flint import arb, arb_series, fmpq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sympy import Rational

from cam import nested_derivatives
from verify.arithmetic.ball import precision
from verify.arithmetic.exact import EXACT
from verify.catalogue.functions import EXP, SIGMOID, SOFTPLUS, TANH
from verify.families import FAMILIES
from verify.layers import Activate, Convolution, Gate, GlobalAverage, Linear
from verify.setting import (
    OUTER,
    NoValue,
    Setting,
    alpha,
    channel_weight,
    closed,
    mixed,
    picture,
    printed,
    row_sum,
)
from verify.tails import EXACTLY, WholeTail
from verify.whole import whole_tails

FEW = settings(max_examples=8, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
ONE, ZERO = Fraction(1), Fraction(0)
FIRST = (0, 0, 0)
SQUARE = Gate((), ())


def whole(A, *layers, **rest):
    return Setting(WholeTail(A, FIRST, layers), **rest)


def row(*numbers):
    return ((tuple(map(Fraction, numbers)),),)


def linear(*weights, bias=0):
    return Linear((tuple(map(Fraction, weights)),), (Fraction(bias),))


@FEW
@given(st.one_of([family.draw for family in FAMILIES if family.name in ("powers", "square of a sum", "saddles")]))
def test_the_derivatives_of_products_are_those_of_exact_arithmetic(setting):
    tail = setting.tail
    for order, found in enumerate(setting.jet(tail.entry)):
        exact = EXACT.derivative(tail.face().exact, order)(Rational(tail.point.numerator, tail.point.denominator))
        assert found == fmpq(int(exact.p), int(exact.q))


@FEW
@given(whole_tails())
def test_the_slope_of_a_piecewise_linear_network_is_that_of_a_chord_before_its_nearest_kink(tail):
    step = (tail.nearest_kink or Fraction(2)) / 2
    there, here = (tail.score(EXACTLY.number(tail.point + move), EXACTLY) for move in (step, 0))
    slope = (there - here) / EXACTLY.number(step)
    assert Setting(tail).jet(tail.entry)[1:] == (fmpq(int(slope.p), int(slope.q)), 0, 0)


@FEW
@given(whole_tails(activations=("softplus", "tanh", "sigmoid"), with_gates=True))
def test_the_derivatives_at_every_entry_enclose_what_torch_finds(tail):
    network, setting = tail.module(), Setting(tail)
    found = nested_derivatives(lambda A: network(A)[:, 0], tail.tensor())
    for place, column in zip(setting.places, found.T.tolist(), strict=True):
        for value, number in zip(setting.jet(place), column, strict=True):
            assert abs(float(arb(value).mid()) - number) <= 1e-9 * max(1, abs(number))


def test_mixed_derivatives_and_row_sums_are_those_of_torchs_hessian():
    setting = whole(row(1, 2, 3), linear(1, 2, -1, bias=1), SQUARE, Gate((), (SQUARE,)))
    network = setting.tail.module()
    hessian = torch.autograd.functional.hessian(lambda A: network(A)[0, 0], setting.tail.tensor()).reshape(3, 3)
    for i, p in enumerate(setting.places):
        assert float(row_sum(setting, p)) == hessian[i].sum()
        assert setting.jet(p).h == int(hessian[i, i])
        for j, q in enumerate(setting.places):
            assert i == j or float(mixed(setting, p, q)) == hessian[i, j]


FACES = {"exp": EXP.ball, "tempered": lambda u: (u / 2).exp(), "square": lambda u: u * u, "sigmoid": SIGMOID.ball,
         "softplus": SOFTPLUS.ball, "tanh": TANH.ball, "identity": lambda u: u, "softmax": SIGMOID.ball}  # fmt: skip


@pytest.mark.parametrize("outer", OUTER, ids=lambda outer: outer.name)
@pytest.mark.parametrize("score", [fmpq(0), fmpq(3, 4), fmpq(-2)])
def test_the_slopes_of_an_outer_function_are_those_of_its_power_series(outer, score):
    with precision():
        series = arb_series([FACES[outer.name](arb_series([score, 1]))[k] for k in range(4)])
        one, two, three = (arb(number) for number in outer.slopes(score))
        first, second, third = series[1], 2 * series[2], 6 * series[3]
        assert (two * first).overlaps(second * one) and (three * first).overlaps(third * one)


def test_the_slopes_are_exact_where_they_can_be():
    named = {outer.name: outer for outer in OUTER}
    assert named["sigmoid"].slopes(fmpq(0)) == (1, 0, fmpq(-1, 2))
    assert named["tanh"].slopes(fmpq(0)) == (1, 0, -2)
    assert named["softplus"].slopes(fmpq(0)) == (1, fmpq(1, 2), 0)


def test_under_a_softmax_the_definition_moves_both_scores():
    setting = whole(row(1), linear(2), head="softmax", rival=(SQUARE, linear(1)))
    with precision():
        u = arb_series([1, 1], prec=4)
        Y = 1 / (1 + (u * u - 2 * u).exp())
        second, third = 2 * Y[2], 6 * Y[3]
        assert alpha(setting, FIRST).overlaps(second / (2 * second + third))


def test_alpha_by_three_formulas_on_a_square():
    setting = whole(row(1), SQUARE, linear(1))
    assert setting.jet(FIRST) == (1, 2, 2, 0)
    assert (alpha(setting, FIRST), closed(setting, FIRST), printed(setting, FIRST)) == (
        fmpq(3, 16),
        fmpq(1, 4),
        fmpq(1, 4),
    )


def test_a_divisor_that_is_zero_is_named():
    setting = whole(row(1), linear(-2))
    for formula, divisor in ((alpha, "2 Y''"), (closed, "2 . sigma rho g"), (printed, "2 g.2 . sigma g.3")):
        with pytest.raises(NoValue, match=divisor):
            formula(setting, FIRST)
    with pytest.raises(NoValue, match="f''"):
        closed(whole(row(1), linear(1), head="identity"), FIRST)


def test_a_weight_asks_for_no_alpha_where_the_gradient_is_not_positive():
    setting = whole(row(1, 1), linear(-1, 1))  # sigma g is -2 at the first entry: alpha has a pole there
    assert channel_weight(setting, 0, closed) == fmpq(1, 4)


def test_a_picture_has_the_maximum_one_or_is_black():
    assert picture(whole(row(1, 2), linear(1, 1)), closed) == {FIRST: fmpq(1, 2), (0, 0, 1): 1}
    assert set(picture(whole(row(1, 2), linear(-2, -2)), closed).values()) == {0}


def test_a_picture_has_no_pixel_above_one_however_near_two_are():
    A = (((ONE, ONE),), ((ZERO, Fraction(1, 2**60)),))
    shown = picture(Setting(WholeTail(A, FIRST, (linear(1, 1, 1, 1),))), closed)
    assert shown[0, 0, 1] == 1 and shown[FIRST] < 1


def test_a_setting_says_what_is_not_as_usual():
    gap = (Convolution((row(1),), (ZERO,)), Activate("relu"), GlobalAverage(), linear(1))
    usual = whole(row(1), *gap)
    assert str(usual) == "A = [1]; S = conv 1->1 1x1 (1; 0), relu, global mean, linear 1->1 (1; 0)"
    odd = whole(row(1), linear(1), head="sigmoid", other=row(2), training=True, eps=Fraction(1, 4))
    assert odd.words[2:] == (
        "f(u) = 1/(1 + exp(-u))", "other map [2]", "norms in training mode", "eps = 1/4",
    )  # fmt: skip


def test_an_unknown_outer_function_and_a_softmax_without_rival_are_refused():
    with pytest.raises(ValueError, match="no outer function is called 'sinh'"):
        whole(row(1), linear(1), head="sinh")
    for wrong in ({"head": "softmax"}, {"rival": (linear(1),)}):
        with pytest.raises(ValueError, match="a softmax needs a rival"):
            whole(row(1), linear(1), **wrong)

"""Whole tails: three faces of one description, torch's module, JSON, and what a tail says of itself."""

import json
from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest
import sympy
import torch
from flint import arb, arb_series, fmpq
from hypothesis import HealthCheck, given, settings
from sympy import Rational

from cam import cut
from cam.jets import forward, reverse
from derivation.notation import S, f, sigma, x
from verify.arithmetic.ball import BALL, precision
from verify.arithmetic.exact import EXACT
from verify.catalogue.functions import EXP
from verify.catalogue.units import CURVED, PIECEWISE_LINEAR
from verify.errors import UsageError
from verify.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Bias,
    Convolution,
    Gate,
    GlobalAverage,
    Linear,
    MaxPool,
    Residual,
)
from verify.rounding import RunningError
from verify.tails import WholeTail
from verify.tails_json import from_json, to_json
from verify.whole import whole_tails

DRAWN = settings(
    max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
ANY = {"activations": (*PIECEWISE_LINEAR, *CURVED), "with_gates": True, "nonnegative": False}
DIGITS = 60  # of the numbers that SymPy's expressions are evaluated to: far more than balls of 128 bits have


def rationals(numbers):
    """Return nested numbers as nested tuples of rationals."""
    return tuple(map(rationals, numbers)) if isinstance(numbers, (list, tuple)) else Fraction(numbers)


def rational(number):
    return Rational(number.numerator, number.denominator)


def convolution(weights, biases, **how):
    return Convolution(rationals(weights), rationals(biases), **how)


def linear(weights, biases):
    return Linear(rationals(weights), rationals(biases))


A = rationals([[[1, 2, 0], [3, 0.5, 1], [0, 1, 2]]])
ROWS = convolution([[[[1, 2], [0, -1]]]], [0.5])
WIDE = convolution([[[[1, 0, 2], [0.5, 1, -1], [2, 1, 0]]]], [0], stride=2, padding=1)
SUM = linear([[1, 2, 3, 4]], [0])
SQUEEZE = Gate((), (GlobalAverage(), linear([[2]], [-1]), Activate("sigmoid")))


def tail(*layers, A=A, entry=(0, 1, 1)):
    return WholeTail(A, entry, layers)


def ball_of(number):
    """Return a ball around a constant of SymPy, from its value to 60 digits."""
    if number.is_Rational:
        return arb(fmpq(int(number.p), int(number.q)))
    with mpmath.workdps(2 * DIGITS):
        value = mpmath.mpf(sympy.lambdify([], number, "mpmath")())
        radius = mpmath.mpf(10) ** -DIGITS * (1 + abs(value))
        return arb(mpmath.nstr(value, DIGITS + 20), float(radius))


def disagreement(tail, module=None):
    """Return the ways in which the faces of a tail, and the module on its map, contradict one another."""
    face, at = tail.face(), rational(tail.point)
    exact = face.exact(at)
    with precision():
        ball = face.ball(BALL.number(at))
        found = [] if ball.overlaps(ball_of(exact)) else ["exact and ball"]
        with RunningError() as mode, torch.no_grad():
            scores = (module or tail.module())(tail.tensor())
        error = mode.error(scores).item()
        found += [] if (ball - scores.item()).abs_lower() <= error < 1e-6 else ["torch and ball"]
        along = face.torch(torch.tensor([float(at), float(at)], dtype=torch.float64))
        found += [] if (along == scores.item()).all() else ["torch along the line and on the map"]
    return found


@settings(DRAWN, max_examples=100)
@given(whole_tails(**ANY))
def test_the_faces_of_a_drawn_tail_agree_and_the_module_on_its_map(drawn):
    assert disagreement(drawn) == []


@DRAWN
@given(whole_tails(nonnegative=False))
def test_a_piecewise_linear_tail_is_the_same_rational_number_in_all_arithmetics(drawn):
    exact = drawn.face().exact(rational(drawn.point))
    assert exact.is_Rational
    with precision():
        assert drawn.face().ball(BALL.number(rational(drawn.point))).contains(ball_of(exact))


@DRAWN
@given(whole_tails(**ANY))
def test_torch_differentiates_a_drawn_tail_as_balls_do(drawn):
    face, at = drawn.face(), rational(drawn.point)
    point = torch.tensor([float(at)], dtype=torch.float64)
    with RunningError() as mode:
        slope = reverse(face.torch)(point)
        curvature = reverse(reverse(face.torch))(point)
        ahead = forward(face.torch)(point)
    with precision():
        for computed, order in ((slope, 1), (curvature, 2), (ahead, 1)):
            true = BALL.derivative(face.ball, order)(BALL.number(at))
            assert (true - computed.item()).abs_lower() <= mode.error(computed).item()


@settings(DRAWN, max_examples=20)
@given(whole_tails(depth=1, **{**ANY, "with_gates": False}))
def test_exact_derivatives_are_in_the_balls(drawn):
    face, at = drawn.face(), rational(drawn.point)
    for order in (1, 2):
        exact = EXACT.derivative(face.exact, order)(at)
        with precision():
            assert BALL.derivative(face.ball, order)(BALL.number(at)).overlaps(ball_of(exact))


@DRAWN
@given(whole_tails(**ANY))
def test_json_comes_back_as_the_same_tail(drawn):
    assert from_json(to_json(drawn)) == drawn
    assert json.loads(to_json(drawn))["schema"] == "gradcampp-tail/1"


@settings(DRAWN, max_examples=20)
@given(whole_tails(**ANY))
def test_a_module_can_be_cut_at_its_map(drawn):
    A = drawn.tensor()
    found = cut(drawn.module(), "A", A)
    assert torch.equal(found.activations, A)
    torch.testing.assert_close(found.tail(A), drawn.module()(A))


HAND = (
    # by hand: u stands at the centre of ((1, 2, 0), (3, u, 1), (0, 1, 2))
    (tail(ROWS, SUM), Rational(0.5) * 10 + (5 - Rational(1, 2)) + 2 * (2 - 1) + 3 * (3 + 1 - 1) + 4 * (2 + 0.5 - 2)),
    (tail(WIDE, SUM), None),
    (tail(AveragePool((2, 2)), linear([[4]], [0])), Rational(13, 2)),
    (tail(MaxPool((2, 2)), linear([[4]], [1])), Rational(13)),
    (tail(GlobalAverage(), linear([[9]], [0])), Rational(21, 2)),
    (tail(BatchNorm(*rationals([[1], [2], [-1], [3]])), GlobalAverage(), linear([[18]], [0])), Rational(105, 2)),
    (tail(Bias(A), MaxPool((3, 3)), linear([[1]], [0])), Rational(6)),
    (tail(Residual((Activate("relu6"),)), MaxPool((3, 3)), linear([[1]], [0])), Rational(6)),
    (tail(Gate((), (Activate("relu"),)), MaxPool((3, 3)), linear([[1]], [0])), Rational(9)),
    (tail(Gate((), (GlobalAverage(),)), MaxPool((3, 3)), linear([[6]], [0])), Rational(21)),
)


@pytest.mark.parametrize(("by_hand", "value"), HAND, ids=str)
def test_layers_compute_what_is_computed_by_hand(by_hand, value):
    assert disagreement(by_hand) == []
    if value is not None:
        assert sympy.nsimplify(value) == by_hand.face().exact(Rational(1, 2))


@pytest.mark.parametrize("name", [*PIECEWISE_LINEAR, *CURVED])
@pytest.mark.parametrize("at", [-7, -2.5, -1, 0.5, 1, 5, 8])
def test_the_faces_of_every_activation_agree(name, at):
    one = tail(Activate(name), linear([[1]], [0]), A=rationals([[[at]]]), entry=(0, 0, 0))
    assert disagreement(one) == []


WRONG = (
    # the true layer, and one that differs in a way in which modules do go wrong
    (WIDE, replace(WIDE, stride=1), GlobalAverage()),
    (WIDE, replace(WIDE, padding=0), GlobalAverage()),
    (WIDE, replace(WIDE, weights=rationals([[[[1, 0.5, 2], [0, 1, 1], [2, -1, 0]]]])), SUM),  # transposed
    (WIDE, convolution([[[[0, 1, 2], [-1, 1, 0.5], [2, 0, 1]]]], [0], stride=2, padding=1), SUM),  # turned round
    (AveragePool((1, 2)), MaxPool((1, 2)), linear([[1, 2, 3]], [0])),
    (SQUEEZE, Gate((), (GlobalAverage(), linear([[2]], [-1]), Activate("tanh"))), GlobalAverage()),
    (SQUEEZE, Residual((Activate("sigmoid"),)), GlobalAverage()),
    (Activate("leaky_relu"), Activate("relu"), linear([[1, 2, 3, 4, 5, 6, 7, 8, 9]], [0])),
    (BatchNorm(*rationals([[1], [2], [-1], [3]])), BatchNorm(*rationals([[1], [4], [-1], [3]])), GlobalAverage()),
)


@pytest.mark.parametrize(("true", "false", "rest"), WRONG, ids=str)
def test_an_error_in_one_face_is_noticed(true, false, rest):
    """Of the description and of the module: the module is made from a description with an error in it."""
    below = rationals([[[1, 2, 0], [3, -0.5, 1], [0, 1, 2]]])
    right, wrong = (tail(layer, rest, A=below) for layer in (true, false))
    assert disagreement(right) == []
    assert "torch and ball" in disagreement(right, wrong.module())


def test_a_case_has_the_sum_of_the_channel_and_the_value_of_the_entry():
    two = WholeTail(rationals([[[1, 2]], [[4, 0.25]]]), (1, 0, 0), (GlobalAverage(), linear([[1, 1]], [0])))
    case = two.case(EXP)
    assert dict(case.numbers) == {sigma: Rational(17, 4), x: 4}
    assert dict(case.functions)[f] is EXP
    assert dict(case.functions)[S].exact(x) == x / 2 + Rational(13, 8)


def test_a_tail_says_what_it_is():
    found = tail(ROWS, Activate("relu"), Residual((Activate("relu"), Activate("relu"))), SQUEEZE, SUM)
    assert str(found) == (
        "score of [1 2 0 / 3 u 1 / 0 1 2] by conv 1->1 2x2 (1, 2, 0, -1; 1/2), relu, (A + [relu, relu]), "
        "([A] times [global mean, linear 1->1 (2; -1), sigmoid]), linear 4->1 (1, 2, 3, 4; 0)"
    )
    assert (found.depth, found.width) == (4, 1)
    assert found.kinds == {
        *("convolution", "relu", "residual", "gate", "global average pooling", "linear", "sigmoid"),
    }
    assert not found.piecewise_linear and tail(ROWS, Activate("relu"), SUM).piecewise_linear


def test_the_nearest_kink_is_where_the_line_meets_it():
    """A = u and its convolution max(0, 2 u - 1), max(0, u + 3): from 2 it is 3/2 to 1/2 and 5 to -3."""
    units = convolution([[[[2]]], [[[1]]]], [-1, 3])
    one = tail(units, Activate("relu"), linear([[1, 1]], [0]), A=rationals([[[2]]]), entry=(0, 0, 0))
    assert one.distances == (Fraction(3, 2), Fraction(5)) and one.nearest_kink == Fraction(3, 2)
    assert tail(GlobalAverage()).nearest_kink is None
    assert tail(MaxPool((1, 2)), GlobalAverage()).nearest_kink == Fraction(5, 2)  # where u is 3, its neighbour


GOOD = to_json(tail(ROWS, Activate("relu"), SUM))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "expected a tail of schema"),
        ("nonsense", "Expecting value"),
        (GOOD.replace("tail/1", "tail/2"), "got 'gradcampp-tail/2'"),
        (GOOD.replace('"kind": "activation"', '"kind": "activity"'), "no layer is of the kind 'activity'"),
        (GOOD.replace('"stride": 1, ', ""), "Convolution has the fields"),
        (GOOD.replace('"entry": [0, 1, 1]', '"entry": [0, 1, 3]'), "not in a map of shape"),
        (GOOD.replace('"1/2"', '"1/3"', 1), "every number must be a float64, got 1/3"),
    ],
)
def test_json_that_describes_no_tail_is_refused(text, says):
    with pytest.raises(ValueError, match=says):
        from_json(text)


def test_layers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="do not fit a map"):
        tail(SUM)
    with pytest.raises(ValueError, match="one number, not a map of shape"):
        tail(ROWS)
    with pytest.raises(UsageError, match="did you mean 'relu'"):
        tail(Activate("rely"), GlobalAverage())


def test_a_face_remembers_its_last_series_and_no_other():
    first, again = HAND[0][0].face(), HAND[0][0].face()
    assert first == again and hash(first) == hash(again) and first != HAND[1][0].face()
    with precision():
        series = [arb_series([BALL.number(Rational(at)), 1]) for at in (1, 3)]
        values = [first.ball(at) for at in (*series, series[0])]
        assert values[0] is not values[2] and first.ball(series[0]) is values[2]
        assert [str(value) for value in values] == [str(again.ball(at)) for at in (*series, series[0])]
    with precision(64):
        assert first.ball(series[0]) is not values[2]

import pytest
import torch
from flint import arb
from hypothesis import HealthCheck, given, settings
from sympy import Max, Rational

from derivation.notation import S, x
from verify.arithmetic.ball import BALL, precision
from verify.arithmetic.exact import EXACT
from verify.catalogue.functions import EXP, GELU, RELU
from verify.probe import Kink
from verify.strategies import cases, line_tails

QUICK = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@QUICK
@given(cases(RELU, EXP))
def test_a_drawn_relu_tail_is_affine_near_its_point(case):
    tail, at = dict(case.functions)[S].exact, dict(case.numbers)[x]
    step = Rational(1, 10**6)  # smaller than any argument 1/4 over the steepest unit (2 * 3 * 2)^2 there can be
    assert tail(at + step) - 2 * tail(at) + tail(at - step) == 0


@QUICK
@given(cases(RELU, EXP))
def test_no_unit_of_a_drawn_relu_tail_sits_on_its_kink(case):
    tail, at = dict(case.functions)[S].exact, dict(case.numbers)[x]
    try:
        EXACT.derivative(tail, 1)(at)
    except Kink:
        pytest.fail(f"{case} lies on a kink")


@QUICK
@given(cases(GELU, EXP))
def test_the_faces_of_a_drawn_tail_agree(case):
    face, at = dict(case.functions)[S], dict(case.numbers)[x]
    with precision():
        ball = face.ball(BALL.number(at))
        exact = arb(str(face.exact(at).evalf(40)))
        assert abs(ball - exact).abs_upper() < 1e-28
        computed = face.torch(torch.tensor(float(at), dtype=torch.float64)).item()
        assert abs(ball - computed).abs_upper() < 1e-12


def test_drawn_tails_bend():
    """Not every draw is affine: else the property would hold for want of kinks."""
    from hypothesis import find

    bent = find(line_tails(RELU, Rational(0)), lambda tail: tail.face().exact(x).has(Max), settings=QUICK)
    assert str(bent) == "max(0, u + 1)"

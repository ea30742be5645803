"""One statement, three arithmetics: what the walk hands to each must be the same mathematics."""

import pytest
import torch
from flint import arb
from sympy import Derivative, Function, Integer, Limit, Max, Mul, Symbol, exp, sin

from cam.jets import ORACLES
from derivation.notation import S, f, n, x
from derivation.nth import nth
from verify.arithmetic.ball import BALL, precision
from verify.arithmetic.exact import EXACT
from verify.arithmetic.float64 import Float64
from verify.catalogue.functions import EXP, LINES
from verify.probe import NoRule, value

SQUARE = next(face for face in LINES if face.text == "u^2")
# d2/dx2 exp(x^2) = (2 + 4 x^2) exp(x^2); at x = 0: 2.
SECOND = Derivative(f(S(x)), (x, 2))


def test_a_second_derivative_is_the_same_in_every_arithmetic():
    faces = {S: SQUARE, f: EXP}
    assert value(SECOND, {**faces, x: Integer(1)}, EXACT) == 6 * exp(1)
    with precision():
        ball = value(SECOND, {**faces, x: arb(1)}, BALL)
        assert ball.overlaps(6 * arb(1).exp())
        assert ball.rad() < 1e-30
    point = torch.tensor([1.0, 0.0], dtype=torch.float64)
    for oracle in ORACLES.values():
        found = value(SECOND, {**faces, x: point}, Float64(oracle))
        assert found.tolist() == pytest.approx([6 * 2.718281828459045, 2.0], rel=1e-14)


def test_an_outer_derivative_is_taken_by_the_functions_own_argument():
    faces = {S: SQUARE, f: EXP, x: Integer(2)}
    assert value(nth(f)(3, S(x)), faces, EXACT) == exp(4)
    assert value(Derivative(nth(f)(1, S(x)), x), faces, EXACT) == 4 * exp(4)


def test_an_order_may_be_symbolic():
    at = {S: LINES[0], f: EXP, x: Integer(0), n: 2}
    assert value(Derivative(f(S(x)), (x, n + 1)), at, EXACT) == 8
    assert value(S(x) ** (n - 2), at, EXACT) == 1


def test_an_unevaluated_product_with_zero_is_evaluated():
    assert value(Mul(x, Integer(0), evaluate=False), {x: Integer(5)}, EXACT) == 0


def test_a_limit_of_a_rational_function_is_its_value_after_cancelling():
    u = Symbol("u")
    with precision():
        assert value(Limit(u**2 / (2 * u**2 + 3 * u**3), u, 0), {}, BALL).overlaps(arb(1) / 2)
    assert value(Limit(Max(0, u) / u, u, 0, "+"), {}, EXACT) == 1


@pytest.mark.parametrize("expr", [sin(x), Function("q")(x), x ** Symbol("k")])
def test_what_has_no_rule_is_refused(expr):
    with pytest.raises((NoRule, KeyError)):
        value(expr, {x: Integer(1)}, EXACT)


def test_a_number_that_float64_does_not_hold_is_refused():
    with pytest.raises(NoRule, match="not exact"):
        Float64(ORACLES["reverse"]).number(Integer(1) / 3)


def test_there_is_no_derivative_of_negative_order():
    at = {f: EXP, S: SQUARE, n: 0, x: Integer(1)}
    for statement in (Derivative(S(x), (x, n - 1)), nth(f)(n - 1, S(x))):
        with pytest.raises(NoRule, match="no derivative of order n - 1 = -1"):
            value(statement, at, EXACT)
        assert value(statement, {**at, n: 1}, EXACT) in (1, exp(1))


@pytest.mark.parametrize("name", ORACLES)
def test_float64_differentiates_at_a_number_too(name):
    # exp'' at 0 is 1.
    assert value(nth(f)(2, Integer(0)), {f: EXP}, Float64(ORACLES[name])).item() == 1

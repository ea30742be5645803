"""The two faces of every activation agree, and its flags are true, by exact second differences."""

from dataclasses import replace
from fractions import Fraction

import mpmath
import pytest
import sympy
import torch
from sympy import Rational
from torch import nn

from verify.catalogue.activations import ACTIVATIONS, Activation, activation
from verify.errors import UsageError

PIECEWISE_LINEAR = [a for a in ACTIVATIONS if a.piecewise_linear]
CURVED = [a for a in ACTIVATIONS if not a.piecewise_linear]
# Kinks and their neighbours, torch's default softplus threshold and ours, and where exp overflows or underflows.
POINTS = tuple(
    sign * Fraction(x)
    for x in (0, 2.0**-60, 2.0**-20, 0.5, 1, 1.75, 3, 6 - 2.0**-40, 6, 6 + 2.0**-40, 10, 20.5, 39.75, 40.25, 700, 1e6)
    for sign in (1, -1)
)
ULP = Fraction(2) ** -52


def number(expr: sympy.Expr) -> mpmath.mpf:
    """Return the value of a constant to 400 digits, which exp(-700) beside 1 needs.

    SymPy's own evalf is no oracle: log(1 + exp(-200)).evalf(50) is 0.
    """
    with mpmath.workdps(400):
        return mpmath.mpf(sympy.lambdify([], expr, "mpmath")())


def exact(act: Activation, x: Fraction) -> Fraction:
    """Return the SymPy face at x."""
    sign, mantissa, exponent, _ = number(act.expression(Rational(x.numerator, x.denominator)))._mpf_
    return (-1) ** sign * int(mantissa) * Fraction(2) ** exponent


def allowed(act: Activation, x: Fraction) -> Fraction:
    """Bound the error of float64.

    A piecewise-linear function does not round at all here, where every slope is a power of two. The others are at most
    three rounded operations on one exp, erf, tanh or expm1 that is itself within 1.5 units: under 4 units in the last
    place of the result; of x for GELU, where 1 + erf cancels at negative x. What underflows may be lost.
    """
    if act.piecewise_linear:
        return Fraction(0)
    size = abs(x) if act.name == "gelu" else abs(exact(act, x))
    return 4 * ULP * size + Fraction(2) ** -1022


def worst(act: Activation, points: tuple[Fraction, ...]) -> Fraction:
    """Return by how much torch's error exceeds what is allowed, at the worst point: at most 0 if the faces agree."""
    x = torch.tensor([float(p) for p in points], dtype=torch.float64)
    module = act.module()
    together = module(x.clone())
    alone = torch.stack(
        [module(entry.clone()) for entry in x]
    )  # torch takes other code paths for long rows than for one number
    return max(
        abs(Fraction(y.item()) - exact(act, p)) - allowed(act, p)
        for found in (together, alone)
        for p, y in zip(points, found, strict=True)
    )


def test_every_point_is_a_float64():
    assert all(Fraction(float(p)) == p for p in POINTS)


@pytest.mark.parametrize("act", ACTIVATIONS, ids=lambda a: a.name)
def test_the_torch_face_is_the_sympy_face_within_four_units_in_the_last_place(act):
    assert worst(act, POINTS) <= 0


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("softplus", nn.Softplus),  # its default threshold: off by 1e-9 at 20.5
        ("gelu", lambda: nn.GELU(approximate="tanh")),
        ("leaky_relu", nn.LeakyReLU),  # its default slope, 0.01
        ("relu6", nn.ReLU),
    ],
)
def test_another_torch_face_is_refuted(name, other):
    assert worst(replace(activation(name), module=other), POINTS) > 0


@pytest.mark.parametrize("act", ACTIVATIONS, ids=lambda a: a.name)
def test_a_module_is_fresh_and_leaves_its_input_alone(act):
    assert act.module() is not act.module()
    x = torch.linspace(-8, 8, 33, dtype=torch.float64)
    before = x.clone()
    act.module()(x)
    assert torch.equal(x, before)


def second_difference(act: Activation, x: Rational, h: Rational) -> sympy.Expr:
    """f(x + h) - 2 f(x) + f(x - h), exact."""
    f = act.expression
    return f(x + h) - 2 * f(x) + f(x - h)


def wrong_bends(act: Activation) -> list[Rational]:
    """List the points of a grid around which f bends without a kink, or does not bend around a kink."""
    h = Rational(1, 4)
    grid = [Rational(k, 4) for k in range(-40, 41)]
    inside = {x: any(x - h < Rational(k.numerator, k.denominator) < x + h for k in act.kinks) for x in grid}
    return [x for x in grid if (second_difference(act, x, h) != 0) != inside[x]]


@pytest.mark.parametrize("act", PIECEWISE_LINEAR, ids=lambda a: a.name)
def test_a_piecewise_linear_activation_bends_at_its_kinks_and_nowhere_else(act):
    assert wrong_bends(act) == []


def test_a_kink_that_is_forgotten_or_invented_is_refuted():
    relu6 = activation("relu6")
    assert wrong_bends(replace(relu6, kinks=relu6.kinks[:1])) == [Rational(6)]
    assert wrong_bends(replace(relu6, kinks=(*relu6.kinks, Fraction(3)))) == [Rational(3)]


@pytest.mark.parametrize("act", CURVED, ids=lambda a: a.name)
def test_any_other_activation_is_curved_where_it_has_no_kink(act):
    assert abs(number(second_difference(act, Rational(-1), Rational(1, 4)))) > 1e-3


def jump(act: Activation, x: Fraction) -> float:
    """Return the change of the one-sided slope or curvature at x, by divided differences: O(h) where f is smooth."""
    f, h, at = act.expression, Rational(1, 2**20), Rational(x.numerator, x.denominator)
    slope = [(f(at + s * h) - f(at)) / (s * h) for s in (1, -1)]
    curvature = [(f(at + 2 * s * h) - 2 * f(at + s * h) + f(at)) / h**2 for s in (1, -1)]
    return max(abs(float(number(right - left))) for right, left in (slope, curvature))


@pytest.mark.parametrize("act", ACTIVATIONS, ids=lambda a: a.name)
@pytest.mark.parametrize("x", [Fraction(n, 2) for n in range(-4, 15)], ids=str)
def test_slope_or_curvature_jumps_exactly_at_the_kinks(act, x):
    # No third derivative here exceeds 2 in size, so that a smooth point shows at most 4 h < 1e-5; a kink jumps by 3/4.
    assert jump(act, x) > 0.5 if x in act.kinks else jump(act, x) < 1e-5


def test_an_activation_is_found_by_its_name():
    assert activation("gelu").name == "gelu"
    assert len({a.name for a in ACTIVATIONS}) == len(ACTIVATIONS)


def test_an_unknown_activation_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="no activation is called 'gello'; did you mean 'gelu'"):
        activation("gello")

"""The three faces of every function agree with one another, in value and in the first three derivatives."""

import math
from dataclasses import replace
from fractions import Fraction

import flint
import mpmath
import pytest
import sympy
import torch
from flint import arb, arb_series
from sympy import Rational
from sympy.parsing.sympy_parser import convert_xor, implicit_multiplication, parse_expr, standard_transformations

from verify.catalogue import functions
from verify.catalogue.functions import GELU, RELU, SIGMOID, SOFTPLUS, TANH, Face, polynomial

NAMED = [value for value in vars(functions).values() if isinstance(value, Face)]
FACES = list(
    {
        face.text: face for face in (*NAMED, *functions.LINES, *functions.OUTER, *functions.PARTS, *functions.TESTS)
    }.values()
)
ORDERS = range(4)
# Dyadic, so that all three faces are asked at the same number.
POINTS = tuple(Fraction(n, 8) for n in (-40, -16, -9, -1, 0, 3, 8, 16, 40))
u = sympy.Symbol("u", real=True)


def points(face: Face) -> tuple[Fraction, ...]:
    return tuple(p for p in POINTS if p != 0 or face is not RELU)


def exact(face: Face, at: Fraction) -> list[mpmath.mpf]:
    """Return the derivatives of order 0 to 3 of the SymPy face, to 60 digits."""
    expr = face.exact(u).rewrite(sympy.Piecewise)  # the derivative of Max would be written with a Dirac delta
    with mpmath.workdps(60):
        x = mpmath.mpf(at.numerator) / at.denominator
        return [mpmath.mpf(sympy.lambdify(u, sympy.diff(expr, u, n), "mpmath")(x)) for n in ORDERS]


def by_autograd(face: Face, at: Fraction) -> list[float]:
    x = torch.tensor(float(at), dtype=torch.float64, requires_grad=True)
    y, found = face.torch(x), []
    for _ in ORDERS:
        found.append(y.item())
        if y.requires_grad:
            (y,) = torch.autograd.grad(y, x, create_graph=True, materialize_grads=True)
        else:  # the third derivative of u^2 no longer depends on u
            y = torch.zeros(())
    return found


def by_balls(face: Face, at: Fraction) -> list[arb]:
    series = face.ball(arb_series([arb(at.numerator) / at.denominator, 1], prec=4))
    return [series[n] * math.factorial(n) for n in ORDERS]


def largest(at: Fraction) -> float:
    """Bound the numbers met on the way to a third derivative: exponentials, and powers of u with factors up to 6."""
    return max(math.exp(abs(at)), 6 * (1 + abs(float(at)) ** 3))


def torch_excess(face: Face) -> float:
    """Return the largest error of float64 as a part of its bound; at most 1 if the faces agree.

    At most 64 rounded operations lead to a third derivative here, each off by at most a unit in the last place of the
    largest number on the way.
    """
    worst = 0.0
    for p in points(face):
        errors = [abs(found - right) for found, right in zip(by_autograd(face, p), exact(face, p), strict=True)]
        worst = max(worst, float(max(errors)) / (64 * 2.0**-52 * largest(p)))
    return worst


def ball_misses(face: Face, bits: int) -> list[tuple[Fraction, int]]:
    """List where the ball lacks the SymPy face, or is wider than 1000 units in the last place: (point, order)."""
    misses = []
    with flint.ctx.workprec(bits):
        for p in points(face):
            for n, (ball, right) in enumerate(zip(by_balls(face, p), exact(face, p), strict=True)):
                with mpmath.workdps(60):
                    # The decimal string is within 1e-55 (relative) of the exact value.
                    truth = arb(mpmath.nstr(right, 58), abs(float(right)) * 1e-55)
                wide = float(ball.rad()) > 2.0 ** (10 - bits) * largest(p)
                if wide or not ball.overlaps(truth):
                    misses.append((p, n))
    return misses


@pytest.mark.parametrize("face", FACES, ids=lambda f: f.text)
def test_torch_agrees_with_sympy_up_to_the_third_derivative(face):
    assert torch_excess(face) <= 1


@pytest.mark.parametrize("bits", [53, 150])
@pytest.mark.parametrize("face", FACES, ids=lambda f: f.text)
def test_the_ball_holds_the_sympy_face_up_to_the_third_derivative_and_is_narrow(face, bits):
    assert ball_misses(face, bits) == []


@pytest.mark.parametrize("face", [f for f in FACES if f.exact(u).is_polynomial(u)], ids=lambda f: f.text)
def test_a_polynomial_is_one_expression_with_no_rounding_at_all(face):
    for p in POINTS:
        right = [
            Fraction(int(q.p), int(q.q))
            for q in (sympy.diff(face.exact(u), u, n).subs(u, Rational(p.numerator, p.denominator)) for n in ORDERS)
        ]
        assert [Fraction(y) for y in by_autograd(face, p)] == right
        assert [(ball.rad() == 0, Fraction(float(ball.mid()))) for ball in by_balls(face, p)] == [
            (True, q) for q in right
        ]


@pytest.mark.parametrize("face", [f for f in FACES if f is not GELU], ids=lambda f: f.text)
def test_the_text_says_the_function(face):
    spoken = parse_expr(
        face.text.replace("max(", "Max("),
        local_dict={"u": u},
        transformations=(*standard_transformations, convert_xor, implicit_multiplication),
    )
    assert sympy.simplify((spoken - face.exact(u)).rewrite(sympy.exp)) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        replace(GELU, torch=lambda x: torch.nn.functional.gelu(x, approximate="tanh")),
        replace(SOFTPLUS, torch=lambda x: torch.nn.functional.softplus(x, threshold=4.0)),
        replace(SIGMOID, torch=lambda x: x.sigmoid() + 1e-9 * x**3),
        replace(TANH, torch=lambda x: x.tanh().detach() + x - x.detach()),  # right in value alone
        replace(RELU, torch=lambda x: x.abs()),
    ],
    ids=lambda f: f.text,
)
def test_a_wrong_torch_face_is_refuted(wrong):
    assert torch_excess(wrong) > 1


@pytest.mark.parametrize(
    "wrong",
    [
        replace(SIGMOID, ball=lambda x: 1 / (1 + x.exp())),
        replace(TANH, ball=lambda x: TANH.ball(x) * (1 + arb(2) ** -45)),
        replace(TANH, ball=lambda x: TANH.ball(x) + arb(0, 1e-6)),  # holds everything and says nothing
        replace(polynomial("u", (0, 1)), ball=lambda x: x + x**2 / 1024),
    ],
    ids=["mirrored", "2^-45 off", "too wide", "a term too many"],
)
def test_a_wrong_ball_is_refuted(wrong):
    assert ball_misses(wrong, 53)

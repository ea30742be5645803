"""Functions with three faces: a SymPy expression, torch's own function, and a power series in ball arithmetic.

They are what the undefined functions of a claim (the tail S, the outer function f, the pair's L and R) are replaced by
in a case. The faces are written independently of one another; `tests/verify/catalogue/test_functions.py` compares them.
Simplest first: the order is the order in which counterexamples are looked for. Polynomials are one expression for all
three.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy import Expr, Rational

from verify.arithmetic.ball import BALL


@dataclass(frozen=True)
class Face:
    """One function of one real variable: `text` in u, and its three faces."""

    text: str
    exact: Callable[[Expr], Expr]
    torch: Callable[[Any], Any]
    ball: Callable[[Any], Any]


@lru_cache(maxsize=1 << 12)
def polynomial(text: str, coefficients: tuple[int | Rational, ...]) -> Face:
    """c0 + c1 u + c2 u^2 + ..., not constant; the same object for the same numbers.

    Raises:
        ValueError: a coefficient is not dyadic, so that float64 would hold another number.
    """
    if any(Rational(float(c)) != c for c in coefficients):
        raise ValueError(f"the coefficients of {text} must be dyadic, got {coefficients}")

    def value(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
        highest, *lower = map(convert, reversed(coefficients))

        def horner(u: Any) -> Any:
            total = highest
            for c in lower:  # without c = 0: every operation is differentiated up to three times, and watched
                total = total * u + c if c else total * u
            return total

        return horner

    return Face(text, value(sympy.sympify), value(float), value(float))


def _gelu(u: Any) -> Any:
    return u * 0.5 * (1 + (u * 0.5**0.5).erf())


def _gelu_ball(u: Any) -> Any:
    from flint import arb

    return u * (1 + (u / arb(2).sqrt()).erf()) / 2


def softplus(beta: int | Rational) -> Face:
    """log(1 + exp(beta u))/beta.

    Raises:
        ValueError: beta is no power of two, so that float64 would round the products with it.
    """
    sharpness = Rational(beta)
    if sharpness <= 0 or any(part & (part - 1) for part in (sharpness.p, sharpness.q)):
        raise ValueError(f"expected a power of two for beta, got {beta}")
    number = float(sharpness)

    # torch's softplus turns into the identity above a threshold, and log(1 + exp(u)) overflows: this does neither.
    def torch(u: Any) -> Any:
        return (number * u).logaddexp(u * 0) / number

    scaled = f"log(1 + exp({sharpness} u))/{sharpness}" if sharpness.q == 1 else f"log(1 + exp(u/{sharpness.q}))"
    text = "log(1 + exp(u))" if sharpness == 1 else scaled + (f" {sharpness.q}" if sharpness.q > 1 else "")
    return Face(
        text,
        lambda u: sympy.log(1 + sympy.exp(sharpness * u)) / sharpness,
        torch,
        lambda u: (1 + (number * u).exp()).log() / number,
    )


CONSTANT = Face("1", lambda u: sympy.Integer(1), lambda u: u * 0 + 1, lambda u: u * 0 + 1)
EXP = Face("exp(u)", sympy.exp, lambda u: u.exp(), lambda u: u.exp())
SIGMOID = Face(
    "1/(1 + exp(-u))", lambda u: 1 / (1 + sympy.exp(-u)), lambda u: u.sigmoid(), lambda u: 1 / (1 + (-u).exp())
)
SOFTPLUS = softplus(1)
LOG_SIGMOID = Face(
    "-log(1 + exp(-u))",
    lambda u: -sympy.log(1 + sympy.exp(-u)),
    lambda u: -(-u).logaddexp(u * 0),
    lambda u: -(1 + (-u).exp()).log(),
)
TANH = Face(
    "tanh(u)",
    lambda u: 1 - 2 / (1 + sympy.exp(2 * u)),  # a rational function of exp(u): exact arithmetic decides it
    lambda u: u.tanh(),
    lambda u: 1 - 2 / (1 + (2 * u).exp()),
)
GELU = Face("GELU(u)", lambda u: u * (1 + sympy.erf(u / sympy.sqrt(2))) / 2, _gelu, _gelu_ball)

RELU = Face("max(0, u)", lambda u: sympy.Max(0, u), lambda u: u.relu(), BALL.positive_part)

LINES = (
    polynomial("2 u", (0, 2)),
    polynomial("u^2", (0, 0, 1)),
    polynomial("u", (0, 1)),
    polynomial("1 - u/2", (1, Rational(-1, 2))),
    polynomial("u + u^2", (0, 1, 1)),
    polynomial("u + u^3", (0, 1, 0, 1)),
    SOFTPLUS,
    GELU,
    softplus(2),
    softplus(4),
)
OUTER = (
    EXP,
    polynomial("u^2", (0, 0, 1)),
    SIGMOID,
    SOFTPLUS,
    TANH,
    polynomial("u^3/2 + u", (0, 1, 0, Rational(1, 2))),
    polynomial("u", (0, 1)),
    LOG_SIGMOID,
)
# Positive: sums of exponentials, as the normaliser of a softmax is (the first with S = 2 u), and one that is none.
SUMS = (
    Face(
        "exp(2 u) + exp(-u)",
        lambda u: sympy.exp(2 * u) + sympy.exp(-u),
        lambda u: (2 * u).exp() + (-u).exp(),
        lambda u: (2 * u).exp() + (-u).exp(),
    ),
    Face("1 + exp(u)", lambda u: 1 + sympy.exp(u), lambda u: 1 + u.exp(), lambda u: 1 + u.exp()),
    polynomial("2 + u^2", (2, 0, 1)),
)
# What the rest of a channel, and the other channels, add up to along the line.
PARTS = (polynomial("u^2", (0, 0, 1)), EXP, polynomial("1 - u/2", (1, Rational(-1, 2))))
TESTS = (polynomial("1 + u - u^2", (1, 1, -1)), SIGMOID)

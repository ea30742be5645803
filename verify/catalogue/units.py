"""The activations of drawn networks: each as SymPy expression, as power series in balls and as torch's own module.

    piecewise linear    s_0 u + (s_1 - s_0) max(0, u - k_1) + (s_2 - s_1) max(0, u - k_2) + ...

with kinks k_i and slopes s_i between them: one formula for exact numbers and balls. The modules are those of
`verify.catalogue.activations`, and torch's own hard-swish.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from operator import add
from typing import TYPE_CHECKING, Any

import sympy
from sympy import Expr, Integer, Rational

from verify.arithmetic.ball import BALL
from verify.catalogue.activations import LEAKY_SLOPE, activation
from verify.catalogue.functions import GELU, SIGMOID, SOFTPLUS, TANH
from verify.errors import unknown

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Unit:
    """One activation function of one real variable.

    Args:
        name: how it is asked for.
        exact, ball: the function of a SymPy expression, and of a ball or a series of balls.
        module: makes torch's module.
        kinks: where it is not smooth.
        slopes: its slopes between the kinks, one more than there are kinks, if it is piecewise linear; else empty.
    """

    name: str
    exact: Callable[[Expr], Expr]
    ball: Callable[[Any], Any]
    module: "Callable[[], nn.Module]"
    kinks: tuple[Fraction, ...] = ()
    slopes: tuple[Fraction, ...] = ()

    @property
    def piecewise_linear(self) -> bool:
        """Whether it is affine between its kinks."""
        return bool(self.slopes)


def piecewise(name: str, kinks: tuple[int, ...], slopes: tuple[Fraction | int, ...]) -> Unit:
    """Return the piecewise-linear unit with these kinks and slopes, which torch's module called `name` computes too."""
    first, *rises = map(_rational, (slopes[0], *(after - before for before, after in pairwise(slopes))))

    def bent(u: Any, positive_part: Callable[[Any], Any], number: Callable[[Rational], Any]) -> Any:
        parts = [positive_part(u - number(Integer(kink)) if kink else u) for kink in kinks]
        terms = [(first, u), *zip(rises, parts, strict=True)]
        return reduce(add, [part if factor == 1 else part * number(factor) for factor, part in terms if factor])

    return Unit(
        name,
        lambda u: bent(u, lambda z: sympy.Max(0, z), lambda number: number),
        lambda u: bent(u, BALL.positive_part, BALL.number),
        activation(name).module,
        tuple(map(Fraction, kinks)),
        tuple(map(Fraction, slopes)),
    )


def _rational(number: Fraction | int) -> Rational:
    return Rational(number.numerator, number.denominator)


def _hardswish() -> "nn.Module":
    from torch import nn

    return nn.Hardswish()


UNITS: tuple[Unit, ...] = (
    piecewise("relu", (0,), (0, 1)),
    piecewise("leaky_relu", (0,), (LEAKY_SLOPE, 1)),
    piecewise("relu6", (0, 6), (0, 1, 0)),
    Unit("sigmoid", SIGMOID.exact, SIGMOID.ball, activation("sigmoid").module),
    Unit("tanh", TANH.exact, TANH.ball, activation("tanh").module),
    Unit("softplus", SOFTPLUS.exact, SOFTPLUS.ball, activation("softplus").module),
    Unit("silu", lambda u: u / (1 + sympy.exp(-u)), lambda u: u / (1 + (-u).exp()), activation("silu").module),
    Unit("gelu", GELU.exact, GELU.ball, activation("gelu").module),
    Unit(
        "elu",
        lambda u: sympy.Max(0, u) + sympy.exp(-sympy.Max(0, -u)) - 1,
        lambda u: BALL.positive_part(u) + (-BALL.positive_part(-u)).exp() - 1,
        activation("elu").module,
        (Fraction(0),),
    ),
    Unit(
        "hardswish",
        lambda u: u * (sympy.Max(0, u + 3) - sympy.Max(0, u - 3)) / 6,
        lambda u: u * (BALL.positive_part(u + 3) - BALL.positive_part(u - 3)) / 6,
        _hardswish,
        (Fraction(-3), Fraction(3)),
    ),
)
PIECEWISE_LINEAR: tuple[str, ...] = tuple(u.name for u in UNITS if u.piecewise_linear)
CURVED: tuple[str, ...] = tuple(u.name for u in UNITS if not u.piecewise_linear)


def unit(name: str) -> Unit:
    """Return the unit called `name`.

    Raises:
        UsageError: none is called so; the message names the nearest and all known ones.
    """
    for candidate in UNITS:
        if candidate.name == name:
            return candidate
    raise unknown("activation", name, (candidate.name for candidate in UNITS))

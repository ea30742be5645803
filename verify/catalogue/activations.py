"""Activations with two faces: torch's own module and a SymPy expression of the same real function.

Every parameter is a dyadic rational, so that both faces hold the same number: the slope of leaky ReLU is 1/4 here,
because the usual 0.01 is not a float64, and the two faces would differ by 2e-19 in their slope.
"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from verify.errors import unknown

if TYPE_CHECKING:
    import sympy
    from torch import nn

LEAKY_SLOPE = Fraction(1, 4)
# Above its threshold torch returns x for softplus(x) = x + log1p(exp(-x)).  Its default threshold, 20, is wrong by 2e-9
# there; above 40 the dropped term is below exp(-40) < 5e-18, far less than half a unit in the last place of a float64
# that large (3.6e-15).
SOFTPLUS_THRESHOLD = 40.0


@dataclass(frozen=True)
class Activation:
    """One activation function of one real variable.

    Args:
        name: how it is asked for.
        module: makes a fresh torch module that computes it entry by entry, never in place.
        expression: the same function of a SymPy expression.
        piecewise_linear: whether it is affine between its kinks, so that its second derivative vanishes there.
        kinks: the points where it is not smooth.  ELU is continuously differentiable and has one: its second derivative
            jumps.
    """

    name: str
    module: "Callable[[], nn.Module]"
    expression: "Callable[[sympy.Expr], sympy.Expr]"
    piecewise_linear: bool
    kinks: tuple[Fraction, ...]


def _module(name: str, **parameters: float) -> "Callable[[], nn.Module]":
    def make() -> "nn.Module":
        from torch import nn

        return getattr(nn, name)(**parameters)

    return make


def _relu(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import Max

    return Max(x, 0)


def _relu6(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import Max, Min

    return Min(Max(x, 0), 6)


def _leaky_relu(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import Max, Rational

    return Max(x, Rational(LEAKY_SLOPE.numerator, LEAKY_SLOPE.denominator) * x)


def _gelu(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import erf, sqrt

    return x * (1 + erf(x / sqrt(2))) / 2


def _silu(x: "sympy.Expr") -> "sympy.Expr":
    return x * _sigmoid(x)


def _softplus(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import exp, log

    return log(1 + exp(x))


def _tanh(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import tanh

    return tanh(x)


def _sigmoid(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import exp

    return 1 / (1 + exp(-x))


def _elu(x: "sympy.Expr") -> "sympy.Expr":
    from sympy import Piecewise, exp

    return Piecewise((x, x > 0), (exp(x) - 1, True))


ZERO = Fraction(0)

ACTIVATIONS: tuple[Activation, ...] = (
    Activation("relu", _module("ReLU"), _relu, True, (ZERO,)),
    Activation("relu6", _module("ReLU6"), _relu6, True, (ZERO, Fraction(6))),
    Activation("leaky_relu", _module("LeakyReLU", negative_slope=float(LEAKY_SLOPE)), _leaky_relu, True, (ZERO,)),
    Activation("gelu", _module("GELU"), _gelu, False, ()),
    Activation("silu", _module("SiLU"), _silu, False, ()),
    Activation("softplus", _module("Softplus", threshold=SOFTPLUS_THRESHOLD), _softplus, False, ()),
    Activation("tanh", _module("Tanh"), _tanh, False, ()),
    Activation("sigmoid", _module("Sigmoid"), _sigmoid, False, ()),
    Activation("elu", _module("ELU"), _elu, False, (ZERO,)),
)


def activation(name: str) -> Activation:
    """Return the activation called `name`.

    Raises:
        UsageError: none is called so; the message names the nearest and all known ones.
    """
    for candidate in ACTIVATIONS:
        if candidate.name == name:
            return candidate
    raise unknown("activation", name, (candidate.name for candidate in ACTIVATIONS))

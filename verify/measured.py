"""The two sides of a break map: a claim's expression as a ball, and the same quantity measured by torch.

Theory is a walk over the expression in ball arithmetic. Measurement is nested autograd on a tail of one hidden unit,
S = slope act(x) + start, with the bound that running error analysis derives beside it. They share no code.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from sympy import Basic, Expr, Rational
from torch import Tensor

from cam.jets import Function, tower
from cam.weights import alpha_exact
from derivation.notation import S, f, sigma, x
from verify.arithmetic.ball import BALL
from verify.breakmap import Break, Points, gaps
from verify.catalogue.functions import EXP, Face
from verify.probe import value
from verify.rounding import RunningError

Measured = tuple[tuple[float, ...], tuple[float, ...]]  # values and the bounds of their errors
# The unit roundoff of float32 is 2^-24, that of float64 2^-53.
COARSER = 2.0**29


def grid(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return evenly spaced numbers; those in between are not rounded if the step is dyadic."""
    return tuple(low + (high - low) * k / (count - 1) for k in range(count))


def powers(low: float, high: float, count: int) -> tuple[float, ...]:
    """Return 2^low to 2^high, evenly spaced in the exponent."""
    return tuple(2.0**exponent for exponent in grid(low, high, count))


def worth(expr: Expr, at: Mapping[Basic, Any]) -> Any:
    """Return the ball of an expression; numbers are the float64 they are."""
    from flint import arb

    return value(expr, {key: arb(one) if isinstance(one, (int, float)) else one for key, one in at.items()}, BALL)


def line(slope: float, start: float = 0.0) -> Face:
    """Return slope u + start: what the tail of one active ReLU is near the point."""
    return Face(
        f"{slope} u + {start}",
        lambda u: Rational(slope) * u + Rational(start),
        lambda u: slope * u + start,
        lambda u: u * slope + start,
    )


def theory(expr: Expr, at: Callable[[float], Mapping[Basic, Any]]) -> Callable[[float], Any]:
    """Return the ball of an expression as a function of the quantity across."""
    return lambda place: worth(expr, at(place))


def affine_at(slope: float, footprint: float, score: float, outer: Face = EXP) -> Mapping[Basic, Any]:
    """Return an affine tail of this slope that has this score at x = 1, under an outer function."""
    return {S: line(slope, score - slope), f: outer, sigma: footprint, x: 1.0}


def unit(
    slope: float | Tensor, start: float | Tensor = 0.0, activation: Callable[[Tensor], Tensor] = torch.relu
) -> Function:
    """Return the tail of one hidden unit, slope act(x) + start, along the line."""
    return lambda moved: slope * activation(moved) + start


def watched(compute: Callable[[], Tensor]) -> Measured:
    """Compute a tensor of float64 and the bounds of its entries' rounding errors."""
    with RunningError() as mode:
        found = compute().detach()
        bounds = mode.error(found)
    return tuple(found.tolist()), tuple(bounds.tolist())


def alpha_of(outer: Function, tail: Function, at: Tensor, footprint: float | Tensor) -> Tensor:
    """Return (10) of Y = f(S) by nested autograd: at a batch of places, in their own format."""
    _, _, second, third = tower(lambda moved: outer(tail(moved)), at).unbind()
    return alpha_exact(second, third, torch.as_tensor(footprint, dtype=at.dtype))


def in_float32(compute: Callable[[torch.dtype], Tensor]) -> Measured:
    """Compute in float32, and bound the errors by those of the same steps in float64, scaled by the unit roundoffs.

    A relative error of n roundings is at most n u/(1 - n u), linear in u but for a factor below 1 + 2^-12 while
    n < 2^11. This holds for sums of positive terms as long as nothing under- or overflows: that is what the map is to
    find out.
    """
    _, bounds = watched(lambda: compute(torch.float64))
    found = compute(torch.float32).detach().double()
    return tuple(found.tolist()), tuple(bound * COARSER * (1 + 2.0**-12) for bound in bounds)


def points(
    label: str,
    xs: Sequence[float],
    measured: Measured,
    theory: Callable[[float], Any],
    series: int = 0,
    breaks: tuple[Break, ...] = (),
) -> Points:
    """Put what was measured beside what theory says at the same places."""
    ys, bounds = measured
    return Points(label, tuple(xs), ys, bounds, gaps(xs, ys, theory), breaks, series)


def float64(numbers: Sequence[float]) -> Tensor:
    """Return a tensor of float64."""
    return torch.tensor(numbers, dtype=torch.float64)

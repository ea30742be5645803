"""Numbers with their slope along a line, in rational arithmetic: what a network is just beside the point.

Exact for piecewise-linear units; a curved unit's value and slope are rounded to float64 and go on as rationals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb, arb_series, fmpq

from verify.arithmetic.ball import precision
from verify.catalogue.units import Unit
from verify.layers import Numbers

# Where a curved unit is evaluated instead of on its kink: a distance below what float64 sees of values near 1.
BESIDE = Fraction(1, 2**60)


@dataclass(frozen=True)
class Local:
    """A number and its slope along the line: value + slope t for small t."""

    value: Fraction
    slope: Fraction = Fraction(0)

    def __add__(self, other: "Local") -> "Local":
        if not other.slope:  # most numbers do not move
            return Local(self.value + other.value, self.slope)
        return Local(self.value + other.value, self.slope + other.slope)

    def __sub__(self, other: "Local") -> "Local":
        return Local(self.value - other.value, self.slope - other.slope)

    def __mul__(self, other: "Local") -> "Local":
        if not other.slope:
            return Local(self.value * other.value, self.slope * other.value if self.slope else self.slope)
        return Local(self.value * other.value, self.value * other.slope + self.slope * other.value)


def locally(bends: list[Local]) -> Numbers:
    """Return the arithmetic of values and slopes, exact for piecewise-linear units and to float64 behind others.

    On a kink the slope is that to the right of it.

    Args:
        bends: every distance of an argument from a kink, and of a maximum from the rest of its window, is added here.
    """

    def activation(unit: Unit) -> Any:
        def at(z: Local) -> Local:
            bends.extend(z - Local(kink) for kink in unit.kinks)
            return _piece(unit, z) if unit.piecewise_linear else _series(unit, z)

        return at

    def largest(window: Sequence[Local]) -> Local:
        place = max(range(len(window)), key=lambda i: window[i].value)
        bends.extend(window[place] - other for i, other in enumerate(window) if i != place)
        return window[place]

    return Numbers(Local, activation, largest)


def _piece(unit: Unit, z: Local) -> Local:
    slope, value = unit.slopes[0], unit.slopes[0] * z.value
    for kink, after in zip(unit.kinks, unit.slopes[1:], strict=True):
        if z.value >= kink:
            value += (after - slope) * (z.value - kink)
            slope = after
    return Local(value, slope * z.slope)


def _series(unit: Unit, z: Local) -> Local:
    value = z.value + BESIDE if z.value in unit.kinks else z.value
    with precision():
        centre, slope = (arb(fmpq(part.numerator, part.denominator)) for part in (value, z.slope))
        series = unit.ball(arb_series([centre, slope], prec=2))
        return Local(Fraction(float(series[0])), Fraction(float(series[1])))

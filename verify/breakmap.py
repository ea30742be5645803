"""What a break map is: over one quantity, where a formula for alpha holds and where it breaks.

Curves are theory, evaluated in ball arithmetic. Points are measured by torch, each with a bound on its rounding error
that was derived and not tuned; theory and measurement share no code. They agree where

    |measured - theory| <= bound < inf

Where they do not, the map says why, or that it does not know: a `Break` is a range in which the measurement must be
expected to fail, computed from the format of its numbers beforehand.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from verify.arithmetic.ball import precision
from verify.probe import NoRule

Kind = Literal["true", "closed", "limit"]
Scale = Literal["linear", "log"]
# A ball wider than this, next to its value, is not drawn: at a pole it may hold every number.
NARROW = 2.0**-20


@dataclass(frozen=True)
class Curve:
    """Theory as it is drawn.

    Args:
        label: what the legend says; empty for a curve that shares the label of its series.
        xs: where.
        ys: the formula there, NaN where it has no value.
        kind: "true" for what (10) is, "closed" for the closed form (19), "limit" for a line to compare with.
        series: number of the series, hence its colour.
    """

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    kind: Kind = "true"
    series: int = 0


@dataclass(frozen=True)
class Break:
    """A range of the quantity across, low to high, in which a formula or a computation gives nothing, and why."""

    low: float
    high: float
    why: str


@dataclass(frozen=True)
class Points:
    """What torch computed.

    Args:
        label: what was computed, in which format.
        xs: where.
        ys: measured, NaN and infinities as they came.
        bounds: derived bound on the rounding error of each, inf where nothing is known.
        gaps: upper bound of |measured - theory| at the very same place; inf where either is no number.
        breaks: where the bounds cannot be expected to hold.
        series: number of the series, hence colour and mark.
    """

    label: str
    xs: tuple[float, ...]
    ys: tuple[float, ...]
    bounds: tuple[float, ...]
    gaps: tuple[float, ...]
    breaks: tuple[Break, ...] = ()
    series: int = 0

    def __post_init__(self) -> None:
        if not len(self.xs) == len(self.ys) == len(self.bounds) == len(self.gaps) > 0:
            raise ValueError(f"points {self.label!r}: expected as many places, values, bounds and gaps, at least one")

    @property
    def within(self) -> tuple[bool, ...]:
        """Whether each point agrees with theory; one whose bound is infinite or NaN does not."""
        return tuple(gap <= bound < math.inf for gap, bound in zip(self.gaps, self.bounds, strict=True))

    @property
    def outside(self) -> tuple[float, ...]:
        """The places of the points that do not agree."""
        return tuple(x for x, fits in zip(self.xs, self.within, strict=True) if not fits)

    @property
    def unexplained(self) -> tuple[float, ...]:
        """The places of the points that do not agree and lie in no break."""
        return tuple(x for x in self.outside if not any(b.low <= x <= b.high for b in self.breaks))


@dataclass(frozen=True)
class Mark:
    """A place on the axis across that deserves a line, such as a pole or a kink; the legend lists each label once."""

    at: float
    label: str
    series: int | None = None


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Args:
        title: what is special here.
        across: label of the horizontal axis, with its unit.
        up: label of the vertical axis, with its unit.
        curves: theory.
        points: measurement.
        marks: poles and kinks.
        limits: lowest and highest value shown.
        scales: of the two axes.
        reach: where the horizontal axis begins and ends; by default where the curves and points do.
        blank: where the formula has no value, and why.
    """

    title: str
    across: str
    up: str
    curves: tuple[Curve, ...]
    points: tuple[Points, ...]
    limits: tuple[float, float]
    marks: tuple[Mark, ...] = ()
    scales: tuple[Scale, Scale] = ("linear", "linear")
    reach: tuple[float, float] | None = None
    blank: Break | None = None


@dataclass(frozen=True)
class BreakMap:
    """A figure of one or more panels.

    Args:
        name: slug.
        title: what is shown.
        says: the result in one sentence.
        claims: names of the claims that the theory is taken from.
        panels: the axes.
    """

    name: str
    title: str
    says: str
    claims: tuple[str, ...]
    panels: tuple[Panel, ...]

    @property
    def points(self) -> tuple[Points, ...]:
        """All that was measured."""
        return tuple(points for panel in self.panels for points in panel.points)

    @property
    def agrees(self) -> bool:
        """Whether theory and every measured point agree within the point's bound. A map without points agrees not."""
        return bool(self.points) and not any(points.outside for points in self.points)

    @property
    def explained(self) -> bool:
        """Whether every point that does not agree lies where that was to be expected."""
        return bool(self.points) and not any(points.unexplained for points in self.points)

    @property
    def where_not(self) -> str:
        """Say where theory and measurement do not agree, and why; empty if they do everywhere."""
        return "; ".join(f"{one.label}: {', '.join(_reasons(one))}" for one in self.points if one.outside)


def _reasons(points: Points) -> Iterable[str]:
    for one in points.breaks:
        if any(one.low <= x <= one.high for x in points.outside):
            yield one.why
    if points.unexplained:
        yield f"unexplained at {', '.join(f'{x:.6g}' for x in points.unexplained[:3])}"


def curve(
    label: str, xs: Sequence[float], theory: Callable[[float], Any], kind: Kind = "true", series: int = 0
) -> Curve:
    """Evaluate a formula, a function from a number to a ball, at many places."""
    with precision():
        return Curve(label, tuple(xs), tuple(_middle(theory, x) for x in xs), kind, series)


def gaps(xs: Sequence[float], ys: Sequence[float], theory: Callable[[float], Any]) -> tuple[float, ...]:
    """Return upper bounds of |y - theory(x)|, x and y being the float64 they are; inf if the theory has no value there.

    A y that is no finite number is infinitely far from any.
    """
    with precision():
        return tuple(_gap(x, y, theory) for x, y in zip(xs, ys, strict=True))


def _ball(theory: Callable[[float], Any], x: float) -> Any:
    """Return the ball, or None where the formula has no value: at a kink, a pole, 0/0."""
    try:
        found = theory(x)
    except (NoRule, ZeroDivisionError):
        return None
    return found if found.is_finite() else None


def _middle(theory: Callable[[float], Any], x: float) -> float:
    found = _ball(theory, x)
    if found is None or float(found.rad()) > NARROW * abs(float(found)):
        return math.nan
    return float(found)


def _gap(x: float, y: float, theory: Callable[[float], Any]) -> float:
    from flint import arb

    found = _ball(theory, x)
    if found is None or not math.isfinite(y):
        return math.inf
    farthest = (arb(y) - found).abs_upper()
    nearest = float(farthest)
    return nearest if arb(nearest) >= farthest else math.nextafter(nearest, math.inf)

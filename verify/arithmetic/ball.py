"""Ball arithmetic: every value is a set that is proved to contain the exact one (python-flint's `arb` and
`arb_series`).

A value is an `arb`, or inside a derivative an `arb_series` in the displacement t. Balls are made and compared inside
`precision`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flint import arb, arb_series, ctx, fmpq
from sympy import Rational

from verify.probe import Kink, NoRule, Ratio, Scalar

if TYPE_CHECKING:
    from verify.catalogue.functions import Face

BITS = 128
# Terms of a series: the highest derivative order that occurs anywhere in a claim (4 + 2), with one to spare at each of
# three nestings.
TERMS = 12


@contextmanager
def precision(bits: int = BITS, terms: int = TERMS) -> Iterator[None]:
    """Compute with this many bits and terms; python-flint's own settings come back afterwards."""
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = bits, terms
    try:
        yield
    finally:
        ctx.prec, ctx.cap = before


def _lead(value: Any) -> tuple[int, Any]:
    """Return the first coefficient that is not exactly zero, and its place.

    Raises:
        NoRule: all that are known are zero.
    """
    coefficients = [value[i] for i in range(value.prec)] if isinstance(value, arb_series) else [value]
    for place, coefficient in enumerate(coefficients):
        if not coefficient.is_zero():
            return place, coefficient
    raise NoRule("zero to all orders that are computed")


@dataclass(frozen=True)
class Ball:
    """Balls; derivatives by power series in the displacement t.

    Args:
        one_sided: t is positive and as small as one likes, as inside a limit; else t may have either sign.
    """

    one_sided: bool = False

    def number(self, value: Rational) -> arb:
        """Return the smallest ball around a rational number."""
        return arb(fmpq(int(value.p), int(value.q)))

    def exponential(self, value: Any) -> Any:
        """Return exp(value)."""
        return value.exp()

    def positive_part(self, value: Any) -> Any:
        """Return max(0, value); a branch is taken only where the sign is proved.

        Raises:
            Kink: it is not.
        """
        if not isinstance(value, arb_series) and value.is_zero():
            return value
        place, lead = _lead(value)
        if place > 0 and not self.one_sided:
            raise Kink("the argument of max(0, .) is exactly zero")
        if lead > 0:
            return value
        if lead < 0:
            return value * 0
        raise Kink(f"the sign of {lead} is not proved")

    def face(self, face: "Face") -> Scalar:
        """Return the function's ball face."""
        return face.ball

    def derivative(self, function: Scalar, order: int) -> Scalar:
        """Return the derivative: the series about the point, differentiated, at the point's own displacement."""

        def at(point: Any) -> Any:
            inside = isinstance(point, arb_series)
            centre = point[0] if inside else point
            if self.one_sided:
                raise NoRule("a derivative inside a limit")
            try:
                local = function(arb_series([centre, 1]))
            except (ValueError, ZeroDivisionError) as error:  # python-flint's words for a divisor that may be zero
                raise NoRule(f"no power series about {centre}: {error}") from error
            if not isinstance(local, arb_series):
                local = arb_series([local])
            if local.prec <= order:
                raise NoRule(f"a derivative of order {order} needs more than the {local.prec} terms that are known")
            for _ in range(order):
                local = local.derivative()
            if not inside:
                return local[0]
            # Written out, since a ball minus itself is a ball around zero and not zero.
            return local(arb_series([0, *(point[i] for i in range(1, point.prec))], prec=point.prec))

        return at

    def limit(self, ratio: Ratio, at: arb, side: str) -> arb:
        """Return the ratio of the first terms that do not vanish, from each side that is asked for.

        Raises:
            NoRule: there is no finite limit, or the two sides differ.
        """
        limits = [_one_sided(ratio, at, 1 if one == "+" else -1) for one in side]
        if not all(limits[0].overlaps(other) for other in limits):
            raise NoRule(f"the limits from the two sides differ: {limits}")
        return limits[0]


def _one_sided(ratio: Ratio, at: arb, direction: int) -> arb:
    top, bottom = ratio(arb_series([at, direction]), Ball(one_sided=True))
    below, divisor = _lead(bottom)
    if divisor.contains(0):
        raise NoRule(f"it is not proved where the denominator begins: {divisor}")
    try:
        above, dividend = _lead(top)
    except NoRule:  # the first `TERMS` terms vanish, the denominator's do not
        return arb(0)
    if above < below:
        raise NoRule("the ratio has no finite limit")
    return dividend / divisor if above == below else arb(0)


BALL = Ball()

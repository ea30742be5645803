"""Functions of one number: f(x(u)) from the Taylor coefficients f_k = f^(k)(x_0)/k! at every number that moves.

    y_1 = f_1 x_1        y_2 = f_1 x_2 + f_2 x_1^2        y_3 = f_1 x_3 + 2 f_2 x_1 x_2 + f_3 x_1^3

The coefficients are those of `arb_series`, once for all lines. A function may have several pieces; which one is at work
has to be proved at a number that moves. At one that stands still the value may be any of those that are possible.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from flint import arb, arb_series

from verify.balls.lines import Lines, Sample, flat, spread
from verify.balls.numbers import ONE, ZERO, Array, exceeds, finite, hull, nonzero, zeros
from verify.probe import Kink

Function = Callable[[Any], Any]


def composed(
    sample: Sample, x: Lines, *pieces: Function, kinks: Sequence[float | arb] = (), jumps: bool = False
) -> Lines:
    """Return f(x).

    Args:
        sample: the lines.
        x: the argument.
        pieces: f from left to right, each a function of balls and of their power series.
        kinks: where one piece ends and the next begins, ascending.
        jumps: whether f is not continuous there.

    Raises:
        Kink: f has a pole or ends within a ball.
    """
    shape, x = x.shape, flat(x)
    moving = sample.moves(x)
    moved = np.asarray(moving.any(0))
    value = np.empty(x.shape, dtype=object)
    coefficients = [zeros(x.shape) for _ in range(sample.orders)]
    doubtful = np.zeros(x.shape, dtype=bool)
    possible = _possible(x.value, kinks)
    for k, piece in enumerate(pieces):
        first = possible[k] & ~_before(possible, k)
        _fill(piece, x.value, moved, first, value, coefficients)
        again = possible[k] & ~first
        if again.any():
            others = np.empty(x.shape, dtype=object)
            _fill(piece, x.value, np.zeros_like(moved), again, others, [])
            value[again] = hull(value[again], others[again])
            doubtful |= again
    if not finite(value).all():
        raise Kink("has a pole or ends where its argument may be")
    if jumps:
        sample.doubt_jump(doubtful, x)
    for each in coefficients:
        doubtful |= moved & ~finite(each)
    sample.doubt(doubtful, x)
    for each in coefficients:
        each[doubtful] = ZERO
    terms = _faa_di_bruno(x, moving, coefficients)
    return Lines(value.reshape(shape), tuple(None if term is None else term.reshape(-1, *shape) for term in terms))


def _before(possible: Sequence[Array], k: int) -> Array:
    """Return where an earlier piece is possible too."""
    found = np.zeros_like(possible[0])
    for each in possible[:k]:
        found |= each
    return found


def _possible(values: Array, kinks: Sequence[float | arb]) -> list[Array]:
    """Return for each piece where it may be at work."""
    above = [exceeds(values, arb(kink)) for kink in kinks]
    below = [exceeds(arb(kink), values) for kink in kinks]
    everywhere = np.zeros(values.shape, dtype=bool)
    lower = [~everywhere, *(~each for each in below)]  # not proved to be left of the piece
    upper = [*(~each for each in above), ~everywhere]
    return [a & b for a, b in zip(lower, upper, strict=True)]


def _fill(
    piece: Function, values: Array, moved: Array, where: Array, value: Array, coefficients: Sequence[Array]
) -> None:
    """Evaluate a piece where it is at work, with Taylor coefficients where the number moves."""
    still, series = where & ~moved, where & moved
    if still.any():
        value[still] = np.frompyfunc(lambda number: _at(piece, number), 1, 1)(values[still])
    for at in np.flatnonzero(series).tolist():
        value[at], *rest = _series(piece, values[at], len(coefficients))
        for each, coefficient in zip(coefficients, rest, strict=True):
            each[at] = coefficient


def _at(piece: Function, number: arb) -> arb:
    found = piece(number)
    return found if isinstance(found, arb) else arb(found)


def _series(piece: Function, number: arb, orders: int) -> list[arb]:
    """Return f_0, ..., f_orders; nan where there are none."""
    try:
        found = piece(arb_series([number, ONE]))
    except (ValueError, ZeroDivisionError):  # python-flint's words for a divisor that may be zero
        return [arb.nan()] * (orders + 1)
    if not isinstance(found, arb_series):
        found = arb_series([found])
    coefficients: list[arb] = found.coeffs()[: orders + 1]
    return coefficients + [ZERO] * (orders + 1 - len(coefficients))


def _faa_di_bruno(x: Lines, moving: Array, coefficients: Sequence[Array]) -> tuple[Array | None, ...]:
    lines, places = np.nonzero(moving)
    if not len(lines):
        return (None,) * len(coefficients)
    f = [each[places] if nonzero(each).any() else None for each in coefficients]
    u = [None if term is None else term[moving] for term in x.terms]
    terms: list[Array | None] = []
    for order in range(1, len(f) + 1):
        parts = [_product(f[k - 1], *(u[j - 1] for j in powers), times=count) for k, powers, count in PARTS[order]]
        present = [part for part in parts if part is not None]
        terms.append(spread(sum(present[1:], present[0]), moving) if present else None)
    return tuple(terms)


# Of each order: which f_k stands before which x_j, and how often.
PARTS: dict[int, tuple[tuple[int, tuple[int, ...], int], ...]] = {
    1: ((1, (1,), 1),),
    2: ((1, (2,), 1), (2, (1, 1), 1)),
    3: ((1, (3,), 1), (2, (1, 2), 2), (3, (1, 1, 1), 1)),
}


def _product(first: Array | None, *others: Array | None, times: int) -> Array | None:
    if first is None or any(other is None for other in others):
        return None
    found = first if times == 1 else first * times
    for other in others:
        found = found * other
    return np.asarray(found, dtype=object)

"""Maxima and comparisons: what torch decides by comparing floats is decided here only where it is proved."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from verify.balls.lines import Lines, Sample, axes_of, minus, scaled, shaped
from verify.balls.numbers import ONE, ZERO, Array, exact, exceeds, larger, middles, nonzero, zeros
from verify.probe import Kink, NoRule


def largest(sample: Sample, x: Lines, valid: Array | None = None) -> Lines:
    """Return the maximum over the last dimension.

    A line is lost if along it a number moves that may be the maximum of its window, and need not be.

    Args:
        sample: the lines.
        x: what is compared.
        valid: which numbers there are, booleans of the shape of x; all by default.

    Raises:
        NoRule: there is none in a window, of which torch says that the maximum is minus infinity.
    """
    valid = np.ones(x.shape, dtype=bool) if valid is None else valid
    if not valid.any(-1).all():
        raise NoRule("a window sees no number")
    guess = np.where(valid, middles(x.value), -np.inf).argmax(-1)[..., None]
    top = np.take_along_axis(x.value, guess, -1)
    rival = valid & ~exceeds(np.broadcast_to(top, x.shape), x.value)
    np.put_along_axis(rival, guess, False, -1)
    tied = rival.any(-1, keepdims=True)
    value = top[..., 0]
    if tied.any():
        for k in range(x.shape[-1]):
            here = rival[..., k]
            value[here] = larger(value[here], x.value[..., k][here])
        among = rival.copy()
        np.put_along_axis(among, guess, tied, -1)
        sample.doubt(among, x)
    terms = (
        None
        if term is None
        else np.take_along_axis(term, np.broadcast_to(guess, (len(term), *guess.shape)), -1)[..., 0]
        for term in x.terms
    )
    return Lines(value, tuple(terms))


def over(sample: Sample, x: Lines, dims: Any, keepdim: bool, sign: int = 1) -> Lines:
    """Return the maximum over some dimensions, for sign -1 the minimum.

    Args:
        sample: the lines.
        x: what is compared.
        dims: one or several; all if there is none.
        keepdim: whether they stay, with one number each.
        sign: 1 or -1.
    """
    axes = list(axes_of(x, dims))
    stay = [axis for axis in range(len(x.shape)) if axis not in axes]
    shape = [x.shape[axis] for axis in stay]

    def last(array: Array, leading: int) -> Array:
        order = [*range(leading), *(leading + axis for axis in stay + axes)]
        return array.transpose(order).reshape(*array.shape[:leading], *shape, -1)

    turned = Lines(last(x.value, 0), tuple(None if term is None else last(term, 1) for term in x.terms))
    found = scaled(largest(sample, scaled(turned, -ONE)), -ONE) if sign < 0 else largest(sample, turned)
    if not keepdim:
        return found
    kept = [1 if axis in axes else size for axis, size in enumerate(x.shape)]
    return Lines(
        found.value.reshape(kept), tuple(None if term is None else term.reshape(-1, *kept) for term in found.terms)
    )


def largest_of_two(sample: Sample, x: Any, y: Any, sign: int = 1) -> Lines:
    """Return the larger of each two numbers, for sign -1 the smaller."""
    one, other = sample.lines_of(x), sample.lines_of(y)
    shape = np.broadcast_shapes(one.shape, other.shape)

    def both(a: Array | None, b: Array | None) -> Array | None:
        if a is None and b is None:
            return None
        pair = (zeros((sample.lines, *np.shape(v))) if t is None else t for t, v in ((a, one.value), (b, other.value)))
        return np.stack([shaped(term, shape) for term in pair], -1)

    value = np.stack([np.broadcast_to(each.value, shape) for each in (one, other)], -1)
    terms = tuple(both(a, b) for a, b in zip(one.terms, other.terms, strict=True))
    return over(sample, Lines(value, terms), -1, False, sign)


# Of each comparison: what it says where the difference is positive, negative, exactly zero.
SAYS = {
    "gt": (True, False, False),
    "ge": (True, False, True),
    "lt": (False, True, False),
    "le": (False, True, True),
    "eq": (False, False, True),
    "ne": (True, True, False),
}


def compared(name: str, sample: Sample, x: Any, y: Any) -> Tensor:
    """Return the outcome of a comparison, which then is a constant near A.

    Raises:
        Kink: it is not proved. A line along which two equal numbers move apart is lost alone.
    """
    gap = minus(sample.lines_of(x), sample.lines_of(y))
    above, below = exceeds(gap.value, ZERO), exceeds(ZERO, gap.value)
    equal = exact(gap.value) & ~nonzero(gap.value)
    if not (above | below | equal).all():
        raise Kink("compares numbers that are too near to each other to tell")
    sample.doubt_jump(equal, gap)
    outcome = np.select([above, below, equal], SAYS[name])
    return torch.from_numpy(np.asarray(outcome, dtype=bool))

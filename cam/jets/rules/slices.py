"""Parts of a tensor along one dimension, and how parts are put together: windows and picks are shifted and cut."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from typing import Any

import torch
from torch.fx import Node

from cam.jets.rows import in_memory
from cam.jets.rules.generic import generic
from cam.jets.rules.sums import stretched
from cam.jets.rules.table import rule
from cam.jets.term import Axis, Term
from cam.jets.walk import Jet, Walk


@rule("slice")
def _slice(
    walk: Walk, node: Node, x: Node, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Jet | None:
    shape = walk.plan.values[x].shape
    d = dim % len(shape)
    at = start or 0
    at = min(max(at + shape[d] if at < 0 else at, 0), shape[d])
    return each(walk.jets[x], lambda term: sliced(term, d, at, walk.plan.values[node].shape[d], step))


@rule("select")
def _select(walk: Walk, node: Node, x: Node, dim: int, index: int) -> Jet | None:
    shape = walk.plan.values[x].shape
    return each(walk.jets[x], lambda term: _selected(term, dim % len(shape), index % shape[dim]))


@rule("unbind")
def _unbind(walk: Walk, node: Node, x: Node, dim: int = 0) -> list[Jet | None]:
    shape = walk.plan.values[x].shape
    jet = walk.jets[x].solid()
    d = dim % len(shape)
    return [each(jet, partial(_selected, d=d, index=at)) for at in range(shape[d])]


@rule("split", "split_with_sizes", "unsafe_split", "unsafe_split_with_sizes", "chunk", "unsafe_chunk")
def _split(walk: Walk, node: Node, x: Node, _: Any, dim: int = 0) -> list[Jet | None]:
    d = dim % walk.plan.values[x].ndim
    jet, at, jets = walk.jets[x].solid(), 0, []
    for part in walk.plan.values[node]:
        size = part.shape[d]
        jets.append(each(jet, partial(sliced, d=d, start=at, length=size)))
        at += size
    return jets


@rule("cat")
def _cat(walk: Walk, node: Node, operands: Sequence[Node], dim: int = 0) -> Jet:
    d = dim % walk.plan.values[node].ndim
    widths = [value.shape[d] if value.ndim > d else 0 for value in walk.value(list(operands))]
    return _put_together(walk, operands, d, widths, lambda term: term)


@rule("stack")
def _stack(walk: Walk, node: Node, operands: Sequence[Node], dim: int = 0) -> Jet:
    d = dim % walk.plan.values[node].ndim

    def unsqueezed(term: Term) -> Term:
        return replace(term, parts=(*term.parts[:d], 0, *term.parts[d:]))

    return _put_together(walk, operands, d, [1] * len(operands), unsqueezed)


@rule("constant_pad_nd")
def _pad(walk: Walk, node: Node, x: Node, pad: Sequence[int], value: float = 0) -> Jet | None:
    shape, last = walk.plan.values[x].shape, walk.plan.values[x].ndim - 1

    def padded(term: Term) -> Term | None:
        for n in range(len(pad) // 2):
            d, (before, after) = last - n, pad[2 * n : 2 * n + 2]
            found = sliced(term, d, max(-before, 0), shape[d] + min(before, 0) + min(after, 0))
            if found is None:
                return None
            term = shifted(found, d, max(before, 0), shape[d] + before + after)
        return term

    return each(walk.jets[x], padded)


@rule("roll")
def _roll(walk: Walk, node: Node, x: Node, shifts: Sequence[int], dims: Sequence[int] = ()) -> Any:
    if len(shifts) != len(dims):  # of the flattened tensor
        return generic(walk, node)

    def rolled(term: Term) -> Term:
        for shift, d in zip(shifts, dims, strict=True):
            term, k = _along(term, d % len(term.parts))
            axis = term.axes[k]
            if axis.pick is not None:
                term = _with_axis(term, k, replace(axis, pick=(axis.pick + shift) % axis.size))
                continue
            start = (axis.start + shift) % axis.size
            if start + term.values.shape[k + 1] <= axis.size:
                term = _with_axis(term, k, replace(axis, start=start))
                continue
            term = term.filled(k)
            spread = torch.roll(term.spread, shift, k + 2) if term.spread is not None else None
            term = replace(term, values=torch.roll(term.values, shift, k + 1), spread=spread, owned=False)
        return term

    return walk.jets[x].each(rolled)


@rule("flip")
def _flip(walk: Walk, node: Node, x: Node, dims: Sequence[int]) -> Jet:
    def flipped(term: Term) -> Term:
        for d in dims:
            term, k = _along(term, d % len(term.parts))
            axis = term.axes[k]
            if axis.pick is not None:
                term = _with_axis(term, k, replace(axis, pick=axis.size - 1 - axis.pick))
                continue
            spread = None if term.spread is None else term.spread.flip(k + 2)
            term = replace(term, values=term.values.flip(k + 1), spread=spread, owned=False)
            term = _with_axis(term, k, Axis(axis.size, axis.size - axis.start - term.values.shape[k + 1]))
        return term

    return walk.jets[x].each(flipped)


@rule("expand", "expand_as")
def _expand(walk: Walk, node: Node, x: Node, *_: Any, **__: Any) -> Jet:
    return walk.jets[x].each(lambda term: stretched(term, walk.plan.values[node].shape))


def each(jet: Jet, move: Callable[[Term], Term | None]) -> Jet | None:
    """Return the jet of an operation that acts term by term and leaves nothing of some; None if it is zero."""
    jet = jet.solid()
    first, second = ([one for one in map(move, terms) if one is not None] for terms in (jet.first, jet.second))
    if not first and second:
        first = [second[0].like(torch.zeros_like(second[0].values))]
    return Jet(tuple(first), tuple(second)) if first else None


def sliced(term: Term, d: int, start: int, length: int, step: int = 1) -> Term | None:
    """Return the term of `length` places of dimension d, from start by steps, or None if no direction lies in them."""
    term, k = _along(term, d)
    axis, stop = term.axes[k], start + (length - 1) * step + 1
    if axis.pick is not None:
        at = axis.pick - start
        inside = (at >= 0) & (axis.pick < stop) & (at % step == 0)
        if not bool(inside.any()):
            return None
        values = term.values
        if not bool(inside.all()):
            values = values * inside.view(-1, *(1,) * (values.ndim - 1))
        pick = at.div(step, rounding_mode="floor").clamp(0, length - 1)
        return _with_axis(term.like(values), k, Axis(length, pick=pick))
    width = term.values.shape[k + 1]
    first = start if axis.start <= start else start + -(-(axis.start - start) // step) * step
    last = min(axis.start + width, stop)
    if last <= first:
        return None
    places = range(first - axis.start, last - axis.start, step)
    values = _strided(term.values, k + 1, places)
    spread = term.spread
    if spread is not None and term.spreads(k):
        spread = _strided(spread, k + 2, places)
    term = replace(term, values=values, spread=spread, owned=False)
    return _with_axis(term, k, Axis(length, (first - start) // step))


def shifted(term: Term, d: int, by: int, size: int) -> Term:
    """Return the term of a tensor that is put at place `by` of a longer dimension d."""
    term, k = _along(term, d)
    axis = term.axes[k]
    pick = None if axis.pick is None else axis.pick + by
    return _with_axis(term, k, Axis(size, 0 if pick is not None else axis.start + by, pick))


def _selected(term: Term, d: int, index: int) -> Term | None:
    found = sliced(term, d, index, 1)
    if found is None:
        return None
    found, k = _along(found, d)
    return replace(found.without(k), parts=(*found.parts[:d], *found.parts[d + 1 :]))


def _along(term: Term, d: int) -> tuple[Term, int]:
    """Return the term with one axis for dimension d, and which it is."""
    term = term.joined(d)
    return term, sum(term.parts[:d])


def _with_axis(term: Term, k: int, axis: Axis) -> Term:
    return replace(term, axes=(*term.axes[:k], axis, *term.axes[k + 1 :]))


def _strided(tensor: torch.Tensor, dim: int, places: range) -> torch.Tensor:
    return tensor[(*(slice(None),) * dim, slice(places.start, places.stop, places.step))]


def _put_together(
    walk: Walk, operands: Sequence[Node], d: int, widths: Sequence[int], prepared: Callable[[Term], Term]
) -> Jet:
    first: list[Term] = []
    second: list[Term] = []
    dtype = reduce(torch.promote_types, (value.dtype for value in walk.value(list(operands))))
    at = 0
    for x, width in zip(operands, widths, strict=True):
        if walk.moves(x):
            jet = walk.jets[x].each(lambda term, at=at: shifted(prepared(term.to(dtype)), d, at, sum(widths)))
            first += jet.first
            second += jet.second
        at += width
    return Jet(_in_one(first), _in_one(second))


def _sizes(term: Term) -> list[int]:
    return [axis.size for axis in term.axes]


def _in_one(terms: list[Term]) -> tuple[Term, ...]:
    """Return a sum of terms with those in one that lie in windows of all their axes: written down once."""
    whole = [term for term in terms if term.spread is None and all(axis.pick is None for axis in term.axes)]
    whole = [term for term in whole if term.parts == whole[0].parts and _sizes(term) == _sizes(whole[0])]
    if len(whole) < 2:
        return tuple(terms)
    rest = [term for term in terms if not any(term is one for one in whole)]
    starts = [min(term.axes[k].start for term in whole) for k in range(len(whole[0].axes))]
    stops = [max(term.axes[k].start + term.values.shape[k + 1] for term in whole) for k in range(len(starts))]
    like = whole[0].values
    order = in_memory(like, range(like.ndim))
    sizes = [len(like), *(stop - start for start, stop in zip(starts, stops, strict=True))]
    values = like.new_zeros([sizes[k] for k in order]).permute([order.index(k) for k in range(like.ndim)])
    for term in whole:
        part = values
        for k, start in enumerate(starts):
            part = part.narrow(k + 1, term.axes[k].start - start, term.values.shape[k + 1])
        part += term.values
    axes = tuple(Axis(axis.size, start) for axis, start in zip(whole[0].axes, starts, strict=True))
    return (*rest, Term(values, axes, whole[0].parts, owned=True))

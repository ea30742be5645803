"""Pools, and other operations that leave every channel to itself."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.rules.slices import each
from cam.jets.rules.table import rule
from cam.jets.term import Axis, Term
from cam.jets.walk import Jet, Walk
from cam.smooth import called

Spans = list[tuple[int, int]]


@rule("max_pool2d_with_indices")
def _max_pool(
    walk: Walk,
    node: Node,
    x: Node,
    size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    *_: Any,
) -> Any:
    index = walk.plan.values[node][1]
    across = walk.plan.values[x].shape[-1]

    def gathered(term: Term) -> Term | None:
        term = _map(term)
        (top, left), (height, width) = _window(term)
        spans = _spans(term, index.shape, _two(size), _two(stride or size), _two(padding), _two(dilation))
        if spans is None:
            return None
        box = _boxed(term, index.shape, spans)
        where = box.inside(index)
        row, column = where.div(across, rounding_mode="floor") - top, where % across - left
        there = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        flat = torch.where(there, row * width + column, 0)
        flat, there = (t.flatten(-2).expand(*box.values.shape[:-2], -1) for t in (flat, there))
        values = term.values.flatten(-2).gather(-1, flat) * there
        return replace(box, values=values.reshape(box.values.shape))

    return [each(walk.jets[x], gathered), None]


@rule("avg_pool2d")
def _avg_pool(
    walk: Walk,
    node: Node,
    x: Node,
    size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    *_: Any,
    **__: Any,
) -> Jet | None:
    """Sum over windows; what torch divides by differs at the edges."""
    shape, X = walk.plan.values[node].shape, walk.plan.values[x]
    sizes, strides, pads = _two(size), _two(stride or size), _two(padding)

    def shares() -> Tensor:
        ones = torch.ones_like(X)
        rest, kwargs = map_arg((node.args[1:], node.kwargs), walk.plan.values.__getitem__)
        beyond = [(n - 1) * s + k for n, s, k in zip(shape[-2:], strides, sizes, strict=True)]
        counted = _summed(_padded(ones, [(0, m) for m in X.shape[-2:]], pads, beyond), sizes, strides)
        return called(node)(ones, *rest, **kwargs) / counted

    share = walk.plan.kept((node, "shares"), shares)

    def pooled(term: Term) -> Term | None:
        term = _map(term)
        spans = _spans(term, shape, sizes, strides, pads, (1, 1))
        if spans is None:
            return None
        box = _boxed(term, shape, spans)
        starts, widths = _window(term)
        before = [p - o * s for (o, _), s, p in zip(spans, strides, pads, strict=True)]
        beyond = [(n - 1) * s + k for (_, n), s, k in zip(spans, strides, sizes, strict=True)]
        full = _padded(term.values, list(zip(starts, widths, strict=True)), before, beyond)
        return replace(box, values=_summed(full, sizes, strides) * box.inside(share))

    return each(walk.jets[x], pooled)


def _padded(values: Tensor, windows: Spans, before: Sequence[int], length: Sequence[int]) -> Tensor:
    """Return maps that begin `before` places ahead of their window's start and are so long; 0 where nothing is."""
    pads = []
    for (start, width), ahead, size in zip(reversed(windows), reversed(before), reversed(length), strict=True):
        pads += [ahead + start, size - ahead - start - width]
    return torch.nn.functional.pad(values, pads)


def _summed(values: Tensor, size: Sequence[int], stride: Sequence[int]) -> Tensor:
    flat = values.reshape(-1, 1, *values.shape[-2:])
    sums = torch.nn.functional.avg_pool2d(flat, list(size), list(stride), divisor_override=1)
    return sums.reshape(*values.shape[:-2], *sums.shape[-2:])


@rule(
    *("_adaptive_avg_pool2d", "adaptive_avg_pool2d", "upsample_nearest2d", "_upsample_nearest_exact2d"),
    *("upsample_bilinear2d", "_upsample_bilinear2d_aa", "upsample_bicubic2d", "_upsample_bicubic2d_aa"),
)
def _each_map(walk: Walk, node: Node, x: Node, *rest: Any, **kwargs: Any) -> Jet | None:
    """Run a linear operation on every map by itself as torch does."""
    shape = walk.plan.values[node].shape

    def moved(term: Term) -> Term:
        term = _map(term)
        for k in (len(term.axes) - 2, len(term.axes) - 1):
            term = term.filled(k)
        values = called(node)(term.values.reshape(-1, 1, *term.values.shape[-2:]), *rest, **kwargs)
        box = _boxed(term, shape, [(0, n) for n in shape[-2:]])
        return replace(box, values=values.reshape(box.values.shape))

    return each(walk.jets[x], moved)


def _map(term: Term) -> Term:
    """Return the term with one axis for each dimension, windows on the last two, and no spread along these."""
    term = term.single()
    last = (len(term.axes) - 2, len(term.axes) - 1)
    if term.spread is not None:
        term = term.apart()
    for k in last:
        if term.axes[k].pick is not None:
            term = term.filled(k)
    return term


def _window(term: Term) -> tuple[list[int], list[int]]:
    return [axis.start for axis in term.axes[-2:]], list(term.values.shape[-2:])


def _spans(
    term: Term,
    shape: Sequence[int],
    size: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Spans | None:
    """Return first place and number of the outputs that read from the term's window, or None if none does."""
    spans = []
    for s, w, k, st, p, d, n in zip(*_window(term), size, stride, padding, dilation, shape[-2:], strict=True):
        first = max(0, -((-(s + p - (k - 1) * d)) // st))
        last = min(n - 1, (s + w - 1 + p) // st)
        if last < first:
            return None
        spans.append((first, last - first + 1))
    return spans


def _boxed(term: Term, shape: Sequence[int], spans: Spans) -> Term:
    """Return a term of the output in the same channels and the spans, whose values nobody has worked out."""
    axes = (*term.axes[:-2], *(Axis(n, first) for n, (first, _) in zip(shape[-2:], spans, strict=True)))
    values = term.values.new_empty(()).expand(*term.values.shape[:-2], *(width for _, width in spans))
    return Term(values, axes, term.parts)


def _two(numbers: Sequence[int]) -> tuple[int, int]:
    return numbers[0], numbers[-1]


@rule("getitem")
def _getitem(walk: Walk, node: Node, x: Node, which: int) -> Any:
    return walk.jets[x][which]

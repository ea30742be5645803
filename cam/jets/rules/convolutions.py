"""Convolutions with kernels that stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from cam.jets.lazy import Unmade
from cam.jets.rules.generic import generic, generic_curved
from cam.jets.rules.matrices import columns, times
from cam.jets.rules.slices import each
from cam.jets.rules.table import rule
from cam.jets.term import Axis, Term, whole
from cam.jets.walk import Jet, Walk


@rule("convolution")
def _convolution(
    walk: Walk,
    node: Node,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Any:
    if not walk.moves(x) or walk.moves(weight) or walk.moves(bias):
        return generic_curved(walk, node) if walk.moves(x) and walk.moves(weight) else generic(walk, node)
    kernel = walk.value(weight)
    n = kernel.ndim - 2
    stride, padding, dilation = (list(map(int, s)) * (n if len(s) == 1 else 1) for s in (stride, padding, dilation))
    jet = walk.jets[x]
    if transposed:
        rest = (kernel, None, stride, padding, dilation, True, list(output_padding), groups)
        return jet.each(lambda term: whole(torch.convolution(term.dense().flatten(0, 1), *rest).unsqueeze(1)))
    if groups == 1 and prod(kernel.shape[2:]) == 1 and set(stride) == {1} and not any(padding):
        return _widened(walk, node, jet.solid(), kernel.flatten(1))
    options = walk.plan.options
    taps = walk.plan.kept(node, lambda: kernel.permute(*range(2, kernel.ndim), 1, 0).contiguous())
    taps = taps if options.taps else None
    matrices = walk.plan.kept("matrices", dict)
    how = How(node, kernel, taps, stride, padding, dilation, groups, walk.plan.values[node].shape, matrices)
    if groups == kernel.shape[0] == walk.plan.values[x].shape[1] and not jet.second:
        return each(jet, lambda term: _depthwise(term, how))
    return each(jet, lambda term: _windowed(term if options.windows else whole(term.dense()), how))


@dataclass(frozen=True, eq=False)
class How:
    """A convolution that is not transposed.

    Args:
        node: where it stands.
        kernel: (outputs, inputs of a group, *taps).
        taps: the same as (*taps, inputs, outputs), or None if torch is to convolve.
        stride, padding, dilation: one number for each direction.
        groups: how many.
        shape: of the output.
        matrices: what `_matrix` made last, of all convolutions.
    """

    node: Node
    kernel: Tensor
    taps: Tensor | None
    stride: list[int]
    padding: list[int]
    dilation: list[int]
    groups: int
    shape: Sequence[int]
    matrices: dict[Any, Tensor]

    def along(self, term: Term) -> list[tuple[int, int, int, int, int, int, int]]:
        """Return start and width of a term's window, taps, stride, padding, dilation and outputs, along each place."""
        starts = [axis.start for axis in term.axes[2:]]
        sizes = (self.kernel.shape[2:], self.stride, self.padding, self.dilation, self.shape[2:])
        return list(zip(starts, term.values.shape[3:], *sizes, strict=True))


def _spans(term: Term, how: How) -> list[tuple[int, int]]:
    """Return first place and number of the outputs that read from a term's window."""
    spans = []
    for s, w, k, st, p, d, size in how.along(term):
        first = max(0, -((-(s + p - (k - 1) * d)) // st))
        last = min(size - 1, (s + w - 1 + p) // st)
        spans.append((first, max(last - first + 1, 0)))
    return spans


def _widened(walk: Walk, node: Node, jet: Jet, matrix: Tensor) -> Jet:
    """1 x 1; before a site behind which nothing comes the second derivative is left unmade if that may save work."""

    def move(term: Term) -> Term:
        return _pointwise(term, matrix)

    if node not in walk.plan.widening or len(jet.first) != 1 or len(jet.second) != 1:
        return jet.each(move)
    made = move(jet.first[0])
    return Jet((made,), (Unmade(move, jet.second[0], jet.first[0], made, matrix.T, 1),))


def _pointwise(term: Term, matrix: Tensor) -> Term:
    """1 x 1: every place by itself, out = matrix @ channels."""
    term = term.single()
    if term.spreads(1):
        term = term.apart()
    axis = term.axes[1]
    last = term.values.movedim(2, -1)
    if axis.pick is not None:
        picked = columns(matrix.T, axis.pick)
        values = last * picked.reshape(len(picked), *(1,) * (last.ndim - 2), -1)
    else:
        values = times(last, matrix[:, axis.start : axis.start + last.shape[-1]].T)
    axes = (term.axes[0], Axis(len(matrix)), *term.axes[2:])
    return Term(values.movedim(-1, 2), axes, term.parts, term.spread, owned=True)


def _depthwise(term: Term, how: How) -> Term | None:
    """Every channel by itself: a direction that lies in one channel stays there, and only its factors change."""
    single = term.single()
    pick = single.axes[1].pick
    windows = all(axis.pick is None for axis in single.axes[2:])
    spans = _spans(single, how) if windows else []
    if pick is None or not windows or not all(n for _, n in spans) or not _is_small(single, how, spans):
        return _windowed(term, how)
    alone = single.apart()
    matrix = columns(_matrix(alone, how, spans), pick)
    sizes = [width for _, width in spans]
    moved = torch.bmm(alone.values.reshape(len(matrix), -1, matrix.shape[1]), matrix)  # (G, S, places)
    axes = (Axis(1), single.axes[1], *(Axis(n, o) for n, (o, _) in zip(how.shape[2:], spans, strict=True)))
    if single.spread is None:
        return Term(moved.reshape(len(matrix), 1, 1, *sizes), axes, single.parts)
    ones = moved.new_ones(()).expand(len(matrix), 1, 1, *sizes)
    return Term(ones, axes, single.parts, moved.reshape(*moved.shape[:2], 1, 1, *sizes))


# A convolution in groups is one matrix for each, from the window to the outputs, while that takes at most so many times
# the products and so many bytes: torch's own kernels are slow for it, most of all in float64.
WIDE = {torch.float64: 16, torch.float32: 4}
LARGE = 1 << 24
# Bytes of all matrices that are kept: the next pixel has other windows.
KEPT = 1 << 26


def _is_small(term: Term, how: How, spans: Sequence[tuple[int, int]]) -> bool:
    if how.taps is None:
        return False
    inside, kernel = prod(term.values.shape[3:]), how.kernel
    numbers = prod(kernel.shape[:2]) * inside * prod(width for _, width in spans)
    wide = WIDE.get(kernel.dtype, 0)
    return inside <= wide * prod(kernel.shape[2:]) and numbers * kernel.element_size() <= LARGE


def _matrix(term: Term, how: How, spans: Sequence[tuple[int, int]]) -> Tensor:
    """Return the convolution from a term's window to the outputs that read it, (groups, inputs, outputs)."""
    kernel, widths = how.kernel, term.values.shape[3:]
    ways = zip(how.along(term), spans, strict=True)
    window = tuple((s + p - o * st, w, width) for (s, w, _, st, p, _, _), (o, width) in ways)
    key = (how.node, window)
    if key not in how.matrices:
        n = len(window)
        full = torch.nn.functional.pad(kernel, [0, 1] * n)  # a last tap of zeros, for what is not read
        index: list[Any] = []
        for m, ((ahead, w, width), (_, _, k, st, _, d, _)) in enumerate(zip(window, how.along(term), strict=True)):
            tap = torch.arange(w, device=kernel.device).unsqueeze(1) + ahead
            tap = tap - st * torch.arange(width, device=kernel.device)
            tap = torch.where((tap >= 0) & (tap <= (k - 1) * d) & (tap % d == 0), tap // d, k)
            index.append(tap.view(*(w if i == m else 1 for i in range(n)), *(width if i == m else 1 for i in range(n))))
        taps = full[(slice(None), slice(None), *index)]  # (outputs, inputs, *window, *places)
        taps = taps.reshape(how.groups, -1, kernel.shape[1], prod(widths), prod(width for _, width in spans))
        matrix = taps.permute(0, 2, 3, 1, 4).reshape(how.groups, taps.shape[2] * taps.shape[3], -1)
        sizes = {old: kept.numel() * kept.element_size() for old, kept in how.matrices.items()}
        left = sum(sizes.values()) + matrix.numel() * matrix.element_size() - KEPT
        for old, size in sizes.items():  # the oldest first
            if left <= 0:
                break
            del how.matrices[old]
            left -= size
        how.matrices[key] = matrix
    return how.matrices[key]


def _windowed(term: Term, how: How) -> Term | None:
    """Any other convolution: what leaves the window is left out; None if no output reads from it."""
    term = term.single().apart().filled(1)
    for k in range(2, len(term.axes)):
        if term.axes[k].pick is not None:
            term = term.filled(k)
    kernel, groups, shape = how.kernel, how.groups, how.shape
    spans = _spans(term, how)
    axes = (Axis(1), Axis(shape[1]), *(Axis(size, o) for size, (o, _) in zip(shape[2:], spans, strict=True)))
    out_sizes = [width for _, width in spans]
    n = len(out_sizes)
    if not prod(out_sizes):
        return None
    if groups > 1 and _is_small(term, how, spans):
        moved = torch.bmm(term.values.reshape(len(term.values), groups, -1).transpose(0, 1), _matrix(term, how, spans))
        places = moved.reshape(groups, len(term.values), -1, prod(out_sizes)).permute(3, 1, 0, 2).contiguous()
        values = places.reshape(*out_sizes, len(term.values), 1, shape[1])  # places first in memory
        return Term(values.permute(n, n + 1, n + 2, *range(n)), axes, term.parts, owned=True)
    ways = list(zip(how.along(term), spans, strict=True))
    reads = [_reads(s, w, k, st, p, d, o, width) for (s, w, k, st, p, d, _), (o, width) in ways]
    pairs = prod(sum(len(range(*r[0])) for r in along) for along in reads)
    if groups == 1 and how.taps is not None and 2 * pairs <= prod(out_sizes) * prod(kernel.shape[2:]):
        values = _by_taps(term.values[:, 0], how.taps, reads, out_sizes)
    else:
        pads: list[int] = []
        for (s, w, k, st, p, d, _), (o, width) in reversed(ways):
            pads += [s - (o * st - p), (o + width - 1) * st - p + (k - 1) * d - (s + w - 1)]
        moved = torch.nn.functional.pad(term.values[:, 0], pads)
        values = torch.convolution(moved, kernel, None, how.stride, [0] * n, how.dilation, False, [0] * n, groups)
    return Term(values.unsqueeze(1), axes, term.parts)


def _reads(
    s: int, w: int, k: int, st: int, p: int, d: int, o: int, width: int
) -> list[tuple[tuple[int, int, int], int, int]]:
    """Return, for each tap that reads from the window, where: (start, stop, step) in it, the tap, and where it puts."""
    found = []
    for tap in range(k):
        outs = [q for q in range(o, o + width) if s <= q * st - p + tap * d < s + w]
        if outs:
            first = outs[0] * st - p + tap * d - s
            found.append(((first, first + (len(outs) - 1) * st + 1, st), tap, outs[0] - o))
    return found


def _by_taps(values: Tensor, taps: Tensor, reads: list[Any], out_sizes: list[int]) -> Tensor:
    """Convolve a small window: one matrix product for each tap and what it reads; places first in memory."""
    from itertools import product

    n = len(out_sizes)
    places = values.permute(*range(2, n + 2), 0, 1)  # (*window, directions, channels)
    single = prod(places.shape[:n]) == 1
    out_shape = (*out_sizes, len(values), taps.shape[-1])
    out = values.new_empty(out_shape) if single else values.new_zeros(out_shape)
    seen = set()
    for along in product(*reads):
        matrix = taps[tuple(tap for _, tap, _ in along)]
        source = places[tuple(slice(*read) for read, _, _ in along)]
        where = tuple(slice(to, to + len(range(*read))) for read, _, to in along)
        if single:
            at = tuple(to for _, _, to in along)
            torch.mm(source.reshape(source.shape[-2:]), matrix, out=out[at])
            seen.add(at)
        else:
            out[where] += source @ matrix
    if single and len(seen) < prod(out_sizes):
        for at in product(*map(range, out_sizes)):
            if at not in seen:
                out[at] = 0
    return out.permute(n, n + 1, *range(n))

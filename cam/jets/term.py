"""Directions as the engine carries them: the first or second derivative of one node of a tail along many lines at once.

A node's dimensions are made of axes, none for a dimension of size 1 and several for one that was flattened. Along each
axis a direction lies in all places, in a window that all directions share, or in one place of its own ("picked"):

    values[g, box]    the derivative inside the box that the axes span; outside it is 0

Where operations act on every place of some axes by itself, what differs between directions may be factors alone. Then
a group of directions shares its values, and the spread holds the factors: direction (g, s) has spread[g, s] values[g].
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import prod

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a node.

    Args:
        size: how many places it has.
        start: where the window begins; its width is that of the values.
        pick: the place of each group of directions, shape (G,); the values then have width 1.
    """

    size: int
    start: int = 0
    pick: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Term:
    """A derivative of one node along G groups of S directions.

    Args:
        values: (G, *box).
        axes: one for each dimension of the box.
        parts: how many axes make each dimension of the node, in order.
        spread: (G, S, *box), with size 1 on the axes along which it is constant; None if every group is one direction.
        owned: whether nobody else reads the values, so that whoever takes the term may write over them.
    """

    values: Tensor
    axes: tuple[Axis, ...]
    parts: tuple[int, ...]
    spread: Tensor | None = None
    owned: bool = False

    @property
    def directions(self) -> int:
        """How many directions there are, group by group."""
        return len(self.values) * (1 if self.spread is None else self.spread.shape[1])

    @property
    def shape(self) -> tuple[int, ...]:
        """The node's shape."""
        return tuple(prod(axis.size for axis in axes) for axes in self._by_dimension())

    def _by_dimension(self) -> list[tuple[Axis, ...]]:
        rest = iter(self.axes)
        return [tuple(next(rest) for _ in range(n)) for n in self.parts]

    def is_full(self, k: int) -> bool:
        """Whether all directions lie in all places of axis k."""
        return self.axes[k].pick is None and self.values.shape[k + 1] == self.axes[k].size

    def spreads(self, k: int) -> bool:
        """Whether the spread differs between the places of axis k."""
        return self.spread is not None and self.spread.shape[k + 2] > 1

    def like(self, values: Tensor) -> "Term":
        """Return the term with other values in the same box."""
        return replace(self, values=values, owned=False)

    def to(self, dtype: torch.dtype) -> "Term":
        """Return the term in another precision."""
        if self.values.dtype == dtype:
            return self
        return replace(self.like(self.values.to(dtype)), spread=None if self.spread is None else self.spread.to(dtype))

    # From a node's tensor to the box

    def inside(self, tensor: Tensor) -> Tensor:
        """Return what a tensor that can be broadcast to the node's shape has in the box, (G or 1, *box or ones)."""
        shape = self.shape
        tensor = tensor.reshape((1,) * (len(shape) - tensor.ndim) + tuple(tensor.shape))
        sizes: list[int] = []
        for n, axes in zip(tensor.shape, self._by_dimension(), strict=True):
            sizes += [1] * len(axes) if n == 1 else [axis.size for axis in axes]
        tensor = tensor.reshape(sizes)
        picked = [k for k, axis in enumerate(self.axes) if axis.pick is not None and sizes[k] > 1]
        for k, axis in enumerate(self.axes):
            if axis.pick is None and sizes[k] > 1 and not self.is_full(k):
                tensor = tensor.narrow(k, axis.start, self.values.shape[k + 1])
        if not picked:
            return tensor.unsqueeze(0)
        index = tuple(self.axes[k].pick for k in picked)
        tensor = tensor.permute(*picked, *(k for k in range(tensor.ndim) if k not in picked))[index]
        for k in picked:
            tensor = tensor.unsqueeze(k + 1)
        return tensor

    # Other boxes

    def apart(self) -> "Term":
        """Return the term with every direction a group of its own."""
        if self.spread is None:
            return self
        S = self.spread.shape[1]
        values = (self.values.unsqueeze(1) * self.spread).flatten(0, 1)
        axes = tuple(
            axis if axis.pick is None else replace(axis, pick=axis.pick.repeat_interleave(S)) for axis in self.axes
        )
        return Term(values, axes, self.parts)

    def widened(self, k: int, start: int, width: int) -> "Term":
        """Return the term with a window [start, start + width) on axis k that holds the places it lies in."""
        axis, old = self.axes[k], self.values.shape[k + 1]
        if axis.pick is None and axis.start == start and old == width:
            return self
        shape = list(self.values.shape)
        shape[k + 1] = width
        values = self.values.new_zeros(shape)
        if axis.pick is None:
            values.narrow(k + 1, axis.start - start, old).copy_(self.values)
        else:
            index = (axis.pick - start).view(-1, *(1,) * (values.ndim - 1)).expand(self.values.shape)
            values.scatter_(k + 1, index, self.values)
        spread = self.spread
        if spread is not None and spread.shape[k + 2] > 1:
            wide = list(spread.shape)
            wide[k + 2] = width
            factors, spread = spread, spread.new_zeros(wide)
            spread.narrow(k + 2, axis.start - start, old).copy_(factors)
        axes = (*self.axes[:k], Axis(axis.size, start), *self.axes[k + 1 :])
        return Term(values, axes, self.parts, spread)

    def filled(self, k: int) -> "Term":
        """Return the term with all places of axis k."""
        return self.widened(k, 0, self.axes[k].size)

    def single(self) -> "Term":
        """Return the term with one axis for each dimension of the node."""
        term = self
        for d in range(len(self.parts)):
            term = term.joined(d)
        return term

    def joined(self, d: int) -> "Term":
        """Return the term with one axis for dimension d."""
        n, at = self.parts[d], sum(self.parts[:d])
        if n == 1:
            return self
        parts = (*self.parts[:d], 1, *self.parts[d + 1 :])
        if n == 0:
            axes = (*self.axes[:at], Axis(1), *self.axes[at:])
            spread = None if self.spread is None else self.spread.unsqueeze(at + 2)
            return Term(self.values.unsqueeze(at + 1), axes, parts, spread)
        mine = self.axes[at : at + n]
        size = prod(axis.size for axis in mine)
        if all(axis.pick is not None for axis in mine):
            pick = reduce(lambda place, axis: place * axis.size + axis.pick, mine[1:], mine[0].pick)
            axis, term = Axis(size, pick=pick), self
        else:
            term = self
            for k in range(at, at + n):
                term = term.filled(k)
            axis = Axis(size)
        spread = term.spread
        if spread is not None:
            if any(spread.shape[k + 2] > 1 for k in range(at, at + n)):
                return self.apart().joined(d)
            spread = spread.flatten(at + 2, at + n + 1)
        return Term(term.values.flatten(at + 1, at + n), (*self.axes[:at], axis, *self.axes[at + n :]), parts, spread)

    def dense(self) -> Tensor:
        """Return the whole derivative, (directions, *shape)."""
        term = self.apart()
        for k in range(len(self.axes)):
            term = term.filled(k)
        return term.values.reshape(len(term.values), *self.shape)

    # Operations that move values about

    def permuted(self, dims: Sequence[int]) -> "Term":
        """Return the term of node.permute(dims)."""
        starts = [sum(self.parts[:d]) for d in range(len(self.parts))]
        order = [k for d in dims for k in range(starts[d], starts[d] + self.parts[d])]
        values = self.values.permute(0, *(k + 1 for k in order))
        spread = None if self.spread is None else self.spread.permute(0, 1, *(k + 2 for k in order))
        return Term(values, tuple(self.axes[k] for k in order), tuple(self.parts[d] for d in dims), spread)

    def viewed(self, shape: Sequence[int]) -> "Term":
        """Return the term of node.view(shape), sizes written out."""
        term, parts, k = self, [], 0
        for size in shape:
            made, n = 1, 0
            while made < size:
                if k == len(term.axes):
                    return self._reshaped(shape)
                axis = term.axes[k]
                if axis.size == 1:
                    term = term.without(k)
                    continue
                left = size // made
                if axis.size > left:
                    if size % made or axis.size % left:
                        return self._reshaped(shape)
                    term = term._split(k, left)
                elif left % axis.size or size % made:
                    return self._reshaped(shape)
                made *= term.axes[k].size
                k, n = k + 1, n + 1
            parts.append(n)
        while k < len(term.axes):
            term = term.without(k)
        return replace(term, parts=tuple(parts))

    def _reshaped(self, shape: Sequence[int]) -> "Term":
        return whole(self.dense().reshape(self.directions, *shape))

    def without(self, k: int) -> "Term":
        """Return the term without axis k, which has one place."""
        spread = None if self.spread is None else self.spread.squeeze(k + 2)
        return Term(self.values.squeeze(k + 1), (*self.axes[:k], *self.axes[k + 1 :]), self.parts, spread)

    def _split(self, k: int, outer: int) -> "Term":
        """Return the term with axis k as two, the first with `outer` places."""
        axis = self.axes[k]
        inner = axis.size // outer
        if axis.pick is not None:
            two = (Axis(outer, pick=axis.pick // inner), Axis(inner, pick=axis.pick % inner))
            term, sizes = self, (1, 1)
        else:
            term, two, sizes = self.filled(k), (Axis(outer), Axis(inner)), (outer, inner)
        spread = term.spread
        if spread is not None:
            spread = spread.unflatten(k + 2, sizes if spread.shape[k + 2] > 1 else (1, 1))
        return Term(
            term.values.unflatten(k + 1, sizes), (*self.axes[:k], *two, *self.axes[k + 1 :]), self.parts, spread
        )

    def summed(self, dims: Sequence[int], keepdim: bool) -> "Term":
        """Return the term of node.sum(dims, keepdim)."""
        starts = [sum(self.parts[:d]) for d in range(len(self.parts))]
        gone = [k for d in dims for k in range(starts[d], starts[d] + self.parts[d])]
        term = self
        if self.spread is not None and any(self.spreads(k) for k in gone):
            if not all(k in gone for k in range(len(self.axes)) if self.spreads(k)):
                return self.apart().summed(dims, keepdim)
            term = self._contracted(gone)
        else:
            spread = term.spread
            if gone:
                spread = None if spread is None else spread.squeeze([k + 2 for k in gone])
                values = term.values.sum([k + 1 for k in gone])
                term = Term(values, tuple(a for k, a in enumerate(self.axes) if k not in gone), self.parts, spread)
        parts = [0 if d in dims else n for d, n in enumerate(self.parts)]
        return replace(term, parts=tuple(n for d, n in enumerate(parts) if keepdim or d not in dims))

    def _contracted(self, gone: Sequence[int]) -> "Term":
        """Sum over axes, among them all along which the spread differs: one matrix product for each group."""
        assert self.spread is not None
        G, S = self.spread.shape[:2]
        inside = [k for k in gone if self.spreads(k)]
        values = self.values
        others = [k for k in gone if not self.spreads(k)]
        stay = [k for k in range(len(self.axes)) if k not in gone]
        values = values.permute(0, *(k + 1 for k in inside), *(k + 1 for k in stay), *(k + 1 for k in others))
        if others:
            values = values.sum(list(range(-len(others), 0)))
        rows = self.spread.permute(
            0, 1, *(k + 2 for k in inside), *(k + 2 for k in range(len(self.axes)) if k not in inside)
        )
        size = prod(values.shape[1 : 1 + len(inside)])
        kept = values.shape[1 + len(inside) :]
        product = torch.bmm(rows.reshape(G, S, size), values.reshape(G, size, prod(kept)))
        axes = tuple(
            a if a.pick is None else replace(a, pick=a.pick.repeat_interleave(S))
            for k, a in enumerate(self.axes)
            if k in stay
        )
        return Term(product.reshape(G * S, *kept), axes, self.parts)


def whole(values: Tensor) -> Term:
    """Return the term of values that fill the node, (directions, *shape)."""
    sizes = values.shape[1:]
    parts = tuple(int(n > 1) for n in sizes)
    axes = tuple(Axis(n) for n in sizes if n > 1)
    return Term(values.reshape(len(values), *(n for n in sizes if n > 1)), axes, parts)

"""Sums over boxes, direction by direction, without moving values in memory: what most rules are made of."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from cam.jets.term import Term


def weighed(weights: Tensor, term: Term, values: Tensor, power: int) -> Tensor:
    """Return sum over the box of weights * values * spread^power for each direction.

    Args:
        weights: of the node, as `Term.inside` gives them.
        term: whose box and spread it is.
        values: (G, *box).
        power: 2 or 3.
    """
    if term.spread is None:
        if len(weights) == 1:
            return contracted(values, weights.expand(1, *values.shape[1:])[0])
        return paired(values, weights.expand(values.shape))
    alone = [k + 1 for k in range(len(term.axes)) if not term.spreads(k)]
    product = weights * values
    if alone:
        product = product.sum(alone, keepdim=True)
    return ((term.spread**power).flatten(2) @ product.flatten(1).unsqueeze(2)).flatten()


def in_memory(tensor: Tensor, dims: Iterable[int]) -> list[int]:
    """Return dimensions in the order in which they lie in memory, outermost first."""
    strides = tensor.stride()
    return sorted(dims, key=lambda k: (-strides[k] if tensor.shape[k] > 1 else -math.inf, k))


def contracted(values: Tensor, weights: Tensor) -> Tensor:
    """Return sum over the box of weights * values, (G,), without moving values in memory."""
    order = in_memory(values, range(values.ndim))
    at = order.index(0)
    outer, inner = order[:at], order[at + 1 :]
    n, m = (prod(values.shape[k] for k in dims) for dims in (outer, inner))
    rows = values.permute(*outer, 0, *inner).reshape(n, len(values), m)
    columns = weights.permute([k - 1 for k in (*outer, *inner)]).reshape(n, m, 1)
    if len(rows) == 1:
        return torch.mv(rows[0], columns[0, :, 0])
    return torch.bmm(rows, columns).sum(0)[:, 0]


def paired(one: Tensor, other: Tensor) -> Tensor:
    """Return sum over the box of one * other, (G,)."""
    order = in_memory(one, range(1, one.ndim))
    return (one * other).permute(0, *order).flatten(1).sum(1) if order else one * other


@dataclass(frozen=True)
class Rows:
    """A box as a stack of matrices: (places, G, numbers), none of it moved in memory if that is possible.

    Sums are taken over the numbers of a row. The places are the axes along which the spread differs and those that lie
    outside the directions in memory.
    """

    term: Term
    outer: tuple[int, ...]
    inner: tuple[int, ...]

    @classmethod
    def of(cls, term: Term) -> "Rows":
        """Return how the values of a term are stacked."""
        values = term.values
        order = in_memory(values, range(values.ndim))
        spread = [k + 1 for k in range(len(term.axes)) if term.spreads(k)]
        before = order[: order.index(0)]
        outer = tuple(k for k in order if k and (k in spread or k in before))
        return cls(term, outer, tuple(k for k in order if k and k not in outer))

    @property
    def is_across(self) -> bool:
        """Whether directions lie next to one another in memory, and every row is scattered."""
        term = self.term
        return term.spread is None and len(term.values) > 1 and term.values.stride(0) == 1 and not self.inner_is_long

    @property
    def inner_is_long(self) -> bool:
        """Whether the numbers of a row that lie together are many enough to work on row by row."""
        return prod(self.term.values.shape[k] for k in self.inner) >= 64

    def stack(self, values: Tensor) -> Tensor:
        """Return numbers of the box, (G or 1, *box or ones), as (places or 1, G or 1, numbers or 1)."""
        sizes = [prod(values.shape[k] for k in dims) for dims in (self.outer, self.inner)]
        full = [all(values.shape[k] == self.term.values.shape[k] for k in dims) for dims in (self.outer, self.inner)]
        for n, (dims, is_full) in enumerate(zip((self.outer, self.inner), full, strict=True)):
            if not is_full and sizes[n] > 1:  # constant along some of the axes alone
                shape = [self.term.values.shape[k] if k in dims else values.shape[k] for k in range(values.ndim)]
                values = values.expand(shape)
                sizes[n] = prod(shape[k] for k in dims)
        return values.permute(*self.outer, 0, *self.inner).reshape(sizes[0], len(values), sizes[1])

    def back(self, stacked: Tensor) -> Tensor:
        """Return a stack as numbers of the box."""
        shape = self.term.values.shape
        order = (*self.outer, 0, *self.inner)
        return stacked.reshape([shape[k] for k in order]).permute([order.index(k) for k in range(len(order))])

    def total(self, sums: Tensor, power: int) -> Tensor:
        """Return sums over rows, (places, G), for each direction: with the spread's factors to some power."""
        term = self.term
        if term.spread is None:
            return sums.sum(0)
        G, S = term.spread.shape[:2]
        factors = term.spread.permute(0, 1, *(k + 1 for k in self.outer), *(k + 1 for k in self.inner))
        factors = factors.expand(G, S, *(term.values.shape[k] for k in self.outer), *(1 for _ in self.inner))
        return torch.bmm(factors.reshape(G, S, -1) ** power, sums.T.unsqueeze(2)).flatten()


BLOCK = 1 << 16  # numbers worked on at once: they and what is made of them stay in a processor's cache


def curved(
    rows: Rows, one: Tensor, two: Tensor | None, weights: Sequence[Tensor], block: int = BLOCK
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Return sum e z1^2 and sum f z1^3 + 3 e z1 z2 over rows, and phi' z1 and phi'' z1^2 + phi' z2 if these are asked.

    Args:
        rows: how the box is stacked.
        one: z1 in the box.
        two: and z2.
        weights: e and f; then phi' and phi'' if the operation's own derivatives are wanted.
        block: numbers worked on at once.
    """
    u = rows.stack(one)
    b = None if two is None else rows.stack(two)
    e, f, *more = (rows.stack(w) for w in weights)
    places, G, n = u.shape
    s2, s3 = u.new_empty(places, G), u.new_empty(places, G)
    outs = tuple(u.new_empty(u.shape) for _ in more)
    step = max(1, block // max(n, 1))
    scratch = u.new_empty(min(step, G), n)

    def part(w: Tensor, q: int, g: slice) -> Tensor:
        w = w[q if len(w) > 1 else 0]
        return w[g] if len(w) > 1 else w

    for q in range(places):
        for at in range(0, G, step):
            g = slice(at, min(at + step, G))
            z, eq, fq = u[q, g], part(e, q, g), part(f, q, g)
            square = torch.mul(z, z, out=scratch[: len(z)])
            _sum_rows(square, eq, s2[q, g])
            if more:
                slope, bend = part(more[0], q, g), part(more[1], q, g)
                torch.mul(z, slope, out=outs[0][q, g])
                torch.mul(square, bend, out=outs[1][q, g])
                if b is not None:
                    outs[1][q, g].addcmul_(b[q, g], slope)
            square.mul_(fq)
            if b is not None:
                square.addcmul_(b[q, g], eq, value=3)
            square.mul_(z)
            torch.sum(square, 1, out=s3[q, g])
    return s2, s3, tuple(map(rows.back, outs))


def across(
    rows: Rows, one: Tensor, two: Tensor | None, weights: Sequence[Tensor], block: int = BLOCK
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Do the same as `curved` where the directions lie next to one another in memory: (numbers, G)."""
    order = in_memory(one, range(1, one.ndim))
    G = len(one)
    shape = [one.shape[k] for k in order]
    back = [0] * one.ndim
    for at, k in enumerate([*order, 0]):
        back[k] = at

    def matrix(values: Tensor) -> Tensor:
        full = values.expand(len(values), *one.shape[1:])
        return full.permute(*order, 0).reshape(-1, len(values))

    u = matrix(one)
    b = None if two is None else matrix(two)
    e, f, *more = map(matrix, weights)
    n = len(u)
    s2, s3 = u.new_zeros(G), u.new_zeros(G)
    outs = tuple(u.new_empty(n, G) for _ in more)
    step = max(1, block // G)
    for at in range(0, n, step):
        g = slice(at, min(at + step, n))
        z = u[g]
        square = z * z
        s2 += (square * e[g]).sum(0)
        if more:
            torch.mul(z, more[0][g], out=outs[0][g])
            torch.mul(square, more[1][g], out=outs[1][g])
            if b is not None:
                outs[1][g].addcmul_(b[g], more[0][g])
        square.mul_(f[g])
        if b is not None:
            square.addcmul_(b[g], e[g], value=3)
        s3 += square.mul_(z).sum(0)
    return s2.unsqueeze(0), s3.unsqueeze(0), tuple(out.reshape(*shape, G).permute(back) for out in outs)


def _sum_rows(values: Tensor, weights: Tensor, out: Tensor) -> None:
    """Write sum over a row of weights * values."""
    if len(weights) == 1 and weights.shape[1] == values.shape[1]:
        torch.mv(values, weights[0], out=out)
    else:
        torch.sum(values * weights, 1, out=out)

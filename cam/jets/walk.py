"""Pure second and third derivatives of one score along many lines at once: the formulas of `cam.jets`.

A walk goes once through the operations between A and the last curved one, with the first and second derivatives of
every node along all directions of a chunk. What each curved operation ("site") adds to the second and third derivative
of the score is weighed with the score's gradient by that operation's output, which all directions share.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.lazy import Unmade, quadratic
from cam.jets.term import Term, boxed, merged, whole

Terms = tuple[Any, ...]  # of Term, and of what `cam.jets.lazy` has before it is worked out


@dataclass(frozen=True, eq=False)
class Jet:
    """First and second derivative of a node along all directions, each a sum of terms; no term is zero."""

    first: Terms
    second: Terms = ()

    def each(self, move: Callable[[Term], Any], lazily: Callable[[Any], Any] | None = None) -> "Jet":
        """Return the jet of a linear operation that acts term by term.

        Args:
            move: what becomes of a term.
            lazily: what becomes of one that is not multiplied out, or None if it has to be; it is by default.
        """

        def moved(term: Any) -> Any:
            if isinstance(term, Term):
                return move(term)
            found = None if lazily is None else lazily(term)
            return move(term.solid()) if found is None else found

        return Jet(tuple(map(moved, self.first)), tuple(map(moved, self.second)))

    def solid(self) -> "Jet":
        """Return the jet with every term multiplied out."""
        return self.each(lambda term: term)

    def pair(self) -> tuple[Term, Term | None]:
        """Return first and second derivative, each merged, in one box; the second's spread is the first's squared."""
        jet = self.solid()
        one = merged(jet.first)
        if not jet.second:
            return one, None
        two = merged(jet.second)
        if one.spread is not None or two.spread is not None:
            squared = one.spread is not None and two.spread is not None and torch.equal(one.spread.square(), two.spread)
            if not squared:
                one, two = one.apart(), two.apart()
        return boxed(one, two)

    def dense(self) -> tuple[Tensor, Tensor | None]:
        """Return first and second derivative, each (directions, *shape)."""
        jet = self.solid()
        return sum_dense(jet.first), sum_dense(jet.second) if jet.second else None


def _shared(jet: Any) -> Any:
    """Return a jet that several operations read: no term of it may be written over."""
    if not isinstance(jet, Jet):
        return jet
    return jet.each(lambda term: replace(term, owned=False) if term.owned else term, lambda term: term)


def sum_dense(terms: Terms) -> Tensor:
    """Return the sum of terms, (directions, *shape)."""
    first, *others = (term.dense() for term in terms)
    for other in others:
        first = first + other
    return first


Rule = Callable[..., Any]


@dataclass(eq=False)
class Walk:
    """One pass over a chunk of directions.

    Args:
        values: of every node, at A.
        adjoints: of every site, the score's gradient by its output.
        live: the nodes behind which there is a site.
        second, third: what each site adds to the derivatives of the score, (directions,).
    """

    plan: Any
    jets: dict[Node, Any]
    second: dict[Node, Tensor] = field(default_factory=dict)
    third: dict[Node, Tensor] = field(default_factory=dict)
    held: int = 0
    largest: int = 1

    def value(self, operand: Any) -> Any:
        """Return the value at A of an operand, itself if it is no node; also of those in lists."""
        return map_arg(operand, self.plan.values.__getitem__)

    def moves(self, operand: Any) -> bool:
        """Whether an operand is a node that moves along some direction."""
        return isinstance(operand, Node) and operand in self.jets

    def goes_on(self, node: Node) -> bool:
        """Whether a site comes behind the node."""
        return node in self.plan.passed

    def add(self, node: Node, second: Tensor | None, third: Tensor | None) -> None:
        """Add what a site contributes, (directions,)."""
        for sums, more in ((self.second, second), (self.third, third)):
            if more is not None:
                sums[node] = sums[node] + more if node in sums else more

    def run(self) -> None:
        """Go through the operations."""
        for node in self.plan.order:
            if not any(parent in self.jets for parent in node.all_input_nodes):
                continue
            jet = self.plan.rules[node](self, node, *node.args, **node.kwargs)
            if jet is not None:
                self.jets[node] = jet if len(node.users) == 1 else _shared(jet)
            self._weigh(jet)
            for parent in self.plan.last[node]:
                self.jets.pop(parent, None)

    def _weigh(self, jet: Any) -> None:
        """Note how many bytes the derivatives take that are held at once, and those of one node at most."""
        self.largest = max(self.largest, _bytes(jet))
        self.held = max(self.held, sum(map(_bytes, self.jets.values())) + _bytes(jet))


def _bytes(jet: Any) -> int:
    if isinstance(jet, list):
        return sum(map(_bytes, jet))
    if not isinstance(jet, Jet):
        return 0
    boxes = (term.values for term in (*jet.first, *jet.second) if isinstance(term, Term))
    return sum(box.numel() * box.element_size() for box in boxes)


# What most rules are made of


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
    rows = values.permute(*outer, 0, *inner).reshape(-1, len(values), prod(values.shape[k] for k in inner))
    columns = weights.permute(*(k - 1 for k in outer), *(k - 1 for k in inner)).reshape(len(rows), -1, 1)
    if len(rows) == 1:
        return torch.mv(rows[0], columns[0, :, 0])
    return torch.bmm(rows, columns).sum(0)[:, 0]


def paired(one: Tensor, other: Tensor) -> Tensor:
    """Return sum over the box of one * other, (G,)."""
    order = in_memory(one, range(1, one.ndim))
    return (one * other).permute(0, *order).flatten(1).sum(1) if order else one * other


def elementwise(walk: Walk, node: Node, x: Node, slopes: Sequence[Tensor | None]) -> Jet | None:
    """Follow phi, place by place, from its derivatives phi', phi'', phi''' at A; None for what is zero everywhere.

    Adds to S'': lambda phi'' z1^2; to S''': lambda (phi''' z1^3 + 3 phi'' z1 z2).
    """
    first, second, _ = slopes
    goes_on = walk.goes_on(node)
    cross = None if goes_on or second is None else _cross(walk, node, x)
    jet = walk.jets[x] if cross is None else Jet(walk.jets[x].first)
    one, two = jet.pair()
    if second is None:
        assert first is not None
        slope = one.inside(first)
        return Jet((one.like(one.values * slope),), () if two is None else (two.like(two.values * slope),))
    weights = walk.plan.cache[node, "weights"]
    inside = [one.inside(w) for w in (*weights, *((first, second) if goes_on else ()))]
    rows = Rows.of(one)
    block = BLOCK if walk.plan.options.blocks else one.values.numel()
    follow = across if rows.is_across else curved
    s2, s3, outs = follow(rows, one.values, None if two is None else two.values, inside, block)
    walk.add(node, rows.total(s2, 2), rows.total(s3, 3))
    if not goes_on:
        if cross is not None:
            walk.add(node, None, 3 * cross)
        return None
    spread = None if one.spread is None else one.spread.square()
    return Jet((one.like(outs[0]),), (Term(outs[1], one.axes, one.parts, spread),))


def _cross(walk: Walk, node: Node, x: Node) -> Tensor | None:
    """Return sum lambda phi'' z1 z2 without working z2 out, where that is cheaper: `cam.jets.lazy.Unmade`."""
    jet = walk.jets[x]
    if len(jet.second) != 1 or not isinstance(jet.second[0], Unmade):
        return None
    unmade = jet.second[0]
    others = [term for term in jet.first if term is not unmade.made]
    if len(others) + 1 != len(jet.first) or not all(isinstance(term, Term) for term in others):
        return None
    bend, _ = walk.plan.cache[node, "weights"]
    return quadratic(unmade, others, bend, walk.plan.kept((node, "forms"), dict))


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


def whole_jet(first: Tensor, second: Tensor | None) -> Jet:
    """Return the jet of derivatives that fill the node, (directions, *shape) each."""
    return Jet((whole(first),), () if second is None else (whole(second),))

"""Pure second and third derivatives of one score along many lines at once: the formulas of `cam.jets`.

A walk goes once through the operations between A and the last curved one, with the first and second derivatives of
every node along all directions of a chunk. What each curved operation ("site") adds to the second and third derivative
of the score is weighed with the score's gradient by that operation's output, which all directions share.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.lazy import Unmade, quadratic
from cam.jets.merging import boxed, merged
from cam.jets.rows import BLOCK, Rows, across, curved
from cam.jets.term import Term, whole

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
        one = merged(self.first)
        if not self.second:
            return one, None
        two = merged(self.second)
        if one.spread is not None or two.spread is not None:
            squared = one.spread is not None and two.spread is not None and torch.equal(one.spread.square(), two.spread)
            if not squared:
                one, two = one.apart(), two.apart()
        return boxed(one, two)

    def dense(self) -> tuple[Tensor, Tensor | None]:
        """Return first and second derivative, each (directions, *shape)."""
        jet = self.solid()
        return sum_dense(jet.first), sum_dense(jet.second) if jet.second else None


def _in_precision(jet: Jet, value: Any) -> Jet:
    """Return the jet in the precision of the node's value: a model may work in several."""
    terms = [term for term in (*jet.first, *jet.second) if isinstance(term, Term)]
    if not isinstance(value, Tensor) or all(term.values.dtype == value.dtype for term in terms):
        return jet
    return jet.each(lambda term: term.to(value.dtype))


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
            if isinstance(jet, Jet):
                jet = _in_precision(jet, self.plan.values[node])
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


def summed(values: Tensor, adjoint: Tensor) -> Tensor:
    """Return the sum over a node's entries, if only one, of values (n, *shape) times its flat adjoint: (n,)."""
    return values.reshape(len(values), -1) @ adjoint


def whole_jet(first: Tensor, second: Tensor | None) -> Jet:
    """Return the jet of derivatives that fill the node, (directions, *shape) each."""
    return Jet((whole(first),), () if second is None else (whole(second),))

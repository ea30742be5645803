"""Sums of operands."""

from collections.abc import Sequence
from typing import Any

from torch.fx import Node

from cam.jets.rules.table import rule
from cam.jets.term import Term, whole
from cam.jets.walk import Jet, Walk


@rule("add")
def _add(walk: Walk, node: Node, x: Any, y: Any, alpha: float = 1) -> Jet:
    return _joined(walk, node, (x, 1), (y, alpha))


@rule("sub")
def _sub(walk: Walk, node: Node, x: Any, y: Any, alpha: float = 1) -> Jet:
    return _joined(walk, node, (x, 1), (y, -alpha))


@rule("rsub")
def _rsub(walk: Walk, node: Node, x: Any, y: Any, alpha: float = 1) -> Jet:
    return _joined(walk, node, (x, -alpha), (y, 1))


def _joined(walk: Walk, node: Node, *summands: tuple[Any, float]) -> Jet:
    shape = walk.plan.values[node].shape
    first: list[Term] = []
    second: list[Term] = []
    for x, factor in summands:
        if walk.moves(x):
            same = factor == 1 and walk.plan.values[x].shape == shape
            jet = walk.jets[x].each(
                lambda term, factor=factor: stretched(scaled(term, factor), shape),
                (lambda term: term) if same else None,
            )
            first += jet.first
            second += jet.second
    return Jet(tuple(first), tuple(second))


def scaled(term: Term, factor: float) -> Term:
    """Return the term times a number."""
    return term if factor == 1 else term.like(term.values * factor)


def stretched(term: Term, shape: Sequence[int]) -> Term:
    """Return the term broadcast to a larger shape."""
    if tuple(term.shape) == tuple(shape):
        return term
    values = term.dense()
    values = values.reshape(len(values), *(1,) * (len(shape) - values.ndim + 1), *values.shape[1:])
    return whole(values.expand(-1, *shape))


@rule("neg")
def _neg(walk: Walk, node: Node, x: Node) -> Jet:
    return walk.jets[x].each(lambda term: term.like(-term.values))

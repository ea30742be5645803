"""Sums of operands."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch.fx import Node

from cam.jets.rules.table import rule
from cam.jets.term import Axis, Term
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
    """Return the term broadcast to a larger shape; what is repeated is not copied."""
    if tuple(term.shape) == tuple(shape):
        return term
    parts = (*(0,) * (len(shape) - len(term.parts)), *term.parts)
    term = replace(term, parts=parts, owned=False)
    for d, (one, size) in enumerate(zip(term.shape, shape, strict=True)):
        if one != size:
            term = _repeated(term, d, size)
    return term


def _repeated(term: Term, d: int, size: int) -> Term:
    """Return the term with dimension d, which has one place, broadcast to a size."""
    k = sum(term.parts[:d])
    for _ in range(term.parts[d]):
        term = term.without(k)
    values = term.values.unsqueeze(k + 1)
    values = values.expand(*values.shape[: k + 1], size, *values.shape[k + 2 :])
    spread = None if term.spread is None else term.spread.unsqueeze(k + 2)
    axes = (*term.axes[:k], Axis(size), *term.axes[k:])
    return Term(values, axes, (*term.parts[:d], 1, *term.parts[d + 1 :]), spread)


@rule("neg")
def _neg(walk: Walk, node: Node, x: Node) -> Jet:
    return walk.jets[x].each(lambda term: term.like(-term.values))

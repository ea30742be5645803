"""Operations that choose among numbers: the derivative of what torch chooses at A, a tie shared as torch shares it."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from cam.jets.rules.sums import stretched
from cam.jets.rules.table import rule
from cam.jets.term import Term
from cam.jets.walk import Jet, Walk


@rule("eq", "ne", "gt", "ge", "lt", "le", "sign", "floor", "ceil", "round", "logical_not", "argmax", "argmin")
def _steps(walk: Walk, node: Node, *_: Any, **__: Any) -> None:
    """Return nothing: a step function does not move."""


@rule("where")
def _where(walk: Walk, node: Node, condition: Any, x: Any = None, y: Any = None) -> Jet | None:
    chosen = walk.value(condition)
    return _weighted(walk, node, (x, chosen), (y, ~chosen))


@rule("masked_fill")
def _masked_fill(walk: Walk, node: Node, x: Any, mask: Any, value: Any) -> Any:
    hidden = walk.value(mask)
    return _weighted(walk, node, (x, ~hidden), (value, hidden))


@rule("maximum", "minimum")
def _maximum(walk: Walk, node: Node, x: Any, y: Any) -> Jet | None:
    out = walk.plan.values[node]
    one, other = ((walk.value(operand) == out).to(out) for operand in (x, y))
    return _weighted(walk, node, (x, one / (one + other)), (y, other / (one + other)))


def _weighted(walk: Walk, node: Node, *summands: tuple[Any, Tensor]) -> Jet | None:
    """Return the jet of the sum of operands, each times constant weights."""
    value = walk.plan.values[node]
    first: list[Term] = []
    second: list[Term] = []
    for x, weights in summands:
        if walk.moves(x):
            weights = weights.to(value)

            def moved(term: Term, weights: Tensor = weights) -> Term:
                term = stretched(term, value.shape)
                return term.like(term.values * term.inside(weights))

            jet = walk.jets[x].each(moved)
            first += jet.first
            second += jet.second
    return Jet(tuple(first), tuple(second)) if first else None


@rule("amax", "amin")
def _amax(walk: Walk, node: Node, x: Node, dims: Any = (), keepdim: bool = False) -> Jet:
    X, out = walk.plan.values[x], walk.plan.values[node]
    dims = [dims] if isinstance(dims, int) else list(dims)
    dims = [d % X.ndim for d in dims] or list(range(X.ndim))
    tied = (out.reshape([1 if d in dims else n for d, n in enumerate(X.shape)]) == X).to(X)
    weights = tied / tied.sum(dims, keepdim=True)
    return walk.jets[x].each(lambda term: term.like(term.values * term.inside(weights)).summed(dims, keepdim))


@rule("max", "min")
def _max(walk: Walk, node: Node, x: Node, dim: Any = None, keepdim: bool = False) -> Any:
    if dim is None:
        return _amax(walk, node, x)
    if not isinstance(dim, int):
        return _maximum(walk, node, x, dim)
    X = walk.plan.values[x]
    index = walk.plan.values[node][1]
    weights = torch.zeros_like(X).scatter(dim, index if keepdim else index.unsqueeze(dim), 1)
    d = dim % X.ndim
    moved = walk.jets[x].each(lambda term: term.like(term.values * term.inside(weights)).summed([d], keepdim))
    return [moved, None]

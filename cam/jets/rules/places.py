"""Operations that move numbers about, and sums over dimensions."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch.fx import Node

from cam.jets.lazy import Product
from cam.jets.rules.sums import scaled
from cam.jets.rules.table import rule
from cam.jets.walk import Jet, Walk
from cam.smooth import name_of


@rule("view", "_unsafe_view", "reshape")
def _view(walk: Walk, node: Node, x: Node, *_: Any) -> Jet:
    shape = walk.plan.values[node].shape
    return walk.jets[x].each(lambda term: term.viewed(shape), _viewed(shape))


def _viewed(shape: Sequence[int]) -> Callable[[Any], Any]:
    return lambda term: term.viewed(shape) if isinstance(term, Product) else None


@rule("unsqueeze", "squeeze", "flatten", "unflatten")
def _same_order(walk: Walk, node: Node, x: Node, *_: Any) -> Jet:
    return _view(walk, node, x)


@rule("permute")
def _permute(walk: Walk, node: Node, x: Node, dims: Sequence[int]) -> Jet:
    n = len(dims)
    return walk.jets[x].each(lambda term: term.permuted([d % n for d in dims]))


@rule("transpose")
def _transpose(walk: Walk, node: Node, x: Node, one: int, other: int) -> Jet:
    dims = list(range(walk.plan.values[x].ndim))
    dims[one], dims[other] = dims[other], dims[one]
    return _permute(walk, node, x, dims)


@rule("t")
def _t(walk: Walk, node: Node, x: Node) -> Jet:
    return _permute(walk, node, x, [1, 0] if walk.plan.values[x].ndim == 2 else [0])


@rule("clone", "contiguous", "alias", "_to_copy", "detach")
def _same(walk: Walk, node: Node, x: Node, **_: Any) -> Jet:
    return walk.jets[x]


@rule("mean", "sum")
def _mean(walk: Walk, node: Node, x: Node, dims: Any = None, keepdim: bool = False, **_: Any) -> Jet:
    shape = walk.plan.values[x].shape
    dims = [dims] if isinstance(dims, int) else list(dims or range(len(shape)))
    dims = [d % len(shape) for d in dims]
    share = 1 / prod(shape[d] for d in dims) if name_of(node) == "mean" else 1
    return walk.jets[x].each(lambda term: scaled(term.summed(dims, keepdim), share))

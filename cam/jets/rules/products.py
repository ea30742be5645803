"""Products and quotients, by numbers that stay and of two operands that move."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from cam.jets.rules.generic import generic
from cam.jets.rules.sums import stretched
from cam.jets.rules.table import rule
from cam.jets.term import Term
from cam.jets.walk import Jet, Walk, whole_jet
from cam.smooth import name_of


@rule("mul", "div")
def _mul(walk: Walk, node: Node, x: Any, y: Any, **how: Any) -> Any:
    if how:  # a rounding mode
        return generic(walk, node)
    if walk.moves(y) and name_of(node) == "div":
        return quotient(walk, node, x, y)
    if walk.moves(x) and walk.moves(y):
        return product(walk, node, torch.mul, x, y)
    x, y = (x, y) if walk.moves(x) else (y, x)
    factor = walk.value(y)
    shape = walk.plan.values[node].shape
    if isinstance(factor, Tensor):
        factor = factor.to(walk.plan.values[node].dtype)
    if name_of(node) == "div":
        factor = 1 / factor

    def scaled(term: Term) -> Term:
        term = stretched(term, shape)
        return term.like(term.values * (term.inside(factor) if isinstance(factor, Tensor) else factor))

    return walk.jets[x].each(scaled)


@rule("bmm")
def _bmm(walk: Walk, node: Node, x: Any, y: Any) -> Any:
    if walk.moves(x) and walk.moves(y):
        return product(walk, node, torch.matmul, x, y)
    return generic(walk, node)


def product(walk: Walk, node: Node, times: Callable[[Tensor, Tensor], Tensor], x: Node, y: Node) -> Jet | None:
    """Follow a product that is linear in each factor: F''[z1, z1] = 2 x1 y1, F''[z1, z2] = x1 y2 + x2 y1, F''' = 0."""
    X, Y = walk.plan.values[x], walk.plan.values[y]
    n = walk.plan.values[node].ndim

    def dense(node: Node) -> tuple[Tensor, Tensor | None]:
        one, two = walk.jets[node].dense()
        missing = (1,) * (n - one.ndim + 1)
        one = one.reshape(len(one), *missing, *one.shape[1:])
        return one, None if two is None else two.reshape(one.shape)

    x1, x2 = dense(x)
    y1, y2 = dense(y)
    adjoint = walk.plan.adjoints[node].reshape(-1)
    both = 2 * times(x1, y1)
    walk.add(node, both.flatten(1) @ adjoint, None)
    second = both
    if x2 is not None:
        walk.add(node, None, 3 * (times(x2, y1).flatten(1) @ adjoint))
        second = second + times(x2, Y)
    if y2 is not None:
        walk.add(node, None, 3 * (times(x1, y2).flatten(1) @ adjoint))
        second = second + times(X, y2)
    if not walk.goes_on(node):
        return None
    return whole_jet(times(x1, Y) + times(X, y1), second)


def quotient(walk: Walk, node: Node, x: Any, y: Node) -> Jet | None:
    """Q = x/y along x + t a, y + t b: q' = (a - q b)/y, q'' = -2 b q'/y, q''' = 6 b^2 q'/y^2; see `_product`.

    With the second derivatives c and d of x and y: F''[z1, z2] = -(d q' + b (c - q d)/y)/y.
    """
    q, Y = walk.plan.values[node], walk.plan.values[y]

    def dense(operand: Any) -> tuple[Any, Any]:
        if not walk.moves(operand):
            return 0.0, None
        one, two = walk.jets[operand].dense()
        shape = (len(one), *(1,) * (q.ndim - one.ndim + 1), *one.shape[1:])
        return one.reshape(shape), None if two is None else two.reshape(shape)

    a, c = dense(x)
    b, d = dense(y)
    adjoint = walk.plan.adjoints[node].reshape(-1)
    slope = (a - q * b) / Y
    second = -2 * b * slope / Y
    walk.add(node, second.flatten(1) @ adjoint, (-3 * b * second / Y).flatten(1) @ adjoint)
    if c is not None or d is not None:
        moved = ((0.0 if c is None else c) - (0.0 if d is None else q * d)) / Y
        cross = -((0.0 if d is None else d * slope) + b * moved) / Y
        walk.add(node, None, 3 * (cross.flatten(1) @ adjoint))
        second = second + moved
    return whole_jet(slope, second) if walk.goes_on(node) else None

"""Products and quotients, by numbers that stay and of two operands that move."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from cam.jets.rules.generic import generic, generic_curved
from cam.jets.rules.sums import scaled, stretched
from cam.jets.rules.table import rule
from cam.jets.term import Term, whole
from cam.jets.walk import Jet, Walk, summed, whole_jet
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
        return product(walk, node, matmul, x, y)
    return matrices(walk, x, y)


@rule("baddbmm")
def _baddbmm(walk: Walk, node: Node, bias: Any, x: Any, y: Any, beta: float = 1, alpha: float = 1) -> Any:
    if alpha != 1 or (walk.moves(x) and walk.moves(y) and walk.moves(bias)):
        return generic(walk, node) if not (walk.moves(x) and walk.moves(y)) else generic_curved(walk, node)
    if walk.moves(x) and walk.moves(y):
        return product(walk, node, matmul, x, y)
    shape = walk.plan.values[node].shape
    jets = [matrices(walk, x, y)] if walk.moves(x) or walk.moves(y) else []
    if walk.moves(bias):
        jets.append(walk.jets[bias].each(lambda term: scaled(stretched(term, shape), beta)))
    return Jet(sum((jet.first for jet in jets), ()), sum((jet.second for jet in jets), ()))


@rule("addcmul")
def _addcmul(walk: Walk, node: Node, x: Any, y: Any, z: Any, value: float = 1) -> Any:
    if walk.moves(y) and walk.moves(z):
        return generic_curved(walk, node)
    shape, dtype = walk.plan.values[node].shape, walk.plan.values[node].dtype
    jets = []
    if walk.moves(x):
        jets.append(walk.jets[x].each(lambda term: stretched(term, shape)))
    if walk.moves(y) or walk.moves(z):
        y, z = (y, z) if walk.moves(y) else (z, y)
        factor = walk.value(z).to(dtype) * value

        def moved(term: Term) -> Term:
            term = stretched(term, shape)
            return term.like(term.values * term.inside(factor))

        jets.append(walk.jets[y].each(moved))
    return Jet(sum((jet.first for jet in jets), ()), sum((jet.second for jet in jets), ()))


def matrices(walk: Walk, x: Any, y: Any) -> Jet:
    """Follow a product of matrices, or of stacks of them, one of which stays."""
    X, Y = walk.value(x), walk.value(y)
    if walk.moves(x):
        return walk.jets[x].each(lambda term: whole(matmul(term.dense(), Y)))
    return walk.jets[y].each(lambda term: whole(matmul(X, term.dense())))


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return x @ y, of matrices or stacks of them; one may lack the directions, which come first: it is not repeated.

    Then all directions are rows, or columns, of one product.
    """
    if x.ndim == y.ndim:
        return x @ y
    if x.ndim > y.ndim:
        rows = x.movedim(0, -3)  # (stack, directions, n, k)
        product = rows.reshape(*y.shape[:-2], -1, y.shape[-2]) @ y
        return product.reshape(*rows.shape[:-1], y.shape[-1]).movedim(-3, 0)
    columns = y.movedim(0, -1)  # (stack, k, m, directions)
    product = x @ columns.reshape(*x.shape[:-2], x.shape[-1], -1)
    return product.reshape(*x.shape[:-1], *columns.shape[-2:]).movedim(-1, 0)


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
    walk.add(node, summed(both, adjoint), None)
    second = both
    if x2 is not None:
        walk.add(node, None, 3 * summed(times(x2, y1), adjoint))
        second = second + times(x2, Y)
    if y2 is not None:
        walk.add(node, None, 3 * summed(times(x1, y2), adjoint))
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
    walk.add(node, summed(second, adjoint), summed(-3 * b * second / Y, adjoint))
    if c is not None or d is not None:
        moved = ((0.0 if c is None else c) - (0.0 if d is None else q * d)) / Y
        cross = -((0.0 if d is None else d * slope) + b * moved) / Y
        walk.add(node, None, 3 * summed(cross, adjoint))
        second = second + moved
    return whole_jet(slope, second) if walk.goes_on(node) else None

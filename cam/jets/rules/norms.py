"""Layer norm."""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from cam.jets.lazy import Product
from cam.jets.rows import Rows, weighed
from cam.jets.rules.generic import generic_curved
from cam.jets.rules.table import rule
from cam.jets.term import Axis, Term
from cam.jets.walk import Jet, Walk


@rule("native_layer_norm")
def _layer_norm(walk: Walk, node: Node, x: Any, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
    """Y = weight u/sqrt(v) + bias, u = x - mean(x), v = mean(u^2) + eps: see `_normalised`."""
    if walk.moves(weight) or walk.moves(bias) or not walk.moves(x):
        return generic_curved(walk, node)
    n = len(shape)
    X = walk.plan.values[x]
    dims = range(X.ndim - n, X.ndim)
    one, two = walk.jets[x].pair()
    if walk.plan.options.one_place and two is None and n == 1 and _in_one_place(one):
        return _layer_norm_in_one(walk, node, one, X, walk.value(weight), eps)
    one = _over(one, dims)
    two = None if two is None else _over(two, dims)
    count = prod(shape)
    mine = [k + 1 for k in range(len(one.axes)) if k >= sum(one.parts[: X.ndim - n])]

    def mean(values: Tensor) -> Tensor:
        return values.sum(mine, keepdim=True) / count if mine else values  # torch takes no dimensions for all of them

    u = X - X.mean(list(dims), keepdim=True)
    v = u.square().mean(list(dims), keepdim=True) + eps
    r = one.inside(v.rsqrt())
    V, U = one.inside(v), one.inside(u)
    r1, r2, r3 = -r / (2 * V), 3 * r / (4 * V**2), -15 * r / (8 * V**3)
    a = one.values - mean(one.values)
    b = None if two is None else two.values - mean(two.values)
    v1, vaa = 2 * mean(U * a), 2 * mean(a * a)
    q1, q2 = r1 * v1, r2 * v1**2 + r1 * vaa
    q3 = r3 * v1**3 + 3 * r2 * v1 * vaa
    site = walk.plan.adjoints[node]
    scale = walk.value(weight)
    scale = torch.ones_like(X) if scale is None else scale.expand_as(X)
    adjoint = one.inside(site * scale)
    bend = q2 * U + 2 * q1 * a
    s3 = q3 * U + 3 * q2 * a
    if b is not None:
        w1, wab = 2 * mean(U * b), 2 * mean(a * b)
        cross = (r2 * v1 * w1 + r1 * wab) * U + q1 * b + r1 * w1 * a
        s3 = s3 + 3 * cross
    walk.add(node, weighed(adjoint, one, bend, 2), weighed(adjoint, one, s3, 3))
    if not walk.goes_on(node):
        return None
    gain = one.inside(scale)
    if b is not None:
        bend = bend + r * b + r1 * w1 * U
    spread = None if one.spread is None else one.spread.square()
    first = one.like(gain * (r * a + q1 * U))
    return [Jet((first,), (Term(gain * bend, one.axes, one.parts, spread),)), None, None]


def _layer_norm_in_one(walk: Walk, node: Node, one: Term, X: Tensor, weight: Tensor | None, eps: float) -> Any:
    """Do the same for z1 = s e_c, in one place c of those that are normalised: y1, y2 are in the span of u, e_c, 1.

    a = s (e_c - 1/n), mean(u a) = s u_c/n, mean(a^2) = s^2 (1 - 1/n)/n: nothing of the size of u is worked out.
    """
    keep = [k for k, axis in enumerate(one.axes) if axis.size > 1 or k == len(one.axes) - 1]
    gone = [k for k in range(len(one.axes)) if k not in keep]
    for k in reversed(gone):
        d = next(d for d in range(len(one.parts)) if k < sum(one.parts[: d + 1]))
        parts = tuple(m - (e == d) for e, m in enumerate(one.parts))
        one = replace(one.without(k), parts=parts)
    pick = one.axes[-1].pick
    assert pick is not None
    n = X.shape[-1]
    u = X - X.mean(-1, keepdim=True)
    v = u.square().mean(-1, keepdim=True) + eps
    gain = torch.ones_like(u) if weight is None else weight.expand_as(u)
    adjoint = walk.plan.adjoints[node] * gain
    full = replace(one, axes=(*one.axes[:-1], Axis(n)), values=one.values.expand(*one.values.shape[:-1], n))
    places = replace(full, values=one.values, axes=(*one.axes[:-1], Axis(1)), parts=one.parts)

    def at_places(tensor: Tensor) -> Tensor:
        return places.inside(tensor)

    s, uc = one.values, one.inside(u)
    V = at_places(v)
    r = V.rsqrt()
    r1, r2, r3 = -r / (2 * V), 3 * r / (4 * V**2), -15 * r / (8 * V**3)
    v1, vaa = 2 * s * uc / n, 2 * s * s * (1 - 1 / n) / n
    q1, q2 = r1 * v1, r2 * v1**2 + r1 * vaa
    q3 = r3 * v1**3 + 3 * r2 * v1 * vaa
    along_u = at_places((adjoint * u).sum(-1, keepdim=True))
    along_a = s * (one.inside(adjoint) - at_places(adjoint.mean(-1, keepdim=True)))
    rows = Rows.of(one)

    def total(values: Tensor, power: int) -> Tensor:
        return rows.total(rows.stack(values.expand(one.values.shape)).sum(2), power)

    walk.add(node, total(q2 * along_u + 2 * q1 * along_a, 2), total(q3 * along_u + 3 * q2 * along_a, 3))
    if not walk.goes_on(node):
        return None
    # The same for every chunk only where the directions lie in all places: a window is another one in the next chunk.
    everywhere = all(full.is_full(k) for k in range(len(full.axes)))
    one_u = (
        walk.plan.kept((node, "u", one.parts), lambda: full.inside(gain * u)) if everywhere else full.inside(gain * u)
    )
    own = one.values.new_zeros(len(one.values), *(1,) * (len(one.axes) - 1), n)
    own -= 1 / n
    own.view(len(own), n)[torch.arange(len(own)), pick] += 1
    if weight is not None:
        own = own * full.inside(weight)
    squared = None if one.spread is None else one.spread.square()

    def product(coefficients: Tensor, basis: Tensor, spread: Tensor | None) -> Product:
        return Product(coefficients, basis, full.axes, one.parts, spread, is_fixed=everywhere and basis is one_u)

    first = (product(q1, one_u, one.spread), product(r * s, own, one.spread))
    second = (product(q2, one_u, squared), product(2 * q1 * s, own, squared))
    return [Jet(first, second), None, None]


def _in_one_place(term: Term) -> bool:
    """Whether every direction lies in one place of the last axis, the node's last dimension."""
    last = len(term.axes) - 1
    return term.parts[-1] == 1 and term.axes[last].pick is not None and not term.spreads(last)


def _over(term: Term, dims: Sequence[int]) -> Term:
    """Return the term with all places along some dimensions, and no spread along them."""
    starts = [sum(term.parts[:d]) for d in range(len(term.parts))]
    mine = [k for d in dims for k in range(starts[d], starts[d] + term.parts[d])]
    if any(term.spreads(k) for k in mine):
        term = term.apart()
    for k in mine:
        term = term.filled(k)
    return term

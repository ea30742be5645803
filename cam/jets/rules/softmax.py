"""Softmax and its logarithm."""

from typing import Any

from torch import Tensor
from torch.fx import Node

from cam.jets.rules.table import rule
from cam.jets.walk import Jet, Walk, whole_jet


@rule("_softmax", "_safe_softmax")
def _softmax(walk: Walk, node: Node, x: Node, dim: int, *_: Any, **__: Any) -> Jet | None:
    """Follow p = softmax(z): d = z1 - E[z1], F'' = p (d^2 - m2) and F''' = p (d^3 - 3 d m2 - m3), moments under p."""
    one, two = walk.jets[x].dense()
    p = walk.plan.values[node]
    dim = dim % p.ndim + 1

    def mean(values: Tensor) -> Tensor:
        return (p * values).sum(dim, keepdim=True)

    d = one - mean(one)
    m2, m3 = mean(d * d), mean(d**3)
    bend = p * (d * d - m2)
    third = p * (d**3 - 3 * d * m2 - m3)
    second = bend
    if two is not None:
        e = two - mean(two)
        third = third + 3 * p * (d * e - mean(d * e))
        second = bend + p * e
    adjoint = walk.plan.adjoints[node].reshape(-1)
    walk.add(node, bend.flatten(1) @ adjoint, third.flatten(1) @ adjoint)
    return whole_jet(p * d, second) if walk.goes_on(node) else None


@rule("_log_softmax")
def _log_softmax(walk: Walk, node: Node, x: Node, dim: int, *_: Any) -> Jet | None:
    """Z - log sum exp z: the sum's logarithm has the cumulants of z1 under p as its derivatives."""
    one, two = walk.jets[x].dense()
    p = walk.plan.values[node].exp()
    dim = dim % p.ndim + 1

    def mean(values: Tensor) -> Tensor:
        return (p * values).sum(dim, keepdim=True)

    d = one - mean(one)
    bend = -mean(d * d).expand_as(d)
    third = -mean(d**3).expand_as(d)
    second = bend
    if two is not None:
        e = two - mean(two)
        third = third - 3 * mean(d * e)
        second = bend + e
    adjoint = walk.plan.adjoints[node].reshape(-1)
    walk.add(node, bend.flatten(1) @ adjoint, third.flatten(1) @ adjoint)
    return whole_jet(d, second) if walk.goes_on(node) else None

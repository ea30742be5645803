"""Sums of terms of one node, in the smallest box that holds them all."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from cam.jets.lazy import Product
from cam.jets.term import Term


def merged(terms: Sequence[Any]) -> Term:
    """Return the sum of terms of one node, in the smallest box that holds them all; lazy ones are multiplied out."""
    first, *others = terms
    first = _solid(first)
    for other in others:
        if isinstance(other, Product) and first.owned and _alike(first, other.outline()):
            first.values.addcmul_(other.coefficients, other.basis)
        else:
            first = _sum(first, _solid(other))
    return first


def _solid(term: Any) -> Term:
    return term if isinstance(term, Term) else term.solid()


def _alike(one: Term, other: Term) -> bool:
    """Whether two terms lie in the same box and have the same spread."""
    return (
        _same_spread(one.spread, other.spread)
        and one.parts == other.parts
        and one.values.shape[1:] == other.values.shape[1:]
        and all(
            a.size == b.size and a.start == b.start and a.pick is b.pick
            for a, b in zip(one.axes, other.axes, strict=True)
        )
    )


def _same_spread(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return one is other or (one.shape == other.shape and torch.equal(one, other))


def _sum(one: Term, other: Term) -> Term:
    alike = _alike(one, other)
    if other.owned and not one.owned:
        one, other = other, one
    if alike and one.owned:
        one.values.add_(other.values)
        return one
    if not alike:
        if one.owned and _added(one, other):
            return one
        one, other = boxed(one.apart(), other.apart())
    return one.like(one.values + other.values)


def _added(one: Term, other: Term) -> bool:
    """Add a term to an owned one in place if it lies inside its box; say whether that was so."""
    if one.spread is not None or other.spread is not None or one.parts != other.parts:
        return False
    part, index = one.values, [torch.arange(len(one.values), device=one.values.device)]
    order = [0]
    for k, (a, b) in enumerate(zip(one.axes, other.axes, strict=True)):
        if a.size != b.size or a.pick is not None:
            return False
        (a0, a1), (b0, b1) = _reach(one, k), _reach(other, k)
        if b0 < a0 or b1 > a1:
            return False
        if b.pick is None:
            part = part.narrow(k + 1, b0 - a0, b1 - b0)
        else:
            order.append(k + 1)
            index.append(b.pick - a0)
    rest = [k for k in range(part.ndim) if k not in order]
    part = part.permute(*order, *rest)
    values = other.values.permute(*order, *rest)
    part[tuple(index)] += values.reshape(len(values), *part.shape[len(order) :])
    return True


def boxed(one: Term, other: Term) -> tuple[Term, Term]:
    """Return two terms of one node without spread, or with spreads that are left as they are, in one common box."""
    if [a.size for a in one.axes] != [b.size for b in other.axes] or one.parts != other.parts:
        one, other = one.single(), other.single()
    for k in range(len(one.axes)):
        a, b = one.axes[k], other.axes[k]
        if a.pick is not None and a.pick is b.pick:
            continue
        (a0, a1), (b0, b1) = _reach(one, k), _reach(other, k)
        start, stop = min(a0, b0), max(a1, b1)
        one, other = one.widened(k, start, stop - start), other.widened(k, start, stop - start)
    return one, other


def _reach(term: Term, k: int) -> tuple[int, int]:
    axis = term.axes[k]
    if axis.pick is None:
        return axis.start, axis.start + term.values.shape[k + 1]
    return int(axis.pick.min()), int(axis.pick.max()) + 1

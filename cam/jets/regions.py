"""How far an entry may move: the region of a piecewise-linear tail in which it is affine along the entry's line.

Up to the first kink every unit moves with the velocity that it has at A. So the distance, on either side, is exact:

    radius_i = min |place - z|/|dz/dA_i|       over units z and the places where two pieces of their operation meet
               min (y - x)/|dy/dA_i - dx/dA_i|  over what a maximum y was chosen among
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets import kinks
from cam.jets.derivatives import GIB, checked, checked_entries
from cam.jets.plan import Plan, Rule
from cam.jets.rays import Root, lines
from cam.jets.walk import Jet, Walk
from cam.smooth import bends, name_of
from cam.tail import Tail

WATCHED = frozenset(kinks.PLACES) | kinks.EXTREMES | kinks.BETWEEN | kinks.POOLS


def region_radius(tail: Tail, A: Tensor, entries: Tensor | None = None, *, target: int, memory: int = GIB) -> Tensor:
    """Return how far each entry may move, up or down, before a unit that moves with it reaches a kink.

    Within the radius the score is affine along the entry and the closed form of alpha holds. It is 0 where A lies on
    a kink, and infinite where no unit moves towards one. Units count also if the score does not depend on them. The
    error is that of the quotients: roundings of z and of its velocity, beside |place| + |z|.

    Args:
        tail: from `cam.cut`, piecewise linear.
        A: (1, ...), of the shape at which the tail was cut.
        entries: flat indices into A, shape (n,); all of them by default.
        target: which score; all scores of a tail share its units.
        memory: about how many bytes the velocities of one chunk may take.

    Returns:
        Shape (n,).

    Raises:
        ValueError: the tail is smooth, or it has operations whose pieces are not known; the message names them.
            There is no such score or entry, or A has another shape.
    """
    with torch.inference_mode(False), torch.no_grad():
        return _radius(Plan(tail.coarse, checked(tail, A), target), entries, memory)


def _radius(plan: Plan, entries: Tensor | None, memory: int) -> Tensor:
    A = plan.A
    entries = torch.arange(A.numel(), device=A.device) if entries is None else checked_entries(entries, A)
    if plan.sites:
        names = ", ".join(dict.fromkeys(map(name_of, plan.sites)))
        raise ValueError(f"only a piecewise-linear tail has regions in which it is affine; this one has {names}")
    bent = [node for node in plan.nodes if bends(node)]
    unknown = [name_of(node) for node in bent if name_of(node) not in WATCHED or not plan.watches(node)]
    if unknown:
        raise ValueError(f"it is not known where the pieces of {', '.join(dict.fromkeys(unknown))} meet")
    found = A.new_full((A.numel(),), torch.inf)
    if bent and len(entries):
        plan.follow(bent)
        for node in bent:
            plan.rules[node] = _watching(plan.rules[node], found)
        for walk, places in _walks(plan, entries.unique(), memory):
            plan.cache["places"] = places
            walk.run()
    return found[entries]


def _walks(plan: Plan, entries: Tensor, memory: int) -> Iterator[tuple[Walk, Tensor]]:
    source = plan.source
    numbers = sum(value.numel() for node in plan.order if isinstance(value := plan.values[node], Tensor))
    windows = [_pool_size(plan, node) for node in plan.order if name_of(node) in kinks.POOLS]
    each = plan.A.element_size() * (2 * numbers + 4 * max([0, *windows]))
    channel = 1 if plan.A.ndim >= 4 else plan.A.ndim - 1
    start = Root(source, torch.arange(plan.A.numel()), torch.ones_like(plan.A).flatten(), channel, False)
    for chunk in lines(plan, start, entries, max(1, memory // max(each, 1))):
        yield Walk(plan, {source: Jet((chunk.term,))}), chunk.places


def _pool_size(plan: Plan, node: Node) -> int:
    height, width = node.args[1][0], node.args[1][-1]  # type: ignore[index]
    return int(plan.values[node][0].numel() * height * width)


def _watching(rule: Rule, found: Tensor) -> Rule:
    """Return the rule of a piecewise-linear operation that first notes how near its kinks are."""

    def watched(walk: Walk, node: Node, *args: Any, **kwargs: Any) -> Any:
        places = walk.plan.cache["places"]
        found[places] = torch.minimum(found[places], _nearest(walk, node))
        return rule(walk, node, *args, **kwargs) if walk.goes_on(node) else None

    return watched


def _nearest(walk: Walk, node: Node) -> Tensor:
    """Return the distance of an operation's nearest kink along each direction of a walk."""
    values = walk.plan.values
    name = name_of(node)
    operands: Any = map_arg(node.args, values.__getitem__)
    x, *rest = operands

    def velocity(operand: Any) -> Tensor:
        if walk.moves(operand):
            return walk.jets[operand].dense()[0]
        return torch.zeros((), dtype=x.dtype, device=x.device)

    v = velocity(node.args[0])
    if name in kinks.PLACES:
        distances = [_quotient(place - x, v) for place in kinks.PLACES[name](*rest)]
        return torch.stack(distances).amin(0) if distances else x.new_full((len(v),), torch.inf)
    if name in kinks.BETWEEN:
        return _quotient(*_broadcast(x - rest[0], v, velocity(node.args[1])))
    if name in kinks.POOLS:
        top, index = values[node]
        seen = kinks.pooled(torch.arange(x[0, 0].numel(), dtype=torch.float64).view(x.shape[-2:]), *rest)
        inside = seen >= 0
        at = seen.clamp(min=0).long()
        velocities = v.flatten(-2)
        won = velocities.gather(-1, index.flatten(-2).expand(*velocities.shape[:-1], -1)).view(
            *v.shape[:-2], *index.shape[-2:]
        )
        gaps = torch.where(inside, top[..., None, None] - x.flatten(-2)[..., at], torch.inf)
        return _quotient(gaps, velocities[..., at] - won[..., None, None])
    dims = kinks.dims_of(x, rest)
    flat = x.permute(*(d for d in range(x.ndim) if d not in dims), *dims).flatten(x.ndim - len(dims))
    v = v.permute(0, *(d + 1 for d in range(x.ndim) if d not in dims), *(d + 1 for d in dims)).flatten(
        x.ndim - len(dims) + 1
    )
    best = flat.max(-1, keepdim=True) if name in ("amax", "max") else flat.min(-1, keepdim=True)
    return _quotient(flat - best.values, v - v.gather(-1, best.indices.expand(*v.shape[:-1], 1)))


def _broadcast(gap: Tensor, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return a gap and the difference of two velocities, (directions, *shape) each or a number."""
    n = gap.ndim + 1
    one, other = (v if not v.ndim else v.view(len(v), *(1,) * (n - v.ndim), *v.shape[1:]) for v in (one, other))
    return gap, one - other


def _quotient(gap: Tensor, velocity: Tensor) -> Tensor:
    """Return min |gap|/|velocity| of each direction, over what moves."""
    distance = torch.where(velocity != 0, gap.abs() / velocity.abs(), torch.inf)
    return distance.flatten(1).amin(1)

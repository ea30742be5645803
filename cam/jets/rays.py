"""Which lines are followed, and which of them together.

Root: the last node that every curved operation is behind and on which every entry of A moves one place alone, if any,
dv/dA_i = s_i e_r(i). It is enough to follow the lines of the places there, each once (behind an average pool all
entries of a channel share one), and S_i'' = s_i^2 T_r'', S_i''' = s_i^3 T_r'''. The losers of a max-pool have s_i = 0.

Behind the root the lines are taken pixel by pixel, all channels together: then a window of a convolution is the same
for all. Where the first convolution leaves every channel to itself, they are taken channel by channel, all pixels
together: then they differ by factors alone (`cam.jets.term.Term.spread`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.curves import BENT, CURVED, operation
from cam.jets.plan import Plan
from cam.jets.term import Axis, Term
from cam.smooth import name_of


@dataclass(frozen=True, eq=False)
class Root:
    """Where lines begin.

    Args:
        node: the root.
        place: of every entry of A, the place that it moves there.
        factor: and how much, 0 if it moves none.
        channel: the dimension of the channels.
        shared: whether all pixels of a channel are taken together.
    """

    node: Node
    place: Tensor
    factor: Tensor
    channel: int
    shared: bool


@dataclass(frozen=True, eq=False)
class Lines:
    """One chunk: the directions as a term of the root, and the place of each."""

    term: Term
    places: Tensor


def root(plan: Plan) -> Root:
    """Return the root of a plan that has a site."""
    places = torch.arange(plan.A.numel(), device=plan.A.device)
    best = (plan.source, places, torch.ones_like(plan.A).flatten())
    reached: set[Node] = {plan.source}
    waiting = {node: sum(user in plan.rules for user in node.users) for node in (plan.source, *plan.order)}
    for node in plan.order:
        if node in plan.adjoints or not plan.options.roots:
            break
        for parent in node.all_input_nodes:
            if parent in waiting:
                waiting[parent] -= 1
                if not waiting[parent]:
                    reached.discard(parent)
        reached.add(node)
        if reached == {node} and isinstance(plan.values[node], Tensor):
            found = _one_place_each(plan, node)
            if found is not None:
                best = (node, *found)
    node = best[0]
    shape = plan.values[node].shape
    channel = 1 if len(shape) >= 4 and _first_use(plan, node) not in CHANNELS_LAST else len(shape) - 1
    return Root(*best, channel, plan.options.spreads and _in_channels(plan, node, channel))


CHANNELS_LAST = frozenset({"permute", "native_layer_norm", "view", "_softmax"})


def _first_use(plan: Plan, node: Node) -> str:
    return next((name_of(user) for user in plan.order if node in user.all_input_nodes), "")


def _in_channels(plan: Plan, node: Node, channel: int) -> bool:
    """Whether the first convolution of several places leaves every channel to itself, and nothing before mixes them."""
    channels, alone = plan.values[node].shape[channel], {node}
    for user in plan.order:
        if alone.isdisjoint(user.all_input_nodes):
            continue
        name = name_of(user)
        if name == "convolution":
            kernel = plan.values[user.args[1]]
            return prod(kernel.shape[2:]) > 1 and user.args[8] == kernel.shape[0] == channels > 1
        if name in CURVED | BENT or name in ("mul", "add", "sub", "div"):
            alone.add(user)
    return False


def _one_place_each(plan: Plan, node: Node) -> tuple[Tensor, Tensor] | None:
    """Return r and s with dv/dA_i = s_i e_r(i) if that is so for every entry i, else None.

    Two reverse passes find r and s; three with random numbers decide, for a column with a second entry fails them.
    """
    with torch.enable_grad():
        A = plan.A.detach().requires_grad_()
        values: dict[Node, Any] = {}
        for one in plan.graph.graph.nodes:
            if one.op == "placeholder":
                values[one] = A
            elif one not in plan.moving:
                values[one] = plan.values[one]
            else:
                args, kwargs = map_arg((one.args, one.kwargs), values.__getitem__)
                values[one] = operation(one)(*args, **kwargs)
            if one is node:
                break
        v = values[node]
        if v.dtype != A.dtype:
            return None

        def back(w: Tensor) -> Tensor:
            return torch.autograd.grad(v, A, w.view_as(v), retain_graph=True)[0].flatten()

        n = v.numel()
        s = back(torch.ones(n, dtype=A.dtype, device=A.device))
        counted = back(torch.arange(n, dtype=A.dtype, device=A.device))
        r = torch.where(s == 0, 0, counted / s).round().long().clamp(0, n - 1)
        rng = torch.Generator().manual_seed(0)
        for _ in range(3):
            w = torch.rand(n, generator=rng, dtype=torch.float64).to(A) + 0.5
            if not torch.allclose(back(w), s * w[r], rtol=16 * torch.finfo(A.dtype).eps, atol=0):
                return None
    return r, s


def lines(plan: Plan, start: Root, places: Tensor, most: int) -> Iterator[Lines]:
    """Yield lines along single places of the root, those together that share most.

    Args:
        plan: the plan.
        start: the root.
        places: flat indices, ascending.
        most: at most so many directions.
    """
    value = plan.values[start.node]
    return (_by_channel if start.shared else _by_pixel)(value, start.channel, places, most)


def _by_pixel(value: Tensor, channel: int, places: Tensor, most: int) -> Iterator[Lines]:
    shape = value.shape
    where = torch.unravel_index(places, shape)
    pixel = torch.zeros_like(places)
    for d in range(value.ndim):
        if d != channel:
            pixel = pixel * shape[d] + where[d]
    for one in pixel.unique():
        for some in places[pixel == one].split(most):
            at = torch.unravel_index(some, shape)
            axes = tuple(
                Axis(shape[d], pick=at[d]) if d == channel else Axis(shape[d], int(at[d][0])) for d in range(value.ndim)
            )
            yield Lines(Term(value.new_ones(len(some), *(1,) * value.ndim), axes, (1,) * value.ndim), some)


def _by_channel(value: Tensor, channel: int, places: Tensor, most: int) -> Iterator[Lines]:
    shape = value.shape
    rest = value.numel() // shape[channel]
    box = [1 if d == channel else n for d, n in enumerate(shape)]
    grid = torch.arange(value.numel(), device=value.device).view(shape).movedim(channel, 0).flatten(1)
    factors = torch.eye(rest, dtype=value.dtype, device=value.device)
    wanted = torch.zeros(value.numel(), dtype=torch.bool, device=value.device)
    wanted[places] = True
    wanted = wanted[grid]
    channels, pixels = wanted.any(1).nonzero()[:, 0], wanted.any(0).nonzero()[:, 0]
    for rows in pixels.split(max(1, most)):
        for some in channels.split(max(1, most // len(rows))):
            axes = tuple(Axis(n, pick=some if d == channel else None) for d, n in enumerate(shape))
            ones = value.new_ones(()).expand(len(some), *box)
            spread = factors[rows].view(1, -1, *box).expand(len(some), -1, *box)
            yield Lines(Term(ones, axes, (1,) * value.ndim, spread), grid[some][:, rows].flatten())

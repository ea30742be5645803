"""Pure derivatives of a score along every single entry of A: what users ask for. The mathematics is in `cam.jets`."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cam.jets.kept import Kept
from cam.jets.plan import Plan
from cam.jets.rays import Lines, Root, lines, root
from cam.jets.walk import Jet, Walk
from cam.smooth import kind_of, layer_of, name_of
from cam.tail import Tail

if TYPE_CHECKING:
    from cam.heads import Head

GIB = 2**30
# What one node's derivatives of a chunk take at most, in bytes: more of it stays in no cache.
CACHED = 2**25
# Lines that are followed first, to see how much memory one takes.
FIRST = 8
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Operation:
    """An operation between A and the score, and its share of the curvature.

    Args:
        name: what torch calls it.
        layer: the dotted name of the innermost module that runs it; "" if none does.
        kind: "linear", "piecewise linear" or "smooth", in what depends on A.
        second, third: sum over the entries of |what it adds to d2S/dA_i^2| and to d3S/dA_i^3.
    """

    name: str
    layer: str
    kind: str
    second: float
    third: float


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Pure derivatives of a score along single entries, as far as they were asked for; shape (n,) each.

    Args:
        S: the score, a scalar.
        g, h, t: dS/dA_i, d2S/dA_i^2, d3S/dA_i^3; h and t are 0 where the order was less.
        sizes: sum over the operations of |what each adds to h_i or t_i|, (2, n): far beyond |h_i|, |t_i| where
            curvature cancels, and what is left of it may be rounding.
        kinked: whether the line moves a unit that lies on a kink and that the score depends on: the derivatives are
            then those of the piece that torch chooses.
        operations: what stands between A and the score, in the order in which it runs.
        unwatched: operations of which it is not known whether A lies on a kink of theirs.
    """

    S: Tensor
    g: Tensor
    h: Tensor
    t: Tensor
    sizes: Tensor
    kinked: Tensor
    operations: tuple[Operation, ...]
    unwatched: tuple[str, ...]

    def under(self, outer: "Head") -> Tensor:
        """Return Y = f(S) and its pure derivatives, (4, n), by Faa di Bruno's formula.

        Y' = f' g, Y'' = f'' g^2 + f' h, Y''' = f''' g^3 + 3 f'' g h + f' t.
        """
        f, f1, f2, f3 = outer.derivatives(self.S)
        g, h, t = self.g, self.h, self.t
        return torch.stack([f.expand_as(g), f1 * g, f2 * g**2 + f1 * h, f3 * g**3 + 3 * f2 * g * h + f1 * t])


def pure_derivatives(
    tail: Tail,
    A: Tensor,
    entries: Tensor | None = None,
    order: int = 3,
    *,
    target: int,
    memory: int = GIB,
    kept: Path | None = None,
    progress: Progress | None = None,
) -> Derivatives:
    """Return dS/dA_i, d2S/dA_i^2 and d3S/dA_i^3 of one score along every single entry, exact up to rounding.

    Args:
        tail: from `cam.cut`.
        A: (1, ...), of the shape at which the tail was cut.
        entries: flat indices into A, shape (n,); all of them by default.
        order: 1, 2 or 3.
        target: which score, the class.
        memory: about how many bytes the derivatives of one chunk may take; the tail's own values come on top.
        kept: a file that remembers finished chunks: the same call goes on where it was interrupted.
        progress: called with how many lines are done and how many there are.

    Raises:
        ValueError: there is no such score or entry, the order is none of 1, 2, 3, or A has another shape.
        UnknownOperation: an operation has no rule, and two oracles disagree about its derivatives.
    """
    with torch.inference_mode(False):
        plan = Plan(tail.coarse, checked(tail, A), target)
        return planned(plan, entries, order, memory=memory, kept=kept, progress=progress)


def planned(
    plan: Plan,
    entries: Tensor | None = None,
    order: int = 3,
    *,
    memory: int = GIB,
    kept: Path | None = None,
    progress: Progress | None = None,
) -> Derivatives:
    """Return the same for a plan that has been made: what is kept in it is not worked out a second time."""
    A = plan.A
    if order not in (1, 2, 3):
        raise ValueError(f"order must be 1, 2 or 3, not {order}")
    entries = torch.arange(A.numel(), device=A.device) if entries is None else checked_entries(entries, A)
    h, t = sizes = A.new_zeros(2, len(entries))
    shares: dict[object, tuple[float, float]] = {}
    if order > 1 and plan.sites and len(entries):
        with torch.no_grad():
            (h, t), sizes = _followed(plan, entries, memory, kept, progress, shares)
    operations = tuple(
        Operation(name_of(node), layer_of(node), kind_of(node, plan.moving), *shares.get(node, (0.0, 0.0)))
        for node in plan.nodes
    )
    if order < 3:
        t = torch.zeros_like(t)
    return Derivatives(plan.S, plan.g[entries], h, t, sizes, plan.kinked[entries], operations, plan.unwatched)


def _followed(
    plan: Plan,
    entries: Tensor,
    memory: int,
    kept: Path | None,
    progress: Progress | None,
    shares: dict[object, tuple[float, float]],
) -> tuple[Tensor, Tensor]:
    start = plan.kept("root", lambda: root(plan))
    place, factor = start.place[entries], start.factor[entries]
    wanted = place[factor != 0].unique()
    store = Kept.open(kept, plan, start, len(plan.sites))
    found = store.found  # (sites, 2, size)
    left = wanted[~store.done[wanted]]
    done = len(wanted) - len(left)
    waits = torch.zeros(plan.values[start.node].numel(), dtype=torch.bool, device=left.device)
    waits[left] = True
    try:
        for chunk in _chunks(plan, start, left, memory):
            walk = Walk(plan, {start.node: Jet((chunk.term,))})
            walk.run()
            for k, node in enumerate(plan.sites):
                for n, parts in enumerate((walk.second, walk.third)):
                    if node in parts:
                        found[k, n, chunk.places] = parts[node].to(found.dtype)
            store.done[chunk.places] = True
            store.save()
            done += int(waits[chunk.places].sum())
            if progress is not None:
                progress(done, len(wanted))
    finally:
        store.save(now=True)
    powers = torch.stack([factor**2, factor**3])
    each = found[:, :, place] * powers
    for k, node in enumerate(plan.sites):
        second, third = each[k].abs().sum(1).tolist()
        shares[node] = (second, third)
    return each.sum(0), each.abs().sum(0)


def _chunks(plan: Plan, start: Root, places: Tensor, memory: int) -> Iterator[Lines]:
    """Yield lines in chunks that fit into the memory: a small one first, to measure what one line takes."""
    if not len(places):
        return
    held, largest = plan.kept(("bytes", FIRST), lambda: _bytes_of_one(plan, start, places, FIRST))
    pixels = plan.values[start.node].numel() // plan.values[start.node].shape[start.channel]
    if start.shared and pixels > FIRST and 2 * held * pixels <= memory:
        # The pixels of a channel share most of what they take: one of many takes less than one of a few.
        held, largest = plan.kept(("bytes", pixels), lambda: _bytes_of_one(plan, start, places, pixels))
    most = int(min(memory / (2 * held), CACHED / largest))
    yield from lines(plan, start, places, max(1, most))


def _bytes_of_one(plan: Plan, start: Root, places: Tensor, count: int) -> tuple[float, float]:
    """Return how many bytes a line takes, held at once and in one node, where so many are followed together."""
    chunk = next(lines(plan, start, places[:count], count))
    walk = Walk(plan, {start.node: Jet((chunk.term,))})
    walk.run()
    return walk.held / chunk.term.directions, walk.largest / chunk.term.directions


def checked(tail: Tail, A: Tensor) -> Tensor:
    """Return A as the engine takes it, or raise ValueError."""
    if A.shape != tail.at.shape:
        raise ValueError(f"the tail takes one image's activations {tuple(tail.at.shape)}, not {tuple(A.shape)}")
    if A.dtype != tail.at.dtype:
        raise ValueError(f"the tail was cut in {tail.at.dtype}, A is {A.dtype}: cut the model in the other dtype")
    return A.detach().clone() if A.is_inference() else A.detach().contiguous()


def checked_entries(entries: Tensor, A: Tensor) -> Tensor:
    """Return flat indices into A, or raise ValueError."""
    entries = torch.as_tensor(entries, device=A.device)
    if entries.ndim != 1 or entries.is_floating_point() or entries.dtype == torch.bool:
        raise ValueError(f"entries are flat indices into A, shape (n,), not {entries.dtype} {tuple(entries.shape)}")
    if len(entries) and not 0 <= int(entries.min()) <= int(entries.max()) < A.numel():
        raise ValueError(f"A has entries 0 to {A.numel() - 1}, not {int(entries.min())} to {int(entries.max())}")
    return entries.long()


def tail_derivatives(tail: Tail, A: Tensor, c: int) -> Tensor:
    """Return S_c and its pure derivatives g, h, t along every entry of A, shape (4, A.numel())."""
    found = pure_derivatives(tail, A, target=c)
    return torch.stack([found.S.expand_as(found.g), found.g, found.h, found.t])

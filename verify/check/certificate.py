"""A certificate on a sample of entries: what is found there is none of rounding.

The tail is differentiated three times along each entry's line by nested reverse mode, another way than the engine's,
under running error analysis (`verify.rounding`); so are both weights. Then every difference has a rigorous bound.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from cam.tail import Cut, Tail
    from verify.check.compare import Both

SAMPLE = 16
# Numbers that a tail computes from one A, and numbers that it holds: beyond, third derivatives of the sample under
# analysis take minutes.
LARGEST = 1 << 20
HELD = 1 << 25
CHUNK = 1 << 20  # of these numbers at once, over all entries


@dataclass(frozen=True)
class Certificate:
    """What is certain on a sample.

    Args:
        entries: how many were drawn.
        apart: at how many the two weights certainly differ.
        within: the largest |closed - exact| + its bound, which no difference on the sample exceeds; infinite where
            nothing is known.
        least: the largest certain difference, max(|closed - exact| - its bound), at least 0.
        engine: max |difference| of the exact weight by the engine and by nested reverse mode, beside the bound.
        off_kinks: whether, rounding included, no unit of a piecewise-linear tail lies on a kink; False if not known.
        why: if nothing could be certified, why; "" otherwise.
    """

    entries: int = 0
    apart: int = 0
    within: float | None = None
    least: float | None = None
    engine: float | None = None
    off_kinks: bool = False
    why: str = ""


def certify(where: "Cut", both: "Both", head: str, order: "Tensor", seed: int = 0, sample: int = SAMPLE) -> Certificate:
    """Certify the difference of both weights on a sample of the entries that count.

    Args:
        where: the cut.
        both: what is to be certified.
        head: the outer function.
        order: which entry of the activations stands where, (1, K, H, W).
        seed: of the sample.
        sample: how many entries.
    """
    import torch

    from verify.check.compare import under
    from verify.kinks import is_off_kinks
    from verify.rounding import NoRule

    A = where.activations
    counting = ((both.exact.g > 0) | (both.closed.g > 0)).flatten().nonzero().flatten()
    if not len(counting):
        return Certificate(why="no entry counts: dY/dA is nowhere positive")
    if A.dtype != torch.float64:
        return Certificate(why="rounding is bounded in float64 alone")
    tail = under(where.tail, A, head)
    numbers = _numbers(tail, A)
    if numbers > LARGEST:
        return Certificate(why=f"the tail computes {numbers:,} numbers, more than {LARGEST:,}")
    held = sum(value.numel() for value in tail.graph.buffers())
    if held > HELD:
        return Certificate(why=f"the tail holds {held:,} weights, more than {HELD:,}")
    drawn = torch.randperm(len(counting), generator=torch.Generator().manual_seed(seed))[:sample]
    entries = counting[drawn.sort().values]
    try:
        parts = [_bounded(where, tail, both, head, order, some) for some in entries.split(max(1, CHUNK // numbers))]
        off_kinks = not where.tail.smooth_operations and is_off_kinks(where.tail, A)
    except NoRule as error:
        return Certificate(why=" ".join(str(error).split()))
    gap, bound, engine = (torch.cat(each) for each in zip(*parts, strict=True))
    known = bound.isfinite() & gap.isfinite()
    if not bool(known.any()):
        return Certificate(entries=len(entries), why="the bound is infinite at every entry drawn")
    sure = (gap.abs() - bound)[known]
    return Certificate(
        entries=len(entries),
        apart=int((sure > 0).sum()),
        within=float((gap.abs() + bound).nan_to_num(torch.inf, torch.inf).max()),
        least=max(0.0, float(sure.max())),
        engine=float(engine[known].abs().max()),
        off_kinks=off_kinks,
    )


def _bounded(
    where: "Cut", tail: "Tail", both: "Both", head: str, order: "Tensor", entries: "Tensor"
) -> "tuple[Tensor, ...]":
    """Return alpha closed - alpha exact, its bound, and engine's minus nested alpha, at some entries of the map."""
    import torch

    from cam.heads import head as outer_of
    from cam.jets import along_entries, tower
    from cam.weights import alpha_closed, alpha_exact, alpha_from_tail, footprint
    from verify.check.compare import HALF, LOG_SOFTMAX, SOFTMAX, is_zero
    from verify.rounding import RunningError

    A, c = where.activations, both.closed.target
    assert isinstance(c, int)
    for each in (where.tail, tail):
        each(A.expand(2, *A.shape[1:]))  # the first batch makes it check itself: not to be watched
    zeros = A.new_zeros(len(entries))
    lines = order.flatten()[entries]
    score = along_entries(lambda moved: where.tail(moved)[:, c], A, lines)
    through = along_entries(lambda moved: tail(moved)[:, c], A, lines)
    shown = A.flatten()[order]
    with RunningError() as mode:
        sigma = footprint(shown).expand_as(shown).flatten()[entries]
        closed = alpha_closed(tower(score, zeros, 1, "reverse")[1], sigma)
        S, g, h, t = tower(through, zeros, 3, "reverse")
        if head in ("exp", SOFTMAX):
            exact = alpha_from_tail(g, h, t, sigma)
        elif head == LOG_SOFTMAX:
            exact = alpha_exact(h, t, sigma)
        else:
            second, third = outer_of(head).ratios(S)
            exact = alpha_exact(second * g**2 + h, third * g**3 + 3 * second * g * h + t, sigma)
        gap = closed - exact
    bound = torch.where(is_zero(shown).expand_as(shown).flatten()[entries], HALF, mode.error(gap))
    return gap, bound, both.exact.alpha.flatten()[entries] - exact


def _numbers(tail: "Tail", A: "Tensor") -> int:
    """Return how many numbers a tail computes from A."""
    import torch
    from torch.fx import Interpreter

    found = 0

    class Counting(Interpreter):
        def run_node(self, n: torch.fx.Node) -> object:
            nonlocal found
            value = super().run_node(n)
            found += value.numel() if isinstance(value, torch.Tensor) and n.op.startswith("call") else 0
            return value

    with torch.no_grad():
        Counting(tail.graph).run(A)
    return max(found, 1)

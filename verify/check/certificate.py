"""A certificate on a sample of entries: bounds of how far both weights are apart and how wrong the computed ones are.

Where the tail is small enough its derivatives are enclosed in balls (`verify.balls`), and so are both weights; else it
is differentiated three times by nested reverse mode under running error analysis (`verify.rounding`). Neither is the
engine's way.
"""

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from cam.tail import Cut, Tail
    from verify.check.compare import Both

SAMPLE = 16
# Multiplications of balls, as `verify.balls.work` counts them: they take up to about ten seconds of one core.
WORK = 50_000_000
# Numbers that a tail computes from one A, and numbers that it holds: beyond, third derivatives of the sample under
# running error analysis take minutes.
LARGEST = 1 << 20
HELD = 1 << 25
SLACK = 1 + 2.0**-40  # for the rounding of a distance and of the sum of two bounds
CHUNK = 1 << 20  # of these numbers at once, over all entries

BALLS = "ball arithmetic"
ROUNDING = "running error analysis"


@dataclass(frozen=True)
class Certificate:
    """What is certain on a sample.

    Args:
        entries: how many were tried: the one where the computed weights differ most, and others, drawn.
        by: what certifies: "ball arithmetic", "running error analysis" or, if nothing could be certified, "".
        certified: at how many entries the true weights are known within finite bounds.
        apart: at how many the two true weights certainly differ.
        within: the largest |closed - exact| + its bound, which no difference on the sample exceeds; infinite where
            nothing is known.
        least: the largest certain difference, max(|closed - exact| - its bound), at least 0.
        closed: what |computed - true| of the closed form's weights does not exceed, over the entries certified.
        exact: the same of the exact weights.
        engine: max |difference| of the exact weight by the engine and by nested reverse mode, beside the bound; with
            balls the same as `exact`.
        off_kinks: whether, rounding included, no unit of a piecewise-linear tail lies on a kink; False if not known.
        one_map: whether, besides, the outer function is exp. S is affine around A then, so the true weights are the
            same at every entry that counts, and the two true maps are one; at a pole, where both weights are infinite,
            neither is a map.
        lost: if some entries were not certified, why the first was not; "" otherwise.
        why: if nothing could be certified, why; "" otherwise.
    """

    entries: int = 0
    by: str = ""
    certified: int = 0
    apart: int = 0
    within: float | None = None
    least: float | None = None
    closed: float | None = None
    exact: float | None = None
    engine: float | None = None
    off_kinks: bool = False
    one_map: bool = False
    lost: str = ""
    why: str = ""


def certify(where: "Cut", both: "Both", head: str, order: "Tensor", seed: int = 0, sample: int = SAMPLE) -> Certificate:
    """Certify both weights on a sample of the entries that count: where they differ most, and some that are drawn.

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

    A = where.activations
    counting = ((both.exact.g > 0) | (both.closed.g > 0)).flatten().nonzero().flatten()
    if not len(counting):
        return Certificate(why="no entry counts: dY/dA is nowhere positive")
    if A.dtype != torch.float64:
        return Certificate(why="rounding is bounded in float64 alone")
    tail = under(where.tail, A, head)
    drawn = torch.randperm(len(counting), generator=torch.Generator().manual_seed(seed))
    apart = both.gap.flatten()[counting].abs()
    worst = apart.masked_fill(~apart.isfinite(), -1).argmax()
    chosen = torch.cat([worst[None], drawn[drawn != worst]])[:sample]
    entries = counting[chosen.sort().values]
    found = _by_balls(where, tail, both, head, order, entries)
    if not isinstance(found, Certificate):
        other = _by_rounding(where, tail, both, head, order, entries)
        found = replace(other, why=f"{other.why}; and no balls: {found}") if other.why else other
    off_kinks = _off_kinks(where)
    return replace(found, off_kinks=off_kinks, one_map=off_kinks and head == "exp")


def _by_balls(
    where: "Cut", tail: "Tail", both: "Both", head: str, order: "Tensor", entries: "Tensor"
) -> "Certificate | str":
    """Certify by ball arithmetic, or say why that is not possible."""
    from flint import arb

    from verify.arithmetic.ball import precision
    from verify.balls.work import work
    from verify.check.enclosed import MOST, at_least, at_most, enclosed
    from verify.probe import NoRule

    A, c = where.activations, both.closed.target
    assert isinstance(c, int)
    lines = order.flatten()[entries]
    needed = 0
    for lines_of in ([], lines.tolist()):  # what is common to all lines first: it is counted fast
        needed = work(tail.graph, A, lines_of)
        needed += work(where.tail.graph, A, lines_of, 1) if tail is not where.tail else 0
        if needed > WORK:
            return f"they would take more than {WORK:,} multiplications"
    footprints = A.flatten()[order][0].flatten(1)
    channels = entries // footprints.shape[1]
    try:
        found = enclosed(where.tail, tail, A, lines, footprints[channels], c, head, WORK // max(needed, 1))
    except NoRule as error:
        return " ".join(str(error).split())
    known = [(k, each) for k, each in zip(entries.tolist(), found, strict=True) if not each.why]
    lost = next((each.why for each in found if each.why), "")
    if not known:
        return Certificate(entries=len(entries), why=lost)
    closed, exact = both.closed.alpha.flatten(), both.exact.alpha.flatten()
    with precision(MOST):
        gaps = [each.closed - each.exact for _, each in known]
        errors = [max(at_most(arb(float(closed[k])) - each.closed) for k, each in known)]
        errors += [max(at_most(arb(float(exact[k])) - each.exact) for k, each in known)]
    return Certificate(
        entries=len(entries),
        by=BALLS,
        certified=len(known),
        apart=sum(not gap.contains(0) for gap in gaps),
        within=inf if lost else max(map(at_most, gaps)),
        least=max(map(at_least, gaps)),
        closed=errors[0],
        exact=errors[1],
        engine=errors[1],
        lost=lost,
    )


def _off_kinks(where: "Cut") -> bool:
    from verify.kinks import is_off_kinks
    from verify.rounding import NoRule

    try:
        return not where.tail.smooth_operations and is_off_kinks(where.tail, where.activations)
    except NoRule:
        return False


def _by_rounding(
    where: "Cut", tail: "Tail", both: "Both", head: str, order: "Tensor", entries: "Tensor"
) -> Certificate:
    """Certify by running error analysis."""
    import torch

    from verify.rounding import NoRule

    numbers = _numbers(tail, where.activations)
    if numbers > LARGEST:
        return Certificate(why=f"the tail computes {numbers:,} numbers, more than {LARGEST:,}")
    held = sum(value.numel() for value in tail.graph.buffers())
    if held > HELD:
        return Certificate(why=f"the tail holds {held:,} weights, more than {HELD:,}")
    try:
        parts = [_bounded(where, tail, both, head, order, some) for some in entries.split(max(1, CHUNK // numbers))]
    except NoRule as error:
        return Certificate(why=" ".join(str(error).split()))
    gap, bound, engine, closed, exact = (torch.cat(each) for each in zip(*parts, strict=True))
    known = bound.isfinite() & gap.isfinite()
    if not bool(known.any()):
        return Certificate(entries=len(entries), why="the bound is infinite at every entry tried")
    sure = (gap.abs() - bound)[known]
    return Certificate(
        entries=len(entries),
        by=ROUNDING,
        certified=int(known.sum()),
        apart=int((sure > 0).sum()),
        within=float((gap.abs() + bound).nan_to_num(torch.inf, torch.inf).max()),
        least=max(0.0, float(sure.max())),
        closed=float(closed[known].max()),
        exact=float(exact[known].max()),
        engine=float(engine[known].abs().max()),
        lost="" if bool(known.all()) else "the bound is infinite",
    )


def _bounded(
    where: "Cut", tail: "Tail", both: "Both", head: str, order: "Tensor", entries: "Tensor"
) -> "tuple[Tensor, ...]":
    """Return of some entries of the map: closed minus exact weight, its bound, the engine's exact weight minus the one
    here, and what the errors of the computed closed and exact weights do not exceed.
    """
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
    zero = is_zero(shown).expand_as(shown).flatten()[entries]
    bound = torch.where(zero, HALF, mode.error(gap))
    computed = [each.alpha.flatten()[entries] for each in (both.closed, both.exact)]
    errors = [
        torch.where(zero, (said - 0.5).abs(), ((said - here).abs() + mode.error(here)) * SLACK)
        for said, here in zip(computed, (closed, exact), strict=True)
    ]
    return gap, bound, computed[1] - exact, *errors


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

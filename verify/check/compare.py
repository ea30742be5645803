"""Closed form against exact weights: pixel weights entry by entry, and the maps they make.

The closed form is (19) as libraries use it, whatever the outer function is: one backward pass from the score of the
class, alpha = 1/(2 + sigma g). Exact weights are (10) with the true derivatives of Y. For a softmax Y = exp(log p) they
are those of an exponential over the logarithm of the probability, so that no small probability is ever formed.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from verify import picture
from verify.errors import UsageError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from cam.jets import Derivatives
    from cam.jets.derivatives import Progress
    from cam.maps import Explanation
    from cam.tail import Cut, Tail

SOFTMAX, LOG_SOFTMAX = "softmax", "log_softmax"
# A weight of 1/NEAR and more, where an entry that does not matter weighs 1/2: twenty times what is usual.
NEAR = 0.1

# Endings of the files that remember derivatives of the score, and of what stands under a softmax.
KEPT = ("score", "head")
# What the engine may be off in h and t, as a share of all that adds to them: ten thousand roundings.
CANCELS = 2.0**-40
# Bound of the difference of two weights that are 1/2: 8u.
HALF = 2.0**-50


def heads() -> tuple[str, ...]:
    """Return the names of the outer functions."""
    from cam.heads import HEADS

    return (*(each.name for each in HEADS), SOFTMAX, LOG_SOFTMAX)


@dataclass(frozen=True, eq=False)
class Both:
    """Both explanations of a class, and what they were made of.

    Args:
        closed, exact: the maps and everything behind them.
        plain: derivatives of the class's score.
        through: derivatives of what stands under the outer function: the same, or the logarithm of the probability.
        gap, bound: alpha closed - alpha exact and what rounding can have to do with it, (K, H, W), if h and t are off
            by no more than the share `CANCELS` of all that adds to them.
    """

    closed: "Explanation"
    exact: "Explanation"
    plain: "Derivatives"
    through: "Derivatives"
    gap: "Tensor"
    bound: "Tensor"


def explained(
    where: "Cut", c: int, head: str, order: "Tensor", progress: "Progress | None" = None, kept: Path | None = None
) -> Both:
    """Return both explanations of class c.

    Args:
        where: the activations and the tail.
        c: the class.
        head: the outer function, one of `heads()`.
        order: which entry of the activations stands where, (1, K, H, W): `verify.check.places`.
        progress: called with how many lines are done and how many there are.
        kept: the beginning of the names of files that remember finished lines.

    Raises:
        UsageError: the outer function is unknown, or a softmax has one class.
    """
    import torch

    from cam import heads as outer
    from cam.jets import pure_derivatives
    from cam.maps import weighed
    from verify.rounding import RunningError

    if head not in heads():
        raise unknown("outer function", head, heads())
    A = where.activations
    files = (
        (None, None) if kept is None else (kept.with_name(f"{kept.name}.score"), kept.with_name(f"{kept.name}.head"))
    )
    plain = pure_derivatives(where.tail, A, target=c, progress=progress, kept=files[0])
    through = plain
    if head in (SOFTMAX, LOG_SOFTMAX):
        through = pure_derivatives(under(where.tail, A, head), A, target=c, progress=progress, kept=files[1])
    of_score, of_head = (
        torch.stack([each.S.expand_as(each.g), each.g, each.h, each.t])[:, order.flatten()] for each in (plain, through)
    )
    A = A.flatten()[order]
    exp = outer.head("exp")
    errors = torch.zeros_like(of_head)
    errors[2:] = (CANCELS * through.sizes[:, order.flatten()]).nan_to_num(torch.inf, torch.inf)
    with RunningError() as mode:
        mode.assume(of_head, errors)
        closed = weighed(A, c, of_score[:2], exp, "closed")
        if head == LOG_SOFTMAX:
            exact = _identity(A, c, of_head)
        else:
            exact = weighed(A, c, of_head, exp if head == SOFTMAX else outer.head(head), "exact")
        gap = closed.alpha - exact.alpha
    return Both(closed, exact, plain, through, gap, torch.where(is_zero(A)[0], HALF, mode.error(gap)))


def is_zero(A: "Tensor") -> "Tensor":
    """Return which channels are zero everywhere, (1, K, 1, 1).

    Their footprint is exactly 0, both weights are 1/2, and each quotient that gives it is within 2u of it. The analysis
    does not know that: it keeps an absolute error for subnormal sums, and the closed form asks whether sigma g is 0.
    """
    return (A == 0).all(-1, keepdim=True).all(-2, keepdim=True)


def under(tail: "Tail", A: "Tensor", head: str) -> "Tail":
    """Return the tail that ends in what stands under the outer function.

    Raises:
        UsageError: a softmax of one class.
    """
    if head not in (SOFTMAX, LOG_SOFTMAX):
        return tail
    if tail(A).shape[1] < 2:
        raise UsageError(f"{head} of one class is constant: choose --head sigmoid or exp")
    return tail.log_softmax()


def _identity(A: "Tensor", c: int, derivatives: "Tensor") -> "Explanation":
    """Return the map of Y = S: (10) with Y'' = h and Y''' = t."""
    import torch

    from cam.maps import Explanation
    from cam.weights import alpha_exact, channel_weights, footprint

    S, g, h, t = derivatives.unflatten(1, A.shape)
    alpha = alpha_exact(h, t, footprint(A))
    w = channel_weights(alpha, g)[0]
    return Explanation(c, S.flatten()[0], A[0], g[0], alpha[0], w, torch.einsum("k,khw->hw", w, A[0]).relu())


@dataclass(frozen=True)
class Weights:
    """How far the pixel weights are apart, over the entries that count.

    Args:
        entries, counting: how many there are, and at how many dY/dA > 0, where alone they enter a map.
        flat: at how many the score does not depend on the entry, (10) being 0/0.
        compared: at how many of those that count both weights are finite.
        largest, relative, median: max |closed - exact|, max and median |closed - exact|/|exact|, over these.
        rank: Spearman's rank correlation, over these.
        bound: what rounding can have to do with the largest difference, see `Both`.
        same: whether no difference exceeds what rounding can have to do with it; None if that is not known, or if no
            entry counts.
        beyond: (closed, exact) at how many that count the weight is negative or not finite: beyond a pole, or on it.
        turned: at how many the two weights have different signs.
        near: (closed, exact) at how many the weight is at least 1/NEAR in size.
        nearest: min |2 + sigma g|, how near the closed form comes to its pole, over these.
    """

    entries: int
    counting: int
    flat: int
    compared: int
    largest: float | None
    relative: float | None
    median: float | None
    rank: float | None
    bound: float | None
    same: bool | None
    beyond: tuple[int, int]
    turned: int
    near: tuple[int, int]
    nearest: float | None


def weights(both: Both) -> Weights:
    """Compare the pixel weights."""
    g = both.exact.g
    counts = (g > 0) | (both.closed.g > 0)
    closed, exact, gap, bound = (
        each[counts].double() for each in (both.closed.alpha, both.exact.alpha, both.gap, both.bound)
    )
    finite = closed.isfinite() & exact.isfinite()
    apart, size = gap[finite].abs(), exact[finite].abs()
    ratio = apart / size
    some = bool(finite.any())
    reach = (1 / closed[~closed.isnan()]).abs()

    def beyond(alpha: "Tensor") -> int:
        return int((~((alpha >= 0) & alpha.isfinite())).sum())

    def near(alpha: "Tensor") -> int:
        return int((~(alpha.abs() < 1 / NEAR)).sum())

    return Weights(
        entries=g.numel(),
        counting=int(counts.sum()),
        flat=int((both.closed.g == 0).sum()),
        compared=int(finite.sum()),
        largest=float(apart.max()) if some else None,
        relative=float(ratio.max()) if some else None,
        median=float(ratio.median()) if some else None,
        rank=picture.rank_correlation(closed[finite].numpy(), exact[finite].numpy()) if some else None,
        bound=float(bound[finite][apart.argmax()]) if some else None,
        same=_same(gap, bound),
        beyond=(beyond(closed), beyond(exact)),
        turned=int((closed.sign() * exact.sign() < 0).sum()),
        near=(near(closed), near(exact)),
        nearest=float(reach.min()) if len(reach) else None,
    )


def _same(gap: "Tensor", bound: "Tensor") -> bool | None:
    if bool((gap.abs() > bound).any()):
        return False
    return True if len(gap) and bool((gap.isfinite() & bound.isfinite()).all()) else None


@dataclass(frozen=True)
class Maps:
    """How far the maps are apart, each divided by its maximum; `verify.picture` says what the numbers are.

    Args:
        rank, overlap, difference: rank correlation, overlap of the top fifth, largest difference.
        hottest: (closed, exact) row and column of the maximum; None for a map that is zero everywhere.
        moved: whether it is elsewhere.
    """

    rank: float
    overlap: float
    difference: float
    hottest: tuple[tuple[int, int] | None, tuple[int, int] | None]
    moved: bool


def maps(closed: np.ndarray, exact: np.ndarray) -> Maps:
    """Compare two maps in [0, 1]."""
    return Maps(
        rank=picture.rank_correlation(closed, exact),
        overlap=picture.overlap(closed, exact),
        difference=picture.largest_difference(closed, exact),
        hottest=(_hottest(closed), _hottest(exact)),
        moved=picture.moved(closed, exact),
    )


def normalised(explanation: "Explanation") -> np.ndarray | None:
    """Return a map divided by its maximum; None if it is not finite, or if a weight is not: an entry on a pole."""
    raw = explanation.map.numpy()
    finite = np.isfinite(raw).all() and bool(explanation.weights.isfinite().all())
    return picture.normalised(raw) if finite else None


def _hottest(values: np.ndarray) -> tuple[int, int] | None:
    if not values.any():
        return None
    row, column = np.unravel_index(values.argmax(), values.shape)
    return int(row), int(column)

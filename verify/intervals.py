"""Intervals for what was found on a sample of pictures; the same sample and seed give the same interval."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z = 1.959963984540054  # the standard normal distribution has 95 % within +- Z
RESAMPLES = 2000


@dataclass(frozen=True)
class Estimate:
    """A number and the ends of its 95 % interval."""

    value: float
    low: float
    high: float


def wilson(share: float, n: float) -> Estimate:
    """Return Wilson's 95 % score interval for a share that was found in n independent trials.

        (share + Z^2/(2 n) +- Z sqrt(share (1 - share)/n + Z^2/(4 n^2))) / (1 + Z^2/n)

    It holds the true share of an infinite supply of such trials in about 95 % of samples, and is no single point
    even where the share is 0 or 1.

    Raises:
        ValueError: the share is not in [0, 1], or n is not positive.

    Source: E. B. Wilson, Journal of the American Statistical Association 22 (1927), 209-212.
    """
    if not 0 <= share <= 1 or n <= 0:
        raise ValueError(f"a share is in [0, 1] and found in at least one trial, not {share} in {n}")
    middle = share + Z**2 / (2 * n)
    half = Z * math.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
    low, high = ((middle + sign * half) / (1 + Z**2 / n) for sign in (-1, 1))
    # The ends are 0 and 1 exactly there; rounding may leave them.
    return Estimate(share, 0.0 if share == 0 else low, 1.0 if share == 1 else high)


def bootstrapped_median(groups: Sequence[Sequence[float]], seed: int) -> Estimate:
    """Return the median of all values and the percentile bootstrap's 95 % interval for it.

    Whole groups are drawn, with replacement and as many as there are, `RESAMPLES` times: values of one group need not
    be independent of each other. The ends are the 2.5 % and the 97.5 % quantile of the medians.

    Args:
        groups: the values; groups of one size are drawn all at once, which is faster.
        seed: of the draws.

    Raises:
        ValueError: there is no group, or an empty one.
    """
    if not groups or not all(map(len, groups)):
        raise ValueError("a bootstrap needs groups of values, at least one in each")
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    drawn = np.random.default_rng(seed).integers(len(arrays), size=(RESAMPLES, len(arrays)))
    if len({len(array) for array in arrays}) == 1:
        medians = np.median(np.stack(arrays)[drawn].reshape(RESAMPLES, -1), axis=1)
    else:
        medians = np.array([np.median(np.concatenate([arrays[k] for k in one])) for one in drawn])
    low, high = np.quantile(medians, [0.025, 0.975])
    return Estimate(float(np.median(np.concatenate(arrays))), float(low), float(high))

"""How far two heatmaps of one picture are apart: four numbers that are pure functions of the two maps.

A map is a finite array of numbers, at least 0, of any shape; `normalised` divides it by its maximum, which is how users
see it. All four numbers are unchanged by a positive factor on either map, if both are normalised first.
"""

import math

import numpy as np

# The part of a map that an overlay shows as hot.
TOP = 5


def normalised(raw: np.ndarray) -> np.ndarray:
    """Return map / max(map), in [0, 1]; a map that is zero everywhere stays zero.

    Raises:
        ValueError: an entry is negative or not finite, or there is none.
    """
    raw = np.asarray(raw, dtype=np.float64)
    if not raw.size or not np.isfinite(raw).all() or raw.min() < 0:
        raise ValueError("a map has at least one entry, and its entries are finite and at least 0")
    top = raw.max()
    return raw / top if top > 0 else raw.copy()


def ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks 1 .. n of n values in a flat array; tied values all get the average of their ranks."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    last = count.cumsum()
    average: np.ndarray = (last - (count - 1) / 2)[place.reshape(-1)]
    return average


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Spearman's rho: the correlation of the average ranks r and s of the pixels, in [-1, 1].

        sum (r - mean r)(s - mean s) / sqrt(sum (r - mean r)^2 sum (s - mean s)^2)

    A constant map, such as one that is zero everywhere, puts no pixel before another, and the quotient is 0/0. By
    choice it is 0 then, no association, and 1 if both maps are constant: so no picture drops out of a statistic.

    Raises:
        ValueError: the maps have different shapes.
    """
    _demand_one_shape(one, other)
    r, s = (each - each.mean() for each in (ranks(one), ranks(other)))
    spread = float((r @ r) * (s @ s))
    if spread == 0:
        return float(not r.any() and not s.any())
    return min(1.0, max(-1.0, float(r @ s) / math.sqrt(spread)))


def top_share(values: np.ndarray) -> np.ndarray:
    """Return how much of each pixel belongs to the k = ceil(n/5) largest of n, in [0, 1], with sum k; flat.

    Pixels above the k-th largest value belong to them; those equal to it share the places that are left evenly. So no
    order of the pixels decides, and in a map that is constant every pixel belongs to them with k/n.
    """
    flat = np.asarray(values).reshape(-1)
    k = -(-flat.size // TOP)
    edge = np.sort(flat)[-k]
    above, at = flat > edge, flat == edge
    return above + at * ((k - above.sum()) / at.sum())


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the top fifth that two maps have in common: sum min(m, m') / k, m and m' of `top_share`, in [0, 1].

    1 if the k largest pixels are the same; a map that is constant has k/n in common with any other: what chance would
    give.

    Raises:
        ValueError: the maps have different shapes.
    """
    _demand_one_shape(one, other)
    m, n = top_share(one), top_share(other)
    return float(np.minimum(m, n).sum() / m.sum())


def largest_difference(one: np.ndarray, other: np.ndarray) -> float:
    """Return max |one - other| of normalised maps in [0, 1]; it is 1 if exactly one of them is zero everywhere.

    Raises:
        ValueError: the maps have different shapes.
    """
    _demand_one_shape(one, other)
    return float(np.abs(one - other).max())


def moved(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether no pixel is a maximum of both maps, or one points somewhere and the other is zero everywhere.

    Two maps that are zero everywhere point nowhere: nothing moved. Maxima are compared as numbers, with no tolerance.

    Raises:
        ValueError: the maps have different shapes.
    """
    _demand_one_shape(one, other)
    if bool(one.any()) != bool(other.any()):
        return True
    return not bool(((one == one.max()) & (other == other.max())).any())


def _demand_one_shape(one: np.ndarray, other: np.ndarray) -> None:
    if one.shape != other.shape:
        raise ValueError(f"two maps of one picture have one shape, not {one.shape} and {other.shape}")

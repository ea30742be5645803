"""The four numbers that say how far two maps are apart, against answers found by hand."""

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from verify.picture import largest_difference, moved, normalised, overlap, rank_correlation, ranks, top_share

ZERO = np.zeros((2, 3))
RISING = np.array([[0, 1, 2], [3, 4, 5]]) / 5


def random(seed: int, levels: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(levels, size=(6, 6)) / levels


def test_a_normalised_map_has_its_maximum_at_one_and_a_zero_map_stays_zero():
    assert normalised(np.array([[0, 3], [6, 1.5]])).tolist() == [[0, 0.5], [1, 0.25]]
    assert not normalised(ZERO).any()


@pytest.mark.parametrize("raw", [[[1, math.nan]], [[1, math.inf]], [[1, -1]], []])
def test_what_is_no_map_is_refused(raw):
    with pytest.raises(ValueError, match="finite and at least 0"):
        normalised(np.array(raw, dtype=float))


def test_tied_values_share_their_average_rank():
    assert ranks(np.array([3, 1, 3, 0, 3])).tolist() == [4, 2, 4, 1, 4]
    assert ranks(np.array([[7, 7], [7, 7]])).tolist() == [2.5] * 4


def test_rank_correlation_by_hand():
    assert rank_correlation(RISING, RISING) == 1 and rank_correlation(RISING, RISING**3) == 1
    assert rank_correlation(RISING, 1 - RISING) == -1
    # Ranks (1, 2, 3) and (1, 3, 2): 1 - 6 (0 + 1 + 1) / (3 (9 - 1)) = 1/2.
    assert rank_correlation(np.array([0, 0.5, 1]), np.array([0, 1, 0.5])) == pytest.approx(1 / 2, abs=1e-15)
    # Ranks (1.5, 1.5, 3) and (1, 2, 3): 1.5 / sqrt(1.5 * 2).
    assert rank_correlation(np.array([0, 0, 1]), np.array([0, 0.5, 1])) == pytest.approx(math.sqrt(3) / 2, abs=1e-15)


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_rank_correlation_is_that_of_scipy_ties_included(levels):
    one, other = random(0, levels), random(1, levels)
    assert rank_correlation(one, other) == pytest.approx(spearmanr(one.ravel(), other.ravel()).statistic, abs=1e-14)


def test_a_constant_map_is_not_associated_with_any_but_its_like():
    assert rank_correlation(ZERO, RISING) == rank_correlation(RISING, ZERO) == 0
    assert rank_correlation(ZERO, ZERO) == 1


def test_the_top_fifth_has_its_size_and_shares_the_edge_evenly():
    assert top_share(RISING).tolist() == [0, 0, 0, 0, 1, 1]  # ceil(6/5) = 2
    assert top_share(np.array([0, 2, 1, 1, 1, 0])).tolist() == pytest.approx([0, 1, 1 / 3, 1 / 3, 1 / 3, 0])
    assert top_share(ZERO).tolist() == pytest.approx([1 / 3] * 6)
    for levels in (2, 3, 1000):
        assert top_share(random(0, levels)).sum() == pytest.approx(8)  # ceil(36/5)


def test_overlap_by_hand():
    assert overlap(RISING, RISING) == overlap(ZERO, ZERO) == 1
    assert overlap(RISING, 1 - RISING) == 0
    assert overlap(RISING, np.array([[0, 0, 0], [0, 1, 0.5]])) == 1
    assert overlap(RISING, np.array([[0, 0, 0.5], [0, 1, 0]])) == 0.5
    assert overlap(ZERO, RISING) == pytest.approx(1 / 3)  # what chance gives: k/n


def test_overlap_depends_on_no_order_of_the_pixels():
    one, other = random(0, 3), random(1, 3)
    order = np.random.default_rng(2).permutation(36)
    shuffled = (each.ravel()[order].reshape(6, 6) for each in (one, other))
    assert overlap(*shuffled) == pytest.approx(overlap(one, other), abs=1e-15)


def test_the_largest_difference_is_one_if_one_map_is_empty():
    assert largest_difference(ZERO, RISING) == 1
    assert largest_difference(RISING, RISING) == 0
    assert largest_difference(RISING, RISING.T.reshape(2, 3)) == pytest.approx(0.4)


def test_a_maximum_moves_if_no_pixel_is_one_of_both_maps():
    assert not moved(RISING, RISING**2)
    assert moved(RISING, 1 - RISING)
    assert not moved(np.array([1, 1, 0]), np.array([0, 1, 1])) and moved(np.array([1, 1, 0]), np.array([0, 0, 1]))
    assert moved(ZERO, RISING) and moved(RISING, ZERO) and not moved(ZERO, ZERO)


@pytest.mark.parametrize("measure", [rank_correlation, overlap, largest_difference, moved])
def test_maps_of_different_shapes_are_refused(measure):
    with pytest.raises(ValueError, match="one shape"):
        measure(RISING, RISING.T)


@pytest.mark.parametrize("measure", [rank_correlation, overlap])
def test_a_map_that_is_turned_over_is_seen(measure):
    one = random(0, 1000)
    assert measure(one, one[::-1]) < 0.9

"""Intervals against published values, known coverage and the law of small cases."""

import numpy as np
import pytest

from verify.intervals import RESAMPLES, Estimate, Z, bootstrapped_median, wilson


def test_wilson_gives_the_published_values():
    """R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3: to four decimals."""
    for successes, n, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)):
        found = wilson(successes / n, n)
        assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_wilson_solves_its_equation_and_is_symmetric():
    found = wilson(0.3, 50)
    for end in (found.low, found.high):  # the ends are the shares p at which 0.3 is Z standard errors away
        assert (0.3 - end) ** 2 == pytest.approx(Z**2 * end * (1 - end) / 50, rel=1e-12)
    other = wilson(0.7, 50)
    assert (other.low, other.high) == pytest.approx((1 - found.high, 1 - found.low))
    assert wilson(1, 7).high == 1 and wilson(1, 7).low < 1


@pytest.mark.parametrize(("share", "n"), [(1.1, 5), (-0.1, 5), (0.5, 0)])
def test_what_is_no_share_is_refused(share, n):
    with pytest.raises(ValueError, match="a share is in"):
        wilson(share, n)


def test_a_bootstrap_holds_the_median_and_does_not_change_with_the_day():
    values = [[float(v)] for v in range(101)]
    found = bootstrapped_median(values, seed=0)
    assert found == bootstrapped_median(values, seed=0)
    assert found != bootstrapped_median(values, seed=1)
    assert found.value == 50 and 30 < found.low < 50 < found.high < 70


def test_its_interval_is_that_of_the_binomial_order_statistics():
    """The median of a resample is below rank r with a binomial probability: the ends are known but for the draws."""
    found = bootstrapped_median([[float(v)] for v in range(101)], seed=0)
    draws = np.random.default_rng(5).binomial(101, np.arange(102)[:, None] / 101, size=(102, 20 * RESAMPLES))
    below = (draws >= 51).mean(axis=1)  # at least 51 of 101 draws are among the r smallest: the median is too
    low, high = (int(np.searchsorted(below, q)) - 1 for q in (0.025, 0.975))
    assert abs(found.low - low) <= 1 and abs(found.high - high) <= 1


def test_whole_groups_are_drawn():
    """Ten copies of each value are no more than the value: the interval is that of the groups."""
    alone = bootstrapped_median([[0.0], [1.0], [2.0], [3.0], [4.0]], seed=0)
    copied = bootstrapped_median([[v] * 10 for v in (0.0, 1.0, 2.0, 3.0, 4.0)], seed=0)
    assert (copied.low, copied.high) == (alone.low, alone.high)
    assert bootstrapped_median([[7.0]], seed=0) == Estimate(7, 7, 7)


def test_groups_of_several_sizes_are_drawn_whole_too():
    """A value beside its two copies in one group is as if the group were one value that counts three times."""
    uneven = bootstrapped_median([[5.0] * 3, [1.0]], seed=0)
    assert uneven.value == 5
    drawn = np.random.default_rng(0).integers(2, size=(RESAMPLES, 2))
    share = (drawn == 1).all(axis=1).mean()  # both draws are the small group: the only way to a median of 1
    assert 0.2 < share < 0.3 and (uneven.low, uneven.high) == (1, 5)
    even = bootstrapped_median([[5.0], [1.0]], seed=0)
    assert bootstrapped_median([[5.0, 5.0], [1.0, 1.0]], seed=0) == even


@pytest.mark.parametrize("groups", [[], [[]], [[1.0], []]])
def test_no_group_or_an_empty_one_is_refused(groups):
    with pytest.raises(ValueError, match="at least one in each"):
        bootstrapped_median(groups, seed=0)

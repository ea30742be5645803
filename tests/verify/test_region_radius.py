"""`cam.region_radius` beside the rational distance of the nearest kink of drawn networks."""

import math

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from cam import cut, region_radius
from cam.jets import kinks
from verify.whole import whole_tails

FEW = settings(max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
# Units of a drawn network stay below 1e4 and move by no less than 1e-3 of that, so that a radius has nine digits.
DIGITS = 1e-9


def measured(tail) -> tuple[float, float]:
    """Return the radius along the tail's entry and the exact one."""
    A = tail.tensor()
    k, i, j = tail.entry
    _, height, width = A.shape[1:]
    radius = region_radius(cut(tail.module(), "A", A).tail, A, target=0)[(k * height + i) * width + j]
    return float(radius), math.inf if tail.nearest_kink is None else float(tail.nearest_kink)


@FEW
@given(whole_tails(depth=3, nonnegative=False))
def test_the_radius_is_the_distance_of_the_nearest_kink(tail):
    radius, exact = measured(tail)
    assert radius == exact or abs(radius - exact) <= DIGITS * exact


@FEW
@given(whole_tails(on_kink=True))
def test_the_radius_on_a_kink_is_zero(tail):
    assert measured(tail) == (0, 0)


def test_a_kink_in_the_wrong_place_is_found(monkeypatch):
    monkeypatch.setitem(kinks.PLACES, "relu", lambda: (0.125,))

    @settings(FEW, phases=[Phase.generate])  # any will do, no need to make it small
    @given(whole_tails(depth=3, nonnegative=False))
    def refuted(tail):
        test_the_radius_is_the_distance_of_the_nearest_kink.hypothesis.inner_test(tail)

    with pytest.raises(AssertionError):
        refuted()

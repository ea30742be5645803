import math

import pytest
import torch

from cam import HEADS, Head, head, reverse

EPS = torch.finfo(torch.float64).eps
# rho is a quotient of two sums of three terms of size 1 or less, each right to a few EPS; autograd's f'' and f''' too.
ROUNDINGS = 100
POINTS = torch.tensor([-6.0, -2.0, -0.5, 0.25, 1.0, 3.0, 6.0], dtype=torch.float64)
EACH = pytest.mark.parametrize("outer", HEADS, ids=lambda outer: outer.name)


def derivatives(outer: Head, S: torch.Tensor) -> list[torch.Tensor]:
    first = reverse(outer.value)
    second = reverse(first)
    return [fn(S).detach() for fn in (first, second, reverse(second))]


def agrees(value: torch.Tensor, reference: torch.Tensor) -> bool:
    return bool(((value - reference).abs() <= ROUNDINGS * EPS * reference.abs().clamp(min=1)).all())


@EACH
def test_rho_is_the_third_derivative_over_the_second(outer):
    _, second, third = derivatives(outer, POINTS)
    assert agrees(outer.rho(POINTS), third / second)


@EACH
def test_the_ratios_are_those_of_autograd(outer):
    first, second, third = derivatives(outer, POINTS)
    for found, reference in zip(outer.ratios(POINTS), (second / first, third / first), strict=True):
        assert agrees(found, reference)
    plain = Head("plain", outer.value, outer.rho)
    for found, reference in zip(plain.ratios(POINTS), outer.ratios(POINTS), strict=True):
        assert agrees(found, reference)


def test_a_wrong_coefficient_in_rho_is_refuted():
    s = POINTS.sigmoid()
    _, second, third = derivatives(head("sigmoid"), POINTS)
    assert agrees((1 - 6 * s + 6 * s**2) / (1 - 2 * s), third / second)
    assert not agrees((1 - 6 * s + 5 * s**2) / (1 - 2 * s), third / second)


def test_rho_of_the_sigmoid_is_infinite_at_zero_and_minus_one_far_out():
    rho = head("sigmoid").rho
    assert math.isinf(rho(torch.zeros(1)).item())
    assert rho(torch.tensor(800.0)).item() == -1 and rho(torch.tensor(-800.0)).item() == 1


def test_ratios_stay_finite_where_the_outer_function_overflows_or_saturates():
    far = torch.tensor([-800.0, 800.0], dtype=torch.float64)
    for outer in HEADS:
        assert all(ratio.isfinite().all() for ratio in outer.ratios(far))


def test_an_unknown_head_is_refused_by_the_nearest_name():
    with pytest.raises(ValueError, match="'sigmoidal'; the nearest is 'sigmoid'"):
        head("sigmoidal")

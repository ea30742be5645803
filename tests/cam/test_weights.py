from fractions import Fraction

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cam import alpha_closed, alpha_exact, alpha_from_tail, alpha_printed, channel_weights, footprint


def t64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


# By hand: g, h, t, sigma -> (g^2 + h) / (2 (g^2 + h) + sigma (g^3 + 3 g h + t)).
BY_HAND = (
    ((1, 0, 0, 2), Fraction(1, 4)),
    ((-1, 0, 0, 1), Fraction(1, 1)),
    ((2, 1, 0, 1), Fraction(5, 24)),  # 5 / (10 + 14)
    ((1, 1, 2, 3), Fraction(2, 22)),  # 2 / (4 + 3 (1 + 3 + 2))
    ((0, 1, 5, 1), Fraction(1, 7)),  # the tail's slope is 0, its curvature is not
    ((3, -9, 1, 1), Fraction(0, 1)),  # Y2 = 0
)
# Each alpha is at most ten roundings of numbers this size.
TEN_ROUNDINGS = 10 * torch.finfo(torch.float64).eps


def agrees(alpha: torch.Tensor, by_hand: Fraction) -> bool:
    return abs(Fraction(alpha.item()) - by_hand) <= TEN_ROUNDINGS * abs(by_hand)


@pytest.mark.parametrize(("case", "by_hand"), BY_HAND)
def test_alpha_from_the_tail_is_what_one_finds_by_hand(case, by_hand):
    assert agrees(alpha_from_tail(*t64(*case)), by_hand)


@pytest.mark.parametrize(("case", "by_hand"), BY_HAND)
def test_alpha_exact_of_the_composed_exponential_is_the_same(case, by_hand):
    g, h, t, sigma = t64(*case)
    Y = torch.tensor(0.75, dtype=torch.float64)  # cancels
    assert agrees(alpha_exact(Y * (g**2 + h), Y * (g**3 + 3 * g * h + t), sigma), by_hand)


def affine(case: tuple[int, int, int, int]) -> bool:
    return case[1] == case[2] == 0


@pytest.mark.parametrize(("case", "by_hand"), [entry for entry in BY_HAND if affine(entry[0])])
def test_on_an_affine_tail_the_closed_and_the_printed_form_are_the_exact_one(case, by_hand):
    g, _, _, sigma = t64(*case)
    assert agrees(alpha_closed(g, sigma), by_hand) and agrees(alpha_printed(g, sigma), by_hand)


def test_on_a_curved_tail_they_are_not():
    case, by_hand = BY_HAND[2]
    g, _, _, sigma = t64(*case)
    assert not agrees(alpha_closed(g, sigma), by_hand) and not agrees(alpha_printed(g, sigma), by_hand)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda g, h, t, sigma: (g**2 + h) / ((g**2 + h) + sigma * (g**3 + 3 * g * h + t)),
        lambda g, h, t, sigma: (g**2 + h) / (2 * (g**2 + h) + sigma * (g**2 + 3 * g * h + t)),
        lambda g, h, t, sigma: (g**2 + h) / (2 * (g**2 + h) + sigma * (g**3 + g * h + t)),
        lambda g, h, t, sigma: (g**2 + h) / (2 * (g**2 + h) + sigma * (g**3 + 3 * g * h + t) + 1e-7),
    ],
    ids=["without the 2", "wrong exponent", "without the 3", "with an eps"],
)
def test_a_formula_with_one_mistake_fails_the_same_comparison(wrong):
    assert not all(agrees(wrong(*t64(*case)), by_hand) for case, by_hand in BY_HAND)


def test_any_head_enters_the_closed_form_by_its_rho():
    # 1 / (2 + 3 * (-1/2) * 4)
    assert agrees(alpha_closed(t64(4), t64(3), -0.5), Fraction(-1, 4))
    assert agrees(alpha_closed(t64(4), t64(3), t64(-0.5)), Fraction(-1, 4))


def test_at_a_zero_gradient_the_closed_form_has_its_limit_and_the_printed_one_is_undefined():
    assert alpha_closed(t64(0), t64(5)).item() == 0.5
    assert alpha_printed(t64(0), t64(5)).isnan()
    assert alpha_from_tail(*t64(0, 0, 0, 5)).isnan()


def test_an_infinite_rho_gives_zero_off_a_zero_gradient():
    assert alpha_closed(t64(1, -1, 0), t64(3, 3, 3), float("inf")).tolist() == [0, 0, 0.5]
    assert alpha_exact(t64(0), t64(-0.125), t64(3)).item() == 0


def test_a_pole_stays_visible():
    assert alpha_closed(t64(-2), t64(1)).isinf()


SIZES = st.floats(-4, 4).filter(lambda v: abs(v) > 1e-3)
POWERS = st.integers(-20, 20).map(lambda n: 2.0**n)  # a power of two scales without rounding


@given(g=SIZES, h=SIZES, t=SIZES, sigma=SIZES, c=POWERS, rho=SIZES)
def test_every_alpha_is_invariant_under_a_scale_of_the_activations(g, h, t, sigma, c, rho):
    g, h, t, sigma = t64(g, h, t, sigma)

    def same(one: torch.Tensor, other: torch.Tensor) -> bool:
        return torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))

    assert same(alpha_closed(g / c, c * sigma, rho), alpha_closed(g, sigma, rho))
    assert same(alpha_printed(g / c, c * sigma), alpha_printed(g, sigma))
    assert same(alpha_from_tail(g / c, h / c**2, t / c**3, c * sigma), alpha_from_tail(g, h, t, sigma))
    assert same(alpha_exact(h / c**2, t / c**3, c * sigma), alpha_exact(h, t, sigma))


@pytest.mark.parametrize("c", [2.0**-60, 2.0**60])
def test_no_power_of_a_gradient_leaves_the_range_of_float32(c):
    values = [torch.tensor(v, dtype=torch.float32) for v in (1.5, 0.0, 0.0, 0.75)]
    g, h, t, sigma = values
    assert torch.equal(alpha_from_tail(g / c, h, t, sigma * c), alpha_from_tail(*values))
    assert (g / c) ** 3 in (0, float("inf"))  # which is why the formula as it stands will not do
    assert alpha_from_tail(*values).item() == pytest.approx(1 / (2 + 0.75 * 1.5))


def test_an_eps_in_the_denominator_breaks_the_invariance():
    def with_eps(g, sigma):
        return g**2 / (2 * g**2 + sigma * g**3 + 1e-7)

    g, sigma, c = t64(0.5), t64(2), 2.0**10
    assert not torch.isclose(with_eps(g / c, c * sigma), with_eps(g, sigma), rtol=1e-3)


def test_the_footprint_is_the_sum_of_each_channel():
    A = torch.arange(12, dtype=torch.float64).view(1, 3, 2, 2)
    assert footprint(A).shape == (1, 3, 1, 1) and footprint(A).flatten().tolist() == [6, 22, 38]
    assert torch.equal(footprint(A)[0], footprint(A[0]))


def test_channel_weights_sum_alpha_over_the_positive_gradients():
    alpha = t64(0.5, 0.25, 7, 9, 1, 1, 1, 1).view(2, 2, 2)
    dS = t64(2, 4, -1, 0, -1, -2, -3, -4).view(2, 2, 2)
    assert channel_weights(alpha, dS).tolist() == [2, 0]


def test_an_undefined_alpha_counts_nothing_where_the_gradient_is_not_positive():
    nan, inf = float("nan"), float("inf")
    assert channel_weights(t64(nan, inf, -inf, 0.5).view(1, 2, 2), t64(0, -1, 0, 2).view(1, 2, 2)).item() == 1


def test_a_pole_and_an_undefined_gradient_stay_visible_in_the_weight():
    inf, nan = float("inf"), float("nan")
    assert channel_weights(t64(inf, 1, 1, 1).view(1, 2, 2), t64(1, 1, 1, 1).view(1, 2, 2)).item() == inf
    assert channel_weights(t64(1, 1, 1, 1).view(1, 2, 2), t64(nan, 1, 1, 1).view(1, 2, 2)).isnan()


@pytest.mark.parametrize("shape", [(3,), (3, 4)])
def test_what_sums_over_channels_demands_them(shape):
    values = torch.ones(shape, dtype=torch.float64)
    for function in (footprint, lambda values: channel_weights(values, values)):
        with pytest.raises(ValueError, match=r"of channels must be of shape \(\.\.\., K, H, W\), not \(3"):
            function(values)
    assert footprint(torch.ones(2, 3, 4)).flatten().tolist() == [12, 12]

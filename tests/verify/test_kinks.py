"""Off its kinks for certain, or not: against tails whose kinks are known by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cam.jets import ORACLES, tower
from cam.tail import cut
from verify.kinks import is_off_kinks

SHAPE = (1, 2, 4, 4)


class Do(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, A):
        return self.function(A)


def tail_of(*layers, at):
    model = nn.Sequential(nn.Identity(), *layers, nn.Flatten()).double().eval()
    return cut(model, "0", at).tail, at


def spread():
    """Return activations that all differ, none of them 0, 1, 6 or -1."""
    return (torch.arange(32, dtype=torch.float64).reshape(SHAPE) - 15.3) / 2


def placed(value):
    """Return them with one entry at `value`."""
    A = spread()
    A[0, 1, 2, 3] = value
    return A


@pytest.mark.parametrize(
    ("layer", "kink"),
    [
        (nn.ReLU(), 0.0),
        (nn.ReLU6(), 0.0),
        (nn.ReLU6(), 6.0),
        (nn.LeakyReLU(0.25), 0.0),
        (nn.Hardtanh(), -1.0),
        (nn.Hardtanh(), 1.0),
        (nn.PReLU(2), 0.0),
    ],
)
def test_a_unit_is_off_its_kink_everywhere_but_on_it(layer, kink):
    assert is_off_kinks(*tail_of(layer, at=spread()))
    assert not is_off_kinks(*tail_of(layer, at=placed(kink)))
    assert is_off_kinks(*tail_of(layer, at=placed(kink + 2.0**-40)))


def test_a_unit_whose_input_is_within_rounding_of_its_kink_is_not_off_it():
    scale = nn.Conv2d(2, 2, 1, bias=True).double()
    with torch.no_grad():
        scale.weight.copy_(torch.eye(2, dtype=torch.float64).reshape(2, 2, 1, 1) / 3)
        scale.bias.fill_(-1.0)
    # 3 / 3 - 1 comes out as zero or as a unit in the last place, and is neither for certain.
    assert not is_off_kinks(*tail_of(scale, nn.ReLU(), at=placed(3.0)))
    assert is_off_kinks(*tail_of(scale, nn.ReLU(), at=spread()))


@pytest.mark.parametrize("pool", [nn.MaxPool2d(2), nn.MaxPool2d(3, stride=1, padding=1), nn.MaxPool2d((2, 1))])
def test_a_tie_for_the_largest_entry_of_a_window_is_a_kink(pool):
    assert is_off_kinks(*tail_of(pool, at=spread()))
    tied = spread()
    tied[0, 0, 3, 3] = tied[0, 0, 2, 3] = 50.0
    assert not is_off_kinks(*tail_of(pool, at=tied))


def test_a_tie_below_the_largest_entry_is_none():
    tied = spread()
    tied[0, 0, 0, 0] = tied[0, 0, 0, 1]
    assert is_off_kinks(*tail_of(nn.MaxPool2d(2), at=tied))


def test_zeros_behind_a_relu_that_share_a_window_are_a_kink():
    negative = spread() - 100
    assert is_off_kinks(*tail_of(nn.ReLU(), at=negative))
    assert not is_off_kinks(*tail_of(nn.ReLU(), nn.MaxPool2d(2), at=negative))


@pytest.mark.parametrize("layer", [nn.Hardshrink(), nn.MaxPool2d(3, stride=2, ceil_mode=True)])
def test_what_is_not_described_is_not_known_to_be_off_its_kinks(layer):
    assert not is_off_kinks(*tail_of(layer, at=spread()))


CASTS = {
    "int": lambda A: A + A.long(),
    "truth value": lambda A: A + A.bool(),
    "sum in whole numbers": lambda A: A.flatten(1) + A.sum((1, 2, 3), dtype=torch.int64),
}


@pytest.mark.parametrize("function", CASTS.values(), ids=CASTS)
def test_a_cast_jumps_and_is_not_known_to_be_off_its_kinks(function):
    A = placed(0.0)
    A[0, 0, 0, 0] = -7.0
    assert not is_off_kinks(*tail_of(Do(function), at=A))


def test_where_the_largest_entry_was_is_certain_when_the_entry_is():
    places = Do(lambda A: F.max_pool2d(A, 2, return_indices=True)[1].double())
    assert is_off_kinks(*tail_of(places, at=spread()))


def test_a_linear_tail_has_no_kinks():
    assert is_off_kinks(*tail_of(nn.AvgPool2d(2), at=torch.zeros(SHAPE, dtype=torch.float64)))


# What torch answers on a kink: its convention, which `derivation.claims.kinks` describes.

AT_KINK = torch.zeros(1, dtype=torch.float64)
oracles = pytest.mark.parametrize("oracle", ORACLES)


def pair(t):
    """Return two entries, t and -2 t, that tie at 0: shape (B, 2)."""
    return torch.stack((t, -2 * t), dim=1)


@oracles
@pytest.mark.parametrize(
    ("unit", "from_left", "from_right", "answer"),
    [
        (lambda t: (3 * t).relu(), 0.0, 3.0, 0.0),
        (lambda t: (-3 * t).relu(), -3.0, 0.0, 0.0),
        (lambda t: 5 * t + (3 * t).relu(), 5.0, 8.0, 5.0),
        (lambda t: (3 * t).abs(), -3.0, 3.0, 0.0),
        (lambda t: pair(t).amax(1), -2.0, 1.0, -0.5),
    ],
    ids=["relu", "relu turned round", "relu on a slope", "abs", "amax"],
)
def test_torch_has_a_slope_on_a_kink_and_a_second_derivative_of_zero_whatever_the_function_does(
    unit, from_left, from_right, answer, oracle
):
    assert tower(unit, AT_KINK, 3, oracle)[1:].flatten().tolist() == [answer, 0.0, 0.0]
    for step in (2.0**-k for k in (1, 10, 20)):  # exact in float64
        left, here, right = unit(torch.tensor([-step, 0.0, step], dtype=torch.float64)).tolist()
        assert ((here - left) / step, (right - here) / step) == (from_left, from_right)
        assert (right - 2 * here + left) / step**2 == (from_right - from_left) / step != 0


@oracles
def test_the_pixel_weight_of_torch_on_the_kink_of_a_relu_is_that_of_the_inactive_side(oracle):
    sigma, flat, steep = 2.0, 0.5, 2.0
    _, _, second, third = tower(lambda t: (flat * t + ((steep - flat) * t).relu()).exp(), AT_KINK, 3, oracle)
    alpha = second / (2 * second + sigma * third)
    assert alpha.item() == pytest.approx(1 / (2 + sigma * flat), rel=1e-15)
    assert alpha.item() != pytest.approx(1 / (2 + sigma * steep), rel=0.1)

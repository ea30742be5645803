"""Off its kinks for certain, or not: against tails whose kinks are known by hand."""

import pytest
import torch
from torch import nn

from cam.tail import cut
from verify.kinks import is_off_kinks

SHAPE = (1, 2, 4, 4)


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


def test_a_linear_tail_has_no_kinks():
    assert is_off_kinks(*tail_of(nn.AvgPool2d(2), at=torch.zeros(SHAPE, dtype=torch.float64)))

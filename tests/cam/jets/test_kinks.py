import pytest
import torch
from torch import nn

from cam import cut, pure_derivatives, region_radius
from cam.jets import kinks


def t64(values) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


class Of(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, A):
        return self.function(A).flatten(1)


def kinked(function, values, readout=None) -> list[int]:
    """Return which entries of a map (rows by columns) are reported in front of a linear readout."""
    A = t64([[values]])
    features = function(A).numel()
    linear = nn.Linear(features, 1).double()
    linear.weight.data = t64([readout if readout is not None else [1 + 0.1 * k for k in range(features)]])
    network = nn.Sequential(nn.Identity(), Of(function), linear).eval()
    found = pure_derivatives(cut(network, "0", A).tail, A, target=0)
    return found.kinked.nonzero().flatten().tolist()


F = nn.functional
ZEROS = [[0.0, 1.0], [-2.0, 0.0]]
PLACES = {
    "relu": (F.relu, ZEROS, [0, 3]),
    "relu, nothing on it": (F.relu, [[1.0, 2.0], [-1.0, -2.0]], []),
    "relu6": (F.relu6, [[6.0, 5.0], [0.0, 7.0]], [0, 2]),
    "leaky relu": (lambda A: F.leaky_relu(A, 0.1), ZEROS, [0, 3]),
    "prelu": (lambda A: F.prelu(A, t64([0.3])), ZEROS, [0, 3]),
    "hardtanh": (lambda A: F.hardtanh(A, -1, 2), [[-1.0, 2.0], [0.0, 3.0]], [0, 1]),
    "hardsigmoid": (F.hardsigmoid, [[-3.0, 3.0], [0.0, 4.0]], [0, 1]),
    "hardswish": (F.hardswish, [[-3.0, 3.0], [0.0, 4.0]], [0, 1]),
    "clamp": (lambda A: A.clamp(-1, 1), [[-1.0, 1.0], [0.0, 3.0]], [0, 1]),
    "clamp below": (lambda A: A.clamp(min=-1), [[-1.0, 1.0], [0.0, 3.0]], [0]),
    "clamp by a larger shape": (
        lambda A: A.mean(3, keepdim=True).clamp(min=t64([1.0, 5.0])),
        [[0.0, 2.0], [2.0, 3.0]],
        [0, 1],
    ),
    "abs": (torch.abs, ZEROS, [0, 3]),
    "elu": (F.elu, ZEROS, [0, 3]),
    "softshrink": (lambda A: F.softshrink(A, 0.5), [[0.5, -0.5], [0.0, 1.0]], [0, 1]),
    "threshold": (lambda A: F.threshold(A, 1.0, 0.0), ZEROS, [1]),
    "gelu": (F.gelu, ZEROS, []),
    "relu of a sum": (lambda A: F.relu(A.sum(3, keepdim=True)), [[1.0, -1.0], [2.0, 1.0]], [0, 1]),
    "relu of what no entry moves": (
        lambda A: F.relu(A.sum(3, keepdim=True) * t64([1.0, 0.0])),
        [[1.0, 1.0], [2.0, 1.0]],
        [],
    ),
    "max": (lambda A: torch.maximum(A, A.flip(3)), [[1.0, 1.0], [2.0, 3.0]], [0, 1]),
    "max with a constant": (lambda A: torch.maximum(torch.ones_like(A), A), ZEROS, [1]),
    "constant in a max": (lambda A: torch.maximum(A, torch.ones_like(A)), ZEROS, [1]),
    "amax": (lambda A: A.amax((2, 3)), [[1.0, 2.0], [2.0, 0.0]], [1, 2]),
    "amin of rows": (lambda A: A.amin(3), [[1.0, 1.0], [2.0, 0.0]], [0, 1]),
    "max of a dimension": (lambda A: A.max(2)[0], [[1.0, 3.0], [1.0, 0.0]], [0, 2]),
}


@pytest.mark.parametrize(("function", "values", "expected"), PLACES.values(), ids=PLACES)
def test_entries_that_move_a_unit_on_its_kink_are_reported(function, values, expected):
    assert kinked(function, values) == expected


POOL = F.max_pool2d
TIES = [[1.0, 1.0, 0.0, 5.0], [0.0, 1.0, 5.0, 5.0], [2.0, 3.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0]]
POOLS = {
    "two by two": (lambda A: POOL(A, 2), TIES, [0, 1, 3, 5, 6, 7, 10, 11, 14, 15]),
    "no tie": (lambda A: POOL(A, 2), [[1.0, 2.0], [3.0, 4.0]], []),
    # The windows of a dilated pool: rows 0 and 2, columns 0 and 2, and so on.
    "dilated": (lambda A: POOL(A, 2, 1, dilation=2), [[5.0, 1.0, 5.0], [9.0, 9.0, 9.0], [1.0, 1.0, 1.0]], [0, 2]),
    # Windows of one row and column of padding: 0 alone, then {1, 2}, {3, 6}, {4, 5, 7, 8}.
    "padded": (
        lambda A: POOL(A, 2, 2, 1),
        [[1.0, 7.0, 7.0], [3.0, 0.0, 0.0], [3.0, 0.0, 0.0]],
        [1, 2, 3, 4, 5, 6, 7, 8],
    ),
    "padding is no tie": (lambda A: POOL(A, 2, 2, 1), [[0.0, -1.0, -2.0], [-3.0, -4.0, -5.0], [-6.0, -7.0, -8.0]], []),
    "strided": (lambda A: POOL(A, 1, 2), [[1.0, 1.0], [1.0, 1.0]], []),
    "left out at the end": (lambda A: POOL(A, 2, 2), [[1.0, 2.0, 8.0], [3.0, 4.0, 8.0], [7.0, 7.0, 9.0]], []),
    "ceil_mode": (
        lambda A: POOL(A, 2, 2, ceil_mode=True),
        [[1.0, 2.0, 8.0], [3.0, 4.0, 8.0], [7.0, 7.0, 9.0]],
        [2, 5, 6, 7],
    ),
    "one dimension": (lambda A: F.max_pool1d(A.flatten(2), 2), [[1.0, 1.0], [2.0, 3.0]], [0, 1]),
    "adaptive": (lambda A: F.adaptive_max_pool2d(A, 1), [[1.0, 2.0], [2.0, 0.0]], [1, 2]),
}


@pytest.mark.parametrize(("function", "values", "expected"), POOLS.values(), ids=POOLS)
def test_entries_that_break_a_tie_of_a_pool_are_reported(function, values, expected):
    assert kinked(function, values) == expected


def test_the_windows_of_a_pool_are_torchs_own():
    torch.manual_seed(0)
    for size, stride, padding, dilation, ceil in (
        (2, 2, 0, 1, False),
        (3, 2, 1, 1, False),
        (3, 2, 1, 1, True),
        ((2, 3), (2, 1), (1, 1), (1, 2), True),
        (2, 3, 0, 2, True),
    ):
        x = torch.randn(1, 2, 7, 8)
        how = [n if isinstance(n, tuple) else (n, n) for n in (size, stride, padding, dilation)]
        expected = F.max_pool2d(x, size, stride, padding, dilation, ceil_mode=ceil)
        assert torch.equal(kinks.pooled(x, *how, ceil).amax((-2, -1)), expected)


def test_an_entry_that_moves_all_that_are_tied_together_is_not_reported():
    assert (
        kinked(lambda A: A.mean((2, 3), keepdim=True).expand(-1, -1, 2, 2).amax((2, 3)), [[1.0, 2.0], [3.0, 4.0]]) == []
    )
    # The first row moves both of those that are tied alike, the second one of them.
    assert kinked(
        lambda A: (A.sum(3, keepdim=True)[:, :, :1] + F.pad(A[:, :, 1:, :1], (1, 0))).amax((2, 3)),
        [[1.0, 2.0], [0.0, 4.0]],
    ) == [2]


def test_a_unit_that_the_score_does_not_depend_on_is_not_reported():
    assert kinked(F.relu, ZEROS, readout=[0.0, 1.0, 1.0, 1.0]) == [3]
    assert kinked(lambda A: F.relu(F.relu(A) - 5), ZEROS) == []


def test_the_derivative_on_a_kink_is_that_of_the_piece_that_torch_chooses():
    A = t64([[ZEROS]])
    linear = nn.Linear(4, 1).double()
    found = pure_derivatives(
        cut(nn.Sequential(nn.Identity(), nn.ReLU(), nn.Flatten(), linear).eval(), "0", A).tail, A, target=0
    )
    assert torch.equal(found.g, linear.weight[0].detach() * t64([0, 1, 0, 0]))
    assert not found.h.any() and not found.t.any()


def test_what_is_not_watched_is_named():
    A = t64([[ZEROS]])
    tail = cut(nn.Sequential(nn.Identity(), Of(lambda A: A.sort(3)[0]), nn.Linear(4, 1).double()).eval(), "0", A).tail
    assert pure_derivatives(tail, A, target=0).unwatched == ("sort",)


@pytest.mark.parametrize(
    ("dtype", "steps", "flat"),
    [
        (torch.int64, [[1.0, 0.5], [0.25, 0.25]], [[0.0, 0.5], [1.5, -0.0]]),
        (torch.bool, [[0.0, 0.5], [0.25, 0.25]], [[1.0, 0.5], [2.0, -3.0]]),
        (torch.float32, None, [[0.0, 1.0], [2.0, -3.0]]),
    ],
)
def test_a_cast_jumps_at_whole_numbers_or_at_zero(dtype, steps, flat):
    for values, names in ((steps, ("_to_copy",)), (flat, ())):
        if values is not None:
            A = t64([[values]])
            of = Of(lambda A: A + A.to(dtype))
            tail = cut(nn.Sequential(nn.Identity(), of, nn.Linear(4, 1).double()).eval(), "0", A).tail
            assert pure_derivatives(tail, A, target=0).unwatched == names


def test_a_cast_of_truth_values_does_not_jump_again():
    A = t64([[[[0.5, 1.5], [-1.0, 2.0]]]])
    of = Of(lambda A: A + (A > 0).long())
    tail = cut(nn.Sequential(nn.Identity(), of, nn.Linear(4, 1).double()).eval(), "0", A).tail
    assert pure_derivatives(tail, A, target=0).unwatched == ()


@pytest.mark.parametrize(
    "function",
    [lambda A: torch.clamp(torch.zeros_like(A), A), lambda A: torch.clamp(A, A.flip(3))],
    ids=["what is clamped stays", "what is clamped moves"],
)
def test_bounds_that_move_are_not_watched(function):
    A = t64([[ZEROS]])
    tail = cut(nn.Sequential(nn.Identity(), Of(function), nn.Linear(4, 1).double()).eval(), "0", A).tail
    assert pure_derivatives(tail, A, target=0).unwatched == ("clamp",)
    with pytest.raises(ValueError, match="it is not known where the pieces of clamp meet"):
        region_radius(tail, A, target=0)


def test_a_kink_in_the_wrong_place_is_found(monkeypatch):
    monkeypatch.setitem(kinks.PLACES, "relu", lambda: (1,))
    assert kinked(F.relu, ZEROS) != [0, 3]


def test_padding_with_zeros_would_be_found(monkeypatch):
    right = F.pad
    monkeypatch.setattr(torch.nn.functional, "pad", lambda x, pads, value=0.0: right(x, pads, value=0.0))
    function, values, expected = POOLS["padding is no tie"]
    assert kinked(function, values) != expected


def test_roundings_of_what_moves_together_are_no_move():
    def function(A):
        return F.conv2d(
            F.pad(A.mean((2, 3), keepdim=True).expand(-1, -1, 2, 2), (1, 1, 1, 1), "replicate"), KERNEL
        ).amax((2, 3))

    assert kinked(function, [[1.0, 2.0], [3.0, 4.1]]) == []


KERNEL = torch.rand(1, 1, 3, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

import pytest
import torch
from torch import Tensor, nn

from cam import cut, pure_derivatives
from cam.jets import regions
from cam.jets.regions import region_radius

EPS = torch.finfo(torch.float64).eps


def tail_of(*parts: nn.Module, shape: tuple[int, ...] = (1, 2, 4, 4)):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Identity(), *parts).double().eval()
    A = torch.randn(shape, dtype=torch.float64)
    return cut(network, "0", A).tail, A


def deep():
    torch.manual_seed(0)
    return tail_of(
        nn.Conv2d(2, 3, 3, padding=1),
        nn.LeakyReLU(0.1),
        nn.MaxPool2d(3, 2, 1),
        nn.Flatten(),
        nn.Linear(12, 4),
        nn.Hardtanh(-0.2, 0.2),
        nn.Linear(4, 3),
    )


def test_the_score_is_affine_up_to_the_radius_and_bends_there():
    tail, A = deep()
    radius = region_radius(tail, A, target=1)
    g = pure_derivatives(tail, A, order=1, target=1).g
    steps = torch.eye(A.numel(), dtype=A.dtype).view(-1, *A.shape[1:])

    def bend(share: float) -> Tensor:
        """Return how far S(A + u e_i) is from the tangent, for u = share * radius."""
        u = share * radius
        return (tail(A + u.view(-1, 1, 1, 1) * steps)[:, 1] - tail(A)[0, 1] - u * g).abs()

    assert radius.isfinite().all() and (radius > 0).all()
    assert max(bend(1 - 1e-9).max(), bend(1e-9 - 1).max()) < 100 * EPS
    # Beyond it one side bends, unless the unit that reaches its kink is one that the score does not depend on.
    bent = torch.maximum(bend(1.001), bend(-1.001)) > 1e-9
    assert bent.float().mean() > 0.5


@pytest.mark.parametrize(
    ("part", "values", "expected"),
    [
        (nn.ReLU(), [[-3.0, 2.0], [0.0, 0.5]], [3, 2, 0, 0.5]),
        (nn.ReLU6(), [[-3.0, 5.0], [6.0, 7.5]], [3, 1, 0, 1.5]),
        (nn.Hardtanh(-1, 2), [[-3.0, 0.0], [1.0, 1.75]], [2, 1, 1, 0.25]),
        (nn.Hardsigmoid(), [[-3.5, 0.0], [1.0, 3.0]], [0.5, 3, 2, 0]),
        (nn.MaxPool2d(2), [[1.0, 2.0], [5.0, 4.5]], [4, 3, 0.5, 0.5]),
        (nn.MaxPool2d(2), [[1.0, 5.0], [5.0, 4.5]], [4, 0, 0, 0.5]),
        (nn.AdaptiveMaxPool2d(1), [[1.0, 2.0], [5.0, 4.5]], [4, 3, 0.5, 0.5]),
        (nn.MaxPool2d(1), [[1.0, 2.0], [5.0, 4.5]], [torch.inf] * 4),
        (nn.AvgPool2d(2), [[1.0, 2.0], [5.0, 4.5]], [torch.inf] * 4),
    ],
    ids=str,
)
def test_the_radius_is_the_one_found_by_hand(part, values, expected):
    A = torch.tensor([[values]], dtype=torch.float64)
    size = part(A).numel()
    tail = cut(nn.Sequential(nn.Identity(), part, nn.Flatten(), nn.Linear(size, 1)).double().eval(), "0", A).tail
    assert region_radius(tail, A, target=0).tolist() == expected


class Of(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, A):
        return self.function(A).flatten(1)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda A: A.amax((2, 3)), [4, 3, 0.5, 0.5]),
        (lambda A: A.amin((2, 3)), [1, 1, 4, 3.5]),
        (lambda A: A.max(3)[0], [1, 1, 0.5, 0.5]),
        (lambda A: torch.maximum(A, A.flip(3)), [1, 1, 0.5, 0.5]),
        (lambda A: torch.maximum(torch.full_like(A, 3), A), [2, 1, 2, 1.5]),
        (lambda A: torch.minimum(2 * A, A + 1), [0, 1, 4, 3.5]),
        (lambda A: A.abs() + A.clamp(max=1.5), [0.5, 0.5, 3.5, 3]),
    ],
)
def test_the_radius_of_a_maximum_is_the_one_found_by_hand(function, expected):
    A = torch.tensor([[[[1.0, 2.0], [5.0, 4.5]]]], dtype=torch.float64)
    tail = cut(nn.Sequential(nn.Identity(), Of(function)).eval(), "0", A).tail
    assert region_radius(tail, A, target=0).tolist() == expected


def test_padding_is_no_competitor():
    A = torch.tensor([[[[-1.0, -2.0], [-5.0, -4.5]]]], dtype=torch.float64)
    pool = nn.MaxPool2d(2, 2, 1)
    tail = cut(nn.Sequential(nn.Identity(), pool, nn.Flatten(), nn.Linear(4, 1)).double().eval(), "0", A).tail
    assert region_radius(tail, A, target=0).tolist() == [torch.inf] * 4


def test_chosen_entries_and_small_chunks_change_nothing():
    tail, A = deep()
    entries = torch.tensor([7, 3, 31, 7])
    assert torch.equal(region_radius(tail, A, entries, target=1), region_radius(tail, A, target=1)[entries])
    assert torch.allclose(region_radius(tail, A, target=1, memory=1), region_radius(tail, A, target=1), rtol=1e-12)
    assert region_radius(tail, A, entries[:0], target=1).shape == (0,)


def test_a_smooth_tail_is_refused_by_the_names_of_what_is_smooth():
    tail, A = tail_of(nn.ReLU(), nn.GELU(), nn.Flatten(), nn.Tanh(), nn.Linear(32, 2))
    with pytest.raises(ValueError, match="this one has gelu, tanh"):
        region_radius(tail, A, target=0)


def test_pieces_that_are_not_known_are_refused_by_name():
    tail, A = tail_of(Of(lambda A: A.sort(1)[0]), nn.Linear(32, 2))
    with pytest.raises(ValueError, match="it is not known where the pieces of sort meet"):
        region_radius(tail, A, target=0)


def test_where_a_cast_jumps_is_not_known():
    tail, A = tail_of(Of(lambda A: A + A.long()), nn.Flatten(), nn.Linear(32, 2))
    with pytest.raises(ValueError, match="it is not known where the pieces of _to_copy meet"):
        region_radius(tail, A, target=0)


def test_vectors_and_tokens_have_regions_too():
    for shape in ((1, 6), (1, 3, 6), (1, 2, 2, 1, 6)):
        tail, A = tail_of(nn.Linear(6, 4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * A_numel(shape) // 6, 2), shape=shape)
        radius = region_radius(tail, A, target=0)
        assert radius.shape == (A.numel(),) and radius.isfinite().all()


def A_numel(shape: tuple[int, ...]) -> int:
    return int(torch.tensor(shape).prod())


def test_a_maximum_that_is_not_watched_is_missed(monkeypatch):
    tail, A = deep()
    right = region_radius(tail, A, target=1)
    nearest = regions._nearest
    monkeypatch.setattr(
        regions,
        "_nearest",
        lambda walk, node: nearest(walk, node) + (torch.inf if "pool" in str(node.target) else 0),
    )
    assert (region_radius(tail, A, target=1) > right * (1 + 1e-9)).any()

import pytest
import torch
from torch import nn
from torch.fx import Interpreter
from torch.nn import functional as F

from cam import cut, nested_derivatives, pure_derivatives
from cam.jets import derivatives as module
from cam.jets.plan import Plan
from cam.jets.rays import Root, lines, root
from cam.jets.term import Term
from cam.smooth import name_of


def planned(*parts: nn.Module, shape: tuple[int, ...] = (1, 4, 4, 4)):
    torch.manual_seed(0)
    A = torch.randn(shape, dtype=torch.float64)
    network = nn.Sequential(nn.Identity(), *parts).double().eval()
    tail = cut(network, "0", A).tail
    return Plan(tail.coarse, A, 0), tail, A


def rest(inputs: int) -> tuple[nn.Module, ...]:
    return nn.Flatten(), nn.Linear(inputs, 3), nn.Tanh(), nn.Linear(3, 2)


class Until(Interpreter):
    """The graph of a plan up to its root."""

    def __init__(self, plan: Plan, start: Root) -> None:
        super().__init__(plan.graph)
        self.end = start.node

    def run_node(self, n):
        result = super().run_node(n)
        if n is self.end:
            self.found = result
        return result

    def value(self, A: torch.Tensor) -> torch.Tensor:
        self.run(A)
        return self.found.flatten()


def jacobian(plan: Plan, start: Root) -> torch.Tensor:
    """Return dv/dA of the root, one row for each entry of A, from what `root` says."""
    found = torch.zeros(plan.A.numel(), plan.values[start.node].numel(), dtype=plan.A.dtype)
    return found.scatter(1, start.place.unsqueeze(1), start.factor.unsqueeze(1))


def followed(tail, A) -> int:
    """Return how many lines are followed for all entries."""
    calls = [0]
    pure_derivatives(tail, A, target=0, progress=lambda done, of: calls.append(of))
    return calls[-1]


def check(tail, A) -> None:
    found = pure_derivatives(tail, A, target=0)
    expected = nested_derivatives(lambda B: tail(B)[:, 0], A)
    for one, other in zip((found.g, found.h, found.t), expected[1:], strict=True):
        assert float((one - other).abs().max()) <= 1e-13 * float(other.abs().max())


def test_without_anything_before_the_first_mixing_the_root_is_the_activations():
    plan, _, A = planned(nn.Conv2d(4, 2, 3), nn.GELU(), *rest(8))
    start = root(plan)
    assert start.node is plan.source and torch.equal(start.place, torch.arange(A.numel())) and (start.factor == 1).all()


def test_the_losers_of_a_max_pool_are_not_followed():
    plan, tail, A = planned(nn.MaxPool2d(2), nn.Conv2d(4, 3, 2), nn.GELU(), *rest(3))
    start = root(plan)
    # One winner for each of the 4 windows of 4 channels.
    assert int((start.factor == 1).sum()) == 16 and int((start.factor == 0).sum()) == 48
    expected = F.max_pool2d(A, 2, return_indices=True)[1].flatten(2) + 16 * torch.arange(4).view(1, 4, 1)
    assert sorted(start.factor.nonzero().flatten().tolist()) == sorted(expected.flatten().tolist())
    assert followed(tail, A) == 16
    found = pure_derivatives(tail, A, target=0)
    assert not found.h[start.factor == 0].any() and found.h[start.factor != 0].all()
    check(tail, A)


def test_behind_a_global_average_all_entries_of_a_channel_share_one_line():
    plan, tail, A = planned(nn.AdaptiveAvgPool2d(1), *rest(4))
    start = root(plan)
    assert torch.equal(start.place, torch.arange(4).repeat_interleave(16)) and (start.factor == 1 / 16).all()
    assert followed(tail, A) == 4
    check(tail, A)


def test_an_average_pool_and_factors_are_followed_once_for_each_window():
    class Scaled(nn.Module):
        def forward(self, A):
            return F.avg_pool2d(A * torch.linspace(1, 2, 4, dtype=A.dtype).view(1, 4, 1, 1), 2)

    plan, tail, A = planned(Scaled(), nn.Conv2d(4, 3, 2), nn.GELU(), *rest(3))
    start = root(plan)
    assert followed(tail, A) == 16
    assert torch.allclose(
        start.factor.view(4, 16), (torch.linspace(1, 2, 4, dtype=A.dtype) / 4).view(4, 1).expand(4, 16)
    )
    check(tail, A)


def test_dead_entries_are_not_followed():
    plan, tail, A = planned(nn.ReLU(), nn.Conv2d(4, 2, 3), nn.GELU(), *rest(8))
    assert name_of(root(plan).node) == "relu"
    assert followed(tail, A) == int((A > 0).sum()) < A.numel()
    check(tail, A)


def test_an_overlapping_max_pool_has_winners_of_several_windows_and_is_no_root():
    plan, tail, A = planned(nn.MaxPool2d(3, 1), nn.GELU(), *rest(16))
    assert root(plan).node is plan.source
    assert followed(tail, A) == 64
    check(tail, A)


def test_what_a_skip_connection_goes_around_is_no_root():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution = nn.Conv2d(4, 4, 3, padding=1)

        def forward(self, A):
            return A.relu() + self.convolution(A).tanh()

    plan, tail, A = planned(Skip(), *rest(64))
    assert root(plan).node is plan.source
    check(tail, A)


def test_what_the_root_says_is_the_jacobian():
    for parts in (
        (nn.MaxPool2d(2), nn.Conv2d(4, 3, 2), nn.GELU(), *rest(3)),
        (nn.LeakyReLU(0.25), nn.AvgPool2d(2), nn.Flatten(), nn.GELU(), nn.Linear(16, 2)),
        (nn.Hardtanh(-0.5, 0.5), nn.AdaptiveAvgPool2d(1), *rest(4)),
    ):
        plan, _, A = planned(*parts)
        start = root(plan)
        assert start.node is not plan.source
        exact = torch.autograd.functional.jacobian(Until(plan, start).value, A)
        assert torch.allclose(jacobian(plan, start), exact.reshape(-1, A.numel()).T, rtol=1e-14, atol=0)


@pytest.mark.parametrize("shared", [False, True])
def test_lines_cover_the_places_once_each(shared):
    plan, _, A = planned(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.GELU(), *rest(64))
    start = root(plan)
    assert start.shared
    start = Root(start.node, start.place, start.factor, start.channel, shared)
    places = torch.tensor([0, 5, 17, 21, 33, 63])
    for most in (1, 3, 1000):
        seen = []
        for chunk in lines(plan, start, places, most):
            dense = chunk.term.dense().flatten(1)
            assert torch.equal(dense, torch.eye(A.numel(), dtype=A.dtype)[chunk.places])
            assert len(chunk.places) <= most
            seen += chunk.places.tolist()
        assert set(seen) >= set(places.tolist()) and len(seen) == len(set(seen))


@pytest.mark.parametrize("shape", [(1, 5), (1, 3, 5), (1, 3, 2, 5), (1, 2, 2, 3, 2), (1, 4, 1, 1), (1, 1)])
def test_lines_of_any_shape_move_one_place_each(shape):
    size = int(torch.tensor(shape).prod())
    plan, _, A = planned(nn.Flatten(), nn.Linear(size, 3), nn.Tanh(), nn.Linear(3, 2), shape=shape)
    start = Root(plan.source, torch.arange(size), torch.ones(size), 1, False)
    chunks = list(lines(plan, start, torch.arange(size), 1000))
    dense = torch.cat([chunk.term.dense().flatten(1) for chunk in chunks])
    assert torch.equal(dense, torch.eye(size, dtype=A.dtype)[torch.cat([chunk.places for chunk in chunks])])


def test_a_line_along_the_wrong_place_is_found(monkeypatch):
    _, tail, A = planned(nn.Conv2d(4, 3, 3), nn.GELU(), *rest(12))
    right = module.lines

    def wrong(plan, start, places, most):
        for chunk in right(plan, start, places, most):
            term = chunk.term
            yield type(chunk)(Term(term.values * 2, term.axes, term.parts, term.spread), chunk.places)

    monkeypatch.setattr(module, "lines", wrong)
    with pytest.raises(AssertionError):
        check(tail, A)


def test_a_wrong_factor_of_the_root_is_found(monkeypatch):
    _, tail, A = planned(nn.AdaptiveAvgPool2d(1), *rest(4))
    right = module.root
    monkeypatch.setattr(
        module, "root", lambda plan: (lambda r: Root(r.node, r.place, 4 * r.factor, r.channel, r.shared))(right(plan))
    )
    with pytest.raises(AssertionError):
        check(tail, A)

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cam import CutError, cut, head, nested_derivatives, pure_derivatives, tail_derivatives
from cam.jets import derivatives as module
from cam.jets import kept as keeping

FLOAT64 = 1e-13


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return (
        nn.Sequential(
            nn.Identity(),
            nn.Conv2d(3, 4, 3, padding=1),
            nn.GELU(),
            nn.AvgPool2d(2),
            nn.Flatten(),
            nn.Linear(16, 4),
            nn.Tanh(),
            nn.Linear(4, 3),
        )
        .double()
        .eval()
    )


@pytest.fixture
def model() -> nn.Module:
    return network()


@pytest.fixture
def A() -> torch.Tensor:
    return torch.randn(1, 3, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def tail(model, A):
    return cut(model, "0", A).tail


def stacked(found) -> torch.Tensor:
    return torch.stack([found.S.expand_as(found.g), found.g, found.h, found.t])


def close(found: torch.Tensor, expected: torch.Tensor, tolerance: float = FLOAT64) -> bool:
    return bool(((found - expected).abs().amax(1) <= tolerance * expected.abs().amax(1)).all())


def test_all_entries_agree_with_nested_autograd(model, A, tail):
    expected = nested_derivatives(lambda B: model(B)[:, 2], A)
    assert close(stacked(pure_derivatives(tail, A, target=2)), expected)
    assert close(tail_derivatives(tail, A, 2), expected)
    assert not close(stacked(pure_derivatives(tail, A, target=1)), expected)


def test_chosen_entries_are_their_share_of_all_in_any_order(A, tail):
    everything = stacked(pure_derivatives(tail, A, target=0))
    for entries in ([7, 3, 47, 3], [0], list(range(47, -1, -1))):
        assert close(stacked(pure_derivatives(tail, A, torch.tensor(entries), target=0)), everything[:, entries])
    none = pure_derivatives(tail, A, torch.tensor([], dtype=torch.long), target=0)
    assert none.g.shape == none.h.shape == none.kinked.shape == (0,)


def test_a_lower_order_is_the_beginning_of_a_higher_one(A, tail):
    third = pure_derivatives(tail, A, target=0)
    second, first = (pure_derivatives(tail, A, order=order, target=0) for order in (2, 1))
    assert torch.equal(second.h, third.h) and torch.equal(first.g, third.g) and not second.t.any()
    assert not first.h.any() and not first.t.any()


@pytest.mark.parametrize("memory", [1, 10_000, 100_000_000])
def test_less_memory_makes_smaller_chunks_and_the_same_derivatives(A, tail, memory):
    calls = []
    found = pure_derivatives(tail, A, target=0, memory=memory, progress=lambda done, of: calls.append((done, of)))
    assert close(stacked(found), stacked(pure_derivatives(tail, A, target=0)))
    assert calls[-1] == (48, 48) and calls == sorted(set(calls))
    assert (len(calls) == 48) == (memory == 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"entries": torch.tensor([0, 48])}, "A has entries 0 to 47, not 0 to 48"),
        ({"entries": torch.tensor([-1])}, "A has entries 0 to 47, not -1 to -1"),
        ({"entries": torch.tensor([0.0])}, "flat indices"),
        ({"entries": torch.tensor([True])}, "flat indices"),
        ({"entries": torch.tensor([[0]])}, "flat indices"),
        ({"target": 3}, "0 to 2, not 3"),
        ({"target": -1}, "0 to 2, not -1"),
        ({"order": 4}, "order must be 1, 2 or 3, not 4"),
        ({"order": 0}, "order must be 1, 2 or 3, not 0"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused(A, tail, arguments, says):
    with pytest.raises(ValueError, match=says):
        pure_derivatives(tail, A, **{"target": 0, **arguments})


def test_activations_of_another_shape_or_precision_are_refused(A, tail):
    for other in (A[:, :2], A[0], torch.cat([A, A])):
        with pytest.raises(ValueError, match=r"takes one image's activations \(1, 3, 4, 4\)"):
            pure_derivatives(tail, other, target=0)
    with pytest.raises(ValueError, match=r"cut in torch.float64, A is torch.float32"):
        pure_derivatives(tail, A.float(), target=0)


def test_training_is_refused_with_its_reason(A):
    for part, reason in (
        (nn.BatchNorm2d(3), "in training mode"),
        (nn.Dropout(0.5), "would drop activations at random"),
    ):
        with pytest.raises(CutError, match=reason):
            cut(nn.Sequential(nn.Identity(), part, nn.Flatten(), nn.Linear(48, 2)).double(), "0", A)


def test_the_model_and_the_activations_stay_as_they_were(model, A, tail):
    A.requires_grad_()
    before, state = A.detach().clone(), {k: v.clone() for k, v in model.state_dict().items()}
    found = pure_derivatives(tail, A, target=0)
    assert torch.equal(A.detach(), before) and A.grad is None and A.requires_grad
    assert all(torch.equal(v, state[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert not any(x.requires_grad for x in (found.S, found.g, found.h, found.t))


def test_every_gradient_mode_gives_the_same(model, A):
    expected = stacked(pure_derivatives(cut(model, "0", A).tail, A, target=0))
    for mode in (torch.no_grad, torch.inference_mode, torch.enable_grad):
        with mode():
            assert torch.equal(stacked(pure_derivatives(cut(model, "0", A).tail, A, target=0)), expected)


def test_an_inference_tensor_is_taken_as_well(A, tail):
    with torch.inference_mode():
        B = A * 1
    assert torch.equal(stacked(pure_derivatives(tail, B, target=0)), stacked(pure_derivatives(tail, A, target=0)))


def test_single_precision_has_single_errors(model, A):
    # The same rounded parameters in both, for float32 moves a derivative by more than it computes it wrong.
    model.float()
    found = pure_derivatives(cut(model, "0", A.float()).tail, A.float(), target=1)
    assert found.h.dtype == torch.float32
    expected = nested_derivatives(lambda B: model.double()(B)[:, 1], A.float().double())
    assert close(stacked(found).double(), expected, 5e-6)


def test_activations_that_do_not_lie_in_order_are_taken(A, tail):
    there = A.to(memory_format=torch.channels_last)
    assert torch.equal(stacked(pure_derivatives(tail, there, target=0)), stacked(pure_derivatives(tail, A, target=0)))


class Flat(nn.Module):
    """Tokens, vectors, volumes: a linear map of everything between smooth functions."""

    def __init__(self, part: nn.Module, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layer, self.part = nn.Identity(), part
        self.read = nn.Linear(part(torch.zeros(shape)).numel(), 2)

    def forward(self, A):
        return self.read(F.softplus(self.part(self.layer(A))).flatten(1)).sin()


SHAPES = {
    "tokens": ((1, 5, 4), nn.Sequential(nn.LayerNorm(4), nn.Linear(4, 6), nn.GELU())),
    "one token": ((1, 1, 4), nn.Sequential(nn.Linear(4, 6), nn.GELU(), nn.Linear(6, 3))),
    "channels last": ((1, 3, 4, 5), nn.Sequential(nn.Linear(5, 2), nn.Softmax(-1))),
    "a vector": ((1, 9), nn.Sequential(nn.Linear(9, 4), nn.SiLU(), nn.Linear(4, 4))),
    "one number": ((1, 1), nn.Sequential(nn.Linear(1, 3), nn.Tanh())),
    "a volume": ((1, 2, 3, 4, 3), nn.Sequential(nn.Conv3d(2, 3, 2), nn.SiLU(), nn.Conv3d(3, 2, 1))),
    "a volume, depthwise": ((1, 2, 3, 4, 3), nn.Sequential(nn.Conv3d(2, 2, 2, groups=2), nn.SiLU(), nn.AvgPool3d(2))),
    "a sequence": ((1, 3, 9), nn.Sequential(nn.Conv1d(3, 4, 3, stride=2), nn.GELU(), nn.Conv1d(4, 2, 1))),
    "a sequence, depthwise": ((1, 3, 9), nn.Sequential(nn.Conv1d(3, 3, 3, groups=3), nn.GELU(), nn.MaxPool1d(2))),
    "one pixel": ((1, 6, 1, 1), nn.Sequential(nn.Conv2d(6, 3, 3, padding=1), nn.Sigmoid())),
    "one channel": ((1, 1, 4, 5), nn.Sequential(nn.Conv2d(1, 3, 3, groups=1), nn.Sigmoid())),
}


@pytest.mark.parametrize(("shape", "part"), SHAPES.values(), ids=SHAPES)
def test_activations_may_have_any_shape(shape, part):
    torch.manual_seed(0)
    model, A = Flat(part.float(), shape).double().eval(), torch.randn(shape, dtype=torch.float64)
    tail = cut(model, "layer", A).tail
    some = torch.arange(0, A.numel(), 2)
    expected = nested_derivatives(lambda B: tail(B)[:, 1], A, some)
    assert close(stacked(pure_derivatives(tail, A, some, target=1)), expected)


# --- scores under outer functions -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["exp", "sigmoid"])
def test_a_head_is_composed_with_the_score(model, A, tail, name):
    found = pure_derivatives(tail, A, target=1).under(head(name))
    assert close(found, nested_derivatives(lambda B: head(name).value(model(B)[:, 1]), A))
    assert not close(found, stacked(pure_derivatives(tail, A, target=1)))


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_probability_is_a_score_too(model, A, tail, name):
    found = pure_derivatives(getattr(tail, name)(), A, target=1)
    expected = nested_derivatives(lambda B: getattr(model(B), name)(1)[:, 1], A)
    assert close(stacked(found), expected)
    assert name in found.operations[-1].name


def test_any_function_of_the_scores_may_follow(model, A, tail):
    def margin(scores):
        return (scores[:, :1] - scores[:, 1:].amax(1, keepdim=True)).tanh()

    expected = nested_derivatives(lambda B: margin(model(B))[:, 0], A)
    assert close(stacked(pure_derivatives(tail.then(margin), A, target=0)), expected)
    assert torch.equal(tail(A), model(A)), "the tail itself stays"


def test_what_is_no_function_of_the_scores_is_refused(tail):
    for function in (lambda scores: scores.sum(), lambda scores: scores[0], lambda scores: torch.ones(1, 2)):
        with pytest.raises(CutError, match="must put out"):
            tail.then(function)


# --- a file that remembers --------------------------------------------------------------------------------------------


def interrupted(tail, A, path, monkeypatch) -> None:
    monkeypatch.setattr(keeping, "EVERY", 0.0)

    def stop(done: int, of: int) -> None:
        if 2 * done >= of:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pure_derivatives(tail, A, target=0, memory=1, kept=path, progress=stop)


def lines_followed(*arguments, **how):
    """Return the derivatives, and how many lines were followed for them."""
    calls = []
    found = pure_derivatives(*arguments, **how, progress=lambda done, of: calls.append(done))
    return found, len(calls)


def test_a_computation_goes_on_after_an_interruption(A, tail, tmp_path, monkeypatch):
    path = tmp_path / "kept"
    interrupted(tail, A, path, monkeypatch)
    expected = stacked(pure_derivatives(tail, A, target=0))
    found, followed = lines_followed(tail, A, target=0, memory=1, kept=path)
    assert close(stacked(found), expected) and followed == 24
    found, followed = lines_followed(tail, A, target=0, memory=1, kept=path)
    assert close(stacked(found), expected) and followed == 0


def test_a_file_about_something_else_is_not_believed(A, tail, tmp_path):
    path = tmp_path / "kept"
    others = {
        "another score": (tail, A, 1),
        "other activations": (tail, A + 1e-12, 0),
        "another tail": (cut(network(5), "0", A).tail, A, 0),
        "another function of the scores": (tail.softmax(), A, 0),
    }
    for name, (other, B, target) in others.items():
        pure_derivatives(tail, A, target=0, kept=path)
        found, followed = lines_followed(other, B, target=target, memory=1, kept=path)
        assert followed == 48, name
        assert close(stacked(found), stacked(pure_derivatives(other, B, target=target)))


@pytest.mark.parametrize("damage", [b"", b"nothing", None], ids=["empty", "no tensors", "torn"])
def test_a_damaged_file_is_a_fresh_start(A, tail, tmp_path, damage):
    path = tmp_path / "kept"
    pure_derivatives(tail, A, target=0, kept=path)
    path.write_bytes(path.read_bytes()[:200] if damage is None else damage)
    found, followed = lines_followed(tail, A, target=0, memory=1, kept=path)
    assert close(stacked(found), stacked(pure_derivatives(tail, A, target=0))) and followed == 48


def test_a_file_that_holds_something_else_is_a_fresh_start(A, tail, tmp_path):
    path = tmp_path / "kept"
    for content in ([1, 2], {"key": "other"}, {"found": torch.ones(2)}, torch.ones(3)):
        torch.save(content, path)
        assert lines_followed(tail, A, target=0, memory=1, kept=path)[1] == 48


@pytest.mark.parametrize(
    "change", [lambda x: x[..., :5], lambda x: x.int(), lambda x: x.tolist()], ids=["shape", "kind", "list"]
)
@pytest.mark.parametrize("part", ["found", "done"])
def test_a_file_of_another_shape_is_a_fresh_start(A, tail, tmp_path, part, change):
    path = tmp_path / "kept"
    pure_derivatives(tail, A, target=0, kept=path)
    stored = torch.load(path)
    torch.save({**stored, part: change(stored[part])}, path)
    found, followed = lines_followed(tail, A, target=0, memory=1, kept=path)
    assert close(stacked(found), stacked(pure_derivatives(tail, A, target=0))) and followed == 48


def test_operations_say_what_they_are_and_what_they_add(A, tail):
    found = pure_derivatives(tail, A, target=0)
    kinds = {one.name: one.kind for one in found.operations}
    assert kinds["gelu"] == kinds["tanh"] == "smooth" and kinds["convolution"] == "linear"
    assert sum(one.second for one in found.operations) >= float(found.h.abs().sum())
    assert all(one.third > 0 for one in found.operations if one.kind == "smooth")
    assert not any(one.second for one in found.operations if one.kind == "linear")


def test_operations_name_the_layer_that_runs_them_also_behind_a_function_of_the_scores(A, tail):
    for one in (tail, tail.softmax()):
        layers = {name: where for name, where in _layers(one, A).items() if name in ("convolution", "gelu", "tanh")}
        assert layers == {"convolution": "1", "gelu": "2", "tanh": "6"}
    assert _layers(tail.softmax(), A)["_softmax"] == ""
    blocks = nn.Sequential(nn.Identity(), nn.Sequential(nn.Conv2d(3, 2, 1), nn.Sequential(nn.SiLU(), nn.Flatten())))
    nested = cut(blocks.double().eval(), "0", A).tail
    assert _layers(nested, A)["silu"] == "1.1.0" and _layers(nested, A)["convolution"] == "1.0"


def _layers(tail, A) -> dict[str, str]:
    return {one.name: one.layer for one in pure_derivatives(tail, A, order=1, target=0).operations}


def test_a_wrong_order_of_the_entries_is_found(A, tail, monkeypatch):
    right = module.root

    def wrong(plan):
        start = right(plan)
        return type(start)(start.node, start.place.flip(0), start.factor, start.channel, start.shared)

    monkeypatch.setattr(module, "root", wrong)
    expected = nested_derivatives(lambda B: tail(B)[:, 0], A)
    assert not close(stacked(pure_derivatives(tail, A, target=0)), expected)

import random

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cam import CutError, cut
from cam import tail as tail_module
from cam.primitives import COARSE, PRIMITIVES

CLASSES = 5


class Network(nn.Module):
    """Image -> trunk -> layer -> the rest, which each member writes its own way."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.layer = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.linear = nn.Linear(4 * 36, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.rest(self.layer(self.stem(x))).flatten(1))

    def rest(self, A: Tensor) -> Tensor:
        return self.relu(A)


class Skip(Network):
    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.stem(x))
        y = self.layer(x)
        y += x
        return self.linear(self.relu(y).flatten(1))


class SkipWrittenOverLater(Network):
    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        y = self.layer(x)
        x.mul_(2).add_(1)
        return self.linear((y * x).flatten(1))


class SharedActivation(Network):
    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.layer(self.relu(self.stem(x))))
        return self.linear(self.relu(x - 1).flatten(1))


class Normed(Network):
    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        for statistics in (b for b in self.buffers() if b.is_floating_point()):
            statistics.uniform_(0.5, 1.5)

    def rest(self, A: Tensor) -> Tensor:
        return self.relu(self.norm(A))


class Functional(Network):
    def rest(self, A: Tensor) -> Tensor:
        left, right = A.chunk(2, dim=1)
        small = F.interpolate(F.max_pool2d(torch.cat([right, left], 1), 2), size=6, mode="bilinear")
        return F.hardtanh_(small, -0.5, 0.5) + F.adaptive_avg_pool2d(A, 1).sigmoid() * A.transpose(2, 3).contiguous()


class Attention(Network):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True)

    def rest(self, A: Tensor) -> Tensor:
        return self.block(A.flatten(2).transpose(1, 2))


class Detached(Network):
    def rest(self, A: Tensor) -> Tensor:
        with torch.no_grad():
            gate = A.mean((2, 3), keepdim=True)
        return A.detach() * gate


class Recurrent(Network):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 4, batch_first=True)

    def rest(self, A: Tensor) -> Tensor:
        return self.lstm(A.flatten(2).transpose(1, 2))[0]


class Assignments(Network):
    def rest(self, A: Tensor) -> Tensor:
        shifted = torch.zeros_like(A)
        shifted[:, 1:] = 2 * A[:, :-1]
        shifted[:, 0] = A[:, 3].tanh()
        return shifted


class Assigned(Network):
    def rest(self, A: Tensor) -> Tensor:
        B = 2 * A
        B[:, 0] = A[:, 3].tanh()
        return B


class Resampled(Network):
    def rest(self, A: Tensor) -> Tensor:
        grid = torch.linspace(-1, 1, 72, dtype=A.dtype).view(1, 6, 6, 2)
        seen = F.grid_sample(F.glu(torch.cat([A, A.flip(1)], 1), 1), grid, align_corners=False)
        return seen * F.cosine_similarity(A[:, :2], A[:, 2:]).unsqueeze(1)


class RandomSlopes(Network):
    def rest(self, A: Tensor) -> Tensor:
        return F.rrelu(A, training=self.training)


NETWORKS = {
    "in-place ReLU": Network,
    "skip connection": Skip,
    "skip connection written over later": SkipWrittenOverLater,
    "shared activation": SharedActivation,
    "batch norm": lambda: Normed(nn.BatchNorm2d(4)),
    "batch norm without scale": lambda: Normed(nn.BatchNorm2d(4, affine=False)),
    "batch norm without statistics": lambda: Normed(nn.BatchNorm2d(4, track_running_stats=False)),
    "layer norm": lambda: Normed(nn.LayerNorm([4, 6, 6])),
    "instance norm": lambda: Normed(nn.InstanceNorm2d(4, affine=True)),
    "group norm": lambda: Normed(nn.GroupNorm(2, 4)),
    "rms norm": lambda: Normed(nn.RMSNorm(6)),
    "functional": Functional,
    "attention": Attention,
    "detached": Detached,
    "recurrent": Recurrent,
    "assignments to slices": Assignments,
    "resampled": Resampled,
    "random leaky ReLU out of training": RandomSlopes,
}


def make(network, seed: int = 0) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(seed)
    return network().double().eval(), torch.randn(1, 3, 6, 6, dtype=torch.float64)


def scores_with(model: nn.Module, layer: nn.Module, A: Tensor, x: Tensor) -> Tensor:
    """Run the model itself with another output of the layer."""
    handle = layer.register_forward_hook(lambda *_: A.clone())
    try:
        return model(x.clone())
    finally:
        handle.remove()


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_the_tail_gives_the_models_own_scores_at_any_activations(network):
    model, x = make(network)
    where = cut(model, "layer", x)
    with torch.no_grad():
        torch.testing.assert_close(where.tail(where.activations), model(x.clone()))
    moved = torch.randn(3, *where.activations.shape[1:], dtype=torch.float64)
    own = torch.cat([scores_with(model, model.layer, A, x) for A in moved.split(1)])
    torch.testing.assert_close(where.tail(moved), own.detach())
    assert (own - own[0]).abs().max() > 1e-3, "the activations must matter, or nothing was tested"


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_a_row_of_scores_has_the_models_own_gradient_and_depends_on_its_own_activations_alone(network):
    model, x = make(network)
    tail = cut(model, "layer", x).tail
    A = torch.randn(3, *tail.at.shape[1:], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(tail(A)[1, 2], A)
    assert not gradient[0].any() and not gradient[2].any() and gradient[1].any()
    if network is not Detached:
        (own,) = torch.autograd.grad(scores_with(model, model.layer, A[1:2], x)[0, 2], A)
        torch.testing.assert_close(gradient, own)


def test_an_operation_whose_gradient_vmap_loses_is_run_image_by_image(monkeypatch):
    # Written out, the assignment is safe; as one operation, torch's vmap gives it a wrong gradient.
    for table in (COARSE, PRIMITIVES):
        monkeypatch.delitem(table, torch.ops.aten.select_scatter.default)
    model, x = make(Assigned)
    tail = cut(model, "layer", x).tail
    A = torch.randn(2, *tail.at.shape[1:], dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(tail(A)[:, 2].sum(), A)
    one_by_one = [torch.autograd.grad(scores_with(model, model.layer, image, x)[0, 2], A)[0] for image in A.split(1)]
    torch.testing.assert_close(gradient, sum(one_by_one))
    assert "select_scatter" in str(tail.graph.graph)
    (lost,) = torch.autograd.grad(torch.func.vmap(tail.graph.forward)(A.unsqueeze(1))[:, 0, 2].sum(), A)
    assert not torch.allclose(lost, gradient), "torch has mended its rule: the check and this test can go"


def test_an_operation_that_vmap_refuses_is_run_image_by_image(monkeypatch):
    for table in (COARSE, PRIMITIVES):
        monkeypatch.delitem(table, torch.ops.aten.slice_scatter.default)
    model, x = make(Assignments)
    tail = cut(model, "layer", x).tail
    A = torch.randn(2, *tail.at.shape[1:], dtype=torch.float64)
    own = torch.cat([scores_with(model, model.layer, image, x) for image in A.split(1)])
    torch.testing.assert_close(tail(A), own.detach())
    with pytest.raises(RuntimeError):
        torch.func.vmap(tail.graph.forward)(A.unsqueeze(1))


def test_the_activations_are_the_layers_output_before_anything_overwrites_it():
    model, x = make(Network)
    with torch.no_grad():
        expected = model.layer(model.stem(x))
    assert torch.equal(cut(model, model.layer, x).activations, expected)
    assert (expected < 0).any(), "the in-place ReLU must have something to overwrite"


class OverItsInput(nn.Module):
    """The layer is an in-place ReLU, and the skip connection reads what it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.layer, self.linear = nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Linear(64, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        before = self.stem(x)
        after = self.layer(before)
        return self.linear((after.square() + before).flatten(1))


def test_whoever_reads_the_input_of_an_in_place_layer_reads_its_output():
    model, x = make(OverItsInput)
    tail = cut(model, "layer", x).tail
    A = torch.randn(2, *tail.at.shape[1:], dtype=torch.float64)
    torch.testing.assert_close(tail(A), model.linear((A.square() + A).flatten(1)).detach())


def test_a_detached_tensor_has_derivatives_all_the_same():
    model, x = make(Detached)
    where = cut(model, "layer", x)
    A = where.activations.requires_grad_()
    (gradient,) = torch.autograd.grad(where.tail(A)[0, 0], A)
    gated = model.linear((A * A.mean((2, 3), keepdim=True)).flatten(1))[0, 0]
    torch.testing.assert_close(gradient, torch.autograd.grad(gated, A)[0])


class TwoInputs(Network):
    def forward(self, x: Tensor, scale: float, offset: Tensor) -> Tensor:
        return self.linear(self.layer(self.stem(x) * scale + offset).flatten(1))


def test_a_model_may_take_several_arguments():
    model, x = make(TwoInputs)
    arguments = (x, 0.5, torch.ones(1, 4, 1, 1, dtype=torch.float64))
    where = cut(model, "layer", arguments)
    torch.testing.assert_close(where.tail(where.activations), model(*arguments).detach())


class OverTheImage(Network):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.mul_(2))


def fingerprint(model: nn.Module) -> dict[str, object]:
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_forward_hooks_with_kwargs")
    return {
        "state": {name: value.clone() for name, value in model.state_dict().items()},
        "versions": [value._version for value in model.state_dict(keep_vars=True).values()],
        "flags": [(module.training, *(len(getattr(module, hook)) for hook in hooks)) for module in model.modules()],
        "attributes": [len(vars(module)) for module in model.modules()],
        "parameters": [(p.requires_grad, p.grad if p.grad is None else p.grad.clone()) for p in model.parameters()],
        "torch": (torch.is_grad_enabled(), torch.backends.mha.get_fastpath_enabled()),
    }


def assert_same(before: dict[str, object], after: dict[str, object]) -> None:
    torch.testing.assert_close(before, after, rtol=0, atol=0)


@pytest.mark.parametrize("network", [*NETWORKS.values(), OverTheImage], ids=[*NETWORKS, "written over the image"])
def test_the_model_and_the_image_come_back_as_they_were(network):
    model, x = make(network)
    model.stem.requires_grad_(False)
    model.linear.bias.grad = torch.ones(CLASSES, dtype=torch.float64)
    before, image = fingerprint(model), x.clone()
    where = cut(model, "layer", x)
    where.tail(where.activations.requires_grad_()).sum().backward()
    assert_same(before, fingerprint(model))
    assert torch.equal(x, image)


class Leaves(Network):
    """Its forward leaves something in every kind of place in which a module can keep a state."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("counter", torch.zeros((), dtype=torch.long))
        self.relu.register_buffer("tied", self.counter)
        self.register_buffer("moved", torch.zeros(4, 1, 1), persistent=False)
        self.runs, self.seen, self.kept = 0, [], None

    def rest(self, A: Tensor) -> Tensor:
        self.runs += 1
        self.seen.append(A)
        self.kept, self.fresh = A, A
        self.relu.tied += 1
        self.moved = self.moved + 1
        self.relu.inplace = self.training = True
        self.linear.weight.requires_grad = False
        self.linear.bias.grad = torch.ones(CLASSES, dtype=torch.float64)
        self.linear.register_forward_hook(lambda *_: None)
        return A * A * self.counter + self.moved


class Renormed(Network):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(3, 4, max_norm=0.5)

    def rest(self, A: Tensor) -> Tensor:
        return A * self.embedding(torch.tensor([1])).view(4, 1, 1)  # writes over its weight


def everything(model: nn.Module) -> dict[str, object]:
    """All attributes of all modules: tensors and containers by identity and by what is in them."""
    found: dict[str, object] = {}
    for name, module in model.named_modules():
        for key, value in vars(module).items():
            content = {**value} if isinstance(value, dict) else list(value) if isinstance(value, list) else value
            found[f"{name}.{key}"] = (id(value), repr(content))
    for name, x in (*model.named_parameters(), *model.named_buffers()):
        found[f"tensor {name}"] = (id(x), x.numpy(force=True).tobytes(), x.dtype, x.device, x.requires_grad, id(x.grad))
    return found | {"torch": (torch.get_rng_state().tolist(), random.getstate(), torch.is_grad_enabled())}


def test_what_a_forward_leaves_in_the_model_is_taken_out_again():
    model, x = make(Leaves)
    before, versions = everything(model), [p._version for p in model.parameters()]
    where = cut(model, "layer", x)
    assert everything(model) == before
    assert versions == [p._version for p in model.parameters()]
    A = torch.randn(2, *where.activations.shape[1:], dtype=torch.float64)
    torch.testing.assert_close(where.tail(A[:1]), scores_with(model, model.layer, A[:1], x).detach())
    assert everything(model) != before, "the model's own run must change it, or nothing was tested"


def test_a_parameter_that_the_model_writes_over_gets_its_bits_back():
    model, x = make(Renormed)
    before = everything(model)
    with pytest.raises(CutError, match="cannot be traced"):
        cut(model, "layer", x)
    assert everything(model) == before
    model(x)
    assert everything(model) != before


@pytest.mark.parametrize("at", ["output", "input"])
def test_the_generators_stay_where_they_were(at):
    model, x = make(Draws)
    model.stem.register_forward_hook(lambda *_: random.random() and None)
    before = everything(model)
    with pytest.raises(CutError, match="random numbers"):
        cut(model, "layer", x, at=at)
    assert everything(model) == before
    model(x)
    assert everything(model) != before


STAGES = {
    "in the trunk": lambda model: model.stem.register_forward_hook(_explode(1)),
    "in a hook of the layer's": lambda model: model.layer.register_forward_hook(_explode(1)),
    "after the layer": lambda model: model.linear.register_forward_hook(_explode(1)),
    "in the trunk, while tracing": lambda model: model.stem.register_forward_hook(_explode(2)),
    "in the layer, while tracing": lambda model: model.layer.register_forward_pre_hook(_explode(2)),
    "after the layer, while tracing": lambda model: model.linear.register_forward_hook(_explode(2)),
}


def _explode(run: int):
    runs: list[int] = []

    def hook(*_: object) -> None:
        runs.append(1)
        if len(runs) == run:
            raise KeyboardInterrupt

    return hook


@pytest.mark.parametrize("at", ["output", "input"])
@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_the_model_comes_back_as_it_was_when_an_exception_flies(stage, at):
    model, x = make(Leaves)
    stage(model)
    before = everything(model)
    with pytest.raises(KeyboardInterrupt):
        cut(model, "layer", x, at=at)
    assert everything(model) == before


@pytest.mark.parametrize("part", ["look", "trace", "scores_in", "alike", "Tail"])
def test_the_model_comes_back_as_it_was_when_a_part_of_the_cut_fails(part, monkeypatch):
    model, x = make(Leaves)
    before = everything(model)
    monkeypatch.setattr(tail_module, part, lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cut(model, "layer", x)
    assert everything(model) == before


def test_a_gradient_and_a_graph_that_the_user_holds_stay_usable():
    model, x = make(Network)
    loss = model(x).square().sum()
    cut(model, "layer", x)
    loss.backward()  # raises if a parameter was written over in between
    gradient = model.linear.weight.grad
    cut(model, "layer", x)
    assert model.linear.weight.grad is gradient


def test_a_difference_in_the_fingerprint_is_noticed():
    model, _ = make(Network)
    before = fingerprint(model)
    handle = model.layer.register_forward_hook(lambda *_: None)
    with pytest.raises(AssertionError):
        assert_same(before, fingerprint(model))
    handle.remove()
    model.linear.bias.data[0] += 1
    with pytest.raises(AssertionError):
        assert_same(before, fingerprint(model))


def test_the_trunk_runs_twice_and_is_no_part_of_the_tail():
    model, x = make(Network)
    runs = []
    model.stem.register_forward_hook(lambda *_: runs.append(1))
    where = cut(model, "layer", x)
    where.tail(where.activations.repeat(7, 1, 1, 1))
    assert len(runs) == 2
    assert "convolution" not in str(where.tail.graph.graph)


def test_the_cut_works_where_gradients_are_off():
    model, x = make(NETWORKS["layer norm"])
    for off in (torch.no_grad, torch.inference_mode):
        with off():
            where = cut(model, "layer", x)
        A = where.activations.requires_grad_()
        assert torch.autograd.grad(where.tail(A)[0, 0], A)[0].any()


class Twice(Network):
    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layer(self.layer(self.stem(x))).flatten(1))


class Unused(Network):
    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.stem(x).flatten(1))


class OffThePath(Network):
    def forward(self, x: Tensor) -> Tensor:
        self.layer(self.stem(x))
        return self.linear(self.stem(x).flatten(1))


class Branches(Network):
    def rest(self, A: Tensor) -> Tensor:
        return A if A.max() > 0 else -A


class Draws(Network):
    def rest(self, A: Tensor) -> Tensor:
        return A + torch.rand_like(A)


class DrawsInTheTrunk(Network):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.dropout(x, 0.5, training=True))


RUNS: list[int] = []


class Counts(Network):
    def rest(self, A: Tensor) -> Tensor:
        RUNS.append(1)
        return A * len(RUNS)


class Lazy(Network):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.LazyLinear(CLASSES)


class TwoOutputs(Network):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(4, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layer(self.stem(x).flatten(2).transpose(1, 2))[0].flatten(1))


class Maps(Network):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.stem(x))


@pytest.mark.parametrize(
    ("network", "layer", "words"),
    [
        (Network, "layr", "no layer 'layr'; the nearest names are 'layer'"),
        (Network, nn.ReLU(), "not a module of the model"),
        (TwoOutputs, "layer", "'layer' must put out one .* not a tuple with 3 .*: \\(1, 36, 4\\) \\(1, 1, 4\\)"),
        (Twice, "layer", "'layer' runs 2 times .* by call=0 to call=1"),
        (Unused, "layer", "'layer' does not run"),
        (OffThePath, "layer", "do not depend on the output of layer 'layer'"),
        (Maps, "stem", "must put out scores \\(1, classes\\)"),
        (Branches, "layer", "cannot be traced"),
        (Draws, "layer", "random numbers"),
        (DrawsInTheTrunk, "layer", "random numbers"),
        (Counts, "layer", "keep a state"),
        (Lazy, "layer", "'linear.weight' has no shape yet"),
    ],
)
def test_what_cannot_be_cut_is_refused_by_name(network, layer, words):
    model, x = make(network)
    with pytest.raises(CutError, match=words):
        cut(model, layer, x)


@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_a_tail_under_a_function_may_be_asked_for_a_batch_first(function):
    model, x = make(Network)
    where = cut(model, "layer", x)
    two = torch.cat([where.activations, where.activations.flip(1)])
    expected = getattr(where.tail(two), function)(1)
    fresh = cut(model, "layer", x).tail
    assert torch.allclose(getattr(fresh, function)()(two), expected)


def test_a_batch_of_images_is_refused():
    model, x = make(Network)
    with pytest.raises(CutError, match="for one image"):
        cut(model, "layer", x.repeat(2, 1, 1, 1))


@pytest.mark.parametrize("part", [nn.BatchNorm2d(4), nn.InstanceNorm2d(4, track_running_stats=True), nn.Dropout(0.5)])
def test_training_mode_is_refused_before_it_changes_anything(part):
    model, x = make(lambda: Normed(part))
    model.norm.train()
    before = fingerprint(model)
    with pytest.raises(CutError, match=f"{type(part).__name__} 'norm' is in training mode"):
        cut(model, "layer", x)
    assert_same(before, fingerprint(model))


def test_dropout_that_drops_nothing_is_let_through():
    model, x = make(lambda: Normed(nn.Dropout(0.0)))
    found = cut(model.train(), "layer", x)
    torch.testing.assert_close(found.tail(found.activations), model(x))


def test_activations_of_another_shape_are_refused():
    model, x = make(Network)
    tail = cut(model, "layer", x).tail
    for shape in [(1, 4, 6, 5), (4, 6, 6)]:
        with pytest.raises(CutError, match="activations of shape \\(batch, 4, 6, 6\\)"):
            tail(torch.zeros(shape, dtype=torch.float64))


class Divided(nn.Module):
    def forward(self, x):
        return x / x.new_tensor([0.0, 1.0])


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_scores_that_are_not_finite_are_the_tails_scores_too(value):
    model = nn.Sequential(nn.Identity(), Divided())
    where = cut(model, "0", torch.full((1, 2), value))
    assert torch.equal(where.tail(where.activations).nan_to_num(7.0), model(where.activations).nan_to_num(7.0))

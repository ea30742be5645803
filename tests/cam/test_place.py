from collections import OrderedDict, namedtuple
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from cam import CutError, cut

Pair = namedtuple("Pair", "first second")


class Network(nn.Module):
    """Convolution, in-place ReLU, convolution, the same ReLU again; each member changes a piece."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.linear = nn.Linear(64, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.relu(self.two(self.relu(self.one(x)))).flatten(1))


def make(network=Network) -> tuple[nn.Module, Tensor]:
    torch.manual_seed(0)
    return network().double().eval(), torch.randn(1, 3, 4, 4, dtype=torch.float64)


def moved(where, batch: int = 2) -> Tensor:
    A = torch.randn(batch, *where.activations.shape[1:], dtype=torch.float64)
    assert (where.tail(A) - where.tail(where.activations)).abs().max() > 1e-3, "A must matter, or nothing is tested"
    return A


def test_under_an_in_place_activation_the_sides_of_the_layers_are_what_they_say():
    model, x = make()
    with torch.no_grad():
        before = model.two(model.one(x).relu())
        after = before.relu()
    assert (before < 0).any()
    assert torch.equal(cut(model, "two", x).activations, before)
    assert torch.equal(cut(model, "relu", x, at="input", call=1).activations, before)
    assert torch.equal(cut(model, "relu", x, call=1).activations, after)
    assert torch.equal(cut(model, "linear", x, at="input").activations, after.flatten(1))


def test_the_tail_of_each_side_starts_there():
    model, x = make()
    expected = {
        ("two", "output", None): lambda A: model.linear(A.relu().flatten(1)),
        ("relu", "input", -1): lambda A: model.linear(A.relu().flatten(1)),
        ("relu", "output", -1): lambda A: model.linear(A.flatten(1)),
        ("relu", "input", 0): lambda A: model.linear(model.two(A.relu()).relu().flatten(1)),
        ("relu", "output", 0): lambda A: model.linear(model.two(A).relu().flatten(1)),
        ("two", "input", None): lambda A: model.linear(model.two(A).relu().flatten(1)),
        ("linear", "input", None): lambda A: model.linear(A),
    }
    for (layer, at, call), tail in expected.items():
        where = cut(model, layer, x, at=at, call=call)
        A = moved(where)
        torch.testing.assert_close(where.tail(A), tail(A).detach())


def test_calls_are_counted_from_either_end():
    model, x = make()
    for call in (0, 1):
        A = cut(model, "relu", x, call=call).activations
        assert torch.equal(A, cut(model, "relu", x, call=call - 2).activations)
    assert not torch.equal(A, cut(model, "relu", x, call=0).activations)
    assert torch.equal(cut(model, "two", x, call=-1).activations, cut(model, "two", x).activations)


@pytest.mark.parametrize(
    ("layer", "options", "words"),
    [
        ("relu", {}, "layer 'relu' runs 2 times when the model does: choose one by call=0 to call=1"),
        ("relu", {"call": 2}, "layer 'relu' runs 2 times: call must be from -2 to 1, not 2"),
        ("relu", {"call": -3}, "call must be from -2 to 1, not -3"),
        ("two", {"call": 1}, "layer 'two' runs once: call must be from -1 to 0, not 1"),
        ("two", {"call": 0.0}, "call must be the number of one run .* not 0.0"),
        ("two", {"call": True}, "call must be the number of one run .* not True"),
        ("two", {"at": "inputs"}, "at its 'output' or at its 'input', not at 'inputs'"),
    ],
)
def test_a_place_that_is_not_there_is_refused_by_name(layer, options, words):
    model, x = make()
    with pytest.raises(CutError, match=words):
        cut(model, layer, x, **options)


class ReadTwice(Network):
    """What goes into the ReLU is read again past it; `written` says whether the ReLU writes over it."""

    def __init__(self, written: bool) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=written)

    def forward(self, x: Tensor) -> Tensor:
        before = self.one(x)
        return self.linear((self.relu(before).square() + before).flatten(1))


def test_who_reads_the_input_past_an_in_place_layer_reads_what_it_wrote():
    model, x = make(lambda: ReadTwice(written=True))
    for at in ("output", "input"):
        where = cut(model, "relu", x, at=at)
        A = moved(where)
        left = A.relu() if at == "input" else A
        torch.testing.assert_close(where.tail(A), model.linear((left.square() + left).flatten(1)).detach())


def test_who_reads_the_input_past_another_layer_reads_what_the_model_put_there():
    model, x = make(lambda: ReadTwice(written=False))
    for at in ("output", "input"):
        where = cut(model, "relu", x, at=at)
        A = moved(where)
        left = A.relu() if at == "input" else A
        torch.testing.assert_close(where.tail(A), model.linear((left.square() + model.one(x)).flatten(1)).detach())


class WrittenView(Network):
    """The layer hands on a view of what it wrote over."""

    class Layer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.relu_().flatten(1)

    def __init__(self) -> None:
        super().__init__()
        self.layer = self.Layer()

    def forward(self, x: Tensor) -> Tensor:
        before = self.one(x)
        return self.linear(self.layer(before).square() + before.flatten(1))


def test_a_view_of_what_the_layer_wrote_over_counts_as_written_over():
    model, x = make(WrittenView)
    where = cut(model, "layer", x)
    A = moved(where)
    torch.testing.assert_close(where.tail(A), model.linear(A.square() + A).detach())


class Wrapped(Network):
    """The layer puts its only tensor into a structure."""

    class Layer(nn.Module):
        def __init__(self, wrap) -> None:
            super().__init__()
            self.wrap = wrap

        def forward(self, x: Tensor):
            return self.wrap(x * 1)

    def __init__(self, wrap, unwrap) -> None:
        super().__init__()
        self.layer, self.unwrap = self.Layer(wrap), unwrap

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.unwrap(self.layer(self.one(x))).square().flatten(1))


STRUCTURES = {
    "tuple": (lambda x: (x, None), lambda out: out[0]),
    "list in a dict": (lambda x: {"a": [3, x]}, lambda out: out["a"][1]),
    "ordered dict": (lambda x: OrderedDict(last=x), lambda out: out["last"]),
    "named tuple": (lambda x: Pair(x, "b"), lambda out: out.first),
    "beside integers": (lambda x: (torch.tensor([1, 2]), x), lambda out: out[1]),
    "twice the same": (lambda x: (x, x), lambda out: (out[0] + out[1]) / 2),
}


@pytest.mark.parametrize(("wrap", "unwrap"), STRUCTURES.values(), ids=STRUCTURES)
def test_the_only_tensor_in_a_structure_is_the_activations(wrap, unwrap):
    model, x = make(lambda: Wrapped(wrap, unwrap))
    where = cut(model, "layer", x)
    A = moved(where)
    torch.testing.assert_close(where.tail(A), model.linear(A.square().flatten(1)).detach())


REFUSED = {
    "two tensors": (lambda x: (x, 2 * x), lambda out: out[0], "a tuple with 2 such tensors: .* \\(1, 4, 4, 4\\)"),
    "an object": (lambda x: SimpleNamespace(x=x), lambda out: out.x, "not a SimpleNamespace with 0 such tensors"),
    "integers": (lambda x: (10 * x).long(), lambda out: out.double(), "shape \\(1, 4, 4, 4\\) and dtype int64"),
    "no batch": (lambda x: x[0], lambda out: out[None], "shape \\(4, 4, 4\\)"),
    "a batch": (lambda x: x.repeat(2, 1, 1, 1), lambda out: out[:1], "shape \\(2, 4, 4, 4\\)"),
    "no places": (lambda x: x.flatten()[:1], lambda out: out.expand(1, 64), "shape \\(1,\\)"),
}


@pytest.mark.parametrize(("wrap", "unwrap", "words"), REFUSED.values(), ids=REFUSED)
def test_anything_but_one_floating_tensor_of_one_image_is_refused(wrap, unwrap, words):
    model, x = make(lambda: Wrapped(wrap, unwrap))
    with pytest.raises(CutError, match=f"layer 'layer' must put out one floating tensor .*{words}"):
        cut(model, "layer", x)


def test_the_side_and_the_call_are_named_when_a_tensor_is_refused():
    model, x = make(Volumes)
    with pytest.raises(CutError, match=r"layer 'conv', call 0, must take in one floating tensor .* \(3, 4, 4\)"):
        cut(model, "conv", x, at="input", call=0)


class Volumes(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.linear = nn.Conv2d(3, 3, 1), nn.Linear(48, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.conv(self.conv(x[0])).flatten().unsqueeze(0))


SHAPES = {
    "vector": (48,),
    "tokens": (6, 8),
    "map": (3, 4, 4),
    "map with channels last": (4, 4, 3),
    "volume": (3, 2, 2, 4),
}


class Shaped(nn.Module):
    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.layer, self.linear = nn.Unflatten(1, shape), nn.Linear(48, 5)

    def forward(self, x: Tensor) -> Tensor:
        A = self.layer(x.flatten(1))
        return self.linear((A * A.cumsum(-1)).sigmoid().flatten(1))


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_activations_of_any_shape_make_a_tail_over_batches(shape):
    model, x = make(lambda: Shaped(shape))
    where = cut(model, "layer", x)
    assert where.activations.shape == (1, *shape)
    A = moved(where, 3).requires_grad_()
    expected = model.linear((A * A.cumsum(-1)).sigmoid().flatten(1))
    torch.testing.assert_close(where.tail(A), expected)
    gradients = [torch.autograd.grad(scores[1, 2], A)[0] for scores in (where.tail(A), expected)]
    torch.testing.assert_close(*gradients)
    with pytest.raises(CutError, match="activations of shape \\(batch, "):
        where.tail(A.unsqueeze(0))


class ChannelsLast(Network):
    """The layer's output has the strides of channels last, and the model counts on them."""

    class Layer(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)

    def __init__(self) -> None:
        super().__init__()
        self.layer = self.Layer()

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.layer(self.one(x)).permute(0, 2, 3, 1).view(1, 64).square())


def test_the_model_gets_activations_with_the_strides_of_its_own():
    model, x = make(ChannelsLast)
    where = cut(model, "layer", x)
    A = moved(where, 3)
    torch.testing.assert_close(where.tail(A), model.linear(A.permute(0, 2, 3, 1).flatten(1).square()).detach())


class Keywords(Network):
    def forward(self, *, picture: Tensor, scale: float = 1.0, mask: Tensor | None = None):
        scores = super().forward(picture * scale if mask is None else picture * scale * mask)
        return {"logits": scores, "hidden": 2 * scores}


def test_a_model_may_take_keywords_and_name_its_scores():
    model, x = make(Keywords)
    for inputs in ({"picture": x}, {"picture": x, "scale": 2.0, "mask": x > 0}):
        where = cut(model, "two", inputs)
        torch.testing.assert_close(where.tail(where.activations), model(**inputs)["logits"].detach())
        A = moved(where)
        torch.testing.assert_close(where.tail(A), model.linear(A.relu().flatten(1)).detach())


@pytest.mark.parametrize(
    "wrap", [lambda s: (s, None), lambda s: SimpleNamespace(logits=s, loss=2 * s)], ids=["tuple", "attribute"]
)
def test_scores_in_a_structure_are_found(wrap):
    model, x = make()
    expected = model(x).detach()
    model.register_forward_hook(lambda _module, _args, scores: wrap(scores))
    where = cut(model, "two", x)
    torch.testing.assert_close(where.tail(where.activations), expected)


def test_scores_that_could_be_either_of_two_tensors_are_refused():
    model, x = make()
    model.register_forward_hook(lambda _module, _args, scores: (scores, 2 * scores))
    with pytest.raises(CutError, match=r"must put out scores \(1, classes\) .* a tuple with 2 such tensors"):
        cut(model, "two", x)


def test_the_whole_model_is_a_layer_too():
    model, x = make()
    where = cut(model, "", x)
    assert torch.equal(where.activations, model(x).detach())
    assert torch.equal(where.tail(where.activations), where.activations)
    image = cut(model, model, x, at="input")
    assert torch.equal(image.activations, x)
    torch.testing.assert_close(image.tail(2 * x), model(2 * x).detach())


def test_hooks_of_the_users_own_stay_in_force():
    model, x = make()
    model.two.register_forward_hook(lambda _module, _args, A: A + 1)
    with torch.no_grad():
        expected = model.two(model.one(x).relu())
    where = cut(model, "two", x)
    assert torch.equal(where.activations, expected)
    A = moved(where)
    torch.testing.assert_close(where.tail(A), model.linear(A.relu().flatten(1)).detach())


def test_a_model_inside_another_is_cut_as_it_is():
    model, x = make()
    where = cut(nn.DataParallel(model), "module.two", x)
    A = moved(where)
    torch.testing.assert_close(where.tail(A), model.linear(A.relu().flatten(1)).detach())

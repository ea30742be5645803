import gc
import importlib.util
import threading
import warnings
from collections import defaultdict, deque

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cam import CutError, GradCAMPlusPlus, channels_last, cut, gradcam, head, nested_derivatives, tokens
from verify.catalogue.zoo import load_torchvision

CLASSES = 4


class Network(nn.Module):
    """A tail that does not end in a global average, so that the gradient varies from pixel to pixel."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU())
        self.tail = nn.Sequential(nn.Conv2d(6, 5, 3), activation, nn.Flatten(), nn.Linear(80, CLASSES))

    def forward(self, x):
        return self.tail(self.layer(x))


def make(activation: nn.Module, images: int = 1):
    torch.manual_seed(5)
    model = Network(activation).double().eval()
    # Gradients of this size make sigma g about 1, where the forms of alpha differ most.
    model.tail[-1].weight.data.mul_(3)
    return model, torch.randn(images, 3, 8, 8, dtype=torch.float64)


def maps(model, x, head: str, weights: str, target=None):
    return GradCAMPlusPlus(model, "layer", head=head, weights=weights).attribute(x, target)


@pytest.mark.parametrize("outer", ["exp", "sigmoid"])
def test_closed_and_exact_weights_give_one_map_over_a_relu_tail(outer):
    model, x = make(nn.ReLU())
    closed, exact = maps(model, x, outer, "closed"), maps(model, x, outer, "exact")
    assert closed.max() > 0
    torch.testing.assert_close(closed, exact)


@pytest.mark.parametrize("outer", ["exp", "sigmoid"])
def test_they_differ_over_a_gelu_tail(outer):
    model, x = make(nn.GELU())
    closed, exact = maps(model, x, outer, "closed"), maps(model, x, outer, "exact")
    assert (closed / closed.max() - exact / exact.max()).abs().max() > 1e-3


@pytest.mark.parametrize("outer", ["exp", "sigmoid"])
def test_exact_weights_are_the_definition_with_the_outer_function_inside_the_derivatives(outer):
    model, x = make(nn.GELU())
    explained = GradCAMPlusPlus(model, "layer", head=outer, weights="exact").explain(x, 1)
    where = cut(model, "layer", x)
    # Y = f(S) differentiated as one function: no Faa di Bruno, no cancelled factor.
    Y = nested_derivatives(lambda A: head(outer).value(where.tail(A)[:, 1]), where.activations)
    Y1, Y2, Y3 = Y[1:].unflatten(1, where.activations.shape[1:])
    sigma = where.activations[0].sum((1, 2)).view(-1, 1, 1)
    alpha = Y2 / (2 * Y2 + sigma * Y3)
    w = (alpha * Y1.relu()).sum((1, 2))
    raw = torch.einsum("k,khw->hw", w, where.activations[0]).relu()
    torch.testing.assert_close(explained.alpha, alpha)
    torch.testing.assert_close(explained.map / explained.map.max(), raw / raw.max())


def test_an_explanation_holds_everything_behind_the_map():
    model, x = make(nn.ReLU())
    explained = GradCAMPlusPlus(model, model.layer).explain(x, 2)
    A = model.layer(x).detach().requires_grad_()
    S = model.tail(A)[0, 2]
    (g,) = torch.autograd.grad(S, A)
    alpha = 1 / (2 + A.detach().sum((2, 3), keepdim=True) * g)
    w = (alpha * g.relu()).sum((2, 3))[0]
    expected = {"score": S.detach(), "A": A.detach()[0], "g": g[0], "alpha": alpha[0], "weights": w}
    for name, value in expected.items():
        torch.testing.assert_close(getattr(explained, name), value)
    assert explained.target == 2
    torch.testing.assert_close(explained.map, sum(w[k] * A.detach()[0, k] for k in range(6)).relu())
    with pytest.raises(AttributeError):
        explained.target = 3


def test_targets_are_the_best_class_one_for_all_or_one_each():
    model, x = make(nn.ReLU(), images=3)
    best = model(x).argmax(1)
    of_best = maps(model, x, "exp", "closed")
    assert of_best.shape == (3, 6, 6)
    assert torch.equal(maps(model, x, "exp", "closed", best), of_best)
    assert torch.equal(maps(model, x, "exp", "closed", best.tolist()), of_best)
    every = torch.stack([maps(model, x, "exp", "closed", c) for c in range(CLASSES)])
    assert torch.equal(every[best, torch.arange(3)], of_best)
    assert not torch.equal(every[0], every[1])


def test_an_image_has_the_map_it_has_alone():
    model, x = make(nn.ReLU(), images=3)
    assert torch.equal(maps(model, x, "exp", "closed", 1)[2:], maps(model, x[2:], "exp", "closed", 1))


def test_the_call_gives_maps_between_zero_and_one_at_the_size_of_the_image():
    model, x = make(nn.ReLU(), images=2)
    cam = GradCAMPlusPlus(model, "layer")
    shown = cam(x, 1)
    large = F.interpolate(cam.attribute(x, 1)[:, None], size=(8, 8), mode="bilinear", align_corners=False)[:, 0]
    assert shown.shape == (2, 8, 8) and shown.min() >= 0
    assert torch.equal(shown.amax((1, 2)), torch.ones(2, dtype=torch.float64))
    torch.testing.assert_close(shown, large / large.amax((1, 2), keepdim=True))


def test_a_map_that_is_zero_everywhere_stays_zero():
    model, x = make(nn.ReLU())
    nn.init.zeros_(model.tail[-1].weight)
    for weights in ("closed", "exact"):
        assert not GradCAMPlusPlus(model, "layer", weights=weights)(x, 0).any()


def test_a_score_that_would_overflow_the_exponential_does_not_matter():
    model, x = make(nn.ReLU())
    before = GradCAMPlusPlus(model, "layer", weights="exact")(x, 0)
    model.tail[-1].bias.data[0] += 2000
    torch.testing.assert_close(GradCAMPlusPlus(model, "layer", weights="exact")(x, 0), before)


def test_the_map_is_the_same_where_gradients_are_off():
    model, x = make(nn.GELU())
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    with torch.no_grad():
        off = cam(x, 0)
    assert torch.equal(off, cam(x, 0)) and not off.requires_grad


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"head": "exponential"}, "no outer function is called 'exponential'"),
        ({"weights": "exat"}, "not 'exat'; did you mean 'exact'"),
        ({"head": None}, "no outer function is called None"),
        ({"weights": None}, "weights must be one of closed, exact, not None"),
        ({"variant": 5}, "no variant is called 5"),
        ({"target_layers": None}, "target_layers are modules or dotted names, not None"),
        ({"target_layers": [None]}, "a layer is a module of the model or its dotted name, not None"),
        ({"model": len}, r"must be a torch\.nn\.Module"),
    ],
)
def test_an_unknown_option_is_refused_at_the_door(options, words):
    model, _ = make(nn.ReLU())
    with pytest.raises(ValueError, match=words):
        GradCAMPlusPlus(**{"model": model, "target_layers": "layer", **options})


@pytest.mark.parametrize("target", [CLASSES, -1, [0], [0, 1, 2]])
def test_a_class_that_is_not_there_and_a_wrong_number_of_targets_are_refused(target):
    model, x = make(nn.ReLU(), images=2)
    with pytest.raises(ValueError, match=r"classes 0 to 3, not|2 images and \d targets"):
        maps(model, x, "exp", "closed", target)


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_layer_that_puts_out_no_map_is_refused(weights):
    model, x = make(nn.ReLU())
    with pytest.raises(CutError, match=r"needs activations \(B, K, \*places\), and layer 'tail.2' puts out \(1, 80\)"):
        GradCAMPlusPlus(model, "tail.2", weights=weights)(x)


def test_targets_may_be_functions_of_an_image_s_scores():
    model, x = make(nn.GELU(), images=2)
    for weights in ("closed", "exact"):
        of_class = maps(model, x, "exp", weights, 2)
        assert torch.equal(maps(model, x, "exp", weights, lambda scores: scores[2]), of_class)
        mixed = maps(model, x, "exp", weights, [lambda scores: scores[2], 2])
        assert torch.equal(mixed, of_class)
    # The function belongs to the tail: its own curvature counts, also when a straight tail has been seen before.
    model, x = make(nn.ReLU())
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    straight = cam.attribute(x, 2)
    squared = cam.attribute(x, lambda scores: scores[2] ** 2 / 2)
    again = GradCAMPlusPlus(model, "layer", weights="exact").attribute(x, lambda scores: scores[2] ** 2 / 2)
    assert torch.equal(squared, again) and torch.equal(cam.attribute(x, 2), straight)
    where = cut(model, "layer", x)
    Y = nested_derivatives(lambda A: (where.tail(A)[:, 2] ** 2 / 2).exp(), where.activations)
    Y1, Y2, Y3 = Y[1:].unflatten(1, where.activations.shape[1:])
    alpha = Y2 / (2 * Y2 + where.activations[0].sum((1, 2)).view(-1, 1, 1) * Y3)
    w = torch.where(Y1 > 0, alpha * Y1, 0).sum((1, 2))
    raw = torch.einsum("k,khw->hw", w, where.activations[0]).relu()
    assert raw.max() > 0
    torch.testing.assert_close(squared[0] / squared.max(), raw / raw.max())


OTHERS = [0, 2, 3]
SIGNS = torch.tensor([1.0, -1.0, 1.0, 1.0], dtype=torch.float64)
# Functions that torch differentiates three times as they stand.
MIXING = {
    "product": lambda scores: scores[0] * scores[1] - scores[2],
    "quotient": lambda scores: scores[0] / (scores[1] + 9),
    "logsumexp": lambda scores: scores.logsumexp(0),
    "addcmul": lambda scores: torch.addcmul(scores[0], scores[1], scores[2]),
    "cosine": lambda scores: F.cosine_similarity(scores, torch.ones_like(scores), 0),
    "cross entropy": lambda scores: -F.cross_entropy(scores, torch.tensor(2)),
    "smoothed": lambda scores: -F.cross_entropy(scores[None], torch.tensor([2]), label_smoothing=0.1),
}
# Losses, some of which it does not, and the same written out for it.
LOSSES = {
    "margin": (
        lambda scores: scores[0] * F.multi_margin_loss(scores, torch.tensor(1)),
        lambda scores: scores[0] * (1 - scores[1] + scores[OTHERS]).clamp(min=0).sum() / 4,
    ),
    "squared margin": (
        lambda scores: F.multi_margin_loss(scores[None], torch.tensor([1]), p=2, margin=2.0, weight=SIGNS.abs() * 3),
        lambda scores: 3 * (2 - scores[1] + scores[OTHERS]).clamp(min=0).square().sum() / 4,
    ),
    "soft margin": (
        lambda scores: -F.soft_margin_loss(scores, SIGNS),
        lambda scores: -(1 + (-SIGNS * scores).exp()).log().mean(),
    ),
    "Huber": (
        lambda scores: -F.huber_loss(scores, 9 * SIGNS),
        lambda scores: -((scores - 9 * SIGNS).abs() - 0.5).mean(),
    ),
    "weighted cross entropy": (
        lambda scores: -F.cross_entropy(scores, torch.tensor(1), weight=SIGNS.abs() * 2, reduction="sum"),
        lambda scores: 2 * (scores[1] - scores.logsumexp(0)),
    ),
    "cross entropy of two places": (
        lambda scores: -F.cross_entropy(scores.view(1, 2, 2), torch.tensor([[1, 0]]), ignore_index=0),
        lambda scores: scores[2] - scores[::2].logsumexp(0),
    ),
}


@pytest.mark.parametrize(
    ("function", "written_out"), [*((each, each) for each in MIXING.values()), *LOSSES.values()], ids=[*MIXING, *LOSSES]
)
def test_a_function_that_mixes_the_scores_is_differentiated_with_the_tail(function, written_out):
    model, x = make(nn.GELU())
    found = GradCAMPlusPlus(model, "layer", weights="exact").explain(x, function)
    where = cut(model, "layer", x)
    Y = nested_derivatives(
        lambda A: torch.stack([written_out(one.clone()).exp() for one in where.tail(A)]), where.activations
    )
    Y1, Y2, Y3 = Y[1:].unflatten(1, found.A.shape)
    assert Y1.max() > 0
    torch.testing.assert_close(found.g, Y1 / found.score.exp())
    alpha = Y2 / (2 * Y2 + found.A.sum((1, 2), keepdim=True) * Y3)
    torch.testing.assert_close(found.alpha, alpha, rtol=1e-6, atol=1e-9, equal_nan=True)


def test_a_function_that_branches_on_values_has_no_exact_weights():
    model, x = make(nn.GELU())
    with pytest.raises(CutError, match="a function of the scores cannot be traced"):
        GradCAMPlusPlus(model, "layer", weights="exact").explain(x, lambda scores: scores[0] * scores[1].item())


@pytest.mark.parametrize(
    "target",
    [1.5, "1", True, [1, None, "x"], lambda scores: scores, lambda scores: 1.0],
    ids=["float", "text", "bool", "list", "many", "number"],
)
def test_what_is_no_target_is_refused(target):
    model, x = make(nn.ReLU(), images=3 if isinstance(target, list) else 1)
    with pytest.raises(ValueError, match=r"a target (is a class index or a function|makes one number)|1 targets"):
        maps(model, x, "exp", "closed", target)


def test_one_image_may_have_the_best_class_and_another_a_given_one():
    model, x = make(nn.ReLU(), images=2)
    best = int(model(x)[0].argmax())
    assert torch.equal(maps(model, x, "exp", "closed", [None, 1]), maps(model, x, "exp", "closed", [best, 1]))


@pytest.mark.parametrize("inner", ["softmax", "log_softmax"])
def test_a_softmax_is_explained_by_the_derivatives_of_the_probability(inner):
    model, x = make(nn.ReLU())
    found = GradCAMPlusPlus(model, "layer", head=inner, weights="exact").explain(x, 1)
    where = cut(model, "layer", x)
    function = getattr(torch, inner)
    Y = nested_derivatives(lambda A: function(where.tail(A), 1)[:, 1], where.activations)
    Y1, Y2, Y3 = Y[1:].unflatten(1, where.activations.shape[1:])
    alpha = Y2 / (2 * Y2 + where.activations[0].sum((1, 2)).view(-1, 1, 1) * Y3)
    torch.testing.assert_close(found.alpha, alpha, equal_nan=True)
    # The factor p > 0 between the derivatives of a probability and of its logarithm is left out.
    torch.testing.assert_close(found.g / found.g.abs().max(), Y1 / Y1.abs().max())
    with pytest.raises(ValueError, match=f"under {inner} no closed form"):
        GradCAMPlusPlus(model, "layer", head=inner)


def test_a_probability_that_is_no_number_any_more_has_a_map():
    model, x = make(nn.ReLU())
    model.tail[-1].bias.data[0] += 2000
    assert model(x).softmax(1)[0, 1].item() == 0
    found = GradCAMPlusPlus(model, "layer", head="softmax", weights="exact").explain(x, 1)
    assert bool(found.map.isfinite().all()) and found.map.max() > 0


def test_a_head_of_one_s_own():
    model, x = make(nn.ReLU())
    own = gradcam.Head("twice", lambda S: (2 * S).exp(), lambda S: 2 * torch.ones_like(S))
    for weights in ("closed", "exact"):
        found = GradCAMPlusPlus(model, "layer", head=own, weights=weights).explain(x, 0)
        sigma = found.A.sum((1, 2), keepdim=True)
        alive = found.g != 0
        torch.testing.assert_close(found.alpha[alive], (1 / (2 + 2 * sigma * found.g))[alive])


def test_several_layers_give_the_mean_of_their_maps():
    model, x = make(nn.GELU(), images=2)
    layers = ["layer.0", model.layer, "tail.0"]
    one_each = [GradCAMPlusPlus(model, layer)(x, 1) for layer in layers]
    mean = torch.stack(one_each).mean(0)
    together = GradCAMPlusPlus(model, layers)
    torch.testing.assert_close(together(x, 1), mean / mean.amax((1, 2), keepdim=True))
    raw = together.attribute(x, 1)
    assert [tuple(part.shape) for part in raw] == [(2, 6, 6), (2, 6, 6), (2, 4, 4)]
    for part, layer in zip(raw, layers, strict=True):
        torch.testing.assert_close(part, GradCAMPlusPlus(model, layer).attribute(x, 1))
    found = together.explain(x[:1], 1)
    torch.testing.assert_close(found[2].map, raw[2][0])


class InPlace(nn.Module):
    """Activations that write over their input, whose return value nobody reads, and a skip past them.

    Torch itself has no gradient if what the second one put out is written over again.
    """

    def __init__(self, again: bool) -> None:
        super().__init__()
        self.again = again
        self.first, self.relu = nn.Conv2d(3, 6, 3), nn.ReLU(inplace=True)
        self.second, self.bend = nn.Conv2d(6, 6, 3, padding=1), nn.ReLU(inplace=True)
        self.last = nn.Linear(6 * 36, CLASSES)

    def forward(self, x):
        y = self.first(x)
        self.relu(y)
        z = self.second(y)
        self.bend(z)
        z = z.add_(y) if self.again else z + y
        return self.last(z.flatten(1))


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("layer", ["first", "relu", "second", "bend"])
def test_activations_in_place_are_followed_as_the_tail_is(layer, again):
    torch.manual_seed(1)
    model, x = InPlace(again).double().eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    found = GradCAMPlusPlus(model, layer).attribute(x, 1)
    for b in range(2):
        where = cut(model, layer, x[b : b + 1])
        A = where.activations.clone().requires_grad_()
        (g,) = torch.autograd.grad(where.tail(A)[0, 1], A)
        alpha = 1 / (2 + A.detach().sum((2, 3), keepdim=True) * g)
        raw = torch.einsum("k,khw->hw", (alpha * g.relu()).sum((2, 3))[0], where.activations[0]).relu()
        assert g.abs().max() > 0
        torch.testing.assert_close(found[b], raw)


@pytest.mark.parametrize("again", [False, True])
def test_layers_in_place_may_be_asked_for_together(again):
    torch.manual_seed(1)
    model, x = InPlace(again).double().eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    layers = ["first", "relu", "second", "bend"]
    for layer, raw in zip(layers, GradCAMPlusPlus(model, layers).attribute(x, 1), strict=True):
        torch.testing.assert_close(raw, GradCAMPlusPlus(model, layer).attribute(x, 1))


class UnderNoGrad(nn.Module):
    """A trunk without gradients that ends behind the layer, or a function that autograd does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 6, 3), nn.Linear(6 * 16, CLASSES)

    def forward(self, x):
        with torch.no_grad():
            y = self.second(self.first(x).relu())
        return self.last(torch.nn.functional.gelu(y).flatten(1))


@pytest.mark.parametrize("targets", [1, None, [0, None]])
@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_trunk_under_no_grad_does_not_hide_its_layers(weights, targets):
    torch.manual_seed(1)
    model, x = UnderNoGrad().double().eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    plain = nn.Sequential(model.first, nn.ReLU(), model.second, nn.GELU(), nn.Flatten(), model.last)
    found = GradCAMPlusPlus(model, ["first", "second"], weights=weights).attribute(x, targets)
    expected = GradCAMPlusPlus(plain, ["0", "2"], weights=weights).attribute(x, targets)
    assert all(bool(one.any()) for one in expected)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other)
    with pytest.raises(ValueError, match="classes 0 to 3, not 4"):
        GradCAMPlusPlus(model, "first", weights=weights)(x, 4)
    with pytest.raises(ValueError, match="layer 'first' puts out nan or infinite activations"):
        GradCAMPlusPlus(model, "first", weights=weights)(x * float("nan"), 1)


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_backward_hooks_before_activations_in_place_do_not_matter(weights):
    model, x = make(nn.ReLU(inplace=True), images=2)
    expected = GradCAMPlusPlus(model, "layer", weights=weights)(x, 1)
    model.tail[0].register_full_backward_hook(lambda module, to, of: None)
    torch.testing.assert_close(GradCAMPlusPlus(model, "layer", weights=weights)(x, 1), expected)


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_autocast_takes_no_digits_from_the_map(weights):
    model, x = make(nn.GELU())
    cam = GradCAMPlusPlus(model.float(), "layer", weights=weights)
    expected = cam(x.float(), 1)
    with torch.autocast("cpu", torch.bfloat16):
        found, explained = cam(x.float(), 1), cam.explain(x.float(), 1)
    assert found.dtype == explained.map.dtype == torch.float32
    # The network itself runs in bfloat16 for closed weights; true derivatives are worked out without.
    assert float((found - expected).abs().max()) < (
        1e-6 if weights == "exact" else 16 * torch.finfo(torch.bfloat16).eps
    )


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_target_function_may_write_detach_or_ignore_its_scores(weights):
    model, x = make(nn.ReLU(), images=2)
    expected = maps(model, x, "exp", weights, 1)
    torch.testing.assert_close(maps(model, x, "exp", weights, lambda scores: scores.mul_(1)[1]), expected)
    torch.testing.assert_close(maps(model, x, "exp", weights, lambda scores: scores.detach()[1]), expected)
    for targets in (lambda scores: torch.ones(()), [1, lambda scores: torch.ones(()).double()]):
        with pytest.raises(CutError, match=r"a function of the scores must put out \(1, D\) and depend on them"):
            maps(model, x, "exp", weights, targets)
    with pytest.raises(ValueError, match=r"one number, a floating tensor, of the scores \(4,\), not .* int64"):
        maps(model, x, "exp", weights, lambda scores: scores.argmax())


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu, self.last = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU(), nn.Linear(3 * 64, CLASSES)

    def forward(self, x):
        return self.last(self.relu(self.conv(self.relu(self.conv(x)))).flatten(1))


def test_a_layer_that_runs_twice_is_asked_for_by_its_call():
    torch.manual_seed(0)
    model, x = Reused().double().eval(), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    with pytest.raises(CutError, match="runs 2 times when the model does: choose one by call=0 to call=1"):
        GradCAMPlusPlus(model, "relu")(x)
    for weights in ("closed", "exact"):
        each = [GradCAMPlusPlus(model, "relu", weights=weights, call=k).attribute(x, 0) for k in (0, 1, -1, -2)]
        assert torch.equal(each[1], each[2]) and torch.equal(each[0], each[3]) and not torch.equal(each[0], each[1])
        where = cut(model, "relu", x[:1], call=0)
        expected = gradcam.pure_derivatives(where.tail, where.activations, target=0).g
        found = GradCAMPlusPlus(model, "relu", weights=weights, call=0).explain(x[:1], 0)
        torch.testing.assert_close(found.g.flatten(), expected)
    with pytest.raises(CutError, match="runs 2 times: call must be from -2 to 1, not 5"):
        GradCAMPlusPlus(model, "relu", call=5)(x)


class Tokens(nn.Module):
    """A class token and 3 x 4 tokens of 5 channels, channels last."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix, self.last = nn.Linear(3, 5), nn.Linear(13, 13), nn.Linear(5, CLASSES)

    def forward(self, x):
        y = self.embed(x.flatten(2).mT)
        y = torch.cat([y.mean(1, keepdim=True), y], 1)
        y = self.mix(y.mT).mT
        return self.last(y.relu()[:, 0] + y[:, 1:].mean(1) ** 2)


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_tokens_are_a_map_of_their_places(weights):
    torch.manual_seed(2)
    model, x = Tokens().double().eval(), torch.randn(2, 3, 3, 4, dtype=torch.float64)
    cam = GradCAMPlusPlus(model, "embed", tokens(0, (3, 4)), weights=weights)
    raw, found = cam.attribute(x, 1), cam.explain(x[1:], 1)
    assert raw.shape == (2, 3, 4) and cam(x, 1).shape == (2, 3, 4)
    where = cut(model, "embed", x[1:])
    derivatives = gradcam.pure_derivatives(where.tail, where.activations, target=1)
    A, g, h, t = (
        v.view(12, 5).T.reshape(5, 3, 4) for v in (where.activations, derivatives.g, derivatives.h, derivatives.t)
    )
    sigma = A.sum((1, 2), keepdim=True)
    exact = (g**2 + h) / (2 * (g**2 + h) + sigma * (g**3 + 3 * g * h + t))
    alpha = exact if weights == "exact" else 1 / (2 + sigma * g)
    torch.testing.assert_close(found.alpha, alpha)
    torch.testing.assert_close(raw[1], torch.einsum("k,khw->hw", (alpha * g.relu()).sum((1, 2)), A).relu())


def test_a_layer_of_tokens_without_an_arrangement_is_not_taken_for_a_line_of_places():
    model, x = Tokens().double().eval(), torch.randn(2, 3, 3, 4, dtype=torch.float64)
    with pytest.raises(ValueError, match="2 dimensions of places in an image and 1 in the map"):
        GradCAMPlusPlus(model, "embed")(x)


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v * 2,
        lambda v: -v,
        lambda v: v - 1,
        lambda v: v.relu(),
        lambda v: v.clamp(-3, 3),
        lambda v: (v[..., :-2] + v[..., 1:-1] + v[..., 2:]) / 3,
        lambda v: v.sort(-1).values,
        lambda v: v.flip(0),
        lambda v: v.repeat(1, 2, 1, 1),
        lambda v: v.to(torch.float32),
    ],
    ids=["twice", "minus", "less", "relu", "clamp", "mean", "sort", "other image", "repeat", "float32"],
)
def test_an_arrangement_that_changes_entries_has_no_exact_derivatives(change):
    model, x = Tokens().double().eval(), torch.randn(2, 3, 3, 4, dtype=torch.float64)

    def wrong(v):
        return change(tokens(0, (3, 4))(v))

    GradCAMPlusPlus(model, "embed", wrong).attribute(x)
    with pytest.raises(ValueError, match="must only move entries of an image about"):
        GradCAMPlusPlus(model, "embed", wrong, weights="exact").attribute(x)


@pytest.mark.parametrize("weights", ["closed", "exact"])
@pytest.mark.parametrize(
    "wrong", [tokens, lambda v: v.mean(0, keepdim=True), lambda v: v.numpy()], ids=["factory", "mean", "array"]
)
def test_an_arrangement_that_makes_no_batch_of_maps_is_named(wrong, weights):
    model, x = make(nn.ReLU(), images=2)
    with pytest.raises(ValueError, match=r"reshape_transform must make a tensor \(B, K, \*places\) of \(2, 6, 6, 6\)"):
        GradCAMPlusPlus(model, "layer", wrong, weights=weights)(x)


@pytest.mark.parametrize(("dims", "size"), [(1, (9,)), (3, (5, 6, 7))])
@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_lines_and_volumes_have_maps_too(dims, size, weights):
    torch.manual_seed(0)
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
    places = torch.Size(n - 2 for n in size).numel()
    model = nn.Sequential(conv(2, 3, 3), nn.SiLU(), nn.Flatten(), nn.Linear(3 * places, CLASSES)).double().eval()
    x = torch.randn(2, 2, *size, dtype=torch.float64)
    cam = GradCAMPlusPlus(model, "0", weights=weights)
    shown, found = cam(x, 1), cam.explain(x[:1], 1)
    assert shown.shape == (2, *size) and shown.min() >= 0 and shown.max() == 1
    where = cut(model, "0", x[:1])
    d = gradcam.pure_derivatives(where.tail, where.activations, target=1)
    A, g, h, t = (v.view(found.A.shape) for v in (where.activations, d.g, d.h, d.t))
    sigma = A.sum(tuple(range(1, dims + 1)), keepdim=True)
    closed = 1 / (2 + sigma * g)
    exact = (g**2 + h) / (2 * (g**2 + h) + sigma * (g**3 + 3 * g * h + t))
    torch.testing.assert_close(found.alpha, closed if weights == "closed" else exact)


def test_channels_last_are_moved_first():
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(channels_last(x), x.permute(0, 3, 1, 2))


@pytest.mark.parametrize("weights", ["closed", "exact"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_other_precisions_give_nearly_the_same_map(weights, dtype):
    model, x = make(nn.ReLU(), images=2)
    expected = GradCAMPlusPlus(model, "layer")(x, 1)
    cam = GradCAMPlusPlus(model.to(dtype), "layer", weights=weights)
    first, second = cam(x.to(dtype), 1), cam(x.to(dtype), 1)
    assert first.dtype == torch.float32 and torch.equal(first, second)
    assert float((first - expected).abs().max()) < 16 * torch.finfo(dtype).eps
    assert next(model.parameters()).dtype == dtype


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_exact_weights_of_half_precision_are_worked_out_in_float32(dtype):
    model, x = make(nn.GELU())
    expected = GradCAMPlusPlus(model.to(dtype).double(), "layer", weights="exact")(x.to(dtype).double(), 1)
    found = GradCAMPlusPlus(model.to(dtype), "layer", weights="exact")(x.to(dtype), 1)
    assert float((found - expected).abs().max()) < 1e-4


def test_gradients_that_float16_would_round_to_zero_are_kept():
    model, x = make(nn.ReLU())
    model.tail[-1].weight.data.mul_(1e-6)
    expected = GradCAMPlusPlus(model, "layer")(x, 1)
    assert expected.max() == 1
    found = GradCAMPlusPlus(model.half(), "layer")(x.half(), 1)
    assert float((found - expected).abs().max()) < 0.05
    model, x = make(nn.ReLU())
    model.tail[-1].weight.data.mul_(30)  # the largest scale overflows
    found = GradCAMPlusPlus(model.half(), "layer").explain(x.half(), 1)
    assert bool(found.g.isfinite().all()) and found.map.max() > 0


def test_the_map_does_not_depend_on_the_scale_of_the_scores_where_it_should_not():
    model, x = make(nn.ReLU())
    cam = GradCAMPlusPlus(model, "layer")
    before = cam.explain(x, 1)
    # A -> cA, g -> g/c: the same tail behind a layer in other units.
    with torch.no_grad():
        for c in (1e-8, 1e8):
            model.layer[0].weight *= c
            model.layer[0].bias *= c
            model.tail[0].weight /= c
            found = cam.explain(x, 1)
            torch.testing.assert_close(found.alpha, before.alpha)
            torch.testing.assert_close(found.map, before.map)
            model.layer[0].weight /= c
            model.layer[0].bias /= c
            model.tail[0].weight *= c


# Third derivatives of a curved tail have a unit c^-3, which is to be a number of float32.
@pytest.mark.parametrize(("outer", "power"), [("exp", 60), ("sigmoid", 60), ("softmax", 30)])
@pytest.mark.parametrize("sign", [-1, 1])
def test_exact_weights_are_the_same_in_any_unit_of_the_activations(outer, power, sign):
    model, x = make(nn.ReLU())
    model, x, c = model.float(), x.float(), 2.0 ** (sign * power)
    before = GradCAMPlusPlus(model, "layer", head=outer, weights="exact")(x, 1)
    with torch.no_grad():
        model.layer[0].weight *= c
        model.layer[0].bias *= c
        model.tail[0].weight /= c
    found = GradCAMPlusPlus(model, "layer", head=outer, weights="exact")(x, 1)
    assert before.max() == 1
    torch.testing.assert_close(found, before)


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_batch_as_large_as_the_map_is_wide_is_no_other_batch(weights):
    model, x = make(nn.GELU(), images=6)
    cam = GradCAMPlusPlus(model, "layer", weights=weights)
    torch.testing.assert_close(cam(x, 1), torch.cat([cam(image, 1) for image in x.split(1)]))


def state_of(model):
    return [
        (name, id(p), p._version, p.requires_grad, p.grad, p.detach().clone()) for name, p in model.named_parameters()
    ] + [(name, m.training, len(m._forward_hooks), len(m._forward_pre_hooks)) for name, m in model.named_modules()]


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_the_model_comes_back_as_it_was(weights):
    model, x = make(nn.GELU())
    model.layer.requires_grad_(False)
    model.tail[-1].weight.grad = torch.ones_like(model.tail[-1].weight)
    model.training = True  # a flag that does nothing here
    before = state_of(model)
    cam = GradCAMPlusPlus(model, ["layer", "tail.0"], weights=weights)
    with cam as same:
        assert same is cam
        same(x, 1)
    for bad in (lambda scores: scores[9], 99):
        with pytest.raises((ValueError, IndexError)):
            cam(x, bad)
    for one, other in zip(before, state_of(model), strict=True):
        for a, b in zip(one, other, strict=True):
            assert torch.equal(a, b) if isinstance(a, torch.Tensor) else a is b or a == b


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, CLASSES)
        self.register_buffer("runs", torch.zeros(()))
        self.seen, self.last_seen, self.by_name = [], deque(), {"inputs": defaultdict(list)}
        self.total, self.totals = torch.zeros(()), [torch.zeros(2)]

    def forward(self, x):
        self.runs += 1
        self.seen.append(x)
        self.last_seen.append(x)
        self.by_name["inputs"][len(x)].append(x)
        self.total += 1
        self.totals[0].add_(1)
        return self.last(self.layer(x).relu().flatten(1))


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_what_a_model_keeps_of_a_run_is_put_back(weights):
    model = Counting().double().eval()
    GradCAMPlusPlus(model, "layer", weights=weights)(torch.randn(2, 3, 8, 8, dtype=torch.float64))
    assert model.runs == 0 and model.seen == [] and not model.last_seen and model.by_name == {"inputs": {}}
    assert model.total == 0 and not model.totals[0].any()


def test_threads_that_share_a_model_wait_for_each_other():
    model, x = make(nn.ReLU())
    expected, found, before = GradCAMPlusPlus(model, "layer")(x, 1), [], torch.backends.mha.get_fastpath_enabled()

    def ask():
        for _ in range(20):
            found.append(GradCAMPlusPlus(model, "layer")(x, 1))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for step in (threading.Thread.start, threading.Thread.join):
        for thread in threads:
            step(thread)
    assert len(found) == 80 and all(torch.equal(one, expected) for one in found)
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.backends.mha.get_fastpath_enabled() == before


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_compiled_model_runs_as_it_was_written(weights):
    model, x = make(nn.GELU())
    expected = GradCAMPlusPlus(model, "layer", weights=weights)(x, 1)
    compiled = torch.compile(model, backend="eager")
    compiled(x)
    assert torch.equal(GradCAMPlusPlus(compiled, model.layer, weights=weights)(x, 1), expected)
    with pytest.raises(CutError, match=r"no layer 'layer'; the nearest names are '_orig_mod\.layer'"):
        GradCAMPlusPlus(compiled, "layer")


class Writing(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, CLASSES)

    @torch.no_grad()
    def forward(self, x):
        self.write()
        return self.last(self.layer(x).relu().flatten(1))

    def write(self) -> None:
        self.last.bias += 1


class Exchanging(Writing):
    """Its parameter gets other numbers, and its version stays."""

    def write(self) -> None:
        self.last.bias.data = self.last.bias.data + 1


@pytest.mark.parametrize("network", [Writing, Exchanging])
def test_a_model_that_writes_over_its_parameters_is_refused(network):
    with pytest.raises(CutError, match=r"writes over its parameter 'last\.bias'"):
        GradCAMPlusPlus(network().double().eval(), "layer")(torch.randn(1, 3, 8, 8, dtype=torch.float64))


def test_a_thousand_calls_leave_nothing_behind():
    model, x = make(nn.ReLU())
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    cam(x, 0)
    counts = []
    for _ in range(2):
        for _ in range(500):
            cam(x, 0)
        gc.collect()
        counts.append(sum(type(one) is torch.Tensor for one in gc.get_objects()))
    assert counts[0] == counts[1] and len(cam._straight) == 1
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_frozen_parameters_and_inference_mode_do_not_matter():
    model, x = make(nn.ReLU())
    expected = GradCAMPlusPlus(model, "layer")(x, 1)
    model.requires_grad_(False)
    assert torch.equal(GradCAMPlusPlus(model, "layer")(x, 1), expected)
    with torch.inference_mode():
        assert torch.equal(GradCAMPlusPlus(model, "layer")(x.clone(), 1), expected)


class Detaching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, CLASSES)

    def forward(self, x):
        y = self.layer(x)
        return self.last((y.relu() + torch.nn.functional.gelu(y.detach())).flatten(1))


def test_a_curve_that_autograd_does_not_see_is_not_taken_for_a_straight_tail():
    torch.manual_seed(0)
    model, x = Detaching().double().eval(), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    for _ in range(2):
        found = cam.explain(x, 1)
        where = cut(model, "layer", x)
        expected = gradcam.pure_derivatives(where.tail, where.activations, target=1)
        torch.testing.assert_close(found.g.flatten(), expected.g)
    assert not cam._straight


class Severing(nn.Module):
    """A tail that is straight for small images, and with a branch that autograd does not see for large ones."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.layer, self.last = way, nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, CLASSES)

    def forward(self, x):
        y = self.layer(x)
        if self.way == "detach":
            kept = y.detach()
        elif self.way == "data":
            kept = y.data
        else:
            with torch.no_grad():
                kept = y * 1
        return self.last((y.relu() + (kept - 20).relu()).flatten(1))


@pytest.mark.parametrize("way", ["detach", "data", "no_grad"])
def test_what_is_kept_from_autograd_counts_also_where_it_did_not_show_at_first(way):
    torch.manual_seed(0)
    model, x = Severing(way).double().eval(), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    cam(x, 1)
    assert not cam._straight
    found, where = cam.explain(100 * x, 1), cut(model, "layer", 100 * x)
    expected = gradcam.pure_derivatives(where.tail, where.activations, target=1).g
    seen = GradCAMPlusPlus(model, "layer").explain(100 * x, 1).g.flatten()
    assert float((seen - expected).abs().max()) > 1e-3
    torch.testing.assert_close(found.g.flatten(), expected)


def test_hooks_on_gradients_are_not_trusted():
    model, x = make(nn.ReLU())
    straight = GradCAMPlusPlus(model, "layer", weights="exact")
    expected = straight.explain(x, 1).g
    assert len(straight._straight) == 1
    handle = model.tail[0].register_full_backward_hook(lambda module, to, of: (2 * to[0],))
    hooked = GradCAMPlusPlus(model, "layer", weights="exact")
    torch.testing.assert_close(GradCAMPlusPlus(model, "layer").explain(x, 1).g, 2 * expected)
    torch.testing.assert_close(hooked.explain(x, 1).g, expected)
    handle.remove()
    # One that happens to change nothing for this image.
    model.tail[0].register_full_backward_hook(lambda module, to, of: None)
    hooked.explain(x, 1)
    assert not hooked._straight
    model, x = make(nn.ReLU())

    def hook(module, args, y):
        if y.requires_grad:
            y.register_hook(lambda g: g)

    model.tail[0].register_forward_hook(hook)
    hooked = GradCAMPlusPlus(model, "layer", weights="exact")
    torch.testing.assert_close(hooked.explain(x, 1).g, expected)
    assert not hooked._straight


def test_a_batch_norm_that_takes_up_the_statistics_of_the_batch_is_noticed():
    model, x = make(nn.BatchNorm2d(5).double().eval())
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    cam(x, 1)
    assert len(cam._straight) == 1
    model.tail[1] = nn.BatchNorm2d(5, track_running_stats=False).double().eval()
    assert torch.equal(cam(x, 1), GradCAMPlusPlus(model, "layer", weights="exact")(x, 1))
    assert len(cam._straight) == 1


def test_an_activation_that_is_exchanged_is_noticed():
    model, x = make(nn.ReLU())
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    cam(x, 1)
    model.tail[1] = nn.GELU()
    assert torch.equal(cam(x, 1), GradCAMPlusPlus(model, "layer", weights="exact")(x, 1))
    closed = GradCAMPlusPlus(model, "layer")(x, 1)
    assert float((cam(x, 1) - closed).abs().max()) > 1e-3


def test_a_straight_tail_is_followed_once(monkeypatch):
    model, x = make(nn.ReLU(), images=2)
    calls = []
    monkeypatch.setattr(gradcam, "cut", lambda *args, **kwargs: (calls.append(1), cut(*args, **kwargs))[1])
    cam = GradCAMPlusPlus(model, "layer", weights="exact")
    assert torch.equal(cam(x, 0), cam(x, 0)) and len(calls) == 2
    cam(x[:1], 1)
    assert len(calls) == 2
    curved, x = make(nn.GELU(), images=2)
    cam = GradCAMPlusPlus(curved, "layer", weights="exact")
    cam(x, 0), cam(x, 0)
    assert len(calls) == 6


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda model, x: (model, torch.full_like(x, float("nan"))), "puts out nan or infinite activations"),
        (lambda model, x: (nn.Sequential(model, nn.Unflatten(1, (2, 2))), x), r"must put out scores \(1, classes\)"),
        (lambda model, x: (model, x[:0]), r"input_tensor is a batch of images"),
        (lambda model, x: (model, x.numpy()), r"input_tensor is a batch of images.* not ndarray"),
        (lambda model, x: (model.train(), x), None),
    ],
)
def test_bad_input_is_named(spoil, words):
    model, x = make(nn.ReLU())
    model, x = spoil(model, x)
    layer = "layer" if isinstance(model, Network) else "0.layer"
    if words is None:
        model.tail.insert(2, nn.Dropout(0.5))
        words = "Dropout 'tail.2' is in training mode"
    with pytest.raises(ValueError, match=words):
        GradCAMPlusPlus(model, layer)(x)


def test_explain_takes_a_batch_of_one_image():
    model, x = make(nn.ReLU(), images=2)
    for wrong, words in (
        (None, "not NoneType"),
        (torch.ones(()), r"not shape \(\)"),
        (x, r"one image, \(1, ...\), not 2"),
    ):
        with pytest.raises(ValueError, match=words):
            GradCAMPlusPlus(model, "layer").explain(wrong)


def test_parameters_without_gradients_for_ever_and_torchscript_are_refused():
    with torch.inference_mode():
        model, _ = make(nn.ReLU())
    x = torch.randn(1, 3, 8, 8, dtype=torch.float64)
    with pytest.raises(CutError, match=r"'layer\.0\.weight' was made under torch\.inference_mode"):
        GradCAMPlusPlus(model, "layer")(x)
    model, x = make(nn.ReLU())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(model, x)
    with pytest.raises(CutError, match="layer 'layer' is TorchScript, which runs no hooks"):
        GradCAMPlusPlus(traced, "layer")


class Aside(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.aside, self.last = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3), nn.Linear(4 * 36, CLASSES)

    def forward(self, x):
        self.aside(x)
        return self.last(self.layer(x).relu().flatten(1))


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_layer_beside_the_way_to_the_scores_is_refused(weights):
    model, x = Aside().double().eval(), torch.randn(1, 3, 8, 8, dtype=torch.float64)
    with pytest.raises(
        CutError, match="scores do not depend on the output of layer 'aside': choose a layer on the path"
    ):
        GradCAMPlusPlus(model, "aside", weights=weights)(x)
    with pytest.raises(CutError, match="the nearest names are"):
        GradCAMPlusPlus(model, "layr")
    with pytest.raises(ValueError, match="target_layers is empty"):
        GradCAMPlusPlus(model, [])


def test_a_variant_excludes_what_it_brings_itself():
    model, x = make(nn.ReLU())
    for options in ({"weights": "exact"}, {"head": "sigmoid"}):
        with pytest.raises(ValueError, match="has a head and weights of its own"):
            GradCAMPlusPlus(model, "layer", variant="paper", **options)
    with pytest.raises(ValueError, match="no variant is called 'papr'"):
        GradCAMPlusPlus(model, "layer", variant="papr")
    with pytest.raises(ValueError, match="gives maps, no pixel weights"):
        GradCAMPlusPlus(model, "layer", variant="paper").explain(x)


def test_the_paper_s_variant_is_the_closed_form():
    model, x = make(nn.ReLU(), images=2)
    closed = GradCAMPlusPlus(model, "layer")
    printed = GradCAMPlusPlus(model, "layer", variant="paper")
    torch.testing.assert_close(printed.attribute(x, 1), closed.attribute(x, 1))
    torch.testing.assert_close(printed(x, 1), closed(x, 1))
    other = GradCAMPlusPlus(model, "layer", variant="torchcam")
    assert float((other(x, 1) - closed(x, 1)).abs().max()) > 1e-3


def test_several_layers_of_a_variant_are_joined_in_its_own_way():
    model, x = make(nn.ReLU())
    for name in ("paper", "torchcam", "monai"):
        one_each = [GradCAMPlusPlus(model, layer, variant=name)(x, 1) for layer in ("layer", "tail.0")]
        found = GradCAMPlusPlus(model, ["layer", "tail.0"], variant=name)(x, 1)
        torch.testing.assert_close(found, torch.stack(one_each).mean(0))


def test_several_layers_are_joined_as_grad_cam_joins_them():
    model, x = make(nn.ReLU())
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        pytest.skip("grad-cam is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        load_torchvision()  # which grad-cam imports
        library = importlib.import_module("pytorch_grad_cam")
    target = [lambda scores: scores[1]]
    for layers in (["layer"], ["layer", "tail.0"]):
        with library.GradCAMPlusPlus(model=model, target_layers=list(map(model.get_submodule, layers))) as cam:
            theirs = torch.from_numpy(cam(input_tensor=x, targets=target)).double()
        found = GradCAMPlusPlus(model, layers, variant="pytorch-grad-cam")(x, 1)
        torch.testing.assert_close(found.double(), theirs, rtol=0, atol=1e-5)

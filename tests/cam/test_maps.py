import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cam import CutError, GradCAMPlusPlus, cut, head, pure_derivatives

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
    Y = pure_derivatives(lambda A: head(outer).value(where.tail(A)[:, 1]), where.activations)
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
    ],
)
def test_an_unknown_option_is_refused_at_the_door(options, words):
    model, _ = make(nn.ReLU())
    with pytest.raises(ValueError, match=words):
        GradCAMPlusPlus(model, "layer", **options)


@pytest.mark.parametrize("target", [CLASSES, -1, [0], [0, 1, 2]])
def test_a_class_that_is_not_there_and_a_wrong_number_of_targets_are_refused(target):
    model, x = make(nn.ReLU(), images=2)
    with pytest.raises(ValueError, match=r"classes 0 to 3, not|2 images and \d targets"):
        maps(model, x, "exp", "closed", target)


@pytest.mark.parametrize("weights", ["closed", "exact"])
def test_a_layer_that_puts_out_no_map_is_refused(weights):
    model, x = make(nn.ReLU())
    with pytest.raises(CutError, match=r"activations \(1, K, H, W\), and the layer's are of shape \(1, 80\)"):
        GradCAMPlusPlus(model, "tail.2", weights=weights)(x)

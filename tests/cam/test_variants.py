"""Each variant is the library that it was read from, and the printed one is (5) and (19) by hand."""

import importlib
import warnings
from dataclasses import replace
from fractions import Fraction

import pytest
import torch

from cam import GradCAMPlusPlus
from cam.variants import VARIANTS, variant
from verify.catalogue.images import load_image
from verify.catalogue.lite0 import LAYER, load_lite0, preprocess
from verify.catalogue.zoo import load_torchvision
from verify.peers.adapters import PEERS, ask

LIBRARIES = [peer for peer in PEERS if peer.variant]
SIZES = ((4, 5), (9, 13))
PUBLISHED = 1e-5


def tail(slope=1.0, places=20, channels=3):
    """Return a network whose gradients at its first layer have both signs and vary from place to place."""
    torch.manual_seed(7)
    layers = torch.nn.Conv2d(2, channels, 1), torch.nn.Flatten(), torch.nn.Linear(channels * places, 8)
    model = torch.nn.Sequential(*layers, torch.nn.ReLU(), torch.nn.Linear(8, 2)).eval()
    with torch.no_grad():
        model[0].weight.abs_()
        model[4].weight.abs_().mul_(slope)
    return model


def pieces(model, images, c):
    """Return A, g and S of every image by plain autograd."""
    A = model[0](images).detach().requires_grad_()
    S = model[1:](A)[:, c]
    return A.detach(), torch.autograd.grad(S.sum(), A)[0], S.detach()


def pictured(one, model, images, c, size):
    A, g, S = pieces(model, images, c)
    raw = torch.einsum("bk,bkhw->bhw", one.weights(A, g, S), A)
    return one.picture([raw], size)


def installed(peer):
    if peer.version is None:
        pytest.skip(f"{peer.package} is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if peer.package == "grad-cam":
            load_torchvision()
        importlib.import_module(peer.module)
    return peer


def gap(peer, one, slope, c=1):
    model, images = tail(slope), torch.rand(1, 2, *SIZES[0], generator=torch.Generator().manual_seed(3))
    theirs = ask(peer.picture, model, "0", images, c)
    mine = pictured(one, model, images, c, SIZES[0])
    # Where w is a cube of small gradients, what torchcam adds to its divisor leaves a picture of 2 % of the range.
    assert float(theirs.max() - theirs.min()) > 1000 * PUBLISHED, "a flat picture would agree with anything"
    return float((theirs - mine).abs().max())


@pytest.mark.parametrize("slope", [4.0, 1.0, 1e-2])
@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_the_picture_of_a_variant_is_the_picture_of_its_library(peer, slope):
    assert gap(installed(peer), variant(peer.variant), slope) < PUBLISHED


@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_the_picture_of_another_variant_is_not(peer):
    installed(peer)
    for other in VARIANTS:
        if other.name != peer.variant:
            assert max(gap(peer, other, slope) for slope in (4.0, 1e-2)) > 100 * PUBLISHED, other.name


@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_an_error_planted_in_a_variant_moves_the_picture(peer):
    installed(peer)
    right = variant(peer.variant)
    wrong = (
        replace(right, weights=lambda A, g, S: right.weights(A, g.abs(), S)),
        replace(right, of_layer=lambda raw, size: right.of_layer(raw.abs(), size) ** 1.01),
    )
    for one in wrong:
        assert gap(peer, one, 1.0) > 10 * PUBLISHED


@pytest.mark.parametrize("peer", [peer for peer in LIBRARIES if peer.size == "image"], ids=lambda peer: peer.name)
def test_the_picture_is_resized_as_the_library_does_it(peer):
    """The layer is smaller than the image: a stride of 2."""
    installed(peer)
    torch.manual_seed(1)
    layers = torch.nn.Conv2d(2, 3, 3, stride=2), torch.nn.Flatten(), torch.nn.Linear(3 * 4 * 6, 2)
    model, images = torch.nn.Sequential(*layers).eval(), torch.rand(1, 2, *SIZES[1])
    theirs = ask(peer.picture, model, "0", images, 0)
    assert tuple(theirs.shape[-2:]) == SIZES[1]
    assert float((theirs - pictured(variant(peer.variant), model, images, 0, SIZES[1])).abs().max()) < PUBLISHED


@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_where_no_gradient_is_positive_the_picture_is_the_library_s_too(peer):
    installed(peer)
    model, images = tail(0.0), torch.rand(1, 2, *SIZES[0])
    theirs = ask(peer.picture, model, "0", images, 1)
    assert torch.equal(theirs.isnan(), torch.zeros_like(theirs, dtype=torch.bool))
    assert torch.equal(theirs.float(), pictured(variant(peer.variant), model, images, 1, SIZES[0]).float())


@pytest.mark.slow
@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_on_a_trained_network_and_a_photograph_it_is_the_library_s_picture_too(peer):
    pytest.importorskip("efficientnet_lite_pytorch")
    installed(peer)
    model, image = load_lite0(torch.float32).requires_grad_(True), preprocess(load_image("chelsea"), torch.float32)
    seen = []
    handle = model.get_submodule(LAYER).register_forward_hook(lambda _, __, A: seen.append(A))
    S = model(image)[:, 285]
    handle.remove()
    g, A = torch.autograd.grad(S.sum(), seen[0])[0], seen[0].detach()
    one = variant(peer.variant)
    theirs = ask(peer.picture, model, LAYER, image, 285)
    mine = one.picture([torch.einsum("bk,bkhw->bhw", one.weights(A, g, S.detach()), A)], tuple(theirs.shape[-2:]))
    assert float(theirs.max() - theirs.min()) > 0.5
    assert float((theirs - mine).abs().max()) < PUBLISHED


def test_the_printed_weights_are_those_found_by_hand():
    A = torch.tensor([[[[1.0, 2.0], [0.0, 1.0]]]], dtype=torch.float64)
    g = torch.tensor([[[[0.5, 0.0], [-1.0, 0.25]]]], dtype=torch.float64)
    # sigma = 4: 1/2 / (2 + 4 / 2) + 1/4 / (2 + 4 / 4); a gradient that is 0 or negative counts nothing.
    by_hand = Fraction(1, 8) + Fraction(1, 12)
    (found,) = variant("paper").weights(A, g, torch.zeros(1, dtype=torch.float64)).flatten().tolist()
    assert abs(Fraction(found) - by_hand) < Fraction(1, 2**50)


def test_the_printed_weights_are_undefined_where_a_square_underflows():
    A, g, S = torch.ones(1, 1, 2, 2), torch.full((1, 1, 2, 2), 1e-25), torch.zeros(1)
    assert variant("paper").weights(A, g, S).isnan().all()
    assert variant("paper").weights(A.double(), g.double(), S).isfinite().all()


def test_the_printed_picture_has_its_maximum_at_1_and_a_map_of_zeros_stays():
    raw = torch.tensor([[[1.0, -3.0], [2.0, 0.0]], [[-1.0, 0.0], [0.0, -2.0]]])
    assert variant("paper").picture([raw], (2, 2)).tolist() == [[[0.5, 0.0], [1.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]]]


def test_any_number_of_places_is_a_channel():
    A, g, S = torch.rand(2, 3, 4), torch.rand(2, 3, 4), torch.rand(2)
    for one in VARIANTS:
        tokens = one.weights(A, g, S)
        volume = one.weights(A.view(2, 3, 2, 1, 2), g.view(2, 3, 2, 1, 2), S)
        assert tokens.shape == (2, 3) and torch.allclose(tokens, volume)


def test_lines_and_volumes_have_pictures_and_no_image_sees_the_others():
    for one in VARIANTS:
        for shape in ((5,), (3, 4), (2, 3, 4)):
            raw = torch.rand(3, *shape) * torch.tensor([1.0, 100.0, 1e4]).view(-1, *[1] * len(shape))
            large = tuple(2 * n for n in shape)
            together = one.picture([raw], large)
            assert together.shape == (3, *large)
            assert torch.equal(together, torch.cat([one.picture([each], large) for each in raw.split(1)])), one.name


@pytest.mark.parametrize("peer", LIBRARIES, ids=lambda peer: peer.name)
def test_the_class_makes_the_picture_of_the_library_by_its_name(peer):
    installed(peer)
    model, images = tail(), torch.rand(1, 2, *SIZES[0], generator=torch.Generator().manual_seed(3))
    theirs = ask(peer.picture, model, "0", images, 1)
    mine = GradCAMPlusPlus(tail(), "0", variant=peer.variant)(images, 1)  # monai leaves its hooks on the other model
    assert float((theirs - mine).abs().max()) < PUBLISHED


def test_an_exponential_that_is_kept_overflows_and_one_that_cancels_does_not():
    A, g, S = torch.rand(1, 3, 2, 2), torch.rand(1, 3, 2, 2), torch.tensor([100.0])
    finite = {one.name: bool(one.weights(A, g, S).isfinite().all()) for one in VARIANTS}
    assert finite.pop("monai") is False and all(finite.values())


def test_an_unknown_variant_is_answered_with_the_nearest_name():
    assert all(variant(one.name) is one for one in VARIANTS)
    with pytest.raises(ValueError, match="no variant is called 'torchcamm'; did you mean 'torchcam'"):
        variant("torchcamm")

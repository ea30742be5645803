"""Each behaviour is seen where it is planted, and not in what behaves; the libraries behave as recorded."""

import math

import pytest
import torch

from verify.peers.adapters import PEERS, Peer
from verify.peers.behaviours import BEHAVIOURS


def pieces(model, layer, images, c):
    seen = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, A: seen.append(A))
    S = model(images)[:, c]
    handle.remove()
    return seen[0], torch.autograd.grad(S.sum(), seen[0])[0], S


def closed(model, layer, images, c):
    """Grad-CAM++ without a denominator that could be 0."""
    A, g, _ = pieces(model.requires_grad_(True), layer, images, c)
    sigma = A.sum((-2, -1), keepdim=True)
    return ((g.relu() / (2 + sigma * g)).sum((-2, -1), keepdim=True) * A).sum(1).relu()


def well_behaved(model, layer, images, c):
    asked = [parameter.requires_grad for parameter in model.parameters()]
    try:
        return closed(model, layer, images, c)
    finally:
        for parameter, before in zip(model.parameters(), asked, strict=True):
            parameter.requires_grad_(before)


def said(name, question):
    return BEHAVIOURS[name](Peer("planted", "", "", "", question))["says"]


GOOD = {
    "eps": "none",
    "zero gradient": "zeros",
    "places without gradient": "count nothing",
    "overflow": "none",
    "weight over (19)": "1.0e+00",
    "batches": "as alone",
    "hooks": "none left",
    ".grad": "untouched",
    "training flags": "kept",
    "frozen parameters": "works",
}


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_what_behaves_is_found_to_behave(name):
    found = said(name, well_behaved)
    if name == "half precision":
        assert found.startswith("float16: off by ") and "; bfloat16: off by " in found
    else:
        assert found == GOOD[name]


def printed(model, layer, images, c):
    A, g, _ = pieces(model, layer, images, c)
    alpha = g**2 / (2 * g**2 + A.sum((-2, -1), keepdim=True) * g**3)
    return ((alpha * g.relu()).sum((-2, -1), keepdim=True) * A).sum(1).relu()


def with_the_factor(model, layer, images, c):
    S = pieces(model, layer, images, c)[2]
    return closed(model, layer, images, c) * S.exp()[:, None, None]


def with_eps(model, layer, images, c):
    A, g, _ = pieces(model, layer, images, c)
    alpha = g**2 / (2 * g**2 + A.sum((-2, -1), keepdim=True) * g**3 + 1e-5)
    return ((alpha * g.relu()).sum((-2, -1), keepdim=True) * A).sum(1)


def first_of_the_batch(model, layer, images, c):
    return closed(model, layer, images, c)[:1].expand(len(images), -1, -1)


def one_image(model, layer, images, c):
    if len(images) != 1:
        raise IndexError("one image at a time")
    return closed(model, layer, images, c)


def leaves_a_hook(model, layer, images, c):
    model.get_submodule(layer).register_forward_hook(lambda *_: None)
    return closed(model, layer, images, c)


def goes_backward(model, layer, images, c):
    model.zero_grad()
    model(images)[:, c].sum().backward()
    return closed(model, layer, images, c)


def sets_eval(model, layer, images, c):
    model.eval()
    return closed(model, layer, images, c)


def needs_gradients(model, layer, images, c):
    A, g, _ = pieces(model, layer, images, c)
    return (A * g).sum(1)


def in_single(model, layer, images, c):
    if images.dtype != torch.float64:
        raise TypeError("float64 alone")
    return closed(model, layer, images, c)


def other_shape(model, layer, images, c):
    return closed(model, layer, images, c)[:, None]


@pytest.mark.parametrize(
    ("name", "question", "says"),
    [
        ("eps", with_eps, "1e-05 in the denominator"),
        ("eps", needs_gradients, "not visible"),
        ("zero gradient", printed, "nan"),
        ("places without gradient", printed, "nan"),
        ("overflow", with_the_factor, "infinite at S = 100"),
        ("weight over (19)", with_eps, "at 1e-08: 2.0e-11; at 1e-20: 0.0e+00"),
        ("half precision", in_single, "fails: TypeError"),
        ("batches", one_image, "fails: IndexError"),
        ("hooks", leaves_a_hook, "1 left"),
        (".grad", goes_backward, "left on 3 parameters, the user's lost on 3"),
        ("training flags", sets_eval, "changed"),
        ("frozen parameters", needs_gradients, "fails: RuntimeError"),
        ("frozen parameters", closed, "asks them for gradients, for good"),
        ("zero gradient", other_shape, "fails: shape (1, 1, 2, 3)"),
    ],
)
def test_what_is_planted_is_seen(name, question, says):
    assert said(name, question) == says


def test_maps_that_depend_on_the_rest_of_the_batch_are_seen():
    assert "off by" in said("batches", first_of_the_batch)


def test_places_without_gradient_that_count_are_seen():
    def by_activation(model, layer, images, c):
        A, _, _ = pieces(model, layer, images, c)
        return (A.square().sum((-2, -1), keepdim=True) * A).sum(1)

    assert said("places without gradient", by_activation).startswith("move the map by ")


# What each version was seen to do; where it says nothing a library does as GOOD does.
KNOWN = {
    "pytorch-grad-cam": (
        "1.5.7",
        {
            "eps": "1e-06 in the denominator",
            "weight over (19)": "at 1e-08: 2.0e-10; at 1e-20: 0.0e+00",
            ".grad": "left on 3 parameters, the user's lost on 3",
            "training flags": "changed",
            "frozen parameters": "fails: RuntimeError",
        },
    ),
    "torchcam": (
        "0.5.0",
        {
            "eps": "not visible",
            "weight over (19)": "at 1e-08: 2.0e-16; at 1e-20: 0.0e+00",
            "frozen parameters": "fails: RuntimeError",
        },
    ),
    "torchcam-smooth": (
        "0.5.0",
        {"eps": "1e-08 in the denominator", "weight over (19)": "at 1e-08: 2.0e-08; at 1e-20: 0.0e+00"},
    ),
    "captum": ("0.9.0", {"eps": "not visible", "weight over (19)": "3.3e-01"}),
    "gradcampp": (PEERS[-1].version, {}),
}


@pytest.mark.parametrize("name", KNOWN)
def test_the_installed_libraries_behave_as_recorded(name):
    version, other = KNOWN[name]
    library = next(peer for peer in PEERS if peer.name == name)
    if library.version != version:
        pytest.skip(f"{library.package} {version} is not installed")
    for behaviour, good in GOOD.items():
        assert BEHAVIOURS[behaviour](library)["says"] == other.get(behaviour, good), behaviour


def test_monai_overflows_mixes_batches_and_leaves_its_hooks():
    library = next(peer for peer in PEERS if peer.name == "monai")
    if library.version != "1.6.1":
        pytest.skip("monai 1.6.1 is not installed")
    seen = {name: BEHAVIOURS[name](library) for name in ("overflow", "batches", "hooks", "training flags")}
    assert seen["overflow"]["says"] == "nan at S = 100"
    assert seen["batches"]["2 images"].startswith("fails: RuntimeError") and "off by" in seen["batches"]["3 images"]
    assert seen["hooks"]["left"] == 2
    assert seen["training flags"]["says"] == "in training: kept; with a part in eval: changed"


def test_no_behaviour_is_told_in_numbers_that_json_does_not_have():
    def nothing(model, layer, images, c):
        return torch.full((len(images), *images.shape[-2:]), math.nan)

    for name, behaviour in BEHAVIOURS.items():
        for value in behaviour(Peer("planted", "", "", "", nothing)).values():
            assert not isinstance(value, float) or math.isfinite(value), name

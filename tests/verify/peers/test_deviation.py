"""The exact map is at no distance from itself, another formula is; what cannot be had is said."""

import pytest
import torch

from verify.errors import MissingPackage
from verify.peers import deviation as distances
from verify.peers.adapters import PEERS, Peer
from verify.peers.deviation import SCENES, Scene, deviation

pytest.importorskip("sklearn")
OURS = PEERS[-1]
RELU, SILU = (next(scene for scene in SCENES if scene.name == name) for name in ("digits-relu", "digits-silu"))


def grad_cam(model, layer, images, c):
    seen = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, A: seen.append(A))
    S = model(images)[:, c]
    handle.remove()
    (g,) = torch.autograd.grad(S.sum(), seen[0])
    return (g.mean((-2, -1), keepdim=True) * seen[0]).sum(1)


def test_where_the_tail_is_piecewise_linear_the_closed_form_is_the_exact_map():
    found = deviation(OURS, RELU)
    assert found["map"] < 1e-5 and found["picture"] < 1e-5 and found["rank"] > 0.999 and not found["moved"]
    assert found["turned"] > 0.5


def test_where_it_is_curved_it_is_not():
    assert deviation(OURS, SILU)["map"] > 0.1


def test_another_formula_is_at_a_distance():
    found = deviation(Peer("planted", "", "", "", grad_cam), RELU)
    assert found["map"] > 0.1 and found["picture"] is None


def test_a_picture_that_is_turned_over_is_seen():
    def turned(model, layer, images, c):
        return 1 - OURS.picture(model, layer, images, c)

    found = deviation(Peer("planted", "", "", "", OURS.maps, turned), RELU)
    assert found["turned"] < 1e-5 < 0.5 < found["picture"]


@pytest.mark.parametrize(
    ("question", "says"),
    [
        (lambda model, layer, images, c: 1 / 0, "ZeroDivisionError"),
        (lambda model, layer, images, c: torch.full((1, 6, 6), torch.nan), "not finite"),
        (lambda model, layer, images, c: torch.ones(1, 2, 2), "shape"),
    ],
)
def test_what_gives_no_map_has_failed(question, says):
    found = deviation(Peer("planted", "", "", "", question), RELU)
    assert says in found["failed"] and "map" not in found


def test_a_network_that_is_missing_is_not_run():
    def missing(dtype):
        raise MissingPackage("a package is not installed")

    assert deviation(OURS, Scene("planted", "", "layer", missing)) == {"not_run": "a package is not installed"}


def test_the_exact_map_is_made_once():
    distances._exact.cache_clear()
    for _ in range(2):
        deviation(Peer("planted", "", "", "", grad_cam), RELU)
    assert distances._exact.cache_info().misses == 1

"""A function that computes a formula is answered with its name, one that computes none with "other"."""

import pytest
import torch

from verify.peers.adapters import PEERS
from verify.peers.ask import NoMap, identify, measured_eps


def pieces(model, layer, images, c):
    seen = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, A: seen.append(A))
    S = model(images)[:, c]
    handle.remove()
    return seen[0], torch.autograd.grad(S.sum(), seen[0])[0], S


def places(values):
    return values.sum((-2, -1), keepdim=True)


def alpha(A, g, eps):
    return g**2 / (2 * g**2 + places(A) * g**3 + eps)


def peer(weights, finish=lambda maps: maps):
    """Return a question from a function of A, g and exp(S)."""

    def question(model, layer, images, c):
        A, g, S = pieces(model, layer, images, c)
        return finish((weights(A, g, S.exp()[:, None, None, None]) * A).sum(1))

    return question


def by_range(maps):
    kept = maps.relu()
    return (kept - kept.min()) / (kept.max() - kept.min() + 1e-7)


WRITTEN = {
    "paper (19)": lambda A, g, Y: places(alpha(A, g, 0) * g.relu()),
    "A inside the sum": lambda A, g, Y: places(g**2 / (2 * g**2 + places(A * g**3)) * g.relu()),
    "no division": lambda A, g, Y: places(g.relu() ** 3),
    "alpha sums to 1": lambda A, g, Y: places(alpha(A, g, 0) / places(alpha(A, g, 0)) * g.relu()),
    "(19) without ReLU": lambda A, g, Y: places(alpha(A, g, 0) * g),
    "(19), ReLU outside": lambda A, g, Y: places(alpha(A, g, 0) * g).relu(),
    "(19) of exp(S)": lambda A, g, Y: places(alpha(A, Y * g, 0) * (Y * g).relu()),
    "Grad-CAM": lambda A, g, Y: g.mean((-2, -1), keepdim=True),
    "Grad-CAM of relu(g)": lambda A, g, Y: g.relu().mean((-2, -1), keepdim=True),
}


@pytest.mark.parametrize("finish", [None, "range", "float32"])
@pytest.mark.parametrize("name", WRITTEN)
def test_a_formula_is_recognised_however_its_map_is_finished(name, finish):
    after = {None: lambda maps: maps, "range": by_range, "float32": lambda maps: maps.float()}[finish]
    answer = identify(peer(WRITTEN[name], after))
    assert answer.formula == name
    assert answer.finish == ("divided by its range" if finish == "range" else "before ReLU")
    assert len(answer.evidence["probes"]) >= 2 and len(answer.evidence["ruled_out"]) == len(WRITTEN) - 1
    for numbers in answer.evidence["probes"]:
        assert abs(numbers["exact"] - float(numbers["gave"])) <= numbers["bound"] < 1e-3
    for name_of_other, numbers in answer.evidence["ruled_out"].items():
        assert abs(numbers["exact"] - float(numbers["gave"])) > numbers["bound"], name_of_other


@pytest.mark.parametrize("eps", [0.0, 1e-8, 1e-7, 1e-6, 3e-5])
def test_the_constant_in_the_denominator_is_found(eps):
    question = peer(lambda A, g, Y: places(alpha(A, g, eps) * g.relu()))
    assert measured_eps(question) == eps
    answer = identify(question)
    assert (answer.formula, answer.eps) == ("paper (19)", (eps,))


@pytest.mark.parametrize("name", ["no division", "Grad-CAM", "Grad-CAM of relu(g)", "alpha sums to 1"])
def test_no_constant_is_seen_where_there_is_no_such_denominator(name):
    assert measured_eps(peer(WRITTEN[name])) is None


def test_no_constant_is_seen_in_a_normalised_map():
    assert measured_eps(peer(WRITTEN["paper (19)"], by_range)) is None


def test_the_factor_is_seen_where_the_scale_is_left():
    with_factor = identify(peer(lambda A, g, Y: Y * WRITTEN["paper (19)"](A, g, Y)))
    assert (with_factor.formula, with_factor.factor) == ("paper (19)", True)
    assert identify(peer(WRITTEN["paper (19)"])).factor is False
    assert identify(peer(WRITTEN["paper (19)"], by_range)).factor is None


@pytest.mark.parametrize(
    "wrong",
    [
        lambda A, g, Y: places(g**2 / (3 * g**2 + places(A) * g**3) * g.relu()),
        lambda A, g, Y: places(g**2 / (2 * g**2 + A.mean((-2, -1), keepdim=True) * g**3) * g.relu()),
        lambda A, g, Y: places(alpha(A, g, 0) * g.relu()) * (1 + 1e-12),
        lambda A, g, Y: places(alpha(A, g, 0) * g.relu()).flip(1),
    ],
    ids=["3 for 2", "mean for sum", "off by 1e-12", "channels exchanged"],
)
def test_one_mistake_makes_it_another_formula(wrong):
    answer = identify(peer(wrong))
    assert answer.formula == "other" and answer.evidence["fits"] == []
    assert all(numbers["gave"] for numbers in answer.evidence["probes"])


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (lambda model, layer, images, c: 1 / 0, "ZeroDivisionError"),
        (lambda model, layer, images, c: torch.zeros(3), r"shape \(3,\)"),
        (lambda model, layer, images, c: torch.zeros(1, 2, 3, dtype=torch.int64), "int64"),
    ],
)
def test_what_is_no_map_is_said(broken, says):
    with pytest.raises(NoMap, match=says):
        identify(broken)


KNOWN = {
    "pytorch-grad-cam": ("1.5.7", "paper (19)", False, (1e-6,)),
    "torchcam": ("0.5.0", "no division", False, (0.0,)),
    "torchcam-smooth": ("0.5.0", "A inside the sum", False, (1e-8,)),
    "monai": ("1.6.1", "A inside the sum", True, (1e-7,)),
    "captum": ("0.9.0", "Grad-CAM", False, (0.0,)),
    "gradcampp": (PEERS[-1].version, "paper (19)", False, (0.0,)),
}


@pytest.mark.parametrize("library", PEERS, ids=lambda library: library.name)
def test_the_installed_libraries_compute_what_their_sources_say(library):
    version, *known = KNOWN[library.name]
    if library.version != version:
        pytest.skip(f"{library.package} {version} is not installed")
    answer = identify(library.maps)
    assert [answer.formula, answer.factor, answer.eps] == known

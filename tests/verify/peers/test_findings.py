"""A finding shows with the library that it is about, and is not told when the library does right."""

import sys
import types
from fractions import Fraction

import pytest

from verify.peers.adapters import PEERS, load
from verify.peers.findings import FINDINGS, ONE_CHANNEL, UNEVEN, differs, shown, standing

LIBRARIES = {peer.name: peer for peer in PEERS}
SHOWN_BY = {"pytorch-grad-cam": "1.5.7", "torchcam": "0.5.0", "torchcam-smooth": "0.5.0", "monai": "1.6.1"}


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: f"{finding.peer}-{finding.name}")
def test_the_program_shows_it(finding):
    library = LIBRARIES[finding.peer]
    if library.version != SHOWN_BY[finding.peer]:
        pytest.skip(f"{library.package} {SHOWN_BY[finding.peer]} is not installed")
    load(library.module)
    assert differs(*shown(finding))


@pytest.mark.parametrize("finding", FINDINGS, ids=lambda finding: f"{finding.peer}-{finding.name}")
def test_the_program_is_short_and_needs_nothing_of_ours(finding):
    lines = finding.program.splitlines()
    assert len(lines) <= 17 and max(map(len, lines)) <= 120
    assert "verify" not in finding.program and "import cam" not in finding.program


def torchcam_that_divides():
    """Return a module in the place of torchcam.methods whose GradCAMpp is (19)."""
    import torch

    class GradCAMpp:
        def __init__(self, model, layer):
            self.handle = model.get_submodule(layer).register_forward_hook(self.see)

        def see(self, module, inputs, A):
            self.A = A

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.handle.remove()

        def __call__(self, c, scores, normalized=True):
            (g,) = torch.autograd.grad(scores[:, c].sum(), self.A)
            alpha = g**2 / (2 * g**2 + self.A.sum((-2, -1), keepdim=True) * g**3)
            found = ((alpha * g.relu()).sum((-2, -1), keepdim=True) * self.A).sum(1)
            return [found / found.max() if normalized else found]

    module = types.ModuleType("torchcam.methods")
    module.GradCAMpp = GradCAMpp
    return module


def test_what_does_not_show_any_more_is_not_told(monkeypatch):
    package = types.ModuleType("torchcam")
    monkeypatch.setitem(sys.modules, "torchcam", package)
    monkeypatch.setitem(sys.modules, "torchcam.methods", torchcam_that_divides())
    assert sum(finding.peer == "torchcam" for finding in FINDINGS) == 2
    assert standing(LIBRARIES["torchcam"]) == []


def test_a_program_that_fails_shows_nothing_and_that_is_said(monkeypatch):
    methods = types.ModuleType("torchcam.methods")
    monkeypatch.setitem(sys.modules, "torchcam", types.ModuleType("torchcam"))
    monkeypatch.setitem(sys.modules, "torchcam.methods", methods)
    told = standing(LIBRARIES["torchcam"])
    assert len(told) == 2 and all("ImportError" in each["failed"] and "found" not in each for each in told)


@pytest.mark.parametrize(
    ("found", "expected", "apart"),
    [(1.0, 1.0, False), (1.0, 1.0005, False), (1.0, 1.002, True), (0.0, 0.0, False), (float("nan"), 1.0, True)],
)
def test_a_rounding_is_no_difference(found, expected, apart):
    assert differs(found, expected) is apart


def test_what_is_expected_of_uneven_gradients_is_what_19_gives():
    from cam import GradCAMPlusPlus

    names = {}
    exec(ONE_CHANNEL + UNEVEN, names)
    found = GradCAMPlusPlus(names["model"], "0").attribute(names["image"], 0).max().item()
    assert not differs(found, names["expected"])
    assert names["expected"] == 0.5
    A, g = [Fraction(1)] * 4, [Fraction(1, 8)] * 2 + [Fraction(2)] * 2
    both = sum(a * x**3 for a, x in zip(A, g, strict=True))
    assert differs(float(sum(x**3 / (2 * x**2 + both) for x in g)), 0.5)

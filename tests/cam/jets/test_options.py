"""Representations can be left out one by one: the derivatives stay, the work does not."""

from dataclasses import fields, replace
from functools import cache

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cam import cut
from cam.jets import rows, walk
from cam.jets.derivatives import planned
from cam.jets.plan import Options, Plan


class Last(nn.Module):
    """A block whose layer norm and linear maps run over the channels of each place."""

    def __init__(self):
        super().__init__()
        self.spread = nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.mixed = nn.Sequential(nn.LayerNorm(6), nn.Linear(6, 12), nn.GELU(), nn.Linear(12, 6))

    def forward(self, x):
        return x + self.mixed(self.spread(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


POOLED = nn.Sequential(nn.Identity(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(24, 8), nn.GELU(), nn.Linear(8, 8))
BENT = nn.Sequential(POOLED, nn.GELU(), nn.Linear(8, 3))
BOTTLENECK = nn.Sequential(
    nn.Identity(),
    nn.Sequential(nn.Conv2d(6, 4, 1), nn.BatchNorm2d(4), nn.GELU(), nn.Conv2d(4, 4, 3, padding=1), nn.GELU()),
    nn.Sequential(nn.Conv2d(4, 12, 1, bias=False), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 3)),
)
BLOCK = nn.Sequential(nn.Identity(), Last(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(6), nn.Linear(6, 3))
MODELS = {"pooled": (BENT, "0.0", 4), "bottleneck": (BOTTLENECK, "0", 5), "block": (BLOCK, "0", 5)}
AT = {
    "roots": "pooled",
    "windows": "bottleneck",
    "taps": "bottleneck",
    "spreads": "block",
    "one_place": "block",
    "folding": "bottleneck",
    "forms": "bottleneck",
    "blocks": "pooled",
}


@cache
def cut_of(name):
    model, layer, side = MODELS[name]
    torch.manual_seed(0)
    A = torch.randn(1, 6, side, side, dtype=torch.float64)
    return cut(model.double().eval(), layer, A)


def plan_of(name, options):
    found = cut_of(name)
    return Plan(found.tail.coarse, found.activations, 1, options=options)


def derivatives(plan):
    found = planned(plan)
    return torch.stack([found.g, found.h, found.t])


def work(plan, monkeypatch):
    """Return what tells two ways of working apart: operations, products, and how often sums are taken."""
    sums = []
    summed = rows._sum_rows
    with monkeypatch.context() as patch, FlopCounterMode(display=False) as counter:
        patch.setattr(rows, "_sum_rows", lambda *args: (sums.append(1), summed(*args)))
        derivatives(plan)
    return len(plan.nodes), counter.get_total_flops(), len(sums)


def test_every_option_has_a_model_where_it_matters():
    assert set(AT) == {field.name for field in fields(Options)}
    assert all(getattr(Options(), name) for name in AT)


@pytest.mark.parametrize("name", AT)
def test_without_a_representation_the_derivatives_are_the_same_and_the_work_is_another(name, monkeypatch):
    monkeypatch.setattr(walk, "BLOCK", 16)
    full, less = (plan_of(AT[name], options) for options in (Options(), replace(Options(), **{name: False})))
    expected, found = derivatives(full), derivatives(less)
    scale = expected.abs().amax(1, keepdim=True)
    assert scale.min() > 0
    assert float(((found - expected).abs() / scale).max()) < 1e-13
    assert work(less, monkeypatch) != work(full, monkeypatch)


def test_batch_norms_are_folded_only_where_lines_are_followed():
    curved = plan_of("bottleneck", Options())
    convolution, norm = nn.Conv2d(6, 3, 1), nn.BatchNorm2d(3)
    straight = nn.Sequential(nn.Identity(), convolution, norm, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = cut(straight.double().eval(), "0", torch.randn(1, 6, 4, 4, dtype=torch.float64))
    plan = Plan(found.tail.coarse, found.activations, 1)
    assert not plan.sites and plan.graph is found.tail.coarse
    assert curved.sites and curved.graph is not cut_of("bottleneck").tail.coarse

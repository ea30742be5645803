"""The engine of `cam.jets` on whole architectures, beside nested autograd of the tail written in primitives."""

import contextlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cam import Tail, cut
from cam.jets import nested_derivatives, pure_derivatives
from cam.jets.plan import Plan
from cam.jets.rules import RULES, generic, generic_curved
from cam.jets.walk import Jet
from cam.smooth import name_of
from verify.catalogue.zoo import CLASSES, ZOO, Architecture

absent = [package for package in ("torchvision", "timm") if importlib.util.find_spec(package) is None]
pytestmark = pytest.mark.skipif(
    bool(absent), reason=f"not run: {' and '.join(absent)} not installed: pip install 'gradcampp[zoo]'"
)

# Another layer of each, with several blocks behind it: gates, attention, depthwise convolutions, concatenations.
EARLIER = {
    "resnet18": "layer3",
    "densenet121": "features.denseblock4.denselayer13",
    "mobilenet_v2": "features.16",
    "mobilenet_v3_small": "features.10",
    "efficientnet_b0": "features.6.2",
    "convnext_tiny": "features.6",
    "swin_t": "features.6",
    "VisionTransformer": "encoder.layers.encoder_layer_0",
    "MaxVit": "blocks.0",
    "regnet_y_400mf": "trunk_output.block4.block4-3",
    "inception_v3": "Mixed_7b",
    "googlenet": "inception5a",
    "squeezenet1_1": "features.10",
    "shufflenet_v2_x0_5": "stage4.1",
    "mnasnet0_5": "layers.12.2",
    "vgg11": "features.13",
    "resnet10t": "layer3.0",
    "legacy_seresnet18": "layer4.0",
    "mobilenetv3_small_050": "blocks.4.1",
    "efficientnet_lite0": "blocks.5.2",
    "convnext_atto": "stages.3.downsample",
    "regnety_002": "s4.b5",
    "dpn48b": "features.conv5_2.c1x1_a.conv",
    "mobilevit_xxs": "stages.3",
    "vit_tiny_patch16_224": "blocks.9",
    "xcit_nano_12_p16_224": "blocks.9",
    "pvt_v2_b0": "stages.3.downsample",
    "mixer_s32_224": "blocks.5",
    "resmlp_12_224": "blocks.9",
}
# Tails without a curved operation, at the register's layer and at the earlier one.
STRAIGHT = {
    ("resnet18", False),
    ("resnet18", True),
    ("densenet121", False),
    ("densenet121", True),
    ("mobilenet_v2", False),
    ("mobilenet_v2", True),
    ("regnet_y_400mf", False),  # the gates are before it
    ("inception_v3", False),
    ("inception_v3", True),
    ("googlenet", False),
    ("googlenet", True),
    ("squeezenet1_1", False),
    ("squeezenet1_1", True),
    ("shufflenet_v2_x0_5", False),
    ("shufflenet_v2_x0_5", True),
    ("mnasnet0_5", False),
    ("mnasnet0_5", True),
    ("vgg11", False),
    ("vgg11", True),
    ("resnet10t", False),
    ("resnet10t", True),
    ("efficientnet_lite0", False),
    ("efficientnet_lite0", True),
    ("regnety_002", False),
    ("resmlp_12_224", False),  # it ends in a block and an affine map
}
# ReLU networks, to be bent by another activation in the place of every ReLU.
BENT = {
    "resnet18": nn.GELU(),
    "densenet121": nn.GELU(),
    "vgg11": nn.SiLU(),
    "regnet_y_400mf": nn.SiLU(),
    "inception_v3": nn.GELU(),
    "googlenet": nn.SiLU(),
    "squeezenet1_1": nn.GELU(),
    "shufflenet_v2_x0_5": nn.SiLU(),
    "mobilenet_v2": nn.SiLU(),
    "legacy_seresnet18": nn.GELU(),
    "dpn48b": nn.GELU(),
}
TARGET = 3
# Beside the largest derivative of an order. A sum of n terms of random signs is off by about sqrt(n / 2) roundings of
# u = 1.1e-16 of itself, 34 u for the widest here (2304 channels); what an entry moves passes at most 60 such sums on
# its way to the score, and sqrt(60) * 34 u is 3e-14, in the engine and in the oracle. The sites' shares of a result add
# up to at most CANCELLED times what is left of them, summed over the entries.
ROUNDING = 1e-13
CANCELLED = 30.0


@dataclass(frozen=True)
class Case:
    tail: Tail
    A: Tensor
    entries: Tensor

    def expected(self) -> Tensor:
        return nested_derivatives(lambda A: self.tail(A)[:, TARGET], self.A, self.entries)

    def plan(self) -> Plan:
        return Plan(self.tail.coarse, self.A, TARGET)


def sampled(A: Tensor) -> Tensor:
    """Four entries by square roots of primes, two more channels at the place of the first, and the largest of A.

    The largest wins its max-pool: others may be dead.
    """
    shape = A.shape[1:]
    roots = [prime**0.5 for prime in (2, 3, 5)]
    spread = [[int(size * (n * root % 1)) for size, root in zip(shape, roots, strict=False)] for n in range(1, 5)]
    channel = 0 if len(shape) == 3 and shape[0] > shape[2] else len(shape) - 1
    for by in (1, shape[channel] // 2):
        other = list(spread[0])
        other[channel] = (other[channel] + by) % shape[channel]
        spread.append(other)
    flat = [int(torch.arange(A.numel()).view(shape)[tuple(place)]) for place in spread]
    return torch.tensor(sorted({*flat, int(A.argmax())}))


@contextlib.contextmanager
def bent(model: nn.Module, activation: nn.Module) -> Iterator[nn.Module]:
    """Put an activation in the place of every ReLU of a network, modules and calls."""
    own = F.relu
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, (nn.ReLU, nn.ReLU6)):
                setattr(module, name, activation)
    F.relu = lambda x, inplace=False: activation(x)
    try:
        yield model
    finally:
        F.relu = own


def case(model: nn.Module, architecture: Architecture, earlier: bool) -> Case:
    layer = EARLIER[architecture.name] if earlier else architecture.layer
    where = cut(model, layer, architecture.picture())
    return Case(where.tail, where.activations, sampled(where.activations))


def architecture_of(name: str) -> Architecture:
    return next(architecture for architecture in ZOO if architecture.name == name)


def assert_derivatives(one: Case, curved: bool) -> None:
    found = pure_derivatives(one.tail, one.A, one.entries, target=TARGET)
    expected = one.expected()
    together = torch.stack([found.S.expand_as(found.g), found.g, found.h, found.t])
    scale = expected.abs().amax(1, keepdim=True)
    assert scale[:2].all(), "the score must depend on A, or nothing was compared"
    assert bool(scale[2:].all()) is curved and bool(found.h.any()) is curved
    shares = torch.tensor([[op.second, op.third] for op in found.operations], dtype=one.A.dtype).sum(0)
    assert (shares <= CANCELLED * together[2:].abs().sum(1)).all(), "too much cancels for the bound to be known"
    error = ((together - expected).abs() / torch.where(scale == 0, 1, scale)).amax(1)
    assert (error <= ROUNDING).all(), error.tolist()


@pytest.fixture(scope="module", params=ZOO, ids=lambda architecture: architecture.name)
def network(request) -> tuple[Architecture, nn.Module]:
    return request.param, request.param.make()


@pytest.mark.slow
@pytest.mark.parametrize("earlier", [False, True], ids=["last", "earlier"])
def test_an_architecture_has_the_derivatives_of_nested_autograd(network, earlier):
    architecture, model = network
    one = case(model, architecture, earlier)
    plan = one.plan()
    assert not [name_of(node) for node, rule in plan.rules.items() if rule in (generic, generic_curved)]
    assert_derivatives(one, curved=(architecture.name, earlier) not in STRAIGHT)


@pytest.mark.slow
@pytest.mark.parametrize("earlier", [False, True], ids=["last", "earlier"])
@pytest.mark.parametrize("name", BENT)
def test_a_relu_network_with_curved_activations_has_the_derivatives_of_nested_autograd(name, earlier):
    architecture = architecture_of(name)
    with bent(architecture.make(), BENT[name]) as model:
        one = case(model, architecture, earlier)
    assert one.tail.smooth_operations[0] in ("gelu", "silu")
    assert_derivatives(one, curved=True)


def test_entries_are_spread_over_channels_and_places():
    for shape in ((1, 512, 2, 2), (1, 17, 96), (1, 2, 2, 768)):
        entries = sampled(torch.zeros(shape))
        where = torch.unravel_index(entries, shape)
        assert len(entries) >= 6
        assert all(len(along.unique()) > 1 for along, size in zip(where, shape, strict=True) if size > 1)


def test_every_architecture_has_an_earlier_layer():
    assert set(EARLIER) == {architecture.name for architecture in ZOO}
    assert all(EARLIER[architecture.name] != architecture.layer for architecture in ZOO)
    assert {name for name, _ in STRAIGHT} <= set(EARLIER) and set(BENT) <= set(EARLIER)


@pytest.mark.parametrize("name", ["convolution", "mul"])
def test_a_rule_that_is_wrong_by_one_part_in_10_to_11_is_found(monkeypatch, name):
    architecture = architecture_of("mobilenet_v3_small")
    one = case(architecture.make(), architecture, earlier=True)
    assert_derivatives(one, curved=True)
    right = RULES[name]

    def wrong(*operands, **options) -> Jet:
        return right(*operands, **options).each(lambda term: term.like(term.values * (1 + 1e-11)))

    monkeypatch.setitem(RULES, name, wrong)
    with pytest.raises(AssertionError, match=r"e-1"):
        assert_derivatives(one, curved=True)


def test_bending_a_network_changes_its_relus_alone():
    architecture = architecture_of("squeezenet1_1")
    plain = architecture.make()
    own = F.relu
    with bent(architecture.make(), nn.Threshold(0, 0)) as model:
        assert F.relu is not own
        assert torch.equal(model(architecture.picture()), plain(architecture.picture()))
    assert F.relu is own
    assert plain(architecture.picture()).shape == (1, CLASSES)

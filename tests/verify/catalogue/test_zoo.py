import importlib
import importlib.util
import sys
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from cam import Cut, cut
from verify.catalogue.zoo import CLASSES, ZOO, Architecture, load_torchvision
from verify.errors import MissingPackage

absent = [package for package in ("torchvision", "timm") if importlib.util.find_spec(package) is None]
needs_the_zoo = pytest.mark.skipif(
    bool(absent), reason=f"not run: {' and '.join(absent)} not installed: pip install 'gradcampp[zoo]'"
)

LAYER_NORM = ("var_mean", "rsqrt", "mul")
ATTENTION = ("bmm", "_safe_softmax")
# What bends behind the target layer, in the order in which it runs, read off the papers' diagrams and the packages'
# source: a batch norm, a ReLU, a pool and a residual sum do not.
BENT = {
    "mobilenet_v3_small": ("mul",),  # hard swish is x * relu6(x + 3) / 6
    "mobilenetv3_small_050": ("mul",),
    "efficientnet_b0": ("silu",),
    "mobilevit_xxs": ("silu",),
    "dpn48b": ("silu",),
    "legacy_seresnet18": ("sigmoid", "mul"),  # squeeze and excitation
    "convnext_tiny": (*LAYER_NORM, "gelu"),
    "convnext_atto": (*LAYER_NORM, "gelu"),
    "swin_t": LAYER_NORM,  # after the last block
    "pvt_v2_b0": LAYER_NORM,
    "mixer_s32_224": LAYER_NORM,
    "VisionTransformer": (*ATTENTION, *LAYER_NORM, "gelu"),  # after the last block's first norm
    "vit_tiny_patch16_224": (*ATTENTION, *LAYER_NORM, "gelu"),
    "xcit_nano_12_p16_224": (*LAYER_NORM, *ATTENTION, "gelu"),  # two blocks of class attention
    "MaxVit": (*LAYER_NORM, "bmm", "_softmax", "gelu", "tanh"),
}
# Sums of up to 10^5 products in another order, relative to the largest result: 10^5 roundings of 10^-16.
ROUNDING = 1e-11


@dataclass(frozen=True)
class Specimen:
    architecture: Architecture
    model: nn.Module
    picture: Tensor
    where: Cut
    moved: Tensor
    before: dict[str, object]
    after: dict[str, object]

    def scores(self, A: Tensor) -> Tensor:
        """Run the model itself with another output of the layer."""
        layer = self.model.get_submodule(self.architecture.layer)
        handle = layer.register_forward_hook(lambda *_: A.clone())
        try:
            return self.model(self.picture)
        finally:
            handle.remove()


def fingerprint(model: nn.Module) -> dict[str, object]:
    tensors = {
        name: (id(x), x._version, x.numpy(force=True).tobytes(), x.requires_grad, id(x.grad))
        for name, x in (*model.named_parameters(), *model.named_buffers())
    }
    modules = {
        f"{name}.{key}": (id(value), list(value) if hasattr(value, "__iter__") else value)
        for name, module in model.named_modules()
        for key, value in vars(module).items()
        if not isinstance(value, Tensor)
    }
    return tensors | modules | {"generator": torch.get_rng_state().tolist()}


@pytest.fixture(scope="module", params=ZOO, ids=lambda architecture: architecture.name)
def specimen(request) -> Specimen:
    architecture: Architecture = request.param
    model, picture = architecture.make(), architecture.picture()
    next(model.parameters()).grad = torch.zeros_like(next(model.parameters()))
    before = fingerprint(model)
    where = cut(model, architecture.layer, picture)
    after = fingerprint(model)
    A = where.activations
    noise = torch.randn(2, *A.shape[1:], dtype=A.dtype, generator=torch.Generator().manual_seed(1))
    return Specimen(architecture, model, picture, where, A.mean() + A.std() * noise, before, after)


def assert_equal_but_for_rounding(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=0, atol=ROUNDING * float(expected.detach().abs().max()))


@needs_the_zoo
def test_the_tail_gives_the_models_own_scores(specimen):
    with torch.no_grad():
        assert_equal_but_for_rounding(specimen.where.tail(specimen.where.activations), specimen.model(specimen.picture))
        own = torch.cat([specimen.scores(A) for A in specimen.moved.split(1)])
        assert own.shape == (2, CLASSES)
        assert_equal_but_for_rounding(specimen.where.tail(specimen.moved), own)
        one_by_one = torch.cat([specimen.where.tail(A) for A in specimen.moved.split(1)])
        assert_equal_but_for_rounding(specimen.where.tail(specimen.moved), one_by_one)
    assert (own[0] - own[1]).abs().max() > 1e-3 * own.abs().max(), "A must matter, or nothing was tested"


@needs_the_zoo
def test_the_tail_has_the_models_own_gradient(specimen):
    A = specimen.moved.clone().requires_grad_()
    weights = torch.linspace(-1, 2, CLASSES, dtype=A.dtype)
    (found,) = torch.autograd.grad((specimen.where.tail(A) @ weights).sum(), A)
    own = [torch.autograd.grad((specimen.scores(a) @ weights).sum(), A)[0] for a in A.split(1)]
    assert_equal_but_for_rounding(found, sum(own))
    assert found.flatten(1).any(1).all()


@needs_the_zoo
def test_what_bends_the_tail_is_what_the_architecture_says(specimen):
    assert specimen.where.tail.smooth_operations == BENT.get(specimen.architecture.name, ())


@needs_the_zoo
def test_the_model_is_as_it_was(specimen):
    assert specimen.before == specimen.after
    with torch.no_grad():
        next(specimen.model.parameters()).add_(0)
    assert specimen.before != fingerprint(specimen.model), "a tensor that was written over must be noticed"


@needs_the_zoo
def test_a_seed_gives_the_same_network_and_leaves_the_generator_alone():
    architecture = next(a for a in ZOO if a.name == "squeezenet1_1")
    state = torch.get_rng_state()
    one, again, other = (architecture.make(seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(x, again[name]) for name, x in one.items())
    assert not all(torch.equal(x, other[name]) for name, x in one.items())
    assert {x.dtype for x in architecture.make(dtype=torch.float32).parameters()} == {torch.float32}


@needs_the_zoo
def test_nothing_that_a_package_starts_at_one_constant_stays_there():
    model = next(a for a in ZOO if a.name == "resnet18").make()
    assert isinstance(model.bn1, nn.BatchNorm2d)
    for values in (model.bn1.weight, model.bn1.bias, model.bn1.running_mean, model.bn1.running_var):
        assert len(values.unique()) == len(values)
    assert model.bn1.running_var.min() >= 0.5 and model.bn1.running_var.max() <= 1.5
    assert model.bn1.num_batches_tracked == 0


@needs_the_zoo
def test_torchvision_beside_another_build_of_torch_can_make_a_network():
    torchvision = load_torchvision()
    assert torchvision is load_torchvision()
    assert hasattr(torch.ops.torchvision, "nms")
    assert torchvision.models.resnet18().fc.out_features == 1000


def test_another_failure_of_torchvision_is_not_taken_for_that_one(monkeypatch):
    def fail(_name: str) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="out of memory"):
        load_torchvision()


def test_a_package_that_is_not_there_is_named_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(MissingPackage, match=r"'torchvision' .* pip install 'gradcampp\[zoo\]'"):
        load_torchvision()
    with pytest.raises(MissingPackage, match="'torchvision'"):
        ZOO[0].make()


def test_the_zoo_has_what_people_use():
    names = [architecture.name for architecture in ZOO]
    assert len(set(names)) == len(names) >= 20
    assert set(BENT) <= set(names)
    families = ["resnet", "vgg", "densenet", "mobilenet_v2", "mobilenet_v3", "efficientnet", "convnext", "swin"]
    families += ["vision", "regnet", "inception", "mixer"]
    for family in families:
        assert any(family in name.lower() for name in names), family


def test_a_picture_is_drawn_by_its_seed_alone():
    state = torch.get_rng_state()
    one, again, other = (ZOO[0].picture(seed) for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert one.shape == (1, 3, ZOO[0].side, ZOO[0].side) and one.dtype == torch.float64

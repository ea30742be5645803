"""Architectures of torchvision and timm with random weights: networks as people use them, nothing downloaded.

What they are good for is their structure: residual sums written in place, shared activations, dense concatenations,
gates, windows, attention, layer norms over channels. Their scores mean nothing.

The target layer is the last one that still has places: the last convolution, before its norm and its activation, or the
last block of a network that mixes tokens.
"""

import functools
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from verify.errors import missing

if TYPE_CHECKING:
    import torch
    from torch import nn

CLASSES = 10


@dataclass(frozen=True)
class Architecture:
    """One network of the zoo.

    Args:
        package: "torchvision" or "timm".
        name: what the package calls it.
        layer: dotted name of the target layer.
        side: height and width of its pictures.
        options: keyword arguments of its constructor.
    """

    package: str
    name: str
    layer: str
    side: int = 64
    options: tuple[tuple[str, Any], ...] = ()

    def make(self, seed: int = 0, dtype: "torch.dtype | None" = None) -> "nn.Module":
        """Return the network in eval mode: picture (N, 3, side, side) -> scores (N, 10).

        The package draws the weights. What it starts at one constant is then moved by up to a half, as training might
        have: statistics of batch norms, scales, shifts, and heads of zeros, under which no score would depend on
        anything. Torch's own generator is left as it was.

        Args:
            seed: of all of these.
            dtype: of the parameters, float64 unless told.

        Raises:
            MissingPackage: its package is not installed.
        """
        import torch

        construct = _constructor(self.package, self.name)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            model = construct(num_classes=CLASSES, **dict(self.options)).to(dtype or torch.float64)
            statistics = (b for name, b in model.named_buffers() if name.endswith(("running_mean", "running_var")))
            for values in (*model.parameters(), *statistics):
                if bool((values == values.flatten()[0]).all()):
                    values += torch.empty_like(values).uniform_(-0.5, 0.5)
        return model.eval()

    def picture(self, seed: int = 0, dtype: "torch.dtype | None" = None) -> "torch.Tensor":
        """Return normal noise of shape (1, 3, side, side); torch's own generator is left as it was."""
        import torch

        generator = torch.Generator().manual_seed(seed)
        return torch.randn(1, 3, self.side, self.side, dtype=dtype or torch.float64, generator=generator)


def _constructor(package: str, name: str) -> "Callable[..., nn.Module]":
    torchvision = load_torchvision()
    if package == "torchvision":
        return getattr(torchvision.models, name)
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise missing("timm", "zoo", "its architectures") from error
    return functools.partial(timm.create_model, name)


def load_torchvision() -> ModuleType:
    """Return torchvision, also where its compiled operators do not fit the installed torch.

    PyPI's build for accelerators beside torch's for the CPU cannot load them, and its import fails only because it
    describes two operators that nobody has declared. Declared, they still cannot be called, and no model here does.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module("torchvision")
    except ImportError as error:
        raise missing("torchvision", "zoo", "its architectures") from error
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    _declare()
    return importlib.import_module("torchvision")


@functools.cache
def _declare() -> "torch.library.Library":
    """Declare the two operators for as long as this process runs: what the cache keeps is not undeclared."""
    import torch

    library = torch.library.Library("torchvision", "FRAGMENT")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


TORCHVISION = "torchvision"
TIMM = "timm"

ZOO: tuple[Architecture, ...] = (
    Architecture(TORCHVISION, "resnet18", "layer4.1.conv2"),
    Architecture(TORCHVISION, "densenet121", "features.denseblock4.denselayer16.conv2"),
    Architecture(TORCHVISION, "mobilenet_v2", "features.18.0"),
    Architecture(TORCHVISION, "mobilenet_v3_small", "features.12.0"),
    Architecture(TORCHVISION, "efficientnet_b0", "features.8.0"),
    Architecture(TORCHVISION, "convnext_tiny", "features.7.2.block.0"),
    Architecture(TORCHVISION, "swin_t", "features.7.1"),
    Architecture(
        TORCHVISION,
        "VisionTransformer",
        "encoder.layers.encoder_layer_2.ln_1",
        options=(
            ("image_size", 64),
            ("patch_size", 16),
            ("num_layers", 3),
            ("num_heads", 3),
            ("hidden_dim", 96),
            ("mlp_dim", 192),
        ),
    ),
    Architecture(
        TORCHVISION,
        "MaxVit",
        "blocks.1.layers.0.layers.MBconv.layers.conv_c",
        options=(
            ("input_size", (64, 64)),
            ("stem_channels", 16),
            ("partition_size", 4),
            ("block_channels", [16, 32]),
            ("block_layers", [1, 1]),
            ("head_dim", 8),
            ("stochastic_depth_prob", 0.2),
        ),
    ),
    Architecture(TORCHVISION, "regnet_y_400mf", "trunk_output.block4.block4-5.f.c"),
    Architecture(TORCHVISION, "inception_v3", "Mixed_7c.branch_pool.conv", 128, (("init_weights", False),)),
    Architecture(TORCHVISION, "googlenet", "inception5b.branch4.1.conv", options=(("init_weights", False),)),
    Architecture(TORCHVISION, "squeezenet1_1", "features.12.expand3x3"),
    Architecture(TORCHVISION, "shufflenet_v2_x0_5", "conv5.0"),
    Architecture(TORCHVISION, "mnasnet0_5", "layers.14"),
    Architecture(TIMM, "vgg11", "features.18", options=(("mlp_ratio", 0.0625),)),
    Architecture(TIMM, "resnet10t", "layer4.0.conv2"),
    Architecture(TIMM, "legacy_seresnet18", "layer4.1.conv2"),
    Architecture(TIMM, "mobilenetv3_small_050", "blocks.5.0.conv"),
    Architecture(TIMM, "efficientnet_lite0", "conv_head"),
    Architecture(TIMM, "convnext_atto", "stages.3.blocks.1.conv_dw"),
    Architecture(TIMM, "regnety_002", "s4.b7.conv3.conv"),
    Architecture(TIMM, "dpn48b", "features.conv5_3.c1x1_c1"),
    Architecture(TIMM, "mobilevit_xxs", "final_conv.conv"),
    Architecture(TIMM, "vit_tiny_patch16_224", "blocks.11.norm1", options=(("img_size", 64),)),
    Architecture(TIMM, "xcit_nano_12_p16_224", "blocks.11", options=(("img_size", 64),)),
    Architecture(TIMM, "pvt_v2_b0", "stages.3.blocks.1"),
    Architecture(TIMM, "mixer_s32_224", "blocks.7", options=(("img_size", 64),)),
    Architecture(TIMM, "resmlp_12_224", "blocks.11", options=(("img_size", 64),)),
)

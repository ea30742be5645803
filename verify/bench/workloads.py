"""Tails as they stand behind the last feature maps of known architectures, with random weights, for one image.

Weights are drawn so that activations stay alive: variance 2/inputs before a GELU or a ReLU, 1/inputs elsewhere; the
statistics and factors of norms lie near 1. The maps are GELU of normal numbers: no two of them tie in a max-pool.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod, sqrt
from typing import Any

import torch
from torch import Tensor, nn

CLASS = 3
Sizes = dict[str, int]


class Residual(nn.Module):
    """x + body(x)."""

    def __init__(self, *body: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)

    def forward(self, x: Tensor) -> Tensor:
        """Return x + body(x)."""
        return x + self.body(x)


class Permuted(nn.Module):
    """A tensor with its dimensions in another order."""

    def __init__(self, *dims: int) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        """Return x.permute(dims)."""
        return x.permute(self.dims)


class PrimitiveNorm(nn.Module):
    """A layer norm over the last dimension in primitive operations, whose higher derivatives torch has right."""

    def __init__(self, norm: nn.LayerNorm) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        """Return weight u (mean(u^2) + eps)^(-1/2) + bias with u = x - mean(x)."""
        u = x - x.mean(-1, keepdim=True)
        return self.weight * u * ((u * u).mean(-1, keepdim=True) + self.eps) ** -0.5 + self.bias


class ChannelFactors(nn.Module):
    """What stands for a layer norm where the tail has to be piecewise linear: a factor and a shift for each channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Return weight x + bias, channels last."""
        return self.weight * x + self.bias


Act = Callable[[], nn.Module]


def vgg(act: Act, *, C: int, side: int, H: int, classes: int) -> nn.Sequential:
    """Return the tail of VGG16: a max-pool and three linear maps."""
    pooled = C * (side // 2) ** 2
    linear = nn.Linear(pooled, H), act(), nn.Linear(H, H), act(), nn.Linear(H, classes)
    return nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), *linear)


def bottleneck(act: Act, *, C: int, side: int, M: int, classes: int) -> nn.Sequential:
    """Return the last bottleneck of ResNet50 with its batch norms, and what comes behind it."""
    narrow = nn.Conv2d(C, M, 1, bias=False), nn.BatchNorm2d(M), act()
    window = nn.Conv2d(M, M, 3, padding=1, bias=False), nn.BatchNorm2d(M), act()
    wide = nn.Conv2d(M, C, 1, bias=False), nn.BatchNorm2d(C)
    return nn.Sequential(
        Residual(*narrow, *window, *wide), act(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(C, classes)
    )


def convnext(act: Act, *, C: int, side: int, classes: int) -> nn.Sequential:
    """Return the last block of ConvNeXt and its head: layer norms, or without curves factors in their place."""
    norm: Callable[[int], nn.Module] = (
        (lambda n: nn.LayerNorm(n, eps=1e-6)) if act is nn.GELU else (lambda n: ChannelFactors(n))
    )
    spread = nn.Conv2d(C, C, 7, padding=3, groups=C), Permuted(0, 2, 3, 1)
    mixed = norm(C), nn.Linear(C, 4 * C), act(), nn.Linear(4 * C, C), Permuted(0, 3, 1, 2)
    return nn.Sequential(
        Residual(*spread, *mixed), nn.AdaptiveAvgPool2d(1), nn.Flatten(), norm(C), nn.Linear(C, classes)
    )


@dataclass(frozen=True)
class Stratum:
    """Entries that cost the same: some of them, and how many lines they stand for."""

    entries: Tensor
    lines: int


@dataclass(frozen=True, eq=False)
class Workload:
    """One tail.

    Args:
        name, says: what it is called, and what it is.
        build: activation and sizes -> tail.
        act: its activation.
        full, small: sizes; the small one is for errors.
        sample: maps (1, C, side, side) and how many lines each of three parts shall have -> strata.
        block: how many lines that are where a benchmark has time.
        once: how much more is worked out once in a whole map than in a sample: a curved operation's forms of places.
        curved: whether it has a site; else derivatives of order 2 and 3 are 0 and one reverse pass is all.
    """

    name: str
    says: str
    build: Callable[..., nn.Sequential]
    act: Act
    full: Sizes
    small: Sizes
    sample: Callable[[Tensor, int], list[Stratum]]
    block: int
    once: float = 1.0
    curved: bool = True

    def made(self, dtype: torch.dtype, small: bool = False, seed: int = 0) -> tuple[nn.Sequential, Tensor]:
        """Return the model, whose layer "0" puts out A and whose "1" is the tail, and A."""
        sizes = self.small if small else self.full
        generator = torch.Generator().manual_seed(seed)
        model = nn.Sequential(nn.Identity(), self.build(self.act, **sizes)).eval().to(dtype)
        _draw(model, generator)
        A = torch.randn(1, sizes["C"], sizes["side"], sizes["side"], generator=generator, dtype=torch.float64)
        return model, nn.functional.gelu(A).to(dtype)


@torch.no_grad()
def _draw(model: nn.Module, generator: torch.Generator) -> None:
    def normal(tensor: Tensor, spread: float, centre: float = 0.0) -> None:
        tensor.normal_(centre, spread, generator=generator)

    modules = [m for m in model.modules() if not [*m.children()]]
    for module, after in zip(modules, [*modules[1:], None], strict=True):
        module.requires_grad_(False)
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            bends = isinstance(after, (nn.GELU, nn.ReLU, nn.BatchNorm2d))
            normal(module.weight, sqrt((2 if bends else 1) / prod(module.weight.shape[1:])))
            if module.bias is not None:
                normal(module.bias, 0.1)
        elif isinstance(module, (nn.BatchNorm2d, nn.LayerNorm, ChannelFactors)):
            module.weight.uniform_(0.8, 1.2, generator=generator)
            normal(module.bias, 0.1)
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            normal(module.running_mean, 0.1)
            module.running_var.uniform_(0.5, 1.5, generator=generator)


def decomposed(module: nn.Module) -> nn.Module:
    """Return the same function with its layer norms in primitive operations; weights are shared."""
    if isinstance(module, nn.LayerNorm):
        return PrimitiveNorm(module)
    if isinstance(module, nn.Sequential):
        return nn.Sequential(*map(decomposed, module))
    if isinstance(module, Residual):
        return Residual(*map(decomposed, module.body))
    return module


# Samples: whole blocks of lines as the engine takes them, each stratum standing for all lines that cost the same


def _winners(A: Tensor, block: int) -> list[Stratum]:
    """Of the first, the middle and the last blocks of pooled places, the entries that win; all lines cost the same."""
    _, where = nn.functional.max_pool2d(A, 2, return_indices=True)
    channel = torch.arange(A.shape[1]).view(-1, 1, 1) * A[0, 0].numel()
    winners = (where[0] + channel).flatten()
    return [Stratum(winners[_blocks(len(winners), block)], len(winners))]


def _pixels(A: Tensor, block: int) -> list[Stratum]:
    """Of one corner, one edge and one inner pixel, the first channels: a window of 4, 6 and 9 places."""
    _, C, _, side = A.shape
    places = side * side
    inner = max(side - 2, 0)
    found = []
    for pixel, count in ((0, 4), (side // 2, 4 * inner), (side // 2 * side + side // 2, inner * inner)):
        channels = torch.arange(min(block, C))
        found.append(Stratum(channels * places + pixel, count * C))
    return found


def _channels(A: Tensor, block: int) -> list[Stratum]:
    """Of the first, the middle and the last blocks of channels, all pixels: lines of a channel are taken together."""
    C, places = A.shape[1], A[0, 0].numel()
    channels = _blocks(C, max(1, block // places))
    entries = channels.unsqueeze(1) * places + torch.arange(places)
    return [Stratum(entries.flatten(), A.numel())]


def _blocks(n: int, block: int) -> Tensor:
    """Return the first, the middle and the last block of n numbers, each once."""
    block = min(block, n)
    starts = (0, (n - block) // 2, n - block)
    return torch.cat([torch.arange(start, start + block) for start in starts]).unique()


VGG: dict[str, Any] = {
    "build": vgg,
    "full": {"C": 512, "side": 14, "H": 4096, "classes": 1000},
    "small": {"C": 6, "side": 4, "H": 24, "classes": 7},
    "sample": _winners,
    "block": 512,
}
RESNET: dict[str, Any] = {
    "build": bottleneck,
    "full": {"C": 2048, "side": 7, "M": 512, "classes": 1000},
    "small": {"C": 16, "side": 4, "M": 6, "classes": 7},
    "sample": _pixels,
    "block": 512,
    "once": 49 / 19,  # the three windows have 4, 6 and 9 places
}
CONVNEXT: dict[str, Any] = {
    "build": convnext,
    "full": {"C": 768, "side": 7, "classes": 1000},
    "small": {"C": 12, "side": 5, "classes": 7},
    "sample": _channels,
    "block": 784,
}
WORKLOADS = (
    Workload("T1", "VGG16 tail 512x14x14", act=nn.GELU, **VGG),
    Workload("T3", "ResNet50 last bottleneck 2048x7x7", act=nn.GELU, **RESNET),
    Workload("T4", "ConvNeXt block 768x7x7", act=nn.GELU, **CONVNEXT),
    Workload("T1-relu", "VGG16 tail, ReLU", act=nn.ReLU, curved=False, **VGG),
    Workload("T3-relu", "ResNet50 last bottleneck, ReLU", act=nn.ReLU, curved=False, **RESNET),
    Workload("T4-relu", "ConvNeXt block, ReLU, factors for norms", act=nn.ReLU, curved=False, **CONVNEXT),
)

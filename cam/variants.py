"""Grad-CAM++ as printed and as libraries compute it: the weights of the channels, and the way from a map to a picture.

    raw = sum_k w_k A_k,   picture = relu, division by a maximum or by a range, resizing, in an order of its own

All of them start from A, g = dS/dA and the score S. They part at the pixel weight alpha, at the constant in its
denominator, and at what they do where that is 0. What a library does was read from its source and is compared with the
library itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor
from torch.nn import functional

Weights = Callable[[Tensor, Tensor, Tensor], Tensor]
Picture = Callable[[Tensor, tuple[int, ...]], Tensor]
MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True)
class Variant:
    """One way to compute Grad-CAM++.

    Args:
        name: how it is asked for.
        says: what sets it apart, with the version it was read from.
        weights: activations (B, K, *places), gradients of the score (B, K, *places), score (B,) -> w (B, K).
        of_layer: raw maps sum_k w_k A_k (B, *places), one to three dimensions, and the size -> pictures (B, *size).
        joined: the mean of several layers' pictures, or the picture of one -> what is shown.
    """

    name: str
    says: str
    weights: Weights
    of_layer: Picture
    joined: Callable[[Tensor], Tensor] = lambda mean: mean

    def picture(self, raw: Sequence[Tensor], size: tuple[int, ...]) -> Tensor:
        """Return pictures (B, *size) from the raw maps of each layer, (B, *places)."""
        return self.joined(torch.stack([self.of_layer(one, size) for one in raw]).mean(0))


def _per_channel(values: Tensor) -> Tensor:
    return values.flatten(2).sum(-1)


def _spread(values: Tensor, like: Tensor) -> Tensor:
    return values.reshape(*values.shape, *[1] * (like.ndim - 2))


def _resized(maps: Tensor, size: tuple[int, ...]) -> Tensor:
    mode = MODES[maps.ndim - 1]
    return functional.interpolate(maps.unsqueeze(1), size=size, mode=mode, align_corners=False).squeeze(1)


def _places(maps: Tensor) -> tuple[int, ...]:
    return tuple(range(1, maps.ndim))


def _to_range(maps: Tensor, eps: float) -> Tensor:
    """Return maps less their minimum, divided by what is then their maximum plus eps."""
    maps = maps - maps.amin(_places(maps), keepdim=True)
    return maps / (maps.amax(_places(maps), keepdim=True) + eps)


def _as_printed(A: Tensor, g: Tensor, S: Tensor) -> Tensor:
    """(19) and (5) without the factor exp(S): a place without gradient counts nothing, where (19) is 0/0.

    It is 0/0 too where g^2 underflows, in float32 below 1e-23: nan, as printed; `cam.weights.alpha_closed` is finite.
    """
    alpha = g**2 / (2 * g**2 + _spread(_per_channel(A), A) * g**3)
    return _per_channel(torch.where(g <= 0, 0, alpha * g))


def _outside_with_eps(A: Tensor, g: Tensor, S: Tensor) -> Tensor:
    """(19) with 1e-6 in the denominator, which rules as soon as 2 g^2 is less; alpha = 0 where g = 0."""
    square = g**2
    alpha = square / (2 * square + _spread(_per_channel(A), A) * (square * g) + 1e-6)
    return _per_channel(torch.where(g != 0, alpha, 0) * g.relu())


def _undivided(A: Tensor, g: Tensor, S: Tensor) -> Tensor:
    """Return w_k = sum_ij relu(g)^3: the quotient of alpha is computed on a copy and lost, so alpha = g^2."""
    return _per_channel(g**2 * g.relu())


def _inside_with_eps(A: Tensor, g: Tensor, S: Tensor) -> Tensor:
    """(19) with A and g^3 multiplied before they are summed, and 1e-8 in the denominator."""
    alpha = g**2 / (2 * g**2 + _spread(_per_channel(g**3 * A), A) + 1e-8)
    return _per_channel(alpha * g.relu())


def _inside_with_factor(A: Tensor, g: Tensor, S: Tensor) -> Tensor:
    """(19) with A and g^3 multiplied before they are summed, 1e-7, and exp(S), which overflows float32 at S = 88.8."""
    denominator = 2 * g**2 + _spread(_per_channel(A * g**3), A)
    alpha = g**2 / (torch.where(denominator != 0, denominator, 1) + 1e-7)
    return _per_channel(alpha * (_spread(S.exp().unsqueeze(-1), A) * g).relu())


def _by_maximum(raw: Tensor, size: tuple[int, ...]) -> Tensor:
    """ReLU, bilinear, divided by the maximum; a map that is zero everywhere stays so."""
    large = _resized(raw.relu(), size)
    top = large.amax(_places(large), keepdim=True)
    return torch.where(top == 0, large, large / top)


def _by_range(raw: Tensor, size: tuple[int, ...]) -> Tensor:
    """ReLU, by the range, 1e-7 added to the divisor, bilinear in float32."""
    return _resized(_to_range(raw.relu(), 1e-7).float(), size)


def _by_range_again(mean: Tensor) -> Tensor:
    """By the range once more."""
    return _to_range(mean.relu(), 1e-7)


def _by_range_first(raw: Tensor, size: tuple[int, ...]) -> Tensor:
    """ReLU and by the range, 1e-8 added; the library stops at the size of the layer, and more is bilinear here."""
    small = _to_range(raw.relu(), 1e-8)
    return small if tuple(raw.shape[1:]) == tuple(size) else _resized(small, size)


def _turned(raw: Tensor, size: tuple[int, ...]) -> Tensor:
    """ReLU, bilinear, by the range in float32, then 1 minus it: the most important place is 0. A constant map stays."""
    large = _resized(raw.relu(), size).float()
    low, high = large.amin(_places(large), keepdim=True), large.amax(_places(large), keepdim=True)
    return torch.where(low == high, large, 1 - (large - low) / (high - low))


VARIANTS = (
    Variant("paper", "equations (5) and (19) as printed, arXiv:1710.11063", _as_printed, _by_maximum),
    Variant(
        "pytorch-grad-cam",
        "(19) with 1e-6 added to the denominator, as in grad-cam 1.5.7",
        _outside_with_eps,
        _by_range,
        _by_range_again,
    ),
    Variant(
        "torchcam", "alpha = g^2 without a denominator, as GradCAMpp in torchcam 0.5.0", _undivided, _by_range_first
    ),
    Variant(
        "torchcam-smooth",
        "A inside the sum, 1e-8 added, as SmoothGradCAMpp in torchcam 0.5.0 without its noise",
        _inside_with_eps,
        _by_range_first,
    ),
    Variant(
        "monai",
        "A inside the sum, 1e-7 added, the factor exp(S) kept and the picture turned over, as in monai 1.6.1",
        _inside_with_factor,
        _turned,
    ),
)


def variant(name: str) -> Variant:
    """Return the variant called `name`.

    Raises:
        ValueError: there is none; the message has the nearest name.
    """
    known = {one.name: one for one in VARIANTS}
    if name not in known:
        near = get_close_matches(str(name), known, n=1, cutoff=0)[0]
        raise ValueError(f"no variant is called {name!r}; did you mean {near!r}? (known: {', '.join(known)})")
    return known[name]

"""How a tail writes out operations whose higher derivatives torch gets wrong or lacks.

With torch 2.13 the third derivative of its native layer norm is wrong in reverse and in forward mode, attention and
hard sigmoid cannot be differentiated twice, and so on. Written out each is right: `tests/cam/jets/test_oracles.py`
holds them against mpmath with 50 digits.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._decomp import get_decompositions
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing

aten = torch.ops.aten
PRIMITIVES: dict[Any, Callable[..., Any]] = get_decompositions(
    [
        aten.native_layer_norm,  # wrong in reverse mode from the third derivative on, forward from the second; so is
        aten.native_batch_norm,  # instance norm, which is a batch norm with the image's own statistics
        aten._native_batch_norm_legit,
        aten._native_batch_norm_legit_no_training,
        aten.native_group_norm,
        aten._fused_rms_norm,
        aten._scaled_dot_product_flash_attention_for_cpu,  # no second derivative, as for
        aten.hardsigmoid,
        aten.hardswish,
        aten.multi_margin_loss,
        aten.glu,  # no forward derivative of its own derivative, as for
        aten.grid_sampler_2d,
        aten.select_scatter,  # its gradient is wrong under vmap
        aten.slice_scatter,  # vmap refuses it on a slice without an end
        aten._unsafe_masked_index,  # of which slice_scatter is made, and which has no forward derivative
        aten._unsafe_index,
        aten.huber_loss,  # no third derivative, as for
        aten.soft_margin_loss,
        aten.nll_loss_forward,  # which puts out two tensors, as does
        aten.nll_loss2d_forward,
    ]
)

TRAINED_BATCH_NORM = PRIMITIVES[aten.native_batch_norm.default]


def _batch_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor | None, var: Tensor | None, *how: Any
) -> Any:
    """With fixed statistics, x * scale + shift, as torch's own kernel has it: two constants of the graph."""
    training, _, eps = how
    if training or mean is None or var is None:
        return TRAINED_BATCH_NORM(x, weight, bias, mean, var, *how)
    scale = (var + eps).rsqrt() if weight is None else (var + eps).rsqrt() * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (-1, *(1,) * (x.ndim - 2))
    return x * scale.view(shape) + shift.view(shape), x.new_empty(0), x.new_empty(0)


def _rrelu(
    x: Tensor, noise: Tensor, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, generator: Any = None
) -> Tensor:
    """Out of training the random leaky ReLU is not random; torch names both alike."""
    return NotImplemented if training else aten.leaky_relu(x, (lower + upper) / 2)


def _copy(x: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
    """Return what an assignment to a slice leaves in it; torch has no derivative for that."""
    return source.to(x.dtype).expand(x.shape)


def _abs(x: Tensor) -> Tensor:
    """Of complex numbers it is curved."""
    return torch.view_as_real(x).square().sum(-1).sqrt() if x.is_complex() else NotImplemented


def _to_one_column(interpolate: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Write an antialiased interpolation to one column as a matrix: torch's own gradient is wrong there."""

    def interpolated(x: Tensor, size: list[int], *how: Any) -> Tensor:
        if size[1] != 1:
            return NotImplemented
        height, width = x.shape[-2:]
        n = height * width
        with disable_proxy_modes_tracing():  # what becomes of each unit map is a constant
            units = torch.eye(n, dtype=x.dtype, device=x.device).view(n, 1, height, width)
            matrix = interpolate(units, size, *how).reshape(n, size[0])
        return (x.flatten(2) @ matrix).unsqueeze(3)

    return interpolated


for _interpolate in (aten._upsample_bilinear2d_aa.default, aten._upsample_bicubic2d_aa.default):
    PRIMITIVES[_interpolate] = _to_one_column(_interpolate)
PRIMITIVES[aten.abs.default] = _abs
PRIMITIVES[aten.native_batch_norm.default] = _batch_norm
PRIMITIVES[aten.copy.default] = _copy
PRIMITIVES[aten.rrelu_with_noise.default] = _rrelu


# How `cam.jets` takes a tail: with every norm as layer norms in one piece, for which it has a rule.


def _normalised(x: Tensor, shape: list[int], eps: float) -> Tensor:
    return torch.nn.functional.layer_norm(x, shape, None, None, eps)


def _group_norm(
    x: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    images: int,
    channels: int,
    places: int,
    groups: int,
    eps: float,
) -> Any:
    """Write group norm as a layer norm of every group."""
    size = channels // groups * places
    y = _normalised(x.reshape(images * groups, size), [size], eps).reshape(x.shape)
    shape = (1, channels, *(1,) * (x.ndim - 2))
    y = y if weight is None else y * weight.view(shape)
    return y if bias is None else y + bias.view(shape), x.new_empty(0), x.new_empty(0)


def _instance_norm(
    x: Tensor, weight: Tensor | None, bias: Tensor | None, mean: Tensor | None, var: Tensor | None, *how: Any
) -> Any:
    """Write a batch norm with one image's own statistics as a layer norm of every channel."""
    training, _, eps = how
    if (not training and mean is not None and var is not None) or len(x) != 1:
        return _batch_norm(x, weight, bias, mean, var, *how)
    channels = x.shape[1]
    return _group_norm(x, weight, bias, 1, channels, x.numel() // channels, channels, eps)


def _var(x: Tensor, dim: list[int] | None = None, *, correction: float | None = None, keepdim: bool = False) -> Tensor:
    """Write the variance as a sum of squares; torch writes it as an operation that it cannot differentiate."""
    dims = dim or list(range(x.ndim))
    squares = (x - x.mean(dims, keepdim=True)).square()
    return squares.sum(dims, keepdim) / (
        squares.numel() / squares.sum(dims).numel() - (1 if correction is None else correction)
    )


def _adaptive_max_pool(x: Tensor, size: list[int]) -> Any:
    """Write it as a max-pool where its windows are all alike."""
    if any(n % m for n, m in zip(x.shape[-2:], size, strict=True)):
        return NotImplemented
    return aten.max_pool2d_with_indices(x, [n // m for n, m in zip(x.shape[-2:], size, strict=True)])


COARSE: dict[Any, Callable[..., Any]] = {
    **PRIMITIVES,
    **get_decompositions([aten.std, aten.std_mean, aten.var_mean, aten.linalg_vector_norm]),
    aten.var.correction: _var,
    aten.adaptive_max_pool2d.default: _adaptive_max_pool,
    aten.native_group_norm.default: _group_norm,
    aten.native_batch_norm.default: _instance_norm,
}
for _whole in (aten.native_layer_norm, aten.hardsigmoid, aten.hardswish):
    COARSE.pop(_whole.default)

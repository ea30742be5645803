"""How a tail writes out operations whose higher derivatives torch gets wrong or lacks.

With torch 2.13 the third derivative of its native layer norm is wrong in reverse and in forward mode, attention and
hard sigmoid cannot be differentiated twice, and so on. Written out each is right: `tests/cam/test_jets.py` holds them
against mpmath with 50 digits.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._decomp import get_decompositions

aten = torch.ops.aten
PRIMITIVES: dict[Any, Callable[..., Any]] = get_decompositions(
    [
        aten.native_layer_norm,  # nested autograd is wrong from the third derivative on, and so for
        aten.native_batch_norm,  # instance norm, which is a batch norm with the image's own statistics
        aten._native_batch_norm_legit,
        aten._native_batch_norm_legit_no_training,
        aten.native_group_norm,
        aten._fused_rms_norm,
        aten._scaled_dot_product_flash_attention_for_cpu,  # no second derivative, as for
        aten.hardsigmoid,
        aten.hardswish,
        aten.glu,  # no forward derivative of its own derivative, as for
        aten.grid_sampler_2d,
        aten.select_scatter,  # its gradient is wrong under vmap
        aten.slice_scatter,  # vmap refuses it on a slice without an end
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


PRIMITIVES[aten.native_batch_norm.default] = _batch_norm
PRIMITIVES[aten.copy.default] = _copy
PRIMITIVES[aten.rrelu_with_noise.default] = _rrelu

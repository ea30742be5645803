"""Which rule belongs to which operation of torch; an operation in no table raises NoRule.

RULES: rounding and propagation, by the shapes of `rounding_rules` and `rounding_branches`. EXACT: the result does not
depend on the numbers that come in. MEANINGS: operations that torch fuses, written in operations that have rules;
torch's own table of decompositions is asked next.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._decomp import decomposition_table

from verify.rounding_branches import (
    accumulated,
    chosen,
    compared,
    converted,
    extreme,
    gathered,
    leaky,
    lipschitz,
    masked,
    moves,
    padded,
    pooled_maximum,
    pooled_maximum_gradient,
    read,
    rectified,
    sign,
)
from verify.rounding_rules import (
    TINY,
    Call,
    Rule,
    added,
    bilinear,
    convolution_gradient,
    divided,
    linear,
    margin,
    multiplied,
    power,
    smooth,
    window,
    within,
)

aten: Any = torch.ops.aten


def _each(c: Call) -> int:
    """Count the entries that are summed into one."""
    return c["self"].numel() // max(c.out.numel(), 1)


def _last(a: Tensor, _: Tensor) -> int:
    return int(a.shape[-1])


def _filter(_: Tensor, weight: Tensor) -> int:
    """Count products in an entry, transposed or not: at most the weights that share an output or an input channel."""
    return weight.numel() // min(weight.shape[:2])


def _logistic(x: Tensor, e: Any) -> Any:
    """Return the largest s (1 - s), s the logistic function, on the interval: at its point nearest to zero."""
    low = torch.sigmoid(-margin(x, e))
    return low * (1 - low) + TINY


def _log1p(x: Tensor, _: Tensor, e: Any) -> Tensor:
    room = 1 + x
    return within(e, room / 2, e / (room - e))


# x at hand, y = f(x), |d| <= e. In erf the argument m^2 of exp is at most 745: its roundings cost 3 * 745 u < 2^-41.
SMOOTH: dict[Any, Callable[[Tensor, Tensor, Any], Tensor]] = {
    aten.exp: lambda x, y, e: (y + TINY) * torch.expm1(e),
    aten.expm1: lambda x, y, e: (torch.exp(x) + TINY) * torch.expm1(e),
    aten.log: lambda x, y, e: within(e, x, e / (x - e)),
    aten.log1p: _log1p,
    aten.sqrt: lambda x, y, e: within(e, x, e / y),
    aten.rsqrt: lambda x, y, e: within(e, x, 0.5 * e * (x - e) ** -1.5),
    aten.reciprocal: lambda x, y, e: e / (x.abs() * margin(x, e)),
    aten.sin: lambda x, y, e: e * (torch.cos(x).abs() + e).clamp_max(1),
    aten.cos: lambda x, y, e: e * (torch.sin(x).abs() + e).clamp_max(1),
    aten.sinh: lambda x, y, e: e * torch.cosh(x.abs() + e),
    aten.cosh: lambda x, y, e: e * torch.sinh(x.abs() + e),
    aten.tanh: lambda x, y, e: 4 * e * _logistic(2 * x, 2 * e),
    aten.sigmoid: lambda x, y, e: e * _logistic(x, e),
    aten.erf: lambda x, y, e: e * (torch.exp(-(margin(x, e) ** 2)) * (2 / math.sqrt(math.pi)) + TINY),
}

RULES: dict[Any, Rule] = {
    **{op: smooth(change) for op, change in SMOOTH.items()},
    # sums and products
    **dict.fromkeys((aten.add, aten.sub, aten.rsub), added),
    aten.mul: multiplied,
    aten.div: divided,
    aten.pow: power,
    aten.mm: bilinear("self", "mat2", _last),
    aten.bmm: bilinear("self", "mat2", _last),
    aten.mv: bilinear("self", "vec", _last),
    aten.dot: bilinear("self", "tensor", _last),
    aten.addmm: bilinear("mat1", "mat2", _last, bias="self"),
    aten.baddbmm: bilinear("batch1", "batch2", _last, bias="self"),
    aten.addmv: bilinear("mat", "vec", _last, bias="self"),
    aten.convolution: bilinear("input", "weight", _filter, bias="bias"),
    aten.convolution_backward: convolution_gradient,
    aten.sum: linear("self", lambda c: _each(c) - 1),
    aten.mean: linear("self", _each),
    aten.cumsum: linear("self", lambda c: c["self"].shape[c["dim"]] if c["self"].ndim else 0),
    aten.avg_pool2d: linear("self", window),
    aten.avg_pool2d_backward: linear("grad_output", window),
    aten._adaptive_avg_pool2d: linear("self", lambda c: math.prod(c["self"].shape[-2:]) + 1),
    aten._adaptive_avg_pool2d_backward: linear("grad_output", lambda c: math.prod(c["grad_output"].shape[-2:]) + 1),
    aten.scatter_add: accumulated("src"),
    aten.index_add: accumulated("source"),
    **dict.fromkeys((aten.index_put, aten._index_put_impl), accumulated("values")),
    # kinks
    **dict.fromkeys((aten.neg, aten.abs), lipschitz("self")),
    aten.relu: rectified,
    **dict.fromkeys((aten.amax, aten.amin), extreme),
    **dict.fromkeys((aten.logical_not, aten.bitwise_not), lipschitz("self")),
    **dict.fromkeys((aten.maximum, aten.minimum), lipschitz("self", "other")),
    **dict.fromkeys((aten.logical_and, aten.logical_or, aten.bitwise_and, aten.bitwise_or), lipschitz("self", "other")),
    aten.hardtanh: lipschitz("self"),
    aten.clamp: lipschitz("self", "min", "max"),
    aten.clamp_min: lipschitz("self", "min"),
    aten.clamp_max: lipschitz("self", "max"),
    aten.leaky_relu: leaky("negative_slope"),
    aten._prelu_kernel: leaky("weight"),
    aten.threshold_backward: masked("threshold"),
    aten.hardtanh_backward: masked("min_val", "max_val"),
    aten.sign: sign,
    **dict.fromkeys((aten.gt, aten.lt, aten.ge, aten.le, aten.eq, aten.ne), compared),
    aten.where: chosen("condition", "self", "other"),
    aten.masked_fill: chosen("mask", "value", "self"),
    aten.max_pool2d_with_indices: pooled_maximum,
    aten.max_pool2d_with_indices_backward: pooled_maximum_gradient,
    # moves
    **dict.fromkeys(
        (
            aten.clone,
            aten.cat,
            aten.stack,
            aten.index,
            aten.index_select,
            aten.flip,
            aten.roll,
            aten.repeat,
            aten.tril,
            aten.triu,
        ),
        moves,
    ),
    **dict.fromkeys((aten.select_backward, aten.slice_backward, aten.select_scatter, aten.slice_scatter), moves),
    aten.constant_pad_nd: padded,
    aten.gather: gathered,
    aten.fill: lambda c: c.error(c["value"]) if isinstance(c["value"], Tensor) else None,
    aten._to_copy: converted,
    aten._local_scalar_dense: read,
}

EXACT: frozenset[Any] = frozenset(
    (
        *(aten.zeros_like, aten.ones_like, aten.empty_like, aten.full_like, aten.rand_like, aten.randn_like, aten.zero),
        *(aten.new_zeros, aten.new_ones, aten.new_empty, aten.new_full, aten.new_empty_strided),
        aten._new_zeros_with_same_feature_meta,
    )
)
# These can leave the range of float64; sums and moves of numbers within it stay far from its ends.
SCALING: frozenset[Any] = frozenset(
    (
        *(
            aten.mul,
            aten.div,
            aten.pow,
            aten.reciprocal,
            aten.rsqrt,
            aten.sqrt,
            aten.exp,
            aten.expm1,
            aten.sinh,
            aten.cosh,
        ),
        *(aten.sigmoid, aten.mm, aten.bmm, aten.mv, aten.dot, aten.addmm, aten.baddbmm, aten.addmv),
        *(aten.convolution, aten.convolution_backward),
    )
)
# Asked of shapes, answered with a truth value.
QUESTIONS: frozenset[Any] = frozenset((aten.is_same_size, aten._has_same_storage_numel))


def _gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    inner = x * math.sqrt(0.5) if approximate == "none" else math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)
    return 0.5 * x * (1 + (torch.erf(inner) if approximate == "none" else torch.tanh(inner)))


def _elu(x: Tensor, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Tensor:
    return scale * x.clamp_min(0) + alpha * scale * torch.expm1(input_scale * x.clamp_max(0))


def _softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    powers = torch.exp(x - x.amax(dim, keepdim=True))
    return powers / powers.sum(dim, keepdim=True)


def _log_softmax(x: Tensor, dim: int, half_to_float: bool) -> Tensor:
    shifted = x - x.amax(dim, keepdim=True)
    return shifted - shifted.exp().sum(dim, keepdim=True).log()


def _var_mean(
    x: Tensor, dim: list[int] | None = None, *, correction: float | None = 1, keepdim: bool = False
) -> tuple[Tensor, Tensor]:
    over = list(dim) if dim else list(range(x.ndim))
    mean = x.mean(over, keepdim=True)
    freedom = math.prod(x.shape[d] for d in over) - (1 if correction is None else correction)
    variance = ((x - mean) ** 2).sum(over, keepdim=keepdim) / freedom
    return variance, mean if keepdim else mean.squeeze(over)


def _layer_norm(
    x: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, eps: float
) -> tuple[Tensor, Tensor, Tensor]:
    variance, mean = _var_mean(x, list(range(x.ndim - len(shape), x.ndim)), correction=0, keepdim=True)
    rstd = torch.rsqrt(variance + eps)
    out = (x - mean) * rstd
    out = out if weight is None else out * weight
    return out if bias is None else out + bias, mean, rstd


MEANINGS: dict[Any, Callable[..., Any]] = {
    aten.gelu.default: _gelu,
    aten.elu.default: _elu,
    aten._softmax.default: _softmax,
    aten._log_softmax.default: _log_softmax,
    aten.var_mean.correction: _var_mean,
    aten.var_mean.dim: lambda x, dim, unbiased=True, keepdim=False: _var_mean(
        x, dim, correction=int(unbiased), keepdim=keepdim
    ),
    aten.var.correction: lambda *args, **kwargs: _var_mean(*args, **kwargs)[0],
    aten.native_layer_norm.default: _layer_norm,
    aten.logaddexp.default: lambda x, y: torch.maximum(x, y) + torch.log1p(torch.exp(-(x - y).abs())),
}


def meaning(func: Any) -> Callable[..., Any] | None:
    """Return what a fused operation computes, in operations that have rules; None if that is not known."""
    found = MEANINGS.get(func) or decomposition_table.get(func)
    return found or (func.decompose if func._can_decompose() else None)

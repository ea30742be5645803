"""Which operation of aten has which rule, by its name without the overload."""

from collections.abc import Callable
from functools import partial
from typing import Any

from flint import arb

from cam.smooth import words
from verify.balls import functions, matrices
from verify.balls.choices import SAYS, compared, largest_of_two, over
from verify.balls.curved import composed
from verify.balls.lines import Lines, Sample, plus, scaled, times
from verify.balls.numbers import ONE
from verify.balls.places import filled, moved
from verify.catalogue.functions import SIGMOID, TANH
from verify.probe import NoRule

Rule = Callable[..., Any]

# Whatever is done by moving numbers, leaving them out, repeating them or putting zeros beside them.
MOVES = words(
    """
    view _unsafe_view reshape permute transpose t clone alias contiguous expand repeat squeeze unsqueeze flatten
    unflatten unfold select slice narrow diagonal unbind split unsafe_split split_with_sizes chunk cat stack flip
    roll rot90 tril triu index index_select gather copy slice_scatter select_scatter lift_fresh_copy reflection_pad1d
    reflection_pad2d reflection_pad3d replication_pad1d replication_pad2d replication_pad3d im2col pixel_shuffle
    pixel_unshuffle channel_shuffle upsample_nearest1d upsample_nearest2d upsample_nearest3d _upsample_nearest_exact2d
    zeros_like new_zeros
    """
)


def _add(sample: Sample, x: Any, y: Any, *, alpha: float = 1) -> Lines:
    one, other = sample.lines_of(x), sample.lines_of(y)
    return plus(one, other if alpha == 1 else scaled(other, arb(alpha)))


def _sub(sample: Sample, x: Any, y: Any, *, alpha: float = 1) -> Lines:
    return _add(sample, x, scaled(sample.lines_of(y), -ONE), alpha=alpha)


def _rsub(sample: Sample, x: Any, y: Any, alpha: float = 1) -> Lines:
    return _sub(sample, y, x, alpha=alpha)


def _mul(sample: Sample, x: Any, y: Any) -> Lines:
    return times(sample.lines_of(x), sample.lines_of(y))


def _div(sample: Sample, x: Any, y: Any, *, rounding_mode: str | None = None) -> Lines:
    if rounding_mode is not None:
        raise NoRule("it rounds")
    return times(sample.lines_of(x), composed(sample, sample.lines_of(y), lambda u: 1 / u))


def _addcmul(sample: Sample, x: Any, y: Any, z: Any, *, value: float = 1) -> Lines:
    return _add(sample, x, _mul(sample, y, z), alpha=value)


def _addcdiv(sample: Sample, x: Any, y: Any, z: Any, *, value: float = 1) -> Lines:
    return _add(sample, x, _div(sample, y, z), alpha=value)


def _extreme(sign: int) -> Rule:
    def rule(sample: Sample, x: Any, other: Any = None, keepdim: bool = False) -> Any:
        if isinstance(x, Lines) and isinstance(other, int):
            return over(sample, x, other, keepdim, sign), None
        return over(sample, x, None, False, sign) if other is None else largest_of_two(sample, x, other, sign)

    return rule


def _extremes(sign: int) -> Rule:
    def rule(sample: Sample, x: Lines, dim: Any = (), keepdim: bool = False) -> Lines:
        return over(sample, x, dim, keepdim, sign)

    return rule


def _reduced(function: Callable[..., Lines]) -> Rule:
    def rule(_: Sample, x: Lines, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Lines:
        return function(x, dim, keepdim)

    return rule


def _var(_: Sample, x: Lines, dim: Any = None, *, correction: float | None = None, keepdim: bool = False) -> Lines:
    return matrices.varied(x, dim, correction, keepdim)


def _var_mean(sample: Sample, x: Lines, dim: Any = None, **how: Any) -> tuple[Lines, Lines]:
    return _var(sample, x, dim, **how), matrices.averaged(x, dim, how.get("keepdim", False))


def _masked_fill(sample: Sample, x: Any, mask: Any, value: Any) -> Any:
    import torch

    operation = torch.ops.aten.masked_fill.Scalar
    if isinstance(value, (int, float)):
        return filled(sample, operation, (x, mask), {}, value)
    return moved(sample, torch.ops.aten.masked_fill.Tensor, (x, mask, sample.lines_of(value)), {})


def _where(sample: Sample, mask: Any, x: Any, y: Any) -> Any:
    import torch

    return moved(sample, torch.where, (mask, sample.lines_of(x), sample.lines_of(y)), {})


def _padded(sample: Sample, x: Any, margins: Any, value: float = 0) -> Lines:
    import torch

    return filled(sample, torch.ops.aten.constant_pad_nd.default, (x, margins), {}, value)


def _index_put(sample: Sample, x: Any, at: Any, values: Any, accumulate: bool = False) -> Any:
    import torch

    if accumulate:
        raise NoRule("it adds up")
    return moved(sample, torch.ops.aten.index_put.default, (x, at, values), {})


def _mean_pooled(dims: int, _: Sample, *how: Any, **named: Any) -> Lines:
    return matrices.mean_pooled(dims, *how, **named)


def _ignoring(function: Callable[..., Lines]) -> Rule:
    """Without the last argument, a type or a flag about types."""
    return lambda sample, x, dim, *_, **__: function(sample, x, dim)


RULES: dict[str, Rule] = {
    "add": _add,
    "sub": _sub,
    "rsub": _rsub,
    "neg": lambda sample, x: scaled(x, -ONE),
    "mul": _mul,
    "div": _div,
    "addcmul": _addcmul,
    "addcdiv": _addcdiv,
    "pow": functions.power,
    "square": functions.simple(lambda u: u * u),
    "sqrt": functions.root,
    "rsqrt": functions.simple(lambda u: u.rsqrt()),
    "reciprocal": functions.simple(lambda u: 1 / u),
    "exp": functions.simple(lambda u: u.exp()),
    "expm1": functions.simple(lambda u: u.exp() - 1),
    "exp2": functions.simple(lambda u: (u * arb.const_log2()).exp()),
    "log": functions.simple(lambda u: u.log()),
    "log1p": functions.simple(lambda u: (u + 1).log()),
    "log2": functions.simple(lambda u: u.log() / arb.const_log2()),
    "erf": functions.simple(lambda u: u.erf()),
    "sin": functions.simple(lambda u: u.sin()),
    "cos": functions.simple(lambda u: u.cos()),
    "tanh": functions.simple(TANH.ball),
    "sigmoid": functions.simple(SIGMOID.ball),
    "silu": functions.simple(lambda u: u * SIGMOID.ball(u)),
    "gelu": functions.gelu,
    "softplus": functions.softplus,
    "log_sigmoid_forward": lambda sample, x: (composed(sample, x, lambda u: -(1 + (-u).exp()).log()), None),
    "mish": functions.simple(functions.mish),
    "elu": functions.elu,
    "celu": functions.celu,
    "relu": lambda sample, x: composed(sample, x, functions.line(0), functions.same, kinks=[0]),
    "relu6": lambda sample, x: functions.clamp(sample, x, 0, 6),
    "hardtanh": lambda sample, x, low=-1, high=1: functions.clamp(sample, x, low, high),
    "clamp": functions.clamp,
    "clamp_min": lambda sample, x, low: functions.clamp(sample, x, low),
    "clamp_max": lambda sample, x, high: functions.clamp(sample, x, None, high),
    "leaky_relu": functions.leaky_relu,
    "_prelu_kernel": functions.prelu,
    "threshold": functions.threshold,
    "softshrink": functions.softshrink,
    "hardshrink": functions.hardshrink,
    "hardsigmoid": functions.hardsigmoid,
    "hardswish": functions.hardswish,
    "abs": lambda sample, x: composed(sample, x, lambda u: -u, functions.same, kinks=[0]),
    "maximum": largest_of_two,
    "minimum": lambda sample, x, y: largest_of_two(sample, x, y, -1),
    "max": _extreme(1),
    "min": _extreme(-1),
    "amax": _extremes(1),
    "amin": _extremes(-1),
    **{name: partial(compared, name) for name in SAYS},
    "sum": _reduced(matrices.summed),
    "mean": _reduced(matrices.averaged),
    "var": _var,
    "var_mean": _var_mean,
    "_softmax": _ignoring(matrices.softmax),
    "_safe_softmax": _ignoring(matrices.softmax),
    "_log_softmax": _ignoring(matrices.log_softmax),
    "logsumexp": lambda sample, x, dims, keepdim=False: matrices.logsumexp(sample, x, dims, keepdim),
    "logaddexp": matrices.logaddexp,
    "mm": matrices.multiplied,
    "bmm": matrices.multiplied,
    "addmm": matrices.affine,
    "baddbmm": matrices.affine,
    "mv": matrices.dotted,
    "dot": matrices.dotted,
    "convolution": matrices.convolved,
    **{f"max_pool{dims}d_with_indices": partial(matrices.max_pooled, dims) for dims in (2, 3)},
    **{f"avg_pool{dims}d": partial(_mean_pooled, dims) for dims in (1, 2, 3)},
    **{
        f"{name}": lambda _, x, size: matrices.adaptive_mean_pooled(x, size)
        for name in ("adaptive_avg_pool1d", "_adaptive_avg_pool2d", "_adaptive_avg_pool3d")
    },
    "masked_fill": _masked_fill,
    "where": _where,
    "constant_pad_nd": _padded,
    "index_put": _index_put,
    "_to_copy": lambda _, x, **__: x,
    "detach": lambda _, x: x,
}

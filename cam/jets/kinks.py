"""Kinks that A lies on: units of piecewise-linear operations exactly where two pieces meet, and ties of maxima.

There the derivatives that the engine returns are those of the piece that torch chooses. An entry is reported if its
line moves such a unit and the score depends on it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cam.smooth import words

# Where pieces meet: by the operation's further arguments. Those of elu, celu and selu have one slope and different
# curvatures.
PLACES: dict[str, Callable[..., Sequence[Any]]] = {
    "relu": lambda: (0,),
    "relu6": lambda: (0, 6),
    "hardtanh": lambda low=-1, high=1: (low, high),
    "clamp": lambda low=None, high=None: tuple(end for end in (low, high) if end is not None),
    "clamp_min": lambda low: (low,),
    "clamp_max": lambda high: (high,),
    "leaky_relu": lambda slope=0.01: (0,),
    "_prelu_kernel": lambda slope: (0,),
    "threshold": lambda threshold, value: (threshold,),
    "hardshrink": lambda size=0.5: (-size, size),
    "softshrink": lambda size=0.5: (-size, size),
    "hardsigmoid": lambda: (-3, 3),
    "hardswish": lambda: (-3, 3),
    "abs": lambda: (0,),
    "elu": lambda *_: (0,),
    "celu": lambda *_: (0,),
    "selu": lambda *_: (0,),
}
EXTREMES = frozenset({"amax", "amin", "max", "min"})
BETWEEN = frozenset({"maximum", "minimum"})
POOLS = frozenset({"max_pool2d_with_indices"})
# Piecewise linear, and where their pieces meet is not looked for.
UNWATCHED = words(
    "where sort topk argmax argmin max_pool3d_with_indices adaptive_max_pool2d median mode kthvalue cummax cummin"
)


def _jumps_when_cast(x: Tensor, *how: Any) -> Tensor:
    """Say where a cast of real numbers jumps: to truth values at 0, to whole numbers at all others than 0."""
    dtype = next((one for one in how if isinstance(one, torch.dtype)), x.dtype)
    if not x.is_floating_point() or dtype.is_floating_point or dtype.is_complex:
        return torch.zeros_like(x, dtype=torch.bool)
    return x == 0 if dtype == torch.bool else (x == x.round()) & (x != 0)


# What these put out jumps where the given units are met. It has no gradient, so that it cannot be told which entries
# move a unit that the score depends on.
STEPS: dict[str, Callable[..., Tensor]] = {
    **dict.fromkeys(("eq", "ne", "gt", "ge", "lt", "le"), lambda x, other: x == other),
    "sign": lambda x: x == 0,
    **dict.fromkeys(("floor", "ceil"), lambda x: x == x.round()),
    "round": lambda x, decimals=0: (
        (x - 0.5 == (x - 0.5).round()) if decimals == 0 else torch.ones_like(x, dtype=torch.bool)
    ),
    "_to_copy": _jumps_when_cast,
}


def at_step(name: str, operands: Sequence[Any]) -> bool:
    """Say whether a comparison or a step is met exactly where it jumps."""
    return name in STEPS and bool(STEPS[name](*operands).any())


def at_kink(name: str, x: Tensor, arguments: Sequence[Any], output: Tensor) -> Tensor | None:
    """Return which units of an operation lie on a kink: a mask of its output, or None if none does.

    Args:
        name: what torch calls the operation.
        x: its first operand.
        arguments: its further ones, tensors for nodes.
        output: what it puts out.
    """
    if name in PLACES:
        mask = torch.zeros_like(output, dtype=torch.bool)
        for place in PLACES[name](*arguments):
            mask |= x == place
    elif name in BETWEEN:
        mask = x == arguments[0]
    elif name in EXTREMES:
        mask = _tied(name, x, arguments, output).sum(dims_of(x, arguments), keepdim=True) > 1
        mask = mask.reshape(output.shape)
    elif name in POOLS:
        windows = pooled(x, *arguments)
        mask = (windows == output[..., None, None]).sum((-2, -1)) > 1
    else:
        return None
    return mask if bool(mask.any()) else None


def felt(name: str, x: Tensor, arguments: Sequence[Any], output: Tensor, mask: Tensor, rng: torch.Generator) -> Tensor:
    """Return two random sums of what the units of a mask see: an entry moves one of them if the first has a derivative.

    For a tie the weights of those that are tied add up to 0, exactly, so that moving them together is no move but for
    roundings; the second sum, where they do not, tells how large these are.
    """

    def random(like: Tensor) -> Tensor:
        return torch.randint(1, 1 << 10, like.shape, generator=rng).to(like)

    if name in PLACES:
        return (x * mask * random(output)).sum().expand(2)
    if name in BETWEEN:
        one, other = x * mask * random(output), arguments[0] * mask * random(output)
        weights = mask * random(output)
        return torch.stack([((x - arguments[0]) * weights).sum(), (one + other).sum()])
    if name in POOLS:
        seen, dims = pooled(x, *arguments), [-2, -1]
        tied = (seen == output[..., None, None]) & mask[..., None, None]
    else:
        dims = dims_of(x, arguments)
        seen = x
        tied = _tied(name, x, arguments, output) & mask.reshape(_kept(x, dims))
    weights = random(seen) * tied
    apart = weights * tied.sum(dims, keepdim=True) - tied * weights.sum(dims, keepdim=True)
    return torch.stack([torch.where(tied, seen, 0).mul(w).sum() for w in (apart, weights)])


def pooled(
    x: Tensor,
    size: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
) -> Tensor:
    """Return the windows of a two-dimensional max-pool, (..., rows, columns, height, width), -inf outside the map."""
    height, width = _two(size)
    down, right = _two(stride or size)
    above, left = _two(padding)
    dy, dx = _two(dilation)
    sizes = []
    for n, k, s, p, d in ((x.shape[-2], height, down, above, dy), (x.shape[-1], width, right, left, dx)):
        reach = d * (k - 1) + 1
        count = (n + 2 * p - reach + (s - 1 if ceil_mode else 0)) // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        sizes.append((count, max((count - 1) * s + reach - n - p, 0), reach))
    (rows, below, tall), (columns, beyond, wide) = sizes
    full = torch.nn.functional.pad(x, (left, beyond, above, below), value=-torch.inf)
    seen = full.unfold(-2, tall, down).unfold(-2, wide, right)
    return seen[..., :rows, :columns, ::dy, ::dx]


def _two(numbers: Sequence[int]) -> tuple[int, int]:
    return numbers[0], numbers[-1]


def dims_of(x: Tensor, arguments: Sequence[Any]) -> list[int]:
    """Return over which dimensions a maximum is taken; `arguments` are those behind x."""
    dims = arguments[0] if arguments else []
    dims = [dims] if isinstance(dims, int) else list(dims)
    return [d % x.ndim for d in dims] or list(range(x.ndim))


def _kept(x: Tensor, dims: Sequence[int]) -> list[int]:
    return [1 if d in dims else n for d, n in enumerate(x.shape)]


def _tied(name: str, x: Tensor, arguments: Sequence[Any], output: Tensor) -> Tensor:
    return x == output.reshape(_kept(x, dims_of(x, arguments)))

"""The workloads' tails outside torch: in ball arithmetic, as truncated power series, and in jax.

One walk over the modules; what differs is a language of a few words. A is (1, C, side, side) as in torch.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import factorial
from typing import Any, Protocol

import numpy
import torch
from torch import Tensor, nn

from verify.bench.workloads import ChannelFactors, Permuted, Residual

BITS = 200
NARROW = 100  # a ball's radius is at most 2 to minus this: far less than the rounding of a float64 near 1


class Language(Protocol):
    """What the walk needs; arrays have +, *, @, .T, .reshape, .transpose and .sum as in numpy."""

    def constant(self, tensor: Tensor) -> Any:
        """Return a constant array."""

    def gelu(self, x: Any) -> Any:
        """Return GELU of every number."""

    def relu(self, x: Any) -> Any:
        """Return ReLU of every number."""

    def rsqrt(self, x: Any) -> Any:
        """Return 1/sqrt of every number."""

    def larger(self, x: Any, y: Any) -> Any:
        """Return the larger one of each two numbers."""

    def convolved(self, x: Any, module: nn.Conv2d) -> Any:
        """Return the convolution without its bias."""


def through(module: nn.Module, x: Any, words: Language) -> Any:
    """Return what a module makes of an array.

    Raises:
        NotImplementedError: the module is none that the workloads are made of.
    """
    if isinstance(module, nn.Sequential):
        for part in module:
            x = through(part, x, words)
        return x
    if isinstance(module, Residual):
        return x + through(module.body, x, words)
    if isinstance(module, nn.Identity):
        return x
    if isinstance(module, nn.Flatten):
        return x.reshape(len(x), -1)
    if isinstance(module, Permuted):
        return x.transpose(module.dims)
    if isinstance(module, nn.Linear):
        return x @ words.constant(module.weight).T + words.constant(module.bias)
    if isinstance(module, nn.Conv2d):
        found = words.convolved(x, module)
        return found if module.bias is None else found + words.constant(module.bias.view(-1, 1, 1))
    if isinstance(module, nn.BatchNorm2d):
        return _batch_norm(module, x, words)
    if isinstance(module, nn.LayerNorm):
        u = x - x.sum(-1).reshape(*x.shape[:-1], 1) / x.shape[-1]
        v = (u * u).sum(-1).reshape(*x.shape[:-1], 1) / x.shape[-1] + module.eps
        return words.constant(module.weight) * (u * words.rsqrt(v)) + words.constant(module.bias)
    if isinstance(module, ChannelFactors):
        return words.constant(module.weight) * x + words.constant(module.bias)
    if isinstance(module, nn.MaxPool2d):
        rows = words.larger(x[:, :, 0::2], x[:, :, 1::2])
        return words.larger(rows[..., 0::2], rows[..., 1::2])
    if isinstance(module, nn.AdaptiveAvgPool2d):
        places = x.shape[2] * x.shape[3]
        return x.reshape(*x.shape[:2], places).sum(-1).reshape(*x.shape[:2], 1, 1) / places
    if isinstance(module, nn.GELU):
        return words.gelu(x)
    if isinstance(module, nn.ReLU):
        return words.relu(x)
    raise NotImplementedError(type(module).__name__)


def _batch_norm(module: nn.BatchNorm2d, x: Any, words: Language) -> Any:
    assert module.running_mean is not None and module.running_var is not None
    columns = (module.weight, module.bias, module.running_mean, module.running_var)
    weight, bias, mean, var = (words.constant(c.view(-1, 1, 1)) for c in columns)
    return weight * ((x - mean) * words.rsqrt(var + module.eps)) + bias


# Balls


class Balls:
    """Truncated power series along one line; only inside `_precise`."""

    def __init__(self) -> None:
        import flint

        self.flint = flint
        self.half, self.root = flint.arb(0.5), flint.arb(2).sqrt()
        self._gelu = numpy.frompyfunc(lambda s: s * self.half * ((s / self.root).erf() + 1), 1, 1)
        self._relu = numpy.frompyfunc(lambda s: s if self._positive(s) else flint.arb_series([0]), 1, 1)
        self._rsqrt = numpy.frompyfunc(lambda s: flint.arb_series([s]).rsqrt() if _is_number(s) else s.rsqrt(), 1, 1)
        self._larger = numpy.frompyfunc(lambda s, t: s if self._positive(s - t) else t, 2, 1)

    def _positive(self, series: Any) -> bool:
        value = series[0]
        if value > 0:
            return True
        if value < 0:
            return False
        raise ArithmeticError(f"a kink is not excluded: {value}")

    def constant(self, tensor: Tensor) -> Any:
        """Return balls without radius: every float is a dyadic number."""
        flat = [self.flint.arb(one) for one in tensor.detach().double().flatten().tolist()]
        array = numpy.empty(len(flat), dtype=object)
        array[:] = flat
        return array.reshape(tuple(tensor.shape))

    def gelu(self, x: Any) -> Any:
        """Return x/2 (1 + erf(x/sqrt 2))."""
        return self._gelu(x)

    def relu(self, x: Any) -> Any:
        """Return x where it is certainly positive, 0 where it is certainly negative."""
        return self._relu(x)

    def rsqrt(self, x: Any) -> Any:
        """Return 1/sqrt(x)."""
        return self._rsqrt(x)

    def larger(self, x: Any, y: Any) -> Any:
        """Return what is certainly the larger one."""
        return self._larger(x, y)

    def convolved(self, x: Any, module: nn.Conv2d) -> Any:
        """Return the sum over taps: stride 1, the padding that keeps the size."""
        weight = self.constant(module.weight)
        channels, side, reach = x.shape[1], x.shape[2], weight.shape[2] // 2
        wide = side + 2 * reach
        padded: Any = numpy.empty((1, channels, wide, wide), dtype=object)
        padded[...] = self.flint.arb(0)
        padded[:, :, reach : reach + side, reach : reach + side] = x
        total: Any = 0
        for i in range(weight.shape[2]):
            for j in range(weight.shape[3]):
                part = padded[:, :, i : i + side, j : j + side]
                if module.groups == 1:
                    moved = weight[:, :, i, j] @ part.reshape(channels, -1)
                    total = total + moved.reshape(1, -1, side, side)
                else:
                    total = total + weight[:, 0, i, j].reshape(-1, 1, 1) * part
        return total


def _is_number(value: Any) -> bool:
    return type(value).__name__ == "arb"


@contextmanager
def _precise(bits: int) -> Iterator[Any]:
    import flint

    before = flint.ctx.prec, flint.ctx.cap
    flint.ctx.prec, flint.ctx.cap = bits, 4
    try:
        yield flint
    finally:
        flint.ctx.prec, flint.ctx.cap = before


def by_balls(
    model: nn.Module, A: Tensor, entries: Sequence[int], target: int, bits: int = BITS
) -> list[list[Fraction]]:
    """Return dS/dA_i, d2S/dA_i^2, d3S/dA_i^3 of every entry: midpoints, exactly as they are.

    Raises:
        ArithmeticError: a ball is so wide that it would not tell an error of a float64 from its own radius.
    """
    found = []
    with _precise(bits) as flint:
        words = Balls()
        start = words.constant(A)
        for entry in entries:
            x = numpy.frompyfunc(lambda value: flint.arb_series([value]), 1, 1)(start)
            flat = x.reshape(-1)
            flat[entry] = flat[entry] + flint.arb_series([0, 1])
            series = through(model, flat.reshape(x.shape), words)[0, target]
            balls = [series[k] * factorial(k) for k in (1, 2, 3)]
            if any(ball.rad() > flint.arb(2) ** -NARROW for ball in balls):
                raise ArithmeticError(f"balls of {bits} bits are too wide at entry {entry}: {balls}")
            found.append([_fraction(ball) for ball in balls])
    return found


def _fraction(ball: Any) -> Fraction:
    mantissa, exponent = ball.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


# jax


class Jax:
    """Arrays of jax; constants are looked up in `known`, so that a compiled function can take them as arguments."""

    def __init__(self, known: dict[str, Any]) -> None:
        import jax

        self.jax, self.known = jax, known

    def constant(self, tensor: Tensor) -> Any:
        """Return the same numbers."""
        key = f"{tensor.data_ptr()} {tuple(tensor.shape)}"
        if key not in self.known:
            self.known[key] = self.jax.numpy.asarray(tensor.detach().numpy())
        return self.known[key]

    def gelu(self, x: Any) -> Any:
        """Return x/2 (1 + erf(x/sqrt 2))."""
        return self.jax.nn.gelu(x, approximate=False)

    def relu(self, x: Any) -> Any:
        """Return max(x, 0)."""
        return self.jax.nn.relu(x)

    def rsqrt(self, x: Any) -> Any:
        """Return 1/sqrt(x)."""
        return self.jax.lax.rsqrt(x)

    def larger(self, x: Any, y: Any) -> Any:
        """Return the larger one."""
        return self.jax.numpy.where(x > y, x, y)

    def convolved(self, x: Any, module: nn.Conv2d) -> Any:
        """Return jax's own convolution."""
        return self.jax.lax.conv_general_dilated(
            x, self.constant(module.weight), (1, 1), "SAME", feature_group_count=module.groups
        )


def in_jax(model: nn.Module, A: Tensor, target: int) -> Callable[[Sequence[int]], Tensor]:
    """Return entries -> derivatives (3, n) by nested jvp, compiled; all entries of one call together.

    Raises:
        ModuleNotFoundError: jax is not installed.
    """
    import jax

    jax.config.update("jax_enable_x64", A.dtype == torch.float64)
    known: dict[str, Any] = {}
    start = jax.numpy.asarray(A.detach().numpy())
    through(model, start, Jax(known))

    def orders(entry: Any, constants: dict[str, Any]) -> Any:
        e = jax.numpy.zeros(start.size, start.dtype).at[entry].set(1).reshape(start.shape)

        def along(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
            return lambda x: jax.jvp(function, (x,), (e,))

        first = along(lambda x: through(model, x, Jax(constants))[0, target])
        (one, two), (_, three) = along(along(lambda x: first(x)[1]))(start)
        return jax.numpy.stack([one, two, three])

    compiled = jax.jit(jax.vmap(orders, in_axes=(0, None)))

    def derivatives(entries: Sequence[int]) -> Tensor:
        return torch.from_numpy(numpy.array(compiled(jax.numpy.asarray(list(entries)), known))).T

    return derivatives

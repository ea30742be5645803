"""Linear and bilinear maps: products of matrices, convolutions, pools, sums and means."""

from typing import Any

import numpy as np
from flint import arb

from verify.balls import choices
from verify.balls.curved import composed
from verify.balls.lines import Lines, Sample, axes_of, leibniz, linear, minus, plus, scaled, times
from verify.balls.numbers import Array, constant, nonzero, product, zeros
from verify.balls.places import adaptive, indices, per_dimension, seen, steps, taps, windows
from verify.probe import NoRule


def multiplied(sample: Sample, one: Any, other: Any) -> Lines:
    """Return the product of two matrices, or of two batches of as many matrices."""
    a, b = sample.lines_of(one), sample.lines_of(other)
    if b.constant:
        return linear(a, lambda stack: _stacked(stack, b.value))
    if a.constant:
        turned = np.swapaxes(a.value, -1, -2)
        return linear(b, lambda stack: _turned(_stacked(_turned(stack), turned)))
    return leibniz(a, b, _each)


def _turned(stack: Array) -> Array:
    return np.swapaxes(stack, -1, -2)


def _stacked(stack: Array, matrices: Array) -> Array:
    """Multiply (N, ..., m, k) by (..., k, n): all of the stack that meet one matrix at once."""
    *batch, m, k = stack.shape[1:]
    n = matrices.shape[-1]
    found = zeros((len(stack), *batch, m, n))
    for at in indices(tuple(batch)):
        every: Any = (slice(None), *at)
        found[every] = product(stack[every].reshape(-1, k), matrices[at]).reshape(-1, m, n)
    return found


def _each(a: Array, b: Array) -> Array:
    """Multiply matrices, of which one or both have the lines before them."""
    if a.ndim > b.ndim:
        return _stacked(a, b)
    if b.ndim > a.ndim:
        return _turned(_stacked(_turned(b), _turned(a)))
    found = zeros((*a.shape[:-1], b.shape[-1]))
    for at in indices(a.shape[:-2]):
        found[at] = product(a[at], b[at])
    return found


def affine(sample: Sample, bias: Any, one: Any, other: Any, *, beta: float = 1, alpha: float = 1) -> Lines:
    """Return beta bias + alpha one other."""
    found = multiplied(sample, one, other)
    found = found if alpha == 1 else scaled(found, arb(alpha))
    shift = sample.lines_of(bias)
    return plus(found, shift if beta == 1 else scaled(shift, arb(beta)))


def dotted(sample: Sample, one: Any, other: Any) -> Lines:
    """Return a matrix times a vector, or the product of two vectors."""
    return summed(times(sample.lines_of(one), sample.lines_of(other)), [-1], False)


def convolved(
    sample: Sample,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    _output_padding: Any,
    groups: int,
) -> Lines:
    """Return a convolution whose kernel stands still.

    Raises:
        NoRule: the kernel depends on A, or it is transposed.
    """
    if isinstance(weight, Lines) or isinstance(bias, Lines) or transposed:
        raise NoRule("it is transposed, or its kernel depends on A")
    kernel = constant(weight)
    outputs, dims, sizes = len(kernel), kernel.ndim - 2, x.shape[2:]
    along = [
        taps(*each)
        for each in zip(
            sizes, kernel.shape[2:], *(per_dimension(n, dims) for n in (stride, padding, dilation)), strict=True
        )
    ]
    at = windows(sizes, along)
    shape = at.shape[:-1]
    flat = at.reshape(-1, at.shape[-1])
    inputs = x.shape[1] // groups
    matrices = kernel.reshape(groups, outputs // groups, -1).transpose(0, 2, 1)

    def through(stack: Array) -> Array:
        images = stack.reshape(-1, groups, inputs, int(np.prod(sizes)))
        images = np.concatenate([images, zeros((*images.shape[:-1], 1))], -1)
        moving = np.asarray(nonzero(images).any(2))  # (images, groups, places)
        found = zeros((len(images), groups, len(flat), outputs // groups))
        for group in range(groups):
            image, place = np.nonzero(moving[:, group][:, flat].any(-1))
            if len(image):
                rows = images[image[:, None, None], group, np.arange(inputs)[:, None], flat[place][:, None]]
                found[image, group, place] = product(rows.reshape(len(image), -1), matrices[group])
        return found.transpose(0, 1, 3, 2).reshape(*stack.shape[:2], outputs, *shape)

    found = linear(x, through)
    if bias is None:
        return found
    return plus(found, sample.still(constant(bias).reshape(-1, *(1,) * dims)))


def max_pooled(
    dims: int,
    sample: Sample,
    x: Lines,
    size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> tuple[Lines, None]:
    """Return the maximum of every window; where it stands is not told."""
    at = windows(x.shape[-dims:], [taps(*how) for how in _pool(x, dims, size, stride, padding, dilation, ceil_mode)])
    inside = np.broadcast_to(at >= 0, (*x.shape[: len(x.shape) - at.ndim + 1], *at.shape))
    return choices.largest(sample, seen(x, at), inside), None


def mean_pooled(
    dims: int,
    x: Lines,
    size: Any,
    stride: Any = (),
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Lines:
    """Return the mean of every window."""
    along = _pool(x, dims, size, stride, padding, 1, ceil_mode)
    at = windows(x.shape[-dims:], [taps(*how) for how in along])
    count = (at >= 0).sum(-1)
    if count_include_pad:  # what lies beyond the padding is not counted
        count = np.array(1)
        for how in along:
            count = count[..., None] * (steps(*how) < how[0] + how[3]).sum(1)
    return _means(x, at, count if divisor_override is None else np.full_like(count, divisor_override))


def adaptive_mean_pooled(x: Lines, size: Any) -> Lines:
    """Return the mean of every window of an adaptive pool."""
    sizes = x.shape[-len(size) :]
    at = windows(sizes, [adaptive(*each) for each in zip(sizes, size, strict=True)])
    return _means(x, at, (at >= 0).sum(-1))


def _means(x: Lines, at: Array, count: Array) -> Lines:
    divisor = np.frompyfunc(lambda n: arb(int(n)), 1, 1)(count)
    return linear(seen(x, at), lambda stack: np.asarray(stack.sum(-1) / divisor, dtype=object))


def _pool(
    x: Lines, dims: int, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> list[tuple[int, int, int, int, int, bool]]:
    """Return of each dimension what `verify.balls.places.steps` wants to know."""
    size = per_dimension(size, dims)
    rest = (per_dimension(n, dims) for n in (stride or size, padding, dilation))
    return [(*each, ceil_mode) for each in zip(x.shape[-dims:], size, *rest, strict=True)]


# Sums


def summed(x: Lines, dims: Any = None, keepdim: bool = False) -> Lines:
    """Return the sum over some dimensions, over all if none is given."""
    axes = tuple(axis + 1 for axis in axes_of(x, dims))

    def through(stack: Array) -> Array:
        return np.asarray(stack.sum(axes, keepdims=keepdim), dtype=object)

    return linear(x, through)


def averaged(x: Lines, dims: Any = None, keepdim: bool = False) -> Lines:
    """Return the mean over some dimensions."""
    return _divided(summed(x, dims, keepdim), _count(x, dims))


def _count(x: Lines, dims: Any) -> int:
    return int(np.prod([x.shape[axis] for axis in axes_of(x, dims)]))


def _divided(x: Lines, number: int | float) -> Lines:
    divisor = arb(number)
    return linear(x, lambda stack: np.asarray(stack / divisor, dtype=object))


def varied(x: Lines, dims: Any = None, correction: float | None = None, keepdim: bool = False) -> Lines:
    """Return sum (x - mean x)^2 / (count - correction)."""
    centred = minus(x, averaged(x, dims, True))
    less = 1 if correction is None else correction
    return _divided(summed(times(centred, centred), dims, keepdim), _count(x, dims) - less)


def softmax(sample: Sample, x: Lines, dim: int) -> Lines:
    """Return exp(x) / sum exp(x)."""
    powers = composed(sample, x, lambda u: u.exp())
    return times(powers, composed(sample, summed(powers, [dim], True), lambda u: 1 / u))


def logsumexp(sample: Sample, x: Lines, dims: Any, keepdim: bool = False) -> Lines:
    """Return log sum exp(x)."""
    total = summed(composed(sample, x, lambda u: u.exp()), dims, keepdim)
    return composed(sample, total, lambda u: u.log())


def logaddexp(sample: Sample, x: Any, y: Any) -> Lines:
    """Return log(exp(x) + exp(y))."""
    total = plus(*(composed(sample, sample.lines_of(each), lambda u: u.exp()) for each in (x, y)))
    return composed(sample, total, lambda u: u.log())


def log_softmax(sample: Sample, x: Lines, dim: int) -> Lines:
    """Return x - log sum exp(x)."""
    return minus(x, logsumexp(sample, x, [dim], True))

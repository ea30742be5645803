"""What moves numbers from place to place: torch does it to a tensor of addresses, and the balls follow.

Address 0 is the number zero, address k the k-th number of the operands. So no operation of this kind needs a rule of
its own, and none can be got wrong differently from torch.
"""

from collections.abc import Callable, Iterator
from itertools import product as combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from verify.balls.lines import Lines, Sample
from verify.balls.numbers import ZERO, Array, constant, zeros
from verify.probe import NoRule

# Of these a tensor that is not floating says where, or whether; elsewhere every tensor holds numbers.
INDEXED = frozenset({"index", "index_select", "gather", "index_put", "where", "masked_fill"})


def moved(sample: Sample, operation: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return what an operation makes of lines that it moves, leaves out, repeats, or replaces by zero.

    Args:
        sample: the lines.
        operation: of torch.
        args: with lines, constants, numbers.
        kwargs: the same.

    Raises:
        NoRule: it does something else.
    """
    operands: list[Lines] = []
    total = 0

    def address(operand: Any) -> Any:
        nonlocal total
        if not isinstance(operand, (Lines, Tensor)):
            return operand
        if isinstance(operand, Tensor) and not operand.is_floating_point() and sample.name in INDEXED:
            return operand
        x = sample.lines_of(operand)
        operands.append(x)
        numbers = torch.arange(total + 1, total + 1 + x.value.size, dtype=torch.float64).reshape(x.shape)
        total += x.value.size
        return numbers

    addressed = tree_map(address, (args, kwargs), is_leaf=lambda leaf: isinstance(leaf, Lines))
    found = operation(*addressed[0], **addressed[1])
    values = np.concatenate([[ZERO], *(x.value.ravel() for x in operands)])
    terms: list[Array | None] = []
    for order in range(sample.orders):
        parts = [x.terms[order] for x in operands]
        if all(part is None for part in parts):
            terms.append(None)
            continue
        rows = [
            zeros((sample.lines, x.value.size)) if part is None else part.reshape(sample.lines, -1)
            for x, part in zip(operands, parts, strict=True)
        ]
        terms.append(np.concatenate([zeros((sample.lines, 1)), *rows], 1))

    def gathered(addresses: Tensor) -> Lines:
        at = addresses.numpy()
        places = at.astype(np.int64)
        if not (at == places).all() or (places.size and not 0 <= places.min() <= places.max() <= total):
            raise NoRule("it does more than move numbers")
        rows = tuple(None if term is None else term[:, places] for term in terms)
        return Lines(np.asarray(values[places], dtype=object), rows, all(x.affine for x in operands))

    return gathered(found) if isinstance(found, Tensor) else tuple(map(gathered, found))


def filled(
    sample: Sample, operation: Callable[..., Any], args: tuple[Any, ...], kwargs: Any, value: float | int
) -> Lines:
    """Return what an operation of this kind makes that also puts a number in: pads or fills.

    Args:
        sample: the lines.
        operation: with the value as its last argument.
        args: the arguments before the value; the first is what is filled.
        kwargs: by name.
        value: the number.
    """
    found: Lines = moved(sample, operation, (*args, 0.0), kwargs)
    if value == 0:
        return found
    x = args[0]
    taken = operation(torch.ones(x.shape, dtype=torch.float64), *args[1:], 0.0, **kwargs).numpy() == 1
    values = found.value.copy()
    values[~taken] = constant(float(value)).item()
    return Lines(values, found.terms, found.affine)


# Windows


def steps(size: int, width: int, stride: int, padding: int, dilation: int, ceil_mode: bool = False) -> Array:
    """Return the places that the windows along one dimension look at, (windows, width), also beyond the edge.

    With `ceil_mode` one more window may reach beyond the padding, if it begins before its end.
    """
    room = size + 2 * padding - dilation * (width - 1) - 1
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    if ceil_mode and (count - 1) * stride >= size + padding:
        count -= 1
    return np.arange(count)[:, None] * stride - padding + np.arange(width)[None] * dilation


def taps(size: int, *how: Any) -> Array:
    """Return the places that the windows along one dimension see, (windows, width); -1 beyond the edge."""
    found = steps(size, *how)
    found[(found < 0) | (found >= size)] = -1
    return found


def adaptive(size: int, windows: int) -> Array:
    """Return the places of windows as an adaptive pool has them, padded with -1 to one width."""
    places = [list(range(i * size // windows, -(-(i + 1) * size // windows))) for i in range(windows)]
    width = max(map(len, places))
    return np.array([[*each, *[-1] * (width - len(each))] for each in places])


def windows(sizes: tuple[int, ...], along: list[Array]) -> Array:
    """Return which place, counted by rows, every window sees: (*windows, taps); -1 beyond the edge.

    Args:
        sizes: of the map.
        along: of each dimension, from `taps` or `adaptive`.
    """
    dims = len(sizes)
    total: Any = 0
    beyond: Any = False
    for d, each in enumerate(along):
        shape = [1] * (2 * dims)
        shape[d], shape[dims + d] = each.shape
        here = each.reshape(shape)
        total = total * sizes[d] + here
        beyond = beyond | (here < 0)
    found = np.where(beyond, -1, total)
    return found.reshape(*found.shape[:dims], -1)


def per_dimension(number: Any, dims: int) -> list[int]:
    """Return one number per dimension."""
    numbers = [number] if isinstance(number, int) else list(number)
    return numbers * dims if len(numbers) == 1 else numbers


def seen(x: Lines, at: Array) -> Lines:
    """Return the numbers of a map (..., *sizes) in windows (..., *windows, taps), zero beyond the edge."""
    dims = at.ndim - 1

    def through(array: Array) -> Array:
        flat = array.reshape(*array.shape[: array.ndim - dims], -1)
        edge = zeros((*flat.shape[:-1], 1))
        return np.concatenate([flat, edge], -1)[..., at]

    return Lines(through(x.value), tuple(None if term is None else through(term) for term in x.terms), x.affine)


def indices(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the index of every matrix of a batch."""
    yield from combinations(*map(range, shape))

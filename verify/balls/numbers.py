"""Arrays of balls: numpy's arrays of objects, every one an `arb`."""

from typing import Any

import numpy as np
import torch
from flint import arb, arb_mat
from torch import Tensor

from verify.probe import NoRule

Array = np.ndarray[Any, Any]

ZERO = arb(0)
ONE = arb(1)

_IS_ZERO = np.frompyfunc(arb.is_zero, 1, 1)
_IS_FINITE = np.frompyfunc(arb.is_finite, 1, 1)
_IS_EXACT = np.frompyfunc(arb.is_exact, 1, 1)
_UNION = np.frompyfunc(arb.union, 2, 1)
_MAX = np.frompyfunc(arb.max, 2, 1)
_EXCEEDS = np.frompyfunc(lambda one, other: one > other, 2, 1)
_MIDDLE = np.frompyfunc(float, 1, 1)


def array_of(numbers: list[Any], shape: tuple[int, ...]) -> Array:
    """Return an array of the given balls, by rows."""
    flat = np.empty(len(numbers), dtype=object)
    flat[:] = numbers
    return flat.reshape(shape)


def constant(value: Tensor | float | int) -> Array:
    """Return balls without radius: every float is a dyadic number, and every integer is held.

    Raises:
        NoRule: a number is infinite or none, or complex.
    """
    tensor = torch.as_tensor(value, dtype=None if isinstance(value, Tensor) else torch.float64).detach()
    if tensor.is_complex() or not bool(tensor.isfinite().all()):
        raise NoRule("a constant that is no finite real number")
    numbers = tensor.flatten().tolist() if tensor.is_floating_point() else map(int, tensor.flatten().tolist())
    return array_of([arb(number) for number in numbers], tuple(tensor.shape))


def zeros(shape: tuple[int, ...]) -> Array:
    """Return zeros, all the same object."""
    return np.full(shape, ZERO, dtype=object)


def nonzero(balls: Array) -> Array:
    """Return where a ball is not exactly zero."""
    return ~_as_bool(_IS_ZERO, balls)


def finite(balls: Array) -> Array:
    """Return where a ball is bounded."""
    return _as_bool(_IS_FINITE, balls)


def exact(balls: Array) -> Array:
    """Return where a ball has no radius."""
    return _as_bool(_IS_EXACT, balls)


def exceeds(one: Any, other: Any) -> Array:
    """Return where every number of the one ball is greater than every one of the other: where > is proved."""
    return _as_bool(_EXCEEDS, one, other)


def hull(one: Array, other: Array) -> Array:
    """Return balls that hold both."""
    return np.asarray(_UNION(one, other), dtype=object)


def larger(one: Array, other: Array) -> Array:
    """Return balls that hold the larger number of each pair."""
    return np.asarray(_MAX(one, other), dtype=object)


def middles(balls: Array) -> Array:
    """Return a float near each ball: a guess, never a proof."""
    return np.asarray(_MIDDLE(balls), dtype=float)


def product(one: Array, other: Array) -> Array:
    """Return the product of two matrices; rows of the first that are exactly zero stay so."""
    m, n = len(one), other.shape[1]
    moving = nonzero(one).any(1)
    found = zeros((m, n))
    if moving.any() and n:
        rows = one[moving]
        left, right = (arb_mat(len(each), each.shape[1], each.ravel().tolist()) for each in (rows, other))
        found[moving] = array_of((left * right).entries(), (len(rows), n))
    return found


def _as_bool(question: Any, *operands: Any) -> Array:
    return np.asarray(question(*operands), dtype=bool)

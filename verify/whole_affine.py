"""Affine layers behind a map of values and slopes, chosen at random, and solved for their constants.

`verify.whole_blocks` builds networks of them. Weights are multiples of 1/2; of every unit the first is not zero.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import count, product
from typing import Any, Protocol, TypeVar

from verify.arithmetic.local import locally
from verify.catalogue.units import Unit
from verify.layers import BatchNorm, Convolution, Layer, Linear, Map, cells, each, places, run, shape_of, windows

Layers = tuple[Layer, ...]
Option = TypeVar("Option")
# Kernel size, stride and padding of a convolution.
Geometry = tuple[tuple[int, int], int, int]
POINTWISE: Geometry = ((1, 1), 1, 0)
PADDED: Geometry = ((3, 3), 1, 1)
ZERO, HALF = Fraction(0), Fraction(1, 2)
# Nearer to a kink than this counts as on it: far above the errors of values behind curved units, which float64 rounds.
MARGIN = Fraction(1, 2**20)
# Constants are taken from values rounded to this, where the values are no short dyadic numbers.
SHORT = 4096
SIDE, OUTPUTS = 3, 3


class Choose(Protocol):
    """Who decides: Hypothesis, which looks for what is simple, or a generator of random numbers."""

    def __call__(self, options: Sequence[Option], /) -> Option:
        """Return one of these; the simplest comes first."""


def dyadic(low: int, high: int, parts: int = 2) -> tuple[Fraction, ...]:
    """Return the multiples of 1/parts between low and high, simplest first: 0, 1, -1, 2, ..., 1/2, -1/2, ..."""
    numbers = (Fraction(k, parts) for k in range(low * parts, high * parts + 1))
    return tuple(sorted(numbers, key=lambda number: (number.denominator, abs(number), number < 0)))


WEIGHTS, CONSTANTS = dyadic(-2, 2), dyadic(-1, 1)
POSITIVE, NONZERO = (tuple(number for number in numbers if number) for numbers in (dyadic(0, 2), WEIGHTS))
DEVIATIONS = (Fraction(1), Fraction(2), HALF)


def some(choose: Choose, numbers: Sequence[Fraction], size: int) -> tuple[Fraction, ...]:
    """Return so many drawn numbers."""
    return tuple(choose(numbers) for _ in range(size))


def after(layers: Layers, state: Map) -> Map:
    """Return the values and slopes behind layers."""
    return run(layers, state, locally([]))


def moving(state: Map) -> list[tuple[int, int, int]]:
    """Return the places that move."""
    return [place for place, cell in zip(places(shape_of(state)), cells(state), strict=True) if cell.slope]


def affine(choose: Choose, state: Map) -> Layers:
    """Return a convolution or a linear layer, perhaps with a batch norm; something moves behind it."""
    outputs, sides = choose(range(1, OUTPUTS + 1)), shape_of(state)[1:]
    if sides != (1, 1) and choose((False, False, False, True)):
        layer = linear(choose, state, outputs)
    else:
        options = _geometries(sides) if sides != (1, 1) else (POINTWISE,)
        layer = _convolution(choose, state, outputs, choose(options))
    return (layer, _norm(choose, outputs)) if choose((False, True)) else (layer,)


@cache
def _geometries(sides: tuple[int, int]) -> tuple[Geometry, ...]:
    """Return kernel size, stride and padding of the convolutions under which every entry is seen, simplest first."""
    found = [
        (size, stride, padding)
        for size in product(range(1, SIDE + 1), range(1, SIDE + 1))
        for stride, padding in product((1, 2), (0, 1))
        if padding < min(size) and _sees_all(sides, size, stride, padding)
    ]
    return tuple(sorted(found, key=lambda option: (option[0][0] * option[0][1], option[1:])))


def _sees_all(sides: tuple[int, int], size: tuple[int, int], stride: int, padding: int) -> bool:
    out = [(n + 2 * padding - k) // stride + 1 for n, k in zip(sides, size, strict=True)]
    if not all(1 <= n <= SIDE for n in out):
        return False
    seen = {place for row in windows(*sides, size, stride, padding) for window in row for _, place in window}
    return len(seen) == sides[0] * sides[1]


def _convolution(choose: Choose, state: Map, outputs: int, geometry: Geometry) -> Layer:
    (height, width), stride, padding = geometry
    kernels = tuple(_kernel(choose, len(state) * height * width, (len(state), height, width)) for _ in range(outputs))
    return _repaired(Convolution(kernels, (ZERO,) * outputs, stride, padding), state)


def _kernel(choose: Choose, size: int, shape: tuple[int, int, int]) -> Map:
    numbers = iter(_row(choose, size))
    channels, height, width = shape
    return tuple(tuple(tuple(next(numbers) for _ in range(width)) for _ in range(height)) for _ in range(channels))


def _row(choose: Choose, size: int) -> tuple[Fraction, ...]:
    """Return the weights of one unit; the first is not zero."""
    return (choose(NONZERO), *some(choose, WEIGHTS, size - 1))


def same(choose: Choose, state: Map) -> Layer:
    """Return a convolution that keeps the shape."""
    return _convolution(choose, state, len(state), choose((POINTWISE, PADDED)))


def biased(choose: Choose, layer: Layer) -> Layer:
    """Return an affine layer with drawn constants, where no activation follows."""
    return with_constants(layer, some(choose, CONSTANTS, len(constants_of(layer))))


def linear(choose: Choose, state: Map, outputs: int) -> Layer:
    """Return a linear layer without constants; something moves behind it if anything does before it."""
    size = len(list(cells(state)))
    return _repaired(Linear(tuple(_row(choose, size) for _ in range(outputs)), (ZERO,) * outputs), state)


def _norm(choose: Choose, channels: int) -> Layer:
    deviations = some(choose, DEVIATIONS, channels)
    means, scales = some(choose, CONSTANTS, channels), some(choose, NONZERO, channels)
    return BatchNorm(means, deviations, scales, (ZERO,) * channels)


def _repaired(layer: Linear | Convolution, state: Map) -> Layer:
    """Raise one weight by 1 if something moves before the layer and nothing behind it: then its own product moves."""
    movers = moving(state)
    if not movers or moving(after((layer,), state)):
        return layer
    k, i, j = movers[0]
    if isinstance(layer, Linear):
        place = list(places(shape_of(state))).index(movers[0])
        row = tuple(weight + (at == place) for at, weight in enumerate(layer.weights[0]))
        return replace(layer, weights=(row, *layer.weights[1:]))
    seen = windows(*shape_of(state)[1:], shape_of(layer.weights[0])[1:], layer.stride, layer.padding)
    tap = next(tap for row in seen for window in row for tap, place in window if place == (i, j))
    raised = iter([Fraction(at == (k, *tap)) for at in places(shape_of(layer.weights[0]))])
    first = each(lambda weight: weight + next(raised), layer.weights[0])
    return replace(layer, weights=(first, *layer.weights[1:]))


def solved(choose: Choose, layers: Layers, state: Map, one: Unit) -> Layers:
    """Return affine layers with constants that leave no argument of the unit on a kink, and one that moves active."""
    bare = after(layers, state)
    movers = moving(bare)
    constants = []
    for k, channel in enumerate(bare):
        flat = [cell for row in channel for cell in row]
        active = bool(movers) and movers[0][0] == k
        at = next(n for n, cell in enumerate(flat) if cell.slope) if active else choose(range(len(flat)))
        arguments = WEIGHTS if not one.kinks else POSITIVE if active else NONZERO
        constants.append(_constant([cell.value for cell in flat], at, choose(arguments), one.kinks))
    return (*layers[:-1], with_constants(layers[-1], tuple(constants)))


def _constant(values: Sequence[Fraction], at: int, argument: Fraction, kinks: Sequence[Fraction]) -> Fraction:
    """Return what takes values[at] to the argument, or less than 1 above it, and no value to a kink."""
    wanted = argument - _short(values[at])
    return next(
        wanted + more
        for more in fractions()
        if all(abs(value + wanted + more - kink) > MARGIN for value in values for kink in kinks)
    )


def _short(value: Fraction) -> Fraction:
    return value if value.denominator <= SHORT else Fraction(round(4 * value), 4)


def fractions() -> Iterator[Fraction]:
    """Yield all dyadic numbers from 0 to 1, without 1: 0, 1/2, 1/4, 3/4, 1/8, ..."""
    yield ZERO
    for power in count(1):
        yield from (Fraction(k, 2**power) for k in range(1, 2**power, 2))


def constants_of(layer: Any) -> tuple[Fraction, ...]:
    """Return what an affine layer adds to each of its channels."""
    return layer.shifts if isinstance(layer, BatchNorm) else layer.biases


def with_constants(layer: Any, constants: tuple[Fraction, ...]) -> Layer:
    """Return an affine layer that adds these numbers to its channels."""
    return replace(layer, **{"shifts" if isinstance(layer, BatchNorm) else "biases": constants})

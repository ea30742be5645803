"""Layers of a small network after a feature map, each a description, and what it computes in any arithmetic.

A map is a tuple of channels, each a tuple of rows of numbers; a vector of n numbers is a map of shape (n, 1, 1). Sums
and products are Python's own operators; a rational number, an activation and a maximum are the arithmetic's affair
(`Numbers`). The loops here are written from the definitions; torch's own modules for the same descriptions are in
`verify.modules`, and the two share nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from itertools import product
from operator import add
from typing import Any, ClassVar, Protocol

from verify.catalogue.units import Unit, unit

Map = tuple[tuple[tuple[Any, ...], ...], ...]
Shape = tuple[int, int, int]
Cell = tuple[int, int]
Row = tuple[Fraction, ...]
# A layer with more numbers is named without them.
FEW = 12


@dataclass(frozen=True)
class Numbers:
    """What layers need of an arithmetic besides + and *.

    Args:
        number: a rational number.
        unit: the function that an activation is.
        largest: the maximum of a window, two or more numbers.
    """

    number: Callable[[Fraction], Any]
    unit: Callable[[Unit], Callable[[Any], Any]]
    largest: Callable[[Sequence[Any]], Any]


class Layer(Protocol):
    """A function from maps to maps."""

    kind: ClassVar[str]

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""


def shape_of(A: Map) -> Shape:
    """Return (channels, height, width)."""
    return len(A), len(A[0]), len(A[0][0])


def cells(A: Map) -> Iterator[Any]:
    """Yield all numbers of a map, channel by channel, row by row."""
    return (cell for channel in A for row in channel for cell in row)


def each(function: Callable[..., Any], *maps: Map) -> Map:
    """Apply a function cell by cell to maps of one shape."""
    return tuple(
        tuple(tuple(map(function, *rows)) for rows in zip(*channels, strict=True))
        for channels in zip(*maps, strict=True)
    )


def places(shape: Shape) -> Iterator[tuple[int, int, int]]:
    """Yield all places (channel, row, column) of a map, in the order of `cells`."""
    channels, height, width = shape
    return product(range(channels), range(height), range(width))


def total(terms: Sequence[Any]) -> Any:
    """Add up one or more numbers, from the left."""
    return reduce(add, terms)


def windows(height: int, width: int, size: tuple[int, int], stride: int, padding: int) -> list[list[list[Any]]]:
    """Return, for each row and column of the output, the pairs (place in the window, place in the input)."""
    rows, columns = ((n + 2 * padding - k) // stride + 1 for n, k in zip((height, width), size, strict=True))
    inside = [(di, dj) for di in range(size[0]) for dj in range(size[1])]
    return [
        [
            [((di, dj), (i, j)) for di, dj in inside if 0 <= (i := top + di) < height and 0 <= (j := left + dj) < width]
            for left in range(-padding, columns * stride - padding, stride)
        ]
        for top in range(-padding, rows * stride - padding, stride)
    ]


@dataclass(frozen=True)
class Convolution:
    """out[o][i][j] = biases[o] + sum over c, di, dj of weights[o][c][di][dj] A[c][stride i + di - padding][...].

    Zeros stand outside the map.
    """

    weights: tuple[Map, ...]
    biases: Row
    stride: int = 1
    padding: int = 0
    kind: ClassVar[str] = "convolution"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        _, *size = shape_of(self.weights[0])
        seen = windows(*shape_of(A)[1:], (size[0], size[1]), self.stride, self.padding)

        def entry(kernels: Map, bias: Fraction, window: Any) -> Any:
            terms = [
                channel[i][j] * numbers.number(weight)
                for kernel, channel in zip(kernels, A, strict=True)
                for (di, dj), (i, j) in window
                if (weight := kernel[di][dj])
            ]
            return total([*terms, numbers.number(bias)])

        return tuple(
            tuple(tuple(entry(kernels, bias, window) for window in row) for row in seen)
            for kernels, bias in zip(self.weights, self.biases, strict=True)
        )

    def __str__(self) -> str:
        """Name it in a few words."""
        inputs, *size = shape_of(self.weights[0])
        how = f"conv {inputs}->{len(self.weights)} {size[0]}x{size[1]}"
        how += f" stride {self.stride}" if self.stride > 1 else ""
        how += f" padding {self.padding}" if self.padding else ""
        return how + _listed([w for kernels in self.weights for w in cells(kernels)], self.biases)


@dataclass(frozen=True)
class AveragePool:
    """The mean of each window of this size; windows do not overlap, and what fills none is dropped."""

    size: tuple[int, int]
    kind: ClassVar[str] = "average pooling"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        share = numbers.number(Fraction(1, self.size[0] * self.size[1]))
        return _pooled(A, self.size, lambda window: total(window) * share)

    def __str__(self) -> str:
        """Name it in a few words."""
        return f"mean {self.size[0]}x{self.size[1]}"


@dataclass(frozen=True)
class MaxPool:
    """The maximum of each window of this size; windows do not overlap, and what fills none is dropped."""

    size: tuple[int, int]
    kind: ClassVar[str] = "max pooling"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        return _pooled(A, self.size, lambda window: window[0] if len(window) == 1 else numbers.largest(window))

    def __str__(self) -> str:
        """Name it in a few words."""
        return f"max {self.size[0]}x{self.size[1]}"


@dataclass(frozen=True)
class GlobalAverage:
    """The mean of each channel."""

    kind: ClassVar[str] = "global average pooling"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map, of shape (channels, 1, 1)."""
        return AveragePool(shape_of(A)[1:]).apply(A, numbers)

    def __str__(self) -> str:
        """Name it in a few words."""
        return "global mean"


@dataclass(frozen=True)
class Linear:
    """out[o] = biases[o] + sum of weights[o] times all numbers of the map, flattened: shape (outputs, 1, 1)."""

    weights: tuple[Row, ...]
    biases: Row
    kind: ClassVar[str] = "linear"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        flat = list(cells(A))
        return tuple(
            ((total([*(a * numbers.number(w) for w, a in zip(row, flat, strict=True) if w), numbers.number(bias)]),),)
            for row, bias in zip(self.weights, self.biases, strict=True)
        )

    def __str__(self) -> str:
        """Name it in a few words."""
        how = f"linear {len(self.weights[0])}->{len(self.weights)}"
        return how + _listed([w for row in self.weights for w in row], self.biases)


@dataclass(frozen=True)
class Bias:
    """out = A + values, with a number for each place."""

    values: Map
    kind: ClassVar[str] = "bias"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        return each(lambda a, bias: a + numbers.number(bias), A, self.values)

    def __str__(self) -> str:
        """Name it in a few words."""
        return "bias" + _listed([], tuple(cells(self.values)))


@dataclass(frozen=True)
class BatchNorm:
    """out[c] = scales[c] (A[c] - means[c])/deviations[c] + shifts[c], as in eval mode; deviations are powers of two."""

    means: Row
    deviations: Row
    scales: Row
    shifts: Row
    kind: ClassVar[str] = "batch norm"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        number = numbers.number

        def moved(channel: Any, mean: Fraction, factor: Fraction, shift: Fraction) -> Any:
            return tuple(tuple((a + number(-mean)) * number(factor) + number(shift) for a in row) for row in channel)

        factors = (scale / deviation for scale, deviation in zip(self.scales, self.deviations, strict=True))
        return tuple(moved(*of) for of in zip(A, self.means, factors, self.shifts, strict=True))

    def __str__(self) -> str:
        """Name it in a few words."""
        factors = [scale / deviation for scale, deviation in zip(self.scales, self.deviations, strict=True)]
        back = [shift - mean * f for shift, mean, f in zip(self.shifts, self.means, factors, strict=True)]
        return "batch norm" + _listed(factors, tuple(back))


@dataclass(frozen=True)
class Activate:
    """The activation called `name`, cell by cell."""

    name: str
    kind: ClassVar[str] = "activation"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        return each(numbers.unit(unit(self.name)), A)

    def __str__(self) -> str:
        """Name it in a few words."""
        return self.name


@dataclass(frozen=True)
class Residual:
    """out = A + f(A), f the layers one after another; f(A) has the shape of A."""

    layers: "tuple[Layer, ...]"
    kind: ClassVar[str] = "residual"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        return each(add, A, run(self.layers, A, numbers))

    def __str__(self) -> str:
        """Name it in a few words."""
        return f"(A + [{line(self.layers)}])"


@dataclass(frozen=True)
class Gate:
    """out = f(A) g(A), cell by cell; where g(A) has shape (channels, 1, 1) it multiplies whole channels of f(A)."""

    values: "tuple[Layer, ...]"
    gates: "tuple[Layer, ...]"
    kind: ClassVar[str] = "gate"

    def apply(self, A: Map, numbers: Numbers) -> Map:
        """Return the next map."""
        values, gates = run(self.values, A, numbers), run(self.gates, A, numbers)
        if shape_of(gates) != shape_of(values):
            gates = tuple(
                tuple(tuple(gate[0][0] for _ in row) for row in channel)
                for gate, channel in zip(gates, values, strict=True)
            )
        return each(lambda a, gate: a * gate, values, gates)

    def __str__(self) -> str:
        """Name it in a few words."""
        return f"([{line(self.values)}] times [{line(self.gates)}])"


LAYERS: tuple[Any, ...] = (
    Convolution, AveragePool, MaxPool, GlobalAverage, Linear, Bias, BatchNorm, Activate, Residual, Gate,
)  # fmt: skip


def run(layers: Sequence[Layer], A: Map, numbers: Numbers) -> Map:
    """Apply layers one after another."""
    for layer in layers:
        A = layer.apply(A, numbers)
    return A


def line(layers: Sequence[Layer]) -> str:
    """Name layers one after another; "A" if there is none."""
    return ", ".join(map(str, layers)) or "A"


def _pooled(A: Map, size: tuple[int, int], pool: Callable[[Sequence[Any]], Any]) -> Map:
    rows, columns = (n // k for n, k in zip(shape_of(A)[1:], size, strict=True))
    inside = list(product(range(size[0]), range(size[1])))
    return tuple(
        tuple(
            tuple(pool([channel[i * size[0] + di][j * size[1] + dj] for di, dj in inside]) for j in range(columns))
            for i in range(rows)
        )
        for channel in A
    )


def _listed(weights: Sequence[Fraction], biases: Sequence[Fraction]) -> str:
    """Write the numbers of a layer, if they are few: " (1, 1/2; 0)"."""
    if len(weights) + len(biases) > FEW:
        return ""
    parts = [", ".join(map(str, numbers)) for numbers in (weights, biases) if numbers]
    return f" ({'; '.join(parts)})"

"""Whole tails: a feature map A, one entry of it that moves, and a network from A to one score.

    S(u) = the network's score of A with A[k][i][j] = u        x = A[k][i][j]        sigma = sum of A[k]

One description is evaluated along the line of the entry in exact SymPy, in ball arithmetic and by torch's own modules,
so that a tail is a `Face`; the footprint and x are read off the map, so that a tail under an outer function is a whole
case. All numbers of a description are rationals that float64 holds.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flint import arb_series, ctx
from sympy import Max, Rational

from derivation.notation import S, f, sigma, x
from verify.arithmetic.ball import BALL
from verify.arithmetic.local import Local, locally
from verify.cases import Case
from verify.catalogue.functions import Face
from verify.catalogue.units import unit
from verify.layers import LAYERS, Activate, Gate, Layer, Map, Numbers, Residual, cells, line, run, shape_of

if TYPE_CHECKING:
    from torch import Tensor, nn


def _rational(number: Fraction) -> Rational:
    return Rational(number.numerator, number.denominator)


def _largest(window: Sequence[Any]) -> Any:
    """Return the maximum of balls; the one that seems largest comes first, so that ties of the others do not matter."""
    top, *others = sorted(window, key=_middle, reverse=True)
    for other in others:
        top = top + BALL.positive_part(other - top)
    return top


def _middle(value: Any) -> float:
    return float((value[0] if isinstance(value, arb_series) else value).mid())


EXACTLY = Numbers(_rational, lambda unit: unit.exact, lambda window: Max(*window))
IN_BALLS = Numbers(lambda number: BALL.number(_rational(number)), lambda unit: unit.ball, _largest)
SHAPES = Numbers(float, lambda _: lambda z: z, max)


@dataclass(frozen=True)
class WholeTail:
    """A feature map, the entry of it that moves, and the layers from the map to one score.

    Args:
        A: the map, rationals by channel, row and column.
        entry: which one moves: (channel, row, column).
        layers: what follows; the last puts out one number.

    Raises:
        ValueError: a number is not a float64, the entry is outside the map, the layers do not fit together, or what
            comes out is more than one number.
        UsageError: there is no such activation.
    """

    A: Map
    entry: tuple[int, int, int]
    layers: tuple[Layer, ...]

    def __post_init__(self) -> None:
        if odd := [str(q) for q in _numbers((self.A, self.layers)) if Fraction(float(q)) != q]:
            raise ValueError(f"every number must be a float64, got {', '.join(odd[:3])}")
        if not all(0 <= at < size for at, size in zip(self.entry, shape_of(self.A), strict=True)):
            raise ValueError(f"the entry {self.entry} is not in a map of shape {shape_of(self.A)}")
        try:
            shape = shape_of(run(self.layers, self.A, SHAPES))
        except (ValueError, IndexError, TypeError) as error:
            raise ValueError(f"the layers {line(self.layers)} do not fit a map of {shape_of(self.A)}") from error
        if shape != (1, 1, 1):
            raise ValueError(f"the last layer must put out one number, not a map of shape {shape}")

    @property
    def point(self) -> Fraction:
        """x, the value of the entry."""
        k, i, j = self.entry
        return self.A[k][i][j]

    @property
    def footprint(self) -> Fraction:
        """sigma, the sum of the entry's channel, the entry at x."""
        return sum(cells((self.A[self.entry[0]],)), Fraction(0))

    def along(self, u: Any, numbers: Numbers) -> Map:
        """Return the map in some arithmetic, with u in the entry's place."""
        return tuple(
            tuple(
                tuple(u if (k, i, j) == self.entry else numbers.number(a) for j, a in enumerate(row))
                for i, row in enumerate(channel)
            )
            for k, channel in enumerate(self.A)
        )

    def score(self, u: Any, numbers: Numbers) -> Any:
        """Evaluate S(u) in some arithmetic."""
        return run(self.layers, self.along(u, numbers), numbers)[0][0][0]

    def face(self) -> "TailFace":
        """Return S as a function with three faces; torch's takes a batch of u."""
        return TailFace(
            str(self),
            lambda u: self.score(u, EXACTLY),
            self._scores,
            _once(lambda u: self.score(u, IN_BALLS)),
            self,
        )

    def case(self, head: Face) -> Case:
        """Return the tail under an outer function, with x and the footprint of its own map."""
        numbers = ((sigma, _rational(self.footprint)), (x, _rational(self.point)))
        return Case(((S, self.face()), (f, head)), numbers)

    def module(self) -> "nn.Module":
        """Return a fresh torch module from A, shape (batch, channels, height, width), to scores (batch, 1).

        Its layer "A" puts out A itself: the place to cut at.
        """
        from verify.modules import network

        return network(self.layers)

    def tensor(self) -> "Tensor":
        """Return A as a float64 tensor of shape (1, channels, height, width)."""
        from verify.modules import tensor

        return tensor((self.A,))

    def _scores(self, u: "Tensor") -> "Tensor":
        import torch

        A, network = self._in_torch
        moves = torch.zeros(A.shape, dtype=torch.bool)
        moves[(0, *self.entry)] = True
        return network(torch.where(moves, u.reshape(-1, 1, 1, 1), A)).reshape(u.shape)

    @cached_property
    def _in_torch(self) -> "tuple[Tensor, nn.Module]":
        return self.tensor(), self.module()

    @cached_property
    def _locally(self) -> tuple[Local, list[Local]]:
        """S near x, and the distances of all arguments from their kinks and of all maxima from their windows."""
        bends: list[Local] = []
        return self.score(Local(self.point, Fraction(1)), locally(bends)), bends

    @property
    def near(self) -> Local:
        """Value and slope of S at x; to the right of it on a kink."""
        return self._locally[0]

    @cached_property
    def distances(self) -> tuple[Fraction, ...]:
        """How far the entry may move until a unit reaches a kink or a maximum changes hands, ascending.

        Exact for the first of them where the network is piecewise linear, else to first order. What does not move
        along the line is left out.
        """
        return tuple(sorted(abs(bend.value / bend.slope) for bend in self._locally[1] if bend.slope))

    @property
    def nearest_kink(self) -> Fraction | None:
        """The distance of the nearest kink along the line, 0 on a kink; None if nothing that moves has one."""
        return self.distances[0] if self.distances else None

    @property
    def piecewise_linear(self) -> bool:
        """Whether the network is piecewise linear by its layers: no curved activation and no gate."""
        return all(
            not isinstance(part, Gate) and (not isinstance(part, Activate) or unit(part.name).piecewise_linear)
            for part in nested(self.layers)
        )

    @property
    def depth(self) -> int:
        """How many activations the longest way to the score passes."""
        return _depth(self.layers)

    @property
    def width(self) -> int:
        """The largest number of channels or units that stand side by side."""
        return max(len(self.A), *(len(getattr(part, "biases", ())) for part in nested(self.layers)))

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of layers, by name; an activation is named itself."""
        return frozenset(part.name if isinstance(part, Activate) else part.kind for part in nested(self.layers))

    def __str__(self) -> str:
        """Name the tail in one line: the map with u in its entry's place, and the layers."""
        A = "; ".join(" / ".join(" ".join(map(str, row)) for row in channel) for channel in self._named())
        return f"score of [{A}] by {line(self.layers)}"

    def _named(self) -> Map:
        return self.along("u", Numbers(str, lambda _: str, max))


@dataclass(frozen=True, eq=False)
class TailFace(Face):
    """The faces of a whole tail, which they remember: those of equal tails are equal."""

    tail: WholeTail

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TailFace) and self.tail == other.tail

    def __hash__(self) -> int:
        return hash(self.tail)


def _once(score: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Remember the last number and the last series: one expression asks for the same derivatives many times."""
    known: dict[type, tuple[Any, tuple[int, int], Any]] = {}

    def at(u: Any) -> Any:
        settings = ctx.prec, ctx.cap
        before = known.get(type(u))
        if before is None or before[1] != settings or not _same(before[0], u):
            known[type(u)] = before = u, settings, score(u)
        return before[2]

    return at


def _same(one: Any, other: Any) -> bool:
    """Whether two balls, or two series of balls, are the same exact numbers."""
    if isinstance(one, arb_series):
        return bool(one.prec == other.prec and all(one[i] == other[i] for i in range(one.prec)))
    return bool(one == other)


def nested(layers: Sequence[Layer]) -> Iterator[Layer]:
    """Yield all layers, those inside others after them."""
    for layer in layers:
        yield layer
        for branch in _branches(layer):
            yield from nested(branch)


def _branches(layer: Layer) -> tuple[tuple[Layer, ...], ...]:
    match layer:
        case Residual():
            return (layer.layers,)
        case Gate():
            return (layer.values, layer.gates)
    return ()


def _depth(layers: Sequence[Layer]) -> int:
    return sum(1 if isinstance(layer, Activate) else max(map(_depth, _branches(layer)), default=0) for layer in layers)


def _numbers(value: Any) -> Iterator[Fraction]:
    """Yield every rational number of a description."""
    if isinstance(value, Fraction):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _numbers(part)
    elif isinstance(value, LAYERS):
        for field in fields(value):
            yield from _numbers(getattr(value, field.name))

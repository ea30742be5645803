"""Hypothesis strategies that draw whole tails, outer functions and cases; they build what they need and filter nothing
away.

A tail is drawn along the line of one entry, u -> w_2 . act(w_1 u + b_1) + b_2 with one or two hidden layers: every
other entry of the feature map stays put and is part of the biases. All numbers are multiples of 1/2, so that small
cases are exact; each shrinks to 0 or 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st
from sympy import Integer, Rational

from derivation.notation import S, f, sigma, x
from verify.arithmetic.exact import EXACT
from verify.cases import Case
from verify.catalogue.functions import Face

HALF = Rational(1, 2)
Matrix = tuple[tuple[Rational, ...], ...]


@dataclass(frozen=True)
class Layer:
    """An affine map: one row of weights and one bias for each output."""

    weights: Matrix
    biases: tuple[Rational, ...]

    def __call__(self, inputs: Sequence[Any], convert: Callable[[Rational], Any]) -> list[Any]:
        """Apply the map in any arithmetic; `convert` makes one of its numbers from a rational."""
        outputs = []
        for row, bias in zip(self.weights, self.biases, strict=True):
            total = inputs[0] * convert(row[0])
            for weight, entry in zip(row[1:], inputs[1:], strict=True):
                total = total + entry * convert(weight)
            outputs.append(total + convert(bias))
        return outputs


@dataclass(frozen=True)
class LineTail:
    """A multilayer perceptron along one line: affine, activation, affine, ..., affine with one output."""

    layers: tuple[Layer, ...]
    activation: Face

    def run(self, u: Any, act: Callable[[Any], Any], convert: Callable[[Rational], Any]) -> Any:
        """Evaluate at u in any arithmetic."""
        values = [u]
        for layer in self.layers[:-1]:
            values = [act(z) for z in layer(values, convert)]
        return self.layers[-1](values, convert)[0]

    def face(self) -> Face:
        """Return the tail as a function with three faces."""
        act = self.activation
        return Face(
            str(self),
            lambda u: self.run(u, act.exact, lambda number: number),
            lambda u: self.run(u, act.torch, float),
            lambda u: self.run(u, act.ball, float),
        )

    def __str__(self) -> str:
        """Name the tail in one line; "max(0, u)" becomes "max(0, 2 u - 1)"."""
        values = ["u"]
        for layer in self.layers[:-1]:
            values = [self.activation.text.replace("u", z) for z in _affine_text(layer, values)]
        return _affine_text(self.layers[-1], values)[0]


def _affine_text(layer: Layer, inputs: list[str]) -> list[str]:
    outputs = []
    for row, bias in zip(layer.weights, layer.biases, strict=True):
        terms = [
            part if weight == 1 else f"{weight} {part}" for weight, part in zip(row, inputs, strict=True) if weight
        ]
        terms += [str(bias)] if bias or not terms else []
        outputs.append(" + ".join(terms).replace("+ -", "- "))
    return outputs


def halves(low: int, high: int) -> st.SearchStrategy[Rational]:
    """Multiples of 1/2 between low/2 and high/2; shrink towards 0, whole numbers first."""
    whole = st.integers(-(-low // 2), high // 2).map(Integer)
    return st.one_of(whole, st.integers(low, high).map(lambda k: Rational(k, 2)))


def nonzero_halves(high: int) -> st.SearchStrategy[Rational]:
    """Multiples of 1/2 up to high/2 in absolute value, never 0; shrink towards 1."""
    positive = st.one_of(st.integers(1, high // 2).map(Integer), st.integers(1, high).map(lambda k: Rational(k, 2)))
    return st.one_of(positive, positive, positive.map(lambda number: -number))


def rows(inputs: int) -> st.SearchStrategy[tuple[Rational, ...]]:
    """Return the weights of one unit, in [-2, 2]; the first is not zero, so that the unit sees something."""
    rest = st.tuples(*(halves(-4, 4) for _ in range(inputs - 1)))
    return st.builds(lambda first, others: (first, *others), nonzero_halves(4), rest)


@st.composite
def line_tails(draw: st.DrawFn, activation: Face, at: Rational, depth: int = 2, width: int = 3) -> LineTail:
    """Return a tail of up to `depth` hidden layers of up to `width` units.

    What is drawn for a unit is the argument of its activation at the point `at`, nowhere 0, and its bias follows: so no
    unit sits on the kink of a ReLU. Behind a smooth activation the arguments are no rationals; there the biases
    themselves are drawn.
    """
    widths = [1, *(draw(st.integers(1, width)) for _ in range(draw(st.integers(1, depth))))]
    values: list[Any] = [at]
    layers = []
    for inputs, outputs in pairwise(widths):
        weights = tuple(draw(rows(inputs)) for _ in range(outputs))
        arguments = [draw(nonzero_halves(4)) for _ in range(outputs)]
        bare = Layer(weights, (Integer(0),) * outputs)(values, EXACT.number)
        exact = all(number.is_Rational for number in bare)
        biases = tuple(z - reached if exact else z for z, reached in zip(arguments, bare, strict=True))
        layers.append(Layer(weights, biases))
        values = [activation.exact(z) for z in layers[-1](values, EXACT.number)]
    return LineTail((*layers, Layer((draw(rows(widths[-1])),), (draw(halves(-2, 2)),))), activation)


@st.composite
def cases(draw: st.DrawFn, activation: Face, head: Face) -> Case:
    """Return a drawn tail under an outer function, at a drawn point with a drawn footprint.

    No unit of the tail sits on the kink 0.
    """
    point, footprint = draw(halves(-4, 4)), draw(nonzero_halves(6))
    return Case(((S, draw(line_tails(activation, point)).face()), (f, head)), ((sigma, footprint), (x, point)))

"""How the families of settings are drawn: small maps and networks of short dyadic numbers (`verify.families`)."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import count
from math import prod

from hypothesis import strategies as st

from verify.layers import Activate, BatchNorm, Bias, Convolution, Gate, GlobalAverage, Layer, Linear, Map, cells
from verify.setting import Setting
from verify.tails import WholeTail
from verify.whole_affine import ZERO, dyadic

Numbers = st.SearchStrategy[Fraction]
Layers = tuple[Layer, ...]
FIRST = (0, 0, 0)
# Channels, height and width; powers of two, so that means over the map are dyadic.
SIDES = (1, 2)
# They grow where their argument is positive.
GROWING = ("relu", "softplus", "silu", "gelu", "tanh", "leaky_relu")
SMOOTH = ("gelu", "silu", "softplus", "tanh", "sigmoid")

CONSTANTS: Numbers = st.sampled_from(dyadic(-1, 1))
POSITIVE: Numbers = st.sampled_from([number for number in dyadic(0, 2) if number])
BRIGHT: Numbers = st.sampled_from([number for number in dyadic(0, 3, 4) if number])
DARK: Numbers = BRIGHT.map(lambda number: -number)
FALLING: Numbers = POSITIVE.map(lambda number: -number)
CURVED_HEADS = ("square", "sigmoid", "softplus", "tanh", "tempered")


# Maps and layers


def powers(*exponents: int) -> Numbers:
    """Return a strategy of powers of two, simplest first."""
    return st.sampled_from([Fraction(2) ** exponent for exponent in exponents])


def some(draw: st.DrawFn, numbers: Numbers, size: int) -> tuple[Fraction, ...]:
    """Draw so many numbers."""
    return tuple(draw(st.lists(numbers, min_size=size, max_size=size)))


def drawn_map(draw: st.DrawFn, entries: Numbers, channels: Sequence[int] = SIDES) -> Map:
    """Draw a map with these entries."""
    shape = draw(st.sampled_from(channels)), draw(st.sampled_from(SIDES)), draw(st.sampled_from(SIDES))
    numbers = iter(some(draw, entries, prod(shape)))
    return tuple(tuple(tuple(next(numbers) for _ in range(shape[2])) for _ in range(shape[1])) for _ in range(shape[0]))


def linear(draw: st.DrawFn, size: int, weights: Numbers, bias: Numbers = CONSTANTS) -> Linear:
    """Draw a linear layer from so many numbers to one."""
    return Linear((some(draw, weights, size),), (draw(bias),))


def pointwise(weight: Fraction, bias: Fraction = ZERO) -> Convolution:
    """Return weight A + bias of a map of one channel."""
    return Convolution(((((weight,),),),), (bias,))


def size_of(A: Map) -> int:
    """Return how many entries a map has."""
    return len(list(cells(A)))


def weighted_sum(draw: st.DrawFn, A: Map, weights: Numbers) -> Layers:
    """Return a weighted sum of the entries."""
    return (linear(draw, size_of(A), weights),)


def means(draw: st.DrawFn, A: Map, weights: Numbers) -> Layers:
    """Return a mean of each channel, perhaps behind rectified sums of channels, and a sum."""
    before = mixed(draw, A, weights, ["relu"]) if draw(st.booleans()) else ()
    channels = len(before[0].biases) if before else len(A)
    return (*before, GlobalAverage(), linear(draw, channels, weights))


def mixed(draw: st.DrawFn, A: Map, weights: Numbers, activations: Sequence[str]) -> tuple[Convolution, Activate]:
    """Return activations of sums over channels and a positive constant: no kink is near."""
    outputs = draw(st.integers(1, 2))
    kernels = tuple(tuple(((weight,),) for weight in some(draw, weights, len(A))) for _ in range(outputs))
    return Convolution(kernels, some(draw, POSITIVE, outputs)), Activate(draw(st.sampled_from(activations)))


def hidden(draw: st.DrawFn, A: Map, weights: Numbers) -> Layers:
    """Return one hidden layer of growing units over the whole map."""
    units = draw(st.integers(1, 3))
    rows = tuple(some(draw, weights, size_of(A)) for _ in range(units))
    activation = Activate(draw(st.sampled_from(GROWING)))
    return Linear(rows, some(draw, POSITIVE, units)), activation, linear(draw, units, weights)


def squares(draw: st.DrawFn, A: Map, weights: Numbers) -> Layers:
    """Return a sum of squares or cubes of the entries."""
    square = Gate((), ())
    power = draw(st.sampled_from([square, Gate((square,), ())]))
    return power, linear(draw, size_of(A), weights)


def square_of_sum(draw: st.DrawFn, A: Map, weights: Numbers) -> Layers:
    """Return the square of a weighted sum of the entries."""
    return linear(draw, size_of(A), weights, POSITIVE), Gate((), ())


@st.composite
def built(
    draw: st.DrawFn,
    layers: Callable[[st.DrawFn, Map, Numbers], Layers],
    weights: Numbers = POSITIVE,
    entries: Numbers = BRIGHT,
    channels: Sequence[int] = SIDES,
    heads: Sequence[str] = ("exp",),
) -> Setting:
    """Draw a map, the layers behind it and an outer function."""
    A = drawn_map(draw, entries, channels)
    return Setting(WholeTail(A, FIRST, layers(draw, A, weights)), draw(st.sampled_from(heads)))


# What breaks one assumption


@st.composite
def blind(draw: st.DrawFn) -> Setting:
    """Draw a score that does not move with the first entry."""
    A = drawn_map(draw, BRIGHT)
    first, *others = some(draw, POSITIVE, size_of(A))
    return Setting(WholeTail(A, FIRST, (Linear(((first * 0, *others),), (draw(CONSTANTS),)),)))


@st.composite
def poles(draw: st.DrawFn, sign: int) -> Setting:
    """Draw a map whose first channel has the footprint sign 2^k, and the first entry's slope -2/footprint."""
    A = drawn_map(draw, BRIGHT)
    rest = sum(cells((A[0],)), ZERO) - A[0][0][0]
    footprint = next(power for k in count(-1) if (power := Fraction(2) ** k) > rest) * draw(powers(1, 0, 2))
    numbers = iter([sign * a for a in (footprint - rest, *[*cells(A)][1:])])
    A = tuple(tuple(tuple(next(numbers) for _ in row) for row in channel) for channel in A)
    weights = (-2 / (sign * footprint), *(-sign * w for w in some(draw, POSITIVE, size_of(A) - 1)))
    return Setting(WholeTail(A, FIRST, (Linear((weights,), (draw(CONSTANTS),)),)))


@st.composite
def flat(draw: st.DrawFn) -> Setting:
    """Draw a linear score under an outer function that is not curved there: a sigmoid or tanh at 0."""
    A, head = drawn_map(draw, BRIGHT), draw(st.sampled_from(["identity", "sigmoid", "tanh"]))
    weights = some(draw, POSITIVE, size_of(A))
    score = sum((a * w for a, w in zip(cells(A), weights, strict=True)), ZERO)
    return Setting(WholeTail(A, FIRST, (Linear((weights,), (-score,)),)), head)


@st.composite
def kinked(draw: st.DrawFn) -> Setting:
    """Draw ReLUs of one channel, the first of them on its kink."""
    A = drawn_map(draw, BRIGHT, (1,))
    lifts = iter([-A[0][0][0], *some(draw, BRIGHT, size_of(A) - 1)])
    bias = Bias(tuple(tuple(tuple(next(lifts) for _ in row) for row in channel) for channel in A))
    return Setting(WholeTail(A, FIRST, (bias, Activate("relu"), linear(draw, size_of(A), POSITIVE))))


@st.composite
def rivals(draw: st.DrawFn) -> Setting:
    """Draw the linear scores of two classes under a softmax."""
    A = drawn_map(draw, BRIGHT)
    own, rival = (linear(draw, size_of(A), POSITIVE) for _ in range(2))
    return Setting(WholeTail(A, FIRST, (own,)), "softmax", rival=(rival,))


@st.composite
def saddles(draw: st.DrawFn) -> Setting:
    """Draw S = sum of (A + c)(d - A) over n equal pixels of slope g: alpha is positive closed, and negative exact.

    y2 = g^2 - 2 and y3 = g^3 - 6 g; for these g the footprint leads beyond the pole.
    """
    g, n = draw(st.sampled_from([Fraction(2), Fraction(7, 4), Fraction(9, 4)])), draw(st.sampled_from([1, 2]))
    a, c = draw(st.sampled_from([Fraction(2), Fraction(3), Fraction(4)])), draw(CONSTANTS)
    product = Gate((pointwise(Fraction(1), c),), (pointwise(Fraction(-1), g + c + 2 * a),))
    return Setting(WholeTail((((a,) * n,),), FIRST, (product, Linear(((Fraction(1),) * n,), (draw(CONSTANTS),)))))


@st.composite
def batches(draw: st.DrawFn, training: bool) -> Setting:
    """Draw two maps behind one batch norm."""
    A = drawn_map(draw, st.sampled_from(dyadic(-2, 2)))
    other = iter(some(draw, st.sampled_from(dyadic(-2, 2)), size_of(A)))
    second = tuple(tuple(tuple(next(other) for _ in row) for row in channel) for channel in A)
    many = len(A)
    norm = BatchNorm(
        some(draw, CONSTANTS, many), (Fraction(1),) * many, some(draw, POSITIVE, many), some(draw, CONSTANTS, many)
    )
    after: Layers = (Activate("softplus"),) if draw(st.booleans()) else ()
    layers = (norm, *after, linear(draw, size_of(A), POSITIVE))
    return Setting(WholeTail(A, FIRST, layers), other=second, training=training)


@st.composite
def extreme(draw: st.DrawFn, slopes: Numbers, footprints: Numbers, biases: Numbers, eps: Numbers) -> Setting:
    """Draw one entry a with S = w a + b, where w and sigma w have chosen sizes."""
    w, reach = draw(slopes), draw(footprints)
    layers = (Linear(((w,),), (draw(biases),)),)
    return Setting(WholeTail((((reach / w,),),), FIRST, layers), eps=draw(eps))


NOTHING, ONE = st.just(ZERO), st.just(Fraction(1))
REACHES = powers(0, 1, -1)


@st.composite
def whole(draw: st.DrawFn, tails: st.SearchStrategy[WholeTail]) -> Setting:
    """Draw a whole tail under the exponential."""
    return Setting(draw(tails))

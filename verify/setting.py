"""Settings: a whole map, the network behind it, and what alpha at its pixels depends on beside them.

    S, g, h, t     the score and its pure derivatives along the line of one entry
    y2, y3         f'' g^2 + f' h  and  f''' g^3 + 3 f'' g h + f' t: those of Y = f(S)
    alpha          y2 / (2 y2 + sigma y3), equation (10)

Everything comes from the definitions in ball arithmetic, one power series for each line through the map. A ball that
is one number is turned into that rational number (`fmpq`): for networks of piecewise-linear units and products all
derivatives are. No float64 takes part.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce
from typing import Any, NamedTuple

from flint import arb, arb_series, fmpq

from verify.arithmetic.ball import precision
from verify.layers import Layer, Map, cells, each, line, places, run, shape_of
from verify.probe import NoRule
from verify.tails import IN_BALLS, WholeTail

# A rational number where it is known exactly, else a ball.
Value = Any
Place = tuple[int, int, int]
TERMS = 4  # of a power series: up to the third derivative


class NoValue(Exception):
    """What is asked for does not exist in this setting; the message says which divisor is 0."""


class Jet(NamedTuple):
    """A score and its pure derivatives along one line."""

    S: Value
    g: Value
    h: Value
    t: Value


@dataclass(frozen=True)
class Outer:
    """An outer function f.

    Args:
        name: how a setting asks for it.
        text: f(u), for people.
        slopes: f', f'' and f''' at a score, divided by a common factor that is not 0.
    """

    name: str
    text: str
    slopes: Callable[[Value], tuple[Value, Value, Value]]


def _sigmoid(S: Value) -> tuple[Value, Value, Value]:
    s = 1 / (1 + (-arb(S)).exp())
    return 1, exactly(1 - 2 * s), exactly(1 - 6 * s + 6 * s * s)


def _softplus(S: Value) -> tuple[Value, Value, Value]:
    s = 1 / (1 + (-arb(S)).exp())
    return 1, exactly(1 - s), exactly((1 - s) * (1 - 2 * s))


def _tanh(S: Value) -> tuple[Value, Value, Value]:
    T = arb(S).tanh()
    return 1, exactly(-2 * T), exactly(6 * T * T - 2)


OUTER: tuple[Outer, ...] = (
    Outer("exp", "exp(u)", lambda S: (1, 1, 1)),
    Outer("tempered", "exp(u/2)", lambda S: (1, fmpq(1, 2), fmpq(1, 4))),
    Outer("square", "u^2", lambda S: (2 * S, 2, 0)),
    Outer("sigmoid", "1/(1 + exp(-u))", _sigmoid),
    Outer("softplus", "log(1 + exp(u))", _softplus),
    Outer("tanh", "tanh(u)", _tanh),
    Outer("identity", "u", lambda S: (1, 0, 0)),
    # Of two classes: a sigmoid of the difference of their scores, the rival's moving as well.
    Outer("softmax", "exp(u)/(exp(u) + exp(R))", _sigmoid),
)


@dataclass(frozen=True)
class Setting:
    """A map, a network, and the rest that a statement about all pixels may depend on.

    Args:
        tail: the map, the network, and the entry that is looked at where a statement is about one.
        head: name of the outer function, of `OUTER`.
        rival: the network of the other class, if the outer function is a softmax.
        other: the second map of a batch; none if empty.
        training: whether batch norms take mean and variance from the batch.
        eps: what the textbook formula adds to its denominator.

    Raises:
        ValueError: the outer function is unknown, or there is a rival without a softmax or the other way round.
    """

    tail: WholeTail
    head: str = "exp"
    rival: tuple[Layer, ...] = ()
    other: Map = ()
    training: bool = False
    eps: Fraction = Fraction(0)

    def __post_init__(self) -> None:
        if self.head not in (outer.name for outer in OUTER):
            raise ValueError(f"no outer function is called {self.head!r}: {', '.join(outer.name for outer in OUTER)}")
        if (self.head == "softmax") != bool(self.rival):
            raise ValueError("a softmax needs a rival, and nothing else has one")

    @property
    def A(self) -> Map:
        """The map."""
        return self.tail.A

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """All entries, channel by channel, row by row."""
        return tuple(places(shape_of(self.A)))

    @property
    def outer(self) -> Outer:
        """The outer function."""
        return next(outer for outer in OUTER if outer.name == self.head)

    def sigma(self, place: Place) -> fmpq:
        """Return the footprint of the entry's channel."""
        return rational(sum(cells((self.A[place[0]],)), Fraction(0)))

    def entry(self, place: Place) -> fmpq:
        """Return the entry itself."""
        k, i, j = place
        return rational(self.A[k][i][j])

    def jet(self, place: Place) -> Jet:
        """Return S, g, h, t along the line of one entry.

        Raises:
            Kink: a unit is on a kink there, or a maximum tied.
            NoRule: that is not known.
        """
        found = self._jets.get(place)
        if found is None:
            self._jets[place] = found = self._tried(lambda: derivatives(self.tail.layers, self.A, _unit(place)))
        if isinstance(found, NoRule):
            raise found
        return found

    def difference(self, place: Place) -> Jet:
        """Return the jet of what the outer function is applied to: S, or for a softmax S minus the rival's score."""
        own = self.jet(place)
        if not self.rival:
            return own
        rival = derivatives(self.rival, self.A, _unit(place))
        return Jet(*(mine - other for mine, other in zip(own, rival, strict=True)))

    @cached_property
    def _jets(self) -> dict[Place, Jet | NoRule]:
        return {}

    @staticmethod
    def _tried(compute: Callable[[], Jet]) -> Jet | NoRule:
        try:
            return compute()
        except NoRule as error:
            return error

    def __str__(self) -> str:
        """Name it in a line or two."""
        return "; ".join(self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """Its parts: the map, the network, and what is not as usual."""
        said = [f"A = {_map(self.A)}", f"S = {line(self.tail.layers)}"]
        said += [f"f(u) = {self.outer.text}"] if self.head != "exp" else []
        said += [f"R = {line(self.rival)}"] if self.rival else []
        said += [f"other map {_map(self.other)}"] if self.other else []
        said += ["norms in training mode"] if self.training else []
        said += [f"eps = {self.eps}"] if self.eps else []
        return tuple(said)


def derivatives(layers: tuple[Layer, ...], A: Map, direction: Callable[[Place], int]) -> Jet:
    """Return the score at A and its derivatives along a direction.

    Raises:
        Kink: a unit is on a kink along the line, or a maximum tied.
        NoRule: that is not known.
    """
    steps = iter([direction(place) for place in places(shape_of(A))])

    def moved(a: Fraction) -> arb | arb_series:
        number, step = arb(rational(a)), next(steps)
        return arb_series([number, step], prec=TERMS) if step else number

    with precision():
        score = run(layers, each(moved, A), IN_BALLS)[0][0][0]
        series = score if isinstance(score, arb_series) else arb_series([score], prec=TERMS)
        S, g, h, t = (exactly(series[k] * factorial) for k, factorial in enumerate((1, 1, 2, 6)))
        return Jet(S, g, h, t)


def _unit(place: Place) -> Callable[[Place], int]:
    return lambda other: int(other == place)


def mixed(setting: Setting, p: Place, q: Place) -> Value:
    """Return d2S/dA_p dA_q, p not q, from the second derivatives along e_p + e_q, e_p and e_q."""
    both = derivatives(setting.tail.layers, setting.A, lambda at: int(at in (p, q)))
    return (both.h - setting.jet(p).h - setting.jet(q).h) / 2


def row_sum(setting: Setting, p: Place) -> Value:
    """Return sum_q d2S/dA_p dA_q, from the second derivatives along v + e_p, v and e_p, v having ones everywhere."""
    layers, A = setting.tail.layers, setting.A
    more, all_of_them = derivatives(layers, A, lambda at: 1 + (at == p)), derivatives(layers, A, lambda _: 1)
    return (more.h - all_of_them.h - setting.jet(p).h) / 2


def of_outer(setting: Setting, place: Place) -> tuple[Value, Value]:
    """Return y2 and y3, up to a common factor that is not 0."""
    S, g, h, t = setting.difference(place)
    one, two, three = setting.outer.slopes(S)
    return two * g * g + one * h, three * g * g * g + 3 * two * g * h + one * t


def alpha(setting: Setting, place: Place) -> Value:
    """Return (10), the pixel weight.

    Raises:
        NoValue: its denominator is 0.
        NoRule: that is not known, or the entry is on a kink.
    """
    y2, y3 = of_outer(setting, place)
    return divided(y2, 2 * y2 + setting.sigma(place) * y3, "2 Y'' + sigma Y'''")


def closed(setting: Setting, place: Place) -> Value:
    """Return 1/(2 + sigma rho g), rho = f'''/f'' of the score's own outer function.

    Raises:
        NoValue: f'' is 0, or 2 + sigma rho g is.
        NoRule: that is not known, or the entry is on a kink.
    """
    return divided(1, 2 + setting.sigma(place) * rho(setting, place) * setting.jet(place).g, "2 + sigma rho g")


def printed(setting: Setting, place: Place) -> Value:
    """Return (19) as printed, g^2/(2 g^2 + sigma g^3).

    Raises:
        NoValue: its denominator is 0.
        NoRule: that is not known, or the entry is on a kink.
    """
    g = setting.jet(place).g
    return divided(g * g, 2 * g * g + setting.sigma(place) * g * g * g, "2 g^2 + sigma g^3")


def channel_weight(setting: Setting, channel: int, formula: Callable[[Setting, Place], Value]) -> Value:
    """Return sum_ij alpha_ij relu(g_ij) of a channel, alpha by some formula; a pixel that is not weighed asks for none.

    Raises:
        NoValue: an alpha that is asked for has none.
        NoRule: something is not known.
    """
    own = [(place, positive_part(setting.jet(place).g)) for place in setting.places if place[0] == channel]
    return sum((formula(setting, place) * g for place, g in own if g != 0), start=fmpq(0))


def picture(setting: Setting, formula: Callable[[Setting, Place], Value]) -> dict[Place, Value]:
    """Return the normalised heatmap relu(sum_k w_k A_k)/max, by place in a channel; black stays black.

    Raises:
        NoValue: an alpha that is asked for has none.
        NoRule: something is not known.
    """
    weights = [channel_weight(setting, channel, formula) for channel in range(len(setting.A))]
    pixels = [place for place in setting.places if place[0] == 0]
    raw = {
        (0, i, j): positive_part(sum((w * setting.entry((k, i, j)) for k, w in enumerate(weights)), start=fmpq(0)))
        for _, i, j in pixels
    }
    top = reduce(_larger, raw.values())
    return raw if top == 0 else {place: value / top for place, value in raw.items()}


def _larger(one: Value, other: Value) -> Value:
    """Return the larger of two numbers; if the balls leave that open, the ball of the maximum."""
    sign = sign_of(fmpq(1) * one - other)
    return arb(one).max(arb(other)) if sign is None else other if sign < 0 else one


def rho(setting: Setting, place: Place) -> Value:
    """Return f'''/f''.

    Raises:
        NoValue: f'' is 0.
    """
    _, two, three = setting.outer.slopes(setting.difference(place).S)
    return divided(three, two, "f''")


def divided(top: Value, bottom: Value, name: str) -> Value:
    """Return a quotient.

    Raises:
        NoValue: the divisor is 0.
        NoRule: it may be 0.
    """
    sign = sign_of(bottom)
    if sign == 0:
        raise NoValue(f"the divisor {name} is 0")
    if sign is None:
        raise NoRule(f"the divisor {name} may be 0: {bottom}")
    return fmpq(1) * top / bottom


def sign_of(number: Value) -> int | None:
    """Return -1, 0 or 1; None where the ball leaves it open."""
    if number == 0:
        return 0
    return 1 if number > 0 else -1 if number < 0 else None


def positive_part(number: Value) -> Value:
    """Return max(0, number).

    Raises:
        NoRule: the sign is open.
    """
    sign = sign_of(number)
    if sign is None:
        raise NoRule(f"the sign of {number} is open")
    return number if sign > 0 else fmpq(0)


def exactly(ball: arb) -> Value:
    """Return the rational number that a ball is, or the ball."""
    return ball.fmpq() if ball.is_finite() and ball.is_exact() else ball


def rational(number: Fraction) -> fmpq:
    """Return a fraction as python-flint's."""
    return fmpq(number.numerator, number.denominator)


def text(number: Value) -> str:
    """Write a number: a fraction, or a ball in brackets."""
    return str(number) if isinstance(number, (int, fmpq)) else str(arb(number).str(20))


def _map(A: Map) -> str:
    return "[" + "; ".join(" / ".join(" ".join(map(str, row)) for row in channel) for channel in A) + "]"


def pairs(setting: Setting) -> Iterator[tuple[Place, Place]]:
    """Yield all pairs of different entries, each once."""
    return ((p, q) for at, p in enumerate(setting.places) for q in setting.places[:at])

"""Counterexamples about whole maps worked out: which numbers go into both sides, line by line, to be followed by hand.

Every line is a formula, the numbers put in, and what they come to, exactly or in balls.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import starmap

from flint import arb, fmpq

from verify.arithmetic.ball import precision
from verify.batches import statistics
from verify.layers import BatchNorm, cells
from verify.probe import NoRule
from verify.setting import (
    NoValue,
    Place,
    Setting,
    Value,
    alpha,
    channel_weight,
    closed,
    exactly,
    mixed,
    of_outer,
    picture,
    positive_part,
    printed,
    rational,
    rho,
    text,
)
from verify.textbook import formed

Lines = Iterator[str]


def worked(name: str, setting: Setting, place: Place) -> list[str]:
    """Return the lines of the statement of this name, up to where something has no value."""
    with precision():
        return [*_until_no_value(WORKINGS[name](setting, place))]


def _until_no_value(lines: Lines) -> Lines:
    with suppress(NoValue, NoRule):
        yield from lines


def _put(number: Value) -> str:
    """Write a number as a factor."""
    said = text(number)
    return said if said.isdigit() or said.startswith("[") else f"({said})"


def _times(*numbers: Value) -> str:
    return " * ".join(map(_put, numbers))


def _jet(setting: Setting, place: Place) -> Lines:
    jet = setting.jet(place)
    told = ", ".join(f"{letter} = {text(value)}" for letter, value in zip("Sght", jet, strict=True))
    yield f"{told}, sigma = {text(setting.sigma(place))}"


def _exact(setting: Setting, place: Place) -> Lines:
    """Work out (10)."""
    yield from _jet(setting, place)
    S, g, h, t = setting.difference(place)
    if setting.rival:
        yield f"f takes S less the rival's score: {text(S)}, with g = {text(g)}, h = {text(h)}, t = {text(t)}"
    one, two, three = setting.outer.slopes(S)
    yield f"f' : f'' : f''' = {text(one)} : {text(two)} : {text(three)}; a common factor cancels"
    y2, y3 = of_outer(setting, place)
    yield f"Y'' = f'' g^2 + f' h = {_times(two, g, g)} + {_times(one, h)} = {text(y2)}"
    terms = _times(three, g, g, g), _times(3, two, g, h), _times(one, t)
    yield f"Y''' = f''' g^3 + 3 f'' g h + f' t = {' + '.join(terms)} = {text(y3)}"
    below = f"{_times(2, y2)} + {_times(setting.sigma(place), y3)}"
    yield f"2 Y'' + sigma Y''' = {below} = {text(2 * y2 + setting.sigma(place) * y3)}"
    yield f"alpha = Y''/(2 Y'' + sigma Y''') = {text(alpha(setting, place))}"


def _closed(setting: Setting, place: Place) -> Lines:
    _, two, three = setting.outer.slopes(setting.difference(place).S)
    yield f"rho = f'''/f'' = {_put(three)}/{_put(two)}"
    ratio, g, sigma = rho(setting, place), setting.jet(place).g, setting.sigma(place)
    yield f"2 + sigma rho g = 2 + {_times(sigma, ratio, g)} = {text(2 + sigma * ratio * g)}"
    yield f"closed form = 1/(2 + sigma rho g) = {text(closed(setting, place))}"


def _closed_map(setting: Setting, place: Place) -> Lines:
    yield from _exact(setting, place)
    yield from _closed(setting, place)


def _printed_map(setting: Setting, place: Place) -> Lines:
    yield from _exact(setting, place)
    g, sigma = setting.jet(place).g, setting.sigma(place)
    below = f"{_times(2, g, g)} + {_times(sigma, g, g, g)}"
    yield f"(19) = g^2/(2 g^2 + sigma g^3) = ({_times(g, g)})/({below}) = {text(printed(setting, place))}"


def _row_sums(setting: Setting, place: Place) -> Lines:
    yield from _jet(setting, place)
    others = [(q, mixed(setting, place, q)) for q in setting.places if q != place]
    yield from (f"d2S/dA_p dA_q = {text(second)} for q = {q}" for q, second in others)
    row = [setting.jet(place).h, *(second for _, second in others)]
    yield f"row sum = {' + '.join(map(_put, row))} = {text(sum(row, start=fmpq(0)))}"


def _footprints(setting: Setting, place: Place) -> Lines:
    own = [(setting.entry(q), setting.jet(q).g) for q in setting.places if q[0] == place[0]]
    inside = sum((a * g**3 for a, g in own), start=fmpq(0))
    yield f"sum A g^3 = {' + '.join(_times(a, g, g, g) for a, g in own)} = {text(inside)}"
    g, sigma = setting.jet(place).g, setting.sigma(place)
    yield f"(sum A) g_p^3 = {_times(sigma, g, g, g)} = {text(sigma * g**3)}"


def _weights(setting: Setting, _: Place) -> Lines:
    for q in setting.places:
        yield from (f"at {q}: {line}" for line in _closed(setting, q))
    for k in range(len(setting.A)):
        own = [(closed(setting, q), setting.jet(q).g) for q in setting.places if q[0] == k]
        for says, counts in (("max(0, g)", positive_part), ("g", lambda g: g)):
            total = sum((a * counts(g) for a, g in own), start=fmpq(0))
            terms = " + ".join(_times(a, counts(g)) for a, g in own)
            yield f"sum alpha {says} of channel {k} = {terms} = {text(total)}"


def _pictures(setting: Setting, _: Place) -> Lines:
    bright = [q for q in setting.places if setting.jet(q).g > 0]
    yield "g: " + _by_place({q: setting.jet(q).g for q in setting.places})
    for name, formula in (("closed", closed), ("exact", alpha)):
        yield f"{name} alpha where g > 0: " + _by_place({q: formula(setting, q) for q in bright})
        weights = [channel_weight(setting, k, formula) for k in range(len(setting.A))]
        yield f"w_k = sum alpha max(0, g): {', '.join(map(text, weights))}"
        yield "max(0, sum_k w_k A_k), divided by its maximum: " + _by_place(picture(setting, formula))


def _by_place(numbers: dict[Place, Value]) -> str:
    return ", ".join(f"{text(number)} at {q}" for q, number in numbers.items())


def _influence(setting: Setting, place: Place) -> Lines:
    k, i, j = place
    if not isinstance(setting.tail.layers[0], BatchNorm):
        return
    both = [[arb(rational(a)) for a in cells((A[k],))] for A in (setting.A, setting.other)]
    told = ", ".join(str(a) for A in (setting.A, setting.other) for a in cells((A[k],)))
    mean, deviation = statistics([((*channel,),) for channel in both])
    yield f"channel {k} of the batch: {told}; mean m = {text(exactly(mean))}, deviation s = {text(exactly(deviation))}"
    yield "the norm takes z to (z - m)/s, times its scale; if an entry a of the other image moves, that moves by"
    at = f"n = {sum(map(len, both))}, a = {setting.other[k][i][j]}"
    yield f"-1/(n s) - (z - m)(a - m)/(n s^3) per unit of a, {at}, for each z of the first image"


def _textbook(setting: Setting, place: Place) -> Lines:
    yield from _jet(setting, place)
    yield "in float32: " + ", ".join(starmap("{} = {:.9g}".format, formed(setting, place).items()))
    yield from _closed(setting, place)


WORKINGS: dict[str, Callable[[Setting, Place], Lines]] = {
    "one-slope-everywhere": _jet,
    "rows-are-diagonal": _row_sums,
    "no-curvature-anywhere": _jet,
    "closed-map": _closed_map,
    "printed-map": _printed_map,
    "footprint-outside": _footprints,
    "weights-without-relu": _weights,
    "alpha-is-a-share": _exact,
    "one-channel-one-picture": _pictures,
    "images-stand-alone": _influence,
    "textbook-in-float32": _textbook,
}

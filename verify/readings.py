"""The numeric room's own code on a setting, beside what it should put out: readings.

Every reading is what torch computed in float64, the bound on its rounding error that running error analysis derives
beside it, and the truth as a rational number or a ball. It is wrong only if the difference exceeds the bound for sure.
The parts of the code are the fields of `Code`, so that a wrong part can be put in the place of a right one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import inf, isfinite, isnan
from typing import TYPE_CHECKING

from flint import arb, fmpq

from verify.layers import shape_of
from verify.probe import NoRule
from verify.setting import (
    NoValue,
    Place,
    Setting,
    Value,
    alpha,
    channel_weight,
    closed,
    of_outer,
    positive_part,
    printed,
    sign_of,
    text,
)

if TYPE_CHECKING:
    from torch import Tensor

    from cam.maps import Explanation

# What cam knows of the outer functions of a setting.
KNOWN = ("exp", "sigmoid")


def pure(function: "Callable[[Tensor], Tensor]", A: "Tensor") -> "Tensor":
    """Return S, g, h, t along every entry, shape (4, entries), as `cam.nested_derivatives` does."""
    from cam import nested_derivatives

    return nested_derivatives(function, A)


def ratios(head: str, S: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return f''/f' and f'''/f' at S, as `cam.heads` gives them."""
    from cam import head as of_name

    return of_name(head).ratios(S)


def rhos(head: str, S: "Tensor") -> "Tensor":
    """Return f'''/f'' at S, as `cam.heads` gives it."""
    from cam import head as of_name

    return of_name(head).rho(S)


def alphas(A: "Tensor", g: "Tensor", rho: "Tensor") -> "Tensor":
    """Return the closed pixel weights of a map, as `cam.weights` gives them."""
    from cam import alpha_closed, footprint

    return alpha_closed(g, footprint(A), rho)


def weights(alpha: "Tensor", g: "Tensor") -> "Tensor":
    """Return the channel weights, as `cam.weights` gives them."""
    from cam import channel_weights

    return channel_weights(alpha, g)


@dataclass(frozen=True)
class Code:
    """The parts of the numeric room that readings are taken of."""

    derivatives: "Callable[[Callable[[Tensor], Tensor], Tensor], Tensor]" = pure
    ratios: "Callable[[str, Tensor], tuple[Tensor, Tensor]]" = ratios
    rhos: "Callable[[str, Tensor], Tensor]" = rhos
    alphas: "Callable[[Tensor, Tensor, Tensor], Tensor]" = alphas
    weights: "Callable[[Tensor, Tensor], Tensor]" = weights


CAM = Code()


@dataclass(frozen=True)
class Reading:
    """One number that torch computed.

    Args:
        name: what it is, and where.
        computed: the float64 number.
        bound: of its rounding error.
        truth: what it should be.
    """

    name: str
    computed: float
    bound: float
    truth: Value

    @property
    def right(self) -> bool | None:
        """Whether it is within its bound of the truth, for sure; None where that is open."""
        if isnan(self.computed):
            return None if self.bound == float("inf") else False
        excess = abs(arb(self.computed) - arb(self.truth)) - arb(self.bound)
        return True if excess <= 0 else False if excess > 0 else None

    def __str__(self) -> str:
        """Say what was computed and what it should be."""
        return f"{self.name} = {self.computed!r}, not {text(self.truth)} (rounding allows {self.bound:.2g})"


Truth = Callable[[Place], Value]


def derivatives(setting: Setting, code: Code) -> Iterator[Reading]:
    """Read S, g, h and t at every entry."""
    network = setting.tail.module()
    found, bounds = _watched(lambda: code.derivatives(lambda A: network(A)[:, 0], setting.tail.tensor()))
    for order, letter in enumerate("Sght"):
        yield from _readings(setting, letter, found[order], bounds[order], partial(_of_order, setting, order))


def _of_order(setting: Setting, order: int, place: Place) -> Value:
    return setting.jet(place)[order]


def closed_alphas(setting: Setting, code: Code) -> Iterator[Reading]:
    """Read alpha in closed form at every entry where the gradient is not 0, from the true gradients."""
    if setting.head not in KNOWN:
        return
    jets = [setting.jet(place) for place in setting.places]
    g, score = _rounded(setting, [jet.g for jet in jets]), _number(jets[0].S)
    A = setting.tail.tensor()
    found, bounds = _watched(lambda: code.alphas(A, g, code.rhos(setting.head, score)))
    yield from _readings(setting, "closed alpha", found.flatten(), bounds.flatten(), partial(_where_moving, setting))


def exact_alphas(setting: Setting, code: Code) -> Iterator[Reading]:
    """Read alpha by its definition (10) at every entry, from the true derivatives."""
    from cam import alpha_exact, footprint

    if setting.head not in KNOWN:
        return
    jets = [setting.jet(place) for place in setting.places]
    g, h, t = (_rounded(setting, [jet[k] for jet in jets]) for k in (1, 2, 3))
    A, score = setting.tail.tensor(), _number(jets[0].S)

    def compute() -> "Tensor":
        second, third = code.ratios(setting.head, score)
        return alpha_exact(second * g**2 + h, third * g**3 + 3 * second * g * h + t, footprint(A))

    found, bounds = _watched(compute)
    yield from _readings(setting, "exact alpha", found.flatten(), bounds.flatten(), partial(_by_definition, setting))


def both_alphas(setting: Setting, code: Code) -> Iterator[Reading]:
    """Read alpha in closed form and by its definition."""
    yield from closed_alphas(setting, code)
    yield from exact_alphas(setting, code)


def printed_alphas(setting: Setting, _: Code) -> Iterator[Reading]:
    """Read alpha by (19) as printed at every entry, from the true gradients."""
    from cam import alpha_printed, footprint

    g, A = _rounded(setting, [setting.jet(place).g for place in setting.places]), setting.tail.tensor()
    found, bounds = _watched(lambda: alpha_printed(g, footprint(A)))
    yield from _readings(setting, "printed alpha", found.flatten(), bounds.flatten(), partial(printed, setting))


def stable_alphas(setting: Setting, _: Code) -> Iterator[Reading]:
    """Read alpha in closed form in float32, which needs no exponential, no power and no eps."""
    from verify.textbook import allowed, stable

    for place in setting.places:
        try:
            truth = printed(setting, place)
            bound = allowed(setting, place, truth)
            yield Reading(f"closed alpha in float32 at {place}", stable(setting, place), _above(bound), truth)
        except (NoValue, NoRule):
            continue


def channel_weights(setting: Setting, code: Code) -> Iterator[Reading]:
    """Read the weight of every channel, alpha in closed form, from the true gradients."""
    if setting.head not in KNOWN:
        return
    jets = [setting.jet(place) for place in setting.places]
    g, score, A = _rounded(setting, [jet.g for jet in jets]), _number(jets[0].S), setting.tail.tensor()
    found, bounds = _watched(lambda: code.weights(code.alphas(A, g, code.rhos(setting.head, score)), g))
    for k, (computed, bound) in enumerate(zip(found[0].tolist(), bounds[0].tolist(), strict=True)):
        try:
            yield Reading(f"w_{k + 1}", computed, bound, channel_weight(setting, k, closed))
        except (NoValue, NoRule):
            continue


def maps(setting: Setting, _: Code) -> Iterator[Reading]:
    """Read the whole heatmap, closed and exact, of the model that is cut at the map."""
    from cam import cut, head
    from cam.maps import explained

    if setting.head not in KNOWN:
        return
    where = cut(setting.tail.module(), "A", setting.tail.tensor())
    for name, formula in (("closed", closed), ("exact", alpha)):
        found, bounds = _watched(partial(_map_of, partial(explained, where, 0, head(setting.head), name)))
        try:
            weights = [channel_weight(setting, k, formula) for k in range(len(setting.A))]
        except (NoValue, NoRule):
            continue
        truth = partial(_pixel, setting, weights)
        yield from _readings(setting, f"{name} map", found.flatten(), bounds.flatten(), truth)


def _map_of(explain: "Callable[[], Explanation]") -> "Tensor":
    return explain().map


def _pixel(setting: Setting, weights: Sequence[Value], place: Place) -> Value:
    total = sum((w * setting.entry((k, *place[1:])) for k, w in enumerate(weights)), start=fmpq(0))
    return positive_part(total)


def rows(setting: Setting, _: Code) -> Iterator[Reading]:
    """Read the gradient of the first score of a batch of two by the other image: the tail's rows stand alone.

    A model in training mode is none that `cam` would cut.
    """
    import torch

    from cam import cut
    from verify.modules import tensor

    if setting.training:
        return
    both = torch.cat([setting.tail.tensor(), tensor((setting.other,))]).requires_grad_()
    where = cut(setting.tail.module(), "A", setting.tail.tensor())

    def compute() -> "Tensor":
        (slopes,) = torch.autograd.grad(where.tail(both)[0, 0], both)
        return slopes[1]

    found, bounds = _watched(compute)
    yield from _readings(setting, "dS_1/dA_2", found.flatten(), bounds.flatten(), lambda _: fmpq(0))


def _where_moving(setting: Setting, place: Place) -> Value:
    if sign_of(setting.jet(place).g) == 0:
        raise NoValue("the slope is 0")
    return closed(setting, place)


def _by_definition(setting: Setting, place: Place) -> Value:
    if all(number == 0 for number in of_outer(setting, place)):
        raise NoValue("0/0")
    return alpha(setting, place)


def _readings(
    setting: Setting, name: str, found: "Tensor", bounds: "Tensor", truth: Callable[[Place], Value]
) -> Iterator[Reading]:
    for place, computed, bound in zip(setting.places, found.tolist(), bounds.tolist(), strict=False):
        try:
            yield Reading(f"{name} at {place}", computed, bound, truth(place))
        except (NoValue, NoRule):
            continue


def _watched(compute: "Callable[[], Tensor]") -> "tuple[Tensor, Tensor]":
    from verify.rounding import RunningError

    with RunningError() as mode:
        found = compute().detach()
        return found, mode.error(found)


def _rounded(setting: Setting, numbers: Sequence[Value]) -> "Tensor":
    """Return true numbers as a float64 tensor of the map's shape.

    Raises:
        NoRule: float64 does not hold one of them.
    """
    import torch

    flat = torch.stack([_number(number) for number in numbers])
    return flat.reshape(1, *shape_of(setting.A))


def _above(bound: fmpq) -> float:
    """Return a float64 that is not below a bound."""
    return float(arb(bound).upper()) * (1 + 2.0**-50)


def _number(number: Value) -> "Tensor":
    import torch

    if not isinstance(number, fmpq):
        raise NoRule(f"{text(number)} is not known exactly")
    try:
        held = int(number.p) / int(number.q)
    except OverflowError:
        held = inf
    if not isfinite(held) or Fraction(held) != Fraction(int(number.p), int(number.q)):
        raise NoRule(f"float64 does not hold {number}")
    return torch.tensor(held, dtype=torch.float64)

"""What statements about all pixels rest on: each assumption is an object that decides whether a setting meets it.

An assumption is decided at an entry, exactly or by balls: True, False, or None where it is not known, which includes
an entry on a kink, where a derivative is asked for that does not exist. What is about the whole map or network gives
the same answer at every entry. The strategies that draw settings are in `verify.families`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from flint import arb
from hypothesis import strategies as st

from verify.arithmetic.ball import precision
from verify.arithmetic.local import Local, locally
from verify.catalogue.units import unit
from verify.layers import Activate, BatchNorm, Gate, cells, each, run
from verify.probe import Kink, NoRule
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
    pairs,
    rational,
    rho,
    sign_of,
)
from verify.tails import nested
from verify.whole_affine import MARGIN

Decision = bool | None
# The normal numbers of float32: from the first, below the second; one power of two is left for rounding.
SMALLEST, LARGEST = -126, 127


@dataclass(frozen=True)
class Assumption:
    """One assumption.

    Args:
        name: how properties ask for it.
        formula: LaTeX.
        says: in a sentence.
        decide: whether a setting meets it at an entry; may raise `NoRule` or `NoValue` where nothing is known.
        presumes: names of the assumptions without which it may say nothing.
    """

    name: str
    formula: str
    says: str
    decide: Callable[[Setting, Place], Decision]
    presumes: tuple[str, ...] = ()

    def at(self, setting: Setting, place: Place) -> Decision:
        """Return whether a setting meets it at an entry; None where that is not known."""
        with precision():
            try:
                return self.decide(setting, place)
            except (NoRule, NoValue):
                return None

    def exists(self, setting: Setting, place: Place) -> bool:
        """Return whether it says anything at an entry: not on a kink, nor where what it speaks of is divided by 0."""
        with precision():
            try:
                self.decide(setting, place)
            except (Kink, NoValue):
                return False
            except NoRule:
                return True
            return True

    def meets(self, setting: Setting) -> Decision:
        """Return whether a setting meets it at every entry; None where that is not known."""
        found = [self.at(setting, place) for place in setting.places]
        return False if False in found else None if None in found else True

    def meeting(self, others: Collection[str] = ()) -> st.SearchStrategy[Setting]:
        """Return a strategy of settings that meet it, and those others, at the entry looked at."""
        from verify.families import settings

        return settings({self.name, *others})

    def violating(self, kept: Collection[str] = ()) -> st.SearchStrategy[Setting]:
        """Return a strategy of settings that violate it at some entry, and there meet those that are kept."""
        from verify.families import settings

        return settings(set(kept) - {self.name}, violate=self.name)


def assumption(name: str) -> Assumption:
    """Return the assumption of this name.

    Raises:
        UsageError: there is none.
    """
    from verify.errors import unknown

    known = {each.name: each for each in ASSUMPTIONS}
    if name not in known:
        raise unknown("assumption", name, known)
    return known[name]


def _zero(number: Value) -> Decision:
    sign = sign_of(number)
    return None if sign is None else sign == 0


def _not(decision: Decision) -> Decision:
    return None if decision is None else not decision


def _all(decisions: Any) -> Decision:
    found = list(decisions)
    return False if False in found else None if None in found else True


def _interior(setting: Setting, _: Place) -> Decision:
    """Look how far all units are from their kinks; behind curved units that is known up to `MARGIN`."""
    bends: list[Local] = []
    run(setting.tail.layers, each(Local, setting.A), locally(bends))
    nearest = min((abs(bend.value) for bend in bends), default=None)
    if nearest is None or nearest > MARGIN:
        return True
    return False if nearest == 0 and setting.tail.piecewise_linear else None


def _affine(setting: Setting, place: Place) -> Decision:
    jet = setting.jet(place)
    return _all([_zero(jet.h), _zero(jet.t)])


def _piecewise_linear(setting: Setting, _: Place) -> Decision:
    parts = nested(setting.tail.layers)
    return all(unit(part.name).piecewise_linear for part in parts if isinstance(part, Activate))


def _no_products(setting: Setting, _: Place) -> Decision:
    return not any(isinstance(part, Gate) for part in nested(setting.tail.layers))


def _outer_curved(setting: Setting, place: Place) -> Decision:
    return _not(_zero(setting.outer.slopes(setting.difference(place).S)[1]))


def _no_pole(setting: Setting, place: Place) -> Decision:
    return _not(_zero(2 + setting.sigma(place) * rho(setting, place) * setting.jet(place).g))


def _slope_nonnegative(setting: Setting, place: Place) -> Decision:
    sign = sign_of(setting.jet(place).g)
    return None if sign is None else sign >= 0


def _constant_in_space(setting: Setting, place: Place) -> Decision:
    g = setting.jet(place).g
    return _all(_zero(setting.jet(other).g - g) for other in setting.places if other[0] == place[0])


def _separable(setting: Setting, place: Place) -> Decision:
    return _all(_zero(mixed(setting, *pair)) for pair in pairs(setting) if place in pair)


def _weights_positive(setting: Setting, place: Place) -> Decision:
    """Add up alpha relu(g) in the entry's channel, with the closed alpha and with the exact one."""
    signs = [sign_of(channel_weight(setting, place[0], formula)) for formula in (closed, alpha)]
    return _all(None if sign is None else sign > 0 for sign in signs)


def _evaluating(setting: Setting, _: Place) -> Decision:
    return not (setting.training and any(isinstance(part, BatchNorm) for part in nested(setting.tail.layers)))


def _parts(setting: Setting, place: Place) -> list[Value]:
    """Return g^2, |g|^3, exp(S), exp(S) g^2 and exp(S) |g|^3, which the textbook formula forms."""
    S, g, _, _ = setting.jet(place)
    Y, size = arb(S).exp(), exactly(abs(arb(g)))
    return [size**2, size**3, Y, Y * size**2, Y * size**3]


def _no_overflow(setting: Setting, place: Place) -> Decision:
    largest, parts = arb(2) ** LARGEST, _parts(setting, place)
    total = rational(sum(map(abs, cells((setting.A[place[0]],))), start=setting.eps * 0))
    formed = [arb(n) for n in (*parts, total, 2 * parts[3] + parts[4] * total)]
    return _all(True if n < largest else False if n >= largest else None for n in formed)


def _no_underflow(setting: Setting, place: Place) -> Decision:
    smallest, parts = arb(2) ** SMALLEST, _parts(setting, place)
    formed = [arb(n) for n in (*parts, parts[4] * abs(setting.sigma(place))) if sign_of(n) != 0]
    return _all(True if n >= smallest else False if n < smallest else None for n in formed)


DERIVED = ("interior",)  # what speaks of derivatives says nothing on a kink

ASSUMPTIONS: tuple[Assumption, ...] = (
    Assumption("interior", r"A \notin \text{kinks}", "No unit is on a kink and no maximum is tied.", _interior),
    Assumption(
        "affine-along-line",
        r"\frac{\partial^2 S}{\partial A_p^2} = \frac{\partial^3 S}{\partial A_p^3} = 0",
        "Along the entry's line the score has no second and no third derivative, as where it is affine.",
        _affine,
        DERIVED,
    ),
    Assumption("piecewise-linear", r"\text{act}'' = 0", "Every activation is piecewise linear.", _piecewise_linear),
    Assumption(
        "no-products",
        r"S \text{ without } F(A) \odot G(A)",
        "No layer multiplies two functions of the map.",
        _no_products,
    ),
    Assumption(
        "exp-head", r"f(u) = e^u", "The outer function is the exponential.", lambda setting, _: setting.head == "exp"
    ),
    Assumption(
        "scalar-head",
        r"Y = f(S)",
        "The outer function takes the score of one class alone, as every one but a softmax does.",
        lambda setting, _: not setting.rival,
    ),
    Assumption("outer-curved", r"f''(S) \neq 0", "The outer function is curved at the score.", _outer_curved, DERIVED),
    Assumption(
        "slope-nonzero",
        r"g_p \neq 0",
        "The score moves with the entry.",
        lambda setting, place: _not(_zero(setting.jet(place).g)),
        DERIVED,
    ),
    Assumption(
        "no-pole",
        r"2 + \sigma \rho g_p \neq 0",
        "The closed form's denominator is not 0.",
        _no_pole,
        (*DERIVED, "outer-curved"),
    ),
    Assumption(
        "rectified",
        r"A \geq 0",
        "No activation is negative, as after a ReLU.",
        lambda setting, _: min(cells(setting.A)) >= 0,
    ),
    Assumption("gradients-nonnegative", r"g_p \geq 0", "The gradient is not negative.", _slope_nonnegative, DERIVED),
    Assumption(
        "constant-in-space",
        r"g_{ij} = g_{ab}",
        "The gradient is the same at all pixels of a channel, as behind global average pooling.",
        _constant_in_space,
        DERIVED,
    ),
    Assumption(
        "pixels-separable",
        r"\frac{\partial^2 S}{\partial A_p \partial A_q} = 0",
        "The score is a sum of functions of one entry each.",
        _separable,
        DERIVED,
    ),
    Assumption("one-channel", r"K = 1", "The map has one channel.", lambda setting, _: len(setting.A) == 1),
    Assumption(
        "weights-positive",
        r"w_k > 0",
        "Every channel's weight is positive, closed and exact.",
        _weights_positive,
        DERIVED,
    ),
    Assumption("eval-mode", r"\mu, s \text{ fixed}", "Batch norms use stored means and variances.", _evaluating),
    Assumption(
        "no-overflow",
        r"e^S, |g|^3, e^S |g|^3, \textstyle\sum |A|, 2 e^S g^2 + e^S |g|^3 \sum |A| < 2^{127}",
        "Everything that the textbook formula forms is below the largest number of float32.",
        _no_overflow,
        DERIVED,
    ),
    Assumption(
        "no-underflow",
        r"g^2, |g|^3, e^S, \ldots \geq 2^{-126}",
        "Nothing that the textbook formula forms is below the smallest normal number of float32, unless it is 0.",
        _no_underflow,
        DERIVED,
    ),
    Assumption(
        "no-eps", r"\varepsilon = 0", "Nothing is added to the denominator.", lambda setting, _: setting.eps == 0
    ),
)

"""The closed form as a textbook would code it, in float32, and how far it may be from the exact number.

    alpha = E g^2 / (2 E g^2 + (sum A) E g^3 + eps),   E = exp(S)

Where nothing over- or underflows and eps = 0, every operation errs by a factor 1 + d with |d| <= u = 2^-24, and E,
right or not, is a factor of both sides of the fraction and cancels. With n entries in the channel the numerator has 2
roundings and the denominator's terms at most n + 6, so that, gamma_k = k u/(1 - k u),

    |computed - alpha| <= |alpha| ((1 + gamma_3)/(1 - e) - 1),   e = gamma_(n+6) (2 + |g| sum |A|)/|2 + sigma g|

Source: N. J. Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed., section 3.1.
"""

from fractions import Fraction
from functools import reduce
from math import isfinite
from operator import add

import torch
from flint import arb, fmpq

from cam.weights import alpha_closed
from verify.layers import cells
from verify.probe import NoRule
from verify.setting import NoValue, Place, Setting, Value, rational

UNIT = Fraction(1, 2**24)


def textbook(setting: Setting, place: Place) -> Value:
    """Return the number that float32 arithmetic gives, as the rational number it is.

    The exponential is the float32 next to the true one, and every operation is one of IEEE 754: all machines agree.

    Raises:
        NoValue: it gives infinity or no number.
        NoRule: an input is no float32, or not known exactly.
    """
    found = formed(setting, place)["alpha"]
    if not isfinite(found):
        raise NoValue(f"float32 arithmetic gives {found}")
    return rational(Fraction(found))


def formed(setting: Setting, place: Place) -> dict[str, float]:
    """Return everything that the formula forms in float32, by what it is, alpha last.

    Raises:
        NoRule: an input is no float32, or not known exactly.
    """
    g, *A = _inputs(setting, place)
    Y = _float32(float(arb(setting.jet(place).S).exp().mid()))
    second, third, footprint = Y * (g * g), Y * (g * g * g), reduce(add, A)
    below = 2 * second + footprint * third + _float32(float(setting.eps))
    numbers = {
        "E": Y,
        "g^2": g * g,
        "g^3": g * g * g,
        "E g^2": second,
        "E g^3": third,
        "sum A": footprint,
        "denominator": below,
        "alpha": second / below,
    }
    return {name: float(number) for name, number in numbers.items()}


def stable(setting: Setting, place: Place) -> float:
    """Return the closed form of `cam` in float32: no exponential, no power and no eps.

    Raises:
        NoRule: an input is no float32, or not known exactly.
    """
    g, *A = _inputs(setting, place)
    return float(alpha_closed(g, reduce(add, A)))


def allowed(setting: Setting, place: Place, exact: Value) -> Value:
    """Return how far the textbook formula may be from the exact alpha.

    Raises:
        NoRule: the bound says nothing, so near is the pole.
    """
    _, g, _, _ = setting.jet(place)
    numbers = [rational(a) for a in cells((setting.A[place[0]],))]
    reach, total = setting.sigma(place) * g, sum(map(abs, numbers), fmpq(0)) * abs(g)
    e = _gamma(len(numbers) + 6) * (2 + total) / abs(2 + reach)
    if e >= fmpq(1, 2):
        raise NoRule("the bound of the rounding errors says nothing so near the pole")
    return abs(exact) * ((1 + _gamma(3)) / (1 - e) - 1)


def _gamma(roundings: int) -> fmpq:
    return rational(roundings * UNIT / (1 - roundings * UNIT))


def _inputs(setting: Setting, place: Place) -> list[torch.Tensor]:
    """Return the slope and the entries of the channel."""
    numbers = [setting.jet(place).g, *(rational(a) for a in cells((setting.A[place[0]],)))]
    if not all(isinstance(number, fmpq) for number in numbers):
        raise NoRule("a slope that is not known exactly")
    fractions = [Fraction(int(number.p), int(number.q)) for number in numbers]
    held = [_float32(float(number)) for number in fractions]
    if any(Fraction(float(one)) != number for one, number in zip(held, fractions, strict=True)):
        raise NoRule("a number that float32 does not hold")
    return held


def _float32(number: float) -> torch.Tensor:
    return torch.tensor(number, dtype=torch.float32)

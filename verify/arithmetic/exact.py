"""Exact numbers: SymPy's rationals, and expressions in exp of rationals, which are decided by transcendence."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sympy import QQ, Dummy, E, Expr, Max, Pow, Rational, Symbol, diff, exp, fraction, ilcm, limit, together

from verify.probe import Kink, NoRule, Ratio, Scalar

if TYPE_CHECKING:
    from verify.catalogue.functions import Face


# The variable that a function is differentiated by: always the same, so that the same function is differentiated once.
MOVED = Dummy("u", real=True)
# e^(1/q), and the rational functions of it with rational coefficients.
ROOT = Dummy("r", positive=True)
FRACTIONS = QQ.frac_field(ROOT)


@lru_cache(maxsize=1 << 12)
def _differentiated(body: Expr, order: int) -> Expr:
    return diff(body, MOVED, order)


class Exact:
    """SymPy expressions; derivatives by SymPy's rules, limits by its Gruntz algorithm."""

    def number(self, value: Rational) -> Expr:
        """Return the number itself."""
        return value

    def exponential(self, value: Expr) -> Expr:
        """Return exp(value)."""
        return exp(value)

    def positive_part(self, value: Expr) -> Expr:
        """Return max(0, value)."""
        return Max(0, value)

    def face(self, face: "Face") -> Scalar:
        """Return the function's SymPy face."""
        return face.exact

    def derivative(self, function: Scalar, order: int) -> Scalar:
        """Return the derivative, evaluated only away from kinks."""
        u = Dummy("u", real=True)
        body = function(u).xreplace({u: MOVED})

        def at(point: Expr) -> Expr:
            for part in body.atoms(Max):
                if len({arg.subs(MOVED, point) for arg in part.args}) < len(part.args):
                    raise Kink(f"{part} has its kink at {MOVED} = {point}")
            return _differentiated(body, order).subs(MOVED, point)

        return at

    def limit(self, ratio: Ratio, at: Expr, side: str) -> Expr:
        """Return the limit of a ratio of functions that are affine pieces or rational."""
        t = Symbol("t", positive=True)
        sides = {_one_sided(ratio, at, t if one == "+" else -t, t) for one in side}
        if len(sides) != 1:
            raise NoRule(f"the limits from the two sides differ: {sides}")
        return sides.pop()


def _one_sided(ratio: Ratio, at: Expr, offset: Expr, t: Symbol) -> Expr:
    numerator, denominator = ratio(at + offset, EXACT)
    pieces = {part: _near_zero(part, t) for part in numerator.atoms(Max) | denominator.atoms(Max)}
    return limit((numerator / denominator).xreplace(pieces), t, 0, "+")


def _near_zero(part: Max, t: Symbol) -> Expr:
    """Which argument of a maximum of affine functions of t is the largest for all small positive t."""
    return max(part.args, key=lambda arg: (arg.subs(t, 0), diff(arg, t)))


def sign(number: Any) -> int | None:
    """Return -1, 0 or 1, or None where it is not decided.

    Rational numbers are compared. A rational function P/Q of e^(1/q) with rational coefficients is zero only if P is
    the zero polynomial, since e^(1/q) is transcendental (Hermite); where P is not zero, its sign is that of an
    approximation to 30 digits that SymPy guarantees.
    """
    if number.is_Rational:
        return 1 if number > 0 else -1 if number < 0 else 0
    zero = _vanishes(number)
    if zero is None:  # a root of a sum that cancels, perhaps
        numerator, denominator = fraction(together(number))
        zero = _vanishes(numerator) if _vanishes(denominator) is False else None
    if zero is None:
        return None
    if zero:
        return 0
    approximate = number.evalf(30)
    return None if not approximate.is_comparable else (1 if approximate > 0 else -1)


def _vanishes(expr: Expr) -> bool | None:
    """Whether a rational function of exponentials of rationals is zero; None for any other expression."""
    powers = {part for part in expr.atoms(exp, Pow) if part.is_Pow is False or part.base == E}
    exponents = {part: part.args[0] if isinstance(part, exp) else part.exp for part in powers} | {E: Rational(1)}
    if not all(exponent.is_Rational for exponent in exponents.values()):
        return None
    q = ilcm(1, 1, *(exponent.q for exponent in exponents.values()))
    replaced = expr.xreplace({part: ROOT ** (exponent * q) for part, exponent in exponents.items()})
    try:
        return bool(FRACTIONS.from_sympy(replaced) == 0)
    except (ValueError, ZeroDivisionError):
        return None


EXACT = Exact()

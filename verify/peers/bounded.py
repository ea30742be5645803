"""Rational numbers that know what floating point can make of them, to first order in the unit roundoff.

A `Bounded` is an exact value and a number of roundings: computed in floating point, in any order of the sums and
products that make it up, it is off by at most `roundings` times the unit roundoff, and less than that squared.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

# A sum or product is rounded once; powers and exponentials of good libraries are off by up to two units.
UNITS = 2


@dataclass(frozen=True)
class Bounded:
    """An exact rational and how many unit roundoffs its computed value may be off.

    Args:
        value: the number.
        roundings: the error bound divided by the unit roundoff.
    """

    value: Fraction
    roundings: Fraction = Fraction(0)

    def __add__(self, other: "Bounded") -> "Bounded":
        return total((self, other))

    def __sub__(self, other: "Bounded") -> "Bounded":
        return total((self, Bounded(-other.value, other.roundings)))

    def __mul__(self, other: "Bounded") -> "Bounded":
        value = self.value * other.value
        carried = abs(self.value) * other.roundings + abs(other.value) * self.roundings
        return Bounded(value, carried + UNITS * abs(value))

    def __truediv__(self, other: "Bounded") -> "Bounded":
        value = self.value / other.value
        carried = (self.roundings + abs(value) * other.roundings) / abs(other.value)
        return Bounded(value, carried + UNITS * abs(value))

    def relu(self) -> "Bounded":
        """Return the positive part; an error does not grow by it."""
        return Bounded(max(self.value, Fraction(0)), self.roundings)

    def allows(self, found: float, unit: float, more: Fraction = Fraction(0)) -> bool:
        """Whether a floating-point number can be this one computed with a unit roundoff.

        Args:
            found: the number.
            unit: half the spacing of floating-point numbers at 1; errors of second order are covered by doubling it.
            more: what else it may be off.
        """
        if found != found or found in (float("inf"), float("-inf")):
            return False
        return abs(Fraction(found) - self.value) <= 2 * Fraction(unit) * self.roundings + more


def total(numbers: Iterable[Bounded]) -> Bounded:
    """Return the sum: n - 1 additions in any order are off by at most (n - 1) roundings of the sum of sizes."""
    terms = list(numbers)
    size = sum((abs(term.value) for term in terms), Fraction(0))
    carried = sum((term.roundings for term in terms), Fraction(0))
    return Bounded(sum((term.value for term in terms), Fraction(0)), carried + max(len(terms) - 1, 0) * size)


def largest(numbers: Iterable[Bounded]) -> Bounded:
    """Return the maximum; it is off by no more than the number that may be off most."""
    terms = list(numbers)
    return Bounded(max(term.value for term in terms), max(term.roundings for term in terms))


def smallest(numbers: Iterable[Bounded]) -> Bounded:
    """Return the minimum; it is off by no more than the number that may be off most."""
    terms = list(numbers)
    return Bounded(min(term.value for term in terms), max(term.roundings for term in terms))

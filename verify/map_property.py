"""A statement about whole maps: what it is, where it is made, and how it is judged.

Its two sides come from the definitions as rational numbers or balls. With all assumptions in force it has to hold at
every entry; without one of them, an entry is looked for at which this one alone is violated and the statement fails.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from math import inf
from typing import NamedTuple

from flint import arb, fmpq

from verify.arithmetic.ball import precision
from verify.assumptions import Assumption, assumption
from verify.matrix import Need
from verify.methods.trial import Outcome
from verify.probe import Kink, NoRule
from verify.readings import CAM, Code, Reading
from verify.setting import NoValue, Place, Setting, Value, sign_of, text

# A ball wider than this says nothing.
WIDE = arb(2) ** -40


class Sides(NamedTuple):
    """Two values that should be equal, or as near as is allowed."""

    lhs: Value
    rhs: Value
    within: Value = 0


def equal(sides: Sides) -> bool | None:
    """Say whether two sides are equal, or as near as is allowed; balls that overlap and are narrow count as equal."""
    if all(isinstance(side, (int, fmpq)) for side in sides):
        return bool(abs(fmpq(1) * sides.lhs - sides.rhs) <= sides.within)
    apart = abs(arb(sides.lhs) - arb(sides.rhs)) - arb(sides.within)
    if apart > 0:
        return False
    return True if arb(sides.lhs).rad() + arb(sides.rhs).rad() < WIDE else None


def worst(found: list[Sides]) -> Sides:
    """Return the first pair that is unequal, else the first that is not decided, else the first."""
    return min(found, key=lambda sides: (False, None, True).index(equal(sides)))


def share(sides: Sides) -> bool | None:
    """Say whether the left side is above 0 and at most the right one."""
    signs = [sign_of(sides.lhs), sign_of(fmpq(1) * sides.rhs - sides.lhs)]
    if signs[0] in (0, -1) or signs[1] == -1:
        return False
    return None if None in signs else True


@dataclass(frozen=True)
class MapProperty:
    """One statement.

    Args:
        name: how it is asked for.
        says: in a sentence.
        formula: LaTeX.
        assumes: names of its assumptions.
        sides: its two sides at an entry; raises `NoValue` where one does not exist.
        everywhere: whether it is about each entry; else it is about the map, and its assumptions are on every entry.
        compare: whether it holds, from the two sides.
        sign: what stands between the two sides where it does not hold.
        read: the readings of the numeric room's code.
        also: what the families have to offer besides the assumptions.
    """

    name: str
    says: str
    formula: str
    assumes: tuple[str, ...]
    sides: Callable[[Setting, Place], Sides]
    everywhere: bool = True
    compare: Callable[[Sides], bool | None] = equal
    sign: str = "≠"
    read: Callable[[Setting, Code], Iterator[Reading]] | None = None
    also: frozenset[str] = frozenset()

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """Its assumptions."""
        return tuple(map(assumption, self.assumes))

    @property
    def statement(self) -> str:
        """12 letters that change when the statement or an assumption does."""
        given = sorted((each.name, each.formula) for each in self.assumptions)
        return sha256(repr((self.formula, self.says, given)).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Broken:
    """Where a statement fails without one of its assumptions: at which entry, and what the two sides are."""

    need: Need
    setting: Setting
    place: Place
    outcome: Outcome
    why: str = ""


def outcome(prop: MapProperty, setting: Setting, place: Place) -> Outcome:
    """Return the two sides and whether the statement holds.

    Raises:
        NoValue: a side does not exist.
        NoRule: a side is not known.
    """
    with precision():
        sides = prop.sides(setting, place)
        known = [inf if isinstance(side, (int, fmpq)) else float(side.rel_accuracy_bits()) for side in sides[:2]]
        return Outcome(text(sides.lhs), text(sides.rhs), prop.compare(sides), accuracy=min(known))


def admitted(prop: MapProperty, setting: Setting) -> Iterator[Place]:
    """Yield the entries at which the statement is made and all its assumptions are known to hold."""
    for place in _places(prop, setting):
        if all(decision(prop, each, setting, place) for each in prop.assumptions):
            yield place


def violating(prop: MapProperty, setting: Setting, without: str) -> Iterator[Place]:
    """Yield the entries at which one assumption does not hold, and no other one is violated.

    The others hold, or have no value where this one does not hold: no gradient on a kink is negative.
    """
    dropped, kept = assumption(without), [each for each in prop.assumptions if each.name != without]
    for place in _places(prop, setting):
        if decision(prop, dropped, setting, place) is False and all(
            keeps(prop, each, setting, place, without) for each in kept
        ):
            yield place


def keeps(prop: MapProperty, kept: Assumption, setting: Setting, place: Place, without: str) -> bool:
    """Say whether an assumption is known to hold, or says nothing for want of the one that does not hold."""
    places = (place,) if prop.everywhere else setting.places
    silent = without in kept.presumes
    return all(bool(kept.at(setting, at)) or (silent and not kept.exists(setting, at)) for at in places)


def _places(prop: MapProperty, setting: Setting) -> tuple[Place, ...]:
    return setting.places if prop.everywhere else (setting.tail.entry,)


def decision(prop: MapProperty, each: Assumption, setting: Setting, place: Place) -> bool | None:
    """Say whether an assumption holds where the statement is made: at an entry, or on the whole map."""
    return each.at(setting, place) if prop.everywhere else each.meets(setting)


def broken(prop: MapProperty, setting: Setting, without: str) -> Broken | None:
    """Return where the statement fails though one assumption alone does not hold; None where it does not."""
    for place in violating(prop, setting, without):
        try:
            found = outcome(prop, setting, place)
        except NoValue as reason:
            return Broken(Need.NO_VALUE, setting, place, Outcome("", "", None), str(reason))
        except Kink as reason:
            return Broken(Need.NO_VALUE, setting, place, Outcome("", "", None), f"there is a kink: {reason}")
        except NoRule:
            continue
        if found.holds is False:
            return Broken(Need.FALSE, setting, place, found)
    return None


def readings(prop: MapProperty, setting: Setting, parts: Code = CAM) -> list[Reading]:
    """Return what is read of the numeric room's code where all assumptions hold; none if no truth is known exactly."""
    if prop.read is None or not next(admitted(prop, setting), None):
        return []
    with precision():
        try:
            return [*prop.read(setting, parts)]
        except NoRule:
            return []


def wrong(prop: MapProperty, setting: Setting, parts: Code = CAM) -> Reading | None:
    """Return a number of the numeric room's code that is wrong for sure; None if there is none."""
    with precision():
        return next((reading for reading in readings(prop, setting, parts) if reading.right is False), None)

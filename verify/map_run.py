"""The pieces of a run that are about whole maps; `verify.necessity` carries them out beside those about claims.

    map-cell      a statement without one of its assumptions: the smallest setting in which it fails
    map-drawn     a statement with all of them in force: how many drawn settings it holds in
    planted       a statement whose readings are taken of wrong code: the smallest setting in which that shows

Each stands alone.
"""

from collections.abc import Collection, Iterator
from typing import Any

from verify import attack
from verify.map_properties import MAP_PROPERTIES, map_property
from verify.map_replay import of_broken
from verify.matrix import Need
from verify.planted import PLANTED as ERRORS
from verify.planted import planted

CELL, HELD, PLANTED = KINDS = ("map-cell", "map-drawn", "planted")
NAMES = tuple(prop.name for prop in MAP_PROPERTIES)


def work(names: Collection[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the pieces about these statements: the kind, the statement, and the assumption or the planted error."""
    chosen = [prop for prop in MAP_PROPERTIES if prop.name in names]
    for prop in chosen:
        yield HELD, prop.name, ""
    for prop in chosen:
        yield from ((CELL, prop.name, assumption) for assumption in prop.assumes)
    for error in ERRORS:
        yield from ((PLANTED, prop.name, error.name) for prop in chosen if prop.name in error.readers)


def carry_out(kind: str, name: str, about: str, cases: int, seed: int) -> dict[str, Any]:
    """Carry out a piece; return the fields of `verify.necessity.Found`.

    Raises:
        Contradiction: a statement fails though its assumptions hold, or the numeric room's code is wrong.
    """
    prop = map_property(name)
    if kind == HELD:
        held = attack.hold(prop, cases, seed)
        return {"draws": held.draws, "numbers": (held.right, held.open)}
    if kind == CELL:
        found, done = attack.cell(prop, about)
        need = found.need if found else Need.OPEN
        return {"need": str(need), "looked_at": done.tried, "stored": of_broken(prop, about, found) if found else None}
    reading, done = attack.caught(prop, planted(about).code, cases, seed)
    if reading is None:
        return {"need": str(Need.OPEN), "looked_at": done.tried}
    return {"looked_at": done.tried, "first": done.first, "says": (str(done.found), str(reading))}

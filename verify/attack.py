"""The attack on statements about whole maps: Hypothesis draws settings, looks for one that breaks, and shrinks it.

Without one assumption a statement is broken by exact numbers or disjoint balls. With all assumptions in force nothing
may break it, and no number of the numeric room's code may be wrong. A planted error has to be found. Families are drawn
from one after another, simplest first, so that none is left out by chance; the random numbers come from a seed, so that
the same run finds the same.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import inf, isinf
from random import Random

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from verify.arithmetic.ball import precision
from verify.drawn import HISTOGRAMS, Draws, described, kind_of
from verify.families import Family, chosen
from verify.map_property import Broken, MapProperty, admitted, broken, outcome, readings, wrong
from verify.matrix import Need
from verify.methods.trial import Outcome
from verify.probe import NoRule
from verify.readings import Code, Reading
from verify.setting import NoValue, Place, Setting
from verify.verdict import Contradiction

# Settings that are drawn from a family before the next one has its turn: to break a statement without an assumption;
# to find it false where it has been found to have no value; to see whether it holds, at least.
EACH, MORE, FEW = 60, 15, 4


@dataclass(frozen=True)
class Search:
    """What a search found, shrunk; how many settings were tried until the first was found, and in all."""

    found: Setting | None
    first: int
    tried: int


def search(families: Sequence[Family], breaks: Callable[[Setting], bool], each: int, seed: str) -> Search:
    """Draw so many settings from each family until one breaks, and shrink it."""
    tried = first = 0

    def counted(setting: Setting) -> bool:
        nonlocal tried, first
        tried += 1
        hit = breaks(setting)
        if hit and not first:
            first = tried
        return hit

    for family in families:
        random = Random(f"{seed} {family.name}")
        try:
            found = find(family.draw, counted, settings=_options(each), random=random)
        except NoSuchExample:
            continue
        return Search(found, first, tried)
    return Search(None, 0, tried)


def _options(each: int) -> settings:
    return settings(
        max_examples=each,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )


def cell(prop: MapProperty, without: str, seed: int = 0) -> tuple[Broken | None, Search]:
    """Look for the smallest setting in which an assumption alone does not hold and the statement fails.

    That it is false somewhere says more than that a divisor is 0 somewhere: where that is found, more is drawn.
    """
    families = chosen({*prop.assumes, *prop.also} - {without}, without)

    def fails(setting: Setting, needs: tuple[Need, ...]) -> bool:
        found = broken(prop, setting, without)
        return found is not None and found.need in needs

    done = search(families, partial(fails, needs=tuple(Need)), EACH, f"{seed} {prop.name} {without}")
    found = broken(prop, done.found, without) if done.found else None
    if found is not None and found.need is Need.NO_VALUE:
        more = search(families, partial(fails, needs=(Need.FALSE,)), MORE, f"{seed} {prop.name} {without}")
        done = replace(more if more.found else done, tried=done.tried + more.tried)
        found = broken(prop, more.found, without) if more.found else found
    return found, done


@dataclass(frozen=True)
class Held:
    """What came of drawing settings that meet all assumptions of a statement.

    Args:
        draws: in how many it holds, is not decided, or an assumption is not met after all; of each that is judged the
            histograms count the entry at which the sides are known least well.
        right: how many numbers of the numeric room's code are within their bounds of the truth.
        open: how many the bounds and balls leave open.
    """

    draws: Draws
    right: int = 0
    open: int = 0


def hold(prop: MapProperty, at_most: int, seed: int = 0) -> Held:
    """Draw settings that meet all assumptions, and judge the statement and the code at every entry.

    Args:
        prop: the statement.
        at_most: how many are judged, from all families together; a few more if those are many, fewer if all of them run
            out. A family that has no more settings than were drawn gives its share to the others.
        seed: of the random numbers.

    Raises:
        Contradiction: it is broken in one, or the code is wrong.
    """
    held = undecided = rejected = right = left_open = 0
    counts = {name: Counter[str]() for name in HISTOGRAMS}
    worst = inf, ""

    def judged(setting: Setting) -> bool:
        nonlocal held, undecided, rejected, right, left_open, worst
        outcomes = {place: _outcome(prop, setting, place) for place in admitted(prop, setting)}
        found = [each.holds for each in outcomes.values()]
        if not found:
            rejected += 1
        else:
            held, undecided = (held, undecided + 1) if None in found else (held + 1, undecided)
            place = min(outcomes, key=lambda at: _bits(outcomes[at]))
            for name, what in described(kind_of(setting.tail), setting.tail, outcomes[place]).items():
                counts[name][what] += 1
            if 0 < (bits := _bits(outcomes[place])) < worst[0]:
                worst = bits, f"{setting}, at {place}"
        with precision():
            read = [reading.right for reading in readings(prop, setting)]
        right, left_open = right + read.count(True), left_open + read.count(None)
        return False in found or False in read

    families, again = chosen({*prop.assumes, *prop.also}), ""
    while families and held + undecided < at_most:
        each = _each(at_most - held - undecided, families)
        plenty = []
        for family in families:
            done = search([family], judged, each, f"{seed} {prop.name}{again}")
            if done.found is not None:
                reading = wrong(prop, done.found) or "sides"
                raise Contradiction(f"{prop.name} is broken though its assumptions hold, in {done.found}: {reading}")
            plenty += [family] if done.tried >= each else []
        families, again = plenty, f"{again} again"
    ordered = {name: dict(sorted(count.items())) for name, count in counts.items()}
    known = 0 if isinf(worst[0]) else int(worst[0])
    draws = Draws(prop.name, held, undecided, rejected, counts=ordered, worst=worst[1], worst_bits=known)
    return Held(draws, right, left_open)


def caught(prop: MapProperty, parts: Code, at_most: int, seed: int = 0) -> tuple[Reading | None, Search]:
    """Look for the smallest setting that meets all assumptions in which wrong code gives a number that is wrong."""
    done = search(
        *_share(prop, at_most, lambda setting: wrong(prop, setting, parts) is not None), f"{seed} {prop.name}"
    )
    return (wrong(prop, done.found, parts) if done.found else None), done


def _share(
    prop: MapProperty, at_most: int, breaks: Callable[[Setting], bool]
) -> tuple[list[Family], Callable[[Setting], bool], int]:
    families = chosen({*prop.assumes, *prop.also})
    return families, breaks, _each(at_most, families)


def _each(at_most: int, families: Sequence[Family]) -> int:
    return max(FEW, -(-at_most // len(families)))


def _outcome(prop: MapProperty, setting: Setting, place: Place) -> Outcome:
    try:
        return outcome(prop, setting, place)
    except NoRule:
        return Outcome("", "", None)
    except NoValue:  # of what is claimed, though all assumptions hold
        return Outcome("", "", False)


def _bits(found: Outcome) -> float:
    return -inf if found.accuracy is None else found.accuracy

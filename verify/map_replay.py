"""Counterexamples about whole maps: stored beside those of claims, tried again without drawing anything, laid out."""

import importlib.metadata
from collections.abc import Iterator
from dataclasses import replace

from flint import arb, fmpq

from verify.arithmetic.ball import precision
from verify.assumptions import assumption
from verify.errors import CorruptFile
from verify.map_properties import map_property
from verify.map_property import Broken, MapProperty, broken, decision, keeps
from verify.matrix import Need
from verify.probe import NoRule
from verify.readings import CAM
from verify.replay import VERSIONS, Replayed, Stored
from verify.report.words import counted
from verify.setting import Setting
from verify.settings_json import from_data, to_data
from verify.typeset import Block, Explanation, Items, Section
from verify.verdict import Verdict
from verify.workings import worked


def of_broken(prop: MapProperty, without: str, found: Broken) -> Stored:
    """Return a counterexample ready to be written; the entry looked at is the one at which the statement fails."""
    sides = (found.outcome.lhs, found.outcome.rhs) if found.need is Need.FALSE else ()
    balls = any(side.startswith("[") for side in sides)
    return Stored(
        slug=f"{prop.name}/without-{without}",
        claim=prop.name,
        without=without,
        statement=prop.statement,
        need=str(found.need),
        functions={},
        numbers={},
        lhs="" if balls or not sides else sides[0],
        rhs="" if balls or not sides else sides[1],
        balls=sides if balls else (),
        why=found.why,
        versions={name: importlib.metadata.version(name) for name in VERSIONS},
        setting=to_data(replace(found.setting, tail=replace(found.setting.tail, entry=found.place))),
    )


def setting_of(stored: Stored) -> Setting:
    """Build the setting that a file describes.

    Raises:
        CorruptFile: it describes none.
    """
    try:
        return from_data(stored.setting)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptFile(f"{stored.slug} describes no setting ({error}): restore it") from error


def retried(stored: Stored) -> Replayed:
    """Try a counterexample about a whole map again, and compare with what its file says.

    Raises:
        CorruptFile: the file describes no setting.
        UsageError: it speaks of a statement or an assumption that is not known.
    """
    prop, setting = map_property(stored.claim), setting_of(stored)
    assumption(stored.without)
    if prop.statement != stored.statement:
        return Replayed(stored, None, {}, ("the statement says something else now: look for a counterexample again",))
    faults = [*_violated(prop, setting, stored.without)]
    found = broken(prop, setting, stored.without)
    if found is None or str(found.need) != stored.need:
        faults.append(f"expected {stored.need}, found {found.need if found else 'that the statement holds'}")
        return Replayed(stored, found, {}, tuple(faults))
    faults += [*_moved(stored, found)]
    return Replayed(stored, found, _methods(prop, found), tuple(faults))


def _violated(prop: MapProperty, setting: Setting, without: str) -> Iterator[str]:
    """Say which assumptions are not as they should be at the entry looked at."""
    place = setting.tail.entry
    for each in prop.assumptions:
        if each.name == without and decision(prop, each, setting, place) is not False:
            yield f"«{each.name}» is not known to be violated"
        if each.name != without and not keeps(prop, each, setting, place, without):
            yield f"«{each.name}» is not known to hold"


def _moved(stored: Stored, found: Broken) -> Iterator[str]:
    lhs, rhs = found.outcome.lhs, found.outcome.rhs
    if stored.lhs and (lhs, rhs) != (stored.lhs, stored.rhs):
        yield f"expected exactly {stored.lhs} and {stored.rhs}, found {lhs} and {rhs}"
    if not all(arb(before).overlaps(_ball(now)) for before, now in zip(stored.balls, (lhs, rhs), strict=False)):
        yield f"expected values in {stored.balls}, found {lhs} and {rhs}"
    if stored.why != found.why:
        yield f"expected that {stored.why}, found that {found.why}"


def _ball(side: str) -> arb:
    return arb(side) if side.startswith("[") else arb(fmpq(*map(int, side.split("/"))))


def _methods(prop: MapProperty, found: Broken) -> dict[str, str]:
    """Return what the certificate is, and what the numeric room's code makes of the setting."""
    sides = f"{found.outcome.lhs} and {found.outcome.rhs}"
    certificate = found.why or sides
    methods = {"enclosure" if "[" in certificate else "exact": certificate}
    if prop.read is not None:
        with precision():
            try:
                readings = [*prop.read(found.setting, CAM)]
            except NoRule:
                return methods
        right = [reading for reading in readings if reading.right]
        if readings:
            methods["autograd"] = (
                f"{len(right)} of {counted(readings, 'number')} of cam within their bounds of the truth"
            )
    return methods


def at_setting(replayed: Replayed) -> Explanation:
    """Lay out a counterexample about a whole map that was tried again.

    Raises:
        ValueError: the statement does not fail there.
    """
    stored, found = replayed.stored, replayed.violation
    if not isinstance(found, Broken):
        raise ValueError(f"{stored.slug} does not fail: there is nothing to lay out")
    prop, setting, place = map_property(stored.claim), found.setting, found.place
    dropped = assumption(stored.without)
    blocks: list[Block] = [
        (f"Without «{dropped.name}», that is to say «{dropped.says}»:",),
        (f"Take {'; '.join(setting.words)}.",),
        *_others(prop, setting, stored.without),
        (f"Look at the entry {place} of the map.",),
        *((f"{line}.",) for line in worked(prop.name, setting, place)),
    ]
    if found.why:
        blocks.append((f"So {found.why}, and there is nothing to be claimed.",))
    else:
        blocks.append((f"The sides differ: {found.outcome.lhs} {prop.sign} {found.outcome.rhs}.",))
    said = Items(tuple((f"{method}: {says}",) for method, says in replayed.methods.items()))
    title = "No value" if found.why else "Counterexample"
    sections = (
        Section("Statement", ((prop.says,),)),
        Section(title, tuple(blocks)),
        Section("By every method", (said,)),
    )
    return Explanation(stored.slug, Verdict.REFUTED, str(found.need), sections)


def _others(prop: MapProperty, setting: Setting, without: str) -> Iterator[Block]:
    """Say that the other assumptions hold, and which say nothing."""
    others = [each for each in prop.assumptions if each.name != without]
    if others:
        yield ("The other assumptions are not violated there:",)
        told = ("" if each.exists(setting, setting.tail.entry) else " (It says nothing there.)" for each in others)
        yield Items(tuple((f"{each.says}{more}",) for each, more in zip(others, told, strict=True)))

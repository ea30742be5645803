"""Statements about whole maps, for people: what breaks them, what held, and which planted errors were found."""

from typing import Any

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from verify.arithmetic.ball import BITS
from verify.assumptions import ASSUMPTIONS, assumption
from verify.drawn import Draws
from verify.map_properties import MAP_PROPERTIES, MapProperty, map_property
from verify.map_replay import setting_of
from verify.map_run import CELL, HELD, PLANTED
from verify.matrix import Need
from verify.necessity import Found, Outcome, Task
from verify.planted import planted
from verify.replay import Stored
from verify.report import histograms
from verify.report.table import escaped
from verify.report.words import counted
from verify.workings import worked

TITLE = "Whole maps: what each statement needs"


def summary(outcome: Outcome) -> list[str]:
    """Say in a few sentences what was tried; nothing if the run was of claims alone."""
    cells, held, errors = (outcome.of(kind) for kind in (CELL, HELD, PLANTED))
    if not held:
        return []
    needs = [Need(found.need) for found in cells.values()]
    kinds = (f"has no value somewhere without {needs.count(Need.NO_VALUE)}", f"is open for {needs.count(Need.OPEN)}")
    draws = [found.draws for found in held.values() if found.draws]
    caught = sum(bool(found.first) for found in errors.values())
    return [
        f"{counted(held, 'statement')} about whole maps, {counted(cells, 'assumption')}, each dropped alone: one"
        f" is false somewhere without {needs.count(Need.FALSE)}, {', '.join(kinds)}. With all in force"
        f" {counted(sum(d.held for d in draws), 'drawn setting')} hold and none fails;"
        f" {sum(d.undecided for d in draws)} are not decided. Planted errors found: {caught} of {len(errors)}.",
    ]


def where(stored: Stored) -> str:
    """Say what a counterexample puts in."""
    setting = setting_of(stored)
    return f"{setting}, at {setting.tail.entry}"


def result(stored: Stored) -> str:
    """Say what goes wrong there."""
    lhs, rhs = (stored.lhs, stored.rhs) if stored.lhs else stored.balls or ("", "")
    return stored.why or f"{lhs} {map_property(stored.claim).sign} {rhs}"


def sections(outcome: Outcome) -> dict[str, Any]:
    """Return what the page shows: the statements with their cells, the planted errors, the assumptions that occur."""
    shown = [_section(prop, outcome) for prop in MAP_PROPERTIES if _held(prop, outcome)]
    used = {name for prop in MAP_PROPERTIES if _held(prop, outcome) for name in prop.assumes}
    return {
        "summary": " ".join(summary(outcome)),
        "statements": shown,
        "errors": [_error(task, found) for task, found in outcome.of(PLANTED).items()],
        "assumptions": [
            {"name": each.name, "says": each.says, "formula": each.formula} for each in ASSUMPTIONS if each.name in used
        ],
    }


def _held(prop: MapProperty, outcome: Outcome) -> list[Found]:
    return [found for task, found in outcome.of(HELD).items() if task.claim == prop.name]


def _section(prop: MapProperty, outcome: Outcome) -> dict[str, Any]:
    (held,) = _held(prop, outcome)
    assert held.draws is not None, "a statement that was tried has its draws"
    cells = [_cell(task, found) for task, found in outcome.of(CELL).items() if task.claim == prop.name]
    right, left_open = held.numbers or (0, 0)
    read = f"{counted(right, 'number')} of cam are within their bounds of the truth, {left_open} are left open."
    code = f" {read}" if prop.read is not None else ""
    return {
        "name": prop.name,
        "says": prop.says,
        "formula": prop.formula,
        "cells": cells,
        "drawn": f"{counted(held.draws.held, 'drawn setting')} meet every assumption and the statement holds at every"
        f" entry; {held.draws.undecided} more are not decided.{code}"
        f" {round(100 * held.draws.acceptance)} % of the draws met every assumption.",
        "charts": histograms.charts(held.draws.counts),
        "others": _others(held.draws),
        "errors": [_error(task, found) for task, found in outcome.of(PLANTED).items() if task.claim == prop.name],
    }


def _others(draws: Draws) -> str:
    """Say how many draws were not judged, and which judged setting the balls enclose worst."""
    others = f"{counted(draws.rejected, 'more draw')} met not every assumption at any entry."
    if not draws.worst:
        return f"{others} Every side is exact, or may be 0."
    return f"{others} Least accurate, to {draws.worst_bits} of {BITS} bits, are the sides of {draws.worst}."


def _cell(task: Task, found: Found) -> dict[str, Any]:
    each = assumption(task.hypothesis)
    return {
        "name": each.name,
        "says": each.says,
        "formula": each.formula,
        "need": found.need,
        "looked_at": found.looked_at,
        "slug": found.stored.slug if found.stored else "",
        "where": where(found.stored) if found.stored else "",
        "result": result(found.stored) if found.stored else "",
        "working": _working(found.stored) if found.stored else [],
    }


def _working(stored: Stored) -> list[str]:
    setting = setting_of(stored)
    return worked(stored.claim, setting, setting.tail.entry)


def _error(task: Task, found: Found) -> dict[str, Any]:
    where, number = found.says or ("", "")
    return {
        "name": task.hypothesis,
        "says": planted(task.hypothesis).says,
        "statement": task.claim,
        "caught": bool(found.first),
        "first": found.first,
        "tried": found.looked_at,
        "where": where,
        "number": number,
    }


def terminal(outcome: Outcome) -> list[Table]:
    """Return two tables for a terminal: the statements, and the planted errors; none if the run was of claims alone."""
    shown = sections(outcome)
    if not shown["statements"]:
        return []
    statements = Table(title=TITLE, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    statements.add_column("statement", overflow="fold")
    statements.add_column("assumption: without it", overflow="fold")
    statements.add_column("held", justify="right")
    for section in shown["statements"]:
        needs = "\n".join(f"{cell['name']}: {cell['need']}" for cell in section["cells"])
        statements.add_row(Text(section["name"]), Text(needs), section["drawn"].split()[0])
    errors = Table(title="Errors planted in the code", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for column in ("error", "found by", "at setting", "smallest"):
        errors.add_column(column, overflow="fold")
    for error in shown["errors"]:
        first = str(error["first"]) if error["caught"] else f"none of {error['tried']}"
        errors.add_row(Text(error["name"]), Text(error["statement"]), first, Text(error["where"]))
    return [statements, errors]


def markdown(outcome: Outcome) -> str:
    """Return both tables in Markdown; empty if the run was of claims alone."""
    shown = sections(outcome)
    if not shown["statements"]:
        return ""
    lines = ["", shown["summary"], "", "| statement | assumption | without it | there |", "| --- | --- | --- | --- |"]
    for section in shown["statements"]:
        for cell in section["cells"]:
            there = escaped(f"{cell['where']}: {cell['result']}") if cell["where"] else ""
            lines.append(f"| `{section['name']}` | `{cell['name']}` | {cell['need']} | {there} |")
    lines += ["", "| planted error | statement | found at setting | smallest |", "| --- | --- | --- | --- |"]
    for error in shown["errors"]:
        first = error["first"] if error["caught"] else f"none of {error['tried']}"
        there = escaped(f"{error['where']}: {error['number']}") if error["caught"] else ""
        lines.append(f"| {escaped(error['says'])} | `{error['statement']}` | {first} | {there} |")
    return "\n".join(lines) + "\n"

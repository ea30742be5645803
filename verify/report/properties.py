"""Where the assumptions break, for people: the matrix of necessity in a terminal, as a page, in Markdown."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from derivation.claim import Claim
from derivation.claims import LIBRARY
from derivation.mutants import MUTANTS
from derivation.printing import OPPOSITES, latex, latex_sign
from verify.breakmap import BreakMap
from verify.matrix import Need
from verify.necessity import MUTANT, Found, Outcome, Task
from verify.replay import VERSIONS, Stored, dropped
from verify.report import histograms, maps, pictures, templates, whole_maps
from verify.report.colours import SHADES
from verify.report.table import escaped
from verify.report.words import counted

ERRORS = {mutant.name: mutant for mutant in MUTANTS}
NEEDS = {
    Need.FALSE: "The two sides differ, exactly or in disjoint enclosures, where this hypothesis alone does not hold.",
    Need.NO_VALUE: "A divisor is exactly 0, or there is a kink, where this hypothesis alone does not hold.",
    Need.NEEDLESS: "The claim is proved without the hypothesis, which has to leave it.",
    Need.OPEN: "Nothing was found; how many cases were looked at is said.",
}
TOLD = {
    Need.FALSE: "is false somewhere",
    Need.NO_VALUE: "has no value somewhere",
    Need.NEEDLESS: "is proved all the same",
    Need.OPEN: "is open",
}
STYLES = {
    Need.FALSE: SHADES["REFUTED"].terminal,
    Need.NO_VALUE: SHADES["hole"].terminal,
    Need.NEEDLESS: SHADES["UNDECIDED"].terminal,
    Need.OPEN: SHADES["UNDECIDED"].terminal,
}


def where(stored: Stored) -> str:
    """Say what a counterexample puts in: "S(u) = 2 u, f(u) = u^2, sigma = 1, x = 0"."""
    functions = [f"{name}(u) = {text}" for name, text in stored.functions.items()]
    return ", ".join(functions + [f"{name} = {number}" for name, number in stored.numbers.items()])


def result(stored: Stored) -> str:
    """Say what goes wrong there."""
    if stored.why:
        return stored.why
    lhs, rhs = (stored.lhs, stored.rhs) if stored.lhs else stored.balls
    return f"{lhs} {OPPOSITES[LIBRARY[stored.claim].relation.rel_op]} {rhs}"


def summary(outcome: Outcome) -> list[str]:
    """Say in a few sentences what was tried and what came of it."""
    cells, printed, drawn = (outcome.of(kind) for kind in ("cell", "printed", "drawn"))
    needs = [Need(found.need) for found in cells.values()]
    kinds = ", ".join(f"{TOLD[need]} ({needs.count(need)})" for need in Need if need in needs)
    draws = [found.draws for found in drawn.values() if found.draws]
    errors = [found.first for found in outcome.of(MUTANT).values()]
    return [
        f"{counted(drawn, 'proved claim')} about Grad-CAM++, {counted(cells, 'hypothesis', 'hypotheses')}, each dropped"
        f" alone: without it the claim {kinds or 'was not tried'}.",
        f"With all hypotheses in force {counted(sum(d.held for d in draws), 'drawn case')} hold and none fails;"
        f" {sum(d.undecided for d in draws)} are not decided. {histograms.accepted(draws)} False as printed:"
        f" {counted(printed, 'claim')}.",
        *([f"Of {counted(errors, 'error')} planted by hand {_seen(errors)}."] if errors else []),
    ]


def _seen(errors: Sequence[int]) -> str:
    """Say how many planted errors drawn cases show, and how fast."""
    seen = [first for first in errors if first]
    return f"{len(seen)} are seen in drawn cases, {seen.count(1)} in the first, the last in case {max(seen, default=0)}"


def terminal(outcome: Outcome) -> Table:
    """Return the matrix for a terminal: a row for each proved claim, its hypotheses by what they are needed for."""
    table = Table(title="What each claim needs", title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("claim", overflow="fold")
    table.add_column("hypothesis: without it", overflow="fold")
    table.add_column("drawn", justify="right")
    for name, cells, draws in _rows(outcome):
        needs = [Text.assemble(f"{task.hypothesis}: ", (found.need, STYLES[Need(found.need)])) for task, found in cells]
        held = str(draws.draws.held) if draws is not None and draws.draws else ""
        table.add_row(Text(name), Text("\n").join(needs), held)
    return table


def _rows(outcome: Outcome) -> list[tuple[str, list[tuple[Task, Found]], Found | None]]:
    drawn = {task.claim: found for task, found in outcome.of("drawn").items()}
    cells: dict[str, list[tuple[Task, Found]]] = {name: [] for name in drawn}
    for task, found in outcome.of("cell").items():
        cells.setdefault(task.claim, []).append((task, found))
    return [(name, cells[name], drawn.get(name)) for name in LIBRARY if name in cells]


def render(outcome: Outcome, drawn: Sequence[BreakMap] = (), picture: Mapping[str, Any] | None = None) -> str:
    """Return the page, the same bytes for the same outcome, maps, pictures and versions.

    Args:
        outcome: a finished run.
        drawn: break maps.
        picture: how wrong the picture is, of `verify.report.picture.section`; None leaves it out.
    """
    return (
        templates.environment()
        .get_template("properties.html.j2")
        .render(
            summary=summary(outcome),
            proved=[_section(LIBRARY[name], cells, draws, outcome) for name, cells, draws in _rows(outcome)],
            printed=[_printed(found.stored, found) for found in outcome.of("printed").values() if found.stored],
            whole=whole_maps.sections(outcome),
            maps=[figure(each) for each in drawn],
            picture=picture,
            totals=histograms.charts(
                histograms.total(found.draws for found in outcome.of("drawn").values() if found.draws)
            ),
            needs={str(need): says for need, says in NEEDS.items()},
            seed=outcome.seed,
            profile=outcome.profile,
            versions=", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("gradcampp", *VERSIONS)),
        )
    )


def figure(drawn: BreakMap) -> dict[str, Any]:
    """Lay out a break map: its picture, what it shows in words, and the verdict."""
    png = maps.draw(drawn)
    return {
        "name": drawn.name,
        "title": drawn.title,
        "source": pictures.data_uri(png),
        "size": pictures.size(png),
        "alt": maps.alt(drawn),
        "verdict": maps.verdict(drawn),
    }


def _section(claim: Claim, cells: list[tuple[Task, Found]], drawn: Found | None, outcome: Outcome) -> dict[str, Any]:
    draws = drawn.draws if drawn else None
    drawn_words = (
        f"{counted(draws.held, 'drawn case')} meet every hypothesis and the claim holds in each; {draws.undecided} more"
        f" are not decided. {round(100 * draws.acceptance)} % of the draws met every hypothesis."
        if draws
        else ""
    )
    return {
        "name": claim.name,
        "says": claim.says,
        "statement": f"{latex(claim.lhs)} {latex_sign(claim.relation)} {latex(claim.rhs)}",
        "cells": [_cell(claim, task, found) for task, found in cells],
        "drawn_words": drawn_words,
        "charts": histograms.charts(draws.counts) if draws else [],
        "others": histograms.words(draws) if draws else "",
        "errors": [
            {"says": ERRORS[task.hypothesis].says, "first": found.first, "tried": task.cases}
            for task, found in outcome.of(MUTANT).items()
            if task.claim == claim.name
        ],
    }


def _cell(claim: Claim, task: Task, found: Found) -> dict[str, Any]:
    hypothesis = dropped(claim, task.hypothesis)
    assert hypothesis is not None, "a cell is about a hypothesis of its claim"
    return {
        "says": hypothesis.says,
        "formula": latex(hypothesis.relation),
        "need": found.need,
        "looked_at": found.looked_at,
        "slug": found.stored.slug if found.stored else "",
        "where": where(found.stored) if found.stored else "",
        "result": result(found.stored) if found.stored else "",
        "worked": Markup(found.worked),
    }


def _printed(stored: Stored, found: Found) -> dict[str, Any]:
    claim = LIBRARY[stored.claim]
    return {
        "name": claim.name,
        "says": claim.says,
        "where": where(stored),
        "result": result(stored),
        "worked": Markup(found.worked),
        "slug": stored.slug,
    }


def markdown(outcome: Outcome) -> str:
    """Return the matrix in Markdown, one line a hypothesis."""
    lines = [
        "\n\n".join(summary(outcome)),
        "",
        "| claim | hypothesis | without it | there |",
        "| --- | --- | --- | --- |",
    ]
    for name, cells, _ in _rows(outcome):
        for task, found in cells:
            there = f"{where(found.stored)}: {result(found.stored)}" if found.stored else ""
            lines.append(f"| `{name}` | `{task.hypothesis}` | {found.need} | {escaped(there)} |")
    return "\n".join(lines) + "\n" + whole_maps.markdown(outcome)

"""How wrong is the picture, for people: a few sentences, tables, and where the figures stand on the page."""

from collections.abc import Callable, Sequence
from typing import Any

from verify.catalogue.viewed import FORMS, Form, experiment
from verify.intervals import Estimate
from verify.picture_study import DIFFERS, SAME, Outcome, Row, Worst, document, worst
from verify.report import pictures
from verify.report.picture_figures import by_experiment, draw, triptychs, two
from verify.report.words import counted, number

BADGES = {SAME: ("supported", "same"), DIFFERS: ("refuted", "differs")}
COLUMNS = (
    "Outer function, closed form",
    "Rank correlation",
    "Top fifth shared",
    "Largest difference",
    "Maximum moved",
    "α < 0 or infinite, closed / exact",
    "The two maps",
)
EXP = FORMS[0]


def sentences(record: dict[str, Any]) -> list[str]:
    """Say what a user needs to know, whether the break matters.

    Args:
        record: the figures, as `verify.picture_study.document` rounds them.
    """
    rows = record["rows"]

    def chosen(form: str, linear: bool, digits: bool = True) -> list[dict[str, Any]]:
        return [
            row
            for row in rows
            if row["form"] == form
            and (tried := experiment(row["experiment"])).piecewise_linear is linear
            and (not tried.photographs) is digits
        ]

    fits = [row for form in FORMS if form.fits for digits in (True, False) for row in chosen(form.name, True, digits)]
    same = [row for row in fits if row["verdict"] == SAME]
    said = [
        "If what stands behind the layer is piecewise linear and the closed form fits the outer function, the heatmap"
        f" is the exact one, up to rounding, in {len(same)} of {counted(fits, 'experiment')}"
        f" ({sum(row['images'] for row in same)} maps)."
    ]
    if curved := chosen("exp-printed", False):
        differ = sum(row["verdict"] == DIFFERS for row in curved)
        said.append(
            f"With a smooth activation and an exponential it is another picture in {differ} of"
            f" {counted(curved, 'experiment')}: (19) puts the hottest pixel elsewhere on {_moved(curved)} of"
            f" {curved[0]['images']} held-out digits, depending on activation and layer, and the median rank"
            f" correlation of the two maps is {_span([row['rank']['value'] for row in curved])};"
            f" {_span([row['beyond'][1] for row in curved], _percent)} of the exact pixel weights that count are"
            " negative or infinite there."
        )
    lite, linear = chosen("sigmoid-printed", True, digits=False), chosen("sigmoid-printed", True)
    if lite and linear:
        said.append(
            f"With a sigmoid, (19) all the same puts it elsewhere on {_moved(lite)} of {lite[0]['images']} views of"
            " photographs by EfficientNet-Lite0 (median rank correlation"
            f" {_span([row['rank']['value'] for row in lite])}) and on {_moved(linear)} of the digits by"
            " piecewise-linear networks."
        )
    return said


def _moved(rows: Sequence[dict[str, Any]]) -> str:
    """Say the smallest and the largest share of moved maxima, each with its interval."""
    ends = [pick((row["moved"] for row in rows), key=lambda each: each["value"]) for pick in (min, max)]
    told = [f"{_percent(each['value'])} ({_interval(Estimate(**each), _percent)})" for each in ends]
    return " to ".join(dict.fromkeys(told))


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _span(values: Sequence[float], said: Callable[[float], str] = two) -> str:
    low, high = said(min(values)), said(max(values))
    return low if low == high else f"{low.removesuffix(' %')} to {high}"


def section(outcome: Outcome) -> dict[str, Any]:
    """Return what the page shows of a finished run; the worst pictures are computed again for it."""
    furthest = [worst(outcome, name, EXP) for name in _curved(outcome)]
    told = sentences(document(outcome))
    figure, panels = draw(outcome.rows), triptychs(furthest)
    return {
        "sentences": told,
        "method": method(outcome),
        "columns": COLUMNS,
        "tables": _tables(outcome),
        "figure": {"source": pictures.data_uri(figure), "size": pictures.size(figure), "alt": " ".join(told)},
        "worst": {"source": pictures.data_uri(panels), "size": pictures.size(panels), "alt": alt(furthest)}
        if furthest
        else None,
    }


def _curved(outcome: Outcome) -> list[str]:
    """Return the curved networks cut before the activation; their tail has one curved layer more than cut after it."""
    names = dict.fromkeys(task.experiment for task in outcome.found)
    return [n for n in names if not experiment(n).piecewise_linear and experiment(n).where.startswith("before")]


def method(outcome: Outcome) -> str:
    """Say how it was computed, and what the intervals mean."""
    rows = outcome.rows
    seen = {bool(experiment(row.experiment).photographs): row.images for row in rows}
    parts = [f"{seen[False]} held-out digits"] if False in seen else []
    parts += [f"{seen[True]} views of 5 photographs"] if True in seen else []
    entries = sum(row.without for row in rows)
    none = f" {counted(entries, 'map')} with an entry on a pole left out." if entries else ""
    return (
        f"{' and '.join(parts)}, chosen by rule; the class with the highest score. Maps at the size of the"
        " layer, each divided by its maximum. Rank correlation is Spearman’s, ties sharing their average rank, 0 if"
        " one map is zero everywhere. The top fifth are the largest ⌈n/5⌉ of n pixels; pixels tied at the edge share"
        " the places left. Medians with 95 % percentile bootstrap intervals (2000 resamples of the pictures, seed"
        f" {outcome.seed}), shares with Wilson’s 95 % interval. Views of one photograph are not independent: whole"
        " photographs are resampled, and Wilson’s n is 5. Pixel weights are counted where g > 0, where alone they enter"
        " a map: closed form / exact. “Same” is judged on every picture by a bound from running error analysis, and a"
        " certified difference on one or more; where there is no bound, “differs” means more than one step of an"
        f" 8-bit picture.{none} Different is not worse: which of two maps explains a network better is not asked here."
    )


def _tables(outcome: Outcome) -> list[dict[str, Any]]:
    tables: dict[str, dict[str, Any]] = {}
    for tried, rows in by_experiment(outcome.rows):
        table = tables.setdefault(tried.where, {"caption": f"Cut {tried.where}", "groups": []})
        cells = [_cells(row, form) for row, form in rows]
        seen = f"{rows[0][0].images} {'views' if tried.photographs else 'digits'}"
        kind = "piecewise linear" if tried.piecewise_linear else "curved"
        table["groups"].append({"name": tried.name, "title": tried.title, "seen": f"{kind}, {seen}", "rows": cells})
    return list(tables.values())


def _cells(row: Row, form: Form) -> dict[str, Any]:
    badge, words = BADGES.get(row.verdict, ("undecided", row.verdict))
    return {
        "form": form.says,
        "cells": [
            (two(row.rank.value), _interval(row.rank), f"worst {two(row.rank_worst)}"),
            (two(row.overlap.value), _interval(row.overlap)),
            (
                _size(row.difference.value),
                *([] if row.verdict == SAME else [_interval(row.difference)]),
                f"at most {_size(row.difference_worst)}",
            ),
            (_percent(row.moved.value), _interval(row.moved, _percent)),
            (" / ".join(map(_share, row.beyond)), f"signs differ: {_share(row.turned)}"),
        ],
        "badge": badge,
        "verdict": words,
        "certified": row.certified,
    }


def _size(value: float) -> str:
    return two(value) if value >= 0.005 else number(value)


def _share(share: float) -> str:
    return "0" if share == 0 else "< 1 %" if share < 0.01 else _percent(share)


def _interval(estimate: Estimate, said: Callable[[float], str] = two) -> str:
    return f"{said(estimate.low).removesuffix(' %')} to {said(estimate.high)}"


def markdown(outcome: Outcome) -> str:
    """Return the sentences, the table and the method in Markdown, one line for each experiment and form."""
    lines = [
        "## How wrong is the picture?",
        "",
        *sentences(document(outcome)),
        "",
        "| network | cut | closed form | images | rank correlation | top fifth shared | largest difference | moved |"
        " negative alpha | maps |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for tried, rows in by_experiment(outcome.rows):
        for row, form in rows:
            told = _cells(row, form)
            cells = " | ".join(f"{value} ({', '.join(notes)})" for value, *notes in told["cells"])
            lines.append(
                f"| {tried.title} | {tried.where} | {told['form']} | {row.images} | {cells} | {told['verdict']} |"
            )
    return "\n".join([*lines, "", method(outcome)]) + "\n"


def alt(furthest: Sequence[Worst]) -> str:
    """Say what the worst pictures show, as a result."""
    told = ", ".join(f"{experiment(each.experiment).title}: {two(each.compared.rank)}" for each in furthest)
    return f"The picture of each curved network whose two maps agree least; their rank correlations are {told}."

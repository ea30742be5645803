"""What was found about the peers, for the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from verify.peers.deviation import SCENES
from verify.peers.run import NOT_RUN
from verify.report.words import brief, number

Record = Mapping[str, Any]


def formula_words(record: Record) -> str:
    """Say what a peer computes in a few words, "A inside the sum, + 1e-07, times exp(S)"."""
    if record["formula"] == NOT_RUN or not record["finish"]:
        return str(record["formula"])
    eps = [value for value in record["eps"] if value]
    parts = [record["formula"]]
    if len(record["eps"]) > 1:
        parts.append("a constant of 0 to " + f"{max(record['eps']):g}, hidden")
    elif eps:
        parts.append(f"{eps[0]:g} in the denominator")
    if record["factor"]:
        parts.append("times exp(S)")
    return ", ".join(parts)


def formulas(document: Record) -> Table:
    """Return the table of formulas, with one number of evidence and the distances from the exact maps."""
    columns = ("peer", "version", "formula", "exact at a probe", "it gave", *(scene.name for scene in SCENES))
    table = Table(*columns, title="Which formula does it compute?", caption=_caption())
    for record in document["peers"]:
        evidence = (record["evidence"] or {}).get("probes", [{}])[0]
        exact = brief(evidence.get("exact"), 9)
        gave = evidence["gave"] if isinstance(evidence.get("gave"), str) else None
        cells = [
            record["peer"],
            record["version"] or "",
            formula_words(record),
            exact,
            "" if gave is None else brief(float(gave), 9),
            *(_deviation((record["deviation"] or {}).get(scene.name)) for scene in SCENES),
        ]
        table.add_row(*map(Text, cells))
    return table


def _caption() -> str:
    return "last columns: largest difference of its map from the exact one, both divided by their maximum"


def _deviation(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return number(found["map"]) if "map" in found else NOT_RUN if "not_run" in found else "failed"


def _picture(result: Mapping[str, Any]) -> str:
    """Say how far a picture is from the exact one, and whether it is nearer when it is turned over."""
    off, turned = result["picture"], result["turned"]
    if isinstance(off, str):
        return f"its picture is {off}"
    told = f"its picture is off by {number(off)} of the maximum"
    return f"{told}, 1 minus it by {number(turned)}" if turned < off else told


def tables(document: Record) -> list[Table]:
    """Return the tables there are: that of behaviours only if a peer was run."""
    run = [record for record in document["peers"] if record["behaviours"]]
    return [formulas(document), *([behaviours(run)] if run else [])]


def behaviours(run: Sequence[Record]) -> Table:
    """Return the table of behaviours: a row each, a column for each peer that was run."""
    table = Table("behaviour", *(record["peer"] for record in run), title="How does it behave?", show_lines=True)
    for name in run[0]["behaviours"]:
        table.add_row(Text(name), *(Text(record["behaviours"][name]["says"]) for record in run))
    return table


def lines(document: Record) -> list[str]:
    """Return what else there is to say: notes, what was not run and how to change that, and findings."""
    found = []
    for record in document["peers"]:
        if record["note"]:
            found.append(f"{record['peer']}: {record['note']}")
        if record["why"]:
            found.append(f"{record['peer']}: {record['formula']}: {record['why']}")
        for name, result in (record["deviation"] or {}).items():
            for kind in ("not_run", "failed"):
                if kind in result:
                    found.append(f"{record['peer']} on {name}: {kind.replace('_', ' ')}: {result[kind]}")
            if result.get("picture") is not None:
                found.append(f"{record['peer']} on {name}: {_picture(result)}")
        for finding in record["findings"] or ():
            about = f"{record['peer']} {record['version']}: {finding['says']}"
            if "failed" in finding:
                found.append(f"not tried: {about} (its program fails: {finding['failed']})")
                continue
            numbers = f"found {number(float(finding['found']), 3)}, expected {number(float(finding['expected']), 3)}"
            found.append(f"finding: {about} ({numbers})")
    if any(record["findings"] for record in document["peers"]):
        found.append("--json has a program for every finding.")
    return found

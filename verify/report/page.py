"""The report as one self-contained page: no script, no request, the same bytes for the same ledger.

Everything on it comes from the ledger; only the photographs under the heatmaps come from the catalogue.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from verify.catalogue.images import IMAGES
from verify.errors import UsageError
from verify.ledger import SCHEMA
from verify.report import graph, pictures, table, templates, words


def render(ledger: Mapping[str, Any]) -> str:
    """Return the page of a ledger, as text to be written in UTF-8.

    Raises:
        UsageError: the ledger is of another schema.
    """
    if ledger.get("schema") != SCHEMA:
        raise UsageError(
            f"this ledger has schema {ledger.get('schema')!r}, the report reads {SCHEMA!r}: run verify again"
        )
    return (
        templates.environment()
        .get_template("page.html.j2")
        .render(
            ledger=ledger,
            summary=summary(ledger),
            sections=[_section(claim, ledger) for claim in ledger["claims"]],
            drawing=graph.draw(ledger["claims"]),
            box=(graph.WIDTH, graph.HEIGHT),
            faulty=faulty(ledger["claims"]),
            constraints=answered(ledger["constraints"]),
            figures=[_figure(network) for network in ledger["networks"]],
            known={claim["name"] for claim in ledger["claims"]},
            measured={network["name"] for network in ledger["networks"]},
            quoted=words.QUOTED,
            verdicts=words.VERDICTS,
            methods=words.METHODS,
        )
    )


def summary(ledger: Mapping[str, Any]) -> tuple[str, str, str]:
    """Say in three sentences how the claims stand, what became of the refuted ones, and what was measured and moved."""
    claims, networks = ledger["claims"], ledger["networks"]
    count = Counter(claim["verdict"] for claim in claims)
    standing = ", ".join(f"{count[verdict]} {verdict.lower()}" for verdict in words.VERDICTS)
    tried = "was tried" if len(claims) == 1 else "were tried"
    holes = sum(map(table.is_open_hole, claims))
    moved = len(ledger["expected"]["moved"])
    holding = sum(network["holds"] for network in networks)
    of_networks = f"On {holding} of {words.counted(networks, 'network')} the closed form of the pixel weights holds"
    return (
        f"{words.counted(claims, 'statement')} about Grad-CAM++ {tried}: {standing}.",
        _corrections(count["REFUTED"], holes),
        f"{of_networks if networks else 'No network was measured'}, and "
        f"{words.counted(moved, 'standing') + ' moved' if moved else 'everything stands as recorded'}.",
    )


def faulty(claims: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the refuted claims that others than this project wrote, each with a counterexample and its corrections."""
    by_name = {claim["name"]: claim for claim in claims}
    return [
        {
            "claim": claim,
            "witness": next((piece["witness"] for piece in claim["evidence"] if piece["witness"]), None),
            "corrections": [by_name[name] for name in claim["corrected_by"] if name in by_name],
        }
        for claim in claims
        if claim["verdict"] == "REFUTED" and claim["source"]["work"] != "gradcampp"
    ]


def answered(constraints: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the constraints with the questions that were tried in this run."""
    tried = [
        {**each, "questions": [question for question in each["questions"] if question["answer"] != "not tried"]}
        for each in constraints
    ]
    return [each for each in tried if each["questions"]]


def _corrections(refuted: int, holes: int) -> str:
    if refuted == 0:
        return "Nothing was refuted, so nothing had to be corrected."
    if holes == 0:
        return f"Of the {refuted} refuted, every one is corrected by another statement."
    left = words.counted(holes, "is an open hole", "are open holes")
    corrected = words.counted(refuted - holes, "is corrected", "are corrected")
    return f"Of the {refuted} refuted, {corrected} by another statement and {left}."


def _section(claim: Mapping[str, Any], ledger: Mapping[str, Any]) -> dict[str, Any]:
    """Lay out a claim with what only the whole ledger tells: who uses it, and which of its supports do not stand."""
    standing = {other["name"]: other["stands"] for other in ledger["claims"]}
    return {
        "claim": claim,
        "used_by": [other["name"] for other in ledger["claims"] if claim["name"] in other["uses"]],
        "fallen": [name for name in claim["uses"] if not standing.get(name, False)],
        "links": _links(claim),
        "witnesses": _witnesses(claim),
    }


def _witnesses(claim: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Gather the counterexamples by where they are, so that one place found by two methods is told once."""
    places: dict[str, list[dict[str, Any]]] = {}
    for piece in claim["evidence"]:
        if piece["verdict"] == "REFUTED":
            places.setdefault(piece["witness"]["where"], []).append({"method": piece["method"], **piece["witness"]})
    return places


def _links(claim: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Lay out the links of the proof as a chain: a side that the line above already shows is left out (None)."""
    shown, rows = None, []
    for link in claim["proof"]["links"] if claim["proof"] else []:
        repeats_claim = link["before"] == claim["lhs"] and link["after"] == claim["rhs"]
        before = None if repeats_claim or link["before"] == shown else link["before"]
        rows.append({**link, "before": before, "after": None if repeats_claim else link["after"]})
        shown = link["after"]
    return rows


def _figure(network: Mapping[str, Any]) -> dict[str, Any]:
    """Lay out a network: its picture and what it shows, and whose photograph it is."""
    png = pictures.overlay(network)
    return {
        "network": network,
        "source": pictures.data_uri(png),
        "size": pictures.size(png),
        "alt": pictures.alt(network),
        "credit": next((f"{i.title}: {i.credit}, {i.licence}" for i in IMAGES if i.name == network["image"]), ""),
    }

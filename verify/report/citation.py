"""How a claim or a statement about whole maps stands, in one sentence, and BibTeX to cite it."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from derivation.claims import LIBRARY
from verify import ledger, replay
from verify.errors import unknown
from verify.map_properties import MAP_PROPERTIES, map_property
from verify.report.words import counted
from verify.verdict import Verdict


def cited(name: str, standings: Mapping[str, Any], store: Path = replay.STORE) -> str:
    """Return the sentence and the BibTeX entry.

    Args:
        name: of a claim, or of a statement about whole maps.
        standings: of the claims, by name, of `verify.ledger.read_expected`.
        store: where the counterexamples are that say what is needed.

    Raises:
        UsageError: nothing is called so; the message gives the nearest.
    """
    if name in LIBRARY:
        claim = LIBRARY[name]
        names = [hypothesis.name for hypothesis in claim.given]
        says, statement = claim.says, ledger.digest(claim)
        known = standings.get(name)
        standing = _standing(known if known and known["statement"] == statement else None)
        if standing == "proved" and names:
            standing += f", {_needed(name, statement, names, ('hypothesis', 'hypotheses'), store)} being needed"
    elif name in (names_of_maps := [prop.name for prop in MAP_PROPERTIES]):
        prop = map_property(name)
        says, statement = prop.says, prop.statement
        needed = _needed(name, statement, prop.assumes, ("assumption", "assumptions"), store)
        standing = f"searched for what breaks it, not proved, {needed} being needed"
    else:
        raise unknown("claim or statement about maps", name, [*LIBRARY, *names_of_maps])
    version = importlib.metadata.version("gradcampp")
    return (
        f"{says.rstrip('.')}: {standing} (gradcampp {version}, {name}, statement {statement}).\n\n"
        f"@software{{gradcampp-{name},\n"
        "  author  = {{The gradcampp authors}},\n"
        "  title   = {gradcampp: every equation of {Grad-CAM++}, proved or refuted},\n"
        f"  version = {{{version}}},\n"
        f"  note    = {{{name}, statement {statement}}}\n"
        "}\n"
    )


def _standing(record: Mapping[str, Any] | None) -> str:
    """Say how a claim stands by its record; that of another statement under its name says nothing."""
    if record is None:
        return "not yet tried as it reads now"
    return "refuted by counterexample" if record["verdict"] == Verdict.REFUTED else str(record["verdict"]).lower()


def _needed(name: str, statement: str, given: Sequence[str], noun: tuple[str, str], store: Path) -> str:
    """Say of how many hypotheses or assumptions a counterexample is stored that does without it."""
    slugs = set(replay.slugs(store)) & {f"{name}/without-{each}" for each in given}
    needed = sum(replay.read(slug, store).statement == statement for slug in slugs)
    if needed < len(given):
        return f"{needed} of its {counted(given, *noun)}"
    return f"its {noun[0]}" if needed == 1 else f"each of its {counted(given, *noun)}"

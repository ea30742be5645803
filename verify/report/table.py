"""The verdict table as the terminal and a README show it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text
from sympy import Complement, ConditionSet, FiniteSet, S, Set

from derivation.heads import Head, inflections, singular
from derivation.printing import line
from verify.report.colours import SHADES
from verify.report.words import METHODS, brief, counted, source_words

_MARKDOWN = re.compile(r"([\\`*_|<>\[\]$~])")


def is_open_hole(claim: Mapping[str, Any]) -> bool:
    """Tell whether the claim is refuted and no other claim says what is true instead."""
    return claim["verdict"] == "REFUTED" and not claim["corrected_by"]


def standing(claim: Mapping[str, Any]) -> str:
    """Return the verdict, and what it alone hides: an open hole, or a proof that rests on what does not stand."""
    if is_open_hole(claim):
        return f"{claim['verdict']}, open hole"
    if claim["verdict"] == "PROVED" and not claim["stands"]:
        return f"{claim['verdict']}, does not stand"
    return str(claim["verdict"])


def strongest(claim: Mapping[str, Any]) -> str:
    """Say what is the strongest evidence for the verdict; methods rank as in `METHODS`, the first of equals wins."""
    verdict, evidence = claim["verdict"], claim["evidence"]
    if not evidence:
        return "nothing was tried"
    best = min((e for e in evidence if e["verdict"] == verdict), key=_rank, default=None)
    if best is None or verdict == "UNDECIDED":
        best = best or min(evidence, key=_rank)
        return f"{best['method']}: {best['note'] or best['case']}"
    if verdict == "PROVED":
        links = claim["proof"]["links"]
        return f"{best['method']} proof" + (f" in {counted(links, 'link')}" if links else "")
    if verdict == "REFUTED":
        witness = best["witness"]
        return (
            f"{best['method']} counterexample, {witness['where']}: {witness['lhs']} {witness['sign']} {witness['rhs']}"
        )
    text = f"{best['method']}: {counted(best['tried'], 'case')} tried"
    if best["residual"] is None:
        return f"{text}, none fails"
    bound = f", bound {brief(best['bound'])}" if best["bound"] is not None else ""
    return f"{text}, largest difference {brief(best['residual'])}{bound}"


def _rank(piece: Mapping[str, Any]) -> int:
    order = list(METHODS)
    return order.index(piece["method"]) if piece["method"] in order else len(order)


def terminal(ledger: Mapping[str, Any], seconds: Mapping[str, float]) -> Table:
    """Return the verdict table for a terminal.

    Args:
        ledger: a ledger of schema gradcampp-ledger/2.
        seconds: time taken for each claim by name; a claim that is not in it gets an empty cell.
    """
    table = Table(title="Grad-CAM++, line by line", title_justify="left", show_lines=False)
    table.add_column("claim", overflow="fold")
    table.add_column("hypotheses", overflow="fold")
    table.add_column("verdict", min_width=len("UNDECIDED"))
    table.add_column("strongest evidence", overflow="fold")
    table.add_column("time", justify="right", no_wrap=True)
    for claim in ledger["claims"]:
        name = claim["name"]
        style = SHADES["hole" if is_open_hole(claim) else claim["verdict"]].terminal
        table.add_row(  # Text, not str: a bracket in a note must not be taken for rich's markup
            Text(name),
            Text(", ".join(hypothesis["name"] for hypothesis in claim["given"])),
            Text(standing(claim), style=style),
            Text(strongest(claim)),
            Text(f"{seconds[name]:.2f} s" if name in seconds else ""),
        )
    return table


def markdown(ledger: Mapping[str, Any]) -> str:
    """Return the verdict table in Markdown, one line a claim: name, sentence, source, verdict."""
    lines = ["| claim | says | source | verdict |", "| --- | --- | --- | --- |"]
    for claim in ledger["claims"]:
        cells = (claim["says"], source_words(claim["source"]), standing(claim))
        lines.append(f"| `{claim['name']}` | " + " | ".join(_plain(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def refuted(claims: Sequence[Mapping[str, Any]]) -> str:
    """Return what is false, in Markdown, one line a claim: name, sentence, source, names of the corrections."""
    lines = ["| false | says | source | true instead |", "| --- | --- | --- | --- |"]
    for claim in claims:
        instead = ", ".join(f"`{name}`" for name in claim["instead"])
        lines.append(
            f"| `{claim['name']}` | {_plain(claim['says'])} | {_plain(source_words(claim['source']))} | {instead} |"
        )
    return "\n".join(lines) + "\n"


def answers(constraints: Sequence[Mapping[str, Any]]) -> str:
    """Return what is answered about the constraints of the post, in Markdown, one line a question."""
    rows = [(each, question) for each in constraints for question in each["questions"]]
    lines = ["| constraint of the post | is it | for | answer | where, why | claims |", "| --- " * 6 + "|"]
    for each, question in rows:
        cells = (each["words"], question["asks"], question["conclusion"], question["answer"], question["remark"])
        names = ", ".join(f"`{name}`" for name in question["claims"])
        lines.append(f"| {' | '.join(_plain(cell) for cell in cells)} | {names} |")
    return "\n".join(lines) + "\n"


def outer_functions(heads: Sequence[Head]) -> str:
    """Return what alpha meets under each outer function, in Markdown: rho, f'' = 0, where alpha is 0, the pole."""
    lines = ["| outer function f(u) | rho = f'''/f'' | f'' = 0 | alpha = 0 | pole at sigma g = |", "| --- " * 5 + "|"]
    for head in heads:
        values = (head.outer, *("none" if e is None else e for e in (head.rho, head.pole)))
        outer, rho, pole = (value if isinstance(value, str) else f"`{line(value)}`" for value in values)
        lines.append(f"| {outer} | {rho} | {_where(singular(head))} | {_where(inflections(head))} | {pole} |")
    return "\n".join(lines) + "\n"


def _where(points: Set) -> str:
    """Say which u a set holds; one that depends on another letter is said by its condition."""
    match points:
        case FiniteSet():
            return ", ".join(f"`u = {line(point)}`" for point in points)
        case ConditionSet():
            return f"where `{line(points.condition)}`"
        case Complement():
            return f"{_where(points.args[0])}, but not {_where(points.args[1])}"
    return {S.EmptySet: "nowhere", S.Reals: "everywhere"}.get(points) or f"`{line(points)}`"


def escaped(text: str) -> str:
    """Return text with what Markdown would interpret escaped."""
    return _MARKDOWN.sub(r"\\\1", text)


def _plain(text: str) -> str:
    return escaped(" ".join(text.split()))

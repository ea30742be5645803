"""What became of the planted errors, as the terminal shows it: how many for each claim, or each of them."""

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.table import Table
from rich.text import Text

from verify.mutate import Fate, Finding, Origin, document
from verify.report.colours import SHADES

STYLES = {
    Fate.REFUTED: SHADES["PROVED"].terminal,
    Fate.UNDECIDED: SHADES["UNDECIDED"].terminal,
    Fate.SURVIVOR: SHADES["REFUTED"].terminal,
    Fate.EQUIVALENT: "",
    Fate.SOUND: "",
}
COLUMNS = (Fate.REFUTED, Fate.UNDECIDED, Fate.SURVIVOR, Fate.EQUIVALENT)
TITLE = "Errors planted in what is proved"


def summary(findings: Sequence[Finding]) -> Table:
    """Return a table of the claims: how many errors were planted in each, and what became of them."""
    planted = [finding for finding in findings if finding.origin is not Origin.ITSELF]
    table = Table(title=TITLE, title_justify="left", show_footer=True, box=SIMPLE, padding=(0, 1, 0, 0))
    table.add_column("claim", "all", overflow="fold")
    table.add_column("planted", str(len(planted)), justify="right")
    for fate in COLUMNS:
        table.add_column(fate.value, _number(planted, fate), justify="right", style=STYLES[fate])
    for name in dict.fromkeys(finding.claim for finding in findings):
        here = [finding for finding in planted if finding.claim == name]
        table.add_row(name, str(len(here)), *(_number(here, fate) for fate in COLUMNS))
    return table


def details(findings: Sequence[Finding]) -> Table:
    """Return a table of the planted errors: what was changed, what became of it, and why."""
    table = Table(title=TITLE, title_justify="left")
    for column in ("planted error", "what is changed", "became", "why"):
        table.add_column(column, overflow="fold", min_width=len("equivalent") if column == "became" else None)
    for f in findings:  # Text, not str: a bracket in a formula must not be taken for rich's markup
        table.add_row(Text(f.mutant), Text(f.says), Text(f.fate, style=STYLES[f.fate]), Text(f.why))
    return table


def words(findings: Sequence[Finding]) -> str:
    """Say in two sentences how many errors were made in which way, and what became of them."""
    made = (f"{_made(findings, origin)} {origin}" for origin in Origin if origin is not Origin.ITSELF)
    found, refuted, undecided = document(findings), *(_number(findings, fate) or "0" for fate in COLUMNS[:2])
    return (
        f"Planted: {', '.join(made)}. Of {found['mutants']} errors {found['killed']} are killed ({refuted} refuted,"
        f" {undecided} undecided) and {found['mutants'] - found['killed']} survive; {found['equivalent']} edits are"
        " equivalent to the original and not counted."
    )


def _made(findings: Sequence[Finding], origin: Origin) -> int:
    return sum(finding.origin is origin for finding in findings)


def _number(findings: Sequence[Finding], fate: Fate) -> str:
    return str(sum(finding.fate is fate for finding in findings) or "")

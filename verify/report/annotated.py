"""The post with a verdict beside each of its lines: its own text, and what the ledger says about it.

Which passage a claim is about is told by the claim: `Source.where` names the passage, `Source.words` the line of it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment

from verify.errors import Fault
from verify.report.markdown import to_html
from verify.report.notebooks import Notebook

POST = Path(__file__).parents[2] / "derivation" / "documents" / "post.md"
WORK = "post"
PLACES = ("first", "second", "third", "fourth", "fifth")

_HEAD = re.compile(r"<head>.*?</head>", re.DOTALL)
_PICTURE = re.compile(r'<div align="center">.*?alt="(.*?)".*?<center[^>]*>(.*?)</center>.*?</div>', re.DOTALL)
_PARTIAL = re.compile(r"\\frac\{\\partial(?:\^(\w))? (\w)(?:\(x\))?\}\{\\partial (\w)(?:\^(\w))?\}")
_INLINE = re.compile(r"\$([^$]+)\$")


@dataclass(frozen=True)
class Line:
    """What a verdict can stand beside: a paragraph, a bullet or a line of a displayed formula.

    Args:
        where: the places by which a claim may name it.
        text: Markdown, or LaTeX if it is displayed.
        displayed: whether it is a line of a displayed formula.
    """

    where: tuple[str, ...]
    text: str
    displayed: bool = False

    @property
    def formulas(self) -> list[str]:
        """Return the formulas in it that state something: those with a sign of equality."""
        found = [self.text] if self.displayed else _INLINE.findall(self.text)
        return [latex for latex in found if "=" in latex]


def lines(post: str) -> list[Line]:
    """Take the post apart, in reading order; nothing of its words is lost but the scripts in its head."""
    text = _PICTURE.sub(r"*[picture, not shown here: \1. \2]*", _HEAD.sub("", post))
    found: list[Line] = []
    bullets = formulas = 0
    for part in re.split(r"\n\s*\n|(?=^- )", text, flags=re.MULTILINE):
        part = part.strip()
        if part.startswith("$$"):
            formulas += 1
            rows = part.strip("$").strip().split("\\\\\n")
            found += [Line((f"displayed formula {formulas}",), " ".join(row.split()), True) for row in rows]
        elif part.startswith("- "):
            found.append(Line((f"{PLACES[bullets]} constraint",), part))
            bullets += 1
        elif part:
            found.append(Line((f"before displayed formula {formulas + 1}",), part))
    return found


def typed(latex: str) -> str:
    """Return a formula of the post as claims quote it, on one line and without blanks: d^2Y/dx^2 is d2Y/dx2."""
    text = _PARTIAL.sub(_ratio, latex).replace(r"\times", "x").replace("_i", "")
    return re.sub(r"[\s$]", "", text).replace("{", "").replace("}", "")


def _ratio(found: re.Match[str]) -> str:
    order, above, below, again = found.groups()
    hat = "" if order is None or order.isdigit() else "^"
    return f"d{hat}{order or ''}{above}/d{below}{hat}{again or ''}"


def beside(post: Sequence[Line], claims: Iterable[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Return, for every line, the claims about it.

    Raises:
        Fault: a claim quotes what does not stand at its place.
    """
    found: list[list[Mapping[str, Any]]] = [[] for _ in post]
    for claim in claims:
        if claim["source"]["work"] != WORK:
            continue
        at = [place for place, line in enumerate(post) if _quotes(claim["source"], line)]
        if len(at) != 1:
            where, words = claim["source"]["where"], claim["source"]["words"]
            raise Fault(
                f"claim {claim['name']} quotes “{words}”, which stands {len(at)} times at “{where}” of the post"
            )
        found[at[0]].append(claim)
    return found


def _quotes(source: Mapping[str, Any], line: Line) -> bool:
    words = re.sub(r"\s", "", source["words"])
    said = typed(line.text)
    return source["where"] in line.where and (said == words if line.displayed else words in said)


def render(
    environment: Environment,
    ledger: Mapping[str, Any],
    notebooks: Sequence[Notebook] = (),
    worked: frozenset[str] = frozenset(),
    post: str | None = None,
) -> str:
    """Return the annotated post.

    Args:
        environment: of the site.
        ledger: a whole ledger.
        notebooks: where claims may be worked through.
        worked: the claims that properties.html has an anchor for.
        post: the text, by default the post as it lies in `derivation/documents`.
    """
    found = lines(POST.read_text("utf-8") if post is None else post)
    by_name = {claim["name"]: claim for claim in ledger["claims"]}
    notes = beside(found, ledger["claims"])
    rows = [_row(line, about, by_name, notebooks, worked) for line, about in zip(found, notes, strict=True)]
    checked = sum(bool(row["notes"]) for row in rows if row["states"])
    return environment.get_template("post.html.j2").render(
        rows=rows, checked=checked, stating=sum(row["states"] for row in rows)
    )


def _row(
    line: Line,
    about: Sequence[Mapping[str, Any]],
    by_name: Mapping[str, Mapping[str, Any]],
    notebooks: Sequence[Notebook],
    worked: frozenset[str],
) -> dict[str, Any]:
    return {
        "line": line,
        "html": "" if line.displayed else to_html(re.sub(r"^#", "##", line.text)),
        "states": bool(line.formulas),
        "notes": [
            {
                "claim": claim,
                "corrections": [by_name[name] for name in claim["corrected_by"] if name in by_name],
                "worked": claim["name"] in worked,
                "witness": next((piece["witness"] for piece in claim["evidence"] if piece["witness"]), None),
                "notebooks": [(book, at) for book in notebooks if (at := book.mentions(claim["name"]))],
            }
            for claim in about
        ],
    }

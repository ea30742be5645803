"""What every page is rendered with: the templates, their filters and functions, and the style sheet."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from verify.report import colours, table, words
from verify.report.formulas import mathml

FOLDER = Path(__file__).parent


def environment() -> Environment:
    """Return what renders the templates; a name that a page is not given is an error."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"math": mathml, "number": words.number, "brief": words.brief, "counted": words.counted}
    made.globals |= {
        "style": style,
        "source_words": words.source_words,
        "strongest": table.strongest,
        "is_open_hole": table.is_open_hole,
    }
    return made


def style() -> Markup:
    """Return the style sheet with the table of colours in front. Our own files: nothing in it comes from a ledger."""
    light, dark = colours.properties("light"), colours.properties("dark")
    scheme = (
        f":root {{ {light} }}\n@media (prefers-color-scheme: dark) {{ @media not print {{ :root {{ {dark} }} }} }}\n"
    )
    return Markup(scheme + (FOLDER / "style.css").read_text(encoding="utf-8"))

"""The report as one site: every page that can be made from what lies in the folder, with links between the pages.

Pages of other commands (`verify`, `properties`, `check`) are taken as they are; all of them get the same links on top.
The same files and versions give the same bytes.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape

from verify.errors import CorruptFile, Fault
from verify.report import annotated, audit, explorer, notebooks, page, templates
from verify.report.files import write_whole

_LINKS = re.compile(r'<nav class="pages".*?</nav>\n', re.DOTALL)
_TITLE = re.compile(r"<title>Grad-CAM\+\+: (.*?)</title>")
_PLACE = '<a class="skip" href="#content">Skip to the content</a>\n'
_ID = re.compile(r'\bid="([^"]+)"')


@dataclass(frozen=True)
class Entry:
    """One link on top of every page.

    Args:
        file: the page.
        title: its name.
        command: what writes it, where it is not there.
    """

    file: str
    title: str
    command: str


FRONT = Entry("index.html", "Verdicts", "gradcampp verify")
PROPERTIES = Entry("properties.html", "Where assumptions break", "gradcampp properties")
OURS = "gradcampp report"


def write(folder: Path, *, maps: bool = True) -> list[str]:
    """Write all pages that can be made and put the links on top of all; return the names of the pages, the front first.

    Args:
        folder: the report directory, where a ledger, pages and a peers.json may lie.
        maps: whether break maps are drawn, which takes some seconds.

    Raises:
        CorruptFile: ledger.json or peers.json is none.
        Fault: a page is not as the site has to be, which is said.
    """
    made = pages(folder, maps=maps)
    found = {**_others(folder), **made}
    entries = _entries(notebooks.committed())
    linked = {name: with_links(text, name, entries, set(found)) for name, text in found.items()}
    if wrong := audit.faults(linked):
        raise Fault(f"the report is not as it has to be: {'; '.join(wrong[:5])}{' ...' if len(wrong) > 5 else ''}")
    for name, text in linked.items():
        write_whole(folder / name, text.encode())
    return [entry.file for entry in entries if entry.file in linked]


def pages(folder: Path, *, maps: bool = True) -> dict[str, str]:
    """Return the pages that are made here, by their names."""
    from verify.ledger import loads

    env = templates.environment()
    books = notebooks.committed()
    paths = {f"{book.name}.ipynb": book.page for book in books}
    made = {book.page: notebooks.render(env, book, paths) for book in books}
    made["explorer.html"] = explorer.render(env)
    made["peers.html"] = env.get_template("peers.html.j2").render(peers=_peers(folder / "peers.json"))
    made["checks.html"] = env.get_template("checks.html.j2").render(
        checks=[(path.name, Markup(_check_title(path))) for path in _checks(folder)]
    )
    if maps:
        made["maps.html"] = _maps(env)
    ledger = folder / "ledger.json"
    if ledger.exists():
        document = loads(ledger.read_text("utf-8"))
        made[FRONT.file] = page.render(document)
        if annotated.POST.exists():
            made["post.html"] = annotated.render(env, document, books, _ids(folder / PROPERTIES.file))
    return made


def _maps(env: Environment) -> str:
    from verify import breakmaps
    from verify.report.properties import figure

    return env.get_template("maps.html.j2").render(maps=[figure(make()) for make in breakmaps.MAPS])


def _peers(path: Path) -> list[Mapping[str, Any]] | None:
    """Read what `gradcampp peers --json` printed; None if it was not run.

    Raises:
        CorruptFile: it is something else.
    """
    from verify.peers.run import SCHEMA
    from verify.peers.table import formula_words

    if not path.exists():
        return None
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}")
        return [{**record, "formula_words": formula_words(record)} for record in document["peers"]]
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{path} is not what gradcampp peers --json prints ({error}): run it again") from error


def _checks(folder: Path) -> list[Path]:
    return sorted(folder.glob("check-*.html"))


def _check_title(path: Path) -> str:
    """Return what a check's page is called in its head, which is markup already."""
    found = _TITLE.search(path.read_text("utf-8"))
    return found.group(1) if found else str(escape(path.name))


def _others(folder: Path) -> dict[str, str]:
    """Return the pages of other commands; a link of theirs stays only if they are read anew."""
    names = [*([PROPERTIES.file] if (folder / PROPERTIES.file).exists() else []), *(p.name for p in _checks(folder))]
    return {name: (folder / name).read_text("utf-8") for name in names}


def _ids(path: Path) -> frozenset[str]:
    return frozenset(_ID.findall(path.read_text("utf-8"))) if path.exists() else frozenset()


def _entries(books: Sequence[notebooks.Notebook]) -> list[Entry]:
    """Return the links on top, in order; what an installed package does not bring, the post and notebooks, has none."""
    return [
        FRONT,
        *([Entry("post.html", "The post, annotated", FRONT.command)] if annotated.POST.exists() else []),
        PROPERTIES,
        Entry("maps.html", "Break maps", OURS),
        Entry("explorer.html", "Move it yourself", OURS),
        Entry("peers.html", "Libraries", OURS),
        Entry("checks.html", "Your networks", OURS),
        *(Entry(book.page, f"Notebook: {book.plain}", OURS) for book in books),
    ]


def with_links(text: str, name: str, entries: Sequence[Entry], there: set[str]) -> str:
    """Put the links to the other pages on top of a page, in place of those that it had."""
    text = _LINKS.sub("", text, count=1)
    items = "\n".join(_item(entry, name, there) for entry in entries)
    links = f'<nav class="pages" aria-label="Pages">\n<ul>\n{items}\n</ul>\n</nav>\n'
    place = _PLACE if _PLACE in text else "<body>\n"
    return text.replace(place, place + links, 1)


def _item(entry: Entry, name: str, there: set[str]) -> str:
    title = escape(entry.title)
    if entry.file not in there:
        return f'<li class="quiet">{title} (not made: <code>{escape(entry.command)}</code>)</li>'
    here = ' aria-current="page"' if entry.file == name else ""
    return f'<li><a href="{escape(entry.file)}"{here}>{title}</a></li>'

"""The links between the pages of a report directory, the same on each, whichever command wrote them.

A page links to those that lie beside it, and says which command makes the others. Alone in its directory it has no
links, and so is what its own module renders.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup, escape

from verify.report import annotated, notebooks
from verify.report.files import write_whole
from verify.report.templates import environment
from verify.report.words import counted

_LINKS = re.compile(r'<nav class="pages".*?</nav>\n', re.DOTALL)
_OURS = "<title>Grad-CAM++"
_TITLE = re.compile(r"<title>Grad-CAM\+\+: (.*?)</title>")
_PLACE = '<a class="skip" href="#content">Skip to the content</a>\n'


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


OURS = "gradcampp report"
FRONT = Entry("index.html", "Verdicts", "gradcampp verify")
POST = Entry("post.html", "The post, annotated", OURS)
PROPERTIES = Entry("properties.html", "Where assumptions break", "gradcampp properties")
MAPS = Entry("maps.html", "Break maps", OURS)
EXPLORER = Entry("explorer.html", "Move it yourself", OURS)
PEERS = Entry("peers.html", "Libraries", OURS)
CHECKS = Entry("checks.html", "Your networks", OURS)


def place(folder: Path, made: Mapping[str, str]) -> None:
    """Write pages, and bring the links up to date on them and on every page that lies beside them.

    Args:
        folder: the report directory.
        made: the pages by the names of their files.

    Raises:
        UsageError: the folder cannot be written.
    """
    before = there(folder)
    if CHECKS.file in before:
        made = {CHECKS.file: checks({**before, **made}), **made}
    for name, text in linked({**before, **made}).items():
        if text != before.get(name):
            write_whole(folder / name, text.encode())


def there(folder: Path) -> dict[str, str]:
    """Return the pages of ours that lie in a folder, by the names of their files; what somebody else put there is not.

    A page is told by its name and its title.
    """
    paths = [*(folder / entry.file for entry in entries()), *sorted(folder.glob("check-*.html"))]
    found = {path.name: path.read_text("utf-8", "replace") for path in paths if path.is_file()}
    return {name: text for name, text in found.items() if _OURS in text}


def checks(pages: Mapping[str, str]) -> str:
    """Return the page that lists the pages of `gradcampp check` among others."""
    # What a page is called in its head is markup already.
    titles = {name: _TITLE.findall(text) for name, text in sorted(pages.items()) if name.startswith("check-")}
    listed = [(name, Markup(found[0]) if found else name) for name, found in titles.items()]
    return environment().get_template("checks.html.j2").render(checks=listed)


def entries() -> list[Entry]:
    """Return the links on top, in order; what an installed package does not bring, the post and notebooks, has none."""
    books = notebooks.committed()
    return [
        FRONT,
        *([POST] if annotated.POST.exists() else []),
        PROPERTIES,
        *(MAPS, EXPLORER, PEERS, CHECKS),
        *(Entry(book.page, f"Notebook: {book.plain}", OURS) for book in books),
    ]


def linked(pages: Mapping[str, str]) -> dict[str, str]:
    """Return pages with the links between them, in place of those that they had."""
    known = entries()
    return {name: _with_links(text, name, known, pages) for name, text in pages.items()}


def without(text: str) -> str:
    """Return a page without its links to others."""
    return _LINKS.sub("", text, count=1)


def _with_links(text: str, name: str, known: Sequence[Entry], pages: Collection[str]) -> str:
    text = without(text)
    if not any(entry.file in pages for entry in known if entry.file != name):
        return text
    items = [_item(entry, name) for entry in known if entry.file in pages]
    items += _missing([entry for entry in known if entry.file not in pages])
    lines = "\n".join(items)
    links = f'<nav class="pages" aria-label="Pages">\n<ul>\n{lines}\n</ul>\n</nav>\n'
    where = _PLACE if _PLACE in text else "<body>\n"
    return text.replace(where, where + links, 1)


def _item(entry: Entry, name: str) -> str:
    here = ' aria-current="page"' if entry.file == name else ""
    return f'<li><a href="{escape(entry.file)}"{here}>{escape(entry.title)}</a></li>'


def _missing(absent: Sequence[Entry]) -> list[str]:
    """Say what is not there, in one item for each command that makes it."""
    items = []
    titles: dict[str, list[str]] = {}
    for entry in absent:
        first = FRONT if entry is POST and FRONT in absent else entry  # the annotated post is made from the ledger
        titles.setdefault(first.command, []).append(entry.title)
    for command, names in titles.items():
        told = names[0] if len(names) == 1 else counted(names, "more page")
        items.append(f'<li class="quiet">{escape(told)} (not made: <code>{escape(command)}</code>)</li>')
    return items

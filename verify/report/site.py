"""The report as one site: every page that can be made from what lies in the folder, with links between the pages.

Pages of other commands (`properties`, `check`) are taken as they are; all of them get the same links on top.
The same files and versions give the same bytes.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment

from verify.errors import CorruptFile, Fault
from verify.report import annotated, audit, explorer, libraries, links, notebooks, page, templates

_ID = re.compile(r'\bid="([^"]+)"')


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
    found = links.linked({**links.there(folder), **made})
    if wrong := audit.faults(found):
        raise Fault(f"the report is not as it has to be: {'; '.join(wrong[:5])}{' ...' if len(wrong) > 5 else ''}")
    links.place(folder, made)
    return [entry.file for entry in links.entries() if entry.file in found]


def pages(folder: Path, *, maps: bool = True) -> dict[str, str]:
    """Return the pages that are made here, by their names."""
    env = templates.environment()
    books = notebooks.committed()
    paths = {f"{book.name}.ipynb": book.page for book in books}
    made = {book.page: notebooks.render(env, book, paths) for book in books}
    made[links.EXPLORER.file] = explorer.render(env)
    made[links.PEERS.file] = libraries.render(env, libraries.read(folder / "peers.json"))
    made[links.CHECKS.file] = links.checks(links.there(folder))
    document = _ledger(folder / "ledger.json")
    if maps:
        made[links.MAPS.file] = _maps(env)
    if document is not None:
        made |= of_ledger(document, folder, books)
    return made


def of_ledger(ledger: Mapping[str, Any], folder: Path, books: Sequence[notebooks.Notebook]) -> dict[str, str]:
    """Return the pages that are made from a ledger, by their names.

    Args:
        ledger: a whole ledger.
        folder: where a page may lie that tells what each hypothesis is needed for.
        books: the notebooks that may be linked to.
    """
    made = {links.FRONT.file: page.render(ledger)}
    if annotated.POST.exists():
        worked = _ids(folder / links.PROPERTIES.file)
        made[links.POST.file] = annotated.render(templates.environment(), ledger, books, worked)
    return made


def _ledger(path: Path) -> Mapping[str, Any] | None:
    from verify.ledger import loads

    if not path.exists():
        return None
    try:
        return loads(path.read_text("utf-8"))
    except (OSError, ValueError, CorruptFile) as error:
        raise CorruptFile(f"{path} cannot be used: {error}; run gradcampp verify again") from error


def _maps(env: Environment) -> str:
    from verify import breakmaps
    from verify.report.properties import figure

    return env.get_template("maps.html.j2").render(maps=[figure(make()) for make in breakmaps.MAPS])


def _ids(path: Path) -> frozenset[str]:
    return frozenset(_ID.findall(path.read_text("utf-8"))) if path.exists() else frozenset()

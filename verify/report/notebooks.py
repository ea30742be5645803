"""A committed notebook as one self-contained page: words, programs and what they put out, as they were recorded."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from verify.errors import CorruptFile
from verify.report.markdown import inline, outputs, to_html

FOLDER = Path(__file__).parents[2] / "notebooks"


@dataclass(frozen=True)
class Notebook:
    """A notebook as it lies in its file.

    Args:
        name: of the file, without its ending.
        cells: each with `id`, `cell_type`, `source` and, if it is code, `outputs`.
    """

    name: str
    cells: tuple[Mapping[str, Any], ...]

    @property
    def page(self) -> str:
        """Return the name of its page."""
        return f"notebook-{self.name}.html"

    @property
    def title(self) -> str:
        """Return its first heading."""
        lines = (line for cell in self.cells if cell["cell_type"] == "markdown" for line in source(cell).splitlines())
        return next((line.removeprefix("# ") for line in lines if line.startswith("# ")), self.name)

    @property
    def plain(self) -> str:
        """Return its title where no formula can be set."""
        return self.title.replace("$", "").replace("`", "")

    def mentions(self, claim: str) -> str:
        """Return the id of the first cell that names a claim, or nothing."""
        marks = (f'"{claim}"', f"`{claim}`")
        return next((cell["id"] for cell in self.cells if any(mark in source(cell) for mark in marks)), "")


def source(cell: Mapping[str, Any]) -> str:
    """Return what was written in a cell."""
    text = cell["source"]
    return text if isinstance(text, str) else "".join(text)


def read(path: Path) -> Notebook:
    """Read a notebook.

    Raises:
        CorruptFile: it is none, or a cell has no id.
    """
    try:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        return Notebook(path.stem, tuple({**cell, "id": cell["id"]} for cell in cells))
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptFile(f"{path.name} is no notebook with ids: {error!r}") from error


def committed(folder: Path = FOLDER) -> list[Notebook]:
    """Return all notebooks of the project; none where the project was installed without them."""
    return [read(path) for path in sorted(folder.glob("*.ipynb"))]


def render(environment: Environment, notebook: Notebook, pages: Mapping[str, str]) -> str:
    """Return the page of a notebook.

    Args:
        environment: of the site.
        notebook: what to show.
        pages: where the page of a file is that a link may lead to, such as "2_the_weight.ipynb".
    """
    first = True
    shown = []
    for cell in notebook.cells:
        text = source(cell)
        if first and cell["cell_type"] == "markdown":  # the page has its title already
            text, first = text.replace(f"# {notebook.title}", "", 1), False
        is_code = cell["cell_type"] == "code"
        body = Markup("") if is_code else to_html(text, lambda target: pages.get(target.rpartition("/")[2], ""))
        shown.append({"id": cell["id"], "code": text if is_code else "", "body": body, "outputs": outputs(cell)})
    return environment.get_template("notebook.html.j2").render(
        title=inline(notebook.title), plain=notebook.plain, name=notebook.name, cells=shown
    )

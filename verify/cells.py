"""What cells of a notebook put out beside formulas and pictures: tables, counterexamples, and figures with a slider.

With ipywidgets in a running notebook `slider` gives a slider; in a notebook that `verify.notebook` runs, and without
ipywidgets, it gives the figure at the value that was chosen to start with: committed outputs hold no widget.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from derivation.claims import LIBRARY
from verify.errors import Fault
from verify.explain import at_counterexample
from verify.map_replay import at_setting
from verify.methods.enclosure import enclosure
from verify.methods.exact import exact
from verify.methods.symbolic import symbolic
from verify.replay import read, replay
from verify.typeset import to_markdown
from verify.verdict import combine

STILL = "GRADCAMPP_STILL"  # set in the kernels whose outputs are kept


@dataclass(frozen=True)
class Table:
    """A table as the output of a cell: Markdown where that can be shown, columns of text elsewhere."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __repr__(self) -> str:
        """Return the table as text."""
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

    def _repr_markdown_(self) -> str:
        rule = ("---",) * len(self.columns)
        lines = [tuple(map(_cell, line)) for line in (self.columns, *self.rows)]
        return "\n".join(f"| {' | '.join(line)} |" for line in (lines[0], rule, *lines[1:]))


def _cell(text: str) -> str:
    """Return words as Markdown leaves them."""
    for sign in "\\|*_<>`$":
        text = text.replace(sign, f"\\{sign}")
    return text


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table; what is no text is written as it prints itself.

    Raises:
        ValueError: a row has more or fewer cells than there are columns.
    """
    if odd := [row for row in rows if len(row) != len(columns)]:
        raise ValueError(f"there are {len(columns)} columns, and a row of {len(odd[0])} cells: {odd[0]}")
    return Table(tuple(columns), tuple(tuple(map(str, row)) for row in rows))


def standings(*names: str) -> Table:
    """Try claims by proof, by exact numbers and by balls, here and now, and say how each stands."""
    return table(("claim", "says", "stands"), [(name, LIBRARY[name].says, _standing(name)) for name in names])


def _standing(name: str) -> str:
    claim = LIBRARY[name]
    return str(combine(name, [symbolic(claim, LIBRARY)[0], exact(claim), enclosure(claim)]))


@dataclass(frozen=True)
class Page:
    """Markdown as the output of a cell."""

    markdown: str

    def __repr__(self) -> str:
        """Return the page as it is written."""
        return self.markdown

    def _repr_markdown_(self) -> str:
        return self.markdown


def tried_again(slug: str) -> Page:
    """Try a stored counterexample again by every method, and lay it out so that it can be followed by hand.

    Raises:
        UsageError: none is called so.
        Fault: it is no counterexample any more.
    """
    replayed = replay(read(slug))
    if replayed.faults:
        raise Fault(f"{slug}: {'; '.join(replayed.faults)}")
    page = at_setting(replayed) if replayed.stored.setting else at_counterexample(replayed)
    return Page(to_markdown(page).rstrip("\n"))


def slider(draw: Callable[[float], Any], name: str, values: Sequence[float], start: float) -> Any:
    """Return the output of a cell: what `draw` gives for the value of a slider, or for `start` alone.

    Args:
        draw: value -> what is shown.
        name: what is written before the slider.
        values: where it can be put.
        start: where it stands first, one of the values.

    Raises:
        ValueError: `start` is none of the values.
    """
    if start not in values:
        raise ValueError(f"the slider of {name} starts at one of its values, not at {start}")
    if os.environ.get(STILL):
        return draw(start)
    try:
        from ipywidgets import SelectionSlider, interactive
    except ImportError:
        return draw(start)
    from IPython.display import display

    options = [(f"{value:g}", value) for value in values]
    handle = SelectionSlider(options=options, value=start, description=name, continuous_update=False)
    return interactive(lambda value: display(draw(value)), value=handle)

"""Two figures of how wrong the picture is: all networks under all forms, and the worst pictures.

Forms differ in colour and in mark; maps are drawn in cividis, whose lightness rises evenly, and their maximum has a
cross. The same rows and pictures give the same bytes.
"""

import io
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from verify.catalogue.viewed import EXPERIMENTS, FORMS, Experiment, Form, experiment
from verify.intervals import Estimate
from verify.picture_study import Row, Worst
from verify.report import pictures
from verify.report.colours import SERIES, SHADES
from verify.report.maps import SHAPES, SIZES
from verify.report.words import brief

INK, PAPER = SHADES["page"].light
LINE = SHADES["line"].light[0]
# Inches.
EXTRA = 1.35  # above and below the rows of a figure
ROW = 0.33


def by_experiment(rows: Sequence[Row]) -> list[tuple[Experiment, list[tuple[Row, Form]]]]:
    """Return the rows of every experiment with their forms, in the order of the register."""
    forms = {form.name: form for form in FORMS}
    names = dict.fromkeys(row.experiment for row in rows)
    return [
        (experiment(name), [(row, forms[row.form]) for row in rows if row.experiment == name])
        for name in (each.name for each in EXPERIMENTS)
        if name in names
    ]


def two(value: float) -> str:
    """Write a number with two decimals."""
    return f"{value:.2f}".replace("-", "−")


def draw(rows: Sequence[Row]) -> bytes:
    """Draw median rank correlation and share of moved maxima of every experiment under every form: PNG bytes."""
    grouped = by_experiment(rows)
    with matplotlib.style.context(["default", SIZES], after_reset=True):
        height = ROW * len(grouped)
        whole = Figure(figsize=(9.6, height + EXTRA), dpi=pictures.DOTS, facecolor=PAPER)
        words: dict[str, Any] = {"color": INK, "va": "top", "parse_math": False}
        whole.text(
            0.015, 1 - 0.1 / (height + EXTRA), "Closed form beside exact map", fontsize=12, weight="bold", **words
        )
        for left, label, of, ends in (
            (0.235, "median rank correlation; | is the worst picture", _rank, (-1.05, 1.05)),
            (0.635, "share of pictures whose maximum moved", _moved, (-0.03, 1.03)),
        ):
            box = (left, 0.55 / (height + EXTRA), 0.35, height / (height + EXTRA))
            _rows(whole.add_axes(box), grouped, label, of, ends, named=left < 0.5)
        handles = [
            Line2D([], [], color=SERIES[k], marker=SHAPES[k], markerfacecolor=PAPER, linestyle="", label=form.says)
            for k, form in enumerate(FORMS)
        ]
        top = 1 - 0.35 / (height + EXTRA)
        whole.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.225, top), ncols=3, frameon=False, fontsize=9)
        return _png(whole)


def _rank(row: Row) -> tuple[Estimate, float | None]:
    return row.rank, row.rank_worst


def _moved(row: Row) -> tuple[Estimate, float | None]:
    return row.moved, None


def _rows(
    axes: Axes,
    grouped: Sequence[tuple[Experiment, list[tuple[Row, Form]]]],
    label: str,
    of: Callable[[Row], tuple[Estimate, float | None]],
    ends: tuple[float, float],
    *,
    named: bool,
) -> None:
    axes.set(facecolor=PAPER, xlim=ends, ylim=(len(grouped) - 0.4, -0.6))
    axes.set_xlabel(label, parse_math=False)
    axes.grid(axis="x", color=LINE, linewidth=0.5)
    axes.set_axisbelow(True)
    for place, (tried, rows) in enumerate(grouped):
        if place % 2:
            axes.axhspan(place - 0.5, place + 0.5, color=SHADES["quiet"].light[1], lw=0, zorder=0.2)
        if tried.piecewise_linear:
            axes.axhspan(place - 0.5, place + 0.5, fill=False, hatch="....", edgecolor=LINE, lw=0, zorder=0.3)
        for k, (row, _) in enumerate(rows):
            estimate, far = of(row)
            up = place + 0.27 * (k - 1)
            axes.plot([estimate.low, estimate.high], [up, up], color=SERIES[k], lw=1.2, zorder=2)
            look: dict[str, Any] = {"color": SERIES[k], "markerfacecolor": PAPER, "zorder": 3, "clip_on": False}
            axes.plot([estimate.value], [up], SHAPES[k], markersize=4.6, **look)
            if far is not None:
                axes.plot([far], [up], "|", markersize=5, **look)
    names = [f"{tried.title}, {tried.where.split()[0]}" for tried, _ in grouped]
    axes.set_yticks(range(len(grouped)), names if named else [""] * len(grouped))


def triptychs(furthest: Sequence[Worst]) -> bytes:
    """Draw picture, closed form's map and exact map beside each other, two networks in a row: PNG bytes."""
    across, side, head = 2, 1.25, 0.42
    down = max(1, -(-len(furthest) // across))
    width, height = across * (3 * side + 0.65) + 0.1, down * (side + head + 0.25) + 0.1
    with matplotlib.style.context(["default", SIZES], after_reset=True):
        whole = Figure(figsize=(width, height), dpi=pictures.DOTS, facecolor=PAPER)
        for place, each in enumerate(furthest):
            row, column = divmod(place, across)
            left, top = 0.2 + column * (3 * side + 0.65), 0.05 + row * (side + head + 0.25)
            tried = experiment(each.experiment)
            title = (
                f"{tried.title}: {tried.told(each.number)}\n"
                f"rank correlation {two(each.compared.rank)}, largest difference {brief(each.compared.difference)}"
            )
            words: dict[str, Any] = {"color": INK, "va": "top", "fontsize": 8, "parse_math": False}
            whole.text(left / width, 1 - top / height, title, **words)
            for panel, (name, values) in enumerate(
                (("picture", each.seen[0]), ("closed form", each.closed), ("exact", each.exact))
            ):
                corner = ((left + panel * (side + 0.1)) / width, 1 - (top + head + side) / height)
                axes = whole.add_axes((*corner, side / width, side / height))
                _map(axes, name, values)
        return _png(whole)


def _map(axes: Axes, name: str, values: np.ndarray) -> None:
    axes.set(xticks=[], yticks=[])
    axes.set_xlabel(name, fontsize=8, labelpad=2, color=INK)
    if name == "picture":
        axes.imshow(values, cmap="gray_r", interpolation="nearest")
        return
    axes.imshow(values, cmap=mpl.colormaps[pictures.COLOURS], vmin=0, vmax=1, interpolation="nearest")
    if values.any():
        down, across = np.unravel_index(values.argmax(), values.shape)
        axes.plot(across, down, "x", color="black", markersize=5, markeredgewidth=1.3)


def _png(whole: Figure) -> bytes:
    png = io.BytesIO()
    # Left out is matplotlib's version, the only thing that would be in the metadata.
    whole.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()

"""Figures of the notebooks: lines over one quantity, heatmaps of one picture, bars.

Lines differ in dash and width as well as in colour, and maps are drawn in cividis, whose lightness rises evenly: all of
them can be read in grey.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from verify.report.colours import SERIES, SHADES
from verify.report.pictures import COLOURS, draw_over, panel, upsampled

DASHES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (6, 2, 1, 2)), (0, (1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
WIDTHS = (2.4, 2.0, 2.0, 2.2, 1.6)
SIDE = 1.55  # inches, of a heatmap


@dataclass(frozen=True)
class Line:
    """What the legend says, if anything, and a value at each place; NaN where there is none."""

    label: str
    xs: Sequence[float]
    ys: Sequence[float]


def plot(
    lines: Sequence[Line],
    across: str,
    up: str,
    *,
    limits: tuple[float, float] | None = None,
    scales: tuple[str, str] = ("linear", "linear"),
    marks: Mapping[str, float] | None = None,
    legend: Literal["best", "upper left", "upper right", "lower left", "lower right"] = "best",
) -> Figure:
    """Draw lines over one quantity, broken where they jump over the height of the figure: at a pole.

    Args:
        lines: at most five.
        across: label of the horizontal axis, with its unit.
        up: label of the vertical axis, with its unit.
        limits: lowest and highest value shown.
        scales: of the two axes, "linear", "log" or "symlog".
        marks: places across that deserve a line, by what is written beside it.
        legend: where it stands.

    Raises:
        ValueError: there are more lines than can be told apart.
    """
    if len(lines) > len(DASHES):
        raise ValueError(f"at most {len(DASHES)} lines can be told apart, not {len(lines)}")
    figure = Figure(figsize=(7, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.set(xscale=scales[0], yscale=scales[1])
    for line, colour, dash, width in zip(lines, SERIES, DASHES, WIDTHS, strict=False):
        axes.plot(*_broken(line, limits), color=colour, linestyle=dash, linewidth=width, label=line.label)
    if limits is not None:
        axes.set(ylim=limits)
    for label, at in (marks or {}).items():
        axes.axvline(at, color=SHADES["quiet"].light[0], linewidth=1, linestyle=(0, (1, 2)))
        look: dict[str, Any] = {"rotation": 90, "ha": "right", "va": "bottom", "fontsize": 8, "parse_math": False}
        axes.text(at, 0.02, label, transform=axes.get_xaxis_transform(), **look)
    axes.set_xlabel(across, parse_math=False)
    axes.set_ylabel(up, parse_math=False)
    axes.grid(color=SHADES["line"].light[0], linewidth=0.5)
    if any(line.label for line in lines):
        axes.legend(loc=legend)
    return figure


def _broken(line: Line, limits: tuple[float, float] | None) -> tuple[list[float], list[float]]:
    height = math.inf if limits is None else limits[1] - limits[0]
    points = list(zip(line.xs, line.ys, strict=True))
    shown = points[:1]
    for (_, before), (x, y) in pairwise(points):
        if before * y < 0 and abs(y - before) > height:
            shown.append((x, math.nan))
        shown.append((x, y))
    return [x for x, _ in shown], [y for _, y in shown]


def heatmaps(picture: np.ndarray, maps: Mapping[str, np.ndarray], columns: int = 4) -> Figure:
    """Draw a picture and, over it, maps with their titles, each as a share of its own maximum.

    Args:
        picture: uint8 (H, W, 3).
        maps: values from 0 to 1, (h, w), by title.
        columns: how many panels stand side by side.
    """
    rows = -(-(len(maps) + 1) // columns)
    figure = Figure(figsize=(SIDE * columns + 0.7, (SIDE + 0.3) * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    panel(axes[0], "picture").imshow(picture)
    grey = picture @ np.array([0.299, 0.587, 0.114])
    for each, (title, values) in zip(axes[1:], maps.items(), strict=False):
        draw_over(panel(each, title), grey, upsampled(np.asarray(values, dtype=float), *grey.shape))
    for empty in axes[len(maps) + 1 :]:
        empty.set_axis_off()
    bar = ScalarMappable(norm=mpl.colors.Normalize(0, 1), cmap=COLOURS)
    figure.colorbar(bar, ax=axes, label="share of the maximum", shrink=0.8)
    return figure


def bars(counts: Sequence[float], edges: Sequence[float], across: str, up: str, scale: str = "linear") -> Figure:
    """Draw a histogram that has been counted.

    Args:
        counts: how many, bar by bar.
        edges: where the bars begin and end, one number more.
        across: label of the horizontal axis, with its unit.
        up: label of the vertical axis.
        scale: of the horizontal axis, "linear" or "log".

    Raises:
        ValueError: it has not.
    """
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} bars have {len(counts) + 1} edges, not {len(edges)}")
    figure = Figure(figsize=(7, 3), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale(scale)
    widths = [high - low for low, high in pairwise(edges)]
    axes.bar(edges[:-1], counts, widths, align="edge", color=SERIES[0], edgecolor=SHADES["page"].light[1])
    axes.set_xlabel(across, parse_math=False)
    axes.set_ylabel(up, parse_math=False)
    axes.grid(axis="y", color=SHADES["line"].light[0], linewidth=0.5)
    axes.set_axisbelow(True)
    return figure


def written(columns: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> Figure:
    """Draw a table as a figure of a size that depends on the number of its rows alone, for what differs by machine.

    Args:
        columns: their heads.
        rows: their cells.
        widths: of the columns, in inches.
    """
    high = 0.27
    size = (sum(widths) + 0.2, high * (len(rows) + 1) + 0.15)
    figure = Figure(figsize=size)
    for down, row in enumerate([columns, *rows]):
        at = 0.1
        for cell, width in zip(row, widths, strict=True):
            words: dict[str, Any] = {"fontsize": 9, "va": "top", "parse_math": False}
            weight = "bold" if down == 0 else "normal"
            figure.text(at / size[0], 1 - (0.08 + high * down) / size[1], cell, weight=weight, **words)
            at += width
    return figure

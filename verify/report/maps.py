"""Break maps drawn: theory as lines, measurement as marks of the same colour, what does not agree as red crosses.

The same map gives the same bytes. Series differ in colour and in mark; lines differ by kind, never by colour alone:
solid for the true weight, dashed for the closed form (19), dotted for a value to compare with.
"""

import io
import math
from textwrap import fill
from typing import Any

import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from verify.breakmap import BreakMap, Curve, Mark, Panel, Points
from verify.report.colours import SERIES, SHADES
from verify.report.pictures import DOTS

INK, PAPER = SHADES["page"].light
QUIET = SHADES["quiet"].light[0]
FAILED = SHADES["REFUTED"].light
SHAPES = ("o", "s", "^", "D", "v")
DASHES: dict[str, Any] = {"true": "-", "closed": (0, (5, 2)), "limit": (0, (1, 2))}
KINDS = {"true": "theory", "closed": "closed form (19)", "limit": ""}
SIZES = {"font.size": 9, "axes.titlesize": 10, "axes.labelsize": 9, "xtick.labelsize": 8, "ytick.labelsize": 8}
OFF = "outside its bound (if not in sight, or NaN: at the lower edge)"
READ = "lines: theory; marks: measured"

# Inches. Panels are placed by hand: what an automatic layout makes of them depends on the fonts that it meets.
PANEL = (5.2, 3.4)  # the axes of a panel that is alone or one of two
SMALL = (2.9, 2.0)  # of one of many
LEFT, GAP, LEGEND = 0.75, 0.75, 2.6
TOP, TITLE, BETWEEN, AXIS = 0.5, 0.25, 0.85, 0.6
TEXT = 0.17  # a line


def alt(drawn: BreakMap) -> str:
    """Say what the figure shows, as a result."""
    return f"{drawn.title}. {drawn.says} {verdict(drawn)}"


def verdict(drawn: BreakMap) -> str:
    """Say whether theory and measurement agree, at how many points, and where they do not."""
    total = sum(len(points.xs) for points in drawn.points)
    outside = sum(len(points.outside) for points in drawn.points)
    if drawn.agrees:
        return f"Theory and all {total} measured points agree within the derived rounding errors."
    return f"{outside} of {total} measured points lie outside the derived rounding error. {drawn.where_not}."


def draw(drawn: BreakMap) -> bytes:
    """Draw a map: PNG bytes."""
    png = io.BytesIO()
    # A reader's own matplotlibrc must not change the report.
    with matplotlib.style.context(["default", SIZES], after_reset=True):
        # Left out is matplotlib's version, the only thing that would be in the metadata.
        figure(drawn).savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()


def figure(drawn: BreakMap) -> Figure:
    """Return the figure of a map: title, panels in at most three columns, legend on the right, the result below."""
    columns = min(3, len(drawn.panels))
    rows = math.ceil(len(drawn.panels) / columns)
    wide, high = SMALL if columns > 2 else PANEL
    width = LEFT + columns * wide + (columns - 1) * GAP + LEGEND
    below = _wrapped(f"{drawn.says} {verdict(drawn)}", round(14.5 * (width - 0.3)))
    text = TEXT * (below.count("\n") + 1) + 0.2
    head = TOP + (TITLE if any(panel.title for panel in drawn.panels) else 0)
    height = head + rows * high + (rows - 1) * BETWEEN + AXIS + text
    whole = Figure(figsize=(width, height), dpi=DOTS, facecolor=PAPER)
    for place, panel in enumerate(drawn.panels):
        row, column = divmod(place, columns)
        left, top = LEFT + column * (wide + GAP), head + row * (high + BETWEEN)
        corner = (left / width, (height - top - high) / height)
        _panel(whole.add_axes((*corner, wide / width, high / height)), panel)
    words: dict[str, Any] = {"color": INK, "va": "top", "parse_math": False}
    whole.text(0.15 / width, 1 - 0.12 / height, drawn.title, fontsize=12, weight="bold", **words)
    whole.text(0.15 / width, (text - 0.05) / height, below, fontsize=9, linespacing=1.2, **words)
    corner = ((width - LEGEND + 0.1) / width, 1 - (head - 0.1) / height)
    look: dict[str, Any] = {"frameon": False, "fontsize": 8, "title_fontsize": 8, "alignment": "left"}
    whole.legend(handles=_legend(drawn), loc="upper left", bbox_to_anchor=corner, title=READ, **look)
    return whole


def _panel(axes: Axes, panel: Panel) -> None:
    axes.set(xscale=panel.scales[0], yscale=panel.scales[1], facecolor=PAPER)
    axes.set_title(panel.title, color=INK, parse_math=False)
    axes.set_xlabel(panel.across, parse_math=False)
    axes.set_ylabel(panel.up, parse_math=False)
    axes.grid(color=SHADES["line"].light[0], linewidth=0.5)
    axes.set_axisbelow(True)
    ends = _ends(panel)
    axes.set(xlim=ends, ylim=panel.limits)
    if panel.blank is not None:
        low, high = max(panel.blank.low, ends[0]), min(panel.blank.high, ends[1])
        axes.axvspan(low, high, color=SHADES["quiet"].light[1], lw=0, zorder=0.5)
        middle = (low + high) / 2, sum(panel.limits) / 2
        axes.text(*middle, panel.blank.why, color=QUIET, fontsize=8, ha="center", va="center", parse_math=False)
    for mark in panel.marks:
        axes.axvline(mark.at, color=_ink(mark), linewidth=0.9, linestyle=_pattern(mark))
    for curve in panel.curves:
        axes.plot(*_shown(curve, panel), color=_colour(curve.series), linestyle=DASHES[curve.kind], lw=1.5)
    for place, points in enumerate(panel.points):
        _measured(axes, points, panel, 6.4 - 0.8 * place)


def _ends(panel: Panel) -> tuple[float, float]:
    """Return where the horizontal axis begins and ends: a little beyond the outermost marks, lest they be cut."""
    if panel.reach is not None:
        return panel.reach
    places = [x for curve in panel.curves for x in curve.xs] + [x for points in panel.points for x in points.xs]
    low, high = min(places), max(places)
    if panel.scales[0] == "log":
        return low * (low / high) ** 0.015, high * (high / low) ** 0.015
    return low - 0.015 * (high - low), high + 0.015 * (high - low)


def _wrapped(text: str, width: int) -> str:
    """Break a text into lines, but no formula at its signs."""
    for sign in "=<>+−/":
        text = text.replace(f" {sign} ", f"\N{NO-BREAK SPACE}{sign}\N{NO-BREAK SPACE}")
    return fill(text, width, break_on_hyphens=False)


def _ink(mark: Mark) -> str:
    return QUIET if mark.series is None else _colour(mark.series)


def _pattern(mark: Mark) -> Any:
    return (0, (7, 2, 1, 2)) if mark.series is None else (0, (1, 1.5))


def _colour(series: int) -> str:
    return SERIES[series % len(SERIES)]


def _shown(curve: Curve, panel: Panel) -> tuple[list[float], list[float]]:
    """Return the line, broken where it changes its sign in a jump by more than the panel's height: at a pole."""
    height = panel.limits[1] - panel.limits[0]
    xs, ys = [curve.xs[0]], [curve.ys[0]]
    for x, y in zip(curve.xs[1:], curve.ys[1:], strict=True):
        if y * ys[-1] < 0 and abs(y - ys[-1]) > height:
            xs.append((xs[-1] + x) / 2)
            ys.append(math.nan)
        xs.append(x)
        ys.append(y)
    return xs, ys


def _measured(axes: Axes, points: Points, panel: Panel, size: float) -> None:
    """Draw marks, error bars where the bound can be seen, and crosses where a point is outside its bound.

    A cross stands at the lower edge where the measured value is no number or not in sight.
    """
    ends = axes.get_xlim()
    for low, high in ((b.low, b.high) for b in points.breaks):
        axes.axvspan(max(low, ends[0]), min(high, ends[1]), color=FAILED[1], alpha=0.6, lw=0, zorder=0.5)
    low, high = panel.limits
    fits = [i for i, fit in enumerate(points.within) if fit]
    shape, colour = SHAPES[points.series % len(SHAPES)], _colour(points.series)
    xs, ys = [points.xs[i] for i in fits], [points.ys[i] for i in fits]
    axes.errorbar(xs, ys, [points.bounds[i] for i in fits], fmt="none", ecolor=colour, elinewidth=0.8, zorder=2.5)
    axes.plot(xs, ys, shape, color=colour, markersize=size, markerfacecolor=PAPER, markeredgewidth=1.1, zorder=3)
    crosses = [(x, y) for x, y, fit in zip(points.xs, points.ys, points.within, strict=True) if not fit]
    axes.plot(
        [x for x, _ in crosses],
        [y if low <= y <= high else low for _, y in crosses],
        "x",
        color=FAILED[0],
        markersize=5.5,
        clip_on=False,
        zorder=4,
    )


def _legend(drawn: BreakMap) -> list[Line2D]:
    """List the series with line and mark, then what the kinds of line mean, then the crosses."""
    handles: dict[str, Line2D] = {}
    for panel in drawn.panels:
        alone = {points.label: points for points in panel.points}
        for curve in filter(lambda one: one.label, panel.curves):
            paired = alone.pop(f"{curve.label}, float64", None)
            handles.setdefault(curve.label, _handle(curve.label, curve.series, DASHES[curve.kind], paired is not None))
        for points in alone.values():
            label = "measured, float64" if len(drawn.panels) > 2 else points.label
            handles.setdefault(label, _handle(label, points.series, "", True))
    kinds = {curve.kind for panel in drawn.panels for curve in panel.curves if not curve.label}
    for kind in sorted(kinds):
        handles[kind] = Line2D([], [], color=QUIET, linestyle=DASHES[kind], label=KINDS[kind])
    for mark in (mark for panel in drawn.panels for mark in panel.marks):
        handles.setdefault(mark.label, Line2D([], [], color=QUIET, linestyle=_pattern(mark), lw=0.9, label=mark.label))
    if any(points.outside for points in drawn.points):
        handles[OFF] = Line2D([], [], color=FAILED[0], marker="x", linestyle="", label=fill(OFF, 30))
    return list(handles.values())


def _handle(label: str, series: int, line: Any, measured: bool) -> Line2D:
    """Return an entry of the legend, its label broken: a line, a mark or both."""
    mark: dict[str, Any] = {"marker": SHAPES[series % len(SHAPES)], "markerfacecolor": PAPER, "markersize": 5}
    return Line2D([], [], color=_colour(series), linestyle=line, label=fill(label, 30), **(mark if measured else {}))

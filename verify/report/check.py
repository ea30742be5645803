"""A check of the closed form for people: sentences, rows, one figure, and a page that is one file."""

import io
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from itertools import groupby
from typing import Any

import matplotlib.style
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from rich.console import Group
from rich.table import Table
from rich.text import Text

from verify.check.certificate import BALLS, ROUNDING
from verify.report import pictures, templates
from verify.report.colours import SHADES
from verify.report.words import brief, counted, number

BADGES = {True: ("PROVED", "holds"), False: ("REFUTED", "fails"), None: ("UNDECIDED", "not known")}
PRINTED = r"\alpha = \frac{g^{2}}{2 g^{2} + \sigma g^{3}}"
_SAMPLE = "The certificate is for some entries alone: where the weights differ most, and others, drawn. "
# How the certificate was made, by what made it.
CERTIFIED = {
    BALLS: (
        f"{_SAMPLE}Score and derivatives of the traced tail are enclosed in balls, as "
        "power series along the entry’s line, in arithmetic that adds every rounding to the radius; so are both "
        "weights. What is meant is the function that the tail with its float64 constants is in real arithmetic, "
        "where a cast to fewer digits changes nothing. Neither torch’s derivatives nor the engine’s are relied upon."
    ),
    ROUNDING: (
        f"{_SAMPLE}It differentiates the tail three times by nested reverse mode, not "
        "by the engine, and bounds every rounding on the way by running error analysis; it relies on IEEE float64 and "
        "on elementary functions that are off by 4 units of roundoff at most. Balls would have taken too long, or an "
        "operation has no rule for them."
    ),
}
DEFINITION = (
    r"\alpha = \frac{Y^{(2)}}{2 Y^{(2)} + \sigma Y^{(3)}} = "
    r"\frac{g^{2} + h}{2 (g^{2} + h) + \sigma (g^{3} + 3 g h + t)}"
)


def title(found: Mapping[str, Any]) -> str:
    """Say what was checked."""
    return f"{found['model']}, layer {found['layer']}, {found['image']}"


def advice(found: Mapping[str, Any]) -> str:
    """Say what to do: one of three."""
    told = found["advice"] if found["instead"] is None else f"{found['advice']}: {found['instead']}"
    return f"{told[0].upper()}{told[1:]}."


def setting(found: Mapping[str, Any]) -> str:
    """Say what the network was and what it saw."""
    chosen = found["class"]
    shape = " × ".join(map(str, found["shape"]))
    named = f"class {chosen['index']}"
    named += "" if named == chosen["label"] else f", {chosen['label']}"
    return (
        f"Network {found['model']}: {found['weights_from']}. Layer {found['layer']} puts out {shape}, "
        f"{found['places']}. Explained is {named}: score {chosen['score']:.4g}, softmax {chosen['probability']:.3g}. "
        f"Outer function: {found['head']}."
    )


def operations(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return a row for each operation; those of one layer that are linear and follow one another share one."""
    whole = {order: sum(each[order] for each in found["operations"]) for order in ("second", "third")}
    rows = []
    for _, group in groupby(enumerate(found["operations"]), key=lambda at: _row(*at)):
        members = [each for _, each in group]
        first = members[0]
        names = dict.fromkeys(each["name"] for each in members if each["name"] != "getitem")
        if names:
            shares = {order: _share(first[order], whole[order]) for order in whole}
            rows.append({"name": ", ".join(names), "layer": first["layer"] or "–", "kind": first["kind"], **shares})
    return rows


def _row(place: int, operation: Mapping[str, Any]) -> tuple[Any, ...]:
    return (operation["layer"], "linear") if operation["kind"] == "linear" else (place,)


def _share(part: float, whole: float) -> str:
    return "0" if not part else f"{100 * part / whole:.3g} %"


def figures(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what was measured, as rows: what it is, and the numbers."""
    weights, maps, kinks = found["weights"], found["maps"], found["kinks"]
    rows = [
        (
            "entries",
            f"{weights['entries']}; dY/dA > 0 at {weights['counting']}, which alone count; dS/dA = 0 at "
            f"{weights['flat']}, where (10) is 0/0",
        ),
        (
            "error of the pixel weights",
            f"at most {number(weights['largest'])}; relative: at most {number(weights['relative'])}, median "
            f"{number(weights['median'])}; rank correlation {number(weights['rank'], 3)}",
        ),
    ]
    if maps is None:
        rows.append(("error of the map", "cannot be told: a map is not finite"))
    else:
        rows.append(
            (
                "error of the map",
                f"at most {number(maps['difference'])} of the maximum; rank correlation {number(maps['rank'], 3)}; top "
                f"fifth shared {number(maps['overlap'], 3)}",
            )
        )
        rows.append(("hottest pixel", _hottest(found)))
    rows += [
        (
            "poles",
            f"2 + σg comes to 0 as near as {number(weights['nearest'])}; weights of 10 and more, closed form "
            f"{weights['near'][0]}, exact {weights['near'][1]}",
        ),
        (
            "negative or infinite weights",
            f"closed form {weights['beyond'][0]}, exact {weights['beyond'][1]}; signs differ at {weights['turned']}",
        ),
        (
            "nearest kink",
            _kinks(kinks),
        ),
        ("certificate", certificate(found)),
    ]
    return rows


def _kinks(kinks: Mapping[str, Any]) -> str:
    if kinks["why"]:
        return str(kinks["why"])
    drawn = f"of {counted(kinks['entries'], 'entry', 'entries')} drawn"
    if kinks["nearest"] is None:
        return f"{drawn}, none meets one, however far it moves"
    half = "as far as they like" if kinks["median"] is None else f"by {number(kinks['median'])} and more"
    return f"{drawn}: one may move by {number(kinks['nearest'])}, half of them {half}"


def _hottest(found: Mapping[str, Any]) -> str:
    one, other = found["maps"]["hottest"]
    if one is None and other is None:
        return "both maps are zero everywhere"
    places = ["nowhere: the map is zero" if at is None else f"row {at[0]}, column {at[1]}" for at in (one, other)]
    return f"closed form {places[0]}; exact {places[1]}" if found["maps"]["moved"] else f"the same: {places[0]}"


def certificate(found: Mapping[str, Any]) -> str:
    """Say what is certain, and by what."""
    told = found["certificate"]
    sample = f"not certified: {told['why']}" if told["why"] else _of_sample(told) + _errors(told)
    kinks = "; certainly no unit behind the layer lies on a kink" if told["off_kinks"] else ""
    return sample + kinks + (": the two true maps are one, unless a weight is infinite" if told["one_map"] else "")


def _of_sample(told: Mapping[str, Any]) -> str:
    sample = counted(told["entries"], "entry", "entries")
    sample += ", the one where they differ most among them" if told["entries"] > 1 else ""
    if told["lost"]:
        sample += f", {told['certified']} of them certified by {told['by']}, and not the others ({told['lost']})"
    else:
        sample += f", certified by {told['by']}"
    if told["apart"]:
        return f"{sample}: at {told['apart']} the weights differ, by {_down(told['least'])} and more at one"
    if told["within"] is None:
        return f"{sample}: no difference is certain, and no bound is finite at all of them"
    return f"{sample}: no difference exceeds {_up(told['within'])}"


def _errors(told: Mapping[str, Any]) -> str:
    """Say how wrong the computed weights can be."""
    one, other = ("an unknown number" if told[kind] is None else _up(told[kind]) for kind in ("closed", "exact"))
    return f"; the computed weights are off by at most {one} (closed form) and {other} (exact)"


def _up(value: float) -> str:
    return _rounded(value, ROUND_CEILING)


def _down(value: float) -> str:
    return _rounded(value, ROUND_FLOOR)


def _rounded(value: float, way: str) -> str:
    """Write a bound with two digits that is a bound still."""
    return number(float(Context(prec=2, rounding=way).create_decimal(Decimal(value))))


def terminal(found: Mapping[str, Any]) -> Group:
    """Return what the terminal shows."""
    style = SHADES[_verdict(found)].terminal
    head = Text.assemble((advice(found), style), " ", " ".join(found["reasons"]))
    assumed = Table("assumption", "", "what was found", box=None, pad_edge=False)
    for each in found["assumptions"]:
        shade, word = BADGES[each["holds"]]
        note = "" if each["needed"] else " (not needed)"
        assumed.add_row(Text(each["says"] + note), Text(word, SHADES[shade].terminal), Text(each["why"]))
    between = Table("operation", "in", "kind", "2nd order", "3rd order", box=None, pad_edge=False)
    for row in operations(found):
        between.add_row(*(Text(row[key]) for key in ("name", "layer", "kind", "second", "third")))
    measured = Table(box=None, pad_edge=False, show_header=False)
    for name, said in figures(found):
        measured.add_row(Text(name, "bold"), Text(said))
    return Group(Text(setting(found)), "", head, "", assumed, "", between, "", measured)


def _verdict(found: Mapping[str, Any]) -> str:
    return "SUPPORTED" if found["applies"] else "REFUTED"


def alt(found: Mapping[str, Any]) -> str:
    """Say what the figure shows, as a result."""
    start = f"{title(found)}, {found['class']['label']}:"
    if found["maps"] is None:
        return f"{start} a map is not finite and cannot be drawn."
    difference, where = found["maps"]["difference"], _hottest(found)
    if found["maps"]["hottest"] == [None, None]:
        return f"{start} {where}."
    same = f"differ by up to {brief(difference)} of the maximum"
    if difference < pictures.VISIBLE:
        same = "are the same" if difference == 0 else f"agree to {brief(difference)}"
    return f"{start} closed form and exact map {same}; hottest pixel: {where}."


def figure(found: Mapping[str, Any], pixels: np.ndarray) -> bytes:
    """Draw picture, closed form, exact map and their difference beside each other: PNG bytes.

    Args:
        found: the check, whose maps are finite.
        pixels: the picture as the network sees it, uint8 (H, W, 3).
    """
    closed, exact = (np.asarray(found["map"][kind]) for kind in ("closed", "exact"))
    height, width = pixels.shape[:2]
    under = pixels @ np.array([0.299, 0.587, 0.114])
    with matplotlib.style.context("default", after_reset=True):
        drawn = Figure(figsize=(10.4, 2.75), dpi=pictures.DOTS, layout="constrained")
        axes = drawn.subplots(1, 4)
        pictures.panel(axes[0], "picture").imshow(pixels)
        for at, name, values in ((axes[1], "closed form", closed), (axes[2], "exact", exact)):
            pictures.draw_over(pictures.panel(at, name), under, pictures.upsampled(values, height, width))
        bar = ScalarMappable(cmap=pictures.COLOURS)
        drawn.colorbar(bar, ax=list(axes[1:3]), label="share of the maximum", shrink=0.8)
        apart = pictures.upsampled(closed - exact, height, width)
        most = max(float(abs(apart).max()), pictures.VISIBLE)  # smaller ones cannot be seen in the maps either
        shown = pictures.panel(axes[3], "closed form − exact").imshow(
            apart, cmap=pictures.COLOURS, vmin=-most, vmax=most
        )
        drawn.colorbar(shown, ax=axes[3], shrink=0.8)
        png = io.BytesIO()
        drawn.savefig(png, format="png", metadata={"Software": None})  # else matplotlib's version is in it
    return png.getvalue()


def render(found: Mapping[str, Any], pixels: np.ndarray) -> str:
    """Return the page of a check, as text to be written in UTF-8.

    Args:
        found: the check.
        pixels: the picture as the network sees it, uint8 (H, W, 3).
    """
    png = None if found["maps"] is None else figure(found, pixels)
    return (
        templates.environment()
        .get_template("check.html.j2")
        .render(
            found=found,
            title=title(found),
            advice=advice(found),
            setting=setting(found),
            verdict=_verdict(found),
            figure=png and {"source": pictures.data_uri(png), "size": pictures.size(png)},
            alt=alt(found),
            badges=BADGES,
            operations=operations(found),
            figures=figures(found),
            printed=PRINTED,
            definition=DEFINITION,
            certified=CERTIFIED.get(found["certificate"]["by"], ""),
        )
    )

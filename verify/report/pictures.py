"""The heatmaps beside each other: picture, closed form, exact, and where they differ.

A map of H x W values is stretched bilinearly over the whole picture the network saw, as Grad-CAM overlays are.  Colours
are cividis: its lightness rises evenly, so that it can be read in grey and by the colour-blind; a contour marks half of
the maximum.
"""

import base64
import io
import struct
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from verify.errors import MissingPackage
from verify.report.words import brief

SIDE = 224
COLOURS = "cividis"
# matplotlib's version would be the only thing in it.
NAMELESS: dict[str, Any] = {"Software": None}
DOTS = 144  # dots an inch: one and a half for each pixel of a screen of 96
FLOOR = 0.45  # brightness left to a colour over black, so that it can still be told
# One step of an 8-bit picture: two maps that differ by less look the same, and a panel of their difference shows noise.
VISIBLE = 1 / 256


def alt(network: Mapping[str, Any]) -> str:
    """Say what the picture shows, as a result: 'closed form and exact map of "Egyptian cat" agree to 3.1e-16'."""
    label, difference = network["class"]["label"], _difference(network)
    both = f"{network['title']}: closed form and exact map of “{label}”"
    if np.isnan(difference):
        return f"{both} cannot be compared: one of them is zero everywhere"
    if not network["holds"] or difference >= VISIBLE:
        return f"{both} differ by up to {brief(difference)} of their maximum"
    return f"{both} are the same" if difference == 0 else f"{both} agree to {brief(difference)} of their maximum"


def data_uri(png: bytes) -> str:
    """Return PNG bytes as the address of an image that needs no request."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def size(png: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a page at which the PNG is as large as it was drawn."""
    width, height = struct.unpack(">II", png[16:24])  # a PNG's first chunk is its header
    return round(width * 96 / DOTS), round(height * 96 / DOTS)


def background(network: Mapping[str, Any]) -> np.ndarray | None:
    """Return the picture as the network saw it, uint8 (H, W, 3); None if there is none or its package is missing."""
    from verify.catalogue.digits import digit_image
    from verify.catalogue.images import load_image

    try:
        if network["image"] is not None:
            from verify.catalogue.lite0 import crop

            return np.asarray(crop(load_image(network["image"])))
        if network["digit"] is not None:
            ink = digit_image(network["digit"]) / 16.0
            grey = np.kron(np.rint(255 * (1 - ink)), np.ones((SIDE // 8, SIDE // 8)))
            return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)
    except MissingPackage:
        return None
    return None


def upsampled(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Interpolate a map (H, W) bilinearly to (height, width).

    Output pixel i of n looks at coordinate (i + 1/2) H/n - 1/2, so that the two grids cover the same area; beyond
    the outermost centres the map is constant.
    """
    for axis, size in enumerate((height, width)):
        length = values.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * length / size - 0.5, 0, length - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, length - 1)
        share = np.expand_dims(at - low, axis=1 - axis)
        values = (1 - share) * values.take(low, axis) + share * values.take(high, axis)
    return values


def overlay(network: Mapping[str, Any]) -> bytes:
    """Draw the figure of one network: PNG bytes, the same bytes for the same entry of the ledger.

    Panels: the picture, the closed form and the exact map over it, and their difference |closed - exact| on a scale of
    its own where it could be seen at all.  Without a picture, the maps alone.
    """
    closed, exact = (np.asarray(network["map"][kind], dtype=float) for kind in ("closed", "exact"))
    picture = background(network)
    height, width = (SIDE, SIDE) if picture is None else picture.shape[:2]
    differs = _difference(network) >= VISIBLE
    panels = 2 + (picture is not None) + differs
    # A reader's own matplotlibrc must not change the report.
    with matplotlib.style.context("default", after_reset=True):
        figure = Figure(figsize=(2.2 * panels + 0.7, 2.75), dpi=DOTS, layout="constrained")
        axes = iter(figure.subplots(1, panels))
        chosen = network["class"]
        figure.suptitle(
            f"{network['layer']} · class {chosen['index']}, {chosen['label']} · score S = {chosen['score']:.4g}",
            fontsize=10,
            parse_math=False,
        )
        if picture is not None:
            panel(next(axes), "picture").imshow(picture)
        under = np.full((height, width), 255.0) if picture is None else picture @ np.array([0.299, 0.587, 0.114])
        mapped = []
        for title, values in (("closed form", closed), ("exact", exact)):
            mapped.append(panel(next(axes), title))
            draw_over(mapped[-1], under, upsampled(values, height, width))
        figure.colorbar(ScalarMappable(cmap=COLOURS), ax=mapped, label="share of the maximum", shrink=0.8)
        if differs:
            apart = panel(next(axes), "|closed form − exact|")
            drawn = apart.imshow(upsampled(abs(closed - exact), height, width), cmap=COLOURS, vmin=0)
            figure.colorbar(drawn, ax=apart, shrink=0.8)
        png = io.BytesIO()
        figure.savefig(
            png, format="png", metadata={"Software": None}
        )  # matplotlib's version would be the only thing in it
    return png.getvalue()


def _difference(network: Mapping[str, Any]) -> float:
    """Return the difference of the maps; NaN, in JSON null, if one is zero everywhere and has no maximum."""
    difference = network["map_difference"]
    return float("nan") if difference is None else float(difference)


def panel(axes: Axes, title: str) -> Axes:
    """Give axes a title and take the ticks away."""
    axes.set_title(title, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def draw_over(axes: Axes, grey: np.ndarray, values: np.ndarray) -> None:
    """Draw a map shaded by the picture, and a contour at half of the maximum."""
    axes.imshow(shaded(grey, values))
    if values.min() < 0.5 < values.max():  # else matplotlib warns that there is no such contour
        axes.contour(values, levels=[0.5], colors="white", linewidths=1.1)


def shaded(grey: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return a map in its own colour, darker where the picture is darker: the colour bar stays true to the hue.

    Args:
        grey: the picture's brightness, 0 to 255, (H, W).
        values: the map in [0, 1], (H, W).

    Returns:
        Red, green and blue in [0, 1], (H, W, 3).
    """
    coloured: np.ndarray = mpl.colormaps[COLOURS](values)[..., :3]
    return coloured * (FLOOR + (1 - FLOOR) * grey[..., None] / 255)

"""What the closed form's heatmaps are compared on: networks cut at a layer, the pictures they see, and three ways to
use the closed form. One entry each.

The digits are held-out ones, in turns: the first of every class, the second of every class, and so on. The photographs
are seen through square windows, the first `views` of `VIEWS`.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from verify.catalogue import digits, images, lite0
from verify.catalogue.activations import ACTIVATIONS, Activation
from verify.errors import unknown

if TYPE_CHECKING:
    from torch import Tensor, nn

# The side of a window in a corner, as a part of the photograph's shorter side.
PART = (3, 4)


@dataclass(frozen=True)
class Form:
    """One outer function, and one closed form of the pixel weights that is used under it.

    Args:
        name: slug; permanent.
        says: for people.
        head: the outer function, as `cam.heads` calls it.
        closed: the one whose closed form is used: the exponential's is (19) as printed.
    """

    name: str
    says: str
    head: str
    closed: str

    @property
    def fits(self) -> bool:
        """Whether the closed form is right for this outer function where the tail is affine along every line."""
        return self.head == self.closed


FORMS: tuple[Form, ...] = (
    Form("exp-printed", "exponential, (19)", "exp", "exp"),
    Form("sigmoid-printed", "sigmoid, (19) all the same", "sigmoid", "exp"),
    Form("sigmoid-any-head", "sigmoid, 1/(2+σρg)", "sigmoid", "sigmoid"),
)


@dataclass(frozen=True)
class View:
    """A square window of a photograph.

    Args:
        name: for people.
        corner: (bottom, right), 0 or 1 each; None is the whole square in the middle.
        mirrored: left and right exchanged.
    """

    name: str
    corner: tuple[int, int] | None = None
    mirrored: bool = False


VIEWS: tuple[View, ...] = (
    View("centre"),
    View("top left", (0, 0)),
    View("top right", (0, 1)),
    View("bottom left", (1, 0)),
    View("bottom right", (1, 1)),
    View("centre, mirrored", None, True),
    View("top left, mirrored", (0, 0), True),
    View("top right, mirrored", (0, 1), True),
    View("bottom left, mirrored", (1, 0), True),
    View("bottom right, mirrored", (1, 1), True),
)


def window(pixels: np.ndarray, view: View) -> np.ndarray:
    """Return what a view shows of a photograph (H, W, 3): a square, not resized."""
    high, wide = pixels.shape[:2]
    side = min(high, wide)
    top, left = (high - side) // 2, (wide - side) // 2
    if view.corner is not None:
        side = side * PART[0] // PART[1]
        top, left = (bottom * (size - side) for bottom, size in zip(view.corner, (high, wide), strict=True))
    seen = pixels[top : top + side, left : left + side]
    return np.ascontiguousarray(seen[:, ::-1] if view.mirrored else seen)


@functools.cache
def in_turns() -> tuple[int, ...]:
    """Return the numbers of all held-out digits, the k-th of every class before the k + 1-st of any.

    Raises:
        MissingPackage: scikit-learn is not installed.
    """
    labels = digits.held_out()[1].tolist()
    met: dict[int, int] = {}
    turns = []
    for number, label in enumerate(labels):
        met[label] = met.get(label, 0) + 1
        turns.append((met[label], label, number))
    return tuple(number for _, _, number in sorted(turns))


@dataclass(frozen=True)
class Experiment:
    """A trained network, the layer it is cut at, and the pictures it sees.

    Args:
        name: slug; permanent.
        title: the network, for people.
        layer: dotted name of the target layer.
        where: the layer, for people.
        piecewise_linear: whether the tail is: then the closed form that fits is the exact one.
        load: makes the trained model (float64, eval).
        picture: number -> what the model sees, (1, channels, height, width).
        told: number -> the picture's name, for people.
        photographs: how many independent pictures there are if several views of each are seen; 0: all are independent.
    """

    name: str
    title: str
    layer: str
    where: str
    piecewise_linear: bool
    load: "Callable[[], nn.Module]"
    picture: "Callable[[int], Tensor]"
    told: Callable[[int], str]
    photographs: int = 0

    def numbers(self, digits: int, views: int) -> range:
        """Return the numbers of the pictures, given how many digits or how many views of each photograph are seen."""
        return range(views * self.photographs if self.photographs else digits)

    def group(self, number: int) -> int:
        """Return which independent picture a picture belongs to."""
        return number % self.photographs if self.photographs else number


def photograph(number: int) -> tuple[str, View]:
    """Return which photograph and which view of it has a number: the first view of all, then the second of all."""
    view, which = divmod(number, len(images.IMAGES))
    return images.IMAGES[which].name, VIEWS[view]


def _photographed(number: int) -> "Tensor":
    name, view = photograph(number)
    return lite0.preprocess(window(images.load_image(name), view))


def _told_photograph(number: int) -> str:
    name, view = photograph(number)
    return f"{name}, {view.name}"


def _digit(number: int) -> "Tensor":
    return digits.preprocess(digits.digit_image(in_turns()[number]))


def _told_digit(number: int) -> str:
    index = in_turns()[number]
    return f"held-out digit {index}, a {digits.digit_label(index)}"


def _load(activation: str) -> "Callable[[], nn.Module]":
    return lambda: digits.trained(activation, seed=0)


def _classifier(activation: Activation, layer: str, where: str, suffix: str) -> Experiment:
    return Experiment(
        name=f"digits-{activation.name.replace('_', '-')}{suffix}",
        title=f"digits, {activation.name}",
        layer=layer,
        where=where,
        piecewise_linear=activation.piecewise_linear,
        load=_load(activation.name),
        picture=_digit,
        told=_told_digit,
    )


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        name="lite0",
        title="EfficientNet-Lite0",
        layer=lite0.LAYER,
        where="before the activation",
        piecewise_linear=True,
        load=lite0.load_lite0,
        picture=_photographed,
        told=_told_photograph,
        photographs=len(images.IMAGES),
    ),
    *(_classifier(each, digits.LAYER, "before the activation", "") for each in ACTIVATIONS),
    *(_classifier(each, "act2", "after the activation", "-after") for each in ACTIVATIONS),
)


def experiment(name: str) -> Experiment:
    """Return the experiment called `name`.

    Raises:
        UsageError: none is called so.
    """
    for candidate in EXPERIMENTS:
        if candidate.name == name:
            return candidate
    raise unknown("experiment", name, (candidate.name for candidate in EXPERIMENTS))

"""Real networks that claims are tried on.

A trained model, a picture, a target layer and an outer function, one entry each.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.catalogue import digits, images, lite0
from verify.catalogue.functions import EXP, SIGMOID, Face

if TYPE_CHECKING:
    import torch
    from torch import nn

DIGIT = 0


@dataclass(frozen=True)
class Network:
    """One experiment.

    Args:
        name: slug; permanent.
        title: what it is, for people.
        load: makes the trained model (float64, eval) and its input, shape (1, channels, height, width).
        layer: dotted name of the target layer.
        head: the outer function; what `cam.heads` calls it is `head_name`.
        label: class index -> its name in words.
        image, digit: which picture it sees, exactly one of the two.
    """

    name: str
    title: str
    load: "Callable[[], tuple[nn.Module, torch.Tensor]]"
    layer: str
    head: Face
    head_name: str
    label: Callable[[int], str]
    image: str | None = None
    digit: int | None = None


def _lite0(image: str) -> "Callable[[], tuple[nn.Module, torch.Tensor]]":
    return lambda: (lite0.load_lite0(), lite0.preprocess(images.load_image(image)))


def _digits(activation: str) -> "Callable[[], tuple[nn.Module, torch.Tensor]]":
    return lambda: (digits.trained(activation, seed=0), digits.preprocess(digits.digit_image(DIGIT)))


def _digit(index: int) -> str:
    return f"digit {index}"


NETWORKS: tuple[Network, ...] = (
    Network(
        name="lite0-chelsea",
        title="EfficientNet-Lite0 (ImageNet, ReLU6) on the cat Chelsea, exponential head",
        load=_lite0("chelsea"),
        layer=lite0.LAYER,
        head=EXP,
        head_name="exp",
        label=lite0.label,
        image="chelsea",
    ),
    Network(
        name="digits-relu",
        title="digit classifier with ReLU, exponential head",
        load=_digits("relu"),
        layer=digits.LAYER,
        head=EXP,
        head_name="exp",
        label=_digit,
        digit=DIGIT,
    ),
    Network(
        name="digits-gelu",
        title="digit classifier with GELU, exponential head",
        load=_digits("gelu"),
        layer=digits.LAYER,
        head=EXP,
        head_name="exp",
        label=_digit,
        digit=DIGIT,
    ),
    Network(
        name="digits-relu-sigmoid",
        title="digit classifier with ReLU, sigmoid head",
        load=_digits("relu"),
        layer=digits.LAYER,
        head=SIGMOID,
        head_name="sigmoid",
        label=_digit,
        digit=DIGIT,
    ),
)

"""Heatmaps as files: an overlay, the array, and a note of what they were made from.

The note is written last, so that a heatmap is finished if and only if its note is there and says the same as it would
now. Every file takes its name when it is whole.
"""

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from verify.check.models import Subject
from verify.check.places import arrangement
from verify.check.views import View
from verify.errors import UsageError, brief, unknown
from verify.report import files, pictures

if TYPE_CHECKING:
    from torch import Tensor

    from cam import GradCAMPlusPlus

WEIGHTS = ("closed", "exact")
SCHEMA = "gradcampp-heatmap/1"


@dataclass(frozen=True, eq=False)
class Recipe:
    """How heatmaps are made.

    Args:
        subject: the network.
        layer: dotted name.
        target: the class, or None for the one with the highest score.
        weights: "closed" or "exact"; None with a variant, which has its own.
        variant: of Grad-CAM++, `cam.VARIANTS`, or None.
        head: the outer function.
        places: how the layer's activations are arranged.

    Raises:
        UsageError: an option is unknown, or two exclude each other.
    """

    subject: Subject
    layer: str
    target: int | None
    weights: str | None
    variant: str | None
    head: str
    places: str

    def __post_init__(self) -> None:
        if (self.weights is None) == (self.variant is None):
            raise UsageError("a variant has weights of its own: choose --weights or --variant")
        if self.variant is not None and self.head != "exp":
            raise UsageError(f"a variant has an outer function of its own: leave out --head {self.head}")
        if self.weights is not None and self.weights not in WEIGHTS:
            raise unknown("kind of weights", self.weights, WEIGHTS)
        self.explainer  # noqa: B018  a wrong option is told before any work

    @cached_property
    def explainer(self) -> "GradCAMPlusPlus":
        """What makes the maps."""
        from cam import GradCAMPlusPlus

        own: dict[str, Any] = {"variant": self.variant}
        if self.variant is None:
            own = {"head": self.head, "weights": self.weights}
        try:
            return GradCAMPlusPlus(self.subject.model, self.layer, arrangement(self.places), **own)
        except ValueError as error:  # CutError among them
            raise UsageError(" ".join(str(error).split())) from error

    @cached_property
    def network(self) -> str:
        """A hash of the network: its layers and all its numbers."""
        found = hashlib.sha256(repr(self.subject.model).encode())
        for name, value in self.subject.model.state_dict().items():
            found.update(name.encode())
            found.update(value.contiguous().numpy().tobytes())
        return found.hexdigest()

    def note(self, view: View) -> dict[str, Any]:
        """Return everything that a heatmap of a picture depends on."""
        return {
            "schema": SCHEMA,
            "model": self.subject.name,
            "network": self.network,
            "layer": self.layer,
            "target": self.target,
            "weights": self.weights,
            "variant": self.variant,
            "head": self.head,
            "places": self.places,
            "image": view.name,
            "seen": hashlib.sha256(view.seen.numpy().tobytes()).hexdigest(),
        }

    def write(self, view: View, stem: Path) -> bool:
        """Write stem.png, stem.npy and stem.json, in this order, unless they are finished; return whether it did.

        Raises:
            UsageError: the network cannot be explained there, or a file cannot be written.
        """
        note = json.dumps(self.note(view), indent=1) + "\n"
        png, npy, told = (stem.with_name(f"{stem.name}.{kind}") for kind in ("png", "npy", "json"))
        if png.is_file() and npy.is_file() and told.is_file() and told.read_text("utf-8") == note:
            return False
        told.unlink(missing_ok=True)  # from now on what is there is not finished
        raw, shown = self.maps(view.seen)
        if not np.isfinite(raw).all() or not np.isfinite(shown).all():
            raise UsageError(f"the heatmap of {view.name} is not finite: gradcampp check says where that comes from")
        array = io.BytesIO()
        np.save(array, raw)
        files.write_whole(npy, array.getvalue())
        files.write_whole(png, overlay(view.pixels, shown))
        files.write_whole(told, note.encode())
        return True

    def maps(self, seen: "Tensor") -> tuple[np.ndarray, np.ndarray]:
        """Return the raw map, (H, W), and what is shown of it; a variant makes its picture in its own way.

        Raises:
            UsageError: the network cannot be explained there.
        """
        try:
            raw = self.explainer.attribute(seen, self.target)
            shown = raw if self.variant is None else self.explainer(seen, self.target)
        except ValueError as error:  # CutError and UnknownOperation among them
            raise UsageError(" ".join(str(error).split())) from error
        except RuntimeError as error:  # whatever a stranger's model may raise
            raise UsageError(f"the model fails on a picture of shape {tuple(seen.shape)}: {brief(error)}") from error
        return raw.detach()[0].numpy(), shown.detach()[0].numpy()


def overlay(pixels: np.ndarray, raw: np.ndarray) -> bytes:
    """Return a map over its picture as PNG bytes, at the size of the picture.

    The map is divided by its maximum, stretched bilinearly and coloured in cividis, darker where the picture is darker.
    """
    from matplotlib.image import imsave

    top = raw.max()
    height, width = pixels.shape[:2]
    values = pictures.upsampled(raw / top if top > 0 else raw, height, width)
    png = io.BytesIO()
    shaded = pictures.shaded(pixels @ np.array([0.299, 0.587, 0.114]), values)
    imsave(png, shaded.clip(0, 1), format="png", metadata=pictures.NAMELESS)
    return png.getvalue()

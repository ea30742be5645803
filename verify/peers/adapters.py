"""The peers: libraries that explain by class activation maps, each called as its own documentation does.

A question is a function (model, dotted name of the layer, images, class) -> maps (B, h, w). What a library offers
before it normalises is asked for where there is such a thing, so that the scale of the weights can be seen.
"""

import importlib
import importlib.metadata
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from verify.catalogue.zoo import load_torchvision
from verify.errors import UsageError, unknown
from verify.user_files import function_of

if TYPE_CHECKING:
    from torch import Tensor, nn

Question = Callable[["nn.Module", str, "Tensor", int], Any]
OURS, TAKEN = "gradcampp", "callable"


@dataclass(frozen=True)
class Peer:
    """One library.

    Args:
        name: how it is asked for.
        package: the distribution that brings it; empty for a function of the user's.
        module: what is imported.
        entry: the class or function that is asked.
        maps: its maps before normalisation if it gives them, at the size of the layer.
        picture: its picture as it is shown, or None if it makes none.
        size: which size its pictures have: "image" or "layer".
        variant: the name in `cam.variants` of what was read from its source, empty if there is none.
        note: what has to be known to read its row.
    """

    name: str
    package: str
    module: str
    entry: str
    maps: Question
    picture: Question | None = None
    size: str = "image"
    variant: str = ""
    note: str = ""

    @property
    def version(self) -> str | None:
        """The installed version; empty for a function of the user's, None if it is not installed."""
        if not self.package:
            return ""
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    @property
    def cure(self) -> str:
        """How to install it."""
        return f"pip install 'gradcampp[peers]' (or pip install {self.package})"


def ask(question: Question, model: "nn.Module", layer: str, images: "Tensor", c: int) -> "Tensor":
    """Return what a peer answers, as a tensor that is detached.

    Its warnings are not shown, and what it prints goes to stderr: stdout is for data.

    Raises:
        Exception: whatever the peer raises; ValueError if it does not give floating-point numbers.
    """
    import torch

    with warnings.catch_warnings(), torch.enable_grad(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        found = torch.as_tensor(question(model, layer, images, c)).detach().clone()
    if not found.is_floating_point():
        raise ValueError(f"it gives {found.dtype}, and no floating-point numbers")
    return found


def load(module: str) -> Any:
    """Import a module of a peer; its warnings, and torchvision's quarrel with torch, are not shown.

    Raises:
        ImportError: it is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if module.startswith("pytorch_grad_cam"):
            load_torchvision()
        return importlib.import_module(module)


def _grad_cam(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    targets = [load("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget(c)] * len(images)
    where = model.get_submodule(layer)
    with load("pytorch_grad_cam").GradCAMPlusPlus(model=model, target_layers=[where]) as cam:
        cam(input_tensor=images, targets=targets)
        seen = cam.activations_and_grads
        A, g = (both[0].cpu().numpy() for both in (seen.activations, seen.gradients))
        return cam.get_cam_image(images, where, targets, A, g)


def _grad_cam_picture(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    targets = [load("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget(c)] * len(images)
    with load("pytorch_grad_cam").GradCAMPlusPlus(model=model, target_layers=[model.get_submodule(layer)]) as cam:
        return cam(input_tensor=images, targets=targets)


def _torchcam(entry: str, normalised: bool, **options: float) -> Question:
    def question(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
        with getattr(load("torchcam.methods"), entry)(model, layer, **options) as cam:
            scores = model(images)
            return cam(c, scores, normalized=normalised)[0]

    return question


def _monai(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    cam = load("monai.visualize").GradCAMpp(nn_module=model, target_layers=layer)
    return cam.compute_map(images, class_idx=c).squeeze(1)


def _monai_picture(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    cam = load("monai.visualize").GradCAMpp(nn_module=model, target_layers=layer)
    return cam(images, class_idx=c).squeeze(1)


def _captum(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    return load("captum.attr").LayerGradCam(model, model.get_submodule(layer)).attribute(images, target=c).squeeze(1)


def _ours(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    from cam import GradCAMPlusPlus

    return GradCAMPlusPlus(model, layer).attribute(images, c)


def _our_picture(model: "nn.Module", layer: str, images: "Tensor", c: int) -> Any:
    from cam import GradCAMPlusPlus

    return GradCAMPlusPlus(model, layer)(images, c)


# Noise this small changes no number but 0, and the answer of a method that adds noise to its pictures can be repeated.
SILENT = 1e-30

PEERS: tuple[Peer, ...] = (
    Peer(
        "pytorch-grad-cam",
        "grad-cam",
        "pytorch_grad_cam",
        "GradCAMPlusPlus",
        _grad_cam,
        _grad_cam_picture,
        variant="pytorch-grad-cam",
    ),
    Peer(
        "torchcam",
        "torchcam",
        "torchcam.methods",
        "GradCAMpp",
        _torchcam("GradCAMpp", False),
        _torchcam("GradCAMpp", True),
        size="layer",
        variant="torchcam",
    ),
    Peer(
        "torchcam-smooth",
        "torchcam",
        "torchcam.methods",
        "SmoothGradCAMpp",
        _torchcam("SmoothGradCAMpp", False, std=SILENT),
        _torchcam("SmoothGradCAMpp", True, std=SILENT),
        size="layer",
        variant="torchcam-smooth",
        note="asked with noise that changes no number",
    ),
    Peer("monai", "monai", "monai.visualize", "GradCAMpp", _monai, _monai_picture, variant="monai"),
    Peer(
        "captum",
        "captum",
        "captum.attr",
        "LayerGradCam",
        _captum,
        note="has no Grad-CAM++: its Grad-CAM is asked",
    ),
    Peer(OURS, "gradcampp", "cam", "GradCAMPlusPlus", _ours, _our_picture),
)


def chosen(names: Sequence[str], user: str | None = None) -> tuple[Peer, ...]:
    """Return the peers of these names, all if there is none, and the user's function.

    Raises:
        UsageError: a name is unknown, or the function cannot be had.
    """
    known = {peer.name: peer for peer in PEERS}
    for name in names:
        if name not in known:
            raise unknown("peer", name, known)
    picked = tuple(known[name] for name in dict.fromkeys(names)) if names or user else PEERS
    return picked if user is None else (*picked, taken(user))


def taken(where: str) -> Peer:
    """Return the peer that a function of the user's is, "module.py:function".

    Raises:
        UsageError: no such file or function, or the file fails.
    """
    path, colon, function = where.rpartition(":")
    if not colon or not function or not path.endswith(".py"):
        raise UsageError(f"--callable wants FILE.py:FUNCTION, not {where!r}")
    return Peer(TAKEN, "", Path(path).stem, where, function_of(Path(path), function))

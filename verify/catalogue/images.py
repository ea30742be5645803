"""Photographs that ship inside scikit-image's wheel: nothing is ever downloaded.

The files are read from the installed package, without importing it, and what was decoded is compared with a hash of its
pixels.
"""

import hashlib
import importlib.util
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from verify.errors import CorruptFile, missing, unknown

_CURE = "install it afresh: pip install --force-reinstall --no-deps scikit-image"


@dataclass(frozen=True)
class Image:
    """One photograph: its `file` in scikit-image's data folder, whose it is, and what its pixels must be.

    Args:
        name: how it is asked for.
        title: what it shows.
        licence: under which terms it may be shown.
        credit: who made it.
        file: its file name.
        shape: (height, width, 3).
        sha256: hash of the uint8 pixels in row-major order, red green blue.
    """

    name: str
    title: str
    licence: str
    credit: str
    file: str
    shape: tuple[int, int, int]
    sha256: str


IMAGES: tuple[Image, ...] = (
    Image(
        name="chelsea",
        title="Chelsea the cat",
        licence="CC0",
        credit="Stéfan van der Walt",
        file="chelsea.png",
        shape=(300, 451, 3),
        sha256="416b729128bfb2c3d1eb69bf9b1734a796293abc17939267b2dc94f8a5784031",
    ),
    Image(
        name="coffee",
        title="A cup of espresso on a wooden table",
        licence="CC0",
        credit="Rachel Michetti, Pikolo Espresso Bar",
        file="coffee.png",
        shape=(400, 600, 3),
        sha256="0ce2b51640b9c95f19617f03eabf40c3f0368589cc1ee1190b70966165ac184f",
    ),
    Image(
        name="astronaut",
        title="The astronaut Eileen Collins",
        licence="public domain",
        credit="NASA",
        file="astronaut.png",
        shape=(512, 512, 3),
        sha256="a8c429c18afa7b0fd5673e598d73a21225d94c864a71bbb3885126fdecb41071",
    ),
    Image(
        name="rocket",
        title="A Falcon 9 lifting off with DSCOVR",
        licence="public domain",
        credit="SpaceX",
        file="rocket.jpg",
        shape=(427, 640, 3),
        sha256="3d4435cc745752b7f9724df88c6e18817de3ce7e3d2d71c55f85f7831e68f197",
    ),
    Image(
        name="camera",
        title="A photographer at his tripod, in grey",
        licence="CC0",
        credit="Lav Varshney",
        file="camera.png",
        shape=(512, 512, 3),
        sha256="13e2b4aa92cb1649b4aac5a4d48b38a8ea3a18b86e8abdf5a4871abf24c9d038",
    ),
)


def image(name: str) -> Image:
    """Return the entry called `name`.

    Raises:
        UsageError: none is called so.
    """
    for candidate in IMAGES:
        if candidate.name == name:
            return candidate
    raise unknown("image", name, (candidate.name for candidate in IMAGES))


def image_file(entry: Image) -> Path:
    """Return where the installed scikit-image keeps the file of `entry`.

    Raises:
        MissingPackage: scikit-image is not installed.
        CorruptFile: it is installed without this file.
    """
    spec = importlib.util.find_spec("skimage")
    if spec is None or spec.origin is None:
        raise missing("scikit-image", "real", f"the picture {entry.name!r}")
    path = Path(spec.origin).parent / "data" / entry.file
    if not path.is_file():
        raise CorruptFile(f"{path} is not there, though scikit-image's wheel ships it; {_CURE}")
    return path


def load_image(name: str) -> np.ndarray:
    """Return the pixels of the photograph called `name`; grey ones are repeated in all three channels.

    Returns:
        uint8 array of shape (height, width, 3), red green blue, writable and the caller's own.

    Raises:
        UsageError: no photograph is called so.
        MissingPackage: scikit-image or Pillow is not installed.
        CorruptFile: the pixels are not the published ones.
    """
    entry = image(name)
    path = image_file(entry)
    try:
        from PIL import Image as pillow
    except ImportError as error:
        raise missing("pillow", "real", "decoding pictures") from error
    try:
        with (
            warnings.catch_warnings(action="error", category=pillow.DecompressionBombWarning),
            pillow.open(path) as picture,
        ):
            pixels = np.array(picture.convert("RGB"))
    # Pillow reports a broken PNG as SyntaxError, and a size that cannot be true as a bomb.
    except (OSError, SyntaxError, pillow.DecompressionBombError, pillow.DecompressionBombWarning) as error:
        raise CorruptFile(f"{path} cannot be decoded ({error}); {_CURE}") from error
    found = hashlib.sha256(pixels.tobytes()).hexdigest()
    if found != entry.sha256:
        raise CorruptFile(
            f"the pixels of {path} have sha256 {found} and shape {pixels.shape}, "
            f"expected {entry.sha256} and {entry.shape}; {_CURE}"
        )
    return pixels

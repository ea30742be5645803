"""The picture that a name on the command line stands for, and what a network sees of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from verify.catalogue import images, lite0
from verify.check.models import Subject
from verify.errors import UsageError, brief, missing, unknown

if TYPE_CHECKING:
    import torch
    from PIL import Image

KNOWN = tuple(each.name for each in images.IMAGES)


@dataclass(frozen=True, eq=False)
class View:
    """What a network sees.

    Args:
        name: of the picture, for titles and file names.
        seen: (1, channels, height, width), float64.
        pixels: the same for people, uint8 (height, width, 3).
        credit: whose picture it is, or "".
    """

    name: str
    seen: "torch.Tensor"
    pixels: np.ndarray
    credit: str = ""


def view(name: str, subject: Subject, side: int | None = None) -> View:
    """Return a picture as a network sees it: its centre square at the network's size, scaled as the network expects.

    Args:
        name: of a photograph of the catalogue (chelsea, coffee, ...); or a file, a PNG, a JPEG or whatever Pillow
            reads, turned as its EXIF says and, where transparent, on white; or a .npy: uint8 (H, W) or (H, W, 3) are
            pixels, floating (C, H, W) or (1, C, H, W) is what the network sees, and is taken as it is.
        subject: the network.
        side: height and width, the network's own by default.

    Raises:
        UsageError: it is none, or not finite.
        MissingPackage: it takes a package that is not installed.
    """
    import torch

    entry = next((each for each in images.IMAGES if each.name == name), None)
    if entry is not None:
        pixels = images.load_image(name)
    else:
        values = _read(Path(name))
        if values.dtype.kind == "f":
            return View(Path(name).stem, *_as_it_is(name, values))
        pixels = values
    pixels = lite0.crop(pixels, side or subject.side)
    scaled = (pixels.astype(np.float64) - np.array(subject.mean)) / np.array(subject.deviation)
    seen = torch.from_numpy(scaled).permute(2, 0, 1)[None].contiguous()
    credit = "" if entry is None else f"{entry.title}: {entry.credit}, {entry.licence}"
    return View(Path(name).stem, seen, pixels, credit)


def _read(path: Path) -> np.ndarray:
    if not path.is_file():
        if not path.suffix and path.parent == Path():
            raise unknown("photograph", str(path), KNOWN)
        raise UsageError(f"there is no picture {path}; those that come along are {', '.join(KNOWN)}")
    if path.suffix == ".npy":
        try:
            values: np.ndarray = np.load(path, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UsageError(f"{path} is no array of numpy: {brief(error)}") from error
        if not isinstance(values, np.ndarray):
            raise UsageError(f"{path} is an archive: save one array with numpy.save")
        if values.dtype == np.uint8 and values.ndim == 2:
            values = np.repeat(values[..., None], 3, axis=2)
        if not (values.dtype.kind == "f" or (values.dtype == np.uint8 and values.ndim == 3 and values.shape[2] == 3)):
            raise UsageError(
                f"{path} is {values.dtype} of shape {values.shape}: save pixels as uint8 (H, W, 3), "
                "or what the network sees as float (C, H, W)"
            )
        return values
    try:
        from PIL import Image
    except ImportError as error:
        raise missing("pillow", "real", "decoding pictures") from error
    try:
        with Image.open(path) as picture:
            return _pixels(path, picture)
    # Pillow reports a broken PNG as SyntaxError, and a size that cannot be true as a bomb.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UsageError(f"{path} is no picture that Pillow reads: {brief(error)}") from error


def _pixels(path: Path, picture: "Image.Image") -> np.ndarray:
    """Return red, green and blue as people see them: turned upright, on white, 16 bits of grey rounded to 8.

    Raises:
        UsageError: grey is floating or has 32 bits, of which it is not said what white is.
    """
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(picture)
    if picture.mode in ("I", "F"):
        raise UsageError(f"{path} has pixels of 32 bits, and what is white is not known: save 8 or 16 bits a channel")
    if picture.mode.startswith("I;16"):
        grey = np.rint(np.array(picture).astype(np.float64) / 257).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return np.array(picture.convert("RGB"))


def _as_it_is(name: str, values: np.ndarray) -> "tuple[torch.Tensor, np.ndarray]":
    import torch

    if values.ndim == 3:
        values = values[None]
    if values.ndim != 4 or len(values) != 1 or not values.size:
        raise UsageError(f"{name} is of shape {values.shape}: what a network sees is (C, H, W) or (1, C, H, W)")
    if not np.isfinite(values).all():
        raise UsageError(f"{name} has entries that are NaN or infinite: a picture has none")
    values = values.astype(np.float64)
    tiny = np.finfo(np.float64).tiny
    sized = values[0] / max(float(abs(values).max()), tiny)  # else sums and ranges may overflow
    planes = sized if len(sized) == 3 else np.repeat(sized.mean(0, keepdims=True), 3, axis=0)
    shares = (planes - planes.min()) / max(float(np.ptp(planes)), tiny)
    shown = np.rint(255 * shares).astype(np.uint8).transpose(1, 2, 0)
    return torch.from_numpy(values), shown

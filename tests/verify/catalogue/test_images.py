import sys

import numpy as np
import pytest

from verify.catalogue import images
from verify.catalogue.images import IMAGES, image, image_file, load_image
from verify.errors import CorruptFile, MissingPackage, UsageError

pytest.importorskip("skimage")


@pytest.mark.parametrize("entry", IMAGES, ids=lambda e: e.name)
def test_every_photograph_is_there_with_its_published_pixels(entry):
    pixels = load_image(entry.name)
    assert (pixels.shape, pixels.dtype) == (entry.shape, np.uint8)
    assert entry.licence
    assert entry.credit


def test_the_pixels_are_those_of_scikit_image():
    import skimage.data

    assert np.array_equal(load_image("chelsea"), skimage.data.chelsea())
    assert np.array_equal(load_image("camera"), np.repeat(skimage.data.camera()[:, :, None], 3, axis=2))


def test_the_pixels_are_the_callers_own():
    load_image("chelsea")[:] = 0
    assert load_image("chelsea").any()


def test_an_unknown_photograph_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="no image is called 'chelsae'; did you mean 'chelsea'"):
        image("chelsae")


def in_place_of(monkeypatch, path, content: bytes) -> None:
    path.write_bytes(content)
    monkeypatch.setattr(images, "image_file", lambda entry: path)


@pytest.mark.parametrize("name", ["chelsea", "rocket"], ids=["png", "jpeg"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda file: b"",
        lambda file: b"no picture",
        lambda file: file[: len(file) // 2],
        lambda file: file[:5000] + bytes([file[5000] ^ 255]) + file[5001:],
    ],
    ids=["empty", "text", "half", "one byte"],
)
def test_a_damaged_file_is_refused_with_the_cure(monkeypatch, tmp_path, name, damage):
    in_place_of(monkeypatch, tmp_path / "picture", damage(image_file(image(name)).read_bytes()))
    with pytest.raises(CorruptFile, match="pip install --force-reinstall --no-deps scikit-image") as caught:
        load_image(name)
    assert "\n" not in str(caught.value)


def test_another_picture_is_refused_with_both_hashes(monkeypatch, tmp_path):
    in_place_of(monkeypatch, tmp_path / "picture", image_file(image("coffee")).read_bytes())
    with pytest.raises(CorruptFile) as caught:
        load_image("chelsea")
    assert image("chelsea").sha256 in str(caught.value)
    assert image("coffee").sha256 in str(caught.value)


@pytest.mark.parametrize("side", [10_000, 60_000], ids=["a warning of Pillow", "an error of Pillow"])
def test_a_file_that_claims_an_absurd_size_is_refused_and_not_decoded(monkeypatch, tmp_path, side):
    file = bytearray(image_file(image("rocket")).read_bytes())
    frame = file.index(b"\xff\xc0")  # JPEG: marker, length (2), precision (1), height (2), width (2)
    file[frame + 5 : frame + 9] = side.to_bytes(2, "big") * 2
    in_place_of(monkeypatch, tmp_path / "picture", bytes(file))
    with pytest.raises(CorruptFile, match="cannot be decoded"):
        load_image("rocket")


def test_a_file_that_is_gone_is_not_a_missing_package(monkeypatch):
    from dataclasses import replace

    with pytest.raises(CorruptFile, match="is not there"):
        image_file(replace(image("chelsea"), file="gone.png"))


@pytest.mark.parametrize(("module", "package"), [("skimage", "scikit-image"), ("PIL", "pillow")])
def test_without_its_package_a_photograph_is_one_clear_line(monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage, match=f"'{package}' is needed .* pip install 'gradcampp\\[real\\]'") as caught:
        load_image("chelsea")
    assert "\n" not in str(caught.value)

import numpy as np
import pytest
import torch
from PIL import Image

from verify.catalogue import images, lite0
from verify.check import views
from verify.check.models import Subject
from verify.errors import UsageError

PLAIN = Subject("plain", torch.nn.Identity(), "none", side=8, mean=(0.0,) * 3, deviation=(255.0,) * 3)


def test_a_picture_of_the_catalogue_is_prepared_as_lite0_wants_it():
    scale = (127.0,) * 3, (128.0,) * 3
    found = views.view("coffee", Subject("lite0", torch.nn.Identity(), "", "", 224, *scale))
    assert torch.equal(found.seen, lite0.preprocess(images.load_image("coffee")))
    assert "CC0" in found.credit


def test_imagenets_mean_and_deviation_are_taken_off():
    from torch import nn

    found = views.view("coffee", Subject("net", nn.Identity(), ""))
    pixels = lite0.crop(images.load_image("coffee")) / 255
    expected = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    assert np.allclose(found.seen[0].permute(1, 2, 0).numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["png", "jpg", "npy"])
def test_files_are_read(tmp_path, kind):
    pixels = np.full((20, 12, 3), 51, np.uint8)
    path = tmp_path / f"grey.{kind}"
    if kind == "npy":
        np.save(path, pixels)
    else:
        Image.fromarray(pixels).save(path)
    found = views.view(str(path), PLAIN, 6)
    assert found.seen.shape == (1, 3, 6, 6)
    assert torch.allclose(found.seen, torch.tensor(0.2, dtype=torch.float64), atol=0.01)
    assert (found.name, found.pixels.shape) == ("grey", (6, 6, 3))


def test_a_floating_array_is_taken_as_it_is(tmp_path):
    values = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    np.save(tmp_path / "seen.npy", values)
    found = views.view(str(tmp_path / "seen.npy"), PLAIN)
    assert torch.equal(found.seen[0], torch.from_numpy(values).double())
    assert (found.pixels.min(), found.pixels.max(), found.pixels.dtype) == (0, 255, np.uint8)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (np.full((3, 8, 8), np.nan), "NaN or infinite"),
        (np.full((3, 8, 8), np.inf), "NaN or infinite"),
        (np.zeros((2, 3, 8, 8)), "of shape"),
        (np.zeros((8, 8)), "of shape"),
        (np.zeros((8, 8, 3), np.int64), "save pixels as uint8"),
        (np.zeros((8, 8, 4), np.uint8), "save pixels as uint8"),
    ],
)
def test_an_array_that_is_no_picture_is_one_line(tmp_path, values, says):
    np.save(tmp_path / "x.npy", values)
    with pytest.raises(UsageError, match=says):
        views.view(str(tmp_path / "x.npy"), PLAIN)


@pytest.mark.parametrize("kind", ["png", "jpg", "npy"])
@pytest.mark.parametrize("content", [b"", b"not a picture"])
def test_a_file_that_is_no_picture_is_one_line(tmp_path, kind, content):
    (tmp_path / f"x.{kind}").write_bytes(content)
    with pytest.raises(UsageError, match=r"is no (picture|array)") as error:
        views.view(str(tmp_path / f"x.{kind}"), PLAIN)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("name", "says"), [("chelsae", "did you mean 'chelsea'"), ("no/where.png", "no picture")])
def test_a_picture_that_is_not_there_is_one_line(name, says):
    with pytest.raises(UsageError, match=says):
        views.view(name, PLAIN)


def test_objects_in_an_array_are_not_unpickled(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UsageError, match="no array"):
        views.view(str(tmp_path / "x.npy"), PLAIN)


def test_a_photograph_that_lies_on_its_side_is_turned_as_its_exif_says(tmp_path):
    stored = np.zeros((8, 16, 3), np.uint8)
    stored[:, :8] = 255
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn clockwise: what is stored on the left is on top
    Image.fromarray(stored).save(tmp_path / "x.png", exif=turned)
    seen = views.view(str(tmp_path / "x.png"), PLAIN, 8).pixels
    assert seen[0].min() > 200
    assert seen[-1].max() < 50


def test_sixteen_bits_of_grey_are_rounded_to_eight(tmp_path):
    deep = np.repeat(np.array([[0, 257 * 100 + 128, 65535 - 257 * 5, 65535]], np.uint16), 4, axis=0)
    Image.fromarray(deep).save(tmp_path / "x.png")
    assert views.view(str(tmp_path / "x.png"), PLAIN, 4).pixels[0, :, 0].tolist() == [0, 100, 250, 255]


def test_what_is_transparent_stands_on_white_whatever_colour_it_hides(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:, 2:, 3] = 255
    Image.fromarray(pixels).save(tmp_path / "x.png")
    assert views.view(str(tmp_path / "x.png"), PLAIN, 4).pixels[0, :, 0].tolist() == [255, 255, 0, 0]


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "1", "LA"])
def test_other_modes_are_read_as_people_see_them(tmp_path, mode):
    path = tmp_path / ("x.tiff" if mode == "CMYK" else "x.png")
    Image.new("RGB", (4, 4), "white").convert(mode).save(path)
    assert views.view(str(path), PLAIN, 4).pixels.min() == 255


@pytest.mark.parametrize("values", [np.full((4, 4), 0.5, np.float32), np.full((4, 4), 70000, np.int32)])
def test_pixels_without_a_white_are_refused(tmp_path, values):
    Image.fromarray(values).save(tmp_path / "x.tiff")
    with pytest.raises(UsageError, match="what is white is not known"):
        views.view(str(tmp_path / "x.tiff"), PLAIN)


def test_an_archive_of_arrays_is_one_line(tmp_path):
    np.savez(tmp_path / "x.npz", np.zeros((3, 4, 4)))
    (tmp_path / "x.npz").rename(tmp_path / "x.npy")
    with pytest.raises(UsageError, match="is an archive"):
        views.view(str(tmp_path / "x.npy"), PLAIN)


@pytest.mark.parametrize("channels", [2, 3])
def test_numbers_near_the_largest_are_shown(tmp_path, channels):
    values = np.full((channels, 4, 4), 1.7e308)
    values[:, 0] = -1.7e308
    np.save(tmp_path / "x.npy", values)
    shown = views.view(str(tmp_path / "x.npy"), PLAIN).pixels
    assert shown[0].max() == 0
    assert shown[1:].min() == 255

import io
import struct

import matplotlib as mpl
import numpy as np
import pytest

from verify.errors import missing
from verify.report import pictures


@pytest.fixture
def holding(small):
    return small["networks"][0]


@pytest.fixture
def failing(small):
    return small["networks"][1]


def decoded(png):
    return mpl.image.imread(io.BytesIO(png))


def chunks(png):
    """List the kinds of chunks of a PNG, in order."""
    at, kinds = 8, []
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kinds.append(png[at + 4 : at + 8])
        at += 12 + length
    return kinds


def test_the_alternative_text_states_the_result(holding, failing):
    assert pictures.alt(holding).endswith(
        "closed form and exact map of “seven & $x$ <7>” agree to 3.3e-16 of their maximum"
    )
    assert pictures.alt(failing).endswith("differ by up to 0.5 of their maximum")
    assert "differ" in pictures.alt({**holding, "map_difference": 0.01})
    assert pictures.alt({**holding, "map_difference": 0.0}).endswith("are the same")


def test_the_same_network_gives_the_same_bytes(failing):
    assert pictures.overlay(failing) == pictures.overlay(failing)


def test_the_bytes_carry_neither_a_date_nor_a_version(failing):
    png = pictures.overlay(failing)
    assert set(chunks(png)) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert mpl.__version__.encode() not in png


def test_a_readers_own_settings_change_nothing(holding):
    plain = pictures.overlay(holding)
    with mpl.rc_context({"font.size": 31, "axes.facecolor": "red", "image.cmap": "jet"}):
        assert pictures.overlay(holding) == plain


def test_another_map_gives_another_picture(holding):
    plain = pictures.overlay(holding)
    holding["map"]["closed"] = [[1 - v for v in row] for row in holding["map"]["closed"]]
    assert pictures.overlay(holding) != plain


def test_a_difference_that_can_be_seen_gets_a_panel(holding, failing):
    narrow, wide = pictures.size(pictures.overlay(holding)), pictures.size(pictures.overlay(failing))
    assert narrow[1] == wide[1]
    assert wide[0] - narrow[0] == pytest.approx(2.2 * 96, abs=1)  # each of the two is rounded


def test_a_map_that_is_zero_everywhere_can_be_drawn(holding):
    zero = np.zeros((5, 6)).tolist()
    holding["map"] = {"closed": zero, "exact": zero}
    assert decoded(pictures.overlay(holding)).ndim == 3


def test_maps_without_a_maximum_are_not_compared(holding):
    holding["map"], holding["map_difference"] = {"closed": [[None] * 6] * 5, "exact": [[None] * 6] * 5}, None
    assert "cannot be compared" in pictures.alt(holding)
    assert decoded(pictures.overlay(holding)).ndim == 3


def test_the_size_is_read_from_the_bytes(holding):
    png = pictures.overlay(holding)
    height, width = decoded(png).shape[:2]
    assert pictures.size(png) == (round(width / 1.5), round(height / 1.5))


def test_upsampling_keeps_a_constant_and_the_values_between_the_extremes():
    assert np.array_equal(pictures.upsampled(np.full((3, 4), 0.25), 10, 9), np.full((10, 9), 0.25))
    values = np.arange(12.0).reshape(3, 4)
    large = pictures.upsampled(values, 30, 40)
    assert (large[0, 0], large[-1, -1]) == (0, 11)
    assert np.array_equal(pictures.upsampled(values, 15, 20)[2::5, 2::5], values)  # centres fall on centres


def test_upsampling_agrees_with_torch_where_its_corners_are_not_aligned():
    import torch

    values = np.cos(np.arange(42.0)).reshape(6, 7)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(values)[None, None], size=(224, 200), mode="bilinear", align_corners=False
    )[0, 0].numpy()
    # A coordinate below 7 is off by at most 7 eps, a step between values is below 2; then a few sums of values below 1.
    assert np.abs(pictures.upsampled(values, 224, 200) - expected).max() <= 32 * np.finfo(float).eps


def test_upsampling_to_its_own_size_changes_nothing():
    values = np.sin(np.arange(20.0)).reshape(4, 5)
    assert np.array_equal(pictures.upsampled(values, 4, 5), values)


def test_a_digit_is_black_ink_on_white_paper(holding):
    pytest.importorskip("sklearn")
    from verify.catalogue.digits import digit_image

    picture = pictures.background({**holding, "digit": 5})
    assert picture.shape == (224, 224, 3)
    assert picture.dtype == np.uint8
    digit = digit_image(5)
    assert np.array_equal(picture[14::28, 14::28, 0] == 255, digit == 0)
    assert (picture[14::28, 14::28, 0] == 0)[digit == 16].all()


def test_a_photograph_is_shown_as_the_network_sees_it(holding):
    pytest.importorskip("PIL")
    pytest.importorskip("skimage")
    picture = pictures.background({**holding, "image": "chelsea"})
    assert picture.shape == (224, 224, 3)
    with_photograph = pictures.overlay({**holding, "image": "chelsea"})
    assert pictures.size(with_photograph)[0] > pictures.size(pictures.overlay(holding))[0]


def test_without_the_package_that_ships_the_picture_the_maps_are_drawn_alone(holding, monkeypatch):
    import verify.catalogue.images

    def absent(name):
        raise missing("scikit-image", "real", name)

    monkeypatch.setattr(verify.catalogue.images, "load_image", absent)
    assert pictures.background({**holding, "image": "chelsea"}) is None
    assert pictures.overlay({**holding, "image": "chelsea"}) == pictures.overlay(holding)

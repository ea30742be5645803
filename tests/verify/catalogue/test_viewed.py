"""The pictures of the comparison: chosen by a rule, held out, spread over classes and views."""

import numpy as np
import pytest

from verify.catalogue import digits
from verify.catalogue.activations import ACTIVATIONS
from verify.catalogue.images import IMAGES
from verify.catalogue.viewed import EXPERIMENTS, FORMS, VIEWS, View, experiment, in_turns, photograph, window
from verify.errors import UsageError


def test_every_activation_is_tried_before_and_after_it_and_the_names_are_unique():
    names = [each.name for each in EXPERIMENTS]
    assert len(set(names)) == len(names) == 1 + 2 * len(ACTIVATIONS)
    for each in ACTIVATIONS:
        slug = each.name.replace("_", "-")
        for name in (f"digits-{slug}", f"digits-{slug}-after"):
            assert experiment(name).piecewise_linear is each.piecewise_linear


def test_an_unknown_experiment_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'digits-gelu'"):
        experiment("digits-gel")


def test_the_closed_form_that_every_library_uses_fits_the_exponential_alone():
    assert [form.name for form in FORMS if form.fits] == ["exp-printed", "sigmoid-any-head"]
    assert {form.closed for form in FORMS if form.name.endswith("printed")} == {"exp"}


def test_digits_come_in_turns_so_that_any_beginning_is_spread_over_the_classes():
    labels = [digits.digit_label(number) for number in in_turns()]
    assert sorted(in_turns()) == list(range(digits.HELD_OUT))
    assert labels[:10] == list(range(10)) and labels[:100].count(7) == 10
    assert list(in_turns()[:10]) == [digits.held_out()[1].tolist().index(digit) for digit in range(10)]


def test_the_first_views_of_all_photographs_come_first():
    assert [photograph(number) for number in range(6)] == [
        *((each.name, VIEWS[0]) for each in IMAGES),
        (IMAGES[0].name, VIEWS[1]),
    ]
    lite0 = experiment("lite0")
    assert len(lite0.numbers(100, 6)) == 30 and lite0.group(0) == lite0.group(5) != lite0.group(1)
    gelu = experiment("digits-gelu")
    assert len(gelu.numbers(100, 6)) == 100 and gelu.group(5) == 5


def test_a_window_shows_its_corner_or_the_middle_and_is_mirrored():
    pixels = np.arange(8 * 12 * 3).reshape(8, 12, 3)
    assert np.array_equal(window(pixels, View("")), pixels[:, 2:10])
    assert np.array_equal(window(pixels, View("", (0, 1))), pixels[:6, 6:])
    assert np.array_equal(window(pixels, View("", (1, 0))), pixels[2:, :6])
    assert np.array_equal(window(pixels, View("", None, True)), pixels[:, 9:1:-1])
    shown = [window(pixels, view) for view in VIEWS]
    assert not any(np.array_equal(a, b) for k, a in enumerate(shown) for b in shown[:k])

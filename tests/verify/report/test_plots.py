"""A figure shows the numbers that it was given, breaks at a pole, and can be read in grey."""

import math

import numpy as np
import pytest

from verify.report.plots import DASHES, Line, bars, heatmaps, plot, written


def drawn(*lines, **options):
    (axes,) = plot(lines, "across (unit)", "up (unit)", **options).axes
    return axes


def test_lines_are_drawn_as_given_and_told_apart_without_colour():
    axes = drawn(*(Line(str(k), [0.0, 1.0], [0.0, float(k)]) for k in range(5)))
    assert [line.get_ydata()[1] for line in axes.lines] == [0, 1, 2, 3, 4]
    patterns = {(line._dash_pattern[0], *(line._dash_pattern[1] or ())) for line in axes.lines}
    assert len(patterns) == 5
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("across (unit)", "up (unit)")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list("01234")


def test_more_lines_than_can_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="at most 5"):
        drawn(*(Line("", [0.0], [0.0]) for _ in range(len(DASHES) + 1)))


def test_a_line_is_broken_at_a_pole_and_nowhere_else():
    places = [-0.5, -0.01, 0.01, 0.5, 1.0]
    ys = list(drawn(Line("", places, [1 / x for x in places]), limits=(-2, 2)).lines[0].get_ydata())
    assert [math.isnan(y) for y in ys] == [False, False, True, False, False, False]
    small = list(drawn(Line("", places, places), limits=(-2, 2)).lines[0].get_ydata())
    assert small == places
    assert not np.isnan(drawn(Line("", places, [1 / x for x in places])).lines[0].get_ydata()).any()


def test_marks_stand_at_their_places():
    axes = drawn(Line("", [0.0, 1.0], [0.0, 1.0]), marks={"kink": 0.25})
    assert axes.lines[-1].get_xdata() == [0.25, 0.25] and [text.get_text() for text in axes.texts] == ["kink"]


def test_every_map_has_a_panel_with_its_title():
    picture = np.full((8, 8, 3), 200, dtype=np.uint8)
    figure = heatmaps(picture, {"one": np.eye(2), "two": 1 - np.eye(2)}, columns=2)
    assert [axes.get_title() for axes in figure.axes[:4]] == ["picture", "one", "two", ""]
    one, two = (axes.images[0].get_array() for axes in figure.axes[1:3])
    assert not np.array_equal(one, two)
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), picture)
    assert not figure.axes[3].axison


def test_bars_have_the_heights_and_edges_given():
    (axes,) = bars([1, 3], [0.0, 1.0, 4.0], "across", "up").axes
    assert [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in axes.patches] == [(0, 1, 1), (1, 3, 3)]
    with pytest.raises(ValueError, match="2 bars have 3 edges, not 2"):
        bars([1, 3], [0.0, 1.0], "across", "up")


def test_a_table_as_a_figure_has_one_size_whatever_is_in_it():
    one, other = (written(("a", "b"), [("c", text)], (1.0, 2.0)) for text in ("d", "quite another, longer"))
    assert tuple(one.get_size_inches()) == tuple(other.get_size_inches())
    assert [text.get_text() for text in one.texts] == ["a", "b", "c", "d"]
    assert tuple(written(("a", "b"), [("c", "d")] * 2, (1.0, 2.0)).get_size_inches()) != tuple(one.get_size_inches())

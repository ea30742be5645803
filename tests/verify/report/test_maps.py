import math
import struct

import matplotlib as mpl
import pytest

from verify.breakmap import Break, BreakMap, Curve, Mark, Panel, Points
from verify.breakmaps import MAPS
from verify.report import maps
from verify.report.colours import SERIES, SHADES


def small(gap=1e-17, ys=(0.5, 0.25), panels=1, says="It is $so$ at x = 1."):
    curve = Curve("a line", (1.0, 2.0, 3.0), (0.5, math.nan, 0.25))
    points = Points("a line, float64", (1.0, 2.0), ys, (1e-16, 1e-16), (0.0, gap), (Break(1.5, 9.0, "too far"),))
    marks = (Mark(1.25, "pole", 0), Mark(1.75, "kink"))
    panel = Panel("", "x (no unit)", "α (no unit)", (curve,), (points,), (0.0, 1.0), marks)
    return BreakMap("small", "A small $map$", says, (), (panel,) * panels)


@pytest.fixture(scope="module")
def made():
    return [make() for make in MAPS]


def chunks(png):
    at, kinds = 8, []
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kinds.append(png[at + 4 : at + 8])
        at += 12 + length
    return kinds


def test_the_same_map_gives_the_same_bytes():
    assert maps.draw(small()) == maps.draw(small())


def test_the_bytes_carry_neither_a_date_nor_a_version():
    png = maps.draw(small())
    assert set(chunks(png)) <= {b"IHDR", b"pHYs", b"IDAT", b"IEND"}
    assert mpl.__version__.encode() not in png


def test_a_readers_own_settings_change_nothing():
    plain = maps.draw(small())
    with mpl.rc_context({"font.size": 31, "axes.facecolor": "red", "lines.linewidth": 9}):
        assert maps.draw(small()) == plain


def test_the_verdict_counts_and_explains():
    assert maps.verdict(small()) == "Theory and all 2 measured points agree within the derived rounding errors."
    failing = maps.verdict(small(gap=1.0))
    assert failing == "1 of 2 measured points lie outside the derived rounding error. a line, float64: too far."


def test_the_alternative_text_states_the_result():
    assert maps.alt(small()) == f"A small $map$. It is $so$ at x = 1. {maps.verdict(small())}"


@pytest.mark.parametrize("y", [0.3, math.nan, math.inf])
def test_a_point_that_does_not_agree_is_a_cross_in_sight(y):
    drawn = maps.figure(small(gap=math.inf, ys=(0.5, y)))
    (crosses,) = [line for line in drawn.axes[0].lines if line.get_marker() == "x"]
    assert crosses.get_color() == SHADES["REFUTED"].light[0]
    assert crosses.get_xdata().tolist() == [2.0]
    assert crosses.get_ydata().tolist() == [0.3 if y == 0.3 else 0.0]
    assert any(text.get_text().startswith("outside") for text in drawn.legends[0].get_texts())


def test_where_all_agree_the_legend_speaks_of_nothing_else():
    labels = [text.get_text() for text in maps.figure(small()).legends[0].get_texts()]
    assert labels == ["a line", "pole", "kink"]


def test_a_line_is_broken_at_a_pole_and_not_drawn_across():
    panel = Panel("", "x (m)", "y (m)", (), (), (-1.0, 1.0))
    xs, ys = maps._shown(Curve("", (0.0, 1.0, 2.0, 3.0), (0.5, 40.0, -2.5, 0.25)), panel)
    assert xs == [0.0, 1.0, 1.5, 2.0, 2.5, 3.0]
    assert [y for y in ys if not math.isnan(y)] == [0.5, 40.0, -2.5, 0.25]
    assert math.isnan(ys[2]) and math.isnan(ys[4])


def test_a_line_that_crosses_zero_is_not_broken():
    panel = Panel("", "x (m)", "y (m)", (), (), (-1.0, 1.0))
    assert maps._shown(Curve("", (0.0, 1.0), (0.9, -0.9)), panel) == ([0.0, 1.0], [0.9, -0.9])


def test_a_formula_is_not_broken_at_its_signs():
    assert maps._wrapped("it is so at x < 1", 12).split("\n") == [
        "it is so at",
        "x\N{NO-BREAK SPACE}<\N{NO-BREAK SPACE}1",
    ]


@pytest.mark.parametrize("panels", [1, 2, 3, 5])
def test_any_number_of_panels_can_be_drawn(panels):
    assert len(maps.figure(small(panels=panels)).axes) == panels
    assert maps.draw(small(panels=panels))[:4] == b"\x89PNG"


@pytest.mark.parametrize("index", range(len(MAPS)), ids=lambda index: MAPS[index].__name__)
def test_no_words_of_a_map_are_cut_or_cover_each_other(made, index):
    with mpl.style.context(["default", maps.SIZES], after_reset=True):
        drawn = maps.figure(made[index])
        drawn.draw_without_rendering()
        whole = drawn.bbox
        words = [text for text in drawn.texts if text.get_text()] + list(drawn.legends)
        for axes in drawn.axes:
            words += [axes.title, axes.xaxis.label, axes.yaxis.label]
        boxes = [word.get_window_extent() for word in words if not hasattr(word, "get_text") or word.get_text()]
    for box in boxes:
        assert whole.x0 <= box.x0 < box.x1 <= whole.x1 and whole.y0 <= box.y0 < box.y1 <= whole.y1
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    panels = [axes.get_window_extent() for axes in drawn.axes]
    assert not any(box.overlaps(panel) for box in boxes for panel in panels)


def test_series_differ_in_colour_and_in_mark():
    assert len(set(SERIES)) == len(SERIES) == len(set(maps.SHAPES)) == len(maps.SHAPES)

import re

import pytest

from verify.report.audit import contrast
from verify.report.colours import SERIES, SHADES, properties


def test_black_on_white_has_the_known_contrast_of_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", sorted(SHADES.keys() - {"line"}))
def test_every_text_can_be_read_on_its_ground(name, scheme):
    assert contrast(*getattr(SHADES[name], scheme)) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("text", ["page", "quiet", "link"])
@pytest.mark.parametrize("ground", ["page", "quiet"])
def test_text_links_and_captions_can_be_read_on_the_page_and_in_boxes(text, ground, scheme):
    assert contrast(getattr(SHADES[text], scheme)[0], getattr(SHADES[ground], scheme)[1]) >= 4.5


def test_a_link_inside_a_counterexample_is_not_needed_but_its_text_keeps_its_own_ground():
    light = properties("light")
    assert "--refuted-text: #8c1d18; --refuted-ground: #fde0dc;" in light
    assert len(re.findall(r"--[\w]+-(?:text|ground): #[0-9a-f]{6};", light)) == 2 * len(SHADES)


def test_every_verdict_has_a_style_for_the_terminal():
    from rich.style import Style

    from verify.verdict import Verdict

    assert all(Style.parse(SHADES[verdict].terminal).color is not None for verdict in Verdict)


@pytest.mark.parametrize("colour", SERIES)
def test_every_line_of_a_figure_can_be_seen_and_its_label_read_on_the_page(colour):
    assert contrast(colour, SHADES["page"].light[1]) >= 4.5

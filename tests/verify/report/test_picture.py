"""How wrong the picture is, for people: every row is told, the figures say their result, the same bytes every time."""

import dataclasses
import re
import struct

import numpy as np
import pytest

from verify.catalogue.viewed import FORMS, experiment
from verify.necessity import Outcome as Searched
from verify.picture_compare import Compared
from verify.picture_study import Outcome, Task, Worst, document
from verify.report import picture as room
from verify.report.picture import alt, markdown, method, section, sentences
from verify.report.picture_figures import draw, triptychs
from verify.report.properties import render

PLAIN = Compared(1.0, 1.0, 2.2e-16, False, 1e-13, (False, False), (0, 0), 0, 100)
APART = Compared(-0.5, 0.25, 0.75, True, None, (False, True), (0, 30), 30, 100)
CURVED = {form.name: APART for form in FORMS}
LINEAR = {**{form.name: PLAIN for form in FORMS}, "sigmoid-printed": dataclasses.replace(APART, bound=1e-13)}
OUTCOME = Outcome(
    "ci",
    7,
    {
        **{Task("lite0", k): LINEAR for k in range(5)},
        **{Task("digits-relu", k): LINEAR for k in range(4)},
        **{Task("digits-gelu", k): CURVED for k in range(4)},
        **{Task("digits-gelu-after", k): {**CURVED, "exp-printed": PLAIN} for k in range(4)},
    },
)


@pytest.fixture(autouse=True)
def drawn_worst(monkeypatch):
    """Nothing is computed again: the maps are made up."""

    def made_up(outcome, name, form):
        ramp = np.linspace(0, 1, 36).reshape(6, 6)
        return Worst(name, form.name, 1, APART, np.eye(8)[None], ramp, 1 - ramp)

    monkeypatch.setattr(room, "worst", made_up)


def size(png):
    return struct.unpack(">II", png[16:24])


def test_the_sentences_say_what_a_user_needs_with_its_interval():
    first, second, third = sentences(document(OUTCOME))
    assert first.endswith("the heatmap is the exact one, up to rounding, in 4 of 4 experiments (18 maps).")
    assert "another picture in 1 of 2 experiments" in second
    assert "elsewhere on 0 % (0 to 49 %) to 100 % (51 to 100 %) of 4 held-out digits" in second
    assert "correlation of the two maps is −0.50 to 1.00; 0 to 30 % of the exact pixel weights" in second
    assert "100 % (57 to 100 %) of 5 views of photographs by EfficientNet-Lite0" in third
    assert "and on 100 % (51 to 100 %) of the digits" in third


def test_a_closed_form_that_is_not_exact_where_it_should_be_is_not_counted_as_such():
    wrong = {**LINEAR, "exp-printed": dataclasses.replace(PLAIN, difference=1e-9)}
    outcome = Outcome("ci", 0, {Task("digits-relu", k): wrong for k in range(4)})
    assert "in 1 of 2 experiments (4 maps)" in sentences(document(outcome))[0]


def test_every_row_is_in_the_tables_and_in_markdown():
    tables = section(OUTCOME)["tables"]
    assert [(t["caption"], [g["name"] for g in t["groups"]]) for t in tables] == [
        ("Cut before the activation", ["lite0", "digits-relu", "digits-gelu"]),
        ("Cut after the activation", ["digits-gelu-after"]),
    ]
    relu = tables[0]["groups"][1]
    assert relu["seen"] == "piecewise linear, 4 digits"
    assert [(row["verdict"], row["certified"]) for row in relu["rows"]] == [
        ("same", True),
        ("differs", True),
        ("same", True),
    ]
    assert relu["rows"][0]["cells"][2] == ("2.2 × 10⁻¹⁶", "at most 2.2 × 10⁻¹⁶")
    assert relu["rows"][1]["cells"][4] == ("0 / 30 %", "signs differ: 30 %")
    rows = [line for line in markdown(OUTCOME).splitlines() if line.startswith(("| Eff", "| digits"))]
    assert len(rows) == len(OUTCOME.rows) == 12 and len({row.count(" | ") for row in rows}) == 1
    assert (
        "| digits, gelu | before the activation | exponential, (19) | 4 | −0.50 (−0.50 to −0.50, worst −0.50) |"
        in rows[6]
    )


def test_the_method_says_how_many_pictures_and_which_seed():
    told = method(OUTCOME)
    assert told.startswith("4 held-out digits and 5 views of 5 photographs") and "seed 7" in told
    assert "left out" not in told
    missing = Outcome("ci", 0, {**OUTCOME.found, Task("digits-relu", 3): dict.fromkeys(LINEAR)})
    assert "3 maps with an entry on a pole left out" in method(missing)


def test_the_page_has_the_section_under_its_anchor_and_every_link_leads_somewhere():
    page = render(Searched("ci", 0), (), section(OUTCOME))
    assert '<section id="picture"' in page and "How wrong is the picture?" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert page.count('<th scope="rowgroup" rowspan="3">') == 4
    assert page.count(">certified</span>") == 7 and page.count(">measured</span>") == 5
    for words in sentences(document(OUTCOME)):
        assert page.count(words) == 2  # once to read, once for who cannot see the figure
    assert 'id="picture"' not in render(Searched("ci", 0))


def test_the_figure_grows_with_its_rows_and_has_the_same_bytes():
    png = draw(OUTCOME.rows)
    assert png == draw(OUTCOME.rows)
    assert size(png)[1] > size(draw(OUTCOME.rows[:3]))[1]
    turned = dataclasses.replace(OUTCOME.rows[0], rank=OUTCOME.rows[-1].rank)
    assert png != draw([turned, *OUTCOME.rows[1:]])


def test_the_worst_pictures_are_drawn_and_told():
    furthest = [room.worst(OUTCOME, name, FORMS[0]) for name in ("digits-gelu", "digits-silu", "digits-elu")]
    png = triptychs(furthest)
    assert png == triptychs(furthest) != triptychs(furthest[::-1])
    assert size(png)[1] > size(triptychs(furthest[:2]))[1]
    assert alt(furthest).endswith("digits, gelu: −0.50, digits, silu: −0.50, digits, elu: −0.50.")
    assert len(png) < 200_000


def test_only_curved_networks_cut_before_the_activation_have_a_worst_picture():
    assert room._curved(OUTCOME) == ["digits-gelu"]
    plain = Outcome("ci", 0, {Task("digits-relu", k): LINEAR for k in range(4)})
    assert section(plain)["worst"] is None and experiment("digits-relu").piecewise_linear
    assert "picture-worst" not in render(Searched("ci", 0), (), section(plain))

"""Whole maps on the page of properties: every statement, every counterexample, every planted error."""

import io
import re

import pytest
from rich.console import Console

from verify.map_properties import map_property
from verify.matrix import Need
from verify.necessity import Found, Outcome, Task, run, tasks
from verify.report import whole_maps
from verify.report.properties import markdown, render

NAMES = ("closed-map", "footprint-outside", "alpha-closed-form-any-head")


@pytest.fixture(scope="module")
def outcome():
    return run(tasks(NAMES, "ci", 0), "ci", 0)


def test_the_page_has_every_assumption_with_its_counterexample(outcome):
    page = render(outcome)
    slugs = [stored.slug for stored in outcome.stored if stored.setting]
    assert len(slugs) == len(map_property("closed-map").assumes) + len(map_property("footprint-outside").assumes)
    for slug in slugs:
        assert f"gradcampp replay {slug}" in page
    assert page.count("<summary>By hand</summary>") == len(slugs) - 2  # on a kink there is nothing to work out
    assert "sum A g^3 = 1 * 1 * 1 * 1 + 1 * 2 * 2 * 2 = 9" in page
    assert 'id="closed-map"' in page and "A = [1 1]; S = linear 2-&gt;1 (1, 2; 0), at (0, 0, 0)" in page
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))
    assert page == render(outcome)


def test_the_page_has_every_planted_error_and_what_found_it(outcome):
    page = render(outcome)
    errors = outcome.of("planted")
    assert len(errors) == 4 and all(found.first for found in errors.values())
    for found in errors.values():
        assert found.says[1].split(" = ")[1].split(",")[0] in page


def test_every_statement_says_what_was_drawn_and_which_errors_it_found(outcome):
    page = render(outcome)
    closed, footprint = (page[page.index(f'<article id="{name}"') :].partition("</article>")[0] for name in NAMES[:2])
    for section in (closed, footprint):
        assert "What was drawn" in section and "<b>depth</b>" in section and "met not every assumption" in section
    found = {task.hypothesis: each.first for task, each in outcome.of("planted").items()}
    assert all(f"Found at setting {first}." in closed for first in found.values()) and len(found) == 4
    assert "bits, are the sides of A = " in closed and "Every side is exact" in footprint
    assert "Errors planted" not in footprint


def test_an_error_that_nothing_found_is_said_and_is_a_fault():
    task = Task("planted", "closed-map", "three-for-two", 25)
    held = Task("map-drawn", "closed-map", "", 25)
    found = run([held], "ci", 0).found
    outcome = Outcome("ci", 0, {**found, task: Found(str(Need.OPEN), 52)})
    assert "none of 52" in render(outcome) and "none of 52" in markdown(outcome)
    assert outcome.faults == ["closed-map/with-three-for-two is open: nothing was found"]


def test_a_run_of_claims_alone_says_nothing_of_maps():
    outcome = Outcome("ci", 0, {})
    assert whole_maps.summary(outcome) == [] and whole_maps.markdown(outcome) == ""
    assert whole_maps.terminal(outcome) == [] and "Whole maps" not in render(outcome)


def test_terminal_and_markdown_name_every_cell(outcome):
    console = Console(file=io.StringIO(), width=120, color_system=None)
    console.print(*whole_maps.terminal(outcome))
    text, rows = console.file.getvalue(), markdown(outcome).splitlines()
    for name in map_property("closed-map").assumes:
        assert f"{name}: " in text and any(f"| `closed-map` | `{name}` |" in row for row in rows)
    assert "cubes-inside" in text and "2 statements about whole maps, 8 assumptions" in whole_maps.summary(outcome)[0]

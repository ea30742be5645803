"""The page of the matrix: everything that was found is on it, nothing breaks out, the same bytes every time."""

import io
import re
from dataclasses import replace

import pytest
from markupsafe import escape
from rich.console import Console

from derivation.mutants import MUTANTS
from verify.breakmaps import MAPS
from verify.matrix import Need
from verify.necessity import MUTANT, Found, Outcome, Task, run, tasks
from verify.report.properties import NEEDS, markdown, render, result, summary, terminal, where

NAMES = ("alpha-closed-form", "alpha-closed-form-any-head")


@pytest.fixture(scope="module")
def outcome():
    return run(tasks(NAMES, "ci", 0), "ci", 0)


def test_the_page_has_every_hypothesis_with_its_counterexample_and_how_to_try_it_again(outcome):
    page = render(outcome)
    for stored in outcome.stored:
        assert f"gradcampp replay {stored.slug}" in page
    for need in NEEDS.values():
        assert need.replace("'", "&#39;") in page
    assert 'id="alpha-closed-form"' in page and "S(u) = 2 u, f(u) = u^2, sigma = 1, x = 0" in page
    assert "25 drawn cases meet every hypothesis and the claim holds in each" in page
    assert len(re.findall(r"<math", page)) >= 5 and "<code>\\" not in page


def test_every_counterexample_is_worked_out_on_the_page(outcome):
    page = render(outcome)
    assert page.count("<summary>Worked out</summary>") == len(outcome.stored) == 5
    assert "Hence the left side:" in page and "The hypotheses hold there:" in page
    assert not re.search(r"&lt;(p|math|ul)", page), "what is worked out is markup, not text"


def test_the_page_says_how_fast_planted_errors_are_seen(outcome):
    page = render(outcome)
    for mutant in (one for one in MUTANTS if one.claim == NAMES[0] and not {"lhs", "rhs"}.isdisjoint(one.changes)):
        assert f"<li>{escape(mutant.says)}: 1</li>" in page
    (said,) = re.findall(r"Of (\d+) errors planted by hand", summary(outcome)[-1])
    assert int(said) == len(outcome.of(MUTANT)) > 0
    missed = replace(outcome, found=outcome.found | {task: Found() for task in outcome.of(MUTANT)})
    assert "0 are seen" in summary(missed)[-1] and "not in 25" in render(missed)


def test_every_link_of_the_page_leads_somewhere(outcome):
    page = render(outcome)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(re.findall(r'id="([^"]+)"', page))


def test_a_break_map_is_drawn_into_the_page_with_what_it_says(outcome):
    drawn = MAPS[3]()
    page = render(outcome, [drawn])
    assert f'id="map-{drawn.name}"' in page and "data:image/png;base64," in page
    assert "measured points agree within the derived rounding errors" in page
    assert 'href="#maps"' in page and "Break maps" not in render(outcome)


def test_the_same_outcome_gives_the_same_bytes(outcome):
    assert render(outcome) == render(outcome) and markdown(outcome) == markdown(outcome)


def test_an_open_cell_says_how_many_cases_were_looked_at():
    outcome = Outcome("ci", 0, {Task("cell", "exp-power-rule", "exp-head"): Found(str(Need.OPEN), 17)})
    assert "17 cases were looked at" in render(outcome)
    assert "is open (1)" in summary(outcome)[0]


def test_the_summary_counts(outcome):
    first, second, third = summary(outcome)
    assert third.startswith("Of ") and " in the first, " in third
    assert "1 proved claim about Grad-CAM++, 4 hypotheses" in first
    assert "is false somewhere (2), has no value somewhere (2)" in first
    assert "25 drawn cases hold" in second and second.endswith("False as printed: 1 claim.")


def test_the_terminal_names_every_hypothesis_and_what_it_is_needed_for(outcome):
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(terminal(outcome))
    text = console.file.getvalue()
    assert "exp-head: false" in text and "slope-nonzero: no value" in text


def test_markdown_has_one_line_for_each_hypothesis(outcome):
    rows = [line for line in markdown(outcome).splitlines() if line.startswith("| `")]
    assert len(rows) == 4 and all(row.count(" | ") == 3 for row in rows)


def test_a_counterexample_is_told_in_two_phrases(outcome):
    stored = {each.slug: each for each in outcome.stored}
    assert result(stored["alpha-closed-form/without-exp-head"]) == "1/2 ≠ 1/4"
    assert result(stored["alpha-closed-form/without-no-pole"]).startswith("the divisor ")
    assert where(stored["alpha-closed-form/without-exp-head"]) == "S(u) = 2 u, f(u) = u^2, sigma = 1, x = 0"

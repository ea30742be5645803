"""Bar charts of what was drawn: every number is in words beside its bar, in order, and on the page."""

import re

import pytest

from derivation.claims import LIBRARY
from verify.drawn import HISTOGRAMS, Draws, draws
from verify.necessity import Found, Outcome, Task
from verify.report.histograms import HEIGHT, accepted, charts, ordered, path, total, words
from verify.report.properties import render

NAMES = ("alpha-closed-form", "alpha-curvature-correction", "kink-alpha-jump")


@pytest.fixture(scope="module")
def drawn():
    return [draws(LIBRARY[name], 12, 0) for name in NAMES]


def heights(outline):
    return [int(height) for height in re.findall(r"v-(\d+)h", outline)]


def test_bars_are_as_high_as_their_numbers_and_none_that_counts_is_invisible():
    assert heights(path([1, 2, 4])) == [HEIGHT // 4, HEIGHT // 2, HEIGHT]
    assert heights(path([1, 10_000])) == [1, HEIGHT] and heights(path([0, 3])) == [0, HEIGHT]


def test_decades_are_in_the_order_of_their_exponents_between_what_is_none():
    count = dict.fromkeys(("1e-2", "about 0", "1e1", "exact", "1e-10", "none", "1e0"), 1)
    assert list(ordered(count)) == ["none", "exact", "1e-10", "1e-2", "1e0", "1e1", "about 0"]
    assert list(ordered({"10": 1, "2": 1, "none": 1})) == ["none", "2", "10"]
    assert list(ordered({"several": 1, "relu": 1, "gelu": 1})) == ["gelu", "relu", "several"]


def test_the_totals_are_the_sums_of_all_claims(drawn):
    sums = total(drawn)
    judged = sum(each.held + each.undecided for each in drawn)
    assert list(sums) == list(HISTOGRAMS) and {sum(counts.values()) for counts in sums.values()} == {judged}
    assert total([]) == {name: {} for name in HISTOGRAMS} and charts(total([])) == []


def test_every_bar_has_its_number_in_words(drawn):
    for each in drawn:
        for chart in charts(each.counts):
            numbers = [int(word.rpartition(" ")[2]) for word in chart["words"].split(", ")]
            assert len(heights(chart["path"])) == len(numbers) and sum(numbers) == 12
            assert path(numbers) == chart["path"]


def test_a_histogram_with_nothing_to_tell_apart_is_left_out(drawn):
    assert [chart["name"] for chart in charts(drawn[2].counts)] == ["width"]
    assert [chart["name"] for chart in charts(drawn[0].counts)] == list(HISTOGRAMS)


def test_what_was_not_judged_and_what_was_worst_is_said(drawn):
    said = words(drawn[0])
    assert f"{drawn[0].rejected} more draws met not every hypothesis; {drawn[0].vacuous} were on a kink." in said
    assert f"at place {drawn[0].worst_at}: {drawn[0].worst}." in said
    assert words(Draws("a claim", rejected=2)).endswith("2 more draws met not every hypothesis; 0 were on a kink.")


def test_how_many_draws_were_accepted_is_said_in_total():
    some = [Draws("a", held=3, undecided=1), Draws("b", held=2, rejected=1, vacuous=1)]
    assert accepted(some) == (
        "Of 8 draws 1 met not every hypothesis and 1 were on a kink; of no claim did fewer than 50 % meet all."
    )
    assert accepted([]) == ""


def test_the_page_has_the_charts_of_each_claim_and_the_totals(drawn):
    found = {Task("drawn", each.claim, cases=12): Found(draws=each) for each in drawn}
    page = render(Outcome("ci", 0, found))
    shown = [chart for each in (total(drawn), *(each.counts for each in drawn)) for chart in charts(each)]
    assert page.count("<svg") == page.count('aria-hidden="true"') == len(shown) == 16
    assert all(chart["path"] in page and f"</b>: {chart['words']}</li>" in page for chart in shown)
    assert 'href="#drawn"' in page and page == render(Outcome("ci", 0, found))
    assert "<script" not in page and 'href="#drawn"' not in render(Outcome("ci", 0, {}))

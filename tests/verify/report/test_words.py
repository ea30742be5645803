import pytest

from verify.report.words import METHODS, VERDICTS, brief, counted, number, source_words
from verify.verdict import CERTIFYING, Verdict


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (3.14159e-16, "3.1 × 10⁻¹⁶"),
        (-2e10, "−2 × 10¹⁰"),
        (0.0, "0"),
        (0.31, "0.31"),
        (-0.5, "−0.5"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
        (float("nan"), "not a number"),
        (None, "–"),
    ],
)
def test_numbers_are_printed_as_a_book_does(value, printed):
    assert number(value) == printed


def test_numbers_are_typed_with_an_e():
    assert (brief(3.14159e-16), brief(None), brief(9.4812, 4)) == ("3.1e-16", "", "9.481")


def test_one_thing_is_not_plural():
    assert (counted(1, "claim"), counted([], "claim"), counted(2, "of it", "of them")) == (
        "1 claim",
        "0 claims",
        "2 of them",
    )


def test_a_source_without_a_place_or_without_a_name_is_still_named():
    assert source_words({"work": "gradcampp", "where": ""}) == "this project"
    assert source_words({"work": "knuth-1997", "where": "p. 7"}) == "knuth-1997, p. 7"


def test_every_verdict_has_a_meaning():
    assert set(VERDICTS) == set(Verdict)


def test_what_certifies_ranks_before_what_supports():
    assert set(list(METHODS)[: len(CERTIFYING)]) == CERTIFYING

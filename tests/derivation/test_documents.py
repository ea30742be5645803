"""The post as it was printed: every displayed formula, and every line of one, is covered by a claim."""

import re
from pathlib import Path

import pytest

from derivation.claims import CLAIMS
from derivation.claims.post import PAIR_FIRST, PAIR_NTH, PAIR_SECOND, SECOND_LINE

POST = (Path(__file__).parents[2] / "derivation" / "documents" / "post.md").read_text("utf-8")
BLOCKS = re.findall(r"\$\$\n(.*?)\n\$\$", POST, flags=re.DOTALL)
PRINTED = [claim for claim in CLAIMS if claim.source.work == "post"]
# What each block says, so that a block cannot be covered by a claim about another one.
MARKS = {
    1: r"\partial^2 S(x)",
    2: r"\frac{\partial Y}{\partial x}=\frac{\partial Y}{\partial S}",
    3: r"\times 0=",
    4: r"\partial^n Y",
    5: r"R_i^{(n-1)}",
}


def covering(number):
    return [claim.name for claim in PRINTED if claim.source.where == f"displayed formula {number}"]


def test_the_blocks_are_the_ones_that_claims_number():
    assert len(BLOCKS) == POST.count("$$") // 2 == len(MARKS)
    for number, block in enumerate(BLOCKS, 1):
        assert MARKS[number] in block


@pytest.mark.parametrize("number", MARKS)
def test_every_displayed_formula_is_covered_by_a_claim(number):
    assert covering(number)


@pytest.mark.parametrize(
    ("number", "equalities"), [(3, 2), (5, 4)], ids=["three expressions", "three lines, one with two equals signs"]
)
def test_a_formula_with_several_equals_signs_has_a_claim_for_each(number, equalities):
    assert BLOCKS[number - 1].count("=") == equalities
    assert len(covering(number)) >= equalities


@pytest.mark.parametrize("words", [SECOND_LINE.words, PAIR_FIRST, PAIR_SECOND, PAIR_NTH])
def test_every_line_is_the_words_of_a_claim(words):
    assert any(claim.source.words == words for claim in PRINTED)


def test_claims_cite_no_formula_that_the_post_does_not_have():
    cited = {int(n) for claim in PRINTED for n in re.findall(r"displayed formula (\d+)", claim.source.where)}
    assert cited == set(MARKS)


def test_every_claim_about_the_post_says_where_it_stands_and_quotes_it():
    for claim in PRINTED:
        assert claim.source.where and claim.source.words

"""What is asked about the post's constraints: each quotation is in the post, each claim about them is asked for."""

import re
from pathlib import Path

from derivation.claims import LIBRARY
from derivation.claims.constraints import CLAIMS
from derivation.constraints import CONSTRAINTS

POST = (Path(__file__).parents[2] / "derivation" / "documents" / "post.md").read_text("utf-8")
QUESTIONS = [question for constraint in CONSTRAINTS for question in constraint.questions]


def test_the_constraints_are_the_list_of_the_post_though_it_announces_two():
    listed = re.findall(r"^- (.*)$", POST, flags=re.M)
    assert listed == [constraint.words for constraint in CONSTRAINTS]
    assert "there are two main constraints" in POST and len(listed) == 3


def test_of_each_constraint_it_is_asked_whether_it_is_sufficient_and_whether_it_is_necessary():
    for constraint in CONSTRAINTS:
        assert {question.asks for question in constraint.questions} == {"sufficient", "necessary"}


def test_a_question_rests_on_claims_that_exist():
    assert {name for question in QUESTIONS for name in question.claims} <= LIBRARY.keys()


def test_every_claim_that_the_post_is_cited_for_answers_a_question():
    printed = {claim.name for claim in CLAIMS if claim.source.work == "post"}
    assert printed <= {name for question in QUESTIONS for name in question.claims}


def test_a_claim_answers_about_the_constraint_that_it_cites():
    for constraint in CONSTRAINTS:
        for name in (name for question in constraint.questions for name in question.claims):
            source = LIBRARY[name].source
            assert "constraint" not in source.where or source.where == f"{constraint.place} constraint"
            assert "constraint" not in source.where or source.words == constraint.words


def test_no_question_is_asked_twice():
    asked = [(constraint.place, q.asks, q.conclusion) for constraint in CONSTRAINTS for q in constraint.questions]
    assert len(set(asked)) == len(asked)

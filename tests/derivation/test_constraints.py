"""What is asked about the post's constraints: each quotation is in the post, each claim about them is asked for."""

import re
from pathlib import Path

from derivation.claims import LIBRARY
from derivation.claims.constraints import CLAIMS
from derivation.constraints import CONSTRAINTS
from derivation.proof import prove

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


# Proved, so yes; refuted, so no. Worked out by hand, so that a claim that answers another question is seen.
ANSWERS = {
    "first": {"sufficient": [False, False, True, False], "necessary": [False, False]},
    "second": {"sufficient": [False, False], "necessary": [False, False]},
    "third": {"sufficient": [False, False, True], "necessary": [False, False, True]},
}


def test_the_answers_are_those_that_were_worked_out_by_hand():
    for constraint in CONSTRAINTS:
        found = {"sufficient": [], "necessary": []}
        for question in constraint.questions:
            found[question.asks].append(all(prove(LIBRARY[name], LIBRARY).holds for name in question.claims))
        assert found == ANSWERS[constraint.place]


def test_a_claim_about_a_constraint_is_read_as_what_it_is_asked_for():
    for question in QUESTIONS:
        for reading in (LIBRARY[name].source.reading for name in question.claims if name.startswith("constraint-")):
            assert question.asks in reading

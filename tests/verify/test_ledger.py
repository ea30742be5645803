from dataclasses import replace

import pytest
from sympy import Le

from derivation.claims import CLAIMS, LIBRARY
from derivation.constraints import Constraint, Question
from verify import ledger
from verify.catalogue.networks import NETWORKS
from verify.errors import CorruptFile
from verify.verdict import Verdict

EXPECTED = ledger.read_expected()


def test_every_claim_and_every_network_has_a_recorded_standing():
    assert set(EXPECTED["claims"]) == {claim.name for claim in CLAIMS}
    assert set(EXPECTED["networks"]) == {network.name for network in NETWORKS}


def test_what_moved_is_named_with_before_and_after():
    found = {
        "claims": {
            **EXPECTED["claims"],
            "pair-nth": {**EXPECTED["claims"]["pair-nth"], "verdict": "UNDECIDED", "stands": False},
        },
        "networks": EXPECTED["networks"],
    }
    assert ledger.moved(found, EXPECTED) == [
        {
            "claim": "pair-nth",
            "expected": EXPECTED["claims"]["pair-nth"],
            "found": {**EXPECTED["claims"]["pair-nth"], "verdict": "UNDECIDED", "stands": False},
        }
    ]


def test_a_claim_that_is_new_or_gone_has_moved():
    fewer = {name: standing for name, standing in EXPECTED["claims"].items() if name != "pair-nth"}
    (gone,) = ledger.moved({**EXPECTED, "claims": fewer}, EXPECTED)
    (new,) = ledger.moved(EXPECTED, {**EXPECTED, "claims": fewer})
    assert (gone["found"], new["expected"]) == (None, None)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"schema": "other"}'])
def test_a_record_that_cannot_be_read_says_what_to_do(tmp_path, content):
    path = tmp_path / "ledger.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CorruptFile, match="--record"):
        ledger.read_expected(path)


@pytest.mark.parametrize("text", ["", "[]", '{"schema": "gradcampp-ledger/0"}'])
def test_what_is_no_ledger_is_refused(text):
    with pytest.raises(CorruptFile):
        ledger.loads(text)


def test_the_environment_names_every_package_that_a_figure_may_depend_on():
    packages = ledger.environment(0)["packages"]
    assert {"torch", "sympy", "python-flint", "hypothesis"} <= set(packages)
    assert packages["torch"].startswith("2.")


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        ({"a": Verdict.PROVED, "b": Verdict.PROVED}, "yes"),
        ({"a": Verdict.PROVED, "b": Verdict.REFUTED}, "no"),
        ({"a": Verdict.REFUTED}, "no"),
        ({"a": Verdict.PROVED}, "not tried"),
        ({"a": Verdict.PROVED, "b": Verdict.SUPPORTED}, "open"),
        ({"a": Verdict.UNDECIDED, "b": Verdict.PROVED}, "open"),
    ],
    ids=["all proved", "one refuted", "refuted, the rest not tried", "one not tried", "supported", "undecided"],
)
def test_a_question_about_a_constraint_is_answered_by_verdicts_alone(monkeypatch, found, answer):
    question = Question("necessary", "something", ("a", "b"))
    monkeypatch.setattr(ledger, "CONSTRAINTS", (Constraint("first", "Words.", (question,)),))
    (record,) = ledger.constraints(found)
    assert record["questions"][0]["answer"] == answer


def test_another_statement_under_the_same_name_moves():
    claim = LIBRARY["exp-power-rule"]
    others = [
        replace(claim, rhs=claim.rhs**2),
        replace(claim, relation=Le),
        replace(claim, given=claim.given[:1]),
        replace(claim, given=tuple(replace(h, at_point=True) for h in claim.given)),
    ]
    digests = [ledger.digest(each) for each in (claim, *others)]
    assert len(set(digests)) == len(digests)
    assert ledger.digest(replace(claim, says="Something else.", steps=())) == ledger.digest(claim)
    assert EXPECTED["claims"][claim.name]["statement"] == ledger.digest(claim)

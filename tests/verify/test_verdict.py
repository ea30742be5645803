import pytest

from verify.verdict import Contradiction, Evidence, Verdict, Witness, combine, stands

PROVED = Evidence("symbolic", Verdict.PROVED, "all", tried=1)
SUPPORTED = Evidence("exact", Verdict.SUPPORTED, "some", tried=3)
NOTHING = Evidence("autograd", Verdict.UNDECIDED, "none", note="nothing was tried")
REFUTED = Evidence("exact", Verdict.REFUTED, "one", tried=1, witness=Witness("x = 0", "2", "4"))
BEYOND = Evidence("autograd", Verdict.UNDECIDED, "some", residual=1.0, bound=1e-15, tried=3, note="differ")


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        ([PROVED, SUPPORTED, NOTHING], Verdict.PROVED),
        ([SUPPORTED, NOTHING], Verdict.SUPPORTED),
        ([NOTHING], Verdict.UNDECIDED),
        ([], Verdict.UNDECIDED),
        ([REFUTED, SUPPORTED], Verdict.REFUTED),
        ([SUPPORTED, BEYOND], Verdict.UNDECIDED),
        ([REFUTED, BEYOND], Verdict.REFUTED),
    ],
)
def test_the_strongest_evidence_decides(evidence, verdict):
    assert combine("claim", evidence) is verdict


@pytest.mark.parametrize("against", [REFUTED, BEYOND])
def test_a_proof_and_a_counterexample_contradict_each_other(against):
    with pytest.raises(Contradiction, match="claim is proved"):
        combine("claim", [PROVED, against])


def test_a_residual_that_is_no_number_exceeds_every_bound():
    assert Evidence("autograd", Verdict.UNDECIDED, "", residual=float("nan"), bound=1.0, note="?").exceeds


@pytest.mark.parametrize(
    "kwargs",
    [
        {"method": "autograd", "verdict": Verdict.PROVED, "tried": 1},
        {"method": "autograd", "verdict": Verdict.REFUTED, "tried": 1, "witness": Witness("", "", "")},
        {"method": "exact", "verdict": Verdict.REFUTED, "tried": 1},
        {"method": "exact", "verdict": Verdict.SUPPORTED, "tried": 0},
        {"method": "exact", "verdict": Verdict.UNDECIDED},
    ],
    ids=[
        "float proves",
        "float refutes",
        "refuted without witness",
        "supported by nothing",
        "undecided without reason",
    ],
)
def test_evidence_that_says_more_than_its_method_may_is_rejected(kwargs):
    with pytest.raises(ValueError):
        Evidence(case="", **kwargs)


def test_a_claim_stands_only_if_everything_it_uses_stands():
    uses = {"a": ("b",), "b": ("c",), "c": ()}
    proved = dict.fromkeys(uses, Verdict.PROVED)
    assert stands("a", proved, uses)
    assert not stands("a", {**proved, "c": Verdict.SUPPORTED}, uses)


def test_a_circular_proof_contradicts_itself():
    with pytest.raises(Contradiction, match="circular"):
        stands("a", {"a": Verdict.PROVED, "b": Verdict.PROVED}, {"a": ("b",), "b": ("a",)})

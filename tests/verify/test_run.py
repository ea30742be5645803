"""The suite as a whole: verdicts come out of it, and an error planted anywhere moves one."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial

import pytest

from derivation.claims import CLAIMS, LIBRARY
from derivation.hypotheses import slope
from derivation.notation import n, sigma
from verify import ledger, run
from verify.errors import UsageError

QUICK = ("symbolic", "exact", "enclosure")
EXPECTED = ledger.read_expected()


@pytest.fixture(scope="module")
def outcome():
    return run.suite(CLAIMS, QUICK, 0, expected=EXPECTED)


def test_a_run_without_floating_point_reaches_every_recorded_verdict(outcome):
    found = {record["name"]: ledger.standing(record) for record in outcome.document["claims"]}
    assert found == EXPECTED["claims"]
    assert outcome.moved == []


def test_nothing_is_undecided_without_a_reason(outcome):
    for record in outcome.document["claims"]:
        for piece in record["evidence"]:
            assert piece["verdict"] != "UNDECIDED" or piece["note"]


def test_every_refuted_claim_has_a_witness_and_a_correction(outcome):
    for record in outcome.document["claims"]:
        if record["verdict"] == "REFUTED":
            assert any(piece["witness"] for piece in record["evidence"])
            assert record["corrected_by"]


def test_a_proof_names_the_claims_that_a_link_appeals_to(outcome):
    by_name = {record["name"]: record for record in outcome.document["claims"]}
    appeals = [link["by"] for link in by_name["alpha-closed-form"]["proof"]["links"]]
    assert ["exp-power-rule"] in appeals
    assert by_name["alpha-closed-form"]["uses"] == ["exp-power-rule"]


PLANTED = {
    "the exponent of the power rule": ("exp-power-rule", {"rhs": LIBRARY["exp-power-rule"].rhs.subs(n, n + 1)}),
    "the 2 in alpha's denominator": (
        "alpha-closed-form",
        {"rhs": slope**2 / (slope**2 + sigma * slope**3), "steps": ()},
    ),
    "a hypothesis of the power rule": ("exp-power-rule", {"given": LIBRARY["exp-power-rule"].given[1:]}),
    "the square that the post lacks, put in": (
        "post-second-derivative-middle",
        {"rhs": LIBRARY["post-second-derivative-right"].rhs},
    ),
}


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_moves_its_verdict(monkeypatch, error):
    name, changes = PLANTED[error]
    monkeypatch.setitem(LIBRARY, name, replace(LIBRARY[name], **changes))
    found = run.suite([LIBRARY[name]], QUICK, 0, expected=EXPECTED)
    assert [change["claim"] for change in found.moved] == [name]


def test_a_proof_that_no_longer_goes_through_moves_even_when_only_proofs_are_run(monkeypatch):
    name, changes = PLANTED["the exponent of the power rule"]
    monkeypatch.setitem(LIBRARY, name, replace(LIBRARY[name], **changes))
    assert run.suite([LIBRARY[name]], ("symbolic",), 0, expected=EXPECTED).moved


def test_a_run_of_proofs_alone_moves_nothing():
    """Of a few of each verdict; `test_cli` runs the proofs of all."""
    some = CLAIMS[::8]
    found = run.suite(some, ("symbolic",), 0, expected=EXPECTED)
    assert found.moved == []
    assert {record["verdict"] for record in found.document["claims"]} == {"PROVED", "UNDECIDED"}


def test_processes_find_the_same_as_none():
    few = [LIBRARY[name] for name in ("post-first-derivative", "pair-nth", "alpha-closed-form-any-head")]
    here, one, two = (run.suite(few, QUICK, 0, jobs=jobs).document for jobs in (0, 1, 2))
    assert ledger.dumps(here) == ledger.dumps(one) == ledger.dumps(two)


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'exp-power-rule'"):
        run.chosen(["exp-powr-rule"], [])
    with pytest.raises(UsageError, match="did you mean 'symbolic'"):
        run.chosen([], ["symbolc"])


def test_every_task_is_reported_once():
    claims, seen = [LIBRARY["pair-nth"], LIBRARY["pair-second"]], []
    run.suite(claims, QUICK, 0, progress=seen.append)
    assert len(seen) == len(run.tasks(claims, QUICK, 0)) == 4


@pytest.mark.slow
def test_an_interrupt_leaves_no_process_and_no_file(tmp_path):
    command = [sys.executable, "-m", "verify", "--report", str(tmp_path / "report"), "--quiet"]
    # A shell that starts the tests in the background has everything below it ignore Ctrl-C.
    heard = partial(signal.signal, signal.SIGINT, signal.default_int_handler)
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heard)
    try:
        time.sleep(6)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    assert process.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert list((tmp_path / "report").iterdir()) == []
    deadline = time.monotonic() + 20
    while _alive(process.pid):
        assert time.monotonic() < deadline, "a process of the pool outlived the command"
        time.sleep(0.2)


def _alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_ledger_is_strict_json():
    text = ledger.dumps({"schema": ledger.SCHEMA, "numbers": [float("nan"), float("inf"), 1.5]})
    assert json.loads(text)["numbers"] == [None, None, 1.5]

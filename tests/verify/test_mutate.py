"""Planted errors are found, and a checker that is broken on purpose is found out by them."""

import json
from dataclasses import replace

import pytest
from sympy import Gt

import derivation.decide
import derivation.proof
from derivation.claim import Hypothesis
from derivation.claims import CLAIMS, LIBRARY
from derivation.hypotheses import AFFINE, EXP_HEAD
from derivation.mutants import MUTANTS, Mutant
from derivation.notation import S, f, sigma
from derivation.nth import nth
from verify import mutate
from verify.errors import UsageError
from verify.mutate import Fate, Finding, Origin, chosen, document, judge, planted, run
from verify.verdict import Evidence, Verdict, Witness


@pytest.fixture(autouse=True)
def _forget():
    """Forget what was worked out before, and what a broken checker has worked out."""
    derivation.decide.normal.cache_clear()
    yield
    derivation.decide.normal.cache_clear()
    mutate._planted_in.cache_clear()


def survivors(*names):
    claims = [LIBRARY[name] for name in names]
    return {s["mutant"]: s["why"] for s in document(run(claims, planted(claims)))["survivors"]}


# The checker as it is


def test_every_proved_claim_is_sound_and_every_planted_error_in_three_of_them_is_killed():
    claims = chosen(["exp-power-rule", "alpha-limit-zero-slope", "relu-second-derivative-off-kinks"])
    findings = run(claims, planted(claims))
    assert {f.fate for f in findings if f.origin is Origin.ITSELF} == {Fate.SOUND}
    found = document(findings)
    assert found["survivors"] == [] and found["mutants"] == found["killed"] > 30


def test_an_edit_that_is_none_is_set_apart():
    """With f = exp, f' for f changes nothing."""
    claims = chosen(["exp-power-rule"])
    findings = run(claims, planted(claims))
    (same,) = (f for f in findings if f.fate is Fate.EQUIVALENT)
    assert same.origin is Origin.EDITED and same.says.startswith("order plus 1: f(S(x))")
    found = document(findings)
    assert found["equivalent"] == 1 and found["mutants"] == len(planted(claims)) - 1


def test_what_is_undefined_without_a_hypothesis_is_undecided_and_counts_as_killed():
    claims = chosen(["alpha-closed-form-short"])
    findings = {f.mutant: f for f in run(claims, planted(claims))}
    pole = findings["alpha-closed-form-short/without-no-pole"]
    assert pole.fate is Fate.UNDECIDED and pole.why.startswith("not proved; ")


def test_two_processes_find_what_one_finds():
    claims = chosen(["post-first-derivative", "exp-power-rule"])
    errors, seen = planted(claims), []
    assert run(claims, errors) == run(claims, errors, jobs=2, progress=seen.append)
    assert len(seen) == len(claims) + len(errors)


@pytest.mark.parametrize(
    ("name", "fate"),
    [
        ("third-derivative", Fate.SURVIVOR),
        ("third-no-3", Fate.SURVIVOR),
        ("third-derivative/sign-1", Fate.UNDECIDED),
        ("affine-collapse/without-affine-along-line", Fate.UNDECIDED),
    ],
)
def test_what_hangs_is_no_kill_where_it_has_to_be_proved_or_refuted(monkeypatch, name, fate):
    monkeypatch.setattr(mutate, "LIMIT", 0.001)
    claims = chosen([{"third-no-3": "third-derivative"}.get(name, name.partition("/")[0])])
    planted_there = [mutant for mutant in planted(claims, everything=True) if mutant.name == name]
    finding = next(f for f in run(claims, planted_there, jobs=1) if f.mutant == name)
    assert finding.fate is fate and finding.why == "stopped after 0.001 s"


def test_all_claims_that_are_recorded_as_proved_are_chosen_and_what_is_proved_without_a_record(monkeypatch):
    """That they are proved, and no others, is what `test_run` compares."""
    recorded = mutate.ledger.read_expected()["claims"]
    proved = {name for name, record in recorded.items() if record["verdict"] == Verdict.PROVED}
    assert {claim.name for claim in chosen([])} == proved and 100 < len(proved) < len(CLAIMS)
    monkeypatch.setattr(mutate.ledger, "read_expected", lambda: {"claims": {}})
    assert [claim.name for claim in chosen(["exp-power-rule"])] == ["exp-power-rule"]
    with pytest.raises(UsageError, match="post-pair-nth is not proved"):
        chosen(["post-pair-nth"])


def test_what_is_not_proved_or_unknown_is_refused():
    with pytest.raises(UsageError, match="post-pair-nth is not proved"):
        chosen(["exp-power-rule", "post-pair-nth"])
    with pytest.raises(UsageError, match="did you mean 'exp-power-rule'"):
        chosen(["exp-power-rul"])


def test_where_there_are_too_many_edits_those_with_the_most_give_some_up_but_no_kind(monkeypatch):
    claims = chosen(["third-derivative", "post-first-derivative"])
    everything = planted(claims)
    monkeypatch.setattr(mutate, "EDITS", 30)
    fewer = planted(claims)
    assert planted(claims, everything=True) == everything
    assert [m for m in fewer if m.claim == "post-first-derivative"] == [
        m for m in everything if m.claim == "post-first-derivative"
    ]
    edits = [[m.name.rpartition("/")[2].rpartition("-")[0] for m in ms if "/" in m.name] for ms in (fewer, everything)]
    assert set(edits[0]) == set(edits[1]) and len(edits[0]) <= 30 < len(edits[1])


# A broken prover is found out: what it proves wrongly survives

proof, decide = derivation.proof, derivation.decide


def spoil(patch, spoilt):
    """Let every link of a proof that is an equation be decided by `spoilt`, made from what decides it."""
    broken = spoilt(decide.is_zero)
    patch.setattr(proof, "is_zero", broken)
    patch.setattr(decide, "is_zero", broken)


def always_zero(patch):
    spoil(patch, lambda right: lambda expr, given=(): True)


def zero_or_undecided(patch):
    """Take what is not decided for zero."""
    spoil(patch, lambda right: lambda expr, given=(): right(expr, given) is not False)


def without_divisors(patch):
    for room in (decide, proof):
        patch.setattr(room, "is_defined", lambda expr, given: True)


def any_hypothesis_clears_any_divisor(patch):
    patch.setattr(decide, "_divides", lambda base, known, given: True)


def with_hypotheses_of_its_own(*invented):
    def broken(patch):
        right = decide.normal

        def wrong(expr, given):
            return right(expr, (*given, *invented) if expr.has(S, f, nth(f)) else given)

        for room in (decide, proof):
            patch.setattr(room, "normal", wrong)

    return broken


def appeals_without_hypotheses(patch):
    right = proof._instance
    trusting = {name: replace(claim, given=()) for name, claim in LIBRARY.items()}
    patch.setattr(proof, "_instance", lambda use, given, library: right(use, given, trusting))


def circles_allowed(patch):
    patch.setattr(proof, "_demand_founded", lambda claim, library, path: None)


def any_cases_will_do(patch):
    patch.setattr(proof, "_demand_exhaustive", lambda claim: None)


def half_an_induction(place):
    def broken(patch):
        right = proof._induction
        patch.setattr(proof, "_induction", lambda claim, n: (right(claim, n)[place],))

    return broken


BROKEN = {
    "everything is zero": (always_zero, {"third-no-3", "second-sign", "second-derivative/sign-1"}),
    "what is undecided is zero": (zero_or_undecided, {"third-no-3", "second-derivative/squared-1"}),
    "divisors are ignored": (
        without_divisors,
        {"alpha-closed-form-short/without-slope-nonzero", "alpha-closed-form-short/without-no-pole"},
    ),
    "any hypothesis clears any divisor": (
        any_hypothesis_clears_any_divisor,
        {"alpha-closed-form-short/without-slope-nonzero", "alpha-closed-form-short/without-no-pole"},
    ),
    "every tail is affine": (
        with_hypotheses_of_its_own(AFFINE),
        {"second-no-curvature", "affine-collapse/without-affine-along-line"},
    ),
    "every head is the exponential": (
        with_hypotheses_of_its_own(EXP_HEAD),
        {"second-orders-swapped", "post-exp-own-derivative/without-exp-head"},
    ),
    "an appeal needs no hypothesis": (
        appeals_without_hypotheses,
        {"pair-nth/without-layer-affine", "post-pair-nth-of-first/without-layer-affine"},
    ),
    "a claim may prove itself": (circles_allowed, {"power-rule-by-itself"}),
    "cases may leave something out": (any_cases_will_do, {"unit-one-branch-left-out", "unit-active-claimed-twice"}),
    "induction starts anywhere": (half_an_induction(1), {"collapse-step-alone"}),
    "induction goes nowhere": (half_an_induction(0), {"collapse-start-alone"}),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_prover_is_found_out(monkeypatch, fault):
    broken, expected = BROKEN[fault]
    hand = {mutant.name: mutant.claim for mutant in MUTANTS}
    claims = dict.fromkeys(hand.get(name, name.partition("/")[0]) for name in sorted(expected))
    broken(monkeypatch)
    assert expected <= survivors(*claims).keys()


def test_a_false_survivor_is_shown_with_its_counterexample(monkeypatch):
    always_zero(monkeypatch)
    assert survivors("second-derivative")["second-sign"].startswith("proved, but false: S(u) = ")


def test_a_prover_that_proves_nothing_kills_nothing(monkeypatch):
    spoil(monkeypatch, lambda right: lambda expr, given=(): None)
    assert "what is planted in it shows nothing" in survivors("exp-power-rule")["exp-power-rule"]


# So is a broken refuter, and what is wrong with the table or the ledger


def test_an_error_by_hand_that_nothing_refutes_is_no_error(monkeypatch):
    nothing = Evidence("exact", Verdict.UNDECIDED, "none", note="asleep")
    for method in ("enclosure", "exact"):
        monkeypatch.setattr(mutate, method, lambda claim: nothing)
    found = survivors("pair-nth")
    assert found["pair-nth-no-power"] == "nothing refutes it: no error was planted (asleep)"
    assert "pair-nth/squared-1" not in found


def test_a_true_statement_in_the_table_is_no_error():
    true = Mutant("the-same-again", "pair-nth", "nothing", {"says": "The same."})
    finding = judge(true, Origin.HAND)
    assert finding.fate is Fate.SURVIVOR and finding.why == "proved, and nothing refutes it"


def test_a_true_claim_that_is_refuted_is_named(monkeypatch):
    wrong = Evidence("exact", Verdict.REFUTED, "one", tried=1, witness=Witness("x = 0", "1", "2"))
    monkeypatch.setattr(mutate, "enclosure", lambda claim: wrong)
    assert survivors("pair-nth")["pair-nth"] == "proved, but false: x = 0: 1 ≠ 2"


def test_a_needless_hypothesis_is_named(monkeypatch):
    needless = Hypothesis("footprint-positive", "sigma is positive", Gt(sigma, 0, evaluate=False))
    claim = LIBRARY["pair-first-nth"]
    monkeypatch.setitem(mutate.LIBRARY, claim.name, replace(claim, given=(*claim.given, needless)))
    mutate._planted_in.cache_clear()
    assert survivors(claim.name) == {
        "pair-first-nth/without-footprint-positive": "proved without it: the hypothesis is needless"
    }


def test_a_crash_names_the_planted_error(monkeypatch):
    def crash(claim):
        raise ZeroDivisionError("broken")

    monkeypatch.setattr(mutate, "enclosure", crash)
    with pytest.raises(RuntimeError, match="pair-nth: ZeroDivisionError: broken"):
        survivors("pair-nth")


def test_the_numbers_add_up():
    def finding(fate, origin=Origin.EDITED):
        return Finding(f"{fate}-{origin}", "claim", "says", origin, fate, "why")

    mixed = [finding(fate) for fate in (Fate.REFUTED, Fate.UNDECIDED, Fate.EQUIVALENT, Fate.SURVIVOR)]
    itself = [finding(Fate.SOUND, Origin.ITSELF), finding(Fate.SURVIVOR, Origin.ITSELF)]
    found = document([*mixed, *itself])
    assert (found["mutants"], found["killed"], found["equivalent"], len(found["survivors"])) == (3, 2, 1, 2)


# The command


def test_json_is_the_numbers_and_nothing_else(gradcampp):
    found = gradcampp("mutate", "--claim", "post-first-derivative", "--jobs", "1", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    numbers = json.loads(found.stdout)
    assert list(numbers) == ["mutants", "killed", "equivalent", "survivors"]
    assert numbers["mutants"] == numbers["killed"] == 12 and numbers["survivors"] == []


def test_the_table_shows_both_numbers_and_every_planted_error_if_asked(gradcampp):
    short = gradcampp("mutate", "--claim", "alpha-closed-form-short", "--jobs", "1", COLUMNS="80")
    assert short.returncode == 0
    assert (
        "refuted, 2 undecided) and 0 survive" in " ".join(short.stdout.split()) and "short-1-for-2" not in short.stdout
    )
    full = gradcampp("mutate", "--claim", "alpha-closed-form-short", "--jobs", "1", "--verbose", COLUMNS="200")
    assert "short-1-for-2" in full.stdout and "alpha-closed-form-short/sign-1" in full.stdout


def test_a_survivor_is_status_1_and_named(gradcampp, monkeypatch):
    # In this process, where the prover is spoilt; others would have a sound one.
    always_zero(monkeypatch)
    right = mutate.run
    monkeypatch.setattr(
        mutate, "run", lambda claims, mutants, jobs, progress: right(claims, mutants, progress=progress)
    )
    found = gradcampp("mutate", "--claim", "post-first-derivative", "--jobs", "1", "--json")
    assert found.returncode == 1
    numbers = json.loads(found.stdout)
    assert numbers["killed"] == 0 and len(numbers["survivors"]) == numbers["mutants"]
    assert "survivor: chain-rule-no-slope (no slope): proved, but false: " in found.stderr


def test_a_claim_that_is_not_proved_is_status_2(gradcampp):
    found = gradcampp("mutate", "--claim", "post-pair-nth")
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("gradcampp: post-pair-nth is not proved") and found.stderr.count("\n") == 1


@pytest.mark.slow
def test_no_planted_error_survives(gradcampp, monkeypatch):
    """All by hand, all dropped hypotheses, and of the edits, which the command tries in full, some of every kind."""
    monkeypatch.setattr(mutate, "EDITS", 300)
    claims = chosen([])
    errors = [mutant.name for mutant in planted(claims)]
    by_hand = {mutant.name for mutant in MUTANTS}
    dropped = {f"{claim.name}/without-{hypothesis.name}" for claim in claims for hypothesis in claim.given}
    assert by_hand | dropped <= set(errors) and 150 < len(errors) - len(by_hand | dropped) <= 300
    found = gradcampp("mutate", "--json")
    numbers = json.loads(found.stdout)
    assert found.returncode == 0, numbers["survivors"]
    assert numbers["mutants"] == numbers["killed"] == len(errors) - numbers["equivalent"]

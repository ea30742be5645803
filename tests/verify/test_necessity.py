"""A run of the search: what it does, that it goes on where it stopped, and that what moved is said."""

import json
from dataclasses import replace

import pytest

from derivation.claims import LIBRARY
from derivation.hypotheses import slope
from derivation.notation import sigma
from verify import ledger, map_run, necessity, replay
from verify.drawn import FalseCase
from verify.errors import UsageError
from verify.matrix import Need
from verify.necessity import MUTANT, Found, Outcome, Task, moved, record, run, tasks

NAMES = ("exp-power-rule", "alpha-closed-form-any-head")


@pytest.fixture(scope="module")
def outcome():
    return run(tasks(NAMES, "ci", 0), "ci", 0)


def test_the_work_is_every_hypothesis_every_refuted_claim_and_draws_of_every_proved_one():
    work = tasks((), "ci", 0)
    proved = [name for name, record in ledger.read_expected()["claims"].items() if record["verdict"] == "PROVED"]
    assert sum(task.kind == "cell" for task in work) == sum(len(LIBRARY[name].given) for name in proved)
    assert sum(task.kind == "drawn" for task in work) == len(proved)
    assert sum(task.kind == "printed" for task in work) == len(LIBRARY) - len(proved)
    assert {task.cases for task in tasks((), "long", 0) if task.kind == "drawn"} == {10_000}
    assert {task.cases for task in tasks((), "long", 0) if task.kind == MUTANT} == {25}


def test_nearly_every_error_planted_in_a_claims_sides_is_seen_in_drawn_cases():
    work = [task for task in tasks((), "ci", 0) if task.kind == MUTANT]
    firsts = [found.first for found in run(work, "ci", 0).found.values()]
    assert len(work) > 250 and sum(map(bool, firsts)) > 0.95 * len(work)
    assert sum(first == 1 for first in firsts) > len(work) / 2


def test_statements_about_whole_maps_are_part_of_a_whole_run_and_can_be_asked_for_alone():
    assert {task.kind for task in tasks((), "ci", 0)} >= set(map_run.KINDS)
    work = tasks(("closed-map",), "dev", 7)
    assert [task.name for task in work if task.kind == "planted"] == [
        "closed-map/with-sigmoid-sign",
        "closed-map/with-sigmoid-second-sign",
        "closed-map/with-three-for-two",
        "closed-map/with-cubes-inside",
    ]
    assert sum(task.kind == "map-cell" for task in work) == 6 and {task.claim for task in work} == {"closed-map"}
    assert {(task.kind == "planted", task.cases, task.seed) for task in work} == {(True, 25, 7), (False, 300, 7)}


def test_a_run_about_maps_goes_on_where_it_stopped(tmp_path, monkeypatch):
    work, kept = tasks(("footprint-outside", "closed-map"), "ci", 0), tmp_path / "kept"
    before = run(work, "ci", 0, kept=kept)
    monkeypatch.setattr(necessity, "_carry_out", lambda task: pytest.fail(f"{task.name} was done before"))
    assert run(work, "ci", 0, kept=kept) == before and moved(before) == []


def test_an_unknown_claim_or_profile_is_refused():
    with pytest.raises(UsageError, match="did you mean 'exp-power-rule'"):
        tasks(("exp-power-rul",), "ci", 0)
    with pytest.raises(UsageError, match="no profile is called 'night'"):
        tasks((), "night", 0)


def test_each_task_is_answered(outcome):
    assert [task.name for task in outcome.found] == [
        "exp-power-rule/without-affine-along-line",
        "exp-power-rule/without-exp-head",
        "alpha-closed-form-any-head/printed",
        "exp-power-rule/drawn",
        *(f"exp-power-rule/with-{task.hypothesis}" for task in outcome.of(MUTANT)),
    ]
    assert len(outcome.of(MUTANT)) == 6 and all(1 <= found.first <= 3 for found in outcome.of(MUTANT).values())
    assert {found.need for found in outcome.of("cell").values()} == {"false"}
    assert next(iter(outcome.of("drawn").values())).draws.held == 25
    assert outcome.faults == [] and len(outcome.stored) == 3


def test_two_processes_find_what_one_finds(outcome):
    work, seen = tasks(NAMES, "ci", 0), []
    assert run(work, "ci", 0, jobs=2, progress=seen.append) == outcome
    assert sorted(seen) == sorted(task.name for task in work)


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch, outcome):
    work, kept, right = tasks(NAMES, "ci", 0), tmp_path / "kept", necessity._carry_out
    calls = []

    def interrupted(task):
        calls.append(task)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return right(task)

    monkeypatch.setattr(necessity, "_carry_out", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(work, "ci", 0, kept=kept)
    with open(kept, "a") as file:
        file.write('{"task": "torn')
    calls.clear()
    monkeypatch.setattr(necessity, "_carry_out", lambda task: calls.append(task) or right(task))
    assert run(work, "ci", 0, kept=kept) == outcome and len(calls) == len(work) - 2


def test_what_another_program_left_is_not_believed(tmp_path, monkeypatch, outcome):
    work, kept = tasks(NAMES[:1], "ci", 0), tmp_path / "kept"
    run(work, "ci", 0, kept=kept)
    monkeypatch.setattr(necessity, "program", lambda: "another")
    seen = []
    right = necessity._carry_out
    monkeypatch.setattr(necessity, "_carry_out", lambda task: seen.append(task) or right(task))
    run(work, "ci", 0, kept=kept)
    assert seen == work and kept.read_text().startswith("another\n")


def test_what_was_stopped_is_tried_again(tmp_path, monkeypatch):
    work, kept, seen = tasks(NAMES[:1], "ci", 0)[:1], tmp_path / "kept", []
    monkeypatch.setattr(necessity, "_carry_out", lambda task: seen.append(task) or Found(str(Need.OPEN)))
    run(work, "ci", 0, kept=kept)
    run(work, "ci", 0, kept=kept)
    assert seen == work * 2


def test_what_is_needless_or_open_is_a_fault():
    faults = Outcome(
        "ci",
        0,
        {
            Task("cell", "exp-power-rule", "exp-head"): Found(str(Need.NEEDLESS)),
            Task("printed", "alpha-closed-form-any-head"): Found(str(Need.OPEN)),
        },
    ).faults
    assert faults == [
        "exp-power-rule/without-exp-head is proved without it: the hypothesis is needless",
        "alpha-closed-form-any-head/printed is open: nothing was found",
    ]
    assert necessity._stopped(Task("cell", "exp-power-rule", "exp-head")).need == "open"


def test_what_is_not_stored_or_stored_otherwise_is_said(tmp_path, outcome):
    assert moved(outcome) == []
    first, *others = outcome.stored
    for stored in others:
        replay.write(stored, tmp_path)
    assert moved(outcome, tmp_path) == [f"{first.slug} is not stored"]
    path = replay.write(first, tmp_path)
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "versions": {"sympy": "another"}}))
    assert moved(outcome, tmp_path) == []
    path.write_text(json.dumps({**document, "lhs": "7"}))
    assert moved(outcome, tmp_path) == [f"{first.slug} is stored otherwise"]


def test_a_run_of_some_claims_is_not_recorded(tmp_path, outcome):
    with pytest.raises(UsageError, match="--record needs a run of all claims"):
        record(outcome, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_record_keeps_what_did_not_change_and_drops_what_is_no_more(tmp_path, monkeypatch, outcome):
    monkeypatch.setattr(necessity, "tasks", lambda names, profile, seed: list(outcome.found))
    record(outcome, tmp_path)
    assert set(replay.slugs(tmp_path)) == {stored.slug for stored in outcome.stored}
    path = tmp_path / "exp-power-rule.without-exp-head.json"
    older = path.read_text().replace('"sympy": "', '"sympy": "0.')
    path.write_text(older)
    (tmp_path / "gone.as-printed.json").write_text("{}")
    record(outcome, tmp_path)
    assert path.read_text() == older and "gone/as-printed" not in replay.slugs(tmp_path)


@pytest.fixture
def false_library(monkeypatch):
    """Plant 3 for 2 in the closed form, for as long as the test runs."""
    claim = LIBRARY["alpha-closed-form"]
    planted = replace(claim, rhs=slope**2 / (3 * slope**2 + sigma * slope**3))
    monkeypatch.setattr(necessity, "LIBRARY", {**LIBRARY, claim.name: planted})
    return [Task("drawn", claim.name, cases=25, seed=4)]


def test_a_drawn_case_in_which_a_claim_is_false_is_kept_and_tried_first_the_next_time(
    tmp_path, monkeypatch, false_library
):
    kept = tmp_path / ".properties.jsonl"
    with pytest.raises(FalseCase) as met:
        run(false_library, "ci", 4, kept=kept)
    (line,) = (tmp_path / ".properties.failures.jsonl").read_text().split("\n\n")
    assert json.loads(line)["case"] == ["alpha-closed-form", 4, met.value.place]
    # another program, another seed, and nothing else is looked at
    monkeypatch.setattr(necessity, "program", lambda: "another")
    monkeypatch.setattr(necessity, "_carry_out", lambda task: pytest.fail("something else was tried first"))
    with pytest.raises(FalseCase) as again:
        run([Task("drawn", "alpha-closed-form", cases=300, seed=9)], "dev", 9, kept=kept)
    assert str(again.value) == str(met.value)


def test_a_claim_that_was_mended_passes_and_what_was_found_is_kept_once(tmp_path, monkeypatch, false_library):
    kept, found = tmp_path / ".properties.jsonl", tmp_path / ".properties.failures.jsonl"
    for _ in range(2):
        with pytest.raises(FalseCase):
            run(false_library, "ci", 4, kept=kept)
    before = found.read_text()
    found.write_text(before + '{"case": ["torn')
    monkeypatch.setattr(necessity, "LIBRARY", LIBRARY)
    done = run(false_library, "ci", 4, kept=kept)
    assert done.found[false_library[0]].draws.held == 25
    assert before.count("alpha-closed-form is proved") == 1


def test_a_case_found_by_another_process_is_kept_as_well(tmp_path, monkeypatch):
    failure = FalseCase("it is false", "exp-power-rule", 1, 2)

    def stopped(*_, **__):
        raise failure
        yield

    monkeypatch.setattr(necessity, "spread", stopped)
    with pytest.raises(FalseCase):
        run(tasks(NAMES[:1], "ci", 0), "ci", 0, jobs=2, kept=tmp_path / "kept")
    assert '["exp-power-rule", 1, 2]' in (tmp_path / "kept.failures.jsonl").read_text()

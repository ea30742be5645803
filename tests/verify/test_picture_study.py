"""The study: which pictures, sums that are right, errors that are seen, and a run that goes on where it stopped."""

import dataclasses
import json

import pytest

import cam.maps
from verify import picture_study
from verify.catalogue.viewed import EXPERIMENTS, FORMS
from verify.errors import Fault, UsageError
from verify.intervals import bootstrapped_median, wilson
from verify.picture_compare import Compared
from verify.picture_study import (
    DIFFERS,
    OPEN,
    SAME,
    Outcome,
    Task,
    document,
    is_enough,
    moved,
    record,
    recorded,
    run,
    tasks,
    verdict,
    worst,
)

NAMES = ("digits-relu", "digits-gelu-after")
PLAIN = Compared(1.0, 1.0, 2e-16, False, 1e-13, (False, False), (0, 0), 0, 100)
APART = Compared(-0.5, 0.25, 0.75, True, None, (False, True), (0, 30), 30, 100)


def few(count=3):
    return [task for task in tasks("ci", NAMES) if task.number < count]


@pytest.fixture(scope="module")
def outcome():
    return run(few(), "ci", 0)


def of(found, name="digits-gelu"):
    """Return an outcome in which an experiment has these results under every form."""
    return Outcome(
        "ci", 0, {Task(name, k): dict.fromkeys((f.name for f in FORMS), each) for k, each in enumerate(found)}
    )


def test_every_profile_tries_every_experiment_and_only_ci_is_short_of_what_may_be_quoted():
    for profile, (digits, views) in picture_study.PROFILES.items():
        work = tasks(profile)
        assert {task.experiment for task in work} == {each.name for each in EXPERIMENTS}
        counted = {name: sum(task.experiment == name for task in work) for name in ("lite0", "digits-gelu")}
        assert counted == {"lite0": 5 * views, "digits-gelu": digits}
        assert is_enough(Outcome(profile, 0, dict.fromkeys(work))) is (profile != "ci")
    assert not is_enough(Outcome("dev", 0, dict.fromkeys(tasks("dev", NAMES))))


def test_rounding_is_watched_on_every_piecewise_linear_tail_and_once_on_every_curved_one():
    watched = {task for task in tasks("dev", NAMES) if task.watched}
    assert watched == {Task("digits-relu", k) for k in range(100)} | {Task("digits-gelu-after", 0)}
    assert all(task.watched is (task.experiment == "digits-relu") for task in tasks("ci", NAMES))


def test_an_unknown_profile_or_experiment_is_refused():
    with pytest.raises(UsageError, match="no profile is called 'night'"):
        tasks("night")
    with pytest.raises(UsageError, match="did you mean 'digits-gelu'"):
        tasks("ci", ["digits-gel"])


def test_the_piecewise_linear_network_has_one_map_where_the_form_fits_and_the_curved_one_has_two(outcome):
    verdicts = {(row.experiment, row.form): row.verdict for row in outcome.rows}
    assert verdicts == {
        ("digits-relu", "exp-printed"): SAME,
        ("digits-relu", "sigmoid-printed"): DIFFERS,
        ("digits-relu", "sigmoid-any-head"): SAME,
        **{("digits-gelu-after", form.name): DIFFERS for form in FORMS},
    }
    assert outcome.faults == []
    assert [row.certified for row in outcome.rows] == [True] * 3 + [False] * 3


@pytest.mark.parametrize("number", [3, 1])
def test_another_number_than_2_in_the_closed_form_is_a_fault(monkeypatch, number):
    monkeypatch.setattr(cam.maps, "alpha_closed", lambda g, sigma, rho: 1 / (number + rho * sigma * g))
    found = run(few(1)[:1], "ci", 0)
    assert len(found.faults) == 2 and found.faults[0].startswith("digits-relu, exp-printed: the tail is piecewise")


def test_two_maps_that_are_swapped_between_pictures_are_a_fault(monkeypatch):
    right, kept = cam.maps.weighed, []

    def late(A, c, derivatives, outer, weights):
        found = right(A, c, derivatives, outer, weights)
        if weights == "closed":
            return found
        kept.append(found.map)
        return dataclasses.replace(found, map=kept[max(0, len(kept) - 1 - len(FORMS))])

    monkeypatch.setattr(cam.maps, "weighed", late)
    assert len(run(few(2)[:2], "ci", 0).faults) == 2


def test_rows_sum_up_what_was_found():
    found = [PLAIN, APART, dataclasses.replace(APART, rank=0.0, moved=False, empty=(True, False)), None]
    row = of(found).rows[0]
    assert (row.images, row.groups, row.without) == (4, 3, 1)
    assert row.rank == bootstrapped_median([[1.0], [-0.5], [0.0]], 0) and row.rank_worst == -0.5
    assert row.overlap.value == 0.25 and row.difference.value == row.difference_worst == 0.75
    assert row.moved == wilson(1 / 3, 3)
    assert (row.empty, row.poles, row.beyond, row.turned) == ((1, 1), (0, 2), (0, 0.2), 0.2)
    assert row.verdict == DIFFERS and not row.certified


def test_views_of_one_photograph_are_one_group():
    found = [dataclasses.replace(PLAIN, rank=k / 10, moved=k < 5) for k in range(10)]
    row = of(found, "lite0").rows[0]
    assert (row.images, row.groups) == (10, 5)
    assert row.rank == bootstrapped_median([[k / 10, (k + 5) / 10] for k in range(5)], 0)
    assert row.moved == wilson(0.5, 5)
    lacking = of([*found[:9], None], "lite0").rows[0]
    groups = [[k / 10, (k + 5) / 10] for k in range(4)] + [[0.4]]
    assert (lacking.without, lacking.rank) == (1, bootstrapped_median(groups, 0))


def test_no_picture_with_two_maps_is_a_fault():
    with pytest.raises(Fault, match="no picture has two finite maps"):
        of([None, None]).rows  # noqa: B018


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([PLAIN], SAME),
        ([PLAIN, dataclasses.replace(PLAIN, difference=2e-13)], DIFFERS),
        ([PLAIN, dataclasses.replace(PLAIN, bound=float("inf"))], OPEN),
        ([PLAIN, dataclasses.replace(PLAIN, bound=None)], OPEN),
        ([APART], DIFFERS),
        ([dataclasses.replace(PLAIN, bound=None, difference=1 / 300)], OPEN),
    ],
)
def test_maps_are_the_same_only_where_a_bound_says_so_on_every_picture(found, says):
    assert verdict(found) == says


def test_two_processes_find_what_one_finds(outcome):
    seen = []
    assert run(few(), "ci", 0, jobs=2, progress=seen.append).found == outcome.found
    assert sorted(seen) == sorted(task.name for task in few())


def test_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch, outcome):
    kept, right, calls = tmp_path / "kept", picture_study._carry_out, []

    def interrupted(task):
        calls.append(task)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return right(task)

    monkeypatch.setattr(picture_study, "_carry_out", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(few(), "ci", 0, kept=kept)
    calls.clear()
    monkeypatch.setattr(picture_study, "_carry_out", lambda task: calls.append(task) or right(task))
    assert run(few(), "ci", 0, kept=kept).found == outcome.found and len(calls) == len(few()) - 2
    calls.clear()
    monkeypatch.setattr(picture_study, "program", lambda: "another")
    run(few(1), "ci", 0, kept=kept)
    assert calls == few(1)


def test_the_worst_picture_is_the_one_with_the_lowest_rank_correlation(outcome):
    found = worst(outcome, "digits-gelu-after", FORMS[0])
    compared = outcome.of("digits-gelu-after", FORMS[0].name)
    assert compared[found.number].rank == min(each.rank for each in compared.values()) == found.compared.rank
    assert found.seen.shape == (1, 8, 8) and found.closed.shape == found.exact.shape == (6, 6)
    assert abs(found.closed - found.exact).max() == found.compared.difference


def test_what_is_recorded_is_rounded_and_reads_back(tmp_path, monkeypatch, outcome):
    with pytest.raises(UsageError, match="--profile dev or long"):
        record(outcome, tmp_path / "picture.json")
    monkeypatch.setattr(picture_study, "is_enough", lambda _: True)
    record(outcome, tmp_path / "picture.json")
    found = recorded(tmp_path / "picture.json")
    assert found == json.loads(json.dumps(document(outcome)))
    first = found["rows"][0]
    assert first["difference_worst"] == 0 and first["rank"] == {"value": 1, "low": 1, "high": 1}
    assert moved(outcome, tmp_path / "picture.json") == []


def test_a_verdict_that_moved_is_said(tmp_path, monkeypatch, outcome):
    path = tmp_path / "picture.json"
    found = document(outcome)
    found["rows"][0]["verdict"] = DIFFERS
    path.write_text(json.dumps({**found, "rows": found["rows"][:-1]}))
    assert moved(outcome, path) == [
        "digits-relu, exp-printed: the maps were recorded as differs, now they are same",
        "digits-gelu-after, sigmoid-any-head: the maps were recorded as never compared, now they are differs",
    ]


def test_what_is_recorded_is_of_all_experiments_and_enough_pictures():
    found = recorded()
    assert {(row["experiment"], row["form"]) for row in found["rows"]} == {
        (each.name, form.name) for each in EXPERIMENTS for form in FORMS
    }
    digits, views = picture_study.PROFILES[found["profile"]]
    assert digits >= picture_study.ENOUGH
    assert {row["images"] for row in found["rows"]} == {digits, 5 * views}

"""A row of the benchmark: its keys, its numbers with a clock that is made up, and planted faults."""

import json
from mmap import PAGESIZE, mmap

import pytest
import torch

from verify.bench import gains, row
from verify.bench.arithmetic import per_line
from verify.bench.peers import NOT_RUN, PEERS, REFERENCE, Peer
from verify.bench.row import NAMES, How, measure
from verify.bench.timing import gemm_rate, paired, peak, reset_peak, resident

from .clock import Clock

KEYS = [
    "workload",
    "dtype",
    "ms_per_entry",
    "whole_map_s",
    "peak_extra_mib",
    "speedup_over_nested_autograd",
    "times_gemm_limit",
    "max_error",
]
RATE = 1e9
SMALL = How(rounds=1, small=True)


@pytest.fixture(autouse=True)
def known_rate(monkeypatch):
    monkeypatch.setattr(row, "gemm_rate", lambda dtype, clock: RATE)


@pytest.mark.parametrize("name", NAMES)
def test_a_row_has_the_keys_and_can_be_written_down(name):
    found = measure(NAMES[name], "float64", SMALL, Clock())
    assert list(found)[: len(KEYS)] == KEYS
    assert json.loads(json.dumps(found)) == found
    assert 0 < found["max_error"] < 1e-13
    asked = {peer.name for peer in PEERS if found["peers_ms_per_entry"][peer.name] != NOT_RUN}
    assert REFERENCE.name in asked
    for key in ("peers_speedup", "peers_difference", "peers_entries"):
        assert {name for name, value in found[key].items() if value != NOT_RUN} == asked
    assert all(found["peers_difference"][name] < 1e-13 for name in asked)
    assert (found["times_gemm_limit"] is None) is (found["within_rule"] is not None) is (not NAMES[name].curved)


def test_numbers_follow_from_times():
    found = measure(NAMES["T1"], "float64", How(rounds=3, small=True), Clock())
    lines = found["lines"]
    assert lines == found["entries_timed"] == 24
    assert found["ms_per_entry"] == pytest.approx(500 / lines, rel=1e-3)
    assert found["whole_map_s"] == pytest.approx(0.5 + 0.5, rel=1e-3)  # the plan and the map
    assert found["peers_ms_per_entry"][REFERENCE.name] == 500 / REFERENCE.entries
    assert found["speedup_over_nested_autograd"] == pytest.approx(lines / REFERENCE.entries, rel=1e-3)
    # Three of four entries lose their pool: autograd is asked for them all the same.
    assert found["whole_map_speedup"] == pytest.approx(4 * lines * 0.5 / REFERENCE.entries / 1.0, rel=1e-3)
    limit = per_line("T1", NAMES["T1"].small) / RATE
    assert found["times_gemm_limit"] == pytest.approx(0.5 / lines / limit, rel=1e-3)


def test_strata_count_as_often_as_they_have_lines():
    found = measure(NAMES["T3"], "float64", SMALL, Clock())
    # 16 channels at a corner, an edge and an inner pixel, half a second each: 4, 8 and 4 of 16 pixels
    assert found["ms_per_entry"] == pytest.approx(500 / 16, rel=1e-3)
    assert found["entries_timed"] == 48


def test_a_whole_map_is_measured_if_that_is_asked():
    found = measure(NAMES["T4"], "float64", How(rounds=1, small=True, whole=True), Clock())
    assert (found["whole_map"], found["whole_map_s"]) == ("measured", 1.0)
    assert measure(NAMES["T4"], "float64", SMALL, Clock())["whole_map"] == "extrapolated"


def slowed(monkeypatch, name, clock, seconds):
    made = getattr(row, name)

    def slow(*args, **kwargs):
        clock.now += seconds
        return made(*args, **kwargs)

    monkeypatch.setattr(row, name, slow)


def test_planted_slowness_is_seen(monkeypatch):
    clock = Clock()
    before = measure(NAMES["T1"], "float64", SMALL, Clock())
    slowed(monkeypatch, "planned", clock, 4.5)
    after = measure(NAMES["T1"], "float64", SMALL, clock)
    assert after["ms_per_entry"] == pytest.approx(10 * before["ms_per_entry"], rel=1e-3)
    assert after["times_gemm_limit"] == pytest.approx(10 * before["times_gemm_limit"], rel=1e-3)
    assert after["speedup_over_nested_autograd"] == pytest.approx(before["speedup_over_nested_autograd"] / 10, rel=1e-3)


def test_a_piecewise_linear_tail_that_takes_too_long_breaks_the_rule(monkeypatch):
    clock = Clock()
    found = measure(NAMES["T1-relu"], "float64", SMALL, Clock())
    assert (found["forward_backward_ratio"], found["within_rule"]) == (1, True)
    slowed(monkeypatch, "pure_derivatives", clock, 0.3)
    found = measure(NAMES["T1-relu"], "float64", SMALL, clock)
    assert (found["forward_backward_ratio"], found["within_rule"]) == (1.6, False)


@pytest.mark.parametrize("order", ["h", "t"])
@pytest.mark.parametrize("which", ["planned", "pure_derivatives"])
def test_a_wrong_derivative_is_seen(monkeypatch, order, which):
    made = getattr(row, which)

    def wrong(*args, **kwargs):
        found = made(*args, **kwargs)
        object.__setattr__(found, order, getattr(found, order) * 1.001)
        return found

    monkeypatch.setattr(row, which, wrong)
    found = measure(NAMES["T3"], "float64", SMALL, Clock())
    assert found["max_error"] > 1e-4
    part, other = ("error_full", "error_small") if which == "planned" else ("error_small", "error_full")
    assert found[part] > 1e-4 > 1e-13 > found[other]


def test_a_number_that_is_none_is_an_infinite_error(monkeypatch):
    made = row.planned

    def broken(*args, **kwargs):
        found = made(*args, **kwargs)
        found.t.fill_(float("nan"))
        return found

    monkeypatch.setattr(row, "planned", broken)
    assert measure(NAMES["T1"], "float64", SMALL, Clock())["max_error"] == float("inf")


def test_a_wrong_peer_is_seen(monkeypatch):
    wrong = Peer("wrong", lambda model, A, target: lambda entries: torch.ones(3, len(entries), dtype=A.dtype), 3)
    monkeypatch.setattr(row, "PEERS", (*PEERS, wrong))
    assert measure(NAMES["T1"], "float64", SMALL, Clock())["peers_difference"]["wrong"] > 0.1


def test_a_package_that_is_missing_is_not_run_and_a_fault_is_no_missing_package(monkeypatch):
    def missing(name):
        def prepare(*_):
            raise ModuleNotFoundError("nothing of that name", name=name)

        return prepare

    monkeypatch.setattr(row, "PEERS", (REFERENCE, Peer("jax_nested_jvp", missing("jax.numpy"), 2)))
    assert measure(NAMES["T1"], "float64", SMALL, Clock())["peers_ms_per_entry"]["jax_nested_jvp"] == NOT_RUN
    monkeypatch.setattr(row, "PEERS", (REFERENCE, Peer("other", missing("torch.nothing"), 2)))
    with pytest.raises(ModuleNotFoundError):
        measure(NAMES["T1"], "float64", SMALL, Clock())


def test_float32_is_compared_with_exact_numbers():
    found = measure(NAMES["T1"], "float32", SMALL, Clock())
    assert 1e-9 < found["error_small"] < 1e-4
    assert 1e-9 < found["error_full"] < 1e-4


def test_ratios_are_medians_of_pairs():
    assert paired([1.0, 2.0, 10.0], [2.0, 8.0, 30.0]) == 3


def test_a_rate_is_the_operations_of_a_product_over_its_time():
    assert gemm_rate(torch.float64, side=8, clock=Clock()) == 2 * 8**3 / 0.5


def test_memory_that_is_taken_and_given_back_stays_in_the_high_water_mark():
    if not reset_peak():
        pytest.skip("the system does not let a process reset its high-water mark")
    before = resident()
    with mmap(-1, 2**28) as taken:  # from the system itself: nothing that was free before
        taken[::PAGESIZE] = bytes(2**28 // PAGESIZE)
    assert 0.9 * 2**28 <= peak() - before < 2**29


def test_gains_have_their_keys_and_both_ways_agree():
    for name, lefts in gains.MATTERS.items():
        found = gains.gains(NAMES[name], "float64", SMALL, Clock())
        assert [one["representation"] for one in found] == list(lefts)
        assert all(one["difference"] < 1e-13 for one in found)
        assert all(one["predicted_gain"] >= 1 for one in found)
        # every part of the sample takes as long with and without: what is left is the number of lines
        assert [one["measured_gain"] for one in found] == [4 if left == "roots" else 1 for left in lefts]


def test_a_representation_that_changes_the_result_is_seen(monkeypatch):
    made = gains.planned

    def wrong(plan, entries):
        found = made(plan, entries)
        if not plan.options.taps:
            object.__setattr__(found, "t", found.t * 1.001)
        return found

    monkeypatch.setattr(gains, "planned", wrong)
    found = {one["representation"]: one["difference"] for one in gains.gains(NAMES["T3"], "float64", SMALL, Clock())}
    assert found["taps"] > 1e-4 > 1e-13 > found["windows"]

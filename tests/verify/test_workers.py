"""Tasks in processes: a hanging one is ended, a dying one is noticed, and nothing is left behind."""

import math
import multiprocessing
import os
import time
from contextlib import closing

import pytest

from verify.workers import spread

STOPPED = "stopped"


def run(do, work, jobs, limit=None):
    return list(spread(do, work, jobs, limit=lambda task: limit, stopped=lambda task: STOPPED))


@pytest.fixture(autouse=True)
def no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("jobs", [1, 2, 9])
def test_every_task_is_done_once(jobs):
    assert sorted(run(math.factorial, [3, 1, 2, 4], jobs)) == [(1, 1), (2, 2), (3, 6), (4, 24)]


def test_no_work_is_no_process():
    assert run(math.factorial, [], 2) == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_task_that_hangs_is_stopped_and_holds_nothing_up(jobs):
    start = time.monotonic()
    found = dict(run(time.sleep, [0.001, 3600, 0.002, 0.003], jobs, limit=0.5))
    assert found == {0.001: None, 3600: STOPPED, 0.002: None, 0.003: None}
    assert time.monotonic() - start < 20


def test_a_loop_in_c_is_stopped_too():
    """An exception thrown into the thread would wait for this sum to end, which takes hours."""
    assert run(sum, [range(10**13)], 1, limit=0.3) == [(range(10**13), STOPPED)]


def test_starting_a_process_is_not_on_the_clock_of_its_first_task():
    assert run(math.factorial, [2], 1, limit=0.05) == [(2, 2)]


def test_what_a_task_raises_is_raised():
    with pytest.raises(ValueError, match="not defined for negative"):
        run(math.factorial, [-1], 1)


def test_a_process_that_dies_is_noticed():
    with pytest.raises(RuntimeError, match="exit code 7"):
        run(os._exit, [7], 1)


def test_leaving_early_ends_all_processes():
    with closing(spread(time.sleep, [0.001, 3600], 2, limit=lambda task: None, stopped=str)) as finished:
        assert next(finished) == (0.001, None)


def name_of_a_lock(_):
    return multiprocessing.RLock()._semlock.name


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="locks have no names here")
def test_a_lock_that_a_library_makes_in_a_worker_has_no_name_to_leave_behind():
    ((_, name),) = spread(name_of_a_lock, [0], 1, limit=lambda _: None, stopped=lambda _: "ended")
    assert name is None

"""Processes that work through a list of tasks, watched: one that is not done in its time is ended and replaced.

Why processes, and why the parent watches: an alarm signal exists only in the main thread and not on Windows, and an
exception that is thrown into a running thread reaches no loop in C and leaves SymPy's half-answered questions behind
in its caches, for the next proof to trip over. Ending a process stops whatever it is doing, leaves nothing behind, and
works everywhere. The workers are kept from task to task, so that a limit costs nothing until it is needed. A pool of
`multiprocessing` can neither end one worker nor notice that one has died.
"""

import multiprocessing
import pickle
import signal
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Task = TypeVar("Task")
Done = TypeVar("Done")
CONTEXT = multiprocessing.get_context("spawn")


def spread(
    do: Callable[[Task], Done],
    work: Sequence[Task],
    jobs: int,
    *,
    limit: Callable[[Task], float | None],
    stopped: Callable[[Task], Done],
) -> Generator[tuple[Task, Done]]:
    """Carry out tasks in processes of their own and yield each with its result, in the order in which they finish.

    Leaving by an exception, Ctrl-C too, or closing the iterator ends all processes at once.

    Args:
        do: what to do with a task; found by its name in another process, so no lambda.
        work: the tasks, begun in this order.
        jobs: how many processes, at least 1.
        limit: for how many seconds a task may run, counted from when a worker takes it up; None: as long as it takes.
        stopped: the result of a task that was ended.

    Raises:
        RuntimeError: a process died, for instance because memory ran out.
        Exception: whatever `do` raised.
    """
    waiting = deque(work)
    team = [_Worker(do) for _ in range(min(jobs, len(work)))]
    try:
        while team:
            heard = wait([worker.line for worker in team], _patience(team))
            for place, worker in reversed(list(enumerate(team))):
                finished = worker.task
                if worker.line in heard:
                    result = worker.listen()
                elif worker.is_late():
                    worker.end()
                    team[place] = _Worker(do)
                    result = stopped(finished)
                else:
                    continue
                if team[place] is worker and waiting:
                    task = waiting.popleft()
                    worker.begin(task, limit(task))
                elif not waiting:
                    team.pop(place).end()
                if finished is not _NOTHING:
                    yield finished, result
    finally:
        for worker in team:
            worker.end()


_NOTHING: Any = object()


class _Worker(Generic[Task, Done]):
    """A process, the line to it, the task it is at, and until when."""

    def __init__(self, do: Callable[[Task], Done]) -> None:
        self.line, other = CONTEXT.Pipe()
        self.process = CONTEXT.Process(target=_serve, args=(other, do), daemon=True)
        with _interrupts_held_back():
            self.process.start()
        other.close()  # the worker has its own end: now a dead worker is an end of file
        self.task: Task = _NOTHING
        self.until: float | None = None

    def begin(self, task: Task, limit: float | None) -> None:
        """Give it a task."""
        self.task, self.until = task, None if limit is None else time.monotonic() + limit
        self.line.send(task)

    def listen(self) -> Any:
        """Return what it says: nothing when it has come up, else the result of its task."""
        try:
            good, said = self.line.recv()
        except EOFError:
            self.process.join()
            raise RuntimeError(f"a process died (exit code {self.process.exitcode}) at {self.task}") from None
        if not good:
            raise said
        self.task, self.until = _NOTHING, None
        return said

    def is_late(self) -> bool:
        """Say whether its time is over."""
        return self.until is not None and time.monotonic() >= self.until

    def end(self) -> None:
        """Stop it, whatever it is doing."""
        self.process.kill()
        self.process.join()
        self.line.close()


def _patience(team: Sequence[_Worker]) -> float | None:
    """Return for how long nothing can become late."""
    deadlines = [worker.until for worker in team if worker.until is not None]
    return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Start a process that is deaf to Ctrl-C from its first instruction on; here it only comes a moment later."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows: a worker that is still importing may say that it was ended
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(line: Connection, do: Callable[[Any], Any]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair
    if "fork" in multiprocessing.get_all_start_methods():
        # A lock that a library makes here (tqdm does) then has no name that a worker that is ended would leave behind.
        multiprocessing.set_start_method("fork", force=True)
    line.send((True, None))
    while True:
        try:
            task = line.recv()
        except EOFError:  # the parent is gone
            return
        try:
            answer = True, do(task)
        except Exception as error:
            answer = False, _portable(error)
        line.send(answer)


def _portable(error: Exception) -> Exception:
    """Return the error, or one that says the same if it cannot travel between processes."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error

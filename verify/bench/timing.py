"""Clocks, the rate of large matrix products, and memory."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TypeVar

import torch

Clock = Callable[[], float]
T = TypeVar("T")
SIDE = 2048  # of the square matrices whose product gives the rate
MIB = 2**20


def timed(work: Callable[[], T], clock: Clock = time.perf_counter) -> tuple[float, T]:
    """Return how many seconds a piece of work took, and what came of it."""
    start = clock()
    found = work()
    return clock() - start, found


def gemm_rate(dtype: torch.dtype, side: int = SIDE, clock: Clock = time.perf_counter) -> float:
    """Return how many multiplications and additions a second a product of square matrices makes: 2 side^3 of them.

    The better one of two products, after one that is not timed.
    """
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(side, side, generator=generator, dtype=dtype) for _ in range(2))
    out = one @ other
    return 2 * side**3 / min(timed(lambda: torch.mm(one, other, out=out), clock)[0] for _ in range(2))


def paired(times: list[float], others: list[float]) -> float:
    """Return the median over rounds of others / times, both measured in turn in the same rounds."""
    return median(other / one for one, other in zip(times, others, strict=True))


def resident() -> int:
    """Return how many bytes of memory the process has now, where Linux tells; else its largest so far."""
    status = _status()
    return status["VmRSS"] if status else _largest()


def reset_peak() -> bool:
    """Let the high-water mark begin anew at what is resident now; say whether the system can do that."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak() -> int:
    """Return the process's high-water mark in bytes."""
    status = _status()
    return status["VmHWM"] if status else _largest()


def _largest() -> int:
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def _status() -> dict[str, int]:
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in lines if line.startswith(("VmRSS:", "VmHWM:")))
    found = {name: int(value.split()[0]) * 1024 for name, value in pairs}
    return found if len(found) == 2 else {}

"""All rows of the benchmark, each in a process of its own, and the record of them in verify/bench.json."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from verify import kept as memory
from verify.bench.gains import MATTERS
from verify.bench.maps import BATCHES, MAPPED
from verify.bench.row import DTYPES
from verify.bench.workloads import WORKLOADS
from verify.errors import Fault, UsageError, unknown

RECORD = Path(__file__).parent.parent / "bench.json"
Progress = Callable[[str], None]


def chosen(workloads: Sequence[str], dtypes: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return names of workloads and dtypes, all of them where none is given.

    Raises:
        UsageError: there is no such workload or dtype.
    """
    names = [workload.name for workload in WORKLOADS]
    for word, given, known in (("workload", workloads, names), ("dtype", dtypes, DTYPES)):
        for one in given:
            if one not in known:
                raise unknown(word, one, known)
    return list(workloads) or names, list(dtypes) or list(DTYPES)


def rows(
    workloads: Sequence[str], dtypes: Sequence[str], settings: dict[str, Any], kept: Path, progress: Progress
) -> list[dict[str, Any]]:
    """Measure rows, in the order of the registers; those that the file remembers are not measured again."""
    tasks = [("row", name, dtype) for name in workloads for dtype in dtypes]
    return _measured(tasks, settings, kept, progress)


def gains(
    workloads: Sequence[str], dtypes: Sequence[str], settings: dict[str, Any], kept: Path, progress: Progress
) -> list[dict[str, Any]]:
    """Measure what every representation gains, on the workloads where it matters.

    Raises:
        UsageError: it matters on none of these.
    """
    tasks = [("gains", name, dtype) for name in workloads if name in MATTERS for dtype in dtypes]
    if not tasks:
        raise UsageError(f"nothing is left out on {', '.join(workloads)}: choose one of {', '.join(MATTERS)}")
    return [row for part in _measured(tasks, settings, kept, progress) for row in part]


def maps(settings: dict[str, Any], kept: Path, progress: Progress) -> list[dict[str, Any]]:
    """Measure heatmaps of whole networks beside other libraries."""
    return _measured([("maps", one.name, str(batch)) for one in MAPPED for batch in BATCHES], settings, kept, progress)


def _measured(tasks: list[tuple[str, str, str]], settings: dict[str, Any], kept: Path, progress: Progress) -> list[Any]:
    writer = f"{memory.program()} {json.dumps(settings, sort_keys=True)}"
    known = memory.recall(kept, writer)
    found = []
    for module, name, dtype in tasks:
        task = f"{module} {name} {dtype}"
        if task not in known:
            progress(f"{name} {dtype}")
            known[task] = _child(module, name, dtype, json.dumps(settings))
            memory.remember(kept, task, known[task])
        found.append(known[task])
    kept.unlink(missing_ok=True)  # only an interrupted run goes on: the next one measures anew
    return found


def _child(*arguments: str) -> Any:
    module, *rest = arguments
    command = [sys.executable, "-m", f"verify.bench.{module}", *rest]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise Fault(f"{' '.join(rest[:2])} could not be measured: its process ended with status {run.returncode}")
    return json.loads(run.stdout)


def processor() -> str:
    """Return what the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()


def recorded() -> dict[str, Any]:
    """Return what is recorded; without a record no row, no gain and no map."""
    record: dict[str, Any] = {"processor": None, "rows": [], "gains": [], "maps": []}
    if RECORD.exists():
        record |= json.loads(RECORD.read_text("utf-8"))
    return record


def record(part: str, measured: list[dict[str, Any]]) -> str:
    """Return the text of the record with one part, "rows", "gains" or "maps", as it was measured now."""
    return json.dumps({**recorded(), "processor": processor(), part: measured}, indent=1) + "\n"

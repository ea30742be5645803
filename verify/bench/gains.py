"""What each representation of the engine gains: predicted by counting, and measured by leaving it out.

Run as `python -m verify.bench.gains NAME DTYPE SETTINGS`.
"""

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any

import torch

from cam import cut
from cam.jets.derivatives import planned
from cam.jets.plan import Options, Plan
from verify.bench.arithmetic import COUNTS
from verify.bench.row import DTYPES, NAMES, How, short
from verify.bench.timing import Clock, timed
from verify.bench.workloads import CLASS, Workload

# Where leaving a representation out changes what is done, and how many lines each part of the sample then has: chunks
# about as large as those of a whole map, smaller ones where the other way takes ten times as long and more.
MATTERS = {
    "T1": {"roots": 128, "blocks": 512},
    "T3": {"windows": 128, "taps": 256, "folding": 256, "forms": 256, "blocks": 256},
    "T4": {"spreads": 196, "one_place": 784, "blocks": 784},
}


def gains(workload: Workload, dtype: str, how: How, clock: Clock = time.perf_counter) -> list[dict[str, Any]]:
    """Return for every representation that matters in a workload what it gains.

    Keys: workload, dtype, representation; predicted_gain, the ratio of the counts of `verify.bench.arithmetic` without
    and with it; measured_gain, the median over rounds of the ratio of times, both measured in turn on the same sample
    and each multiplied with the number of its lines; difference, the largest between both results over the largest
    value of the order; lines_timed; rounds.
    """
    if how.threads:
        torch.set_num_threads(how.threads)
    model, A = workload.made(DTYPES[dtype], small=how.small)
    sizes = workload.small if how.small else workload.full
    tail = cut(model, "0", A).tail
    count = COUNTS[workload.name]
    full = Plan(tail.coarse, A, CLASS)
    found = []
    for name, block in MATTERS[workload.name].items():
        strata = workload.sample(A, block)
        total = sum(stratum.lines for stratum in strata)
        options = replace(Options(), **{name: False})
        less = Plan(tail.coarse, A, CLASS, options=options)
        lines = A.numel() if name == "roots" else total
        rounds: list[list[float]] = []
        for n in range(how.rounds + 1):
            both, results = [], []
            for plan, stands in ((full, total), (less, lines)):
                seconds = 0.0
                for stratum in strata:
                    each, derivatives = timed(partial(planned, plan, stratum.entries), clock)
                    seconds += each / len(stratum.entries) * stratum.lines * stands / total
                    results.append(torch.stack([derivatives.h, derivatives.t]))
                both.append(seconds)
            if n:
                rounds.append(both)
        here, there = (torch.cat(part, 1) for part in (results[: len(strata)], results[len(strata) :]))
        difference = ((here - there).abs().amax(1) / here.abs().amax(1)).max()
        found.append(
            {
                "workload": workload.name,
                "dtype": dtype,
                "representation": name,
                "predicted_gain": short(count(sizes, options) / count(sizes)),
                "measured_gain": short(median(off / on for on, off in rounds)),
                "difference": float(difference),
                "lines_timed": sum(len(stratum.entries) for stratum in strata),
                "rounds": how.rounds,
                "threads": torch.get_num_threads(),
            }
        )
    return found


def main(arguments: Sequence[str]) -> None:
    """Measure one workload and print what was found as JSON: NAME DTYPE SETTINGS."""
    name, dtype, settings = arguments
    print(json.dumps(gains(NAMES[name], dtype, How(**json.loads(settings)))))


if __name__ == "__main__":
    main(sys.argv[1:])

"""One workload in one dtype: everything that is measured of it, in a process of its own (`python -m verify.bench.row`).

Times are paired: engine, peers, a forward and backward pass and a large matrix product are measured in turn, several
rounds of them after one that warms up, and ratios are medians over rounds of ratios within a round.
"""

import copy
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from math import inf, isfinite
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from cam import cut
from cam.jets import pure_derivatives
from cam.jets.derivatives import planned
from cam.jets.plan import Plan
from cam.tail import Tail
from verify.bench import timing
from verify.bench.arithmetic import lines_of, per_line
from verify.bench.elsewhere import by_balls
from verify.bench.peers import NOT_RUN, PEERS, REFERENCE, Ask, Peer
from verify.bench.timing import MIB, Clock, gemm_rate, paired, timed
from verify.bench.workloads import CLASS, WORKLOADS, Stratum, Workload

DTYPES = {"float64": torch.float64, "float32": torch.float32}
AT_MOST = 1.5  # forward and backward passes that the derivatives of a piecewise-linear tail may take
SHORT = 7  # pairs in a round of what takes some milliseconds
CHECKED = 6  # entries of the small tail that balls are made for
NAMES = {workload.name: workload for workload in WORKLOADS}


@dataclass(frozen=True)
class How:
    """How a row is measured.

    Args:
        rounds: how many are timed.
        whole: whether the whole map is timed too, or extrapolated from the sample.
        threads: of torch; 0 leaves its own number.
        small: the small sizes, for tests.
    """

    rounds: int = 3
    whole: bool = False
    threads: int = 0
    small: bool = False


def measure(workload: Workload, dtype: str, how: How, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Return one row of the table.

    Its keys, numbers where they were measured and null or "not run" where not:
        workload, dtype
        ms_per_entry: of a line, weighed over the strata of the sample; the plan is not in it. Without a site: the time
            of the whole map over its entries.
        whole_map_s: the whole map, plan included; `whole_map` says whether it was "measured" or "extrapolated": plan +
            what the first pass over the sample took more than later ones (as much more of it as the map has more places
            whose forms are kept) + lines times ms.
        peak_extra_mib: the process's high-water mark while the plan is made and the sample (with `whole` the map) is
            walked for the first time, less what was resident before, when the model, the cut tail and one forward and
            backward pass of it were in memory. The plan's own values are in it; they alone are `plan_mib`.
        speedup_over_nested_autograd: nested autograd's time for one entry over ms_per_entry.
        whole_map_speedup: its time for as many entries as A has, extrapolated, over whole_map_s. The losers of a
            max-pool, which the engine does not follow, cost it as much as any other entry.
        times_gemm_limit: ms_per_entry over the time that its arithmetic would take at the rate of a large product.
        max_error: largest error of the orders 1 to 3, each over the largest absolute value of that order: of the
            small tail (`error_small`, against balls) and of the full one (`error_full`, against decomposed nested
            autograd in float64 on the same numbers), at some entries and where each order is largest.
        forward_backward_ratio: where there is no site, `pure_derivatives` of the whole map over a forward and a
            backward pass; `within_rule` whether that is at most 1.5.
        peers_ms_per_entry, peers_speedup, peers_difference, peers_entries: of each peer its time and that over
            ms_per_entry, its largest difference from the engine as above, and how many entries it was asked for at
            once; or "not run".
        lines, entries_timed, plan_s, gemm_gflops, threads, torch, rounds.
    """
    if how.threads:
        torch.set_num_threads(how.threads)
    type_ = DTYPES[dtype]
    sizes = workload.small if how.small else workload.full
    model, A = workload.made(type_, small=how.small)
    tail = cut(model, "0", A).tail
    _pass(model, A)
    strata = workload.sample(A, workload.block)
    entries = torch.cat([stratum.entries for stratum in strata])

    timing.reset_peak()
    before = timing.resident()
    plan_s, plan = timed(lambda: Plan(tail.coarse, A, CLASS), clock)
    plan_bytes = timing.resident() - before
    cold_s, _ = timed(lambda: planned(plan, None if how.whole else entries), clock)
    extra = timing.peak() - before

    found = planned(plan, entries)
    engine = torch.stack([found.g, found.h, found.t])
    scale = torch.stack([plan.g.abs().max(), *engine[1:].abs().amax(1)])
    peers = _prepared(workload, model, A)
    asked = {peer: _spread(entries, peer.entries) for peer in peers}
    answers = {peer: ask([int(entries[k]) for k in asked[peer]]) for peer, ask in peers.items()}
    largest = engine.abs().argmax(1).tolist()
    error_full = _error_full(model, A, entries, sorted({*asked[REFERENCE], *largest}), engine, scale)
    times = _rounds(workload, model, tail, A, plan, strata, peers, entries, asked, how.rounds, type_, clock)

    lines = lines_of(workload.name, sizes) if workload.curved else 0
    total = A.numel()
    ms = times["engine"]
    if not workload.curved:
        whole_map_s = median(times["sample"])
    elif how.whole:
        whole_map_s = plan_s + cold_s
    else:
        once = workload.once * max(0.0, cold_s - median(times["sample"]))
        whole_map_s = plan_s + once + lines * median(ms) / 1000
    error_small = _error_small(workload, type_)
    limits = [workload.curved and per_line(workload.name, sizes) / rate for rate in times["rate"]]
    ratio = paired(times["pass"], [one * total / 1000 for one in ms]) if not workload.curved else None
    names = {peer.name for peer in peers}
    return {
        "workload": workload.name,
        "dtype": dtype,
        "ms_per_entry": short(median(ms)),
        "whole_map_s": short(whole_map_s),
        "peak_extra_mib": short(extra / MIB),
        "speedup_over_nested_autograd": short(paired(ms, times[REFERENCE.name])),
        "times_gemm_limit": short(paired([1000 * one for one in limits], ms)) if workload.curved else None,
        "max_error": max(error_small, error_full),
        "error_small": error_small,
        "error_full": error_full,
        "forward_backward_ratio": None if ratio is None else short(ratio),
        "within_rule": None if ratio is None else ratio <= AT_MOST,
        "whole_map_speedup": short(median(times[REFERENCE.name]) * total / 1000 / whole_map_s),
        "whole_map": "extrapolated" if workload.curved and not how.whole else "measured",
        "plan_s": short(plan_s),
        "plan_mib": short(plan_bytes / MIB),
        "lines": lines,
        "entries_timed": len(entries) if workload.curved else total,
        "peers_ms_per_entry": {p.name: short(median(times[p.name])) if p.name in names else NOT_RUN for p in PEERS},
        "peers_speedup": {p.name: short(paired(ms, times[p.name])) if p.name in names else NOT_RUN for p in PEERS},
        "peers_difference": {
            **dict.fromkeys((p.name for p in PEERS), NOT_RUN),
            **{p.name: _relative(answers[p], engine[:, asked[p]], scale) for p in peers},
        },
        "peers_entries": {p.name: p.entries if p.name in names else NOT_RUN for p in PEERS},
        "gemm_gflops": short(median(times["rate"]) / 1e9),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "rounds": how.rounds,
        "settings": asdict(how),
    }


def _prepared(workload: Workload, model: nn.Module, A: Tensor) -> dict[Peer, Ask]:
    """Return the peers that are installed; without a site the first alone, for there the others are not asked."""
    found = {}
    for peer in PEERS if workload.curved else (REFERENCE,):
        try:
            found[peer] = peer.prepare(model, A, CLASS)
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] not in ("jax", "jaxlib"):
                raise
    return found


def _spread(entries: Tensor, count: int) -> list[int]:
    """Return places in the sample, evenly spread."""
    return [(2 * k + 1) * len(entries) // (2 * count) for k in range(count)]


def _pass(model: nn.Module, A: Tensor) -> Tensor:
    A = A.detach().requires_grad_()
    return torch.autograd.grad(model(A)[0, CLASS], A)[0]


def _rounds(
    workload: Workload,
    model: nn.Module,
    tail: Tail,
    A: Tensor,
    plan: Plan,
    strata: Sequence[Stratum],
    peers: dict[Peer, Ask],
    entries: Tensor,
    asked: dict[Peer, list[int]],
    rounds: int,
    dtype: torch.dtype,
    clock: Clock,
) -> dict[str, list[float]]:
    """Return what was measured in each round: milliseconds an entry, seconds of the sample and of a pass, a rate."""
    times: dict[str, list[float]] = {name: [] for name in ("engine", "sample", "pass", "rate")}
    times |= {peer.name: [] for peer in peers}
    for n in range(rounds + 1):
        found: dict[str, float] = {}
        if workload.curved:
            seconds = [timed(partial(planned, plan, stratum.entries), clock)[0] for stratum in strata]
            found["sample"] = sum(seconds)
            found["engine"] = 1000 * _weighed(strata, seconds)
        else:
            derive, once = partial(pure_derivatives, tail, A, target=CLASS), partial(_pass, model, A)
            pairs = [(timed(derive, clock)[0], timed(once, clock)[0]) for _ in range(SHORT)]
            found["sample"], found["pass"] = map(median, zip(*pairs, strict=True))
            found["engine"] = 1000 * found["sample"] / A.numel()
        for peer, ask in peers.items():
            some = [int(entries[k]) for k in asked[peer]]
            found[peer.name] = 1000 * timed(partial(ask, some), clock)[0] / len(some)
        found["rate"] = gemm_rate(dtype, clock=clock)
        if n:  # the first round warms up
            for name, value in found.items():
                times[name].append(value)
    return times


def _weighed(strata: Sequence[Stratum], seconds: Sequence[float]) -> float:
    """Return seconds a line, every stratum counted as often as it has lines in the map."""
    lines = sum(stratum.lines for stratum in strata)
    each = zip(strata, seconds, strict=True)
    return sum(stratum.lines * second / len(stratum.entries) for stratum, second in each) / lines


def _relative(one: Tensor, other: Tensor, scale: Tensor) -> float:
    """Return the largest difference of each order over what is largest in it; infinite if one is no number."""
    gaps = (one.double() - other.double()).abs().amax(1)
    parts = torch.where(gaps == 0, 0.0, gaps / scale.double())
    return inf if bool(parts.isnan().any()) else float(parts.max())


def _error_full(
    model: nn.Module, A: Tensor, entries: Tensor, asked: Sequence[int], engine: Tensor, scale: Tensor
) -> float:
    precise = model if A.dtype == torch.float64 else copy.deepcopy(model).double()
    some = [int(entries[k]) for k in asked]
    return _relative(engine[:, asked], REFERENCE.prepare(precise, A.double(), CLASS)(some), scale)


def _error_small(workload: Workload, dtype: torch.dtype) -> float:
    """Return the error of the small tail at some entries, among them the one where each order is largest."""
    model, A = workload.made(dtype, small=True)
    found = pure_derivatives(cut(model, "0", A).tail, A, target=CLASS)
    engine = torch.stack([found.g, found.h, found.t])
    some = sorted({*_spread(torch.arange(A.numel()), CHECKED), *engine.abs().argmax(1).tolist()})
    gaps: list[float] = []
    for entry, row in zip(some, by_balls(model, A, some, CLASS), strict=True):
        for k, value in enumerate(row):
            top = float(engine[k].abs().max())
            number = float(engine[k, entry])
            gap = abs(float(Fraction(number) - value)) if isfinite(number) else inf
            gaps.append(gap / top if gap else 0.0)
    return max(gaps)


def short(number: float) -> float:
    """Return a number with four digits: nothing that is timed has more."""
    return float(f"{number:.4g}")


def main(arguments: Sequence[str]) -> None:
    """Measure one row and print it as JSON: NAME DTYPE SETTINGS."""
    name, dtype, settings = arguments
    print(json.dumps(measure(NAMES[name], dtype, How(**json.loads(settings)))))


if __name__ == "__main__":
    main(sys.argv[1:])

"""The benchmark for people: tables for a terminal and for README.md."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.padding import Padding
from rich.table import Table

from verify.bench.peers import NOT_RUN
from verify.bench.workloads import WORKLOADS

PEERS = {
    "nested_autograd": "nested autograd",
    "nested_jvp_vmap": "nested jvp, vmap",
    "jvp_jvp_grad": "jvp of jvp of grad",
    "jax_nested_jvp": "nested jvp in jax, jit",
}
COLUMNS = (
    "tail",
    "dtype",
    "ms an entry",
    "whole map, s",
    "times faster than nested autograd",
    "extra MiB",
    "times the GEMM limit",
    "largest error",
)
FASTER = ("tail", "dtype", *(f"an entry: times faster than {peer}" for peer in PEERS.values()))
LINEAR = ("tail", "dtype", "whole map, ms", "forward and backward passes", "largest error")
GAINS = ("tail", "dtype", "left out", "predicted gain", "measured gain")
MAPS = (
    "network, layer",
    "batch",
    "closed, ms",
    "exact, ms",
    "grad-cam, ms",
    "torchcam, ms",
    "closed to forward and full backward",
    "closed to the fastest peer",
    "exact to closed",
)
SAYS = {workload.name: workload.says for workload in WORKLOADS}
# Columns of words; those of numbers are as wide as a number or a word of their head.
WORDS = ("tail", "network, layer", "forward and backward passes")
EMPTY = "Not measured yet: `gradcampp bench --record` does it, on a machine that does nothing else.\n"


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a row of a tail that has a site."""
    return (
        f"{row['workload']}: {SAYS[row['workload']]}",
        row["dtype"],
        _number(row["ms_per_entry"]),
        ("" if row["whole_map"] == "measured" else "~") + _number(row["whole_map_s"]),
        _number(row["whole_map_speedup"]),
        _number(row["peak_extra_mib"]),
        _number(row["times_gemm_limit"]),
        f"{row['max_error']:.1e}",
    )


def faster_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return how many times as long each peer takes for an entry."""
    return (row["workload"], row["dtype"], *(_number(row["peers_speedup"][peer]) for peer in PEERS))


def linear_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a row of a piecewise-linear tail."""
    passes = f"{_number(row['forward_backward_ratio'])} ({'at most' if row['within_rule'] else 'more than'} 1.5)"
    says = f"{row['workload']}: {SAYS[row['workload']]}"
    return says, row["dtype"], _number(1000 * row["whole_map_s"]), passes, f"{row['max_error']:.1e}"


def gain_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of what a representation gains."""
    numbers = (_number(row[key]) for key in ("predicted_gain", "measured_gain"))
    return (row["workload"], row["dtype"], row["representation"], *numbers)


def map_cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a network's heatmaps."""
    times = (_number(row["ms"][name]) for name in ("closed", "exact", "pytorch-grad-cam", "torchcam"))
    ratios = (_number(row[name]) for name in ("to_passes", "to_fastest_peer", "exact_to_closed"))
    return (f"{row['network']}, {row['layer']}", str(row["batch"]), *times, *ratios)


def tables(
    rows: Sequence[dict[str, Any]], gains: Sequence[dict[str, Any]], maps: Sequence[dict[str, Any]] = ()
) -> list[tuple[tuple[str, ...], list[Any]]]:
    """Return head and cells of every table that has a row."""
    curved = [row for row in rows if row["forward_backward_ratio"] is None]
    linear = [linear_cells(row) for row in rows if row["forward_backward_ratio"] is not None]
    found = [
        (COLUMNS, list(map(cells, curved))),
        (FASTER, list(map(faster_cells, curved))),
        (LINEAR, linear),
        (GAINS, list(map(gain_cells, gains))),
        (MAPS, list(map(map_cells, maps))),
    ]
    return [(head, body) for head, body in found if body]


def terminal(
    rows: Sequence[dict[str, Any]] = (),
    gains: Sequence[dict[str, Any]] = (),
    maps: Sequence[dict[str, Any]] = (),
    *,
    width: int = 80,
) -> Iterable[Padding]:
    """Yield the tables for a terminal of `width` columns; ~ is extrapolated from a sample.

    No word is broken, unless the terminal is too narrow for a table: rich would leave out its last columns.
    """
    for head, body in tables(rows, gains, maps):
        table = Table(box=SIMPLE, padding=0, show_edge=False)
        columns = list(zip(head, *body, strict=True))
        longest = [max(len(word) for cell in column for word in cell.split()) for column in columns]
        fits = sum(longest) + len(longest) - 1 <= width
        for (name, *_), most in zip(columns, longest, strict=True):
            widest = None if name in WORDS else most
            table.add_column(name, overflow="fold", min_width=most if fits else None, max_width=widest)
        for line in body:
            table.add_row(*line)
        yield Padding(table, (0, 0, 1, 0))


def markdown(record: dict[str, Any]) -> str:
    """Return the recorded tables, or the sentence that says there are none."""
    measured = (*record["rows"], *record["gains"], *record["maps"])
    if not measured:
        return EMPTY
    row = measured[0]
    parts = [
        f"Measured on {record['processor']}, torch on {row['threads']} threads; ~ is extrapolated from a sample:\n"
    ]
    for head, body in tables(record["rows"], record["gains"], record["maps"]):
        lines = [head, ("---",) * len(head), *body]
        parts.append("".join(f"| {' | '.join(line)} |\n" for line in lines))
    return "\n".join(parts)


def _number(value: Any) -> str:
    if value is None or value == NOT_RUN:
        return NOT_RUN
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"

"""`gradcampp bench`: the engine of true derivatives, timed."""

from pathlib import Path
from typing import Annotated

from typer import Option

from verify.cli.console import as_json, columns, interruptible, say, show
from verify.errors import UsageError


def bench(
    workload: Annotated[list[str], Option("--workload", help="Measure this tail alone (may be repeated).")] = [],  # noqa: B006
    dtype: Annotated[list[str], Option("--dtype", help="float64 or float32 alone.")] = [],  # noqa: B006
    whole: Annotated[bool, Option("--whole", help="Whole maps, not extrapolated from a sample.")] = False,
    threads: Annotated[int, Option(min=0, help="Threads of torch; 0 leaves its own number.")] = 0,
    rounds: Annotated[
        int | None, Option(min=1, help="How often everything is measured in turn: 3 by default, 18 with --maps.")
    ] = None,
    representations: Annotated[
        bool, Option("--representations", help="Leave out one representation of the engine at a time instead.")
    ] = False,
    maps: Annotated[
        bool, Option("--maps", help="Time heatmaps beside other libraries instead, on whole networks.")
    ] = False,
    json: Annotated[bool, Option("--json", help="Print the rows as JSON.")] = False,
    record: Annotated[bool, Option("--record", help="Make this the recorded figures: on a quiet machine.")] = False,
    report: Annotated[Path, Option(help="Directory for what an interrupted run has finished.")] = Path("report"),
) -> None:
    """Time true derivatives of known architectures' tails beside other ways to them and beside the arithmetic limit.

    Without --whole it takes some minutes. A run that is interrupted goes on where it stopped.
    """
    from verify.bench import run
    from verify.bench.maps import ROUNDS
    from verify.report import bench as shown
    from verify.report import files

    names, dtypes = run.chosen(workload, dtype)
    if record and (workload or dtype):
        raise UsageError("--record needs all tails in both dtypes: leave out --workload and --dtype")
    files.demand_writable(report)
    if whole + representations + maps > 1:
        raise UsageError("--whole, --representations and --maps exclude each other: each measures something else")
    if maps and (workload or dtype):
        raise UsageError("--maps has networks of its own, in float32: leave out --workload and --dtype")
    part = "gains" if representations else "maps" if maps else "rows"
    settings = {"rounds": rounds or (ROUNDS if maps else 3), "threads": threads, "whole": whole}

    def progress(task: str) -> None:
        say(f"measuring {task}")

    kept = report / f".bench-{part}.jsonl"
    with interruptible():
        if maps:
            found = run.maps(settings, kept, progress)
        else:
            found = (run.gains if representations else run.rows)(names, dtypes, settings, kept, progress)
    if json:
        as_json(found, infinite=True)
    else:
        show(*shown.terminal(**{part: found}, width=columns()))
    if record:
        files.write_whole(run.RECORD, run.record(part, found).encode())

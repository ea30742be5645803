"""`gradcampp report`: one site of a report directory."""

from pathlib import Path
from typing import Annotated

from typer import Option

from verify.cli.console import say


def report(
    folder: Annotated[Path, Option("--report", help="Directory that verify and the others wrote to.")] = Path("report"),
    quiet: Annotated[bool, Option("--quiet", help="Say nothing.")] = False,
) -> None:
    """Make one site of the report directory: every page that can be made from what is there, and links between them.

    A peers.json in it is what `gradcampp peers --json` printed.
    """
    from verify.report import files, site

    files.demand_writable(folder)
    made = site.write(folder)
    if not quiet:
        for name in made:
            say(f"report: {folder / name}")

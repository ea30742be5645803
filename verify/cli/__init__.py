"""The command line: a file for each command. Data goes to stdout, progress and messages to stderr.

Exit status: 0 as expected, 1 something stands otherwise than recorded, 2 the request cannot be served, 3 the toolkit is
at fault (oracles disagree, a contradiction, a crash), 130 interrupted.
"""

import os
import sys
from importlib import metadata
from io import TextIOWrapper
from typing import Annotated

import typer
from typer.exceptions import TyperException

from verify.cli.bench import bench
from verify.cli.check import check
from verify.cli.cite import cite
from verify.cli.console import FAULT, INTERRUPTED, NOTHING, USAGE, leave
from verify.cli.explain import explain
from verify.cli.heatmap import heatmap
from verify.cli.mutate import mutate
from verify.cli.peers import peers
from verify.cli.properties import properties
from verify.cli.replay import replay
from verify.cli.report import report
from verify.cli.verify import verify
from verify.errors import Fault, UsageError

COMMANDS = (verify, report, mutate, explain, properties, replay, bench, peers, check, heatmap, cite)

app = typer.Typer(
    help="Every equation of Grad-CAM++, proved or refuted, and the exact heatmap beside the printed one.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


def _tell_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(f"gradcampp {metadata.version('gradcampp')}\n")
        raise typer.Exit


@app.callback()
def _commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Every equation of Grad-CAM++, proved or refuted, and the exact heatmap beside the printed one."""


for command in COMMANDS:
    app.command()(command)


def main() -> None:
    """Run the command line.

    Whatever goes wrong outside mathematics is one line and an exit status, never a traceback.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without the letters of mathematics
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except TyperException as error:
        leave(f"{error.format_message()} (see --help)", USAGE)
    except UsageError as error:
        leave(str(error), USAGE)
    except ModuleNotFoundError as error:
        leave(f"the package of {error.name!r} is needed and not installed: pip install -e .", USAGE)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception as error:
        if os.environ.get("GRADCAMPP_DEBUG"):
            raise
        fault = "" if isinstance(error, Fault) else "a fault of gradcampp: "
        leave(f"{fault}{type(error).__name__}: {error} (GRADCAMPP_DEBUG=1 shows where)", FAULT)
    if status == INTERRUPTED:
        leave(NOTHING, INTERRUPTED)
    sys.exit(status)

"""`gradcampp peers`: which formula the installed libraries compute."""

from typing import Annotated

from typer import Option

from verify.cli.console import as_json, bar, sentence, show
from verify.cli.options import NoTable


def peers(
    peer: Annotated[list[str], Option("--peer", help="Ask this library alone (may be repeated).")] = [],  # noqa: B006
    function: Annotated[
        str | None,
        Option(
            "--callable",
            help="FILE.py:FUNCTION, a function (model, layer name, images, class) -> maps (B, h, w), asked as well.",
        ),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print everything that was found as JSON.")] = False,
    quiet: NoTable = False,
) -> None:
    """Ask the installed libraries which formula of Grad-CAM++ they compute, and how they behave at the edges.

    A library that is missing is not run. With --callable alone only that function is asked.
    """
    from verify.peers import adapters, run, table

    asked = adapters.chosen(peer, function)
    with bar(run.steps(asked), hidden=quiet) as advance:
        found = run.document(asked, advance)
    if json:
        as_json(found)
    elif not quiet:
        show(*table.tables(found))
        for line in table.lines(found):
            sentence(line)

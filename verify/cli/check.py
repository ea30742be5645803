"""`gradcampp check`: whether the closed form is valid on a network."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Option

from verify.cli.console import interruptible, messages, say, show
from verify.cli.options import LARGEST_SEED, Layer, Model, Places, State, Target


def check(
    model: Model,
    image: Annotated[str, Option(help="A picture (PNG, JPEG, .npy) or chelsea, coffee, astronaut, rocket, camera.")],
    layer: Layer = "",
    target: Target = None,
    head: Annotated[str, Option(help="The outer function: exp, sigmoid, softmax or log_softmax.")] = "exp",
    places: Places = "channels-first",
    state: State = None,
    size: Annotated[int | None, Option(min=1, help="Height and width of the picture.")] = None,
    seed: Annotated[
        int | None, Option(min=0, max=LARGEST_SEED, help="Seed of random weights and of the sample.")
    ] = None,
    report: Annotated[Path, Option(help="Directory for the page.")] = Path("report"),
    json: Annotated[bool, Option("--json", help="Print what was found as JSON instead.")] = False,
    quiet: Annotated[bool, Option("--quiet", help="No progress and no tables.")] = False,
) -> None:
    """Say whether the closed form is valid on a network: what breaks it, how wrong it is, and what to do instead."""
    from json import loads

    from verify.check import commands
    from verify.report import check as shown

    with interruptible():
        text, page = commands.check(
            model,
            layer,
            image,
            target=target,
            head=head,
            places=places,
            state=state,
            size=size,
            seed=seed,
            report=report,
            console=messages,
            quiet=quiet,
        )
    if json:
        sys.stdout.write(text)
    elif not quiet:
        show(shown.terminal(loads(text)))
    say(f"report: {page}")

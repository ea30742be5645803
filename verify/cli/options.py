"""Options that several commands have, each written once."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

Jobs = Annotated[int, Option(min=1, help="Processes that work at the same time.")]
NoTable = Annotated[bool, Option("--quiet", help="No progress and no table.")]
NoProgress = Annotated[bool, Option("--quiet", help="No progress.")]

Model = Annotated[str, Argument(help="lite0, timm:NAME, torchvision:NAME or FILE.py:FACTORY.")]
Layer = Annotated[str, Option(help="Dotted name of the layer; lite0 has a default.")]
Target = Annotated[int | None, Option("--class", help="The class; by default the one with the highest score.")]
Places = Annotated[str, Option(help="What the layer puts out: channels-first, channels-last or tokens.")]
State = Annotated[Path | None, Option(help="A state dict (.pt); without, weights are random.")]
LARGEST_SEED = 2**63 - 1

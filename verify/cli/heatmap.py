"""`gradcampp heatmap`: overlays and arrays of pictures."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from verify.cli.console import interruptible, messages
from verify.cli.options import LARGEST_SEED, Layer, Model, NoProgress, Places, State, Target


def heatmap(
    model: Model,
    image: Annotated[list[str], Option(help="A picture, as for check (may be repeated).")],
    more: Annotated[list[str], Argument(metavar="[IMAGE]...", help="More pictures.")] = [],  # noqa: B006
    layer: Layer = "",
    target: Target = None,
    weights: Annotated[str | None, Option(help="closed or exact; exact by default.")] = None,
    variant: Annotated[
        str | None, Option(help="Instead, what the paper prints or a library computes: paper, torchcam, ...")
    ] = None,
    head: Annotated[
        str, Option(help="The outer function: exp or sigmoid; with exact weights softmax, log_softmax.")
    ] = "exp",
    places: Places = "channels-first",
    state: State = None,
    size: Annotated[int | None, Option(min=1, help="Height and width of the pictures.")] = None,
    seed: Annotated[int | None, Option(min=0, max=LARGEST_SEED, help="Seed of random weights.")] = None,
    out: Annotated[Path, Option(help="Directory for overlays (.png) and arrays (.npy).")] = Path("heatmaps"),
    quiet: NoProgress = False,
) -> None:
    """Write heatmaps of pictures; a run that is interrupted goes on where it stopped."""
    from verify.check import commands

    with interruptible("interrupted: run the same command again, and finished heatmaps are not made again."):
        commands.heatmap(
            model,
            layer,
            [*image, *more],
            target=target,
            weights=weights,
            variant=variant,
            head=head,
            places=places,
            state=state,
            size=size,
            seed=seed,
            out=out,
            console=messages,
            quiet=quiet,
        )

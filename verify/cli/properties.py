"""`gradcampp properties`: what every claim needs, and how wrong the picture is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Exit, Option

from verify.cli.console import CHANGED, bar, interruptible, say, sentence, show
from verify.cli.options import LARGEST_SEED, Jobs, NoTable

if TYPE_CHECKING:
    from verify import picture_study


def properties(
    profile: Annotated[str, Option(help="How many cases are drawn for each claim: ci, dev or long.")] = "ci",
    claim: Annotated[
        list[str], Option("--claim", help="Attack this claim or statement about maps alone (may be repeated).")
    ] = [],  # noqa: B006
    seed: Annotated[int, Option(min=0, max=LARGEST_SEED, help="Seed of the drawn cases.")] = 0,
    jobs: Jobs = 2,
    report: Annotated[Path, Option(help="Directory for properties.html and properties.md.")] = Path("report"),
    record: Annotated[bool, Option("--record", help="Store the counterexamples that are found.")] = False,
    quiet: NoTable = False,
) -> None:
    """Drop every hypothesis of every proved claim alone and look for a counterexample; draw cases that meet them all.

    Statements about whole maps are attacked in the same way, and errors planted in the code have to be found. Without
    --claim the closed form's heatmaps are compared with the exact ones as well. A run that is interrupted goes on where
    it stopped.
    """
    from verify import breakmaps, necessity, picture_study
    from verify.report import files, links, whole_maps
    from verify.report import picture as pictured
    from verify.report import properties as shown

    work = necessity.tasks(claim, profile, seed)
    files.demand_writable(report)
    kept = report / ".properties.jsonl"
    with interruptible():
        with bar(len(work), hidden=quiet) as advance:
            outcome = necessity.run(work, profile, seed, jobs=jobs, kept=kept, progress=advance)
        maps = None if claim else _compared(profile, seed, jobs, report / ".picture.jsonl", quiet)
    drawn = [] if claim else [make() for make in breakmaps.MAPS]
    text = shown.markdown(outcome) + ("" if maps is None else f"\n{pictured.markdown(maps)}")
    files.write_whole(report / "properties.md", text.encode())
    page = shown.render(outcome, drawn, None if maps is None else pictured.section(maps))
    links.place(report, {links.PROPERTIES.file: page})
    if not quiet:
        show(shown.terminal(outcome))
        show(*whole_maps.terminal(outcome))
        words = [*shown.summary(outcome), *whole_maps.summary(outcome)]
        words += [] if maps is None else pictured.sentences(picture_study.document(maps))
        sentence(" ".join(words))
    say(f"report: {report / 'properties.html'}")
    if record:
        necessity.record(outcome)
        if maps is not None and picture_study.is_enough(maps):
            picture_study.record(maps)
    changes = outcome.faults + ([] if record else necessity.moved(outcome))
    if maps is not None:
        changes += maps.faults + ([] if record else picture_study.moved(maps))
    for change in changes:
        say(f"moved: {change}")
    if changes:
        raise Exit(CHANGED)


def _compared(profile: str, seed: int, jobs: int, kept: Path, quiet: bool) -> "picture_study.Outcome | None":
    """Compare heatmaps; None where the trained networks or the pictures are not installed, which is said."""
    from verify import picture_study
    from verify.errors import MissingPackage

    work = picture_study.tasks(profile)
    try:
        with bar(len(work), hidden=quiet) as advance:
            return picture_study.run(work, profile, seed, jobs=jobs, kept=kept, progress=advance)
    except MissingPackage as error:
        say(f"not run: heatmaps ({error})")
        return None

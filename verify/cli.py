"""The command line. Data goes to stdout, progress and messages to stderr.

Exit status: 0 as expected, 1 something stands otherwise than recorded, 2 the request cannot be served, 3 the toolkit is
    at fault
(oracles disagree, a contradiction, a crash), 130 interrupted.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typer.exceptions import TyperException

from verify.errors import Fault, UsageError

if TYPE_CHECKING:
    from verify import picture_study

app = typer.Typer(
    help="Every equation of Grad-CAM++, proved or refuted, and the exact heatmap beside the printed one.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
messages = Console(stderr=True)
PAGE = 110  # columns; a wider line is hard to read
CHANGED, USAGE, FAULT, INTERRUPTED = 1, 2, 3, 130


@app.callback()
def _commands() -> None:
    """Every equation of Grad-CAM++, proved or refuted, and the exact heatmap beside the printed one."""


@app.command()
def verify(
    claim: Annotated[list[str], typer.Option("--claim", help="Try this claim alone (may be repeated).")] = [],  # noqa: B006
    only: Annotated[
        list[str],
        typer.Option(
            "--only", help="Use this method alone: symbolic, exact, enclosure, autograd, property or network."
        ),
    ] = [],  # noqa: B006
    seed: Annotated[
        int, typer.Option(min=0, max=2**63 - 1, help="Seed of the sample of entries and of the property search.")
    ] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that work at the same time.")] = 2,
    report: Annotated[Path, typer.Option(help="Directory for index.html, ledger.json and verdicts.md.")] = Path(
        "report"
    ),
    json: Annotated[bool, typer.Option("--json", help="Print the ledger on stdout instead of the table.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no table.")] = False,
    record: Annotated[bool, typer.Option("--record", help="Make what was found the expected standing.")] = False,
) -> None:
    """Try every claim by every method, write the report, and compare with the recorded standing."""
    from verify import ledger, run
    from verify.report import files, links, page, table

    claims, methods = run.chosen(claim, only)
    partial = len(claims) < len(run.LIBRARY) or set(methods) != set(run.METHODS)
    if record and partial:
        raise UsageError("--record needs a run of all claims by all methods: leave out --claim and --only")
    expected = None if record else ledger.read_expected()
    files.demand_writable(report)
    try:
        with _bar(len(run.tasks(claims, methods, seed)), hidden=quiet) as advance:
            outcome = run.suite(claims, methods, seed, expected=expected, jobs=jobs, progress=advance)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    text = ledger.dumps(outcome.document)
    document = ledger.loads(text)  # what anybody can render again: the file, not what was in memory
    verdicts = f"{table.markdown(document)}\n{table.answers(document['constraints'])}"
    parts = {"ledger.json": text, "verdicts.md": verdicts}
    for name, part in parts.items():
        files.write_whole(report / name, part.encode())
    links.place(report, {links.FRONT.file: page.render(document)})
    if json:
        sys.stdout.write(text)
    elif not quiet:
        Console().print(table.terminal(document, outcome.seconds))
    messages.print(f"report: {report / 'index.html'}", highlight=False, markup=False, soft_wrap=True)
    if record:
        files.write_whole(ledger.EXPECTED, ledger.dumps(ledger.expected_of(outcome.document)).encode())
        return
    for change in outcome.moved:
        both = change["expected"], change["found"]
        messages.print(
            f"moved: {change['claim']}: expected {_words(*both)}, found {_words(*reversed(both))}",
            soft_wrap=True,
        )
    if outcome.moved:
        raise typer.Exit(CHANGED)


@app.command()
def report(
    folder: Annotated[Path, typer.Option("--report", help="Directory that verify and the others wrote to.")] = Path(
        "report"
    ),
    quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing.")] = False,
) -> None:
    """Make one site of the report directory: every page that can be made from what is there, and links between them.

    A peers.json in it is what `gradcampp peers --json` printed.
    """
    from verify.report import files, site

    files.demand_writable(folder)
    made = site.write(folder)
    if not quiet:
        for name in made:
            messages.print(f"report: {folder / name}", highlight=False, soft_wrap=True)


@app.command()
def mutate(
    claim: Annotated[
        list[str], typer.Option("--claim", help="Plant errors in this claim alone (may be repeated).")
    ] = [],  # noqa: B006
    everything: Annotated[bool, typer.Option("--all", help="Every edit, however long it takes.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that work at the same time.")] = 2,
    json: Annotated[bool, typer.Option("--json", help="Print the numbers and the survivors as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="List every planted error.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no table.")] = False,
) -> None:
    """Plant errors in what is proved: none may be proved. Exit status 1 if one is, or if a hypothesis is needless."""
    from json import dumps

    from verify import mutate as planting
    from verify.report import mutants

    claims = planting.chosen(claim)
    errors = planting.planted(claims, everything=everything)
    try:
        with _bar(len(claims) + len(errors), hidden=quiet) as advance:
            findings = planting.run(claims, errors, jobs=jobs, progress=advance)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    found = planting.document(findings)
    if json:
        sys.stdout.write(dumps(found, indent=1, ensure_ascii=False) + "\n")
    elif not quiet:
        Console().print(mutants.details(findings) if verbose else mutants.summary(findings))
        Console().print(mutants.words(findings), highlight=False, soft_wrap=True)
    for survivor in found["survivors"]:
        text = f"survivor: {survivor['mutant']} ({survivor['says']}): {survivor['why']}"
        messages.print(text, highlight=False, markup=False, soft_wrap=True)
    if found["survivors"]:
        raise typer.Exit(CHANGED)


@app.command()
def explain(
    claim: Annotated[str, typer.Argument(help="Name of the claim, as the table of verify gives it.")],
    latex: Annotated[bool, typer.Option("--latex", help="Print a LaTeX fragment (it needs amsmath).")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown with formulas between dollars.")] = False,
) -> None:
    """Prove or refute one claim and print it as a page: statement, hypotheses, reasons, counterexample, correction."""
    from derivation.claims import LIBRARY
    from verify import typeset
    from verify.errors import unknown
    from verify.explain import explain as page_of

    if latex and markdown:
        raise UsageError("--latex and --markdown exclude each other: choose one")
    if claim not in LIBRARY:
        raise unknown("claim", claim, LIBRARY)
    page = page_of(LIBRARY[claim], LIBRARY)
    if latex or markdown:
        sys.stdout.write(typeset.to_latex(page) if latex else typeset.to_markdown(page))
        return
    console = Console()
    console.print(typeset.terminal(page, min(console.width, PAGE)))


@app.command()
def properties(
    profile: Annotated[str, typer.Option(help="How many cases are drawn for each claim: ci, dev or long.")] = "ci",
    claim: Annotated[
        list[str], typer.Option("--claim", help="Attack this claim or statement about maps alone (may be repeated).")
    ] = [],  # noqa: B006
    seed: Annotated[int, typer.Option(min=0, max=2**63 - 1, help="Seed of the drawn cases.")] = 0,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that work at the same time.")] = 2,
    report: Annotated[Path, typer.Option(help="Directory for properties.html and properties.md.")] = Path("report"),
    record: Annotated[bool, typer.Option("--record", help="Store the counterexamples that are found.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no table.")] = False,
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
    try:
        with _bar(len(work), hidden=quiet) as advance:
            outcome = necessity.run(work, profile, seed, jobs=jobs, kept=kept, progress=advance)
        maps = None if claim else _compared(profile, seed, jobs, report / ".picture.jsonl", quiet)
    except KeyboardInterrupt:
        _leave("interrupted: run the same command again, and it goes on where it stopped.", INTERRUPTED)
    drawn = [] if claim else [make() for make in breakmaps.MAPS]
    text = shown.markdown(outcome) + ("" if maps is None else f"\n{pictured.markdown(maps)}")
    files.write_whole(report / "properties.md", text.encode())
    page = shown.render(outcome, drawn, None if maps is None else pictured.section(maps))
    links.place(report, {links.PROPERTIES.file: page})
    if not quiet:
        Console().print(shown.terminal(outcome))
        Console().print(*whole_maps.terminal(outcome))
        words = [*shown.summary(outcome), *whole_maps.summary(outcome)]
        words += [] if maps is None else pictured.sentences(picture_study.document(maps))
        Console().print(" ".join(words), highlight=False, soft_wrap=True)
    messages.print(f"report: {report / 'properties.html'}", highlight=False, markup=False, soft_wrap=True)
    if record:
        necessity.record(outcome)
        if maps is not None and picture_study.is_enough(maps):
            picture_study.record(maps)
    changes = outcome.faults + ([] if record else necessity.moved(outcome))
    if maps is not None:
        changes += maps.faults + ([] if record else picture_study.moved(maps))
    for change in changes:
        messages.print(f"moved: {change}", highlight=False, markup=False, soft_wrap=True)
    if changes:
        raise typer.Exit(CHANGED)


def _compared(profile: str, seed: int, jobs: int, kept: Path, quiet: bool) -> "picture_study.Outcome | None":
    """Compare heatmaps; None where the trained networks or the pictures are not installed, which is said."""
    from verify import picture_study
    from verify.errors import MissingPackage

    work = picture_study.tasks(profile)
    try:
        with _bar(len(work), hidden=quiet) as advance:
            return picture_study.run(work, profile, seed, jobs=jobs, kept=kept, progress=advance)
    except MissingPackage as error:
        messages.print(f"not run: heatmaps ({error})", highlight=False, markup=False, soft_wrap=True)
        return None


@app.command()
def replay(
    slug: Annotated[
        str, typer.Argument(help="Name of the counterexample, CLAIM/without-HYPOTHESIS or CLAIM/as-printed.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Try every stored counterexample again.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Build a stored counterexample anew, compute it by every method, and print it so that it can be followed by hand.

    Exit status 1 if it comes out otherwise than its file says.
    """
    from verify import replay as stored
    from verify import typeset
    from verify.explain import at_counterexample
    from verify.map_replay import at_setting

    if bool(slug) == everything:
        raise UsageError("name one counterexample, or use --all")
    names = stored.slugs() if everything else [slug]
    found = []
    with _bar(len(names), hidden=quiet or not everything) as advance:
        for name in names:
            found.append(stored.replay(stored.read(name)))
            advance(name)
    for each in found:
        for fault in each.faults:
            messages.print(f"{each.stored.slug}: {fault}", highlight=False, markup=False, soft_wrap=True)
    failed = sum(bool(each.faults) for each in found)
    console = Console()
    if everything:
        console.print(
            f"{len(found) - failed} of {len(found)} counterexamples reproduce and are certified.", highlight=False
        )
    elif found[0].violation is not None:
        page = at_setting(found[0]) if found[0].stored.setting else at_counterexample(found[0])
        console.print(typeset.terminal(page, min(console.width, PAGE)))
    if failed:
        raise typer.Exit(CHANGED)


@app.command()
def bench(
    workload: Annotated[list[str], typer.Option("--workload", help="Measure this tail alone (may be repeated).")] = [],  # noqa: B006
    dtype: Annotated[list[str], typer.Option("--dtype", help="float64 or float32 alone.")] = [],  # noqa: B006
    whole: Annotated[bool, typer.Option("--whole", help="Whole maps, not extrapolated from a sample.")] = False,
    threads: Annotated[int, typer.Option(min=0, help="Threads of torch; 0 leaves its own number.")] = 0,
    rounds: Annotated[int, typer.Option(min=1, help="How often everything is measured in turn.")] = 3,
    representations: Annotated[
        bool, typer.Option("--representations", help="Leave out one representation of the engine at a time instead.")
    ] = False,
    maps: Annotated[
        bool, typer.Option("--maps", help="Time heatmaps beside other libraries instead, on whole networks.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Make this the recorded figures: on a quiet machine.")
    ] = False,
    report: Annotated[Path, typer.Option(help="Directory for what an interrupted run has finished.")] = Path("report"),
) -> None:
    """Time true derivatives of known architectures' tails beside other ways to them and beside the arithmetic limit.

    Without --whole it takes some minutes. A run that is interrupted goes on where it stopped.
    """
    from json import dumps

    from verify.bench import run
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
    settings = {"rounds": rounds, "threads": threads, "whole": whole}

    def progress(task: str) -> None:
        messages.print(f"measuring {task}", highlight=False, markup=False)

    kept = report / f".bench-{part}.jsonl"
    try:
        if maps:
            found = run.maps(settings, kept, progress)
        else:
            found = (run.gains if representations else run.rows)(names, dtypes, settings, kept, progress)
    except KeyboardInterrupt:
        _leave("interrupted: run the same command again, and it goes on where it stopped.", INTERRUPTED)
    if json:
        sys.stdout.write(dumps(found, indent=1) + "\n")
    else:
        Console().print(*shown.terminal(**{part: found}))
    if record:
        files.write_whole(run.RECORD, run.record(part, found).encode())


@app.command()
def peers(
    peer: Annotated[list[str], typer.Option("--peer", help="Ask this library alone (may be repeated).")] = [],  # noqa: B006
    function: Annotated[
        str | None,
        typer.Option(
            "--callable",
            help="FILE.py:FUNCTION, a function (model, layer name, images, class) -> maps (B, h, w), asked as well.",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print everything that was found as JSON.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no table.")] = False,
) -> None:
    """Ask the installed libraries which formula of Grad-CAM++ they compute, and how they behave at the edges.

    A library that is missing is not run. With --callable alone only that function is asked.
    """
    from json import dumps

    from verify.peers import adapters, run, table

    asked = adapters.chosen(peer, function)
    with _bar(run.steps(asked), hidden=quiet) as advance:
        found = run.document(asked, advance)
    if json:
        sys.stdout.write(dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    elif not quiet:
        console = Console()
        console.print(*table.tables(found))
        for line in table.lines(found):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


@app.command()
def check(
    model: Annotated[str, typer.Argument(help="lite0, timm:NAME, torchvision:NAME or FILE.py:FACTORY.")],
    image: Annotated[
        str, typer.Option(help="A picture (PNG, JPEG, .npy) or chelsea, coffee, astronaut, rocket, camera.")
    ],
    layer: Annotated[str, typer.Option(help="Dotted name of the layer; lite0 has a default.")] = "",
    target: Annotated[
        int | None, typer.Option("--class", help="The class; by default the one with the highest score.")
    ] = None,
    head: Annotated[str, typer.Option(help="The outer function: exp, sigmoid, softmax or log_softmax.")] = "exp",
    places: Annotated[
        str, typer.Option(help="What the layer puts out: channels-first, channels-last or tokens.")
    ] = "channels-first",
    weights: Annotated[Path | None, typer.Option(help="A state dict (.pt); without, weights are random.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Height and width of the picture.")] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of random weights and of the sample.")
    ] = None,
    report: Annotated[Path, typer.Option(help="Directory for the page.")] = Path("report"),
    json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON instead.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress and no tables.")] = False,
) -> None:
    """Say whether the closed form is valid on a network: what breaks it, how wrong it is, and what to do instead."""
    from json import loads

    from verify.check import commands
    from verify.report import check as shown

    try:
        text, page = commands.check(
            model,
            layer,
            image,
            target=target,
            head=head,
            places=places,
            weights=weights,
            size=size,
            seed=seed,
            report=report,
            console=messages,
            quiet=quiet,
        )
    except KeyboardInterrupt:
        _leave("interrupted: run the same command again, and it goes on where it stopped.", INTERRUPTED)
    if json:
        sys.stdout.write(text)
    elif not quiet:
        Console().print(shown.terminal(loads(text)))
    messages.print(f"report: {page}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def heatmap(
    model: Annotated[str, typer.Argument(help="lite0, timm:NAME, torchvision:NAME or FILE.py:FACTORY.")],
    image: Annotated[list[str], typer.Option(help="A picture, as for check (may be repeated).")],
    more: Annotated[list[str], typer.Argument(metavar="[IMAGE]...", help="More pictures.")] = [],  # noqa: B006
    layer: Annotated[str, typer.Option(help="Dotted name of the layer; lite0 has a default.")] = "",
    target: Annotated[
        int | None, typer.Option("--class", help="The class; by default the one with the highest score.")
    ] = None,
    weights: Annotated[str | None, typer.Option(help="closed or exact; exact by default.")] = None,
    variant: Annotated[
        str | None, typer.Option(help="Instead, what the paper prints or a library computes: paper, torchcam, ...")
    ] = None,
    head: Annotated[
        str, typer.Option(help="The outer function: exp or sigmoid; with exact weights softmax, log_softmax.")
    ] = "exp",
    places: Annotated[
        str, typer.Option(help="What the layer puts out: channels-first, channels-last or tokens.")
    ] = "channels-first",
    state: Annotated[Path | None, typer.Option(help="A state dict (.pt); without, weights are random.")] = None,
    size: Annotated[int | None, typer.Option(min=1, help="Height and width of the pictures.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, max=2**63 - 1, help="Seed of random weights.")] = None,
    out: Annotated[Path, typer.Option(help="Directory for overlays (.png) and arrays (.npy).")] = Path("heatmaps"),
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress.")] = False,
) -> None:
    """Write heatmaps of pictures; a run that is interrupted goes on where it stopped."""
    from verify.check import commands

    try:
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
    except KeyboardInterrupt:
        _leave("interrupted: run the same command again, and finished heatmaps are not made again.", INTERRUPTED)


@app.command()
def cite(
    name: Annotated[
        str, typer.Argument(help="Name of the claim or of the statement about maps, as the tables give it.")
    ],
) -> None:
    """Print one sentence that says how a claim or a statement about maps stands, and BibTeX to cite it."""
    from verify import ledger
    from verify.report.citation import cited

    sys.stdout.write(cited(name, ledger.read_expected()["claims"]))


def _words(standing: dict[str, object] | None, other: dict[str, object] | None) -> str:
    """Say how something stands; which statement it is about only where the other standing is about another one."""
    if standing is None:
        return "nothing"
    same = other is not None and standing.get("statement") == other.get("statement")
    told = {name: value for name, value in standing.items() if name != "statement" or not same}
    return ", ".join(str(value) if name == "verdict" else f"{name}: {value}" for name, value in told.items())


@contextmanager
def _bar(total: int, *, hidden: bool) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on stderr while something works."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, disable=hidden or not messages.is_terminal, transient=True) as bar:
        task = bar.add_task("calibrating", total=total)
        yield lambda finished: bar.update(task, advance=1, description=finished)


def main() -> None:
    """Run the command line.

    Whatever goes wrong outside mathematics is one line and an exit status, never a traceback.
    """
    try:
        status = app(sys.argv[1:] or ["--help"], standalone_mode=False)
    except TyperException as error:
        _leave(f"{error.format_message()} (see --help)", USAGE)
    except UsageError as error:
        _leave(str(error), USAGE)
    except ModuleNotFoundError as error:
        _leave(f"the package of {error.name!r} is needed and not installed: pip install -e .", USAGE)
    except KeyboardInterrupt:
        status = INTERRUPTED
    except Exception as error:
        if os.environ.get("GRADCAMPP_DEBUG"):
            raise
        fault = "" if isinstance(error, Fault) else "a fault of gradcampp: "
        _leave(f"{fault}{type(error).__name__}: {error} (GRADCAMPP_DEBUG=1 shows where)", FAULT)
    if status == INTERRUPTED:
        _leave("interrupted; nothing was written. Run the same command again: trained networks are kept.", INTERRUPTED)
    sys.exit(status)


def _leave(message: str, status: int) -> NoReturn:
    messages.print(f"gradcampp: {message}", style="bold", highlight=False, markup=False, soft_wrap=True)
    sys.exit(status)

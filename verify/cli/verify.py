"""`gradcampp verify`: the suite, its report, and what moved."""

import sys
from pathlib import Path
from typing import Annotated

from typer import Exit, Option

from verify.cli.console import CHANGED, NOTHING, bar, interruptible, say, show
from verify.cli.options import LARGEST_SEED, Jobs, NoTable
from verify.errors import UsageError


def verify(
    claim: Annotated[list[str], Option("--claim", help="Try this claim alone (may be repeated).")] = [],  # noqa: B006
    only: Annotated[
        list[str],
        Option("--only", help="Use this method alone: symbolic, exact, enclosure, autograd, property or network."),
    ] = [],  # noqa: B006
    seed: Annotated[
        int, Option(min=0, max=LARGEST_SEED, help="Seed of the sample of entries and of the property search.")
    ] = 0,
    jobs: Jobs = 2,
    report: Annotated[Path, Option(help="Directory for index.html, ledger.json and verdicts.md.")] = Path("report"),
    json: Annotated[bool, Option("--json", help="Print the ledger on stdout instead of the table.")] = False,
    quiet: NoTable = False,
    record: Annotated[bool, Option("--record", help="Make what was found the expected standing.")] = False,
) -> None:
    """Try every claim by every method, write the report, and compare with the recorded standing."""
    from verify import ledger, run
    from verify.report import files, links, notebooks, site, table

    claims, methods = run.chosen(claim, only)
    partial = len(claims) < len(run.LIBRARY) or set(methods) != set(run.METHODS)
    if record and partial:
        raise UsageError("--record needs a run of all claims by all methods: leave out --claim and --only")
    expected = None if record else ledger.read_expected()
    files.demand_writable(report)
    with interruptible(NOTHING), bar(len(run.tasks(claims, methods, seed)), hidden=quiet) as advance:
        outcome = run.suite(claims, methods, seed, expected=expected, jobs=jobs, progress=advance)
    text = ledger.dumps(outcome.document)
    document = ledger.loads(text)  # what anybody can render again: the file, not what was in memory
    verdicts = f"{table.markdown(document)}\n{table.answers(document['constraints'])}"
    parts = {"ledger.json": text, "verdicts.md": verdicts}
    for name, part in parts.items():
        files.write_whole(report / name, part.encode())
    there = links.there(report)  # what is there was made from another ledger
    books = [book for book in notebooks.committed() if book.page in there]
    made = site.of_ledger(document, report, books)
    links.place(report, {name: text for name, text in made.items() if name == links.FRONT.file or name in there})
    if json:
        sys.stdout.write(text)
    elif not quiet:
        show(table.terminal(document, outcome.seconds))
    say(f"report: {report / 'index.html'}")
    if record:
        files.write_whole(ledger.EXPECTED, ledger.dumps(ledger.expected_of(outcome.document)).encode())
        return
    for change in outcome.moved:
        both = change["expected"], change["found"]
        say(f"moved: {change['claim']}: expected {_words(*both)}, found {_words(*reversed(both))}")
    if outcome.moved:
        raise Exit(CHANGED)


def _words(standing: dict[str, object] | None, other: dict[str, object] | None) -> str:
    """Say how something stands; which statement it is about only where the other standing is about another one."""
    if standing is None:
        return "nothing"
    same = other is not None and standing.get("statement") == other.get("statement")
    told = {name: value for name, value in standing.items() if name != "statement" or not same}
    return ", ".join(str(value) if name == "verdict" else f"{name}: {value}" for name, value in told.items())

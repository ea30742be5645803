"""`gradcampp mutate`: errors planted in what is proved."""

from typing import Annotated

from typer import Exit, Option

from verify.cli.console import CHANGED, NOTHING, as_json, bar, interruptible, say, sentence, show
from verify.cli.options import Jobs, NoTable


def mutate(
    claim: Annotated[list[str], Option("--claim", help="Plant errors in this claim alone (may be repeated).")] = [],  # noqa: B006
    everything: Annotated[bool, Option("--all", help="Every edit, however long it takes.")] = False,
    jobs: Jobs = 2,
    json: Annotated[bool, Option("--json", help="Print the numbers and the survivors as JSON.")] = False,
    verbose: Annotated[bool, Option("--verbose", help="List every planted error.")] = False,
    quiet: NoTable = False,
) -> None:
    """Plant errors in what is proved: none may be proved. Exit status 1 if one is, or if a hypothesis is needless."""
    from verify import mutate as planting
    from verify.report import mutants

    claims = planting.chosen(claim)
    errors = planting.planted(claims, everything=everything)
    with interruptible(NOTHING), bar(len(claims) + len(errors), hidden=quiet) as advance:
        findings = planting.run(claims, errors, jobs=jobs, progress=advance)
    found = planting.document(findings)
    if json:
        as_json(found)
    elif not quiet:
        show(mutants.details(findings) if verbose else mutants.summary(findings))
        sentence(mutants.words(findings))
    for survivor in found["survivors"]:
        say(f"survivor: {survivor['mutant']} ({survivor['says']}): {survivor['why']}")
    if found["survivors"]:
        raise Exit(CHANGED)

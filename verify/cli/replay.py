"""`gradcampp replay`: stored counterexamples, built anew."""

from typing import Annotated

from typer import Argument, Exit, Option

from verify.cli.console import CHANGED, bar, columns, say, sentence, show
from verify.cli.options import NoProgress
from verify.errors import UsageError


def replay(
    slug: Annotated[
        str, Argument(help="Name of the counterexample, CLAIM/without-HYPOTHESIS or CLAIM/as-printed.")
    ] = "",
    everything: Annotated[bool, Option("--all", help="Try every stored counterexample again.")] = False,
    quiet: NoProgress = False,
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
    with bar(len(names), hidden=quiet or not everything) as advance:
        for name in names:
            found.append(stored.replay(stored.read(name)))
            advance(name)
    for each in found:
        for fault in each.faults:
            say(f"{each.stored.slug}: {fault}")
    failed = sum(bool(each.faults) for each in found)
    if everything:
        sentence(f"{len(found) - failed} of {len(found)} counterexamples reproduce and are certified.")
    elif found[0].violation is not None:
        page = at_setting(found[0]) if found[0].stored.setting else at_counterexample(found[0])
        show(typeset.terminal(page, columns()))
    if failed:
        raise Exit(CHANGED)

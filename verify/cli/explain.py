"""`gradcampp explain`: one claim as a page of a textbook."""

import sys
from typing import Annotated

from typer import Argument, Option

from verify.cli.console import columns, show
from verify.errors import UsageError


def explain(
    claim: Annotated[str, Argument(help="Name of the claim, as the table of verify gives it.")],
    latex: Annotated[bool, Option("--latex", help="Print a LaTeX fragment (it needs amsmath).")] = False,
    markdown: Annotated[bool, Option("--markdown", help="Print Markdown with formulas between dollars.")] = False,
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
    show(typeset.terminal(page, columns()))

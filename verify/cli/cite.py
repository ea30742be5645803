"""`gradcampp cite`: one sentence and BibTeX."""

import sys
from typing import Annotated

from typer import Argument


def cite(
    name: Annotated[str, Argument(help="Name of the claim or of the statement about maps, as the tables give it.")],
) -> None:
    """Print one sentence that says how a claim or a statement about maps stands, and BibTeX to cite it."""
    from verify import ledger
    from verify.report.citation import cited

    sys.stdout.write(cited(name, ledger.read_expected()["claims"]))

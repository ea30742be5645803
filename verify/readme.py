"""The parts of README.md that are made and not written: `python -m verify.readme` puts them in, a test compares them.

They stand between `<!-- NAME -->` and `<!-- /NAME -->`: `verdicts` is made from the claims and the recorded standing.
"""

import re
from pathlib import Path

from derivation.claims import CLAIMS
from verify import ledger
from verify.catalogue.networks import NETWORKS
from verify.errors import UsageError
from verify.report.table import markdown

README = Path(__file__).parent.parent / "README.md"


def verdicts() -> str:
    """Return the table of claims with their recorded standing, and the networks on which the closed form was tried."""
    expected = ledger.read_expected()
    claims = [
        {
            "name": claim.name,
            "says": claim.says,
            "source": ledger.source_record(claim),
            "corrected_by": ledger.corrected_by(claim),
            **expected["claims"][claim.name],
        }
        for claim in CLAIMS
    ]
    rows = [
        f"| {network.title} | {'holds' if expected['networks'][network.name]['holds'] else 'fails'} |"
        for network in NETWORKS
    ]
    networks = "\n".join(["| network | the closed form |", "| --- | --- |", *rows])
    return f"{markdown({'claims': claims})}\n{networks}\n"


def filled(text: str) -> str:
    """Return a README's text with its made parts put in.

    Raises:
        UsageError: the marks of a part are missing.
    """
    made, count = re.subn(
        r"(<!-- verdicts -->\n).*?(<!-- /verdicts -->)",
        lambda m: f"{m[1]}\n{verdicts()}\n{m[2]}",
        text,
        flags=re.DOTALL,
    )
    if count != 1:
        raise UsageError("README.md needs the marks <!-- verdicts --> and <!-- /verdicts --> exactly once")
    return made


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")

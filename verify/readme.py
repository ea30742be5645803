"""The parts of README.md that are made and not written: `python -m verify.readme` puts them in, a test compares them.

They stand between `<!-- NAME -->` and `<!-- /NAME -->`: `verdicts` is made from the claims and the recorded standing,
`picture` and `bench` from the recorded figures.
"""

from collections import Counter
from pathlib import Path

from derivation.claims import CLAIMS
from derivation.heads import HEADS
from verify import ledger, picture_study
from verify.bench.run import recorded as benchmark
from verify.catalogue.networks import NETWORKS
from verify.errors import UsageError
from verify.report.bench import markdown as timings
from verify.report.picture import sentences
from verify.report.table import answers, outer_functions, refuted
from verify.report.words import counted
from verify.verdict import Verdict

README = Path(__file__).parent.parent / "README.md"


def verdicts() -> str:
    """Return how many claims stand how, what is false as printed, the constraints, and the networks that were tried."""
    expected = ledger.read_expected()
    standing = {name: Verdict(record["verdict"]) for name, record in expected["claims"].items()}
    count = Counter(standing.values())
    counts = ", ".join(f"{count[verdict]} {verdict}" for verdict in Verdict if count[verdict])
    false = [
        {"says": claim.says, "source": ledger.source_record(claim), "name": claim.name, "instead": corrections}
        for claim in CLAIMS
        if standing[claim.name] is Verdict.REFUTED and (corrections := ledger.corrected_by(claim))
    ]
    rows = [
        f"| {network.title} | {'holds' if expected['networks'][network.name]['holds'] else 'fails'} |"
        for network in NETWORKS
    ]
    networks = "\n".join(["| network | the closed form |", "| --- | --- |", *rows])
    parts = (
        f"{counted(CLAIMS, 'claim')}: {counts}. What is refuted, and the claim that says what is true instead:\n",
        refuted(false),
        "The three constraints that the post draws from its derivation:\n",
        answers(ledger.constraints(standing)),
        "Outer functions, S affine along the line: each is one expression, and SymPy works out what follows. Where "
        "f'' = 0 and f''' is not, alpha is 0 if sigma g is not. In u^m the exponent is any integer but 0 and 1, log(u) "
        "stands for log|u|:\n",
        outer_functions(HEADS),
        "The closed form on trained networks:\n",
        f"{networks}\n",
    )
    return "\n".join(parts)


def picture() -> str:
    """Return how far the heatmaps are apart, in a paragraph."""
    recorded = picture_study.recorded()
    views = next(row["images"] for row in recorded["rows"] if row["experiment"] == "lite0")
    return (
        f"{' '.join(sentences(recorded))} (Profile `{recorded['profile']}`, 95 % intervals in brackets; the"
        f" {views} views show 5 photographs, and count as 5. Different is not worse: which map explains a network"
        " better is not asked. `gradcampp properties` puts it all into `report/properties.html#picture`.)\n"
    )


def bench() -> str:
    """Return what was measured of the engine of true derivatives."""
    return timings(benchmark())


PARTS = {"verdicts": verdicts, "picture": picture, "bench": bench}


def filled(text: str) -> str:
    """Return a README's text with its made parts put in.

    Raises:
        UsageError: the marks of a part are missing.
    """
    for name, make in PARTS.items():
        before, *rest = text.split(f"<!-- {name} -->\n")
        _, *after = rest[0].split(f"<!-- /{name} -->") if len(rest) == 1 else [""]
        if len(after) != 1:
            raise UsageError(f"README.md needs the marks <!-- {name} --> and <!-- /{name} --> exactly once")
        text = f"{before}<!-- {name} -->\n\n{make()}\n<!-- /{name} -->{after[0]}"
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8")), "utf-8")

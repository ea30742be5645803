"""The ledger: every claim with its evidence and standing, as one JSON document; the same seed and versions give the
same bytes.

The report is rendered from it and from nothing else. `verify/ledger.json` in the repository records the standing that
is expected.
"""

import importlib.metadata
import json
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from sympy import Basic, srepr
from sympy.printing.str import sstr

from derivation.claim import Claim
from derivation.claims import CLAIMS
from derivation.constraints import CONSTRAINTS
from derivation.notation import NOTATION
from derivation.printing import SIGNS, latex, latex_sign
from derivation.proof import Proof
from verify.calibrate import Check
from verify.errors import CorruptFile
from verify.verdict import Evidence, Verdict

SCHEMA = "gradcampp-ledger/2"
EXPECTED_SCHEMA = "gradcampp-expected/2"
EXPECTED = Path(__file__).with_name("ledger.json")
PACKAGES = (
    "torch",
    "sympy",
    "numpy",
    "python-flint",
    "hypothesis",
    "mpmath",
    "scikit-image",
    "scikit-learn",
    "matplotlib",
)

Record = dict[str, Any]


def source_record(claim: Claim) -> Record:
    """Where a claim was printed."""
    return asdict(claim.source)


def corrected_by(claim: Claim) -> list[str]:
    """Return the names of the claims that say what is true instead."""
    return [other.name for other in CLAIMS if claim.name in other.corrects]


def claim_record(
    claim: Claim, proof: Record | None, evidence: Sequence[Evidence], verdict: Verdict, stands: bool
) -> Record:
    """Everything a reader wants to know of one claim."""
    return {
        "name": claim.name,
        "says": claim.says,
        "lhs": latex(claim.lhs),
        "rhs": latex(claim.rhs),
        "relation": latex_sign(claim.relation),
        "text": f"{sstr(claim.lhs)} {SIGNS[claim.relation.rel_op]} {sstr(claim.rhs)}",
        "statement": digest(claim),
        "given": [{"name": h.name, "says": h.says, "latex": latex(h.relation)} for h in claim.given],
        "uses": list(claim.uses),
        "corrects": list(claim.corrects),
        "corrected_by": corrected_by(claim),
        "source": source_record(claim),
        "verdict": str(verdict),
        "stands": stands,
        "proof": proof,
        "evidence": [evidence_record(piece) for piece in evidence],
    }


def digest(claim: Claim) -> str:
    """Return 12 letters that change when the statement or a hypothesis does, though the name and verdict stay."""
    hypotheses = sorted((srepr(h.relation), h.at_point) for h in claim.given)
    return sha256(repr((srepr(claim.statement), hypotheses)).encode()).hexdigest()[:12]


def proof_record(proof: Proof) -> Record:
    """Return the links of a proof, each with its reason."""
    return {
        "holds": proof.holds,
        "reason": proof.reason,
        "links": [
            {
                "before": latex(link.before),
                "relation": latex_sign(link.relation),
                "after": latex(link.after),
                "says": link.says,
                "by": list(link.by),
                "decided": link.decided,
                "difference": _latex(link.difference),
            }
            for link in proof.links
        ],
    }


def _latex(expr: Basic | None) -> str | None:
    return None if expr is None else latex(expr)


def evidence_record(piece: Evidence) -> Record:
    """One piece of evidence; how long it took is not in it, since that is never the same twice."""
    record = asdict(piece)
    del record["seconds"]
    return {**record, "verdict": str(piece.verdict)}


def check_record(check: Check) -> Record:
    """One agreement of two oracles."""
    return {**asdict(check), "agrees": check.agrees}


def environment(seed: int) -> Record:
    """Return what the figures may depend on."""
    return {
        "gradcampp": importlib.metadata.version("gradcampp"),
        "python": platform.python_version(),
        "seed": seed,
        "machine": platform.machine(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def dumps(document: Mapping[str, Any]) -> str:
    """Return JSON text; a number that is not finite becomes null, which JSON has a word for."""
    return json.dumps(_finite(document), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def loads(text: str) -> Record:
    """Read a ledger back.

    Raises:
        CorruptFile: it is none, or of another schema.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        raise CorruptFile(f"this is no ledger: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise CorruptFile(f"this is no ledger of the schema {SCHEMA}")
    return document


def notation() -> list[Record]:
    """Return what every letter means."""
    return [{"latex": latex(entry.letter), "meaning": entry.meaning, "domain": entry.domain} for entry in NOTATION]


def constraints(verdicts: Mapping[str, Verdict]) -> list[Record]:
    """Return what the verdicts of the claims answer about the post's constraints: yes, no, open or not tried."""
    return [
        {
            "place": constraint.place,
            "words": constraint.words,
            "questions": [
                {**asdict(question), "claims": list(question.claims), "answer": _answer(question.claims, verdicts)}
                for question in constraint.questions
            ],
        }
        for constraint in CONSTRAINTS
    ]


def _answer(claims: Iterable[str], verdicts: Mapping[str, Verdict]) -> str:
    found = [verdicts.get(name) for name in claims]
    if Verdict.REFUTED in found:
        return "no"
    if None in found:
        return "not tried"
    return "yes" if set(found) == {Verdict.PROVED} else "open"


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, list | tuple) else value


def standing(record: Mapping[str, Any]) -> Record:
    """Return what is expected of a claim: its verdict, whether it stands, and which statement that is about."""
    return {name: record[name] for name in ("verdict", "stands", "statement")}


def expected_of(ledger: Mapping[str, Any]) -> Record:
    """Return what a later run is compared with.

    The standing of every claim, and on which networks the closed form holds.
    """
    return {
        "schema": EXPECTED_SCHEMA,
        "claims": {record["name"]: standing(record) for record in ledger["claims"]},
        "networks": {record["name"]: {"holds": record["holds"]} for record in ledger["networks"]},
    }


def read_expected(path: Path = EXPECTED) -> Record:
    """Read the recorded standing.

    Raises:
        CorruptFile: it is missing or is no such record.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise CorruptFile(
            f"the expected standing {path.name} cannot be read ({error}): restore it, or run with --record"
        ) from error
    if not isinstance(record, dict) or record.get("schema") != EXPECTED_SCHEMA:
        raise CorruptFile(f"{path.name} is not of the schema {EXPECTED_SCHEMA}: restore it, or run with --record")
    return record


def moved(found: Mapping[str, Any], expected: Mapping[str, Any], names: Iterable[str] | None = None) -> list[Record]:
    """List what stands otherwise than expected, among the `names` that were tried (default: all of either record)."""
    changes = []
    for kind in ("claims", "networks"):
        known = {**expected[kind], **found[kind]} if names is None else dict.fromkeys(names)
        for name in known:
            before, now = expected[kind].get(name), found[kind].get(name)
            if before != now:
                changes.append({"claim": name, "expected": before, "found": now})
    return changes

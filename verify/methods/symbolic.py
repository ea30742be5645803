"""Symbolic proof: the only method that can say PROVED.

What a proof could not decide is UNDECIDED with the place where it stopped.
"""

from collections.abc import Mapping

from derivation.claim import Claim
from derivation.printing import line
from derivation.proof import Proof, prove
from verify.verdict import Evidence, Verdict

EVERYWHERE = "all values that meet the hypotheses"


def symbolic(claim: Claim, library: Mapping[str, Claim]) -> tuple[Evidence, Proof]:
    """Try to prove a claim from the claims in `library`; return what that says, and the proof itself for the reader."""
    proof = prove(claim, library)
    if proof.holds:
        return Evidence("symbolic", Verdict.PROVED, EVERYWHERE, tried=len(proof.links)), proof
    return Evidence("symbolic", Verdict.UNDECIDED, EVERYWHERE, note=_why(proof)), proof


def unfinished(claim: Claim, seconds: float) -> tuple[Evidence, Proof]:
    """Return what is known of a claim whose proof was stopped after so many seconds: nothing."""
    why = f"stopped after {seconds:g} s"
    piece = Evidence("symbolic", Verdict.UNDECIDED, EVERYWHERE, note=why, seconds=seconds)
    return piece, Proof(claim.name, (), claim.uses, why)


def _why(proof: Proof) -> str:
    if proof.reason:
        return proof.reason
    stuck = next(link for link in proof.links if link.decided is not True)
    left = "what was not decided" if stuck.difference is None else line(stuck.difference)
    return f"not proved: «{stuck.says}» leaves {left}"

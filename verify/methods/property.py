"""Property search: Hypothesis draws cases of a claim, looks for one whose enclosures are disjoint, and shrinks it.

What is found is a counterexample because the balls are disjoint, so the evidence that refutes carries the method
"enclosure".
"""

import random

from hypothesis import HealthCheck, Phase, find, settings
from hypothesis.errors import NoSuchExample

from derivation.claim import Claim
from derivation.printing import OPPOSITES
from verify.cases import Case, meets
from verify.methods.enclosure import judge
from verify.methods.trial import Outcome, evidence
from verify.probe import NoRule
from verify.properties import Property
from verify.verdict import Evidence, Verdict, Witness

EXAMPLES = 200
SETTINGS = settings(
    max_examples=EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.generate, Phase.shrink),
)


def search(claim: Claim, prop: Property, seed: int) -> list[Evidence]:
    """Search for a counterexample to a claim.

    Returns:
        What the property says (SUPPORTED, or UNDECIDED where it found something), and the certificate of what it found,
        if anything.
    """
    outcomes: list[Outcome] = []
    vacuous = 0

    def refutes(case: Case) -> bool:
        nonlocal vacuous
        outcome = _judge(claim, prop, case)
        if outcome is None:
            vacuous += 1
            return False
        outcomes.append(outcome)
        return outcome.holds is False

    try:
        found = find(prop.draw, refutes, settings=SETTINGS, random=random.Random(seed))
    except NoSuchExample:
        if not outcomes:
            return [
                evidence(
                    "property",
                    Verdict.UNDECIDED,
                    [],
                    0,
                    vacuous,
                    case=prop.says,
                    note="no drawn case meets the hypotheses",
                )
            ]
        return [evidence("property", Verdict.SUPPORTED, outcomes, len(outcomes), vacuous, case=prop.says)]
    last = _judge(claim, prop, found)
    assert last is not None, "a found case was judged before"
    note = f"found and shrunk: {found}"
    return [
        evidence("property", Verdict.UNDECIDED, [], len(outcomes), vacuous, case=prop.says, note=note),
        evidence(
            "enclosure",
            Verdict.REFUTED,
            [last],
            1,
            0,
            case=f"shrunk from {prop.says}",
            witness=Witness(str(found), last.lhs, last.rhs, OPPOSITES[claim.relation.rel_op]),
        ),
    ]


def _judge(claim: Claim, prop: Property, case: Case) -> Outcome | None:
    """Return what the enclosures say of a case; None where a hypothesis is not known to hold or they say nothing."""
    open_ones = (h for h in claim.given if h.name not in prop.built_in)
    if not all(meets(case, hypothesis) for hypothesis in open_ones):
        return None
    try:
        outcome = judge(claim, case)
    except NoRule:
        return None
    return None if outcome.holds is None else outcome

"""What every method that tries cases has in common: draw the admitted cases, judge each, and add up the evidence."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from derivation.claim import Claim
from derivation.printing import OPPOSITES, SIGNS
from verify.cases import Case, admitted, cases
from verify.probe import NoRule
from verify.verdict import Evidence, Verdict, Witness

CATALOGUE = "small cases of the catalogue"


@dataclass(frozen=True)
class Outcome:
    """The two sides of a claim in one case.

    Args:
        lhs, rhs: the sides.
        holds: whether the claim holds there; None: not decided.
        residual, bound: by how much they differ, and may differ.
        accuracy: to how many bits the less accurate side is enclosed, where sides are; `math.inf` if both are exact.
    """

    lhs: str
    rhs: str
    holds: bool | None
    residual: float | None = None
    bound: float | None = None
    accuracy: float | None = None


@dataclass
class Tally:
    """The cases of a claim that meet its hypotheses, counted as they are drawn; `vacuous` are those passed over."""

    claim: Claim
    at_most: int
    vacuous: int = 0

    def __iter__(self) -> Iterator[Case]:
        """Yield at most `at_most` admitted cases."""
        met = 0
        for case in cases(self.claim):
            if not admitted(case, self.claim):
                self.vacuous += 1
                continue
            yield case
            met += 1
            if met == self.at_most:
                return


def try_cases(method: str, claim: Claim, judge: Callable[[Claim, Case], Outcome], at_most: int) -> Evidence:
    """Judge the admitted cases of a claim one by one; the first certified difference refutes it."""
    tally, outcomes, reasons = Tally(claim, at_most), [], []
    for case in tally:
        try:
            outcome = judge(claim, case)
        except NoRule as reason:
            reasons.append(f"{case}: {reason}")
            continue
        if outcome.holds is None:
            reasons.append(f"{case}: not decided whether {outcome.lhs} {SIGNS[claim.relation.rel_op]} {outcome.rhs}")
            continue
        outcomes.append(outcome)
        if outcome.holds is False:
            witness = Witness(str(case), outcome.lhs, outcome.rhs, OPPOSITES[claim.relation.rel_op])
            return evidence(method, Verdict.REFUTED, outcomes[-1:], len(outcomes), tally.vacuous, witness=witness)
    if not outcomes:
        note = reasons[0] if reasons else "no case meets the hypotheses"
        return evidence(method, Verdict.UNDECIDED, [], 0, tally.vacuous, note=note)
    note = f"{len(reasons)} more not decided, e.g. {reasons[0]}" if reasons else ""
    return evidence(method, Verdict.SUPPORTED, outcomes, len(outcomes), tally.vacuous, note=note)


def evidence(
    method: str,
    verdict: Verdict,
    outcomes: Iterable[Outcome],
    tried: int,
    vacuous: int,
    *,
    case: str = CATALOGUE,
    witness: Witness | None = None,
    note: str = "",
) -> Evidence:
    """Build the evidence; residual and bound are those of the outcome nearest to its bound, or furthest past."""
    measured = [(o.residual, o.bound) for o in outcomes if o.residual is not None and o.bound is not None]
    residual, bound = max(measured, key=lambda pair: pair[0] / pair[1] if pair[1] else pair[0], default=(None, None))
    return Evidence(
        method=method,
        verdict=verdict,
        case=case,
        residual=residual,
        bound=bound,
        tried=tried,
        vacuous=vacuous,
        witness=witness,
        note=note,
    )

"""Exact evaluation: both sides of a claim as rational numbers, or in exponentials of rationals.

Equal or not, larger or smaller, without rounding.
"""

from sympy import Integer

from derivation.claim import Claim
from verify.arithmetic.exact import EXACT, sign
from verify.cases import Case, exact_values
from verify.methods.trial import Outcome, try_cases
from verify.probe import value
from verify.verdict import Evidence

AT_MOST = 12


def exact(claim: Claim) -> Evidence:
    """Try a claim on the first `AT_MOST` cases that meet its hypotheses."""
    return try_cases("exact", claim, judge, AT_MOST)


def judge(claim: Claim, case: Case) -> Outcome:
    """Evaluate both sides exactly and decide whether they are related as the claim says."""
    at = exact_values(case)
    lhs, rhs = value(claim.lhs, at, EXACT), value(claim.rhs, at, EXACT)
    difference = sign(lhs - rhs)
    holds = None if difference is None else bool(claim.relation(Integer(difference), 0))
    if holds:  # nobody reads the sides then, and they can be long
        return Outcome("", "", holds)
    return Outcome(str(lhs), str(rhs), holds)

"""Enclosures: both sides of a claim as balls that are proved to contain them.

Of an equation, disjoint balls refute and no overlap ever proves. Of an inequality, a difference whose sign is certain
decides the case.
"""

import math

from flint import arb
from sympy import Eq, Integer
from sympy.core.relational import Relational

from derivation.claim import Claim
from verify.arithmetic.ball import BALL, BITS, precision
from verify.cases import Case, ball_values
from verify.methods.trial import Outcome, try_cases
from verify.probe import value
from verify.verdict import Evidence

AT_MOST = 96


def enclosure(claim: Claim) -> Evidence:
    """Try a claim on the first `AT_MOST` cases that meet its hypotheses."""
    return try_cases("enclosure", claim, judge, AT_MOST)


def judge(claim: Claim, case: Case) -> Outcome:
    """Enclose both sides; they differ for certain where the balls are disjoint.

    For an equation residual is an upper bound of |lhs - rhs|, bound the sum of the two radii: what the residual may be
    if the sides are equal.
    """
    with precision():
        at = ball_values(case)
        lhs, rhs = value(claim.lhs, at, BALL), value(claim.rhs, at, BALL)
        if not (lhs.is_finite() and rhs.is_finite()):
            return Outcome(str(lhs), str(rhs), None)
        with precision(2 * BITS):  # what the two balls say, without rounding again
            gap, radii = (lhs - rhs).abs_upper(), 2 * (lhs.rad() + rhs.rad())
        if claim.relation is Eq:
            return Outcome(lhs.str(12), rhs.str(12), lhs.overlaps(rhs), float(gap), float(radii), _accuracy(lhs, rhs))
        return Outcome(lhs.str(12), rhs.str(12), _related(lhs - rhs, claim.relation), accuracy=_accuracy(lhs, rhs))


def _accuracy(*sides: arb) -> float:
    """Return to how many bits the least accurate side is known; 0 or less if that may be 0."""
    return min(math.inf if side.is_exact() else float(side.rel_accuracy_bits()) for side in sides)


def _related(difference: arb, relation: type[Relational]) -> bool | None:
    """Whether every number in a ball is related to 0 so; None where some are and some are not."""
    occurs = {-1: not difference >= 0, 0: difference.contains(0), 1: not difference <= 0}
    answers = {bool(relation(Integer(sign), 0)) for sign, does in occurs.items() if does}
    return answers.pop() if len(answers) == 1 else None

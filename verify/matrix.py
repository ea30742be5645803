"""The matrix of necessity: what becomes of each proved claim when one of its hypotheses, and no other, does not hold.

For every claim and every hypothesis of it a case is looked for that violates this hypothesis and meets all others:

    false       the two sides differ there, by exact numbers or disjoint balls
    no value    a divisor is exactly 0 there, or what is differentiated has a kink
    needless    the claim is proved without the hypothesis, which has to leave it
    open        nothing was found; the cell says how long it was looked for

The first two say that the hypothesis is needed, and are certified: a float64 difference never decides. Cases come
simplest first, from the registers of `verify.cases`; then one ingredient that the hypothesis speaks of is exchanged.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, product

from sympy import Basic, Derivative, Eq, Expr, Integer, Pow, Rational, Symbol, cancel, preorder_traversal
from sympy.core.function import UndefinedFunction

from derivation.claim import Claim, Hypothesis, functions_in
from derivation.claims import LIBRARY
from derivation.decide import is_divisor
from derivation.edits import weaker
from derivation.notation import L, S, f
from derivation.printing import line
from derivation.proof import prove
from verify.arithmetic.exact import EXACT, sign
from verify.cases import FUNCTIONS, HALF, Case, cases, exact_values, meets
from verify.catalogue.functions import CONSTANT, Face, polynomial, softplus
from verify.methods import enclosure, exact
from verify.methods.trial import Outcome
from verify.probe import Kink, NoRule, value

AT_MOST = 3000  # cases of the registers that are looked at for a cell
BASES = 200  # cases in which one ingredient is exchanged
FEW = 40  # cases in which one more letter is exchanged

# What the registers of `verify.cases` leave out, since it violates what most claims ask for.
TAILS = (CONSTANT, polynomial("u - u^2/2", (0, 1, -HALF)), softplus(8), softplus(HALF))
FACES: dict[UndefinedFunction, tuple[Face, ...]] = {
    S: TAILS,
    L: TAILS,
    f: (polynomial("u^4", (0, 0, 0, 0, 1)), CONSTANT),
}
VALUES = tuple(Rational(k, 4) for k in (0, 4, -4, 8, -8, 2, -2, 16, -16, 1, -1, 32, -32))


class Need(StrEnum):
    """What a cell says about a hypothesis."""

    FALSE = "false"
    NO_VALUE = "no value"
    NEEDLESS = "needless"
    OPEN = "open"


@dataclass(frozen=True)
class Violation:
    """A case that violates one hypothesis alone, and what goes wrong there.

    Args:
        need: `FALSE` or `NO_VALUE`.
        case: where.
        outcome: the two sides; empty where there is no value.
        why: which part has no value; empty where the sides differ.
    """

    need: Need
    case: Case
    outcome: Outcome
    why: str = ""


@dataclass(frozen=True)
class Cell:
    """One hypothesis of one claim: what was found when it was dropped, and how many cases were looked at."""

    claim: str
    hypothesis: str
    need: Need
    looked_at: int
    violation: Violation | None = None

    @property
    def slug(self) -> str:
        """The permanent name of what was found."""
        return f"{self.claim}/without-{self.hypothesis}"


def cell(claim: Claim, hypothesis: Hypothesis) -> Cell:
    """Look for a case that violates this hypothesis of a claim alone and in which the claim fails.

    That a claim which is found to fail is not proved without the hypothesis all the same, `gradcampp mutate` asks.
    """
    looked_at = 0
    for case in violating(claim, hypothesis):
        looked_at += 1
        found = fails(claim, hypothesis, case)
        if found is not None:
            return Cell(claim.name, hypothesis.name, found.need, looked_at, found)
    need = Need.NEEDLESS if _proved_without(claim, hypothesis) else Need.OPEN
    return Cell(claim.name, hypothesis.name, need, looked_at)


def _proved_without(claim: Claim, hypothesis: Hypothesis) -> bool:
    dropped = next(m for m in weaker(claim) if m.name == f"{claim.name}/without-{hypothesis.name}")
    return prove(dropped.planted(LIBRARY), LIBRARY).holds


def violating(claim: Claim, hypothesis: Hypothesis) -> Iterator[Case]:
    """Yield the cases that violate a hypothesis and are not known to violate another, simplest first."""
    others = sorted((h for h in claim.given if h is not hypothesis), key=lambda h: not isinstance(h.relation, Eq))
    seen = set()
    for case in _candidates(claim, hypothesis):
        if case not in seen and meets(case, hypothesis) is False and all(_allows(case, h) for h in others):
            yield case
        seen.add(case)


def _allows(case: Case, hypothesis: Hypothesis) -> bool:
    """Whether a case meets a hypothesis, or the hypothesis has no value there, so that it cannot be violated."""
    met = meets(case, hypothesis)
    return bool(met) if met is not None else without_value(hypothesis.relation, case) is not None


def _candidates(claim: Claim, hypothesis: Hypothesis) -> Iterator[Case]:
    yield from islice(cases(claim), AT_MOST)
    bases = [*islice(_bases(claim, hypothesis), BASES)]
    for case in bases:
        yield from _exchanged(case, claim, hypothesis)
    for case in bases[:FEW]:
        for letter, _ in case.numbers:
            for moved in _moved(case, claim, letter, VALUES):
                yield from _exchanged(moved, claim, hypothesis)


def _bases(claim: Claim, hypothesis: Hypothesis) -> Iterator[Case]:
    """Yield the cases whose functions are those that the other hypotheses give."""
    equations = [h for h in claim.given if h is not hypothesis and isinstance(h.relation, Eq) and not h.at_point]
    moving = {v for h in equations for d in h.relation.atoms(Derivative) for v in d.variables}
    letters = {letter for h in equations for letter in h.relation.rhs.free_symbols - {h.argument}} - moving
    for case in cases(claim):
        if letters & hypothesis.relation.free_symbols or all(meets(case, h) is not False for h in equations):
            yield case


def _exchanged(case: Case, claim: Claim, hypothesis: Hypothesis) -> Iterator[Case]:
    """Yield the case with one function or one letter exchanged that the hypothesis speaks of."""
    functions, numbers = dict(case.functions), dict(case.numbers)
    for function in sorted(functions_in(hypothesis.relation) & functions.keys(), key=str):
        for face in FACES.get(function, ()):
            yield Case(tuple({**functions, function: face}.items()), case.numbers)
    for letter in sorted(hypothesis.relation.free_symbols & numbers.keys(), key=str):
        yield from _moved(case, claim, letter, (*_roots(case, hypothesis, letter), *VALUES))


def _moved(case: Case, claim: Claim, letter: Symbol, values: Iterable[Expr]) -> Iterator[Case]:
    """Yield the case with other values of a letter.

    Functions that a hypothesis ties to the letter, as a softplus to its sharpness, are exchanged along with it.
    """
    functions, numbers = dict(case.functions), dict(case.numbers)
    tied = sorted(_tied(claim, letter) & functions.keys(), key=str)
    registers = [(functions[function], *FACES.get(function, ()), *FUNCTIONS[function]) for function in tied]
    for number in (number for number in dict.fromkeys(values) if _is_of(letter, number)):
        for faces in product(*registers):
            others = dict(zip(tied, faces, strict=True))
            yield Case(tuple({**functions, **others}.items()), tuple({**numbers, letter: number}.items()))


def _tied(claim: Claim, letter: Symbol) -> set[UndefinedFunction]:
    equations = [h.relation for h in claim.given if isinstance(h.relation, Eq) and not h.at_point]
    return {function for r in equations if letter in r.rhs.free_symbols for function in functions_in(r)}


def _roots(case: Case, hypothesis: Hypothesis, letter: Symbol) -> Iterator[Expr]:
    """Yield where the two sides of the hypothesis would be equal if their difference were affine in the letter.

    It need not be rational: the pole of a softplus head is at -2 (1 + e)/(1 - e) for S = 1 and g = 1.
    """
    difference = hypothesis.relation.lhs - hypothesis.relation.rhs
    try:
        at = exact_values(case)
        start, end = (value(difference, {**at, letter: Integer(k)}, EXACT) for k in (0, 1))
    except NoRule:
        return
    if sign(start - end):
        yield cancel(start / (start - end))


def _is_of(letter: Symbol, number: Expr) -> bool:
    """Whether a number is one that a letter stands for; a rational one also has to be held by float64."""
    facts = all(getattr(number, f"is_{fact}") is known for fact, known in letter.assumptions0.items())
    return facts and (not number.is_Rational or Rational(float(number)) == number)


def fails(claim: Claim, hypothesis: Hypothesis | None, case: Case) -> Violation | None:
    """Return how a claim fails in a case, for certain, `hypothesis` left out of account; None where it holds, or where
    that is not decided.
    """
    for part in (claim.lhs, claim.rhs, *(h.relation for h in claim.given if h is not hypothesis)):
        why = without_value(part, case)
        if why is not None:
            return Violation(Need.NO_VALUE, case, Outcome("", "", None), why)
    for judge in (exact.judge, enclosure.judge):
        try:
            outcome = judge(claim, case)
        except NoRule:
            continue
        if outcome.holds is not None:
            return None if outcome.holds else Violation(Need.FALSE, case, outcome)
    return None


def without_value(part: Basic, case: Case) -> str | None:
    """Say what in an expression or a relation has no value in a case, for certain: a divisor that is exactly 0, a kink.

    None where nothing is known to have none.
    """
    at = exact_values(case)
    for e in preorder_traversal(part):
        if isinstance(e, Pow) and is_divisor(e) and _is_zero(e.base, at):
            return f"the divisor {line(e.base)} is 0"
    for side in part.args if isinstance(part, Basic) and part.is_Relational else (part,):
        try:
            value(side, at, EXACT)
        except Kink as kink:
            return str(kink)
        except NoRule:
            continue
    return None


def _is_zero(base: Basic, at: dict[Basic, object]) -> bool:
    try:
        return sign(value(base, at, EXACT)) == 0
    except NoRule:
        return False

"""Cases drawn at random that meet every hypothesis of a claim: what is proved has to hold in all of them.

Functions come from the registers, those that the hypotheses allow; numbers are multiples of 1/4. A number that a
hypothesis fixes at the point is worked out and not drawn; what else is asked of numbers is met by drawing again, and
how often that was needed is reported. Balls judge: a proved claim that is false in a drawn case is a contradiction.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from sympy import Eq, Expr, Ge, Gt, Integer, Le, Lt, Rational, Symbol
from sympy.core.function import UndefinedFunction

from derivation.claim import Claim, functions_in
from derivation.notation import beta
from verify.arithmetic.exact import EXACT
from verify.cases import FUNCTIONS, NUMBERS, Case, exact_values, free_symbols, meets
from verify.catalogue.functions import Face, polynomial
from verify.methods.enclosure import judge
from verify.probe import NoRule, value
from verify.verdict import Contradiction

AGAIN = 40  # draws for one case, on the average, before a claim is given up


@dataclass(frozen=True)
class Draws:
    """What came of drawing cases of one claim.

    Args:
        claim: its name.
        held: in how many cases the balls say that it holds.
        undecided: in how many they say nothing.
        rejected: how many draws met not every hypothesis.
    """

    claim: str
    held: int
    undecided: int
    rejected: int

    @property
    def acceptance(self) -> float:
        """The share of the draws that met every hypothesis."""
        drawn = self.held + self.undecided + self.rejected
        return (self.held + self.undecided) / drawn if drawn else 0.0


def draws(claim: Claim, at_most: int, seed: int) -> Draws:
    """Draw that many cases of a claim, the same for the same seed, and judge each.

    Raises:
        Contradiction: the claim is false in one of them.
    """
    held = undecided = 0
    rejected = Counted()
    for case in drawn(claim, at_most, seed, rejected):
        try:
            outcome = judge(claim, case)
        except NoRule:
            undecided += 1
            continue
        if outcome.holds is False:
            raise Contradiction(f"{claim.name} is proved, yet in {case} its sides are {outcome.lhs} and {outcome.rhs}")
        held, undecided = (held + 1, undecided) if outcome.holds else (held, undecided + 1)
    return Draws(claim.name, held, undecided, rejected.number)


@dataclass
class Counted:
    """How often something happened."""

    number: int = 0


def drawn(claim: Claim, at_most: int, seed: int, rejected: Counted) -> Iterator[Case]:
    """Yield that many cases that meet every hypothesis, or fewer where hardly any draw does; count the others."""
    random = Random(f"{seed} {claim.name}")
    letters = sorted(free_symbols(claim), key=str)
    functions = sorted(claim.functions, key=str)
    fixed = {h.relation.lhs: h.relation.rhs for h in claim.given if h.at_point and isinstance(h.relation.lhs, Symbol)}
    accepted = 0
    while accepted < at_most and rejected.number < AGAIN * at_most:
        numbers = {letter: number(letter, _sign(claim, letter), random) for letter in letters}
        case = _fixed(Case(_faces(claim, functions, numbers, random), tuple(numbers.items())), fixed)
        if case is not None and all(meets(case, h) for h in claim.given):
            accepted += 1
            yield case
        else:
            rejected.number += 1


def number(letter: Symbol, wanted: int, random: Random) -> Rational:
    """Return a number that the letter stands for: a sharpness of the register, a small order, a multiple of 1/4.

    Args:
        letter: the letter.
        wanted: 1 or -1 for that sign alone, 0 for any.
        random: where it comes from.
    """
    if letter == beta:
        return random.choice(NUMBERS[letter])
    if letter.is_integer:
        return Integer(random.randint(0 if letter.is_nonnegative else -3, 4))
    if letter.is_positive or wanted:
        return (wanted or 1) * Rational(random.randint(1, 16), 4)
    return Rational(random.randint(-16, 16), 4)


def _sign(claim: Claim, letter: Symbol) -> int:
    """Return the sign that a hypothesis asks of a letter, or 0."""
    signs = {Gt: 1, Ge: 1, Lt: -1, Le: -1}
    return next((signs[r.func] for r in (h.relation for h in claim.given) if r.func in signs and r.lhs == letter), 0)


def _faces(
    claim: Claim, functions: list[UndefinedFunction], numbers: dict[Symbol, Rational], random: Random
) -> tuple[tuple[UndefinedFunction, Face], ...]:
    """Return a face for each function: one that the equations along the line allow, if there is one in the register."""
    equations = [h for h in claim.given if isinstance(h.relation, Eq) and not h.at_point]
    chosen = []
    for function in functions:
        about = [h for h in equations if function in functions_in(h.relation)]
        slopes = [numbers[h.relation.rhs] for h in about if h.relation.rhs in numbers]
        faces = (*FUNCTIONS[function], *(polynomial(f"{slope} u", (0, slope)) for slope in slopes if slope))
        alone = [Case(((function, face),), tuple(numbers.items())) for face in faces]
        fitting = [case for case in alone if all(meets(case, h) is not False for h in about)]
        chosen.append(random.choice(fitting or alone).functions[0])
    return tuple(chosen)


def _fixed(case: Case, equations: dict[Symbol, Expr]) -> Case | None:
    """Return the case with the letters that are given at the point worked out; None if one is no number of its kind."""
    numbers = dict(case.numbers)
    for letter, e in equations.items():
        try:
            found = value(e, exact_values(Case(case.functions, tuple(numbers.items()))), EXACT)
        except NoRule:
            return None
        if not found.is_Rational or Rational(float(found)) != found or (letter.is_positive and not found > 0):
            return None
        numbers[letter] = found
    return Case(case.functions, tuple(numbers.items()))

"""What a statement is: two inert sides, its hypotheses, its reasons and where it was printed.

Nothing here evaluates anything. `Derivative(2*x, x)` must stay written as it is, for a side that simplifies itself at
construction is a claim that has vanished; so sides are built from `Derivative` and `Limit`, and relations with
`evaluate=False`.
"""

from dataclasses import dataclass
from functools import cached_property

from sympy import Basic, Eq, Expr, Ge, Gt, Le, Lt, Ne, Symbol
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from derivation.nth import NthDerivative


@dataclass(frozen=True)
class Source:
    """Where a statement was printed: a key of `references.bib`, the place, what it says, and which reading if several.

    The words are the work's own where it lies in `documents/`, else ours.
    """

    work: str
    where: str
    words: str = ""
    reading: str = ""


@dataclass(frozen=True)
class Hypothesis:
    """An assumption as an object: a name, a plain sentence and an inert relation.

    What the checker may do with it follows from the relation:
        Eq(f(u), e(u))                  f is the function e, for every real u; e may hold no other symbol
        Eq(f'(u), e(u))                 so is its derivative, f' being `nth(f)(1, u)`, of any order
        Eq(Derivative(S(x), ..), e(x))  holds along the whole line near the entry, hence so do its derivatives
        Eq(letter, e), at_point         holds at the entry's value of x alone: nothing may be differentiated afterwards
        Ne(e, 0), Gt(e, 0), Lt(e, 0)    may be divided by; Gt and Lt say which branch of |e| and Max(0, e) it is
        Ge(e, 0), Le(e, 0)              say so at the point alone
        any other                       is refused: nothing would be known to follow from it
    """

    name: str
    says: str
    relation: Relational
    at_point: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.relation, (Eq, Ne, Gt, Lt, Ge, Le)):
            raise TypeError(f"hypothesis {self.name}: expected an inert relation, got {type(self.relation).__name__}")
        if self.at_point and not isinstance(self.relation, Eq):
            raise TypeError(f"hypothesis {self.name}: only an equation can be meant at the point alone")

    @property
    def is_near(self) -> bool:
        """Whether what holds at the point holds near it too, as equations along the line and open conditions do."""
        return not self.at_point and not isinstance(self.relation, Ge | Le)

    @property
    def argument(self) -> Symbol | None:
        """The letter that stands for every real number, where the hypothesis defines a function; else None."""
        lhs = self.relation.lhs
        if self.at_point or not isinstance(self.relation, Eq) or not isinstance(lhs, AppliedUndef | NthDerivative):
            return None
        return lhs.args[-1]


@dataclass(frozen=True)
class Use:
    """An appeal to another claim at given values of its symbols, e.g. Use("exp-power-rule", ((n, Integer(2)),))."""

    claim: str
    at: tuple[tuple[Basic, Basic], ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.at, tuple) or not all(isinstance(pair, tuple) and len(pair) == 2 for pair in self.at):
            raise TypeError(f"use of {self.claim}: expected pairs like ((n, Integer(2)),), got {self.at!r}")


@dataclass(frozen=True)
class Step:
    """One link of a chain: the expression reached and why. `by` empty means: by calculus and algebra alone."""

    reached: Expr
    says: str
    by: tuple[Use, ...] = ()


@dataclass(frozen=True)
class Branch:
    """One case of a distinction of cases: what may be assumed in it."""

    says: str
    given: tuple[Hypothesis, ...]


@dataclass(frozen=True)
class Claim:
    """The statement lhs = rhs, or another relation, for all values of its symbols that satisfy all hypotheses `given`.

    Args:
        name: slug that says the content; permanent, never re-used.
        says: one sentence.
        lhs, rhs: inert expressions.
        given: hypotheses.
        steps: chain lhs = steps[0] = steps[1] = ... = rhs, the last sign the claim's own; empty: one link suffices.
        induction: the symbol over which to prove by induction from 0; then lhs must be Derivative(F, (x, n)).
        branches: an exhaustive distinction of cases (checked), each proved separately.
        source: where it was printed, or `OURS`.
        corrects: names of the printed claims that this one replaces.
        relation: between lhs and rhs: `Eq`, `Ne`, `Gt`, `Ge`, `Lt` or `Le`.

    Raises:
        TypeError: a side, or what a step reaches, is no SymPy expression, or the relation is none of the six.
    """

    name: str
    says: str
    lhs: Expr
    rhs: Expr
    source: Source
    given: tuple[Hypothesis, ...] = ()
    steps: tuple[Step, ...] = ()
    induction: Symbol | None = None
    branches: tuple[Branch, ...] = ()
    corrects: tuple[str, ...] = ()
    relation: type[Relational] = Eq

    def __post_init__(self) -> None:
        for side in (self.lhs, self.rhs, *(step.reached for step in self.steps)):
            if not isinstance(side, Expr):
                raise TypeError(f"claim {self.name}: expected SymPy expressions, got {side!r}; a number is Integer(1)")
        if self.relation not in (Eq, Ne, Gt, Ge, Lt, Le):
            raise TypeError(f"claim {self.name}: expected Eq, Ne, Gt, Ge, Lt or Le, got {self.relation!r}")

    @cached_property
    def statement(self) -> Relational:
        """What is claimed, as one relation, which stays as it is written."""
        return self.relation(self.lhs, self.rhs, evaluate=False)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """Names of the claims that this one's steps appeal to, each once, in order."""
        return tuple(dict.fromkeys(use.claim for step in self.steps for use in step.by))

    @cached_property
    def functions(self) -> frozenset[type]:
        """The undefined functions that occur in the statement or its hypotheses."""
        return functions_in(self.lhs, self.rhs, *(h.relation for h in self.given))

    @cached_property
    def symbols(self) -> frozenset[Symbol]:
        """The free symbols of the statement."""
        return frozenset(self.lhs.free_symbols | self.rhs.free_symbols)


OURS = Source("gradcampp", "")


def functions_in(*parts: Basic) -> frozenset[type]:
    """Return the undefined functions that occur in expressions or relations."""
    applied = {atom.func for part in parts for atom in part.atoms(AppliedUndef)}
    return frozenset(applied | {atom.of for part in parts for atom in part.atoms(NthDerivative)})


def equation(lhs: Expr, rhs: Expr) -> Eq:
    """Return the relation lhs = rhs, which stays as it is written."""
    return Eq(lhs, rhs, evaluate=False)


def nonzero(expr: Expr) -> Ne:
    """Return the relation expr != 0, which stays as it is written."""
    return Ne(expr, 0, evaluate=False)

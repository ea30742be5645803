"""Prove a claim: walk its steps and decide each link, by induction or case by case where the claim says so.

A link that appeals to another claim (`Step.by`) holds only through that claim: the derivative it speaks of stays inert,
so that nothing but the appeal can replace it, and every hypothesis of the used claim must be among those at hand.

Most hypotheses are open conditions (`Ne`, `Gt`, `Lt`) or hold along the whole line near the entry. So what is proved
under them is true near the point as well, and may be used under d/dx, but not under a limit. What is proved under any
other hypothesis (`Ge`, `Le`, an equation at the point) is true at the point alone, and may be used under neither.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from sympy import (
    Add,
    Basic,
    Derivative,
    Dummy,
    Eq,
    Expr,
    Ge,
    Gt,
    Integer,
    Le,
    Limit,
    Lt,
    Mul,
    Ne,
    Pow,
    Symbol,
    Tuple,
    factor,
    preorder_traversal,
    sympify,
)
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.core.relational import Relational

from derivation.bell import Bell
from derivation.claim import Claim, Hypothesis, Step, Use, functions_in
from derivation.decide import at_point, holds, is_defined, is_divisor, is_nonzero, is_zero, normal, numerator, signs_of
from derivation.language import NotInLanguage, demand
from derivation.limit import take_limits
from derivation.nth import NthDerivative, is_outer, nth
from derivation.printing import line
from derivation.signs import ALLOWED


@dataclass(frozen=True)
class Link:
    """One link of a proof and how it was decided: True, False (it holds nowhere) or None (not decided).

    The relation between the two sides is equality, but for the last link of a claim that says something else.
    """

    before: Expr
    after: Expr
    says: str
    decided: bool | None
    difference: Expr | None = None
    by: tuple[str, ...] = ()
    relation: type[Relational] = Eq


@dataclass(frozen=True)
class Proof:
    """What became of an attempt to prove a claim. `holds` is True only if every link was decided True."""

    claim: str
    links: tuple[Link, ...]
    used: tuple[str, ...] = ()
    reason: str = ""

    @property
    def holds(self) -> bool:
        """Every link is proved and there is at least one."""
        return bool(self.links) and not self.reason and all(link.decided is True for link in self.links)


def prove(claim: Claim, library: Mapping[str, Claim] | None = None) -> Proof:
    """Try to prove a claim, appealing to the claims in `library` where its steps say so.

    Returns:
        A proof whose `holds` says whether it went through and whose `reason` or links say where it did not.
    """
    try:
        _demand_founded(claim, library or {}, ())
        demand(*_written(claim))
        return Proof(claim.name, _links(claim, library or {}), claim.uses)
    except (ProofError, NotInLanguage) as error:
        return Proof(claim.name, (), claim.uses, str(error))


class ProofError(ValueError):
    """The proof is not well formed: an unknown claim, a hypothesis that is missing, cases that leave something out."""


def _written(claim: Claim) -> Iterator[Basic]:
    """Yield the sides, what the steps reach and the hypotheses, all that is written down in a claim."""
    yield from (claim.lhs, claim.rhs, *(step.reached for step in claim.steps))
    yield from (h.relation for h in (*claim.given, *(h for branch in claim.branches for h in branch.given)))


def _links(claim: Claim, library: Mapping[str, Claim]) -> tuple[Link, ...]:
    _demand_consistent(claim)
    if claim.branches:
        _demand_exhaustive(claim)
        return tuple(
            _decide(claim.lhs, claim.rhs, claim.given + branch.given, branch.says, claim.relation)
            for branch in claim.branches
        )
    if claim.induction is not None:
        return _induction(claim, claim.induction)
    ends = (*claim.steps, *([] if claim.steps and claim.steps[-1].reached == claim.rhs else [Step(claim.rhs, "")]))
    links, before = [], claim.lhs
    for step in ends[:-1]:
        links.append(_step(before, step, claim.given, library))
        before = step.reached
    if claim.relation is Eq:
        return (*links, _step(before, ends[-1], claim.given, library))
    if ends[-1].by:
        raise ProofError(f"{claim.name}: the last link is no equality, so no claim can be put into it")
    return (*links, _decide(before, claim.rhs, claim.given, ends[-1].says, claim.relation))


def _decide(
    before: Expr, after: Expr, given: tuple[Hypothesis, ...], says: str, relation: type[Relational] = Eq
) -> Link:
    difference = _minus(take_limits(before), take_limits(after))
    exist = all(_exists(side, given) for side in (before, after))  # each by itself: together they may cancel
    decided = holds(relation, difference, given) if exist else None
    shown = None if decided else _shown(difference, given)
    default = "by calculus and algebra" if relation is Eq else "by the signs of the factors"
    return Link(before, after, says or default, decided, shown, relation=relation)


def _exists(side: Expr, given: tuple[Hypothesis, ...]) -> bool:
    """Whether a side has a value, as written, and after its limits are taken: a limit may cancel what has none."""
    limits = [(limit, take_limits(limit)) for limit in side.atoms(Limit)]
    around = [take_limits(d) for d in side.atoms(Derivative, Bell)] if limits else []
    divisors = _divisors(side, limits) if limits else ()
    return all(is_defined(e, given) for e in (take_limits(side), *around)) and all(
        is_nonzero(divisor, given) for divisor in divisors
    )


def _minus(before: Expr, after: Expr) -> Expr:
    """Subtract inertly: no divisor of either side cancels before the decision has seen it."""
    return Add(before, Mul(-1, after, evaluate=False), evaluate=False)


def _shown(difference: Expr, given: tuple[Hypothesis, ...]) -> Expr:
    return Add(*difference.args) if difference.has(Limit) else factor(at_point(difference, given))


def _induction(claim: Claim, n: Symbol) -> tuple[Link, ...]:
    """From 0 by d^(n+1) F = d (d^n F): the right-hand side at 0 is F, and one more derivative of it is it at n + 1."""
    lhs = claim.lhs
    if claim.steps:
        raise ProofError(f"{claim.name}: induction cannot be combined with steps, which nothing would look at")
    if not isinstance(lhs, Derivative) or len(lhs.variable_count) != 1 or lhs.variable_count[0][1] != n:
        raise ProofError(f"{claim.name}: induction on {n} needs a left-hand side d^{n} F/dx^{n}, got {line(lhs)}")
    natural = n == Symbol(n.name, integer=True, nonnegative=True)
    if not natural or any(n in h.relation.free_symbols for h in claim.given):
        raise ProofError(f"{claim.name}: induction needs {n} to be any integer from 0 on, and no hypothesis about {n}")
    if claim.relation is not Eq or not all(h.is_near for h in claim.given):
        raise ProofError(f"{claim.name}: induction differentiates an equation, so it has to be one that holds near by")
    if not _exists(claim.rhs, claim.given):
        raise ProofError(f"{claim.name}: induction needs a right-hand side that has a value, as it is written")
    x = lhs.variable_count[0][0]
    start = _decide(lhs.expr, claim.rhs.subs(n, Integer(0)), claim.given, f"start, {n} = 0")
    once_more = Derivative(normal(claim.rhs, claim.given), x)
    following = _decide(once_more, claim.rhs.subs(n, n + 1), claim.given, f"step, from {n} to {n} + 1")
    return start, following


def _step(before: Expr, step: Step, given: tuple[Hypothesis, ...], library: Mapping[str, Claim]) -> Link:
    if not step.by:
        return _decide(before, step.reached, given, step.says)
    sides = [before, step.reached]
    for use, (lhs, rhs) in (appeals := {use: _instance(use, given, library) for use in step.by}).items():
        if not any(side.has(lhs) for side in sides):
            raise ProofError(f"the step {step.says!r} uses {use.claim}, but {line(lhs)} does not occur in it")
        if any(side.has(Limit) for side in sides):
            raise ProofError(f"the step {step.says!r} uses {use.claim} under a limit, where it need not hold")
        if any(v.has(lhs) for side in sides for v in _bound(side)):
            raise ProofError(f"the step {step.says!r} uses {use.claim}, but {line(lhs)} is what is differentiated by")
        under = (d for side in sides for d in side.atoms(Derivative, Bell) if d != lhs)
        if not _holds_near(library[use.claim]) and any(d.has(lhs) for d in under):
            raise ProofError(f"the step {step.says!r} uses {use.claim} under d/dx, but it holds at the point alone")
        sides = [side.xreplace({lhs: rhs}) for side in sides]
    decided = None
    difference, put = _minus(*sides), tuple(appeals.values())
    divisors = [divisor for side in (before, step.reached) for divisor in _divisors(side, put)]
    around = Tuple(difference, *divisors).atoms(Derivative, Bell)
    near = tuple(h for h in given if h.is_near)
    if all(is_defined(e, near) for e in (*map(_looked_at, around), *_looking_around((before, step.reached), put))):
        sealed, opaque = _sealed(around, given)
        exist = all(is_nonzero(divisor.xreplace(sealed), opaque) for divisor in divisors)
        exist = exist and all(is_defined(side.xreplace(sealed), opaque) for side in sides)
        decided = is_zero(difference.xreplace(sealed), opaque) if exist else None
    shown = None if decided else Add(*difference.args)
    return Link(before, step.reached, step.says, decided, shown, tuple(dict.fromkeys(use.claim for use in step.by)))


def _sealed(
    around: Collection[Expr], given: tuple[Hypothesis, ...]
) -> tuple[dict[Expr, Dummy], tuple[Hypothesis, ...]]:
    """Return a letter for everything that looks around the point, and what is given of these letters."""
    closed = (*around, *(d for h in given for d in h.relation.atoms(Derivative, Bell)))
    sealed = {d: Dummy(f"d{i}", real=True) for i, d in enumerate(dict.fromkeys(closed))}
    relations = [(h, h.relation.xreplace(sealed)) for h in given]
    return sealed, tuple(replace(h, relation=r) for h, r in relations if isinstance(r, Relational))  # no plain truth


def _looked_at(d: Expr) -> Expr:
    """Return what has to be smooth near the point for a derivative or a Bell polynomial to have a value."""
    return d if isinstance(d, Bell) or is_outer(d) else d.expr


def _looking_around(sides: Collection[Basic], put: Collection[tuple[Expr, Expr]]) -> Iterator[Expr]:
    """Yield what is looked at around the point as it is written, then put in: the derivative may vanish thereby.

    What stands within the left side of an appeal is defined, since its claim says what it is worth.
    """
    for e in sides:
        if not any(e == lhs for lhs, _ in put):
            if isinstance(e, Derivative | Bell):
                yield _after(_looked_at(e), put)
            yield from _looking_around(e.args, put)


def _divisors(expr: Basic, put: Collection[tuple[Expr, Expr]]) -> Iterator[Expr]:
    """Yield what is divided by as it is written, and then put in: that may cancel it.

    What stands within the left side of an appeal is defined, since its claim says what it is worth.
    """
    if any(expr == lhs for lhs, _ in put):
        return
    if isinstance(expr, Pow) and is_divisor(expr):
        yield _after(expr.base, put)
    for part in expr.args:
        yield from _divisors(part, put)


def _after(e: Expr, put: Collection[tuple[Expr, Expr]]) -> Expr:
    """Return an expression with the left sides replaced by the right ones, one after another."""
    for lhs, rhs in put:
        e = e.xreplace({lhs: rhs})
    return e


def _instance(use: Use, given: tuple[Hypothesis, ...], library: Mapping[str, Claim]) -> tuple[Expr, Expr]:
    if use.claim not in library:
        raise ProofError(f"{use.claim} is used but is no claim")
    used = library[use.claim]
    demand(*_written(used), *(new for _, new in use.at if isinstance(new, Expr)))
    _demand_instance(used, use, given)
    if used.relation is not Eq:
        raise ProofError(f"{use.claim} is no equation: nothing can be put in its place")
    at_hand = {(h.relation, h.at_point) for h in given}
    for hypothesis in used.given:
        if (at(hypothesis.relation, use), hypothesis.at_point) not in at_hand:
            raise ProofError(f"{use.claim} needs the hypothesis «{hypothesis.name}», which is not at hand")
    return at(used.lhs, use), at(used.rhs, use)


def _holds_near(claim: Claim) -> bool:
    return all(h.is_near for h in (*claim.given, *(h for branch in claim.branches for h in branch.given)))


def at(expr: Basic, use: Use) -> Basic:
    """Put the values and functions of a use into the expression, which stays inert."""
    for old, new in use.at:
        if isinstance(old, UndefinedFunction):
            expr = expr.replace(nth(old), nth(new)).replace(old, new)
        else:
            expr = expr.subs(old, new)
    return expr


def _demand_instance(used: Claim, use: Use, given: tuple[Hypothesis, ...]) -> None:
    """Demand a function of the same kind for a function, a value of its domain without a moving variable else."""
    moving = _moving(used)
    for i, (old, new) in enumerate((old, sympify(new)) for old, new in use.at):
        if isinstance(old, UndefinedFunction):
            fits = isinstance(new, UndefinedFunction) and old._kwargs.items() <= new._kwargs.items() and 1 in new.nargs
        else:
            fits = isinstance(old, Symbol) and isinstance(new, Expr) and is_defined(new, given)
            fits = fits and not (old.free_symbols | new.free_symbols) & moving
            fits = fits and all(getattr(new, f"is_{fact}") is value for fact, value in old.assumptions0.items())
            fits = fits and not any(new.has(later) for later, _ in use.at[i + 1 :])  # one is put in after another
        if not fits:
            raise ProofError(f"{used.name} says nothing about {new} in place of {old}")


def _moving(claim: Claim) -> set[Basic]:
    """Return the variables of derivatives, limits and definitions: no value may replace these, or hold one of them."""
    parts = [claim.lhs, claim.rhs, *(h.relation for h in claim.given)]
    return set().union(*map(_bound, parts), {h.argument for h in claim.given if h.argument is not None})


def _bound(part: Basic) -> set[Basic]:
    """Return what an expression is differentiated by or sums, limits and the like run over."""
    derivatives = {v for e in part.atoms(Derivative) for v, _ in e.variable_count}
    others = {v for e in preorder_traversal(part) for v in getattr(e, "bound_symbols", ())}
    return derivatives | others | {e.args[1] for e in part.atoms(Limit)} | {e.args[2] for e in part.atoms(Bell)}


def _demand_founded(claim: Claim, library: Mapping[str, Claim], path: tuple[str, ...]) -> None:
    """Demand that no claim is used in its own proof, however long the way."""
    if claim.name in path:
        raise ProofError(f"circular proof: {' -> '.join((*path, claim.name))}")
    for used in (library[name] for name in claim.uses if name in library):
        _demand_founded(used, library, (*path, claim.name))


def _demand_consistent(claim: Claim) -> None:
    """Demand hypotheses that do not visibly contradict each other: everything would follow from them."""
    for given in [claim.given + branch.given for branch in claim.branches] or [claim.given]:
        _demand_looked_at(claim, given)
        for h in (h for h in given if isinstance(h.relation, Eq)):
            others = tuple(other for other in given if other is not h)
            if at_point(_minus(h.relation.lhs, h.relation.rhs), others).is_zero is False:
                raise ProofError(f"{claim.name}: the hypotheses contradict each other at {line(h.relation)}")
        for h in (h for h in given if h.relation.func in ALLOWED and h.relation.rhs == 0):
            others = tuple(other for other in given if other is not h)
            if h.relation.func is Ne:  # by far the most, and most of them long
                contradicted = numerator(at_point(h.relation.lhs, others)) == 0
            else:
                contradicted = not signs_of(h.relation.lhs, others) & ALLOWED[h.relation.func]
            if contradicted:
                raise ProofError(f"{claim.name}: the hypotheses contradict each other at {line(h.relation)}")


def _demand_looked_at(claim: Claim, given: tuple[Hypothesis, ...]) -> None:
    """Demand hypotheses of kinds that are put in, about each function one: no other would be seen to contradict."""
    near = [h for h in given if isinstance(h.relation, Eq) and not h.at_point]
    for h in (h for h in given if not h.at_point):
        r = h.relation
        if not (isinstance(r.lhs, AppliedUndef | NthDerivative | Derivative) if h in near else r.rhs == 0):
            raise ProofError(f"{claim.name}: nothing is known to follow from the hypothesis {line(r)}")
    about = [function for h in near for function in functions_in(h.relation.lhs)]
    for function in (function for function in about if about.count(function) > 1):
        raise ProofError(f"{claim.name}: two equations define {function}: they may contradict each other")


def _demand_exhaustive(claim: Claim) -> None:
    """Demand one of the two distinctions that are accepted: e > 0 or e < 0, where e != 0 is given; e >= 0 or e <= 0."""
    if claim.steps or claim.induction is not None:
        raise ProofError(f"{claim.name}: cases cannot be combined with steps or induction")
    cases = [tuple(h.relation for h in branch.given) for branch in claim.branches]
    for e in (h.relation.lhs for h in claim.given if isinstance(h.relation, Ne) and h.relation.rhs == 0):
        if len(cases) == 2 and {*cases} == {(Gt(e, 0, evaluate=False),), (Lt(e, 0, evaluate=False),)}:
            return
    for e in (r.lhs for case in cases for r in case if isinstance(r, Ge) and r.rhs == 0):
        closed = {(Ge(e, 0, evaluate=False),), (Le(e, 0, evaluate=False),)}
        if len(cases) == 2 and {*cases} == closed and is_defined(e, claim.given):
            return
    shown = "; ".join(", ".join(map(line, case)) for case in cases)
    raise ProofError(f"{claim.name}: the cases {shown} do not cover everything that is given")

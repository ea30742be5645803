"""A counterexample worked out so that it can be checked by hand: what is put in, every part of both sides, both sides.

What a part is worth comes from exact arithmetic on the inert expression (`verify.probe`). The way there, functions put
in and derivatives carried out, is SymPy's own substitution; a line of it is shown only if it arrives at the same value.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sympy import Add, Basic, Derivative, Eq, Expr, Limit, Max, Mul, Pow, Symbol, diff
from sympy.core.function import AppliedUndef, UndefinedFunction

from derivation.claim import Claim, equation
from derivation.notation import u
from derivation.nth import NthDerivative, nth
from verify.arithmetic.exact import EXACT, sign
from verify.cases import Case, exact_values, meets
from verify.methods import enclosure, exact
from verify.methods.trial import Outcome, Tally
from verify.probe import NoRule, value
from verify.verdict import Contradiction

WAYS = (("exact", exact.judge, exact.AT_MOST), ("enclosure", enclosure.judge, enclosure.AT_MOST))
Chain = tuple[Basic, ...]


@dataclass(frozen=True)
class Counterexample:
    """A case that meets every hypothesis and in which the two sides differ, found by `method`."""

    method: str
    case: Case
    outcome: Outcome


def counterexample(claim: Claim) -> Counterexample | None:
    """Return the first certified counterexample among the small cases: exact if there is one, else enclosed."""
    for method, judge, at_most in WAYS:
        for case in Tally(claim, at_most):
            try:
                outcome = judge(claim, case)
            except NoRule:
                continue
            if outcome.holds is False:
                return Counterexample(method, case, outcome)
    return None


def chosen(case: Case) -> list[Eq]:
    """Return what a case puts in, as relations: S(u) = 2 u, x = 0."""
    functions = [equation(function(u), face.exact(u)) for function, face in case.functions]
    return functions + [equation(symbol, number) for symbol, number in case.numbers]


def parts(claim: Claim, case: Case) -> list[Chain]:
    """Return for each part of the two sides: the part, functions put in, derivatives carried out, its value.

    Parts that are a bare number, and links of a chain that say nothing new, are left out.
    """
    found = dict.fromkeys(part for side in (claim.lhs, claim.rhs) for part in _parts(side) if not part.is_Symbol)
    return [chain for chain in (_chain(part, case) for part in found) if len(chain) > 1]


def put_in(side: Expr, case: Case) -> Expr | None:
    """Return a side with the value of every part in its place, inert; None where exact arithmetic has no value."""
    try:
        return _put_in(side, case)
    except NoRule:
        return None


def worth(expr: Expr, case: Case) -> Expr | None:
    """Return the exact value; None where exact arithmetic has none."""
    try:
        return value(expr, exact_values(case), EXACT)
    except NoRule:
        return None


def at_same_place(correction: Claim, claim: Claim, case: Case) -> Expr | None:
    """Return what a correction of the same left side says in the case; None where it says nothing of it.

    Raises:
        Contradiction: it says something else than the left side is.
    """
    known = {function for function, _ in case.functions} | {symbol for symbol, _ in case.numbers}
    if (
        correction.lhs != claim.lhs
        or {correction.relation, claim.relation} != {Eq}
        or not correction.functions | correction.symbols <= known
    ):
        return None
    there, truth = worth(correction.rhs, case), worth(claim.lhs, case)
    if there is None or truth is None or not all(meets(case, h) for h in correction.given):
        return None
    if sign(there - truth) != 0:
        raise Contradiction(f"{correction.name} corrects {claim.name}, yet in {case} it says {there}, not {truth}")
    return there


def _is_part(expr: Basic) -> bool:
    return isinstance(expr, Derivative | NthDerivative | AppliedUndef | Limit | Max | Symbol)


def _parts(side: Basic) -> Iterator[Basic]:
    if _is_part(side):
        yield side
    else:
        for argument in side.args:
            yield from _parts(argument)


def _put_in(side: Basic, case: Case) -> Expr:
    if _is_part(side) or not side.args:
        return value(side, exact_values(case), EXACT)
    if isinstance(side, Pow):  # the exponent is an order, which the probe keeps apart from numbers
        return Pow(_put_in(side.base, case), side.exp.xreplace(dict(case.numbers)), evaluate=False)
    inner = [_put_in(argument, case) for argument in side.args]
    return side.func(*inner, evaluate=False) if isinstance(side, Add | Mul) else side.func(*inner)


def _chain(part: Basic, case: Case) -> Chain:
    final = worth(part, case)
    if final is None:
        return (part,)
    moving = {v for e in part.atoms(Derivative) for v, _ in e.variable_count} | {Symbol("x", real=True)}
    fixed = {symbol: number for symbol, number in case.numbers if symbol not in moving}
    point = {symbol: number for symbol, number in case.numbers if symbol in moving}
    shown = _near(_with_functions(part.xreplace(fixed), case), point)
    links = [part, shown, *([] if part.has(Limit) else [shown.doit()])]
    arrives = part.has(Limit) or sign(links[-1].xreplace(point) - final) == 0
    return tuple(dict.fromkeys([*links, final] if arrives else [part, final]))


def _with_functions(expr: Basic, case: Case) -> Basic:
    for function, face in case.functions:
        expr = _replaced(expr, function, face.exact(u))
    return expr


def _replaced(expr: Basic, function: UndefinedFunction, body: Expr) -> Basic:
    family = nth(function)
    expr = expr.replace(family, lambda k, at: diff(body, (u, k)).subs(u, at) if k.is_Integer else family(k, at))
    return expr.replace(function, lambda at: body.subs(u, at))


def _near(expr: Basic, point: dict[Symbol, Expr]) -> Basic:
    """Put the larger argument for each maximum under a derivative: near the point it is the maximum, off the kink."""
    largest = {}
    for part in {m for d in expr.atoms(Derivative) for m in d.atoms(Max)}:
        there = {argument: argument.doit().xreplace(point) for argument in part.args}
        if all(number.is_number for number in there.values()) and len({*there.values()}) == len(there):
            largest[part] = max(there, key=there.__getitem__)
    return expr.xreplace(largest) if largest else expr

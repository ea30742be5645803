"""Errors planted without thinking: one hypothesis dropped, or one thing changed in the right-hand side.

The right-hand side is walked part by part. What may be changed at a part follows from its kind:
    a power                     exponent + 1 and - 1
    a letter                    squared, left out (exponent 1, so + 1 and - 1), order of derivative + 1 and - 1
    a summand, or the whole     its sign, a factor 2
    a number that multiplies    left out
    a number that stands alone  + 1
    two letters                 swapped, everywhere
Of an inequality the sign is turned round, or its equality taken away or added.
A letter is a symbol, or a function or a derivative as a whole: f''(S(x)), dS/dx. Nothing is changed inside one, and the
variables of derivatives and limits are left alone. An edit can leave the statement true; that is for others to decide.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from sympy import Add, Basic, Derivative, Eq, Expr, Ge, Gt, Integer, Le, Limit, Lt, Max, Mul, Ne, Pow, Symbol, Tuple
from sympy.core.function import AppliedUndef

from derivation.bell import Bell
from derivation.claim import Claim
from derivation.mutants import Mutant
from derivation.nth import NthDerivative, nth
from derivation.printing import SIGNS

OTHER_SIGNS = {Gt: (Lt, Le), Ge: (Lt, Gt), Lt: (Gt, Ge), Le: (Gt, Lt), Ne: (Eq,)}


@dataclass(frozen=True)
class Edit:
    """A change of an expression: which kind, what is changed, and the expression with the change in it."""

    kind: str
    part: Basic
    edited: Expr


def weaker(claim: Claim) -> Iterator[Mutant]:
    """Yield the claim without one of its hypotheses, for each."""
    for h in claim.given:
        rest = tuple(other for other in claim.given if other is not h)
        yield Mutant(f"{claim.name}/without-{h.name}", claim.name, f"without «{h.says}»", {"given": rest})


def edited(claim: Claim) -> Iterator[Mutant]:
    """Yield the claim with one thing changed in its right-hand side; no two of them have the same one."""
    seen, counted = {claim.rhs}, dict[str, int]()
    for edit in edits(claim.rhs):
        if edit.edited not in seen:
            seen.add(edit.edited)
            counted[edit.kind] = counted.get(edit.kind, 0) + 1
            name = f"{claim.name}/{edit.kind}-{counted[edit.kind]}"
            says = f"{edit.kind.replace('-', ' ')}: {edit.part}"
            yield Mutant(name, claim.name, says, {"rhs": edit.edited})
    for place, relation in enumerate(OTHER_SIGNS.get(claim.relation, ()), 1):
        says = f"{SIGNS[relation.rel_op]} in place of {SIGNS[claim.relation.rel_op]}"
        yield Mutant(f"{claim.name}/relation-{place}", claim.name, says, {"relation": relation})


def edits(expr: Expr) -> Iterator[Edit]:
    """Yield every edit of an expression."""
    yield from _of_term(expr)
    if expr.is_Number:
        yield Edit("one-more", expr, expr + 1)
    yield from _within(expr)
    yield from _swaps(expr)


def _within(expr: Expr) -> Iterator[Edit]:
    yield from _of_factor(expr)
    for place in () if _is_letter(expr) else _places(expr):
        part = expr.args[place]
        changes = [*_within(part)]
        if isinstance(expr, Add):
            changes += _of_term(part)
        if isinstance(expr, Mul) and part.is_Number and part != -1:
            changes.append(Edit("number-left-out", part, Integer(1)))
        if isinstance(expr, Pow) and _is_letter(part):  # its exponent is that of the power, edited above
            changes = [edit for edit in changes if edit.kind not in ("squared", "left-out")]
        for edit in changes:
            yield Edit(edit.kind, edit.part, _rebuilt(expr, place, edit.edited))


def _places(expr: Expr) -> range:
    """Return the places of the arguments that are terms or factors, and not exponents, orders, variables or bounds."""
    return range(len(expr.args)) if isinstance(expr, (Add, Mul, Max)) else range(min(1, len(expr.args)))


def _rebuilt(expr: Expr, place: int, part: Expr) -> Expr:
    """Put a part in its place; what is written without being evaluated stays so."""
    args = (*expr.args[:place], part, *expr.args[place + 1 :])
    return expr.func(*args) if expr.func(*expr.args) == expr else expr.func(*args, evaluate=False)


def _of_term(expr: Expr) -> Iterator[Edit]:
    yield Edit("sign", expr, -expr)
    yield Edit("doubled", expr, 2 * expr)
    if expr.is_Integer and expr % 2 == 0:
        yield Edit("halved", expr, expr / 2)


def _of_factor(expr: Expr) -> Iterator[Edit]:
    if isinstance(expr, Pow):
        yield Edit("exponent-plus-1", expr, expr.base ** (expr.exp + 1))
        yield Edit("exponent-minus-1", expr, expr.base ** (expr.exp - 1))
    if _is_letter(expr):
        yield Edit("squared", expr, expr**2)
        yield Edit("left-out", expr, Integer(1))
        yield from _orders(expr)


def _orders(expr: Expr) -> Iterator[Edit]:
    match expr:
        case Derivative() if len(expr.variable_count) == 1:
            variable, order = expr.variable_count[0]
            yield Edit("order-plus-1", expr, Derivative(expr.expr, (variable, order + 1)))
            yield Edit("order-minus-1", expr, Derivative(expr.expr, (variable, order - 1)))
        case NthDerivative() | Bell():
            order, *at = expr.args
            yield Edit("order-plus-1", expr, type(expr)(order + 1, *at))
            yield Edit("order-minus-1", expr, type(expr)(order - 1, *at))
        case AppliedUndef() if len(expr.args) == 1:
            yield Edit("order-plus-1", expr, nth(expr.func)(1, expr.args[0]))


def _swaps(expr: Expr) -> Iterator[Edit]:
    moving = {e.args[1] for e in expr.atoms(Limit)} | {v for e in expr.atoms(Derivative) for v, _ in e.variable_count}
    for a, b in combinations(sorted(_letters(expr) - moving, key=str), 2):
        yield Edit("swapped", Tuple(a, b), expr.xreplace({a: b, b: a}))


def _letters(expr: Expr) -> set[Expr]:
    if _is_letter(expr):
        return {expr}
    return set().union(*(_letters(expr.args[place]) for place in _places(expr)))


def _is_letter(expr: Basic) -> bool:
    real = isinstance(expr, Symbol) and not expr.is_integer
    return real or isinstance(expr, (AppliedUndef, NthDerivative, Bell, Derivative))

"""Which signs can an expression have, under hypotheses? To be trusted, as `derivation.decide` has to be.

An inequality e > 0 is decided by rules of signs alone: a product by its factors, a sum whose terms all have one sign,
as they are written or expanded, an even power, e^a - 1 by a, what is given, and SymPy's knowledge of the letters'
domains. Nothing is estimated.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

from sympy import Add, Eq, Expr, Ge, Gt, Le, Lt, Mul, Ne, Pow, cancel, exp, expand, factor, together
from sympy.core.relational import Relational

from derivation.claim import Hypothesis
from derivation.decide import at_point, is_defined, is_nonzero, is_zero

Signs = frozenset[int]
ALL: Signs = frozenset({-1, 0, 1})
ALLOWED: dict[type[Relational], Signs] = {
    Gt: frozenset({1}),
    Ge: frozenset({0, 1}),
    Lt: frozenset({-1}),
    Le: frozenset({-1, 0}),
    Ne: frozenset({-1, 1}),
}


def holds(relation: type[Relational], difference: Expr, given: tuple[Hypothesis, ...]) -> bool | None:
    """Say whether `difference` relation 0 wherever `given` holds: True; False where it never does; None undecided."""
    if relation is Eq:
        return is_zero(difference, given)
    if not is_defined(difference, given):
        return None
    found = signs(difference, given)
    if not found:  # the hypotheses contradict each other
        return None
    if found <= ALLOWED[relation] or (relation is Ne and is_nonzero(difference, given)):
        return True
    return False if not found & ALLOWED[relation] else None


def signs(expr: Expr, given: tuple[Hypothesis, ...]) -> Signs:
    """Return the signs that a defined expression can have where `given` holds; a larger set where that is not known."""
    known = _known(given)
    factored, written = forms(expr, given)
    return _signs(factored, known) & _signs(written, known)


def forms(expr: Expr, given: tuple[Hypothesis, ...]) -> tuple[Expr, Expr]:
    """Return the two forms of an expression in which signs are looked for: factored, and as it is written."""
    value = at_point(expr, given)
    return factor(together(value)), value


def telling(relation: type[Relational], difference: Expr, given: tuple[Hypothesis, ...]) -> Expr:
    """Return a form of a difference that shows what `holds` found: factored, unless it takes the written one to see."""
    factored, written = forms(difference, given)
    shows = relation is Ne or _signs(factored, _known(given)) <= ALLOWED.get(relation, ALL)
    return factored if shows else written


def _known(given: tuple[Hypothesis, ...]) -> list[tuple[Expr, Signs]]:
    return [(at_point(h.relation.lhs, given), ALLOWED[h.relation.func]) for h in given if _is_sign(h.relation)]


def _is_sign(relation: Relational) -> bool:
    return relation.func in ALLOWED and relation.rhs == 0


def _signs(e: Expr, known: list[tuple[Expr, Signs]]) -> Signs:
    found = _by_domain(e)
    for given, allowed in known:
        ratio = cancel(e / given)  # a positive or negative multiple of what is given
        if ratio.is_Rational and ratio != 0:
            found &= frozenset(s if ratio > 0 else -s for s in allowed)
    if len(found) > 1:
        found &= _by_parts(e, known)
    return found


def _by_domain(e: Expr) -> Signs:
    facts = ((e.is_positive, 1), (e.is_zero, 0), (e.is_negative, -1))
    return frozenset(sign for fact, sign in facts if fact is not False)


def _by_parts(e: Expr, known: list[tuple[Expr, Signs]]) -> Signs:
    match e:
        case Mul():
            factors = [_signs(factor, known) for factor in e.args]
            return frozenset(map(prod, product(*factors)))
        case Pow() if e.exp.is_Integer:
            base = _signs(e.base, known) - ({0} if e.exp < 0 else set())
            return frozenset(s ** abs(int(e.exp)) for s in base)
        case Add():
            found = _by_exponent(e, known)
            for terms in {e.args, Add.make_args(expand(e))}:
                found &= _sum([_signs(term, known) for term in terms])
            return found
    return ALL


def _by_exponent(e: Add, known: list[tuple[Expr, Signs]]) -> Signs:
    # c e^a - c has the sign of c a, since the exponential increases and is 1 at 0.
    constant, rest = e.as_coeff_Add()
    c, power = rest.as_coeff_Mul()
    return _signs(c * power.args[0], known) if isinstance(power, exp) and c == -constant else ALL


def _sum(terms: Sequence[Signs]) -> Signs:
    for side in (frozenset({0, 1}), frozenset({-1, 0})):
        if all(term <= side for term in terms):
            return side - {0} if any(0 not in term for term in terms) else side
    return ALL

"""Which signs can an expression have? To be trusted, as `derivation.decide` has to be, which asks.

By rules of signs alone: a product by its factors, a sum whose terms all have one sign, as they are written or expanded,
an even power, e^a - 1 by a, what is known, and SymPy's knowledge of the letters' domains. Nothing is estimated.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import product
from math import prod

from sympy import Add, Expr, Ge, Gt, Le, Lt, Mul, Ne, Pow, cancel, exp, expand
from sympy.core.relational import Relational

Signs = frozenset[int]
ALL: Signs = frozenset({-1, 0, 1})
ALLOWED: dict[type[Relational], Signs] = {
    Gt: frozenset({1}),
    Ge: frozenset({0, 1}),
    Lt: frozenset({-1}),
    Le: frozenset({-1, 0}),
    Ne: frozenset({-1, 1}),
}


def signs(e: Expr, known: Sequence[tuple[Expr, Signs]]) -> Signs:
    """Return the signs that a real expression can have, or more; `known` are expressions and the signs they can have.

    The empty set says that what is known contradicts itself.
    """
    found = _by_domain(e)
    for given, allowed in known:
        factors, all_factors = Counter(Mul.make_args(given)), Counter(e.args)  # e / given might not get shorter
        if isinstance(e, Mul) and factors < all_factors:  # what is given, times the rest
            rest = Mul(*(all_factors - factors).elements())
            found &= frozenset(map(prod, product(allowed, signs(rest, known))))
        elif e.free_symbols == given.free_symbols:  # a multiple of what is given, perhaps
            ratio = cancel(e / given)
            if ratio.is_Rational and ratio != 0:
                found &= frozenset(s if ratio > 0 else -s for s in allowed)
    if len(found) > 1:
        found &= _by_parts(e, known)
    return found


def _by_domain(e: Expr) -> Signs:
    facts = ((e.is_positive, 1), (e.is_zero, 0), (e.is_negative, -1))
    return frozenset(sign for fact, sign in facts if fact is not False)


def _by_parts(e: Expr, known: Sequence[tuple[Expr, Signs]]) -> Signs:
    match e:
        case Mul():
            factors = [signs(factor, known) for factor in e.args]
            return frozenset(map(prod, product(*factors)))
        case Pow() if e.exp.is_Integer:
            base = signs(e.base, known) - ({0} if e.exp < 0 else set())
            return frozenset(s ** abs(int(e.exp)) for s in base)
        case Add():
            found = _by_exponent(e, known)
            for terms in {e.args, Add.make_args(expand(e))}:
                found &= _sum([signs(term, known) for term in terms])
            return found
    return ALL


def _by_exponent(e: Add, known: Sequence[tuple[Expr, Signs]]) -> Signs:
    # c e^a - c has the sign of c a, since the exponential increases and is 1 at 0.
    constant, rest = e.as_coeff_Add()
    c, power = rest.as_coeff_Mul()
    return signs(c * power.args[0], known) if isinstance(power, exp) and c == -constant else ALL


def _sum(terms: Sequence[Signs]) -> Signs:
    for side in (frozenset({0, 1}), frozenset({-1, 0})):
        if all(term <= side for term in terms):
            return side - {0} if any(0 not in term for term in terms) else side
    return ALL

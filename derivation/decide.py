"""Is an expression zero, or positive, under hypotheses? To be trusted with calculus and algebra, alone in this room.

Expressions are those of `derivation.language`. `is_zero` puts in what is given, demands smooth parts and divisors that
cannot vanish, as written, carries out the derivatives and expands the numerator. Zero there is zero wherever `given`
holds, by continuity also at zeros of a divisor that calculus alone brought in, as in n x^n/x; unless something is given
that need not hold near by, so that there is nothing to be continued.
"""

from functools import lru_cache

import sympy as sp
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational

from derivation.bell import Bell
from derivation.claim import Hypothesis
from derivation.language import moves
from derivation.nth import NthDerivative, as_nth, nth
from derivation.signs import ALL, ALLOWED, Signs, signs

SMOOTH = (  # what an expression may consist of, for SymPy's calculus to be relied on
    ((sp.Add, sp.Mul, sp.exp, sp.Rational, sp.NumberSymbol, sp.Tuple), lambda e: True),
    ((sp.Symbol, AppliedUndef), lambda e: e.is_real),
    (sp.Pow, lambda e: e.exp.is_integer),
    ((NthDerivative, Bell), lambda e: e.args[0].is_integer and e.args[0].is_nonnegative),
    (sp.Derivative, lambda e: all(moves(v) and k.is_Integer for v, k in e.variable_count)),
)


SIGNS = ("is_positive", "is_negative", "is_nonnegative", "is_nonpositive", "is_nonzero")


def is_zero(expr: sp.Expr, given: tuple[Hypothesis, ...] = ()) -> bool | None:
    """Return True if it is zero wherever `given` holds, False if a non-zero number, None if that is not decided."""
    if not is_defined(expr, given) or not _is_continued(expr, given):
        return None
    left = numerator(at_point(expr, given))
    return left.is_zero if left.is_number else None


def holds(relation: type[Relational], difference: sp.Expr, given: tuple[Hypothesis, ...]) -> bool | None:
    """Say whether `difference` relation 0 wherever `given` holds: True; False where it never does; None undecided."""
    if relation is sp.Eq:
        return is_zero(difference, given)
    if not is_defined(difference, given) or not _is_continued(difference, given):
        return None
    if relation is sp.Ne and is_nonzero(difference, given):
        return True
    found = signs_of(difference, given)
    if found <= ALLOWED[relation]:
        return True
    return False if not found & ALLOWED[relation] else None


def _is_continued(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> bool:
    """Whether the normal form is worth the same as the expression, where calculus brought in a divisor that is 0 too.

    Near by it is, unless the divisor is 0 everywhere; so it is there, if what is given holds near by. Else no such
    divisor may be 0.
    """
    divisors = [e.base for e in normal(_at_closed_signs(expr, given), given).atoms(sp.Pow) if is_divisor(e)]
    if all(h.is_near for h in given):
        return all(numerator(divisor) != 0 for divisor in divisors)
    return all(is_nonzero(divisor, given) for divisor in divisors)


def is_divisor(power: sp.Pow) -> bool:
    """Whether a power may divide: its exponent is not known to be zero or more."""
    return power.exp.is_nonnegative is not True


def signs_of(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> Signs:
    """Return the signs that a defined expression can have where `given` holds, or more; all if it is contradictory."""
    known = _known(given)
    factored, written = forms(expr, given)
    found = signs(factored, known)
    if len(found) > 1:  # the written form is not expanded without need
        found &= signs(written, known)
    return found or ALL


def forms(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> tuple[sp.Expr, sp.Expr]:
    """Return the two forms of an expression in which signs are looked for: factored, and as it is written."""
    value = at_point(expr, given)
    return _factored(value), value


def telling(relation: type[Relational], difference: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    """Return a form of a difference that shows what `holds` found: factored, unless it takes the written one to see."""
    factored, written = forms(difference, given)
    shows = relation is sp.Ne or signs(factored, _known(given)) <= ALLOWED.get(relation, ALL)
    return factored if shows else written


def _known(given: tuple[Hypothesis, ...]) -> list[tuple[sp.Expr, Signs]]:
    related = (h.relation for h in given if h.relation.func in ALLOWED and h.relation.rhs == 0)
    known = [(at_point(r.lhs, given), ALLOWED[r.func]) for r in related]
    return [pair for pair in known if is_smooth(pair[0])]


def is_defined(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> bool:
    """Say whether every part is smooth and no divisor can vanish, as written, before anything cancels."""
    divisors = (e.base for e in expr.atoms(sp.Pow) if is_divisor(e))
    # Asked before anything is put in at the point, too, and of what stands beside a 0: that times nothing is not 0.
    exists = is_smooth(as_nth(expr), sp.Max, sp.Abs) and is_smooth(normal(_at_closed_signs(expr, given), given))
    exists = exists and all(is_smooth(normal(d, given)) for d in expr.atoms(sp.Derivative, Bell))
    return exists and is_smooth(at_point(expr, given)) and all(is_nonzero(d, given) for d in divisors)


def is_nonzero(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> bool:
    """Say whether no factor can vanish: by its domain, or because it divides something that is not zero by `given`."""
    value = _factored(at_point(expr, given))
    known = [h for h in given if isinstance(h.relation, (sp.Ne, sp.Gt, sp.Lt)) and h.relation.rhs == 0]
    by_sign = any(isinstance(h.relation, (sp.Gt, sp.Lt, sp.Ge, sp.Le)) for h in given)
    bases = [part.as_base_exp()[0] for part in sp.Mul.make_args(value)]
    return is_smooth(value) and all(
        b.is_zero is False or any(_divides(b, h, given) for h in known) or (by_sign and 0 not in signs_of(b, given))
        for b in bases
    )


def _divides(base: sp.Expr, known: Hypothesis, given: tuple[Hypothesis, ...]) -> bool:
    # known * q = base * p with q not zero under the other hypotheses: then base = 0 would make known = 0.
    value, others = at_point(known.relation.lhs, given), tuple(h for h in given if h is not known)
    p, q = sp.fraction(_factored(value / base))
    finite = is_smooth(p) and not any(map(is_divisor, p.atoms(sp.Pow)))  # p has no pole where base = 0
    return is_smooth(value) and finite and p != 0 and q != base and (q.is_zero is False or is_nonzero(q, others))


@lru_cache(maxsize=4096)
def numerator(value: sp.Expr) -> sp.Expr:
    """Return what is above the line over one divisor, expanded."""
    return sp.expand(sp.fraction(sp.together(value))[0])


@lru_cache(maxsize=4096)  # each divisor is asked for in the side where it stands and again in the difference
def _factored(value: sp.Expr) -> sp.Expr:
    return sp.factor(sp.together(value))


def at_point(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    """Return the normal form, with what is given at the point alone put in too: nothing may be differentiated after.

    Derivatives, limits and Bell polynomials look around the point, so nothing is put into them; a derivative that is
    given is replaced.
    """
    expr = _at_closed_signs(expr, given)
    equations = [h.relation for h in given if h.at_point and is_defined(h.relation.rhs, ())]
    return _put_at_point(normal(expr, given), {as_nth(r.lhs): r.rhs for r in equations})


def _at_closed_signs(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    relations = [h.relation for h in given]
    closed = [r for r in relations if isinstance(r, (sp.Ge, sp.Le)) and r.rhs == 0 and is_smooth(r.lhs)]
    return _put_at_point(expr, {k: v for r in closed for k, v in _branch(r.lhs, isinstance(r, sp.Ge)).items()})


def _put_at_point(expr: sp.Expr, values: dict[sp.Basic, sp.Expr]) -> sp.Expr:
    around = {e for e in sp.preorder_traversal(expr) if isinstance(e, (sp.Derivative, Bell)) or _binds(e)}
    sealed = {e: sp.Dummy(real=True) for e in around}
    opened = {dummy: values.get(d, d) for d, dummy in sealed.items()}
    return expr.xreplace(sealed).xreplace(values).xreplace(opened) if values else expr


@lru_cache(maxsize=4096)  # one expression is looked at from several sides: is it defined, is it zero, what is left
def normal(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    """Put in what is given near the point and carry out the derivatives; what is not smooth stays as it is."""
    expr = _put_in(expr, given)
    if not is_smooth(expr):
        return expr
    expr = as_nth(expr.doit(simplify=False))
    for r in (h.relation for h in given if isinstance(h.relation, sp.Eq) and not h.at_point):
        if is_smooth(r.lhs) and not r.rhs.atoms(AppliedUndef, NthDerivative) and is_defined(r.rhs, ()):
            expr = _put_derivative(expr, r.lhs, r.rhs)
    return expr


def _put_derivative(expr: sp.Expr, lhs: sp.Expr, e: sp.Expr) -> sp.Expr:
    # lhs = e holds along a line, or for every real u: so do the derivatives of it.
    if isinstance(lhs, sp.Derivative) and len(lhs.variable_count) == 1:
        v, k = lhs.variable_count[0]
        along = [d for d in expr.atoms(sp.Derivative) if d.expr == lhs.expr and {*d.variables} == {v}]
        return expr.xreplace({d: sp.diff(e, (v, d.derivative_count - k)) for d in along if d.derivative_count >= k})
    free = not e.atoms(sp.Derivative, Bell)  # else no value of it can be put in
    if isinstance(lhs, NthDerivative) and _is_for_every(lhs.args[1], e) and lhs.args[0].is_Integer and free:
        (k, u), family = lhs.args, type(lhs)
        known = [d for d in expr.atoms(family) if d.args[0].is_Integer and d.args[0] >= k]
        return expr.xreplace({d: sp.diff(e, (u, d.args[0] - k)).subs(u, d.args[1]) for d in known})
    return expr


def _put_in(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    # A definition holds everywhere; a strict sign holds near the point too, so derivatives may be taken afterwards.
    expr = as_nth(expr)
    relations = [h.relation for h in given if not h.at_point and is_smooth(sp.Tuple(*h.relation.args))]
    for r in relations if is_smooth(expr, sp.Max, sp.Abs) else ():
        fits = all(getattr(r.rhs, fact) for fact in SIGNS if getattr(r.lhs, fact))  # a positive function stays one
        if isinstance(r, sp.Eq) and isinstance(r.lhs, AppliedUndef) and fits:
            expr = _define(expr, r.lhs.func, r.lhs.args, r.rhs)
        if isinstance(r, (sp.Gt, sp.Lt)) and r.rhs == 0:
            expr = expr.xreplace(_branch(r.lhs, isinstance(r, sp.Gt)))
    return expr


def _binds(e: sp.Basic) -> bool:
    return isinstance(e, sp.Limit) or bool(getattr(e, "bound_symbols", ()))


def active_pieces(given: tuple[Hypothesis, ...]) -> dict[sp.Expr, sp.Expr]:
    """Return what |e|, max(0, e) and max(0, -e) are where the sign of e is given."""
    signed = [h.relation for h in given if isinstance(h.relation, (sp.Gt, sp.Ge, sp.Lt, sp.Le)) and h.relation.rhs == 0]
    return {k: v for r in signed for k, v in _branch(r.lhs, isinstance(r, (sp.Gt, sp.Ge))).items()}


def _branch(e: sp.Expr, positive: bool) -> dict[sp.Expr, sp.Expr]:
    size, zero = e if positive else -e, sp.Integer(0)
    return {sp.Abs(e): size, sp.Max(0, size): size, sp.Max(0, -size): zero}


def _is_for_every(u: sp.Expr, e: sp.Expr) -> bool:
    return u == sp.Symbol(str(u), real=True) and e.free_symbols <= {u}


def _define(expr: sp.Expr, f: type, at: tuple[sp.Expr, ...], e: sp.Expr) -> sp.Expr:
    u, family = at[0], nth(f)
    if not _is_for_every(u, e) or not is_defined(e, ()) or e.atoms(sp.Derivative, Bell):
        return expr  # not for every real u, not of u alone, or no value of it can be put in
    expr = expr.replace(family, lambda k, v: sp.diff(e, (u, k)).subs(u, v) if k.is_Integer else family(k, v))
    return expr.replace(f, sp.Lambda(u, e))


def is_smooth(expr: sp.Basic, *corners: type) -> bool:
    """Say whether SymPy's calculus can be relied on for it, apart from the kinds of corners that are let in."""
    kinds = (*SMOOTH, (corners, lambda e: True))
    return all(any(isinstance(e, kind) and fits(e) for kind, fits in kinds) for e in sp.preorder_traversal(expr))

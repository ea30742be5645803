"""Is an expression zero, under hypotheses? The only code of this room that has to be trusted with calculus and algebra.

`is_zero` puts in what is given, demands smooth parts and divisors that cannot vanish, as written, carries out the
derivatives and expands the numerator. Zero there is zero wherever `given` holds, by continuity also at zeros of a
divisor that calculus alone brought in, as in n x^n/x.
"""

from functools import lru_cache

import sympy as sp
from sympy.core.function import AppliedUndef

from derivation.claim import Hypothesis
from derivation.nth import NthDerivative, as_nth, nth

SMOOTH = (  # what an expression may consist of, for SymPy's calculus to be relied on
    ((sp.Add, sp.Mul, sp.exp, sp.Rational, sp.NumberSymbol, sp.Tuple), lambda e: True),
    ((sp.Symbol, AppliedUndef), lambda e: e.is_real),
    (sp.Pow, lambda e: e.exp.is_integer),
    (NthDerivative, lambda e: e.args[0].is_integer and e.args[0].is_nonnegative),
    (sp.Derivative, lambda e: all(v.is_Symbol and not v.is_integer and k.is_Integer for v, k in e.variable_count)),
)


def is_zero(expr: sp.Expr, given: tuple[Hypothesis, ...] = ()) -> bool | None:
    """Return True if it is zero wherever `given` holds, False if a non-zero number, None if that is not decided."""
    if not is_defined(expr, given):
        return None
    numerator = sp.expand(sp.fraction(sp.together(normal(expr, given)))[0])
    return numerator.is_zero if numerator.is_number else None


def is_defined(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> bool:
    """Say whether every part is smooth and no divisor can vanish, as written, before anything cancels."""
    divisors = (e.base for e in expr.atoms(sp.Pow) if e.exp.is_nonnegative is not True)
    return _is_smooth(normal(expr, given)) and all(is_nonzero(d, given) for d in divisors)


def is_nonzero(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> bool:
    """Say whether no factor can vanish: by its domain, or because it divides something that is not zero by `given`."""
    value = sp.factor(sp.together(normal(expr, given)))
    known = [h for h in given if isinstance(h.relation, (sp.Ne, sp.Gt, sp.Lt)) and h.relation.rhs == 0]
    bases = [part.as_base_exp()[0] for part in sp.Mul.make_args(value)]
    return _is_smooth(value) and all(b.is_zero is False or any(_divides(b, h, given) for h in known) for b in bases)


def _divides(base: sp.Expr, known: Hypothesis, given: tuple[Hypothesis, ...]) -> bool:
    # known * q = base * p with q not zero under the other hypotheses: then base = 0 would make known = 0.
    value, others = normal(known.relation.lhs, given), tuple(h for h in given if h is not known)
    p, q = sp.fraction(sp.factor(sp.together(value / base)))
    return _is_smooth(value) and p != 0 and q != base and (q.is_zero is False or is_nonzero(q, others))


@lru_cache(maxsize=4096)  # one expression is looked at from several sides: is it defined, is it zero, what is left
def normal(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    """Put in what is given and carry out the derivatives; an expression that is not smooth stays as it is."""
    expr = _put_in(expr, given)
    if not _is_smooth(expr):
        return expr
    expr = as_nth(expr.doit())
    for lhs in (h.relation.lhs for h in given if isinstance(h.relation, sp.Eq) and h.relation.rhs == 0):
        if isinstance(lhs, sp.Derivative) and _is_smooth(lhs) and len(lhs.variable_count) == 1:
            along = (e for e in expr.atoms(sp.Derivative) if e.expr == lhs.expr and {*e.variables} == {*lhs.variables})
            expr = expr.xreplace({e: sp.Integer(0) for e in along if e.derivative_count >= lhs.derivative_count})
    return expr


def _put_in(expr: sp.Expr, given: tuple[Hypothesis, ...]) -> sp.Expr:
    # A definition holds everywhere; a strict sign holds near the point too, so derivatives may be taken afterwards.
    expr = as_nth(expr)
    relations = [h.relation for h in given if _is_smooth(sp.Tuple(*h.relation.args))]
    for r in relations if _is_smooth(expr, sp.Max, sp.Abs) else ():
        if isinstance(r, sp.Eq) and isinstance(r.lhs, AppliedUndef):
            expr = _define(expr, r.lhs.func, r.lhs.args, r.rhs)
        if isinstance(r, (sp.Gt, sp.Lt)) and r.rhs == 0:
            size = r.lhs if isinstance(r, sp.Gt) else -r.lhs
            expr = expr.xreplace({sp.Abs(r.lhs): size, sp.Max(0, r.lhs): (r.lhs + size) / 2})
    return expr


def _define(expr: sp.Expr, f: type, at: tuple[sp.Expr, ...], e: sp.Expr) -> sp.Expr:
    u, family = at[0], nth(f)
    if at != (sp.Symbol(str(u), real=True),) or not e.free_symbols <= {u} or not is_defined(e, ()):
        return expr  # not for every real u, or not of u alone
    expr = expr.replace(family, lambda k, v: sp.diff(e, (u, k)).subs(u, v) if k.is_Integer else family(k, v))
    return expr.replace(f, sp.Lambda(u, e))


def _is_smooth(expr: sp.Basic, *corners: type) -> bool:
    kinds = (*SMOOTH, (corners, lambda e: True))
    return all(any(isinstance(e, kind) and fits(e) for kind, fits in kinds) for e in sp.preorder_traversal(expr))

"""The limits that are decided: of a rational function, at a point where what is left after cancelling is continuous.

For g near 0 but not 0, g^2/(2 g^2 + sigma g^3) is 1/(2 + sigma g); hence its limit at g = 0, from either side, is 1/2.
"""

from sympy import Basic, Expr, Limit, Mul, Pow, cancel, factor, fraction, together

from derivation.decide import is_divisor


def take_limits(expr: Basic) -> Basic:
    """Replace every limit that is decided by its value; any other stays inert."""
    return expr.replace(lambda e: isinstance(e, Limit), _value)


def _value(limit: Limit) -> Expr:
    body, v, at, _ = limit.args
    if not at.is_real or body.has(Limit) or not body.is_rational_function(v):
        return limit  # what is not decided may have no value, and cancel
    reduced = cancel(body)
    if _is_defined_around(body, v, at) and fraction(reduced)[1].subs(v, at).is_zero is False:
        return reduced.subs(v, at)
    return limit


def _is_defined_around(body: Expr, v: Expr, at: Expr) -> bool:
    # Every divisor is a product of powers of v - at and of factors that are not zero at the point, hence nor near it.
    divisors = (e.base for e in body.atoms(Pow) if is_divisor(e))
    factors = [part.as_base_exp()[0] for d in divisors for part in Mul.make_args(factor(together(d)))]
    return all(p.subs(v, at).is_zero is False or (cancel(p / (v - at)).is_Number and p != 0) for p in factors)

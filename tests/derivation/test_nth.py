import pytest
from sympy import Derivative, Subs, Symbol, latex

from derivation.decide import normal
from derivation.notation import L, R, S, f, n, u, x, y
from derivation.nth import NthDerivative, as_nth, nth


def explicit(expr, functions):
    """Replace undefined functions by expressions in u; SymPy's calculus on these is the oracle."""
    for function, value in functions.items():
        expr = expr.replace(nth(function), lambda k, v, e=value: e.diff((u, k)).subs(u, v))
        expr = expr.replace(function, lambda v, e=value: e.subs(u, v))
    return expr.doit().expand()


CONCRETE = {f: u**3 + 2, S: u**2 - u, R: u**4 + u, L: u**2 / 2 + 3 * u}


def test_the_derivative_of_order_zero_is_the_function():
    assert nth(f)(0, S(x)) == f(S(x))
    assert nth(f)(n, S(x)).subs(n, 0) == f(S(x))


def test_a_derivative_raises_the_order_by_one_also_where_the_order_is_symbolic():
    assert nth(f)(n, u).diff(u) == nth(f)(n + 1, u)
    assert nth(f)(n, S(x)).diff(x) == nth(f)(n + 1, S(x)) * Derivative(S(x), x)


def test_an_order_is_no_variable():
    with pytest.raises(ValueError, match="not a variable"):
        nth(f)(n, u).diff(n)


def test_families_of_different_functions_differ_and_one_function_has_one_family():
    assert nth(f) is nth(f)
    assert nth(f)(1, x) != nth(R)(1, x)
    assert issubclass(nth(f), NthDerivative) and nth(f).of is f


def test_derivatives_by_an_expression_are_written_as_nth_and_others_are_not():
    assert as_nth(Derivative(f(S(x)), (S(x), 2))) == nth(f)(2, S(x))
    assert as_nth(Derivative(f(S(x)), (S(x), n))) == nth(f)(n, S(x))
    assert as_nth(Derivative(f(f(x)), f(x))) == nth(f)(1, f(x))
    assert as_nth(Subs(Derivative(f(x), (x, 2)), x, 3 * y)) == nth(f)(2, 3 * y)
    assert as_nth(Subs(Derivative(f(x), x), x, f(y))) == nth(f)(1, f(y))
    two = Subs(Derivative(f(x) * y, x), x, y), Subs(Derivative(f(y), y), x, y), Subs(f(x), x, y)
    for inert in (Derivative(f(S(x)), x), Derivative(f(x), x), Derivative(f(S(x)) * x, S(x)), *two):
        assert as_nth(inert) == inert


@pytest.mark.parametrize("order", range(1, 4))
@pytest.mark.parametrize(
    "statement",
    [
        f(S(x)),
        R(L(x)),
        nth(f)(1, S(x)),
        f(x**2 + 3 * x),
        nth(R)(2, L(x)) * Derivative(L(x), x),
        f(f(S(x))),
        x**2 * f(x),
    ],
    ids=str,
)
def test_calculus_agrees_with_explicit_functions(statement, order):
    inert = Derivative(statement, (x, order))
    assert explicit(normal(inert, ()), CONCRETE) == explicit(inert, CONCRETE)


def test_it_prints_with_primes_and_orders():
    k = Symbol("k", integer=True, nonnegative=True)
    assert [str(nth(f)(order, S(x))) for order in (1, 2, 3, 4, k)] == [
        "f'(S(x))",
        "f''(S(x))",
        "f'''(S(x))",
        "f^(4)(S(x))",
        "f^(k)(S(x))",
    ]
    assert latex(nth(f)(2, S(x))) == r"f''\left(S{\left(x \right)}\right)"
    assert latex(nth(f)(n, S(x)) ** 2) == r"\left(f^{(n)}\left(S{\left(x \right)}\right)\right)^{2}"

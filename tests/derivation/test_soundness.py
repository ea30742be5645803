"""Statements that are false, or that have no value somewhere, and that a prover could be led to by a way round.

Each was proved once, or is a neighbour of one that was.
"""

import pytest
import sympy as sp
from sympy import Abs, Derivative, Ge, Gt, Integer, Integral, Limit, Mul, Ne, Pow, Product, Subs, Sum, log, sqrt

from derivation.bell import Bell
from derivation.claim import OURS, Claim, Hypothesis, Step, Use, equation, nonzero
from derivation.hypotheses import slope
from derivation.notation import Q, S, f, n, sigma, u, x, y
from derivation.proof import prove


def claim(lhs, rhs, *given, name="claim", **more):
    return Claim(name, "", lhs, rhs, OURS, given, **more)


def given(relation, at_point=False):
    return Hypothesis(str(relation), "", relation, at_point)


def by(reached, name, *values):
    return (Step(reached, "by appeal", (Use(name, values),)),)


RIGHT, POSITIVE = given(Ge(x, 0, evaluate=False)), given(Gt(x, 0, evaluate=False))
Y_ZERO = given(equation(y, Integer(0)), at_point=True)
SIZE = claim(Abs(x), x, POSITIVE, name="size")
SQUARE = claim(Bell(Integer(2), y, x), y**2, name="square")
BETWEEN, PLAIN = Integral(Abs(x), (x, -1, 1)), Integral(x, (x, -1, 1))

FALSE = {
    "a variable put into a Bell polynomial": claim(Bell(Integer(2), x, x), x**2, steps=by(x**2, "square", (y, x))),
    "a function put into a Bell polynomial": claim(
        Bell(Integer(2), S(x), x), S(x) ** 2, steps=by(S(x) ** 2, "square", (y, S(x)))
    ),
    "1 = 0 by a Bell polynomial": claim(
        Integer(1),
        Integer(0),
        steps=(Step(Bell(Integer(2), x, x) - x**2, ""), *by(Integer(0), "square", (y, x))),
    ),
    "a sign in a sum": claim(Sum(Abs(x), (x, -1, 1)), Sum(x, (x, -1, 1)), RIGHT),
    "a sign in a product": claim(Product(Abs(x), (x, -1, 1)), Product(x, (x, -1, 1)), RIGHT),
    "a claim in an integral": claim(BETWEEN + y, PLAIN + y, POSITIVE, Y_ZERO, steps=by(PLAIN + y, "size")),
    "a claim at a value": claim(
        Subs(Abs(x), x, -1) + y, Subs(x, x, -1) + y, POSITIVE, Y_ZERO, steps=by(Subs(x, x, -1) + y, "size")
    ),
    "a claim in an integral alone": claim(BETWEEN, PLAIN, POSITIVE, steps=by(PLAIN, "size")),
    "a logarithm on both sides": claim(log(x) + y, log(x), Y_ZERO),
    "a root on both sides": claim(sqrt(x) + y, sqrt(x), Y_ZERO),
    "a corner on both sides": claim(Derivative(Abs(x), x) + y, Derivative(Abs(x), x), Y_ZERO),
    "0 times a logarithm": claim(y * log(x), Integer(0), Y_ZERO),
    "0 times a corner": claim(y * Derivative(Abs(x), x), Integer(0), Y_ZERO),
    "a logarithm of a size": claim(log(Abs(x)), log(x), RIGHT),
    "a base, since its power is not zero": claim(x, Integer(0), given(nonzero(x**n)), relation=Ne),
    "a slope, since its power is not zero": claim(slope, Integer(0), given(nonzero(slope**n)), relation=Ne),
    "a base, since its power is positive": claim(
        x, Integer(0), given(Gt(x ** (2 * n), 0, evaluate=False)), relation=Ne
    ),
    "a divisor, since its power is not zero": claim(
        Mul(x, Pow(x, -1), evaluate=False), Integer(1), given(nonzero(x**n))
    ),
    "a divisor below a limit that is zero": claim(Limit(u, u, 0) / x, Integer(0)),
    "such a divisor under a derivative": claim(Derivative(x * Limit(u, u, 0) / x**2, x), Integer(0)),
    "1 = 0, given so": claim(Integer(1), Integer(0), given(equation(Integer(1), Integer(0)), at_point=True)),
    "a positive function defined as a negative one": claim(
        Q(x), Integer(0), given(equation(Q(u), -sp.exp(u))), relation=sp.Lt
    ),
    "a divisor that an appeal cancels": claim(
        sigma * Bell(Integer(2), y, x) / (sigma * y**2), Integer(1), steps=by(Integer(1), "square")
    ),
}


@pytest.mark.parametrize("case", FALSE)
def test_what_is_false_or_has_no_value_somewhere_is_not_proved(case):
    library = {each.name: each for each in (SIZE, SQUARE)}
    assert all(prove(each).holds for each in library.values()), "what is appealed to is true"
    assert not prove(FALSE[case], library).holds


# Inputs that once ended the prover with an error of SymPy's

SIZE_BACK = claim(x, Abs(x), POSITIVE, name="size-back")
BROKE = {
    "a Bell polynomial by another letter": claim(Derivative(Bell(n, y * x, x), y), Integer(0)),
    "a function that is given as a Bell polynomial": claim(
        f(Integer(3)), Integer(0), given(equation(f(u), Bell(Integer(2), u, u)))
    ),
    "a function that is given as a derivative": claim(
        f(Integer(3)), sp.exp(3), given(equation(f(u), Derivative(sp.exp(u), u)))
    ),
    "a claim about what is differentiated by": claim(slope + x, slope + Abs(x), POSITIVE, steps=by(x, "size-back")),
}


@pytest.mark.parametrize("case", BROKE)
def test_a_proof_ends_without_an_error(case):
    assert not prove(BROKE[case], {"size-back": SIZE_BACK}).holds


TRUE = {
    "a constant put into a Bell polynomial": claim(
        Bell(Integer(2), sigma, x), sigma**2, steps=by(sigma**2, "square", (y, sigma))
    ),
    "a claim in a sum of two": claim(Abs(x) + y, x + y, POSITIVE, steps=by(x + y, "size")),
    "a base, since its product is not zero": claim(x, Integer(0), given(nonzero(x * sigma)), relation=Ne),
    "a divisor below a limit, where it is not zero": claim(Limit(u, u, 0) / x, Integer(0), given(nonzero(x))),
    "a positive function defined as one": claim(Q(x), sp.exp(x), given(equation(Q(u), sp.exp(u)))),
}


@pytest.mark.parametrize("case", TRUE)
def test_its_true_neighbour_is_proved(case):
    assert prove(TRUE[case], {each.name: each for each in (SIZE, SQUARE)}).holds

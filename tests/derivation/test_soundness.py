"""Statements that are false, or that have no value somewhere, and that a prover could be led to by a way round.

Each was proved once, or is a neighbour of one that was.
"""

import pytest
import sympy as sp
from sympy import (
    Abs,
    Derivative,
    Ge,
    Gt,
    Integer,
    Integral,
    Le,
    Limit,
    Lt,
    Max,
    Mul,
    Ne,
    Pow,
    Product,
    Subs,
    Sum,
    log,
    sqrt,
)

from derivation.bell import Bell
from derivation.claim import OURS, Claim, Hypothesis, Step, Use, equation, nonzero
from derivation.hypotheses import slope
from derivation.notation import Q, S, f, m, n, sigma, u, v, x, y
from derivation.nth import nth
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
STRAIGHT = claim(Derivative(y * x, (x, 2)), Integer(0), name="straight")
LINE = claim(Derivative(sigma * x, x), sigma, name="line")
SLOPE_SIGMA = claim(slope, sigma, given(equation(slope, sigma)), name="slope-sigma")
CORNER, TO_Y = Derivative(Abs(x), x), Limit(u + y, u, 0)
TWO, BELOW = sp.Function("h", real=True), sp.Function("N", negative=True)
RATIO, UP = sp.Symbol("q", rational=True), sp.Symbol("t", nonnegative=True)
p = sp.Symbol("p", integer=True, positive=True)
THRICE = x * (x + 1) * (x + 2) - x**3 - 3 * x**2 - 2 * x  # this is 0, in disguise
ALSO = sp.Function("k", real=True)
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
    "a sign in a product": claim(Product(Abs(x), (x, -3, -1)), Product(x, (x, -3, -1)), RIGHT),
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
    # along two lines
    "0 = 1 by a slope that is given along another line": claim(
        Integer(0),
        Integer(1),
        given(equation(slope, sigma)),
        steps=(
            Step(Derivative(slope + sigma, sigma) - 1, ""),
            *by(Derivative(2 * sigma, sigma) - 1, "slope-sigma"),
            Step(Integer(1), ""),
        ),
    ),
    "a slope in a Bell polynomial of another line": claim(
        Bell(n, slope, sigma), Bell(n, sigma * x, sigma), given(equation(slope, sigma * x))
    ),
    "induction along another line": claim(
        Derivative(slope * y, (sigma, n)), sp.exp(sigma) * y, given(equation(slope, sp.exp(sigma))), induction=n
    ),
    "an argument of a function of two": claim(
        Derivative(TWO(slope, sigma), sigma), Derivative(TWO(sigma, slope), sigma), given(equation(slope, sigma))
    ),
    "by a function": claim(Bell(Integer(2), y * Q(x), Q(x)), y**2 * Q(x) ** 2 + y),
    "by a product": claim(Derivative(y * f(x), f(x)), y),
    "by a whole number": claim(Derivative(m**2, m), 2 * m),
    "by a rational number": claim(Derivative(RATIO**2, RATIO), 2 * RATIO),
    "by a letter at the end of its range": claim(Derivative(UP, UP), Integer(1)),
    # what holds at the point alone
    "a derivative of a power that is 0 at the point": claim(
        Derivative(x**p, x), Integer(0), given(equation(x**p, Integer(0)), at_point=True)
    ),
    "a sign of a power that is 0 at the point": claim(
        Derivative(x**p, x), Integer(0), given(Le(x**p, 0, evaluate=False)), RIGHT, relation=Le
    ),
    # what has no value beside a zero
    "a corner times a function that is 0": claim(f(x) * CORNER, Integer(0), given(equation(f(u), Integer(0)))),
    "a corner times a part that is 0": claim(Max(0, y) * CORNER, Integer(0), given(Lt(y, 0, evaluate=False))),
    "a logarithm times 0": claim(Mul(Derivative(f(S(x)), S(x)), 0, log(x), evaluate=False), Integer(0)),
    "a divisor times 0": claim(Mul(Derivative(f(S(x)), S(x)), 0, 1 / x, evaluate=False), Integer(0)),
    "a corner times what an appeal makes 0": claim(
        CORNER * Derivative(y * x, (x, 2)), Integer(0), steps=by(Integer(0), "straight")
    ),
    "a corner beside an appeal, closed": claim(
        CORNER * Derivative(y * x, (x, 2)) + CORNER, Integer(1), RIGHT, steps=by(Integer(1), "straight")
    ),
    "a limit over itself": claim(Mul(TO_Y, Pow(TO_Y, -1), evaluate=False), Integer(1)),
    "a limit over what is 0 in disguise": claim(
        Limit(Mul(u, THRICE, Pow(THRICE, -1), evaluate=False), u, 0), Integer(0)
    ),
    "a limit beside x/x": claim(Mul(Limit(u + y, u, 0), x, 1 / x, evaluate=False), y),
    "a corner below a limit": claim(Limit(u * Derivative(Abs(x), x), u, 0), Integer(0)),
    "a limit of a limit that there is not": claim(Limit(u * Limit(1 / v, v, 0), u, 0), Integer(0)),
    "an induction to what has a pole": claim(
        Derivative(x * sp.exp(x), (x, n)),
        sp.Add(x * sp.exp(x), Mul(n, x, 1 / x, sp.exp(x), evaluate=False), evaluate=False),
        induction=n,
    ),
    "a value that need not exist": claim(
        Derivative(S(1 / sigma) * x, (x, 2)), Integer(0), steps=by(Integer(0), "straight", (y, S(1 / sigma)))
    ),
    "such a value in two moves": claim(
        Derivative(S(1 / v) * x, (x, 2)),
        Integer(0),
        given(nonzero(sigma)),
        steps=by(Integer(0), "straight", (y, S(1 / sigma)), (sigma, v)),
    ),
    "a hypothesis with a derivative in a derivative": claim(
        Derivative(sigma * x, x) / slope,
        sigma / slope,
        given(nonzero(Derivative(x * slope, x))),
        steps=by(sigma / slope, "line"),
    ),
    # hypotheses that contradict each other
    "a negative function that is positive": claim(
        BELOW(x), Integer(0), given(equation(BELOW(u), sp.exp(u))), relation=Gt
    ),
    "an order below 0": claim(x**n, 1 / x, given(equation(n, Integer(-1)), at_point=True), given(nonzero(x))),
    "a positive function below 0": claim(Q(x), Integer(-1), given(equation(Q(x), Integer(-1)), at_point=True)),
    # what is 0 everywhere is no divisor that may be left out
    "a power of what is 0 in disguise": claim(Derivative(THRICE**n, x), Integer(1)),
    "a power of what is 0 in disguise, as it is given": claim(
        Derivative(THRICE.xreplace({x: slope}) ** n, x), Integer(1), given(equation(slope, x**2))
    ),
    # e(u) at 3 is not what stands in it at 3
    "a derivative that is given as a Bell polynomial": claim(
        nth(f)(1, Integer(3)),
        nth(ALSO)(1, Integer(3)),
        given(equation(nth(f)(1, u), Bell(Integer(2), u, u))),
        given(equation(nth(ALSO)(1, u), Bell(Integer(2), Integer(3), u))),
    ),
    "an induction with a step that nobody looks at": claim(
        Derivative(sp.exp(x), (x, n)), sp.exp(x), induction=n, steps=(Step(Integer(5), ""),)
    ),
    "a divisor that an appeal cancels": claim(
        Bell(Integer(2), y, x) / y**2, Integer(1), steps=by(Integer(1), "square")
    ),
}


@pytest.mark.parametrize("case", FALSE)
def test_what_is_false_or_has_no_value_somewhere_is_not_proved(case):
    library = {each.name: each for each in (SIZE, SQUARE, STRAIGHT, LINE, SLOPE_SIGMA)}
    assert all(prove(each).holds for each in library.values()), "what is appealed to is true"
    assert not prove(FALSE[case], library).holds


UNKNOWN = {
    "a bound that is not 0": (Gt(x, 1, evaluate=False), Lt(x, 0, evaluate=False)),
    "a value that is not taken": (Ne(x, 1, evaluate=False),),
    "a letter along the line": (equation(x, Integer(1)), equation(x, Integer(2))),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_hypothesis_that_nothing_is_known_to_follow_from_is_refused(case):
    proof = prove(claim(x, x, *map(given, UNKNOWN[case])))
    assert not proof.holds and "nothing is known to follow" in proof.reason


CONTRARY = {
    "what is 0 in disguise is not 0": (nonzero(THRICE),),
    "a function and its slope": (equation(S(x), x**2), equation(slope, Integer(0))),
}


@pytest.mark.parametrize("case", CONTRARY)
def test_hypotheses_that_hold_nowhere_are_refused(case):
    proof = prove(claim(x, x, *map(given, CONTRARY[case])))
    assert not proof.holds and "contradict each other" in proof.reason


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
    "a sign of a power in a product that is not collected": claim(
        (sigma * x) ** (p - 1) * (m * S(x) + S(x)),
        n**n * (Q(x) + S(Integer(1))),
        RIGHT,
        given(Le(x ** (p - 1), 0, evaluate=False)),
        relation=Gt,
    ),
    "the larger of 0 and a derivative at 0": claim(
        Max(0, nth(f)(1, S(x))), Integer(0), given(equation(S(x), Integer(0)), at_point=True)
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
    "a claim beside a hypothesis that is plainly true": claim(
        Derivative(sigma * x, x) + slope,
        sigma + slope,
        given(Gt(slope**2 + 1, 0, evaluate=False)),
        steps=by(sigma + slope, "line"),
    ),
    "a value of a function": claim(
        Derivative(S(sigma) * x, (x, 2)), Integer(0), steps=by(Integer(0), "straight", (y, S(sigma)))
    ),
    "a derivative of a power that is 1 at the point": claim(
        Derivative(x**p, x), p / x, given(equation(x**p, Integer(1)), at_point=True), given(nonzero(x))
    ),
    "a limit over another": claim(Limit(u + y, u, 0) / Limit(u + y, u, 0), Integer(1), given(nonzero(y))),
    "a positive function defined as one": claim(Q(x), sp.exp(x), given(equation(Q(u), sp.exp(u)))),
}


@pytest.mark.parametrize("case", TRUE)
def test_its_true_neighbour_is_proved(case):
    assert prove(TRUE[case], {each.name: each for each in (SIZE, SQUARE, STRAIGHT, LINE)}).holds

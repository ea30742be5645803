import pytest
import sympy as sp
from sympy import Eq, Ge, Gt, Integer, Le, Lt, Max, Ne, Rational, exp

from derivation.claim import Hypothesis, equation, nonzero
from derivation.decide import holds, is_nonzero, signs_of, telling
from derivation.hypotheses import AFFINE, EXP_HEAD, SLOPE, Y, curvature, slope
from derivation.notation import g, n, sigma, step, x


def given(*relations):
    return tuple(Hypothesis(f"h{i}", "", relation) for i, relation in enumerate(relations))


def positive(e):
    return Gt(e, 0, evaluate=False)


BOTH = given(positive(sigma), positive(g))
KNOWN = {
    "a number": (Rational(3, 2), {1}, ()),
    "zero": (Integer(0), {0}, ()),
    "an irrational number": (sp.E - 3, {-1}, ()),
    "an exponential": (exp(x), {1}, ()),
    "a positive letter": (step, {1}, ()),
    "a real letter": (x, {-1, 0, 1}, ()),
    "a square": (x**2, {0, 1}, ()),
    "a square of what is not zero": (slope**2, {1}, (SLOPE,)),
    "a fourth power of what is not zero, below": (1 / slope**4, {1}, (SLOPE,)),
    "a cube": (g**3, {1}, BOTH),
    "a product": (-2 * sigma * g, {-1}, BOTH),
    "a sum": (2 + sigma * g, {1}, BOTH),
    "a sum that has to be expanded": (exp(x) * (2 + sigma) - 2 * exp(x), {1}, BOTH),
    "a sum of squares": (x**2 + g**2, {0, 1}, ()),
    "a sum of squares and one": (x**2 + g**2 + 1, {1}, ()),
    "a difference": (1 - x, {-1, 0, 1}, ()),
    "a difference of positive numbers": (sigma - g, {-1, 0, 1}, BOTH),
    "what is given, turned round": (-3 * (x - 1), {-1}, given(positive(x - 1))),
    "what is given not to be negative": (x, {0, 1}, given(Ge(x, 0, evaluate=False))),
    "what is given from two sides": (x, {0}, given(Ge(x, 0, evaluate=False), Le(x, 0, evaluate=False))),
    "what is given not to be zero": (5 * x, {-1, 1}, given(nonzero(x))),
    "what is given, times a square": (sigma * x * slope**2, {-1}, (SLOPE, *given(Lt(sigma * x, 0, evaluate=False)))),
    "what is given of something else": (x, {-1, 0, 1}, BOTH),
    "a multiple that need not be positive": (sigma * x, {-1, 0, 1}, given(positive(x))),
    "a function put in": (Y, {1}, (EXP_HEAD,)),
    "an equation along the line": (curvature, {0}, (AFFINE,)),
    "a symbolic power": (x**n, {-1, 0, 1}, ()),
    "a sum that must not be expanded": (1 + sigma * (x - 1), {1}, (*BOTH, *given(positive(x - 1)))),
    "a quotient of such sums": (1 / (1 + sigma * (x - 1)) + g, {1}, (*BOTH, *given(positive(x - 1)))),
    "a sum of which one term may be negative": (1 + sigma * (x - 1), {-1, 0, 1}, BOTH),
    "an exponential above one": (exp(x) - 1, {1}, given(positive(x))),
    "an exponential of what is negative": (3 - 3 * exp(-g * sigma), {1}, BOTH),
    "an exponential not below one": (exp(x) - 1, {0, 1}, given(Ge(x, 0, evaluate=False))),
    "an exponential less another number": (exp(x) - 2, {-1, 0, 1}, given(positive(x))),
    "an exponential of anything less one": (exp(x) - 1, {-1, 0, 1}, ()),
    "an exponential and one": (-1 - exp(-x), {-1}, given(positive(x))),
}


@pytest.mark.parametrize("case", KNOWN)
def test_the_signs_that_an_expression_can_have(case):
    expr, expected, hypotheses = KNOWN[case]
    assert signs_of(expr, hypotheses) == expected


@pytest.mark.parametrize("relation", [Gt, Ge, Lt, Le, Ne, Eq])
@pytest.mark.parametrize("sign", [-1, 0, 1])
def test_a_number_decides_every_relation_both_ways(relation, sign):
    assert holds(relation, Rational(sign, 3), ()) is bool(relation(Integer(sign), 0))


def test_an_inequality_that_holds_only_somewhere_is_not_decided():
    assert holds(Gt, x, ()) is None and holds(Ge, x**3, ()) is None and holds(Gt, x**2, ()) is None
    assert holds(Ge, x**2, ()) is True and holds(Lt, x**2, ()) is False


def test_an_inequality_says_nothing_where_a_side_has_no_value():
    assert holds(Ge, (1 / x) ** 2, ()) is None
    assert holds(Gt, (1 / x) ** 2, given(nonzero(x))) is True
    assert holds(Ge, Max(0, x), ()) is None
    assert holds(Gt, sp.Mul(0, 1 / x, evaluate=False) + 1, ()) is None


def test_what_is_not_zero_because_it_divides_what_is_not_zero():
    assert holds(Ne, sigma, given(nonzero(sigma * g))) is True
    assert holds(Ne, sigma, given(nonzero(sigma + g))) is None


def test_hypotheses_that_contradict_each_other_decide_nothing():
    assert holds(Gt, x, given(positive(x), Lt(x, 0, evaluate=False))) is None


def test_a_sign_given_at_a_point_where_a_definition_is_put_in():
    hypothesis = given(positive(curvature))
    assert signs_of(3 * curvature, hypothesis) == {1}
    assert holds(Gt, curvature, (*hypothesis, Hypothesis("e", "", equation(curvature, 0)))) is not True


def test_a_divisor_may_be_known_by_its_sign():
    assert is_nonzero(2 + sigma * g, BOTH) and not is_nonzero(2 + sigma * g, BOTH[:1])
    assert holds(Gt, 1 / (2 + sigma * g), BOTH) is True


def test_the_form_that_tells_the_sign_is_the_factored_one_unless_only_the_written_one_does():
    hidden = 1 + sigma * (x - 1)
    assert telling(Gt, hidden, (*BOTH, *given(positive(x - 1)))) == hidden
    assert telling(Gt, exp(x) * (2 + sigma) - 2 * exp(x), BOTH) == sigma * exp(x)

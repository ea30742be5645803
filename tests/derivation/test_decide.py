import pytest
import sympy as sp
from sympy import Abs, Derivative, Eq, Gt, Integer, Limit, Lt, Max, Mul, Ne, Pow, exp, sqrt

from derivation.claim import Hypothesis, equation, nonzero
from derivation.decide import is_defined, is_nonzero, is_zero, normal
from derivation.hypotheses import AFFINE, EXP_HEAD, SLOPE, Y, along, curvature, outer, slope, third
from derivation.notation import L, S, b, f, g, n, sigma, step, u, w, x
from derivation.nth import nth

q = sp.Function("q", real=True)
y = sp.Symbol("y", real=True)


def given(*relations):
    return tuple(Hypothesis(f"h{i}", "", relation) for i, relation in enumerate(relations))


def positive(e):
    return Gt(e, 0, evaluate=False)


def negative(e):
    return Lt(e, 0, evaluate=False)


def inert(before, after):
    return sp.Add(before, Mul(-1, after, evaluate=False), evaluate=False)


HALF_LINE = equation(f(step), exp(step))
INTEGERS = equation(f(n), 0)
WITH_X = equation(f(u), u + x)
AT_3 = equation(f(Integer(3)), exp(3))
MIXED = equation(Derivative(q(x, y), x, y), 0)
JUMP = sp.Piecewise((x, x > 0), (x + 1, True))

TRUE = {
    "a derivative is carried out": (Derivative(x**3, (x, 2)), 6 * x, ()),
    "a definition": (f(S(x)), exp(S(x)), (EXP_HEAD,)),
    "a definition, derived": (outer(3), Y, (EXP_HEAD,)),
    "a definition, in itself": (f(f(x)), exp(exp(x)), (EXP_HEAD,)),
    "a definition by a polynomial": (outer(2), 6 * S(x), given(equation(f(u), u**3))),
    "a definition by a quotient": (f(x) * (1 + exp(-x)), Integer(1), given(equation(f(u), 1 / (1 + exp(-u))))),
    "an equation along the line": (curvature, Integer(0), (AFFINE,)),
    "and its derivatives": (third + along(2), outer(2) * slope**2, (AFFINE,)),
    "powers of a symbolic order": (slope**n * slope, slope ** (n + 1), ()),
    "a power of an affine slope": (Derivative(slope**n, x), Integer(0), (AFFINE,)),
    "derivative of a power, at 0 too": (x * Derivative(x**n, x), n * x**n, ()),
    "positive": (Max(0, x), x, given(positive(x))),
    "negative": (Abs(x) + Max(0, x), -x, given(negative(x))),
    "a sign holds near the point": (Derivative(Max(0, w * x + b), x), w, given(positive(w * x + b))),
    "a divisor that is not zero": (Mul(sigma, 1 / sigma, evaluate=False), Integer(1), given(nonzero(sigma))),
    "a divisor that never is": (1 / (x**2 + 1) + 1 / exp(x), (exp(x) + x**2 + 1) / (exp(x) * (x**2 + 1)), ()),
    "a factor of what is not zero": (sigma / sigma / g, 1 / g, given(nonzero(sigma * g))),
}
NOT_PROVED = {
    "another exponent": (Derivative(x**3, (x, 2)), 6 * x**2, ()),
    "another function": (outer(1), Y, ()),
    "a curved tail": (along(2), outer(2) * slope**2, ()),
    "a sign that is not given": (Max(0, x), x, ()),
    "a closed half-line": (Derivative(Max(0, x), x), Integer(1), given(sp.Ge(x, 0, evaluate=False))),
    "the sign of a neighbour": (Max(0, w * (x + step) + b), w * (x + step) + b, given(positive(w * x + b))),
    "a sign under a limit elsewhere": (Limit(Max(0, x), x, -5), Limit(x, x, -5), given(positive(x))),
    "a sign under an integral": (
        sp.Integral(Max(0, x), (x, -2, 1)),
        sp.Integral(x, (x, -2, 1)),
        given(positive(x)),
    ),
    "a sign at a value": (sp.Subs(Max(0, x), x, -5), Integer(-5), given(positive(x))),
    "the sign of what jumps": (
        Derivative(Abs(sp.floor(x)), x),
        Derivative(sp.floor(x), x),
        given(positive(sp.floor(x))),
    ),
    "a jump": (Derivative(JUMP, x), Integer(1), ()),
    "a corner": (Derivative(Abs(x), x), sp.sign(x), ()),
    "a corner in disguise": (Derivative(Max(0, x), x), sp.Heaviside(x), ()),
    "a root of something negative": (sqrt(x) * Pow(sqrt(x), -1, evaluate=False), Integer(1), ()),
    "a logarithm of something negative": (Derivative(sp.log(x), x), 1 / x, ()),
    "affine at another point": (Derivative(S(u + step), (u, 2)), Integer(0), (AFFINE,)),
    "affine at a stretched point": (Derivative(S(w * x), (x, 2)), Integer(0), (AFFINE,)),
    "affine at an image of the point": (Derivative(S(S(x)), (x, 2)), Integer(0), (AFFINE,)),
    "affine along another variable": (Derivative(S(u), (u, 2)), Integer(0), (AFFINE,)),
    "affine under a limit": (Limit(curvature, x, 5), Integer(0), (AFFINE,)),
    "a mixed derivative says nothing of a pure one": (Derivative(q(x, y), x), Integer(0), given(MIXED)),
    "a definition on the integers": (f(x), Integer(0), given(INTEGERS)),
    "a definition on a half-line": (f(Integer(-1)), exp(-1), given(HALF_LINE)),
    "a definition at one point": (nth(f)(1, Integer(3)), exp(3), given(AT_3)),
    "a definition that hides the line": (inert(along(1), outer(1) * slope), Integer(1), given(WITH_X)),
    "a derivative by an integer": (Derivative(n**2, n), 2 * n, ()),
    "a derivative of a negative order": (nth(f)(n - 1, S(x)), nth(f)(n - 1, S(x)), ()),
    "a derivative of an unknown order": (Derivative(S(x), (x, n)), Derivative(S(x), (x, n)), ()),
    "zero to the zero": (Pow(0, n, evaluate=False), Integer(0), ()),
    "a power below zero": (slope * slope ** (n - 1), slope**n, ()),
    "0/0": (Mul(sigma, 1 / sigma, evaluate=False), Integer(1), ()),
    "0/0 of a slope": (Mul(slope, 1 / slope, evaluate=False), Integer(1), ()),
    "0/0 by a hypothesis": (Mul(curvature, 1 / curvature, evaluate=False), Integer(1), (AFFINE,)),
    "0/0 by a hypothesis, beside what is not zero": (
        Mul(curvature, 1 / curvature, evaluate=False),
        Integer(1),
        (AFFINE, SLOPE),
    ),
    "0 times 1/0": (Mul(0, 1 / x, evaluate=False), Integer(0), ()),
    "0/0 under a derivative": (Derivative(Mul(x, 1 / x, evaluate=False), x), Integer(0), ()),
    "0/0 in an argument": (f(Mul(x, 1 / x, evaluate=False)), f(Integer(1)), ()),
    "0/0 by a definition": (f(x) * x, Integer(1), given(equation(f(u), 1 / u))),
    "the same pole on both sides": (1 / sigma, 1 / sigma, ()),
    "a divisor beside what is not zero": (Mul(sigma, 1 / sigma, evaluate=False), Integer(1), given(Ne(1 + sigma, 0))),
    "a divisor below what is not zero": (Mul(sigma, 1 / sigma, evaluate=False), Integer(1), given(Ne(g / sigma, 0))),
    "a divisor that only cannot be negative": (
        Mul(sigma, 1 / sigma, evaluate=False),
        Integer(1),
        given(sp.Ge(sigma, 0, evaluate=False)),
    ),
    "rounding": (sp.Float("0.1") * x, x / 10, ()),
    "infinity": (sp.oo, sp.oo, ()),
    "not a number": (sp.nan, sp.nan, ()),
    "what does not commute": (*(lambda a, c: (a * c, a * c))(*sp.symbols("a c", commutative=False)), ()),
    "what need not be real": (sp.Symbol("z"), sp.Symbol("z"), ()),
}


@pytest.mark.parametrize("case", TRUE)
def test_what_is_zero_is_proved(case):
    before, after, hypotheses = TRUE[case]
    assert is_zero(inert(before, after), hypotheses) is True


@pytest.mark.parametrize("case", NOT_PROVED)
def test_what_is_false_or_undefined_somewhere_is_not_proved(case):
    before, after, hypotheses = NOT_PROVED[case]
    assert is_zero(inert(before, after), hypotheses) is not True


@pytest.mark.parametrize("number", [Integer(2), sp.Rational(1, 3), sp.E - 3, Derivative(5 * x, x)], ids=str)
def test_a_number_other_than_zero_is_decided_false(number):
    assert is_zero(number) is False


@pytest.mark.parametrize("undecided", [x, S(x), slope - 1, 1 / x - 1 / sigma], ids=str)
def test_what_is_zero_only_somewhere_is_neither_true_nor_false(undecided):
    assert is_zero(undecided) is None


def test_a_product_is_not_zero_if_every_factor_is_known_not_to_be():
    assert is_nonzero(2 * exp(x) * slope**3, (SLOPE,))
    assert is_nonzero(2 * slope**2 + sigma * slope**3, (SLOPE, *given(nonzero(2 + sigma * slope))))
    assert not is_nonzero(2 * slope**2 + sigma * slope**3, (SLOPE,))
    assert not is_nonzero(slope * sigma, (SLOPE,))


def test_what_is_given_not_to_be_zero_may_be_a_multiple_or_a_fraction_with_a_divisor_known():
    rho_pole = nonzero(2 + sigma * outer(3) / outer(2) * slope)
    assert is_nonzero(2 * outer(2) + sigma * outer(3) * slope, given(rho_pole, nonzero(outer(2))))
    assert not is_nonzero(2 * outer(2) + sigma * outer(3) * slope, given(rho_pole))


@pytest.mark.parametrize(
    "relation", [nonzero(curvature), nonzero(x * sp.log(sigma)), nonzero(x * sqrt(sigma)), equation(sigma, 1)], ids=str
)
def test_nothing_is_non_zero_by_a_hypothesis_that_vanishes_or_is_not_smooth(relation):
    assert not is_nonzero(sigma, (AFFINE, *given(relation)))


ZEROS = {
    "zero": Integer(0),
    "by a hypothesis": curvature,
    "a constant": Derivative(sigma, x),
    "in disguise": (1 + x) ** 2 - 1 - 2 * x - x**2,
}


@pytest.mark.parametrize("zero", ZEROS.values(), ids=ZEROS.keys())
def test_zero_is_not_non_zero_whatever_else_is(zero):
    assert not is_nonzero(zero, (AFFINE, SLOPE, *given(nonzero(sigma), positive(g))))


def test_an_expression_is_defined_where_no_divisor_vanishes_and_every_part_is_smooth():
    assert is_defined(1 / slope, (SLOPE,))
    assert not is_defined(1 / slope, ())
    assert not is_defined(sp.Piecewise((x, x > 0), (0, True)), ())
    assert not is_defined(sqrt(x), ())


def test_the_normal_form_leaves_what_is_not_smooth_untouched():
    for expr in (Limit(Max(0, x), x, -5), sp.Integral(Abs(x), (x, -1, 1)), Derivative(JUMP, x)):
        assert normal(expr, given(positive(x))) == expr


def test_the_normal_form_knows_nothing_of_another_function():
    assert normal(Derivative(L(x), (x, 2)), (AFFINE,)) == Derivative(L(x), (x, 2))


def test_the_relation_of_a_hypothesis_is_not_evaluated_by_deciding():
    hypothesis = given(nonzero(sigma))[0]
    is_zero(sigma / sigma, (hypothesis,))
    assert hypothesis.relation == Ne(sigma, 0, evaluate=False)
    assert isinstance(EXP_HEAD.relation, Eq)


# What is given about a derivative, or at the point alone

GROWTH = equation(slope, 1 / (1 + exp(-sigma * x)))
SIGMOID_SLOPE = equation(nth(f)(1, u), 1 / (1 + exp(-u)))
FLAT = Hypothesis("flat", "f'' is zero at S", equation(outer(2), 0), at_point=True)
ORIGIN = Hypothesis("origin", "x is zero", equation(x, 0), at_point=True)
NOT_NEGATIVE, NOT_POSITIVE = given(sp.Ge(x, 0, evaluate=False)), given(sp.Le(x, 0, evaluate=False))

GIVEN = {
    "a slope along the line": (slope * (1 + exp(-sigma * x)), Integer(1), given(GROWTH)),
    "and its derivatives": (curvature, sigma * slope * (1 - slope), given(GROWTH)),
    "a derivative of an outer function": (outer(2), outer(1) * (1 - outer(1)), given(SIGMOID_SLOPE)),
    "in a chain rule": (along(1), slope / (1 + exp(-S(x))), given(SIGMOID_SLOPE)),
    "a value at the point": (along(2), outer(1) * curvature, (FLAT,)),
    "a letter at the point": (x * slope + sigma, sigma, (ORIGIN,)),
    "a sign at the point": (Max(0, x), x, NOT_NEGATIVE),
    "the other sign at the point": (Abs(x) + Max(0, x), -x, NOT_POSITIVE),
}
NOT_GIVEN = {
    "the function itself": (S(x), x, given(equation(slope, Integer(1)))),
    "a derivative of lower order": (outer(1), Integer(0), given(equation(nth(f)(2, u), Integer(0)))),
    "a derivative on a half-line": (outer(1), exp(S(x)), given(equation(nth(f)(1, step), exp(step)))),
    "a derivative that divides by zero": (slope * x, Integer(1), given(equation(slope, 1 / x))),
    "a derivative in terms of itself": (curvature, slope, given(equation(slope, S(x)))),
    "a slope at another point": (Derivative(S(u), u), Integer(1), given(equation(slope, Integer(1)))),
    "a value near the point": (outer(3), Integer(0), (FLAT,)),
    "a value under a derivative": (Derivative(x * sigma, x), Integer(0), (ORIGIN,)),
    "a value under a derivative that does not move": (Derivative(S(x), x), Derivative(S(0), x), (ORIGIN,)),
    "a value under a limit": (Limit(x + sigma, x, 1), sigma, (ORIGIN,)),
    "an equation at the point is none along the line": (
        Derivative(S(x), (x, 3)),
        Integer(0),
        (Hypothesis("bend", "", equation(curvature, 0), at_point=True),),
    ),
    "a sign at the point, near it": (Derivative(Max(0, x), x), Integer(1), NOT_NEGATIVE),
    "a sign at the point, as a divisor": (Mul(x, 1 / x, evaluate=False), Integer(1), NOT_NEGATIVE),
}


@pytest.mark.parametrize("case", GIVEN)
def test_what_follows_from_what_is_given_of_a_derivative_or_at_the_point_is_proved(case):
    before, after, hypotheses = GIVEN[case]
    assert is_zero(inert(before, after), hypotheses) is True
    assert is_zero(inert(before, after)) is not True


@pytest.mark.parametrize("case", NOT_GIVEN)
def test_what_does_not_follow_is_not_proved(case):
    before, after, hypotheses = NOT_GIVEN[case]
    assert is_zero(inert(before, after), hypotheses) is not True


def test_only_an_equation_can_be_meant_at_the_point_alone():
    with pytest.raises(TypeError, match="only an equation"):
        Hypothesis("positive", "", positive(x), at_point=True)

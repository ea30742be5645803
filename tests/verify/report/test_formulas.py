import re

import pytest
from sympy import Derivative, Limit, Max, Piecewise, Symbol, exp, latex, log, oo, sqrt, tanh

from derivation.claims import CLAIMS
from derivation.notation import L, R, S, f, g, n, sigma, x
from derivation.nth import nth
from verify.report.formulas import mathml, snug, unambiguous


def words(markup):
    """Return the formula's tokens in reading order."""
    return "".join(re.findall(r">([^<]+)<", markup)).replace("&#x00028;", "(").replace("&#x00029;", ")")


def expressions():
    for claim in CLAIMS:
        yield claim.lhs
        yield claim.rhs
        yield from (step.reached for step in claim.steps)
        yield from (hypothesis.relation for hypothesis in claim.given)
        yield from (hypothesis.relation for branch in claim.branches for hypothesis in branch.given)


FORMULAS = sorted({latex(expression) for expression in expressions()})


@pytest.mark.parametrize("formula", FORMULAS)
def test_every_formula_of_the_claims_becomes_mathml_without_latex(formula):
    for display in (False, True):
        markup = mathml(formula, display=display)
        assert markup.startswith("<math ")
        assert "\\" not in markup
        assert "{" not in words(markup)
        assert markup.count("&#x00028;") == markup.count("&#x00029;") == formula.count("(")


@pytest.mark.parametrize(
    ("expression", "token"),
    [
        (S(x), "<mi>S</mi>"),
        (f(x), "<mi>f</mi>"),
        (sigma, "<mi>&#x003C3;</mi>"),
        (L(x), "<mi>L</mi>"),
        (g, "<mi>g</mi>"),
    ],
)
def test_letters_keep_their_case_and_their_alphabet(expression, token):
    assert token in mathml(latex(expression))


@pytest.mark.parametrize(
    ("order", "mark"),
    [(1, "&#x02032;"), (2, "&#x02033;"), (3, "&#x02034;"), (4, "(4)"), (n, "(n)"), (n + 1, "(n&#x0002B;1)")],
)
def test_the_order_of_a_derivative_of_the_outer_function_is_a_superscript(order, mark):
    markup = mathml(latex(nth(f)(order, S(x))))
    assert markup.index("<msup><mi>f</mi>") < markup.index("</msup>") < markup.index("<mi>S</mi>")
    assert words(markup) == f"f{mark}(S(x))"


def test_a_derivative_along_the_line_is_a_fraction_with_its_order():
    markup = mathml(latex(Derivative(f(S(x)), (x, 2))))
    assert words(markup) == "d2dx2f(S(x))"
    assert "<mfrac><mrow><msup><mi>d</mi><mrow><mn>2</mn></mrow></msup></mrow>" in markup


def test_a_limit_and_a_maximum_are_upright_names():
    markup = mathml(latex(Limit(Max(0, x) / x, x, 0, "+")))
    assert "<mo>lim</mo>" in markup
    assert "<mo>max</mo>" in markup


@pytest.mark.parametrize(
    "expression",
    [tanh(x / 2), exp(-S(x)), log(x), sqrt(x), oo, Piecewise((x, x > 0), (0, True)), Symbol("alpha"), x**n],
)
def test_what_heads_and_activations_may_need_is_understood(expression):
    assert mathml(latex(expression)).startswith("<math ")


def test_two_derivatives_side_by_side_are_a_product_and_not_the_derivative_of_one():
    product = Derivative(L(x), x) * Derivative(R(x), x)
    assert latex(product).count("cdot") == 0
    assert unambiguous(latex(product)).count(r"\cdot") == 1
    power = Derivative(S(x), x) ** 2 * Derivative(S(x), (x, 2))
    assert unambiguous(latex(power)).count(r"\cdot") == 1


def test_a_factor_zero_does_not_stick_to_the_bracket_before_it():
    assert "&#x000B7;</mo><mn>0</mn>" in mathml(r"f'\left(S{\left(x \right)}\right) 0 + 1")


def test_a_derivative_of_what_follows_gets_no_dot():
    single = latex(Derivative(f(S(x)), (x, 2)))
    assert unambiguous(single) == single
    once_more = r"\frac{d}{d x} \frac{d}{d S{\left(x \right)}} f{\left(S{\left(x \right)} \right)}"
    assert unambiguous(once_more) == once_more


def test_brackets_grow_around_fractions_only():
    assert snug(r"f{\left(S{\left(x \right)} \right)}") == "f{(S{(x)})}"
    high = r"\left(\frac{d}{d x} S\right)^{2}"
    assert snug(high) == high


@pytest.mark.parametrize(
    "formula", [r"\foo x", r"\text{<script>alert(1)</script>}", r"\text{a<b}", r"\begin{aligned}a&=b\end{aligned}"]
)
def test_what_is_not_understood_is_shown_as_escaped_source(formula):
    markup = mathml(formula)
    assert markup.startswith("<code>")
    assert "<script" not in markup
    assert markup.unescape() == f"<code>{formula}</code>"


def test_a_long_formula_tells_its_width_and_a_short_one_does_not():
    assert "--ems" not in mathml("x + 1")
    sum_of = " + ".join(30 * ["x"])
    (width,) = re.findall(r'^<math style="--ems: (\d+)"', mathml(sum_of))
    assert 30 < int(width) < 80
    # A fraction is as wide as the wider of its parts.
    (other,) = re.findall(r"--ems: (\d+)", mathml(rf"\frac{{{sum_of}}}{{y}}"))
    assert abs(int(other) - int(width)) <= 1


def test_primes_behind_a_subscript_stand_beside_each_other():
    two = "<mrow><mi>&#x02032;</mi><mi>&#x02032;</mi></mrow>"
    assert f"<msubsup><mi>L</mi><mi>i</mi>{two}</msubsup>" in mathml(r"p'' = L_i''\times R_i'")
    assert "<msup><msub" not in mathml("L_{i}" + 3 * "'")

"""How inert statements are written. The oracle is what a book prints, typed in by hand."""

import re

import pytest
from sympy import Add, Derivative, E, Integer, Limit, Max, Mul, Symbol, exp

from derivation.claim import equation, nonzero
from derivation.claims import CLAIMS
from derivation.notation import L, R, S, b, f, g, left, n, right, sigma, step, test_function, value, w, x
from derivation.nth import nth
from derivation.printing import latex, line, pretty, raised

g_x = Derivative(S(x), x)


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (Derivative(S(x), x), "dS(x)/dx"),
        (Derivative(f(S(x)), (x, 2)), "d²f(S(x))/dx²"),
        (Derivative(R(L(x)), (x, n + 1)), "dⁿ⁺¹R(L(x))/dxⁿ⁺¹"),
        (nth(f)(1, S(x)) + nth(f)(2, S(x)), "f′(S(x)) + f″(S(x))"),
        (nth(f)(3, x) ** 2, "f‴(x)²"),
        (nth(f)(n + 1, S(x)), "f⁽ⁿ⁺¹⁾(S(x))"),
        (g_x**2 * Derivative(S(x), (x, 2)), "(dS(x)/dx)²·(d²S(x)/dx²)"),
        (Derivative(w * x + b, x), "∂(b + w·x)/∂x"),
        (Max(0, w * x + b), "max(0, b + w·x)"),
        (left * test_function(x), "m₋·φ(x)"),
        (nonzero(2 + sigma * g), "g·σ + 2 ≠ 0"),
        (equation(f(x), exp(x)), "f(x) = exp(x)"),
        (Limit(g / step, step, 0, "+"), "lim δ→0⁺ (g/δ)"),
        (32 * E, "32·e"),
        (x ** Symbol("k", integer=True, nonnegative=True), "x^k"),
    ],
)
def test_a_line_is_written_as_in_a_book(expression, written):
    assert line(expression) == written


def rows(*lines):
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        (Derivative(f(S(x)), (x, 2)), rows("d²f(S(x))", "─────────", "   dx²")),
        (Mul(Derivative(w * x + b, x), 0, evaluate=False), rows("∂(b + w⋅x)", "──────────⋅0", "    ∂x")),
        (nth(f)(2, S(x)) * g_x, rows("         dS(x)", "f″(S(x))⋅─────", "          dx")),
        (nth(f)(n, S(x)), "f⁽ⁿ⁾(S(x))"),
        (Add(value + step * right, -2 * value, evaluate=False), "(δ⋅m₊ + s₀) - 2⋅s₀"),
        (Max(0, test_function(x)), "max(0, φ(x))"),
    ],
)
def test_several_lines_are_set_as_in_a_book(expression, written):
    assert pretty(expression) == written


def test_a_chain_is_joined_by_equals_signs_and_may_have_a_lead():
    assert pretty(f(x), Integer(4), Integer(2)) == "f(x) = 4 = 2"
    assert pretty(Integer(2), lead="= ") == "= 2"


def test_a_derivative_of_a_sum_is_never_taken_for_a_sum_of_derivatives():
    total = Derivative(S(x) + L(x), x)
    assert line(total) != line(Derivative(S(x), x) + L(x))
    assert pretty(Derivative(g_x * S(x), x) * 2) != pretty(Derivative(g_x, x) * S(x) * 2)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_no_name_of_a_class_is_left_in_any_claim(claim):
    for side in (claim.lhs, claim.rhs, *(h.relation for h in claim.given), *(link.reached for link in claim.steps)):
        for text in (line(side), pretty(side), latex(side)):
            assert not re.search(r"Derivative|Limit|Max|_nth|ₙₜₕ|Integer|Tuple|varphi\(|\*\*|evaluate", text), text


def test_superscripts_exist_for_digits_and_n_alone():
    assert raised("n + 12") == "ⁿ⁺¹²"
    assert raised("k") is None

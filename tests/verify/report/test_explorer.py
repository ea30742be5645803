"""The explorer's formulas as SymPy has them; that a browser computes them is in test_browser.py."""

import re

import pytest
from sympy import Rational, cosh, diff, exp

from derivation.heads import HEADS
from derivation.notation import S, T, g, sigma, u, x
from verify.catalogue.activations import ACTIVATIONS
from verify.report import explorer, templates


def test_the_exact_weight_is_10_differentiated_on_a_curved_tail():
    tail = explorer.g * x + explorer.h * x**2 / 2 + explorer.t * x**3 / 6
    second, third = (diff(exp(tail), x, order).subs(x, 0) for order in (2, 3))
    formula = explorer.weights()["exact"].expression
    found = formula.subs({explorer.f_1: 1, explorer.f_2: 1, explorer.f_3: 1})
    assert (found - second / (2 * second + sigma * third)).simplify() == 0


def test_the_closed_form_is_19_and_its_pole_is_where_its_denominator_vanishes():
    found = explorer.weights()
    assert (found["closed"].expression - 1 / (2 + sigma * g)).simplify() == 0
    assert (found["closedPole"].expression + 2 / g).simplify() == 0


def test_every_head_and_every_activation_is_there_with_three_derivatives():
    heads, units = explorer.heads(), explorer.units()
    assert {name.partition("-")[0] for name in heads} == {head.name.partition("-")[0] for head in HEADS}
    assert list(units) == [each.name for each in ACTIVATIONS]
    assert all(len(each) == 3 for each in [*heads.values(), *units.values()])


def test_a_power_has_numbers_for_its_exponent_so_that_a_derivative_that_vanishes_is_zero():
    assert [formula.expression for formula in explorer.heads()["power-2"]] == [2 * u, 2, 0]
    assert all(set(formula.letters) <= {u, T} for each in explorer.heads().values() for formula in each)


def test_a_derivative_of_a_piecewise_linear_unit_is_zero_off_its_kinks():
    for each in ACTIVATIONS:
        if each.piecewise_linear:
            assert [formula.expression for formula in explorer.units()[each.name][1:]] == [0, 0]


def test_formulas_are_printed_as_javascript_in_one_line_each():
    formula = explorer.Formula((u, T), cosh(u) ** 2 / T + Rational(1, 4))
    assert formula.javascript == "(u, T) => 1/4 + Math.pow(Math.cosh(u), 2)/T"
    with pytest.raises(NotImplementedError):
        _ = explorer.Formula((x,), S(x).diff(x)).javascript


def test_the_page_lets_its_own_script_run_alone_and_is_the_same_every_time():
    page = explorer.render(templates.environment())
    assert re.search(r"default-src 'none';[^\"]*; script-src 'sha256-[\w+/]{43}='\"", page)
    assert page.count("<script>") == page.count("</script>") == 1
    assert page == explorer.render(templates.environment())


def test_every_input_has_a_label():
    page = explorer.render(templates.environment())
    for tag in re.findall(r"<(?:input|select)[^>]*>", page):
        name = re.search(r'id="([^"]+)"', tag)[1]
        assert f'for="{name}"' in page or "aria-label=" in tag

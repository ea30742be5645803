"""Outer functions: what SymPy makes of each expression, beside forms known by hand and derivatives taken in mpmath."""

from dataclasses import replace

import mpmath
import pytest
from sympy import EmptySet, FiniteSet, Reals, exp, lambdify, log, simplify, tanh

from derivation.heads import (
    EXP,
    HEADS,
    IDENTITY,
    LOG,
    LOG_SIGMOID,
    POWER,
    SIGMOID,
    SOFTPLUS,
    TANH,
    TEMPERED,
    Head,
    inflections,
    singular,
)
from derivation.notation import T, m, u

s, t = 1 / (1 + exp(-u)), tanh(u)
BY_HAND = {
    EXP: 1,
    TEMPERED: 1 / T,
    SIGMOID: (1 - 6 * s + 6 * s**2) / (1 - 2 * s),
    SOFTPLUS: -tanh(u / 2),
    LOG_SIGMOID: -tanh(u / 2),
    TANH: (1 - 3 * t**2) / t,
    POWER: (m - 2) / u,
    LOG: -2 / u,
}
CONSTANTS = {T: 2.5, m: 5}
POINTS = (0.25, 1.5, 3.0)


def power(exponent):
    return Head("power", "", u**exponent)


def by_mpmath(head, order, at):
    """Differentiate the expression numerically, knowing no rule of calculus."""
    with mpmath.workdps(60):
        return mpmath.diff(lambdify(u, head.outer.subs(CONSTANTS), "mpmath"), mpmath.mpf(at), order)


def off(head):
    """Return the largest relative gap between the ratio of SymPy and that of numerical derivatives."""
    gaps = []
    for at in POINTS:
        ratio = by_mpmath(head, 3, at) / by_mpmath(head, 2, at)
        gaps.append(abs(head.rho.subs(CONSTANTS).subs(u, at).evalf(30) / ratio - 1))
    return max(gaps)


@pytest.mark.parametrize("head", BY_HAND, ids=lambda head: head.name)
def test_the_ratio_is_the_one_known_by_hand(head):
    assert simplify((head.rho - BY_HAND[head]).rewrite(exp)) == 0


@pytest.mark.parametrize("head", BY_HAND, ids=lambda head: head.name)
def test_the_ratio_is_that_of_numerical_derivatives(head):
    # Points are float64 and read exactly; mpmath's differences at 60 digits keep far more than 12 of them.
    assert off(head) < 1e-12


@pytest.mark.parametrize("head", HEADS, ids=lambda head: head.name)
def test_the_first_three_derivatives_are_those_of_the_expression(head):
    for order, found in enumerate((head.first, head.second, head.third), start=1):
        for at in POINTS:
            assert abs(found.subs(CONSTANTS).subs(u, at).evalf(30) - by_mpmath(head, order, at)) < 1e-12


@pytest.mark.parametrize("head", BY_HAND, ids=lambda head: head.name)
def test_a_planted_error_in_an_expression_is_noticed(head):
    wrong = replace(head, outer=head.outer + u**2 / 1000)
    assert simplify((wrong.rho - BY_HAND[head]).rewrite(exp)) != 0
    assert wrong.rho.subs(CONSTANTS).subs(u, 1.5) != pytest.approx(head.rho.subs(CONSTANTS).subs(u, 1.5), rel=1e-9)


def test_the_identity_has_no_ratio_and_no_pole_and_is_singular_everywhere():
    assert IDENTITY.rho is None and IDENTITY.pole is None
    assert singular(IDENTITY) == Reals
    assert inflections(IDENTITY) == EmptySet


@pytest.mark.parametrize("head", [SIGMOID, TANH], ids=lambda head: head.name)
def test_the_ratio_of_a_head_with_an_inflection_is_infinite_there_and_nowhere_else(head):
    assert singular(head) == inflections(head) == FiniteSet(0)


@pytest.mark.parametrize("head", [EXP, TEMPERED, SOFTPLUS, LOG_SIGMOID, LOG], ids=lambda head: head.name)
def test_the_others_are_curved_everywhere(head):
    assert singular(head) == inflections(head) == EmptySet


def test_a_cube_has_an_inflection_at_zero_and_a_fourth_power_none_but_zero_over_zero():
    assert singular(power(3)) == inflections(power(3)) == FiniteSet(0)
    assert singular(power(4)) == FiniteSet(0) and inflections(power(4)) == EmptySet
    assert singular(power(2)) == EmptySet and power(2).rho == 0 and power(2).pole is None


@pytest.mark.parametrize("exponent", [-2, 3, 5])
def test_the_ratio_of_a_power_holds_for_each_exponent(exponent):
    assert simplify(power(exponent).rho - POWER.rho.subs(m, exponent)) == 0


def test_the_poles_are_where_two_plus_rho_times_sigma_g_is_zero():
    for head in BY_HAND:
        assert simplify(2 + head.rho * head.pole) == 0
    assert EXP.pole == -2 and TEMPERED.pole == -2 * T and LOG.pole == u


def test_a_confident_sigmoid_meets_its_pole_near_two_and_an_unlikely_one_near_minus_two():
    # By hand: rho + 1 = 2 (1 - s)(1 - 3 s)/(1 - 2 s), about 4 (1 - s) for s near 1; rho - 1 is about -4 s for small s.
    assert abs(SIGMOID.pole.subs(u, 40).evalf(30) - 2) < 10 * float(exp(-40))
    assert abs(SIGMOID.pole.subs(u, -40).evalf(30) + 2) < 10 * float(exp(-40))


def test_softplus_and_log_sigmoid_differ_by_a_line():
    line = log(1 + exp(u)) + LOG_SIGMOID.outer
    assert simplify(line.diff(u, 2)) == 0
    assert SOFTPLUS.outer == log(1 + exp(u))


def test_names_are_given_once():
    assert len({head.name for head in HEADS}) == len(HEADS)

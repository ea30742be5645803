"""Oracle: sums over set partitions, counted one by one, and SymPy's own partial Bell polynomials."""

from math import prod

import pytest
import sympy as sp
from sympy import Derivative, exp, sin
from sympy.utilities.iterables import multiset_partitions

from derivation.bell import Bell, polynomial
from derivation.claim import OURS, Claim, Hypothesis, Step, Use, equation
from derivation.decide import is_zero
from derivation.hypotheses import EXP_HEAD, Y, along, curvature, slope, third
from derivation.notation import S, n, x
from derivation.proof import prove

T = [Derivative(S(x), (x, k)) for k in range(1, 10)]


@pytest.mark.parametrize("order", range(1, 7))
def test_it_is_the_sum_over_all_partitions_of_a_set(order):
    blocks = multiset_partitions(list(range(order)))
    expected = sum(prod(T[len(block) - 1] for block in partition) for partition in blocks)
    assert sp.expand(polynomial(order, slope, x).doit() - expected) == 0


@pytest.mark.parametrize("order", range(1, 10))
def test_it_is_the_sum_of_the_partial_bell_polynomials(order):
    expected = sum(sp.bell(order, k, T[: order - k + 1]) for k in range(1, order + 1))
    assert sp.expand(polynomial(order, slope, x).doit() - expected) == 0


def test_the_first_ones_are_those_of_the_textbook():
    assert Bell(0, slope, x) == 1
    assert Bell(sp.Integer(1), slope, x).doit() == slope
    assert sp.expand(Bell(sp.Integer(3), slope, x).doit() - (slope**3 + 3 * slope * curvature + third)) == 0


def test_it_stays_as_it_is_written_until_it_is_worked_out():
    assert isinstance(Bell(sp.Integer(2), slope, x), Bell)
    assert isinstance(Bell(n, slope, x).doit(), Bell)


@pytest.mark.parametrize("order", range(6))
def test_its_derivative_is_that_of_what_it_stands_for(order):
    d = sin(2 * x) + x**2
    symbolic = Bell(n, d, x).diff(x).subs(n, order).doit()
    assert sp.simplify(symbolic - polynomial(order, d, x).doit().diff(x)) == 0


def test_a_derivative_by_another_letter_stays_as_it_is():
    z = sp.Symbol("z", real=True)
    assert Bell(n, slope, x).diff(z) == 0
    inert = sp.Derivative(Bell(n, slope * z, x), z)
    assert inert.doit() == Bell(n, slope * z, x).diff(z) == inert


# The checker does not look into one: what is put in at the point, or sealed in an appeal, may not be differentiated


def test_nothing_is_put_into_it_at_the_point_alone():
    straight = Hypothesis("bend", "", equation(slope, 0), at_point=True)
    assert is_zero(Bell(n, slope, x) - Bell(n, sp.Integer(0), x), (straight,)) is not True
    assert is_zero(Bell(sp.Integer(2), slope, x) - curvature, (straight,)) is True


def test_an_appeal_does_not_take_what_it_seals_for_constant():
    rule = Claim("rule", "", along(n), Y * Bell(n, slope, x), OURS, (EXP_HEAD,), induction=n)
    steps = (Step(Y * slope**2, "", (Use("rule", ((n, 2),)),)),)
    false = Claim("false", "", along(2), Y * slope**2, OURS, (EXP_HEAD,), steps)
    assert prove(rule).holds and not prove(false, {"rule": rule}).holds
    assert is_zero(along(2) - exp(S(x)) * (slope**2 + curvature), (EXP_HEAD,)) is True

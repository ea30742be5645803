from dataclasses import replace

import pytest
from sympy import (
    Abs,
    Derivative,
    Eq,
    Function,
    Ge,
    Gt,
    Integer,
    Integral,
    Le,
    Limit,
    Lt,
    Max,
    Ne,
    Rational,
    Symbol,
    exp,
)

from derivation.claim import OURS, Branch, Claim, Hypothesis, Step, Use, equation, nonzero
from derivation.hypotheses import AFFINE, EXP_HEAD, SLOPE, Y, along, curvature, outer, slope
from derivation.notation import L, R, S, b, f, g, n, sigma, u, w, x
from derivation.nth import nth
from derivation.proof import prove


def claim(lhs, rhs, *given, name="claim", **more):
    return Claim(name, "", lhs, rhs, OURS, tuple(given), **more)


def given(relation):
    return Hypothesis(str(relation), "", relation)


def by(reached, *uses):
    """Make the steps of a proof that is one appeal."""
    return (Step(reached, "by appeal", uses),)


POSITIVE, NEGATIVE = given(Gt(x, 0, evaluate=False)), given(Lt(x, 0, evaluate=False))
NOT_ZERO = given(nonzero(x))
CASES = (Branch("right", (POSITIVE,)), Branch("left", (NEGATIVE,)))
SECOND = claim(along(2), outer(2) * slope**2 + outer(1) * curvature, name="second")
COLLAPSE = claim(along(n), outer(n) * slope**n, AFFINE, name="collapse", induction=n)
SIZE = claim(Abs(x), x, POSITIVE, name="size")
LINEAR = claim(Derivative(sigma * x, x), sigma, name="linear")
NATURAL = claim(Abs(n), n, name="natural")
HEAD = claim(outer(1).subs(S(x), u), exp(u), EXP_HEAD, name="head")
LIBRARY = {c.name: c for c in (SECOND, COLLAPSE, SIZE, LINEAR, NATURAL, HEAD)}


def fails(statement, reason="", library=LIBRARY):
    """Say whether the proof does not go through, for the reason that is named."""
    proof = prove(statement, library)
    return not proof.holds and (reason in proof.reason if reason else bool(proof.links))


def test_one_link_suffices_where_calculus_and_algebra_do():
    proof = prove(claim(Derivative(x**2, x), 2 * x))
    assert proof.holds and [link.decided for link in proof.links] == [True]


def test_what_is_not_proved_says_by_how_much_the_sides_differ():
    (link,) = prove(claim(Derivative(x**2, x), 3 * x)).links
    assert link.decided is None and link.difference == -x


def test_a_chain_has_to_hold_link_by_link_and_to_end_at_the_right_hand_side():
    assert prove(claim(Derivative(x**2, x), x + x, steps=(Step(2 * x, ""),))).holds
    detour = claim(Derivative(x**2, x), 2 * x, steps=(Step(3 * x, ""), Step(2 * x, "")))
    assert [link.decided for link in prove(detour).links] == [None, None]
    short = claim(Derivative(x**2, x), 3 * x, steps=(Step(2 * x, ""),))
    assert [link.decided for link in prove(short).links] == [True, None]


def test_a_proof_without_links_does_not_hold():
    proof = prove(claim(x, x, steps=by(x, Use("nobody"))))
    assert not proof.holds and proof.links == () and "nobody is used but is no claim" in proof.reason


# Appeals


def test_an_appeal_holds_through_the_claim_it_names():
    rhs = nth(R)(2, L(x)) * Derivative(L(x), x) ** 2 + nth(R)(1, L(x)) * Derivative(L(x), (x, 2))
    statement = claim(Derivative(R(L(x)), (x, 2)), rhs, steps=by(rhs, Use("second", ((f, R), (S, L)))))
    assert prove(statement, LIBRARY).holds


def test_an_appeal_to_a_wrong_claim_carries_the_error_over():
    wrong = claim(along(2), outer(2) * slope, name="second")
    rhs = outer(2) * slope**2 + outer(1) * curvature
    assert fails(claim(along(2), rhs, steps=by(rhs, Use("second"))), library={"second": wrong})


def test_an_appeal_needs_every_hypothesis_of_the_claim_used():
    rhs = outer(2) * slope**2
    use = Use("collapse", ((n, 2),))
    assert prove(claim(along(2), rhs, AFFINE, steps=by(rhs, use)), LIBRARY).holds
    assert fails(claim(along(2), rhs, SLOPE, steps=by(rhs, use)), "needs the hypothesis «affine-along-line»")


def test_an_appeal_needs_the_hypothesis_for_the_function_it_is_used_on():
    rhs = nth(f)(2, L(x)) * Derivative(L(x), x) ** 2
    statement = claim(Derivative(f(L(x)), (x, 2)), rhs, AFFINE, steps=by(rhs, Use("collapse", ((S, L), (n, 2)))))
    assert fails(statement, "needs the hypothesis")


def test_what_is_appealed_to_has_to_occur():
    assert fails(claim(along(3), along(3), steps=by(along(3), Use("second"))), "does not occur in")


def test_a_derivative_that_no_appeal_speaks_of_stays_closed():
    rhs = outer(2) * slope**2 + outer(1) * curvature + outer(1) * slope
    assert fails(claim(along(2) + along(1), rhs, steps=by(rhs, Use("second"))))


def test_no_moving_variable_may_be_put_in_for_a_constant():
    constant = claim(Derivative(g * x, x), g, steps=by(g, Use("linear", ((sigma, g),))))
    assert prove(constant, LIBRARY).holds
    for hidden in (x, S(x), slope):
        statement = claim(Derivative(hidden * x, x), hidden, steps=by(hidden, Use("linear", ((sigma, hidden),))))
        assert fails(statement, "says nothing about")


@pytest.mark.parametrize("value", [x, -1, Rational(1, 2), Symbol("m", integer=True)], ids=str)
def test_no_value_outside_its_domain_may_be_put_in_for_a_symbol(value):
    value = value + 0 * x
    assert fails(claim(Abs(value), value, steps=by(value, Use("natural", ((n, value),)))), "says nothing about")
    assert prove(claim(Abs(n + 1), n + 1, steps=by(n + 1, Use("natural", ((n, n + 1),)))), LIBRARY).holds


def test_no_value_may_be_put_in_for_the_variable_of_a_derivative_or_a_definition():
    at_3 = given(equation(f(Integer(3)), exp(3)))
    statement = claim(nth(f)(1, Integer(3)), exp(3), at_3, steps=by(exp(Integer(3)), Use("head", ((u, Integer(3)),))))
    assert fails(statement, "head says nothing about 3 in place of u")
    statement = claim(Derivative(sigma * g, g), sigma, steps=by(sigma, Use("linear", ((x, g),))))
    assert fails(statement, "linear says nothing about g in place of x")


def test_only_a_function_of_the_same_kind_may_be_put_in_for_a_function_and_none_for_a_value():
    narrow = Function("narrow", positive=True)
    library = {"positive": claim(Abs(narrow(x)), narrow(x), name="positive")}
    for use in (Use("positive", ((narrow, S),)), Use("positive", ((narrow, exp),)), Use("positive", ((narrow(x), x),))):
        assert fails(claim(Abs(S(x)), S(x), steps=by(S(x), use)), "says nothing about", library)


def test_no_appeal_is_made_under_a_limit_or_an_integral():
    limit = claim(Limit(Abs(x), x, -5), Limit(x, x, -5), POSITIVE, steps=by(Limit(x, x, -5), Use("size")))
    assert fails(limit, "under a limit")
    integral = Integral(x, (x, -2, 0))
    assert fails(
        claim(Integral(Abs(x), (x, -2, 0)), integral, POSITIVE, steps=by(integral, Use("size"))),
        "is not in the language",
    )


def test_a_derivative_that_need_not_exist_is_not_closed_but_undecided():
    broken = Derivative(Abs(u), u)
    library = {"head": HEAD}
    statement = claim(nth(f)(1, u) * broken, exp(u) * broken, EXP_HEAD, steps=by(exp(u) * broken, Use("head")))
    assert fails(statement, library=library)
    smooth = statement.lhs.replace(Abs, exp), statement.rhs.replace(Abs, exp)
    assert prove(claim(*smooth, EXP_HEAD, steps=by(smooth[1], Use("head"))), library).holds


def test_no_claim_is_used_in_its_own_proof():
    near = claim(x, x + 1, name="near", steps=by(x + 1, Use("far")))
    far = claim(x, x + 1, name="far", steps=by(x + 1, Use("near")))
    assert fails(near, "circular proof: near -> far -> near", {"near": near, "far": far})
    alone = claim(x, x + 1, name="alone", steps=by(x + 1, Use("alone")))
    assert fails(alone, "circular proof: alone -> alone", {"alone": alone})


# Induction


def test_induction_proves_a_statement_for_every_order():
    proof = prove(claim(Derivative(exp(2 * x), (x, n)), 2**n * exp(2 * x), induction=n))
    assert proof.holds and len(proof.links) == 2


def test_induction_needs_its_start():
    start, following = prove(claim(Derivative(exp(2 * x), (x, n)), 2 ** (n + 1) * exp(2 * x), induction=n)).links
    assert start.decided is not True and following.decided is True


def test_induction_needs_its_step():
    start, following = prove(claim(Derivative(exp(2 * x), (x, n)), 3**n * exp(2 * x), induction=n)).links
    assert start.decided is True and following.decided is not True


@pytest.mark.parametrize("domain", [{"nonnegative": True}, {"positive": True}, {"even": True}], ids=str)
def test_induction_runs_over_every_integer_from_zero_on(domain):
    k = Symbol("k", integer=True, **domain)
    assert prove(claim(Derivative(exp(x), (x, k)), exp(x), induction=k)).holds == ("nonnegative" in domain)


def test_no_hypothesis_may_break_the_induction():
    statement = claim(Derivative(exp(x), (x, n)), exp(x), given(Ne(n - 3, 0)), induction=n)
    assert fails(statement, "no hypothesis about n")


def test_induction_needs_a_derivative_of_that_order_on_the_left():
    assert fails(claim(outer(n), Y, EXP_HEAD, induction=n), "needs a left-hand side")
    assert fails(claim(Derivative(Y, (x, n + 1)), Y, induction=n), "needs a left-hand side")


# Cases


def test_cases_that_exhaust_what_is_given_prove_a_statement():
    assert prove(claim(Abs(x) * Abs(x), x**2, NOT_ZERO, branches=CASES)).holds
    assert prove(claim(Max(0, x) - Max(0, -x), x, NOT_ZERO, branches=CASES)).holds
    assert prove(claim(Max(0, 2 * x) - Max(0, -2 * x), 2 * x, NOT_ZERO, branches=CASES)).links[1].decided is None


def test_a_statement_that_fails_in_one_case_is_not_proved():
    assert [k.decided for k in prove(claim(Max(0, x), x, NOT_ZERO, branches=CASES)).links] == [True, None]


@pytest.mark.parametrize(
    "branches",
    [
        CASES[:1],
        (Branch("left", (NEGATIVE,)), Branch("left again", (NEGATIVE,))),
        (Branch("both", (NEGATIVE, POSITIVE)), Branch("left", (NEGATIVE,))),
        (Branch("both", (POSITIVE, NEGATIVE)), Branch("nothing", ())),
        (*CASES, Branch("more", (SLOPE,))),
        (Branch("right", (POSITIVE, SLOPE)), Branch("left", (NEGATIVE,))),
        (Branch("unit", (given(Gt(w * x + b, 0, evaluate=False)),)), Branch("left", (NEGATIVE,))),
    ],
    ids=range(7),
)
def test_cases_that_leave_something_out_prove_nothing(branches):
    proof = prove(claim(Max(0, x), Integer(0), NOT_ZERO, branches=branches))
    assert not proof.holds and proof.reason


def test_cases_need_what_they_exclude_to_be_given():
    assert fails(claim(Abs(x) * Abs(x), x**2, branches=CASES), "do not cover")


def test_cases_are_not_combined_with_steps():
    statement = claim(Abs(x), x, NOT_ZERO, branches=CASES, steps=by(x, Use("size")))
    assert fails(statement, "cannot be combined")


# Hypotheses that contradict each other


@pytest.mark.parametrize(
    "hypotheses",
    [
        (POSITIVE, NEGATIVE),
        (AFFINE, given(nonzero(curvature))),
        (given(nonzero(Integer(0))),),
        (given(Lt(Integer(3), 0, evaluate=False)),),
        (given(Lt(n, 0, evaluate=False)),),
    ],
    ids=str,
)
def test_nothing_is_proved_from_hypotheses_that_contradict_each_other(hypotheses):
    assert fails(claim(Max(0, x) + Derivative(x**2, x), 2 * x, *hypotheses), "contradict each other")


# Relations other than equality, and what holds at the point alone

SIGMA, SLOPE_SIGN = given(Gt(sigma, 0, evaluate=False)), given(Gt(slope, 0, evaluate=False))
RIGHT, LEFT = given(Ge(x, 0, evaluate=False)), given(Le(x, 0, evaluate=False))
CLOSED_CASES = (Branch("right", (RIGHT,)), Branch("left", (LEFT,)))
AT_ZERO = Hypothesis("at-zero", "", equation(x, 0), at_point=True)
FLAT_HERE = Hypothesis("flat-here", "", equation(curvature, 0), at_point=True)


def test_an_inequality_is_proved_by_the_signs_of_the_difference():
    statement = claim(2 + sigma * slope, Integer(2), SIGMA, SLOPE_SIGN, relation=Gt)
    (link,) = prove(statement).links
    assert link.decided is True and link.relation is Gt
    assert fails(claim(2 + sigma * slope, Integer(2), SIGMA, relation=Gt))
    assert fails(claim(2 + sigma * slope, Integer(2), SIGMA, SLOPE_SIGN, relation=Lt))


def test_an_inequality_that_holds_nowhere_is_decided_false():
    (link,) = prove(claim(1 + x**2, Integer(0), relation=Le)).links
    assert link.decided is False


def test_a_chain_to_an_inequality_is_made_of_equations_up_to_its_last_link():
    steps = (
        Step(outer(2) * slope**2, "", (Use("collapse", ((n, 2),)),)),
        Step(Integer(0), "a square times what is positive"),
    )
    curved = given(Gt(outer(2), 0, evaluate=False))
    proof = prove(claim(along(2), Integer(0), AFFINE, curved, steps=steps, relation=Ge), LIBRARY)
    assert proof.holds and [link.relation for link in proof.links] == [Eq, Ge]
    assert fails(
        claim(along(2), Integer(0), AFFINE, curved, steps=by(Integer(0), Use("collapse")), relation=Ge), "no equality"
    )


def test_an_inequality_is_no_equation_to_be_put_in():
    larger = claim(x + 1, x, name="larger", relation=Gt)
    assert prove(larger).holds
    assert fails(claim(x + 1, x, steps=by(x, Use("larger"))), "is no equation", {"larger": larger})


def test_induction_is_for_equations_that_hold_near_by():
    rhs = outer(n) * slope**n
    assert prove(claim(along(n), rhs, AFFINE, induction=n)).holds
    assert fails(claim(along(n), rhs, AFFINE, induction=n, relation=Ge), "has to be one that holds near by")
    assert fails(claim(along(n), rhs, FLAT_HERE, induction=n), "has to be one that holds near by")
    assert fails(claim(along(n), rhs, AFFINE, RIGHT, induction=n), "has to be one that holds near by")


def test_not_negative_and_not_positive_leave_nothing_out():
    assert prove(claim(Max(0, x) - Max(0, -x), x, branches=CLOSED_CASES)).holds
    assert fails(claim(Max(0, x), x, branches=CLOSED_CASES))
    assert fails(claim(Max(0, x), x, branches=CLOSED_CASES[:1]), "do not cover")
    assert fails(claim(Derivative(Max(0, x) - Max(0, -x), x), Integer(1), branches=CLOSED_CASES))
    below = tuple(Branch("", (given(relation(1 / sigma, 0, evaluate=False)),)) for relation in (Ge, Le))
    assert fails(claim(Max(0, 1 / sigma), Max(0, 1 / sigma) + x - x, branches=below), "do not cover")


def test_what_holds_at_the_point_alone_is_not_used_near_it():
    there = claim(x * sigma, Integer(0), AT_ZERO, name="there")
    assert prove(there).holds
    inside = claim(Derivative(x * sigma, x), Integer(0), AT_ZERO, steps=by(Integer(0), Use("there")))
    assert fails(inside, "holds at the point alone", {"there": there})
    right = claim(Abs(x), x, RIGHT, name="right")
    assert prove(right).holds
    inside = claim(Derivative(Abs(x), x), Integer(1), RIGHT, steps=by(Integer(1), Use("right")))
    assert fails(inside, "holds at the point alone", {"right": right})


def test_an_appeal_needs_a_hypothesis_along_the_line_where_the_claim_has_it_so():
    statement = claim(
        along(2), outer(2) * slope**2, FLAT_HERE, steps=by(outer(2) * slope**2, Use("collapse", ((n, 2),)))
    )
    assert fails(statement, "which is not at hand")


def test_signs_that_cannot_go_together_are_found_out():
    impossible = given(Lt(2 + sigma * slope, 0, evaluate=False))
    assert fails(claim(x, x + 1, SIGMA, SLOPE_SIGN, impossible), "contradict each other")
    assert fails(claim(x, x + 1, given(Lt(x**2, 0, evaluate=False))), "contradict each other")


def test_what_is_put_in_does_not_cancel_a_divisor_that_may_be_zero():
    flat = claim(
        outer(2) * slope**2 / along(2), Integer(1), AFFINE, SLOPE, steps=by(Integer(1), Use("collapse", ((n, 2),)))
    )
    assert fails(flat)
    curved = given(nonzero(outer(2)))
    assert prove(replace(flat, given=(AFFINE, SLOPE, curved)), LIBRARY).holds

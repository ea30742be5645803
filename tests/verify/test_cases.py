from dataclasses import replace
from itertools import islice

import pytest
from sympy import Integer

from derivation.claim import Hypothesis, nonzero
from derivation.claims import CLAIMS, LIBRARY
from derivation.hypotheses import AFFINE, EXP_HEAD, NO_POLE, SLOPE
from derivation.notation import S, f, sigma, x
from verify.cases import Case, admitted, cases, free_symbols, meets
from verify.catalogue.functions import EXP, GELU, LINES, SIGMOID, SOFTPLUS

DOUBLE, SQUARE = (next(face for face in LINES if face.text == text) for text in ("2 u", "u^2"))


def case(tail, head=EXP, footprint=1, at=0):
    return Case(((S, tail), (f, head)), ((sigma, Integer(footprint)), (x, Integer(at))))


@pytest.mark.parametrize(
    ("hypothesis", "where", "expected"),
    [
        (AFFINE, case(DOUBLE), True),
        (AFFINE, case(SQUARE), False),
        (AFFINE, case(GELU), False),
        (EXP_HEAD, case(DOUBLE), True),
        (EXP_HEAD, case(DOUBLE, SIGMOID), False),
        (SLOPE, case(DOUBLE), True),
        (SLOPE, case(SQUARE), False),
        (SLOPE, case(GELU), True),
        (NO_POLE, case(DOUBLE), True),
        (NO_POLE, case(DOUBLE, footprint=-1), False),
    ],
)
def test_a_hypothesis_is_decided_in_a_case(hypothesis, where, expected):
    assert meets(where, hypothesis) is expected


def test_a_function_that_is_affine_at_a_point_only_is_not_affine_along_the_line():
    # u + u^3 has second derivative 0 at 0.
    cubic = next(face for face in LINES if face.text == "u + u^3")
    assert meets(case(cubic), AFFINE) is False


def test_a_hypothesis_that_exact_arithmetic_cannot_decide_is_not_met():
    # Zero, but of logarithms: no ball excludes it and no rational function of e shows it.
    hidden = Hypothesis("hidden", "", nonzero(f(S(x)) - f(-S(x)) - S(x)))
    where = case(DOUBLE, SOFTPLUS, at=1)
    assert meets(where, hidden) is None
    assert not admitted(where, replace(LIBRARY["second-derivative"], given=(hidden,)))


def test_the_simplest_case_comes_first_and_the_order_is_fixed():
    claim = LIBRARY["exp-power-rule"]
    first = [str(one) for one in islice(cases(claim), 5)]
    assert first[0] == "S(u) = 2 u, f(u) = exp(u), n = 2, x = 0"
    assert first == [str(one) for one in islice(cases(claim), 5)]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_claim_has_cases_that_meet_its_hypotheses(claim):
    assert any(admitted(one, claim) for one in cases(claim))


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_case_gives_every_function_and_every_symbol_a_value(claim):
    one = next(cases(claim))
    assert {function for function, _ in one.functions} == claim.functions
    assert {symbol for symbol, _ in one.numbers} == free_symbols(claim)


def test_a_hypothesis_that_a_function_is_not_zero_binds_no_symbol():
    assert free_symbols(LIBRARY["alpha-log-head"]) == {x, sigma}
    assert free_symbols(LIBRARY["alpha-closed-form"]) == {x, sigma}

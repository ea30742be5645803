"""Each hypothesis dropped alone: what is found is worked out by hand here, and needless ones are noticed."""

from dataclasses import replace

import pytest
from sympy import Integer, Rational, exp

from derivation.claim import Hypothesis, nonzero
from derivation.claims import LIBRARY
from derivation.notation import S, f, sigma, x
from verify import matrix
from verify.cases import meets
from verify.matrix import Need, cell, fails, violating, without_value


def of(claim, hypothesis):
    return next(h for h in LIBRARY[claim].given if h.name == hypothesis)


def found(claim, hypothesis):
    return cell(LIBRARY[claim], of(claim, hypothesis))


def test_another_head_makes_the_closed_form_false():
    # By hand: S = 2 x, Y = S^2 has Y'' = 8 and Y''' = 0, so that (10) is 1/2; (19) is 4/(2 * 4 + 8) = 1/4.
    cell = found("alpha-closed-form", "exp-head")
    assert cell.need is Need.FALSE and cell.slug == "alpha-closed-form/without-exp-head"
    assert str(cell.violation.case) == "S(u) = 2 u, f(u) = u^2, sigma = 1, x = 0"
    assert (cell.violation.outcome.lhs, cell.violation.outcome.rhs) == ("1/2", "1/4")


def test_a_constant_tail_leaves_the_closed_form_without_a_value():
    cell = found("alpha-closed-form", "slope-nonzero")
    assert cell.need is Need.NO_VALUE and dict(cell.violation.case.functions)[S].text == "1"
    assert cell.violation.why.startswith("the divisor ") and cell.violation.why.endswith(" is 0")


def test_the_pole_is_found_where_the_denominator_is_zero():
    cell = found("alpha-closed-form", "no-pole")
    numbers = dict(cell.violation.case.numbers)
    assert cell.need is Need.NO_VALUE and (dict(cell.violation.case.functions)[S].text, numbers[sigma]) == ("2 u", -1)


def test_a_pole_that_no_rational_number_reaches_is_found_exactly():
    # By hand: softplus at S = 2 x = 2, g = 2: sigma 2 (1 - e^2) + 2 (1 + e^2) = 0.
    cell = found("alpha-softplus-head", "no-undivided-pole")
    pole = dict(cell.violation.case.numbers)[sigma]
    assert cell.need is Need.NO_VALUE and (pole - (1 + exp(2)) / (exp(2) - 1)).equals(0)


@pytest.mark.parametrize(
    ("claim", "hypothesis"),
    [
        ("exp-power-rule", "affine-along-line"),
        ("alpha-at-most-half", "footprint-nonnegative"),
        ("alpha-any-head", "outer-curved"),
    ],
)
def test_the_case_violates_that_hypothesis_and_no_other(claim, hypothesis):
    dropped, case = of(claim, hypothesis), found(claim, hypothesis).violation.case
    assert meets(case, dropped) is False
    for other in LIBRARY[claim].given:
        assert other is dropped or meets(case, other) or without_value(other.relation, case)


def test_a_hypothesis_that_is_not_needed_is_needless():
    needless = Hypothesis("beside", "x is not 7", nonzero(x - 7))
    claim = replace(LIBRARY["alpha-closed-form"], given=(*LIBRARY["alpha-closed-form"].given, needless))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(LIBRARY, claim.name, claim)
        assert cell(claim, needless).need is Need.NEEDLESS


def test_what_is_neither_found_nor_proved_is_open(monkeypatch):
    monkeypatch.setattr(matrix, "AT_MOST", 0)
    monkeypatch.setattr(matrix, "BASES", 0)
    assert found("exp-power-rule", "affine-along-line").need is Need.OPEN


def test_a_case_in_which_the_claim_holds_is_no_violation():
    claim, hypothesis = LIBRARY["alpha-closed-form"], of("alpha-closed-form", "affine-along-line")
    assert any(fails(claim, hypothesis, case) is None for case in violating(claim, hypothesis))


def test_a_divisor_and_a_kink_have_no_value_and_what_has_one_is_not_said_to_have_none():
    claim = LIBRARY["relu-second-derivative-off-kinks"]
    case = found(claim.name, "off-kink").violation.case
    assert "kink" in without_value(claim.lhs, case)
    assert without_value(claim.rhs, case) is None
    assert (
        without_value(
            1 / x,
            next(
                c for c in violating(LIBRARY["paper-fifteen-off-kink"], of("paper-fifteen-off-kink", "entry-nonzero"))
            ),
        )
        == "the divisor x is 0"
    )


def test_constants_fit_their_letters():
    assert matrix._is_of(sigma, Rational(-1, 2)) and not matrix._is_of(sigma, Rational(1, 3))
    from derivation.notation import beta, n

    assert matrix._is_of(beta, Integer(2)) and not matrix._is_of(beta, Integer(-2))
    assert matrix._is_of(n, Integer(0)) and not matrix._is_of(n, Rational(1, 2))
    assert f in matrix.FACES

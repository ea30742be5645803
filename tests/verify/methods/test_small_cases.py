"""Each method on claims that are known to be true or false, and on planted errors."""

from dataclasses import replace

import pytest
from sympy import Integer

from derivation.claims import LIBRARY
from derivation.claims.weights import CLOSED
from derivation.hypotheses import AFFINE, EXP_HEAD, SLOPE, slope
from derivation.notation import S, f, n, sigma, x
from verify.cases import Case
from verify.catalogue.functions import LINES, SOFTPLUS
from verify.methods.autograd import autograd
from verify.methods.enclosure import enclosure
from verify.methods.exact import exact, judge
from verify.methods.symbolic import symbolic
from verify.verdict import Verdict

POWER, ALPHA, PAIR = LIBRARY["exp-power-rule"], LIBRARY["alpha-closed-form"], LIBRARY["pair-second"]
SHORT = LIBRARY["alpha-closed-form-short"]
MISSING_TWO = slope**2 / (slope**2 + sigma * slope**3)
PLANTED = {
    "one power too many": replace(POWER, rhs=POWER.rhs * slope),
    "one order too many": replace(POWER, rhs=POWER.rhs.subs(n, n + 1)),
    "power rule for a curved tail": replace(POWER, given=(EXP_HEAD,)),
    "power rule for any head": replace(POWER, given=(AFFINE,)),
    "missing 2": replace(ALPHA, rhs=MISSING_TWO, steps=()),
    "wrong sign of sigma": replace(ALPHA, rhs=CLOSED.subs(sigma, -sigma), steps=()),
    "square for cube": replace(ALPHA, rhs=slope**2 / (2 * slope**2 + sigma * slope**2), steps=()),
    "closed form for a curved tail": replace(ALPHA, given=tuple(h for h in ALPHA.given if h != AFFINE), steps=()),
    "minus for plus": replace(SHORT, rhs=1 / (2 - sigma * slope)),
    "twice the second derivative": replace(PAIR, rhs=2 * PAIR.rhs, steps=()),
}
planted = pytest.mark.parametrize("claim", [pytest.param(claim, id=error) for error, claim in PLANTED.items()])
METHODS = {"exact": exact, "enclosure": enclosure}


@pytest.mark.parametrize("method", METHODS)
@planted
def test_a_planted_error_is_refuted_with_a_witness(method, claim):
    found = METHODS[method](claim)
    assert found.verdict is Verdict.REFUTED
    assert found.witness.lhs != found.witness.rhs


@planted
def test_a_planted_error_is_never_proved_and_float64_sees_it(claim):
    assert symbolic(claim, LIBRARY)[0].verdict is Verdict.UNDECIDED
    found = autograd(claim)
    assert found.exceeds
    assert found.residual > 1000 * found.bound


@pytest.mark.parametrize("method", [exact, enclosure, autograd])
@pytest.mark.parametrize("claim", [POWER, ALPHA, PAIR, LIBRARY["third-derivative"]], ids=lambda claim: claim.name)
def test_a_true_claim_is_supported(method, claim):
    found = method(claim)
    assert found.verdict is Verdict.SUPPORTED, found
    assert found.tried >= 10


def test_an_enclosure_says_how_little_the_sides_may_differ():
    found = enclosure(ALPHA)
    assert 0 <= found.residual <= found.bound < 1e-30


def test_the_witness_of_the_missing_square_is_that_of_the_post():
    witness = exact(LIBRARY["post-second-derivative-middle"]).witness
    assert (witness.where, witness.lhs, witness.rhs) == ("S(u) = 2 u, f(u) = exp(u), x = 0", "4", "2")


@pytest.mark.parametrize("method", [exact, enclosure, autograd])
def test_a_claim_whose_hypotheses_no_case_meets_is_undecided_with_the_reason(method):
    # The catalogue has no slope that is zero and not zero.
    nowhere = replace(
        SHORT, given=(*SHORT.given, replace(SLOPE, relation=SLOPE.relation.func(slope * 0, 0, evaluate=False)))
    )
    found = method(nowhere)
    assert found.verdict is Verdict.UNDECIDED
    assert found.tried == 0
    assert "no case meets the hypotheses" in found.note


def test_what_float64_cannot_do_is_said_and_not_passed():
    found = autograd(LIBRARY["alpha-limit-zero-slope"])
    assert found.verdict is Verdict.UNDECIDED
    assert "not run" in found.note


def test_exact_numbers_that_cannot_be_decided_support_nothing():
    # True, but of logarithms, of which exact arithmetic decides nothing.
    odd_part = replace(LIBRARY["second-derivative"], lhs=f(S(x)) - f(-S(x)), rhs=S(x))
    case = Case(((S, LINES[0]), (f, SOFTPLUS)), ((x, Integer(1)),))
    assert judge(odd_part, case).holds is None


@pytest.mark.parametrize(
    "name", ["relu-second-derivative-off-kinks", "relu-of-affine-piece", "maximum-of-affine-pieces"]
)
def test_torch_is_not_asked_for_the_second_derivative_of_a_relu(name):
    found = autograd(LIBRARY[name])
    assert (found.verdict, found.tried) == (Verdict.UNDECIDED, 0)
    assert "built in" in found.note

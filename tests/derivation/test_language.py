"""What a claim may be made of: everything else is refused by name before anything is worked out."""

import pytest
import sympy as sp
from sympy import (
    Abs,
    Derivative,
    Float,
    Function,
    Integer,
    Integral,
    Limit,
    Max,
    Mul,
    Pow,
    Rational,
    Subs,
    Sum,
    exp,
    pi,
)
from sympy.core.function import AppliedUndef

from derivation.bell import Bell
from derivation.claim import OURS, Claim, Step, Use
from derivation.claims import CLAIMS
from derivation.hypotheses import EXP_HEAD, Y, along, outer, slope
from derivation.language import NotInLanguage, demand, moves
from derivation.notation import L, S, f, m, n, sigma, step, u, v, x, y
from derivation.nth import nth
from derivation.proof import prove


class Floor(AppliedUndef):
    """It looks like an undefined function, and is given a derivative by its class."""

    is_real = True

    def fdiff(self, argindex=1):
        return Integer(0)


NEGATIVE = sp.Symbol("d", negative=True)
WITHIN = (
    pi + sp.E,
    Rational(1, 2) * pi * x,
    sigma / (2 + sigma * x) ** 3,
    x**n * y ** (n + 1),
    x**-m,
    exp(-S(x) / 2),
    Max(0, x) - Abs(y),
    outer(n) * nth(f)(n + 1, sigma),
    Derivative(Max(0, L(x)), (x, 2)),
    Derivative(f(S(x)), (S(x), n)),
    Derivative(Derivative(f(S(x)), S(x)) * x, (x, n)),
    Bell(n, slope, x) + along(n),
    Limit((u + x) / u, u, Rational(1, 2), "+"),
    EXP_HEAD.relation,
)
WITHOUT = {
    "a logarithm": sp.log(x),
    "a logarithm times 0": Mul(0, sp.log(x), evaluate=False),
    "a root": sp.sqrt(x),
    "a power of a letter": x**y,
    "a rounded number": Float(0.5) * x,
    "an imaginary number": sp.I * x,
    "no number": sp.nan,
    "infinity": x + sp.oo,
    "a complex letter": sp.Symbol("z"),
    "a complex function": Function("h")(x),
    "a function of two": Function("h", real=True)(x, y),
    "a function of none": Function("h", real=True)(),
    "a function with whole values": Function("h", integer=True)(x),
    "a maximum without 0": Max(x, y),
    "an integral": Integral(S(x), (x, 0, 1)),
    "a sum": Sum(x**n, (n, 0, 3)),
    "a value": Subs(S(x), x, 1),
    "a mixed derivative": Derivative(x * y, x, y),
    "a derivative of real order": Derivative(S(x), (x, y)),
    "a derivative of an order that may be below 0": Derivative(S(x), (x, m)),
    "a derivative by a product": Derivative(sigma * f(x), f(x)),
    "a derivative by a whole number": Derivative(m**2, m),
    "a Bell polynomial by a number": Bell(n, x, Integer(2)),
    "a Bell polynomial by a function": Bell(n, S(x), S(x)),
    "a limit at a letter": Limit(u, u, x),
    "a limit at infinity": Limit(1 / u, u, sp.oo),
    "a limit out of the range of its letter": Limit(step, step, -1),
    "a limit of whole numbers": Limit(m, m, 0),
    "a limit out of the range of a negative letter": Limit(NEGATIVE, NEGATIVE, 1),
    "a limit from out of the range of its letter": Limit(step, step, 0, "-"),
    "a limit from both sides of the end of a range": Limit(step, step, 0, "+-"),
    "a number that is irrational, but not its square": sp.GoldenRatio,
    "a letter of irrational numbers": sp.Symbol("z", real=True, irrational=True),
    "a letter of algebraic numbers": sp.Symbol("z", real=True, algebraic=True),
    "a function with algebraic values": Function("h", real=True, algebraic=True)(x),
    "a function with a rule of its own": Floor(x),
    "a relation in a function": f(sp.Gt(x, 0)),
}


@pytest.mark.parametrize("part", WITHIN, ids=str)
def test_what_is_in_the_language_passes(part):
    demand(part)


@pytest.mark.parametrize("case", WITHOUT)
def test_what_is_not_is_refused_wherever_it_stands(case):
    part = WITHOUT[case]
    for whole in (part, Pow(x, part, evaluate=False), sp.Add(y, part, evaluate=False), sp.Eq(x, part, evaluate=False)):
        with pytest.raises(NotInLanguage, match="is not in the language of claims"):
            demand(x, whole)


def test_derivatives_go_along_one_line():
    demand(slope, Bell(n, slope, x), Derivative(f(S(x)), S(x)))
    for other in (Derivative(sigma * x, sigma), Bell(n, S(y), y)):
        with pytest.raises(NotInLanguage, match="expected derivatives along one line, got some by"):
            demand(slope, other)


def test_no_limit_is_taken_along_the_line():
    with pytest.raises(NotInLanguage, match="in the letter of the line"):
        demand(slope, Limit(x, x, 0))


def test_a_letter_that_moves_is_real_and_has_room_to_both_sides():
    assert moves(x) and moves(step) and moves(sp.Symbol("d", negative=True))
    for stuck in (n, m, S(x), sp.Symbol("q", rational=True), sp.Symbol("t", nonnegative=True), sp.Symbol("z")):
        assert not moves(stuck)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_claim_is_in_the_language(claim):
    assert "language" not in prove(claim, {}).reason


@pytest.mark.parametrize(
    "change",
    [
        {"lhs": sp.log(x)},
        {"rhs": sp.log(x)},
        {"steps": (Step(sp.log(x), ""), Step(x, ""))},
        {"steps": (Step(x, "", (Use("used"),)),)},
        {"steps": (Step(x, "", (Use("right", ((sigma, sp.log(v)),)),)),)},
    ],
)
def test_the_whole_of_a_claim_is_looked_at_and_what_it_uses(change):
    right = Claim("right", "", Y * sigma, sigma * Y, OURS)
    used = Claim("used", "", x, x + 0 * y, OURS, steps=(Step(sp.log(x), ""),))
    claim = Claim(**{"name": "claim", "says": "", "lhs": Y * sigma, "rhs": x, "source": OURS, **change})
    proof = prove(claim, {"right": right, "used": used})
    assert not proof.holds and "is not in the language" in proof.reason

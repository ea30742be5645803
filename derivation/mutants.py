"""Errors planted by hand in true claims: what no checker may prove, and what it must be able to refute.

One entry an error: a slip that a person makes, or a way to mislead the prover. What can be made without thinking is in
`derivation.edits`. Every claim that is proved has at least one entry here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Add, Derivative, Eq, Integer, Le, Limit, Lt, Max, Rational, exp

from derivation.claim import Branch, Claim, Hypothesis, Step, Use, equation
from derivation.claims import LIBRARY
from derivation.claims.kinks import ACTIVE, INACTIVE, left_end, phi, piece, right_end, unit
from derivation.claims.post import R1, R2, ddL, dL, p
from derivation.claims.softmax import SECOND, THIRD, P, apart, mean, pure, skew, variance
from derivation.claims.softplus import e
from derivation.claims.weights import CLOSED, rho
from derivation.hypotheses import AFFINE, NO_POLE, SLOPE, Y, along, curvature, outer, slope, third
from derivation.notation import L, R, S, b, beta, f, g, left, n, right, sigma, step, u, v, value, w, x
from derivation.nth import nth


@dataclass(frozen=True)
class Mutant:
    """A claim with something changed in it.

    Args:
        name: slug, given once.
        claim: name of the claim that is changed.
        says: what is changed, in a few words.
        changes: the fields of the claim that are replaced, with their new values.
    """

    name: str
    claim: str
    says: str
    changes: Mapping[str, Any]

    def planted(self, library: Mapping[str, Claim]) -> Claim:
        """Return the changed claim."""
        return replace(library[self.claim], **self.changes)


LONG = sigma * slope**3
ALPHA_GIVEN = (*LIBRARY["alpha-closed-form-any-tail"].given, AFFINE)
CUBE = Hypothesis("cube-head", "Y = S^3/2 + S", equation(f(u), u**3 / 2 + u))
CROSSED = nth(L)(2, R(x)) * Derivative(R(x), x) ** 2 + nth(L)(1, R(x)) * Derivative(R(x), (x, 2))

MUTANTS = (
    Mutant(
        "linear-tail-a-first-derivative",
        "post-linear-second-derivative",
        "a first derivative",
        {"lhs": Derivative(w * x + b, x)},
    ),
    Mutant("chain-rule-another-order", "post-first-derivative", "another order", {"rhs": outer(2) * slope}),
    Mutant("chain-rule-no-slope", "post-first-derivative", "no slope", {"rhs": outer(1)}),
    Mutant("second-no-square", "second-derivative", "no square", {"rhs": outer(2) * slope + outer(1) * curvature}),
    Mutant(
        "second-orders-swapped",
        "second-derivative",
        "orders swapped",
        {"rhs": outer(1) * slope**2 + outer(2) * curvature},
    ),
    Mutant("second-sign", "second-derivative", "sign", {"rhs": outer(2) * slope**2 - outer(1) * curvature}),
    Mutant("second-no-curvature", "second-derivative", "no S''", {"rhs": outer(2) * slope**2}),
    Mutant(
        "second-a-summand-for-the-hypothesis",
        "post-second-derivative-right",
        "a summand for the hypothesis",
        {"rhs": outer(2) * slope**2 + outer(1)},
    ),
    Mutant(
        "third-no-3",
        "third-derivative",
        "no 3",
        {"rhs": outer(3) * slope**3 + outer(2) * slope * curvature + outer(1) * third},
    ),
    Mutant(
        "third-2-for-3",
        "third-derivative",
        "2 for 3",
        {"rhs": outer(3) * slope**3 + 2 * outer(2) * slope * curvature + outer(1) * third},
    ),
    Mutant(
        "third-sign",
        "third-derivative",
        "sign",
        {"rhs": outer(3) * slope**3 - 3 * outer(2) * slope * curvature + outer(1) * third},
    ),
    Mutant(
        "third-square-for-cube",
        "third-derivative",
        "square for cube",
        {"rhs": outer(3) * slope**2 + 3 * outer(2) * slope * curvature + outer(1) * third},
    ),
    Mutant(
        "third-no-third", "third-derivative", "no S'''", {"rhs": outer(3) * slope**3 + 3 * outer(2) * slope * curvature}
    ),
    Mutant("collapse-exponent-n-plus-1", "affine-collapse", "exponent n + 1", {"rhs": outer(n) * slope ** (n + 1)}),
    Mutant("collapse-exponent-2", "affine-collapse", "exponent 2", {"rhs": outer(n) * slope**2}),
    Mutant("collapse-order-n-plus-1", "affine-collapse", "order n + 1", {"rhs": outer(n + 1) * slope**n}),
    Mutant("collapse-order-2", "affine-collapse", "order 2", {"rhs": outer(2) * slope**n}),
    Mutant("power-rule-exponent-n-plus-1", "exp-power-rule", "exponent n + 1", {"rhs": Y * slope ** (n + 1)}),
    Mutant("power-rule-no-exponent", "exp-power-rule", "no exponent", {"rhs": Y * slope}),
    Mutant("power-rule-a-factor-n", "exp-power-rule", "a factor n", {"rhs": n * Y * slope**n}),
    Mutant("power-rule-y-to-the-n", "exp-power-rule", "Y to the n", {"rhs": Y**n * slope**n}),
    Mutant("power-rule-sign", "exp-power-rule", "sign", {"rhs": Y * (-slope) ** n}),
    Mutant("power-rule-another-head", "exp-power-rule", "another head", {"given": (AFFINE, CUBE)}),
    Mutant("own-derivative-another-head", "post-exp-own-derivative", "another head", {"given": (CUBE,)}),
    Mutant("pair-first-no-slope", "post-pair-first", "no slope", {"rhs": R1}),
    Mutant("pair-second-no-square", "pair-second", "no square", {"rhs": R2 * dL + R1 * ddL}),
    Mutant("pair-second-first-of-r-squared", "pair-second", "R' squared", {"rhs": R2 * dL**2 + R1**2 * ddL}),
    Mutant("pair-nth-no-power", "pair-nth", "no power", {"rhs": nth(R)(n, L(x)) * dL}),
    Mutant("pair-nth-order-n-minus-1", "pair-nth", "order n - 1", {"lhs": Derivative(p, (x, n + 1))}),
    Mutant("pair-nth-of-first-of-r-order-n", "post-pair-nth-of-first", "order n", {"rhs": dL * Derivative(p, (x, n))}),
    Mutant("pair-nth-of-first-of-r-no-slope", "post-pair-nth-of-first", "no slope", {"rhs": Derivative(R1, (x, n))}),
    Mutant("first-of-r-nth-order-n", "pair-first-nth", "order n", {"rhs": nth(R)(n, L(x)) * dL**n}),
    Mutant(
        "first-of-r-nth-exponent-n-plus-1",
        "pair-first-nth",
        "exponent n + 1",
        {"rhs": nth(R)(n + 1, L(x)) * dL ** (n + 1)},
    ),
    Mutant("product-rule-first-of-r-constant", "post-pair-second-product-rule", "R' constant", {"rhs": ddL * R1}),
    Mutant(
        "product-rule-layer-curvature-left-out",
        "post-pair-second-sum-product-rule",
        "L'' left out",
        {"rhs": dL * Derivative(R1, x)},
    ),
    Mutant("alpha-no-2", "alpha-closed-form", "no 2", {"rhs": slope**2 / (slope**2 + LONG)}),
    Mutant(
        "alpha-square-for-cube",
        "alpha-closed-form",
        "square for cube",
        {"rhs": slope**2 / (2 * slope**2 + sigma * slope**2)},
    ),
    Mutant("alpha-sign", "alpha-closed-form", "sign", {"rhs": slope**2 / (2 * slope**2 - LONG)}),
    Mutant("alpha-no-square", "alpha-closed-form", "no square", {"rhs": slope / (2 * slope**2 + LONG)}),
    Mutant("alpha-no-sigma", "alpha-closed-form", "no sigma", {"rhs": slope**2 / (2 * slope**2 + slope**3)}),
    Mutant(
        "alpha-ten-without-its-2",
        "alpha-closed-form",
        "(10) without its 2",
        {
            "lhs": along(2) / (along(2) + sigma * along(3)),
            "given": ALPHA_GIVEN,
        },
    ),
    Mutant(
        "alpha-ten-with-orders-swapped",
        "alpha-closed-form",
        "(10) with orders swapped",
        {
            "lhs": along(3) / (2 * along(3) + sigma * along(2)),
            "given": ALPHA_GIVEN,
        },
    ),
    Mutant("alpha-another-head", "alpha-closed-form", "another head", {"given": (AFFINE, CUBE, SLOPE, NO_POLE)}),
    Mutant("short-1-for-2", "alpha-closed-form-short", "1 for 2", {"rhs": 1 / (1 + sigma * slope)}),
    Mutant("short-no-slope", "alpha-closed-form-short", "no slope", {"rhs": slope / (2 * slope + sigma)}),
    Mutant("limit-one-third", "alpha-limit-zero-slope", "1/3", {"rhs": Rational(1, 3)}),
    Mutant(
        "limit-at-1", "alpha-limit-zero-slope", "at 1", {"lhs": Limit(g**2 / (2 * g**2 + sigma * g**3), g, 1, "+-")}
    ),
    Mutant(
        "limit-of-another-power",
        "alpha-limit-zero-slope",
        "of another power",
        {"lhs": Limit(g**3 / (2 * g**2 + sigma * g**3), g, 0, "+-")},
    ),
    Mutant("any-head-rho-upside-down", "alpha-any-head", "rho upside down", {"rhs": 1 / (2 + sigma / rho * slope)}),
    Mutant("any-head-no-rho", "alpha-any-head", "no rho", {"rhs": CLOSED}),
    Mutant("any-head-sign", "alpha-any-head", "sign", {"rhs": 1 / (2 - sigma * rho * slope)}),
    Mutant(
        "curvature-no-2",
        "alpha-curvature-correction",
        "no 2",
        {"rhs": sigma * (slope * curvature + third) / (slope**2 + curvature)},
    ),
    Mutant(
        "curvature-sign",
        "alpha-curvature-correction",
        "sign",
        {"rhs": -sigma * (2 * slope * curvature + third) / (slope**2 + curvature)},
    ),
    Mutant(
        "curvature-no-square",
        "alpha-curvature-correction",
        "no square",
        {"rhs": sigma * (2 * slope * curvature + third) / (slope + curvature)},
    ),
    Mutant("weighted-unit-its-slope", "post-piecewise-linear-off-kinks", "its slope", {"lhs": Derivative(v * unit, x)}),
    Mutant(
        "unit-in-a-pair-first-of-r-for-second-of-r",
        "post-pair-second-relu",
        "R' for R''",
        {"rhs": Derivative(w * x + b, x)},
    ),
    Mutant("unit-its-slope", "relu-second-derivative-off-kinks", "its slope", {"lhs": Derivative(unit, x)}),
    Mutant(
        "unit-active-everywhere",
        "relu-second-derivative-off-kinks",
        "active everywhere",
        {"lhs": Derivative(unit, x), "rhs": w},
    ),
    Mutant(
        "unit-the-wrong-branch-twice",
        "relu-second-derivative-off-kinks",
        "the wrong branch twice",
        {"lhs": unit, "branches": (Branch("inactive", (INACTIVE,)), Branch("inactive", (INACTIVE,)))},
    ),
    Mutant("kink-sum-for-jump", "kink-second-difference", "sum for jump", {"rhs": (right + left) / step}),
    Mutant("kink-over-delta-squared", "kink-second-difference", "over delta^2", {"rhs": (right - left) / step**2}),
    Mutant(
        "parts-a-boundary-term-missing",
        "affine-piece-integrates-by-parts",
        "a boundary term missing",
        {"lhs": Derivative((value + g * x) * Derivative(phi, x), x)},
    ),
    Mutant(
        "parts-sign",
        "affine-piece-integrates-by-parts",
        "sign",
        {"lhs": Derivative((value + g * x) * Derivative(phi, x) + g * phi, x)},
    ),
    Mutant("delta-sign", "kink-jump-is-dirac", "sign", {"rhs": (left - right) * phi}),
    Mutant(
        "delta-pieces-added", "kink-jump-is-dirac", "pieces added", {"lhs": Add(left_end, right_end, evaluate=False)}
    ),
    Mutant("right-no-square", "post-second-derivative-right", "no square", {"rhs": outer(2) * slope}),
    Mutant("collapse-start-alone", "affine-collapse", "true at n = 0 alone", {"rhs": outer(n) * slope**n + n}),
    Mutant(
        "collapse-step-alone", "affine-collapse", "wrong at n = 0, and inherited", {"rhs": outer(n) * slope**n + exp(x)}
    ),
    Mutant(
        "power-rule-by-itself",
        "exp-power-rule",
        "exponent n + 1, by appeal to itself",
        {
            "rhs": Y * slope ** (n + 1),
            "induction": None,
            "steps": (Step(Y * slope ** (n + 1), "by itself", (Use("exp-power-rule"),)),),
        },
    ),
    Mutant(
        "pair-second-composed-the-other-way",
        "pair-second",
        "the second derivative of L(R(x))",
        {"rhs": CROSSED, "steps": (Step(CROSSED, "appeal", (Use("second-derivative", ((f, L), (S, R))),)),)},
    ),
    Mutant("softmax-first-no-mean", "softmax-first", "no mean", {"rhs": P * slope}),
    Mutant(
        "softmax-second-sign-of-the-mean-s-derivative",
        "softmax-second",
        "sign of the mean's derivative",
        {"rhs": pure(1) * apart + P * Derivative(mean, x)},
    ),
    Mutant(
        "softmax-third-1-for-2",
        "softmax-third",
        "1 for 2",
        {"rhs": pure(2) * apart - pure(1) * Derivative(mean, x) - P * Derivative(mean, (x, 2))},
    ),
    Mutant("softmax-second-moments-sign", "softmax-second-moments", "sign", {"rhs": P * (apart**2 + variance)}),
    Mutant("softmax-second-moments-curved-s", "softmax-second-moments", "curved S", {"given": ()}),
    Mutant(
        "softmax-third-moments-2-for-3", "softmax-third-moments", "2 for 3", {"rhs": P * (THIRD + apart * variance)}
    ),
    Mutant(
        "softmax-third-moments-sign-of-m-3", "softmax-third-moments", "sign of m_3", {"rhs": P * (THIRD + 2 * skew)}
    ),
    Mutant("softmax-alpha-no-2", "alpha-softmax", "no 2", {"rhs": SECOND / (SECOND + sigma * THIRD)}),
    Mutant(
        "unit-one-branch-left-out",
        "relu-second-derivative-off-kinks",
        "its slope, where it is active alone",
        {"lhs": Derivative(unit, x), "rhs": w, "branches": (Branch("active", (ACTIVE,)),)},
    ),
    Mutant(
        "unit-active-claimed-twice",
        "relu-second-derivative-off-kinks",
        "its slope, both cases the active one",
        {
            "lhs": Derivative(unit, x),
            "rhs": w,
            "branches": (Branch("active", (ACTIVE,)), Branch("active", (ACTIVE,))),
        },
    ),
    Mutant("sum-a-product", "affine-pieces-add-up", "a product", {"lhs": Derivative(L(x) * S(x), (x, 2))}),
    Mutant("relu-of-piece-its-slope", "relu-of-affine-piece", "its slope", {"lhs": Derivative(Max(0, L(x)), x)}),
    Mutant(
        "maximum-its-slope",
        "maximum-of-affine-pieces",
        "its slope",
        {"lhs": Derivative(S(x) + Max(0, L(x) - S(x)), x)},
    ),
    Mutant("slope-from-right-the-left-one", "kink-slope-from-right", "the left slope", {"rhs": left}),
    Mutant("slope-from-left-sign", "kink-slope-from-left", "sign", {"rhs": -left}),
    Mutant(
        "exp-piece-exponent-n-plus-1", "exp-piece-nth-derivative", "exponent n + 1", {"rhs": g ** (n + 1) * piece(g)}
    ),
    Mutant(
        "exp-from-right-the-left-slope",
        "kink-exp-nth-derivative-from-right",
        "the left slope",
        {"rhs": left**n * exp(value)},
    ),
    Mutant("exp-from-left-no-value", "kink-exp-nth-derivative-from-left", "no exp(s_0)", {"rhs": left**n}),
    Mutant("alpha-of-piece-1-for-2", "alpha-of-piece", "1 for 2", {"rhs": 1 / (1 + sigma * g)}),
    Mutant(
        "alpha-jump-sign",
        "kink-alpha-jump",
        "sign",
        {"rhs": sigma * (right - left) / ((2 + sigma * right) * (2 + sigma * left))},
    ),
    Mutant("alpha-one-value", "kink-alpha-has-two-values", "one value", {"relation": Eq}),
    Mutant(
        "exp-parts-sign",
        "exp-piece-integrates-by-parts",
        "sign",
        {"rhs": piece(g) * Derivative(phi, (x, 2)) + g**2 * piece(g) * phi},
    ),
    Mutant("exp-delta-no-value", "exp-kink-jump-is-dirac", "no exp(s_0)", {"rhs": (right - left) * phi}),
    Mutant(
        "exp-parts-square-for-cube",
        "exp-piece-integrates-by-parts-twice",
        "square for cube",
        {"rhs": piece(g) * Derivative(phi, (x, 3)) + g**2 * piece(g) * phi},
    ),
    Mutant(
        "exp-third-jump-sign-of-delta",
        "exp-kink-third-jump",
        "sign of the Dirac delta",
        {"rhs": exp(value) * ((right - left) * Derivative(phi, x) + (right**2 - left**2) * phi)},
    ),
    Mutant(
        "exp-third-jump-of-the-slope-squared",
        "exp-kink-third-jump",
        "the square of the jump",
        {"rhs": exp(value) * ((right - left) * Derivative(phi, x) - (right - left) ** 2 * phi)},
    ),
    Mutant("softplus-curvature-no-beta", "softplus-curvature", "no beta", {"rhs": slope * (1 - slope)}),
    Mutant(
        "softplus-third-beta-once",
        "softplus-third-derivative",
        "beta for beta^2",
        {"rhs": beta * slope * (1 - slope) * (1 - 2 * slope)},
    ),
    Mutant("softplus-active-twice-as-fast", "softplus-slope-active", "twice as fast", {"rhs": e**2}),
    Mutant("softplus-inactive-half", "softplus-slope-inactive", "half of it", {"rhs": exp(beta * x) / 2}),
    Mutant(
        "softplus-alpha-beta-once",
        "alpha-softplus",
        "beta for beta^2",
        {"rhs": 2 + sigma * (1 + 3 * beta * e + beta * e * (e - 1)) / ((1 + e) * (1 + beta * e))},
    ),
    Mutant(
        "softplus-error-sign",
        "alpha-softplus-error",
        "sign",
        {"rhs": sigma * beta * (1 / (1 + beta * e) + (1 - e) / (1 + e))},
    ),
    Mutant(
        "softplus-leading-term-alone",
        "softplus-error-leading-term",
        "its leading term alone",
        {"rhs": sigma * beta * (2 - beta) * e},
    ),
    Mutant("softplus-below-beta-once", "softplus-error-from-below", "beta for beta^2", {"rhs": -sigma * beta * e}),
    Mutant("softplus-below-sign", "softplus-error-from-below", "sign", {"rhs": sigma * beta**2 * e}),
    Mutant("softplus-above-half-for-2", "softplus-error-from-above", "1/2 for 2", {"rhs": sigma * beta * e / 2}),
    Mutant(
        "softplus-rate-no-remainder", "softplus-error-rate", "no remainder", {"rhs": -sigma * beta * e * (beta - 2)}
    ),
    Mutant("softplus-on-kink-no-beta", "softplus-error-on-kink", "no beta above", {"rhs": sigma / (1 + beta)}),
    Mutant("softplus-on-kink-zero", "softplus-error-on-kink", "it vanishes", {"rhs": Integer(0)}),
    Mutant("softplus-stays-at-sigma", "softplus-error-stays-on-kink", "sigma for sigma/2", {"rhs": sigma}),
    Mutant(
        "softplus-grows-no-constant",
        "softplus-error-grows-near-kink",
        "no constant",
        {"rhs": -sigma * beta * (1 - e) / (1 + e)},
    ),
    Mutant(
        "softplus-near-kink-a-constant-more",
        "softplus-error-near-kink-from-below",
        "sigma more",
        {"rhs": sigma - sigma * beta * (1 - e) / (1 + e)},
    ),
    Mutant("softplus-inactive-no-remainder", "softplus-error-inactive-from-below", "its limit", {"rhs": sigma * beta}),
    Mutant(
        "softplus-inactive-half-of-it", "softplus-error-inactive-from-above", "half of it", {"rhs": sigma * beta / 2}
    ),
    Mutant("softplus-weight-sigma-below", "softplus-weight-below-closed-form", "by sigma", {"rhs": sigma}),
    Mutant("softplus-closed-form-below-quarter", "softplus-closed-form-below-half", "4 for 2", {"rhs": Integer(4)}),
    Mutant("softplus-weight-above-half", "softplus-weight-below-half", "turned round", {"relation": Lt}),
    Mutant("softplus-weight-at-least-half", "softplus-weight-at-most-half", "turned round", {"relation": Le}),
)

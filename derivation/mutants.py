"""Errors planted by hand in true claims: what no checker may prove, and what it must be able to refute.

One entry an error: a slip that a person makes, or a way to mislead the prover. What can be made without thinking is in
`derivation.edits`. Every claim that is proved has at least one entry here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sympy import Add, Derivative, Eq, Expr, Integer, Le, Limit, Lt, Max, Ne, Rational, exp

from derivation.bell import Bell
from derivation.claim import Branch, Claim, Hypothesis, Step, Use, equation, nonzero
from derivation.claims import LIBRARY
from derivation.claims.constraints import PAIR, silu
from derivation.claims.heads import OF_RATIO_ONE, SCALED, UNDIVIDED, f2, s, t
from derivation.claims.kinks import ACTIVE, INACTIVE, left_end, phi, piece, right_end, unit
from derivation.claims.paper import (
    BENT,
    BOTH_SIGNS,
    DENOMINATOR,
    DROPPED,
    EIGHT,
    MOVING,
    NINE,
    OF_EIGHT,
    SEVEN,
    STRAIGHT,
    WHOLE,
    ddV,
    ddW,
    dV,
    dW,
    footprint,
)
from derivation.claims.post import R1, R2, ddL, dL, p
from derivation.claims.softmax import (
    NO_SOFTMAX_POLE,
    OF_EQUALS,
    SECOND_RATIO,
    THIRD_RATIO,
    P,
    apart,
    mean,
    pure,
    skew,
    variance,
)
from derivation.claims.softplus import e
from derivation.claims.weights import ALPHA, CLOSED, RHO, alpha_of, from_slope
from derivation.hypotheses import (
    AFFINE,
    EXP_HEAD,
    NO_POLE,
    NO_TRUE_POLE,
    OUTER_CURVED,
    SLOPE,
    Y,
    along,
    curvature,
    outer,
    slope,
    third,
)
from derivation.notation import (
    D,
    G,
    H,
    L,
    M,
    N,
    Q,
    R,
    S,
    T,
    Z,
    a,
    alpha,
    alpha_q,
    b,
    beta,
    c,
    f,
    g,
    g_q,
    left,
    m,
    n,
    rho,
    right,
    sigma,
    spread,
    step,
    total,
    u,
    v,
    value,
    w,
    x,
    y,
)
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
BLIND_GIVEN = LIBRARY["alpha-log-softmax-blind-to-class"].given
CROSSED = nth(L)(2, R(x)) * Derivative(R(x), x) ** 2 + nth(L)(1, R(x)) * Derivative(R(x), (x, 2))


def more(name: str, divisor: Hypothesis | Expr) -> tuple[Hypothesis, ...]:
    """Return the hypotheses of a claim, and that what a planted error divides by is not zero."""
    extra = divisor if isinstance(divisor, Hypothesis) else Hypothesis("more", "", nonzero(divisor))
    return (*LIBRARY[name].given, extra)


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
    Mutant("any-head-rho-upside-down", "alpha-any-head", "rho upside down", {"rhs": 1 / (2 + sigma / RHO * slope)}),
    Mutant("any-head-no-rho", "alpha-any-head", "no rho", {"rhs": CLOSED}),
    Mutant("any-head-sign", "alpha-any-head", "sign", {"rhs": 1 / (2 - sigma * RHO * slope)}),
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
    Mutant("tempered-ratio-upside-down", "tempered-exp-ratio", "upside down", {"rhs": T}),
    Mutant("tempered-ratio-squared", "tempered-exp-ratio", "squared", {"rhs": 1 / T**2}),
    Mutant("sigmoid-ratio-5-for-6", "sigmoid-ratio", "5 for 6", {"rhs": (1 - 5 * s + 6 * s**2) / (1 - 2 * s)}),
    Mutant("sigmoid-ratio-sign", "sigmoid-ratio", "sign", {"rhs": (1 - 6 * s + 6 * s**2) / (2 * s - 1)}),
    Mutant(
        "sigmoid-ratio-lower-orders", "sigmoid-ratio", "lower orders", {"lhs": Derivative(s, (u, 2)) / Derivative(s, u)}
    ),
    Mutant("confident-tends-to-1", "sigmoid-ratio-confident", "tends to 1", {"rhs": 2 * s * (1 - 3 * s) / (1 - 2 * s)}),
    Mutant("unlikely-sign", "sigmoid-ratio-unlikely", "sign", {"rhs": 2 * s * (2 - 3 * s) / (1 - 2 * s)}),
    Mutant("softplus-ratio-sign", "softplus-ratio", "sign", {"rhs": (exp(u) - 1) / (1 + exp(u))}),
    Mutant(
        "softplus-ratio-tanh-of-u",
        "softplus-ratio",
        "tanh(u) for tanh(u/2)",
        {"rhs": (1 - exp(2 * u)) / (1 + exp(2 * u))},
    ),
    Mutant("log-sigmoid-ratio-sign", "log-sigmoid-ratio", "sign", {"rhs": (exp(u) - 1) / (1 + exp(u))}),
    Mutant("tanh-ratio-2-for-3", "tanh-ratio", "2 for 3", {"rhs": (1 - 2 * t**2) / t}),
    Mutant("tanh-ratio-times-t", "tanh-ratio", "times t", {"rhs": (1 - 3 * t**2) * t}),
    Mutant("power-ratio-m-minus-1", "power-ratio", "m - 1", {"rhs": (m - 1) / u}),
    Mutant("power-ratio-times-u", "power-ratio", "times u", {"rhs": (m - 2) * u}),
    Mutant("log-ratio-sign", "log-ratio", "sign", {"rhs": 2 / u}),
    Mutant("log-ratio-1-for-2", "log-ratio", "1 for 2", {"rhs": -1 / u}),
    Mutant("ratio-1-the-factor", "ratio-one-of-exp-plus-affine", "the factor", {"rhs": a}),
    Mutant(
        "ratio-1-a-square-beside-it",
        "ratio-one-of-exp-plus-affine",
        "a square beside it",
        {
            "lhs": Derivative(OF_RATIO_ONE + u**2, (u, 3)) / Derivative(OF_RATIO_ONE + u**2, (u, 2)),
            "given": more("ratio-one-of-exp-plus-affine", a * exp(u) + 2),
        },
    ),
    Mutant("first-integral-sign", "ratio-one-first-integral", "sign", {"lhs": Derivative(f2 * exp(u), u)}),
    Mutant(
        "first-integral-orders",
        "ratio-one-first-integral",
        "orders",
        {"lhs": Derivative(Derivative(f(u), u) * exp(-u), u)},
    ),
    Mutant(
        "affine-rest-first-for-second",
        "ratio-one-affine-rest",
        "f - f'",
        {"lhs": Derivative(f(u) - Derivative(f(u), u), (u, 2))},
    ),
    Mutant("affine-rest-one-derivative", "ratio-one-affine-rest", "one derivative", {"lhs": Derivative(f(u) - f2, u)}),
    Mutant(
        "undivided-no-g",
        "alpha-any-head-undivided",
        "no g",
        {
            "rhs": outer(2) / (2 * outer(2) + sigma * outer(3)),
            "given": more("alpha-any-head-undivided", 2 * outer(2) + sigma * outer(3)),
        },
    ),
    Mutant("undivided-third-on-top", "alpha-any-head-undivided", "f''' on top", {"rhs": outer(3) / UNDIVIDED}),
    Mutant("error-any-head-no-1", "closed-form-error-any-head", "no 1", {"rhs": sigma * RHO * slope}),
    Mutant("error-any-head-sign", "closed-form-error-any-head", "sign", {"rhs": sigma * (1 - RHO) * slope}),
    Mutant(
        "from-half-any-head-sign",
        "alpha-any-head-from-half",
        "sign",
        {"rhs": sigma * RHO * slope / (2 * (2 + sigma * RHO * slope))},
    ),
    Mutant(
        "sigmoid-head-19", "alpha-sigmoid-head", "(19)", {"rhs": CLOSED, "given": more("alpha-sigmoid-head", NO_POLE)}
    ),
    Mutant(
        "sigmoid-head-numerator-1",
        "alpha-sigmoid-head",
        "numerator 1",
        {
            "rhs": 1 / (2 + sigma / (1 - 2 * Y) * slope),
            "given": more("alpha-sigmoid-head", 2 + sigma / (1 - 2 * Y) * slope),
        },
    ),
    Mutant(
        "tanh-head-upside-down", "alpha-tanh-head", "upside down", {"lhs": (2 * along(2) + sigma * along(3)) / along(2)}
    ),
    Mutant(
        "softplus-head-sign",
        "alpha-softplus-head",
        "sign",
        {"lhs": alpha_of(Y, -sigma), "given": more("alpha-softplus-head", 2 * along(2) - sigma * along(3))},
    ),
    Mutant("softplus-head-upside-down", "alpha-softplus-head", "upside down", {"lhs": 1 / ALPHA}),
    Mutant(
        "log-sigmoid-head-sign",
        "alpha-log-sigmoid-head",
        "sign",
        {"lhs": alpha_of(Y, -sigma), "given": more("alpha-log-sigmoid-head", 2 * along(2) - sigma * along(3))},
    ),
    Mutant("log-head-a-square", "alpha-log-head", "a square", {"lhs": from_slope(slope / S(x) ** 2)}),
    Mutant("log-head-sign", "alpha-log-head", "sign", {"lhs": from_slope(slope / S(x), -sigma)}),
    Mutant("power-head-exponent-m-plus-1", "alpha-power-head", "exponent m + 1", {"lhs": alpha_of(S(x) ** (m + 1))}),
    Mutant("square-head-cube", "alpha-square-head", "cube", {"lhs": alpha_of(S(x) ** 3)}),
    Mutant("square-head-one-third", "alpha-square-head", "1/3", {"rhs": Rational(1, 3)}),
    Mutant("tempered-head-t-g", "alpha-tempered-exp-head", "T g", {"lhs": alpha_of(exp(T * S(x)))}),
    Mutant(
        "tempered-head-no-t",
        "alpha-tempered-exp-head",
        "no T",
        {"rhs": 1 / (2 + sigma * slope), "given": more("alpha-tempered-exp-head", NO_POLE)},
    ),
    Mutant(
        "tempered-from-half-t-for-2-t",
        "alpha-tempered-exp-from-half",
        "T for 2 T",
        {
            "rhs": -sigma * slope / (2 * (T + sigma * slope)),
            "given": more("alpha-tempered-exp-from-half", T + sigma * slope),
        },
    ),
    Mutant("inflection-sign", "sigmoid-inflection-denominator", "sign", {"rhs": sigma * g / 8}),
    Mutant("inflection-4-for-8", "sigmoid-inflection-denominator", "4 for 8", {"rhs": -sigma * g / 4}),
    Mutant("inflection-1-2-there-too", "alpha-sigmoid-inflection", "1/2 there too", {"rhs": Rational(1, 2)}),
    Mutant("identity-a-slope", "identity-head-numerator", "a slope", {"lhs": along(1)}),
    Mutant("identity-another-head", "identity-head-denominator", "another head", {"given": (AFFINE, CUBE)}),
    Mutant("leibniz-no-n", "footprint-leibniz", "no n", {"rhs": nth(f)(n, x) + (x + c) * nth(f)(n + 1, x)}),
    Mutant("leibniz-no-c", "footprint-leibniz", "no c", {"rhs": n * nth(f)(n, x) + x * nth(f)(n + 1, x)}),
    Mutant("leibniz-order", "footprint-leibniz", "order", {"rhs": n * nth(f)(n + 1, x) + (x + c) * nth(f)(n + 1, x)}),
    Mutant(
        "any-order-n-plus-1",
        "alpha-any-order-exp",
        "n + 1",
        {"rhs": 1 / (n + 1 + sigma * slope), "given": more("alpha-any-order-exp", n + 1 + sigma * slope)},
    ),
    Mutant(
        "any-order-always-2",
        "alpha-any-order-exp",
        "always 2",
        {"rhs": 1 / (2 + sigma * slope), "given": more("alpha-any-order-exp", NO_POLE)},
    ),
    Mutant(
        "any-order-any-head-an-order-too-many",
        "alpha-any-order-any-head",
        "an order too many",
        {"lhs": along(n + 1) / (n * along(n + 1) + sigma * along(n + 2))},
    ),
    Mutant("orders-sign", "alpha-orders-differ", "sign", {"rhs": -1 / ((n + sigma * slope) * (n + 1 + sigma * slope))}),
    Mutant(
        "rescaling-the-footprint-stays",
        "alpha-channel-rescaling",
        "the footprint stays",
        {
            "rhs": nth(f)(2, a * x) / (2 * nth(f)(2, a * x) + sigma * nth(f)(3, a * x)),
            "given": more("alpha-channel-rescaling", 2 * nth(f)(2, a * x) + sigma * nth(f)(3, a * x)),
        },
    ),
    Mutant("rescaling-y-squared", "alpha-channel-rescaling", "Y squared", {"lhs": alpha_of(SCALED**2)}),
    Mutant("one-pass-of-twice-s", "paper-nineteen-one-pass", "of twice S", {"lhs": alpha_of(exp(2 * S(x)))}),
    Mutant("one-pass-of-the-square", "paper-nineteen-one-pass", "of the square", {"lhs": alpha_of(S(x) ** 2)}),
    Mutant(
        "one-pass-second-derivative", "one-pass-hides-curvature", "second derivative", {"lhs": Derivative(BENT, (x, 2))}
    ),
    Mutant(
        "one-pass-another-slope", "one-pass-hides-curvature", "another slope", {"rhs": Derivative(exp(2 * g * x), x)}
    ),
    Mutant(
        "diagonal-terms-a-for-2-a",
        "diagonal-terms-show-curvature",
        "a for 2 a",
        {"rhs": Derivative(STRAIGHT, (x, 2)) + a},
    ),
    Mutant(
        "diagonal-terms-everywhere",
        "diagonal-terms-show-curvature",
        "everywhere",
        {"given": ()},
    ),
    Mutant("fifteen-half-on-either-side", "paper-fifteen-off-kink", "1/2 on either side", {"rhs": Rational(1, 2)}),
    Mutant(
        "fifteen-of-the-size", "paper-fifteen-off-kink", "of the size", {"lhs": Derivative(Max(0, x) + Max(0, -x), x)}
    ),
    Mutant("right-chord-half", "relu-slope-from-right-at-kink", "half", {"rhs": Rational(1, 2)}),
    Mutant(
        "right-chord-to-the-left",
        "relu-slope-from-right-at-kink",
        "to the left",
        {"given": LIBRARY["relu-slope-from-left-at-kink"].given},
    ),
    Mutant(
        "left-chord-to-the-right",
        "relu-slope-from-left-at-kink",
        "to the right",
        {"given": LIBRARY["relu-slope-from-right-at-kink"].given},
    ),
    Mutant("chords-of-the-size", "relu-chords-at-kink", "of the size", {"lhs": 2 * (Max(0, x) + Max(0, -x)) / x}),
    Mutant("chords-cancel", "relu-chords-at-kink", "they cancel", {"lhs": (Max(0, x) - Max(0, -x)) / x - 1}),
    Mutant("cumulants-no-q", "softmax-moments-by-cumulants", "no Q", {"rhs": Bell(n, mean, x)}),
    Mutant("cumulants-powers", "softmax-moments-by-cumulants", "powers", {"rhs": Q(x) * mean**n}),
    Mutant(
        "product-of-the-square",
        "closed-form-exact-for-product-of-entries",
        "of the square",
        {"lhs": alpha_of((x * y) ** 2)},
    ),
    Mutant("product-not-equal", "closed-form-exact-for-product-of-entries", "not equal", {"relation": Ne}),
    Mutant("outer-rescaling-y-squared", "alpha-outer-rescaling", "Y squared", {"lhs": alpha_of(a * Y**2 + c)}),
    Mutant("tail-shift-of-twice-s", "alpha-tail-shift", "of twice S", {"lhs": alpha_of(exp(2 * S(x) + c))}),
    Mutant(
        "tail-shift-the-gradient-stays", "gradient-tail-shift", "the gradient stays", {"rhs": Derivative(exp(S(x)), x)}
    ),
    Mutant("footprint-shift-no-change", "alpha-footprint-shift", "no change", {"rhs": Integer(0)}),
    Mutant(
        "footprint-shift-upside-down",
        "alpha-footprint-shift",
        "upside down",
        {"rhs": c * along(2) / along(3), "given": more("alpha-footprint-shift", along(3))},
    ),
    Mutant("tail-scale-no-change", "alpha-tail-scale", "no change", {"rhs": Integer(0)}),
    Mutant("tail-scale-a-for-a-minus-1", "alpha-tail-scale", "a for a - 1", {"rhs": a * sigma * slope}),
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
        "softmax-third-moments-2-for-3",
        "softmax-third-moments",
        "2 for 3",
        {"rhs": P * (THIRD_RATIO + apart * variance)},
    ),
    Mutant(
        "softmax-third-moments-sign-of-m-3",
        "softmax-third-moments",
        "sign of m_3",
        {"rhs": P * (THIRD_RATIO + 2 * skew)},
    ),
    Mutant("softmax-alpha-no-2", "alpha-softmax", "no 2", {"rhs": SECOND_RATIO / (SECOND_RATIO + sigma * THIRD_RATIO)}),
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
    Mutant("alpha-positive-turned", "alpha-positive", "sign turned", {"relation": Lt}),
    Mutant("alpha-positive-above-half", "alpha-positive", "1/2 for 0", {"rhs": Rational(1, 2)}),
    Mutant("alpha-at-most-fifth", "alpha-at-most-half", "1/5 for 1/2", {"rhs": Rational(1, 5)}),
    Mutant("alpha-at-most-half-strictly", "alpha-at-most-half", "less, though sigma may be 0", {"relation": Lt}),
    Mutant("alpha-exceeds-three", "alpha-exceeds-half", "3 for 1/2", {"rhs": Integer(3)}),
    Mutant(
        "alpha-exceeds-half-whatever-the-sign",
        "alpha-exceeds-half",
        "whatever the sign of sigma g",
        {"given": (AFFINE, EXP_HEAD, SLOPE, NO_POLE)},
    ),
    Mutant(
        "product-of-entries-slope",
        "product-of-entries-affine-along-line",
        "a first derivative",
        {"lhs": Derivative(x * y, x)},
    ),
    Mutant("square-layer-one", "square-layer-second-derivative", "1 for 2", {"rhs": Integer(1)}),
    Mutant("silu-pair-added", "silu-pair-is-linear", "a sum", {"lhs": silu(x) + silu(-x)}),
    Mutant("silu-pair-doubled", "silu-pair-is-linear", "2 x", {"rhs": 2 * x}),
    Mutant("silu-curved-quarter", "silu-curved", "the sigmoid's slope", {"rhs": Rational(1, 4)}),
    Mutant(
        "exponential-pair-two-rates",
        "closed-form-exact-for-exponential-pair",
        "another slope",
        {"rhs": 1 / (2 + sigma * w)},
    ),
    Mutant("exponential-pair-not-equal", "closed-form-exact-for-exponential-pair", "not equal", {"relation": Ne}),
    Mutant(
        "exponential-pair-curvature-square",
        "exponential-pair-curvature",
        "no square on w",
        {"rhs": 4 * a * v * w / PAIR**2},
    ),
    Mutant(
        "closed-form-error-without-quotient",
        "closed-form-error-by-log-derivative",
        "the derivative alone",
        {"rhs": sigma * Derivative(along(2) / Y, x)},
    ),
    Mutant(
        "flat-head-denominator-square",
        "flat-head-denominator",
        "a square for the cube",
        {"rhs": sigma * outer(3) * slope**2},
    ),
    Mutant("flat-head-alpha-half", "flat-head-alpha-zero", "the limit at g = 0", {"rhs": Rational(1, 2)}),
    Mutant(
        "curved-head-needed-where-it-is-curved",
        "constraint-curved-head-necessary-for-closed-form",
        "a curved outer function",
        {"given": (AFFINE, SLOPE, OUTER_CURVED, NO_POLE, NO_TRUE_POLE)},
    ),
    Mutant("exp-bell-of-score", "exp-derivatives-bell", "of S", {"rhs": Y * Bell(n, S(x), x)}),
    Mutant("exp-bell-next", "exp-derivatives-bell", "one order more", {"rhs": Y * Bell(n + 1, slope, x)}),
    Mutant("softmax-bell-of-slope", "softmax-derivatives-bell", "without the mean", {"rhs": P * Bell(n, slope, x)}),
    Mutant(
        "softmax-two-classes-mean",
        "softmax-normaliser-two-classes",
        "the power of the sum",
        {"rhs": (exp(S(x)) + exp(L(x))) * (slope + Derivative(L(x), x)) ** n},
    ),
    Mutant(
        "softmax-one-more-class-power",
        "softmax-normaliser-one-more-class",
        "a power more",
        {"rhs": nth(Q)(n, x) + exp(L(x)) * Derivative(L(x), x) ** (n + 1)},
    ),
    Mutant("softmax-mean-slope-moment", "softmax-mean-slope", "the raw moment", {"rhs": variance + mean**2}),
    Mutant("softmax-mean-curvature-sign", "softmax-mean-curvature", "sign", {"rhs": -skew}),
    Mutant("alpha-log-softmax-no-two", "alpha-log-softmax", "no 2", {"rhs": variance / (variance + sigma * skew)}),
    Mutant(
        "alpha-log-softmax-of-softmax",
        "alpha-log-softmax-blind-to-class",
        "the softmax",
        {"rhs": SECOND_RATIO / (2 * SECOND_RATIO + sigma * THIRD_RATIO), "given": (*BLIND_GIVEN, NO_SOFTMAX_POLE)},
    ),
    Mutant(
        "softmax-first-hides-nothing",
        "softmax-first-hides-spread",
        "a term in the spread",
        {"rhs": Derivative(OF_EQUALS, x) + spread / 9},
    ),
    Mutant(
        "softmax-second-shows-third",
        "softmax-second-shows-spread",
        "2/3 for 2/9",
        {"rhs": Derivative(OF_EQUALS, (x, 2)) - Rational(2, 3) * spread**2},
    ),
    Mutant("toy-grad-cam-no-mean", "toy-grad-cam-weights", "a sum for the mean", {"lhs": N * slope}),
    Mutant(
        "six-one-gradient", "paper-six-equal-weights", "one over one gradient", {"lhs": (Max(0, g) + Max(0, g_q)) / g}
    ),
    Mutant("six-alpha-one", "paper-six-equal-weights", "alpha 1", {"lhs": Max(0, g) + Max(0, g_q)}),
    Mutant(
        "six-both-signs-the-other",
        "six-gradients-of-both-signs",
        "the other gradient",
        {"lhs": (g + g_q) / (g + g_q) ** 2 * g_q},
    ),
    Mutant("six-both-signs-grad-cam", "six-gradients-of-both-signs", "1, as without relu", {"rhs": Integer(1)}),
    Mutant("toy-19-no-2", "toy-closed-form", "no 2", {"rhs": N / (N + 1)}),
    Mutant("toy-19-one-pixel", "toy-closed-form", "of one of the pixels", {"lhs": ALPHA}),
    Mutant("toy-19-zero-gradient", "toy-closed-form-grows", "a pixel of gradient 0", {"lhs": N / (N + 3)}),
    Mutant(
        "normalised-by-one-weight",
        "normalised-weights-equal-gradients",
        "divided by one of them",
        {"lhs": (alpha * g + alpha_q * g) / alpha, "given": (Hypothesis("other", "", nonzero(alpha)),)},
    ),
    Mutant(
        "normalised-unequal-gradients",
        "normalised-weights-equal-gradients",
        "unequal gradients",
        {"lhs": (alpha * g + alpha_q * g_q) / (alpha + alpha_q)},
    ),
    Mutant("relu-split-sign", "relu-split", "sign", {"rhs": alpha * D - alpha * Max(0, -D)}),
    Mutant("relu-split-size", "relu-split", "twice the opposite", {"rhs": alpha * D + 2 * alpha * Max(0, -D)}),
    Mutant(
        "relu-split-same-case-twice", "relu-split", "no relu, one case", {"rhs": alpha * D, "branches": BOTH_SIGNS[:1]}
    ),
    Mutant(
        "relu-negative-without-relu",
        "relu-negative-gradient",
        "the gradient itself",
        {"lhs": Derivative(footprint * alpha * along(1), x)},
    ),
    Mutant("seven-no-other-channels", "derivative-of-seven", "no other channels", {"rhs": EIGHT + footprint * dW}),
    Mutant("seven-no-mixed-partials", "derivative-of-seven", "no mixed partials", {"rhs": EIGHT + dV}),
    Mutant("seven-no-footprint", "derivative-of-seven", "no footprint", {"rhs": EIGHT + dW + dV}),
    Mutant("eight-sign", "derivative-of-eight", "sign", {"rhs": NINE - dW}),
    Mutant("eight-no-2", "derivative-of-eight", "no 2", {"rhs": dW + alpha * along(2) + footprint * alpha * along(3)}),
    Mutant(
        "seven-twice-no-2",
        "second-derivative-of-seven",
        "no 2",
        {"rhs": NINE + dW + footprint * ddW + ddV},
    ),
    Mutant("seven-twice-once", "second-derivative-of-seven", "one derivative", {"lhs": Derivative(SEVEN, x)}),
    Mutant(
        "dropped-of-eight-own-pixel-too",
        "dropped-terms-of-eight",
        "the pixel that moves among them",
        {"rhs": outer(2) * slope * (footprint * G + H)},
    ),
    Mutant(
        "dropped-of-eight-no-channels",
        "dropped-terms-of-eight",
        "no other channels",
        {"rhs": outer(2) * slope * footprint * (G - alpha * slope)},
    ),
    Mutant(
        "dropped-ratio-no-1",
        "dropped-terms-ratio",
        "no 1",
        {"rhs": (footprint * G + H) / (footprint * alpha * slope)},
    ),
    Mutant(
        "dropped-ratio-to-the-first",
        "dropped-terms-ratio",
        "to the first derivative",
        {"lhs": DROPPED / (footprint * alpha * outer(2) * slope)},
    ),
    Mutant(
        "dropped-of-nine-no-2",
        "dropped-terms-of-nine",
        "no 2",
        {"rhs": outer(2) * slope * (G - alpha * slope) + outer(3) * slope**2 * (footprint * (G - alpha * slope) + H)},
    ),
    Mutant("alpha-moves-sign", "alpha-moves", "sign", {"rhs": slope / (2 + footprint * slope) ** 2}),
    Mutant("alpha-moves-no-square", "alpha-moves", "no square", {"rhs": -slope / (2 + footprint * slope)}),
    Mutant("alpha-moves-not-at-all", "alpha-moves", "alpha itself", {"lhs": MOVING}),
    Mutant(
        "ten-solves-eight",
        "paper-ten-solves-nine",
        "1 for 2",
        {"lhs": alpha * along(2) + sigma * alpha * along(3) - along(2)},
    ),
    Mutant("ten-sign", "paper-ten-solves-nine", "sign", {"rhs": (ALPHA - alpha) * DENOMINATOR}),
    Mutant("seven-eight-same", "alpha-seven-eight-differ", "(8) twice", {"lhs": OF_EIGHT}),
    Mutant("eight-nine-same", "alpha-eight-nine-differ", "(9) twice", {"lhs": ALPHA}),
    Mutant("seven-at-point-everywhere", "seven-at-point-alone", "everywhere", {"rhs": along(1)}),
    Mutant("seven-at-point-slower", "seven-at-point-alone", "sign", {"rhs": along(1) - Y * G}),
    Mutant("whole-nine-of-eight", "whole-nine", "one derivative", {"lhs": Derivative(WHOLE, x)}),
    Mutant(
        "whole-nine-no-2",
        "whole-nine",
        "no 2",
        {"rhs": outer(3) * slope**2 * (footprint * G + H) + outer(2) * slope * G},
    ),
    Mutant(
        "whole-nine-own-channel-alone",
        "whole-nine",
        "no other channels",
        {"rhs": outer(3) * slope**2 * footprint * G + 2 * outer(2) * slope * G},
    ),
    Mutant(
        "equal-pixels-as-one",
        "whole-nine-equal-pixels",
        "as one pixel",
        {"rhs": alpha * (2 + footprint * slope) * along(2)},
    ),
    Mutant("gradients-differ-equal", "whole-nine-gradients-differ", "the same gradient", {"lhs": g_q * (1 - rho * M)}),
    Mutant("total-no-half", "whole-nine-total", "no half", {"lhs": total * (1 - rho * M) - M}),
    Mutant("total-sign", "whole-nine-total", "sign", {"rhs": (2 + rho * total) / 2 * (M - total / (2 + rho * total))}),
    Mutant("solution-no-2", "whole-nine-solution", "no 2", {"rhs": g / (2 + rho * total)}),
    Mutant("solution-no-g", "whole-nine-solution", "no gradient", {"rhs": 2 / (2 + rho * total)}),
    Mutant("unsolvable-sign", "whole-nine-unsolvable", "rho = 2/Lambda", {"lhs": total * (1 - 2 * M / total) / 2}),
    Mutant(
        "against-grad-cam-upside-down",
        "whole-nine-against-grad-cam",
        "N and Z swapped",
        {"rhs": N / (Z * (2 + rho * total))},
    ),
    Mutant("eleven-sign", "eleven-above-grad-cam", "sign", {"rhs": D / Z - Max(0, -D) / Z}),
    Mutant("eleven-no-z", "eleven-above-grad-cam", "not over Z", {"rhs": D / Z + Max(0, -D)}),
    Mutant(
        "denominator-no-2",
        "denominator-affine",
        "no 2",
        {"rhs": slope**2 * (outer(2) + sigma * outer(3) * slope)},
    ),
    Mutant(
        "denominator-no-square", "denominator-affine", "no square", {"rhs": slope * (2 * outer(2) + sigma * outer(3))}
    ),
    Mutant("exp-first-no-slope", "paper-thirteen", "no slope", {"rhs": exp(S(x))}),
    Mutant("exp-second-no-square", "paper-fourteen", "no square", {"rhs": exp(S(x)) * (slope + curvature)}),
    Mutant("exp-second-product", "paper-fourteen", "a product", {"rhs": exp(S(x)) * slope**2 * curvature}),
    Mutant(
        "exp-third-no-3",
        "exp-third-derivative",
        "no 3",
        {"rhs": exp(S(x)) * (slope**3 + slope * curvature + third)},
    ),
    Mutant("seventeen-no-square", "paper-seventeen", "no square", {"rhs": exp(S(x)) * slope}),
    Mutant("seventeen-without-affine", "paper-seventeen", "curved S", {"given": (EXP_HEAD,)}),
    Mutant("eighteen-square", "paper-eighteen", "square", {"rhs": exp(S(x)) * slope**2}),
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

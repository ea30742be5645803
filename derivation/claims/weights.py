"""The weights of the paper: alpha from (10) to the closed form (19), and what replaces it where its hypotheses fail."""

from sympy import Derivative, Expr, Ge, Gt, Integer, Le, Limit, Lt, Rational

from derivation.claim import OURS, Claim, Hypothesis, Source, Step, Use, nonzero
from derivation.hypotheses import (
    AFFINE,
    EXP_HEAD,
    NO_POLE,
    NO_TRUE_POLE,
    OUTER_CURVED,
    SECOND,
    SLOPE,
    Y,
    curvature,
    outer,
    slope,
    third,
)
from derivation.notation import g, n, sigma, x


def from_slope(value: Expr, footprint: Expr = sigma) -> Expr:
    """Return (10) where dY/dx = `value` is what is written down, inert."""
    return Derivative(value, x) / (2 * Derivative(value, x) + footprint * Derivative(value, (x, 2)))


def alpha_of(value: Expr, footprint: Expr = sigma) -> Expr:
    """Return (10) for Y = `value`, inert."""
    return from_slope(Derivative(value, x), footprint)


def closed_of(gradient: Expr) -> Expr:
    """Return the closed form (19) for this slope of the tail."""
    return gradient**2 / (2 * gradient**2 + sigma * gradient**3)


ALPHA, CLOSED = alpha_of(Y), closed_of(slope)
RHO = outer(3) / outer(2)
NO_RHO_POLE = Hypothesis("no-rho-pole", "2 + sigma rho g is not zero", nonzero(2 + sigma * RHO * slope))
FOOTPRINT_RECTIFIED = Hypothesis(
    "footprint-nonnegative", "the footprint is not negative, as after a ReLU", Ge(sigma, 0, evaluate=False)
)
SLOPE_POSITIVE = Hypothesis("slope-positive", "the gradient g = dS/dx is positive", Gt(slope, 0, evaluate=False))
SIGN_TURNED = Hypothesis("footprint-against-slope", "sigma g is negative", Lt(sigma * slope, 0, evaluate=False))
BELOW_POLE = Hypothesis("below-pole", "sigma g is more than -2", Gt(2 + sigma * slope, 0, evaluate=False))
PAPER_19 = Source("gradcampp-paper", "equation (19)", "closed form of (10) for Y = exp(S)")

CLAIMS = (
    Claim(
        "alpha-closed-form",
        "For Y = exp(S) with S affine along the line, the pixel weight (10) is the closed form (19).",
        ALPHA,
        CLOSED,
        PAPER_19,
        (AFFINE, EXP_HEAD, SLOPE, NO_POLE),
        steps=(
            Step(
                Y * slope**2 / (2 * Y * slope**2 + sigma * Y * slope**3),
                "n = 2 and n = 3 of the power rule",
                (Use("exp-power-rule", ((n, 2),)), Use("exp-power-rule", ((n, 3),))),
            ),
            Step(CLOSED, "Y = exp(S) is never zero and cancels"),
        ),
    ),
    Claim(
        "alpha-closed-form-short",
        "Where the gradient is not zero, the closed form (19) is 1/(2 + sigma g).",
        CLOSED,
        1 / (2 + sigma * slope),
        OURS,
        (SLOPE, NO_POLE),
    ),
    Claim(
        "alpha-limit-zero-slope",
        "At a zero gradient the closed form (19) as printed is 0/0; its limit there is 1/2, whatever sigma is.",
        Limit(g**2 / (2 * g**2 + sigma * g**3), g, 0, "+-"),
        Rational(1, 2),
        OURS,
    ),
    Claim(
        "alpha-closed-form-any-head",
        "The closed form (19) holds for every outer function.",
        ALPHA,
        CLOSED,
        Source(
            "practice",
            "heads other than the exponential",
            "",
            "the closed form (19), whatever the head is",
        ),
        (AFFINE, SLOPE, NO_POLE, NO_TRUE_POLE),
    ),
    Claim(
        "alpha-any-head",
        "For a smooth head, f''(S) != 0, S affine along the line: alpha = 1/(2 + sigma rho g), rho = f'''(S)/f''(S).",
        ALPHA,
        1 / (2 + sigma * RHO * slope),
        OURS,
        (AFFINE, SLOPE, OUTER_CURVED, NO_RHO_POLE),
        steps=(
            Step(
                outer(2) * slope**2 / (2 * outer(2) * slope**2 + sigma * outer(3) * slope**3),
                "n = 2 and n = 3 of the affine collapse",
                (Use("affine-collapse", ((n, 2),)), Use("affine-collapse", ((n, 3),))),
            ),
            Step(1 / (2 + sigma * RHO * slope), "divide by f''(S) g^2, which is not zero"),
        ),
        corrects=("alpha-closed-form-any-head", "constraint-curved-head-sufficient"),
    ),
    Claim(
        "alpha-closed-form-any-tail",
        "The closed form (19) holds for every smooth tail under an exponential.",
        ALPHA,
        CLOSED,
        Source("practice", "tails with smooth activations", "", "the closed form (19), whatever the network is"),
        (EXP_HEAD, SLOPE, NO_POLE, NO_TRUE_POLE),
    ),
    Claim(
        "alpha-curvature-correction",
        "Under an exponential, the true 1/alpha minus that of (19) is sigma (2 g h + t)/(g^2 + h), h = S'', t = S'''.",
        1 / ALPHA - 1 / CLOSED,
        sigma * (2 * slope * curvature + third) / (slope**2 + curvature),
        OURS,
        (EXP_HEAD, SLOPE, SECOND),
        corrects=("alpha-closed-form-any-tail", "constraint-activations-sufficient-for-closed-form"),
    ),
    Claim(
        "alpha-positive",
        "Under an exponential, with S affine, the pixel weight (10) is positive wherever the gradient is and A >= 0.",
        ALPHA,
        Integer(0),
        OURS,
        (AFFINE, EXP_HEAD, FOOTPRINT_RECTIFIED, SLOPE_POSITIVE),
        relation=Gt,
    ),
    Claim(
        "alpha-at-most-half",
        "Under an exponential, with S affine, the pixel weight (10) is at most 1/2 where g > 0 and A >= 0.",
        ALPHA,
        Rational(1, 2),
        OURS,
        (AFFINE, EXP_HEAD, FOOTPRINT_RECTIFIED, SLOPE_POSITIVE),
        relation=Le,
    ),
    Claim(
        "alpha-at-most-half-any-slope",
        "Under an exponential, with S affine and A >= 0, the pixel weight (10) is at most 1/2 whatever g is.",
        ALPHA,
        Rational(1, 2),
        Source("practice", "weights taken for shares", "", "the bound for positive gradients, at negative ones too"),
        (AFFINE, EXP_HEAD, FOOTPRINT_RECTIFIED, SLOPE, NO_POLE),
        relation=Le,
    ),
    Claim(
        "alpha-exceeds-half",
        "Under an exponential, with S affine, the pixel weight (10) exceeds 1/2 for -2 < sigma g < 0.",
        ALPHA,
        Rational(1, 2),
        OURS,
        (AFFINE, EXP_HEAD, SIGN_TURNED, BELOW_POLE),
        corrects=("alpha-at-most-half-any-slope",),
        relation=Gt,
    ),
)

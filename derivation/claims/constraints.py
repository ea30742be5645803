"""The three constraints that the post draws from its derivation: necessary or sufficient, and for what.

A constraint is sufficient for a conclusion if the conclusion follows from it, and necessary if the conclusion fails
without it. Both are claims: that a constraint is necessary is the claim that the conclusion is violated without it,
which one example refutes. `derivation.constraints` gathers the answers.

What follows depends on the conclusion. For the n-th derivative of Y to be Y times the slope to the n, S has to be
affine: already at n = 2 the two differ by Y S''. The closed form (19) of the pixel weight asks for less:

    1/alpha_true - 1/alpha_19 = sigma (Y''/Y)' / (Y''/Y)

so that (19) is right for every footprint sigma, all along a line, if and only if Y'' = const Y there, with const not 0.
That is so for Y = exp(affine), for Y = a e^(w x) + v e^(-w x), and with a negative const for cosines, where they are
positive: under an exponential the tail log cosh(x) = softplus(2 x) - x - log 2 is curved everywhere, and (19) is exact.
"""

from sympy import Derivative, Expr, Gt, Integer, Ne, Rational, exp

from derivation.claim import OURS, Claim, Hypothesis, Source, equation, nonzero
from derivation.claims.post import post
from derivation.claims.weights import ALPHA, CLOSED, alpha_of, closed_of
from derivation.hypotheses import (
    AFFINE,
    AT_ZERO,
    ENTRY_NONZERO,
    EXP_HEAD,
    NO_POLE,
    NO_TRUE_POLE,
    OUTER_CURVED,
    SECOND,
    SLOPE,
    Y,
    along,
    outer,
    slope,
)
from derivation.notation import a, sigma, v, w, x, y

WORDS = {
    "first": "There should be only linear and activation layers after the target conv layer.",
    "second": "Activation function should be piecewise linear.",
    "third": "Mapping from the raw output to scores should be differentiable "
    "with second-order derivative not equal to 0.",
}


def constraint(place: str, reading: str) -> Source:
    """Return one of the three constraints, read so."""
    return post(f"{place} constraint", WORDS[place], reading)


def silu(e: Expr) -> Expr:
    """Return e/(1 + exp(-e)), a smooth activation."""
    return e / (1 + exp(-e))


PRODUCT_ALPHA = alpha_of(exp(x * y))
OTHER_ENTRY = Hypothesis("other-entry-nonzero", "the other entry y is not zero", nonzero(y))
PRODUCT_NO_POLE = Hypothesis("product-no-pole", "sigma y is not -2", nonzero(2 + sigma * y))
SQUARE_NO_POLE = Hypothesis("square-no-pole", "sigma times the slope 2 x is not -2", nonzero(2 + sigma * (2 * x)))
SQUARE_DENOMINATOR = Hypothesis(
    "square-denominator-nonzero",
    "the denominator of (10) for Y = exp(x^2) is not zero",
    nonzero(2 * Derivative(exp(x**2), (x, 2)) + sigma * Derivative(exp(x**2), (x, 3))),
)
PAIR = a * exp(w * x) + v * exp(-w * x)
PAIR_SLOPE = Derivative(PAIR, x) / PAIR
PAIR_ALPHA = alpha_of(PAIR)
PAIR_CLOSED = closed_of(PAIR_SLOPE)
PAIR_CURVATURE = Derivative(PAIR_SLOPE, x)

FLAT = Hypothesis("flat-head", "the outer function is flat at S", equation(outer(2), Integer(0)), True)
PAIR_POSITIVE = Hypothesis(
    "pair-positive", "a e^(w x) + v e^(-w x) is positive, so that S is its logarithm", Gt(PAIR, 0)
)
PAIR_GIVEN = (
    PAIR_POSITIVE,
    Hypothesis("pair-slope-nonzero", "its derivative is not zero", nonzero(Derivative(PAIR, x))),
    Hypothesis("pair-no-pole", "2 + sigma S' is not zero", nonzero(2 * PAIR + sigma * Derivative(PAIR, x))),
)
BOTH_SIDES = Hypothesis("both-exponentials", "neither a nor v is zero", nonzero(a * v))

CLAIMS = (
    Claim(
        "constraint-layers-sufficient",
        "One activation layer, here SiLU, under an exponential gives the second derivative Y times the slope squared.",
        Derivative(exp(silu(x)), (x, 2)),
        exp(silu(x)) * Derivative(silu(x), x) ** 2,
        constraint("first", "it is sufficient without the second, for the second derivative of Y = exp(S)"),
    ),
    Claim(
        "constraint-layers-necessary",
        "With another layer, here the product of two entries x and y, the tail's second derivative is not zero.",
        Derivative(x * y, (x, 2)),
        Integer(0),
        constraint("first", "it is necessary for S'' = 0"),
        relation=Ne,
    ),
    Claim(
        "product-of-entries-affine-along-line",
        "The product of two entries is affine along the line of either, though it is not a linear layer.",
        Derivative(x * y, (x, 2)),
        Integer(0),
        OURS,
        corrects=("constraint-layers-necessary",),
    ),
    Claim(
        "constraint-layers-necessary-for-closed-form",
        "With another layer, here the product of two entries x and y, the closed form (19) is wrong.",
        PRODUCT_ALPHA,
        closed_of(y),
        constraint("first", "it is necessary for the closed form (19)"),
        (OTHER_ENTRY, PRODUCT_NO_POLE),
        relation=Ne,
    ),
    Claim(
        "closed-form-exact-for-product-of-entries",
        "For Y = exp(x y) the closed form (19) is the pixel weight (10) of x: its slope y is constant along the line.",
        PRODUCT_ALPHA,
        closed_of(y),
        OURS,
        (OTHER_ENTRY, PRODUCT_NO_POLE),
        corrects=("constraint-layers-necessary-for-closed-form",),
    ),
    Claim(
        "constraint-activations-sufficient",
        "Where all activations are piecewise linear (here only x times x), the second derivative is zero.",
        Derivative(x**2, (x, 2)),
        Integer(0),
        constraint("second", "it is sufficient alone, for S'' = 0"),
    ),
    Claim(
        "square-layer-second-derivative",
        "A layer that multiplies an entry by itself has the second derivative 2.",
        Derivative(x**2, (x, 2)),
        Integer(2),
        OURS,
        corrects=("constraint-activations-sufficient",),
    ),
    Claim(
        "constraint-activations-sufficient-for-closed-form",
        "Where all activations are piecewise linear (here only x times x), the closed form (19) holds for exp(S).",
        alpha_of(exp(x**2)),
        closed_of(2 * x),
        constraint("second", "it is sufficient for the closed form (19), for Y = exp(S)"),
        (ENTRY_NONZERO, SQUARE_NO_POLE, SQUARE_DENOMINATOR),
    ),
    Claim(
        "constraint-activations-necessary",
        "With a smooth activation, here two SiLU units of opposite weights, the tail's second derivative is not zero.",
        Derivative(silu(x) - silu(-x), (x, 2)),
        Integer(0),
        constraint("second", "it is necessary for S'' = 0"),
        relation=Ne,
    ),
    Claim(
        "silu-pair-is-linear",
        "Two SiLU units with opposite weights add up to x itself: curved activations make a linear tail.",
        silu(x) - silu(-x),
        x,
        OURS,
        corrects=("constraint-activations-necessary",),
    ),
    Claim(
        "silu-curved",
        "SiLU itself has the second derivative 1/2 at 0.",
        Derivative(silu(x), (x, 2)),
        Rational(1, 2),
        OURS,
        (AT_ZERO,),
    ),
    Claim(
        "constraint-activations-necessary-for-closed-form",
        "On a tail that is curved everywhere, here log(a e^(w x) + v e^(-w x)), the closed form (19) is wrong.",
        PAIR_ALPHA,
        PAIR_CLOSED,
        constraint("second", "it is necessary for the closed form (19)"),
        (*PAIR_GIVEN, BOTH_SIDES),
        relation=Ne,
    ),
    Claim(
        "closed-form-exact-for-exponential-pair",
        "For Y = a e^(w x) + v e^(-w x) the closed form (19), with S' = Y'/Y, is the pixel weight (10).",
        PAIR_ALPHA,
        PAIR_CLOSED,
        OURS,
        PAIR_GIVEN,
        corrects=("constraint-activations-necessary-for-closed-form",),
    ),
    Claim(
        "exponential-pair-curvature",
        "The tail S = log(a e^(w x) + v e^(-w x)) has S'' = 4 a v w^2/Y^2, zero nowhere unless a, v or w is.",
        PAIR_CURVATURE,
        4 * a * v * w**2 / PAIR**2,
        OURS,
        (PAIR_POSITIVE,),
    ),
    Claim(
        "closed-form-error-by-log-derivative",
        "Under an exponential, the true 1/alpha minus that of (19) is sigma times the logarithmic derivative of Y''/Y.",
        1 / ALPHA - 1 / CLOSED,
        sigma * Derivative(along(2) / Y, x) / (along(2) / Y),
        OURS,
        (EXP_HEAD, SLOPE, SECOND),
    ),
    Claim(
        "constraint-curved-head-sufficient",
        "With S affine, an outer function whose second derivative is not zero has the closed form (19).",
        ALPHA,
        CLOSED,
        constraint("third", "it is sufficient for the closed form (19), together with the other two"),
        (AFFINE, SLOPE, OUTER_CURVED, NO_POLE, NO_TRUE_POLE),
    ),
    Claim(
        "constraint-curved-head-necessary-for-derivatives",
        "Where f''(S) = 0 and S is affine, the second derivative of Y is not f''(S) times the slope squared.",
        along(2),
        outer(2) * slope**2,
        constraint("third", "it is necessary for the derivatives of Y to be f^(n)(S) times the slope to the n"),
        (AFFINE, FLAT),
        relation=Ne,
    ),
    Claim(
        "constraint-curved-head-necessary-for-alpha",
        "Where f''(S) = 0 and S is affine, the denominator of (10) is zero, so that there is no pixel weight.",
        2 * along(2) + sigma * along(3),
        Integer(0),
        constraint("third", "it is necessary for the pixel weight (10) to exist"),
        (AFFINE, FLAT),
    ),
    Claim(
        "flat-head-denominator",
        "Where f''(S) = 0 and S is affine, the denominator of (10) is sigma f'''(S) times the slope cubed.",
        2 * along(2) + sigma * along(3),
        sigma * outer(3) * slope**3,
        OURS,
        (AFFINE, FLAT),
        corrects=("constraint-curved-head-necessary-for-alpha",),
    ),
    Claim(
        "flat-head-alpha-zero",
        "Where f''(S) = 0, S is affine and the denominator of (10) is not zero, the pixel weight (10) is 0.",
        ALPHA,
        Integer(0),
        OURS,
        (AFFINE, FLAT, NO_TRUE_POLE),
    ),
    Claim(
        "constraint-curved-head-necessary-for-closed-form",
        "Where f''(S) = 0 and S is affine, the closed form (19) is not the pixel weight (10).",
        ALPHA,
        CLOSED,
        constraint("third", "it is necessary for the closed form (19)"),
        (AFFINE, FLAT, NO_POLE, NO_TRUE_POLE),
        relation=Ne,
    ),
)

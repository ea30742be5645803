r"""Softplus in place of ReLU: how far the closed form (19) is off, and where the error goes away as beta grows.

The tail is S(x) = log(1 + exp(beta x))/beta up to a constant, so that it enters by its slope alone; x is the distance
to the kink of max(0, x), the limit for beta to infinity; the outer function is the exponential. With e = exp(-beta x)

    g = 1/(1 + e),    h = beta g (1 - g),    t = beta^2 g (1 - g) (1 - 2 g)
    1/alpha = 2 + sigma (1 + 3 beta e + beta^2 e (e - 1)) / ((1 + e) (1 + beta e))
    the error E, the true 1/alpha minus that of (19), is sigma beta (1/(1 + beta e) - (1 - e)/(1 + e))

What is proved of E, for sigma > 0 and every x, says something else in each place:

    active side, x > 0      -sigma beta^2 e < E < 2 sigma beta e, and E < -sigma beta^2 e (1 - 2/beta - beta e):
                            at a fixed x the rate is beta^2 exp(-beta x), and no better
    on the kink, x = 0      E = sigma beta/(1 + beta), which tends to sigma and not to 0
    near it, x = r/beta     E is -sigma beta (1 - exp(-r))/(1 + exp(-r)) and less than sigma exp(r) more:
                            unless r = 0, its size grows with beta
    inactive side, x < 0    sigma beta (1 - 2/e) < E < sigma beta (1 + 1/(beta e)): it tends to sigma beta

So the error vanishes at every point of the active side, and on no interval that reaches the kink does it do so
uniformly. On the inactive side it does not vanish at all, but there 0 < alpha < 1/2 for the true weight and for (19)
alike, so that what the two put on the map, alpha Y g, differs by less than Y g/2 < Y/(2 e).
"""

from sympy import Derivative, Expr, Ge, Gt, Integer, Le, Lt, exp
from sympy.core.relational import Relational

from derivation.claim import OURS, Claim, Hypothesis, Source, Step, Use, equation
from derivation.claims.kinks import ON_KINK
from derivation.claims.weights import ALPHA, CLOSED
from derivation.hypotheses import EXP_HEAD, curvature, slope, third
from derivation.notation import S, beta, sigma, x

e = exp(-beta * x)
s = 1 / (1 + e)
DIFFERENCE = 1 / ALPHA - 1 / CLOSED
ERROR = sigma * beta * (1 / (1 + beta * e) - (1 - e) / (1 + e))
INVERSE = 2 + sigma * (1 + 3 * beta * e + beta**2 * e * (e - 1)) / ((1 + e) * (1 + beta * e))
SQUARED = 2 + sigma * ((1 - beta * e) ** 2 + (5 - beta) * beta * e) / ((1 + e) * (1 + beta * e))
SOFTPLUS = Hypothesis(
    "softplus", "S is a softplus, up to a constant", equation(Derivative(S(x), x), 1 / (1 + exp(-beta * x)))
)
FOOTPRINT_POSITIVE = Hypothesis("footprint-positive", "the footprint is positive", Gt(sigma, 0, evaluate=False))
NOT_ACTIVE = Hypothesis("not-active", "the entry is on the inactive side or on the kink", Le(x, 0, evaluate=False))
SHARP = Hypothesis("sharp", "beta is at least 1", Ge(beta - 1, 0, evaluate=False))
BLUNT = Hypothesis("blunt", "beta is at most 5", Le(beta - 5, 0, evaluate=False))


def bound(name: str, says: str, relation: type[Relational], rhs: Expr, *more: Hypothesis, why: str = "") -> Claim:
    """Return a bound of the error of the closed form, from the error itself."""
    steps = (Step(ERROR, "the error", (Use("alpha-softplus-error"),)), Step(rhs, why))
    given = (EXP_HEAD, SOFTPLUS, FOOTPRINT_POSITIVE, *more)
    return Claim(name, says, DIFFERENCE, rhs, OURS, given, steps=steps, relation=relation)


CLAIMS = (
    Claim(
        "softplus-curvature",
        "The second derivative of a softplus is beta g (1 - g), g its slope.",
        curvature,
        beta * slope * (1 - slope),
        OURS,
        (SOFTPLUS,),
    ),
    Claim(
        "softplus-third-derivative",
        "The third derivative of a softplus is beta^2 g (1 - g) (1 - 2 g), g its slope.",
        third,
        beta**2 * slope * (1 - slope) * (1 - 2 * slope),
        OURS,
        (SOFTPLUS,),
    ),
    Claim(
        "softplus-slope-active",
        "The slope of a softplus lacks less than exp(-beta x) to the 1 of an active ReLU.",
        1 - slope,
        e,
        OURS,
        (SOFTPLUS,),
        relation=Lt,
    ),
    Claim(
        "softplus-slope-inactive",
        "The slope of a softplus exceeds the 0 of an inactive ReLU by less than exp(beta x).",
        slope,
        exp(beta * x),
        OURS,
        (SOFTPLUS,),
        relation=Lt,
    ),
    Claim(
        "alpha-closed-form-softplus",
        "The closed form (19) holds for a softplus, which is nearly a ReLU.",
        DIFFERENCE,
        Integer(0),
        Source("practice", "softplus in place of ReLU", "", "the true 1/alpha and that of (19) are the same"),
        (EXP_HEAD, SOFTPLUS),
    ),
    Claim(
        "alpha-softplus",
        "The true 1/alpha of a softplus under an exponential, e = exp(-beta x).",
        1 / ALPHA,
        INVERSE,
        OURS,
        (EXP_HEAD, SOFTPLUS),
    ),
    Claim(
        "alpha-softplus-error",
        "For a softplus the true 1/alpha minus that of (19) is sigma beta (1/(1 + beta e) - (1 - e)/(1 + e)), "
        "e = exp(-beta x).",
        DIFFERENCE,
        ERROR,
        OURS,
        (EXP_HEAD, SOFTPLUS),
        steps=(
            Step(
                sigma * (2 * slope * curvature + third) / (slope**2 + curvature),
                "the second and third derivative of exp(S) carried out",
            ),
            Step(
                sigma * beta * s * (1 - s) * (2 * s + beta * (1 - 2 * s)) / (s**2 + beta * s * (1 - s)),
                "the slope of a softplus put in, its derivatives beta g (1 - g) and beta^2 g (1 - g) (1 - 2 g)",
            ),
            Step(ERROR, "partial fractions"),
        ),
        corrects=("alpha-closed-form-softplus",),
    ),
    Claim(
        "softplus-error-leading-term",
        "Far out at a fixed beta the error is sigma beta (2 - beta) exp(-beta x) up to terms in exp(-2 beta x).",
        DIFFERENCE,
        sigma * beta * (2 - beta) * e
        + sigma * beta * e**2 * (beta**2 - 2 + beta * (beta - 2) * e) / ((1 + e) * (1 + beta * e)),
        OURS,
        (EXP_HEAD, SOFTPLUS),
        steps=(Step(ERROR, "the error", (Use("alpha-softplus-error"),)),),
    ),
    bound(
        "softplus-error-from-below",
        "For sigma > 0 the error of (19) is above -sigma beta^2 exp(-beta x), which on the active side goes to 0.",
        Gt,
        -sigma * beta**2 * e,
    ),
    bound(
        "softplus-error-from-above",
        "For sigma > 0 the error of (19) is below 2 sigma beta exp(-beta x), which on the active side goes to 0.",
        Lt,
        2 * sigma * beta * e,
    ),
    bound(
        "softplus-error-rate",
        "The rate is exact, sigma > 0: with e = exp(-beta x) the error is below -sigma beta^2 e (1 - 2/beta - beta e).",
        Lt,
        -sigma * beta * e * (beta - 2 - beta**2 * e),
    ),
    Claim(
        "softplus-error-on-kink",
        "On the kink the error of the closed form for a softplus is sigma beta/(1 + beta), which tends to sigma.",
        DIFFERENCE,
        sigma * beta / (1 + beta),
        OURS,
        (EXP_HEAD, SOFTPLUS, ON_KINK),
        steps=(
            Step(ERROR, "the error", (Use("alpha-softplus-error"),)),
            Step(sigma * beta / (1 + beta), "on the kink exp(-beta x) is 1"),
        ),
    ),
    bound(
        "softplus-error-stays-on-kink",
        "On the kink the error of the closed form is at least sigma/2, sigma > 0, for every beta from 1 on.",
        Ge,
        sigma / 2,
        ON_KINK,
        SHARP,
    ),
    bound(
        "softplus-error-grows-near-kink",
        "At a fixed r = beta x and sigma > 0 the error is below sigma exp(r) - sigma beta (1 - exp(-r))/(1 + exp(-r)).",
        Lt,
        sigma * exp(beta * x) - sigma * beta * (1 - e) / (1 + e),
    ),
    bound(
        "softplus-error-near-kink-from-below",
        "At a fixed r = beta x and sigma > 0 the error is above -sigma beta (1 - exp(-r))/(1 + exp(-r)).",
        Gt,
        -sigma * beta * (1 - e) / (1 + e),
    ),
    bound(
        "softplus-error-inactive-from-below",
        "On the inactive side the error does not vanish if sigma > 0: it is above sigma beta (1 - 2 exp(beta x)).",
        Gt,
        sigma * beta * (1 - 2 * exp(beta * x)),
    ),
    bound(
        "softplus-error-inactive-from-above",
        "On the inactive side the error for sigma > 0 is below sigma beta + sigma exp(beta x).",
        Lt,
        sigma * beta + sigma * exp(beta * x),
    ),
    bound(
        "softplus-weight-below-closed-form",
        "On the inactive side and on the kink the true 1/alpha is larger than that of the closed form, if sigma > 0.",
        Gt,
        Integer(0),
        NOT_ACTIVE,
        why="x is not positive, hence exp(-beta x) at least 1",
    ),
    Claim(
        "softplus-closed-form-below-half",
        "For a softplus and a positive footprint the 1/alpha of (19) is above 2, hence 0 < alpha < 1/2.",
        1 / CLOSED,
        Integer(2),
        OURS,
        (SOFTPLUS, FOOTPRINT_POSITIVE),
        relation=Gt,
    ),
    Claim(
        "softplus-weight-below-half",
        "On the inactive side and on the kink the true 1/alpha is above 2 if sigma > 0, hence 0 < alpha < 1/2.",
        1 / ALPHA,
        Integer(2),
        OURS,
        (EXP_HEAD, SOFTPLUS, FOOTPRINT_POSITIVE, NOT_ACTIVE),
        steps=(
            Step(INVERSE, "the weight of a softplus", (Use("alpha-softplus"),)),
            Step(Integer(2), "x is not positive, hence exp(-beta x) at least 1"),
        ),
        relation=Gt,
    ),
    Claim(
        "softplus-weight-at-most-half",
        "Up to beta = 5 the true 1/alpha is at least 2 on both sides if sigma > 0, hence 0 < alpha <= 1/2.",
        1 / ALPHA,
        Integer(2),
        OURS,
        (EXP_HEAD, SOFTPLUS, FOOTPRINT_POSITIVE, BLUNT),
        steps=(
            Step(INVERSE, "the weight of a softplus", (Use("alpha-softplus"),)),
            Step(SQUARED, "complete the square"),
            Step(Integer(2), "neither the square is negative nor 5 - beta"),
        ),
        relation=Ge,
    ),
)

"""Outer functions other than the exponential: what the pixel weight (10) becomes, where it has no value, what leaves
it alone.

A head whose own expression holds a logarithm is given by its first derivative, worked out in `derivation.heads`: (10)
sees nothing of the outer function but derivatives. (The logarithm itself has no value at 0, so that it is no function
of every real number, as f is: its slope along the line is written out.)

Where a sentence draws a conclusion from a sign, the equation shows the factors whose signs are to be read off; the
checker decides the equation alone. So it is with the outer functions of ratio 1: checked are two identities that hold
for every f. That a function whose derivative is zero everywhere is constant is the mean value theorem, and is taken
from there.
"""

from sympy import Derivative, Expr, Integer, Rational, exp

from derivation import heads
from derivation.claim import OURS, Claim, Hypothesis, Step, Use, equation, nonzero
from derivation.claims.weights import ALPHA, CLOSED, NO_RHO_POLE, RHO, alpha_of, from_slope
from derivation.heads import Head
from derivation.hypotheses import (
    AFFINE,
    EXP_HEAD,
    NO_TRUE_POLE,
    OUTER_CURVED,
    SLOPE,
    Y,
    along,
    outer,
    slope,
)
from derivation.notation import S, T, a, c, c_0, c_1, f, g, m, n, sigma, u, x
from derivation.nth import nth


def given_as(head: Head) -> Hypothesis:
    """Return the hypothesis that f is this outer function."""
    return Hypothesis(f"{head.name}-head", f"the outer function is {head.says}", equation(f(u), head.outer))


def closed(top: Expr, bottom: Expr) -> Expr:
    """Return 1/(2 + sigma rho g) for rho = top/bottom, as one fraction: it has a value where bottom is 0, too."""
    return bottom / (2 * bottom + sigma * top * slope)


def pole(head: Head, top: Expr, bottom: Expr) -> Hypothesis:
    """Return the hypothesis that sigma g is not at the pole of alpha for rho = top/bottom."""
    says = f"sigma g is not -2/rho, rho the ratio of {head.says}"
    return Hypothesis(f"no-{head.name}-pole", says, nonzero(2 * bottom + sigma * top * slope))


s, t = heads.SIGMOID.outer, heads.TANH.outer
SIGMOID_HEAD, IDENTITY_HEAD = given_as(heads.SIGMOID), given_as(heads.IDENTITY)
f2, f3 = Derivative(f(u), (u, 2)), Derivative(f(u), (u, 3))
OF_RATIO_ONE = a * exp(u) + c_1 * u + c_0
UNDIVIDED = 2 * outer(2) + sigma * outer(3) * slope
SCALED = f(a * x)
SCALED_DENOMINATOR = 2 * nth(f)(2, a * x) + a * sigma * nth(f)(3, a * x)
SOFTPLUS_RHO = (1 - exp(u)) / (1 + exp(u))

NO_UNDIVIDED_POLE = Hypothesis("no-undivided-pole", "2 f''(S) + sigma g f'''(S) is not zero", nonzero(UNDIVIDED))
SCORE = Hypothesis("score-nonzero", "the score S is not zero", nonzero(S(x)))
ARGUMENT = Hypothesis("argument-nonzero", "the argument u is not zero", nonzero(u))
CURVED_POWER = Hypothesis("curved-power", "the exponent m is neither 0 nor 1", nonzero(m * (m - 1)))
FACTOR = Hypothesis("factor-nonzero", "the factor a is not zero", nonzero(a))
FOOTPRINT_SLOPE = Hypothesis("footprint-slope", "neither the footprint nor the slope is zero", nonzero(sigma * g))
SECOND_NONZERO = Hypothesis("second-along-nonzero", "the second derivative of Y is not zero", nonzero(along(2)))
SIGMOID_CURVED = Hypothesis(
    "sigmoid-curved", "the sigmoid is curved at u, which is so for u other than 0", nonzero(Derivative(s, (u, 2)))
)
TANH_CURVED = Hypothesis(
    "tanh-curved", "tanh is curved at u, which is so for u other than 0", nonzero(Derivative(t, (u, 2)))
)
ORDER = Hypothesis("outer-nth-nonzero", "f^(n)(S) is not zero", nonzero(outer(n)))
SCALED_POLE = Hypothesis(
    "scaled-denominator-nonzero",
    "the denominator of (10) is not zero for the scaled channel",
    nonzero(SCALED_DENOMINATOR),
)
NO_ORDER_POLE = Hypothesis("no-order-pole", "n + sigma g is not zero", nonzero(n + sigma * slope))
NO_NEXT_POLE = Hypothesis("no-next-pole", "n + 1 + sigma g is not zero", nonzero(n + 1 + sigma * slope))
NO_OUTER_ORDER_POLE = Hypothesis(
    "no-outer-order-pole",
    "n + sigma g f^(n+1)(S)/f^(n)(S) is not zero",
    nonzero(n + sigma * outer(n + 1) / outer(n) * slope),
)
EXP_POLE = Hypothesis(
    "exp-denominator-nonzero",
    "the denominator of (10) is not zero for Y = exp(S)",
    nonzero(2 * Derivative(exp(S(x)), (x, 2)) + sigma * Derivative(exp(S(x)), (x, 3))),
)

RATIOS = (
    Claim(
        "tempered-exp-ratio",
        "The exponential at temperature T has the ratio rho = f'''/f'' = 1/T, the same everywhere.",
        Derivative(exp(u / T), (u, 3)) / Derivative(exp(u / T), (u, 2)),
        1 / T,
        OURS,
    ),
    Claim(
        "sigmoid-ratio",
        "The sigmoid s has the ratio rho = (1 - 6 s + 6 s^2)/(1 - 2 s), which is infinite at u = 0.",
        Derivative(s, (u, 3)) / Derivative(s, (u, 2)),
        (1 - 6 * s + 6 * s**2) / (1 - 2 * s),
        OURS,
        (SIGMOID_CURVED,),
    ),
    Claim(
        "sigmoid-ratio-confident",
        "For the sigmoid rho + 1 has a factor 1 - s, so that rho tends to -1 as the network grows sure of the class.",
        Derivative(s, (u, 3)) / Derivative(s, (u, 2)) + 1,
        2 * (1 - s) * (1 - 3 * s) / (1 - 2 * s),
        OURS,
        (SIGMOID_CURVED,),
    ),
    Claim(
        "sigmoid-ratio-unlikely",
        "For the sigmoid rho - 1 has a factor s: where the class is unlikely, the sigmoid weighs as the exponential.",
        Derivative(s, (u, 3)) / Derivative(s, (u, 2)) - 1,
        -2 * s * (2 - 3 * s) / (1 - 2 * s),
        OURS,
        (SIGMOID_CURVED,),
    ),
    Claim(
        "softplus-ratio",
        "Softplus, whose first derivative is the sigmoid, has the ratio (1 - e^u)/(1 + e^u) = -tanh(u/2).",
        Derivative(heads.SOFTPLUS.first, (u, 2)) / Derivative(heads.SOFTPLUS.first, u),
        SOFTPLUS_RHO,
        OURS,
    ),
    Claim(
        "log-sigmoid-ratio",
        "Log-sigmoid, whose first derivative is 1/(1 + e^u), has the same ratio as softplus.",
        Derivative(heads.LOG_SIGMOID.first, (u, 2)) / Derivative(heads.LOG_SIGMOID.first, u),
        SOFTPLUS_RHO,
        OURS,
    ),
    Claim(
        "tanh-ratio",
        "The hyperbolic tangent t has the ratio rho = (1 - 3 t^2)/t, which is infinite at u = 0.",
        Derivative(t, (u, 3)) / Derivative(t, (u, 2)),
        (1 - 3 * t**2) / t,
        OURS,
        (TANH_CURVED,),
    ),
    Claim(
        "power-ratio",
        "A power u^m, m any integer but 0 and 1, has the ratio rho = (m - 2)/u.",
        Derivative(u**m, (u, 3)) / Derivative(u**m, (u, 2)),
        (m - 2) / u,
        OURS,
        (CURVED_POWER, ARGUMENT),
    ),
    Claim(
        "log-ratio",
        "The logarithm, whose first derivative is 1/u, has the ratio rho = -2/u, as a power of exponent 0 would.",
        Derivative(1 / u, (u, 2)) / Derivative(1 / u, u),
        -2 / u,
        OURS,
        (ARGUMENT,),
    ),
    Claim(
        "ratio-one-of-exp-plus-affine",
        "Every outer function a e^u + c_1 u + c_0 has the ratio 1, as the exponential has.",
        Derivative(OF_RATIO_ONE, (u, 3)) / Derivative(OF_RATIO_ONE, (u, 2)),
        Integer(1),
        OURS,
        (FACTOR,),
    ),
    Claim(
        "ratio-one-first-integral",
        "If f''' = f'' everywhere, f'' e^(-u) has derivative zero: by the mean value theorem f'' = a e^u, a constant.",
        Derivative(f2 * exp(-u), u),
        (f3 - f2) * exp(-u),
        OURS,
    ),
    Claim(
        "ratio-one-affine-rest",
        "If f''' = f'' everywhere, f - f'' has second derivative zero: f = a e^u + c_1 u + c_0 by the mean value "
        "theorem.",
        Derivative(f(u) - f2, (u, 2)),
        -Derivative(f3 - f2, u) - (f3 - f2),
        OURS,
    ),
)

WEIGHTS = (
    Claim(
        "alpha-any-head-undivided",
        "With S affine, alpha = f''/(2 f'' + sigma g f''') at S, which has a value at f'' = 0 != f''' too: it is 0.",
        ALPHA,
        outer(2) / UNDIVIDED,
        OURS,
        (AFFINE, SLOPE, NO_UNDIVIDED_POLE),
        steps=(
            Step(
                outer(2) * slope**2 / (2 * outer(2) * slope**2 + sigma * outer(3) * slope**3),
                "n = 2 and n = 3 of the affine collapse",
                (Use("affine-collapse", ((n, 2),)), Use("affine-collapse", ((n, 3),))),
            ),
            Step(outer(2) / UNDIVIDED, "divide by g^2, which is not zero"),
        ),
    ),
    Claim(
        "closed-form-error-any-head",
        "With S affine, the true 1/alpha minus that of (19) is sigma g (rho - 1): right for all sigma iff rho = 1.",
        1 / ALPHA - 1 / CLOSED,
        sigma * (RHO - 1) * slope,
        OURS,
        (AFFINE, SLOPE, OUTER_CURVED),
    ),
    Claim(
        "alpha-any-head-from-half",
        "With S affine, alpha - 1/2 is -sigma rho g/(2 (2 + sigma rho g)): alpha exceeds 1/2 for -2 < sigma rho g < 0.",
        ALPHA - Rational(1, 2),
        -sigma * RHO * slope / (2 * (2 + sigma * RHO * slope)),
        OURS,
        (AFFINE, SLOPE, OUTER_CURVED, NO_RHO_POLE),
        steps=(
            Step(1 / (2 + sigma * RHO * slope) - Rational(1, 2), "alpha of any head", (Use("alpha-any-head"),)),
            Step(-sigma * RHO * slope / (2 * (2 + sigma * RHO * slope)), "common denominator"),
        ),
    ),
)


def slope_given_as(head: Head) -> Hypothesis:
    """Return the hypothesis that f is this outer function up to a constant: its first derivative is given."""
    says = f"the outer function is {head.says}, or differs from it by a constant"
    return Hypothesis(f"{head.name}-slope", says, equation(nth(f)(1, u), head.first))


def corollary(head: Head, given: Hypothesis, top: Expr, bottom: Expr, where: str = "") -> Claim:
    """Return what alpha-any-head-undivided says of one outer function, rho = top/bottom in terms of Y or of S."""
    return Claim(
        f"alpha-{head.name}-head",
        f"With S affine, the pixel weight (10) for {head.says}{where}.",
        ALPHA,
        closed(top, bottom),
        OURS,
        (AFFINE, given, SLOPE, NO_UNDIVIDED_POLE),
        steps=(
            Step(outer(2) / UNDIVIDED, "alpha of any head, undivided", (Use("alpha-any-head-undivided"),)),
            Step(closed(top, bottom), f"the ratio of {head.says}"),
        ),
    )


E = exp(S(x))
OF_HEADS = (
    corollary(heads.SIGMOID, SIGMOID_HEAD, 1 - 6 * Y + 6 * Y**2, 1 - 2 * Y, ", at f'' = 0 too"),
    corollary(heads.TANH, given_as(heads.TANH), 1 - 3 * Y**2, Y, ", at f'' = 0 too"),
    corollary(heads.SOFTPLUS, slope_given_as(heads.SOFTPLUS), 1 - E, 1 + E),
    corollary(heads.LOG_SIGMOID, slope_given_as(heads.LOG_SIGMOID), 1 - E, 1 + E),
    Claim(
        "alpha-log-head",
        f"With S affine and not zero, the pixel weight (10) for {heads.LOG.says}, whose slope along the line is g/S.",
        from_slope(heads.LOG.first.subs(u, S(x)) * slope),
        closed(Integer(-2), S(x)),
        OURS,
        (AFFINE, SLOPE, SCORE, pole(heads.LOG, Integer(-2), S(x))),
    ),
    Claim(
        "alpha-power-head",
        "With S affine and not zero, the pixel weight (10) for the power S^m, m any integer but 0 and 1.",
        alpha_of(S(x) ** m),
        closed(m - 2, S(x)),
        OURS,
        (AFFINE, SLOPE, SCORE, CURVED_POWER, pole(heads.POWER, m - 2, S(x))),
    ),
    Claim(
        "alpha-square-head",
        "For Y = S^2 the pixel weight (10) is 1/2 whatever sigma is: Grad-CAM of rectified gradients, up to scale.",
        alpha_of(S(x) ** 2),
        Rational(1, 2),
        OURS,
        (AFFINE, SLOPE),
    ),
    Claim(
        "alpha-tempered-exp-head",
        "With S affine, the pixel weight (10) for exp(S/T) is T/(2 T + sigma g): that of a tail with slope g/T.",
        alpha_of(exp(S(x) / T)),
        closed(Integer(1), T),
        OURS,
        (AFFINE, SLOPE, pole(heads.TEMPERED, Integer(1), T)),
    ),
    Claim(
        "alpha-tempered-exp-from-half",
        "For exp(S/T), alpha - 1/2 is -sigma g/(2 (2 T + sigma g)): it goes to 0 like 1/T as T grows.",
        alpha_of(exp(S(x) / T)) - Rational(1, 2),
        -sigma * slope / (2 * (2 * T + sigma * slope)),
        OURS,
        (AFFINE, SLOPE, pole(heads.TEMPERED, Integer(1), T)),
        steps=(
            Step(
                closed(Integer(1), T) - Rational(1, 2),
                "the tempered exponential",
                (Use("alpha-tempered-exp-head"),),
            ),
            Step(-sigma * slope / (2 * (2 * T + sigma * slope)), "common denominator"),
        ),
    ),
    Claim(
        "sigmoid-inflection-denominator",
        "At S = 0 the sigmoid has f'' = 0 and f''' = -1/8: the denominator of (10), divided by g^2, is -sigma g/8.",
        2 * nth(f)(2, Integer(0)) + sigma * nth(f)(3, Integer(0)) * g,
        -sigma * g / 8,
        OURS,
        (SIGMOID_HEAD,),
    ),
    Claim(
        "alpha-sigmoid-inflection",
        "At S = 0, where the sigmoid's rho is infinite, the pixel weight (10), divided by g^2 above and below, is 0 if "
        "sigma and g are not.",
        nth(f)(2, Integer(0)) / (2 * nth(f)(2, Integer(0)) + sigma * nth(f)(3, Integer(0)) * g),
        Integer(0),
        OURS,
        (SIGMOID_HEAD, FOOTPRINT_SLOPE),
    ),
    Claim(
        "identity-head-numerator",
        "Under the identity and an affine S the numerator of (10) is 0 everywhere.",
        along(2),
        Integer(0),
        OURS,
        (AFFINE, IDENTITY_HEAD),
    ),
    Claim(
        "identity-head-denominator",
        "Under the identity and an affine S the denominator of (10) is 0 everywhere: without a head (10) is 0/0.",
        2 * along(2) + sigma * along(3),
        Integer(0),
        OURS,
        (AFFINE, IDENTITY_HEAD),
    ),
)

ORDERS = (
    Claim(
        "footprint-leibniz",
        "One entry x, footprint F = x + c: (F f')^(n) = n f^(n) + F f^(n+1), which is where alpha's n comes from.",
        Derivative((x + c) * nth(f)(1, x), (x, n)),
        n * nth(f)(n, x) + (x + c) * nth(f)(n + 1, x),
        OURS,
        induction=n,
    ),
    Claim(
        "alpha-any-order-any-head",
        "After n differentiations instead of two, alpha is 1/(n + sigma g f^(n+1)(S)/f^(n)(S)) for S affine.",
        along(n) / (n * along(n) + sigma * along(n + 1)),
        1 / (n + sigma * outer(n + 1) / outer(n) * slope),
        OURS,
        (AFFINE, SLOPE, ORDER, NO_OUTER_ORDER_POLE),
        steps=(
            Step(
                outer(n) * slope**n / (n * outer(n) * slope**n + sigma * outer(n + 1) * slope ** (n + 1)),
                "n and n + 1 of the affine collapse",
                (Use("affine-collapse"), Use("affine-collapse", ((n, n + 1),))),
            ),
            Step(1 / (n + sigma * outer(n + 1) / outer(n) * slope), "divide by the numerator, which is not zero"),
        ),
    ),
    Claim(
        "alpha-any-order-exp",
        "After n differentiations instead of two, alpha is 1/(n + sigma g) for Y = exp(S) with S affine.",
        along(n) / (n * along(n) + sigma * along(n + 1)),
        1 / (n + sigma * slope),
        OURS,
        (AFFINE, EXP_HEAD, SLOPE, NO_ORDER_POLE),
        steps=(
            Step(
                Y * slope**n / (n * Y * slope**n + sigma * Y * slope ** (n + 1)),
                "n and n + 1 of the power rule",
                (Use("exp-power-rule"), Use("exp-power-rule", ((n, n + 1),))),
            ),
            Step(1 / (n + sigma * slope), "divide by the numerator, which is not zero"),
        ),
    ),
    Claim(
        "alpha-orders-differ",
        "For Y = exp(S) with S affine the alphas after n and n + 1 differentiations differ by 1/((n + X)(n + 1 + X)), "
        "X = sigma g.",
        1 / (n + sigma * slope) - 1 / (n + 1 + sigma * slope),
        1 / ((n + sigma * slope) * (n + 1 + sigma * slope)),
        OURS,
        (NO_ORDER_POLE, NO_NEXT_POLE),
    ),
)

CHANGES = (
    Claim(
        "alpha-channel-rescaling",
        "A channel scaled by a, its footprint with it, has the same (10); f is Y as a function of the entry a x.",
        alpha_of(SCALED),
        nth(f)(2, a * x) / SCALED_DENOMINATOR,
        OURS,
        (FACTOR, SCALED_POLE),
    ),
    Claim(
        "alpha-outer-rescaling",
        "Scaling Y and adding a constant to it leaves the pixel weight (10) as it is, for every head and every tail.",
        alpha_of(a * Y + c),
        ALPHA,
        OURS,
        (FACTOR, NO_TRUE_POLE),
    ),
    Claim(
        "alpha-tail-shift",
        "Adding a constant to S leaves the pixel weight (10) of Y = exp(S) as it is, for curved tails too.",
        alpha_of(exp(S(x) + c)),
        alpha_of(exp(S(x))),
        OURS,
        (EXP_POLE,),
    ),
    Claim(
        "gradient-tail-shift",
        "Adding a constant c to S scales every gradient of exp(S), hence every channel weight and the map, by e^c.",
        Derivative(exp(S(x) + c), x),
        exp(c) * Derivative(exp(S(x)), x),
        OURS,
    ),
    Claim(
        "alpha-footprint-shift",
        "A constant in a map that the tail takes out again: c more in the footprint is c Y'''/Y'' more in 1/alpha.",
        1 / alpha_of(Y, sigma + c) - 1 / ALPHA,
        c * along(3) / along(2),
        OURS,
        (SECOND_NONZERO,),
    ),
    Claim(
        "alpha-tail-scale",
        "Scaling S by a changes 1/alpha by (a - 1) sigma g for Y = exp(S) with S affine: alpha depends on S's unit.",
        1 / alpha_of(exp(a * S(x))) - 1 / alpha_of(exp(S(x))),
        (a - 1) * sigma * slope,
        OURS,
        (AFFINE, SLOPE, FACTOR),
    ),
)

CLAIMS = RATIOS + WEIGHTS + OF_HEADS + ORDERS + CHANGES

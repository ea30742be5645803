"""The paper's derivation from (4) to (18), line by line as printed, each line beside what is true instead.

One entry x = A_p of channel k moves, so that the channel's footprint is x + c. With alpha its own pixel weight, W the
same channel's other pixels and V the other channels, the right-hand side of (7), its relu dropped, is

    (x + c) (alpha Y' + W) + V,    W = sum_q alpha_q dY/dA_q,    V = sum_l w_l sigma_l

The paper differentiates as if every alpha were a constant; so do all claims here but `paper-alpha-constant`, which is
about that. W' holds the mixed partials d2Y/dA_p dA_q, V' those across channels: (8) and (9) drop both.

What if nothing is dropped, for S affine in all entries? With G_l = sum_q alpha_q g_q over the pixels of channel l and
M = sum_l sigma_l G_l, the right-hand side is f'(S) M, and its second derivative divided by f''(S) g_p leaves

    g_p (1 - rho M) = 2 G_k    for every pixel p of every channel k whose gradient g_p is not zero

Choose one such pixel in each channel: then M (2 + rho Lambda) = Lambda. So there is no solution at 2 + rho Lambda = 0;
elsewhere M = Lambda/(2 + rho Lambda), 1 - rho M = 2/(2 + rho Lambda) is not zero, and the gradients of a channel that
are not zero are equal: G_k = g_k/(2 + rho Lambda). All but one alpha of a channel are free.

Equations (1), (2), (3), (5), (12), (20) and (21) are definitions, and (7) is a demand: there is nothing in them to
prove. (15) and (16) are in `derivation.claims.kinks`, (19) in `weights`, (22) to (24) in `softmax`; that (16) holds for
linear activations too is `post-linear-second-derivative`, that a softmax can be used `alpha-softmax`.
"""

from sympy import Derivative, Ge, Gt, Integer, Le, Lt, Max, Ne, exp

from derivation.claim import OURS, Branch, Claim, Hypothesis, Source, Step, Use, equation, nonzero
from derivation.claims.weights import ALPHA, alpha_of
from derivation.hypotheses import (
    AFFINE,
    AT_ZERO,
    EXP_HEAD,
    FOOTPRINT,
    NO_POLE,
    NO_TRUE_POLE,
    OUTER_CURVED,
    PIECE_NO_POLE,
    PIECE_SLOPE,
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
    S,
    V,
    W,
    Z,
    a,
    alpha,
    alpha_q,
    c,
    g,
    g_q,
    n,
    rho,
    sigma,
    total,
    x,
)


def paper(where: str, words: str = "", reading: str = "") -> Source:
    """Return a place in the paper."""
    return Source("gradcampp-paper", where, words, reading)


footprint = x + c
SEVEN = footprint * (alpha * along(1) + W(x)) + V(x)
EIGHT = alpha * along(1) + W(x) + footprint * alpha * along(2)
NINE = 2 * alpha * along(2) + footprint * alpha * along(3)
dW, dV = Derivative(W(x), x), Derivative(V(x), x)
ddW, ddV = Derivative(W(x), (x, 2)), Derivative(V(x), (x, 2))
rest = outer(1) * (G - alpha * slope)
DROPPED = footprint * Derivative(rest, x) + Derivative(outer(1) * H, x)
WHOLE = outer(1) * (footprint * G + H)
MOVING = alpha_of(Y, footprint)
OF_SEVEN, OF_EIGHT = Y / (sigma * along(1)), along(1) / (along(1) + sigma * along(2))
DENOMINATOR = 2 * along(2) + sigma * along(3)
BENT, STRAIGHT = exp(g * x + a * x**2), exp(g * x)
TWO_PIXELS = (Max(0, g) + Max(0, g_q)) / (g + g_q)

UNIT_SLOPE = Hypothesis("unit-slope", "the gradient of an active pixel is 1", equation(slope, 1))
UNIT_MAP = Hypothesis("unit-map", "the N active pixels of the map are 1, all others 0", equation(sigma, N), True)
SLOPE_G = Hypothesis("slope-g", "the slope of the tail S is g all along the line", equation(slope, g))
OTHER_SLOPE_G = Hypothesis(
    "other-slope-g", "the slope of the tail L is g all along the line", equation(Derivative(L(x), x), g)
)
SUM = Hypothesis("sum-nonzero", "the gradients do not add up to zero", nonzero(g + g_q))
POSITIVE = Hypothesis("gradient-positive", "the gradient g is positive", Gt(g, 0, evaluate=False))
POSITIVE_OTHER = Hypothesis("other-gradient-positive", "the other gradient is positive", Gt(g_q, 0, evaluate=False))
NEGATIVE_OTHER = Hypothesis("other-gradient-negative", "the other gradient is negative", Lt(g_q, 0, evaluate=False))
WEIGHTS_SUM = Hypothesis("weights-sum-nonzero", "the weights do not add up to zero", nonzero(alpha + alpha_q))
GRADIENT_UP = Hypothesis("gradient-not-negative", "the gradient is not negative", Ge(D, 0, evaluate=False))
GRADIENT_DOWN = Hypothesis("gradient-not-positive", "the gradient is not positive", Le(D, 0, evaluate=False))
BOTH_SIGNS = (Branch("gradient not negative", (GRADIENT_UP,)), Branch("gradient not positive", (GRADIENT_DOWN,)))
OFF_RELU_KINK = Hypothesis("gradient-nonzero", "the gradient dY/dx is not zero", nonzero(along(1)))
PASSES_NOT = Hypothesis("gradient-negative", "the gradient dY/dx is negative", Lt(along(1), 0, evaluate=False))
SHARE = Hypothesis("own-share-nonzero", "neither the footprint nor alpha is zero", nonzero(footprint * alpha))
NO_MOVING_POLE = Hypothesis(
    "no-moving-pole", "the footprint times g is not -2, where (10) has its pole", nonzero(2 + footprint * slope)
)
NO_FIRST_POLE = Hypothesis(
    "no-first-order-pole", "sigma g is not -1, where the weight that (8) gives has its pole", nonzero(1 + sigma * slope)
)
SEVEN_HERE = Hypothesis(
    "seven-at-point",
    "(7) holds at the point: divided by Y = exp(S) it says that all sigma_l G_l add up to 1",
    equation(H, 1 - footprint * G),
    True,
)
UNEQUAL = Hypothesis("gradients-differ", "the gradients of the two pixels differ", nonzero(g - g_q))
CURVED_TOTAL = Hypothesis("curved-total", "rho M is not 1", nonzero(1 - rho * M))
NO_TOTAL_POLE = Hypothesis("no-total-pole", "2 + rho Lambda is not zero", nonzero(2 + rho * total))
TOTAL = Hypothesis("total-nonzero", "Lambda is not zero", nonzero(total))

TOY = (
    Claim(
        "toy-grad-cam-weights",
        "On the toy maps Grad-CAM counts: N active pixels of gradient 1 weigh N/Z, here 15/80, 4/80 and 2/80.",
        N * slope / Z,
        N / Z,
        paper("equations (3) and (4)", "the weights of the three maps are 15/80, 4/80 and 2/80"),
        (UNIT_SLOPE,),
    ),
    Claim(
        "paper-six-equal-weights",
        "Weights (6), one over the sum of the gradients, make every map of two positive gradients weigh 1.",
        TWO_PIXELS,
        Integer(1),
        paper("equation (6)", "all three maps become equally important", "two pixels, of any positive gradients"),
        (POSITIVE, POSITIVE_OTHER),
    ),
    Claim(
        "paper-six-any-gradients",
        "Weights (6) make a map of any gradients weigh 1.",
        TWO_PIXELS,
        Integer(1),
        paper("equation (6)", "without loss of generality", "two pixels, of any gradients, not of 0 and 1 alone"),
        (SUM,),
    ),
    Claim(
        "six-gradients-of-both-signs",
        "With a positive gradient g and a negative one, weights (6) make the map weigh g/sum: above 1, or negative.",
        TWO_PIXELS,
        g / (g + g_q),
        OURS,
        (SUM, POSITIVE, NEGATIVE_OTHER),
        corrects=("paper-six-any-gradients",),
    ),
    Claim(
        "paper-toy-closed-form",
        "The closed form (19) makes every toy map weigh 1 times its gradient, whatever the number of its pixels.",
        N * ALPHA,
        Integer(1),
        paper("equations (6) and (19)", "all three maps become equally important", "our reading: by (19), as by (6)"),
        (EXP_HEAD, UNIT_SLOPE, UNIT_MAP),
    ),
    Claim(
        "toy-closed-form",
        "By the closed form (19) a toy map weighs N/(N + 2) times its gradient: 15/17, 2/3 and 1/2.",
        N * ALPHA,
        N / (N + 2),
        OURS,
        (EXP_HEAD, UNIT_SLOPE, UNIT_MAP),
        corrects=("paper-toy-closed-form",),
    ),
    Claim(
        "toy-closed-form-grows",
        "By the closed form (19) a toy map with one active pixel more weighs more.",
        (N + 1) / (N + 3),
        N / (N + 2),
        OURS,
        relation=Gt,
    ),
    Claim(
        "normalised-weights-equal-gradients",
        "Divided by their sum, any weights make two pixels of one gradient weigh that gradient, as one pixel does.",
        (alpha * g + alpha_q * g) / (alpha + alpha_q),
        g,
        OURS,
        (WEIGHTS_SUM,),
        corrects=("paper-toy-closed-form",),
    ),
)

RELU = (
    Claim(
        "paper-relu-dropped",
        "The relu around the gradient in (7) can be left out.",
        alpha * Max(0, D),
        alpha * D,
        paper("after equation (7)", "relu is dropped without loss of generality", "its value does not change"),
    ),
    Claim(
        "relu-split",
        "Leaving out the relu takes alpha relu(-D) from a pixel's term in (7): relu(D) = D + relu(-D).",
        alpha * Max(0, D),
        alpha * D + alpha * Max(0, -D),
        OURS,
        branches=BOTH_SIGNS,
        corrects=("paper-relu-dropped",),
    ),
    Claim(
        "paper-relu-dropped-derivative",
        "The relu around the gradient can be left out before (7) is differentiated, off its kink.",
        Derivative(footprint * alpha * Max(0, along(1)), x),
        Derivative(footprint * alpha * along(1), x),
        paper("after equation (7)", "relu is dropped without loss of generality", "(8) does not change"),
        (OFF_RELU_KINK,),
    ),
    Claim(
        "relu-negative-gradient",
        "Where the gradient is negative its pixel is no part of (7): no derivative of (7) determines its alpha.",
        Derivative(footprint * alpha * Max(0, along(1)), x),
        Integer(0),
        OURS,
        (PASSES_NOT,),
        corrects=("paper-relu-dropped-derivative",),
    ),
)

DROPPED_TERMS = (
    Claim(
        "paper-derivative-of-seven",
        "The derivative of the right-hand side of (7) by one entry, as printed.",
        Derivative(SEVEN, x),
        EIGHT,
        paper("equation (8)", "partial derivative of both sides of (7)", "the alphas are constants"),
    ),
    Claim(
        "derivative-of-seven",
        "The derivative of the right-hand side of (7) has mixed partials and other channels too: sigma W' + V'.",
        Derivative(SEVEN, x),
        EIGHT + footprint * dW + dV,
        OURS,
        corrects=("paper-derivative-of-seven",),
    ),
    Claim(
        "paper-derivative-of-eight",
        "The derivative of the right-hand side of (8) as printed by the same entry, as printed.",
        Derivative(EIGHT, x),
        NINE,
        paper("equation (9)", "a further derivative", "of the right-hand side of (8) as it is printed"),
    ),
    Claim(
        "derivative-of-eight",
        "The derivative of the right-hand side of (8) as printed has mixed partials too: the term W'.",
        Derivative(EIGHT, x),
        NINE + dW,
        OURS,
        corrects=("paper-derivative-of-eight",),
    ),
    Claim(
        "paper-second-derivative-of-seven",
        "The second derivative of the right-hand side of (7) by one entry, as printed.",
        Derivative(SEVEN, (x, 2)),
        NINE,
        paper("equation (9)", "a further derivative", "of the right-hand side of (7)"),
    ),
    Claim(
        "second-derivative-of-seven",
        "The second derivative of the right-hand side of (7) has mixed partials and other channels too.",
        Derivative(SEVEN, (x, 2)),
        NINE + 2 * dW + footprint * ddW + ddV,
        OURS,
        corrects=("paper-second-derivative-of-seven",),
    ),
    Claim(
        "dropped-terms-of-eight",
        "With S affine in all entries (8) drops f''(S) g times the shares in M of all pixels but the one that moves.",
        DROPPED,
        outer(2) * slope * (footprint * (G - alpha * slope) + H),
        OURS,
        (AFFINE,),
    ),
    Claim(
        "dropped-terms-ratio",
        "With S affine, (8) drops M/(sigma alpha g) - 1 times the term in Y'' it keeps, one share of M among many.",
        DROPPED / (footprint * alpha * along(2)),
        (footprint * G + H) / (footprint * alpha * slope) - 1,
        OURS,
        (AFFINE, SLOPE, OUTER_CURVED, SHARE),
    ),
    Claim(
        "dropped-terms-of-nine",
        "With S affine in all entries, what (9) drops of the second derivative of (7).",
        2 * Derivative(rest, x) + footprint * Derivative(rest, (x, 2)) + Derivative(outer(1) * H, (x, 2)),
        2 * outer(2) * slope * (G - alpha * slope) + outer(3) * slope**2 * (footprint * (G - alpha * slope) + H),
        OURS,
        (AFFINE,),
    ),
)

ONE_PIXEL = (
    Claim(
        "paper-alpha-constant",
        "The pixel weight (10) does not change with the entry, as (8) and (9) assume.",
        Derivative(MOVING, x),
        Integer(0),
        paper("equations (8) and (9)", "", "a pixel weight is a constant while its entry moves"),
        (AFFINE, EXP_HEAD, SLOPE, NO_MOVING_POLE),
    ),
    Claim(
        "alpha-moves",
        "Under an exponential the pixel weight (10) changes with its entry, at the rate -g alpha^2.",
        Derivative(MOVING, x),
        -slope / (2 + footprint * slope) ** 2,
        OURS,
        (AFFINE, EXP_HEAD, SLOPE, NO_MOVING_POLE),
        corrects=("paper-alpha-constant",),
    ),
    Claim(
        "paper-ten-solves-nine",
        "The pixel weight (10) solves (9) as printed, and nothing else does.",
        2 * alpha * along(2) + sigma * alpha * along(3) - along(2),
        (alpha - ALPHA) * DENOMINATOR,
        paper("equation (10)", "(9) rearranged"),
        (NO_TRUE_POLE,),
    ),
    Claim(
        "paper-one-alpha-seven-eight",
        "For one channel of one pixel, where nothing is dropped, one alpha satisfies (7) and (8).",
        OF_SEVEN,
        OF_EIGHT,
        paper("equations (7) and (8)", "", "one channel of one pixel, Y = exp(S), S affine: each solved for alpha"),
        (AFFINE, EXP_HEAD, SLOPE, FOOTPRINT, NO_FIRST_POLE),
    ),
    Claim(
        "alpha-seven-eight-differ",
        "The alphas that (7) and (8) give for one channel of one pixel, 1/(sigma g) and 1/(1 + sigma g), differ.",
        OF_SEVEN,
        OF_EIGHT,
        OURS,
        (AFFINE, EXP_HEAD, SLOPE, FOOTPRINT, NO_FIRST_POLE),
        corrects=("paper-one-alpha-seven-eight",),
        relation=Ne,
    ),
    Claim(
        "paper-one-alpha-eight-nine",
        "For one channel of one pixel, where nothing is dropped, one alpha satisfies (8) and (9).",
        OF_EIGHT,
        ALPHA,
        paper("equations (8) and (9)", "", "one channel of one pixel, Y = exp(S), S affine: each solved for alpha"),
        (AFFINE, EXP_HEAD, SLOPE, NO_FIRST_POLE, NO_POLE),
    ),
    Claim(
        "alpha-eight-nine-differ",
        "The alphas that (8) and (9) give for one channel of one pixel, 1/(1 + sigma g) and 1/(2 + sigma g), differ.",
        OF_EIGHT,
        ALPHA,
        OURS,
        (AFFINE, EXP_HEAD, SLOPE, NO_FIRST_POLE, NO_POLE),
        corrects=("paper-one-alpha-eight-nine",),
        relation=Ne,
    ),
    Claim(
        "paper-seven-along-line",
        "Where (7) holds it may be differentiated: its right-hand side has the derivative of Y.",
        Derivative(WHOLE, x),
        along(1),
        paper("equation (8)", "partial derivative of both sides of (7)", "every term kept, Y = exp(S), S affine"),
        (EXP_HEAD, SEVEN_HERE),
    ),
    Claim(
        "seven-at-point-alone",
        "Where (7) holds under an exponential the slopes of its sides differ by Y G: beside that it fails or G is 0.",
        Derivative(WHOLE, x),
        along(1) + Y * G,
        OURS,
        (EXP_HEAD, SEVEN_HERE),
        corrects=("paper-seven-along-line",),
    ),
)

WHOLE_NINE = (
    Claim(
        "whole-nine",
        "With S affine in all entries the second derivative of (7), nothing dropped, is f''' g^2 M + 2 f'' g G.",
        Derivative(WHOLE, (x, 2)),
        outer(3) * slope**2 * (footprint * G + H) + 2 * outer(2) * slope * G,
        OURS,
        (AFFINE,),
    ),
    Claim(
        "whole-nine-equal-pixels",
        "One channel, N pixels of one gradient and one alpha: the whole of (9) makes that 1/(N (2 + X)), X = sigma g.",
        Derivative(footprint * N * alpha * along(1), (x, 2)),
        N * alpha * (2 + footprint * slope) * along(2),
        OURS,
        (AFFINE, EXP_HEAD),
    ),
    Claim(
        "whole-nine-gradients-differ",
        "Two pixels of one channel with different gradients cannot both satisfy g (1 - rho M) = 2 G.",
        g * (1 - rho * M),
        g_q * (1 - rho * M),
        OURS,
        (UNEQUAL, CURVED_TOTAL),
        relation=Ne,
    ),
    Claim(
        "whole-nine-total",
        "Times footprints, added up over the channels, g (1 - rho M) = 2 G says that M is Lambda/(2 + rho Lambda).",
        total * (1 - rho * M) / 2 - M,
        (2 + rho * total) / 2 * (total / (2 + rho * total) - M),
        OURS,
        (NO_TOTAL_POLE,),
    ),
    Claim(
        "whole-nine-solution",
        "M = Lambda/(2 + rho Lambda) and G = g/(2 + rho Lambda) in each channel solve the whole of (9).",
        g * (1 - rho * (total / (2 + rho * total))),
        2 * (g / (2 + rho * total)),
        OURS,
        (NO_TOTAL_POLE,),
    ),
    Claim(
        "whole-nine-unsolvable",
        "At rho = -2/Lambda no M satisfies Lambda (1 - rho M)/2 = M: there the whole of (9) has no solution.",
        total * (1 + 2 * M / total) / 2,
        M,
        OURS,
        (TOTAL,),
        relation=Ne,
    ),
    Claim(
        "whole-nine-against-grad-cam",
        "The weight f' G that the whole of (9) gives is Z/(N (2 + rho Lambda)) times Grad-CAM's, N the channel's own.",
        outer(1) * slope / (2 + rho * total) / (N * along(1) / Z),
        Z / (N * (2 + rho * total)),
        OURS,
        (OFF_RELU_KINK, NO_TOTAL_POLE),
    ),
)

ELEVEN = (
    Claim(
        "paper-eleven-grad-cam",
        "With alpha = 1/Z everywhere a pixel counts as in Grad-CAM, with its gradient over Z.",
        Max(0, D) / Z,
        D / Z,
        paper("after equation (11)", "with alpha = 1/Z everywhere it reduces to Grad-CAM"),
    ),
    Claim(
        "eleven-above-grad-cam",
        "With alpha = 1/Z everywhere a pixel counts for more than in Grad-CAM, by relu(-D)/Z.",
        Max(0, D) / Z,
        D / Z + Max(0, -D) / Z,
        OURS,
        branches=BOTH_SIGNS,
        corrects=("paper-eleven-grad-cam",),
    ),
    Claim(
        "paper-smooth-is-enough",
        "The denominator of (10) is not zero, whatever the smooth Y.",
        DENOMINATOR,
        Integer(0),
        paper("after equation (11)", "the only constraint is that Y is smooth", "(10) has a value for every smooth Y"),
        relation=Ne,
    ),
    Claim(
        "denominator-affine",
        "With S affine the denominator of (10) is zero exactly where g = 0 or 2 f''(S) + sigma g f'''(S) = 0.",
        DENOMINATOR,
        slope**2 * (2 * outer(2) + sigma * outer(3) * slope),
        OURS,
        (AFFINE,),
        steps=(
            Step(
                2 * outer(2) * slope**2 + sigma * outer(3) * slope**3,
                "n = 2 and n = 3 of the affine collapse",
                (Use("affine-collapse", ((n, 2),)), Use("affine-collapse", ((n, 3),))),
            ),
            Step(slope**2 * (2 * outer(2) + sigma * outer(3) * slope), "g^2 is common"),
        ),
        corrects=("paper-smooth-is-enough",),
    ),
)

EXPONENTIAL = (
    Claim(
        "paper-thirteen",
        "The first derivative of Y = exp(S).",
        along(1),
        exp(S(x)) * slope,
        paper("equation (13)"),
        (EXP_HEAD,),
    ),
    Claim(
        "paper-fourteen",
        "The second derivative of Y = exp(S), for any tail.",
        along(2),
        exp(S(x)) * (slope**2 + curvature),
        paper("equation (14)"),
        (EXP_HEAD,),
    ),
    Claim(
        "exp-third-derivative",
        "The third derivative of Y = exp(S) for any tail, which the paper gives for affine S alone.",
        along(3),
        exp(S(x)) * (slope**3 + 3 * slope * curvature + third),
        OURS,
        (EXP_HEAD,),
    ),
    Claim(
        "paper-seventeen",
        "The second derivative of Y = exp(S) with S affine along the line.",
        along(2),
        exp(S(x)) * slope**2,
        paper("equation (17)", "", "S is affine along the line"),
        (AFFINE, EXP_HEAD),
        steps=(
            Step(Y * slope**2, "n = 2 of the power rule", (Use("exp-power-rule", ((n, 2),)),)),
            Step(exp(S(x)) * slope**2, "Y = exp(S)"),
        ),
    ),
    Claim(
        "paper-eighteen",
        "The third derivative of Y = exp(S) with S affine along the line.",
        along(3),
        exp(S(x)) * slope**3,
        paper("equation (18)", "", "S is affine along the line"),
        (AFFINE, EXP_HEAD),
        steps=(
            Step(Y * slope**3, "n = 3 of the power rule", (Use("exp-power-rule", ((n, 3),)),)),
            Step(exp(S(x)) * slope**3, "Y = exp(S)"),
        ),
    ),
)

ONE_PASS = (
    Claim(
        "paper-nineteen-one-pass",
        "Under an exponential two affine tails S and L of one slope have one pixel weight (10).",
        alpha_of(exp(S(x))),
        alpha_of(exp(L(x))),
        paper(
            "after equation (19)",
            "a single backward pass",
            "S is affine: the slope, which one backward pass gives, and the footprint settle (10)",
        ),
        (SLOPE_G, OTHER_SLOPE_G, PIECE_SLOPE, PIECE_NO_POLE),
    ),
    Claim(
        "paper-nineteen-diagonal-terms",
        "What one backward pass gives of Y = exp(S), S curved or not, settles its pure second derivatives.",
        Derivative(BENT, (x, 2)),
        Derivative(STRAIGHT, (x, 2)),
        paper(
            "after equation (19)",
            "of the same order as Grad-CAM, as only diagonal terms are used",
            "read not as a cost but as what is known: the diagonal terms of any tail, here g x + a x^2 or g x, follow "
            "from Y and dY/dx, which at x = 0 are 1 and g",
        ),
        (AT_ZERO,),
    ),
    Claim(
        "one-pass-hides-curvature",
        "At x = 0 the first derivative of exp(g x + a x^2) does not show a.",
        Derivative(BENT, x),
        Derivative(STRAIGHT, x),
        OURS,
        (AT_ZERO,),
    ),
    Claim(
        "diagonal-terms-show-curvature",
        "At x = 0 the second derivative of exp(g x + a x^2) is 2 a more than that of exp(g x).",
        Derivative(BENT, (x, 2)),
        Derivative(STRAIGHT, (x, 2)) + 2 * a,
        OURS,
        (AT_ZERO,),
        corrects=("paper-nineteen-diagonal-terms",),
    ),
)

CLAIMS = TOY + RELU + DROPPED_TERMS + ONE_PIXEL + WHOLE_NINE + ELEVEN + EXPONENTIAL + ONE_PASS

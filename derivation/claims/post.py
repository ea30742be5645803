"""The post's derivation, line by line as printed, each line beside what is true instead.

`p = R(L(x))` is the post's linear-activation pair. Its primes can be read four ways: every prime with respect to the
function's own argument; every prime along the line, d/dx; as in the product rule, R' at L(x) first and every further
prime along the line; or so, and the n - 1 in R^(n-1) counts further derivatives of that R', along the line. In the last
reading alone all lines are true.
"""

from sympy import Derivative, Integer, Mul

from derivation.claim import OURS, Claim, Source, Step, Use
from derivation.hypotheses import AFFINE, EXP_HEAD, LAYER_AFFINE, Y, along, curvature, outer, slope, third
from derivation.notation import L, R, S, b, f, n, w, x
from derivation.nth import nth

p, dL, ddL = R(L(x)), Derivative(L(x), x), Derivative(L(x), (x, 2))
R1, R2 = nth(R)(1, L(x)), nth(R)(2, L(x))
MIDDLE = outer(2) * slope + Mul(outer(1), Integer(0), evaluate=False)


def post(where: str, words: str, reading: str = "") -> Source:
    """Return a place in the post."""
    return Source("post", where, words, reading)


SECOND_LINE = post("displayed formula 3", "d2Y/dx2 = d2Y/dS2 x dS/dx + dY/dS x 0 = d2Y/dS2 x (dS/dx)^2")
PAIR_FIRST, PAIR_SECOND, PAIR_NTH = "p' = L' x R'", "p'' = L'' x R' + L' x R'' = L' x R''", "p^(n) = L' x R^(n-1)"
OWN = "each prime is the derivative with respect to the function's own argument"
ALONG = "each prime is the derivative along the line, d/dx"
OF_FIRST = "R' is taken at L(x); R^(n-1) is the (n-1)-th derivative of that R' along the line"
MIXED = "R' is taken at L(x); each further prime is the derivative along the line, d/dx"


def pair(line: str, reading: str) -> Source:
    """Return a line of the post about the linear-activation pair, in one reading of its primes."""
    return post("displayed formula 5", line, reading)


CLAIMS = (
    Claim(
        "post-linear-second-derivative",
        "The second derivative of a linear tail is zero.",
        Derivative(w * x + b, (x, 2)),
        Integer(0),
        post("displayed formula 1", "d2S/dx2 = 0", "S is linear"),
    ),
    Claim(
        "post-first-derivative",
        "The first derivative of Y = f(S) is the chain rule.",
        along(1),
        outer(1) * slope,
        post("displayed formula 2", "dY/dx = dY/dS x dS/dx"),
    ),
    Claim(
        "post-second-derivative-middle",
        "The middle expression of the post's second derivative, as printed.",
        along(2),
        MIDDLE,
        SECOND_LINE,
        (AFFINE,),
    ),
    Claim(
        "post-second-derivative-middle-equals-right",
        "The post's second equals sign, between its middle and its right-hand expression.",
        MIDDLE,
        outer(2) * slope**2,
        SECOND_LINE,
        (AFFINE,),
    ),
    Claim(
        "post-second-derivative-right",
        "The post's right-hand expression of the second derivative: affine S leaves f''(S) times the slope squared.",
        along(2),
        outer(2) * slope**2,
        SECOND_LINE,
        (AFFINE,),
        steps=(
            Step(
                outer(2) * slope**2 + outer(1) * curvature,
                "second derivative of a composition",
                (Use("second-derivative"),),
            ),
            Step(outer(2) * slope**2, "S'' = 0"),
        ),
    ),
    Claim(
        "second-derivative",
        "The second derivative of Y = f(S) has a square on the slope, and a term in S''.",
        along(2),
        outer(2) * slope**2 + outer(1) * curvature,
        Source("faa-di-bruno", "n = 2"),
        corrects=("post-second-derivative-middle", "post-second-derivative-middle-equals-right"),
    ),
    Claim(
        "third-derivative",
        "The third derivative of Y = f(S), with its terms in S'' and S'''.",
        along(3),
        outer(3) * slope**3 + 3 * outer(2) * slope * curvature + outer(1) * third,
        Source("faa-di-bruno", "n = 3"),
    ),
    Claim(
        "affine-collapse",
        "With S affine along the line, the n-th derivative of f(S) is f^(n)(S) times the slope to the n, every n.",
        along(n),
        outer(n) * slope**n,
        Source("faa-di-bruno", "all derivatives of the inner function but the first vanish"),
        (AFFINE,),
        induction=n,
        corrects=("constraint-curved-head-necessary-for-derivatives",),
    ),
    Claim(
        "post-exp-own-derivative",
        "The exponential is its own derivative.",
        outer(1),
        Y,
        post("before displayed formula 4", "Given Y = e^S, dY/dS = Y"),
        (EXP_HEAD,),
    ),
    Claim(
        "exp-power-rule",
        "With S affine along the line, the n-th derivative of Y = exp(S) is Y times the slope to the n, every n.",
        along(n),
        Y * slope**n,
        post("displayed formula 4", "d^nY/dx^n = Y x (dS/dx)^n"),
        (AFFINE, EXP_HEAD),
        induction=n,
    ),
    Claim(
        "post-pair-first",
        "First derivative of a linear-activation pair, own-argument reading.",
        Derivative(p, x),
        dL * R1,
        pair(PAIR_FIRST, OWN),
        corrects=("post-pair-first-along-line",),
    ),
    Claim(
        "post-pair-second-sum",
        "Second derivative of a pair, first expression, own-argument reading.",
        Derivative(p, (x, 2)),
        ddL * R1 + dL * R2,
        pair(PAIR_SECOND, OWN),
    ),
    Claim(
        "post-pair-second",
        "Second derivative of a pair, last expression, own-argument reading.",
        Derivative(p, (x, 2)),
        dL * R2,
        pair(PAIR_SECOND, OWN),
        (LAYER_AFFINE,),
    ),
    Claim(
        "post-pair-nth",
        "n-th derivative of a pair (n + 1 here, for n from 0), own-argument reading.",
        Derivative(p, (x, n + 1)),
        dL * nth(R)(n, L(x)),
        pair(PAIR_NTH, OWN),
        (LAYER_AFFINE,),
    ),
    Claim(
        "post-pair-first-along-line",
        "First derivative of a pair, along-the-line reading.",
        Derivative(p, x),
        Mul(dL, Derivative(p, x), evaluate=False),
        pair(PAIR_FIRST, ALONG),
    ),
    Claim(
        "post-pair-second-sum-along-line",
        "Second derivative of a pair, first expression, along-the-line reading.",
        Derivative(p, (x, 2)),
        ddL * Derivative(p, x) + dL * Derivative(p, (x, 2)),
        pair(PAIR_SECOND, ALONG),
    ),
    Claim(
        "post-pair-second-along-line",
        "Second derivative of a pair, last expression, along-the-line reading.",
        Derivative(p, (x, 2)),
        dL * Derivative(p, (x, 2)),
        pair(PAIR_SECOND, ALONG),
        (LAYER_AFFINE,),
    ),
    Claim(
        "post-pair-nth-along-line",
        "n-th derivative of a pair (n + 1 here, for n from 0), along-the-line reading.",
        Derivative(p, (x, n + 1)),
        dL * Derivative(p, (x, n)),
        pair(PAIR_NTH, ALONG),
        (LAYER_AFFINE,),
    ),
    Claim(
        "post-pair-second-sum-product-rule",
        "Second derivative of a pair, first expression, product-rule reading.",
        Derivative(p, (x, 2)),
        ddL * R1 + dL * Derivative(R1, x),
        pair(PAIR_SECOND, MIXED),
    ),
    Claim(
        "post-pair-second-product-rule",
        "Second derivative of a pair, last expression, product-rule reading.",
        Derivative(p, (x, 2)),
        dL * Derivative(R1, x),
        pair(PAIR_SECOND, MIXED),
        (LAYER_AFFINE,),
    ),
    Claim(
        "post-pair-nth-product-rule",
        "n-th derivative of a pair (n + 2 here, for n from 0), product-rule reading: one derivative too few on R.",
        Derivative(p, (x, n + 2)),
        dL * Derivative(R1, (x, n)),
        pair(PAIR_NTH, MIXED),
        (LAYER_AFFINE,),
    ),
    Claim(
        "post-pair-nth-of-first",
        "n-th derivative of a pair (n + 1 here, for n from 0), R^(n-1) read as n - 1 further derivatives of R'.",
        Derivative(p, (x, n + 1)),
        dL * Derivative(R1, (x, n)),
        pair(PAIR_NTH, OF_FIRST),
        (LAYER_AFFINE,),
        steps=(
            Step(
                dL * Derivative(R1, (x, n)),
                "affine collapse of R(L) on the left, of R'(L) on the right",
                (Use("pair-nth", ((n, n + 1),)), Use("pair-first-nth")),
            ),
        ),
    ),
    Claim(
        "pair-first-nth",
        "n-th derivative of R'(L) along the line, L affine: R^(n+1) at L(x) times the n-th power of the layer's slope.",
        Derivative(R1, (x, n)),
        nth(R)(n + 1, L(x)) * dL**n,
        OURS,
        (LAYER_AFFINE,),
        induction=n,
    ),
    Claim(
        "pair-second",
        "Second derivative of a pair: the slope of the layer enters squared.",
        Derivative(p, (x, 2)),
        R2 * dL**2 + R1 * ddL,
        OURS,
        steps=(
            Step(
                R2 * dL**2 + R1 * ddL,
                "second derivative of a composition",
                (Use("second-derivative", ((f, R), (S, L))),),
            ),
        ),
        corrects=("post-pair-second-sum", "post-pair-second-sum-along-line"),
    ),
    Claim(
        "pair-nth",
        "n-th derivative of a pair with an affine layer: R^(n) at L(x) times the layer's slope to the n, for every n.",
        Derivative(p, (x, n)),
        nth(R)(n, L(x)) * dL**n,
        OURS,
        (LAYER_AFFINE,),
        steps=(Step(nth(R)(n, L(x)) * dL**n, "affine collapse", (Use("affine-collapse", ((f, R), (S, L))),)),),
        corrects=(
            "post-pair-second",
            "post-pair-nth",
            "post-pair-second-along-line",
            "post-pair-nth-along-line",
            "post-pair-nth-product-rule",
        ),
    ),
)

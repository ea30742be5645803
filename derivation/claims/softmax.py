"""The softmax as outer function: Y = exp(S) / Q, Q the sum of exp(S_l) over all classes l, itself among them.

Q stands for any number of classes. With p_l = exp(S_l) / Q and every S_l affine along the line, u_l = dS_l/dx,

    Q'/Q = E[u],    Q''/Q = E[u^2],    Q'''/Q = E[u^3]        expectations over the classes with the weights p_l

so that E[u], the variance m_2 and the third central moment m_3 of the class gradients are what is written below in
terms of Q. (One class gives exp(S) u^n, by `exp-power-rule`; what one more class adds is a claim, for every n.) With
log Y = S - log Q, the n-th derivative of Y is Y times the complete Bell polynomial of d = (log Y)' = u - E[u] and its
derivatives. These are -(log Q)'', -(log Q)''' and so on, S being affine; and the derivatives of log Q are what the
moments Q^(n)/Q are complete Bell polynomials of, that is to say the cumulants of the class gradients: m_2, m_3, ...

They need the gradients of all classes: one backward pass does not give them. To see that, let two more classes have the
gradients spread and -spread. At x = 0, where all three scores are 0, neither Y nor dY/dx depends on the spread; the
second derivative does.
"""

from sympy import Derivative, Expr, Rational, exp

from derivation.bell import Bell
from derivation.claim import OURS, Claim, Hypothesis, Source, Step, Use, nonzero
from derivation.claims.paper import paper
from derivation.claims.weights import CLOSED, alpha_of, from_slope
from derivation.hypotheses import AFFINE, AT_ZERO, EXP_HEAD, LAYER_AFFINE, NO_POLE, SLOPE, Y, along, slope
from derivation.notation import L, Q, S, g, n, sigma, spread, x
from derivation.nth import nth

P = exp(S(x)) / Q(x)
first_moment, second_moment, third_moment = (Derivative(Q(x), (x, k)) / Q(x) for k in (1, 2, 3))
mean = first_moment
variance = second_moment - first_moment**2
skew = third_moment - 3 * second_moment * first_moment + 2 * first_moment**3
apart = slope - mean
SECOND_RATIO = apart**2 - variance
THIRD_RATIO = apart**3 - 3 * apart * variance - skew
NO_SOFTMAX_POLE = Hypothesis(
    "softmax-no-pole", "the denominator of (10) is not zero", nonzero(2 * SECOND_RATIO + sigma * THIRD_RATIO)
)


other = Derivative(L(x), x) - mean
LOG_DENOMINATOR = Hypothesis(
    "log-softmax-no-pole", "2 m_2 + sigma m_3 is not zero", nonzero(2 * variance + sigma * skew)
)
OF_THREE = exp(g * x) / (exp(g * x) + exp(spread * x) + exp(-spread * x))
OF_EQUALS = exp(g * x) / (exp(g * x) + 2)


def pure(order: Expr | int) -> Derivative:
    """Return d^order P / dx^order, inert."""
    return Derivative(P, (x, order))


def printed(number: int, reading: str = "every class score is affine along the line") -> Source:
    """Return an equation of the paper's section 3.4, whose sums over the classes are Q'/Q and its derivatives here."""
    return paper(f"equation ({number})", "", reading)


CLAIMS = (
    Claim(
        "softmax-first",
        "The first derivative of a softmax: itself times the class gradient minus the mean of all class gradients.",
        pure(1),
        P * apart,
        printed(22, ""),
        corrects=("softmax-chain-rule-of-one-term",),
    ),
    Claim(
        "softmax-chain-rule-of-one-term",
        "With Y the softmax of the scores of all classes, the chain rule has the one term of the class's own score.",
        pure(1),
        P * (1 - P) * slope,
        Source(
            "practice",
            "probabilities instead of scores",
            "",
            "dY/dx = dY/dS x dS/dx, S the score of the class and dY/dS = Y (1 - Y)",
        ),
    ),
    Claim(
        "softmax-second",
        "The second derivative of a softmax as the paper writes it, S affine along the line.",
        pure(2),
        pure(1) * apart - P * Derivative(mean, x),
        printed(23),
        (AFFINE,),
    ),
    Claim(
        "softmax-third",
        "The third derivative of a softmax as the paper writes it, S affine along the line.",
        pure(3),
        pure(2) * apart - 2 * pure(1) * Derivative(mean, x) - P * Derivative(mean, (x, 2)),
        printed(24),
        (AFFINE,),
    ),
    Claim(
        "softmax-second-moments",
        "The second derivative of a softmax of affine scores is Y (d^2 - m_2), d the class gradient less the mean of "
        "all, m_2 their variance.",
        pure(2),
        P * SECOND_RATIO,
        OURS,
        (AFFINE,),
    ),
    Claim(
        "softmax-third-moments",
        "The third derivative of a softmax of affine scores is Y (d^3 - 3 d m_2 - m_3).",
        pure(3),
        P * THIRD_RATIO,
        OURS,
        (AFFINE,),
    ),
    Claim(
        "alpha-softmax",
        "Under a softmax, S affine, the weight (10) is (d^2 - m_2) / (2 (d^2 - m_2) + sigma (d^3 - 3 d m_2 - m_3)).",
        alpha_of(P),
        SECOND_RATIO / (2 * SECOND_RATIO + sigma * THIRD_RATIO),
        OURS,
        (AFFINE, NO_SOFTMAX_POLE),
        steps=(
            Step(
                P * SECOND_RATIO / (2 * P * SECOND_RATIO + sigma * P * THIRD_RATIO),
                "second and third derivative by moments",
                (Use("softmax-second-moments"), Use("softmax-third-moments")),
            ),
            Step(SECOND_RATIO / (2 * SECOND_RATIO + sigma * THIRD_RATIO), "the softmax is never zero and cancels"),
        ),
        corrects=("alpha-closed-form-softmax",),
    ),
    Claim(
        "alpha-closed-form-softmax",
        "The closed form (19) holds for a softmax.",
        alpha_of(P),
        CLOSED,
        Source(
            "practice", "probabilities instead of scores", "", "the closed form (19), Y being the class probability"
        ),
        (AFFINE, NO_SOFTMAX_POLE, SLOPE, NO_POLE),
    ),
    Claim(
        "exp-derivatives-bell",
        "The n-th derivative of Y = exp(S) is Y times the complete Bell polynomial of S', S'', ..., for every n.",
        along(n),
        Y * Bell(n, slope, x),
        Source("faa-di-bruno", "outer function exp"),
        (EXP_HEAD,),
        induction=n,
        corrects=("constraint-layers-sufficient",),
    ),
    Claim(
        "softmax-derivatives-bell",
        "The n-th derivative of a softmax is Y times the complete Bell polynomial of d = (log Y)', for every n.",
        pure(n),
        P * Bell(n, apart, x),
        OURS,
        induction=n,
    ),
    Claim(
        "softmax-normaliser-two-classes",
        "Of two classes with affine scores, Q^(n)/Q is the mean of the n-th powers of the class gradients, every n.",
        Derivative(exp(S(x)) + exp(L(x)), (x, n)),
        exp(S(x)) * slope**n + exp(L(x)) * Derivative(L(x), x) ** n,
        OURS,
        (AFFINE, LAYER_AFFINE),
        induction=n,
    ),
    Claim(
        "softmax-normaliser-one-more-class",
        "One more class, of affine score L, adds its term to Q^(n): Q^(n)/Q is E[u^n] for any number of them, every n.",
        Derivative(Q(x) + exp(L(x)), (x, n)),
        nth(Q)(n, x) + exp(L(x)) * Derivative(L(x), x) ** n,
        OURS,
        (LAYER_AFFINE,),
        induction=n,
    ),
    Claim(
        "softmax-moments-by-cumulants",
        "With affine scores the n-th moment of the class gradients, Q^(n)/Q, is the complete Bell polynomial of "
        "(log Q)' = Q'/Q.",
        Derivative(Q(x), (x, n)),
        Q(x) * Bell(n, mean, x),
        Source("faa-di-bruno", "outer function exp"),
        induction=n,
    ),
    Claim(
        "softmax-mean-slope",
        "With affine scores the mean of the class gradients has the derivative m_2, their variance.",
        Derivative(mean, x),
        variance,
        OURS,
    ),
    Claim(
        "softmax-mean-curvature",
        "With affine scores the mean of the class gradients has the second derivative m_3, their third central moment.",
        Derivative(mean, (x, 2)),
        skew,
        OURS,
    ),
    Claim(
        "alpha-log-softmax",
        "Under a log-softmax of affine scores, Y' = d, the pixel weight (10) is m_2 / (2 m_2 + sigma m_3).",
        from_slope(apart),
        variance / (2 * variance + sigma * skew),
        OURS,
        (AFFINE, LOG_DENOMINATOR),
    ),
    Claim(
        "alpha-log-softmax-blind-to-class",
        "Under a log-softmax the pixel weights (10) of any two classes, with affine scores S and L, are the same.",
        from_slope(apart),
        from_slope(other),
        OURS,
        (AFFINE, LAYER_AFFINE, LOG_DENOMINATOR),
    ),
    Claim(
        "softmax-second-from-one-pass",
        "What one backward pass gives of a softmax, Y and dY/dx, settles its second derivative.",
        Derivative(OF_THREE, (x, 2)),
        Derivative(OF_EQUALS, (x, 2)),
        paper(
            "section 3.4, after equation (24)",
            "can still be computed via a single backward pass",
            "of three classes two have the gradients spread and -spread, or both have the gradient 0",
        ),
        (AT_ZERO,),
    ),
    Claim(
        "softmax-first-hides-spread",
        "At x = 0 the first derivative of the softmax does not show the spread of the other classes' gradients.",
        Derivative(OF_THREE, x),
        Derivative(OF_EQUALS, x),
        OURS,
        (AT_ZERO,),
    ),
    Claim(
        "softmax-second-shows-spread",
        "At x = 0 the second derivatives of the softmax with and without spread differ by -2/9 of its square.",
        Derivative(OF_THREE, (x, 2)),
        Derivative(OF_EQUALS, (x, 2)) - Rational(2, 9) * spread**2,
        OURS,
        (AT_ZERO,),
        corrects=("softmax-second-from-one-pass",),
    ),
)

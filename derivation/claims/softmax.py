"""The softmax as outer function: Y = exp(S) / Q, Q the sum of exp(S_l) over all classes l, itself among them.

Q stands for any number of classes. With p_l = exp(S_l) / Q and every S_l affine along the line, u_l = dS_l/dx,

    Q'/Q = E[u],    Q''/Q = E[u^2],    Q'''/Q = E[u^3]        expectations over the classes with the weights p_l

so that E[u], the variance m_2 and the third central moment m_3 of the class gradients are what is written below in
terms of Q. They need the gradients of all classes: one backward pass does not give them.
"""

from sympy import Derivative, exp

from derivation.claim import OURS, Claim, Hypothesis, Source, Step, Use, nonzero
from derivation.hypotheses import AFFINE, NO_POLE, SLOPE, slope
from derivation.notation import Q, S, sigma, x

P = exp(S(x)) / Q(x)
first, second, third = (Derivative(Q(x), (x, k)) / Q(x) for k in (1, 2, 3))
mean = first
variance = second - first**2
skew = third - 3 * second * first + 2 * first**3
apart = slope - mean
SECOND = apart**2 - variance
THIRD = apart**3 - 3 * apart * variance - skew
NO_SOFTMAX_POLE = Hypothesis(
    "softmax-no-pole", "the denominator of (10) is not zero", nonzero(2 * SECOND + sigma * THIRD)
)


def pure(order: int) -> Derivative:
    """Return d^order P / dx^order, inert."""
    return Derivative(P, (x, order))


def paper(equation: int) -> Source:
    """Return an equation of the paper's section 3.4, whose sums over the classes are Q'/Q and its derivatives here."""
    return Source("gradcampp-paper", f"equation ({equation})", "", "every class score is affine along the line")


CLAIMS = (
    Claim(
        "softmax-first",
        "The first derivative of a softmax: itself times the class gradient minus the mean of all class gradients.",
        pure(1),
        P * apart,
        paper(22),
    ),
    Claim(
        "softmax-second",
        "The second derivative of a softmax as the paper writes it, S affine along the line.",
        pure(2),
        pure(1) * apart - P * Derivative(mean, x),
        paper(23),
        (AFFINE,),
    ),
    Claim(
        "softmax-third",
        "The third derivative of a softmax as the paper writes it, S affine along the line.",
        pure(3),
        pure(2) * apart - 2 * pure(1) * Derivative(mean, x) - P * Derivative(mean, (x, 2)),
        paper(24),
        (AFFINE,),
    ),
    Claim(
        "softmax-second-moments",
        "The second derivative of a softmax is Y (d^2 - m_2), d the class gradient minus the mean of all.",
        pure(2),
        P * SECOND,
        OURS,
        (AFFINE,),
    ),
    Claim(
        "softmax-third-moments",
        "The third derivative of a softmax is Y (d^3 - 3 d m_2 - m_3).",
        pure(3),
        P * THIRD,
        OURS,
        (AFFINE,),
    ),
    Claim(
        "alpha-softmax",
        "Under a softmax the pixel weight (10) is (d^2 - m_2) / (2 (d^2 - m_2) + sigma (d^3 - 3 d m_2 - m_3)).",
        pure(2) / (2 * pure(2) + sigma * pure(3)),
        SECOND / (2 * SECOND + sigma * THIRD),
        OURS,
        (AFFINE, NO_SOFTMAX_POLE),
        steps=(
            Step(
                P * SECOND / (2 * P * SECOND + sigma * P * THIRD),
                "second and third derivative by moments",
                (Use("softmax-second-moments"), Use("softmax-third-moments")),
            ),
            Step(SECOND / (2 * SECOND + sigma * THIRD), "the softmax is never zero and cancels"),
        ),
        corrects=("alpha-closed-form-softmax",),
    ),
    Claim(
        "alpha-closed-form-softmax",
        "The closed form (19) holds for a softmax.",
        pure(2) / (2 * pure(2) + sigma * pure(3)),
        slope**2 / (2 * slope**2 + sigma * slope**3),
        Source(
            "practice", "probabilities instead of scores", "", "the closed form (19), Y being the class probability"
        ),
        (AFFINE, NO_SOFTMAX_POLE, SLOPE, NO_POLE),
    ),
)

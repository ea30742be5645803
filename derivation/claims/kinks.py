r"""Second derivatives of piecewise-linear functions: zero off the kinks; at a kink a jump of the slope.

**Off the kinks.** A network of affine layers, ReLUs and maxima has second derivative zero along the line wherever no
ReLU has input zero and no maximum has a tie. This is an induction over its construction. The entry itself and what does
not depend on it are affine (`post-linear-second-derivative`); and affine near the point are, of functions L and S that
are, every sum v L + w S + b (`affine-pieces-add-up`), every max(0, L) (`relu-of-affine-piece`) and every max(L, S) =
S + max(0, L - S) (`maximum-of-affine-pieces`). Other units are made of these: |L| = max(0, L) + max(0, -L), and a leaky
ReLU is max(0, L) - c max(0, -L).

**At a kink**, put at x = 0, a piecewise-linear S is s_0 + m_- x to the left and s_0 + m_+ x to the right of it. A
second derivative exists only as a distribution: an integral of S phi'', by parts on either piece, leaves the boundary
terms of the two pieces at the kink, and what they differ by is a Dirac delta's share. With delta for the Dirac delta,

    S''        = (m_+ - m_-) delta                                               near the kink
    (e^S)''    = S'^2 e^S + e^(s_0) (m_+ - m_-) delta
    (e^S)'''   = S'^3 e^S + e^(s_0) ((m_+^2 - m_-^2) delta + (m_+ - m_-) delta')

since the n-th derivative of a distribution T takes phi to (-1)^n times T's value at phi^(n). So Y^(n) = Y g^n, true on
either piece and of the one-sided derivatives, is false across a kink. The two one-sided derivatives give two values of
the pixel weight, 1/(2 + sigma m_-) and 1/(2 + sigma m_+), where neither slope is 0; on a side where S is constant, as
on the inactive side of a ReLU, (10) is 0/0.

**What autograd answers at a kink** is no theorem but a convention. torch differentiates max(0, u) to 0 at u = 0, the
slope of the inactive side, |u| to 0 and a tie of `amax` to the mean, which are slopes of neither side; and each of them
a second time to 0, everywhere. So the alpha that it gives on the kink of a ReLU is that of the inactive side, and to
check S'' = 0 with it is circular: it is zero because it was written so, on the kink too, where the second difference
quotient is (m_+ - m_-)/step. `tests/verify/test_kinks.py` pins the convention down, and the method that uses torch's
derivatives does not try a claim that differentiates a maximum twice.
"""

from dataclasses import replace

from sympy import Add, Derivative, Expr, Gt, Integer, Limit, Lt, Max, Mul, Ne, exp

from derivation.claim import OURS, Branch, Claim, Hypothesis, Source, Step, Use, nonzero
from derivation.claims.paper import paper
from derivation.claims.weights import alpha_of, closed_of
from derivation.hypotheses import AFFINE, AT_ZERO, ENTRY_NONZERO, FOOTPRINT, LAYER_AFFINE, PIECE_NO_POLE, PIECE_SLOPE
from derivation.notation import L, S, b, g, left, n, right, sigma, step, test_function, v, value, w, x

unit = Max(0, w * x + b)
phi = test_function(x)
left_end, right_end = value * Derivative(phi, x) - left * phi, value * Derivative(phi, x) - right * phi
OFF_KINK = Hypothesis("off-kink", "the unit's input is not zero: the entry is not on the kink", nonzero(w * x + b))
ACTIVE = Hypothesis("active", "the unit's input is positive", Gt(w * x + b, 0, evaluate=False))
INACTIVE = Hypothesis("inactive", "the unit's input is negative", Lt(w * x + b, 0, evaluate=False))
ON_KINK = replace(AT_ZERO, name="on-kink", says="the entry is on the kink, which lies at x = 0")
INPUT_NONZERO = Hypothesis("input-nonzero", "the input of the ReLU is not zero", nonzero(L(x)))
NO_TIE = Hypothesis("no-tie", "the two arguments of the maximum differ", nonzero(L(x) - S(x)))
TAIL_JUMPS = Hypothesis("slope-jumps", "the slope jumps at the kink", nonzero(right - left))
LEFT_NONZERO = Hypothesis("left-slope-nonzero", "the slope left of the kink is not zero", nonzero(left))
RIGHT_NONZERO = Hypothesis("right-slope-nonzero", "the slope right of the kink is not zero", nonzero(right))
NO_LEFT_POLE = Hypothesis("no-left-pole", "sigma m_- is not -2", nonzero(2 + sigma * left))
NO_RIGHT_POLE = Hypothesis("no-right-pole", "sigma m_+ is not -2", nonzero(2 + sigma * right))


ENTRY_POSITIVE = Hypothesis("entry-positive", "the entry is positive", Gt(x, 0, evaluate=False))
ENTRY_NEGATIVE = Hypothesis("entry-negative", "the entry is negative", Lt(x, 0, evaluate=False))
CHORDS = Add(Max(0, x) / x, Max(0, -x) / x, evaluate=False)


def cases(what: str, e: Expr) -> tuple[Branch, Branch]:
    """Return the two sides of the kink e = 0 of max(0, e); `what` names e."""
    above = Hypothesis(f"{what}-positive", f"the {what} is positive", Gt(e, 0, evaluate=False))
    below = Hypothesis(f"{what}-negative", f"the {what} is negative", Lt(e, 0, evaluate=False))
    return Branch(f"{what} positive", (above,)), Branch(f"{what} negative", (below,))


def piece(slope: Expr) -> Expr:
    """Return exp of the affine piece that has this slope and the value s_0 at the kink x = 0."""
    return exp(value + slope * x)


def second_end(slope: Expr) -> Expr:
    """Return what integrating piece(slope) phi'' by parts leaves at an end of the piece."""
    return piece(slope) * Derivative(phi, x) - slope * piece(slope) * phi


def third_end(slope: Expr) -> Expr:
    """Return what integrating piece(slope) phi''' by parts leaves at an end of the piece."""
    return (
        piece(slope) * Derivative(phi, (x, 2))
        - slope * piece(slope) * Derivative(phi, x)
        + slope**2 * piece(slope) * phi
    )


CLAIMS = (
    Claim(
        "relu-second-derivative-off-kinks",
        "A rectified unit has second derivative zero wherever its input is not zero.",
        Derivative(unit, (x, 2)),
        Integer(0),
        paper("equation (16)", "relu'' is 0", "off the kink"),
        (OFF_KINK,),
        branches=(Branch("unit active", (ACTIVE,)), Branch("unit inactive", (INACTIVE,))),
        corrects=("post-pair-nth-relu",),
    ),
    Claim(
        "paper-fifteen-off-kink",
        "The ReLU has the slope max(0, x)/x off its kink: 1 where x is positive, 0 where x is negative.",
        Derivative(Max(0, x), x),
        Max(0, x) / x,
        paper("equation (15)", "relu' is 1 for x > 0 and 0 for x < 0"),
        (ENTRY_NONZERO,),
        branches=cases("entry", x),
    ),
    Claim(
        "paper-fifteen-at-kink",
        "The ReLU has the slope 0 at its kink: then so has every chord from there to the right, all having one slope.",
        Max(0, x) / x,
        Integer(0),
        paper("equation (15)", "relu' is 0 for x <= 0", "at x = 0: difference quotients from there tend to 0"),
        (ENTRY_POSITIVE,),
    ),
    Claim(
        "relu-slope-from-right-at-kink",
        "At its kink the ReLU has the slope 1 from the right, as every chord to the right has.",
        Max(0, x) / x,
        Integer(1),
        OURS,
        (ENTRY_POSITIVE,),
        corrects=("paper-fifteen-at-kink",),
    ),
    Claim(
        "relu-slope-from-left-at-kink",
        "At its kink the ReLU has the slope 0 from the left, so that it has no derivative there.",
        Max(0, x) / x,
        Integer(0),
        OURS,
        (ENTRY_NEGATIVE,),
    ),
    Claim(
        "paper-sixteen-at-kink",
        "The ReLU has a second derivative at its kink: then its chords from there to either side have one slope.",
        CHORDS,
        Integer(0),
        paper("equation (16)", "relu'' is 0", "at x = 0: it has a first derivative there at least"),
        (ENTRY_POSITIVE,),
    ),
    Claim(
        "relu-chords-at-kink",
        "The chords of the ReLU from its kink to x and to -x differ in slope by 1: over x, that grows without bound.",
        CHORDS,
        Integer(1),
        OURS,
        (ENTRY_POSITIVE,),
        corrects=("paper-sixteen-at-kink",),
    ),
    Claim(
        "post-piecewise-linear-off-kinks",
        "A piecewise-linear tail of one unit has no second derivative to speak of off its kink: it is zero.",
        Derivative(v * unit, (x, 2)),
        Integer(0),
        Source(
            "post",
            "displayed formula 1",
            "d2S/dx2 = 0",
            "S is piecewise linear, off its kinks",
        ),
        (OFF_KINK,),
        branches=(Branch("unit active", (ACTIVE,)), Branch("unit inactive", (INACTIVE,))),
    ),
    Claim(
        "affine-pieces-add-up",
        "A weighted sum of two functions that are affine along the line, plus a bias, is affine along it.",
        Derivative(v * L(x) + w * S(x) + b, (x, 2)),
        Integer(0),
        OURS,
        (LAYER_AFFINE, AFFINE),
    ),
    Claim(
        "relu-of-affine-piece",
        "The ReLU of a function that is affine along the line is affine where that function is not zero.",
        Derivative(Max(0, L(x)), (x, 2)),
        Integer(0),
        OURS,
        (LAYER_AFFINE, INPUT_NONZERO),
        branches=cases("input", L(x)),
    ),
    Claim(
        "maximum-of-affine-pieces",
        "The maximum S + max(0, L - S) of two functions that are affine along the line is affine where they differ.",
        Derivative(S(x) + Max(0, L(x) - S(x)), (x, 2)),
        Integer(0),
        OURS,
        (LAYER_AFFINE, AFFINE, NO_TIE),
        branches=cases("difference", L(x) - S(x)),
    ),
    Claim(
        "post-pair-second-relu",
        "For a ReLU off its kink the pair's p'' = L' R'' is true: both sides are zero.",
        Derivative(unit, (x, 2)),
        Mul(Derivative(w * x + b, x), Integer(0), evaluate=False),
        Source(
            "post",
            "displayed formula 5",
            "p'' = L'' x R' + L' x R'' = L' x R''",
            "R is a ReLU off its kink",
        ),
        (OFF_KINK,),
        branches=(Branch("unit active", (ACTIVE,)), Branch("unit inactive", (INACTIVE,))),
    ),
    Claim(
        "post-pair-nth-relu",
        "For an active ReLU the pair's last line at n = 2 reads p'' = L' R', with R' = 1.",
        Derivative(unit, (x, 2)),
        Derivative(w * x + b, x),
        Source(
            "post",
            "displayed formula 5",
            "p^(n) = L' x R^(n-1)",
            "R is an active ReLU, n = 2, and R^(1) its derivative with respect to its own argument",
        ),
        (ACTIVE,),
    ),
    Claim(
        "post-piecewise-linear-second-derivative",
        "A piecewise-linear tail has a second derivative everywhere (then its one-sided slopes agree everywhere).",
        Limit((Max(0, w * (x + step) + b) - unit) / step, step, 0, "+"),
        Limit((unit - Max(0, w * (x - step) + b)) / step, step, 0, "+"),
        Source("post", "displayed formula 1", "d2S/dx2 = 0", "S is piecewise linear, and the formula holds at every x"),
    ),
    Claim(
        "kink-second-difference",
        "At a kink the second difference quotient is the jump of the slope over the step: it grows without bound.",
        Add(value + right * step, -2 * value, value - left * step, evaluate=False) / step**2,
        (right - left) / step,
        OURS,
        corrects=("post-piecewise-linear-second-derivative",),
    ),
    Claim(
        "affine-piece-integrates-by-parts",
        "On a piece s_0 + g x, (s_0 + g x) phi' - g phi is an antiderivative of (s_0 + g x) phi''.",
        Derivative((value + g * x) * Derivative(phi, x) - g * phi, x),
        (value + g * x) * Derivative(phi, (x, 2)),
        OURS,
    ),
    Claim(
        "kink-jump-is-dirac",
        "The boundary terms of the two pieces differ at the kink by the slope's jump times phi: a Dirac delta's share.",
        Add(left_end, Mul(-1, right_end, evaluate=False), evaluate=False),
        (right - left) * phi,
        OURS,
    ),
    Claim(
        "kink-slope-from-right",
        "The one-sided derivative of a piecewise-linear function from the right of its kink is the right slope.",
        Limit(Add(value + right * step, -value, evaluate=False) / step, step, 0, "+"),
        right,
        OURS,
    ),
    Claim(
        "kink-slope-from-left",
        "The one-sided derivative of a piecewise-linear function from the left of its kink is the left slope.",
        Limit(Add(value, -(value - left * step), evaluate=False) / step, step, 0, "+"),
        left,
        OURS,
    ),
    Claim(
        "exp-piece-nth-derivative",
        "On a piece s_0 + g x the n-th derivative of its exponential is g^n times it, for every n.",
        Derivative(piece(g), (x, n)),
        g**n * piece(g),
        OURS,
        induction=n,
    ),
    Claim(
        "kink-exp-nth-derivative-from-right",
        "The n-th one-sided derivative of exp(S) from the right of the kink is m_+^n exp(s_0), for every n.",
        Derivative(piece(right), (x, n)),
        right**n * exp(value),
        OURS,
        (ON_KINK,),
        steps=(
            Step(right**n * piece(right), "on the right piece", (Use("exp-piece-nth-derivative", ((g, right),)),)),
            Step(right**n * exp(value), "the kink is at x = 0"),
        ),
    ),
    Claim(
        "kink-exp-nth-derivative-from-left",
        "The n-th one-sided derivative of exp(S) from the left of the kink is m_-^n exp(s_0), for every n.",
        Derivative(piece(left), (x, n)),
        left**n * exp(value),
        OURS,
        (ON_KINK,),
        steps=(
            Step(left**n * piece(left), "on the left piece", (Use("exp-piece-nth-derivative", ((g, left),)),)),
            Step(left**n * exp(value), "the kink is at x = 0"),
        ),
    ),
    Claim(
        "alpha-of-piece",
        "On a piece of slope g the pixel weight (10) of exp(S) is 1/(2 + sigma g), one-sided at its ends too.",
        alpha_of(piece(g)),
        1 / (2 + sigma * g),
        OURS,
        (PIECE_SLOPE, PIECE_NO_POLE),
        steps=(
            Step(
                g**2 * piece(g) / (2 * g**2 * piece(g) + sigma * g**3 * piece(g)),
                "second and third derivative on the piece",
                (Use("exp-piece-nth-derivative", ((n, 2),)), Use("exp-piece-nth-derivative", ((n, 3),))),
            ),
            Step(1 / (2 + sigma * g), "divide by the numerator, which is not zero"),
        ),
    ),
    Claim(
        "kink-alpha-jump",
        "The closed forms (19) from the right and from the left of a kink differ by sigma times the slope's fall over "
        "both denominators.",
        Add(closed_of(right), -closed_of(left), evaluate=False),
        sigma * (left - right) / ((2 + sigma * right) * (2 + sigma * left)),
        OURS,
        (LEFT_NONZERO, RIGHT_NONZERO, NO_LEFT_POLE, NO_RIGHT_POLE),
    ),
    Claim(
        "kink-alpha-has-two-values",
        "At a kink between two slopes that are not 0 the closed form (19) has two values, from the right and the left.",
        closed_of(right),
        closed_of(left),
        OURS,
        (TAIL_JUMPS, FOOTPRINT, LEFT_NONZERO, RIGHT_NONZERO, NO_LEFT_POLE, NO_RIGHT_POLE),
        relation=Ne,
    ),
    Claim(
        "post-exp-second-derivative-across-kink",
        "Y'' = Y (dS/dx)^2 as distributions where S has a kink: then the boundary terms of its two pieces cancel.",
        Add(second_end(left), Mul(-1, second_end(right), evaluate=False), evaluate=False),
        Integer(0),
        Source(
            "post",
            "displayed formula 4",
            "d^nY/dx^n = Y x (dS/dx)^n",
            "S is piecewise linear, n = 2, and the derivatives are those of distributions, so that kinks count",
        ),
        (ON_KINK,),
    ),
    Claim(
        "exp-piece-integrates-by-parts",
        "On a piece, E = exp(s_0 + g x), E phi' - g E phi is an antiderivative of E phi'' - g^2 E phi.",
        Derivative(second_end(g), x),
        piece(g) * Derivative(phi, (x, 2)) - g**2 * piece(g) * phi,
        OURS,
    ),
    Claim(
        "exp-kink-jump-is-dirac",
        "For exp(S) the boundary terms differ at the kink by exp(s_0) times the slope's jump times phi: a Dirac delta.",
        Add(second_end(left), Mul(-1, second_end(right), evaluate=False), evaluate=False),
        exp(value) * (right - left) * phi,
        OURS,
        (ON_KINK,),
        corrects=("post-exp-second-derivative-across-kink",),
    ),
    Claim(
        "exp-piece-integrates-by-parts-twice",
        "On a piece, E phi'' - g E phi' + g^2 E phi is an antiderivative of E phi''' + g^3 E phi, E = exp(s_0 + g x).",
        Derivative(third_end(g), x),
        piece(g) * Derivative(phi, (x, 3)) + g**3 * piece(g) * phi,
        OURS,
    ),
    Claim(
        "exp-kink-third-jump",
        "For the third derivative of exp(S) they differ by a Dirac delta's share and that of its derivative.",
        Add(third_end(left), Mul(-1, third_end(right), evaluate=False), evaluate=False),
        exp(value) * ((right - left) * Derivative(phi, x) - (right**2 - left**2) * phi),
        OURS,
        (ON_KINK,),
    ),
)

"""Second derivatives of piecewise-linear functions: zero off the kinks; at a kink a jump of the slope."""

from sympy import Add, Derivative, Gt, Integer, Limit, Lt, Max, Mul

from derivation.claim import OURS, Branch, Claim, Hypothesis, Source, nonzero
from derivation.notation import b, g, left, right, step, test_function, v, value, w, x

unit = Max(0, w * x + b)
phi = test_function(x)
left_end, right_end = value * Derivative(phi, x) - left * phi, value * Derivative(phi, x) - right * phi
OFF_KINK = Hypothesis("off-kink", "the unit's input is not zero: the entry is not on the kink", nonzero(w * x + b))
ACTIVE = Hypothesis("active", "the unit's input is positive", Gt(w * x + b, 0, evaluate=False))
INACTIVE = Hypothesis("inactive", "the unit's input is negative", Lt(w * x + b, 0, evaluate=False))

CLAIMS = (
    Claim(
        "relu-second-derivative-off-kinks",
        "A rectified unit has second derivative zero wherever its input is not zero.",
        Derivative(unit, (x, 2)),
        Integer(0),
        Source("gradcampp-paper", "equations (15) and (16)", "the second derivative of relu is 0"),
        (OFF_KINK,),
        branches=(Branch("unit active", (ACTIVE,)), Branch("unit inactive", (INACTIVE,))),
        corrects=("post-pair-nth-relu",),
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
        "For an active ReLU the pair's last line at n = 2, p'' = L' R' with R' = 1, is false.",
        Derivative(unit, (x, 2)),
        Derivative(w * x + b, x),
        Source(
            "post",
            "displayed formula 5",
            "p^(n) = L' x R^(n-1)",
            "R is an active ReLU, n = 2",
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
)

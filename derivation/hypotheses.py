"""The hypotheses that claims share, each once."""

from sympy import Derivative, Expr, Integer, exp

from derivation.claim import Hypothesis, equation, nonzero
from derivation.notation import L, S, f, g, sigma, u, x
from derivation.nth import nth

Y = f(S(x))
slope, curvature = Derivative(S(x), x), Derivative(S(x), (x, 2))
third = Derivative(S(x), (x, 3))


def outer(order: Expr | int) -> Expr:
    """Return f^(order)(S(x)), the derivative of the outer function by its own argument: d^order Y / dS^order."""
    return nth(f)(order, S(x))


def along(order: Expr | int) -> Expr:
    """Return d^order Y / dx^order, the pure derivative of Y along the entry's line, inert."""
    return Derivative(Y, (x, order))


AFFINE = Hypothesis("affine-along-line", "S is affine along the line of the entry, near it", equation(curvature, 0))
EXP_HEAD = Hypothesis("exp-head", "the outer function is the exponential, Y = exp(S)", equation(f(u), exp(u)))
SLOPE = Hypothesis("slope-nonzero", "the gradient g = dS/dx is not zero", nonzero(slope))
NO_POLE = Hypothesis("no-pole", "sigma g is not -2, where the closed form has its pole", nonzero(2 + sigma * slope))
NO_TRUE_POLE = Hypothesis(
    "denominator-nonzero", "the denominator of (10) is not zero", nonzero(2 * along(2) + sigma * along(3))
)
OUTER_CURVED = Hypothesis("outer-curved", "the outer function is curved at S: f''(S) is not zero", nonzero(outer(2)))
SECOND = Hypothesis("second-nonzero", "g^2 + S'' is not zero, so that (10) is not zero", nonzero(slope**2 + curvature))
FOOTPRINT = Hypothesis("footprint-nonzero", "the footprint is not zero", nonzero(sigma))
PIECE_SLOPE = Hypothesis("piece-slope-nonzero", "the slope g is not zero", nonzero(g))
PIECE_NO_POLE = Hypothesis("piece-no-pole", "sigma g is not -2, g a number", nonzero(2 + sigma * g))
ENTRY_NONZERO = Hypothesis("entry-nonzero", "the entry is not zero", nonzero(x))
AT_ZERO = Hypothesis("at-zero", "x = 0", equation(x, Integer(0)), at_point=True)
LAYER_AFFINE = Hypothesis("layer-affine", "the layer L is affine", equation(Derivative(L(x), (x, 2)), 0))

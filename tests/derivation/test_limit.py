import pytest
from sympy import Abs, Integer, Limit, Max, Pow, Rational, exp, oo

from derivation.limit import take_limits
from derivation.notation import S, b, g, n, sigma, step, w, x


@pytest.mark.parametrize(
    ("limit", "value"),
    [
        (Limit(g**2 / (2 * g**2 + sigma * g**3), g, 0, "+-"), Rational(1, 2)),
        (Limit((g**2 - 1) / (g - 1), g, 1, "+-"), Integer(2)),
        (Limit((4 * g**2 - 1) / (2 * g - 1), g, Rational(1, 2), "-"), Integer(2)),
        (Limit(((x + step) ** 2 - x**2) / step, step, 0, "+"), 2 * x),
        (Limit(Max(0, w * x + b), step, 0, "+"), Max(0, w * x + b)),
    ],
    ids=str,
)
def test_the_limit_of_a_rational_function_that_is_continuous_after_cancelling_is_taken(limit, value):
    assert take_limits(limit) == value
    assert take_limits(1 + limit) == 1 + value


@pytest.mark.parametrize(
    "limit",
    [
        Limit(1 / g, g, 0),
        Limit(1 / g, g, oo),
        Limit((g + 1) / (g + 2), g, oo),
        Limit(Abs(g) / g, g, 0, "+-"),
        Limit(Max(0, g) / g, g, 0, "+-"),
        Limit((exp(g) - 1) / g, g, 0),
        Limit(S(g), g, 0),
        Limit(g**n, g, 0),
        Limit((sigma * g**2 + sigma * g) / (sigma * g), g, 0),  # undefined all around where sigma = 0
        Limit(sigma * g * Pow(sigma * g, -1, evaluate=False), g, 0),
        Limit(g**2 / (g**2 + sigma * g), g, 0, "+-"),  # 0 for sigma != 0, but 1 for sigma = 0
        Limit(1 / (g - sigma), g, 0),
    ],
    ids=str,
)
def test_any_other_limit_stays_inert(limit):
    assert take_limits(limit) == limit

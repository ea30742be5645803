import pytest
from sympy import E, Integer, Max, Rational, exp, log, pi, sqrt

from verify.arithmetic.exact import EXACT, sign
from verify.probe import Kink


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (Rational(1, 3) - Rational(1, 3), 0),
        (Rational(-1, 10**30), -1),
        (exp(2) * exp(-2) - 1, 0),
        ((exp(Rational(1, 2)) + 1) ** 2 - exp(1) - 2 * exp(Rational(1, 2)) - 1, 0),
        (E - Rational(2718281828459045235360287471352662497757, 10**39), 1),
        (1 / (1 + exp(-1)) + 1 / (1 + exp(1)) - 1, 0),
        (exp(1) - 3, -1),
        (log(2), None),
        (sqrt(2) - 1, None),
        (pi, None),
    ],
)
def test_the_sign_of_a_rational_function_of_exponentials_is_decided_and_of_others_is_not(number, expected):
    assert sign(number) == expected


def test_a_quotient_whose_divisor_may_vanish_has_no_sign():
    hidden = (E + 1) ** 2 - E**2 - 2 * E - 1  # zero, and SymPy does not see it at construction
    assert sign(1 / hidden) is None
    assert sign(E / (hidden + 1)) == 1


def test_a_derivative_at_a_kink_is_refused_and_beside_it_is_the_slope():
    slope = EXACT.derivative(lambda u: Max(0, u), 1)
    assert (slope(Integer(1)), slope(Integer(-1))) == (1, 0)
    with pytest.raises(Kink):
        slope(Integer(0))


def test_the_slopes_from_the_two_sides_of_a_kink_differ():
    def quotient(h, arithmetic):
        return arithmetic.positive_part(h) - arithmetic.positive_part(Integer(0)), h

    assert (EXACT.limit(quotient, Integer(0), "+"), EXACT.limit(quotient, Integer(0), "-")) == (1, 0)

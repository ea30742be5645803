import mpmath
import pytest
from flint import arb, arb_series
from sympy import Rational

from verify.arithmetic.ball import BALL, TERMS, Ball, precision
from verify.catalogue.functions import GELU, SIGMOID, SOFTPLUS, TANH
from verify.probe import Kink, NoRule

MP = {
    GELU: lambda u: u * (1 + mpmath.erf(u / mpmath.sqrt(2))) / 2,
    SIGMOID: lambda u: 1 / (1 + mpmath.exp(-u)),
    SOFTPLUS: lambda u: mpmath.log(1 + mpmath.exp(u)),
    TANH: mpmath.tanh,
}


@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("face", MP, ids=lambda face: face.text)
def test_balls_contain_what_mpmath_computes_by_other_means(face, order):
    with precision(), mpmath.workdps(60):
        ball = BALL.derivative(BALL.face(face), order)(arb(0.375))
        truth = mpmath.diff(MP[face], mpmath.mpf("0.375"), order)
        assert ball.rad() < 1e-30
        # The reference itself is good to about 25 digits only, being a difference quotient.
        assert abs(ball - arb(mpmath.nstr(truth, 40))).abs_upper() < 1e-20


def test_a_derivative_of_a_derivative_is_the_second_derivative():
    with precision():
        inner = BALL.derivative(lambda u: u.exp(), 1)
        twice = BALL.derivative(lambda u: inner(2 * u), 1)
        assert twice(arb(1) / 3).overlaps(2 * (arb(2) / 3).exp())


def test_a_third_is_enclosed_and_not_rounded():
    with precision():
        third = BALL.number(Rational(1, 3))
        assert (third * 3).contains(1)
        assert not third.is_exact()


def test_the_settings_of_python_flint_come_back():
    from flint import ctx

    before = ctx.prec, ctx.cap
    with pytest.raises(ZeroDivisionError), precision(300):
        assert (ctx.prec, ctx.cap) == (300, TERMS)
        raise ZeroDivisionError
    assert (ctx.prec, ctx.cap) == before


def test_a_derivative_at_a_kink_is_refused():
    with precision(), pytest.raises(Kink):
        BALL.derivative(BALL.positive_part, 1)(arb(0))


def test_an_argument_whose_sign_is_not_proved_has_no_positive_part():
    with precision(), pytest.raises(Kink):
        BALL.positive_part(arb(0, 1e-30))


def test_a_limit_is_taken_from_the_side_that_is_asked_for():
    def quotient(h, arithmetic):
        return arithmetic.positive_part(h) - arithmetic.positive_part(arb(0)), h

    with precision():
        assert (BALL.limit(quotient, arb(0), "+"), BALL.limit(quotient, arb(0), "-")) == (1, 0)
        with pytest.raises(NoRule, match="two sides"):
            BALL.limit(quotient, arb(0), "+-")


def test_a_ratio_that_tends_to_infinity_has_no_limit():
    with precision(), pytest.raises(NoRule, match="no finite limit"):
        BALL.limit(lambda u, _: (u, u * u), arb(0), "+")


def test_only_one_sided_balls_take_a_branch_at_an_exact_zero():
    with precision():
        assert Ball(one_sided=True).positive_part(arb_series([0, 1]))[1] == 1
        with pytest.raises(Kink):
            BALL.positive_part(arb_series([0, 1]))


@pytest.mark.parametrize("order", [TERMS, TERMS + 1])
def test_a_derivative_beyond_the_known_terms_is_refused_and_not_zero(order):
    with precision(), pytest.raises(NoRule, match="terms"):
        BALL.derivative(lambda u: (2 * u).exp(), order)(arb(0))


@pytest.mark.parametrize("place", [1, "1 +/- 0.5"])
def test_a_derivative_at_a_pole_is_refused(place):
    with precision(), pytest.raises(NoRule, match="no power series"):
        BALL.derivative(lambda u: 1 / (u - 1), 1)(arb(place))


def test_a_limit_whose_denominator_may_begin_later_is_refused():
    def ratio(u, _):
        return u, (u + arb(1) / 3).exp() - (arb(1) / 3).exp()

    with precision(), pytest.raises(NoRule, match="not proved"):
        BALL.limit(ratio, arb(0), "+-")


def test_a_derivative_inside_a_limit_is_refused():
    with precision(), pytest.raises(NoRule, match="inside a limit"):
        Ball(one_sided=True).derivative(lambda u: u, 1)(arb(0))

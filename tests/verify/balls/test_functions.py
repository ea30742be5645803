"""Functions of one number beside mpmath, with definitions of its own."""

import mpmath
import pytest
import torch
from flint import arb
from mpmath import mpf
from torch import nn
from torch.nn import functional as F

from cam import cut
from verify.arithmetic.ball import precision
from verify.balls import curved
from verify.balls.lines import scaled
from verify.balls.walk import along_lines

from .conftest import CLASS, Between, agree, numbers, tail_of

DIGITS = 60


def phi(u):
    return (1 + mpmath.erf(u / mpmath.sqrt(2))) / 2


def sigmoid(u):
    return 1 / (1 + mpmath.exp(-u))


def softplus(u):
    return mpmath.log(1 + mpmath.exp(u))


def gelu_tanh(u):
    return u / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (u + mpf(0.044715) * u**3)))


def between(low, high):
    return lambda u: min(max(u, low), high)


SELU = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946

EVERYWHERE = {
    "exp": (torch.exp, mpmath.exp),
    "expm1": (torch.expm1, lambda u: mpmath.exp(u) - 1),
    "exp2": (torch.exp2, lambda u: mpf(2) ** u),
    "square": (torch.square, lambda u: u * u),
    "reciprocal": (torch.reciprocal, lambda u: 1 / u),
    "one over": (lambda u: 3 / u, lambda u: 3 / u),
    "cube": (lambda u: u**3, lambda u: u**3),
    "inverse square": (lambda u: u**-2, lambda u: 1 / u**2),
    "power of a number": (lambda u: 3.0**u, lambda u: mpf(3) ** u),
    "erf": (torch.erf, mpmath.erf),
    "sin": (torch.sin, mpmath.sin),
    "cos": (torch.cos, mpmath.cos),
    "tanh": (torch.tanh, mpmath.tanh),
    "sigmoid": (torch.sigmoid, sigmoid),
    "silu": (F.silu, lambda u: u * sigmoid(u)),
    "gelu": (F.gelu, lambda u: u * phi(u)),
    "gelu by tanh": (lambda u: F.gelu(u, approximate="tanh"), gelu_tanh),
    "softplus": (F.softplus, softplus),
    "softplus with a threshold": (
        lambda u: F.softplus(u, 3.0, 1.0),
        lambda u: u if 3 * u > 1 else softplus(3 * u) / 3,
    ),
    "softplus with a negative factor": (
        lambda u: F.softplus(u, -3.0, 1.0),
        lambda u: u if -3 * u > 1 else -softplus(-3 * u) / 3,
    ),
    "log of the sigmoid": (F.logsigmoid, lambda u: mpmath.log(sigmoid(u))),
    "mish": (F.mish, lambda u: u * mpmath.tanh(softplus(u))),
    "elu": (lambda u: F.elu(u, 0.75), lambda u: u if u > 0 else 0.75 * (mpmath.exp(u) - 1)),
    "celu": (lambda u: F.celu(u, 0.5), lambda u: u if u > 0 else 0.5 * (mpmath.exp(2 * u) - 1)),
    "selu": (F.selu, lambda u: mpf(SELU[1]) * (u if u > 0 else mpf(SELU[0]) * (mpmath.exp(u) - 1))),
    "relu": (F.relu, lambda u: max(u, 0)),
    "relu6": (F.relu6, between(0, 6)),
    "hardtanh": (lambda u: F.hardtanh(u, -0.5, 0.25), between(-0.5, 0.25)),
    "clamp": (lambda u: u.clamp(-0.25, 0.5), between(-0.25, 0.5)),
    "clamp from below": (lambda u: u.clamp(min=0.125), lambda u: max(u, 0.125)),
    "clamp from above": (lambda u: u.clamp(max=0.125), lambda u: min(u, 0.125)),
    "leaky relu": (lambda u: F.leaky_relu(u, 0.25), lambda u: u if u > 0 else u / 4),
    "prelu": (lambda u: F.prelu(u, torch.full((1,), 0.75, dtype=u.dtype)), lambda u: u if u > 0 else 0.75 * u),
    "threshold": (lambda u: F.threshold(u, 0.25, -2.0), lambda u: u if u > 0.25 else mpf(-2)),
    "softshrink": (F.softshrink, lambda u: mpmath.sign(u) * max(abs(u) - 0.5, 0)),
    "hardshrink": (F.hardshrink, lambda u: u if abs(u) > 0.5 else mpf(0)),
    "hardsigmoid": (F.hardsigmoid, lambda u: between(0, 1)((u + 3) / 6)),
    "hardswish": (F.hardswish, lambda u: u * between(0, 1)((u + 3) / 6)),
    "abs": (torch.abs, abs),
    "neg": (torch.neg, lambda u: -u),
    "from a number": (lambda u: 2 - u, lambda u: 2 - u),
    "sum with a factor": (lambda u: torch.add(u, u * u, alpha=0.5), lambda u: u + u * u / 2),
    "difference with a factor": (lambda u: torch.sub(u * u, u, alpha=3), lambda u: u * u - 3 * u),
    "sum of a product": (lambda u: torch.addcmul(u, u, u, value=0.5), lambda u: u + u * u / 2),
    "sum of a quotient": (lambda u: torch.addcdiv(u, u + 4, u, value=0.5), lambda u: u + (u + 4) / u / 2),
    "quotient": (lambda u: u / (u * u + 1), lambda u: u / (u * u + 1)),
    "larger one": (lambda u: torch.maximum(u, u * u), lambda u: max(u, u * u)),
    "smaller one": (lambda u: torch.minimum(u, u * u), lambda u: min(u, u * u)),
    "mask": (lambda u: u * (u > 0.25), lambda u: u if u > 0.25 else mpf(0)),
}
POSITIVE = {
    "log": (torch.log, mpmath.log),
    "log1p": (torch.log1p, lambda u: mpmath.log(1 + u)),
    "log2": (torch.log2, lambda u: mpmath.log(u) / mpmath.log(2)),
    "sqrt": (torch.sqrt, mpmath.sqrt),
    "root by a power": (lambda u: u**0.5, mpmath.sqrt),
    "rsqrt": (torch.rsqrt, lambda u: 1 / mpmath.sqrt(u)),
    "rsqrt by a power": (lambda u: u**-0.5, lambda u: 1 / mpmath.sqrt(u)),
    "power": (lambda u: u**1.7, lambda u: u ** mpf(1.7)),
}
# Beside both sides of every kink above.
AT = [-4.0, -1.3, -0.7, -0.3, 0.2, 0.4, 0.9, 2.0, 7.0]


class Weighed(nn.Module):
    """Scores sum_j v_j f(x_j), x_j = M_j A."""

    def __init__(self, function, M, v):
        super().__init__()
        self.layer, self.between, self.M, self.v = nn.Identity(), Between(function), M, v

    def forward(self, A):
        return self.between(self.layer(A) @ self.M) @ self.v


def check(name):
    own, other = {**EVERYWHERE, **POSITIVE}[name]
    points = torch.tensor([[at for at in AT if at > 0 or name in EVERYWHERE]], dtype=torch.float64)
    A = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    slope = numbers(1, points.shape[1])
    M = torch.cat([points - 0.5 * slope, slope])
    v = numbers(points.shape[1], 3, seed=1)
    tail = cut(Weighed(own, M, v), "layer", A).tail
    with mpmath.workdps(DIGITS):

        def score(u):
            entries = mpf(float(A[0, 0])), mpf(float(A[0, 1])) + u
            total = mpf(0)
            for j in range(M.shape[1]):
                x = sum(mpf(float(M[k, j])) * entries[k] for k in range(2))
                total += mpf(float(v[j, CLASS])) * other(x)
            return total

        expected = [mpmath.diff(score, 0, k) for k in range(4)]
        (along,) = along_lines(tail.graph, A, [1], CLASS)
        assert along.why == ""
        with precision(256):
            for ball, number in zip((along.score, *along.derivatives), expected, strict=True):
                assert float(ball.rad()) < 2.0**-60 * float(1 + abs(number))
                middle = mpf(int(ball.mid().man_exp()[0])) * mpf(2) ** int(ball.mid().man_exp()[1])
                assert abs(middle - number) < mpf(10) ** -18 * (1 + abs(number)) + mpf(float(ball.rad()))


@pytest.mark.parametrize("name", [*EVERYWHERE, *POSITIVE])
def test_balls_hold_the_derivatives_of(name):
    check(name)


@pytest.mark.parametrize("name", ["gelu", "softplus", "relu"])
def test_a_planted_factor_is_found(name, planted):
    planted(name, lambda found: scaled(found, arb(1 + 2.0**-40)))
    with pytest.raises(AssertionError):
        check(name)


def check_sine_of_exponential():
    A = numbers(1, 3)
    agree(tail_of(lambda x: x.exp().sin(), A), A)


def test_a_planted_factor_in_faa_di_brunos_rule_is_found(monkeypatch):
    check_sine_of_exponential()
    monkeypatch.setitem(curved.PARTS, 3, ((1, (3,), 1), (2, (1, 2), 1), (3, (1, 1, 1), 1)))
    check("exp")  # what it is applied to is affine: the middle term is 0
    with pytest.raises(AssertionError):
        check_sine_of_exponential()

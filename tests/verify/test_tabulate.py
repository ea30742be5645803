"""Derivatives that claims share are those that each claim would find by itself, and both oracles are asked."""

import pytest
import torch
from sympy import Derivative, Integer, Limit, Max, Mul, exp

from cam import jets
from derivation.claims import LIBRARY
from derivation.notation import S, f, n, sigma, x
from derivation.nth import nth
from verify.arithmetic.float64 import Float64
from verify.cases import NUMBERS, Case
from verify.catalogue.functions import EXP, LINES
from verify.methods.autograd import autograd
from verify.probe import NoRule, value
from verify.tabulate import calculus, worth

CURVED = LINES[4]
Y = f(S(x))
FACES = ((S, CURVED), (f, EXP))


@pytest.mark.parametrize("oracle", jets.ORACLES.values(), ids=jets.ORACLES)
@pytest.mark.parametrize("part", [S(x), Y, Derivative(Y, (x, 2)), Derivative(Y, (x, n)), nth(f)(n + 1, S(x))], ids=str)
def test_what_is_looked_up_is_what_is_found_at_that_number_alone(part, oracle):
    for number in NUMBERS[x]:
        found, error = worth(part, Case(FACES, ((n, Integer(2)), (sigma, Integer(3)), (x, number))), oracle)
        point = torch.tensor([float(number)], dtype=torch.float64)
        alone = value(part, {**dict(FACES), x: point, n: 2}, Float64(oracle)).item()
        assert abs(found - alone) <= 2 * error < 1e-12


def test_the_largest_parts_are_found_and_none_inside_a_limit():
    expr = Mul(sigma * Derivative(Y, x) + exp(S(x)) ** 2, Max(0, nth(f)(2, S(x))), evaluate=False)
    assert set(calculus(expr)) == {Derivative(Y, x), S(x), nth(f)(2, S(x))}
    assert not list(calculus(Limit(S(x) / x, x, 0)))


def test_an_order_without_a_rule_is_refused_every_time():
    case = Case(FACES, ((n, Integer(4)), (x, Integer(0))))
    for _ in range(2):
        with pytest.raises(NoRule, match="every order"):
            worth(Derivative(S(x), (x, n)), case, jets.reverse)


@pytest.mark.parametrize("oracle", jets.ORACLES)
def test_each_oracle_is_asked_and_an_error_in_one_is_noticed(oracle, monkeypatch):
    claim = LIBRARY["second-derivative"]
    assert not autograd(claim).exceeds
    right = jets.ORACLES[oracle]
    monkeypatch.setitem(jets.ORACLES, oracle, lambda fn: lambda t: right(fn)(t) * (1 + 1e-9))
    assert autograd(claim).exceeds

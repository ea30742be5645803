"""The oracles agree, and each way in which they could be wrong is noticed."""

from dataclasses import replace

import pytest
import torch

from cam import jets
from verify import calibrate
from verify.calibrate import Check, Disagreement, check_oracles, demand
from verify.catalogue.functions import GELU


@pytest.fixture(scope="module")
def checks():
    return check_oracles()


def test_both_oracles_agree_with_balls_at_every_order(checks):
    assert {(check.name, check.order) for check in checks} == {
        (f"nested {mode} mode against balls", order) for mode in jets.ORACLES for order in range(4)
    }
    demand(checks)


def test_the_bounds_are_tight_enough_to_see_an_error_in_the_ninth_digit(checks):
    size = max(float(abs(ball).upper()) for ball in calibrate.ball_derivatives(*network(), 0))
    assert max(check.bound for check in checks) < 1e-9 * size


def network():
    return calibrate.small_network(), calibrate.small_picture()


def test_the_small_network_is_the_one_that_the_balls_write_out():
    model, picture = network()
    found = model(picture)[0, 0].exp().item()
    assert calibrate._distance(found, calibrate.ball_derivatives(model, picture, 0)[0]) < 1e-13 * abs(found)


def wrong_gelu(u):
    """Flip the sign of the second term of GELU's derivative: Phi(u) - u phi(u)."""
    return GELU.ball(-u) * -1


def test_a_flipped_sign_in_an_activation_is_noticed(monkeypatch):
    monkeypatch.setattr(calibrate, "GELU", replace(GELU, ball=wrong_gelu))
    with pytest.raises(Disagreement, match="no claim was judged"):
        demand(check_oracles())


@pytest.mark.parametrize("oracle", ["reverse", "forward"])
def test_an_oracle_that_is_wrong_by_a_billionth_is_noticed(monkeypatch, oracle):
    right = jets.ORACLES[oracle]
    monkeypatch.setitem(jets.ORACLES, oracle, lambda fn: lambda t: right(fn)(t) * (1 + 1e-9))
    with pytest.raises(Disagreement, match=oracle):
        demand(check_oracles())


def test_a_derivative_with_a_flipped_sign_is_noticed(monkeypatch):
    class Flipped(torch.autograd.Function):
        """erf whose derivative has the wrong sign."""

        @staticmethod
        def forward(ctx, u):
            ctx.save_for_backward(u)
            return torch.special.erf(u)

        @staticmethod
        def backward(ctx, grad):
            (u,) = ctx.saved_tensors
            return -grad * 2 / torch.pi**0.5 * (-u * u).exp()

    class WrongTail:
        def __init__(self, model):
            self.model = model

        def __call__(self, A):
            z = self.model[1](A)
            z = z * (1 + Flipped.apply(z * 0.5**0.5)) / 2
            flat = z.flatten(1)
            centred = flat - flat.mean(1, keepdim=True)
            norm = self.model[4]
            scale = ((centred * centred).mean(1, keepdim=True) + norm.eps).rsqrt()
            return self.model[5](centred * scale * norm.weight + norm.bias)

    model = calibrate.small_network()
    monkeypatch.setattr("cam.tail.cut", lambda *_: type("Cut", (), {"tail": WrongTail(model)}))
    monkeypatch.setattr(jets, "ORACLES", {"reverse": jets.reverse})
    with pytest.raises(Disagreement, match="order 1"):
        demand(check_oracles(model))


def test_what_agrees_passes_and_what_does_not_is_named():
    good = Check("a", "b", 1, 1e-16, 1e-15)
    demand([good])
    with pytest.raises(Disagreement, match=r"a disagrees on b \(order 1\)"):
        demand([good, replace(good, residual=2e-15)])
    with pytest.raises(Disagreement):
        demand([replace(good, residual=float("nan"))])

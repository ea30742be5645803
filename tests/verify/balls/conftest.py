"""Tails of one's own, and what they are compared with."""

from fractions import Fraction

import pytest
import torch
from flint import arb
from torch import nn

from cam import cut
from cam.jets import along_entries, tower
from verify.balls.walk import along_lines
from verify.rounding import RunningError

CLASS = 1


class Scores(nn.Module):
    """A layer, a function of what it puts out, and three scores that are curved in what the function puts out."""

    def __init__(self, function, curved=True):
        super().__init__()
        self.layer, self.between, self.curved = nn.Identity(), Between(function), curved

    def forward(self, x):
        y = self.between(self.layer(x)).reshape(1, -1)
        p = y @ (numbers(y.shape[1], 3, seed=7) / y.shape[1] ** 0.5)
        return p + p * p * p if self.curved else p


class Between(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def numbers(*shape, seed=0):
    """Return numbers between -2 and 2 without a pattern, also where drawing is forbidden."""
    count = torch.Size(shape).numel()
    return 2 * torch.sin(torch.arange(1, count + 1, dtype=torch.float64).square() + seed).reshape(shape)


def fraction(ball):
    mantissa, exponent = ball.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def tail_of(function, A, curved=True):
    return cut(Scores(function, curved), "layer", A).tail


def agree(tail, A, same=None, bits=128):
    """Demand that torch's numbers are as near to the balls as rounding allows, at every entry.

    Args:
        tail: balls are made of it.
        A: the activations.
        same: a tail that is the same function, by default this one: torch's numbers are its.
        bits: of precision.
    """
    same = same or tail
    entries = torch.arange(A.numel())
    same(A.expand(2, *A.shape[1:]))
    scores = along_entries(lambda moved: same(moved)[:, CLASS], A, entries)
    with RunningError() as mode:
        floats = tower(scores, A.new_zeros(len(entries)), 3, "reverse")
        floats = torch.stack([each.expand(len(entries)) for each in floats])
    errors = mode.error(floats)
    assert errors.isfinite().all()
    assert (errors[1:].amax(1) < 1e-6 * (1 + floats[1:].abs().amax(1))).all(), "nothing would be refuted"
    for entry, along in enumerate(along_lines(tail.graph, A, entries.tolist(), CLASS, bits=bits)):
        assert along.why == ""
        for k, ball in enumerate((along.score, *along.derivatives)):
            assert ball.rad() <= arb(2) ** -60 * (1 + abs(ball))
            gap = abs(Fraction(float(floats[k, entry])) - fraction(ball))
            assert gap <= Fraction(float(errors[k, entry])) + Fraction(float(ball.rad())) * 2, (entry, k)


@pytest.fixture
def planted(monkeypatch):
    """Put a wrong rule in the place of a right one."""

    def plant(name, wrong):
        from verify.balls import table

        true = table.RULES[name]
        monkeypatch.setitem(table.RULES, name, lambda *args, **kwargs: wrong(true(*args, **kwargs)))

    return plant

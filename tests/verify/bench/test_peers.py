"""Peers, balls and the engine agree on small tails."""

import pytest
import torch
from torch import nn

from cam import cut
from cam.jets import pure_derivatives
from verify.bench import elsewhere
from verify.bench.elsewhere import by_balls, in_jax
from verify.bench.peers import PEERS, REFERENCE
from verify.bench.workloads import CLASS, WORKLOADS

ENTRIES = [0, 7, 30]
BOUND = 1e-13


def exactly(model, A, entries=ENTRIES):
    rows = [[float(one) for one in row] for row in by_balls(model, A, entries, CLASS)]
    return torch.tensor(rows, dtype=torch.float64).T


def gap(one, other):
    scale = other.abs().amax(1, keepdim=True).clamp_min(1e-300)
    return float(((one - other).abs() / scale).max())


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_peers_balls_and_the_engine_agree(workload):
    model, A = workload.made(torch.float64, small=True)
    found = pure_derivatives(cut(model, "0", A).tail, A, target=CLASS)
    engine = torch.stack([found.g, found.h, found.t])
    expected = exactly(model, A)
    assert gap(engine[:, ENTRIES], expected) < BOUND
    for peer in PEERS:
        if peer.prepare is not in_jax:
            assert gap(peer.prepare(model, A, CLASS)(ENTRIES), expected) < BOUND, peer.name


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_jax_agrees_where_it_is_installed(workload):
    pytest.importorskip("jax")
    model, A = workload.made(torch.float64, small=True)
    assert gap(in_jax(model, A, CLASS)(ENTRIES), exactly(model, A)) < BOUND


def test_the_reference_would_be_wrong_without_primitives(monkeypatch):
    """Torch's own layer norm has another third derivative: that peers take it apart is not for nothing."""
    workload = next(one for one in WORKLOADS if one.name == "T4")
    model, A = workload.made(torch.float64, small=True)
    monkeypatch.setattr("verify.bench.peers.decomposed", lambda model: model)
    assert gap(REFERENCE.prepare(model, A, CLASS)(ENTRIES), exactly(model, A)) > 1e-3


def test_a_slightly_wrong_weight_is_seen():
    model, A = WORKLOADS[1].made(torch.float64, small=True)
    expected = exactly(model, A)
    with torch.no_grad():
        model[1][0].body[3].weight[0, 0, 0, 0] *= 1 + 1e-6
    assert gap(REFERENCE.prepare(model, A, CLASS)(ENTRIES), expected) > 1e-9


def test_balls_refuse_a_tie():
    model, A = WORKLOADS[0].made(torch.float64, small=True)
    with pytest.raises(ArithmeticError, match="a kink is not excluded"):
        by_balls(model, torch.zeros_like(A), [0], CLASS)


def test_balls_refuse_to_be_wide():
    model, A = WORKLOADS[2].made(torch.float64, small=True)
    with pytest.raises(ArithmeticError, match="too wide"):
        by_balls(model, A, [0], CLASS, bits=60)


def test_a_module_that_nobody_knows_is_named():
    with elsewhere._precise(100), pytest.raises(NotImplementedError, match="Tanh"):
        elsewhere.through(nn.Tanh(), None, elsewhere.Balls())

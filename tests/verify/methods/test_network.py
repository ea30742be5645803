"""Claims on real networks: what must hold does within its derived bound, what must fail fails, planted errors show."""

from dataclasses import replace

import pytest
import torch
from sympy import Rational

from cam import weights
from derivation.claims import CLAIMS, LIBRARY
from derivation.claims.weights import CLOSED
from derivation.hypotheses import slope
from derivation.notation import sigma, x
from verify.calibrate import Disagreement, demand
from verify.catalogue.networks import NETWORKS
from verify.methods import network as real
from verify.verdict import Verdict

BY_NAME = {network.name: network for network in NETWORKS}
CONCERNED = [claim for claim in CLAIMS if real.concerns(claim)]


@pytest.fixture(scope="module")
def scenes(request):
    """Return the digit networks after they have seen their picture; a few entries each, so that tests are quick."""
    kept = {}

    def scene(name):
        if name not in kept:
            whole = real.look(BY_NAME[name], seed=0)
            kept[name] = replace(whole, entries=whole.entries[::8])
        return kept[name]

    return scene


def judged(scene, *claims):
    findings = real.judge(scene, claims)
    return {
        name: real.weigh(real.joined(found), "", found.vacuous)
        for name, found in findings.claims.items()
        if found.differences
    }


def test_the_closed_form_holds_on_a_relu_network_under_an_exponential(scenes):
    scene = scenes("digits-relu")
    found = judged(scene, LIBRARY["alpha-closed-form"], LIBRARY["exp-power-rule"])
    assert all(piece.verdict is Verdict.SUPPORTED for piece in found.values())
    assert found["alpha-closed-form"].tried >= len(scene.entries)
    assert found["exp-power-rule"].tried >= 3 * len(scene.entries)


@pytest.mark.parametrize(
    ("name", "false", "true"),
    [
        ("digits-gelu", "alpha-closed-form-any-tail", "alpha-curvature-correction"),
        ("digits-relu-sigmoid", "alpha-closed-form-any-head", "alpha-any-head"),
    ],
)
def test_where_an_assumption_breaks_the_closed_form_fails_and_what_corrects_it_holds(scenes, name, false, true):
    found = judged(scenes(name), LIBRARY[false], LIBRARY[true])
    assert found[false].exceeds
    assert found[false].residual > 1e6 * found[false].bound
    assert found[true].verdict is Verdict.SUPPORTED
    assert false in LIBRARY[true].corrects


def test_a_claim_about_affine_tails_is_not_tried_on_a_curved_one(scenes):
    findings = real.judge(scenes("digits-gelu"), [LIBRARY["exp-power-rule"]])
    assert not findings.claims["exp-power-rule"].differences
    assert findings.claims["exp-power-rule"].vacuous > 0


def test_a_claim_about_affine_tails_is_not_tried_where_a_pooling_window_has_a_tie():
    from torch import nn

    def load():
        torch.manual_seed(0)
        layers = nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
        return nn.Sequential(*layers).double().eval(), torch.zeros(1, 1, 8, 8, dtype=torch.float64)

    scene = real.look(replace(BY_NAME["digits-relu"], load=load, layer="0"), seed=0)
    assert not scene.off_kinks
    findings = real.judge(scene, [LIBRARY["alpha-closed-form"], LIBRARY["third-derivative"]])
    assert not findings.claims["alpha-closed-form"].differences
    assert findings.claims["alpha-closed-form"].vacuous > 0
    assert findings.claims["third-derivative"].differences


def test_the_networks_of_the_catalogue_are_off_their_kinks(scenes):
    assert all(scenes(name).off_kinks for name in ("digits-relu", "digits-relu-sigmoid"))


def test_a_claim_about_the_exponential_is_not_tried_under_a_sigmoid(scenes):
    findings = real.judge(scenes("digits-relu-sigmoid"), [LIBRARY["alpha-closed-form"]])
    assert not findings.claims["alpha-closed-form"].differences


@pytest.mark.parametrize("name", ["digits-relu", "digits-gelu"])
@pytest.mark.parametrize("oracle", ["reverse", "forward"])
def test_an_oracle_that_is_wrong_by_a_billionth_disagrees_with_the_other(scenes, monkeypatch, name, oracle):
    from cam import jets

    right = jets.tower
    monkeypatch.setattr(jets, "tower", lambda *args: right(*args) * (1 + 1e-9 * (args[3] == oracle)))
    scene = scenes(name)
    with pytest.raises(Disagreement, match="forward mode against reverse mode"):
        demand(real.checks_of(scene, real.judge(scene, [])))


def test_every_entry_of_the_sample_is_judged_once_by_reverse_mode_and_some_by_forward_mode(scenes, monkeypatch):
    from cam import jets

    judged_by = {oracle: [] for oracle in jets.ORACLES}
    right = real.Batch.of.__func__

    def watched(cls, scene, entries, oracle, mode):
        judged_by[oracle] += entries.tolist()
        return right(cls, scene, entries, oracle, mode)

    monkeypatch.setattr(real.Batch, "of", classmethod(watched))
    monkeypatch.setattr(real, "FORWARD", 8)
    scene = scenes("digits-relu")
    real.judge(scene, [])
    assert sorted(judged_by["reverse"]) == scene.entries.tolist()
    assert 0 < len(judged_by["forward"]) <= 8
    assert set(judged_by["forward"]) < set(judged_by["reverse"])


@pytest.mark.parametrize(
    "wrong",
    [
        slope**2 / (slope**2 + sigma * slope**3),
        slope**2 / (2 * slope**2 - sigma * slope**3),
        slope / (2 * slope**2 + sigma * slope**3),
        CLOSED * (1 + Rational(1, 2**30)),
    ],
    ids=["no 2", "sign", "no square", "a billionth"],
)
def test_a_planted_error_in_a_claim_is_beyond_the_bound(scenes, wrong):
    planted = replace(LIBRARY["alpha-closed-form"], rhs=wrong, steps=())
    assert judged(scenes("digits-relu"), planted)["alpha-closed-form"].exceeds


@pytest.mark.parametrize(
    ("function", "wrong"),
    [
        pytest.param("alpha_closed", lambda g, sigma, rho=1.0: 1 / (1 + sigma * rho * g), id="closed, no 2"),
        pytest.param("alpha_closed", lambda g, sigma, rho=1.0: 1 / (2 - sigma * rho * g), id="closed, sign"),
        ("alpha_exact", lambda Y2, Y3, sigma: Y2 / (Y2 + sigma * Y3)),
        ("alpha_printed", lambda g, sigma: g**2 / (g**2 + sigma * g**3)),
        ("alpha_from_tail", lambda g, h, t, sigma: (g**2 + h) / (2 * (g**2 + h) + sigma * (g**3 + g * h + t))),
    ],
)
def test_a_planted_error_in_the_weights_is_a_disagreement(scenes, monkeypatch, function, wrong):
    monkeypatch.setattr(weights, function, wrong)
    scene = scenes("digits-gelu")
    with pytest.raises(Disagreement, match=f"cam.weights.{function}"):
        demand(real.checks_of(scene, real.judge(scene, [])))


def test_a_flipped_sign_in_the_sigmoids_ratio_is_a_disagreement(scenes, monkeypatch):
    from cam import heads

    sigmoid = heads.head("sigmoid")
    flipped = replace(sigmoid, rho=lambda S: -sigmoid.rho(S))
    monkeypatch.setattr(heads, "head", lambda name: flipped)
    scene = scenes("digits-relu-sigmoid")
    with pytest.raises(Disagreement, match="any head"):
        demand(real.checks_of(scene, real.judge(scene, [])))


def test_the_record_says_how_wrong_the_closed_form_is(scenes):
    records = {}
    for name in ("digits-relu", "digits-gelu", "digits-relu-sigmoid"):
        scene = scenes(name)
        records[name] = real.record(scene, real.judge(scene, []))
    assert [records[name]["holds"] for name in records] == [True, False, False]
    assert records["digits-relu"]["alpha_error"]["max"] <= records["digits-relu"]["alpha_error"]["bound"]
    assert records["digits-relu"]["map_difference"] < 1e-12
    assert records["digits-gelu"]["alpha_error"]["median"] > 0.01
    assert records["digits-gelu"]["smooth_operations"] == ["gelu"]
    for record in records.values():
        assert torch.tensor(record["map"]["exact"]).shape == (6, 6)


@pytest.mark.slow
def test_the_closed_form_holds_on_a_pretrained_network_and_a_photograph():
    scene = real.look(BY_NAME["lite0-chelsea"], seed=0)
    assert len(scene.entries) == real.ENTRIES >= 500
    found = judged(replace(scene, entries=scene.entries[::16]), *CONCERNED)
    for name in ("alpha-closed-form", "exp-power-rule", "third-derivative", "alpha-curvature-correction"):
        assert found[name].verdict is Verdict.SUPPORTED
    assert found["alpha-closed-form"].bound < 1e-9


def test_a_sample_is_drawn_by_its_seed_from_entries_with_a_gradient():
    network = BY_NAME["digits-gelu"]
    first, again, other = (real.look(network, seed).entries.tolist() for seed in (0, 0, 1))
    assert first == again != other
    assert len(set(first)) == real.ENTRIES


def test_a_claim_is_tried_at_the_orders_whose_derivatives_are_computed():
    assert real.orders(LIBRARY["exp-power-rule"]) == (1, 2, 3)
    assert real.orders(LIBRARY["alpha-any-order-exp"]) == (1, 2)
    assert real.orders(LIBRARY["alpha-closed-form"]) == (None,)
    assert not real.concerns(LIBRARY["alpha-log-head"]), "it differentiates S'/S, which is not computed"


def test_a_head_is_judged_on_the_networks_that_have_it(scenes):
    claim = LIBRARY["alpha-sigmoid-head"]
    assert judged(scenes("digits-relu-sigmoid"), claim)[claim.name].verdict is Verdict.SUPPORTED
    assert judged(scenes("digits-relu"), claim) == {}


def test_a_wrong_ratio_shows_on_a_network(scenes):
    right = LIBRARY["alpha-sigmoid-head"]
    wrong = replace(right, rhs=right.rhs.subs(sigma, -sigma))
    assert judged(scenes("digits-relu-sigmoid"), wrong)[right.name].verdict is Verdict.UNDECIDED


def test_a_claim_whose_hypothesis_names_what_a_network_does_not_have_is_not_tried_on_one():
    assert LIBRARY["softplus-closed-form-below-half"].symbols <= {sigma, x}
    assert not any(real.concerns(claim) for claim in CLAIMS if claim.name.startswith("softplus"))

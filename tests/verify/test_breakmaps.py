import math
from dataclasses import replace

import pytest
from sympy import Integer, Rational

import verify.measured
from derivation.claims import LIBRARY
from derivation.notation import sigma
from verify import breakmaps
from verify.breakmaps import MAPS, RIVALS, SHORT, sigmoid_poles

BY_NAME = {one.__name__: one for one in MAPS}
FAILS = {"precision"}
# What is planted into a claim: a sign, a 3 for the 2 of 1/alpha = 2 + ..., less than a billionth.
ALPHAS = {
    "sign": lambda rhs: rhs.xreplace({sigma: -sigma}),
    "three": lambda rhs: 1 / (1 / rhs + 1),
    "billionth": lambda rhs: rhs * (1 + Rational(1, 2**30)),
}
ERRORS = {**ALPHAS, "three": lambda rhs: rhs + 1}
MEASURED = {
    "sigmoid_pole": {"alpha-sigmoid-head": ALPHAS},
    "softplus_sharpness": {"alpha-softplus-error": ERRORS},
    "activations": {SHORT: ALPHAS, "alpha-curvature-correction": ERRORS},
    "temperature": {"alpha-tempered-exp-head": ALPHAS},
    "softmax_confidence": {"alpha-softmax": ALPHAS},
    "precision": {SHORT: {kind: ALPHAS[kind] for kind in ("sign", "three")}},
    "epsilon": {"alpha-closed-form": ALPHAS},
}
TEETH = [
    (name, claim, kind) for name, claims in MEASURED.items() for claim, planted in claims.items() for kind in planted
]


@pytest.fixture(scope="module")
def maps():
    return {name: make() for name, make in BY_NAME.items()}


def value(curve, x):
    """Return what a curve is at the place nearest to x."""
    return min(zip(curve.xs, curve.ys, strict=True), key=lambda point: abs(point[0] - x))[1]


@pytest.mark.parametrize("name", BY_NAME)
def test_a_map_names_its_axes_and_the_claims_it_rests_on(maps, name):
    drawn = maps[name]
    assert drawn.name == name.replace("_", "-")
    assert drawn.claims and set(drawn.claims) <= LIBRARY.keys()
    assert drawn.title and drawn.says.endswith(".")
    assert all("(" in panel.across and "(" in panel.up for panel in drawn.panels)


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - FAILS))
def test_theory_and_measurement_agree_at_every_point(maps, name):
    assert maps[name].agrees, maps[name].where_not
    assert maps[name].where_not == ""


def test_what_float32_loses_is_lost_where_it_was_expected_alone(maps):
    drawn = maps["precision"]
    assert not drawn.agrees
    assert drawn.explained, drawn.where_not
    for points in drawn.points:
        for one in points.breaks:
            assert any(one.low <= x <= one.high for x in points.outside), one.why
            assert one.why in drawn.where_not


def test_the_forms_that_cancel_lose_nothing_in_float32(maps):
    stable = [points for points in maps["precision"].points if not points.breaks]
    assert len(stable) == 2 and not any(points.outside for points in stable)


def test_every_break_of_float32_does_what_it_says(maps):
    printed = maps["precision"].panels[0].points[0]
    seen = [{y for x, y in zip(printed.xs, printed.ys, strict=True) if b.low < x < b.high} for b in printed.breaks]
    assert all(map(math.isnan, seen[0] | seen[3]))
    assert 0.5 in seen[1] and seen[2] == {0.0}


@pytest.mark.parametrize(("name", "claim", "kind"), TEETH, ids=lambda part: part)
def test_an_error_planted_in_a_claim_is_seen(name, claim, kind):
    planted = replace(LIBRARY[claim], rhs=MEASURED[name][claim][kind](LIBRARY[claim].rhs))
    drawn = BY_NAME[name]({**LIBRARY, claim: planted})
    assert not drawn.agrees and not drawn.explained
    assert "unexplained" in drawn.where_not


def test_an_error_planted_in_the_measurement_is_seen(monkeypatch):
    monkeypatch.setattr(
        verify.measured, "alpha_exact", lambda second, third, total: second / (3 * second + total * third)
    )
    assert not breakmaps.temperature().agrees


@pytest.mark.parametrize("reach", [0.25, 1.0, 2.0, 2.5, 6.0, 100.0])
def test_a_sigmoid_has_a_pole_below_zero_for_every_positive_reach_and_one_above_from_two_on(reach):
    poles = sigmoid_poles(reach)
    assert len(poles) == (2 if reach > 2 else 1)
    assert poles[0] < 0 and all(pole > 0 for pole in poles[1:])
    for pole in poles:
        s = 1 / (1 + math.exp(-pole))
        assert reach * (1 - 6 * s + 6 * s**2) / (1 - 2 * s) == pytest.approx(-2)


def test_alpha_changes_its_sign_at_the_poles_that_are_marked(maps):
    panel = maps["sigmoid_pole"].panels[0]
    true = {one.series: one for one in panel.curves if one.kind == "true"}
    for mark in panel.marks:
        below, above = value(true[mark.series], mark.at - 0.03), value(true[mark.series], mark.at + 0.03)
        assert below * above < 0 and min(abs(below), abs(above)) > 1


def test_a_sure_sigmoid_weighs_with_the_gradient_turned(maps):
    for curve in (one for one in maps["sigmoid_pole"].panels[0].curves if one.kind == "true"):
        reach = float(curve.label.removeprefix("σ g = "))
        assert curve.ys[-1] == pytest.approx(1 / (2 - reach), rel=0.01)
        assert curve.ys[0] == pytest.approx(1 / (2 + reach), rel=0.02)
        assert value(curve, 0.0) == 0


def test_a_softplus_error_on_the_kink_is_known_by_hand(maps):
    kink = maps["softplus_sharpness"].panels[0].curves[3]
    assert all(y == pytest.approx(beta / (1 + beta)) for beta, y in zip(kink.xs, kink.ys, strict=True))


def test_no_point_lies_on_a_kink_or_where_a_unit_is_flat(maps):
    for panel in maps["activations"].panels:
        places = {x for points in panel.points for x in points.xs}
        assert not places & {mark.at for mark in panel.marks}
        assert panel.blank is None or min(places) > panel.blank.high


def test_a_relu_follows_the_closed_form_and_a_gelu_does_not(maps):
    relu, gelu = maps["activations"].panels[:2]
    true, closed = relu.curves
    assert true.ys == closed.ys == (pytest.approx(1 / 5),) * len(true.ys)
    true, closed = gelu.curves
    assert max(abs(a - b) for a, b in zip(true.ys, closed.ys, strict=True)) > 0.5


def test_temperature_goes_from_nothing_to_a_half(maps):
    for curve in (one for one in maps["temperature"].panels[0].curves if one.kind == "true"):
        assert abs(curve.ys[0]) < 0.04 and curve.ys[-1] == pytest.approx(0.5, abs=0.01)


def test_a_sure_softmax_ends_where_the_moments_of_the_gaps_say(maps):
    footprint, curves = 4, maps["softmax_confidence"].panels[0].curves
    for (label, slope, rivals), curve in zip(RIVALS, (one for one in curves if one.label), strict=True):
        second, third = (sum((slope - rival) ** k for rival in rivals) / len(rivals) for k in (2, 3))
        limit = second / (2 * second - footprint * third)
        assert curve.label == label and limit < 0
        assert curve.ys[-1] == pytest.approx(limit, rel=1e-3)


def test_an_epsilon_takes_half_near_the_root_of_its_half(maps):
    panel = maps["epsilon"].panels[0]
    for curve, mark in zip(panel.curves, panel.marks, strict=True):
        assert value(curve, mark.at) == pytest.approx(0.5, abs=0.05)
        assert curve.ys[0] == pytest.approx(1, abs=1e-3)


def test_the_planted_edits_change_what_they_are_applied_to():
    assert ALPHAS["three"](Rational(1, 5)) == Rational(1, 6)
    assert ERRORS["three"](Integer(1)) == 2 and ALPHAS["sign"](sigma) == -sigma

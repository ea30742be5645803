"""What is certified of computed weights, and how a wrong one shows."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from cam import cut
from verify.balls.work import work
from verify.check import certificate, compare
from verify.check.certificate import BALLS, ROUNDING, certify
from verify.check.enclosed import at_least, at_most, enclosed
from verify.check.judge import check_model
from verify.check.places import arranged
from verify.report import check as shown

from .conftest import Do, picture, small

HEADS = ("exp", "sigmoid", "softmax", "log_softmax")


def explained(activation=nn.GELU, head="exp"):
    where = cut(small(activation), "0", picture())
    order = arranged(where.activations.shape, "channels-first")
    return where, compare.explained(where, 1, head, order), order


def certified(activation=nn.GELU, head="exp", **planted):
    where, both, order = explained(activation, head)
    for kind, factor in planted.items():
        said = getattr(both, kind)
        both = replace(both, **{kind: replace(said, alpha=said.alpha * factor)})
    return certify(where, both, head, order)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU, nn.SiLU])
@pytest.mark.parametrize("head", HEADS)
def test_balls_certify_the_computed_weights_under_every_head(activation, head):
    found = certified(activation, head)
    assert (found.by, found.entries, found.certified, found.lost, found.why) == (BALLS, 16, 16, "", "")
    assert 0 < found.exact == found.engine < 1e-9
    assert 0 < found.closed < 1e-9
    assert found.within >= found.least
    assert (found.apart == 16) is (activation is not nn.ReLU or head != "exp")
    assert found.off_kinks is (activation is nn.ReLU)
    assert found.one_map is (activation is nn.ReLU and head == "exp")


@pytest.mark.parametrize("head", HEADS)
def test_running_error_analysis_finds_no_more_than_balls_allow(head, monkeypatch):
    balls = certified(head=head)
    monkeypatch.setattr(certificate, "WORK", 0)
    other = certified(head=head)
    assert (other.by, other.certified, other.lost) == (ROUNDING, 16, "")
    assert other.apart <= balls.apart
    assert other.least <= balls.within
    assert balls.least <= other.within
    assert other.closed < 1e-9
    assert other.exact < 1e-6


@pytest.mark.parametrize("limit", [certificate.WORK, 0])
@pytest.mark.parametrize("kind", ["closed", "exact"])
def test_a_wrong_weight_shows_in_its_certified_error_and_in_no_other(kind, limit, monkeypatch):
    monkeypatch.setattr(certificate, "WORK", limit)
    right, wrong = certified(), certified(**{kind: 1 + 1e-4})
    assert getattr(wrong, kind) > 1e-6
    other = {"closed": "exact", "exact": "closed"}[kind]
    assert getattr(wrong, other) == getattr(right, other) < 1e-6
    assert (wrong.apart, wrong.within) == (right.apart, right.within)


@pytest.mark.parametrize("limit", [certificate.WORK, 0])
def test_the_largest_difference_is_certified_whatever_is_drawn(limit, monkeypatch):
    monkeypatch.setattr(certificate, "WORK", limit)
    where, both, order = explained()
    counts = (both.exact.g > 0) | (both.closed.g > 0)
    largest = float(both.gap[counts].abs().max())
    for seed in range(3):
        found = certify(where, both, "exp", order, seed=seed, sample=2)
        assert found.entries == 2 and found.least == pytest.approx(largest, rel=1e-9)


def test_a_weight_that_is_no_number_is_infinitely_wrong():
    assert certified(exact=float("nan")).exact == float("inf")
    assert certified(closed=float("inf")).closed == float("inf")


def test_a_wrong_engine_shows_in_the_certificate(monkeypatch):
    import cam.jets

    true = cam.jets.pure_derivatives

    def wrong(*args, **kwargs):
        found = true(*args, **kwargs)
        return replace(found, h=found.h * (1 + 1e-3))

    monkeypatch.setattr(cam.jets, "pure_derivatives", wrong)
    assert certified().exact > 1e-7


def test_a_wrong_rule_for_balls_shows_in_the_certificate(monkeypatch):
    from flint import arb

    from verify.balls import table
    from verify.balls.lines import scaled

    true = table.RULES["gelu"]
    monkeypatch.setitem(table.RULES, "gelu", lambda *how, **named: scaled(true(*how, **named), arb(1 + 1e-3)))
    assert certified().exact > 1e-7


def behind(function):
    layers = list(small())
    return nn.Sequential(layers[0], Do(function), *layers[2:]).double().eval()


def test_where_balls_have_no_rule_rounding_is_bounded():
    found = check_model(behind(lambda x: x.sin().cumsum(1)), "0", picture()).certificate
    assert (found.by, found.why) == (ROUNDING, "")


def test_where_neither_is_possible_both_reasons_are_given(monkeypatch):
    monkeypatch.setattr(certificate, "WORK", 10)
    monkeypatch.setattr(certificate, "LARGEST", 10)
    found = certified()
    assert (found.by, found.certified) == ("", 0)
    assert "numbers, more than 10" in found.why
    assert "more than 10 multiplications" in found.why


def test_entries_on_a_kink_are_not_certified_and_it_is_said_which_operation():
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 2, 1), nn.ReLU(), Do(lambda x: torch.maximum(x, 2 * x)), nn.Flatten(), nn.Linear(128, 3)
    found = check_model(nn.Sequential(*layers).double().eval(), "1", picture(), target=0)
    told = found.certificate
    assert 0 < told.certified < told.entries == 16
    assert told.lost.startswith("maximum in 2 lies on a kink")
    assert told.within == float("inf")
    said = shown.certificate({"certificate": {**vars(told), "within": None}})
    assert f"{told.certified} of them certified by ball arithmetic, and not the others (maximum in 2" in said


def test_if_all_lie_on_a_kink_nothing_is_certified():
    class Ties(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            A = self.layer(torch.ones(1, 2, 2, 2, dtype=x.dtype) + 0 * x.sum())
            return torch.stack([A.amax((1, 2, 3)), A.mean((1, 2, 3))], 1)

    found = check_model(Ties(), "layer", picture(), target=0).certificate
    assert (found.by, found.certified) == ("", 0)
    assert "lies on a kink" in found.why


class Line(nn.Module):
    """A score with slope 1 at every entry: at A = -1/2 on four places, 2 + sigma g = 0."""

    def __init__(self, at):
        super().__init__()
        self.layer, self.at = nn.Identity(), at

    def forward(self, x):
        A = self.layer(torch.full((1, 1, 2, 2), self.at, dtype=x.dtype) + 0 * x.sum())
        return torch.stack([A.sum((1, 2, 3)), A.mean((1, 2, 3))], 1)


def test_on_a_pole_nothing_is_certified():
    found = check_model(Line(-0.5), "layer", picture(), target=0).certificate
    assert (found.by, found.why) == ("", "a pole is not excluded: a denominator may be 0")
    near = check_model(Line(-0.5 + 2.0**-30), "layer", picture(), target=0).certificate
    assert (near.by, near.certified) == (BALLS, 4)


def test_bits_are_doubled_until_a_branch_is_proved_or_the_work_is_done():
    class Near(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Identity()

        def forward(self, x):
            A = self.layer(torch.full((1, 2, 2, 2), 2.0, dtype=x.dtype) + 0 * x.sum())
            s = (A.sqrt() ** 2 - A + 1e-60).relu().sum((1, 2, 3)) + A.square().sum((1, 2, 3))
            return torch.stack([s, -s], 1)

    where = cut(Near(), "layer", picture())
    A = where.activations
    arguments = where.tail, where.tail, A, torch.arange(3), A[0, 0].flatten().expand(3, 4), 0, "exp"
    assert all(each.narrow for each in enclosed(*arguments, 100))
    assert all("relu" in each.why for each in enclosed(*arguments, 1))


def test_bounds_as_floats_are_bounds():
    from flint import arb

    from verify.arithmetic.ball import precision

    with precision(200):
        for ball in (arb(1) / 3, -arb(2).sqrt(), arb(0), arb(1, 0.5), arb(0, 1)):
            assert arb(at_most(ball)) >= ball.abs_upper()
            assert arb(at_least(ball)) <= ball.abs_lower()
        assert at_most(arb("nan")) == at_most(arb("inf")) == float("inf")
        assert at_most(arb(1) / 3) < 0.3334
        assert at_least(arb(1) / 3) > 0.3333


def test_bounds_are_printed_rounded_to_the_safe_side():
    assert shown._up(1.201e-16) == "1.3 × 10⁻¹⁶"
    assert shown._down(1.299e-16) == "1.2 × 10⁻¹⁶"
    assert shown._up(0.0) == "0"


def test_what_stands_still_is_no_work():
    graph, A = (where := explained()[0]).tail.graph, where.activations
    alone, one, two = (work(graph, A, entries) for entries in ([], [7], [7, 19]))
    assert 0 < alone < one < two
    assert work(graph, A, [7], 1) < one


def test_a_larger_tail_is_more_work():
    layers = [*list(small(nn.GELU))[:2], nn.Conv2d(4, 50, 3), nn.ReLU(), nn.Flatten(), nn.Linear(800, 3)]
    one, other = (cut(nn.Sequential(*each).double(), "0", picture()) for each in (small(nn.GELU), layers))
    entries = range(0, 144, 9)
    assert work(other.tail.graph, other.activations, entries) > 4 * work(one.tail.graph, one.activations, entries)

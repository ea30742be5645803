import pytest
import torch
from torch import nn

import cam.maps
import verify
from cam import cut, nested_derivatives
from cam.weights import alpha_exact, footprint
from verify.check import compare, reasons
from verify.check.judge import check_model
from verify.check.places import arranged, is_map
from verify.check.reasons import CLOSED, EXACT, LATER
from verify.errors import UsageError
from verify.report.check import certificate

from .conftest import Do, picture, small


def holds(found):
    return {each.name: each.holds for each in found.assumptions}


def test_behind_a_piecewise_linear_tail_the_closed_form_applies():
    found = verify.check_model(small(), "0", picture())
    assert (found.advice, found.applies, found.instead) == (CLOSED, True, None)
    assert all(each.holds for each in found.assumptions if each.needed)
    assert found.weights.largest <= found.weights.bound < 1e-12
    assert found.weights.counting > 10
    assert (found.certificate.apart, found.certificate.off_kinks, found.certificate.one_map) == (0, True, True)
    assert found.certificate.within < 1e-9
    assert 0 < found.kinks.nearest <= found.kinks.median
    assert found.maps.difference < 1e-12


def test_a_planted_factor_in_the_closed_form_changes_the_verdict(monkeypatch):
    true = cam.maps.alpha_closed
    monkeypatch.setattr(cam.maps, "alpha_closed", lambda g, sigma, rho=1.0: true(g, sigma, rho) * (1 + 1e-9))
    found = check_model(small(), "0", picture())
    assert found.advice == EXACT
    assert [name for name, value in holds(found).items() if value is False] == ["measured"]
    assert "report it as a fault" in " ".join(found.reasons)


def test_a_planted_factor_in_the_closed_form_is_found_by_the_certificate_too(monkeypatch):
    true = cam.maps.alpha_closed
    monkeypatch.setattr(cam.maps, "alpha_closed", lambda g, sigma, rho=1.0: true(g, sigma, rho) * 1.001)
    found = check_model(small(), "0", picture()).certificate
    assert found.closed > 1e-5
    assert found.exact < 1e-15
    assert found.apart == 0


def test_a_planted_factor_in_the_formula_is_found_by_running_error_analysis(monkeypatch):
    import cam.weights

    monkeypatch.setattr("verify.check.certificate.WORK", 0)
    true = cam.weights.alpha_closed
    monkeypatch.setattr(cam.weights, "alpha_closed", lambda g, sigma, rho=1.0: true(g, sigma, rho) * 1.001)
    assert check_model(small(), "0", picture()).certificate.apart == 16


class Hidden(nn.Module):
    def forward(self, x):
        return x + 0.1 * x.sin()


class Product(nn.Module):
    def forward(self, x):
        return torch.stack([(x[:, 0] * x[:, 1]).sum((1, 2)), x.sum((1, 2, 3))], 1)


def test_a_smooth_operation_hidden_in_a_module_is_found_with_its_place():
    model = small()
    model[3] = nn.Sequential(nn.ReLU(), Hidden())
    found = check_model(model, "2", picture())
    (smooth,) = [each for each in found.operations if each.kind == "smooth"]
    assert (smooth.name, smooth.layer) == ("sin", "3.1")
    assert smooth.second > 0
    assert smooth.third > 0
    assert holds(found)["affine"] is False
    assert found.certificate.apart > 0
    assert "sin in 3.1" in found.reasons[0]
    assert (found.advice, found.instead) == (LATER, "3.1")


def test_smooth_operations_that_add_nothing_along_any_line_do_no_harm():
    model = nn.Sequential(small()[0], Product())
    found = check_model(model, "0", picture(), target=0)
    assert any(each.kind == "smooth" for each in found.operations)
    assert holds(found)["affine"] is True
    assert found.applies


@pytest.mark.parametrize("activation", [nn.GELU, nn.SiLU, nn.Softplus, nn.Tanh])
def test_the_nearest_later_layer_that_would_do_is_named(activation):
    found = check_model(small(activation), "0", picture())
    assert (found.advice, found.instead) == (LATER, "1")
    assert check_model(small(activation), found.instead, picture()).applies


def test_no_later_layer_is_named_where_the_places_are_gone():
    layers = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(4), nn.Linear(4, 3)
    torch.manual_seed(1)
    found = check_model(nn.Sequential(*layers).eval(), "0", picture())
    assert (found.advice, found.instead) == (EXACT, None)
    assert "No later layer" in found.reasons[-1]


def test_on_a_kink_the_layer_behind_it_is_named():
    layers = nn.Conv2d(3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(32, 3)
    model = nn.Sequential(*layers).eval()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([0.0, 1.0]))
    found = check_model(model, "1", picture())
    assert holds(found)["off-kinks"] is False
    assert (found.advice, found.instead) == (LATER, "2")
    assert not found.certificate.off_kinks
    assert not found.certificate.one_map


def test_a_layer_on_a_jump_has_no_certain_map():
    model = nn.Sequential(nn.Conv2d(3, 2, 1), Do(lambda A: A + A.bool()), nn.Flatten(), nn.Linear(128, 3)).eval()
    with torch.no_grad():
        model[0].weight.zero_()
        model[0].bias.copy_(torch.tensor([0.0, 1.0]))
    found = check_model(model, "0", picture())
    assert holds(found)["off-kinks"] is None and found.kinks.why
    assert next(each.kind for each in found.operations if each.name == "_to_copy") == "piecewise linear"
    assert not found.certificate.off_kinks
    assert not found.certificate.one_map


def test_at_a_pole_it_is_not_said_that_there_is_a_map():
    linear = nn.Linear(4, 2, bias=False)
    model = nn.Sequential(nn.Identity(), nn.Flatten(), linear).double().eval()
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 0.5, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]]))
    A = torch.tensor([[[[-1.0, -1.0]], [[1.0, 2.0]]]], dtype=torch.float64)  # sigma = -2 in the first channel
    found = check_model(model, "0", A, target=0)
    assert found.maps is None and holds(found)["no-pole"] is False
    assert "one, unless a weight is infinite" in certificate({"certificate": vars(found.certificate)})


@pytest.mark.parametrize("side", [2, 3])
def test_windows_of_several_sizes_are_no_obstacle(side):
    layers = nn.Conv2d(3, 2, 1), nn.AdaptiveMaxPool2d(side), nn.Flatten(), nn.Linear(2 * side**2, 3)
    found = check_model(nn.Sequential(*layers).eval(), "0", picture())
    assert bool(found.certificate.why) is (side == 3)


@pytest.mark.parametrize("head", ["sigmoid", "softmax", "log_softmax"])
def test_under_another_outer_function_the_exact_weights_are_named(head):
    found = check_model(small(), "0", picture(), head=head)
    assert found.advice == EXACT
    assert holds(found)["affine"] is True
    assert holds(found)["exp"] is False
    assert found.certificate.apart > 0
    assert not any("later layer" in reason for reason in found.reasons)


@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
@pytest.mark.parametrize("head", ["softmax", "log_softmax", "sigmoid"])
def test_exact_weights_are_those_of_nested_derivatives_of_the_outer_function(activation, head):
    where = cut(small(activation), "0", picture())
    A, c = where.activations, 1
    both = compare.explained(where, c, head, arranged(A.shape, "channels-first"))
    functions = {"softmax": lambda s: s.softmax(1), "log_softmax": lambda s: s.log_softmax(1), "sigmoid": torch.sigmoid}
    _, Y1, Y2, Y3 = nested_derivatives(lambda moved: functions[head](where.tail(moved))[:, c], A).unflatten(1, A.shape)
    expected = alpha_exact(Y2, Y3, footprint(A))[0]
    counts = Y1[0] > 0
    assert (both.exact.g[counts] > 0).all()
    assert torch.allclose(both.exact.alpha[counts], expected[counts], rtol=1e-7)


class Line(nn.Module):
    """Scores, the first with slope 1 or -1 at every entry of a map that is given."""

    def __init__(self, A, sign=1):
        super().__init__()
        self.A, self.sign, self.layer = A, sign, nn.Identity()

    def forward(self, x):
        A = self.layer(self.A + 0 * x.sum())
        return self.sign * torch.stack([A.sum((1, 2, 3)), A.mean((1, 2, 3))], 1)


def test_a_pole_is_told_and_its_map_is_not_drawn():
    found = check_model(Line(torch.full((1, 1, 2, 2), -0.5, dtype=torch.float64)), "layer", picture(), target=0)
    assert holds(found)["no-pole"] is False
    assert found.weights.nearest == 0
    assert found.maps is None
    assert found.advice == EXACT


def test_weights_beyond_a_pole_are_counted_and_do_no_harm():
    found = check_model(Line(torch.full((1, 1, 2, 2), -0.7, dtype=torch.float64)), "layer", picture(), target=0)
    assert found.weights.beyond == (4, 4)
    assert holds(found)["one-sign"] is False
    assert found.applies


def test_a_score_that_falls_everywhere_is_said_to_have_been_compared_nowhere():
    model = Line(-torch.ones(1, 1, 2, 2, dtype=torch.float64), sign=-1)
    found = check_model(model, "layer", picture(), target=0)
    assert holds(found)["measured"] is None
    assert not found.applies
    assert found.certificate.why.startswith("no entry counts")


def test_large_tails_are_not_certified_and_it_is_said_why(monkeypatch):
    monkeypatch.setattr("verify.check.certificate.WORK", 10)
    monkeypatch.setattr("verify.check.certificate.LARGEST", 10)
    found = check_model(small(), "0", picture()).certificate
    assert "numbers, more than 10" in found.why
    assert found.one_map  # which takes one pass
    monkeypatch.undo()
    monkeypatch.setattr("verify.check.certificate.WORK", 10)
    monkeypatch.setattr("verify.check.certificate.HELD", 10)
    assert "weights, more than 10" in check_model(small(), "0", picture()).certificate.why


def test_the_model_comes_back_as_it_was():
    model = small().float()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    check_model(model, model[0], picture().float())
    after = model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert next(model.parameters()).dtype == torch.float32


@pytest.mark.parametrize(
    ("layer", "options", "says"),
    [
        ("convolution", {}, "nearest names"),
        (nn.ReLU(), {}, "not a module of the model"),
        ("4", {}, "puts out (1, 80)"),
        ("0", {"target": 3}, "classes 0 to 2, not 3"),
        ("0", {"target": -1}, "classes 0 to 2, not -1"),
        ("0", {"head": "expp"}, "did you mean 'exp'"),
    ],
)
def test_a_wrong_request_is_one_line_that_says_what_to_do(layer, options, says):
    with pytest.raises(UsageError) as error:
        check_model(small(), layer, picture(), **options)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (picture() / 0, "NaN or infinite"),
        (torch.zeros(2, 3, 8, 8), "one floating tensor"),
        (torch.zeros(1, 3, 9, 9), "fails on a picture of shape (1, 3, 9, 9)"),
    ],
)
def test_a_wrong_picture_is_one_line(image, says):
    with pytest.raises(UsageError) as error:
        check_model(small(), "0", image)
    assert says in str(error.value)


class Moved(nn.Module):
    """Put channels last, or make tokens of a map, with leading ones that no place belongs to."""

    def __init__(self, leading=None):
        super().__init__()
        self.leading = leading

    def forward(self, x):
        if self.leading is None:
            return x.permute(0, 2, 3, 1)
        tokens = x.flatten(2).transpose(1, 2)
        return torch.cat([tokens[:, : self.leading] * 2, tokens], 1)


class Back(Moved):
    def forward(self, x):
        if self.leading is None:
            return x.permute(0, 3, 1, 2)
        return x[:, self.leading :].transpose(1, 2).unflatten(2, (6, 6))


@pytest.mark.parametrize(("places", "leading"), [("channels-last", None), ("tokens", 0), ("tokens", 1)])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU])
def test_another_arrangement_has_the_same_weights_and_maps(places, leading, activation):
    layers = list(small(activation))
    plain = check_model(nn.Sequential(*layers), "0", picture())
    moved = nn.Sequential(layers[0], Moved(leading), Back(leading), *layers[1:])
    found = check_model(moved, "1", picture(), places=places)
    assert torch.allclose(torch.tensor(found.exact), torch.tensor(plain.exact))
    assert found.weights.counting == plain.weights.counting
    assert found.weights.relative == pytest.approx(plain.weights.relative, abs=1e-12)
    assert (found.certificate.apart, found.advice) == (plain.certificate.apart, plain.advice)
    assert found.certificate.engine < 1e-10


@pytest.mark.parametrize(
    ("shape", "places", "expected"),
    [
        ((1, 5, 3, 3), "channels-first", True),
        ((1, 768, 1, 1), "channels-last", False),
        ((1, 1, 1, 768), "channels-first", False),
        ((1, 50, 8), "tokens", True),
        ((1, 50, 8), "channels-first", False),
        ((1, 1, 8), "tokens", False),
        ((1, 8), "channels-first", False),
    ],
)
def test_what_is_pooled_has_no_places(shape, places, expected):
    assert is_map(shape, places) is expected


def test_channels_that_seem_to_come_last_raise_a_doubt():
    assert reasons.doubts_of((1, 7, 7, 768), "channels-first")
    assert not reasons.doubts_of((1, 7, 7, 768), "channels-last")
    assert not reasons.doubts_of((1, 768, 7, 7), "channels-first")


@pytest.mark.parametrize(
    ("shape", "places", "says"),
    [
        ((1, 197, 192), "channels-first", "--places tokens"),
        ((1, 80), "tokens", "choose a layer"),
        ((1, 24, 8), "tokens", "24 tokens are no square map"),
        ((1, 4, 4, 4), "chanels-last", "did you mean 'channels-last'"),
    ],
)
def test_activations_without_places_are_one_line(shape, places, says):
    with pytest.raises(UsageError, match=says):
        arranged(shape, places)


def test_channels_that_are_zero_weigh_one_half_and_are_compared():
    layers = nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 3)
    model = nn.Sequential(*layers).eval()
    with torch.no_grad():
        model[0].bias.copy_(torch.tensor([-100.0, 1.0]))
    found = check_model(model, "1", picture())
    assert found.applies
    assert found.certificate.within < 1e-9


def test_an_entry_alone_has_no_later_layer_to_be_tried_in_vain(monkeypatch):
    tried = []
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(64, 3)
    model = nn.Sequential(*layers).eval()
    found = check_model(model, "0", picture(), progress=lambda what, *_: tried.append(what))
    assert found.instead == "3"
    assert [what for what in tried if what.startswith("trying")] == ["trying 3"]


def test_advice_is_one_of_three():
    assert {CLOSED, EXACT, LATER} == {
        "use the closed form",
        "use the exact weights",
        "take this layer instead",
    }


def behind(function):
    """Return a network whose first layer is followed by a function and a linear classifier."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 4, 3), Do(function), nn.Flatten(), nn.Linear(144, 3)
        return nn.Sequential(*layers).double().eval()


CANCELLING = {
    "softplus": lambda a: nn.functional.softplus(a) - nn.functional.softplus(-a),
    "logarithm": lambda a: a.sigmoid().log() - (-a).sigmoid().log(),
    "square": lambda a: (a + 1) ** 2 - (a - 1) ** 2,
}


@pytest.mark.parametrize("name", CANCELLING)
def test_curvature_that_cancels_is_none(name):
    found = check_model(behind(CANCELLING[name]), "0", picture())
    assert any(each.kind == "smooth" for each in found.operations)
    assert holds(found)["affine"] is True
    assert found.weights.same is True
    assert found.applies


def test_curvature_that_nearly_cancels_is_found():
    nearly = lambda a: nn.functional.softplus(a) - nn.functional.softplus(-(1 + 1e-7) * a)  # noqa: E731
    found = check_model(behind(nearly), "0", picture())
    assert holds(found)["affine"] is False
    assert not found.applies


class Later(nn.Module):
    """A curved function, then a layer from which the first score is a given multiple of the sum."""

    def __init__(self, slope):
        super().__init__()
        self.first, self.curved, self.layer, self.slope = small()[0], nn.SiLU(), nn.Identity(), slope

    def forward(self, x):
        total = self.slope * self.layer(self.curved(self.first(x)) - 1).sum((1, 2, 3))
        return torch.stack([total, -total], 1)


@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_no_layer_is_named_at_which_the_assumptions_fail(slope):
    model = Later(slope).double().eval()
    found = check_model(model, "first", picture(), target=0)
    assert found.instead == ("curved" if slope > 0 else None)
    if slope > 0:
        assert check_model(model, "curved", picture(), target=0).applies
    else:
        assert not check_model(model, "curved", picture(), target=0).applies
        assert "No later layer" in found.reasons[-1]


class Dips(nn.Module):
    """A layer, then x^2 - 3/4 in another one: -1/2 at all four places if it puts out 1/2, and 2 + sigma g = 0."""

    def __init__(self, at):
        super().__init__()
        self.A = torch.full((1, 1, 2, 2), at, dtype=torch.float64)
        self.layer, self.curved = nn.Identity(), Do(lambda x: x.square() - 0.75)

    def forward(self, x):
        A = self.curved(self.layer(self.A + 0 * x.sum()))
        return torch.stack([A.sum((1, 2, 3)), A.mean((1, 2, 3))], 1)


@pytest.mark.parametrize(("at", "instead"), [(0.5, None), (1.0, "curved")])
def test_no_layer_is_named_at_which_there_is_a_pole(at, instead):
    assert holds(check_model(Dips(at), "curved", picture(), target=0))["no-pole"] is (instead is not None)
    assert check_model(Dips(at), "layer", picture(), target=0).instead == instead


def test_on_a_kink_without_a_later_layer_it_is_said_that_both_weights_are_one():
    layers = nn.Conv2d(3, 2, 1), nn.ReLU(), nn.Flatten(), nn.ReLU(), nn.Linear(128, 3)
    model = nn.Sequential(*layers).eval()
    found = check_model(model, "1", picture())
    assert holds(found)["off-kinks"] is False
    assert (found.advice, found.instead) == (EXACT, None)
    assert found.reasons[-1].startswith("On a kink there is no derivative")


MASKED = {
    "product": lambda a: a * (a > 0),
    "masked fill": lambda a: a.masked_fill(a <= 0, 0),
    "sign": lambda a: a * a.sign(),
    "floor": lambda a: a * a.floor(),
    "round": lambda a: a * (a - 0.5).round(),
}


@pytest.mark.parametrize("name", MASKED)
def test_a_kink_that_a_mask_makes_is_not_overlooked(name):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layers = nn.Conv2d(3, 4, 3), nn.ReLU(), Do(MASKED[name]), nn.Flatten(), nn.Linear(144, 3)
        model = nn.Sequential(*layers).double().eval()
    found = check_model(model, "1", picture() - 0.5)
    assert holds(found)["off-kinks"] is None
    assert not found.applies


def test_a_mask_off_its_kink_does_no_harm():
    found = check_model(behind(MASKED["product"]), "0", picture())
    assert holds(found)["off-kinks"] is True
    assert found.applies


def test_curvature_without_bound_has_no_bound():
    model = behind(lambda a: a + a.norm(dim=1, keepdim=True))  # A = 0: the cone's tip
    model[0].weight.data.zero_()
    model[0].bias.data.zero_()
    assert not check_model(model, "0", picture()).applies

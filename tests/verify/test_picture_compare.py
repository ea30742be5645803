"""One picture: the study's maps are the library's, piecewise-linear tails differ by rounding alone, errors are seen."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

import cam.maps
from cam import GradCAMPlusPlus
from verify import picture, picture_compare
from verify.catalogue.viewed import FORMS, experiment
from verify.errors import Fault
from verify.picture_compare import compare, differentiated, explanations
from verify.rounding import RunningError

EXP, PRINTED, ANY = FORMS
RELU, GELU = experiment("digits-relu"), experiment("digits-gelu-after")


@pytest.fixture
def afresh():
    picture_compare._shared.cache_clear()
    yield
    picture_compare._shared.cache_clear()


def compared(tried, number, form):
    mode = RunningError()
    return compare(*differentiated(tried, number, mode), form, mode)


@pytest.mark.parametrize("tried", [RELU, GELU], ids=lambda each: each.name)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_the_maps_are_those_of_the_library(tried, form):
    closed, exact = explanations(*differentiated(tried, 2), form)
    for found, head, weights in ((closed, form.closed, "closed"), (exact, form.head, "exact")):
        own = GradCAMPlusPlus(tried.load(), tried.layer, head=head, weights=weights).explain(tried.picture(2))
        assert found.target == own.target
        torch.testing.assert_close(found.map, own.map, rtol=1e-9, atol=0)


@pytest.mark.parametrize("form", [form for form in FORMS if form.fits], ids=lambda form: form.name)
@pytest.mark.parametrize("number", [0, 1, 2])
def test_on_a_piecewise_linear_tail_the_form_that_fits_differs_by_less_than_rounding_can_do(form, number):
    found = compared(RELU, number, form)
    assert found.difference <= found.bound < 1e-9
    assert not found.moved and found.overlap == 1 and found.rank == pytest.approx(1)
    assert found.turned == 0 and found.beyond[0] == found.beyond[1]


def test_there_the_printed_form_under_a_sigmoid_differs_by_more_and_poles_are_met():
    found = compared(RELU, 1, PRINTED)
    assert found.difference > 1000 * found.bound
    assert found.beyond[0] == 0 < found.beyond[1] == found.turned <= found.entries


def test_on_a_curved_tail_the_difference_is_certified():
    found = compared(GELU, 1, EXP)
    assert 1e-12 < found.bound < 1e-4 < found.difference


def test_without_an_error_analysis_there_is_no_bound_and_the_same_numbers():
    found = compare(*differentiated(RELU, 0), EXP)
    assert found.bound is None
    assert found == dataclasses.replace(compared(RELU, 0, EXP), bound=None)


def test_a_closed_form_with_3_in_place_of_2_is_seen(monkeypatch):
    monkeypatch.setattr(cam.maps, "alpha_closed", lambda g, sigma, rho: 1 / (3 + rho * sigma * g))
    found = compared(RELU, 0, EXP)
    assert found.difference > 1000 * found.bound


def test_an_exact_map_that_is_turned_over_is_seen(monkeypatch):
    right = cam.maps.weighed

    def turned(A, c, derivatives, outer, weights):
        found = right(A, c, derivatives, outer, weights)
        return dataclasses.replace(found, map=found.map.flip(-1)) if weights == "exact" else found

    monkeypatch.setattr(cam.maps, "weighed", turned)
    found = compared(RELU, 0, EXP)
    assert found.difference > 1000 * found.bound and found.rank < 0.9 and found.moved


def test_a_wrong_third_derivative_is_seen(monkeypatch):
    A, c, derivatives = differentiated(GELU, 0)
    straight = derivatives.clone()
    straight[2:] = 0  # as if the tail were affine: then (19) is right, and nothing would be found
    assert compare(A, c, straight, EXP).difference < 1e-12 < compare(A, c, derivatives, EXP).difference


def test_the_four_numbers_are_those_of_the_two_maps():
    derived = differentiated(GELU, 3)
    one, other = (picture.normalised(each.map.numpy()) for each in explanations(*derived, EXP))
    found = compare(*derived, EXP)
    assert found.rank == picture.rank_correlation(one, other) and found.overlap == picture.overlap(one, other)
    assert found.difference == np.abs(one - other).max() and found.moved == (one.argmax() != other.argmax())


def test_a_map_on_a_pole_is_none():
    A = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    # sigma g = 1, h = 1, t = -8: the denominator 2 (1 + 1) + (1 + 3 - 8) is 0.
    derivatives = torch.tensor([[0.0], [1.0], [1.0], [-8.0]], dtype=torch.float64)
    assert compare(A, 0, derivatives, EXP) is None


def test_empty_maps_are_counted():
    A = -torch.ones(1, 1, 2, 2, dtype=torch.float64)
    derivatives = torch.zeros(4, 4, dtype=torch.float64)
    derivatives[1] = 0.25  # sigma g = -1: alpha = 1, the map is negative before its relu
    found = compare(A, 0, derivatives, EXP)
    assert found.empty == (True, True) and found.entries == 4 and found.beyond == (0, 0)
    assert (found.rank, found.overlap, found.difference, found.moved) == (1, 1, 0, False)


def test_a_register_that_calls_a_curved_tail_piecewise_linear_is_a_fault():
    with pytest.raises(Fault, match="the register says otherwise"):
        differentiated(dataclasses.replace(GELU, piecewise_linear=True), 0)


def test_the_shared_tail_is_the_one_that_a_cut_gives():
    for tried in (RELU, GELU, experiment("digits-relu-after")):
        tail = picture_compare._shared(tried.name)[1]
        assert tail is not None
        where = cam.cut(tried.load(), tried.layer, tried.picture(7))
        assert torch.equal(where.activations, picture_compare._at(tried, 7).activations)
        assert torch.equal(where.tail(where.activations), tail(where.activations))


class Around(nn.Module):
    """A path around the layer: the tail holds what the trunk made of the picture."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Conv2d(1, 2, 3, padding=1, dtype=torch.float64)
        self.scores = nn.Linear(128, 3, dtype=torch.float64)

    def forward(self, x):
        return self.scores((self.layer(x) + x.square()).relu().flatten(1))


def test_a_tail_that_depends_on_the_picture_is_not_shared(monkeypatch, afresh):
    torch.manual_seed(0)
    model = Around().eval().requires_grad_(False)
    tried = dataclasses.replace(RELU, name="around", layer="layer", load=lambda: model)
    monkeypatch.setattr(picture_compare, "experiment", lambda name: tried)
    assert picture_compare._shared("around")[1] is None
    for number in (0, 5):
        _, c, derivatives = differentiated(tried, number)
        scores = model(tried.picture(number))[0]
        assert c == int(scores.argmax()) and derivatives[0, 0] == pytest.approx(float(scores[c]))

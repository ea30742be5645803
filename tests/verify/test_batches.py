"""Batch norms: in eval mode an image stands alone, in training mode it does not, and `cam.cut` refuses it."""

from fractions import Fraction

import pytest
import torch
from flint import arb
from hypothesis import HealthCheck, given, settings

from cam import CutError, cut
from verify.batches import influence
from verify.family_draws import batches
from verify.layers import BatchNorm, Linear, Residual
from verify.modules import tensor
from verify.probe import NoRule
from verify.setting import NoValue, Setting
from verify.tails import WholeTail

FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
FIRST = (0, 0, 0)
ONE, ZERO = Fraction(1), Fraction(0)
NORM = BatchNorm((ZERO,), (ONE,), (ONE,), (ZERO,))
SUM = Linear(((ONE, ONE),), (ZERO,))


def pair(first, second, *layers, training=True):
    A, other = ((tuple(map(Fraction, row)),) for row in (first, second))
    return Setting(WholeTail((A,), FIRST, layers), other=(other,), training=training)


def by_torch(setting):
    """Return the gradient of the first score by the second image, as torch finds it; it wants a positive constant."""
    both = torch.cat([setting.tail.tensor(), tensor((setting.other,))]).requires_grad_()
    network = setting.tail.module().train(setting.training)
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.eps = 2.0**-100
    scores = network(both)
    return torch.autograd.grad(scores[0, 0], both)[0][1]


@FEW
@given(batches(True))
def test_torchs_own_norm_in_training_mode_has_the_same_influence(setting):
    for place in setting.places:
        try:
            exact = influence(setting, place)
        except NoValue:
            continue
        found = by_torch(setting)[place].item()
        assert abs(float(arb(exact).mid()) - found) <= 1e-9 * max(1, abs(found))


@FEW
@given(batches(False))
def test_in_eval_mode_there_is_none_exactly(setting):
    assert [influence(setting, place) for place in setting.places] == [0] * len(setting.places)


def test_the_other_image_moves_the_score_and_cam_refuses_such_a_model():
    setting = pair((0, 0), (0, 1), NORM, SUM)
    assert influence(setting, FIRST) < -1 and by_torch(setting)[FIRST] < -1
    with pytest.raises(CutError, match="is in training mode and would change its running statistics"):
        cut(setting.tail.module().train(), "A", setting.tail.tensor())


def test_a_batch_without_spread_has_no_norm_and_a_norm_inside_a_layer_is_not_tried():
    with pytest.raises(NoValue, match="the deviation over the batch, is 0"):
        influence(pair((1, 1), (1, 1), NORM, SUM), FIRST)
    with pytest.raises(NoRule, match="inside another layer"):
        influence(pair((0, 0), (0, 1), Residual((NORM,)), SUM), FIRST)

"""Operations that cut, join, choose and pool, after each way in which directions are written down."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cam import cut
from cam.jets import nested_derivatives, pure_derivatives
from cam.jets.plan import Plan
from cam.jets.rules import RULES, generic, generic_curved
from cam.smooth import name_of

SHAPE = (1, 4, 5, 6)
# Sums of at most a hundred terms, fewer than ten one after the other: 10^3 roundings of 1.1e-16 at most.
ROUNDING = 1e-13
MASK = torch.arange(30).view(5, 6) % 3 == 0


def constant(*shape: int) -> Tensor:
    return torch.arange(torch.Size(shape).numel(), dtype=torch.float64).mul(1.7).add(len(shape)).sin().view(shape)


OPERATIONS = {
    "slice": lambda x: x[:, 1:3, :, 1:],
    "slice of one channel": lambda x: x[:, 2:3],
    "slice by steps": lambda x: x[:, 1::2, ::2, 1::3],
    "select": lambda x: x[:, :, 2] * x[:, :, -1],
    "unbind": lambda x: x.unbind(1)[1] * x.unbind(1)[3],
    "split": lambda x: (lambda a, b: a * b.exp())(*x.split(2, 1)),
    "split into sizes": lambda x: (lambda a, b: a * b)(*x.split([1, 3], 1)),
    "chunk": lambda x: (lambda a, b: a * b)(*x.chunk(2, 3)),
    "cat": lambda x: torch.cat([x, constant(1, 2, 5, 6), x.flip(1), x[:, :1]], 1),
    "cat along places": lambda x: torch.cat([x, F.conv2d(x, constant(4, 4, 3, 3), padding=1)], 2),
    "stack": lambda x: torch.stack([x, constant(1, 4, 5, 6), x.exp()], 2),
    "pad": lambda x: F.pad(x, (1, 2, 0, 1)),
    "pad with a number": lambda x: F.pad(x, (2, 0), value=3.0),
    "crop": lambda x: F.pad(x, (-1, 2, -2, -1)),
    "roll": lambda x: torch.roll(x, (1, -2), (2, 3)),
    "roll channels": lambda x: torch.roll(x, 3, 1),
    "flip": lambda x: x.flip(1, 3),
    "expand": lambda x: x.mean((2, 3), keepdim=True).expand(1, 4, 2, 3) * constant(1, 4, 2, 3),
    "broadcast sum": lambda x: x + x.mean((2, 3), keepdim=True),
    "where": lambda x: torch.where(MASK, x, x.flip(2)),
    "where of itself": lambda x: torch.where(x > 0.1, x, 0.2 * x),
    "masked_fill": lambda x: x.masked_fill(MASK, -1.0),
    "maximum": lambda x: torch.maximum(x, x.flip(1)),
    "minimum": lambda x: torch.minimum(x, constant(1, 4, 5, 6)),
    "amax": lambda x: x.amax((2, 3)),
    "amin": lambda x: x.amin(1, keepdim=True),
    "max along a dimension": lambda x: x.max(2).values,
    "min along a dimension, kept": lambda x: x.min(3, keepdim=True).values,
    "max of all": lambda x: x.max() * x,
    "max_pool2d": lambda x: F.max_pool2d(x, 3, 2, 1),
    "max_pool2d, dilated": lambda x: F.max_pool2d(x, 2, 1, 0, 2),
    "max_pool2d, ceil": lambda x: F.max_pool2d(x, 2, ceil_mode=True),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "avg_pool2d, edges uncounted": lambda x: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
    "avg_pool2d, ceil": lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True),
    "avg_pool2d, its own divisor": lambda x: F.avg_pool2d(x, (2, 3), divisor_override=5),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (3, 4)),
    "upsample nearest": lambda x: F.interpolate(x, (10, 8)),
    "upsample bilinear": lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"),
    "index": lambda x: x[:, [0, 3, 3], [4, 0, 1]],
    "index_select": lambda x: x.index_select(1, torch.tensor([2, 2, 0])),
    "gather": lambda x: x.gather(1, torch.zeros(1, 2, 5, 6, dtype=torch.int64)),
    "unfold": lambda x: F.unfold(x, 3),
    "reflection": lambda x: F.pad(x, (1, 1, 2, 0), mode="reflect"),
    "tril": lambda x: x.tril(),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "matrices, constant on the right": lambda x: x[0] @ constant(4, 6, 3),
    "matrices, constant on the left": lambda x: constant(4, 2, 5) @ x[0],
    "matrices, both": lambda x: x[0] @ x[0].exp().transpose(1, 2),
    "one matrix on the left": lambda x: constant(2, 5) @ x[0, 0],
    "baddbmm": lambda x: torch.baddbmm(x[0, :, :, :3], x[0], constant(4, 6, 3), beta=2),
    "addcmul": lambda x: torch.addcmul(x[:, :1], x, constant(1, 4, 1, 1), value=0.5),
    "layer norm of channels": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,), constant(4)) @ constant(4, 12),
    "convolution in groups": lambda x: F.conv2d(x, constant(6, 2, 3, 2), stride=2, padding=1, groups=2),
    "convolution in groups, dilated": lambda x: F.conv2d(x, constant(8, 1, 2, 2), dilation=2, groups=4),
    "convolution of each channel": lambda x: F.conv2d(x, constant(4, 1, 3, 3), padding=1, groups=4),
}
# Directions come to the operation in one place each; with a second derivative; in windows; as factors of others.
BEFORE = {
    "places": lambda x: x,
    "bent places": lambda x: x + 0.1 * F.gelu(x),
    "windows": lambda x: F.conv2d(F.silu(x), constant(4, 4, 3, 3), padding=1),
    "factors": lambda x: F.conv2d(x, constant(4, 1, 3, 3), padding=1, groups=4),
}


class Network(nn.Module):
    def __init__(self, before, operation) -> None:
        super().__init__()
        self.layer, self.before, self.operation = nn.Identity(), before, operation

    def forward(self, x: Tensor) -> Tensor:
        y = torch.tanh(self.operation(self.before(self.layer(x)))).reshape(1, -1)
        return torch.stack([y.sum(1), (y * constant(1, y.shape[1])).sum(1)], 1)


def largest_error(before, operation) -> float:
    """Return the largest error of a derivative beside the largest derivative of its order."""
    where = cut(Network(before, operation), "layer", constant(*SHAPE))
    found = pure_derivatives(where.tail, where.activations, target=1)
    expected = nested_derivatives(lambda A: where.tail(A)[:, 1], where.activations)
    together = torch.stack([found.S.expand_as(found.g), found.g, found.h, found.t])
    scale = expected.abs().amax(1)
    assert scale[2:].all(), "nothing bends"
    return float(((together - expected).abs().amax(1) / scale).max())


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("name", OPERATIONS)
def test_derivatives_through_an_operation_are_those_of_nested_autograd(name, before):
    assert largest_error(BEFORE[before], OPERATIONS[name]) <= ROUNDING


@pytest.mark.parametrize("name", OPERATIONS)
def test_it_has_a_rule(name):
    where = cut(Network(BEFORE["places"], OPERATIONS[name]), "layer", constant(*SHAPE))
    plan = Plan(where.tail.coarse, where.activations, 1)
    assert not [name_of(node) for node, rule in plan.rules.items() if rule in (generic, generic_curved)]


@pytest.mark.parametrize("name", ["slice", "cat", "roll", "max_pool2d", "avg_pool2d", "amax", "where", "index"])
def test_a_rule_that_moves_too_much_is_found(monkeypatch, name):
    aten = {"max_pool2d": "max_pool2d_with_indices"}.get(name, name)
    right = RULES[aten]

    def wrong(*operands, **options):
        jet = right(*operands, **options)
        more = lambda jet: jet and jet.each(lambda term: term.like(term.values * (1 + 1e-11)))  # noqa: E731
        return [more(one) for one in jet] if isinstance(jet, list) else more(jet)

    monkeypatch.setitem(RULES, aten, wrong)
    assert largest_error(BEFORE["windows"], OPERATIONS[name]) > ROUNDING

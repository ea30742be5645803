"""Where a branch is not proved nothing is told; where no rule is, the operation is named."""

import pytest
import torch
from flint import arb
from torch import nn
from torch.nn import functional as F

from cam import cut
from verify.balls.walk import along_lines
from verify.probe import Kink, NoRule

from .conftest import CLASS, numbers, tail_of


def whys(function, A, bits=128):
    tail = tail_of(function, A)
    return [each.why for each in along_lines(tail.graph, A, range(A.numel()), CLASS, bits=bits)]


def at(*entries):
    return torch.tensor([entries], dtype=torch.float64)


ON_A_KINK = {
    "relu": F.relu,
    "hardtanh": lambda x: F.relu6(6 - x),
    "clamp": lambda x: x.clamp(min=0),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.25),
    "_prelu_kernel": lambda x: F.prelu(x, torch.full((1,), 0.75, dtype=x.dtype)),
    "abs": torch.abs,
    "elu": F.elu,
    "threshold": lambda x: F.threshold(x, 0.0, -2.0),
    "hardshrink": lambda x: F.hardshrink(x + 0.5),
    "softplus": lambda x: F.softplus(x, 1.0, 0.0),
    "maximum": lambda x: torch.maximum(x, 2 * x),
    "maximum of a constant": lambda x: torch.maximum(x, 0 * x),
    "maximum beside a constant": lambda x: torch.maximum(0 * x, x),
    "gt": lambda x: x * (x > 0),
    "amax": lambda x: torch.stack([x, 3 * x, x - 1]).amax(0),
    "max_pool2d_with_indices": lambda x: F.max_pool2d(torch.stack([x, 2 * x], 1)[None], (2, 1)),
}


@pytest.mark.parametrize("name", ON_A_KINK)
def test_an_entry_on_a_kink_is_lost_and_the_others_are_not(name):
    found = whys(ON_A_KINK[name], at(1.0, 0.0, -1.5))
    assert [bool(why) for why in found] == [False, True, False]
    assert name.split()[0] in found[1]
    assert "between" in found[1]  # the layer


def test_a_kink_that_nothing_moves_does_no_harm():
    A = at(0.0, 0.0, 1.0)
    dead = lambda x: F.relu(x[:, 2:] + x[:, :1] * 0) + F.relu(x * at(0.0, 0.0, 1.0))  # noqa: E731
    assert whys(dead, A) == [""] * 3


def test_more_bits_tell_what_is_near_a_kink():
    near = lambda x: F.relu(x.sqrt() ** 2 - x + 1e-60)  # noqa: E731
    A = at(2.0, 3.0, 5.0)
    assert all(whys(near, A, bits=128))
    assert not any(whys(near, A, bits=256))


ACROSS = {
    "relu": F.relu,
    "threshold": lambda x: F.threshold(x, 0.0, -2.0),
    "prelu": lambda x: F.prelu(x, torch.zeros(1, dtype=x.dtype)),
    "maximum": lambda x: torch.maximum(x, 0 * x),
    "amax": lambda x: torch.stack([0 * x, x]).amax(0),
}


@pytest.mark.parametrize("name", ACROSS)
def test_a_score_is_held_also_where_a_branch_is_not_proved(name):
    A = at(*(float(n) for n in range(2, 30) if n not in (4, 9, 16, 25)))
    tail = tail_of(lambda x: ACROSS[name](x.sqrt() ** 2 - x + 1e-60), A, curved=False)
    (wide,), (narrow,) = (along_lines(tail.graph, A, [0], CLASS, bits=bits) for bits in (128, 512))
    assert wide.why and not narrow.why
    assert wide.score.contains(narrow.score)


def test_a_jump_that_might_be_crossed_in_an_order_that_is_not_followed_loses_all():
    A = at(0.0, 1.0, 2.0)
    assert whys(lambda x: x * (x > 0), A)[1:] == ["", ""]
    assert whys(lambda x: x * (2 * x > 0), A)[1:] == ["", ""]
    assert all(whys(lambda x: x * (x**4 > 0), A))
    assert all(whys(lambda x: F.threshold(x**4, 0.0, -2.0), A))


def test_a_root_of_what_is_0_in_all_orders_that_are_followed_is_lost():
    A = at(0.0, 1.0, 2.0)
    fourth = lambda x: x.square().square().sqrt()  # noqa: E731
    assert all(whys(fourth, A))  # x^2, whose second derivative at 0 is 2
    assert not any(whys(lambda x: (x * at(0.0, 1.0, 1.0)).sqrt(), A))  # constant, at 0
    assert not any(whys(fourth, at(1.0, 2.0, 3.0)))


FOURTH = {
    "matrix": lambda x: at(1.0) @ x**4,
    "matrix on the other side": lambda x: x**4 @ at(1.0),
    "moved": lambda x: (x**4).flip(1),
    "sum of two": lambda x: x**4 + 0 * x,
    "sum": lambda x: (x**4).sum(1),
    "product": lambda x: (x * x) * (x * x),
    "larger": lambda x: torch.maximum(x**4, 0 * x),
}


@pytest.mark.parametrize("name", FOURTH)
def test_what_is_made_of_a_number_that_moves_in_no_order_that_is_followed_is_no_constant(name):
    assert all(whys(lambda x: FOURTH[name](x).sqrt(), at(0.0)))  # x^2 again
    assert all(whys(lambda x: x * (FOURTH[name](x) > 0), at(0.0)))  # x beside 0, and its slope 1


def test_a_comparison_that_is_not_proved_is_refused():
    with pytest.raises(Kink, match="gt in between compares numbers"):
        whys(lambda x: x * (x.sqrt() ** 2 > x), at(2.0, 3.0, 5.0))


POLES = {"inverse": lambda x: 1 / x, "log": torch.log, "root": lambda x: x ** (1 / 3), "rsqrt": torch.rsqrt}


@pytest.mark.parametrize("name", POLES)
def test_a_pole_is_refused(name):
    with pytest.raises(Kink, match="has a pole or ends"):
        whys(POLES[name], at(1.0, 0.0, 2.0))


def test_a_root_at_0_has_no_derivative_and_the_others_do():
    assert [bool(why) for why in whys(torch.sqrt, at(1.0, 0.0, 2.0))] == [False, True, False]


RULELESS = {
    "cumsum": lambda x: x.cumsum(1),
    "i0": torch.special.i0,
    "upsample_linear1d": lambda x: F.interpolate(x[None], scale_factor=2, mode="linear"),
    "convolution by itself": lambda x: F.conv1d(x[None], x[None, :, :1]),
    "convolution transposed": lambda x: F.conv_transpose1d(x[None], torch.ones(1, 1, 2, dtype=x.dtype)),
    "index_add": lambda x: x.index_add(1, torch.tensor([0]), x[:, :1]),
    "pow of two": lambda x: x ** x.abs(),
    "div that rounds": lambda x: torch.div(x, 2.0, rounding_mode="floor"),
    "clamp between bounds in the wrong order": lambda x: x.clamp(1.0, -1.0) + x,
    "index_put that adds up": lambda x: x.index_put((torch.tensor([0]), torch.tensor([0])), x[:, 1], accumulate=True),
    "as_strided of memory with gaps": lambda x: (2 * x)[:, 1:].as_strided((1, 2), (1, 1), 1),
    "_to_copy to integers": lambda x: x + x.long(),
    "sum of integers": lambda x: x + x.sum(dtype=torch.int64),
    "zeros_like in truth values": lambda x: torch.where(torch.zeros_like(x, dtype=torch.bool), 1, x),
    "getitem of where": lambda x: x.exp().gather(1, x.max(1, keepdim=True).indices),
    "max_pool2d of padding alone": lambda x: F.max_pool2d(x[:, :1, None], 2, 1, 1, 2).exp(),
    "where infinite": lambda x: torch.where(x > 0.75, x, torch.inf),
}


@pytest.mark.parametrize("name", RULELESS)
def test_an_operation_without_a_rule_is_named_with_its_layer(name):
    with pytest.raises(NoRule, match=rf"no ball rule for {name.split()[0]}\w* in between"):
        whys(RULELESS[name], at(1.0, 0.5, 2.0))


def test_of_orders_asked_for_the_others_are_not_told():
    A = numbers(1, 3)
    tail = tail_of(torch.sin, A)
    first = along_lines(tail.graph, A, range(3), CLASS, orders=1)
    third = along_lines(tail.graph, A, range(3), CLASS)
    assert [len(each.derivatives) for each in first] == [1, 1, 1]
    assert all(one.derivatives[0].overlaps(other.derivatives[0]) for one, other in zip(first, third, strict=True))


def test_the_precision_of_the_caller_comes_back():
    from flint import ctx

    before = ctx.prec, ctx.cap
    A = numbers(1, 3)
    along_lines(tail_of(torch.sin, A).graph, A, [0], CLASS, bits=300)
    assert (ctx.prec, ctx.cap) == before


def test_scores_are_those_of_the_class():
    model = nn.Sequential(nn.Identity(), nn.Linear(3, 2)).double()
    A = at(1.0, 2.0, 3.0)
    tail = cut(model, "0", A).tail
    for c in range(2):
        (found,) = along_lines(tail.graph, A, [1], c)
        assert found.derivatives == (arb(model[1].weight[c, 1].item()), arb(0), arb(0))

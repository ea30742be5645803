"""Operations on many numbers beside torch's nested reverse mode, within the rounding of that."""

from fractions import Fraction

import pytest
import torch
from flint import arb
from torch import nn
from torch.nn import functional as F

from cam import cut
from verify.balls import lines
from verify.balls.lines import Lines, scaled
from verify.balls.walk import along_lines, classifier

from .conftest import CLASS, Between, agree, fraction, numbers, tail_of

MAP = (1, 4, 3, 3)
K = numbers(6, 4, 3, 3, seed=3) / 4
MASK = torch.tensor([[True, False, True], [False, True, True], [True, True, False]])


TWO_OF_EACH = [0, 0, 1, 1, 2, 2]


def attention(x):
    q = x.flatten(2).transpose(1, 2)
    return F.scaled_dot_product_attention(q[:, None], 2 * q[:, None] + 1, q[:, None].square())


def written_out(x):
    q = x.flatten(2).transpose(1, 2)
    return ((q @ q.transpose(1, 2)) / 3).softmax(-1) @ q


def group_norm(x):
    return F.group_norm(x, 2, torch.tensor([1.0, 2, 3, 4]).double(), torch.tensor([0.5, 0, 1, 2]).double())


OPERATIONS = {
    "view": lambda x: x.view(1, 2, -1)[:, 1:],
    "permute": lambda x: x.permute(0, 2, 3, 1).flatten(1)[:, 3:20],
    "transpose": lambda x: x.transpose(1, 3)[..., ::2],
    "cat with a constant": lambda x: torch.cat([x, numbers(1, 2, 3, 3), x * 2], 1),
    "stack and flip": lambda x: torch.stack([x, x.flip(3)], 1),
    "roll": lambda x: x.roll((1, 1), (2, 3)) * x,
    "pad": lambda x: F.pad(x, (1, 0, 2, 1)),
    "pad with a number": lambda x: F.pad(x, (1, 0, 2, 1), value=1.5),
    "reflection": lambda x: F.pad(x, (1, 1, 1, 1), mode="reflect"),
    "windows": lambda x: x.unfold(2, 2, 1),
    "index": lambda x: x[:, [3, 0, 0], :, 1],
    "gather": lambda x: x.flatten(1).gather(1, torch.tensor([[5, 5, 2]])),
    "split": lambda x: torch.cat([part * (k + 1) for k, part in enumerate(x.split(1, 1))], 2),
    "shuffle": lambda x: F.pixel_shuffle(x, 2),
    "expand": lambda x: x[:, :1].expand(1, 5, 3, 3) * 2,
    "masked by a constant": lambda x: x.masked_fill(MASK, 0.5),
    "where by a constant": lambda x: torch.where(MASK, x, x.square()),
    "assignment": lambda x: torch.cat([x[:, :2] * 0.5, x[:, 3:]], 1),
    "triangle": lambda x: x.tril(),
    "broadcast product": lambda x: x * x.mean((2, 3), keepdim=True) + x[:, :1] - 1,
    "convolution": lambda x: F.conv2d(x, K, numbers(6, seed=4)),
    "convolution with stride": lambda x: F.conv2d(x, K, None, 2, 1),
    "convolution with padding and dilation": lambda x: F.conv2d(x, K, None, 1, 2, 2),
    "convolution in groups": lambda x: F.conv2d(x, K[:, :2], None, 1, 1, 1, 2),
    "depthwise convolution": lambda x: F.conv2d(x, K[:4, :1], None, 1, 1, 1, 4),
    "convolution of curved maps": lambda x: F.conv2d(x.tanh(), K[..., :1, :1]),
    "convolution along a line": lambda x: F.conv1d(x.flatten(2), K.flatten(2)[..., :4], None, 2, 1),
    "convolution of a volume": lambda x: F.conv3d(x[:, None], K[:2, :1, None].repeat(1, 1, 2, 1, 1), None, 1, 1),
    "mean pool": lambda x: F.avg_pool2d(x, 2, 1, 1),
    "mean pool without its edge": lambda x: F.avg_pool2d(x, 2, 1, 1, count_include_pad=False),
    "mean pool with a divisor": lambda x: F.avg_pool2d(x.square(), 2, 1, divisor_override=3),
    "mean pool beyond the edge": lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True),
    "mean pool beyond its padding": lambda x: F.avg_pool2d(x, 2, 3, 1, ceil_mode=True),
    "mean pool beyond the edge without it": lambda x: F.avg_pool2d(x, 2, 2, 1, True, False),
    "max-pool beyond the edge": lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True),
    "adaptive mean pool": lambda x: F.adaptive_avg_pool2d(x, 2),
    "max-pool": lambda x: F.max_pool2d(x, 2, 1, 1),
    "max-pool of curved maps": lambda x: F.max_pool2d(x.sin(), 2),
    "sum": lambda x: x.square().sum((1, 3)),
    "mean": lambda x: x.exp().mean((2, 3), keepdim=True),
    "variance": lambda x: x.var((2, 3)),
    "variance of the population": lambda x: x.var(1, correction=0),
    "layer norm": lambda x: F.layer_norm(x, (3, 3), numbers(3, 3, seed=5), numbers(3, 3, seed=6)),
    "group norm": group_norm,
    "softmax": lambda x: x.softmax(1),
    "log softmax": lambda x: x.flatten(2).log_softmax(2),
    "logarithm of a sum of exponentials": lambda x: x.logsumexp((1, 3)),
    "logarithm of two exponentials": lambda x: torch.logaddexp(x, x.flip(1)),
    "attention": attention,
    "attention written out": written_out,
    "linear": lambda x: F.linear(x, numbers(5, 3, seed=8), numbers(5, seed=9)),
    "linear of curved maps": lambda x: F.linear(x.sigmoid().flatten(1), numbers(5, 36, seed=8), numbers(5, seed=9)),
    "constant from the left": lambda x: numbers(2, 3, seed=8) @ x[0, 0].tanh(),
    "baddbmm": lambda x: torch.baddbmm(x[0], x[0], x[0].exp(), beta=0.5, alpha=2),
    "addmm": lambda x: torch.addmm(x[0, 0], x[0, 1], numbers(3, 3), beta=0.5, alpha=2),
    "matrix and vector": lambda x: torch.mv(x[0, 0], x[0, 1, 0]),
    "numbers alone": lambda x: (x.mean() + x[0, 1, 2, 0] + x.exp().sum(0).sum().sum(0)) * x.sum().softmax(0),
    "squeeze and excitation": lambda x: x * (x.mean((2, 3), keepdim=True) * 2).sigmoid(),
}


# Of which torch's rounding is not described: beside the same in other words.
TWICE = {
    "replication": (
        lambda x: F.pad(x, (1, 1, 0, 0), mode="replicate"),
        lambda x: torch.cat([x[..., :1], x, x[..., 2:]], 3),
    ),
    "nearest": (
        lambda x: F.interpolate(x, scale_factor=2),
        lambda x: x[:, :, [0, 0, 1, 1, 2, 2]][..., [0, 0, 1, 1, 2, 2]],
    ),
    "largest": (lambda x: x.amax((2, 3)), lambda x: F.max_pool2d(x, 3)),
    "largest along": (lambda x: x.max(3).values, lambda x: F.max_pool2d(x, (1, 3))),
    "smallest": (lambda x: x.amin(3, keepdim=True), lambda x: -F.max_pool2d(-x, (1, 3))),
    "smallest along": (lambda x: x.min(2).values, lambda x: -F.max_pool2d(-x, (3, 1))),
    "largest of all": (lambda x: x.max(), lambda x: F.max_pool2d(x.flatten(2), (4, 9))),
    "smallest of all": (lambda x: x.min(), lambda x: -F.max_pool2d(-x.flatten(2), (4, 9))),
    "mean pool of a volume": (
        lambda x: F.avg_pool3d(x[:, None], (2, 3, 3)),
        lambda x: x.unflatten(1, (2, 2)).mean((2, 3, 4)),
    ),
    "adaptive mean pool of a volume": (
        lambda x: F.adaptive_avg_pool3d(x[:, None], (2, 1, 1)),
        lambda x: x.unflatten(1, (2, 2)).mean((2, 3, 4)),
    ),
    "max-pool of a volume": (
        lambda x: F.max_pool3d(x[:, None], (4, 1, 1)),
        lambda x: F.max_pool2d(x.flatten(2), (4, 1)),
    ),
}


@pytest.mark.parametrize("name", TWICE)
def test_balls_agree_with_nested_reverse_mode_of_the_same_function(name):
    A = numbers(*MAP)
    one, other = (tail_of(lambda x, each=each: each(x.sin()), A) for each in TWICE[name])
    agree(one, A, other)


@pytest.mark.parametrize("name", OPERATIONS)
def test_balls_agree_with_nested_reverse_mode_within_its_rounding(name):
    A = numbers(*MAP)
    agree(tail_of(OPERATIONS[name], A), A)


def test_what_lies_in_memory_otherwise_is_found_there():
    A = numbers(1, 2, 3, 4)
    agree(tail_of(lambda x: x.permute(0, 2, 3, 1).clone().as_strided((1, 3, 5), (1, 7, 2)).square(), A), A)


@pytest.mark.parametrize("head", ["softmax", "log_softmax"])
def test_tails_under_a_softmax_have_balls(head):
    A = numbers(*MAP)
    model = nn.Sequential(nn.Identity(), nn.GELU(), nn.Flatten(), nn.Linear(36, 3)).double()
    tail = cut(model, "0", A).tail
    agree(getattr(tail, head)(), A)


@pytest.mark.parametrize("name", ["convolution", "linear of curved maps", "softmax", "layer norm", "max-pool"])
def test_a_planted_factor_is_found(name, planted):
    rules = {
        "convolution": "convolution",
        "linear of curved maps": "addmm",
        "softmax": "_softmax",
        "layer norm": "mean",
    }
    wrong = lambda found: scaled(found, arb(1 + 2.0**-20))  # noqa: E731
    if name == "max-pool":
        planted("max_pool2d_with_indices", lambda found: (wrong(found[0]), None))
    elif name == "layer norm":
        planted("var_mean", lambda found: (wrong(found[0]), found[1]))
    else:
        planted(rules[name], wrong)
    A = numbers(*MAP)
    with pytest.raises(AssertionError):
        agree(tail_of(OPERATIONS[name], A), A)


def test_a_term_that_leibnizs_rule_forgets_is_found(monkeypatch):
    true = lines.leibniz

    def without_the_last(x, y, product):
        return true(Lines(x.value, (*x.terms[:-1], None)), y, product)

    monkeypatch.setattr(lines, "leibniz", without_the_last)
    A = numbers(1, 3)
    with pytest.raises(AssertionError):
        agree(tail_of(lambda x: x.exp() * x.cos(), A), A)


def test_more_bits_give_smaller_balls_inside_the_larger_ones():
    A = numbers(*MAP)
    tail = tail_of(attention, A)
    wide, narrow = (along_lines(tail.graph, A, [0, 7, 35], CLASS, bits=bits) for bits in (128, 512))
    for one, other in zip(wide, narrow, strict=True):
        for a, b in zip((one.score, *one.derivatives), (other.score, *other.derivatives), strict=True):
            assert a.contains(b)
            assert b.rad() < a.rad() * arb(2) ** -300


def test_a_piecewise_linear_tail_has_exactly_no_higher_derivative():
    A = numbers(*MAP)
    tail = tail_of(lambda x: F.max_pool2d(F.conv2d(x, K, None, 1, 1).relu(), 3), A, curved=False)
    for along in along_lines(tail.graph, A, range(36), CLASS):
        assert along.derivatives[1].is_zero() and along.derivatives[2].is_zero()


def test_tensors_that_are_not_floating_hold_numbers_or_places():
    A = numbers(*MAP)
    tens = torch.tensor([[10, 20, 30]])
    agree(tail_of(lambda x: torch.cat([x.sin()[0, :, 0], tens]), A), A)
    agree(tail_of(lambda x: x.sin().masked_fill(MASK, torch.tensor(3)), A), A)


def test_integers_that_float64_does_not_hold_are_not_rounded():
    A = torch.tensor([[1.0, 2.0]], dtype=torch.float64)
    model = nn.Sequential(nn.Identity(), Between(lambda x: x + torch.tensor([[0, 2**53 + 1]])))
    (along,) = along_lines(cut(model, "0", A).tail.graph, A, [1], 1)
    assert fraction(along.score) == 2**53 + 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_is_worked_out_from_truth_values_is_not_rounded(dtype):
    A = torch.tensor([[1.0, 2.0, -1.0]], dtype=torch.float64)
    shares = {
        Fraction(2, 3): lambda x: (x > 0).to(dtype).mean(),
        Fraction(0.3): lambda x: ((x > 0) * 0.3).to(dtype)[:, :1],
        Fraction(1, 7): lambda x: torch.where(x > 0, 1, 2)[:, 0] / 7,
    }
    for share, of in shares.items():
        model = nn.Sequential(nn.Identity(), Between(lambda x, of=of: x * of(x)))
        (along,) = along_lines(cut(model, "0", A).tail.graph, A, [1], 1)
        slope = along.derivatives[0]
        assert abs(fraction(slope) - share) <= Fraction(float(slope.rad())) * 2 < Fraction(1, 2**60)


def test_only_the_class_asked_for_is_made_of_a_linear_layer():
    model = nn.Sequential(nn.Identity(), nn.SiLU(), nn.Flatten(), nn.Linear(36, 3)).double()
    A = numbers(*MAP)
    tail = cut(model, "0", A).tail
    assert classifier(tail.graph) is not None
    assert classifier(tail.softmax().graph) is None
    agree(tail, A)

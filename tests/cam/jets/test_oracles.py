import mpmath
import pytest
import torch
from flint import arb, arb_series, ctx
from torch import nn
from torch.nn import functional as F

from cam import ORACLES, along_entries, cut, forward, nested_derivatives, reverse, tail_derivatives

EPS = torch.finfo(torch.float64).eps
# A result of float64 sums and products is wrong by less than its number of roundings times EPS of its largest
# intermediate; no path through the networks here has a thousand operations with intermediates above its results' scale.
ROUNDINGS = 1000
EACH = pytest.mark.parametrize("oracle", ORACLES)


def t64(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def nest(oracle: str, fn, order: int):
    for _ in range(order):
        fn = ORACLES[oracle](fn)
    return fn


def relative(value: torch.Tensor, reference) -> float:
    """Return the largest error of a row beside the largest reference in it."""
    reference = torch.as_tensor(reference, dtype=torch.float64)
    return float((value - reference).abs().max() / reference.abs().max())


@EACH
def test_a_polynomial_has_the_derivatives_one_finds_by_hand(oracle):
    t = t64(-1, 0, 2)
    expected = [t**4 - 3 * t, 4 * t**3 - 3, 12 * t**2, 24 * t, t64(24, 24, 24), t64(0, 0, 0)]
    for order, derivative in enumerate(expected):
        assert torch.equal(nest(oracle, lambda t: t * t * t * t - 3 * t, order)(t).detach(), derivative)


@EACH
def test_exp_is_its_own_derivative_of_every_order(oracle):
    t = t64(-1, 0.5)
    for order in range(5):
        torch.testing.assert_close(nest(oracle, torch.exp, order)(t).detach(), t.exp(), rtol=4 * EPS, atol=0)


@EACH
@pytest.mark.parametrize(
    "constant", [lambda t: t64(1, 2), lambda t: t.new_ones(2), lambda t: t.floor()], ids=["free", "sized", "steps"]
)
def test_a_constant_has_derivative_zero(oracle, constant):
    for order in (1, 2, 3):
        assert torch.equal(nest(oracle, constant, order)(t64(0.5, 1.5)).detach(), t64(0, 0))


def test_the_reverse_oracle_differentiates_an_inner_value_of_an_outer_graph():
    x = t64(3).requires_grad_()
    slope = reverse(lambda t: t**3)(2 * x)  # 3 (2x)^2 = 12 x^2
    assert torch.autograd.grad(slope.sum(), x)[0].item() == 24 * 3


def test_the_callers_point_is_left_as_it_was():
    t = t64(1)
    reverse(torch.exp)(t), forward(torch.exp)(t)
    assert not t.requires_grad and t.grad is None


@EACH
def test_derivatives_exist_where_gradients_are_off(oracle):
    with torch.no_grad():
        silu = nest(oracle, F.silu, 2)(t64(0))
    assert silu.item() == 0.5  # silu'' (0) = 2 s'(0)


def test_a_line_moves_one_entry_of_each_copy():
    A = torch.arange(12, dtype=torch.float64).view(1, 3, 2, 2)
    moved = []
    along_entries(lambda B: moved.append(B) or B.sum((1, 2, 3)), A, torch.tensor([1, 11]))(t64(10, 20))
    change = (moved[0] - A).flatten(1)
    assert change.nonzero().tolist() == [[0, 1], [1, 11]] and change.sum(1).tolist() == [10, 20]


# --- a small network with GELU, against ball arithmetic ---------------------------------------------------------------

torch.manual_seed(3)
ACTIVATIONS = torch.randn(1, 2, 2, 2, dtype=torch.float64)
HIDDEN, OUT = torch.randn(5, 8, dtype=torch.float64), torch.randn(5, dtype=torch.float64)


def gelu_net(A: torch.Tensor) -> torch.Tensor:
    return F.gelu(A.flatten(1) @ HIDDEN.T) @ OUT


def gelu_net_enclosed(entry: int, order: int = 3) -> list[arb]:
    """S and its derivatives along one entry as enclosures, from the power series of the same network."""
    ctx.prec = 200
    ctx.cap = order + 1
    total = arb_series([0])
    for row, weight in zip(HIDDEN.tolist(), OUT.tolist(), strict=True):
        start = sum((arb(w) * arb(a) for w, a in zip(row, ACTIVATIONS.flatten().tolist(), strict=True)), arb(0))
        z = arb_series([start, arb(row[entry])])
        total += arb(weight) * z * (1 + (z * arb_series([1 / arb(2).sqrt()])).erf()) / 2
    factorial = [1, 1, 2, 6]
    return [total[k] * factorial[k] for k in range(order + 1)]


@pytest.fixture(autouse=True)
def _restore_precision():
    before = ctx.prec, ctx.cap
    yield
    ctx.prec, ctx.cap = before


def enclosed(entries: range) -> torch.Tensor:
    rows = [[float(ball.mid()) for ball in gelu_net_enclosed(entry)] for entry in entries]
    return torch.tensor(rows, dtype=torch.float64).T


@EACH
def test_the_oracles_agree_with_ball_arithmetic_on_a_gelu_network(oracle):
    expected = enclosed(range(8))
    assert all(float(ball.rad()) < 1e-40 for ball in gelu_net_enclosed(0)), "the enclosures must decide"
    found = nested_derivatives(gelu_net, ACTIVATIONS, oracle=oracle, chunk=3)
    for order in range(4):
        assert relative(found[order], expected[order]) < ROUNDINGS * EPS
    line = along_entries(gelu_net, ACTIVATIONS, torch.arange(8))
    for order in range(4):
        single = nest(oracle, line, order)(torch.zeros(8, dtype=torch.float64)).detach()
        assert relative(single, expected[order]) < ROUNDINGS * EPS


def test_a_derivative_wrong_by_a_billionth_is_refuted():
    expected = enclosed(range(8))
    assert relative(expected[3] * (1 + 1e-9), expected[3]) > ROUNDINGS * EPS


def test_row_sums_of_the_hessian_are_not_the_pure_second_derivative():
    A = ACTIVATIONS.clone().requires_grad_()
    (g,) = torch.autograd.grad(gelu_net(A).sum(), A, create_graph=True)
    (row_sums,) = torch.autograd.grad(g.sum(), A)
    second = enclosed(range(8))[2]
    assert relative(nested_derivatives(gelu_net, ACTIVATIONS, order=2)[2], second) < ROUNDINGS * EPS
    assert relative(row_sums.flatten(), second) > 0.1


def test_chosen_entries_are_the_same_as_their_share_of_all():
    entries = torch.tensor([6, 1, 6])
    full = nested_derivatives(gelu_net, ACTIVATIONS)
    torch.testing.assert_close(nested_derivatives(gelu_net, ACTIVATIONS, entries, chunk=2), full[:, entries])
    assert nested_derivatives(gelu_net, ACTIVATIONS, entries[:0]).shape == (4, 0)
    assert nested_derivatives(gelu_net, ACTIVATIONS, order=0).shape == (1, 8)


def test_an_unknown_oracle_is_refused_by_name():
    with pytest.raises(ValueError, match="no oracle 'backward': choose one of reverse, forward"):
        nested_derivatives(gelu_net, ACTIVATIONS, oracle="backward")


# --- every operation that a tail writes out in primitives, against 50 digits ------------------------------------------


class Rest(nn.Module):
    """A 1x1 stem that is the layer, one part, and a linear classifier with two classes."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.layer, self.part, self.linear = nn.Conv2d(4, 4, 1), part, nn.Linear(16, 2)

    def forward(self, x):
        return self.linear(self.part(self.layer(x)).flatten(1))


class Attend(nn.Module):
    """Attention of the four pixels with one another, their channels being the features."""

    def forward(self, A):
        tokens = A.flatten(2).transpose(1, 2).unsqueeze(1)
        return F.scaled_dot_product_attention(tokens, tokens, tokens)


class Gate(nn.Module):
    def forward(self, A):
        return F.glu(torch.cat([A, A.flip(1)], 1), 1)


def mp_gate(x: list) -> list:
    return [v / (1 + mpmath.exp(-x[4 * (3 - i // 4) + i % 4])) for i, v in enumerate(x)]


def mp_normed(x: list, eps: float) -> list:
    mean = mpmath.fsum(x) / len(x)
    variance = mpmath.fsum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / mpmath.sqrt(variance + eps) for v in x]


def mp_in_groups(size: int):
    return lambda x: [v for i in range(0, 16, size) for v in mp_normed(x[i : i + size], mpmath.mpf(1e-5))]


def mp_rms(x: list) -> list:
    rows = [x[i : i + 2] for i in range(0, 16, 2)]
    return [v / mpmath.sqrt(mpmath.fsum(u * u for u in row) / 2 + mpmath.mpf(0.5)) for row in rows for v in row]


def mp_attend(x: list) -> list:
    tokens = [[x[4 * k + p] for k in range(4)] for p in range(4)]
    result = []
    for query in tokens:
        weights = [mpmath.exp(mpmath.fdot(query, key) / 2) for key in tokens]
        result += [mpmath.fdot(weights, [v[k] for v in tokens]) / mpmath.fsum(weights) for k in range(4)]
    return result


def mp_clip(x):
    return min(max(x + 3, mpmath.mpf(0)), mpmath.mpf(6)) / 6


def mp_batch(x: list) -> list:
    return [(v - mpmath.mpf(0.25)) / mpmath.sqrt(mpmath.mpf(2.5) + mpmath.mpf(1e-5)) for v in x]


def batch_norm() -> nn.Module:
    norm = nn.BatchNorm2d(4, affine=False)
    norm.running_mean.fill_(0.25), norm.running_var.fill_(2.5)
    return norm


PARTS = {
    "layer norm": (nn.LayerNorm([4, 2, 2], elementwise_affine=False), mp_in_groups(16)),
    "instance norm": (nn.InstanceNorm2d(4), mp_in_groups(4)),
    "batch norm without statistics": (nn.BatchNorm2d(4, affine=False, track_running_stats=False), mp_in_groups(4)),
    "group norm": (nn.GroupNorm(2, 4, affine=False), mp_in_groups(8)),
    "rms norm": (nn.RMSNorm(2, eps=0.5, elementwise_affine=False), mp_rms),
    "attention": (Attend(), mp_attend),
    "hard sigmoid": (nn.Hardsigmoid(), lambda x: [mp_clip(v) for v in x]),
    "hard swish": (nn.Hardswish(), lambda x: [v * mp_clip(v) for v in x]),
    "silu": (nn.SiLU(), lambda x: [v / (1 + mpmath.exp(-v)) for v in x]),
    "mish": (nn.Mish(), lambda x: [v * mpmath.tanh(mpmath.log1p(mpmath.exp(v))) for v in x]),
    "gated linear unit": (Gate(), mp_gate),
    "eval batch norm": (batch_norm(), mp_batch),
}
SOME = (0, 5, 10)


def mp_derivatives(part_of, linear: nn.Module, A: torch.Tensor, entry: int) -> list[float]:
    """S of class 1 and its derivatives along one entry, by differences at so many digits that 50 are right."""
    row, bias = linear.weight[1].tolist(), linear.bias[1].item()

    def S(t):
        x = [mpmath.mpf(v) for v in A.flatten().tolist()]
        x[entry] += t
        return mpmath.fdot(row, part_of(x)) + bias

    with mpmath.workdps(50):
        return [float(mpmath.diff(S, 0, order)) if order else float(S(0)) for order in range(4)]


@EACH
@pytest.mark.parametrize(("part", "part_of"), PARTS.values(), ids=PARTS)
def test_a_tail_has_the_true_derivatives_of_what_torch_gets_wrong_or_lacks(part, part_of, oracle):
    torch.manual_seed(1)
    model, x = Rest(part).double().eval(), torch.randn(1, 4, 2, 2, dtype=torch.float64)
    where = cut(model, "layer", x)
    expected = t64(*[v for e in SOME for v in mp_derivatives(part_of, model.linear, where.activations, e)]).view(3, 4).T
    found = nested_derivatives(lambda A: where.tail(A)[:, 1], where.activations, torch.tensor(SOME), oracle=oracle)
    # Beside the largest derivative of any order, for the higher ones of a linear part are zero.
    assert float((found - expected).abs().max() / expected.abs().max()) < ROUNDINGS * EPS


@EACH
def test_torchs_own_layer_norm_has_a_wrong_third_derivative(oracle):
    torch.manual_seed(1)
    model, x = Rest(nn.LayerNorm([4, 2, 2], elementwise_affine=False)).double().eval(), torch.randn(1, 4, 2, 2).double()
    A = cut(model, "layer", x).activations
    expected = t64(*[mp_derivatives(mp_in_groups(16), model.linear, A, e)[3] for e in SOME])

    def native(A):
        return (F.layer_norm(A, (4, 2, 2)).flatten(1) @ model.linear.weight[1] + model.linear.bias[1]).flatten()

    wrong = nested_derivatives(native, A, torch.tensor(SOME), oracle=oracle)[3].detach()
    assert relative(wrong, expected) > 1e-3


# --- all entries of a tail --------------------------------------------------------------------------------------------


def test_a_piecewise_linear_tail_needs_one_pass_and_agrees_with_the_nested_one():
    torch.manual_seed(1)
    model, x = Rest(nn.ReLU()).double().eval(), torch.randn(1, 4, 2, 2, dtype=torch.float64)
    where = cut(model, "layer", x)
    found = tail_derivatives(where.tail, where.activations, 1)
    nested = nested_derivatives(lambda A: where.tail(A)[:, 1], where.activations)
    assert found.shape == (4, 16) and found[1].any() and not found[2:].any()
    torch.testing.assert_close(found, nested)


def test_a_curved_tail_goes_through_every_entry():
    torch.manual_seed(1)
    model, x = Rest(nn.GELU()).double().eval(), torch.randn(1, 4, 2, 2, dtype=torch.float64)
    where = cut(model, "layer", x)
    with torch.no_grad():
        found = tail_derivatives(where.tail, where.activations, 0)
    nested = nested_derivatives(lambda A: where.tail(A)[:, 0], where.activations)
    assert all(relative(one, other) <= 1e-13 for one, other in zip(found, nested, strict=True))
    assert found[2:].abs().amin() > 0

import math
from collections.abc import Callable, Iterator
from typing import Any

import mpmath
import pytest
import torch
from flint import arb, arb_series, ctx
from torch import Tensor
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from verify import rounding_table
from verify.rounding import LARGE, NoRule, RunningError
from verify.rounding_rules import U
from verify.rounding_table import RULES, SMOOTH

aten: Any = torch.ops.aten
ORDERS = (1, 2, 3)


def double(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(autouse=True)
def fifty_digits() -> Iterator[None]:
    before = ctx.prec, ctx.cap
    ctx.prec, ctx.cap = 200, 4
    yield
    ctx.prec, ctx.cap = before


# Two ways to d^n f / dt^n at t, entry by entry, and the truth: Taylor coefficients in ball arithmetic.


def by_reverse(fn: Callable[[Tensor], Tensor], t: Tensor, order: int) -> Tensor:
    t = t.clone().requires_grad_()
    y = fn(t)
    for _ in range(order):
        (y,) = torch.autograd.grad(y.sum(), t, create_graph=True)
    return y


def by_forward(fn: Callable[[Tensor], Tensor], t: Tensor, order: int) -> Tensor:
    if order == 0:
        return fn(t)
    return torch.func.jvp(lambda s: by_forward(fn, s, order - 1), (t,), (torch.ones_like(t),))[1]


WAYS = (by_reverse, by_forward)


def true_derivatives(series: Any, order: int) -> arb:
    return series[order] * math.factorial(order)


def excess(computed: Tensor, bound: Tensor, truth: list[arb]) -> float:
    """Return the largest |computed - truth| / bound, rounded upwards: a bound holds if this is at most 1."""
    ratios = [
        float(abs(arb(y) - exact).upper() / arb(e)) if e else (0.0 if arb(y) == exact else math.inf)
        for y, e, exact in zip(computed.tolist(), bound.tolist(), truth, strict=True)
    ]
    return max(ratios)


def looseness(bound: Tensor, truth: list[arb]) -> float:
    """Return the largest bound beside the largest value."""
    return float(bound.max()) / max(abs(float(exact)) for exact in truth)


def _erf_gelu(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2))) / 2


def _gelu_series(x: Any) -> Any:
    return x * (1 + (x / arb(2).sqrt()).erf()) / 2


def _sigmoid_series(x: Any) -> Any:
    return 1 / (1 + (-x).exp())


SCALARS: tuple[tuple[str, Callable[[Tensor], Tensor], Callable[[Any], Any]], ...] = (
    ("x^3 - x/3 + 1", lambda x: x**3 - x / 3 + 1, lambda x: x * x * x - x / 3 + 1),
    ("(1 + x)(2 - 3 x^2)/7", lambda x: (1 + x) * (2 - 3 * x * x) / 7, lambda x: (1 + x) * (2 - 3 * x * x) / 7),
    ("exp(x^2)", lambda x: torch.exp(x * x), lambda x: (x * x).exp()),
    ("sigmoid(x + x^2)", lambda x: torch.sigmoid(x + x * x), lambda x: _sigmoid_series(x + x * x)),
    ("log(1 + exp(x))", lambda x: torch.log(1 + torch.exp(x)), lambda x: (1 + x.exp()).log()),
    ("softplus(x)", F.softplus, lambda x: (1 + x.exp()).log()),
    ("x (1 + erf(x/sqrt 2))/2", _erf_gelu, _gelu_series),
    ("gelu(x)", F.gelu, _gelu_series),
    ("1/(1 + exp(-x))", lambda x: 1 / (1 + torch.exp(-x)), _sigmoid_series),
    ("tanh(x)", torch.tanh, lambda x: 1 - 2 / (1 + (2 * x).exp())),
    ("silu(x)", F.silu, lambda x: x * _sigmoid_series(x)),
    ("1/sqrt(1 + x^2)", lambda x: torch.rsqrt(1 + x * x), lambda x: (1 + x * x).rsqrt()),
    ("sqrt(3 + x)", lambda x: torch.sqrt(3 + x), lambda x: (3 + x).sqrt()),
    ("log1p(x^2) + expm1(x)", lambda x: torch.log1p(x * x) + torch.expm1(x), lambda x: (1 + x * x).log() + x.exp() - 1),
)
POINTS = double(*(k / 7 for k in range(-14, 15)))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("fn", "series"), [pytest.param(f, s, id=text) for text, f, s in SCALARS])
def test_the_derivatives_of_a_scalar_expression_are_within_their_bounds(fn: Any, series: Any, way: Any) -> None:
    exact = [series(arb_series([arb(x), 1])) for x in POINTS.tolist()]
    for order in ORDERS:
        with RunningError() as mode:
            y = way(fn, POINTS, order)
        truth = [true_derivatives(s, order) for s in exact]
        assert excess(y, mode.error(y), truth) <= 1
        assert looseness(mode.error(y), truth) < 1e-12


# Small networks, with the linear maps written out in loops over Taylor series.


def conv_tail() -> tuple[Any, Any]:
    w, b, scale, shift = random(3, 2, 3, 3), random(3, seed=1), random(3, seed=2), 2 + random(3, seed=3)
    linear, offset = random(2, 12, seed=4) / 4, random(2, seed=5)

    def tail(x: Tensor) -> Tensor:
        x = F.conv2d(x, w, b, padding=1) * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1)
        return F.linear(F.avg_pool2d(F.relu6(x), 2).flatten(1), linear, offset)[:, 1]

    def series(x: list[Any]) -> Any:
        def at(c: int, i: int, j: int) -> Any:
            inside = [
                arb(w[c, d, k, m].item()) * x[16 * d + 4 * (i + k - 1) + j + m - 1]
                for d in range(2)
                for k in range(3)
                for m in range(3)
                if 0 <= i + k - 1 < 4 and 0 <= j + m - 1 < 4
            ]
            y = (sum(inside, arb_series([0])) + arb(b[c].item())) * arb(scale[c].item()) + arb(shift[c].item())
            return arb_series([0]) if y[0] < 0 else arb_series([6]) if y[0] > 6 else y

        pooled = [
            (at(c, 2 * i, 2 * j) + at(c, 2 * i, 2 * j + 1) + at(c, 2 * i + 1, 2 * j) + at(c, 2 * i + 1, 2 * j + 1)) / 4
            for c in range(3)
            for i in range(2)
            for j in range(2)
        ]
        return dense(linear[1:], offset[1:], pooled)[0]

    return tail, series


def dense(weight: Tensor, offset: Tensor, x: list[Any]) -> list[Any]:
    return [
        sum((arb(w) * v for w, v in zip(row, x, strict=True)), arb_series([o]))
        for row, o in zip(weight.tolist(), offset.tolist(), strict=True)
    ]


def gelu_tail() -> tuple[Any, Any]:
    w, b, v, c = random(8, 32) / 4, random(8, seed=1), random(2, 8, seed=2), random(2, seed=3)

    def tail(x: Tensor) -> Tensor:
        return F.linear(F.gelu(F.linear(x.flatten(1), w, b)), v, c)[:, 0]

    def series(x: list[Any]) -> Any:
        return dense(v[:1], c[:1], [_gelu_series(h) for h in dense(w, b, x)])[0]

    return tail, series


HEADS = {"exp": (torch.exp, lambda s: s.exp()), "sigmoid": (torch.sigmoid, _sigmoid_series)}


def along(tail: Any, head: Any, a: Tensor, step: int = 1) -> Callable[[Tensor], Tensor]:
    """One line through every `step`-th entry of a: t -> head(tail(a + t e_i)), i = 0, step, ..."""
    lines = torch.eye(a.numel(), dtype=torch.float64)[::step].view(-1, *a.shape[1:])
    return lambda t: head(tail(a + t.view(-1, 1, 1, 1) * lines))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("make", (conv_tail, gelu_tail))
def test_the_derivatives_of_a_small_network_are_within_their_bounds(make: Any, head: str) -> None:
    tail, series = make()
    a = random(1, 2, 4, 4, seed=9)
    outer, outer_series = HEADS[head]
    values = a.flatten().tolist()
    exact = [
        outer_series(series([arb_series([arb(x), int(i == k)]) for k, x in enumerate(values)]))
        for i in range(len(values))
    ]
    for order in ORDERS:
        truth = [true_derivatives(s, order) for s in exact]
        for way in WAYS:
            with RunningError() as mode:
                y = way(along(tail, outer, a), torch.zeros(32, dtype=torch.float64), order)
            assert excess(y, mode.error(y), truth) <= 1
            assert looseness(mode.error(y), truth) < 1e-11


@pytest.mark.parametrize("way", WAYS)
def test_every_activation_of_the_digits_networks_is_bounded(way: Any) -> None:
    from verify.catalogue.activations import ACTIVATIONS
    from verify.catalogue.digits import LAYER, architecture

    for activation in ACTIVATIONS:
        torch.manual_seed(0)
        model = architecture(activation.name).requires_grad_(False)
        behind = model[[name for name, _ in model.named_children()].index(LAYER) + 1 :]
        fn = along(lambda x, behind=behind: behind(x)[:, 3], torch.exp, random(1, 16, 6, 6), 36)
        t = torch.zeros(16, dtype=torch.float64)
        for order in ORDERS:
            with RunningError() as mode:
                y = way(fn, t, order)
            assert mode.error(y).max() <= 1e-10 * y.abs().max(), activation.name


# What the rules rest on: the accuracy of torch's kernels.

KERNELS: dict[Any, tuple[Callable[[Tensor], Tensor], Callable[[arb], arb], Tensor]] = {
    aten.exp: (torch.exp, lambda x: x.exp(), torch.linspace(-700, 700, 4001).double()),
    aten.expm1: (torch.expm1, lambda x: x.expm1(), torch.linspace(-40, 40, 4001).double() ** 3 / 100),
    aten.log: (torch.log, lambda x: x.log(), torch.linspace(-300, 300, 4001).double().exp()),
    aten.log1p: (torch.log1p, lambda x: x.log1p(), torch.linspace(-0.999, 30, 4001).double()),
    aten.sqrt: (torch.sqrt, lambda x: x.sqrt(), torch.linspace(0, 30, 4001).double()),
    aten.rsqrt: (torch.rsqrt, lambda x: x.rsqrt(), torch.linspace(0.001, 30, 4001).double()),
    aten.reciprocal: (torch.reciprocal, lambda x: 1 / x, torch.linspace(0.001, 30, 4001).double()),
    aten.sin: (torch.sin, lambda x: x.sin(), torch.linspace(-50, 50, 4001).double()),
    aten.cos: (torch.cos, lambda x: x.cos(), torch.linspace(-50, 50, 4001).double()),
    aten.sinh: (torch.sinh, lambda x: x.sinh(), torch.linspace(-50, 50, 4001).double()),
    aten.cosh: (torch.cosh, lambda x: x.cosh(), torch.linspace(-50, 50, 4001).double()),
    aten.tanh: (torch.tanh, lambda x: x.tanh(), torch.linspace(-25, 25, 4001).double()),
    aten.sigmoid: (torch.sigmoid, lambda x: 1 / (1 + (-x).exp()), torch.linspace(-700, 50, 4001).double()),
    aten.erf: (torch.erf, lambda x: x.erf(), torch.linspace(-7, 7, 4001).double()),
}
POWERS = (-3, -2, -1, -0.5, 0.5, 1.5, 2, 3, 4, 7)


def test_the_accuracy_of_every_kernel_is_checked() -> None:
    assert set(KERNELS) == set(SMOOTH)


@pytest.mark.parametrize("op", [pytest.param(op, id=op.__name__) for op in KERNELS])
def test_a_kernel_is_accurate_to_four_units(op: Any) -> None:
    kernel, exact, grid = KERNELS[op]
    for x in (grid, grid[::7].clone().view(-1, 1)[:, :1].expand(-1, 3)):  # vectorised, and entry by entry
        with RunningError() as mode:
            y = kernel(x)
        assert excess(y.flatten(), mode.error(y).flatten(), [exact(arb(v)) for v in x.flatten().tolist()]) <= 1
    inside = (y == 0) | ((y.abs() > 1 / LARGE) & (y.abs() < LARGE))
    assert mode.error(y)[inside].max() <= 4.01 * U * y[inside].abs().max()
    assert mode.error(y)[~inside].isinf().all()


@pytest.mark.parametrize("p", POWERS)
def test_a_power_is_accurate_to_four_units(p: float) -> None:
    x = torch.linspace(0.001, 30, 2001).double()
    with RunningError() as mode:
        y = x**p
    assert excess(y, mode.error(y), [arb(v) ** arb(p) for v in x.tolist()]) <= 1


# Propagation: every rule is given inputs with an assumed error, and inputs that far apart.

X, W = random(2, 3, 6, 6), random(4, 3, 3, 3, seed=1)
POSITIVE = X.abs() + 0.5
M, N = random(3, 5), random(5, 4, seed=1)
INDEX = torch.tensor([[2, 0, 2], [1, 1, 0]])
MASK = torch.tensor([True, False, True])


def fills(x: Tensor) -> Tensor:
    y = x.clone()
    y[0] = y[1] * 3
    y[1].add_(y[2])
    return y.mul_(2).sub_(x)


CASES: tuple[tuple[Callable[..., Any], tuple[Tensor, ...]], ...] = (
    *((kernel, (POSITIVE,)) for kernel, _, _ in KERNELS.values()),
    *((lambda x, p=p: x**p, (POSITIVE,)) for p in POWERS),
    *((lambda x, p=p: x**p, (X - 5,)) for p in (-3, -2, 2, 3)),
    (torch.add, (X, X[0])),
    (lambda a, b: torch.sub(a, b, alpha=3), (X, X[0])),
    (lambda a: 1.5 - a, (X,)),
    (torch.mul, (X, X[0])),
    (lambda a: a * 0.7, (X,)),
    (lambda a: a * -4, (X,)),
    (torch.div, (X, POSITIVE[0])),
    (torch.div, (X, -POSITIVE)),
    (lambda a: a / 3, (X,)),
    (lambda a: 2 / a, (POSITIVE,)),
    (torch.mm, (M, N)),
    (torch.bmm, (M.expand(2, 3, 5), N.expand(2, 5, 4))),
    (torch.mv, (M, N[:, 0])),
    (torch.dot, (M[0], M[1])),
    (lambda c, a, b: torch.addmm(c, a, b, beta=-2, alpha=3), (N[0], M, N)),
    (lambda c, a, b: torch.baddbmm(c, a, b, beta=-2, alpha=3), (random(2, 3, 4), M.expand(2, 3, 5), N.expand(2, 5, 4))),
    (lambda c, a, b: torch.addmv(c, a, b, beta=0.5), (M[:, 1], M, N[:, 0])),
    (lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1), (X, W, W[:, 0, 0, 0])),
    (lambda x, w: F.conv2d(x, w, groups=3), (X, random(6, 1, 2, 2))),
    (lambda x, w: F.conv_transpose2d(x, w, stride=2, groups=3), (X, random(3, 2, 2, 2))),
    (
        lambda g, x, w: aten.convolution_backward(g, x, w, [4], [1, 1], [1, 1], [1, 1], False, [0, 0], 1, [True] * 3),
        (random(2, 4, 6, 6), X, W),
    ),
    (torch.sum, (X,)),
    (lambda x: x.sum((1, 3), keepdim=True), (X,)),
    (torch.mean, (X,)),
    (lambda x: x.cumsum(2), (X,)),
    (lambda x: F.avg_pool2d(x, 3, 2, 1), (X,)),
    (lambda g: aten.avg_pool2d_backward(g, X, [3], [2], [1], False, True, None), (random(2, 3, 3, 3),)),
    (lambda x: F.adaptive_avg_pool2d(x, (2, 4)), (X,)),
    (lambda g: aten._adaptive_avg_pool2d_backward(g, X), (random(2, 3, 2, 4),)),
    (lambda a, b: a.scatter_add(1, INDEX, b), (M, random(2, 3))),
    (lambda a, b: a.index_add(0, INDEX[1], b), (M, random(3, 5, seed=2))),
    (lambda a, b: a.index_put((INDEX[0],), b, accumulate=True), (M, random(3, 5, seed=2))),
    (lambda a, b: a.index_put((INDEX[0][:2],), b), (M, random(2, 5, seed=2))),
    (lambda a, b: aten._index_put_impl(a, (INDEX[0],), b, True), (M, random(3, 5, seed=2))),
    (torch.relu, (X,)),
    (torch.abs, (X,)),
    (torch.neg, (X,)),
    (lambda x: x.amax((2, 3)), (X,)),
    (lambda x: x.amin(1, keepdim=True), (X,)),
    (torch.maximum, (X, X[0])),
    (torch.minimum, (X, X[0])),
    (F.relu6, (4 * X,)),
    (lambda x: x.clamp(-1, 0.5), (X,)),
    (lambda x: x.clamp_min(0.25), (X,)),
    (lambda x: x.clamp_max(0.25), (X,)),
    (lambda x: F.leaky_relu(x, 0.3), (X,)),
    (lambda x: F.leaky_relu(x, -1.5), (X,)),
    (F.prelu, (X, random(3))),
    (F.elu, (X,)),
    (lambda g, x: aten.threshold_backward(g, x, 0), (random(2, 3, 6, 6, seed=5), X)),
    (lambda g, x: aten.hardtanh_backward(g, x, -1, 1), (random(2, 3, 6, 6, seed=5), X)),
    (torch.sign, (X,)),
    (lambda x: (x > 0).double(), (X,)),
    (lambda x: (x.lt(0.3) & ~x.le(-1) | x.ge(2)).double(), (X,)),
    (lambda x: torch.logical_or(torch.logical_not(x.eq(0)), torch.logical_and(x.ne(3), x > 0)).double(), (X,)),
    (lambda a, b: torch.where(MASK, a, b * 0.1), (X[..., :3], X[0, ..., 3:])),
    (lambda a: a.masked_fill(MASK, 0.25), (X[..., :3],)),
    (lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True), (X,)),
    (
        lambda g, x: aten.max_pool2d_with_indices_backward(g, x, [2], [1], [0], [1], False, places(x)),
        (X[..., :5, :5], X),
    ),
    (lambda x: x.clone(memory_format=torch.channels_last), (X,)),
    (lambda a, b: torch.cat([a, MASK.double().expand(2, 3), b], 1), (M[:2], N[:2])),
    (lambda a, b: torch.stack([a, b], 1), (M, M + 1)),
    (lambda x: x[INDEX], (M,)),
    (lambda x: x[:, torch.tensor([True, False, True, True, False])], (M,)),
    (lambda x: x.index_select(1, INDEX[0]), (M,)),
    (lambda x: x.gather(1, INDEX), (M,)),
    (lambda x: x.flip(0).roll(1, 1).repeat(2, 1).tril().triu(-1), (M,)),
    (lambda g: aten.select_backward(g, [3, 5], 0, 1) + aten.slice_backward(g[:4], [9], 0, 1, 9, 2)[:5], (M[0],)),
    (lambda a, b: a.select_scatter(b[0], 0, 1).slice_scatter(b, 0, 1, 3), (M, M[:2] + 1)),
    (lambda x: F.pad(x, (1, 2), value=7.0), (M,)),
    (fills, (M,)),
    (lambda x: torch.full_like(x, 2).fill_(x[0, 0]), (M,)),
    (lambda x: x.unfold(0, 2, 1).transpose(0, 2).flatten(1).expand(2, 2, 10).diagonal(), (M,)),
    (lambda x: F.softmax(x, 1), (M,)),
    (lambda x: F.log_softmax(x, 1), (M,)),
    (lambda x, w, b: F.layer_norm(x, (6,), w, b), (X, X[0, 0, 0], X[0, 0, 1])),
    (lambda x: F.group_norm(x, 3), (X,)),
    (lambda x, w: F.batch_norm(x, random(3), random(3).abs(), w, random(3)), (X, POSITIVE[0, :, 0, 0])),
    (lambda x: x.var((0, 1)), (X,)),
    (lambda x: F.gelu(x) + F.gelu(x, approximate="tanh") + F.silu(x) + F.softplus(x) + F.mish(x), (X,)),
    (lambda x: F.hardswish(x) + F.logsigmoid(x), (X,)),
    (lambda g, y: aten.sigmoid_backward(g, y) + aten.tanh_backward(g, y) + aten.gelu_backward(g, y), (X, X[0])),
    (lambda x: F.hardsigmoid(x), (X,)),
    (torch.logaddexp, (X, 20 * X[0])),
    (lambda x: torch.logsumexp(x, 1), (M,)),
)


def places(x: Tensor) -> Tensor:
    return aten.max_pool2d_with_indices(x, [2], [1])[1]


@pytest.mark.parametrize("size", (1e-3, 1e-9))
@pytest.mark.parametrize(("fn", "inputs"), CASES)
def test_a_result_moves_by_no_more_than_its_bound_when_its_inputs_move(fn: Any, inputs: Any, size: float) -> None:
    with RunningError() as mode:
        seen = [x.clone() for x in inputs]
        for x in seen:
            mode.assume(x, size)
        y = fn(*seen)
    bounds = [mode.error(part) for part in tree_leaves(y)]
    assert sum(int(e.isfinite().sum()) for e in bounds) >= 0.8 * sum(e.numel() for e in bounds)
    for seed in range(3):
        signs = [random(*x.shape, seed=seed + 7 * k).sign() for k, x in enumerate(seen)]
        moved = fn(*(x + size * s for x, s in zip(seen, signs, strict=True)))
        for part, other, e in zip(tree_leaves(y), tree_leaves(moved), bounds, strict=True):
            assert ((part - other).abs() <= e * (1 + 1e-6) + 1e-13).all()


def test_every_rule_is_among_the_cases() -> None:
    hit: set[Any] = set()

    def spied(packet: Any, rule: Any) -> Any:
        def call(c: Any) -> Any:
            hit.add(packet)
            return rule(c)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for packet, rule in list(RULES.items()):
            patch.setitem(RULES, packet, spied(packet, rule))
        for fn, inputs in CASES:
            with RunningError() as mode:
                seen = [x.clone() for x in inputs]
                for x in seen:
                    mode.assume(x, 0.1)  # so large that some comparisons are open
                fn(*seen)
    unused = set(RULES) - hit - {aten._local_scalar_dense}
    assert not unused


# What could go wrong without anybody noticing.


def test_a_kernel_wrong_by_one_part_in_a_trillion_exceeds_its_bound() -> None:
    class Wrong(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            return out * (1 + 1e-12) if func.overloadpacket is aten.exp else out

    exact = [(arb_series([arb(x), 1]) ** 2).exp() for x in POINTS.tolist()]
    for way in WAYS:
        with Wrong(), RunningError() as mode:
            y = way(lambda x: torch.exp(x * x), POINTS, 2)
        assert excess(y, mode.error(y), [true_derivatives(s, 2) for s in exact]) > 100


def test_a_fused_kernel_that_is_wrong_widens_its_own_bound() -> None:
    class Wrong(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            out = func(*args, **(kwargs or {}))
            return out * (1 + 1e-12) if func.overloadpacket is aten.gelu else out

    with Wrong(), RunningError() as mode:
        y = F.gelu(POINTS)
    truth = [_gelu_series(arb(x)) for x in POINTS.tolist()]
    assert excess(y, mode.error(y), truth) <= 1
    assert mode.error(y).max() > 1e-12


@pytest.mark.parametrize("dropped", ("self", "other"))
def test_dropping_the_error_of_one_factor_is_noticed(dropped: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fn(x: Tensor) -> Tensor:
        shifted = (x + 1000) - 1000
        return shifted * x if dropped == "self" else x * shifted

    truth = [arb(x) * arb(x) for x in POINTS.tolist()]
    with RunningError() as mode:
        y = fn(POINTS)
    assert excess(y, mode.error(y), truth) <= 1
    right = RULES[aten.mul]

    def wrong(c: Any) -> Any:
        return right(type(c)(c.func, c.args, c.kwargs, c.out, lambda x: None if x is c[dropped] else c.error(x)))

    monkeypatch.setitem(rounding_table.RULES, aten.mul, wrong)
    with RunningError() as mode:
        y = fn(POINTS)
    assert excess(y, mode.error(y), truth) > 1


def test_an_unknown_operation_is_refused_by_name() -> None:
    with pytest.raises(NoRule, match=r"aten\.lgamma"), RunningError():
        torch.lgamma(POINTS)


def test_an_unknown_operation_in_place_is_refused_by_name() -> None:
    with pytest.raises(NoRule, match=r"aten\.lgamma"), RunningError():
        POINTS.clone().lgamma_()


def test_other_precisions_are_refused() -> None:
    with RunningError():
        with pytest.raises(NoRule, match="float32"):
            POINTS.float()
        with pytest.raises(NoRule, match="float32"):
            torch.ones(3).exp()


def test_an_inexact_number_is_not_read_out() -> None:
    with RunningError():
        assert double(2).mul(4).item() == 8
        with pytest.raises(NoRule, match="_local_scalar_dense"):
            double(2).exp().item()


def test_a_branch_within_the_error_is_not_certain() -> None:
    x = double(-1e-9, 1e-9, -1e-3, 1e-3, 0)
    with RunningError() as mode:
        mode.assume(x, double(1e-8, 1e-8, 1e-8, 1e-8, 0))
        outs = [
            by_forward(F.relu, x * 1, 1),
            by_reverse(F.relu, x * 1, 1),
            torch.where(x > 0, x, -x),
            torch.sign(x),
            (x >= 0).double(),
        ]
    assert [mode.error(y).isinf().tolist() for y in outs] == 5 * [[True, True, False, False, False]]


def test_the_value_of_a_kinked_function_is_certain_at_the_kink() -> None:
    x = double(-1e-9, 1e-9)
    with RunningError() as mode:
        mode.assume(x, 1e-8)
        outs = F.relu(x), F.relu6(x), F.leaky_relu(x), F.elu(x), x.clamp(0, 1), x.abs()
    assert all(mode.error(y).max() < 2.1e-8 for y in outs)


def test_the_place_of_a_maximum_is_uncertain_only_if_a_rival_is_near() -> None:
    x = torch.zeros(1, 1, 2, 8, dtype=torch.float64)
    x[..., 0, 2], x[..., 0, 4], x[..., 1, 5], x[..., 1, 6] = 1, 1, 1 + 1e-9, 1e-9
    e = torch.zeros_like(x)
    e[..., 2], e[..., 4:6], e[..., 7] = (
        1e-6,
        1e-8,
        1e-7,
    )  # windows: an exact tie, a clear winner, a rival, a rival below
    with RunningError() as mode:
        mode.assume(x, e)
        _, where = aten.max_pool2d_with_indices(x, [2])
        moved = by_forward(lambda t: F.max_pool2d(x + 0 * t.view(1, 1, 1, 1), 2).flatten(), double(0), 1)
        x.requires_grad_()
        (g,) = torch.autograd.grad(F.max_pool2d(x, 2).sum(), x)
    expected = [False, False, True, True]
    assert mode.error(where).isinf().flatten().tolist() == expected
    assert mode.error(moved).isinf().flatten().tolist() == expected
    assert mode.error(g).isinf()[0, 0].tolist() == 2 * [[False, False, False, False, True, True, True, True]]


def test_a_division_by_what_may_be_zero_is_unbounded() -> None:
    with RunningError() as mode:
        x = double(1.0)
        mode.assume(x, 1.0)
        outs = 1 / x, x.log(), x.rsqrt(), x**-2, (x - 1).sqrt(), x / (x - 2)
        mode.assume(x, 0.999)
        fine = 1 / x, x.log(), x.rsqrt(), x**-2
    assert all(mode.error(y).isinf().all() for y in outs)
    assert all(mode.error(y).isfinite().all() for y in fine)


def test_views_and_changes_in_place_share_the_bounds_of_their_storage() -> None:
    with RunningError() as mode:
        x = double(1, 2, 3, 4).view(2, 2)
        column, before = x[:, 1], x.clone()
        column.exp_()
        row, saved = x[1], x.detach().t()
        assert torch.equal(mode.error(x), mode.error(saved).t())
        assert torch.equal(mode.error(x)[1], mode.error(row))
        assert (mode.error(x) > 0).tolist() == [[False, True], [False, True]]
        assert not mode.error(before).any()
        copy = x.clone()
        x.zero_()
        assert not mode.error(row).any() and mode.error(copy).any()


def test_memory_that_is_used_again_does_not_inherit_a_bound() -> None:
    with RunningError() as mode:
        for _ in range(50):
            inexact = double(1, 2, 3).exp()
            assert mode.error(inexact).all()
            del inexact
            assert not mode.error(double(1, 2, 3)).any()


def test_bounds_of_tensors_that_are_gone_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("verify.rounding.SWEEP", 1 << 12)
    with RunningError() as mode:
        kept = torch.ones(100, dtype=torch.float64).exp()
        for _ in range(100):
            torch.ones(100, dtype=torch.float64).exp()
    assert len(mode._shadows) < 10
    assert mode.error(kept).all()


def test_an_assumed_error_must_be_one() -> None:
    mode = RunningError()
    with pytest.raises(ValueError, match="errors >= 0"):
        mode.assume(POINTS, -1.0)
    with pytest.raises(ValueError, match="float64"):
        mode.assume(torch.ones(3), 1.0)


def test_what_is_exact_has_no_error() -> None:
    with RunningError() as mode:
        y = torch.cat([-POINTS, POINTS * 4, POINTS.relu(), torch.zeros_like(POINTS)])[3:].view(1, -1).expand(2, -1)
    assert not mode.error(y).any()


def test_products_that_underflow_are_bounded() -> None:
    tiny = double(2.0**-600, 3e-200, 0.0)
    with RunningError() as mode:
        y = tiny * 2.0**-600, (tiny @ tiny).view(1), tiny / double(2.0**600, 1e200, 1)
    for part in y:
        assert part.flatten()[0] == 0 and mode.error(part).flatten()[0] >= 2.0**-1200
    assert mode.error(y[0])[2] == 0


@pytest.mark.parametrize(
    ("program", "x", "error"),
    [
        (lambda x: x / 1e40, 1e40, 1e30),
        (lambda x: x / 0.1, 1.0, 1.0),
        (lambda x: x * 2.0**-200 * 2.0**1000, 2.0**-900, 0.0),
        (lambda x: x.reciprocal(), 1e200, 1e190),
        (lambda x: x**-2, 1e120, 1e110),
        (lambda x: x.rsqrt(), 1e250, 1e240),
        (lambda x: x * 2.0, 1e308, 0.0),
    ],
    ids=["small quotient", "wide", "underflow", "reciprocal", "power", "rsqrt", "overflow"],
)
def test_the_bound_holds_at_the_ends_of_the_range(program, x, error):
    """The exact result moves by at least half as much as its input may; the bound must not be smaller."""
    with RunningError() as mode:
        at = torch.tensor([x], dtype=torch.float64)
        mode.assume(at, error)
        y = program(at)
        bound = mode.error(y).item()
    with mpmath.workdps(60):
        exact = {
            0: lambda v: v / mpmath.mpf(1e40),
            1: lambda v: v / mpmath.mpf(0.1),
            2: lambda v: v * mpmath.mpf(2) ** 800,
            3: lambda v: 1 / v,
            4: lambda v: v**-2,
            5: lambda v: 1 / mpmath.sqrt(v),
            6: lambda v: 2 * v,
        }
        which = ENDS.index((x, error))
        farthest = max(abs(exact[which](mpmath.mpf(x) + s * mpmath.mpf(error)) - mpmath.mpf(y.item())) for s in (-1, 1))
        assert mpmath.mpf(bound) >= farthest or bound == float("inf")


ENDS = [(1e40, 1e30), (1.0, 1.0), (2.0**-900, 0.0), (1e200, 1e190), (1e120, 1e110), (1e250, 1e240), (1e308, 0.0)]

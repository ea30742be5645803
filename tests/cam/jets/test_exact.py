"""Every family of operations beside 50 digits: the same small network once in torch and once in mpmath."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product
from math import prod

import mpmath
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cam import cut, pure_derivatives
from cam.jets import curves

SHAPE = (2, 3, 2)
SOME = (0, 4, 11)
Numbers = list  # of mpmath's
Part = Callable[[Numbers], Numbers]


class Do(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, A):
        return self.function(A)


class Network(nn.Module):
    """A -> tanh -> the operation -> softplus -> score: derivatives of every order enter the operation and leave it."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        size = prod(SHAPE)
        self.layer, self.part = nn.Identity(), part
        self.mix = nn.Linear(size, size)
        self.read = nn.Linear(part(torch.randn(1, *SHAPE, dtype=torch.float64)).numel(), 3)
        self.score = nn.Linear(3, 2)

    def forward(self, A):
        z = self.mix(self.layer(A).flatten(1)).tanh().view(A.shape)
        return self.score(F.softplus(self.read(self.part(z).flatten(1))))


def affine(linear: nn.Linear, x: Numbers) -> Numbers:
    return [mpmath.fdot(row, x) + b for row, b in zip(linear.weight.tolist(), linear.bias.tolist(), strict=True)]


def expected(network: Network, part: Part, A: Tensor, entry: int) -> list[float]:
    """S of class 1 and its derivatives along one entry, by differences at so many digits that 50 are right."""

    def S(t):
        x = [mpmath.mpf(v) for v in A.flatten().tolist()]
        x[entry] += t
        z = [mpmath.tanh(v) for v in affine(network.mix, x)]
        out = [mpmath.log1p(mpmath.exp(v)) for v in affine(network.read, part(z))]
        return affine(network.score, out)[1]

    with mpmath.workdps(50):
        return [float(v) for v in mpmath.diffs(S, 0, 3)]


# --- the operations in mpmath -----------------------------------------------------------------------------------------


def places(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    return product(*map(range, sizes))


def at(sizes: Sequence[int], place: Sequence[int]) -> int | None:
    """Return where a place lies in a list, or None if it is outside."""
    flat = 0
    for size, i in zip(sizes, place, strict=True):
        if not 0 <= i < size:
            return None
        flat = flat * size + i
    return flat


def convolution(kernel: Tensor, stride=1, padding=0, dilation=1, groups=1) -> Part:
    outputs, per_group, *sizes = kernel.shape
    rows, columns = (
        (n + 2 * padding - dilation * (k - 1) - 1) // stride + 1 for n, k in zip(SHAPE[1:], sizes, strict=True)
    )

    def part(x: Numbers) -> Numbers:
        found = []
        for o, i, j in places((outputs, rows, columns)):
            total = mpmath.mpf(0)
            for c, a, b in places((per_group, *sizes)):
                source = (
                    o // (outputs // groups) * per_group + c,
                    i * stride - padding + a * dilation,
                    j * stride - padding + b * dilation,
                )
                where = at(SHAPE, source)
                total += 0 if where is None else x[where] * kernel[o, c, a, b].item()
            found.append(total)
        return found

    return part


def transposed(kernel: Tensor, stride: int) -> Part:
    outputs, *sizes = kernel.shape[1:]
    into = (outputs, *((n - 1) * stride + k for n, k in zip(SHAPE[1:], sizes, strict=True)))

    def part(x: Numbers) -> Numbers:
        found = [mpmath.mpf(0)] * prod(into)
        for (c, i, j), v in zip(places(SHAPE), x, strict=True):
            for o, a, b in places((outputs, *sizes)):
                found[at(into, (o, i * stride + a, j * stride + b))] += v * kernel[c, o, a, b].item()
        return found

    return part


def windows(size: int, stride: int, padding: int, choose: Callable[[Numbers], object]) -> Part:
    rows, columns = ((n + 2 * padding - size) // stride + 1 for n in SHAPE[1:])

    def part(x: Numbers) -> Numbers:
        seen = (
            [at(SHAPE, (c, i * stride - padding + a, j * stride - padding + b)) for a, b in places((size, size))]
            for c, i, j in places((SHAPE[0], rows, columns))
        )
        return [choose([x[w] for w in window if w is not None]) for window in seen]

    return part


def normed(x: Numbers, eps: float, centre: bool = True) -> Numbers:
    mean = mpmath.fsum(x) / len(x) if centre else 0
    variance = mpmath.fsum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / mpmath.sqrt(variance + eps) for v in x]


def softmax(x: Numbers) -> Numbers:
    powers = [mpmath.exp(v) for v in x]
    return [p / mpmath.fsum(powers) for p in powers]


def by(length: int, function: Part) -> Part:
    """Apply a function to so many numbers in a row."""
    return lambda x: [v for k in range(0, len(x), length) for v in function(x[k : k + length])]


def over_channels(function: Part) -> Part:
    """Apply a function to the channels of every place."""
    n = prod(SHAPE[1:])

    def part(x: Numbers) -> Numbers:
        columns = [function(x[p::n]) for p in range(n)]
        return [column[c] for c in range(SHAPE[0]) for column in columns]

    return part


def each(function: Callable[[object], object]) -> Part:
    return lambda x: [function(v) for v in x]


def attention(x: Numbers) -> Numbers:
    tokens = [x[2 * k : 2 * k + 2] for k in range(6)]
    found = []
    for query in tokens:
        weights = softmax([mpmath.fdot(query, key) / mpmath.sqrt(2) for key in tokens])
        found += [mpmath.fdot(weights, [t[c] for t in tokens]) for c in range(2)]
    return found


def attend(A: Tensor) -> Tensor:
    tokens = A.reshape(len(A), 1, 6, 2)
    return F.scaled_dot_product_attention(tokens, tokens, tokens)


def excite(x: Numbers) -> Numbers:
    return [v * sigmoid(mpmath.fsum(x[6 * (k // 6) : 6 * (k // 6) + 6]) / 6) for k, v in enumerate(x)]


def sigmoid(v):
    return 1 / (1 + mpmath.exp(-v))


def clip(v, low, high):
    return min(max(v, mpmath.mpf(low)), mpmath.mpf(high))


def gelu_by_tanh(v):
    return v * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf(0.044715) * v**3))) / 2


def selu(v):
    scale, alpha = mpmath.mpf(1.0507009873554805), mpmath.mpf(1.6732632423543772)
    return scale * (v if v > 0 else alpha * mpmath.expm1(v))


def upsampled(x: Numbers) -> Numbers:
    """Bilinear to twice the rows, as torch has it: row r reads at r/2 - 1/4."""
    found = []
    for c, r, j in places((SHAPE[0], 2 * SHAPE[1], SHAPE[2])):
        y = max(mpmath.mpf(r) / 2 - mpmath.mpf(1) / 4, mpmath.mpf(0))
        low = int(y)
        high = min(low + 1, SHAPE[1] - 1)
        found.append((1 - (y - low)) * x[at(SHAPE, (c, low, j))] + (y - low) * x[at(SHAPE, (c, high, j))])
    return found


def kernel(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(prod(shape)))


def convolved(k: Tensor, **how: int) -> tuple[nn.Module, Part]:
    return Do(lambda A: F.conv2d(A, k, **how)), convolution(k, **how)


def batch_norm() -> nn.Module:
    norm = nn.BatchNorm2d(2, affine=False)
    norm.running_mean.fill_(0.25), norm.running_var.fill_(2.5)
    return norm


EPSILON = 1e-5
SPREAD, MATRIX = kernel(2, 3, 2, 2), kernel(2, 4)
PARTS: dict[str, tuple[nn.Module, Part]] = {
    "convolution": convolved(kernel(3, 2, 2, 2), padding=1),
    "strided and dilated": convolved(kernel(2, 2, 2, 2), padding=1, stride=2, dilation=2),
    "grouped": convolved(kernel(4, 1, 2, 2), groups=2, padding=1),
    "depthwise": convolved(kernel(2, 1, 3, 3), groups=2, padding=1),
    "1 x 1": convolved(kernel(5, 2, 1, 1)),
    "transposed": (
        Do(lambda A: F.conv_transpose2d(A, SPREAD, stride=2)),
        transposed(SPREAD, 2),
    ),
    "linear": (
        Do(lambda A: A @ MATRIX),
        by(2, lambda x: [mpmath.fdot(x, column) for column in MATRIX.T.tolist()]),
    ),
    "matmul": (
        Do(lambda A: A.flatten(2) @ A.flatten(2).transpose(1, 2)),
        lambda x: [mpmath.fdot(x[6 * a : 6 * a + 6], x[6 * b : 6 * b + 6]) for a, b in places((2, 2))],
    ),
    "attention": (Do(attend), attention),
    "batch norm": (
        batch_norm(),
        each(lambda v: (v - mpmath.mpf(0.25)) / mpmath.sqrt(mpmath.mpf(2.5) + mpmath.mpf(EPSILON))),
    ),
    "layer norm": (nn.LayerNorm(SHAPE, elementwise_affine=False), by(12, lambda x: normed(x, EPSILON))),
    "layer norm of rows": (Do(lambda A: F.layer_norm(A, (2,), eps=0.5)), by(2, lambda x: normed(x, 0.5))),
    "group norm": (nn.GroupNorm(1, 2, affine=False), by(12, lambda x: normed(x, EPSILON))),
    "instance norm": (nn.InstanceNorm2d(2), by(6, lambda x: normed(x, EPSILON))),
    "RMS norm": (nn.RMSNorm(2, eps=0.5, elementwise_affine=False), by(2, lambda x: normed(x, 0.5, centre=False))),
    "relu": (nn.ReLU(), each(lambda v: max(v, mpmath.mpf(0)))),
    "relu6": (Do(lambda A: F.relu6(8 * A)), each(lambda v: clip(8 * v, 0, 6))),
    "leaky relu": (nn.LeakyReLU(0.1), each(lambda v: v if v > 0 else mpmath.mpf(0.1) * v)),
    "prelu": (nn.PReLU(init=0.25), each(lambda v: v if v > 0 else mpmath.mpf(0.25) * v)),
    "hardtanh": (nn.Hardtanh(-0.25, 0.5), each(lambda v: clip(v, -0.25, 0.5))),
    "hardsigmoid": (Do(lambda A: F.hardsigmoid(4 * A)), each(lambda v: clip(4 * v + 3, 0, 6) / 6)),
    "hardswish": (Do(lambda A: F.hardswish(4 * A)), each(lambda v: 4 * v * clip(4 * v + 3, 0, 6) / 6)),
    "gelu": (nn.GELU(), each(lambda v: v * (1 + mpmath.erf(v / mpmath.sqrt(2))) / 2)),
    "gelu by tanh": (nn.GELU("tanh"), each(gelu_by_tanh)),
    "silu": (nn.SiLU(), each(lambda v: v * sigmoid(v))),
    "mish": (nn.Mish(), each(lambda v: v * mpmath.tanh(mpmath.log1p(mpmath.exp(v))))),
    "elu": (nn.ELU(0.75), each(lambda v: v if v > 0 else mpmath.mpf(0.75) * mpmath.expm1(v))),
    "selu": (nn.SELU(), each(selu)),
    "softplus": (nn.Softplus(2), each(lambda v: mpmath.log1p(mpmath.exp(2 * v)) / 2)),
    "log-sigmoid": (nn.LogSigmoid(), each(lambda v: -mpmath.log1p(mpmath.exp(-v)))),
    "tanh": (nn.Tanh(), each(mpmath.tanh)),
    "sigmoid": (nn.Sigmoid(), each(sigmoid)),
    "max pool": (nn.MaxPool2d(2, 1), windows(2, 1, 0, max)),
    "max pool, padded": (nn.MaxPool2d(2, 2, 1), windows(2, 2, 1, max)),
    "average pool": (nn.AvgPool2d(2, 1, 1), windows(2, 1, 1, lambda x: mpmath.fsum(x) / 4)),
    "global average pool": (nn.AdaptiveAvgPool2d(1), by(6, lambda x: [mpmath.fsum(x) / 6])),
    "softmax": (nn.Softmax(1), over_channels(softmax)),
    "log-softmax": (nn.LogSoftmax(3), by(2, lambda x: [mpmath.log(p) for p in softmax(x)])),
    "residual": (Do(lambda A: A + F.silu(A)), each(lambda v: v + v * sigmoid(v))),
    "squeeze and excite": (Do(lambda A: A * A.mean((2, 3), keepdim=True).sigmoid()), excite),
    "quotient": (Do(lambda A: A / (2 + A.flip(1))), lambda x: [v / (2 + x[(k + 6) % 12]) for k, v in enumerate(x)]),
    "cat": (Do(lambda A: torch.cat([A.flip(1), A * A], 1)), lambda x: [*x[6:], *x[:6], *(v * v for v in x)]),
    "view": (
        Do(lambda A: A.permute(0, 2, 3, 1).reshape(len(A), 4, 3)),
        lambda x: [x[p + 6 * c] for p in range(6) for c in range(2)],
    ),
    "bilinear": (Do(lambda A: F.interpolate(A, scale_factor=(2, 1), mode="bilinear", align_corners=False)), upsampled),
}


@pytest.mark.parametrize(("part", "part_of"), PARTS.values(), ids=PARTS)
def test_all_orders_agree_with_50_digits(part, part_of):
    torch.manual_seed(1)
    network, A = Network(part.double().eval()).double().eval(), torch.randn(1, *SHAPE, dtype=torch.float64)
    found = pure_derivatives(cut(network, "layer", A).tail, A, torch.tensor(SOME), target=1)
    reference = torch.tensor([expected(network, part_of, A, entry) for entry in SOME], dtype=torch.float64).T
    orders = torch.stack([found.S.expand_as(found.g), found.g, found.h, found.t])
    assert reference[1:].abs().amin() > 1e-6, "every order must count"
    assert float(((orders - reference).abs().amax(1) / reference.abs().amax(1)).max()) <= 1e-13


def test_a_slope_wrong_in_single_precision_is_found(monkeypatch):
    monkeypatch.delitem(curves.WRITTEN_OUT, "hardsigmoid")
    part, part_of = PARTS["hardsigmoid"]
    with pytest.raises(AssertionError):
        test_all_orders_agree_with_50_digits(part, part_of)

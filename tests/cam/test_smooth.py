import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cam import cut


class Rest(nn.Module):
    def __init__(self, rest) -> None:
        super().__init__()
        self.layer, self.conv, self.rest = nn.Conv2d(2, 4, 1), nn.Conv2d(4, 4, 3), rest
        self.linear = nn.LazyLinear(3, dtype=torch.float64)

    def forward(self, x):
        return self.linear(self.rest(self.layer(x), self.conv).flatten(1))


def smooth(rest) -> tuple[str, ...]:
    torch.manual_seed(0)
    x = torch.randn(1, 2, 6, 6, dtype=torch.float64)
    model = Rest(rest).double().eval()
    model(x)
    return cut(model, "layer", x).tail.smooth_operations


BATCH_NORM = nn.BatchNorm2d(4).double().eval()
PIECEWISE_LINEAR = {
    "nothing": lambda A, conv: A,
    "ReLU": lambda A, conv: conv(A).relu_(),
    "ReLU6": lambda A, conv: F.relu6(A),
    "leaky ReLU": lambda A, conv: F.leaky_relu(A, 0.25),
    "PReLU": lambda A, conv: F.prelu(A, torch.full((4,), 0.25, dtype=A.dtype)),
    "hard sigmoid": lambda A, conv: F.hardsigmoid(A),
    "max-pool": lambda A, conv: F.max_pool2d(A, 2),
    "adaptive max-pool": lambda A, conv: F.adaptive_max_pool2d(A, 2),
    "average pool": lambda A, conv: F.avg_pool2d(A, 2) + F.adaptive_avg_pool2d(A, 3),
    "eval batch norm": lambda A, conv: BATCH_NORM(A),
    "interpolation": lambda A, conv: F.interpolate(A, scale_factor=2, mode="bilinear"),
    "concatenation": lambda A, conv: torch.cat([A, 2 * A - 1], 1)[:, 1:5].permute(0, 2, 3, 1) / 3,
    "constant gate": lambda A, conv: A * torch.zeros_like(conv.weight).sigmoid().mean(),
}
CURVED = {
    "GELU": (lambda A, conv: F.gelu(conv(A)), ("gelu",)),
    "sigmoid gate": (lambda A, conv: A * A.mean((2, 3), keepdim=True).sigmoid(), ("sigmoid", "mul")),
    "hard sigmoid gate": (lambda A, conv: A * F.hardsigmoid(A.mean((2, 3), keepdim=True)), ("mul",)),
    "hard swish": (lambda A, conv: F.hardswish(A), ("mul",)),
    "square by a product": (lambda A, conv: A * A, ("mul",)),
    "product of two halves": (lambda A, conv: A[:, :2] * A[:, 2:], ("mul",)),
    "power": (lambda A, conv: A**3, ("pow",)),
    "quotient": (lambda A, conv: 1 / (3 + A.relu()), ("reciprocal",)),
    "divisor": (lambda A, conv: A / (3 + A.abs()), ("div",)),
    "matrix product of two dependents": (lambda A, conv: A @ A, ("bmm",)),
    "convolution with a dependent kernel": (lambda A, conv: F.conv2d(A, A[:, :, :2, :2]), ("convolution",)),
    "masked by itself": (lambda A, conv: A * (A > 0), ("mul",)),
    "softmax": (lambda A, conv: A.softmax(1), ("_softmax",)),
    "layer norm": (lambda A, conv: F.layer_norm(A, A.shape[1:]), ("var_mean", "rsqrt", "mul")),
}


@pytest.mark.parametrize("rest", PIECEWISE_LINEAR.values(), ids=PIECEWISE_LINEAR)
def test_a_piecewise_linear_tail_has_no_smooth_operation(rest):
    assert smooth(rest) == ()


@pytest.mark.parametrize(("rest", "names"), CURVED.values(), ids=CURVED)
def test_a_curved_tail_names_what_curves_it(rest, names):
    assert smooth(rest) == names


def test_an_operation_nobody_has_classified_counts_as_smooth():
    assert smooth(lambda A, conv: A.logcumsumexp(1)) == ("logcumsumexp",)
    assert smooth(lambda A, conv: A.cumprod(1)) == ("cumprod",)

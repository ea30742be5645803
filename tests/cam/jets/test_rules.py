"""Every operation, at orders 1, 2 and 3, in a small network: first, behind windows, behind spreads, and last."""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from cam import cut, nested_derivatives, pure_derivatives
from cam.jets import plan as plans
from cam.jets import walk as walks
from cam.jets.rules import RULES, UnknownOperation, convolutions, norms

SHAPE = (1, 4, 4, 6)
ENTRIES = torch.tensor([0, 5, 17, 32, 50, 71, 95])
# What the issue asks for: the largest error beside the largest derivative of that order. 1e-13 is 450 roundings.
FLOAT64, FLOAT32 = 1e-13, 5e-6


class Do(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, A):
        return self.function(A)


class Tokens(nn.Module):
    """A module of tokens (B, N, C), given a map (B, C, H, W)."""

    def __init__(self, part: nn.Module) -> None:
        super().__init__()
        self.part = part

    def forward(self, A):
        return self.part(A.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, A.shape[2:])


class With(nn.Module):
    """A and what a part makes of it, put together: a residual, a gate."""

    def __init__(self, part: nn.Module, together: Callable[[Tensor, Tensor], Tensor] = torch.add) -> None:
        super().__init__()
        self.part, self.together = part, together

    def forward(self, A):
        return self.together(A, self.part(A))


class Heads(nn.Module):
    """Attention of two heads, by torch's own product or written out."""

    def __init__(self, attend: Callable[..., Tensor], **how: object) -> None:
        super().__init__()
        self.into, self.out, self.attend, self.how = nn.Linear(4, 12), nn.Linear(4, 4), attend, how

    def forward(self, tokens):
        q, k, v = self.into(tokens).unflatten(2, (3, 2, 2)).permute(2, 0, 3, 1, 4).unbind(0)
        return self.out(self.attend(q, k, v, **self.how).transpose(1, 2).flatten(2))


def attend(q: Tensor, k: Tensor, v: Tensor, is_causal: bool = False, scale: float | None = None) -> Tensor:
    scores = q @ k.transpose(2, 3) * (q.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        scores = scores + torch.full(scores.shape[2:], -torch.inf, dtype=q.dtype).triu(1)
    weights = (scores - scores.amax(-1, keepdim=True).detach()).exp()
    return weights / weights.sum(-1, keepdim=True) @ v


def centred(A: Tensor, dims: tuple[int, ...], eps: float = 1e-5) -> Tensor:
    u = A - A.mean(dims, keepdim=True)
    return u / (u.square().mean(dims, keepdim=True) + eps).sqrt()


def group_norm(groups: int, norm: nn.Module) -> Callable[[Tensor], Tensor]:
    def function(A: Tensor) -> Tensor:
        parts = A.unflatten(1, (groups, -1))
        weight, bias = (p.view(-1, 1, 1) for p in (norm.weight, norm.bias))
        return centred(parts, (2, 3, 4)).flatten(1, 2) * weight + bias

    return function


def affine(norm: nn.Module) -> nn.Module:
    """Return the norm with drawn parameters, and drawn statistics if it has any."""
    rng = torch.Generator().manual_seed(1)
    for tensor in (*norm.parameters(), *norm.buffers()):
        if tensor.is_floating_point():
            tensor.data = torch.rand(tensor.shape, generator=rng) + 0.5
    return norm


@dataclass(frozen=True)
class Case:
    """An operation, and how to write it in operations that torch differentiates thrice, if it is none itself."""

    name: str
    part: nn.Module
    twin: Callable[[Tensor], Tensor] | None = None


def layer_norm_case(name: str, norm: nn.LayerNorm) -> Case:
    dims = tuple(range(-len(norm.normalized_shape), 0))
    return Case(name, norm, lambda A: centred(A, dims, norm.eps) * norm.weight + norm.bias)


def attention_case(name: str, **how: object) -> Case:
    module = Heads(F.scaled_dot_product_attention, **how)
    twin = Heads(attend, **how)
    twin.into, twin.out = module.into, module.out
    return Case(name, Tokens(module), Tokens(twin))


def antialiased_case(mode: str, size: tuple[int, int]) -> Case:
    """By its matrix, what it makes of each unit map: torch's own gradient is wrong where it makes one column."""

    def interpolated(A: Tensor) -> Tensor:
        return F.interpolate(A, size, mode=mode, antialias=True)

    matrix = interpolated(torch.eye(24, dtype=torch.float64).view(24, 1, *SHAPE[2:])).flatten(1)
    twin = Do(lambda A: (A.flatten(2) @ matrix).unflatten(2, size))
    return Case(f"{mode} without aliasing to {size[0]} x {size[1]}", Do(interpolated), twin)


def hard(z: Tensor) -> Tensor:
    return (z + 3).clamp(0, 6) / 6


def turned(A: Tensor) -> Tensor:
    pairs = torch.view_as_complex(A.unflatten(-1, (-1, 2)).contiguous())
    return torch.view_as_real(pairs * torch.polar(torch.ones(3), torch.arange(3.0)).to(pairs)).flatten(-2)


EXPONENTS = torch.linspace(1.5, 3, 96, dtype=torch.float64).view(SHAPE)

torch.manual_seed(2)
GROUPED, SINGLE, INSTANCE = (
    affine(nn.GroupNorm(2, 4)),
    affine(nn.GroupNorm(1, 4)),
    affine(nn.InstanceNorm2d(4, affine=True)),
)
IN_TOKENS = affine(nn.LayerNorm(4))
CONVNEXT = [nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Linear(4, 12), nn.Linear(12, 4)]


def convnext(norm: Callable[[Tensor], Tensor]) -> nn.Module:
    before, widen, narrow = CONVNEXT
    return With(
        nn.Sequential(
            before,
            Do(lambda A: A.permute(0, 2, 3, 1)),
            Do(norm),
            widen,
            nn.GELU(),
            narrow,
            Do(lambda A: A.permute(0, 3, 1, 2)),
        )
    )


def excite(*gate: nn.Module) -> nn.Module:
    return With(
        nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 2, 1), nn.SiLU(), nn.Conv2d(2, 4, 1), *gate), torch.mul
    )


CASES = (
    # Convolutions
    Case("convolution", nn.Conv2d(4, 6, 3)),
    Case("padded", nn.Conv2d(4, 3, 3, padding=1)),
    Case("strided", nn.Conv2d(4, 5, 3, stride=2, padding=1)),
    Case("stride beyond the kernel", nn.Conv2d(4, 3, 2, stride=3)),
    Case("dilated", nn.Conv2d(4, 4, (3, 2), dilation=(1, 2), padding=(1, 2))),
    Case("grouped", nn.Conv2d(4, 6, 3, groups=2, padding=1)),
    Case("depthwise", nn.Conv2d(4, 4, 3, groups=4, padding=1)),
    Case("depthwise, strided", nn.Conv2d(4, 4, 3, groups=4, padding=1, stride=2)),
    Case("depthwise, dilated", nn.Conv2d(4, 4, 2, groups=4, dilation=2)),
    Case("depthwise with a multiplier", nn.Conv2d(4, 8, 3, groups=4, stride=2)),
    Case("1 x 1", nn.Conv2d(4, 9, 1)),
    Case("1 x 1, strided", nn.Conv2d(4, 9, 1, stride=2)),
    Case(
        "1 x 1, one output that few entries reach",
        nn.Sequential(nn.Conv2d(4, 4, 1, stride=(2, 3)), nn.Conv2d(4, 9, 1, stride=2), nn.Flatten(2), nn.Flatten()),
    ),
    Case("1 x 1, padded", nn.Conv2d(4, 3, 1, padding=1)),
    Case("1 x 1, grouped", nn.Conv2d(4, 4, 1, groups=2, bias=False)),
    Case("transposed", nn.ConvTranspose2d(4, 3, 3, stride=2, padding=1, output_padding=1)),
    Case("transposed, grouped, dilated", nn.ConvTranspose2d(4, 4, 2, dilation=2, groups=2)),
    Case("transposed, depthwise", nn.ConvTranspose2d(4, 4, 2, groups=4)),
    Case("circular padding", nn.Conv2d(4, 3, 3, padding=1, padding_mode="circular")),
    Case("reflection padding", nn.Conv2d(4, 3, 3, padding=1, padding_mode="reflect")),
    Case("one-dimensional", nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 3, 5, stride=2))),
    Case(
        "three-dimensional",
        Do(lambda A: F.conv3d(A.unsqueeze(1), torch.linspace(-1, 1, 24, dtype=A.dtype).view(2, 1, 2, 2, 3))),
    ),
    # Products with matrices
    Case("linear", nn.Linear(6, 5)),
    Case("linear of tokens", Tokens(nn.Linear(4, 7))),
    Case("linear, widened for the last site", Tokens(nn.Sequential(nn.Linear(4, 9), nn.GELU(), nn.Linear(9, 4)))),
    Case("matmul with a constant", Do(lambda A: torch.linspace(-1, 1, 8, dtype=A.dtype).view(2, 4) @ A)),
    Case("matmul of maps", Do(lambda A: A @ A.flip(1).transpose(2, 3))),
    Case("Gram matrix", Do(lambda A: (lambda t: t @ t.transpose(1, 2) / 24)(A.flatten(2)))),
    Case("einsum", Do(lambda A: torch.einsum("bchw,bdhw->bcd", A, A.cos()))),
    attention_case("attention"),
    attention_case("causal attention", is_causal=True),
    attention_case("attention with a scale", scale=0.3),
    # Norms
    Case("batch norm", affine(nn.BatchNorm2d(4))),
    Case("batch norm without parameters", nn.BatchNorm2d(4, affine=False)),
    layer_norm_case("layer norm of all", affine(nn.LayerNorm(SHAPE[1:]))),
    layer_norm_case("layer norm of maps", affine(nn.LayerNorm(SHAPE[2:]))),
    layer_norm_case("layer norm of rows", affine(nn.LayerNorm(SHAPE[3:], eps=0.1))),
    Case(
        "layer norm of tokens",
        Tokens(IN_TOKENS),
        Tokens(Do(lambda A: centred(A, (-1,)) * IN_TOKENS.weight + IN_TOKENS.bias)),
    ),
    Case(
        "layer norm of channels last",
        Do(lambda A: F.layer_norm(A.permute(0, 2, 3, 1), (4,)).permute(0, 3, 1, 2)),
        lambda A: centred(A, (1,)),
    ),
    Case(
        "layer norm of single numbers",
        With(
            nn.Sequential(
                nn.Upsample(scale_factor=2),
                nn.AvgPool2d(2),
                Do(lambda A: F.layer_norm(A.unsqueeze(4), (1,)).squeeze(4)),
            )
        ),
        lambda A: A,
    ),
    Case(
        "layer norm of one number",
        With(
            Do(lambda A: F.layer_norm(A.sum((1, 2, 3)).view(1, 1), (1,))), lambda A, y: A.sum((1, 2, 3)).view(1, 1) + y
        ),
        lambda A: A.sum((1, 2, 3)).unsqueeze(1),
    ),
    Case("ConvNeXt block", convnext(lambda A: F.layer_norm(A, (4,))), convnext(lambda A: centred(A, (-1,)))),
    Case("group norm", GROUPED, group_norm(2, GROUPED)),
    Case("group norm of one group", SINGLE, group_norm(1, SINGLE)),
    Case("instance norm", INSTANCE, group_norm(4, INSTANCE)),
    Case("RMS norm", affine(nn.RMSNorm(6, eps=0.1))),
    Case("RMS norm of tokens", Tokens(affine(nn.RMSNorm(4, eps=0.01)))),
    Case("unit vectors", Do(lambda A: F.normalize(A, dim=1))),
    Case("standard deviation", Do(lambda A: A.std((2, 3)))),
    # Functions of one number
    Case("relu", nn.ReLU()),
    Case("relu6", nn.ReLU6()),
    Case("leaky relu", nn.LeakyReLU(0.2)),
    Case("prelu", nn.PReLU(4, 0.3)),
    Case("rrelu", nn.RReLU()),
    Case("hardtanh", nn.Hardtanh(-0.3, 0.4)),
    Case("hardswish", nn.Hardswish(), lambda A: A * hard(A)),
    Case("hardsigmoid", nn.Hardsigmoid(), hard),
    Case("hardshrink", nn.Hardshrink(0.2)),
    Case("softshrink", nn.Softshrink(0.2)),
    Case("threshold", nn.Threshold(0.1, 0.5)),
    Case("abs", Do(torch.abs)),
    Case("gelu", nn.GELU()),
    Case("gelu by tanh", nn.GELU("tanh")),
    Case("silu", nn.SiLU()),
    Case("mish", nn.Mish()),
    Case("elu", nn.ELU(0.7)),
    Case("selu", nn.SELU()),
    Case("celu", nn.CELU(0.5)),
    Case("softplus", nn.Softplus()),
    Case("softplus with a threshold", nn.Softplus(2, 0.5)),
    Case("log-sigmoid", nn.LogSigmoid()),
    Case("tanh", nn.Tanh()),
    Case("tanhshrink", nn.Tanhshrink()),
    Case("softsign", nn.Softsign()),
    Case("sigmoid", nn.Sigmoid()),
    Case("exp", Do(torch.exp)),
    Case("power", Do(lambda A: A**3)),
    Case("power of a base", Do(lambda A: 2**A)),
    Case("power of powers", Do(lambda A: (A * A + 1) ** A)),
    Case("square root", Do(lambda A: (A * A + 1).sqrt())),
    Case("power of a larger shape", Do(lambda A: (A.mean(1, keepdim=True).square() + 1) ** EXPONENTS)),
    Case("clamp by a larger shape", Do(lambda A: A.mean(1, keepdim=True).clamp(min=EXPONENTS - 2))),
    Case("clamp by bounds that move", Do(lambda A: torch.clamp(A, min=A.flip(1).sin()))),
    Case("logit", Do(lambda A: torch.logit(0.8 * A.sigmoid() + 0.1))),
    Case("rotation of complex numbers", Do(turned)),
    Case("Fourier transform, filtered", Do(lambda A: torch.fft.irfft(torch.fft.rfft(A) * (0.3 + 0.2j), n=6))),
    Case("absolute value of complex numbers", Do(lambda A: torch.fft.rfft(A).abs())),
    Case("atan2", Do(lambda A: torch.atan2(A, 2 + A.flip(1).square()))),
    # Pools
    Case("max pool", nn.MaxPool2d(2)),
    Case("max pool, overlapping", nn.MaxPool2d(3, 2, 1)),
    Case("max pool, ceiling, dilated", nn.MaxPool2d(2, 3, dilation=2, ceil_mode=True)),
    Case("average pool", nn.AvgPool2d(2)),
    Case("average pool without the padding", nn.AvgPool2d(3, 2, 1, count_include_pad=False, ceil_mode=True)),
    Case("adaptive average pool", nn.AdaptiveAvgPool2d((3, 4))),
    Case("global average pool", nn.AdaptiveAvgPool2d(1)),
    Case("adaptive max pool", nn.AdaptiveMaxPool2d((3, 2))),
    Case("global max pool", nn.AdaptiveMaxPool2d(1)),
    Case("amax", Do(lambda A: A.amax((2, 3)))),
    Case("max of one dimension", Do(lambda A: A.max(1)[0])),
    Case("power pool", nn.LPPool2d(2, 2)),
    Case("mean", Do(lambda A: A.mean((2, 3)))),
    Case("sum to one number", Do(lambda A: A.sum((1, 2, 3)).unsqueeze(1))),
    # Softmax
    Case("softmax", nn.Softmax(1)),
    Case("softmax of rows", nn.Softmax(-1)),
    Case("log-softmax", nn.LogSoftmax(1)),
    Case("log-sum-exp", Do(lambda A: A.logsumexp(1))),
    # Sums, products, quotients
    Case("residual", With(nn.Conv2d(4, 4, 3, padding=1))),
    Case("curved residual", With(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.GELU(), nn.Conv2d(4, 4, 1)))),
    Case("difference", Do(lambda A: torch.sub(1 - A, A.sin().flip(1), alpha=3))),
    Case("squeeze and excite", excite(nn.Sigmoid())),
    Case("squeeze and excite, hard", excite(nn.Hardtanh(-0.2, 0.9))),
    Case("gate", With(nn.Conv2d(4, 4, 1), torch.mul)),
    Case("square", Do(lambda A: A * A)),
    Case("product, broadcast", Do(lambda A: A[:, :1] * A)),
    Case("gated linear unit", nn.GLU(1)),
    Case("addcmul", Do(lambda A: torch.addcmul(A, A.flip(1), A.cos(), value=0.5))),
    Case("quotient", Do(lambda A: A / (2 + A.flip(1).square()))),
    Case("reciprocal", Do(lambda A: 1 / (A.square() + 1))),
    Case("maximum of two", Do(lambda A: torch.maximum(A, A.flip(1)))),
    Case("where", Do(lambda A: torch.where(A > 0, A, 2 * A))),
    # Moving numbers about
    Case("cat", Do(lambda A: torch.cat([A, A.cos().flip(2)], 1))),
    Case("cat with a constant", Do(lambda A: torch.cat([A, torch.ones_like(A), A.sin()], 2))),
    Case("stack", Do(lambda A: torch.stack([A, A.sin().flip(3)], 2))),
    Case("view", Do(lambda A: A.reshape(len(A), 2, 2, 24))),
    Case("view, two dimensions in one", Do(lambda A: A.reshape(len(A), 8, 12))),
    Case("view of a permutation", Do(lambda A: A.permute(0, 2, 3, 1).reshape(len(A), 3, 32))),
    Case("channel shuffle", nn.ChannelShuffle(2)),
    Case("pixel shuffle", nn.PixelShuffle(2)),
    Case("pixel unshuffle", nn.PixelUnshuffle(2)),
    Case("slice", Do(lambda A: A[:, 1:3, ::2, -3:])),
    Case("index", Do(lambda A: A[:, [2, 0, 2]])),
    Case("chunk", Do(lambda A: A.chunk(2, 1)[0] + A.chunk(2, 1)[1].sin())),
    Case("split", Do(lambda A: torch.cat(A.split([1, 3], 1)[::-1], 1))),
    Case("unbind", Do(lambda A: A.unbind(1)[0] + 2 * A.unbind(1)[2])),
    Case("expand", Do(lambda A: A.mean(1, keepdim=True).expand(-1, 3, -1, -1))),
    Case("zero padding", nn.ZeroPad2d((1, 2, 0, 1))),
    Case("roll", Do(lambda A: A.roll((1, 2), (2, 3)))),
    Case("linear interpolation of two", Do(lambda A: torch.lerp(A, A.flip(1), 0.3))),
    Case(
        "cat of rows and of columns",
        Do(lambda A: torch.stack([A[:, 0].flatten(1), A[:, 1].transpose(1, 2).flatten(1)], 1)),
    ),
    Case("cumulative sum of what is expanded", Do(lambda A: A.unsqueeze(2).expand(-1, -1, 2, -1, -1).cumsum(1))),
    Case("cumulative sum", Do(lambda A: A.cumsum(1))),
    # Interpolation
    Case("nearest", nn.Upsample(scale_factor=2)),
    Case("bilinear", nn.Upsample(scale_factor=2, mode="bilinear")),
    Case("bilinear, corners", nn.Upsample(size=(3, 7), mode="bilinear", align_corners=True)),
    Case("bicubic", Do(lambda A: F.interpolate(A, (5, 4), mode="bicubic"))),
    antialiased_case("bilinear", (7, 1)),
    antialiased_case("bicubic", (5, 1)),
    antialiased_case("bicubic", (2, 9)),
    Case("area", Do(lambda A: F.interpolate(A, (3, 3), mode="area"))),
)
PLACES = ("first", "behind spreads", "last")
# Those whose rule knows more than one form of a direction, and some of each other kind, stand in the other places too.
EVERYWHERE = (
    "convolution",
    "strided",
    "grouped",
    "depthwise",
    "1 x 1",
    "transposed",
    "linear",
    "linear, widened for the last site",
    "matmul of maps",
    "layer norm of rows",
    "layer norm of channels last",
    "ConvNeXt block",
    "instance norm",
    "gelu",
    "prelu",
    "log-sigmoid",
    "hardswish",
    "max pool",
    "global average pool",
    "softmax",
    "log-softmax",
    "curved residual",
    "squeeze and excite",
    "product, broadcast",
    "quotient",
    "sum to one number",
)


class Network(nn.Module):
    def __init__(self, before: nn.Module, part: Callable[[Tensor], Tensor], after: nn.Module) -> None:
        super().__init__()
        self.layer, self.before, self.after = nn.Identity(), before, after
        self.part = part if isinstance(part, nn.Module) else Do(part)

    def forward(self, A):
        return self.after(self.part(self.before(self.layer(A))).flatten(1))


def networks(case: Case, where: str, dtype: torch.dtype = torch.float64) -> tuple[nn.Module, nn.Module]:
    """Return the operation in its place, and its twin between the same layers, in float64."""
    torch.manual_seed(3)
    before = {
        "first": nn.Identity(),
        "behind windows": nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.SiLU()),
        "behind spreads": nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Tanh()),
        "last": nn.Sequential(nn.Conv2d(4, 4, 1), nn.Tanh()),
    }[where]
    with torch.no_grad():
        size = case.part.to(dtype).eval()(before.to(dtype)(torch.zeros(SHAPE, dtype=dtype))).numel()
    after = nn.Linear(size, 2) if where == "last" else nn.Sequential(nn.Linear(size, 4), nn.Softplus(), nn.Linear(4, 2))
    network = Network(before, case.part, after).to(dtype).eval()
    return network, Network(before, case.twin or case.part, after).eval()


def errors(case: Case, where: str, dtype: torch.dtype = torch.float64) -> list[float]:
    """Return the error of the score and of each derivative beside the largest of its order; of 0 beside the slope."""
    network, twin = networks(case, where, dtype)
    A = torch.randn(SHAPE, generator=torch.Generator().manual_seed(4), dtype=torch.float64).to(dtype)
    tail = cut(network, "layer", A).tail
    found = pure_derivatives(tail, A, ENTRIES, target=1)
    expected = nested_derivatives(lambda B: twin.double()(B)[:, 1], A.double(), ENTRIES)
    orders = torch.stack([found.S.expand_as(found.g), found.g, found.h, found.t])
    scale = expected.abs().amax(1)
    scale = torch.where(scale > 1e-12 * scale[1], scale, scale[1])
    scale[0] = max(scale[:2])  # the parts of a score may cancel
    return ((orders - expected).abs().amax(1) / scale).tolist()


BY_NAME = {case.name: case for case in CASES}


@pytest.mark.parametrize("name", BY_NAME)
def test_an_operation_has_its_true_derivatives(name):
    assert max(errors(BY_NAME[name], "behind windows")) <= FLOAT64


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("name", EVERYWHERE)
def test_an_operation_has_its_true_derivatives_everywhere(name, where):
    assert max(errors(BY_NAME[name], where)) <= FLOAT64


FUNCTIONS = [name for name, case in BY_NAME.items() if type(case.part).__module__ == "torch.nn.modules.activation"]


@pytest.mark.parametrize("name", dict.fromkeys((*EVERYWHERE[::2], *FUNCTIONS)))
def test_an_operation_has_its_derivatives_in_float32(name):
    assert max(errors(BY_NAME[name], "behind windows", torch.float32)) <= FLOAT32


def test_torch_cannot_be_the_reference_for_a_layer_norm():
    case = next(case for case in CASES if case.name == "layer norm of rows")
    assert max(errors(Case(case.name, case.part), "behind windows")) > 1e-3


# --- planted errors ---------------------------------------------------------------------------------------------------


def mutated(function: Callable[..., object], old: str, new: str) -> Callable[..., object]:
    """Return a function with a piece of its text replaced."""
    lines = textwrap.dedent(inspect.getsource(function)).splitlines()
    text = "\n".join(line for line in lines if not line.startswith("@"))
    assert text.count(old) >= 1, f"{old!r} is not in {function.__name__}"
    space = dict(function.__globals__)
    exec(text.replace(old, new), space)
    return space[function.__name__]


def plant(monkeypatch, owner, name: str, old: str, new: str) -> None:
    monkeypatch.setattr(owner, name, mutated(getattr(owner, name), old, new))


def plant_rule(monkeypatch, name: str, old: str, new: str) -> None:
    monkeypatch.setitem(RULES, name, mutated(RULES[name], old, new))


def test_a_missing_factor_in_the_cross_term_is_found(monkeypatch):
    plant(monkeypatch, walks, "curved", "value=3", "value=1")
    assert errors(BY_NAME["gelu"], "last")[3] > 1e-3


def test_a_third_derivative_for_a_second_is_found(monkeypatch):
    right = plans.derivatives

    def wrong(*arguments):
        first, second, third = right(*arguments)
        return first, third if second is not None else None, third

    monkeypatch.setattr(plans, "derivatives", wrong)
    assert min(errors(BY_NAME["gelu"], "last")[2:]) > 1e-3


def test_a_wrong_power_of_the_spread_is_found(monkeypatch):
    plant(monkeypatch, walks.Rows, "total", "** power", "** 2")
    assert errors(BY_NAME["gelu"], "behind spreads")[3] > 1e-3


@pytest.mark.parametrize(
    ("owner", "name", "old", "new"),
    [
        (convolutions, "_spans", "s + p - (k - 1) * d", "s + p + 1 - (k - 1) * d"),
        (convolutions, "_windowed", "s - (o * st - p), (o", "s - (o * st - p) + 1, -1 + (o"),
    ],
    ids=["where it begins", "what it reads"],
)
def test_a_window_shifted_by_one_is_found(monkeypatch, owner, name, old, new):
    plant(monkeypatch, owner, name, old, new)
    assert max(errors(BY_NAME["convolution"], "behind windows")) > 1e-3


@pytest.mark.parametrize(("old", "new"), [("r * a + q1 * U", "r * a"), ("+ r * b + r1 * w1 * U", "+ r * b")])
def test_a_missing_term_of_layer_norm_is_found(monkeypatch, old, new):
    plant_rule(monkeypatch, "native_layer_norm", old, new)
    assert max(errors(BY_NAME["layer norm of maps"], "behind windows")[2:]) > 1e-4


def test_a_missing_term_of_the_layer_norm_of_one_channel_is_found(monkeypatch):
    plant(monkeypatch, norms, "_layer_norm_in_one", "own -= 1 / n", "pass")
    assert max(errors(BY_NAME["layer norm of channels last"], "first")[2:]) > 1e-3


# --- what cannot be done is refused -----------------------------------------------------------------------------------


def test_an_operation_without_third_derivatives_is_refused_by_name():
    network, _ = networks(Case("cdist", Do(lambda A: torch.cdist(A, A.flip(2) + 1))), "behind windows")
    A = torch.randn(SHAPE, dtype=torch.float64)
    with pytest.raises(UnknownOperation, match=r"_cdist_forward in layer '\S+' has no rule"):
        pure_derivatives(cut(network, "layer", A).tail, A, target=0)


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda A: torch.fft.rfft(A).square().real, r"pow in layer '\S+' is curved and complex"),
        (lambda A: F.layer_norm(A, (6,), A[0, 0, 0]), r"native_layer_norm in layer '\S+' has no rule and puts out"),
    ],
    ids=["complex", "norm whose weights move"],
)
def test_a_curved_operation_that_cannot_be_followed_is_refused_by_name(function, says):
    network, _ = networks(Case("refused", Do(function)), "behind windows")
    A = torch.randn(SHAPE, dtype=torch.float64)
    with pytest.raises(UnknownOperation, match=says):
        pure_derivatives(cut(network, "layer", A).tail, A, target=0)


MIXED = {
    "softmax": lambda A: A.float().softmax(1).to(A.dtype),
    "RMS norm": lambda A: A * (A.float().square().mean(1, keepdim=True) + 0.1).rsqrt().to(A.dtype),
    "sum": lambda A: A.float().sin() + A,
    "cat": lambda A: torch.cat([A.float(), A.cos()], 1),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_step_in_single_precision_has_single_errors(name):
    found = max(errors(Case(name, Do(MIXED[name])), "behind windows"))
    assert FLOAT64 < found <= FLOAT32


def test_a_wrong_derivative_of_an_operation_without_a_rule_is_refused(monkeypatch):
    monkeypatch.delitem(RULES, "native_layer_norm")
    network, _ = networks(BY_NAME["layer norm of maps"], "behind windows")
    A = torch.randn(SHAPE, dtype=torch.float64)
    with pytest.raises(UnknownOperation, match=r"native_layer_norm in layer '\S+' has no rule"):
        pure_derivatives(cut(network, "layer", A).tail, A, target=0)


@pytest.mark.parametrize("function", [torch.special.bessel_j0, lambda A: torch.heaviside(A, A.new_zeros(()))])
def test_an_operation_of_which_torch_has_no_gradient_is_refused_and_not_taken_for_a_constant(function):
    network, _ = networks(Case("refused", Do(lambda A: A + function(A))), "behind windows")
    A = torch.randn(SHAPE, dtype=torch.float64)
    with pytest.raises(UnknownOperation, match=r"torch has no gradient of \w+ in layer '\S+'"):
        pure_derivatives(cut(network, "layer", A).tail, A, target=0)


def test_what_only_looks_at_a_shape_is_a_constant():
    makers = (torch.zeros_like, torch.ones_like, lambda A: A.new_full(A.shape, 2.0), lambda A: torch.full_like(A, 3.0))
    for make in makers:
        network, _ = networks(Case("constant", Do(lambda A, make=make: A + make(A))), "behind windows")
        A = torch.randn(SHAPE, dtype=torch.float64)
        assert bool(pure_derivatives(cut(network, "layer", A).tail, A, target=0).g.any())

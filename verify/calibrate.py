"""The oracles have to agree with one another, where the answer is certain, before any of them judges a claim.

A small tail (convolution, GELU, layer norm, linear map, exponential), all weights dyadic, is differentiated three times
along every entry by nested reverse mode, by nested forward mode and by ball arithmetic. The balls are the truth: torch
must lie in them, up to what running error analysis allows. And what `cam.weights` computes must be what the claims say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial
from typing import TYPE_CHECKING, Any

from sympy import Basic

from derivation.claims import LIBRARY
from derivation.claims.weights import ALPHA, CLOSED
from derivation.hypotheses import along, curvature, slope, third
from derivation.notation import S, sigma, x
from verify.arithmetic.ball import precision
from verify.catalogue.functions import GELU
from verify.errors import Fault

if TYPE_CHECKING:
    from torch import Tensor, nn

    from verify.methods.autograd import Difference
    from verify.methods.network import Batch

EPS = 2.0**-10
CHANNELS, SIZE, HIDDEN, CLASSES = 2, 2, 3, 2
ORDER = 3


@dataclass(frozen=True)
class Check:
    """Two ways to the same numbers: the largest difference beside its bound, at the place that comes nearest to it."""

    name: str
    case: str
    order: int
    residual: float
    bound: float

    @property
    def agrees(self) -> bool:
        """The difference is within the bound."""
        return self.residual <= self.bound


class Disagreement(Fault):
    """Two oracles differ by more than rounding explains: nothing can be judged until it is known which one is wrong."""


def demand(checks: Sequence[Check]) -> None:
    """Let nothing pass unless every check agrees.

    Raises:
        Disagreement: one does not; the message names it.
    """
    for check in checks:
        if not check.agrees:
            raise Disagreement(
                f"{check.name} disagrees on {check.case} (order {check.order}): "
                f"difference {check.residual:.3g}, bound {check.bound:.3g}; no claim was judged"
            )


def small_network() -> "nn.Module":
    """Return a tail with every kind of trouble.

    Identity -> 1x1 convolution -> GELU -> flatten -> layer norm -> linear map; dyadic weights.
    """
    import torch
    from torch import nn

    features = HIDDEN * SIZE * SIZE
    model = nn.Sequential(
        nn.Identity(),
        nn.Conv2d(CHANNELS, HIDDEN, 1),
        nn.GELU(),
        nn.Flatten(),
        nn.LayerNorm(features, eps=EPS),
        nn.Linear(features, CLASSES),
    )
    generator = torch.Generator().manual_seed(0)
    model = model.to(torch.float64).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randint(-8, 9, parameter.shape, generator=generator) / 8)
    return model


def small_picture() -> "Tensor":
    """Activations for the small network: dyadic numbers that all differ."""
    import torch

    count = CHANNELS * SIZE * SIZE
    return (torch.arange(count, dtype=torch.float64).view(1, CHANNELS, SIZE, SIZE) - 3) / 4


def check_oracles(model: "nn.Module | None" = None) -> list[Check]:
    """Compare every oracle's derivatives of exp(S), of order 0 to 3, along every entry, with the balls.

    One check per order.
    """
    import torch

    from cam.jets import ORACLES, along_entries
    from cam.tail import cut
    from verify.rounding import RunningError

    model = model or small_network()
    A = small_picture()
    tail = cut(model, "0", A).tail
    tail(A.expand(2, -1, -1, -1))  # the first batch makes it check itself: not to be watched
    entries = torch.arange(A.numel())
    truth = [ball_derivatives(model, A, entry) for entry in range(A.numel())]
    checks = []
    for name, oracle in ORACLES.items():
        function = along_entries(lambda moved: tail(moved)[:, 0].exp(), A, entries)
        for order in range(ORDER + 1):
            with RunningError() as mode:
                found = function(torch.zeros(len(entries), dtype=torch.float64))
                bounds = mode.error(found)
            gaps = [_distance(number, balls[order]) for number, balls in zip(found.tolist(), truth, strict=True)]
            allowed = [e + 2 * float(balls[order].rad()) for e, balls in zip(bounds.tolist(), truth, strict=True)]
            residual, bound = max(zip(gaps, allowed, strict=True), key=lambda pair: pair[0] / pair[1])
            checks.append(
                Check(
                    f"nested {name} mode against balls", "small tail with GELU and layer norm", order, residual, bound
                )
            )
            function = oracle(function)
    return checks


def _distance(number: float, ball: Any) -> float:
    """At most so far is a float64 from anything in a ball."""
    from flint import arb

    with precision():
        return float((arb(number) - ball).abs_upper())


def ball_derivatives(model: Any, A: "Tensor", entry: int) -> list[Any]:
    """Return balls around exp(S) and its first three derivatives along one entry of A: the small network by hand."""
    from flint import arb, arb_series

    conv, norm, linear = model[1], model[4], model[5]
    with precision():
        flat = [arb(float(a)) for a in A.flatten()]
        series = [arb_series([a, 1]) if i == entry else arb_series([a]) for i, a in enumerate(flat)]
        pixels = SIZE * SIZE
        hidden = []
        for weights, bias in zip(conv.weight.flatten(1).tolist(), conv.bias.tolist(), strict=True):
            for pixel in range(pixels):
                z = sum((w * series[k * pixels + pixel] for k, w in enumerate(weights)), arb_series([bias]))
                hidden.append(GELU.ball(z))
        mean = sum(hidden, arb_series([0])) / len(hidden)
        centred = [h - mean for h in hidden]
        variance = sum((c * c for c in centred), arb_series([0])) / len(hidden)
        scale = 1 / (variance + norm.eps).sqrt()
        normed = [c * scale * w + b for c, w, b in zip(centred, norm.weight.tolist(), norm.bias.tolist(), strict=True)]
        terms = (w * z for w, z in zip(linear.weight[0].tolist(), normed, strict=True))
        Y = sum(terms, arb_series([linear.bias[0].item()])).exp()
        return [Y[k] * factorial(k) for k in range(ORDER + 1)]


def weights_beside_claims(batch: "Batch") -> dict[str, "Difference"]:
    """Compare what `cam.weights` computes from a network's derivatives with what the claims say, entry by entry."""
    from cam import weights
    from cam.heads import head

    def worth(expr: Basic) -> "Tensor":
        return batch.worth(expr, None)

    name = batch.scene.network.head_name
    rho = head(name).rho(worth(S(x)))
    ways = {
        "cam.weights.alpha_exact against (10)": (
            weights.alpha_exact(worth(along(2)), worth(along(3)), worth(sigma)),
            ALPHA,
        ),
        "cam.weights.alpha_printed against (19)": (weights.alpha_printed(worth(slope), worth(sigma)), CLOSED),
        "cam.weights.alpha_closed against the closed form of any head": (
            weights.alpha_closed(worth(slope), worth(sigma), rho),
            LIBRARY["alpha-any-head"].rhs,
        ),
    }
    if name == "exp":
        jets = worth(slope), worth(curvature), worth(third), worth(sigma)
        ways["cam.weights.alpha_from_tail against (10)"] = (weights.alpha_from_tail(*jets), ALPHA)
    return {way: batch.compare(computed, worth(expr)) for way, (computed, expr) in ways.items()}


def check(name: str, case: str, found: "Difference") -> Check:
    """Sum up a comparison; entries whose bound is not finite (a pole within rounding) say nothing.

    Raises:
        Disagreement: no entry says anything.
    """
    residual, bound = found.decided()
    if not residual.numel():
        raise Disagreement(f"{name} could not be compared on {case}: no entry has a finite error bound")
    worst = int((residual / bound).nan_to_num(nan=0.0).argmax())
    return Check(name, case, 0, float(residual[worst]), float(bound[worst]))

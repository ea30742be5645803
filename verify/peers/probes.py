"""Probes: networks of one layer whose activations and gradients are prescribed, so that formulas give known rationals.

    images = A   ->   "layer": a convolution by 1, exact   ->   flatten   ->   S_1 = sum of G A + b,  S_0 another score

The gradient of S_1 by A is G and its value S is prescribed too, through b. All numbers are small multiples of powers of
two: nothing is rounded on the way to the library's own formula.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import combinations
from random import Random
from typing import TYPE_CHECKING

from verify.peers.bounded import Bounded
from verify.peers.formulas import FINISHES, FORMULAS, Formula, raw_map

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

LAYER, CLASS = "layer", 1
DIGITS = 60


@dataclass(frozen=True)
class Probe:
    """Activations, gradients and a score.

    Args:
        A: activations, channels of places.
        g: gradients of the score, channels of places.
        S: the score.
        size: (h, w), h w places.
    """

    A: tuple[tuple[Fraction, ...], ...]
    g: tuple[tuple[Fraction, ...], ...]
    S: Fraction
    size: tuple[int, int]

    @property
    def Y(self) -> Fraction:
        """exp(S), to 60 digits."""
        with localcontext() as context:
            context.prec = DIGITS
            return Fraction((Decimal(self.S.numerator) / Decimal(self.S.denominator)).exp())

    def image(self, dtype: "torch.dtype | None" = None) -> "Tensor":
        """Return A as an image (1, K, h, w), float64 unless told."""
        import torch

        return torch.tensor([[float(x) for x in row] for row in self.A], dtype=dtype or torch.float64).view(
            1, len(self.A), *self.size
        )

    def model(self, dtype: "torch.dtype | None" = None) -> "nn.Module":
        """Return the network in eval mode; its parameters ask for a gradient."""
        import torch

        g = torch.tensor([float(x) for row in self.g for x in row], dtype=torch.float64)
        A = self.image().flatten()
        return network(g, float(self.S) - float(g @ A), len(self.A), dtype)


def network(g: "Tensor", b: float, channels: int, dtype: "torch.dtype | None" = None) -> "nn.Module":
    """Return images (B, K, h, w) -> layer, a copy -> scores (B, 2); the second has gradient g and constant b."""
    from collections import OrderedDict

    import torch
    from torch import nn

    with torch.random.fork_rng(devices=[]):
        copy = nn.Conv2d(channels, channels, 1, bias=False, dtype=torch.float64)
        head = nn.Linear(g.numel(), 2, dtype=torch.float64)
    with torch.no_grad():
        copy.weight.copy_(torch.eye(channels, dtype=torch.float64)[:, :, None, None])
        head.weight.copy_(torch.stack([1 - g.flip(0), g]))
        head.bias.copy_(torch.tensor([0, b]))
    parts = OrderedDict([(LAYER, copy), ("flatten", nn.Flatten()), ("scores", head)])
    return nn.Sequential(parts).to(dtype or torch.float64).eval()


# Numbers that a probe is made of. 0 is not among the gradients: there (19) is 0/0, and that is asked for by itself.
ACTIVATIONS = [Fraction(n, 8) for n in range(-4, 17)]
GRADIENTS = [Fraction(n, 8) for n in range(-8, 13) if n]
SCORES = [Fraction(n, 4) for n in (-3, 2, 3)]
CHANNELS, SIZE = 2, (2, 3)

APART = Fraction(1, 200)  # two formulas are told apart if their maps, divided by their range, differ by as much
PAIRS_EACH = 2  # probes that tell each pair of formulas apart
SURE = Fraction(1, 16)  # no map of any formula has a range or a denominator below


def _drawn(random: Random) -> Probe:
    def pick(numbers: Sequence[Fraction]) -> Fraction:
        return numbers[int(random.random() * len(numbers))]

    places = SIZE[0] * SIZE[1]
    A, g = (
        tuple(tuple(pick(numbers) for _ in range(places)) for _ in range(CHANNELS))
        for numbers in (ACTIVATIONS, GRADIENTS)
    )
    return Probe(A, g, pick(SCORES), SIZE)


def shown(formula: Formula, probe: Probe) -> list[Bounded]:
    """Return the ReLU of a formula's map divided by its range: equal only where every other form is equal too."""
    by_range = next(finish for finish in FINISHES if finish.name == "divided by its range")
    return by_range.apply(raw_map(formula, probe.A, probe.g, probe.Y, Fraction(0), factor=False))


def _well_behaved(probe: Probe) -> bool:
    """Whether no formula divides by a number near 0 there and none has a flat map."""
    for row, slopes in zip(probe.A, probe.g, strict=True):
        sigma = sum(row, Fraction(0))
        within = sum((a * x**3 for a, x in zip(row, slopes, strict=True)), Fraction(0))
        steep = [probe.Y * x for x in slopes]
        divisors = [2 * x**2 + sigma * x**3 for x in (*slopes, *steep)] + [2 * x**2 + within for x in slopes]
        alphas = sum((1 / (2 + sigma * x) if 2 + sigma * x else Fraction(0) for x in slopes), Fraction(0))
        if min(map(abs, (*divisors, alphas))) < SURE:
            return False
    for formula in FORMULAS:
        raw = raw_map(formula, probe.A, probe.g, probe.Y, Fraction(0), factor=False)
        kept = [each.relu().value for each in raw]
        if max(kept) - min(kept) < SURE:
            return False
    return True


def told_apart(probe: Probe) -> set[tuple[str, str]]:
    """Return the pairs of formulas whose maps differ at the probe even when they are divided by their range."""
    maps = {formula.name: [each.value for each in shown(formula, probe)] for formula in FORMULAS}
    return {
        (one, other)
        for one, other in combinations(maps, 2)
        if max(abs(a - b) for a, b in zip(maps[one], maps[other], strict=True)) >= APART
    }


@functools.cache
def probes() -> tuple[Probe, ...]:
    """Return probes that tell every two formulas apart, each pair by two of them; the search is the same every time."""
    random = Random(0)
    missing = dict.fromkeys(combinations([formula.name for formula in FORMULAS], 2), PAIRS_EACH)
    found = []
    while any(missing.values()):
        probe = _drawn(random)
        if not _well_behaved(probe):
            continue
        news = [pair for pair in told_apart(probe) if missing[pair]]
        if news:
            found.append(probe)
            for pair in news:
                missing[pair] -= 1
    return tuple(found)

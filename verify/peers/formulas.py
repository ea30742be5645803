"""What a library may compute: formulas of the channel weights in exact rationals, and ways from a map to an answer.

A, g: activations and gradients of one channel, a list each. The factor is 1, or exp(S) where a library
keeps it; S itself enters where somebody differentiates exp(S) and takes what comes out for g.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

from verify.peers.bounded import Bounded, largest, smallest, total

Channel = Sequence[Bounded]
Weight = Callable[[Channel, Channel, Bounded, Bounded], Bounded]
TWO = Bounded(Fraction(2))
ONE = Bounded(Fraction(1))
NONE = Bounded(Fraction(0))

# Constants that libraries add to the denominator of alpha; the one that is measured joins them.
EPS = (Fraction(0), Fraction(1e-8), Fraction(1e-7), Fraction(1e-6))

# What a normaliser adds to its divisor so that it is not 0: 1e-6 at most, of maps whose range is told.
GUARD = Fraction(1, 10**6)


@dataclass(frozen=True)
class Formula:
    """One formula of the channel weights.

    Args:
        name: how it is called.
        says: the formula.
        weight: A, g, exp(S), eps -> w.
        divides: whether there is a denominator that eps is added to.
    """

    name: str
    says: str
    weight: Weight
    divides: bool = True


def outside(A: Channel, g: Channel, eps: Bounded) -> list[Bounded]:
    """Return alpha = g^2 / (2 g^2 + sigma g^3 + eps), sigma the sum of A: (19)."""
    sigma = total(A)
    return [x * x / (TWO * x * x + sigma * x * x * x + eps) for x in g]


def inside(A: Channel, g: Channel, eps: Bounded) -> list[Bounded]:
    """Return alpha = g^2 / (2 g^2 + sum(A g^3) + eps)."""
    both = total(a * x * x * x for a, x in zip(A, g, strict=True))
    return [x * x / (TWO * x * x + both + eps) for x in g]


def undivided(A: Channel, g: Channel, eps: Bounded) -> list[Bounded]:
    """Return alpha = g^2."""
    return [x * x for x in g]


def shared(A: Channel, g: Channel, eps: Bounded) -> list[Bounded]:
    """Return alpha of (19) divided by its sum over the channel, as in the code that the authors of the paper gave."""
    alpha = outside(A, g, eps)
    return [each / total(alpha) for each in alpha]


Alpha = Callable[[Channel, Channel, Bounded], list[Bounded]]


def _relu_inside(alpha: Alpha, A: Channel, g: Channel, Y: Bounded, eps: Bounded) -> Bounded:
    return total(a * x.relu() for a, x in zip(alpha(A, g, eps), g, strict=True))


def _no_relu(A: Channel, g: Channel, Y: Bounded, eps: Bounded) -> Bounded:
    return total(a * x for a, x in zip(outside(A, g, eps), g, strict=True))


def _relu_outside(A: Channel, g: Channel, Y: Bounded, eps: Bounded) -> Bounded:
    return _no_relu(A, g, Y, eps).relu()


def _of_exponential(A: Channel, g: Channel, Y: Bounded, eps: Bounded) -> Bounded:
    return _relu_inside(outside, A, [Y * x for x in g], Y, eps)


def _mean(A: Channel, g: Channel, Y: Bounded, eps: Bounded) -> Bounded:
    return total(g) / Bounded(Fraction(len(g)))


def _mean_of_positive(A: Channel, g: Channel, Y: Bounded, eps: Bounded) -> Bounded:
    return total(x.relu() for x in g) / Bounded(Fraction(len(g)))


FORMULAS: tuple[Formula, ...] = (
    Formula("paper (19)", "sum of g^2/(2 g^2 + sigma g^3) relu(g), sigma = sum of A", partial(_relu_inside, outside)),
    Formula("A inside the sum", "sum of g^2/(2 g^2 + sum(A g^3)) relu(g)", partial(_relu_inside, inside)),
    Formula("no division", "sum of g^2 relu(g)", partial(_relu_inside, undivided), divides=False),
    Formula("alpha sums to 1", "(19), alpha divided by its sum over the channel", partial(_relu_inside, shared)),
    Formula("(19) without ReLU", "sum of g^2/(2 g^2 + sigma g^3) g", _no_relu),
    Formula("(19), ReLU outside", "relu of the sum of g^2/(2 g^2 + sigma g^3) g", _relu_outside),
    Formula("(19) of exp(S)", "(19) with the gradient of exp(S) put for g", _of_exponential),
    Formula("Grad-CAM", "mean of g", _mean, divides=False),
    Formula("Grad-CAM of relu(g)", "mean of relu(g)", _mean_of_positive, divides=False),
)


def raw_map(
    formula: Formula,
    A: Sequence[Sequence[Fraction]],
    g: Sequence[Sequence[Fraction]],
    Y: Fraction,
    eps: Fraction,
    factor: bool,
) -> list[Bounded]:
    """Return sum_k w_k A_k at every place.

    Args:
        formula: of w_k.
        A: activations, channels of places.
        g: gradients of the score, channels of places.
        Y: exp(S).
        eps: added to the denominator.
        factor: whether w_k is multiplied by exp(S).
    """
    # exp(S) is rounded once as S and once as itself, whatever S is here: |S| <= 1 makes an error of S no larger in Y.
    outer = Bounded(Y, 4 * Y) if Y != 1 else ONE
    channels = [[Bounded(x) for x in row] for row in A]
    slopes = [[Bounded(x) for x in row] for row in g]
    weights = [formula.weight(a, x, outer, Bounded(eps)) for a, x in zip(channels, slopes, strict=True)]
    if factor:
        weights = [outer * w for w in weights]
    return [total(w * a[p] for w, a in zip(weights, channels, strict=True)) for p in range(len(A[0]))]


@dataclass(frozen=True)
class Finish:
    """What is done to a raw map before it is handed out.

    Args:
        name: how it is called.
        scale: whether the scale of the weights is still there.
        apply: raw map -> map.
    """

    name: str
    scale: bool
    apply: Callable[[Sequence[Bounded]], list[Bounded]]

    def guard(self, raw: Sequence[Bounded]) -> Fraction:
        """Return how far a constant in the divisor can move a normalised map."""
        if self.scale:
            return Fraction(0)
        kept = [each.relu().value for each in raw]
        spread = max(kept) - (0 if self.name == "divided by its maximum" else min(kept))
        return 2 * GUARD / spread if spread else Fraction(0)


def _as_it_is(raw: Sequence[Bounded]) -> list[Bounded]:
    return list(raw)


def _relu(raw: Sequence[Bounded]) -> list[Bounded]:
    return [each.relu() for each in raw]


def _by_maximum(raw: Sequence[Bounded]) -> list[Bounded]:
    kept = _relu(raw)
    top = largest(kept)
    return [each / top for each in kept] if top.value else kept


def _by_range(raw: Sequence[Bounded]) -> list[Bounded]:
    kept = _relu(raw)
    low = smallest(kept)
    reach = largest(kept) - low
    return [(each - low) / reach for each in kept] if reach.value else kept


def _turned(raw: Sequence[Bounded]) -> list[Bounded]:
    return [ONE - each for each in _by_range(raw)]


FINISHES: tuple[Finish, ...] = (
    Finish("before ReLU", True, _as_it_is),
    Finish("after ReLU", True, _relu),
    Finish("divided by its maximum", False, _by_maximum),
    Finish("divided by its range", False, _by_range),
    Finish("1 minus the range", False, _turned),
)

"""The true weights of some entries in balls: closed form and (10), from the score's derivatives by `verify.balls`.

True is what the formulas give in real arithmetic of the function that the traced tail is. The outer function is applied
to the score's power series along the entry's line, so that neither `cam.heads` nor `cam.weights` is relied upon.
"""

from dataclasses import dataclass, replace
from math import inf, nextafter
from typing import TYPE_CHECKING

from flint import arb, arb_series
from torch import Tensor

from verify.arithmetic.ball import BITS, precision
from verify.balls.walk import Along, along_lines
from verify.catalogue.functions import EXP, SIGMOID, Face, polynomial
from verify.check.compare import LOG_SOFTMAX, SOFTMAX
from verify.probe import Kink

if TYPE_CHECKING:
    from cam.tail import Tail

# Of what stands under the outer function: for a softmax the logarithm of the probability.
FACES: dict[str, Face] = {
    "exp": EXP,
    "sigmoid": SIGMOID,
    SOFTMAX: EXP,
    LOG_SOFTMAX: polynomial("u", (0, 1)),
}
MOST = 1024  # bits
NARROW = arb(2) ** -60  # of a weight's radius over its size: beyond, more bits are taken


@dataclass(frozen=True)
class Enclosed:
    """The weights of one entry.

    Args:
        closed: a ball around 1/(2 + sigma g), g = dS/dA.
        exact: a ball around Y2/(2 Y2 + sigma Y3).
        why: if they are not known, why.
    """

    closed: arb
    exact: arb
    why: str = ""

    @property
    def narrow(self) -> bool:
        """Whether the balls are known, and small beside what they hold."""
        return not self.why and all(ball.rad() <= NARROW * ball.abs_lower() for ball in (self.closed, self.exact))


def enclosed(
    plain: "Tail", through: "Tail", A: Tensor, lines: Tensor, footprints: Tensor, c: int, head: str, times: int
) -> list[Enclosed]:
    """Return the weights of some entries; bits are doubled where balls are wide or a branch is not proved.

    Args:
        plain: the tail.
        through: the tail that ends in what stands under the outer function, the same where that is the score.
        A: the activations, (1, ...).
        lines: which entries, places in A.
        footprints: of each entry the numbers of its channel, (entries, places).
        c: the class.
        head: the outer function.
        times: how often the work of the first pass may be done, all passes together.

    Raises:
        NoRule: an operation has no rule.
    """
    found = [Enclosed(arb.nan(), arb.nan(), "nothing was tried")] * len(lines)
    bits, spent = BITS, 0.0
    pending = list(range(len(lines)))
    while pending and bits <= MOST and (not spent or spent + _share(bits, pending, lines) <= times):
        spent += _share(bits, pending, lines)
        with precision(bits, 4):
            some = _pass(plain, through, A, lines[pending], footprints[pending], c, head, bits)
            for k, each in zip(pending, some, strict=True):
                found[k] = each if not each.why or found[k].why else found[k]
        pending = [k for k in pending if not found[k].narrow]
        bits *= 2
    return found


def _share(bits: int, pending: list[int], lines: Tensor) -> float:
    return bits / BITS * len(pending) / len(lines)


def _pass(
    plain: "Tail", through: "Tail", A: Tensor, lines: Tensor, footprints: Tensor, c: int, head: str, bits: int
) -> list[Enclosed]:
    entries = lines.tolist()
    try:
        of_head = along_lines(through.graph, A, entries, c, bits=bits)
        of_score = of_head if through is plain else along_lines(plain.graph, A, entries, c, orders=1, bits=bits)
    except Kink as error:
        return [Enclosed(arb.nan(), arb.nan(), str(error))] * len(entries)
    return [
        _weights(one, other, sum(map(arb, places), arb(0)), head)
        for one, other, places in zip(of_score, of_head, footprints.tolist(), strict=True)
    ]


def _weights(of_score: Along, of_head: Along, sigma: arb, head: str) -> Enclosed:
    """Return both weights along one line."""
    unknown = Enclosed(arb.nan(), arb.nan())
    why = of_score.why or of_head.why
    if why:
        return replace(unknown, why=why)
    g, h, t = of_head.derivatives
    Y = FACES[head].ball(arb_series([of_head.score, g, h / 2, t / 6]))
    second, third = 2 * Y[2], 6 * Y[3]
    below = [2 + sigma * of_score.derivatives[0], 2 * second + sigma * third]
    if any(divisor.contains(0) or not divisor.is_finite() for divisor in below):
        if second.is_zero():
            return replace(unknown, why="the second derivative is 0, and so may be what it is divided by")
        return replace(unknown, why="a pole is not excluded: a denominator may be 0")
    return Enclosed(1 / below[0], second / below[1])


def at_most(ball: arb) -> float:
    """Return a float that no number of the ball exceeds in size; infinite for a ball that is no bounded set."""
    return inf if not ball.is_finite() else nextafter(float(ball.abs_upper()), inf)


def at_least(ball: arb) -> float:
    """Return a float that no number of the ball falls below in size, 0 if the ball holds 0."""
    return max(0.0, nextafter(float(ball.abs_lower()), -inf))

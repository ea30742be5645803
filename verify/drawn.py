"""Cases drawn at random that meet every hypothesis of a claim: what is proved has to hold in all of them.

`verify.drawing` builds them, one for each place 0, 1, 2, ..., the same for the same seed and claim; what does not meet
every hypothesis all the same is rejected. Balls judge: a proved claim that is false in a drawn case is a contradiction,
which names its seed and place, so that the case can be drawn again.
"""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from random import Random

from sympy import degree

from derivation.claim import Claim
from derivation.notation import L, S, u
from verify.cases import Case
from verify.catalogue.functions import Face
from verify.drawing import Drawing, is_on_kink
from verify.layers import Activate, Gate
from verify.methods.enclosure import judge
from verify.methods.trial import Outcome
from verify.probe import NoRule
from verify.tails import TailFace, WholeTail, nested
from verify.verdict import Contradiction

SURE = 40  # bits: sides that are known less well, and by more than 2^-40, agree with anything
AGAIN = 40  # draws for one case, on the average, before a claim is given up
NONE = "none"
# The histograms of the judged cases, in the order in which they are shown; each adds up to their number.
HISTOGRAMS = {
    "tail": "what S is, or L where there is no S",
    "activation": "the network's activation, or that it has several",
    "depth": "activations on the longest way through the network",
    "kink": "decade of the distance from x to the nearest kink along the line",
    "width": "decade of the wider enclosure of the two sides, relative to what it encloses",
}


@dataclass(frozen=True)
class Draws:
    """What came of drawing cases of one claim.

    Args:
        claim: its name.
        held: in how many cases it holds for certain, or both sides are known to many bits and nothing tells them apart.
        undecided: in how many they say nothing.
        rejected: how many draws met not every hypothesis.
        vacuous: how many were put on a kink, where the sides have no value.
        counts: for each of `HISTOGRAMS` how often what occurred among the cases that were judged.
        worst: the case with the least accurate enclosure among those that do not contain 0: the nearest to a pole, or
            the one in which most cancels; "" if every side is exact or may be 0.
        worst_at: its place.
        worst_bits: to how many bits its less accurate side is enclosed.
    """

    claim: str
    held: int = 0
    undecided: int = 0
    rejected: int = 0
    vacuous: int = 0
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    worst: str = ""
    worst_at: int = 0
    worst_bits: int = 0

    @property
    def acceptance(self) -> float:
        """The share of the draws that met every hypothesis."""
        drawn = self.held + self.undecided + self.rejected + self.vacuous
        return (self.held + self.undecided) / drawn if drawn else 0.0


class FalseCase(Contradiction):
    """A proved claim that is false in a drawn case: its name, the seed and the place of the case."""

    def __init__(self, says: str, claim: str, seed: int, place: int) -> None:
        super().__init__(says, claim, seed, place)
        self.claim, self.seed, self.place = claim, seed, place

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass
class Counted:
    """How many draws met not every hypothesis, and how many were on a kink."""

    rejected: int = 0
    vacuous: int = 0


def draws(claim: Claim, at_most: int, seed: int) -> Draws:
    """Draw that many cases of a claim, the same for the same seed, and judge each.

    Raises:
        FalseCase: the claim is false in one of them.
    """
    held = undecided = 0
    others, counts = Counted(), {name: Counter[str]() for name in HISTOGRAMS}
    worst: tuple[float, int, str] = (math.inf, 0, "")
    for place, case in drawn(claim, at_most, seed, others):
        outcome = judged(claim, case, seed, place)
        held, undecided = (held + 1, undecided) if outcome and agrees(outcome) else (held, undecided + 1)
        for name, what in _described(case, outcome).items():
            counts[name][what] += 1
        if outcome and outcome.accuracy is not None and 0 < outcome.accuracy < worst[0]:
            worst = outcome.accuracy, place, str(case)
    ordered = {name: dict(sorted(count.items())) for name, count in counts.items()}
    bits = 0 if math.isinf(worst[0]) else int(worst[0])
    return Draws(claim.name, held, undecided, others.rejected, others.vacuous, ordered, worst[2], worst[1], bits)


def agrees(outcome: Outcome) -> bool:
    """Whether a claim holds in a case; wide balls that overlap do not say so."""
    narrow = outcome.bound is None or outcome.bound < 2.0**-SURE
    return bool(outcome.holds) and (narrow or (outcome.accuracy or 0) >= SURE)


def judged(claim: Claim, case: Case, seed: int, place: int) -> Outcome | None:
    """Return what the balls say of a case; None if they have no rule for it.

    Raises:
        FalseCase: they say that the claim is false.
    """
    try:
        outcome = judge(claim, case)
    except NoRule:
        return None
    if outcome.holds is False:
        says = f"{claim.name} is proved, yet in {case} its sides are {outcome.lhs} and {outcome.rhs}"
        raise FalseCase(says, claim.name, seed, place)
    return outcome


def again(claim: Claim, seed: int, place: int) -> None:
    """Draw one case again and judge it.

    Raises:
        FalseCase: the claim is false in it still.
    """
    case = _draw(Drawing(claim), seed, place)
    if case is not None:
        judged(claim, case, seed, place)


def drawn(claim: Claim, at_most: int, seed: int, others: Counted) -> Iterator[tuple[int, Case]]:
    """Yield that many cases that meet every hypothesis, with their places; fewer where hardly any draw does.

    Args:
        claim: whose cases.
        at_most: how many.
        seed: of the random numbers.
        others: counts the draws that are no such cases.
    """
    drawing, accepted, place = Drawing(claim), 0, 0
    while accepted < at_most and others.rejected < AGAIN * at_most:
        case = _draw(drawing, seed, place)
        if case is None:
            others.rejected += 1
        elif is_on_kink(case) and judged(claim, case, seed, place) is None:
            others.vacuous += 1
        else:
            accepted += 1
            yield place, case
        place += 1


def _draw(drawing: Drawing, seed: int, place: int) -> Case | None:
    return drawing.draw(Random(f"{seed} {drawing.claim.name} {place}"))


def _described(case: Case, outcome: Outcome | None) -> dict[str, str]:
    """Return what is counted of a case, by histogram."""
    functions = dict(case.functions)
    face = functions.get(S, functions.get(L))
    tail = face.tail if isinstance(face, TailFace) else None
    return described(_kind(face, tail), tail, outcome)


def described(kind: str, tail: WholeTail | None, outcome: Outcome | None) -> dict[str, str]:
    """Return what is counted of a tail of some kind and the two sides, by histogram."""
    names = sorted({part.name for part in nested(tail.layers) if isinstance(part, Activate)}) if tail else []
    return {
        "tail": kind,
        "activation": NONE if not names else names[0] if len(names) == 1 else "several",
        "depth": str(tail.depth) if tail else NONE,
        "kink": NONE if tail is None or tail.nearest_kink is None else _decade(float(tail.nearest_kink)),
        "width": _width(outcome),
    }


def _kind(face: Face | None, tail: WholeTail | None) -> str:
    if face is None:
        return NONE
    if tail is None:
        return "line" if _is_affine(face) else "curve"
    return kind_of(tail)


def kind_of(tail: WholeTail) -> str:
    """Say what kind of network a tail is."""
    gated = any(isinstance(part, Gate) for part in nested(tail.layers))
    return "piecewise-linear network" if tail.piecewise_linear else "gated network" if gated else "curved network"


@lru_cache(maxsize=1 << 10)
def _is_affine(face: Face) -> bool:
    expr = face.exact(u)
    return bool(expr.is_polynomial(u) and degree(expr, u) <= 1)


def _width(outcome: Outcome | None) -> str:
    if outcome is None or outcome.accuracy is None:
        return "no value"
    if math.isinf(outcome.accuracy):
        return "exact"
    return "about 0" if outcome.accuracy <= 0 else f"1e{math.floor(-outcome.accuracy * math.log10(2))}"


def _decade(number: float) -> str:
    return f"1e{int(f'{number:e}'.partition('e')[2])}" if number else "0"

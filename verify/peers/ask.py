"""A peer on the probes: which formulas can have made its maps, and the constant in its denominator.

A formula stays if every number of every map is within the rounding bound of the exact one. One formula left is the
answer, none is "other"; what a normalised map hides (the factor exp(S), a small constant) is left open.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.peers.adapters import Question, ask
from verify.peers.bounded import Bounded
from verify.peers.formulas import EPS, FINISHES, FORMULAS, Finish, Formula, raw_map
from verify.peers.probes import CLASS, LAYER, Probe, probes

if TYPE_CHECKING:
    from torch import Tensor

OTHER = "other"
SMALL = (Fraction(1, 2**10), Fraction(1, 2**12))  # gradients whose squares are near the constants that libraries add
LARGEST_EPS = 1e-3  # what adds more to 2 g^2 guards nothing: it is another formula


class NoMap(Exception):
    """A peer gave no map (1, h, w) of a probe, or failed; the message says what it did instead."""


@dataclass(frozen=True)
class Candidate:
    """A formula with everything that may differ around it.

    Args:
        formula: of the weights.
        finish: what became of the map.
        factor: whether exp(S) was kept.
        eps: the constant in the denominator.
    """

    formula: Formula
    finish: Finish
    factor: bool
    eps: Fraction

    def map(self, probe: Probe) -> tuple[list[Bounded], Fraction]:
        """Return the map of a probe, and how far a normaliser's guard can move it."""
        raw = _raw(self.formula, probe, self.eps, self.factor)
        return self.finish.apply(raw), self.finish.guard(raw)


@functools.cache
def _raw(formula: Formula, probe: Probe, eps: Fraction, factor: bool) -> list[Bounded]:
    return raw_map(formula, probe.A, probe.g, probe.Y, eps, factor)


@dataclass(frozen=True)
class Answer:
    """What a peer computes.

    Args:
        formula: the name of the only formula left, or "other".
        finish: what is done to the map, empty for "other".
        factor: whether exp(S) is kept, None if it cannot be seen.
        eps: the constants that fit, one if it can be seen.
        evidence: at one number of each probe: what is exact, what came, what rounding may make of it; and for every
            formula that is ruled out the number that rules it out.
    """

    formula: str
    finish: str
    factor: bool | None
    eps: tuple[float, ...]
    evidence: dict[str, Any]


def question_map(question: Question, probe: Probe) -> "Tensor":
    """Return a peer's map of a probe, (h, w).

    Raises:
        NoMap: it has another shape, or the peer failed.
    """
    try:
        found = ask(question, probe.model(), LAYER, probe.image(), CLASS)
    except Exception as error:
        raise NoMap(f"fails with {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from error
    if tuple(found.shape) != (1, *probe.size):
        raise NoMap(f"gives something of shape {tuple(found.shape)}, expected maps {(1, *probe.size)}")
    return found[0]


def uniform(slope: Fraction) -> Probe:
    """Return the probe of one channel of ones with one gradient everywhere and S = 0."""
    return Probe(((Fraction(1),) * 6,), ((slope,) * 6,), Fraction(0), (2, 3))


def measured_eps(question: Question) -> float | None:
    """Return the constant that is added to the denominator of alpha, found by shrinking the gradients.

    Of one channel of Z ones with gradient x everywhere, w = Z x x^2 / (2 x^2 + Z x^3 + eps) whatever is inside the sum.
    Two gradients must agree on eps.

    Returns:
        0 if there is none, None if it cannot be seen: the map is normalised, or has no such denominator.
    """
    found = []
    for x in SMALL:
        try:
            values = question_map(question, uniform(x)).flatten()
        except NoMap:
            return None
        w, unit = float(values[0]), _unit(values)
        if not 0 < w < float("inf"):
            return None
        eps = 6 * x**3 / Fraction(w) - 2 * x**2 - 6 * x**3
        # w is the quotient of at most 32 roundings of numbers of one sign.
        found.append((eps, 64 * Fraction(unit) * 6 * x**3 / Fraction(w)))
    (one, slack), (other, more) = found
    if abs(one - other) > slack + more or abs(one) > LARGEST_EPS:
        return None
    if abs(other) <= more:
        return 0.0
    rounded = float(f"{float(other):.3g}")
    return rounded if abs(Fraction(rounded) - other) <= more else float(other)


def _unit(values: "Tensor") -> float:
    import torch

    return torch.finfo(values.dtype).eps / 2


def _fits(candidate: Candidate, maps: "Sequence[Tensor]") -> bool:
    for probe, found in zip(probes(), maps, strict=True):
        exact, guard = candidate.map(probe)
        values, unit = found.flatten().tolist(), _unit(found)
        if not all(each.allows(value, unit, guard) for each, value in zip(exact, values, strict=True)):
            return False
    return True


def candidates(measured: float | None) -> list[Candidate]:
    """Return everything that is tried; a measured constant joins those that libraries are known to add."""
    known = EPS if not measured else tuple(dict.fromkeys((*EPS, Fraction(measured))))
    return [
        Candidate(formula, finish, factor, eps)
        for finish in FINISHES
        for formula in FORMULAS
        for factor in ((False, True) if finish.scale else (False,))
        for eps in (known if formula.divides else EPS[:1])
    ]


def identify(question: Question) -> Answer:
    """Return which formula a peer computes, with evidence.

    Raises:
        NoMap: the peer gave no map of a probe.
    """
    maps = [question_map(question, probe) for probe in probes()]
    measured = measured_eps(question)
    left = [candidate for candidate in candidates(measured) if _fits(candidate, maps)]
    fits = sorted({candidate.formula.name for candidate in left})
    if len(fits) != 1:
        given = [_given(probe, found) for probe, found in zip(probes(), maps, strict=True)]
        return Answer(OTHER, "", None, (), {"fits": fits, "probes": given})
    best = left[0]
    same = [each for each in left if each.finish is best.finish]
    evidence = {
        "probes": [_agreement(best, probe, found) for probe, found in zip(probes(), maps, strict=True)],
        "ruled_out": {
            formula.name: _disagreement(Candidate(formula, best.finish, best.factor, best.eps), maps)
            for formula in FORMULAS
            if formula is not best.formula
        },
    }
    factors = {each.factor for each in same}
    return Answer(
        best.formula.name,
        best.finish.name,
        best.factor if best.finish.scale and len(factors) == 1 else None,
        tuple(sorted({float(each.eps) for each in same})),
        evidence,
    )


def _given(probe: Probe, found: "Tensor") -> dict[str, Any]:
    return {**_of(probe), "gave": [str(value) for value in found.flatten().tolist()]}


def _of(probe: Probe) -> dict[str, Any]:
    return {
        "A": [[str(x) for x in row] for row in probe.A],
        "g": [[str(x) for x in row] for row in probe.g],
        "S": str(probe.S),
        "shape": list(probe.size),
    }


def _agreement(candidate: Candidate, probe: Probe, found: "Tensor") -> dict[str, Any]:
    """Return the place of a probe where the exact number is largest: what is exact, what came, what is allowed."""
    exact, guard = candidate.map(probe)
    place = max(range(len(exact)), key=lambda p: exact[p].value)
    plain = _raw(candidate.formula, probe, Fraction(0), False)
    rational = candidate.finish.apply(plain)[place].value
    numbers = _numbers(exact[place], found.flatten().tolist()[place], _unit(found), guard)
    return {**_of(probe), "place": place, "without_eps_and_factor": _written(rational), **numbers}


def _numbers(exact: Bounded, gave: float, unit: float, guard: Fraction) -> dict[str, Any]:
    bound = float(2 * Fraction(unit) * exact.roundings + guard)
    return {"exact": float(exact.value), "gave": str(gave), "bound": bound}


def _written(value: Fraction) -> str:
    """Return a rational as it is if it is short: one with exp(S) in it has sixty digits."""
    return str(value) if value.denominator < 10**30 else f"{float(value)!r}"


def _disagreement(candidate: Candidate, maps: "Sequence[Tensor]") -> dict[str, Any]:
    """Return the number of all probes that is farthest from a formula."""
    farthest: tuple[Fraction, dict[str, Any]] = (Fraction(-1), {})
    for number, (probe, found) in enumerate(zip(probes(), maps, strict=True)):
        exact, guard = candidate.map(probe)
        for place, (each, value) in enumerate(zip(exact, found.flatten().tolist(), strict=True)):
            off = abs(Fraction(value) - each.value)
            if off > farthest[0]:
                there = {"probe": number, "place": place}
                farthest = off, {**there, **_numbers(each, value, _unit(found), guard)}
    return farthest[1]

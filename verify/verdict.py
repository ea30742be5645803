"""What a piece of evidence may say, and how pieces combine into the standing of a claim."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from verify.errors import Fault

CERTIFYING = frozenset({"symbolic", "exact", "enclosure"})


class Verdict(StrEnum):
    """The standing of a claim, or what one piece of evidence says of it."""

    PROVED = "PROVED"
    SUPPORTED = "SUPPORTED"
    UNDECIDED = "UNDECIDED"
    REFUTED = "REFUTED"


class Contradiction(Fault):
    """One claim was proved and refuted, or proved and outside a derived error bound.

    A fault of this toolkit, never of the claim.
    """


@dataclass(frozen=True)
class Witness:
    """A case in which a claim is false, small enough to check by hand; `sign` stands between the two sides there."""

    where: str
    lhs: str
    rhs: str
    sign: str = "≠"


@dataclass(frozen=True)
class Evidence:
    """What one method found about one claim on one family of cases.

    Args:
        method: "symbolic", "exact", "enclosure", "autograd", "network" or "property".
        verdict: what this method alone can say.
        case: what it was tried on.
        residual, bound: the largest difference of the two sides, and the derived bound it has to stay under (same case,
            same unit).
        tried, vacuous: number of cases evaluated, and of cases passed over because a hypothesis does not hold there.
        witness: the counterexample, if any.
        note: why undecided, or what the reader should know.
        seconds: time it took.

    Raises:
        ValueError: a verdict that this method may not give: only a proof says PROVED, only what is exact or encloses
            says REFUTED, and nothing supports a claim that was tried on nothing.
    """

    method: str
    verdict: Verdict
    case: str
    residual: float | None = None
    bound: float | None = None
    tried: int = 0
    vacuous: int = 0
    witness: Witness | None = None
    note: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if self.verdict is Verdict.PROVED and self.method != "symbolic":
            raise ValueError(f"only the symbolic method may say PROVED, not {self.method}")
        if self.verdict is Verdict.REFUTED and (self.method not in CERTIFYING or self.witness is None):
            raise ValueError(f"REFUTED needs an exact or enclosed counterexample; {self.method} gave {self.witness}")
        if self.verdict is not Verdict.UNDECIDED and self.tried == 0:
            raise ValueError(f"{self.method} tried nothing on {self.case}: that is UNDECIDED, not {self.verdict}")
        if self.verdict is Verdict.UNDECIDED and not self.note:
            raise ValueError(f"{self.method} on {self.case}: UNDECIDED needs a reason")

    @property
    def exceeds(self) -> bool:
        """The two sides differ by more than the derived bound: not a certificate, but no support either."""
        return self.residual is not None and self.bound is not None and not self.residual <= self.bound


def combine(claim: str, evidence: Iterable[Evidence]) -> Verdict:
    """Return the standing of a claim from all its evidence.

    REFUTED if anything refutes it, else PROVED if anything proves it, else SUPPORTED if something supports it and
    nothing exceeds its bound, else UNDECIDED.

    Raises:
        Contradiction: PROVED together with REFUTED, or with a residual above its derived bound.
    """
    pieces = tuple(evidence)
    said = {piece.verdict for piece in pieces}
    against = [piece for piece in pieces if piece.verdict is Verdict.REFUTED or piece.exceeds]
    if Verdict.PROVED in said and against:
        worst = against[0]
        raise Contradiction(
            f"{claim} is proved, yet {worst.method} on {worst.case} says {worst.verdict}: "
            f"residual {worst.residual}, bound {worst.bound}, witness {worst.witness}"
        )
    if Verdict.REFUTED in said:
        return Verdict.REFUTED
    if Verdict.PROVED in said:
        return Verdict.PROVED
    return Verdict.SUPPORTED if Verdict.SUPPORTED in said and not against else Verdict.UNDECIDED


def stands(claim: str, verdicts: Mapping[str, Verdict], uses: Mapping[str, tuple[str, ...]]) -> bool:
    """Return a claim stands if it is PROVED and everything that it uses stands.

    Raises:
        Contradiction: the claim is used in its own proof.
    """
    return _stands(claim, verdicts, uses, ())


def _stands(
    claim: str, verdicts: Mapping[str, Verdict], uses: Mapping[str, tuple[str, ...]], path: tuple[str, ...]
) -> bool:
    if claim in path:
        raise Contradiction(f"circular proof: {' -> '.join((*path, claim))}")
    return verdicts[claim] is Verdict.PROVED and all(
        _stands(used, verdicts, uses, (*path, claim)) for used in uses[claim]
    )

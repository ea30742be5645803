"""The checker is checked: errors are planted in every claim that is proved, and none of them may be proved.

    killed = refuted + undecided        mutants = killed + survivors

A planted error survives if the prover proves it, by the author's steps or without them, or if it was made by hand and
neither balls nor exact numbers refute it: then it is no error. An edit of a right-hand side that comes out true
wherever it is tried, exactly, is equivalent to the original and is not counted; a hypothesis that can be dropped is
needless, and survives. What is proved and refuted, and a recorded proof that is lost, stand among the survivors too.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Any

from derivation.claim import Claim
from derivation.claims import CLAIMS, LIBRARY
from derivation.edits import edited, weaker
from derivation.mutants import MUTANTS, Mutant
from derivation.proof import prove
from verify import ledger
from verify.errors import UsageError, unknown
from verify.methods.enclosure import enclosure
from verify.methods.exact import exact
from verify.verdict import Evidence, Verdict
from verify.workers import spread

EDITS = 1150  # over all claims, for a minute and a half; where there are more, the claims with the most give some up
LIMIT = 60.0  # seconds; the longest takes a few
Progress = Callable[[str], None]


class Fate(StrEnum):
    """What became of a planted error."""

    REFUTED = "refuted"
    UNDECIDED = "undecided"
    EQUIVALENT = "equivalent"
    SURVIVOR = "survivor"
    SOUND = "sound"  # of a claim itself: proved, and nothing refutes it


class Origin(StrEnum):
    """How a planted error was made."""

    HAND = "by hand"
    DROPPED = "by dropping a hypothesis"
    EDITED = "by editing the right-hand side"
    ITSELF = "the claim itself"


@dataclass(frozen=True)
class Finding:
    """What became of one planted error, and why."""

    mutant: str
    claim: str
    says: str
    origin: Origin
    fate: Fate
    why: str


def chosen(names: Sequence[str]) -> tuple[Claim, ...]:
    """Return the claims that are proved, or recorded as proved: those of `names`, or all.

    Raises:
        UsageError: a name is unknown, or the claim is not proved.
    """
    for name in names:
        if name not in LIBRARY:
            raise unknown("claim", name, LIBRARY)
    recorded = ledger.read_expected()["claims"]

    def is_proved(claim: Claim) -> bool:
        return recorded.get(claim.name, {}).get("verdict") == Verdict.PROVED or prove(claim, LIBRARY).holds

    claims = tuple(claim for claim in CLAIMS if claim.name in (names or LIBRARY) and is_proved(claim))
    for name in names:
        if name not in {claim.name for claim in claims}:
            raise UsageError(f"{name} is not proved: errors are planted in proved claims alone")
    return claims


def planted(claims: Sequence[Claim], *, everything: bool = False) -> list[Mutant]:
    """Return what is planted in the claims, in order: by hand, hypotheses dropped, right-hand sides edited.

    Args:
        claims: which claims.
        everything: leave out no edit, however many there are.
    """
    groups = [_planted_in(claim.name) for claim in claims]
    sizes = [len(group[Origin.EDITED]) for group in groups]
    fair = next((k for k in range(max(sizes, default=0), 1, -1) if sum(min(size, k) for size in sizes) <= EDITS), 1)
    at_most = {Origin.EDITED: None if everything else fair}
    return [mutant for group in groups for origin, made in group.items() for mutant in made[: at_most.get(origin)]]


@cache
def _planted_in(name: str) -> dict[Origin, list[Mutant]]:
    claim = LIBRARY[name]
    return {
        Origin.HAND: [mutant for mutant in MUTANTS if mutant.claim == name],
        Origin.DROPPED: [*weaker(claim)],
        # "kind-3" after every "kind-2": the first so many are of all kinds.
        Origin.EDITED: sorted(edited(claim), key=lambda mutant: int(mutant.name.rpartition("-")[2])),
    }


def run(
    claims: Sequence[Claim], mutants: Sequence[Mutant], *, jobs: int = 0, progress: Progress = lambda _: None
) -> list[Finding]:
    """Try to prove and to refute every mutant, and each claim itself.

    Args:
        claims: the claims themselves.
        mutants: what is planted in them, from `planted`.
        jobs: how many processes; 0 works in this one, where what hangs cannot be stopped.
        progress: called with a name, as often as there are claims and mutants.
    """
    work = [(claim.name, claim.name) for claim in claims] + [(mutant.claim, mutant.name) for mutant in mutants]
    # The processes make their own mutants, by name: expressions in f^(n) cannot be sent.
    here = ((task, _try(task)) for task in work)
    found = {}
    with closing(spread(_try, work, jobs, limit=lambda _: LIMIT, stopped=_stopped) if jobs else here) as finished:
        for task, finding in finished:
            found[task] = finding
            progress(finding.mutant)
    return [found[task] for task in work]


def document(findings: Iterable[Finding]) -> dict[str, Any]:
    """Return the numbers as one JSON object: mutants, killed, equivalent, survivors."""
    counted = [f for f in findings if f.origin is not Origin.ITSELF and f.fate is not Fate.EQUIVALENT]
    survivors = [f for f in findings if f.fate is Fate.SURVIVOR]
    return {
        "mutants": len(counted),
        "killed": sum(f.fate is not Fate.SURVIVOR for f in counted),
        "equivalent": sum(f.fate is Fate.EQUIVALENT for f in findings),
        "survivors": [{"mutant": f.mutant, "claim": f.claim, "says": f.says, "why": f.why} for f in survivors],
    }


def _try(task: tuple[str, str]) -> Finding:
    claim, name = task
    try:
        if claim == name:
            return _itself(LIBRARY[claim])
        groups = _planted_in(claim).items()
        return next(judge(mutant, origin) for origin, group in groups for mutant in group if mutant.name == name)
    except Exception as error:
        raise RuntimeError(f"{name}: {type(error).__name__}: {error}") from error


def _stopped(task: tuple[str, str]) -> Finding:
    claim, name = task
    names = {origin: {mutant.name for mutant in group} for origin, group in _planted_in(claim).items()}
    origin = next((origin for origin, group in names.items() if name in group), Origin.ITSELF)
    # What a person planted has to be refuted, and what errors are planted in has to be proved.
    fate = Fate.SURVIVOR if origin in (Origin.HAND, Origin.ITSELF) else Fate.UNDECIDED
    return Finding(name, claim, "", origin, fate, f"stopped after {LIMIT:g} s")


def judge(mutant: Mutant, origin: Origin) -> Finding:
    """Try to prove a planted error and to refute it."""
    false = mutant.planted(LIBRARY)
    proved = any(prove(way, {**LIBRARY, way.name: way}).holds for way in _ways(false, LIBRARY[mutant.claim]))
    # To lack a hypothesis may be no error where it was tried; an edit that is none has to be shown to be so, exactly.
    unsettled = (Verdict.UNDECIDED,) if origin is Origin.DROPPED else (Verdict.UNDECIDED, Verdict.SUPPORTED)
    trial = _tried(false, *unsettled)
    refuted, holds = trial.verdict is Verdict.REFUTED, trial.verdict is Verdict.SUPPORTED
    if origin is Origin.EDITED and holds:
        fate, why = Fate.EQUIVALENT, f"true in {trial.tried} cases, exactly" + (", and proved" if proved else "")
    elif proved and refuted:
        fate, why = Fate.SURVIVOR, f"proved, but false: {_witness(trial)}"
    elif proved:
        needless = "proved without it: the hypothesis is needless"
        fate, why = Fate.SURVIVOR, needless if origin is Origin.DROPPED else "proved, and nothing refutes it"
    elif refuted:
        fate, why = Fate.REFUTED, _witness(trial)
    elif origin is Origin.HAND:
        fate, why = Fate.SURVIVOR, f"nothing refutes it: no error was planted ({trial.note or 'true where tried'})"
    else:
        fate, why = Fate.UNDECIDED, f"not proved; {trial.note or f'true in the {trial.tried} cases that were tried'}"
    return Finding(mutant.name, mutant.claim, mutant.says, origin, fate, why)


def _itself(claim: Claim) -> Finding:
    trial, holds = _tried(claim, Verdict.UNDECIDED), prove(claim, LIBRARY).holds
    if not holds:
        fate, why = Fate.SURVIVOR, "recorded as proved, and not proved: what is planted in it shows nothing"
    elif trial.verdict is Verdict.REFUTED:
        fate, why = Fate.SURVIVOR, f"proved, but false: {_witness(trial)}"
    else:
        fate, why = Fate.SOUND, "proved, and nothing refutes it"
    return Finding(claim.name, claim.name, claim.says, Origin.ITSELF, fate, why)


def _ways(false: Claim, true: Claim) -> list[Claim]:
    """Return the ways to try to prove it: as it is, without steps, and with the last step led to the new end."""
    ways = [false]
    if false.steps:
        ways.append(replace(false, steps=()))
        *before, last = false.steps
        if last.reached == true.rhs != false.rhs:
            ways.append(replace(false, steps=(*before, replace(last, reached=false.rhs))))
    return ways


def _tried(claim: Claim, *unsettled: Verdict) -> Evidence:
    """Return what balls say of it; where that leaves it unsettled, what exact numbers say, which takes longer."""
    balls = enclosure(claim)
    return exact(claim) if balls.verdict in unsettled else balls


def _witness(trial: Evidence) -> str:
    witness = trial.witness
    return f"{witness.where}: {witness.lhs} {witness.sign} {witness.rhs}" if witness else trial.note

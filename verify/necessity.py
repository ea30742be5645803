"""A run of the search for what breaks the claims: the matrix of necessity, the printed claims, and drawn cases.

Statements about whole maps are attacked beside them (`verify.map_run`): each without each of its assumptions, with all
of them in force, and with errors planted in the code that is read. Every task stands alone and is carried out in a
process of its own. What was finished is kept in a file beside the report, so that a long run that was interrupted goes
on where it stopped.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from derivation.claim import Claim
from derivation.claims import CLAIMS, LIBRARY
from derivation.mutants import MUTANTS
from verify import explain, failures, ledger, map_run, replay
from verify.drawn import Draws, FalseCase, caught_after, draws
from verify.errors import UsageError, unknown
from verify.kept import program, recall, remember
from verify.matrix import Cell, Need, cell
from verify.replay import Stored
from verify.report import worked
from verify.verdict import Verdict
from verify.workers import spread

PROFILES = {"ci": 25, "dev": 300, "long": 10_000}  # drawn cases a claim
MUTANT = "mutant"
SIDES = frozenset({"lhs", "rhs", "relation"})  # what drawn cases can tell from the truth
LIMIT = 120.0  # seconds for a cell or a printed claim; most take less than one
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """One piece of work: a cell of the matrix, a printed claim that is refuted, drawn cases of a proved one, or drawn
    cases that shall tell a proved claim from itself with an error planted by hand.

    Those of `verify.map_run` speak of a statement about whole maps in the place of a claim.
    """

    kind: str
    claim: str
    hypothesis: str = ""
    cases: int = 0
    seed: int = 0

    @property
    def name(self) -> str:
        """What progress shows."""
        if self.kind in (map_run.PLANTED, MUTANT):
            return f"{self.claim}/with-{self.hypothesis}"
        return f"{self.claim}/without-{self.hypothesis}" if self.hypothesis else f"{self.claim}/{self.kind}"


@dataclass(frozen=True)
class Found:
    """What came of one task: the need of a hypothesis and its counterexample, or the count of drawn cases.

    Of a planted error: after how many settings or cases it was first found, 0 if it was not; in the code of whole maps
    also where the smallest is, and the wrong number there. Of a counterexample: how it is worked out, in HTML.
    Of drawn maps: how many numbers of the numeric room's code are within their bounds of the truth, how many are open.
    """

    need: str = ""
    looked_at: int = 0
    stored: Stored | None = None
    draws: Draws | None = None
    first: int = 0
    says: tuple[str, ...] = ()
    numbers: tuple[int, ...] = ()
    worked: str = ""


@dataclass(frozen=True)
class Outcome:
    """A finished run, task by task in order."""

    profile: str
    seed: int
    found: dict[Task, Found] = field(default_factory=dict)

    def of(self, kind: str) -> dict[Task, Found]:
        """Return what came of the tasks of one kind."""
        return {task: found for task, found in self.found.items() if task.kind == kind}

    @property
    def stored(self) -> list[Stored]:
        """All counterexamples that were found."""
        return [found.stored for found in self.found.values() if found.stored is not None]

    @property
    def faults(self) -> list[str]:
        """What has to be mended: needless hypotheses, cells with no answer, refuted claims with no counterexample."""
        said = {
            Need.NEEDLESS: "is proved without it: the hypothesis is needless",
            Need.OPEN: "is open: nothing was found",
        }
        return [f"{task.name} {said[Need(f.need)]}" for task, f in self.found.items() if f.need in said]


def tasks(names: Sequence[str], profile: str, seed: int) -> list[Task]:
    """Return the work on the claims of `names`, or on all, what takes longest first.

    Raises:
        UsageError: a name or the profile is unknown.
    """
    for name in names:
        if name not in LIBRARY and name not in map_run.NAMES:
            raise unknown("claim", name, [*LIBRARY, *map_run.NAMES])
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    standing = {name: record["verdict"] for name, record in ledger.read_expected()["claims"].items()}
    claims = [claim for claim in CLAIMS if claim.name in (names or LIBRARY)]
    of_maps = [
        # A planted error has to be found by what the shortest profile draws.
        Task(kind, name, about, PROFILES["ci" if kind == map_run.PLANTED else profile], seed)
        for kind, name, about in map_run.work(names or map_run.NAMES)
    ]
    proved = [claim for claim in claims if standing.get(claim.name) == Verdict.PROVED]
    refuted = [claim for claim in claims if standing.get(claim.name) == Verdict.REFUTED]
    cells = [Task("cell", claim.name, h.name) for claim in proved for h in claim.given]
    drawn = [Task("drawn", claim.name, cases=PROFILES[profile], seed=seed) for claim in proved]
    names_of = {claim.name for claim in proved}
    mutants = [
        Task(MUTANT, mutant.claim, mutant.name, PROFILES["ci"], seed)
        for mutant in MUTANTS
        if mutant.claim in names_of and mutant.name in _mutants()
    ]
    return [*cells, *of_maps, *(Task("printed", claim.name) for claim in refuted), *drawn, *mutants]


def run(
    work: Sequence[Task],
    profile: str,
    seed: int,
    *,
    jobs: int = 0,
    kept: Path | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Carry out the tasks.

    Args:
        work: which, of `tasks`.
        profile: for the record.
        seed: for the record.
        jobs: how many processes; 0 works in this one.
        kept: a file that remembers what was finished, by this version of the claims and of the program alone. Another
            beside it, ending in .failures.jsonl, remembers by every version in which drawn cases a claim was false:
            they are tried first.
        progress: called with the name of every finished task.

    Raises:
        FalseCase: a proved claim is false in a drawn case.
    """
    if kept is not None:
        proved = {task.claim for task in work if task.kind == "drawn"}
        failures.try_again(_failures(kept), {name: LIBRARY[name] for name in proved})
    before = recall(kept, program()) if kept is not None else {}
    done = {task: _found(before[_key(task)]) for task in work if _key(task) in before}
    for task in done:
        progress(task.name)
    left = [task for task in work if task not in done]
    here = ((task, _carry_out(task)) for task in left)
    try:
        with closing(spread(_carry_out, left, jobs, limit=_limit, stopped=_stopped) if jobs else here) as finished:
            for task, found in finished:
                done[task] = found
                if kept is not None and found.need != Need.OPEN:  # what was stopped may be done the next time
                    remember(kept, _key(task), asdict(found))
                progress(task.name)
    except FalseCase as failure:
        if kept is not None:
            failures.remember(_failures(kept), failure)
        raise
    return Outcome(profile, seed, {task: done[task] for task in work})


def _failures(kept: Path) -> Path:
    return kept.with_suffix(".failures.jsonl")


def _limit(task: Task) -> float | None:
    return None if task.kind in ("drawn", map_run.HELD) else LIMIT


def _stopped(_: Task) -> Found:
    return Found(need=str(Need.OPEN))


def _carry_out(task: Task) -> Found:
    if task.kind in map_run.KINDS:
        return Found(**map_run.carry_out(task.kind, task.claim, task.hypothesis, task.cases, task.seed))
    claim = LIBRARY[task.claim]
    if task.kind == "drawn":
        return Found(draws=draws(claim, task.cases, task.seed))
    if task.kind == "printed":
        return _printed(claim)
    if task.kind == MUTANT:
        return Found(first=caught_after(claim, _mutants()[task.hypothesis], task.cases, task.seed))
    hypothesis = next(h for h in claim.given if h.name == task.hypothesis)
    found: Cell = cell(claim, hypothesis)
    if found.violation is None:
        return Found(str(found.need), found.looked_at)
    page = explain.without(claim, hypothesis, found.violation)
    return Found(str(found.need), found.looked_at, replay.of_cell(found), worked=worked.html(page))


def _printed(claim: Claim) -> Found:
    found = replay.of_refuted(claim)
    if found is None:
        return Found(str(Need.OPEN))
    stored, violation = found
    return Found(str(Need.FALSE), stored=stored, worked=worked.html(explain.as_printed(claim, violation)))


@cache
def _mutants() -> dict[str, Claim]:
    """Return the claims with an error planted by hand in their sides, by the error's name."""
    planted = {mutant.name: mutant.planted(LIBRARY) for mutant in MUTANTS}
    return {mutant.name: planted[mutant.name] for mutant in MUTANTS if not mutant.changes.keys().isdisjoint(SIDES)}


def _key(task: Task) -> str:
    return json.dumps(asdict(task))


def _found(record: dict[str, Any]) -> Found:
    stored, drawn = record["stored"], record["draws"]
    return Found(
        record["need"],
        record["looked_at"],
        Stored(**{**stored, "balls": tuple(stored["balls"])}) if stored else None,
        Draws(**drawn) if drawn else None,
        record["first"],
        tuple(record["says"]),
        tuple(record["numbers"]),
        record["worked"],
    )


def moved(outcome: Outcome, store: Path = replay.STORE) -> list[str]:
    """Say which counterexamples are otherwise than the stored ones, or are not stored."""
    return [
        f"{found.slug} is {'stored otherwise' if before else 'not stored'}" for found, before in _new(outcome, store)
    ]


def _new(outcome: Outcome, store: Path) -> Iterator[tuple[Stored, Stored | None]]:
    """Yield what was found and is not stored so, with what is stored under its name."""
    known = set(replay.slugs(store))
    for found in outcome.stored:
        before = replay.read(found.slug, store) if found.slug in known else None
        if before is None or _told(before) != _told(found):
            yield found, before


def _told(stored: Stored) -> dict[str, Any]:
    return {name: part for name, part in asdict(stored).items() if name != "versions"}


def record(outcome: Outcome, store: Path = replay.STORE) -> None:
    """Make what was found the stored counterexamples; a file whose content does not change stays as it is.

    Raises:
        UsageError: the run was of some claims alone, so that what is stored of others would be lost.
    """
    if set(outcome.found) != set(tasks((), outcome.profile, outcome.seed)):
        raise UsageError("--record needs a run of all claims: leave out --claim")
    for found, _ in [*_new(outcome, store)]:
        replay.write(found, store)
    for slug in set(replay.slugs(store)) - {found.slug for found in outcome.stored}:
        replay.path_of(slug, store).unlink()

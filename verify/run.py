"""The suite: calibrate the oracles, try every claim by every method, combine the evidence, compare with what is
expected.

The work is cut into tasks that need nothing of one another; they run here or in processes of their own, each on one
thread, so that the sums are added in the same order whatever the machine is doing. A proof has `LIMIT` seconds, some
thirty times what the longest takes: a simplification that hangs ends as UNDECIDED and holds nothing up.
"""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from derivation.claim import Claim
from derivation.claims import CLAIMS, LIBRARY
from verify import calibrate, ledger
from verify.catalogue.networks import NETWORKS
from verify.errors import unknown
from verify.memory import kept_memory
from verify.methods.enclosure import enclosure
from verify.methods.exact import exact
from verify.methods.symbolic import symbolic, unfinished
from verify.properties import PROPERTIES
from verify.threads import one_thread
from verify.verdict import Evidence, Verdict, combine, stands
from verify.workers import spread

METHODS = ("symbolic", "exact", "enclosure", "autograd", "property", "network")
SMALL = METHODS[1:4]
LIMIT = 5.0
KINDS = ("calibrate", "proof", "claim", "property", "network")  # as a reader wants their evidence
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Args:
        kind: one of `KINDS`; "claim" is the small cases of one.
        name: of the claim or the network.
        parts: the methods for small cases; the claims to judge a network by.
        seed: of what is drawn.
    """

    kind: str
    name: str
    parts: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Result:
    """What a task found: evidence by claim, and what belongs into the ledger beside it."""

    evidence: dict[str, list[Evidence]] = field(default_factory=dict)
    proof: ledger.Record | None = None
    network: ledger.Record | None = None
    checks: list[calibrate.Check] = field(default_factory=list)


@dataclass(frozen=True)
class Outcome:
    """A finished run: the ledger as a document, and the seconds that each claim took, which it leaves out."""

    document: ledger.Record
    seconds: dict[str, float]

    @property
    def moved(self) -> list[ledger.Record]:
        """What stands otherwise than expected."""
        return self.document["expected"]["moved"]


def chosen(names: Sequence[str], methods: Sequence[str]) -> tuple[tuple[Claim, ...], tuple[str, ...]]:
    """Return the claims and methods asked for, all of them where none is named.

    Raises:
        UsageError: a name is unknown; the message gives the nearest.
    """
    for name in names:
        if name not in LIBRARY:
            raise unknown("claim", name, LIBRARY)
    for method in methods:
        if method not in METHODS:
            raise unknown("method", method, METHODS)
    claims = tuple(claim for claim in CLAIMS if not names or claim.name in names)
    return claims, tuple(method for method in METHODS if not methods or method in methods)


def tasks(claims: Sequence[Claim], methods: Sequence[str], seed: int) -> list[Task]:
    """Cut a run into tasks, what takes longest first; what all others rest on comes before them."""
    names = [claim.name for claim in claims]
    small = tuple(method for method in SMALL if method in methods)
    work = [Task("calibrate", "oracles", (), seed)] if "autograd" in methods or "network" in methods else []
    work += [Task("network", network.name, tuple(names), seed) for network in NETWORKS if "network" in methods]
    work += [Task("property", p.claim, (), seed) for p in PROPERTIES if "property" in methods and p.claim in names]
    work += [Task("proof", name, (), seed) for name in names if "symbolic" in methods]
    return work + [Task("claim", name, small, seed) for name in names if small]


def suite(
    claims: Sequence[Claim],
    methods: Sequence[str],
    seed: int,
    *,
    expected: ledger.Record | None = None,
    jobs: int = 0,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Run the suite on some claims by some methods.

    Args:
        claims: which claims.
        methods: which methods, of `METHODS`.
        seed: for the sample of entries and for the property search.
        expected: the recorded standing to compare with (`ledger.read_expected`), if any.
        jobs: how many processes; 0 works in this one, where a proof that hangs cannot be stopped.
        progress: called with the name of every finished task, as often as there are `tasks`.

    Raises:
        Contradiction: a claim was proved and refuted.
        Disagreement: the oracles disagree, so that nothing was judged.
        UsageError: something that is needed is missing.
    """
    work = tasks(claims, methods, seed)
    results: dict[Task, Result] = {}
    with closing(_carried_out(work, jobs)) as finished:
        for task, result in finished:
            results[task] = result
            calibrate.demand(result.checks)
            progress(f"{task.kind} {task.name}")
    in_order = sorted(work, key=lambda task: KINDS.index(task.kind))
    document, seconds = _document(claims, [results[task] for task in in_order], seed)
    if expected is not None:
        document["expected"]["moved"] = _moved(document, expected, methods)
    return Outcome(document, seconds)


def _carried_out(work: Sequence[Task], jobs: int) -> Generator[tuple[Task, Result]]:
    """Yield every task with its result, in any order."""
    if jobs == 0:
        yield from ((task, _carry_out(task)) for task in work)
    else:
        yield from spread(_carry_out, work, jobs, limit=_limit, stopped=_stopped)


def _limit(task: Task) -> float | None:
    return LIMIT if task.kind == "proof" else None


def _stopped(task: Task) -> Result:
    piece, proof = unfinished(LIBRARY[task.name], LIMIT)
    return Result({task.name: [piece]}, proof=ledger.proof_record(proof))


def _carry_out(task: Task) -> Result:
    return {
        "calibrate": _calibrate,
        "proof": _prove,
        "claim": _small_cases,
        "property": _search,
        "network": _examine,
    }[task.kind](task)


def _timed(work: Callable[[], Evidence]) -> Evidence:
    start = time.perf_counter()
    piece = work()
    return replace(piece, seconds=time.perf_counter() - start)


def _calibrate(_: Task) -> Result:
    with one_thread():
        return Result(checks=calibrate.check_oracles())


def _prove(task: Task) -> Result:
    start = time.perf_counter()
    piece, proof = symbolic(LIBRARY[task.name], LIBRARY)
    timed = replace(piece, seconds=time.perf_counter() - start)
    return Result({task.name: [timed]}, proof=ledger.proof_record(proof))


def _small_cases(task: Task) -> Result:
    claim = LIBRARY[task.name]

    def differentiated() -> Evidence:
        from verify.methods.autograd import autograd

        with one_thread():
            return autograd(claim)

    ways = {
        "exact": lambda: exact(claim),
        "enclosure": lambda: enclosure(claim),
        "autograd": differentiated,
    }
    evidence = [_timed(ways[method]) for method in task.parts]
    return Result({claim.name: evidence})


def _search(task: Task) -> Result:
    from verify.methods.property import search

    start = time.perf_counter()
    prop = next(each for each in PROPERTIES if each.claim == task.name)
    first, *rest = search(LIBRARY[task.name], prop, task.seed)
    return Result({task.name: [replace(first, seconds=time.perf_counter() - start), *rest]})


def _examine(task: Task) -> Result:
    from verify.methods import network as real

    start = time.perf_counter()
    network = next(each for each in NETWORKS if each.name == task.name)
    with one_thread(), kept_memory():
        scene = real.look(network, task.seed)
        found = real.judge(scene, [LIBRARY[name] for name in task.parts if real.concerns(LIBRARY[name])])
        pieces = real.evidence_of(scene, found.claims)
        record, checks = real.record(scene, found), real.checks_of(scene, found)
    share = (time.perf_counter() - start) / max(1, len(pieces))
    return Result(
        {name: [replace(piece, seconds=share)] for name, piece in pieces.items()}, network=record, checks=checks
    )


def _document(claims: Sequence[Claim], results: Sequence[Result], seed: int) -> tuple[ledger.Record, dict[str, float]]:
    evidence: dict[str, list[Evidence]] = {claim.name: [] for claim in claims}
    proofs: dict[str, ledger.Record] = {}
    for result in results:
        for name, pieces in result.evidence.items():
            evidence[name] += pieces
            if result.proof is not None:
                proofs[name] = result.proof
    verdicts = {name: combine(name, pieces) for name, pieces in evidence.items()}
    # A claim that was not tried in this run is taken for not proved; its dependants are then reported as not standing.
    known = {name: verdicts.get(name, Verdict.UNDECIDED) for name in LIBRARY}
    uses = {name: claim.uses for name, claim in LIBRARY.items()}
    document = {
        "schema": ledger.SCHEMA,
        "notation": ledger.notation(),
        "claims": [
            ledger.claim_record(
                LIBRARY[name], proofs.get(name), evidence[name], verdicts[name], stands(name, known, uses)
            )
            for name in evidence
        ],
        "constraints": ledger.constraints(verdicts),
        "oracles": [ledger.check_record(check) for result in results for check in result.checks],
        "networks": [result.network for result in results if result.network is not None],
        "expected": {"moved": []},
        "environment": ledger.environment(seed),
    }
    return document, {name: sum(piece.seconds for piece in pieces) for name, pieces in evidence.items()}


def _moved(document: ledger.Record, expected: ledger.Record, methods: Sequence[str]) -> list[ledger.Record]:
    """Return what stands otherwise than recorded.

    A run of some methods or claims can be compared only in part: in what it can have shown.
    """
    found = ledger.expected_of(document)
    if set(methods) == set(METHODS) and len(found["claims"]) == len(LIBRARY):
        return ledger.moved(found, expected)
    comparable = [name for name, now in found["claims"].items() if _shows(now, expected["claims"].get(name), methods)]
    changes = ledger.moved(found, expected, [*comparable, *found["networks"]])
    return [change for change in changes if change["found"] is not None]


def _shows(now: ledger.Record, before: ledger.Record | None, methods: Sequence[str]) -> bool:
    """Whether a partial run can contradict the record: it proved or refuted, or should have proved and did not."""
    if before is not None and now["statement"] != before.get("statement"):
        return True
    if before is None or now["verdict"] in ("PROVED", "REFUTED"):
        return before is None or now["verdict"] != before["verdict"]
    return before["verdict"] == "PROVED" and "symbolic" in methods

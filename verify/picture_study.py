"""How wrong is the picture? The heatmap of the closed form beside the exact one, on many pictures of many networks.

Pictures are compared one by one, in processes of their own, and summed up for every network and form. What was finished
is kept in a file beside the report, so that a run that was interrupted goes on where it stopped.
"""

import functools
import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from verify import picture
from verify.catalogue.viewed import EXPERIMENTS, FORMS, Experiment, Form, experiment
from verify.errors import Fault, UsageError, unknown
from verify.intervals import Estimate, bootstrapped_median, wilson
from verify.kept import program, recall, remember
from verify.picture_compare import Compared, compare, differentiated, explanations
from verify.threads import one_thread
from verify.workers import spread

RECORD = Path(__file__).parent / "picture.json"
SCHEMA = "gradcampp-picture/1"
PROFILES = {"ci": (10, 1), "dev": (100, 6), "long": (449, 10)}  # digits; views of every photograph
ENOUGH = 100  # digits: fewer are not recorded
SAME, DIFFERS, OPEN = "same", "differs", "open"
# One step of an 8-bit picture: two maps that differ by less look the same.
VISIBLE = 1 / 256
DECIMALS = 3
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Task:
    """One picture of one experiment; `watched` asks for a bound on the rounding errors."""

    experiment: str
    number: int
    watched: bool = True

    @property
    def name(self) -> str:
        """What progress shows."""
        return f"{self.experiment}/{self.number}"


Found = dict[str, Compared | None]  # form by form; None where a map is not finite: it meets a pole exactly


@dataclass(frozen=True)
class Row:
    """One experiment under one form, summed up over its pictures.

    Args:
        experiment, form: which.
        images: how many pictures; `groups` of them are independent, which the intervals respect.
        groups: as above.
        without: how many had no finite map; the others are summed up.
        rank, overlap, difference: medians, with the percentile bootstrap's intervals.
        rank_worst, difference_worst: over all pictures.
        moved: share of the pictures whose maximum moved, with Wilson's interval.
        empty: (closed, exact) in how many pictures the map is zero everywhere.
        poles: (closed, exact) in how many pictures an alpha that counts is negative or infinite.
        beyond: (closed, exact) share of the entries that count where it is so, all pictures together.
        turned: share of them where the two alphas have different signs.
        verdict: "same", no difference is beyond rounding; "differs"; "open", the bounds settle nothing.
        certified: whether a bound says so; "differs" needs it on one picture, "same" has it on all.
    """

    experiment: str
    form: str
    images: int
    groups: int
    without: int
    rank: Estimate
    rank_worst: float
    overlap: Estimate
    difference: Estimate
    difference_worst: float
    moved: Estimate
    empty: tuple[int, int]
    poles: tuple[int, int]
    beyond: tuple[float, float]
    turned: float
    verdict: str
    certified: bool


@dataclass(frozen=True)
class Outcome:
    """A finished run, picture by picture in order."""

    profile: str
    seed: int
    found: dict[Task, Found] = field(default_factory=dict)

    @functools.cached_property
    def rows(self) -> list[Row]:
        """Every experiment under every form."""
        names = dict.fromkeys(task.experiment for task in self.found)
        return [self._row(experiment(name), form) for name in names for form in FORMS]

    def of(self, name: str, form: str) -> dict[int, Compared]:
        """Return what was found on the pictures of an experiment under a form, where there are two maps."""
        mine = {task.number: found[form] for task, found in self.found.items() if task.experiment == name}
        return {number: compared for number, compared in mine.items() if compared is not None}

    def _row(self, tried: Experiment, form: Form) -> Row:
        images = sum(task.experiment == tried.name for task in self.found)
        compared = self.of(tried.name, form.name)
        if not compared:
            raise Fault(f"{tried.name}, {form.says}: no picture has two finite maps")
        groups: dict[int, list[Compared]] = {}
        for number, each in compared.items():
            groups.setdefault(tried.group(number), []).append(each)
        whole = list(compared.values())
        entries = sum(each.entries for each in whole) or 1

        def median(of: Callable[[Compared], float]) -> Estimate:
            return bootstrapped_median([[of(each) for each in group] for group in groups.values()], self.seed)

        return Row(
            experiment=tried.name,
            form=form.name,
            images=images,
            groups=len(groups),
            without=images - len(compared),
            rank=median(lambda each: each.rank),
            rank_worst=min(each.rank for each in whole),
            overlap=median(lambda each: each.overlap),
            difference=median(lambda each: each.difference),
            difference_worst=max(each.difference for each in whole),
            moved=wilson(sum(each.moved for each in whole) / len(whole), len(groups)),
            empty=_both(sum(each.empty[k] for each in whole) for k in (0, 1)),
            poles=_both(sum(each.beyond[k] > 0 for each in whole) for k in (0, 1)),
            beyond=_both(sum(each.beyond[k] for each in whole) / entries for k in (0, 1)),
            turned=sum(each.turned for each in whole) / entries,
            verdict=(said := verdict(whole)),
            certified=said == SAME or any(each.bound is not None and each.difference > each.bound for each in whole),
        )

    @property
    def faults(self) -> list[str]:
        """What contradicts the theory: a piecewise-linear tail under a closed form that fits, and yet another map."""
        fits = {form.name for form in FORMS if form.fits}
        return [
            f"{row.experiment}, {row.form}: the tail is piecewise linear and the maps are not the same ({row.verdict})"
            for row in self.rows
            if row.form in fits and experiment(row.experiment).piecewise_linear and row.verdict != SAME
        ]


def _both(numbers: Iterable[Any]) -> tuple[Any, Any]:
    one, other = numbers
    return one, other


def verdict(found: Sequence[Compared]) -> str:
    """Say whether maps are the same up to rounding; where that has no bound, whether the eye could tell them apart."""
    if any(each.difference > (VISIBLE if each.bound is None else each.bound) for each in found):
        return DIFFERS
    return SAME if all(each.bound is not None and each.bound < VISIBLE for each in found) else OPEN


def tasks(profile: str, names: Sequence[str] = ()) -> list[Task]:
    """Return the pictures of all experiments, or of those of `names`.

    Rounding is watched on all pictures of piecewise-linear tails and on the first of each curved one, but not in ci.

    Raises:
        UsageError: the profile or a name is unknown.
    """
    if profile not in PROFILES:
        raise unknown("profile", profile, PROFILES)
    chosen = [experiment(name) for name in names] or EXPERIMENTS
    return [
        Task(each.name, number, each.piecewise_linear or (number == 0 and profile != "ci"))
        for each in chosen
        for number in each.numbers(*PROFILES[profile])
    ]


def run(
    work: Sequence[Task],
    profile: str,
    seed: int,
    *,
    jobs: int = 0,
    kept: Path | None = None,
    progress: Progress = lambda _: None,
) -> Outcome:
    """Compare the maps of all pictures.

    Args:
        work: which, of `tasks`.
        profile: for the record.
        seed: of the bootstrap; the pictures are chosen by rule and the networks trained from seed 0.
        jobs: how many processes; 0 works in this one.
        kept: a file that remembers what was finished, by this version of the program alone.
        progress: called with the name of every finished task.

    Raises:
        MissingPackage: networks or pictures are not installed.
    """
    before = recall(kept, program()) if kept is not None else {}
    done = {task: _found(before[_key(task)]) for task in work if _key(task) in before}
    for task in done:
        progress(task.name)
    left = [task for task in work if task not in done]
    here = ((task, _carry_out(task)) for task in left)
    # A picture takes as long as it takes: none is ever stopped.
    spreading = spread(_carry_out, left, jobs, limit=lambda _: None, stopped=_carry_out) if jobs else here
    with closing(spreading) as finished:
        for task, found in finished:
            done[task] = found
            if kept is not None:
                remember(kept, _key(task), {form: each and asdict(each) for form, each in found.items()})
            progress(task.name)
    return Outcome(profile, seed, {task: done[task] for task in work})


def _key(task: Task) -> str:
    return json.dumps(asdict(task))


def _found(record: dict[str, Any]) -> Found:
    def compared(each: dict[str, Any]) -> Compared:
        return Compared(**{**each, "empty": tuple(each["empty"]), "beyond": tuple(each["beyond"])})

    return {form: compared(each) if each else None for form, each in record.items()}


def _carry_out(task: Task) -> Found:
    from verify.rounding import RunningError

    mode = RunningError() if task.watched else None
    with one_thread():
        derived = differentiated(experiment(task.experiment), task.number, mode)
        return {form.name: compare(*derived, form, mode) for form in FORMS}


@dataclass(frozen=True, eq=False)
class Worst:
    """The picture of an experiment on which the two maps are furthest apart, and what is seen there.

    Args:
        experiment, form, number: which.
        compared: how far they are apart.
        seen: the picture as the network sees it, (channels, height, width).
        closed, exact: the two maps, in [0, 1], (H, W).
    """

    experiment: str
    form: str
    number: int
    compared: Compared
    seen: np.ndarray
    closed: np.ndarray
    exact: np.ndarray


def worst(outcome: Outcome, name: str, form: Form) -> Worst:
    """Return the picture with the lowest rank correlation, of these the one with the largest difference, the first."""
    compared = outcome.of(name, form.name)
    number = min(compared, key=lambda each: (compared[each].rank, -compared[each].difference, each))
    tried = experiment(name)
    with one_thread():
        both = explanations(*differentiated(tried, number), form)
        closed, exact = (picture.normalised(each.map.numpy()) for each in both)
        seen = tried.picture(number)[0].numpy()
    return Worst(name, form.name, number, compared[number], seen, closed, exact)


def recorded(path: Path = RECORD) -> dict[str, Any]:
    """Return the figures that README.md quotes."""
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def document(outcome: Outcome) -> dict[str, Any]:
    """Return what is recorded: every row, rounded, so that what rounding leaves of a difference is 0."""

    def rounded(value: Any) -> Any:
        if isinstance(value, float):
            return round(value, DECIMALS) + 0.0  # no minus zero
        if isinstance(value, (list, tuple)):
            return [rounded(each) for each in value]
        return {key: rounded(each) for key, each in value.items()} if isinstance(value, dict) else value

    return {
        "schema": SCHEMA,
        "profile": outcome.profile,
        "seed": outcome.seed,
        "rows": [rounded(asdict(row)) for row in outcome.rows],
    }


def moved(outcome: Outcome, path: Path = RECORD) -> list[str]:
    """Say which verdicts are otherwise than recorded; the figures themselves depend on the processor that trains."""
    before = {(row["experiment"], row["form"]): row["verdict"] for row in recorded(path)["rows"]}
    return [
        f"{row.experiment}, {row.form}: the maps were recorded as {was}, now they are {row.verdict}"
        for row in outcome.rows
        if (was := before.get((row.experiment, row.form), "never compared")) != row.verdict
    ]


def is_enough(outcome: Outcome) -> bool:
    """Say whether a run is one of all experiments, each on enough pictures, whose figures may be quoted."""
    return PROFILES[outcome.profile][0] >= ENOUGH and set(outcome.found) == set(tasks(outcome.profile))


def record(outcome: Outcome, path: Path = RECORD) -> None:
    """Make the figures of a run the recorded ones.

    Raises:
        UsageError: it was a run of some experiments alone, or of few pictures.
    """
    from verify.report.files import write_whole

    if not is_enough(outcome):
        raise UsageError("the figures of the picture are recorded from all experiments: use --profile dev or long")
    write_whole(path, (json.dumps(document(outcome), indent=1) + "\n").encode())

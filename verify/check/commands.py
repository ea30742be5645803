"""What `gradcampp check` and `gradcampp heatmap` do, apart from their options."""

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from verify.check import heatmaps, models, views
from verify.check.compare import KEPT
from verify.check.document import document
from verify.check.judge import Progress, check_model
from verify.check.places import FIRST
from verify.errors import UsageError
from verify.report import check as shown
from verify.report import files, links

LONGEST = 200  # bytes: file systems take 255, and unfinished files have longer names


def check(
    model: str,
    layer: str,
    image: str,
    *,
    target: int | None,
    head: str,
    places: str,
    state: Path | None,
    size: int | None,
    seed: int | None,
    report: Path,
    console: Console,
    quiet: bool,
) -> tuple[str, Path]:
    """Check one network and write its page; after an interruption derivatives go on where they stopped.

    Args:
        model: as on the command line, like the next two.
        layer: if it is empty, the model's own default.
        image: the picture.
        target: the class.
        head: the outer function.
        places: how the layer's activations are arranged.
        state: a file with a state dict.
        size: of the picture.
        seed: of random weights and of the sample.
        report: directory of the page.
        console: for progress.
        quiet: whether there is none.

    Returns:
        The document as JSON, and where the page is.

    Raises:
        UsageError: something is not there, or not what it should be.
    """
    files.demand_writable(report)
    start = time.perf_counter()
    named = _asked(target, head, places, state, seed)
    seed = models.SEED if seed is None else seed
    kept = report / f".{joined('check', model, layer, Path(image).stem, *named)}"
    with progress(console, quiet) as tell, redirect_stdout(sys.stderr):  # what a model prints is no data
        tell("loading", 0, 1)
        subject = models.load(model, state, seed)
        view = views.view(image, subject, size)
        found = check_model(
            subject.model,
            _layer(subject, layer),
            view.seen,
            target=target,
            head=head,
            places=places,
            seed=seed,
            kept=kept,
            progress=tell,
        )
    told = document(found, subject, view, time.perf_counter() - start)
    path = report / f"{joined('check', model, found.layer, view.name, *named)}.html"
    links.place(report, {path.name: shown.render(told, view.pixels)})
    for each in KEPT:
        kept.with_name(f"{kept.name}.{each}").unlink(missing_ok=True)
    return json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n", path


def heatmap(
    model: str,
    layer: str,
    images: list[str],
    *,
    target: int | None,
    weights: str | None,
    variant: str | None,
    head: str,
    places: str,
    state: Path | None,
    size: int | None,
    seed: int | None,
    out: Path,
    console: Console,
    quiet: bool,
) -> None:
    """Write the overlay and the array of every picture; what is finished is not made again.

    Args:
        model: as on the command line, like the next two.
        layer: if it is empty, the model's own default.
        images: the pictures.
        target: the class; by default the one with the highest score, picture by picture.
        weights: "closed" or "exact", which is the default.
        variant: of Grad-CAM++, instead.
        head: the outer function.
        places: how the layer's activations are arranged.
        state: a state dict.
        size: of the pictures.
        seed: of random weights.
        out: directory of what is written.
        console: for progress and messages.
        quiet: whether there is no progress.

    Raises:
        UsageError: something is not there, or not what it should be.
    """
    files.demand_writable(out)
    slugs = [slug(Path(image).stem) for image in images]
    twice = sorted({name for name in slugs if slugs.count(name) > 1})
    if twice:
        raise UsageError(f"several pictures are called {', '.join(twice)}, and so would be their heatmaps: rename them")
    with progress(console, quiet) as tell, redirect_stdout(sys.stderr):
        tell("loading", 0, len(images))
        subject = models.load(model, state, models.SEED if seed is None else seed)
        if variant is None:
            weights = weights or "exact"
        recipe = heatmaps.Recipe(subject, _layer(subject, layer), target, weights, variant, head, places)
        seen = [views.view(image, subject, size) for image in images]  # a wrong one is told before any work
        for done, view in enumerate(seen):
            tell(view.name, done, len(seen))
            named = _asked(target, head, places, state, seed)
            stem = out / joined(view.name, model, recipe.layer, str(variant or weights), *named)
            made = recipe.write(view, stem)
            told = f"{stem}.png" if made else f"{stem}.png is finished already: not made again"
            console.print(told, highlight=False, markup=False, soft_wrap=True)


def _layer(subject: models.Subject, layer: str) -> str:
    if not (layer or subject.layer):
        names = [name for name, _ in subject.model.named_modules() if name]
        last = f", say {names[-1]}" if names else ""
        raise UsageError(f"name the layer of {subject.name} with --layer (it has {len(names)}{last})")
    return layer or subject.layer


def _asked(target: int | None, head: str, places: str, state: Path | None, seed: int | None) -> tuple[str, ...]:
    """Return what sets results apart that are about one layer and picture, without what is usual."""
    chosen = [] if target is None else [f"class-{target}"]
    chosen += [each for each in (head, places) if each not in ("exp", FIRST)]
    chosen += [] if state is None else [state.stem]
    return (*chosen, *([] if seed is None else [f"seed-{seed}"]))


def joined(*names: str) -> str:
    """Return names as the stem of a file may have them, of `LONGEST` bytes at most: a longer one ends in its hash."""
    stem = slug("-".join(names))
    whole = stem.encode()
    if len(whole) <= LONGEST:
        return stem
    return f"{whole[: LONGEST - 13].decode(errors='ignore')}-{hashlib.sha256(whole).hexdigest()[:12]}"


def slug(name: str) -> str:
    """Return a name as a file may have it."""
    return re.sub(r"[^\w.]+", "-", name).strip("-.") or "-"


@contextmanager
def progress(console: Console, quiet: bool) -> Iterator[Progress]:
    """Show on a terminal what is being done and how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, disable=quiet or not console.is_terminal, transient=True) as bar:
        task = bar.add_task("loading", total=1)
        yield lambda what, done, whole: bar.update(task, description=what, completed=done, total=whole)

"""What all commands share: where messages go, exit statuses, a progress bar, and how an interruption is told."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from json import dumps
from typing import Any, NoReturn

from rich.console import Console, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

messages = Console(stderr=True)
PAGE = 110  # columns; a wider line is hard to read
CHANGED, USAGE, FAULT, INTERRUPTED = 1, 2, 3, 130
GOES_ON = "interrupted: run the same command again, and it goes on where it stopped."
NOTHING = "interrupted; nothing was written. Run the same command again: trained networks are kept."


def say(message: str, style: str | None = None) -> None:
    """Print a message on stderr, as it is, in one line."""
    messages.print(message, style=style, highlight=False, markup=False, soft_wrap=True)


def show(*parts: RenderableType) -> None:
    """Print tables or text on stdout."""
    Console().print(*parts)


def sentence(words: str) -> None:
    """Print words on stdout in one line, however long."""
    Console().print(words, highlight=False, markup=False, soft_wrap=True)


def columns() -> int:
    """Return how wide a page may be on this terminal so that it can be read."""
    return min(Console().width, PAGE)


def as_json(document: Any, *, infinite: bool = False) -> None:
    """Print a document on stdout as JSON.

    Args:
        document: what to print.
        infinite: whether it may hold infinity, for which JSON has no word and Python's reader has.
    """
    sys.stdout.write(dumps(document, indent=1, ensure_ascii=False, allow_nan=infinite) + "\n")


def leave(message: str, status: int) -> NoReturn:
    """End the command with one line on stderr.

    Raises:
        SystemExit: always.
    """
    say(f"gradcampp: {message}", style="bold")
    sys.exit(status)


@contextmanager
def interruptible(message: str = GOES_ON) -> Iterator[None]:
    """Let Ctrl-C end a command with one line that says how to go on."""
    try:
        yield
    except KeyboardInterrupt:
        leave(message, INTERRUPTED)


@contextmanager
def bar(total: int, *, hidden: bool) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on stderr while something works."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=messages, disable=hidden or not messages.is_terminal, transient=True) as shown:
        task = shown.add_task("calibrating", total=total)
        yield lambda finished: shown.update(task, advance=1, description=finished)

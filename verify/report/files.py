"""Files appear whole or not at all: a reader never meets half a report, whatever interrupts the writing."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from verify.errors import UsageError


def write_whole(path: Path | str, data: bytes) -> None:
    """Write `data` to `path`, replacing what was there in one stroke; folders on the way are made.

    The bytes go to a new file beside `path`, which then takes its name: `path` holds the old bytes or all the new ones.

    Raises:
        UsageError: the folder or the file cannot be written; nothing is left behind, and an older file stays as it was.
    """
    path = Path(path)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _gone_on_failure(beside):
            with open(beside, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())  # else a power cut may keep the new name and lose the bytes
            os.replace(beside, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error


def demand_writable(folder: Path) -> None:
    """Make the folder and try whether a file can be made in it, before long work whose result would have no place.

    Raises:
        UsageError: it cannot.
    """
    trial = folder / f".{secrets.token_hex(6)}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise UsageError(f"cannot write to the directory {folder}: {error.strerror or error}") from error


@contextlib.contextmanager
def _gone_on_failure(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:  # Ctrl-C too must not leave a fragment; it goes on its way afterwards
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        raise

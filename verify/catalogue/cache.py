"""What takes long to make and is made once: bytes kept in the user's cache directory, checked whenever they are read.

A kept file is one line, the sha256 of the rest, and then the rest.  It is written beside its place and moved there in
one step, so that neither a crash nor a second process can leave half a file under the final name.
"""

import hashlib
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path


class CacheWarning(UserWarning):
    """A kept file was damaged, or the cache cannot be used; the result is right all the same, it only took longer."""


def cache_directory() -> Path:
    """Return where made things are kept.

    That is `$GRADCAMPP_CACHE`, else `$XDG_CACHE_HOME/gradcampp`, else `~/.cache/gradcampp`.  A variable that is set but
    empty counts as not set.  A relative `XDG_CACHE_HOME` is ignored, as its specification asks.
    """
    if own := os.environ.get("GRADCAMPP_CACHE"):
        return Path(own).expanduser()
    shared = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (shared if shared.is_absolute() else Path.home() / ".cache") / "gradcampp"


def cache_file(name: str, key: Mapping[str, object]) -> Path:
    """Return the place of what is called `name` and was made under `key`; another key is another place."""
    conditions = "\n".join(f"{condition}={key[condition]!r}" for condition in sorted(key))
    digest = hashlib.sha256(conditions.encode()).hexdigest()[:16]
    return cache_directory() / f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)}-{digest}"


def cached(name: str, key: Mapping[str, object], make: Callable[[], bytes]) -> bytes:
    """Return the kept bytes called `name` made under `key`, or make and keep them.

    A damaged file is made anew with a `CacheWarning`; a directory that cannot be written to, or none at all, costs only
    the keeping, with a warning.

    Args:
        name: a readable beginning for the file name.
        key: everything the bytes depend on, by name; compared by `repr`.
        make: makes the bytes; called at most once.
    """
    try:
        path = cache_file(name, key)
    except RuntimeError as error:  # this is how pathlib says that the user has no home directory
        warnings.warn(f"{name} is not kept ({error}); set GRADCAMPP_CACHE to a directory", CacheWarning, stacklevel=2)
        return make()
    kept = _read(path)
    if kept is not None:
        return kept
    made = make()
    try:
        _write(path, made)
    except OSError as error:
        warnings.warn(
            f"{path} cannot be kept ({error}); set GRADCAMPP_CACHE to a directory that can be written to",
            CacheWarning,
            stacklevel=2,
        )
    return made


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        warnings.warn(f"{path} cannot be read ({error}); it is made anew", CacheWarning, stacklevel=3)
        return None
    promised, _, body = content.partition(b"\n")
    found = hashlib.sha256(body).hexdigest().encode()
    if promised == found:
        return body
    warnings.warn(
        f"{path} is damaged: its content has sha256 {found.decode()}, its first line says "
        f"{promised[:64].decode('ascii', 'replace')!r}; it is made anew",
        CacheWarning,
        stacklevel=3,
    )
    return None


def _write(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise

"""What a long run has finished, kept in a file beside the report, so that it goes on where it was interrupted.

The first line names the program that wrote the file; what another program wrote is not believed. Every other line is
one finished task and what came of it, in JSON; a line that was torn by the interruption, even inside a letter, is
skipped.
"""

import hashlib
import json
from importlib import metadata
from pathlib import Path
from typing import Any

from verify.errors import UsageError

ROOMS = ("derivation", "cam", "verify")
# What else a number depends on.
PACKAGES = ("torch", "sympy", "numpy", "python-flint", "hypothesis")


def program() -> str:
    """Return letters that change when the program, a claim or what computes for them does."""
    root = Path(__file__).parent.parent
    files = sorted(path for room in ROOMS for path in (root / room).rglob("*.py"))
    parts = [*(path.read_bytes() for path in files), *(metadata.version(name).encode() for name in PACKAGES)]
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def recall(kept: Path, writer: str) -> dict[str, Any]:
    """Return what a file remembers, task by task; if there is none or another program wrote it, begin one.

    Raises:
        UsageError: it cannot be read or written.
    """
    try:
        first, *lines = (kept.read_text("utf-8", "replace").splitlines() if kept.exists() else []) or [""]
        if first != writer:
            kept.write_text(writer + "\n", "utf-8")
            return {}
    except OSError as error:
        raise UsageError(f"cannot keep what is finished in {kept}: {error.strerror or error}") from error
    found = {}
    for text in lines:
        try:
            record = json.loads(text)
            found[record["task"]] = record["found"]
        except (ValueError, KeyError, TypeError):
            continue
    return found


def remember(kept: Path, task: str, found: Any) -> None:
    """Add a finished task and what came of it to a file that `recall` has begun."""
    with open(kept, "a", encoding="utf-8") as file:
        # On a line of its own, whatever was torn before it.
        file.write("\n" + json.dumps({"task": task, "found": found}, ensure_ascii=False) + "\n")

"""What can go wrong outside mathematics: the errors a user can put right.

A verdict about a claim is never an error.  These are raised when the toolkit could not even look: a name that
does not exist, a package that is not installed, a file that is not the file it should be.
"""

import difflib
from collections.abc import Iterable

# As many names fit into one line.
FEW = 12


class UsageError(Exception):
    """A request that cannot be served; the message is one clear line that says what to do.

    The command line prints the message without a traceback and leaves with exit status 2.
    """


class Fault(Exception):
    """The toolkit contradicts itself; nothing it says can be trusted until it is known why. Exit status 3."""


class MissingPackage(UsageError):
    """An optional package is needed and not installed; the message gives the pip command."""


class CorruptFile(UsageError):
    """A file's bytes are not those it was published with; the message gives both hashes."""


def missing(package: str, extra: str, purpose: str) -> MissingPackage:
    """Build the error for an optional `package` that belongs to the extra named `extra`.

    `purpose` completes "... is needed for ...".
    """
    return MissingPackage(
        f"the package {package!r} is needed for {purpose} and is not installed: pip install 'gradcampp[{extra}]'"
    )


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """Build the error for a `name` that is not among the `known` ones of its `kind`, with the nearest spelling.

    The known ones are listed if they are few; of many where none is near, those that contain the name, if they are few.
    """
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UsageError(f"no {kind} is called {name!r}{hint}{_listed(name, names, bool(near))}")


def _listed(name: str, names: list[str], hinted: bool) -> str:
    if len(names) <= FEW:
        return f" (known: {', '.join(names)})"
    alike = [each for each in names if name and name in each]
    if hinted:
        return ""
    return f" (like it: {', '.join(alike)})" if 0 < len(alike) <= FEW else f" (there are {len(names)})"


def brief(error: BaseException, most: int = 300) -> str:
    """Return what an exception says, on one line that is not too long."""
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return said if len(said) <= most else said[: most - 3] + "..."

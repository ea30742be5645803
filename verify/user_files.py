"""Functions in a user's own Python files: the factory of a network, a map that is asked like a library."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from verify.errors import UsageError, brief, unknown


def function_of(path: Path, name: str) -> Callable[..., Any]:
    """Return the function called `name` of a file, which is run as a module of its own.

    What lies beside the file can be imported from it.

    Raises:
        UsageError: there is no such file or function, or the file fails.
    """
    spec = importlib.util.spec_from_file_location(f"gradcampp_file_{path.stem}", path)
    if not path.is_file() or spec is None or spec.loader is None:
        raise UsageError(f"there is no file {path}: give FILE.py:FUNCTION of one that exists")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickles look for it
    sys.path.insert(0, str(path.resolve().parent))
    try:
        with told(f"{path} cannot be imported"):
            spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    function = getattr(module, name, None)
    if not callable(function):
        names = [key for key, value in vars(module).items() if callable(value) and not key.startswith("_")]
        raise unknown(f"function of {path}", name, names)
    return function


@contextmanager
def told(what: str) -> Iterator[None]:
    """Turn whatever a user's code raises, an exit too, into one line that begins with `what`; prints go to stderr.

    Raises:
        UsageError: the code failed.
    """
    try:
        with redirect_stdout(sys.stderr):  # stdout is for data
            yield
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"{what}: {brief(error)}") from error

"""The rooms: `derivation` and `cam` know neither each other nor `verify`, and each does without the other's library."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cam
import derivation

FORBIDDEN = {
    derivation: {"torch", "cam", "verify", "numpy", "flint"},
    cam: {"sympy", "derivation", "verify", "flint"},
}
FILES = {
    f"{room.__name__}/{path.relative_to(Path(room.__file__).parent)}": (room, path)
    for room in FORBIDDEN
    for path in sorted(Path(room.__file__).parent.rglob("*.py"))
}


def imported(source):
    """Return the top-level names that a source file imports anywhere, by statement or by a call with a literal name."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
            names |= {arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)}
    return {name.partition(".")[0] for name in names}


def without(blocked, program):
    """Run a program in a fresh interpreter in which nothing in `blocked` can be imported."""
    hook = f"""
import sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(blocked)!r}:
            raise ImportError(f"{{name}} is behind the wall")

sys.meta_path.insert(0, Wall())
"""
    return subprocess.run([sys.executable, "-c", hook + program], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", FILES)
def test_no_file_imports_what_its_room_does_not_know(name):
    room, path = FILES[name]
    assert not imported(path.read_text(encoding="utf-8")) & FORBIDDEN[room]


@pytest.mark.parametrize(
    "source",
    [
        "import torch",
        "import numpy, torch.nn as nn",
        "from torch.nn import functional",
        "def late():\n    import torch",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor",
        "import importlib\nimportlib.import_module('torch.func')",
        "__import__('torch')",
    ],
)
def test_an_import_is_found_wherever_it_stands(source):
    assert "torch" in imported(source)


def test_a_word_or_a_relative_import_is_no_import():
    assert imported("'import torch'\nfrom . import torch\ntorch = None") == set()


def test_claims_of_every_kind_are_decided_where_torch_and_the_other_rooms_cannot_be_imported():
    program = """
import pkgutil
import derivation

for module in pkgutil.walk_packages(derivation.__path__, "derivation."):
    __import__(module.name)

from derivation.claims import CLAIMS, LIBRARY
from derivation.proof import prove

tried = CLAIMS[::6]
proved = [claim.name for claim in tried if prove(claim, LIBRARY).holds]
assert 10 < len(proved) < len(tried)
print(len(proved), "of", len(tried))
"""
    run = without(FORBIDDEN[derivation], program)
    assert run.returncode == 0, run.stderr
    assert " of " in run.stdout


def test_the_wall_holds():
    run = without({"torch"}, "import torch")
    assert run.returncode == 1 and "torch is behind the wall" in run.stderr

"""What the tests of the command line share."""

import sys
from dataclasses import dataclass

import pytest

from verify import cli


@dataclass(frozen=True)
class Said:
    """What a command said, as `subprocess.run` tells it."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def gradcampp(monkeypatch, capsys):
    """Run the command line in this process: a process of its own takes seconds to import what it needs."""

    def run(*arguments, **environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["gradcampp", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as status:
            cli.main()
        said = capsys.readouterr()
        return Said(status.value.code or 0, said.out, said.err)

    return run

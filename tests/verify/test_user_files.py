from dataclasses import is_dataclass

import pytest

from verify.errors import UsageError
from verify.user_files import function_of


def test_a_function_comes_with_what_lies_beside_its_file(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "beside_this.py").write_text("number = 7\n")
    path = folder / "mine.py"
    path.write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n"
        "from beside_this import number\n"
        "@dataclass\n"
        "class Kept: of: int\n"
        "def make(): return Kept(number)\n"
    )
    made = function_of(path, "make")()
    assert is_dataclass(made)
    assert made.of == 7


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "there is no file"),
        ("1 / 0", "cannot be imported: ZeroDivisionError: division by zero"),
        ("raise SystemExit(0)", "cannot be imported: SystemExit: 0"),
        ("def (", "cannot be imported: SyntaxError"),
        ("mine = 3", "no function of .* is called 'mine'"),
    ],
)
def test_what_cannot_be_had_is_one_line(tmp_path, text, says):
    path = tmp_path / "mine.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UsageError, match=says) as error:
        function_of(path, "mine")
    assert "\n" not in str(error.value)


def test_what_a_file_prints_is_no_data(tmp_path, capsys):
    path = tmp_path / "mine.py"
    path.write_text("print('loaded')\ndef mine(): return 1\n")
    assert function_of(path, "mine")() == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "loaded\n")

"""What a long run has finished: it reads back, torn lines are skipped, another program's file is not believed."""

import pytest

from verify import kept
from verify.errors import UsageError
from verify.kept import program, recall, remember


def test_what_is_remembered_is_recalled_by_the_same_program_alone(tmp_path):
    file = tmp_path / "kept"
    assert recall(file, "one") == {} and file.read_text() == "one\n"
    remember(file, "a task", {"number": 0.1, "words": "ρ"})
    remember(file, "another", None)
    assert recall(file, "one") == {"a task": {"number": 0.1, "words": "ρ"}, "another": None}
    assert recall(file, "two") == {} and file.read_text() == "two\n"


def test_a_torn_line_costs_itself_alone(tmp_path):
    file = tmp_path / "kept"
    recall(file, "one")
    remember(file, "before", 1)
    with open(file, "a") as torn:
        torn.write('{"task": "torn", "fo')
    remember(file, "after", 2)
    assert recall(file, "one") == {"before": 1, "after": 2}


def test_a_line_torn_inside_a_letter_costs_itself_alone(tmp_path):
    file = tmp_path / "kept"
    recall(file, "one")
    remember(file, "before", 1)
    with open(file, "ab") as torn:
        torn.write('{"task": "ρ'.encode()[:-1])
    remember(file, "after", 2)
    assert recall(file, "one") == {"before": 1, "after": 2}


def test_what_cannot_be_kept_is_one_clear_line(tmp_path):
    with pytest.raises(UsageError, match=r"cannot keep what is finished in .*: Is a directory"):
        recall(tmp_path, "one")


@pytest.mark.parametrize("package", ["torch", "python-flint", "hypothesis"])
def test_a_program_is_another_when_a_package_that_computes_is(monkeypatch, package):
    before = program()
    assert program() == before
    right = kept.metadata.version
    monkeypatch.setattr(kept.metadata, "version", lambda name: right(name) + (".1" if name == package else ""))
    assert program() != before


def test_a_program_is_another_when_a_file_of_any_room_is(monkeypatch):
    found = set()
    for rooms in (kept.ROOMS, *((room,) for room in kept.ROOMS)):
        monkeypatch.setattr(kept, "ROOMS", rooms)
        found.add(program())
    assert len(found) == 4

import os

import pytest

from verify.errors import UsageError
from verify.report.files import demand_writable, write_whole


def test_the_bytes_arrive_and_nothing_else_does(tmp_path):
    write_whole(tmp_path / "new" / "report.html", b"\x00whole")
    assert (tmp_path / "new" / "report.html").read_bytes() == b"\x00whole"
    assert os.listdir(tmp_path / "new") == ["report.html"]


def test_an_older_file_is_replaced(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"a much longer old content")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"


def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    (tmp_path / "ordinary").write_bytes(b"")
    write_whole(tmp_path / "ours", b"")
    assert (tmp_path / "ours").stat().st_mode == (tmp_path / "ordinary").stat().st_mode


@pytest.mark.parametrize("planted", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("where", ["replace", "fsync"])
def test_a_failure_leaves_the_old_file_and_no_fragment(tmp_path, monkeypatch, planted, where):
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def fail(*_):
        raise planted

    monkeypatch.setattr(os, where, fail)
    with pytest.raises(UsageError if isinstance(planted, OSError) else KeyboardInterrupt):
        write_whole(path, b"new")
    assert os.listdir(tmp_path) == ["a"]
    assert path.read_bytes() == b"old"


def test_a_folder_that_cannot_be_made_is_a_usage_error_on_one_line(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"cannot write .*report\.html: (Not a directory|File exists)") as caught:
        write_whole(tmp_path / "file" / "report.html", b"new")
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_a_usage_error(tmp_path):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(UsageError, match="Permission denied"):
        write_whole(locked / "a", b"new")
    assert os.listdir(locked) == []


def test_a_folder_is_tried_before_it_is_needed(tmp_path):
    demand_writable(tmp_path / "new" / "report")
    assert os.listdir(tmp_path / "new" / "report") == []
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(UsageError, match=r"cannot write to .*file"):
        demand_writable(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == b"old"


def test_a_trial_that_fails_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.touch", fail)
    with pytest.raises(UsageError, match="Permission denied"):
        demand_writable(tmp_path)
    assert os.listdir(tmp_path) == []


def test_a_path_that_is_a_folder_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="directory"):
        write_whole(tmp_path, b"new")
    assert os.listdir(tmp_path) == []

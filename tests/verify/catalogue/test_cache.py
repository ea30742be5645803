import os
import warnings
from pathlib import Path

import pytest

from verify.catalogue.cache import CacheWarning, cache_directory, cache_file, cached

KEY = {"seed": 0, "torch": "2.13.0"}


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADCAMPP_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept"


def never() -> bytes:
    raise AssertionError("made although it was kept")


def test_what_was_made_is_kept(place):
    assert cached("net", KEY, lambda: b"first\nsecond\n") == b"first\nsecond\n"
    assert cached("net", KEY, never) == b"first\nsecond\n"
    assert [p.parent for p in place.iterdir()] == [place]


def test_nothing_at_all_can_be_kept_too(place):
    assert cached("net", KEY, lambda: b"") == b""
    assert cached("net", KEY, never) == b""


@pytest.mark.parametrize("other", [KEY | {"seed": 1}, KEY | {"seed": "0"}, KEY | {"more": None}, {"seed": 0}])
def test_another_key_is_another_place(place, other):
    assert cache_file("net", KEY) != cache_file("net", other)
    cached("net", KEY, lambda: b"one")
    assert cached("net", other, lambda: b"two") == b"two"
    assert cached("net", KEY, never) == b"one"


def test_the_order_of_the_conditions_does_not_matter(place):
    assert cache_file("net", dict(reversed(KEY.items()))) == cache_file("net", KEY)


def test_a_name_cannot_leave_the_directory(place):
    assert cache_file("../../etc/passwd", KEY).parent == place


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[:-1] + bytes([kept[-1] ^ 1]),
        lambda kept: kept[:-1],
        lambda kept: kept[: len(kept) // 2],
        lambda kept: b"",
        lambda kept: b"\xff" * 200,
    ],
    ids=["one bit", "one byte short", "half", "empty", "noise"],
)
def test_a_damaged_file_is_made_anew_with_a_warning(place, damage):
    cached("net", KEY, lambda: b"right")
    path = cache_file("net", KEY)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.warns(CacheWarning, match="damaged"):
        assert cached("net", KEY, lambda: b"right") == b"right"
    assert cached("net", KEY, never) == b"right"


def test_a_directory_that_cannot_be_written_to_costs_a_warning_only(monkeypatch, tmp_path):
    (tmp_path / "a file").write_text("in the way")
    monkeypatch.setenv("GRADCAMPP_CACHE", str(tmp_path / "a file"))
    with warnings.catch_warnings(record=True, action="always") as said:
        assert cached("net", KEY, lambda: b"right") == b"right"
    assert {w.category for w in said} == {CacheWarning}
    assert "set GRADCAMPP_CACHE to a directory that can be written to" in str(said[-1].message)
    assert (tmp_path / "a file").read_text() == "in the way"


def test_a_user_without_a_home_costs_a_warning_only(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("GRADCAMPP_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.warns(CacheWarning, match="set GRADCAMPP_CACHE"):
        assert cached("net", KEY, lambda: b"right") == b"right"


@pytest.mark.parametrize("crash", [OSError, KeyboardInterrupt])
def test_a_crash_before_the_last_step_leaves_no_file(place, monkeypatch, crash):
    def fail(*_):
        raise crash("stopped")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(CacheWarning) if crash is OSError else pytest.raises(KeyboardInterrupt):
        cached("net", KEY, lambda: b"right")
    assert list(place.iterdir()) == []


def test_a_crash_while_making_leaves_no_file(place):
    def fail():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cached("net", KEY, fail)
    assert not place.exists()


def test_the_final_name_never_holds_half_a_file(place, monkeypatch):
    seen = []
    replace = os.replace

    def watch(source, target):
        seen.append((Path(target).exists(), Path(source).read_bytes()))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watch)
    cached("net", KEY, lambda: b"right")
    assert seen == [(False, cache_file("net", KEY).read_bytes())]


def test_where_things_are_kept(monkeypatch, tmp_path):
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("GRADCAMPP_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_directory() == tmp_path / "own"
    monkeypatch.setenv("GRADCAMPP_CACHE", "")
    assert cache_directory() == tmp_path / "shared" / "gradcampp"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_directory() == tmp_path / "home" / ".cache" / "gradcampp"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_directory() == tmp_path / "home" / ".cache" / "gradcampp"

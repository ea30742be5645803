"""The C library is told to keep what is freed, and afterwards to hand it back, whatever happened inside."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from verify.memory import LARGEST, M_MMAP_THRESHOLD, M_TRIM_THRESHOLD, kept_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the C library is another one")
def test_glibc_takes_what_it_is_told():
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "gnu_get_libc_version"):
        pytest.skip("the C library is another one")
    assert libc.mallopt(M_MMAP_THRESHOLD, LARGEST) == libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1) == 1
    with kept_memory():  # afterwards all is as it was
        pass


def test_memory_is_handed_back_after_an_error(monkeypatch):
    told = []
    libc = SimpleNamespace(mallopt=lambda *what: told.append(what), malloc_trim=lambda pad: told.append(pad))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: libc)
    with pytest.raises(ZeroDivisionError), kept_memory():
        assert told == [(M_MMAP_THRESHOLD, LARGEST), (M_TRIM_THRESHOLD, 2**31 - 1)]
        _ = 1 / 0
    assert told[2:] == [(M_MMAP_THRESHOLD, 1 << 17), (M_TRIM_THRESHOLD, 1 << 17), 0]


@pytest.mark.parametrize("platform", ["win32", "darwin"])
def test_other_systems_are_left_alone(monkeypatch, platform):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("asked"))
    with kept_memory():
        pass

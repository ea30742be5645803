"""Memory that is freed and asked for again: glibc hands large blocks back to the system, which clears them every time.

Where one tensor of some MiB is made after another, that may take a quarter of all time. Other C libraries are left
alone.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
LARGEST = 1 << 25  # bytes; older versions of glibc refuse more


@contextmanager
def kept_memory() -> Iterator[None]:
    """Let freed memory be used again; afterwards it goes back to the system, and so does what is freed later."""
    libc: Any = ctypes.CDLL(None) if sys.platform == "linux" else None
    if not hasattr(libc, "mallopt"):
        yield
        return
    libc.mallopt(M_MMAP_THRESHOLD, LARGEST)
    libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_THRESHOLD, 1 << 17)  # as it is in the beginning
        libc.mallopt(M_TRIM_THRESHOLD, 1 << 17)
        libc.malloc_trim(0)

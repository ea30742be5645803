"""How every test computes."""

import os
import sys

import pytest

# Set before torch and numpy are imported, and handed on to the processes that tests start. Tests run side by side, and
# small tensors take a hundred times as long where more threads than cores wait for each other.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")


@pytest.fixture(autouse=True)
def _drawn_alike():
    """Let a layer or a tensor that a test draws without a seed be the same whatever ran before."""
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(0)

"""What is finished of a long computation, in a file, so that it can go on after an interruption."""

import hashlib
import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from cam.jets.plan import Plan
from cam.jets.rays import Root

EVERY = 5.0  # seconds between two writes


@dataclass(eq=False)
class Kept:
    """Contributions of every site along every line of the root, and which lines are done.

    Args:
        found: (sites, 2, places).
        done: (places,).
        path: the file, None for none.
        key: letters that are others for another tail, A, score or dtype.
    """

    found: Tensor
    done: Tensor
    path: Path | None
    key: str
    saved: float = field(default_factory=time.monotonic)

    @classmethod
    def open(cls, path: Path | None, plan: Plan, start: Root, sites: int) -> "Kept":
        """Read a file if it is whole and about the same computation, else begin anew."""
        size = plan.values[start.node].numel()
        key = _key(plan) if path is not None else ""
        stored = _stored(path, plan.A.device) if path is not None else {}
        found = plan.A.new_zeros(sites, 2, size)
        done = torch.zeros(size, dtype=torch.bool, device=plan.A.device)
        if stored.get("key") == key and _like(stored["found"], found) and _like(stored["done"], done):
            found, done = stored["found"], stored["done"]
        return cls(found, done, path, key)

    def save(self, now: bool = False) -> None:
        """Write the file, if it is time to."""
        if self.path is None or not (now or time.monotonic() - self.saved > EVERY):
            return
        part = self.path.with_name(f"{self.path.name}.{os.getpid()}.part")  # two runs may share the name
        try:
            torch.save({"key": self.key, "found": self.found, "done": self.done}, part)
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)
        self.saved = time.monotonic()


def _like(one: Any, other: Tensor) -> bool:
    return isinstance(one, Tensor) and one.shape == other.shape and one.dtype == other.dtype


def _stored(path: Path, device: torch.device) -> dict[str, Any]:
    """Return what a file holds; nothing if it is damaged or holds something else."""
    if not path.exists():
        return {}
    try:
        stored = torch.load(path, weights_only=True, map_location=device)
    except (RuntimeError, UnpicklingError, EOFError, ValueError):
        return {}
    return stored if isinstance(stored, dict) and {"key", "found", "done"} <= stored.keys() else {}


def _key(plan: Plan) -> str:
    sum_ = hashlib.sha256(f"{plan.graph.code} {plan.c} {plan.A.dtype} {tuple(plan.A.shape)}".encode())
    for _, tensor in sorted(plan.graph.state_dict().items()):
        sum_.update(_bytes(tensor))
    sum_.update(_bytes(plan.A))
    return sum_.hexdigest()


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()

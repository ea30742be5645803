"""Drawn cases in which a proved claim was false: kept beside the report, whatever becomes of the program, tried first.

A case is kept as what it is drawn from: the claim, the seed and the place. A program that draws otherwise draws another
case there; to try it costs as little.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from derivation.claim import Claim
from verify.drawn import FalseCase, again


def remember(file: Path, failure: FalseCase) -> None:
    """Write a failure down, once."""
    if _key(failure) not in _recall(file):
        with open(file, "a", encoding="utf-8") as kept:
            kept.write("\n" + json.dumps({"case": _key(failure), "says": str(failure)}, ensure_ascii=False) + "\n")


def try_again(file: Path, claims: Mapping[str, Claim]) -> None:
    """Judge every case that a file remembers of these claims.

    Raises:
        FalseCase: one is false still.
    """
    for name, seed, place in _recall(file):
        if name in claims:
            again(claims[name], seed, place)


def _key(failure: FalseCase) -> tuple[str, int, int]:
    return failure.claim, failure.seed, failure.place


def _recall(file: Path) -> list[tuple[str, int, int]]:
    return list(_read(file.read_text("utf-8", "replace"))) if file.exists() else []


def _read(text: str) -> Iterator[tuple[str, int, int]]:
    """Yield what every line remembers; torn lines are skipped."""
    for line in text.splitlines():
        try:
            name, seed, place = json.loads(line)["case"]
        except (ValueError, KeyError, TypeError):
            continue
        yield str(name), int(seed), int(place)

"""What was drawn, as small bar charts in a page: SVG for the eye, the numbers beside it for everybody.

The bars take the colour of the text, so that they are read in grey, in the dark and on paper; they are hidden from
screen readers, which find the same numbers as text.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from verify.drawn import HISTOGRAMS, Draws

WIDTH, GAP, HEIGHT = 6, 2, 20  # of a bar
# What stands before the decades, which are in the order of their exponents, and behind them.
FIRST, LAST = ("none", "exact", "0"), ("about 0", "no value", "several")


def total(draws: Iterable[Draws]) -> dict[str, dict[str, int]]:
    """Add up the histograms of many claims."""
    sums = {name: Counter[str]() for name in HISTOGRAMS}
    for each in draws:
        for name, counts in each.counts.items():
            sums[name].update(counts)
    return {name: dict(count) for name, count in sums.items()}


def charts(counts: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Return for each histogram its name, what it counts, its bars and its numbers in words.

    One that has nothing to tell apart, as where there is no tail, is left out.
    """
    told = [(name, ordered(counts.get(name, {}))) for name in HISTOGRAMS]
    return [
        {
            "name": name,
            "says": HISTOGRAMS[name],
            "path": path(list(count.values())),
            "box": f"0 0 {len(count) * (WIDTH + GAP)} {HEIGHT}",
            "width": len(count) * (WIDTH + GAP),
            "words": ", ".join(f"{what} {number}" for what, number in count.items()),
        }
        for name, count in told
        if count and list(count) != ["none"]
    ]


def ordered(count: Mapping[str, int]) -> dict[str, int]:
    """Return a histogram in the order in which it is read: decades and depths ascending, words by the alphabet."""

    def place(what: str) -> tuple[int, float, str]:
        if what in FIRST or what in LAST:
            return (0, FIRST.index(what), "") if what in FIRST else (3, LAST.index(what), "")
        exponent = what.removeprefix("1e")
        return (1, int(exponent), "") if exponent.lstrip("-").isdigit() else (2, 0, what)

    return {what: count[what] for what in sorted(count, key=place)}


def path(numbers: list[int]) -> str:
    """Return the outline of bars from left to right, the largest as high as the chart, none that counts invisible."""
    largest = max(numbers, default=0) or 1
    heights = [-(-number * HEIGHT // largest) for number in numbers]
    return "".join(
        f"M{place * (WIDTH + GAP)} {HEIGHT}v-{height}h{WIDTH}v{height}z" for place, height in enumerate(heights)
    )


def accepted(draws: Sequence[Draws]) -> str:
    """Say how many draws of all claims met every hypothesis, and of which claim the fewest did; "" of none."""
    if not draws:
        return ""
    judged, rejected, vacuous = (
        sum(numbers) for numbers in zip(*((d.held + d.undecided, d.rejected, d.vacuous) for d in draws), strict=True)
    )
    least = min(draws, key=lambda each: each.acceptance)
    return (
        f"Of {judged + rejected + vacuous} draws {rejected} met not every hypothesis and {vacuous} were on a kink; of"
        f" no claim did fewer than {math.floor(100 * least.acceptance)} % meet all."
    )


def words(draws: Draws) -> str:
    """Say how many draws were not judged, and which judged case the balls enclose worst."""
    others = f"{draws.rejected} more draws met not every hypothesis; {draws.vacuous} were on a kink."
    if not draws.worst:
        return others
    return (
        f"{others} Least accurate, to {draws.worst_bits} of 128 bits, are the sides at place {draws.worst_at}:"
        f" {draws.worst}."
    )

"""The words of the report: what verdicts, methods and works are called, and how numbers are written."""

from collections.abc import Mapping, Sized
from typing import Any

VERDICTS: dict[str, str] = {
    "PROVED": "A proof went through: exact algebra decided every link of it, for all values that the hypotheses allow.",
    "SUPPORTED": "No proof, but every case that was tried agrees within a derived error bound. It may still be false.",
    "UNDECIDED": "Nothing was tried, or only what a hypothesis excludes, or it settled nothing. The reason is given.",
    "REFUTED": "A counterexample exists: computed exactly, or enclosed in intervals that exclude equality.",
}

# In order of strength: the first one that speaks is the strongest evidence.
METHODS: dict[str, str] = {
    "symbolic": "The links of the written proof, decided by exact symbolic algebra.",
    "exact": "Both sides evaluated in rational arithmetic, or symbolically, on concrete functions.",
    "enclosure": "Both sides enclosed by ball arithmetic: intervals that contain the true values for certain.",
    "autograd": "Both sides evaluated in floating point with automatic derivatives, against a derived error bound.",
    "network": "Both sides evaluated on a trained network and its picture, against a derived error bound.",
    "property": "Both sides enclosed by ball arithmetic on cases that a search drew, looking for one that fails.",
}

WORKS: dict[str, str] = {
    "post": "the post",
    "gradcampp-paper": "the Grad-CAM++ paper",
    "faa-di-bruno": "Faà di Bruno’s formula",
    "practice": "common practice",
    "gradcampp": "this project",
}

QUOTED = frozenset({"post"})  # of the other works what is said is told in our words

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def source_words(source: Mapping[str, Any]) -> str:
    """Say where a claim was printed; a work that has no words is called by its key."""
    work = WORKS.get(source["work"], source["work"])
    return f"{work}, {source['where']}" if source["where"] else work


def counted(things: int | Sized, one: str, many: str = "") -> str:
    """Return a number with its noun: "1 claim", "2 claims"."""
    number = things if isinstance(things, int) else len(things)
    return f"{number} {one if number == 1 else many or one + 's'}"


def brief(value: float | None, digits: int = 2) -> str:
    """Write a number to so many significant digits as one types it, "3.1e-16"; nothing for None."""
    return "" if value is None else f"{value:.{digits}g}"


def number(value: float | None, digits: int = 2) -> str:
    """Write a number to so many significant digits as one prints it, "3.1 × 10⁻¹⁶"; a dash for None."""
    if value is None:
        return "–"
    mantissa, e, exponent = brief(value, digits).replace("-", "−").partition("e")
    if not e:
        return mantissa.replace("inf", "∞").replace("nan", "not a number")
    power = str(int(exponent.replace("−", "-"))).translate(_SUPERSCRIPT)
    return f"{mantissa} × 10{power}"

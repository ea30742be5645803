"""What (19) assumes, whether it holds, and what follows from it, in words."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify.check import compare
from verify.check.places import looks_otherwise

if TYPE_CHECKING:
    from torch import Tensor

    from cam.jets import Derivatives

CLOSED, EXACT, LATER = "use the closed form", "use the exact weights", "take this layer instead"


@dataclass(frozen=True)
class Assumption:
    """One thing that (19) assumes, or that is good to know.

    Args:
        name: slug; permanent.
        says: what is assumed.
        holds: None if that is not known.
        why: what was found.
        needed: whether (19) may differ from (10) where it fails.
    """

    name: str
    says: str
    holds: bool | None
    why: str
    needed: bool = True


def assumptions_of(
    plain: "Derivatives", order: "Tensor", weights: compare.Weights, head: str
) -> tuple[Assumption, ...]:
    """Say which assumptions of (19) hold.

    Args:
        plain: derivatives of the class's score along all entries.
        order: the entries that have a place, (1, K, H, W).
        weights: how far the two are apart.
        head: the outer function.
    """
    h, t, on_kink = (each[order.flatten()] for each in (plain.h, plain.t, plain.kinked))
    smooth = [each for each in plain.operations if each.kind == "smooth"]
    named = ", ".join(dict.fromkeys(f"{each.name} in {each.layer or 'the model itself'}" for each in smooth))
    least = compare.CANCELS * plain.sizes[:, order.flatten()]
    along = (h.abs() > least[0]) | (t.abs() > least[1])
    straight = not bool(along.any())
    if not smooth:
        curved = "every operation behind the layer is linear or piecewise linear"
    elif straight and not bool(h.any()) and not bool(t.any()):
        curved = f"{named} is smooth, and adds nothing along any entry's line at A"
    elif straight:
        curved = f"{named} is smooth, and what it adds along any entry's line at A cancels up to rounding"
    else:
        bent = [each for each in smooth if each.second or each.third]
        curved = ", ".join(dict.fromkeys(f"{each.name} in {each.layer or 'the model itself'}" for each in bent)) + (
            f" is smooth: the score is curved along {int(along.sum())} of {len(h)} entries' lines"
        )
    kinked = int(on_kink.sum())
    off: bool | None = not kinked
    kinks = (
        f"{kinked} of {len(on_kink)} entries move a unit that lies on a kink"
        if kinked
        else "no entry moves a unit that does"
    )
    if off and plain.unwatched:
        off, kinks = None, f"it is not known where {', '.join(plain.unwatched)} bends"
    pole = weights.compared < weights.counting
    nearest = "–" if weights.nearest is None else f"{weights.nearest:.2g}"
    agree = "no entry counts: nothing was compared, and both maps are zero"
    if weights.largest is not None:
        agree = f"the largest difference is {weights.largest:.2g}, rounding explains {weights.bound:.2g}"
    return (
        Assumption("affine", "the score is affine along every entry's line", not smooth or straight, curved),
        Assumption("exp", "the outer function is the exponential", head == "exp", f"it is {head}"),
        Assumption("off-kinks", "A lies on no kink", off, kinks),
        Assumption(
            "no-pole",
            "no weight that counts is infinite or no number",
            not pole,
            f"{weights.counting - weights.compared} of {weights.counting} are; 2 + sigma g comes to 0 as near as "
            f"{nearest}",
        ),
        Assumption("measured", "the weights agree up to rounding where they count", weights.same, agree),
        Assumption(
            "far-from-poles",
            f"no weight is {1 / compare.NEAR:.0f} or more, twenty times what is usual",
            not any(weights.near),
            f"closed form {weights.near[0]}, exact {weights.near[1]} of {weights.counting}",
            needed=False,
        ),
        Assumption(
            "one-sign",
            "no weight that counts is negative",
            not any(weights.beyond) and not weights.turned,
            f"closed form {weights.beyond[0]}, exact {weights.beyond[1]} of {weights.counting}; "
            f"signs differ at {weights.turned}",
            needed=False,
        ),
    )


def failing_of(assumptions: tuple[Assumption, ...]) -> set[str]:
    """Return the names of the assumptions that are needed and not known to hold."""
    return {each.name for each in assumptions if each.needed and each.holds is not True}


def reasons_of(assumptions: tuple[Assumption, ...], advice: str, instead: str | None) -> tuple[str, ...]:
    """Say in sentences why something is advised."""
    if advice == CLOSED:
        return ("Every assumption of (19) holds here: its weights are those of (10), and so is the map.",)
    names = failing_of(assumptions)
    failing = [each for each in assumptions if each.name in names]
    said = [
        f"{'Not known' if each.holds is None else 'Not met'}: {each.says} ({each.why})."
        for each in failing
        if each.name != "measured" or len(failing) == 1
    ]
    if names == {"measured"} and failing[0].holds is False:
        said.append("Every other assumption holds, so this should not be: please report it as a fault of gradcampp.")
    if advice == LATER:
        said.append(f"Behind {instead} everything is piecewise linear, and every assumption of (19) holds there.")
    elif failing[0].name in ("affine", "off-kinks") and all(each.name != "exp" for each in failing):
        said.append("No later layer with places has only what is piecewise linear behind it and meets the assumptions.")
    if advice == EXACT and names == {"off-kinks"}:
        said.append("On a kink there is no derivative: there both weights are those of the piece that torch chooses.")
    return tuple(said)


def doubts_of(shape: tuple[int, ...], places: str) -> tuple[str, ...]:
    """Say in a sentence what looks as if it had been meant otherwise; nothing if nothing does."""
    if not looks_otherwise(shape, places):
        return ()
    told = " × ".join(map(str, shape[1:]))
    return (f"The layer puts out {told}, read as {shape[1]} channels: if they come last, say --places channels-last.",)

"""Strategies that draw settings, by family; each family says what its settings meet and what they break.

    settings(meet)              from all families that meet these assumptions
    settings(meet, violate)     from all that break this one and meet those

So a property needs no strategy of its own: its assumptions choose the families. Nothing is filtered away here; what is
met only as a rule stands under `usual`, and the run counts the settings that do not meet it. Everything shrinks to a
map of one pixel and weights of 1.
"""

from collections.abc import Collection
from dataclasses import dataclass
from fractions import Fraction

from hypothesis import strategies as st

from verify.family_draws import (
    CURVED_HEADS,
    DARK,
    FALLING,
    NOTHING,
    ONE,
    REACHES,
    SMOOTH,
    batches,
    blind,
    built,
    extreme,
    flat,
    hidden,
    kinked,
    means,
    poles,
    powers,
    rivals,
    saddles,
    square_of_sum,
    squares,
    weighted_sum,
    whole,
)
from verify.setting import Setting
from verify.whole import whole_tails


@dataclass(frozen=True)
class Family:
    """Settings of one kind.

    Args:
        name: what it is called.
        draw: draws one.
        meets: names of the assumptions that hold at the entry looked at, by construction, or have no value there.
        breaks: names of those that are violated at some entry.
        usual: names of those that hold but for a few draws.
    """

    name: str
    draw: st.SearchStrategy[Setting]
    meets: frozenset[str]
    breaks: frozenset[str] = frozenset()
    usual: frozenset[str] = frozenset()


def settings(meet: Collection[str], violate: str = "") -> st.SearchStrategy[Setting]:
    """Return a strategy of settings that meet assumptions, and violate one.

    Raises:
        ValueError: no family does.
    """
    found = chosen(meet, violate)
    if not found:
        raise ValueError(f"no family meets {', '.join(sorted(meet))}" + (f" and breaks {violate}" if violate else ""))
    return st.one_of([family.draw for family in found])


def chosen(meet: Collection[str], violate: str = "") -> list[Family]:
    """Return the families that meet assumptions, and break one if that is asked for; simplest first."""
    return [
        family
        for family in FAMILIES
        if set(meet) <= family.meets | family.usual and (not violate or violate in family.breaks)
    ]


# What a score that is linear in bright pixels meets
PLAIN = frozenset({
    "interior", "affine-along-line", "piecewise-linear", "no-products", "exp-head", "scalar-head", "outer-curved",
    "slope-nonzero", "no-pole", "rectified", "gradients-nonnegative", "pixels-separable", "weights-positive",
    "eval-mode", "no-overflow", "no-underflow", "no-eps",
})  # fmt: skip
NETWORK = PLAIN - {
    "no-pole", "gradients-nonnegative", "pixels-separable", "weights-positive", "no-overflow", "no-underflow",
}  # fmt: skip
GROWN = PLAIN - {
    "affine-along-line", "piecewise-linear", "pixels-separable", "weights-positive", "no-overflow", "no-underflow",
}  # fmt: skip
POWERS = PLAIN - {"affine-along-line", "no-products", "no-overflow"}
USUAL = frozenset({"no-pole", "no-overflow", "no-underflow"})
BATCHED = frozenset({"exp-head", "scalar-head", "no-eps", "batched"})
LOUD, CURVED = frozenset({"no-overflow"}), frozenset({"affine-along-line"})

FAMILIES: tuple[Family, ...] = (
    Family("linear", built(weighted_sum), PLAIN, frozenset({"constant-in-space"})),
    Family("pooled", built(means), PLAIN | {"constant-in-space"}),
    Family("one channel", built(weighted_sum, channels=(1,)), PLAIN | {"one-channel"}),
    Family("powers", built(squares), POWERS, CURVED | {"no-products", "constant-in-space"}, LOUD),
    Family(
        "powers, one channel",
        built(squares, channels=(1,)),
        POWERS | {"one-channel"},
        CURVED | {"no-products"},
        LOUD,
    ),
    Family(
        "powers, two channels",
        built(squares, channels=(2,)),
        POWERS,
        CURVED | {"no-products", "one-channel"},
        LOUD,
    ),
    Family(
        "square of a sum",
        built(square_of_sum),
        POWERS - {"pixels-separable"},
        CURVED | {"no-products", "pixels-separable"},
        LOUD,
    ),
    Family(
        "growing networks, one channel",
        built(hidden, channels=(1,)),
        GROWN | {"one-channel"},
        CURVED | {"piecewise-linear"},
        frozenset({"weights-positive", "no-overflow", "no-underflow"}),
    ),
    Family(
        "growing networks, two channels",
        built(hidden, channels=(2,)),
        GROWN,
        CURVED | {"piecewise-linear", "one-channel"},
        frozenset({"weights-positive", "no-overflow", "no-underflow"}),
    ),
    Family("networks", whole(whole_tails()), NETWORK, usual=USUAL),
    Family("networks, any sign", whole(whole_tails(nonnegative=False)), NETWORK - {"rectified"}, usual=USUAL),
    Family(
        "smooth networks",
        whole(whole_tails(activations=SMOOTH)),
        NETWORK - CURVED - {"piecewise-linear"},
        CURVED | {"piecewise-linear"},
        USUAL,
    ),
    Family(
        "gated networks",
        whole(whole_tails(activations=("relu", *SMOOTH), with_gates=True)),
        NETWORK - CURVED - {"piecewise-linear", "no-products"},
        CURVED,
        USUAL,
    ),
    Family(
        "kinked, one channel",
        kinked(),
        (PLAIN | {"constant-in-space", "one-channel"}) - {"interior"},
        frozenset({"interior"}),
    ),
    Family(
        "kinked networks",
        whole(whole_tails(on_kink=True)),
        (PLAIN | {"constant-in-space"}) - {"interior", "pixels-separable"},
        frozenset({"interior"}),
    ),
    Family(
        "dark",
        built(weighted_sum, entries=DARK),
        PLAIN - {"rectified", "no-pole", "weights-positive", "no-underflow"},
        frozenset({"rectified"}),
        USUAL,
    ),
    Family(
        "falling",
        built(weighted_sum, FALLING),
        PLAIN - {"gradients-nonnegative", "no-pole", "weights-positive", "no-underflow"},
        frozenset({"gradients-nonnegative"}),
        USUAL,
    ),
    Family("blind", blind(), PLAIN - {"slope-nonzero", "weights-positive"}, frozenset({"slope-nonzero"})),
    Family(
        "poles of bright maps",
        poles(1),
        PLAIN - {"no-pole", "gradients-nonnegative", "weights-positive"},
        frozenset({"no-pole"}),
    ),
    Family(
        "poles of dark maps",
        poles(-1),
        PLAIN - {"no-pole", "rectified", "weights-positive"},
        frozenset({"no-pole"}),
    ),
    Family(
        "outer functions",
        built(weighted_sum, heads=CURVED_HEADS),
        PLAIN - {"exp-head", "no-pole", "outer-curved", "weights-positive"},
        frozenset({"exp-head"}),
        frozenset({"no-pole", "outer-curved"}),
    ),
    Family(
        "sigmoid",
        built(weighted_sum, heads=("sigmoid",)),
        PLAIN - {"exp-head", "no-pole", "outer-curved", "weights-positive"},
        frozenset({"exp-head"}),
        frozenset({"no-pole", "outer-curved"}),
    ),
    Family("flat", flat(), PLAIN - {"exp-head", "outer-curved", "weights-positive"}, frozenset({"outer-curved"})),
    Family(
        "softmax",
        rivals(),
        PLAIN - {"exp-head", "scalar-head", "no-pole", "outer-curved", "weights-positive"},
        frozenset({"exp-head", "scalar-head"}),
        frozenset({"no-pole", "outer-curved"}),
    ),
    Family(
        "saddles",
        saddles(),
        PLAIN - CURVED - {"no-products", "weights-positive"} | {"one-channel"},
        CURVED | {"weights-positive"},
    ),
    Family("batches", batches(False), BATCHED | {"eval-mode"}),
    Family("batches in training", batches(True), BATCHED, frozenset({"eval-mode"})),
    Family(
        "loud",
        extreme(ONE, REACHES, st.sampled_from([Fraction(89), Fraction(90), Fraction(100)]), NOTHING),
        PLAIN - {"no-overflow"} | {"one-channel"},
        frozenset({"no-overflow"}),
    ),
    Family(
        "faint",
        extreme(powers(-50, -60, -70, -80), REACHES, NOTHING, NOTHING),
        PLAIN - {"no-underflow"} | {"one-channel"},
        frozenset({"no-underflow"}),
    ),
    Family(
        "guarded",
        extreme(powers(0, -2, -4, -6), REACHES, NOTHING, powers(-20, -23, -27)),
        PLAIN - {"no-eps"} | {"one-channel"},
        frozenset({"no-eps"}),
    ),
)

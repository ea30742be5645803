"""Hypothesis strategies that draw whole tails, and cases with them; `verify.whole_blocks` builds what they decide.

Everything shrinks to a 1 x 1 map and one unit of weight 1.
"""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from verify.cases import Case
from verify.catalogue.functions import Face
from verify.catalogue.units import PIECEWISE_LINEAR, unit
from verify.tails import WholeTail
from verify.whole_blocks import build


def whole_tails(
    *,
    activations: Sequence[str] = PIECEWISE_LINEAR,
    depth: int = 2,
    with_gates: bool = False,
    nonnegative: bool = True,
    on_kink: bool = False,
) -> st.SearchStrategy[WholeTail]:
    """Return whole tails whose score moves with the entry.

    Args:
        activations: which may occur; simplest first.
        depth: at most so many blocks, each a convolution or a linear layer and an activation.
        with_gates: whether blocks may multiply what they see by an activation.
        nonnegative: whether A is as after a ReLU; else its entries have any sign.
        on_kink: whether exactly one unit is on a kink, one that moves and that the score depends on; else none is, and
            no maximum is tied.

    Raises:
        ValueError: there is no activation or no block; or a unit shall be on a kink and an activation is not piecewise
            linear, so that arguments are no rational numbers.
        UsageError: an activation is unknown.
    """
    units = tuple(map(unit, activations))
    if not units or depth < 1:
        raise ValueError(f"expected at least one activation and one block, got {tuple(activations)} and depth {depth}")
    if on_kink and (curved := [u.name for u in units if not u.piecewise_linear]):
        raise ValueError(f"only piecewise-linear units can be put on a kink exactly, not {', '.join(curved)}")

    @st.composite
    def tails(draw: st.DrawFn) -> WholeTail:
        return build(
            lambda options: draw(_one_of(options)),
            units,
            depth=depth,
            with_gates=with_gates,
            nonnegative=nonnegative,
            on_kink=on_kink,
        )

    return tails()


def whole_cases(head: Face, **options: Any) -> st.SearchStrategy[Case]:
    """Return drawn whole tails under an outer function; x and sigma are those of the map. Options: `whole_tails`."""
    return whole_tails(**options).map(lambda tail: tail.case(head))


def _one_of(options: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Return what draws one of these; numbers as numbers, by which Hypothesis finds its way to short ones."""
    if isinstance(options, range):
        return st.integers(options.start, options.stop - 1)
    return st.sampled_from(options)

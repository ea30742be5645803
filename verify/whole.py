"""Hypothesis strategies that draw whole tails, and cases with them; they build what they need and filter nothing away.

A network is drawn layer by layer, together with the value of every number at A and its slope along the entry's line.
From them follows what has to hold:

    off kinks    a channel's constant is what takes one argument where it was drawn, plus the first of 0, 1/2, 1/4,
                 3/4, 1/8, ... that leaves no argument of the channel on a kink; a max-pool gets a bias of the same kind
                 before it where entries tie
    on a kink    of the last activation one argument that moves is put on a kink, and the weights behind it reach S
    S moves      where a drawn layer takes everything that moves away, one weight is raised by 1, or the layer left out

Weights are multiples of 1/2; everything shrinks to a 1 x 1 map and one unit of weight 1.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod
from typing import Any

from hypothesis import strategies as st

from verify.arithmetic.local import Local
from verify.cases import Case
from verify.catalogue.functions import Face
from verify.catalogue.units import PIECEWISE_LINEAR, Unit, unit
from verify.layers import (
    Activate,
    AveragePool,
    Bias,
    Gate,
    GlobalAverage,
    Map,
    MaxPool,
    Residual,
    cells,
    each,
    places,
    shape_of,
)
from verify.tails import WholeTail
from verify.whole_affine import (
    MARGIN,
    SIDE,
    ZERO,
    Layers,
    affine,
    after,
    biased,
    constants_of,
    dyadic,
    fractions,
    linear,
    moving,
    same,
    solved,
    some,
    with_constants,
)

# Channels, height and width of a map.
MOST = (2, SIDE, SIDE)
# Sizes of pooling windows, over which a mean is a dyadic number.
WINDOWS = ((1, 2), (2, 1), (2, 2))


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
    return _whole_tails(units, depth, with_gates, nonnegative, on_kink)


def whole_cases(head: Face, **options: Any) -> st.SearchStrategy[Case]:
    """Return drawn whole tails under an outer function; x and sigma are those of the map. Options: `whole_tails`."""
    return whole_tails(**options).map(lambda tail: tail.case(head))


@st.composite
def _whole_tails(
    draw: st.DrawFn, units: Sequence[Unit], depth: int, with_gates: bool, nonnegative: bool, on_kink: bool
) -> WholeTail:
    A, entry = draw(_maps(nonnegative))
    state = _local(A, entry)
    layers: Layers = ()
    for _ in range(draw(st.integers(1, depth)) - on_kink):
        for part in (_blocks(units, with_gates), _pools):
            added = draw(part(state))
            layers, state = layers + added, after(added, state)
    if on_kink:
        added, state = draw(_kinked_blocks(state, units))
        layers += added
    return WholeTail(A, entry, layers + draw(_readouts(state)))


@st.composite
def _maps(draw: st.DrawFn, nonnegative: bool) -> tuple[Map, tuple[int, int, int]]:
    """Return a map and a place in it."""
    entries = dyadic(0, 3, 4) if nonnegative else dyadic(-3, 3, 4)
    shape = [draw(st.integers(1, most)) for most in MOST]
    k, i, j = (min(draw(st.integers(0, most - 1)), size - 1) for most, size in zip(MOST, shape, strict=True))
    # As many numbers for every shape, so that to take a row away changes nothing else.
    drawn = dict(zip(places(MOST), some(draw, st.sampled_from(entries), prod(MOST)), strict=True))
    channels, height, width = map(range, shape)
    return tuple(tuple(tuple(drawn[c, r, s] for s in width) for r in height) for c in channels), (k, i, j)


def _local(A: Map, entry: tuple[int, int, int]) -> Map:
    """Return the map of values and slopes along the line of one entry."""
    moves = dict.fromkeys(places(shape_of(A)), ZERO) | {entry: Fraction(1)}
    slopes = iter(moves.values())
    return each(lambda a: Local(a, next(slopes)), A)


def _if_moving(layers: Layers, state: Map) -> Layers:
    """Return the layers if anything moves behind them, else none."""
    return layers if moving(after(layers, state)) else ()


# Blocks


def _blocks(units: Sequence[Unit], with_gates: bool) -> Callable[[Map], st.SearchStrategy[Layers]]:
    kinds = (_plain, _plain, _residual, *((_channel_gate, _gate) if with_gates else ()))

    @st.composite
    def block(draw: st.DrawFn, state: Map) -> Layers:
        one, kind = draw(st.sampled_from(units)), draw(st.sampled_from(kinds))
        return _if_moving(kind(draw, state, one), state) or _plain(draw, state, one)

    return block


def _plain(draw: st.DrawFn, state: Map, one: Unit) -> Layers:
    return (*solved(draw, affine(draw, state), state, one), Activate(one.name))


def _residual(draw: st.DrawFn, state: Map, one: Unit) -> Layers:
    branch = (*solved(draw, (same(draw, state),), state, one), Activate(one.name))
    behind = (biased(draw, same(draw, after(branch, state))),) if draw(st.booleans()) else ()
    return (Residual(branch + behind),)


def _channel_gate(draw: st.DrawFn, state: Map, one: Unit) -> Layers:
    """Multiply channels by an activation of their pooled means."""
    channels, *sides = shape_of(state)
    if not _is_power_of_two(prod(sides)):  # the mean would be no dyadic number
        return _gate(draw, state, one)
    pooled = after((GlobalAverage(),), state)
    weighed = solved(draw, (linear(draw, pooled, channels),), pooled, one)
    return (Gate((), (GlobalAverage(), *weighed, Activate(one.name))),)


def _gate(draw: st.DrawFn, state: Map, one: Unit) -> Layers:
    """Multiply a convolution by an activation of another one."""
    gates = (*solved(draw, (same(draw, state),), state, one), Activate(one.name))
    return (Gate((biased(draw, same(draw, state)),), gates),)


@st.composite
def _kinked_blocks(draw: st.DrawFn, state: Map, units: Sequence[Unit]) -> tuple[Layers, Map]:
    """Return a plain block with exactly one argument on a kink, and a map on which only that unit moves."""
    one = draw(st.sampled_from(units))
    before = solved(draw, affine(draw, state), state, one)
    arguments = after(before, state)
    place = draw(st.sampled_from(moving(arguments)))
    k, i, j = place
    lift = draw(st.sampled_from(one.kinks)) - arguments[k][i][j].value
    before = _lifted(before, shape_of(arguments), place, lift)
    layers: Layers = (*before, Activate(one.name))
    values = each(lambda cell: cell.value, after(layers, state))
    return layers, _local(values, place)


def _lifted(before: Layers, shape: tuple[int, int, int], place: tuple[int, int, int], lift: Fraction) -> Layers:
    """Add `lift` to what comes out at one place: by the channel's constant if that is all there is to the channel."""
    if shape[1:] == (1, 1):
        moved = [constant + lift * (k == place[0]) for k, constant in enumerate(constants_of(before[-1]))]
        return (*before[:-1], with_constants(before[-1], tuple(moved)))
    lifts = iter([lift if at == place else ZERO for at in places(shape)])
    channels, height, width = shape
    rows = tuple(tuple(tuple(next(lifts) for _ in range(width)) for _ in range(height)) for _ in range(channels))
    return (*before, Bias(rows))


# Pools and readouts


@st.composite
def _pools(draw: st.DrawFn, state: Map) -> Layers:
    """Return no layer, or a pooling with what it needs before it."""
    kind, size = draw(st.sampled_from([None, AveragePool, MaxPool])), draw(st.sampled_from(WINDOWS))
    if kind is None or not _fits(size, state):
        return ()
    return _if_moving((*(_apart(state) if kind is MaxPool else ()), kind(size)), state)


def _fits(size: tuple[int, int], state: Map) -> bool:
    return all(window <= side for window, side in zip(size, shape_of(state)[1:], strict=True))


def _apart(state: Map) -> Layers:
    """Return a bias that leaves no two numbers of a channel equal; none where they are different."""
    shifts = tuple(map(_shifts, state))
    return (Bias(shifts),) if any(cells(shifts)) else ()


def _shifts(channel: Sequence[Sequence[Local]]) -> tuple[tuple[Fraction, ...], ...]:
    taken: list[Fraction] = []

    def shift(cell: Local) -> Fraction:
        more = next(more for more in fractions() if all(abs(cell.value + more - other) > MARGIN for other in taken))
        taken.append(cell.value + more)
        return more

    return tuple(tuple(map(shift, row)) for row in channel)


@st.composite
def _readouts(draw: st.DrawFn, state: Map) -> Layers:
    """Return a linear layer to one number, perhaps after a pooling; it moves if anything on the map does."""
    size = draw(st.sampled_from([None, shape_of(state)[1:], *WINDOWS]))
    before: Layers = ()
    if size == shape_of(state)[1:] and _is_power_of_two(prod(size)):
        before = _if_moving((GlobalAverage(),), state)
    elif size in WINDOWS and _fits(size, state):
        before = _if_moving((AveragePool(size),), state)
    return (*before, biased(draw, linear(draw, after(before, state), 1)))


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0

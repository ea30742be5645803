"""Whole tails, built block by block by whoever chooses; they get what they need, and nothing is filtered away.

A network is built layer by layer, together with the value of every number at A and its slope along the entry's line.
From them follows what has to hold:

    off kinks    a channel's constant is what takes one argument where it was chosen, plus the first of 0, 1/2, 1/4,
                 3/4, 1/8, ... that leaves no argument of the channel on a kink; a max-pool gets a bias of the same kind
                 before it where entries tie
    on a kink    of the last activation one argument that moves is put on a kink, and the weights behind it reach S
    S moves      where a layer takes everything that moves away, one weight is raised by 1, or the layer left out
    float64      before a block on a kink, what makes numbers longer than `LIGHT` is left out, as gates may

Weights are multiples of 1/2; the simplest choices give a 1 x 1 map and one unit of weight 1.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import prod

from verify.arithmetic.local import Local
from verify.catalogue.units import Unit
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
    Choose,
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
# A map's numbers with at most so many binary places before and after the point. An affine layer with a norm adds at
# most 8 places for its 27 products and 5 for its norm, so that what lifts an argument onto a kink is a float64 still.
LIGHT = 36
Entry = tuple[int, int, int]
Block = Callable[[Choose, Map, Unit], Layers]


def build(
    choose: Choose,
    units: Sequence[Unit],
    *,
    depth: int = 2,
    with_gates: bool = False,
    nonnegative: bool = True,
    on_kink: bool = False,
    given: tuple[Map, Entry] | None = None,
) -> WholeTail:
    """Return a whole tail whose score moves with the entry.

    Args:
        choose: who decides.
        units: which activations may occur.
        depth: at most so many blocks.
        with_gates: whether blocks may multiply.
        nonnegative: whether A is as after a ReLU.
        on_kink: whether one unit is on a kink; then all must be piecewise linear.
        given: the map and its entry, if there is one already.
    """
    A, entry = given or maps(choose, nonnegative)
    state = _local(A, entry)
    layers: Layers = ()
    for _ in range(choose(tuple(range(1, depth + 1))) - on_kink):
        for part in (lambda state: _block(choose, state, units, with_gates), lambda state: _pool(choose, state)):
            added = part(state)
            behind = after(added, state)
            if not on_kink or _places(behind) <= LIGHT:
                layers, state = layers + added, behind
    if on_kink:
        added, state = _kinked_block(choose, state, units)
        layers += added
    return WholeTail(A, entry, layers + _readout(choose, state))


def _places(state: Map) -> int:
    """Return how many binary places before and after the point hold every number of a map of dyadic numbers."""
    numbers = [cell.value for cell in cells(state)]
    return max(int(abs(n)).bit_length() for n in numbers) + max(n.denominator.bit_length() - 1 for n in numbers)


def maps(choose: Choose, nonnegative: bool) -> tuple[Map, Entry]:
    """Return a map and a place in it."""
    entries = dyadic(0, 3, 4) if nonnegative else dyadic(-3, 3, 4)
    shape = [choose(range(1, most + 1)) for most in MOST]
    k, i, j = (min(choose(range(most)), size - 1) for most, size in zip(MOST, shape, strict=True))
    # As many numbers for every shape, and x by itself, so that to take a row away changes nothing else.
    drawn = dict(zip(places(MOST), some(choose, entries, prod(MOST)), strict=True)) | {(k, i, j): choose(entries)}
    channels, height, width = map(range, shape)
    return tuple(tuple(tuple(drawn[c, r, s] for s in width) for r in height) for c in channels), (k, i, j)


def _local(A: Map, entry: Entry) -> Map:
    """Return the map of values and slopes along the line of one entry."""
    moves = dict.fromkeys(places(shape_of(A)), ZERO) | {entry: Fraction(1)}
    slopes = iter(moves.values())
    return each(lambda a: Local(a, next(slopes)), A)


def _if_moving(layers: Layers, state: Map) -> Layers:
    """Return the layers if anything moves behind them, else none."""
    return layers if moving(after(layers, state)) else ()


# Blocks


def _block(choose: Choose, state: Map, units: Sequence[Unit], with_gates: bool) -> Layers:
    kinds: tuple[Block, ...] = (_plain, _plain, _residual, *((_channel_gate, _gate) if with_gates else ()))
    one, kind = choose(units), choose(kinds)
    return _if_moving(kind(choose, state, one), state) or _plain(choose, state, one)


def _plain(choose: Choose, state: Map, one: Unit) -> Layers:
    return (*solved(choose, affine(choose, state), state, one), Activate(one.name))


def _residual(choose: Choose, state: Map, one: Unit) -> Layers:
    branch = (*solved(choose, (same(choose, state),), state, one), Activate(one.name))
    behind = (biased(choose, same(choose, after(branch, state))),) if choose((False, True)) else ()
    return (Residual(branch + behind),)


def _channel_gate(choose: Choose, state: Map, one: Unit) -> Layers:
    """Multiply channels by an activation of their pooled means."""
    channels, *sides = shape_of(state)
    if not _is_power_of_two(prod(sides)):  # the mean would be no dyadic number
        return _gate(choose, state, one)
    pooled = after((GlobalAverage(),), state)
    weighed = solved(choose, (linear(choose, pooled, channels),), pooled, one)
    return (Gate((), (GlobalAverage(), *weighed, Activate(one.name))),)


def _gate(choose: Choose, state: Map, one: Unit) -> Layers:
    """Multiply a convolution by an activation of another one."""
    gates = (*solved(choose, (same(choose, state),), state, one), Activate(one.name))
    return (Gate((biased(choose, same(choose, state)),), gates),)


def _kinked_block(choose: Choose, state: Map, units: Sequence[Unit]) -> tuple[Layers, Map]:
    """Return a plain block with exactly one argument on a kink, and a map on which only that unit moves."""
    one = choose(units)
    before = solved(choose, affine(choose, state), state, one)
    arguments = after(before, state)
    place = choose(moving(arguments))
    k, i, j = place
    lift = choose(one.kinks) - arguments[k][i][j].value
    before = _lifted(before, shape_of(arguments), place, lift)
    layers: Layers = (*before, Activate(one.name))
    values = each(lambda cell: cell.value, after(layers, state))
    return layers, _local(values, place)


def _lifted(before: Layers, shape: tuple[int, int, int], place: Entry, lift: Fraction) -> Layers:
    """Add `lift` to what comes out at one place: by the channel's constant if that is all there is to the channel."""
    if shape[1:] == (1, 1):
        moved = [constant + lift * (k == place[0]) for k, constant in enumerate(constants_of(before[-1]))]
        return (*before[:-1], with_constants(before[-1], tuple(moved)))
    lifts = iter([lift if at == place else ZERO for at in places(shape)])
    channels, height, width = shape
    rows = tuple(tuple(tuple(next(lifts) for _ in range(width)) for _ in range(height)) for _ in range(channels))
    return (*before, Bias(rows))


# Pools and readouts


def _pool(choose: Choose, state: Map) -> Layers:
    """Return no layer, or a pooling with what it needs before it."""
    kind, size = choose((None, AveragePool, MaxPool)), choose(WINDOWS)
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


def _readout(choose: Choose, state: Map) -> Layers:
    """Return a linear layer to one number, perhaps after a pooling; it moves if anything on the map does."""
    size = choose((None, shape_of(state)[1:], *WINDOWS))
    before: Layers = ()
    if size == shape_of(state)[1:] and _is_power_of_two(prod(size)):
        before = _if_moving((GlobalAverage(),), state)
    elif size in WINDOWS and _fits(size, state):
        before = _if_moving((AveragePool(size),), state)
    return (*before, biased(choose, linear(choose, after(before, state), 1)))


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0

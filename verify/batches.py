"""A batch of two maps behind batch norms: in eval mode each has its own score, in training mode they share statistics.

    training    out = scale (z - mean)/sqrt(variance) + shift, mean and variance over the batch and all pixels

as torch computes it, with the biased variance; the stabilising constant, which torch wants to be positive, is 0. In
balls, from the definition.
"""

from collections.abc import Sequence
from typing import Any

from flint import arb, arb_series

from verify.arithmetic.ball import precision
from verify.layers import BatchNorm, Map, cells, each, run
from verify.probe import NoRule
from verify.setting import NoValue, Place, Setting, Value, exactly, rational
from verify.tails import IN_BALLS, nested


def influence(setting: Setting, place: Place) -> Value:
    """Return the derivative of the first image's score by an entry of the second image.

    Raises:
        NoValue: a variance is 0.
        NoRule: a kink, or a norm in training mode inside another layer.
    """
    k, i, j = place
    with precision():
        first: Map = each(lambda a: arb(rational(a)), setting.A)
        second: Map = each(lambda a: arb(rational(a)), setting.other)
        moved = arb_series([second[k][i][j], 1], prec=2)
        second = tuple(
            tuple(tuple(moved if (c, r, s) == place else a for s, a in enumerate(row)) for r, row in enumerate(channel))
            for c, channel in enumerate(second)
        )
        score = _scores(setting, [first, second])[0]
        return exactly(score[1]) if isinstance(score, arb_series) else rational(setting.eps * 0)


def _scores(setting: Setting, maps: Sequence[Map]) -> list[Any]:
    for layer in setting.tail.layers:
        if setting.training and isinstance(layer, BatchNorm):
            maps = _normed(layer, maps)
        elif setting.training and any(isinstance(part, BatchNorm) for part in nested((layer,))):
            raise NoRule("a norm in training mode inside another layer")
        else:
            maps = [run((layer,), A, IN_BALLS) for A in maps]
    return [A[0][0][0] for A in maps]


def _normed(layer: BatchNorm, maps: Sequence[Map]) -> list[Map]:
    of_channels = [statistics([A[c] for A in maps]) for c in range(len(layer.scales))]
    factors = [rational(scale) / deviation for scale, (_, deviation) in zip(layer.scales, of_channels, strict=True)]

    def out(c: int, a: Any) -> Any:
        return (a - of_channels[c][0]) * factors[c] + rational(layer.shifts[c])

    return [tuple(tuple(tuple(out(c, a) for a in row) for row in channel) for c, channel in enumerate(A)) for A in maps]


def statistics(channels: Sequence[Any]) -> tuple[Any, Any]:
    """Return the mean and the standard deviation of a channel over the batch.

    Raises:
        NoValue: the deviation is 0.
    """
    values = [value for channel in channels for value in cells((channel,))]
    mean = sum(values[1:], values[0]) / len(values)
    squares = [(value - mean) * (value - mean) for value in values]
    variance = sum(squares[1:], squares[0]) / len(values)
    centre = variance[0] if isinstance(variance, arb_series) else variance
    if centre == 0:
        raise NoValue("the divisor of the norm, the deviation over the batch, is 0")
    return mean, variance.sqrt()

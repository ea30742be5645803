"""Whole tails with another readout, the linear layer to one number: scaled, shifted, or with a given slope."""

from dataclasses import replace
from fractions import Fraction

from verify.arithmetic.local import Local, locally
from verify.layers import Linear, cells, run
from verify.tails import WholeTail


def scaled(tail: WholeTail, factor: Fraction) -> WholeTail:
    """Return the tail whose score is `factor` times as large; the factor is a power of two, or the negative of one."""
    readout = _readout(tail)
    weights = tuple(weight * factor for weight in readout.weights[0])
    near = Local(tail.near.value * factor, tail.near.slope * factor)
    return _with(tail, Linear((weights,), (readout.biases[0] * factor,)), near)


def shifted(tail: WholeTail, more: Fraction) -> WholeTail:
    """Return the tail whose score is larger by `more`.

    Raises:
        ValueError: float64 does not hold the constant.
    """
    readout = _readout(tail)
    return _with(tail, replace(readout, biases=(readout.biases[0] + more,)), tail.near + Local(more))


def with_slope(tail: WholeTail, wanted: Fraction) -> WholeTail | None:
    """Return the tail with one weight of the readout changed so that S has this slope along the line.

    None if behind nothing that moves is that a change that float64 holds.
    """
    readout = _readout(tail)
    state = run(tail.layers[:-1], tail.along(Local(tail.point, Fraction(1)), locally([])), locally([]))
    missing = wanted - tail.near.slope
    for place, cell in enumerate(cells(state)):
        if cell.slope and _is_float64(weight := readout.weights[0][place] + missing / cell.slope):
            row = tuple(weight if at == place else old for at, old in enumerate(readout.weights[0]))
            near = tail.near + cell * Local(weight - readout.weights[0][place])
            return _with(tail, replace(readout, weights=(row,)), near)
    return None


def _readout(tail: WholeTail) -> Linear:
    last = tail.layers[-1]
    assert isinstance(last, Linear), "a drawn tail ends in a linear layer"
    return last


def _with(tail: WholeTail, readout: Linear, near: Local) -> WholeTail:
    """Return the tail with this readout, near x as it is said to be; the units before it are where they were."""
    made = replace(tail, layers=(*tail.layers[:-1], readout))
    made.__dict__["_locally"] = near, tail._locally[1]
    return made


def _is_float64(number: Fraction) -> bool:
    return Fraction(float(number)) == number

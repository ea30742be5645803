"""Rules of functions of one number: activations, powers, what is made of pieces.

A function with an approximate kernel stands for what it approximates: `gelu(approximate="tanh")` has the real square
root of 2/pi and the float64 0.044715.
"""

from collections.abc import Callable
from typing import Any

from flint import arb

from verify.balls.choices import largest_of_two
from verify.balls.curved import Function, composed
from verify.balls.lines import Lines, Sample, times
from verify.balls.numbers import ONE, constant, exceeds, hull
from verify.catalogue.functions import GELU, TANH
from verify.probe import NoRule

Rule = Callable[..., Any]


def power(sample: Sample, x: Any, exponent: Any) -> Lines:
    """Return x to an exponent that stands still, or a number to the x."""
    if isinstance(x, (int, float)):
        base = arb(x).log()
        return composed(sample, exponent, lambda u: (u * base).exp())
    if not isinstance(exponent, (int, float)):
        raise NoRule("the exponent is a tensor")
    if exponent == 0.5:
        return root(sample, x)
    if exponent == -0.5:
        return composed(sample, x, lambda u: u.rsqrt())
    if float(exponent).is_integer():
        n = abs(int(exponent))
        return composed(sample, x, (lambda u: u**n) if exponent >= 0 else (lambda u: 1 / u**n))
    power = arb(exponent)
    return composed(sample, x, lambda u: (u.log() * power).exp())


def root(sample: Sample, x: Lines) -> Lines:
    """Return sqrt(u). At 0 it makes a term of second order of one of fourth, which is not followed."""
    if not x.affine:
        sample.doubt_jump(~exceeds(x.value, arb(0)), x)
    return composed(sample, x, lambda u: u.sqrt())


def same(u: Any) -> Any:
    """Return u."""
    return u


def line(slope: Any, shift: Any = 0) -> Function:
    """Return u -> slope u + shift, of exact numbers."""
    a, b = arb(slope), arb(shift)
    return lambda u: u * a + b


def simple(function: Function) -> Rule:
    """Return the rule of a function of one piece."""
    return lambda sample, x: composed(sample, x, function)


def gelu(sample: Sample, x: Lines, *, approximate: str = "none") -> Lines:
    """Return u Phi(u), or what approximates it, as a function of its own."""
    if approximate == "none":
        return composed(sample, x, GELU.ball)
    root, cubic = (2 / arb.pi()).sqrt(), arb(0.044715)
    return composed(sample, x, lambda u: u * (1 + TANH.ball((u + u * u * u * cubic) * root)) / 2)


def softplus(sample: Sample, x: Lines, beta: float = 1, threshold: float = 20) -> Lines:
    """Return log(1 + e^(beta u))/beta, where beta u is beyond the threshold u, as torch has it."""
    scale = arb(beta)
    pieces: list[Function] = [lambda u: (1 + (u * scale).exp()).log() / scale, same]
    return composed(sample, x, *pieces[:: 1 if beta > 0 else -1], kinks=[arb(threshold) / scale], jumps=True)


def elu(sample: Sample, x: Lines, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Lines:
    """Return scale alpha (e^(input_scale u) - 1) below 0, scale u above."""
    low, inner = arb(alpha) * arb(scale), arb(input_scale)
    return composed(sample, x, lambda u: ((u * inner).exp() - 1) * low, line(scale), kinks=[0])


def celu(sample: Sample, x: Lines, alpha: float = 1) -> Lines:
    """Return alpha (e^(u/alpha) - 1) below 0, u above."""
    scale = arb(alpha)
    return composed(sample, x, lambda u: ((u / scale).exp() - 1) * scale, same, kinks=[0])


def mish(u: Any) -> Any:
    """Return u tanh(log(1 + e^u)) = u (e^2u + 2 e^u)/(e^2u + 2 e^u + 2)."""
    power = u.exp()
    top = power * power + 2 * power
    return u * top / (top + 2)


def leaky_relu(sample: Sample, x: Lines, slope: float = 0.01) -> Lines:
    """Return slope u below 0, u above."""
    return composed(sample, x, line(slope), same, kinks=[0])


def prelu(sample: Sample, x: Any, weight: Any) -> Lines:
    """Return weight u below 0, u above; the weight is a constant tensor."""
    if isinstance(weight, Lines):
        raise NoRule("its slope depends on A")
    slopes = constant(weight)
    above, below = exceeds(x.value, arb(0)), exceeds(arb(0), x.value)
    factors = hull(x.value * 0 + 1, x.value * 0 + slopes)
    factors[above] = ONE
    factors[below] = (x.value * 0 + slopes)[below]
    sample.doubt(~(above | below), x)
    return times(x, sample.still(factors))


def clamp(sample: Sample, x: Any, low: Any = None, high: Any = None, **named: Any) -> Lines:
    """Return min(max(u, low), high), bounds being numbers or tensors."""
    found = x
    low, high = named.get("min", low), named.get("max", high)
    if all(bound is None or isinstance(bound, (int, float)) for bound in (low, high)):
        kinks = [bound for bound in (low, high) if bound is not None]
        if kinks != sorted(kinks):
            raise NoRule("its bounds are in the wrong order")
        pieces = [*([line(0, low)] if low is not None else []), same, *([line(0, high)] if high is not None else [])]
        return composed(sample, x, *pieces, kinks=kinks)
    found = x if low is None else largest_of_two(sample, found, low)
    return found if high is None else largest_of_two(sample, found, high, -1)


def hardsigmoid(sample: Sample, x: Lines) -> Lines:
    """Return (u + 3)/6 between 0 and 1."""
    return composed(sample, x, line(0), lambda u: (u + 3) / 6, line(0, 1), kinks=[-3, 3])


def hardswish(sample: Sample, x: Lines) -> Lines:
    """Return u times its hard sigmoid."""
    return composed(sample, x, line(0), lambda u: u * (u + 3) / 6, same, kinks=[-3, 3])


def threshold(sample: Sample, x: Lines, at: float, value: float) -> Lines:
    """Return u above a threshold, another number below."""
    return composed(sample, x, line(0, value), same, kinks=[at], jumps=True)


def softshrink(sample: Sample, x: Lines, at: float = 0.5) -> Lines:
    """Return what is left of u after a step towards 0."""
    return composed(sample, x, line(1, at), line(0), line(1, -at), kinks=[-at, at])


def hardshrink(sample: Sample, x: Lines, at: float = 0.5) -> Lines:
    """Return u outside [-at, at], 0 inside."""
    return composed(sample, x, same, line(0), same, kinks=[-at, at], jumps=True)

"""How errors pass through an operation: the few shapes that a rule can have.

A rule takes a call that has been executed to the bounds on its result: a tensor that broadcasts to the result, None for
exact, or a tuple of these for several results. Notation: a, b are the numbers at hand, e_a, e_b their bounds,
u = 2^-53, gamma_n = n u / (1 - n u).

    bilinear      op(|a| + e_a, e_b) + op(e_a + gamma_n |a|, |b|)         n products in a sum, in whatever order
    linear        op(e + gamma_n |a|)                                     the coefficients of op are not negative
    smooth        sup |f(a + d) - f(a)| + 4 u |f(a)|                      |d| <= e

Bounds are sums of products of non-negative numbers, and are computed in float64 themselves. A dozen roundings lower
such an expression by less than 2^-49 of itself, n of them by less than 2 n u: the factor `slack(n)` makes good for it.
Where products may underflow, TINY is added, 2^114 times the smallest float64: so far from the subnormal numbers that
the bounds seldom meet them, for they are slow. NaN in a bound means unbounded, like inf (it is 0 inf).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import torch
from torch import Tensor

U = 2.0**-53
UNITS = 4
TINY = 2.0**-960
Bound = Tensor | float | None


class NoRule(NotImplementedError):
    """An operation whose rounding error is not described; the message names it."""

    def __init__(self, func: Any, why: str = "it is not in verify/rounding_table.py") -> None:
        super().__init__(f"no rounding error rule for {func}: {why}")
        self.func = func


@cache
def _signature(func: Any) -> tuple[tuple[str, ...], dict[str, Any]]:
    arguments = func._schema.arguments
    return tuple(x.name for x in arguments), {x.name: x.default_value for x in arguments if x.has_default_value()}


@dataclass(frozen=True)
class Call:
    """An operation that has been executed; `error(x)` is the bound of an argument, None if it is exact."""

    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Any
    error: Callable[[Any], Any]

    @cached_property
    def named(self) -> dict[str, Any]:
        """Every argument by its name in the schema, defaults included."""
        names, defaults = _signature(self.func)
        return defaults | dict(zip(names, self.args, strict=False)) | self.kwargs

    def __getitem__(self, name: str) -> Any:
        return self.named[name]

    def again(self, /, **changed: Any) -> Any:
        """Do the same operation with some arguments replaced."""
        return self.func(**(self.named | changed))


Rule = Callable[[Call], Any]
Change = Callable[[Tensor, Tensor, Any], Tensor]


def scalar_error(x: float) -> float | None:
    """Return 4 u |x| for a number of more than 26 significant bits: it may stand for one that float64 does not hold."""
    mantissa = math.frexp(x)[0] * 2.0**26
    return UNITS * U * abs(x) if math.isfinite(x) and mantissa != int(mantissa) else None


def gamma(n: int) -> float:
    """Bound the relative error of n roundings in a row."""
    return n * U / (1 - n * U)


def slack(n: int = 0) -> float:
    """Return the factor for a bound that took a dozen and n roundings to compute."""
    return 1 + 2.0**-40 + 2 * n * U


def size(x: Any) -> Any:
    """Return |x| of a tensor, in float64 and as a new one, or of a number."""
    return abs(x) if not isinstance(x, Tensor) else x.abs() if x.dtype == torch.float64 else x.double().abs()


def float64(value: Any) -> Tensor:
    """Return a tensor of float64: of a Python number torch itself would make one of float32."""
    return torch.as_tensor(value, dtype=torch.float64)


def grown(x: Tensor, n: int, e: Bound) -> Tensor:
    """Return gamma_n |x| + e as a new tensor: what n roundings make of numbers that have an error."""
    own = x.abs().mul_(gamma(n))
    return own if e is None else own.add_(e)


def plus(*terms: Bound) -> Any:
    """Add the terms there are; None, exact, if there are none."""
    present = [x for x in terms if x is not None]
    return sum(present[1:], present[0]) if present else None


def margin(x: Any, e: Bound) -> Any:
    """Return max(|x| - e, 0): how far from zero the exact value is at least.

    Where e > |x| / 2 the difference has no rounding error (Sterbenz), elsewhere a small relative one.
    """
    return size(x) if e is None else float64(size(x) - e).clamp_min(0)


def added(c: Call) -> Bound:
    """Bound self + alpha other. A sum below 2^-1021 is exact: underflow only enters through the product with alpha."""
    first, second = ("other", "self") if c.func.overloadpacket is torch.ops.aten.rsub else ("self", "other")
    alpha = abs(c.named.get("alpha", 1))
    e = size(c.out).mul_(U)
    for bound, factor in ((c.error(c[first]), 1), (c.error(c[second]), alpha)):
        if bound is not None:
            e.add_(bound, alpha=factor)
    if alpha != 1:
        e.add_(size(c[second]) * (UNITS * U * alpha) + TINY)
    return e.mul_(slack())


def multiplied(c: Call) -> Bound:
    """Bound self * other. There is no rounding if other is a power of two and at least 1."""
    a, b, ea, eb = c["self"], c["other"], c.error(c["self"]), c.error(c["other"])
    if not isinstance(b, Tensor) and abs(math.frexp(b)[0]) == 0.5 and abs(b) >= 1:
        return None if ea is None else ea * abs(b)
    e = size(c.out).mul_(U)
    if eb is not None:
        e.add_(plus(size(a), ea) * eb)
    if ea is not None:
        e.addcmul_(ea, float64(size(b)))
    if e.numel() and not e.amin() >= 2.0**-900:  # above, underflow drowns in the slack
        left, right = (float64(plus(size(x), ex)).sign_() for x, ex in ((a, ea), (b, eb)))  # 1, or 0 where exactly 0
        e.addcmul_(left, right, value=4 * TINY)
    return e.mul_(slack())


def divided(c: Call) -> Bound:
    """Bound a / b, by |a/b - a'/b'| <= (e_a + |a/b| e_b) / (|b| - e_b): unbounded if the divisor may be zero."""
    if c.named.get("rounding_mode") is not None:
        raise NoRule(c.func, "rounding_mode")
    b, ea, eb, quotient = c["other"], c.error(c["self"]), c.error(c["other"]), c.out.abs()
    if ea is None and eb is None:
        return quotient.mul_(U * slack()).add_(TINY)
    e = plus(ea, None if eb is None else quotient * eb + TINY) / margin(b, eb)
    return quotient.mul_(U).add_(e).mul_(slack()).add_(TINY)


def bilinear(first: str, second: str, inner: Callable[[Tensor, Tensor], int], bias: str | None = None) -> Rule:
    """Bound sums of `inner(a, b)` products of an entry of `first` and one of `second`, and perhaps a `bias`.

    The bias and the factors alpha and beta are three more roundings.
    """

    def rule(c: Call) -> Bound:
        a, b, shift = c[first], c[second], c[bias] if bias else None
        n = inner(a, b) + 3 * (bias is not None)
        ea, eb = c.error(a), c.error(b)
        scales = {name: abs(c[name]) for name in ("alpha", "beta") if name in c.named}
        constant = {} if shift is None or bias is None else {bias: grown(shift, n, c.error(shift))}
        e = c.again(**{first: grown(a, n, ea), second: b.abs()}, **constant, **scales)
        if eb is not None:
            nothing = {} if shift is None or bias is None else {bias: torch.zeros_like(shift)}
            e += c.again(**{first: plus(a.abs(), ea), second: eb}, **nothing, **scales)
        return e.mul_(slack(n)).add_(8 * n * TINY)

    return rule


def convolution_gradient(c: Call) -> tuple[Bound, ...]:
    """Bound what is bilinear in (grad, weight) and in (grad, input), both at once; the bias gets a sum of grad."""
    g, x, w, wanted = c["grad_output"], c["input"], c["weight"], c["output_mask"]
    positions = g.shape[0] * max(math.prod(g.shape[2:]), math.prod(x.shape[2:]))
    n = max(w.numel() // min(w.shape[:2]), positions if wanted[1] or wanted[2] else 0)
    eg, ex, ew = c.error(g), c.error(x), c.error(w)
    e = c.again(grad_output=grown(g, n, eg), input=x.abs(), weight=w.abs())
    more: tuple[Bound, ...] = (None, None, None)
    if ex is not None or ew is not None:
        errors = {
            "input": torch.zeros_like(x) if ex is None else ex,
            "weight": torch.zeros_like(w) if ew is None else ew,
        }
        more = c.again(grad_output=plus(g.abs(), eg), **errors, output_mask=[wanted[0], wanted[1], False])
    return tuple(None if p is None else plus(p, q) * slack(n) + 8 * n * TINY for p, q in zip(e, more, strict=True))


def window(c: Call) -> int:
    """Count the entries that meet in one entry of a pooling, or windows that an entry lies in, and the division."""
    return int(math.prod(c["kernel_size"]) ** (3 - len(c["kernel_size"]))) + 1


def linear(name: str, count: Callable[[Call], int]) -> Rule:
    """Bound sums of the entries of `name`, coefficients >= 0, at most `count(call)` roundings for each."""

    def rule(c: Call) -> Bound:
        n, e = max(count(c), 0), c.error(c[name])
        if c[name].dtype != torch.float64:  # whole numbers and truth values, whose sums are exact
            return None if e is None else torch.tensor(torch.inf, dtype=torch.float64)
        if n == 0:
            return None if e is None else c.again(**{name: e})
        return c.again(**{name: grown(c[name], n, e)}).mul_(slack(n)).add_(4 * n * TINY)

    return rule


def smooth(change: Change) -> Rule:
    """Bound f(x), by change(x, f(x), e) >= |f(x + d) - f(x)| for all |d| <= e, up to a dozen roundings."""

    def rule(c: Call) -> Bound:
        own, e = c.out.abs().mul_(UNITS * U), c.error(c["self"])
        if e is not None:
            own.add_(change(c["self"], c.out, e))
        return own.mul_(slack()).add_(TINY)

    return rule


def power(c: Call) -> Bound:
    """Bound x^p, by |p| e times the largest |xi|^(p - 1).

    For p < 1 that is at the end of the interval nearest to zero, and the interval must not hold zero.
    """
    x, p = c["self"], c["exponent"]
    if isinstance(p, Tensor) or not isinstance(x, Tensor):
        raise NoRule(c.func, "only a tensor to a power that is a number")
    if p in (0, 1):
        return c.error(x) if p else None

    def change(x: Tensor, _: Tensor, e: Any) -> Tensor:
        steep = abs(p) * e * ((x.abs() + e) if p >= 1 else margin(x, e)) ** (p - 1)
        return steep if p == int(p) else within(e, x, steep)

    return smooth(change)(c)


def within(e: Tensor, room: Tensor, bound: Tensor) -> Tensor:
    """Return the bound where e < room; elsewhere the interval leaves the domain, unless e = 0."""
    return torch.where(e < room, bound, torch.where(e == 0, 0.0, torch.inf))

"""How errors pass through an operation that chooses: kinks, comparisons, look-ups, maxima.

Where the choice could be another one within the errors, the bound is infinite; where it is certain, bounds move along
with the entries. e = 0 makes a choice certain, even on the kink: the same numbers are compared, rounding or not.
The derivative of `amax` asks by == which entry it was, and between inexact numbers that is never certain: a shift by
the maximum, as in softmax, must be detached (it changes no value) if derivatives are to have finite bounds.
"""

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves

from verify.rounding_rules import TINY, Bound, Call, NoRule, Rule, U, float64, grown, plus, slack, window


def unless(certain: Tensor) -> Bound:
    """Return infinity where something is not certain."""
    return None if certain.all() else torch.where(certain, 0.0, torch.inf).double()


def branch(gap: Tensor, e: Bound) -> Bound:
    """Return infinity where the sign of `gap`, known up to e, is open.

    e = 0 leaves nothing open, not even gap = 0; NaN leaves everything open.
    """
    if e is None or not gap.numel():
        return None
    room = gap.abs().sub_(e, alpha=slack())
    return None if room.amin() > 0 else unless((room > 0) | torch.as_tensor(e == 0))


def leaky(slope: str) -> Rule:
    """Bound x or slope x, whichever side of zero x is on: steepness at most max(1, |slope|)."""

    def rule(c: Call) -> Bound:
        x, s = c["self"], c[slope]
        e, es = c.error(x), c.error(s)
        own = c.out.abs() * U + TINY
        if es is not None:
            own = own + plus(x.abs(), e) * es
        steepness = s.abs().clamp_min(1) if isinstance(s, Tensor) else max(1.0, abs(s))
        return (own if e is None else own + e * steepness) * slack()

    return rule


def compared(c: Call) -> Bound:
    """Say where a < b and its like are certain; a threshold that is a number is taken as it is."""
    a, b = c["self"], c["other"]
    e = plus(c.error(a), c.error(b) if isinstance(b, Tensor) else None)
    return None if e is None else branch(a - b, e)


def sign(c: Call) -> Bound:
    """Say where the sign is certain."""
    return branch(c["self"], c.error(c["self"]))


def masked(*thresholds: str) -> Rule:
    """Bound the gradient of a function with kinks at `thresholds`: what surely passes keeps its bound."""

    def rule(c: Call) -> Bound:
        g, x = c.error(c["grad_output"]), c["self"]
        e = c.error(x)
        return plus(None if g is None else c.again(grad_output=g), *(branch(x - c[name], e) for name in thresholds))

    return rule


def lipschitz(*names: str) -> Rule:
    """Bound f by the largest bound of the arguments named: |f(x) - f(y)| <= max |x - y| and no rounding."""

    def rule(c: Call) -> Bound:
        total = None
        for e in (c.error(c[name]) for name in names if c.named.get(name) is not None):
            if e is not None:
                total = float64(e) if total is None else torch.maximum(total, float64(e))
        return total

    return rule


def rectified(c: Call) -> Bound:
    """Bound max(x, 0): certainly zero where x < -e. Torch's gradient asks the result, and must find that zero exact."""
    x, e = c["self"], c.error(c["self"])
    return None if e is None else torch.where(x < -e * slack(), 0.0, e)


def extreme(c: Call) -> Bound:
    """Bound maxima and minima over dimensions: |max x - max y| <= max |x - y|."""
    e = c.error(c["self"])
    return None if e is None else e.amax(c["dim"], c["keepdim"])


def chosen(condition: str, then: str, otherwise: str) -> Rule:
    """Bound one of two values by its own bound, if the condition is certain."""

    def rule(c: Call) -> Bound:
        errors = [c.error(c[then]), c.error(c[otherwise])]
        yes, no = (torch.as_tensor(0.0 if e is None else e, dtype=torch.float64) for e in errors)
        exact = errors[0] is None and errors[1] is None
        return plus(None if exact else torch.where(c[condition], yes, no), c.error(c[condition]))

    return rule


def moves(c: Call) -> Any:
    """Let entries that only change place take their bounds along; if an index is uncertain, nothing is known."""
    names = [name for name in ("self", "tensors", "src", "values", "grad_output") if name in c.named]
    data = {name: [c.error(x) for x in _listed(c[name])] for name in names}
    if _index_is_open(c, names):
        return torch.tensor(torch.inf, dtype=torch.float64)
    if all(e is None for errors in data.values() for e in errors):
        return None
    bounds = {
        name: [
            torch.zeros(x.shape, dtype=torch.float64) if e is None else e
            for x, e in zip(_listed(c[name]), data[name], strict=True)
        ]
        for name in names
    }
    return c.again(**{name: e if isinstance(c[name], (list, tuple)) else e[0] for name, e in bounds.items()})


def _index_is_open(c: Call, data: Collection[str]) -> bool:
    """Tell whether an argument that is no data, hence says where, has an error."""
    index = [x for name, value in c.named.items() if name not in data for x in tree_leaves(value)]
    return any(c.error(x) is not None for x in index if isinstance(x, Tensor))


def _listed(x: Any) -> list[Tensor]:
    return list(x) if isinstance(x, (list, tuple)) else [x]


def accumulated(name: str) -> Rule:
    """Bound entries of `name` added to those of `self` at given places; n is the most that meet in one place."""

    def rule(c: Call) -> Bound:
        if c.named.get("alpha", 1) != 1:
            raise NoRule(c.func, "alpha")
        base, source = c["self"], c[name]
        if not c.named.get("accumulate", True):
            return moves(c)
        if _index_is_open(c, ("self", name)):
            return torch.tensor(torch.inf, dtype=torch.float64)
        n = int(c.again(**{"self": torch.zeros_like(base), name: torch.ones_like(source)}).max()) if base.numel() else 0
        parts = {k: grown(x, n, c.error(x)) for k, x in (("self", base), (name, source))}
        return c.again(**parts).mul_(slack(n))

    return rule


def padded(c: Call) -> Bound:
    """Pad with exact numbers."""
    e = c.error(c["self"])
    return None if e is None else c.again(self=e, value=0)


def gathered(c: Call) -> Bound:
    """Bound entries that are looked up one by one."""
    e = c.error(c["self"])
    return plus(None if e is None else c.again(self=e), c.error(c["index"]))


def converted(c: Call) -> Bound:
    """Bound another type: in float64 truth values and whole numbers up to 2^53 keep their value."""
    e, x = c.error(c["self"]), c["self"]
    if e is not None and c.out.dtype not in (torch.float64, x.dtype):
        raise NoRule(c.func, f"from {x.dtype} to {c.out.dtype}")
    large = c.out.dtype == torch.float64 and x.dtype == torch.int64 and bool((c.out.abs() >= 2.0**53).any())
    return plus(e, c.out.abs() * U if large else None)


def read(c: Call) -> None:
    """Refuse to let a number that has an error leave the tensors, where its bound would be lost."""
    e = c.error(c["self"])
    if e is not None and not bool((e == 0).all()):
        raise NoRule(c.func, "it reads out a number that has an error")


def pooled_maximum(c: Call) -> tuple[Bound, Bound]:
    """Bound the maximum by max e; its place is certain if no rival's interval reaches the winner's.

    Exact ties are no rivals: the first of equal numbers wins, here and without rounding.
    """
    x, (best, place) = c["self"], c.out
    e = c.error(x)
    if e is None:
        return None, None
    if any(d != 1 for d in c["dilation"]):
        raise NoRule(c.func, "dilation")
    e = e.nan_to_num(nan=torch.inf, posinf=torch.inf)
    kernel, padding = (tuple(v) * (2 // len(v)) for v in (c["kernel_size"], c["padding"]))
    stride = tuple(c["stride"] or kernel) * (2 // len(c["stride"] or kernel))
    high = best.shape[-2:]
    need = [(n - 1) * s + k - p - m for n, s, k, p, m in zip(high, stride, kernel, padding, x.shape[-2:], strict=True)]

    def windows(values: Tensor, outside: float) -> Tensor:
        right, below = max(need[1], 0), max(need[0], 0)
        wide = torch.nn.functional.pad(values, (padding[1], right, padding[0], below), value=outside)
        return wide.unfold(-2, kernel[0], stride[0]).unfold(-2, kernel[1], stride[1])[..., : high[0], : high[1], :, :]

    wide = torch.where(e == 0, 0.0, e * slack() + x.abs() * (8 * U))
    own = wide.flatten(-2).gather(-1, place.flatten(-2)).view_as(best)[..., None, None]
    rival = (windows(x + wide, -torch.inf) >= best[..., None, None] - own) & ((windows(wide, 0.0) != 0) | (own != 0))
    certain = rival.sum((-2, -1)) <= (own != 0)[..., 0, 0]
    return c.again(self=e)[0], unless(certain)


def pooled_maximum_gradient(c: Call) -> Bound:
    """Bound sums of the gradients that meet in an entry; in a window with an uncertain winner nothing is known."""
    g, lost = c["grad_output"], c.error(c["indices"])
    n = window(c)
    e = c.again(grad_output=grown(g, n, c.error(g))).mul_(slack(n))
    if lost is None:
        return e
    open_windows = torch.ops.aten.avg_pool2d_backward(
        (lost != 0).double(), c["self"], c["kernel_size"], c["stride"], c["padding"], c["ceil_mode"], True, None
    )
    return torch.where(open_windows > 0, torch.inf, e)

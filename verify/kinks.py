"""Whether a piecewise-linear tail lies off its kinks at A, for certain, rounding included.

The tail runs once, operation by operation, under running error analysis. A unit is off its kinks if its input is
farther from each than the input's error bound; a maximum, if the largest entry exceeds every other one by more than
their two bounds. To be exactly on a kink or in an exact tie (post-ReLU zeros that share a pooling window) is to be on
it: there S has no second derivative, whatever torch says. A cast to whole numbers jumps; where, is not looked for. One
unit on a kink makes the whole answer "no", also where no entry in question can move it.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Interpreter
from torch.nn.functional import pad, unfold
from torch.utils._pytree import tree_leaves

from cam.smooth import PIECEWISE_LINEAR
from cam.tail import Tail
from verify.rounding import RunningError, unwatched

aten: Any = torch.ops.aten
SLACK = 1 + 2.0**-40  # for the rounding of a distance, which is within one unit of the numbers it is taken from


def is_off_kinks(tail: Tail, A: Tensor) -> bool:
    """Return whether no unit of the tail lies on a kink at A, shape (1, K, H, W); False where that is not known."""
    with RunningError() as mode, torch.no_grad():
        watch = _Watch(tail, mode)
        watch.run(A.contiguous())
    return watch.certain


class _Watch(Interpreter):
    """Run a tail and note whether every piecewise-linear operation is off its kinks."""

    def __init__(self, tail: Tail, mode: RunningError) -> None:
        super().__init__(tail.graph)
        self.mode = mode
        self.certain = True

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Run one operation, after a look at its first operand, and see whether whole numbers come of others."""
        packet = getattr(target, "overloadpacket", None)
        if getattr(packet, "__name__", "") in PIECEWISE_LINEAR:
            with unwatched():
                off = KINKS.get(packet, _unknown)
                self.certain &= off(args[0], self.mode.error(args[0]) * SLACK, *args[1:], **kwargs)
        value = super().call_function(target, args, kwargs)
        if packet is not None and isinstance(value, Tensor) and not _has_fractions(value):
            # A cast jumps, and so does a sum that is taken in whole numbers: where, is not looked for.
            self.certain &= not any(isinstance(x, Tensor) and _has_fractions(x) for x in tree_leaves((args, kwargs)))
        return value


def _has_fractions(x: Tensor) -> bool:
    return x.is_floating_point() or x.is_complex()


def _unknown(*_: Any, **__: Any) -> bool:
    """Where the operation bends is not described here."""
    return False


def _from(*kinks: float) -> Callable[..., bool]:
    return lambda x, e, *_, **__: all(bool(((x - kink).abs() > e).all()) for kink in kinks)


def _between(x: Tensor, e: Tensor, low: float | None = None, high: float | None = None, **_: Any) -> bool:
    return all(_from(kink)(x, e) for kink in (low, high) if kink is not None)


def _tops_apart(x: Tensor, e: Tensor, dim: int) -> bool:
    """Whether along `dim` the largest entry is certainly the largest."""
    if x.shape[dim] < 2:
        return True
    least, most = x - e, x + e
    first = x.argmax(dim, keepdim=True)
    others = most.scatter(dim, first, -torch.inf).amax(dim, keepdim=True)
    return bool((least.gather(dim, first) > others).all())


def _pooled(
    x: Tensor,
    e: Tensor,
    size: Any,
    stride: Any = (),
    padding: Any = (0, 0),
    dilation: Any = (1, 1),
    ceil_mode: bool = False,
) -> bool:
    """Whether in every window of a max-pool the largest entry is certainly the largest."""
    if ceil_mode:
        return False
    size, stride, padding, dilation = (
        [number, number] if isinstance(number, int) else [*number, *number][:2]
        for number in (size, stride or size, padding, dilation)
    )
    margins = [padding[1], padding[1], padding[0], padding[0]]
    windows, errors = (
        unfold(pad(t, margins, value=outside), size, dilation=dilation, stride=stride).unflatten(1, (x.shape[1], -1))
        for t, outside in ((x, LOWEST), (e, 0.0))
    )
    return _tops_apart(windows, errors, 2)


LOWEST = -(2.0**1000)  # instead of minus infinity, of which unfold would make NaN

KINKS: dict[Any, Callable[..., bool]] = {
    aten.relu: _from(0.0),
    aten.abs: _from(0.0),
    aten.leaky_relu: _from(0.0),
    aten._prelu_kernel: _from(0.0),
    aten.hardtanh: lambda x, e, low=-1.0, high=1.0: _between(x, e, low, high),
    aten.clamp: lambda x, e, min=None, max=None: _between(x, e, min, max),
    aten.clamp_min: lambda x, e, least: _between(x, e, least),
    aten.clamp_max: lambda x, e, most: _between(x, e, most),
    aten.amax: lambda x, e, dim=(), keepdim=False: len(dim) == 1 and _tops_apart(x, e, dim[0]),
    aten.max_pool2d_with_indices: _pooled,
}

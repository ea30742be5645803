"""Functions of one number, place by place, and their first three derivatives at given places."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node

from cam.smooth import called, name_of, words


def _hardsigmoid(z: Tensor) -> Tensor:
    return (z + 3).clamp(0, 6) / 6


# How torch is asked for an operation of which it has no third derivative; the slope of its own hard sigmoid is 1/6 in
# float32, whatever the dtype (2.13, CPU).
WRITTEN_OUT: dict[str, Callable[..., Tensor]] = {
    "hardsigmoid": _hardsigmoid,
    "hardswish": lambda z: z * _hardsigmoid(z),
}
CURVED = words(
    """
    gelu silu mish elu celu selu softplus log_sigmoid_forward tanh sigmoid exp exp2 expm1 log log2 log10 log1p sqrt
    rsqrt reciprocal pow square sin cos tan sinh cosh asin acos atan asinh acosh atanh erf erfc erfinv hardswish
    """
)
BENT = words(
    "relu relu6 hardtanh clamp clamp_min clamp_max leaky_relu threshold hardshrink softshrink hardsigmoid abs "
    "_prelu_kernel"
)


def function_of(node: Node) -> Callable[..., Any]:
    """Return an operation as torch has its derivatives right."""
    return WRITTEN_OUT.get(name_of(node), called(node))


def derivatives(function: Callable[[Tensor], Tensor], at: Tensor, curved: bool) -> tuple[Tensor | None, ...]:
    """Return phi', phi'', phi''' of a function that acts place by place; None for the last two of a bent one.

    They are taken in float64 and rounded once.
    """
    with torch.enable_grad():
        z = at.detach().double().requires_grad_()
        orders: list[Tensor] = []
        value = function(z)
        for k in range(3 if curved else 1):
            if value.requires_grad:
                (value,) = torch.autograd.grad(value.sum(), z, create_graph=k < 2, materialize_grads=True)
            else:
                value = torch.zeros_like(z)
            orders.append(value.detach().to(at.dtype))
    return (*orders, *(None,) * (3 - len(orders)))

"""True derivatives by two independent oracles, nested reverse and nested forward mode, along single entries of A.

A `Function` is batchwise: it maps t of shape (B,) to (B,), and entry b of its result depends on t_b alone. Its
derivative is again one, so both oracles nest to any order:

    reverse   fn'(t) = gradient of sum_b fn(t)_b                     torch.autograd.grad
    forward   fn'(t) = derivative of fn at t in direction (1, .., 1)  torch.func.jvp: dual numbers

They agree to rounding where torch's rules are right. They are not right everywhere (of its native layer norm reverse
mode has the third derivative wrong, forward mode the second too), which is why `cam.tail` writes such operations out
in primitives.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Function = Callable[[Tensor], Tensor]


def reverse(fn: Function) -> Function:
    """Return the derivative of a batchwise function by reverse mode. Zeros where the function does not depend on t."""

    def derivative(t: Tensor) -> Tensor:
        with torch.enable_grad():
            if not t.requires_grad:
                t = t.view_as(t).requires_grad_()  # a view: the caller's t stays as it is
            return _slope(fn(t), t)

    return derivative


def forward(fn: Function) -> Function:
    """Return the derivative of a batchwise function by forward mode."""

    def derivative(t: Tensor) -> Tensor:
        return _dual(fn, t)[1]

    return derivative


ORACLES: dict[str, Callable[[Function], Function]] = {"reverse": reverse, "forward": forward}


def along_entries(function: Callable[[Tensor], Tensor], A: Tensor, entries: Tensor) -> Function:
    """Return the lines through A along single entries: t -> function(A + t_b e_{entries_b})_b.

    Args:
        function: (B, K, H, W) -> (B,).
        A: (1, K, H, W).
        entries: flat indices into A, shape (B,).
    """
    index = entries.unsqueeze(1)
    start = A.detach().reshape(1, -1).expand(len(entries), -1)

    def line(t: Tensor) -> Tensor:
        moved = start.scatter_add(1, index, t.unsqueeze(1))
        return function(moved.reshape(-1, *A.shape[1:]))

    return line


def tower(fn: Function, t: Tensor, order: int = 3, oracle: str = "reverse") -> Tensor:
    """Return the values of a batchwise function and of its derivatives 1 to `order` at t, shape (order + 1, B).

    One nested evaluation gives all orders; nesting an oracle order by order gives the same, starting from fn each time.

    Raises:
        ValueError: there is no such oracle.
    """
    if oracle not in ORACLES:
        raise ValueError(f"there is no oracle {oracle!r}: choose one of {', '.join(ORACLES)}")
    return _reverse_tower(fn, order, t) if oracle == "reverse" else _forward_tower(fn, order, t)


def nested_derivatives(
    function: Callable[[Tensor], Tensor],
    A: Tensor,
    entries: Tensor | None = None,
    order: int = 3,
    oracle: str = "reverse",
    chunk: int = 64,
) -> Tensor:
    """Return value and pure derivatives d^k function / dA_i^k, k = 0 .. order, along each single entry i.

    Every entry moves in a copy of A of its own. Differentiating sum_i dS/dA_i a second time on ONE copy would give the
    row sums sum_j d2S/dA_i dA_j of the Hessian instead of its diagonal, mixed terms of all other entries included.

    Args:
        function: (B, K, H, W) -> (B,), row b depends on A_b alone.
        A: (1, K, H, W), in float64 if rounding matters.
        entries: flat indices into A, shape (n,); all of them by default.
        order: highest derivative.
        oracle: "reverse" or "forward".
        chunk: entries differentiated at once, each with its own copy of A in memory.

    Returns:
        Shape (order + 1, n). One nested evaluation gives all orders of a chunk.

    Raises:
        ValueError: there is no such oracle.
    """
    entries = torch.arange(A.numel(), device=A.device) if entries is None else entries
    parts = [
        tower(along_entries(function, A, some), A.new_zeros(len(some)), order, oracle)
        for some in entries.split(chunk)
        if len(some)
    ]
    return torch.cat([A.new_empty(order + 1, 0), *parts], dim=1)


def _dual(fn: Callable[[Tensor], Any], t: Tensor) -> tuple[Any, Any]:
    """Return fn(t) and its derivative along (1, .., 1), as dual numbers have them."""
    # Torch writes the gradients of silu and mish out in differentiable operations only where gradients are enabled.
    with torch.enable_grad(), warnings.catch_warnings():
        # Its first jvp compiles torch's own rules with what torch itself has deprecated.
        warnings.filterwarnings("ignore", message=".*torch.jit.script", category=DeprecationWarning)
        values, slopes = torch.func.jvp(fn, (t,), (torch.ones_like(t),))[:2]
    return values, slopes


def _slope(values: Tensor, t: Tensor, more: bool = True) -> Tensor:
    if not values.requires_grad:
        return torch.zeros_like(t)
    (slope,) = torch.autograd.grad(values.sum(), t, create_graph=more, materialize_grads=True)
    return slope


def _reverse_tower(fn: Function, order: int, t: Tensor) -> Tensor:
    with torch.enable_grad():
        t = t.detach().requires_grad_()
        orders = [fn(t)]
        for k in range(1, order + 1):
            orders.append(_slope(orders[-1], t, more=k < order))
    return torch.stack([values.detach() for values in orders])


def _forward_tower(fn: Function, order: int, t: Tensor) -> Tensor:
    """Nested dual numbers; each level hands up the lower orders as its own values, so that fn runs once."""

    def orders(k: int) -> Callable[[Tensor], tuple[Tensor, ...]]:
        if k == 0:
            return lambda t: (fn(t),)

        def up_to_k(t: Tensor) -> tuple[Tensor, ...]:
            lower, slopes = _dual(orders(k - 1), t)
            return (*lower, slopes[-1])

        return up_to_k

    return torch.stack(orders(order)(t)).detach()

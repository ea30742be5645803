"""Any operation at all, pushed forward direction by direction by torch itself."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.walk import Jet, Walk, summed, whole_jet
from cam.smooth import called, layer_of, name_of


def generic(walk: Walk, node: Node, *_: Any, **__: Any) -> Any:
    """Push both derivatives through a linear or piecewise-linear operation, z -> J z, by torch's forward mode."""
    movers, function, primals = _function(walk, node)

    def push(*tangents: Tensor) -> Any:
        return torch.func.jvp(function, primals, tangents)[1]

    jets = [walk.jets[mover].dense() for mover in movers]
    first = torch.func.vmap(push)(*(one for one, _ in jets))
    second = None
    if any(two is not None for _, two in jets):
        second = torch.func.vmap(push)(*(torch.zeros_like(one) if two is None else two for one, two in jets))
    if isinstance(first, Tensor):
        return whole_jet(first, second)
    seconds = [None] * len(first) if second is None else second
    return [whole_jet(one, two) for one, two in zip(first, seconds, strict=True)]


def generic_curved(walk: Walk, node: Node, *_: Any, **__: Any) -> Jet:
    """Differentiate any operation F along t -> F(x + t z1 + t^2/2 z2): F''[z1, z1] + F'[z2], F''' + 3 F''[z1, z2]."""
    movers, function, primals = _function(walk, node)
    _demand_one(node, walk.plan.values[node])
    jets = [walk.jets[mover].dense() for mover in movers]
    ones = [one for one, _ in jets]
    twos = [torch.zeros_like(one) if two is None else two for one, two in jets]

    def orders(*both: Tensor) -> tuple[Tensor, ...]:
        return third_order(function, primals, both[: len(movers)], both[len(movers) :])

    # As in `demand_agreement`: some of torch's gradients can be differentiated only where these are enabled.
    with torch.enable_grad():
        first, second, third, bent = (one.detach() for one in torch.func.vmap(orders)(*ones, *twos))
    adjoint = walk.plan.adjoints[node].reshape(-1)
    walk.add(node, summed(second - bent, adjoint), summed(third, adjoint))
    return whole_jet(first, second)


def third_order(
    function: Callable[..., Tensor], primals: Sequence[Tensor], z1: Sequence[Tensor], z2: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the first, second and third derivative of t -> F(x + t z1 + t^2/2 z2) at 0, and F'[z2]."""
    zero = torch.zeros((), dtype=primals[0].dtype)

    def line(t: Tensor) -> Tensor:
        return function(*moved(primals, z1, z2, t))

    def slope(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda t: torch.func.jvp(f, (t,), (torch.ones_like(t),))[1]

    one = slope(line)
    two = slope(one)
    bent = torch.func.jvp(function, tuple(primals), tuple(z2))[1]
    return one(zero), two(zero), slope(two)(zero), bent


class UnknownOperation(ValueError):
    """An operation has no rule, and its second and third derivatives are not to be had from torch either."""


ADVICE = "give it a rule in cam/jets/rules, or take it apart in cam/primitives.py"


def _demand_one(node: Node, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise UnknownOperation(
            f"{name_of(node)} in layer {layer_of(node)!r} has no rule and puts out several tensors: {ADVICE}"
        )


def demand_reals(node: Node, moving: Container[Node], values: Mapping[Node, Any]) -> None:
    """Refuse a curved operation of complex numbers: only linear ones are followed.

    Raises:
        UnknownOperation: it takes or puts out complex numbers that depend on A.
    """
    ends = (values[one] for one in (node, *node.all_input_nodes) if one in moving)
    if any(isinstance(value, Tensor) and value.is_complex() for value in ends):
        raise UnknownOperation(
            f"{name_of(node)} in layer {layer_of(node)!r} is curved and complex, and has no rule: {ADVICE}"
        )


def demand_agreement(node: Node, moving: Container[Node], values: Mapping[Node, Any]) -> None:
    """Compare forward and reverse mode on what `generic_curved` asks of an operation without a rule.

    Raises:
        UnknownOperation: it puts out several tensors, or the two disagree, or one of them fails.
    """
    _, function, primals = of_movers(node, [n for n in node.all_input_nodes if n in moving], values)
    where = f"{name_of(node)} in layer {layer_of(node)!r}"
    _demand_one(node, values[node])
    rng = torch.Generator().manual_seed(0)

    def random(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=rng, dtype=torch.float64).to(like)

    z1, z2 = [random(x) for x in primals], [random(x) for x in primals]
    weights = random(values[node])
    try:
        with torch.enable_grad():
            _, *ahead, _ = third_order(function, primals, z1, z2)
            t = primals[0].new_zeros((), requires_grad=True)
            back = (function(*moved(primals, z1, z2, t)) * weights).sum()
            orders = []
            for _ in range(3):
                if back.requires_grad:  # else it is constant by now: 0, as forward mode has to say too
                    (back,) = torch.autograd.grad(back, t, create_graph=True, materialize_grads=True)
                else:
                    back = torch.zeros_like(t)
                orders.append(back.detach())
    except (RuntimeError, NotImplementedError) as error:
        raise UnknownOperation(f"{where} has no rule, and torch no third derivative of it: {ADVICE}") from error
    for one, other in zip(ahead, orders[1:], strict=True):
        found = (one * weights).sum()
        bound = torch.finfo(found.dtype).eps ** 0.5 * (one * weights).abs().sum()
        if not bool((found - other).abs() <= bound):
            raise UnknownOperation(
                f"{where} has no rule, and forward and reverse mode give it different higher derivatives"
                f" ({float(found)} and {float(other)}): {ADVICE}"
            )


def moved(primals: Sequence[Tensor], z1: Sequence[Tensor], z2: Sequence[Tensor], t: Tensor) -> list[Tensor]:
    """Return x + t z1 + t^2/2 z2 for every operand x."""
    return [x + t * a + t * t / 2 * b for x, a, b in zip(primals, z1, z2, strict=True)]


def of_movers(
    node: Node, movers: list[Node], values: Mapping[Node, Any]
) -> tuple[list[Node], Callable[..., Any], tuple[Tensor, ...]]:
    """Return an operation as a function of those operands that move, and where they are."""

    def function(*given: Tensor) -> Any:
        at = dict(zip(movers, given, strict=True))
        args, kwargs = map_arg((node.args, node.kwargs), lambda n: at[n] if n in at else values[n])
        return called(node)(*args, **kwargs)

    # Forward mode refuses places that share their memory, as those of `expand` do.
    return movers, function, tuple(values[mover].contiguous() for mover in movers)


def _function(walk: Walk, node: Node) -> tuple[list[Node], Callable[..., Any], tuple[Tensor, ...]]:
    return of_movers(node, [parent for parent in node.all_input_nodes if walk.moves(parent)], walk.plan.values)

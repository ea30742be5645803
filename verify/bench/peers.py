"""Other ways to the same derivatives: each is prepared once and then asked for some entries, (3, n)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from verify.bench.elsewhere import in_jax
from verify.bench.workloads import decomposed

Ask = Callable[[Sequence[int]], Tensor]


@dataclass(frozen=True)
class Peer:
    """One way.

    Args:
        name: what it is called in the table.
        prepare: model, A and the class -> a function of entries; not timed.
        entries: how many are asked for at once; where they are taken together they share what they can.
    """

    name: str
    prepare: Callable[[nn.Module, Tensor, int], Ask]
    entries: int


def _reverse(model: nn.Module, A: Tensor, target: int) -> Ask:
    tail = decomposed(model)
    A = A.detach().clone().requires_grad_()
    (slopes,) = torch.autograd.grad(tail(A)[0, target], A, create_graph=True)
    flat = slopes.flatten()

    def derivatives(entries: Sequence[int]) -> Tensor:
        found = []
        for i in entries:
            orders = [flat[i]]
            for more in (True, False):
                below = orders[-1]
                if below.requires_grad:
                    (row,) = torch.autograd.grad(below, A, create_graph=more, retain_graph=True, materialize_grads=True)
                    orders.append(row.flatten()[i])
                else:
                    orders.append(torch.zeros_like(below))
            found.append(torch.stack([one.detach() for one in orders]))
        return torch.stack(found, 1)

    return derivatives


def _directions(A: Tensor, entries: Sequence[int]) -> Tensor:
    e = torch.zeros(len(entries), A.numel(), dtype=A.dtype)
    e[range(len(entries)), list(entries)] = 1
    return e.view(-1, *A.shape)


def _forward(model: nn.Module, A: Tensor, target: int) -> Ask:
    from torch.func import jvp, vmap

    tail = decomposed(model)

    def one(e: Tensor) -> Tensor:
        def first(x: Tensor) -> Tensor:
            found: Tensor = jvp(lambda y: tail(y)[0, target], (x,), (e,))[1]
            return found

        (slope, second), (_, third) = jvp(lambda x: jvp(first, (x,), (e,))[:2], (A,), (e,))[:2]
        return torch.stack([slope, second, third])

    return lambda entries: vmap(one)(_directions(A, entries)).detach().T


def _mixed(model: nn.Module, A: Tensor, target: int) -> Ask:
    from torch.func import grad, jvp, vmap

    tail = decomposed(model)
    gradient = grad(lambda x: tail(x)[0, target])

    def one(e: Tensor) -> Tensor:
        (slope, second), (_, third) = jvp(lambda x: jvp(gradient, (x,), (e,))[:2], (A,), (e,))[:2]
        return torch.stack([(part * e).sum() for part in (slope, second, third)])

    return lambda entries: vmap(one)(_directions(A, entries)).detach().T


REFERENCE = Peer("nested_autograd", _reverse, 2)
PEERS = (
    REFERENCE,
    Peer("nested_jvp_vmap", _forward, 4),
    Peer("jvp_jvp_grad", _mixed, 4),
    Peer("jax_nested_jvp", in_jax, 8),
)
NOT_RUN = "not run"

"""Errors that are planted in the numeric room's code, one at a time, for the statements about whole maps to find.

Each is a part put in the place of a right one (`verify.readings.Code`); nothing is patched.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from verify.errors import unknown
from verify.readings import CAM, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


@dataclass(frozen=True)
class Planted:
    """One error: its name, what is wrong, the code with it, and the statements whose readings use the wrong part."""

    name: str
    says: str
    code: Code
    readers: tuple[str, ...]


SLOPES, CLOSED, BOTH = ("one-slope-everywhere",), ("closed-map",), ("closed-map", "weights-without-relu")


def _turned_rho(head: str, S: "Tensor") -> "Tensor":
    """Return f'''/f'' with the sigmoid's sign turned."""
    rho = CAM.rhos(head, S)
    return -rho if head == "sigmoid" else rho


def _turned_ratios(head: str, S: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return f''/f' and f'''/f', with the sign of the sigmoid's f'' turned."""
    second, third = CAM.ratios(head, S)
    return (-second if head == "sigmoid" else second), third


def _row_sums(function: "Callable[[Tensor], Tensor]", A: "Tensor") -> "Tensor":
    """Return S and its derivatives as differentiating the summed gradient again and again gives them."""
    import torch

    A = A.detach().requires_grad_()
    score = function(A).sum()
    orders, last = [score.detach().expand_as(A)], score
    for _ in range(3):
        slopes = torch.zeros_like(A)
        if last.requires_grad:
            (slopes,) = torch.autograd.grad(last, A, create_graph=True, materialize_grads=True)
        orders.append(slopes)
        last = slopes.sum()
    return torch.stack([order.detach() for order in orders]).flatten(1)


def _three(A: "Tensor", g: "Tensor", rho: "Tensor") -> "Tensor":
    """Return 1/(3 + sigma rho g)."""
    return 1 / (3 + rho * (A.sum((-2, -1), keepdim=True) * g))


def _cubes_inside(A: "Tensor", g: "Tensor", rho: "Tensor") -> "Tensor":
    """Return g^2/(2 g^2 + rho sum(A g^3))."""
    return g**2 / (2 * g**2 + rho * (A * g**3).sum((-2, -1), keepdim=True))


PLANTED: tuple[Planted, ...] = (
    Planted("sigmoid-sign", "The sigmoid's ratio f'''/f'' has the wrong sign.", replace(CAM, rhos=_turned_rho), BOTH),
    Planted(
        "sigmoid-second-sign", "The sigmoid's f'' has the wrong sign.", replace(CAM, ratios=_turned_ratios), CLOSED
    ),
    Planted("three-for-two", "alpha has 3 instead of 2 in its denominator.", replace(CAM, alphas=_three), BOTH),
    Planted("row-sums", "Row sums of the Hessian stand for its diagonal.", replace(CAM, derivatives=_row_sums), SLOPES),
    Planted("cubes-inside", "sum(A g^3) stands for (sum A) g^3.", replace(CAM, alphas=_cubes_inside), BOTH),
)


def planted(name: str) -> Planted:
    """Return the error of this name.

    Raises:
        UsageError: there is none.
    """
    known = {error.name: error for error in PLANTED}
    if name not in known:
        raise unknown("planted error", name, known)
    return known[name]

"""float64 by torch: derivatives by nesting one of the oracles of `cam.jets`, for a batch of cases at once.

A value is a tensor of shape (B,): B cases that differ in their numbers only. A number is a Python float, exactly (all
are dyadic).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sympy import Rational

from verify.probe import NoRule, Ratio, Scalar

if TYPE_CHECKING:
    from torch import Tensor

    from verify.catalogue.functions import Face


HIGHEST = 3


@dataclass(frozen=True)
class Float64:
    """Tensors of float64.

    Args:
        differentiate: function -> its derivative, `cam.jets.reverse` or `cam.jets.forward`.
    """

    differentiate: Callable[[Scalar], Scalar]

    def number(self, value: Rational) -> float:
        """Return a rational number.

        Raises:
            NoRule: float64 does not hold it exactly.
        """
        if Rational(float(value)) != value:
            raise NoRule(f"{value} is not exact in float64")
        return float(value)

    def exponential(self, value: "Tensor") -> "Tensor":
        """Return exp(value)."""
        return value.exp()

    def positive_part(self, value: "Tensor") -> "Tensor":
        """Return max(0, value), with torch's own convention for its derivative at 0."""
        return value.relu()

    def face(self, face: "Face") -> Scalar:
        """Return the function's torch face."""
        return face.torch

    def derivative(self, function: Scalar, order: int) -> Scalar:
        """Return the derivative by nesting the oracle.

        Raises:
            NoRule: the order is beyond `HIGHEST`.
        """
        if order > HIGHEST:
            raise NoRule(f"forward mode doubles its work with every order: beyond {HIGHEST} it is left to the others")
        for _ in range(order):
            function = self.differentiate(function)
        return lambda point: function(_tensor(point))

    def limit(self, ratio: Ratio, at: Any, side: str) -> "Tensor":
        """Raise: no finite number of float64 operations is a limit."""
        raise NoRule("a limit is no finite computation in float64")


def _tensor(point: Any) -> "Tensor":
    """Return a point as a tensor; a number stands for every case of the batch."""
    import torch

    return torch.as_tensor(point, dtype=torch.float64)

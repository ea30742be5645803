"""Torch's own module for each layer of `verify.layers`: float64, in eval mode, from maps (batch, channels, height,
width) to maps.
"""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from verify.catalogue.units import unit
from verify.layers import (
    Activate,
    AveragePool,
    BatchNorm,
    Bias,
    Convolution,
    Gate,
    GlobalAverage,
    Layer,
    Linear,
    MaxPool,
    Residual,
    shape_of,
)


class Shift(nn.Module):
    """out = A + values."""

    def __init__(self, values: Tensor) -> None:
        super().__init__()
        self.values: Tensor
        self.register_buffer("values", values)

    def forward(self, A: Tensor) -> Tensor:
        """Return the shifted map."""
        return A + self.values


class Added(nn.Module):
    """out = A + f(A)."""

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, A: Tensor) -> Tensor:
        """Return the sum."""
        return A + self.branch(A)


class Multiplied(nn.Module):
    """out = f(A) g(A); torch spreads a g(A) of shape (batch, channels, 1, 1) over whole channels."""

    def __init__(self, values: nn.Module, gates: nn.Module) -> None:
        super().__init__()
        self.values, self.gates = values, gates

    def forward(self, A: Tensor) -> Tensor:
        """Return the product."""
        return self.values(A) * self.gates(A)


def network(layers: Sequence[Layer]) -> nn.Module:
    """Return A (batch, channels, height, width) -> scores (batch, scores); the map itself is the layer "A"."""
    parts = OrderedDict([("A", nn.Identity()), ("tail", chain(layers)), ("scores", nn.Flatten())])
    return nn.Sequential(parts).eval().requires_grad_(False)


def chain(layers: Sequence[Layer]) -> nn.Module:
    """Return the modules of layers one after another."""
    return nn.Sequential(*map(module, layers))


def module(layer: Layer) -> nn.Module:
    """Return torch's module for one layer.

    Raises:
        TypeError: it is none of the layers known here.
    """
    match layer:
        case Convolution():
            inputs, height, width = shape_of(layer.weights[0])
            convolution = nn.Conv2d(
                inputs,
                len(layer.weights),
                (height, width),
                layer.stride,
                layer.padding,
                dtype=torch.float64,
            )
            return _filled(convolution, weight=layer.weights, bias=layer.biases)
        case Linear():
            inputs, outputs = len(layer.weights[0]), len(layer.weights)
            linear = _filled(nn.Linear(inputs, outputs, dtype=torch.float64), weight=layer.weights, bias=layer.biases)
            return nn.Sequential(nn.Flatten(), linear, nn.Unflatten(1, (outputs, 1, 1)))
        case BatchNorm():
            norm = nn.BatchNorm2d(len(layer.means), eps=0.0, dtype=torch.float64).eval()
            variances = [deviation**2 for deviation in layer.deviations]
            return _filled(
                norm, running_mean=layer.means, running_var=variances, weight=layer.scales, bias=layer.shifts
            )
        case AveragePool():
            return nn.AvgPool2d(layer.size)
        case MaxPool():
            return nn.MaxPool2d(layer.size)
        case GlobalAverage():
            return nn.AdaptiveAvgPool2d(1)
        case Bias():
            return Shift(tensor(layer.values))
        case Activate():
            return unit(layer.name).module()
        case Residual():
            return Added(chain(layer.layers))
        case Gate():
            return Multiplied(chain(layer.values), chain(layer.gates))
    raise TypeError(f"no module for a layer of type {type(layer).__name__}")


def tensor(numbers: Any) -> Tensor:
    """Return nested rational numbers as a float64 tensor."""
    return torch.tensor(_floats(numbers), dtype=torch.float64)


def _floats(numbers: Any) -> Any:
    return list(map(_floats, numbers)) if isinstance(numbers, (tuple, list)) else float(numbers)


def _filled(layer: nn.Module, **numbers: Any) -> nn.Module:
    """Fill a module's parameters and buffers with these numbers."""
    with torch.no_grad():
        for name, values in numbers.items():
            getattr(layer, name).copy_(tensor(values))
    return layer

"""How a layer's output is arranged as channels over places, (B, K, *places), for layers that put out something else.

Each is a `reshape_transform` as users of pytorch-grad-cam know it: a function of a tensor with a batch dimension that
moves entries about, or leaves some out, and changes none.
"""

from collections.abc import Callable
from math import isqrt

import torch
from torch import Tensor

Arrangement = Callable[[Tensor], Tensor]


def channels_last(x: Tensor) -> Tensor:
    """Return (B, *places, K) as (B, K, *places): blocks of Swin and of ConvNeXt."""
    return x.movedim(-1, 1)


def tokens(skip: int = 1, size: tuple[int, ...] | None = None) -> Arrangement:
    """Return the arrangement of tokens (B, skip + N, K) as a map (B, K, *size): blocks of a ViT.

    Args:
        skip: how many tokens come before those of the places: the class token, registers.
        size: height and width in tokens; a square by default.
    """

    def arranged(x: Tensor) -> Tensor:
        if x.ndim != 3:
            raise ValueError(f"tokens are of shape (batch, tokens, channels), not {tuple(x.shape)}")
        places = x.shape[1] - skip
        side = isqrt(max(places, 0))
        shape = (side, side) if size is None else tuple(size)
        if places < 1 or torch.Size(shape).numel() != places:
            raise ValueError(
                f"{x.shape[1]} tokens less {skip} are no map of {' x '.join(map(str, shape))} places: give tokens() "
                "the number of tokens to skip and the size of the map"
            )
        return x[:, skip:].movedim(2, 1).unflatten(2, shape)

    return arranged


def rearranges(arrangement: Arrangement, x: Tensor) -> bool:
    """Whether an arrangement only moves entries of a tensor shaped like x about, or leaves some out."""
    numbers = torch.arange(x.numel(), dtype=torch.float64, device=x.device).view(x.shape)
    found = arrangement(numbers)
    if not isinstance(found, Tensor) or found.dtype != numbers.dtype:
        return False
    flat = found.flatten()
    return bool((flat == flat.round()).all()) and len(flat.unique()) == len(flat) and bool((flat < x.numel()).all())

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

    def map_of(x: Tensor) -> Tensor:
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

    return map_of


def arranged(arrangement: Arrangement, x: Tensor, exact: bool) -> Tensor:
    """Return what an arrangement makes of a layer's output, or of derivatives by it, (B, ...).

    Raises:
        ValueError: it is no tensor (B, ...), or `exact` is true and it is not made by moving entries about.
    """
    found = arrangement(x)
    if not isinstance(found, Tensor) or found.ndim < 1 or len(found) != len(x):
        what = f"a tensor {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ValueError(
            f"reshape_transform must make a tensor (B, K, *places) of {tuple(x.shape)}, not {what}; for tokens it "
            "is cam.tokens(), with its brackets"
        )
    if exact and not rearranges(arrangement, x):
        raise ValueError(
            "reshape_transform must only move entries of an image about or leave some out: exact derivatives along "
            "entries are none along what it makes of them"
        )
    return found


def rearranges(arrangement: Arrangement, x: Tensor) -> bool:
    """Whether an arrangement only moves entries of each image of x about, or leaves some out.

    Tried on numbers of both signs and all sizes, of which no two have a third for their sum or mean, and on x itself:
    where entries go must not depend on what they are.
    """
    draws = torch.rand(x.numel(), 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    numbers = ((draws[:, 0] - 0.5).sign() * (40 * draws[:, 1] - 20).exp()).view(x.shape).to(x.device)
    found = arrangement(numbers)
    if not isinstance(found, Tensor) or found.dtype != numbers.dtype or found.ndim < 1 or len(found) != len(x):
        return False
    ordered, places = numbers.flatten().sort()
    origin = places[torch.searchsorted(ordered, found.flatten().contiguous()).clamp(max=x.numel() - 1)].view(
        found.shape
    )
    one_each = torch.equal(numbers.flatten()[origin], found) and len(origin.unique()) == origin.numel()
    images = origin.flatten(1) // max(x[0].numel(), 1) if found.ndim > 1 else origin.unsqueeze(1)
    own = bool((images == torch.arange(len(x), device=x.device).unsqueeze(1)).all())
    again = arrangement(x)
    return one_each and own and again.shape == found.shape and again.equal(x.flatten()[origin])

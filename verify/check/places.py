"""Where channels and places are in what a layer puts out: (1, K, H, W) out of whatever it is, entry by entry."""

import math
from typing import TYPE_CHECKING

from verify.errors import UsageError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from cam.arrangements import Arrangement

FIRST, LAST, TOKENS = "channels-first", "channels-last", "tokens"
PLACES = (FIRST, LAST, TOKENS)
# Class token, distillation token and up to four registers stand before the patches.
LEADING = 6


def arranged(shape: "tuple[int, ...]", places: str) -> "Tensor":
    """Return which entry of activations stands where: flat indices, shape (1, K, H, W).

    channels-first   (1, K, H, W)
    channels-last    (1, H, W, K)
    tokens           (1, N, K), the last H^2 of N tokens row by row; up to 6 others before them have no place

    Args:
        shape: of the activations.
        places: one of `PLACES`.

    Raises:
        UsageError: the shape is another one, or the word is.
    """
    import torch

    if places not in PLACES:
        raise unknown("arrangement", places, PLACES)
    dimensions = 3 if places == TOKENS else 4
    if len(shape) != dimensions:
        hint = "; if these are tokens, --places tokens" if len(shape) == 3 else ""
        raise UsageError(
            f"the layer puts out {shape}, and a map weighs channels over places: {places} is "
            f"{'(1, N, K)' if places == TOKENS else '(1, K, H, W)' if places == FIRST else '(1, H, W, K)'}{hint}; "
            "choose a layer that puts that out"
        )
    index = torch.arange(math.prod(shape)).view(shape)
    move = arrangement(places)
    return index if move is None else move(index)


def arrangement(places: str) -> "Arrangement | None":
    """Return what makes (B, K, H, W) of activations, as `cam.GradCAMPlusPlus` takes it; None if nothing has to.

    Raises:
        UsageError: the word is unknown.
    """
    from cam.arrangements import channels_last

    if places not in PLACES:
        raise unknown("arrangement", places, PLACES)
    return {FIRST: None, LAST: channels_last, TOKENS: _square}[places]


def _square(x: "Tensor") -> "Tensor":
    """Return tokens as a square map, without those that stand before it."""
    from cam.arrangements import tokens

    side = math.isqrt(x.shape[1])
    leading = x.shape[1] - side * side
    if leading > LEADING:
        raise UsageError(f"{x.shape[1]} tokens are no square map: {side} × {side} leaves {leading} over")
    return tokens(leading)(x)


def is_map(shape: "tuple[int, ...]", places: str) -> bool:
    """Say whether activations of a shape have more than one place, wherever their channels are.

    So a pooled map, (1, K, 1, 1) or (1, 1, 1, K), is none. Tokens have places where a layer puts out tokens too.
    """
    if len(shape) == 4:
        return all(arranged(shape, each)[0, 0].numel() > 1 for each in (FIRST, LAST))
    return places == TOKENS and len(shape) == 3 and shape[1] > 1


def looks_otherwise(shape: "tuple[int, ...]", places: str) -> bool:
    """Say whether a shape (1, a, b, c) that is read channels first looks as if its channels came last: a = b << c."""
    return places == FIRST and len(shape) == 4 and shape[1] == shape[2] and shape[3] > 2 * shape[2]

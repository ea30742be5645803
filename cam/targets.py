"""Which score of each image is explained."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from cam.place import described

Scored = Callable[[Tensor], Tensor]
One = int | Scored
Targets = One | Sequence[One] | Tensor | None


def listed(targets: Targets, images: int) -> list[One | None]:
    """Return a class, a function of the scores or None for each image.

    Raises:
        ValueError: there are not as many as images, or one is neither a class index nor a function.
    """
    given: Any = targets
    given = given.tolist() if hasattr(given, "tolist") else given
    each: list[Any] = list(given) if isinstance(given, (list, tuple, range)) else [given] * images
    if len(each) != images:
        raise ValueError(f"there are {images} images and {len(each)} targets: give one class for all or one per image")
    found: list[One | None] = []
    for one in each:
        index = _index(one)
        if one is not None and not callable(one) and index is None:
            raise ValueError(f"a target is a class index or a function of an image's scores (C,), not {one!r}")
        found.append(one if one is None or callable(one) else index)
    return found


def chosen(targets: Sequence[One | None], scores: Tensor) -> list[One]:
    """Return the targets with the class of the highest score for None.

    Raises:
        ValueError: there is no such class.
    """
    best = scores.detach().argmax(1).tolist()
    found = [best[b] if one is None else one for b, one in enumerate(targets)]
    for one in found:
        if not callable(one) and not 0 <= one < scores.shape[1]:
            raise ValueError(f"the model has classes 0 to {scores.shape[1] - 1}, not {one}")
    return found


def score(target: One, scores: Tensor) -> Tensor:
    """Return the score of one image, a scalar, from its scores (C,).

    Raises:
        ValueError: a function gives something else than one number.
    """
    if not callable(target):
        return scores[target]
    found = target(scores)
    if not isinstance(found, Tensor) or found.numel() != 1 or not found.is_floating_point():
        what = described(found) if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ValueError(f"a target makes one number, a floating tensor, of the scores ({len(scores)},), not {what}")
    return found.reshape(())


def _index(value: Any) -> int | None:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return None
    if isinstance(value, Tensor) and value.ndim:
        return None
    return int(value.__index__())

"""The nearest later layer behind which the closed form would be valid."""

from typing import TYPE_CHECKING, Any

from verify.check.places import FIRST, is_map
from verify.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor, nn

    from cam.tail import Cut


def later_layers(
    model: "nn.Module", layer: str, image: "Tensor", places: str = FIRST
) -> "tuple[dict[str, int], dict[str, int]]":
    """Return when layers end that end after `layer` does, run once and put out a map with places; and when all start.

    The clock counts starts and ends; of a layer that starts several times it is the last start.
    """
    import torch

    starts: dict[str, list[int]] = {}
    ends: dict[str, int] = {}
    clock = iter(range(1 << 62))

    def before(name: str) -> "Callable[..., None]":
        return lambda *_: starts.setdefault(name, []).append(next(clock))

    def after(name: str) -> "Callable[..., None]":
        def note(_module: Any, _args: Any, output: Any) -> None:
            time = next(clock)
            if name == layer or (isinstance(output, torch.Tensor) and is_map(tuple(output.shape), places)):
                ends[name] = time

        return note

    handles = []
    try:
        for name, module in model.named_modules():
            handles += [module.register_forward_pre_hook(before(name)), module.register_forward_hook(after(name))]
        with torch.no_grad():
            model(image.clone())
    finally:
        for handle in handles:
            handle.remove()
    later = {name: end for name, end in ends.items() if end > ends[layer] and name and len(starts[name]) == 1}
    return later, {name: times[-1] for name, times in starts.items()}


def nearest_affine(
    model: "nn.Module",
    layer: str,
    image: "Tensor",
    smooth: "Iterable[str]",
    does: "Callable[[Cut], bool]",
    places: str = FIRST,
    progress: "Callable[[str], None]" = lambda _: None,
) -> str | None:
    """Return the nearest later layer with places that is piecewise linear behind it and does; None if there is none.

    Args:
        model: in eval mode.
        layer: behind which to look.
        image: what the model sees.
        smooth: the layers that run smooth operations: what ends before the last of them starts is not tried.
        does: whether the assumptions hold where a model was cut.
        places: how activations are arranged, one of `verify.check.places`.
        progress: called with every layer that is tried.
    """
    from cam.tail import CutError, cut

    later, starts = later_layers(model, layer, image, places)
    last = max((starts.get(name, 0) for name in smooth), default=0)
    for name in (name for name, end in later.items() if end > last):
        progress(name)
        try:
            where = cut(model, name, image)
            if not where.tail.smooth_operations and does(where):
                return name
        except (CutError, ValueError, UsageError):  # not on the path, or not to be looked at: then it is no advice
            continue
    return None

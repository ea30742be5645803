"""Where a model is cut: one call of one layer, and the side of it at which A stands.

A hook sees what the layer put out, or what goes into it, before anything wrote over it. So A at the output of a
convolution is the pre-activation, even where an in-place ReLU overwrites that tensor next; A at the output of this ReLU
is the post-activation, and A at its input the pre-activation again.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_iter, tree_map_only

from cam.state import times_written

Side = Literal["output", "input"]


class CutError(ValueError):
    """The model cannot be cut there; the message names the layer, what was expected and what to do."""


@dataclass(frozen=True, eq=False)
class Place:
    """One side of one call of a layer.

    Args:
        module: the layer.
        name: its dotted name.
        at: "output" for what it puts out, "input" for what goes into it.
        call: which of its runs, counted from 0 or from -1 backwards; None if it has to run once.
    """

    module: nn.Module
    name: str
    at: Side = "output"
    call: int | None = None

    def __str__(self) -> str:
        return f"layer {self.name!r}" + ("" if self.call is None else f", call {self.call},")


@dataclass(frozen=True, eq=False)
class Seen:
    """What stood at a place while the model ran.

    Args:
        A: the activations, detached, a copy with the strides of the original.
        call: the number of the call, counted from 0.
        written: whether the layer writes over the tensor that is cut, which others may read after it: over its input,
            or over an input that is its output as well.
        result: what the model returned.
    """

    A: Tensor
    call: int
    written: bool
    result: Any


def find(model: nn.Module, layer: nn.Module | str, at: str, call: int | None) -> Place:
    """Return the place that the arguments of `cam.cut` name.

    Raises:
        CutError: there is no such layer or side, or `call` is no integer.
    """
    if at not in ("output", "input"):
        raise CutError(f"a layer is cut at its 'output' or at its 'input', not at {at!r}")
    if call is not None and (isinstance(call, bool) or not isinstance(call, int)):
        raise CutError(f"call must be the number of one run of the layer, or None, not {call!r}")
    if not isinstance(model, nn.Module):
        raise CutError(f"the model must be a torch.nn.Module, not {described(model)}")
    if not isinstance(layer, (nn.Module, str)):
        raise CutError(f"a layer is a module of the model or its dotted name, not {layer!r}")
    modules = dict(model.named_modules())
    if isinstance(layer, nn.Module):
        for name, module in modules.items():
            if module is layer:
                return _place(modules, name, at, call)
        raise CutError(
            f"this {type(layer).__name__} is not a module of the model: pass one that is, or its dotted name"
        )
    if layer in modules:
        return _place(modules, layer, at, call)
    near = get_close_matches(layer, modules, n=3, cutoff=0)
    raise CutError(f"the model has no layer {layer!r}; the nearest names are {', '.join(map(repr, near))}")


def _place(modules: Mapping[str, nn.Module], name: str, at: str, call: int | None) -> Place:
    above = [name[:n] for n, letter in enumerate(name) if letter == "."]
    if any(isinstance(modules.get(one), torch.jit.ScriptModule) for one in ("", *above, name)):
        raise CutError(
            f"layer {name!r} is TorchScript, which runs no hooks: give the model that was scripted or traced"
        )
    return Place(modules[name], name, at, call)  # type: ignore[arg-type]


def look(place: Place, run: Callable[[], Any]) -> Seen:
    """Run the model and return what stood at the place.

    Raises:
        CutError: the layer does not run, or not as often as `call` says, or what stands there is not one floating
            tensor (1, ...).
    """
    before: list[tuple[Any, list[tuple[Tensor, int]]]] = []  # of the calls that have not ended
    calls: list[tuple[Any, bool]] = []

    def starts(_module: nn.Module, args: Any, kwargs: Any) -> None:
        taken = (args, kwargs)
        versions = [(x, times_written(x)) for x in tree_iter(taken) if isinstance(x, Tensor)]
        before.append((_copied(taken) if place.at == "input" else None, versions))

    def ends(_module: nn.Module, _args: Any, output: Any) -> None:
        taken, versions = before.pop()
        over = [x for x, times in versions if times_written(x) != times]
        if place.at == "input":
            calls.append((taken, bool(over)))
        else:
            shared = over and {storage_of(x) for x in over} & {storage_of(x) for x in floating(output)}
            calls.append((_copied(output), bool(shared)))

    handles = (
        place.module.register_forward_pre_hook(starts, with_kwargs=True),
        place.module.register_forward_hook(ends),
    )
    try:
        result = run()
    finally:
        for handle in handles:
            handle.remove()
    number = number_of(place, len(calls))
    value, written = calls[number]
    tensors = floating(value)
    if len(tensors) != 1 or tensors[0].ndim < 2 or len(tensors[0]) != 1:
        verb = "put out" if place.at == "output" else "take in"
        raise CutError(f"{place} must {verb} one floating tensor (1, ...) for one image, not {described(value)}")
    return Seen(tensors[0], number, written, result)


@contextmanager
def replaced(place: Place, seen: Seen, A: Tensor, before: Callable[[], object]) -> Iterator[list[int]]:
    """Put A in the place of what was seen there, and yield the growing list of the calls at which that was done.

    Right before it is done, `before` is called.
    Where the layer writes over the tensor, A is written into the tensor itself, so that whoever reads it after the
    layer reads what the layer made of A.
    """
    calls: list[int] = []
    done: list[int] = []

    def instead(value: Any) -> Any:
        calls.append(len(calls))
        if calls[-1] != seen.call:
            return None
        done.append(calls[-1])
        before()
        (tensor,) = floating(value)
        if seen.written:
            tensor.copy_(A)
            return None
        return tree_map_only(Tensor, lambda x: A if x is tensor else x, value)

    if place.at == "input":
        handle = place.module.register_forward_pre_hook(
            lambda _module, args, kwargs: instead((args, kwargs)), with_kwargs=True
        )
    else:
        handle = place.module.register_forward_hook(lambda _module, _args, output: instead(output))
    try:
        yield done
    finally:
        handle.remove()


def scores_in(result: Any, images: int = 1) -> Tensor:
    """Return the scores (images, C) in what a model returned: it, its `logits`, or the only tensor that it holds.

    Raises:
        CutError: they are not there, or not (images, C).
    """
    logits = result.get("logits") if isinstance(result, Mapping) else getattr(result, "logits", None)
    tensors = [logits] if isinstance(logits, Tensor) else floating(result)
    if len(tensors) != 1 or tensors[0].ndim != 2 or len(tensors[0]) != images:
        many = "one image" if images == 1 else f"{images} images"
        raise CutError(f"the model must put out scores ({images}, classes) for {many}, not {described(result)}")
    return tensors[0]


def floating(value: Any) -> list[Tensor]:
    """Return the floating tensors in nested tuples, lists and dicts, each once."""
    return list({id(x): x for x in tree_iter(value) if isinstance(x, Tensor) and x.is_floating_point()}.values())


def number_of(place: Place, runs: int) -> int:
    """Return which call is meant, counted from 0.

    Raises:
        CutError: there is no such call, or several and none is chosen.
    """
    name = f"layer {place.name!r}"
    if not runs:
        raise CutError(f"{name} does not run as a module when the model does: choose one that does")
    if place.call is None:
        if runs > 1:
            raise CutError(f"{name} runs {runs} times when the model does: choose one by call=0 to call={runs - 1}")
        return 0
    if not -runs <= place.call < runs:
        times = "once" if runs == 1 else f"{runs} times"
        raise CutError(f"{name} runs {times}: call must be from {-runs} to {runs - 1}, not {place.call}")
    return place.call % runs


def _copied(value: Any) -> Any:
    """Return the value with copies of its tensors, one for each, since the next operation may write over them."""
    copies: dict[int, Tensor] = {}
    return tree_map_only(Tensor, lambda x: copies.setdefault(id(x), x.detach().clone()), value)


def described(value: Any) -> str:
    """Say what a value is: a tensor, or what holds how many of them."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and dtype {value.dtype}".replace("torch.", "")
    tensors = floating(value)
    shapes = "".join(f" {tuple(x.shape)}" for x in tensors)
    return f"a {type(value).__name__} with {len(tensors)} such tensors{shapes and ':' + shapes}"


def storage_of(x: Tensor) -> int:
    """Return what two tensors have in common that share their memory."""
    return x.untyped_storage()._cdata

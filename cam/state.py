"""The model and torch come back as they were, whatever a run did to them and also when an exception flies."""

import random
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from itertools import chain
from operator import attrgetter, is_
from typing import Any

import torch
from torch import Tensor, nn

from cam.inventory import Inventory

# Tensors of these types with fewer numbers than this are copied and compared together, not one by one.
PLAIN, SMALL = frozenset({Tensor, nn.Parameter}), 1 << 14
# What autograd keeps with a leaf.
IS_LEAF, RECORDED = attrgetter("is_leaf"), attrgetter("requires_grad", "grad")
# The integers that have as many bytes as a number; 8 and more are taken in pieces of 8.
BITS = {1: torch.int8, 2: torch.int16, 4: torch.int32}
# A model that runs here has hooks in it and torch has flags set: one at a time, whatever thread asks.
ALONE = threading.RLock()


@contextmanager
def untouched(model: nn.Module, parameters: bool = True, held: Inventory | None = None) -> Iterator[Callable[[], None]]:
    """Put back what a run changes in a model and in the generators of random numbers: at the end, and in a model also
    whenever the yielded function is called.

    That is the attributes of each module (flags, hooks, parameters and buffers by identity, tensors that a forward
    keeps) and what lists, dicts, sets and deques among them hold, also inside each other; of parameters, buffers and
    tensors held in those ways the values, the place in memory with shape and type, `requires_grad` and `.grad` by
    identity; the states of torch's and Python's own generators. A tensor that the model wrote over gets its bits back,
    and a higher version. What a run does to objects outside the model stays.

    Args:
        model: the model.
        parameters: whether the values of parameters and their places in memory are put back too, which takes a copy of
            them all. One that is held as a buffer or in an attribute alone always is.
        held: what the model holds now, if that is known.
    """
    held = held or Inventory(model)
    left = set() if parameters else set(map(id, held.parameters))
    valued = [x for x in held.tensors if id(x) not in left and not x.is_meta]
    plain = [x for x in valued if _is_plain(x)]
    same = [x.detach() for x in plain]
    small = [(x, y) for x, y in zip(plain, same, strict=True) if y.numel() < SMALL and y.is_contiguous()]
    others = set(map(id, valued)).difference(id(x) for x, _ in small)
    restores = [
        held.put_back,
        _laid_out(plain, same),
        *map(_together, _alike(small)),
        *(_alone(x) for x in valued if id(x) in others),
        _recording(held.tensors),
    ]

    def put_back() -> None:
        for restore in restores:
            restore()

    state = random.getstate()
    try:
        with _generators(held.tensors):
            yield put_back
    finally:
        random.setstate(state)
        put_back()


def generator_states(model: nn.Module) -> list[Tensor]:
    """Return the states of torch's generators: the CPU's and those of the devices on which the model is."""
    devices = _devices(chain(model.parameters(), model.buffers()))
    return [torch.get_rng_state(), *(torch.get_device_module(device).get_rng_state(device) for device in devices)]


def times_written(x: Tensor) -> int:
    """Return how often a tensor has been written over; inference tensors do not count, and give 0."""
    return 0 if x.is_inference() else x._version


@contextmanager
def plain_torch() -> Iterator[None]:
    """No gradients, no inference tensors (they cannot be differentiated later), no fused transformer layer, nothing
    compiled, and no other thread in here.

    The fused layer is what torch may run instead of a transformer's own operations, and it cannot be traced. What
    `torch.compile` made runs as it was written.
    """
    with ExitStack() as stack:
        stack.enter_context(ALONE)
        fast = torch.backends.mha.get_fastpath_enabled()
        stack.callback(torch.backends.mha.set_fastpath_enabled, fast)
        torch.backends.mha.set_fastpath_enabled(False)
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and to load it takes a second
            stack.enter_context(torch.compiler.set_stance("force_eager"))
            stack.enter_context(_nested_traces())
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield


@cache
def _nested_traces() -> Any:
    """Return what lets compiled functions be traced: one for all calls, since torch never forgets one that was used."""
    return torch._dynamo.config.patch(error_on_nested_fx_trace=False)


def _devices(tensors: Iterable[Tensor]) -> list[torch.device]:
    return sorted((one for one in {x.device for x in tensors} if one.type not in ("cpu", "meta")), key=str)


@contextmanager
def _generators(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Fork torch's generators: the CPU's and those of the devices on which the tensors are."""
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        for device in _devices(tensors):
            stack.enter_context(torch.random.fork_rng(devices=[device], device_type=device.type))
        yield


def _alike(tensors: Iterable[tuple[Tensor, Tensor]]) -> list[list[tuple[Tensor, Tensor]]]:
    """Return tensors by type of number and device."""
    groups: defaultdict[Any, list[tuple[Tensor, Tensor]]] = defaultdict(list)
    for x, same in tensors:
        groups[same.dtype, same.device].append((x, same))
    return list(groups.values())


def _together(tensors: list[tuple[Tensor, Tensor]]) -> Callable[[], None]:
    """Return what gives small tensors of one type their values back: copied and compared all at once.

    Args:
        tensors: each with another that shares its memory, once `_laid_out` has put it back.
    """
    rows = [same if same.ndim == 1 else same.view(-1) for _, same in tensors]
    copy = torch.cat(rows)

    def restore() -> None:
        if torch.equal(_bits(torch.cat(rows)), _bits(copy)):
            return
        for (x, _), row, one in zip(tensors, rows, copy.split([row.numel() for row in rows]), strict=True):
            if not _equal(row, one):
                _write(x, one.view(x.shape))

    return restore


def _alone(x: Tensor) -> Callable[[], None]:
    copy = x.detach().clone()

    def restore() -> None:
        if not _equal(x, copy):
            _write(x, copy)

    return restore


def _is_plain(x: Tensor) -> bool:
    """Whether a tensor is numbers in memory and nothing else."""
    return type(x) in PLAIN and x.layout == torch.strided and not x.is_quantized


def _laid_out(tensors: list[Tensor], same: list[Tensor]) -> Callable[[], None]:
    """Return what gives plain tensors back their place in memory, their shape and their type of number.

    `x.data = y`, `x.resize_(...)` and `module.half()` change them.

    Args:
        tensors: the tensors.
        same: others of the same numbers, place, shape and type, one for each.
    """

    def restore() -> None:
        for x, kept in zip(tensors, same, strict=True):
            if x.dtype != kept.dtype or not x.is_set_to(kept):
                with torch.inference_mode(x.is_inference()):
                    x.data = kept

    return restore


def _bits(x: Tensor) -> Tensor:
    """Return plain numbers as integers, of which -0 is not 0 and nan is nan."""
    return x.reshape(-1).resolve_conj().resolve_neg().view(BITS.get(x.itemsize, torch.int64))


def _write(x: Tensor, values: Tensor) -> None:
    with torch.inference_mode(x.is_inference()), torch.no_grad():
        for dim, step in enumerate(x.stride() if x.layout == torch.strided else ()):
            if step == 0 and x.shape[dim]:  # expanded: one number in memory
                x, values = x.narrow(dim, 0, 1), values.narrow(dim, 0, 1)
        x.copy_(values)


def _recording(tensors: list[Tensor]) -> Callable[[], None]:
    """Return what makes leaves of autograd leaves again, and gives them their `requires_grad` and `.grad` back."""
    leaves = [x for x in tensors if x.is_leaf]
    before = list(map(RECORDED, leaves))

    def restore() -> None:
        if all(map(IS_LEAF, leaves)) and all(map(is_, *map(chain.from_iterable, (map(RECORDED, leaves), before)))):
            return
        for x, (requires_grad, grad) in zip(leaves, before, strict=True):
            if not x.is_leaf and not x._is_view():
                x.detach_()
            if x.is_leaf:
                if x.requires_grad != requires_grad:
                    x.requires_grad_(requires_grad)
                if x.grad is not grad:
                    x.grad = grad

    return restore


def _equal(x: Tensor, copy: Tensor) -> bool:
    """Whether two tensors have the same bits; as far as torch can tell, if they are no plain numbers."""
    with torch.no_grad():
        if x.layout != torch.strided:
            return torch.equal(x.to_dense(), copy.to_dense())
        if _is_plain(x):
            return torch.equal(_bits(x), _bits(copy))
        return torch.equal(x, copy) or (
            x.is_floating_point() and torch.allclose(x, copy, rtol=0, atol=0, equal_nan=True)
        )

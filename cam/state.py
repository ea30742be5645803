"""The model and torch come back as they were, whatever a run did to them and also when an exception flies."""

import random
import sys
import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

CONTAINERS = frozenset({list, dict, set, OrderedDict, defaultdict, Counter, deque})
# A model that runs here has hooks in it and torch has flags set: one at a time, whatever thread asks.
ALONE = threading.RLock()


@contextmanager
def untouched(model: nn.Module, parameters: bool = True) -> Iterator[Callable[[], None]]:
    """Put back what a run changes in a model and in the generators of random numbers: at the end, and in a model also
    whenever the yielded function is called.

    That is the attributes of each module (flags, hooks, parameters and buffers by identity, tensors that a forward
    keeps) and what lists, dicts, sets and deques among them hold, also inside each other; of parameters, buffers and
    tensors held in those ways the values, `requires_grad` and `.grad` by identity; the states of torch's and Python's
    own generators. A tensor that the model wrote over gets its bits back, and a higher version. What a run does to
    objects outside the model stays.

    Args:
        model: the model.
        parameters: whether the values of parameters are put back too, which takes a copy of them all.
    """
    tensors = list(chain(model.parameters(), model.buffers()))
    held = list(chain.from_iterable(map(_held, model.modules())))
    kept = {
        id(x): x for x in (*tensors, *(x for x in held if isinstance(x, Tensor) and x.layout == torch.strided))
    }.values()
    restores = [_attributes(module) for module in model.modules()]
    restores.append(_contents([x for x in held if not isinstance(x, Tensor)]))
    restores += [_tensor(x, parameters or not isinstance(x, nn.Parameter)) for x in kept]

    def put_back() -> None:
        for restore in restores:
            restore()

    state = random.getstate()
    try:
        with _generators(tensors):
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
            stack.enter_context(torch._dynamo.config.patch(error_on_nested_fx_trace=False))
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        yield


def _devices(tensors: Iterable[Tensor]) -> list[torch.device]:
    return sorted({x.device for x in tensors if x.device.type not in ("cpu", "meta")}, key=str)


@contextmanager
def _generators(tensors: Iterable[Tensor]) -> Iterator[None]:
    """Fork torch's generators: the CPU's and those of the devices on which the tensors are."""
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=[]))
        for device in _devices(tensors):
            stack.enter_context(torch.random.fork_rng(devices=[device], device_type=device.type))
        yield


def _attributes(module: nn.Module) -> Callable[[], None]:
    attributes = dict(vars(module))

    def restore() -> None:
        vars(module).clear()
        vars(module).update(attributes)

    return restore


def _held(module: nn.Module) -> Iterator[Any]:
    """Return the containers among a module's attributes, those inside them, and the tensors in all of these."""
    met: set[int] = set()
    waiting: list[Any] = [vars(module)]
    while waiting:
        box = waiting.pop()
        for value in list(box.values() if isinstance(box, dict) else box):
            kind = type(value)
            if kind is tuple or kind in CONTAINERS:
                if id(value) not in met:
                    met.add(id(value))
                    if value:
                        waiting.append(value)
                    if kind is not tuple:
                        yield value
            elif isinstance(value, Tensor):
                yield value


def _contents(boxes: list[Any]) -> Callable[[], None]:
    copies = [box.copy() if box else () for box in boxes]

    def restore() -> None:
        for box, copy in zip(boxes, copies, strict=True):
            if box:
                box.clear()
            if copy:
                (box.extend if isinstance(box, (list, deque)) else box.update)(copy)

    return restore


def _tensor(x: Tensor, values: bool) -> Callable[[], None]:
    copy, written, requires_grad = x.detach().clone() if values else x, times_written(x), x.requires_grad
    grad = x.grad if x.is_leaf else None

    def restore() -> None:
        nonlocal written
        if copy is not x and (times_written(x) != written or not _equal(x, copy)):
            with torch.inference_mode(x.is_inference()), torch.no_grad():
                x.copy_(copy)
            written = times_written(x)
        if x.is_leaf:
            if x.requires_grad != requires_grad:
                x.requires_grad_(requires_grad)
            if x.grad is not grad:
                x.grad = grad

    return restore


def _equal(x: Tensor, copy: Tensor) -> bool:
    """Whether two tensors are equal, nan being equal to nan."""
    return torch.equal(x, copy) or (x.is_floating_point() and torch.allclose(x, copy, rtol=0, atol=0, equal_nan=True))

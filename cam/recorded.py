"""One forward pass of a model that records gradients from its target layers on, and nothing before them.

No parameter's gradient is worked out, and the trunk is neither kept nor walked back: what a map costs is a forward pass
and the backward pass of what stands behind the layers.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import BackwardCFunction
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_iter, tree_map_only

from cam.inventory import Latest
from cam.place import CutError, Place, described, floating, number_of, scores_in, storage_of
from cam.state import plain_torch, times_written, untouched

# A score is multiplied by one of these before a backward pass in float16, whose smallest number is 6e-8: by the largest
# under which nothing overflows.
SCALES = {torch.float16: (2.0**14, 2.0**7, 1.0)}


# What these make of a tensor is its shape's alone.
OF_SHAPE = {torch.zeros_like, torch.ones_like, torch.full_like, torch.empty_like}
OF_SHAPE |= {Tensor.new_zeros, Tensor.new_ones, Tensor.new_full, Tensor.new_empty}


class _Watch(TorchFunctionMode):
    """Note whether the model keeps from autograd what depends on a layer: by detach, no_grad or a hook on a gradient.

    Such a tail may bend, or have another gradient, for an image for which it did not show.
    """

    severed = idle = False

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        taken = (x for x in tree_iter((args, kwargs)) if isinstance(x, Tensor))
        if not self.idle and function not in OF_SHAPE and any(x.requires_grad and not x.is_leaf for x in taken):
            lost = not torch.is_grad_enabled() or not all(x.requires_grad for x in floating(result))
            self.severed = self.severed or lost or function is Tensor.register_hook
        return result


@dataclass(frozen=True, eq=False)
class Recording:
    """What a pass leaves behind.

    Args:
        scores: (B, C), with the graph that leads back to the layers.
        activations: of each layer, (B, ...), detached.
        edges: of each layer, where gradients by its activations are taken.
        severed: whether the model keeps something from autograd, if that was watched.
    """

    scores: Tensor
    activations: tuple[Tensor, ...]
    edges: tuple[GradientEdge, ...]
    severed: bool

    def gradients(self, S: Tensor) -> tuple[Tensor, ...]:
        """Return dS_b/dA_b of each layer, (B, ...), for the scores S of all images, (B,). The graph is used up.

        Raises:
            RuntimeError: torch cannot tell, or has recorded no way from a layer to the scores.
        """
        scales = SCALES.get(S.dtype, (1.0,))
        found: tuple[Tensor, ...] = ()
        for scale in scales:
            found = self._scaled(S, scale, keep=scale != scales[-1])
            if all(bool(g.isfinite().all()) for g in found):
                break
        return found

    def _scaled(self, S: Tensor, scale: float, keep: bool) -> tuple[Tensor, ...]:
        found = torch.autograd.grad(S, self.edges, torch.full_like(S, scale), retain_graph=keep)
        return tuple(g if scale == 1 else g.float() / scale for g in found)

    def signature(self, k: int) -> tuple[Any, ...] | None:
        """Return what autograd recorded between layer k and the scores: each operation, and which it reads.

        Two passes with one signature ran the same operations on what depends on the layer. It is None where that does
        not follow: something is kept from autograd, or has a backward pass of its own making.
        """
        if self.severed:
            return None
        places: dict[Any, int | None] = {self.edges[k].node: -1}  # None: does not depend on the layer
        lines: list[Any] = []
        waiting: list[Any] = [] if self.scores.grad_fn is None else [self.scores.grad_fn]
        while waiting:
            operation = waiting[-1]
            if operation in places:
                waiting.pop()
                continue
            parents = [parent for parent, _ in operation.next_functions]
            first = [parent for parent in parents if parent is not None and parent not in places]
            if first:
                waiting.extend(first)
                continue
            read = tuple((n, places[p]) for n, p in enumerate(parents) if p is not None and places[p] is not None)
            places[operation] = len(lines) if read else None
            if read and isinstance(operation, BackwardCFunction):
                return None
            if read:
                # A batch norm is straight with the statistics that it keeps, and curved with those of the batch.
                lines.append((operation.name(), read, getattr(operation, "_saved_training", None)))
            waiting.pop()
        return tuple(lines)


@dataclass(eq=False)
class _Layer:
    """What the hooks of one layer note."""

    place: Place
    watch: _Watch
    before: list[list[tuple[Tensor, int]]] = field(default_factory=list)
    seen: list[tuple[Any, GradientEdge | None]] = field(default_factory=list)
    runs: int = 0

    def starts(self, _module: nn.Module, args: Any, kwargs: Any) -> None:
        self.before.append([(x, times_written(x)) for x in tree_iter((args, kwargs)) if isinstance(x, Tensor)])

    def ends(self, _module: nn.Module, _args: Any, output: Any) -> Any:
        taken, n, call = self.before.pop(), self.runs, self.place.call
        self.runs += 1
        if call is not None and 0 <= call != n:
            return None
        tensors = floating(output)
        if len(tensors) != 1:
            self.seen.append((output, None))
            return None
        (x,) = tensors
        torch.set_grad_enabled(True)
        if x.requires_grad:  # another layer came before: its graph goes on
            self.watch.idle = True
            self.seen.append((x.detach().clone(), get_gradient_edge(x)))
            self.watch.idle = False
            return None
        A = x.detach().clone().requires_grad_()
        self.seen.append((A.detach(), get_gradient_edge(A)))
        if any(times_written(y) != times and storage_of(y) == storage_of(x) for y, times in taken):
            x.copy_(A)  # the layer writes in place: whoever reads the tensor after it reads A
            return None
        return tree_map_only(Tensor, lambda y: A.clone() if y is x else y, output)

    def found(self, images: int) -> tuple[Tensor, GradientEdge]:
        number = number_of(self.place, self.runs)
        A, edge = self.seen[0 if self.place.call is not None and self.place.call >= 0 else number]
        if edge is None or A.ndim < 2 or len(A) != images:
            raise CutError(f"{self.place} must put out one floating tensor ({images}, ...), not {described(A)}")
        return A, edge


@contextmanager
def recorded(
    model: nn.Module, places: Sequence[Place], images: Tensor, latest: Latest, watched: bool
) -> Iterator[Recording]:
    """Run the model once and yield what was recorded. The model comes back as it was at the end.

    Its parameters are not copied: that it writes over one is noticed by torch's count and the place in memory, and what
    it writes through `.data`, which torch does not count, stays.

    Args:
        model: in eval mode; (B, ...) -> scores (B, C).
        places: outputs of its layers.
        images: (B, ...).
        latest: what is known of what the model holds.
        watched: whether to watch if the model keeps something from autograd.

    Raises:
        CutError: a layer does not run, or several times without `call` saying which is meant, or does not put out one
            floating tensor (B, ...); the scores are not (B, C); the model writes over its parameters, or is not what
            `latest` demands.
    """
    watch = _Watch()
    layers = [_Layer(place, watch) for place in places]
    with plain_torch():
        held = latest.of(model)
        written = _written(held.parameters)
        with untouched(model, parameters=False, held=held), ExitStack() as stack:
            for layer in layers:
                for handle in (
                    layer.place.module.register_forward_pre_hook(layer.starts, with_kwargs=True),
                    layer.place.module.register_forward_hook(layer.ends),
                ):
                    stack.callback(handle.remove)
            # A layer's hook turns recording on: this turns it off again.
            with torch.no_grad(), watch if watched else nullcontext():
                result = model(images.clone())
        if (after := _written(held.parameters)) != written:
            x = next(x for x, old, new in zip(held.parameters, written, after, strict=True) if old != new)
            name = next((name for name, other in model.named_parameters() if other is x), "of its own")
            raise CutError(f"the model writes over its parameter {name!r} when it runs: what it did is not undone")
        scores = scores_in(result, len(images))
        activations, edges = zip(*(layer.found(len(images)) for layer in layers), strict=True)
        with torch.enable_grad():
            yield Recording(scores, activations, edges, watch.severed)


def _written(parameters: Sequence[Tensor]) -> list[tuple[int, int]]:
    """Return how often parameters have been written over and where they are in memory."""
    return [(x._version, x.data_ptr()) for x in parameters]


def scores_of(model: nn.Module, images: Tensor) -> Tensor:
    """Return the scores (B, C) of images (B, ...), without gradients. The model comes back as it was.

    Raises:
        CutError: the scores are not (B, C).
    """
    with plain_torch(), untouched(model):
        return scores_in(model(images.clone()), len(images))

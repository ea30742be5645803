"""Cut a network at a layer: the activations A there, and the tail A -> class scores as a graph of primitive operations.

The model runs twice on one image: once as it is, to read A off, and once traced, with A put in its place. Everything
in the trace that does not depend on A (the trunk, a skip connection around the layer, the parameters) becomes a
constant, so

    tail(A)_b = the model's scores for the given image, if A_b had stood there.

The traced operations mutate nothing, and those whose higher derivatives torch gets wrong or lacks (layer and instance
norm, attention, hard sigmoid) are written out in primitives. A tail is the function itself: where the model detaches a
tensor or works under `no_grad`, derivatives go through all the same. It shares the model's parameters: cut again after
changing them.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn.parameter import is_lazy
from torch.utils._pytree import tree_map_only

from cam.place import CutError, Side, find, look, scores_in
from cam.smooth import smooth_operations
from cam.state import generator_states, plain_torch, untouched
from cam.trace import followed, in_primitives, trace


@dataclass(frozen=True, eq=False)
class Tail:
    """Everything after the layer, as a function of A alone.

    Args:
        coarse: A of shape (1, ...) -> scores (1, C), as `cam.jets` takes it, with norms in one piece; every other value
            is a constant of the graph.
        at: the activations at which it was cut, (1, ...), contiguous.
    """

    coarse: GraphModule
    at: Tensor

    @cached_property
    def graph(self) -> GraphModule:
        """The same in primitive operations, whose higher derivatives torch has right: `cam.primitives`."""
        return in_primitives(self.coarse, self.at)

    def __call__(self, A: Tensor) -> Tensor:
        """Scores (B, C) of activations (B, ...); row b depends on A_b alone.

        Raises:
            CutError: A has another shape.
        """
        if A.ndim != self.at.ndim or A.shape[1:] != self.at.shape[1:]:
            expected = ", ".join(map(str, self.at.shape[1:]))
            raise CutError(f"the tail takes activations of shape (batch, {expected}), not {tuple(A.shape)}")
        A = A.contiguous()  # as it was when the views were traced
        return self.graph.forward(A) if len(A) == 1 else self._batched(A)

    def then(self, function: Callable[[Tensor], Tensor]) -> "Tail":
        """Return the tail with a function of its scores behind it, (1, C) -> (1, D).

        Raises:
            CutError: what it puts out is not (1, D) or does not depend on the scores, or it branches on values.
        """
        return Tail(followed(self.coarse, function, self.at), self.at)

    def softmax(self) -> "Tail":
        """Return the tail whose scores are the probabilities of the classes."""
        return self.then(lambda scores: scores.softmax(1))

    def log_softmax(self) -> "Tail":
        """Return the tail whose scores are the logarithms of the probabilities."""
        return self.then(lambda scores: scores.log_softmax(1))

    @cached_property
    def _batched(self) -> Callable[[Tensor], Tensor]:
        """The graph over a batch: by vmap, which lifts each operation, or else image by image.

        Torch's vmap has rules that fail (2.13: slice_scatter) and rules whose values are right and whose gradients are
        not (select_scatter). So the gradient of two images together is first compared with that of each alone. Higher
        derivatives need no more: they are taken of the operations that vmap has put in place, outside it.
        """
        forward = self.graph.forward  # traced here: inside a transform the trace would record the transform

        def together(A: Tensor) -> Tensor:
            return torch.func.vmap(forward)(A.unsqueeze(1)).squeeze(1)

        def alone(A: Tensor) -> Tensor:
            return torch.cat([forward(image) for image in A.split(1)])

        def gradient(scores_of: Callable[[Tensor], Tensor]) -> Tensor:
            return torch.func.grad(lambda A: (scores := scores_of(A)).mul(_weights_like(scores)).sum())(two)

        two = torch.cat([self.at, self.at.flip(tuple(range(1, self.at.ndim)))])
        expected = gradient(alone)
        try:
            return together if alike(gradient(together), expected) else alone
        except RuntimeError:  # no rule, or one that fails
            return alone

    @cached_property
    def smooth_operations(self) -> tuple[str, ...]:
        """Names of the operations that depend on A and are neither linear nor piecewise linear in it: `cam.smooth`."""
        return smooth_operations(self.graph.graph)


@dataclass(frozen=True, eq=False)
class Cut:
    """A model cut at a layer: `activations` A of shape (1, ...), detached and contiguous, and the `tail` after them."""

    activations: Tensor
    tail: Tail


def cut(
    model: nn.Module,
    layer: nn.Module | str,
    inputs: Tensor | tuple[Any, ...] | Mapping[str, Any],
    *,
    at: Side = "output",
    call: int | None = None,
) -> Cut:
    """Cut `model` at `layer` for one image. The model comes back as it was, also when this raises.

    A is what the layer put out (or took in) before anything wrote over it: at the output of a convolution the
    pre-activation, also under an in-place ReLU; at the output of the ReLU the post-activation. What is replaced is what
    the layer hands on. Who reads its input past it, as a skip connection does, reads what the model computed there;
    except where the layer itself writes over that tensor, as an in-place ReLU does: then all later readers read A, or
    what the layer makes of it.

    Args:
        model: in eval mode; maps the image to scores (1, C), or to a structure with them as `logits` or as its only
            floating tensor.
        layer: a module of the model or its dotted name. What stands there is one floating tensor of shape (1, ...): a
            map (1, K, H, W), tokens (1, N, C), a vector (1, K) and so on, alone or in a tuple, list or dict that holds
            no other floating tensor.
        inputs: a batch of one image, the tuple of all arguments of the model, or the dict of its keyword arguments.
        at: "output" cuts at what the layer puts out, "input" at what goes into it.
        call: which run of a layer that runs several times, counted from 0 or backwards from -1.

    Raises:
        CutError: there is no such layer, side or call; the layer runs several times and `call` is None; it does not
            reach the scores; what stands there is not one floating tensor (1, ...); the scores are not (1, C); a
            parameter is lazy or an inference tensor; a batch norm or a dropout is in training mode; the model draws
            random numbers or branches on the value of a tensor.
    """
    place = find(model, layer, at, call)
    demand_ready(model)
    args, kwargs = _arguments(inputs)

    def run() -> Any:
        # Clones, for the first operation may overwrite the image.
        own_args, own_kwargs = tree_map_only(Tensor, Tensor.clone, (args, kwargs))
        return model(*own_args, **own_kwargs)

    with plain_torch(), untouched(model) as put_back:
        generators = generator_states(model)
        seen = look(place, run)
        if not all(map(torch.equal, generators, generator_states(model))):
            raise CutError("the model draws random numbers: call model.eval() or remove what does")
        scores = scores_in(seen.result)
        put_back()
        tail = Tail(trace(model, place, seen, args, kwargs), seen.A.contiguous())
        again = tail(tail.at)
    if not alike(again, scores):
        raise CutError(f"the tail after {place} does not give the model's scores again: does the model keep a state?")
    return Cut(tail.at, tail)


def _arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,), {}


def demand_ready(model: nn.Module) -> None:
    """Raise CutError if a parameter is lazy or an inference tensor, or a batch norm or a dropout is training."""
    for module in model.modules():
        parameters: list[Tensor] = [x for x in module._parameters.values() if x is not None]
        for parameter in parameters:
            if is_lazy(parameter):
                name = _name_of(parameter, model.named_parameters())
                raise CutError(f"parameter {name!r} has no shape yet: run the model once before it is cut")
            if parameter.is_inference():
                raise CutError(
                    f"parameter {_name_of(parameter, model.named_parameters())!r} was made under "
                    "torch.inference_mode, and torch differentiates nothing through it: make the model outside"
                )
        if not module.training:
            continue
        kind = type(module).__name__
        if isinstance(module, nn.modules.batchnorm._NormBase) and (
            module.track_running_stats or not isinstance(module, nn.modules.instancenorm._InstanceNorm)
        ):
            raise CutError(
                f"{kind} {_name_of(module, model.named_modules())!r} is in training mode and would change its running "
                "statistics: call model.eval()"
            )
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            raise CutError(
                f"{kind} {_name_of(module, model.named_modules())!r} is in training mode and would drop activations at "
                "random: call model.eval()"
            )


def _name_of(one: Any, named: Iterable[tuple[str, Any]]) -> str:
    return next(name for name, other in named if other is one)


def _weights_like(scores: Tensor) -> Tensor:
    """Return a different weight for each score, so that no two of them can cancel."""
    return torch.linspace(1, 2, scores.numel(), dtype=scores.dtype, device=scores.device).view_as(scores)


def alike(one: Tensor, other: Tensor, dtype: torch.dtype | None = None) -> bool:
    """Whether two results are the same up to the order of roundings: half the digits of the largest entry agree.

    The largest that is finite; what is not has to be the same.

    Args:
        one: a result.
        other: the one whose largest entry counts.
        dtype: in which they were worked out; their own by default.
    """
    largest = float(other.abs().masked_fill(~other.isfinite(), 0).max())
    tolerance = math.sqrt(torch.finfo(dtype or other.dtype).eps) * largest
    return torch.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True)

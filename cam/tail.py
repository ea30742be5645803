"""Cut a network at a layer: the activations A there, and the tail A -> class scores as a graph of primitive operations.

The model runs twice on one image: once as it is, to read A off, and once traced, with the layer's output replaced by A.
Everything in the trace that does not depend on A (the trunk, a skip connection around the layer, the parameters)
becomes a constant, so

    tail(A)_b = the model's scores for the given image, if the layer had put out A_b.

The traced operations mutate nothing, and those whose higher derivatives torch gets wrong or lacks (layer and instance
norm, attention, hard sigmoid) are written out in primitives. A tail is the function itself: where the model detaches a
tensor or works under `no_grad`, derivatives go through all the same. It shares the model's parameters: cut again after
changing them.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.fx import Graph, GraphModule, Node
from torch.fx.experimental.proxy_tensor import make_fx
from torch.fx.node import map_arg
from torch.utils._pytree import tree_iter, tree_leaves, tree_map_only

from cam.primitives import PRIMITIVES
from cam.smooth import dependent, smooth_operations

aten = torch.ops.aten
# These give back their operand: a detached tensor is the same function of A, an alias is the same tensor.
SAME = frozenset({aten.detach.default, aten.alias.default, aten.lift_fresh.default})


class CutError(ValueError):
    """The model cannot be cut there; the message names the layer, what was expected and what to do."""


@dataclass(frozen=True, eq=False)
class Tail:
    """Everything after the layer, as a function of A alone.

    Args:
        graph: A of shape (1, K, H, W) -> scores (1, C); every other value is a constant of the graph.
        at: the activations at which it was cut, (1, K, H, W).
    """

    graph: GraphModule
    at: Tensor

    def __call__(self, A: Tensor) -> Tensor:
        """Scores (B, C) of activations (B, K, H, W); row b depends on A_b alone.

        Raises:
            CutError: A has another shape.
        """
        if A.ndim != 4 or A.shape[1:] != self.at.shape[1:]:
            expected = ", ".join(map(str, self.at.shape[1:]))
            raise CutError(f"the tail takes activations of shape (batch, {expected}), not {tuple(A.shape)}")
        A = A.contiguous()  # as it was when the views were traced
        return self.graph.forward(A) if len(A) == 1 else self._batched(A)

    @cached_property
    def _batched(self) -> Callable[[Tensor], Tensor]:
        """The graph over a batch: by vmap, which lifts each operation, or else image by image.

        Torch's vmap has rules that fail (2.13: slice_scatter) and rules whose values are right and whose gradients are
        not (select_scatter). So the gradient of two images together is first compared with that of each alone. Higher
        derivatives need no more: they are taken of the operations that vmap has put in place, outside it.
        """

        def together(A: Tensor) -> Tensor:
            return torch.func.vmap(self.graph.forward)(A.unsqueeze(1)).squeeze(1)

        def alone(A: Tensor) -> Tensor:
            return torch.cat([self.graph.forward(image) for image in A.split(1)])

        def gradient(scores_of: Callable[[Tensor], Tensor]) -> Tensor:
            return torch.func.grad(lambda A: (scores := scores_of(A)).mul(_weights_like(scores)).sum())(two)

        two = torch.cat([self.at, self.at.flip(-2, -1)])
        expected = gradient(alone)
        try:
            return together if _alike(gradient(together), expected) else alone
        except RuntimeError:  # no rule, or one that fails
            return alone

    @property
    def engine(self) -> GraphModule:
        return self.graph

    @cached_property
    def smooth_operations(self) -> tuple[str, ...]:
        """Names of the operations that depend on A and are neither linear nor piecewise linear in it: `cam.smooth`."""
        return smooth_operations(self.graph.graph)


@dataclass(frozen=True, eq=False)
class Cut:
    """A model cut at a layer: `activations` A of shape (1, K, H, W), detached, and the `tail` after them."""

    activations: Tensor
    tail: Tail


def cut(model: nn.Module, layer: nn.Module | str, inputs: Tensor | tuple[Any, ...]) -> Cut:
    """Cut `model` at the output of `layer` for one image. The model comes back as it was, also when this raises.

    Args:
        model: in eval mode; maps the image to scores (1, C).
        layer: a module of the model or its dotted name; it puts out A of shape (1, K, H, W) and runs once.
        inputs: a batch of one image, or the tuple of all arguments of the model.

    Raises:
        CutError: the layer is unknown, does not run exactly once, does not reach the scores or does not put out (1, K,
            H, W); the scores are not (1, C); a batch norm or a dropout is in training mode; the model draws random
            numbers or branches on the value of a tensor.
    """
    name, module = _find(model, layer)
    _demand_eval(model)
    arguments = tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)
    with _plain_torch():
        A, scores, in_place = _run(model, module, name, arguments)
        graph = _trace(model, module, name, A, arguments, in_place)
        tail = Tail(_fold(graph, arguments, name), A)
        again = tail(A)
    if not _alike(again, scores):
        raise CutError(
            f"the tail after layer {name!r} does not give the model's scores again: does the model keep a state?"
        )
    return Cut(A, tail)


@contextmanager
def _plain_torch() -> Iterator[None]:
    """No gradients, no inference tensors (they cannot be differentiated later), no fused transformer layer.

    The fused layer is what torch may run instead of a transformer's own operations, and it cannot be traced.
    """
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.inference_mode(False), torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _find(model: nn.Module, layer: nn.Module | str) -> tuple[str, nn.Module]:
    modules = dict(model.named_modules())
    if isinstance(layer, nn.Module):
        for name, module in modules.items():
            if module is layer:
                return name, module
        raise CutError(
            f"this {type(layer).__name__} is not a module of the model: pass one that is, or its dotted name"
        )
    if layer in modules:
        return layer, modules[layer]
    near = get_close_matches(layer, modules, n=3, cutoff=0) if layer else []
    raise CutError(f"the model has no layer {layer!r}; the nearest names are {', '.join(map(repr, near))}")


def _demand_eval(model: nn.Module) -> None:
    for name, module in model.named_modules():
        kind = type(module).__name__
        if not module.training:
            continue
        if isinstance(module, nn.modules.batchnorm._NormBase) and (
            module.track_running_stats or not isinstance(module, nn.modules.instancenorm._InstanceNorm)
        ):
            raise CutError(
                f"{kind} {name!r} is in training mode and would change its running statistics: call model.eval()"
            )
        if isinstance(module, nn.modules.dropout._DropoutNd) and module.p > 0:
            raise CutError(
                f"{kind} {name!r} is in training mode and would drop activations at random: call model.eval()"
            )


def _run(model: nn.Module, module: nn.Module, name: str, arguments: tuple[Any, ...]) -> tuple[Tensor, Tensor, bool]:
    """Return A, the scores, and whether the layer writes over its own input, which others may read after it."""
    versions: list[tuple[Tensor, int]] = []
    outputs: list[tuple[Any, bool]] = []

    def before(_module: nn.Module, args: Any, kwargs: Any) -> None:
        versions[:] = [(x, x._version) for x in tree_iter((args, kwargs)) if isinstance(x, Tensor)]

    def after(_module: nn.Module, _args: Any, output: Any) -> None:
        in_place = any(x is output and x._version != version for x, version in versions)
        # A clone, for the next operation may overwrite the output.
        outputs.append((output.detach().clone() if isinstance(output, Tensor) else output, in_place))

    handles = (module.register_forward_pre_hook(before, with_kwargs=True), module.register_forward_hook(after))
    try:
        # Clones, for the first operation may overwrite the image.
        scores = model(*tree_map_only(Tensor, Tensor.clone, arguments))
    finally:
        for handle in handles:
            handle.remove()
    if len(outputs) != 1:
        times = "does not run" if not outputs else f"runs {len(outputs)} times"
        raise CutError(f"layer {name!r} {times} when the model does: choose a layer that runs exactly once")
    ((A, in_place),) = outputs
    if not isinstance(A, Tensor) or A.ndim != 4 or len(A) != 1:
        raise CutError(
            f"layer {name!r} must put out activations (1, channels, height, width) for one image, not {_kind(A)}"
        )
    if not isinstance(scores, Tensor) or scores.ndim != 2 or len(scores) != 1:
        raise CutError(f"the model must put out scores (1, classes) for one image, not {_kind(scores)}")
    return A, scores, in_place


def _kind(value: Any) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"


def _trace(
    model: nn.Module, module: nn.Module, name: str, A: Tensor, arguments: tuple[Any, ...], in_place: bool
) -> GraphModule:
    """Return the graph of A -> scores with the whole trunk in it, A its first placeholder."""

    def scores_of(A: Tensor, *arguments: Any) -> Tensor:
        # Clones, or what the model does in place would be written back to the arguments at the end of the graph.
        A, arguments = A.clone(), tree_map_only(Tensor, Tensor.clone, arguments)

        def replace(_module: nn.Module, _args: Any, output: Tensor) -> Tensor:
            return output.copy_(A) if in_place else A

        handle = module.register_forward_hook(replace)
        try:
            return model(*arguments)
        finally:
            handle.remove()

    try:
        traced = _functional(scores_of, A, arguments)
        if any(isinstance(node.target, OpOverload) and node.target._schema.is_mutable for node in traced.graph.nodes):
            # Some operations (LSTM, cosine similarity) are taken apart too late, and into mutations: once more.
            traced = _functional(lambda *values: traced(*values), A, arguments)
    except RuntimeError as error:
        raise CutError(
            f"the part after layer {name!r} cannot be traced, for instance if it branches on values: {error}"
        ) from error
    for node in traced.graph.nodes:
        if isinstance(node.target, OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags:
            raise CutError(f"the model draws random numbers ({node.target}): call model.eval() or remove what does")
    return traced


def _functional(function: Callable[..., Tensor], A: Tensor, arguments: tuple[Any, ...]) -> GraphModule:
    functional = torch.func.functionalize(function)
    return make_fx(functional, decomposition_table=PRIMITIVES, tracing_mode="real")(A, *arguments)


def _weights_like(scores: Tensor) -> Tensor:
    """Return a different weight for each score, so that no two of them can cancel."""
    return torch.linspace(1, 2, scores.numel(), dtype=scores.dtype, device=scores.device).view_as(scores)


def _alike(one: Tensor, other: Tensor) -> bool:
    """Whether two results are the same up to the order of roundings: half the digits of the largest entry agree."""
    tolerance = math.sqrt(torch.finfo(other.dtype).eps) * float(other.abs().max())
    return torch.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True)


def _fold(traced: GraphModule, arguments: tuple[Any, ...], name: str) -> GraphModule:
    """Return the same graph with what does not depend on A computed once and stored, and A its only placeholder."""
    moving = dependent(traced.graph)
    (scores,) = traced.graph.output_node().args
    if not isinstance(scores, Node) or scores not in moving:
        raise CutError(f"the scores do not depend on the output of layer {name!r}: choose a layer on the path to them")
    live = _ancestors(scores)
    given = iter(tree_leaves(arguments))
    values: dict[Node, Any] = {}  # of the nodes that do not depend on A
    copies: dict[Node, Node] = {}  # in the new graph, of what it keeps
    folded, constants = Graph(), nn.Module()

    def operand(node: Node) -> Node:
        if node not in copies:
            constants.register_buffer(node.name, values[node])
            copies[node] = folded.get_attr(node.name)
        return copies[node]

    for node in traced.graph.nodes:
        value = next(given) if node.op == "placeholder" and node not in moving else None
        if node not in live:
            continue
        if node.op == "placeholder":
            if node in moving:
                copies[node] = folded.placeholder("A")
            else:
                values[node] = value
        elif node.op == "get_attr":
            # Detached, so that no derivative is ever taken with respect to a parameter.
            value = getattr(traced, str(node.target))
            values[node] = value.detach() if isinstance(value, Tensor) else value
        elif node not in moving:
            values[node] = node.target(*map_arg(node.args, values.get), **map_arg(node.kwargs, values.get))
        elif node.target in SAME or (node.target is aten.clone.default and node.args[0].op == "placeholder"):
            copies[node] = copies[node.all_input_nodes[0]]
        else:
            copies[node] = folded.node_copy(node, operand)
    folded.output(copies[scores])
    return GraphModule(constants, folded)


def _ancestors(node: Node) -> set[Node]:
    """Return the node and everything it is computed from."""
    found, front = {node}, [node]
    while front:
        fresh = set(front.pop().all_input_nodes) - found
        found |= fresh
        front += fresh
    return found

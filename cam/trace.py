"""The trace of a model from A to its scores, and its folding: what does not depend on A is computed once."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch._ops import OpOverload
from torch.fx import Graph, GraphModule, Interpreter, Node, traceback
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, make_fx
from torch.fx.node import map_arg
from torch.utils._pytree import tree_flatten, tree_map_only, tree_unflatten

from cam.place import CutError, Place, Seen, replaced, scores_in
from cam.primitives import COARSE, PRIMITIVES
from cam.smooth import LAYER, dependent
from cam.state import plain_torch

aten = torch.ops.aten
# These give back their operand: a detached tensor is the same function of A, an alias is the same tensor.
SAME = frozenset({aten.detach.default, aten.alias.default, aten.lift_fresh.default})


def trace(model: nn.Module, place: Place, seen: Seen, args: tuple[Any, ...], kwargs: dict[str, Any]) -> GraphModule:
    """Return the graph of A, contiguous, -> scores: operations of aten that mutate nothing, A the only placeholder.

    It leaves copies of the buffers in the model: to be run inside `cam.state.untouched`.

    Raises:
        CutError: the model branches on the value of a tensor, draws random numbers or runs another way than it did, or
            its scores do not depend on A.
    """
    A = seen.A.contiguous()
    strides = seen.A.stride()
    order = sorted(range(A.ndim), key=lambda i: (-strides[i], i))
    back = [order.index(i) for i in range(A.ndim)]
    # Buffers are arguments too, so that what a model writes into them is a value of the graph like any other.
    buffers = {id(buffer): buffer for buffer in model.buffers()}
    given, structure = tree_flatten((buffers, args, kwargs))

    def scores_of(A: Tensor, *given: Any) -> Tensor:
        A = A.clone()  # or what the model does in place would be written back to A at the end of the graph
        if order != sorted(order):  # laid out as the model's own, which `view` in the model may count on
            A = A.permute(order).contiguous().permute(back)
        with ExitStack() as trunk:
            # The trunk runs untraced: what it computes is a constant to whatever reads it after the layer.
            trunk.enter_context(disable_proxy_modes_tracing())
            copies, own_args, own_kwargs = tree_unflatten(tree_map_only(Tensor, Tensor.clone, given), structure)
            for module in model.modules():
                module._buffers.update({key: copies.get(id(x), x) for key, x in module._buffers.items()})
            with replaced(place, seen, A, before=trunk.close) as done:
                result = model(*own_args, **own_kwargs)
        if len(done) != 1:
            raise CutError(f"{place} did not run a second time: does the model keep a state?")
        return scores_in(result)

    functional = torch.func.functionalize(scores_of)
    try:
        with _named(model):
            traced = _unmutated(_graph(lambda A: functional(A, *given), A), A)
    except RuntimeError as error:
        raise CutError(
            f"the part after layer {place.name!r} cannot be traced, for instance if it branches on values: {error}"
        ) from error
    for node in traced.graph.nodes:
        if isinstance(node.target, OpOverload) and torch.Tag.nondeterministic_seeded in node.target.tags:
            raise CutError(f"the model draws random numbers ({node.target}): call model.eval() or remove what does")
    return _fold(traced, place)


def in_primitives(graph: GraphModule, A: Tensor) -> GraphModule:
    """Return the same function of A in the operations whose higher derivatives torch has right."""
    with plain_torch():
        return _folded(_graph(Interpreter(graph).run, A, PRIMITIVES))


@contextmanager
def _named(model: nn.Module) -> Iterator[None]:
    """Note with every operation that is traced the dotted name of the innermost module that runs it: `layer_of`."""
    names = {module: name for name, module in model.named_modules()}
    running: list[str] = []

    def note() -> None:
        traceback.current_meta["custom"] = {LAYER: running[-1] if running else ""}

    def before(module: nn.Module, *_: Any) -> None:
        running.append(names[module])
        note()

    def after(*_: Any) -> None:
        running.pop()
        note()

    handles = [
        handle
        for module in names
        for handle in (module.register_forward_pre_hook(before), module.register_forward_hook(after))
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        traceback.current_meta.pop("custom", None)


def followed(graph: GraphModule, function: Callable[[Tensor], Tensor], A: Tensor) -> GraphModule:
    """Return the graph of A -> function(scores).

    Raises:
        CutError: its result is not (1, D) or does not depend on A, or it branches on values.
    """
    with plain_torch():
        try:
            traced = _graph(torch.func.functionalize(lambda A: function(Interpreter(graph).run(A))), A)
        except RuntimeError as error:
            raise CutError(
                "a function of the scores cannot be traced, for instance if it branches on values: write it with "
                f"torch.where, or take closed weights: {error}"
            ) from error
        traced = _unmutated(traced, A)
        shape = traced(A).shape
    (scores,) = traced.graph.output_node().args
    if len(shape) != 2 or len(A) != shape[0] or not isinstance(scores, Node) or scores not in dependent(traced.graph):
        raise CutError(f"a function of the scores must put out (1, D) and depend on them, not {tuple(shape)}")
    return _folded(traced)


def _graph(function: Callable[[Tensor], Tensor], A: Tensor, table: Any = COARSE) -> GraphModule:
    with traceback.preserve_node_meta():
        return make_fx(function, decomposition_table=table, tracing_mode="real")(A)


def _unmutated(traced: GraphModule, A: Tensor) -> GraphModule:
    """Return it without mutations, into which some operations (LSTM, cosine similarity) are taken apart too late."""
    if any(isinstance(node.target, OpOverload) and node.target._schema.is_mutable for node in traced.graph.nodes):
        return _graph(torch.func.functionalize(Interpreter(traced).run), A)
    return traced


def _fold(traced: GraphModule, place: Place) -> GraphModule:
    """Return the same graph with what does not depend on A computed once and stored."""
    (scores,) = traced.graph.output_node().args
    if not isinstance(scores, Node) or scores not in dependent(traced.graph):
        raise CutError(f"the scores do not depend on the {place.at} of {place}: choose a layer on the path to them")
    return _folded(traced)


def _folded(traced: GraphModule) -> GraphModule:
    moving = dependent(traced.graph)
    (scores,) = traced.graph.output_node().all_input_nodes
    live = _ancestors(scores)
    values: dict[Node, Any] = {}  # of the nodes that do not depend on A
    copies: dict[Node, Node] = {}  # in the new graph, of what it keeps
    folded, constants = Graph(), nn.Module()

    def operand(node: Node) -> Node:
        if node not in copies:
            constants.register_buffer(node.name, values[node])
            copies[node] = folded.get_attr(node.name)
        return copies[node]

    for node in traced.graph.nodes:
        if node not in live:
            continue
        if node.op == "placeholder":
            copies[node] = folded.placeholder("A")
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

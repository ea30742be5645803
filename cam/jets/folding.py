"""A tail with the factors of its batch norms put into the convolutions before them: fewer numbers to multiply."""

from math import prod

import torch
from torch import Tensor
from torch.fx import Graph, GraphModule, Node

aten = torch.ops.aten


def folded(graph: GraphModule) -> GraphModule:
    """Return the same function with every product of a convolution and a factor for each channel as one convolution.

    The graph that is passed stays as it is; all other constants are shared with it.
    """
    copy = Graph()
    copy.output(copy.graph_copy(graph.graph, {}))
    made = GraphModule(graph, copy)
    nodes = [node for node in copy.nodes if node.target is aten.mul.Tensor]
    for n, node in enumerate(nodes):
        convolution, factor = node.args
        if not _is_factor(made, convolution, factor):
            continue
        x, weight, bias, *how = convolution.args
        scale = _constant(made, factor).flatten()
        kernel = _constant(made, weight)
        with copy.inserting_before(node):
            for name, value in (
                ("weight", kernel * scale.view(-1, *(1,) * (kernel.ndim - 1))),
                ("bias", None if bias is None else _constant(made, bias) * scale),
            ):
                if value is not None:
                    made.register_buffer(f"folded_{n}_{name}", value)
            parts = [copy.get_attr(f"folded_{n}_weight"), None if bias is None else copy.get_attr(f"folded_{n}_bias")]
            one = copy.call_function(aten.convolution.default, (x, *parts, *how))
            one.meta = dict(convolution.meta)
        node.replace_all_uses_with(one)
        copy.erase_node(node)
        copy.erase_node(convolution)
    copy.eliminate_dead_code()
    made.recompile()
    return made


def _constant(graph: GraphModule, node: Node) -> Tensor:
    value = getattr(graph, str(node.target))
    assert isinstance(value, Tensor)
    return value


def _is_factor(graph: GraphModule, x: object, factor: object) -> bool:
    """Whether x is a plain convolution that nothing else reads, and the factor one number for each of its channels."""
    if not isinstance(x, Node) or x.target is not aten.convolution.default or len(x.users) != 1:
        return False
    constants = [node for node in (*x.all_input_nodes[1:], factor) if isinstance(node, Node) and node.op == "get_attr"]
    if len(constants) != len(x.all_input_nodes):
        return False
    kernel, values = _constant(graph, constants[0]), _constant(graph, constants[-1])
    transposed, channels = x.args[6], kernel.shape[0]
    places = kernel.ndim - 2
    shape = (1,) * (kernel.ndim - values.ndim) + tuple(values.shape)
    return not transposed and values.ndim > places and shape[1] == channels == prod(shape)

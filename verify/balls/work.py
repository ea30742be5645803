"""How much there is to do: multiplications of balls, counted on the graph before the walk is begun.

The unit is one product of two balls of 128 bits outside a matrix. What else is done is counted in this unit, as
measured: a product inside a large matrix a tenth, a number that is made, moved or looked at 3, a constant 15, a Taylor
expansion 100. Over tails of trained sizes a unit takes 0.06 to 0.25 microseconds where there is much to do.
What moves along a line is found by one forward derivative in floats: the rest of a map stands still and costs nothing.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.fx import GraphModule, Interpreter, Node

from cam.smooth import dependent, kind_of, name_of
from verify.balls.walk import Seen, classifier

INSIDE = 1 / 10
LOOK = 3
CONSTANT = 15
EXPANSION = 100
# Operations that multiply matrices: which operand has the columns, and which dimension of the result counts rows.
MATRICES = {"mm": 0, "bmm": 0, "addmm": 1, "baddbmm": 1, "convolution": 1}


def work(graph: GraphModule, A: Tensor, entries: Sequence[int], orders: int = 3) -> int:
    """Return how many multiplications of balls `verify.balls.walk.along_lines` will take, roughly.

    Args:
        graph: of a tail in primitives.
        A: the activations, (1, ...).
        entries: whose lines are followed.
        orders: up to which.
    """
    seen = Seen(graph)
    seen.run(A)
    shapes = {node: layout.shape for node, layout in seen.layouts.items()}
    moved = _moved(graph, A, entries, shapes)
    last = classifier(graph)
    if last is not None:  # one column is enough
        _, x, _ = last.args
        shapes |= {node: (1,) for node in last.all_input_nodes if node is not x}
        shapes[last] = (1, 1)
        moved[last] = len(entries), len(entries)
    moving = dependent(graph.graph)
    highest: dict[Node, int] = {}
    total = 0.0
    for node in graph.graph.nodes:
        above = [highest[other] for other in node.all_input_nodes if other in highest]
        smooth = node.op == "call_function" and node in moving and kind_of(node, moving) == "smooth"
        highest[node] = orders if smooth else max(above, default=min(orders, 1))
        if node.op != "call_function" or node not in shapes:
            continue
        numbers, rows = moved[node]
        size = _size(shapes[node])
        name = name_of(node)
        made = size + highest[node] * numbers
        total += LOOK * made + (EXPANSION * size if smooth else 0)
        total += sum(CONSTANT * _size(shapes[each]) for each in node.all_input_nodes if each.op == "get_attr")
        if name in MATRICES:
            at = 1 if name == "convolution" else -1
            columns = shapes[node][at]
            inner = _inner(node, shapes)
            lines_of_rows = size // max(columns, 1) + highest[node] * rows
            total += INSIDE * lines_of_rows * inner * columns + LOOK * lines_of_rows * inner
    return int(total)


def _inner(node: Node, shapes: dict[Node, tuple[int, ...]]) -> int:
    """Return how many products make one number of the result."""
    operand: Any = node.args[MATRICES[name_of(node)]]
    shape = shapes[operand]
    return _size(shape[1:]) if name_of(node) == "convolution" else shape[-1]


def _size(shape: tuple[int, ...]) -> int:
    return int(torch.Size(shape).numel())


class _Moved(Interpreter):
    """Run a graph on dual numbers and count what moves: numbers, and rows of a matrix."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self.counts: dict[Node, tuple[int, int]] = {}

    def run_node(self, n: Node) -> Any:
        """Run one operation."""
        value = super().run_node(n)
        if isinstance(value, Tensor):
            tangent = forward_ad.unpack_dual(value).tangent if value.is_floating_point() else None
            self.counts[n] = (0, 0) if tangent is None else _counted(n, tangent != 0)
        return value


def _counted(node: Node, moves: Tensor) -> tuple[int, int]:
    if not moves.ndim:
        return int(moves), int(moves)
    return int(moves.sum()), int(moves.any(1 if name_of(node) == "convolution" else -1).sum())


def _moved(
    graph: GraphModule, A: Tensor, entries: Sequence[int], shapes: dict[Node, tuple[int, ...]]
) -> dict[Node, tuple[int, int]]:
    """Return how many numbers and rows move, over all lines; everything where torch cannot tell."""
    try:
        each = [_along(graph, A, entry) for entry in entries]
    except (RuntimeError, NotImplementedError):
        return {node: (len(entries) * _size(shape),) * 2 for node, shape in shapes.items()}
    return {node: (sum(one[node][0] for one in each), sum(one[node][1] for one in each)) for node in shapes}


def _along(graph: GraphModule, A: Tensor, entry: int) -> dict[Node, tuple[int, int]]:
    mark = torch.zeros_like(A)
    mark.view(-1)[entry] = 1
    with torch.no_grad(), forward_ad.dual_level():
        run = _Moved(graph)
        run.run(forward_ad.make_dual(A.detach(), mark))
    return run.counts

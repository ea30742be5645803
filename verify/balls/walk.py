"""The walk over the graph of a tail, operation by operation: every number with its power series along some lines."""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from math import factorial
from operator import getitem
from typing import Any

import torch
from flint import arb
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils._pytree import tree_leaves, tree_map_only

from cam.smooth import layer_of, name_of
from verify.arithmetic.ball import BITS, precision
from verify.balls.lines import Lines, Sample
from verify.balls.numbers import ONE, ZERO, constant, zeros
from verify.balls.places import INDEXED, moved
from verify.balls.table import MOVES, RULES
from verify.probe import Kink, NoRule


@dataclass(frozen=True)
class Along:
    """What is proved of one score along the line of one entry.

    Args:
        score: a ball around S.
        derivatives: balls around dS/dA_i, d2S/dA_i^2, ... up to the order that was asked for.
        why: if nothing is known of the derivatives, why; they hold nothing then.
    """

    score: arb
    derivatives: tuple[arb, ...]
    why: str = ""


def along_lines(
    graph: GraphModule, A: Tensor, entries: Sequence[int], target: int, *, orders: int = 3, bits: int = BITS
) -> list[Along]:
    """Return balls around a score and its pure derivatives along the lines of some entries.

    Args:
        graph: of a tail in primitives, `cam.tail.Tail.graph`.
        A: the activations, (1, ...).
        entries: places in A, counted by rows.
        target: the class.
        orders: up to which, at most 3.
        bits: of precision; balls are to be made and compared with as many.

    Raises:
        NoRule: an operation is none of `verify.balls.table`; the message names it and its layer.
        Kink: a value that all lines share is not known: at a pole, or a comparison that is not proved.
    """
    if not len(entries):
        return []
    sample = Sample(len(entries), orders)
    with precision(bits, orders + 1), torch.no_grad():
        mark = zeros((len(entries), A.numel()))
        mark[range(len(entries)), list(entries)] = ONE
        start = Lines(constant(A), (mark.reshape(-1, *A.shape), *(None,) * (orders - 1)), affine=True)
        scores = _Walk(graph, A, sample, target).run(start)
        at = target if classifier(graph) is None else 0
        score = scores.value[0, at]
        found = []
        for line in range(len(entries)):
            terms = [ZERO if term is None else term[line, 0, at] for term in scores.terms]
            derivatives = tuple(factorial(k) * term for k, term in enumerate(terms, 1))
            why = sample.lost.get(line, "")
            found.append(Along(score, () if why else derivatives, why))
    return found


def classifier(graph: GraphModule) -> Node | None:
    """Return the operation that makes the scores if it is a linear layer, of which one class needs one column alone."""
    (last,) = graph.graph.output_node().all_input_nodes
    if name_of(last) != "addmm" or last.kwargs:
        return None
    constants = [each for each in (last.args[0], last.args[2]) if isinstance(each, Node) and each.op == "get_attr"]
    columns = {getattr(graph, str(each.target)).shape[-1] for each in constants}
    return last if len(constants) == 2 and len(columns) == 1 else None


@dataclass(frozen=True)
class Layout:
    """What torch has, and how it has it in memory."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    stride: tuple[int, ...]
    dense: bool


class Seen(Interpreter):
    """Run a graph in floats and note the layouts."""

    def __init__(self, graph: GraphModule) -> None:
        super().__init__(graph)
        self.layouts: dict[Node, Layout] = {}

    def run_node(self, n: Node) -> Any:
        """Run one operation."""
        value = super().run_node(n)
        if isinstance(value, Tensor):
            reach = sum((size - 1) * step for size, step in zip(value.shape, value.stride(), strict=True))
            held = value.untyped_storage().nbytes() // value.element_size()
            dense = value.storage_offset() == 0 and held == value.numel() == reach + 1
            self.layouts[n] = Layout(value.dtype, tuple(value.shape), value.stride(), dense)
        return value


class _Walk(Interpreter):
    """Run a graph along lines."""

    def __init__(self, graph: GraphModule, A: Tensor, sample: Sample, target: int) -> None:
        super().__init__(graph)
        self.last, self.column = classifier(graph), slice(target, target + 1)
        self.extra_traceback = False  # errors are for people
        self.sample = sample
        seen = Seen(graph)
        seen.run(A)
        self.layouts = seen.layouts

    def run_node(self, n: Node) -> Any:
        """Run one operation; what it makes has the shape that torch makes."""
        name, layer = name_of(n), layer_of(n)
        self.sample.name = name
        self.sample.doing = f"{name} in {layer}" if layer else name
        self.node = n
        try:
            found = super().run_node(n)
        except Kink as error:
            raise Kink(f"{self.sample.doing} {error}") from error
        except NoRule as error:
            raise NoRule(f"no ball rule for {self.sample.doing}: {error}") from error
        if isinstance(found, Lines) and not self.layouts[n].dtype.is_floating_point:
            raise NoRule(f"no ball rule for {self.sample.doing}: it makes {self.layouts[n].dtype} of a number")
        checked = n.op == "call_function" and n is not self.last and isinstance(found, Lines)
        if checked and found.shape != self.layouts[n].shape:
            raise AssertionError(f"{self.sample.doing} makes {self.layouts[n].shape}, and the balls {found.shape}")
        return found

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Apply a rule where numbers are: what is whole or a truth value, torch computes without rounding."""
        if target is getitem:
            found = super().call_function(target, args, kwargs)
            if found is None:
                raise NoRule("where the largest number stands is not told")
            return found
        name = self.sample.name
        if not any(isinstance(leaf, Lines) for leaf in _leaves((args, kwargs))):
            layout = self.layouts.get(self.node)
            if layout is None or not layout.dtype.is_floating_point:
                return super().call_function(target, args, kwargs)
            args, kwargs = tree_map_only(Tensor, self._numbers, (args, kwargs))
        if self.node is self.last:
            bias, x, weight = args
            args = bias[..., self.column], x, weight[:, self.column]
        if name == "as_strided":
            return self._strided(target, args, kwargs)
        if name in MOVES:
            return moved(self.sample, target, args, kwargs)
        if name not in RULES:
            raise NoRule("it is not in verify/balls/table.py")
        try:
            bound = signature(RULES[name]).bind(self.sample, *args, **kwargs)
        except TypeError as error:
            raise NoRule(f"an argument that its rule does not know: {error}") from error
        return RULES[name](*bound.args, **bound.kwargs)

    def _numbers(self, x: Tensor) -> Any:
        """Return an operand that stands still as numbers, unless it says where, or whether."""
        says = self.sample.name in INDEXED and not x.is_floating_point()
        return x if says else self.sample.still(x)

    def _strided(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Take numbers from memory: where torch has which, was noted."""
        source = self.node.args[0]
        assert isinstance(source, Node)
        layout = self.layouts[source]
        if not layout.dense:
            raise NoRule("it looks into memory that has gaps")

        def operation(addresses: Tensor, *how: Any, **named: Any) -> Any:
            laid = torch.empty_strided(layout.shape, layout.stride, dtype=addresses.dtype)
            return target(laid.copy_(addresses), *how, **named)

        return moved(self.sample, operation, args, kwargs)


def _leaves(values: Any) -> list[Any]:
    return tree_leaves(values, is_leaf=lambda leaf: isinstance(leaf, Lines))

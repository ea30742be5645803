"""What is worked out once for a tail and a score, before any line is followed: see `cam.jets`."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from cam.jets import kinks
from cam.jets.curves import BENT, CURVED, derivatives, operation
from cam.jets.folding import folded
from cam.jets.rules import RULES, UnknownOperation, demand_agreement, demand_reals, generic, generic_curved
from cam.jets.walk import Walk, elementwise
from cam.smooth import dependent, harmless, layer_of, name_of, smooth_operations

Rule = Callable[..., Any]
# What moves two tied units by the same amount may differ in so many roundings; their weights are at most a thousand
# times as large.
ROUNDINGS = 1 << 14
# What these put out does not depend on what the tensor they read holds.
CONSTANT = frozenset(
    ("zeros_like", "ones_like", "full_like", "empty_like", "new_zeros", "new_ones", "new_full", "new_empty")
)


@dataclass(frozen=True)
class Options:
    """Which representations are used. All are; leaving one out is for measurement and tests only: results are the same.

    Args:
        roots: lines begin behind a pool, each once (`cam.jets.rays`).
        windows: behind a convolution a direction fills its window alone.
        taps: a small window is convolved by one matrix product for each tap, or for each group if there are several.
        spreads: lines of one channel share their values until channels are mixed.
        one_place: the layer norm of a direction in one channel stays in the span of two vectors.
        folding: the factors of batch norms are put into the convolutions before them.
        forms: a quadratic form stands for the last second derivative behind a widening 1 x 1 convolution.
        blocks: sums at a curved operation are taken block by block, each of which fits into a processor's cache.
    """

    roots: bool = True
    windows: bool = True
    taps: bool = True
    spreads: bool = True
    one_place: bool = True
    folding: bool = True
    forms: bool = True
    blocks: bool = True


@dataclass(eq=False)
class Plan:
    """One tail, one A, one score: every value at A, one reverse pass, and which rule every operation follows.

    Args:
        graph: A of shape (1, ...) -> scores (1, C).
        A: the activations.
        c: which score.
        options: which representations are used.

    After that it has:
        values: of every node, at A.
        S, g: the score, and its gradient by A.
        sites: the curved operations.
        adjoints: of every site, the gradient of S by its output.
        order: the operations that a site is behind, or that are one; `passed` are those with a site behind them.
        kinked: which entries move a unit that lies on a kink, flat.
        unwatched: names of the operations of which it is not known whether A lies on a kink of theirs.
    """

    graph: GraphModule
    A: Tensor
    c: int
    cache: dict[Any, Any] = field(default_factory=dict)
    options: Options = Options()

    def __post_init__(self) -> None:
        if self.options.folding and smooth_operations(self.graph.graph):  # else one reverse pass is all there is to do
            self.graph = folded(self.graph)
        self.moving = dependent(self.graph.graph)
        self.source = next(node for node in self.graph.graph.nodes if node.op == "placeholder")
        self.nodes = [node for node in self.graph.graph.nodes if node in self.moving and node.op.startswith("call")]
        self.sites = tuple(node for node in self.nodes if not harmless(node, self.moving))
        self._run()
        self.follow(self.sites)

    def follow(self, ends: Iterable[Node]) -> None:
        """Choose the operations that lead to some, and the rule of each; the sites by default."""
        live = set(ends)
        self.passed: set[Node] = set()
        for node in reversed([self.source, *self.nodes]):
            if any(user in live for user in node.users):
                self.passed.add(node)
                live.add(node)
        self.order = [node for node in self.nodes if node in live]
        self.rules = {node: self._rule(node) for node in self.order}
        self.widening = frozenset(node for node in self.order if self._widens(node))
        last = {parent: node for node in self.order for parent in node.all_input_nodes if parent in live}
        self.last = {node: [parent for parent, at in last.items() if at is node] for node in self.order}

    def watches(self, node: Node) -> bool:
        """Whether kinks of an operation are looked for: not of some, nor where the places themselves move."""
        name = name_of(node)
        if name not in kinks.PLACES:
            return name not in kinks.UNWATCHED
        return self.moving.isdisjoint(one for one in node.all_input_nodes if one is not node.args[0])

    def kept(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was made once under this key."""
        if key not in self.cache:
            self.cache[key] = make()
        return self.cache[key]

    def _run(self) -> None:
        values: dict[Node, Any] = {}
        bent: dict[Node, tuple[list[Any], Tensor]] = {}
        jumping: set[Node] = set()
        with torch.enable_grad():
            for node in self.graph.graph.nodes:
                if node.op == "placeholder":
                    values[node] = self.A.detach().requires_grad_()
                elif node.op == "get_attr":
                    values[node] = getattr(self.graph, str(node.target))
                elif node.op == "output":
                    scores = values[node.args[0]].flatten()
                    if not 0 <= self.c < len(scores):
                        raise ValueError(f"the tail has scores 0 to {len(scores) - 1}, not {self.c}")
                    score = scores[self.c]
                else:
                    args, kwargs = map_arg((node.args, node.kwargs), values.__getitem__)
                    values[node] = operation(node)(*args, **kwargs)
                    if node in self.moving:
                        _demand_gradient(node, values)
                        operands = [*args, *kwargs.values()]
                        if kinks.at_step(name_of(node), operands):
                            jumping.add(node)
                        if name_of(node) in kinks.BETWEEN:  # in either order: one that moves comes first
                            operands.sort(key=lambda x: not x.requires_grad)
                        mask = _kinked(node, operands, values[node])
                        if mask is not None:
                            bent[node] = operands, mask
            outputs = [_tensor(values[node]) for node in (*self.sites, *bent)]
            wanted = [values[self.source], *outputs]
            g, *adjoints = _gradients(score, wanted, keep=bool(bent))
            self.kinked = self._moving_kinks(values, bent, adjoints[len(self.sites) :])
        self.S, self.g = score.detach(), g.detach().flatten()
        self.adjoints = dict(zip(self.sites, adjoints, strict=False))
        self.values = {node: _detached(value) for node, value in values.items()}
        unwatched = (name_of(node) for node in self.nodes if node in jumping or not self.watches(node))
        self.unwatched = tuple(dict.fromkeys(unwatched))

    def _moving_kinks(
        self, values: dict[Node, Any], bent: dict[Node, tuple[list[Any], Tensor]], adjoints: list[Tensor]
    ) -> Tensor:
        rng = torch.Generator().manual_seed(0)
        total = torch.zeros(2, dtype=self.A.dtype, device=self.A.device)
        for (node, (operands, mask)), adjoint in zip(bent.items(), adjoints, strict=True):
            felt = mask & (adjoint != 0)
            if bool(felt.any()):
                x, *rest = operands
                output = _tensor(values[node]).detach()
                total = total + kinks.felt(name_of(node), x, rest, output, felt, rng)
        if not total.requires_grad:
            return torch.zeros(self.A.numel(), dtype=torch.bool, device=self.A.device)
        source = values[self.source]
        moved, together = (
            torch.autograd.grad(one, source, retain_graph=True, materialize_grads=True)[0].flatten() for one in total
        )
        return moved.abs() > ROUNDINGS * torch.finfo(moved.dtype).eps * together.abs()

    def _rule(self, node: Node) -> Rule:
        value = self.values[node]
        if isinstance(value, Tensor) and not (value.is_floating_point() or value.is_complex()):
            return _still
        name = name_of(node)
        if node in self.adjoints:
            demand_reals(node, self.moving, self.values)
        x: Any = node.args[0] if node.args else None
        alone = isinstance(x, Node) and self.moving.intersection(node.all_input_nodes) == {x}
        # Bounds or powers of a larger shape make several numbers of one.
        if alone and name in CURVED | BENT and _tensor(value).shape == self.values[x].shape:
            return self._elementwise(node)
        if name in RULES:
            return RULES[name]
        if node not in self.adjoints:
            return generic
        demand_agreement(node, self.moving, self.values)
        return generic_curved

    def _elementwise(self, node: Node) -> Rule:
        def function(z: Tensor) -> Tensor:
            rest, kwargs = map_arg((node.args[1:], node.kwargs), lambda n: _like(self.values[n], z))
            return _tensor(operation(node)(z, *rest, **kwargs))

        def slopes() -> tuple[Tensor | None, ...]:
            return derivatives(function, self.values[node.all_input_nodes[0]], node in self.adjoints)

        def weights() -> tuple[Tensor, Tensor]:
            _, second, third = self.kept(node, slopes)
            return self.adjoints[node] * second, self.adjoints[node] * third

        def rule(walk: Walk, node: Node, x: Node, *_: Any, **__: Any) -> Any:
            if node in self.adjoints:
                self.kept((node, "weights"), weights)
            jet = elementwise(walk, node, x, self.kept(node, slopes))
            return jet if isinstance(self.values[node], Tensor) else [jet]

        return rule

    def _widens(self, node: Node) -> bool:
        """Whether a 1 x 1 convolution makes many channels of few for a curved operation behind which nothing comes."""
        if (
            not self.options.forms
            or name_of(node) != "convolution"
            or len(self.moving.intersection(node.all_input_nodes)) > 1
        ):
            return False
        outputs, inputs = self.values[node.all_input_nodes[1]].shape[:2]
        while outputs >= 2 * inputs and len(node.users) == 1:
            (node,) = node.users
            if name_of(node) != "add":
                return node in self.adjoints and node not in self.passed
        return False


def _demand_gradient(node: Node, values: dict[Node, Any]) -> None:
    """Raise UnknownOperation if torch has no gradient of an operation: it would count as constant."""
    found = _tensor(values[node])
    if name_of(node) in CONSTANT or not found.is_floating_point():
        return
    felt = any(isinstance(values[one], Tensor) and values[one].requires_grad for one in node.all_input_nodes)
    if felt and (found.grad_fn is None or found.grad_fn.name().endswith("NotImplemented")):
        raise UnknownOperation(f"torch has no gradient of {name_of(node)} in layer {layer_of(node)!r}")


def _still(*_: Any, **__: Any) -> None:
    """Follow what holds no real numbers, a mask or places: it does not move."""


def _kinked(node: Node, operands: list[Any], output: Any) -> Tensor | None:
    if not operands or not isinstance(operands[0], Tensor) or not operands[0].requires_grad:
        return None
    with torch.no_grad():
        return kinks.at_kink(name_of(node), operands[0], operands[1:], _tensor(output))


def _gradients(score: Tensor, wanted: Sequence[Tensor], keep: bool) -> list[Tensor]:
    """Return dscore/dx for each x: 0 where there is none, and of what is made from the shape of A alone (ones_like)."""
    reached = [x for x in wanted if x.requires_grad and score.requires_grad]
    found: Iterator[Tensor] = iter(())
    if reached:
        found = iter(torch.autograd.grad(score, reached, retain_graph=keep, allow_unused=True, materialize_grads=True))
    return [next(found) if x.requires_grad and score.requires_grad else torch.zeros_like(x) for x in wanted]


def _tensor(value: Any) -> Any:
    """Return what an operation puts out, the first if there are several."""
    return value[0] if isinstance(value, (tuple, list)) else value


def _like(value: Any, z: Tensor) -> Any:
    """Return a further operand, the slopes of a prelu, in the precision of the first."""
    return value.to(z.dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def _detached(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach()
    if isinstance(value, (tuple, list)):
        return type(value)(map(_detached, value))
    return value

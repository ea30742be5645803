"""Operations each of whose numbers is one number of the operand, or stays: found out once, by moving counters."""

from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.rules.generic import generic
from cam.jets.rules.table import rule
from cam.jets.term import Term, whole
from cam.jets.walk import Walk
from cam.smooth import called


@rule(
    *("as_strided", "unfold", "diagonal", "repeat", "rot90", "tril", "triu", "index", "index_select", "gather"),
    *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "im2col"),
    *("reflection_pad1d", "reflection_pad2d", "replication_pad1d", "replication_pad2d"),
)
def _gather(walk: Walk, node: Node, x: Node, *_: Any, **__: Any) -> Any:
    if [parent for parent in node.all_input_nodes if walk.moves(parent)] != [x]:
        return generic(walk, node)

    def found() -> tuple[Tensor, Tensor | None]:
        """Return the place in x of every number, and which are of x at all if some are not."""
        X = walk.plan.values[x]
        counted = torch.empty_like(X, dtype=torch.float64)
        counted.copy_(torch.arange(1, X.numel() + 1, dtype=torch.float64, device=X.device).view(X.shape))
        rest, kwargs = map_arg((node.args[1:], node.kwargs), walk.plan.values.__getitem__)
        places = called(node)(counted, *rest, **kwargs).flatten().long()
        return (places - 1).clamp(min=0), None if bool((places > 0).all()) else (places > 0).to(X)

    places, there = walk.plan.kept((node, "places"), found)
    shape = walk.plan.values[node].shape

    def moved(term: Term) -> Term:
        values = term.dense().flatten(1)[:, places]
        return whole((values if there is None else values * there).reshape(-1, *shape))

    return walk.jets[x].each(moved)

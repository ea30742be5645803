"""Pools that choose."""

from typing import Any

from torch.fx import Node

from cam.jets.rules.table import rule
from cam.jets.term import Term, whole
from cam.jets.walk import Walk


@rule("max_pool2d_with_indices")
def _max_pool(walk: Walk, node: Node, x: Node, *_: Any) -> Any:
    index = walk.plan.values[node][1]
    jet = walk.jets[x]

    def gathered(term: Term) -> Term:
        values = term.dense()
        flat = values.flatten(-2)
        where = index.flatten(-2).expand(len(flat), *index.shape[:-2], -1)
        return whole(flat.gather(-1, where).reshape(len(values), *index.shape))

    return [jet.each(gathered), None]


@rule("getitem")
def _getitem(walk: Walk, node: Node, x: Node, which: int) -> Any:
    return walk.jets[x][which]

"""Products with a matrix that stays."""

from math import prod
from typing import Any

from torch import Tensor
from torch.fx import Node

from cam.jets.lazy import Product
from cam.jets.rows import in_memory
from cam.jets.rules.generic import generic, generic_curved
from cam.jets.rules.products import matmul, matrices, product
from cam.jets.rules.sums import scaled
from cam.jets.rules.table import rule
from cam.jets.term import Axis, Term
from cam.jets.walk import Jet, Walk


@rule("mm")
def _mm(walk: Walk, node: Node, x: Any, y: Any) -> Any:
    if walk.moves(x) and walk.moves(y):
        return product(walk, node, matmul, x, y)
    if walk.moves(x):
        return _matrix(walk, x, walk.value(y), 1)
    return matrices(walk, x, y)


def _matrix(walk: Walk, x: Node, matrix: Tensor, factor: float) -> Jet:
    made: dict[Any, Any] = {}  # first and second derivative share their bases, and some are the same in every chunk

    def lazily(term: Any) -> Any:
        if not isinstance(term, Product):
            return None
        memo, key = walk.plan.cache if term.is_fixed else made, (x, id(term.basis))

        def times_basis(basis: Tensor) -> Tensor:
            if key not in memo:  # with the basis, or another could come to have its address
                memo[key] = basis, basis @ (matrix if factor == 1 else matrix * factor)
            return memo[key][1]

        return term.mapped(times_basis)

    return walk.jets[x].each(lambda term: scaled(_times_matrix(term, matrix), factor), lazily)


@rule("addmm")
def _addmm(walk: Walk, node: Node, bias: Any, x: Any, y: Any, beta: float = 1, alpha: float = 1) -> Any:
    if walk.moves(bias) or walk.moves(y):
        if not walk.moves(bias) and walk.moves(x) and alpha == 1:
            return product(walk, node, matmul, x, y)
        return generic(walk, node) if not walk.moves(y) or not walk.moves(x) else generic_curved(walk, node)
    return _matrix(walk, x, walk.value(y), alpha)


def columns(matrix: Tensor, pick: Tensor) -> Tensor:
    """Return matrix[pick], row by row in memory, without a gather where the places follow one another."""
    first, n = int(pick[0]), len(pick)
    if int(pick[-1]) - first == n - 1 and bool((pick.diff() == 1).all()):
        return matrix[first : first + n].contiguous()
    return matrix[pick].contiguous()


def _times_matrix(term: Term, matrix: Tensor) -> Term:
    """Return the term of x @ matrix, x of shape (M, K)."""
    rows = term.parts[0]
    mine = range(rows, len(term.axes))
    if any(term.spreads(k) for k in mine):
        term = term.apart()
    if all(term.axes[k].pick is not None for k in mine) and len(mine):
        joined = term.joined(1)
        axis = joined.axes[-1]
        assert axis.pick is not None
        values = joined.values * columns(matrix, axis.pick).reshape(-1, *(1,) * rows, matrix.shape[1])
        spread = joined.spread
    else:
        for k in mine:
            if term.axes[k].pick is not None:
                term = term.filled(k)
        part = matrix.reshape(*(term.axes[k].size for k in mine), matrix.shape[1])
        for n, k in enumerate(mine):
            part = part.narrow(n, term.axes[k].start, term.values.shape[k + 1])
        flat = part.reshape(-1, matrix.shape[1])
        spread = term.spread
        if len(mine):
            values = times(term.values.flatten(rows + 1), flat)
            spread = None if spread is None else spread.flatten(rows + 2)
        else:
            values = term.values.unsqueeze(-1) * matrix.reshape(-1)
            spread = None if spread is None else spread.unsqueeze(-1)
    return Term(values, (*term.axes[:rows], Axis(matrix.shape[1])), (rows, 1), spread)


def times(values: Tensor, matrix: Tensor) -> Tensor:
    """Return values @ matrix over the last dimension; the others keep their order in memory."""
    n = values.ndim - 1
    order = in_memory(values, range(n))
    rows = prod(values.shape[k] for k in order)
    product = values.permute(*order, n).reshape(rows, values.shape[-1]) @ matrix
    back = [order.index(k) for k in range(n)]
    return product.reshape(*(values.shape[k] for k in order), matrix.shape[1]).permute(*back, n)

"""What each operation does to the derivatives of its operands along a direction: one rule for each operation, by name.

A rule takes the walk, the node and the node's own arguments, and returns the node's jet: z1 and z2, the first and
second derivative of its output. To be taken up here an operation needs one function and one line; every other linear or
piecewise-linear operation is pushed forward direction by direction by torch itself (`generic`), and every other curved
one too, after its second and third derivative passed the comparison of two oracles (`cam.jets.plan`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.fx import Node
from torch.fx.node import map_arg

from cam.jets.term import Axis, Term, whole
from cam.jets.lazy import Product, Unmade
from cam.jets.walk import Jet, Rows, Walk, in_memory, weighed

RULES: dict[str, Callable[..., Any]] = {}


def rule(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function as the rule of the operations of these names."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        RULES.update(dict.fromkeys(names, function))
        return function

    return enter


# Any operation at all


def generic(walk: Walk, node: Node, *_: Any, **__: Any) -> Any:
    """Push both derivatives through a linear or piecewise-linear operation, z -> J z, as torch's forward mode has it."""
    movers, function, primals = _function(walk, node)

    def push(*tangents: Tensor) -> Any:
        return torch.func.jvp(function, primals, tangents)[1]

    jets = [walk.jets[mover].dense() for mover in movers]
    first = torch.func.vmap(push)(*(one for one, _ in jets))
    second = None
    if any(two is not None for _, two in jets):
        second = torch.func.vmap(push)(*(torch.zeros_like(one) if two is None else two for one, two in jets))
    if isinstance(first, Tensor):
        return _whole(first, second)
    seconds = [None] * len(first) if second is None else second
    return [_whole(one, two) for one, two in zip(first, seconds, strict=True)]


def generic_curved(walk: Walk, node: Node, *_: Any, **__: Any) -> Jet:
    """Differentiate any operation F along t -> F(x + t z1 + t^2/2 z2): F''[z1, z1] + F'[z2], F''' + 3 F''[z1, z2]."""
    movers, function, primals = _function(walk, node)
    jets = [walk.jets[mover].dense() for mover in movers]
    ones = [one for one, _ in jets]
    twos = [torch.zeros_like(one) if two is None else two for one, two in jets]

    def orders(*both: Tensor) -> tuple[Tensor, ...]:
        return third_order(function, primals, both[: len(movers)], both[len(movers) :])

    first, second, third, bent = torch.func.vmap(orders)(*ones, *twos)
    adjoint = walk.plan.adjoints[node].reshape(-1)
    walk.add(node, (second - bent).flatten(1) @ adjoint, third.flatten(1) @ adjoint)
    return _whole(first, second)


def third_order(
    function: Callable[..., Tensor], primals: Sequence[Tensor], z1: Sequence[Tensor], z2: Sequence[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the first, second and third derivative of t -> F(x + t z1 + t^2/2 z2) at 0, and F'[z2]."""
    zero = torch.zeros((), dtype=primals[0].dtype)

    def line(t: Tensor) -> Tensor:
        return function(*(x + t * a + t * t / 2 * b for x, a, b in zip(primals, z1, z2, strict=True)))

    def slope(f: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        return lambda t: torch.func.jvp(f, (t,), (torch.ones_like(t),))[1]

    one = slope(line)
    two = slope(one)
    bent = torch.func.jvp(function, tuple(primals), tuple(z2))[1]
    return one(zero), two(zero), slope(two)(zero), bent


def _function(walk: Walk, node: Node) -> tuple[list[Node], Callable[..., Any], tuple[Tensor, ...]]:
    movers = [parent for parent in node.all_input_nodes if walk.moves(parent)]

    def function(*values: Tensor) -> Any:
        moved = dict(zip(movers, values, strict=True))
        look = walk.plan.values.__getitem__
        args, kwargs = map_arg((node.args, node.kwargs), lambda n: moved[n] if n in moved else look(n))
        return node.target(*args, **kwargs)

    return movers, function, tuple(walk.plan.values[mover] for mover in movers)


def _whole(first: Tensor, second: Tensor | None) -> Jet:
    return Jet((whole(first),), () if second is None else (whole(second),))


def _directions(jet: Jet) -> int:
    return jet.first[0].directions


# Sums and factors


@rule("add")
def _add(walk: Walk, node: Node, x: Any, y: Any, alpha: float = 1) -> Jet:
    return _joined(walk, node, (x, 1), (y, alpha))


@rule("sub")
def _sub(walk: Walk, node: Node, x: Any, y: Any, alpha: float = 1) -> Jet:
    return _joined(walk, node, (x, 1), (y, -alpha))


@rule("rsub")
def _rsub(walk: Walk, node: Node, x: Any, y: Any, alpha: float = 1) -> Jet:
    return _joined(walk, node, (x, -alpha), (y, 1))


def _joined(walk: Walk, node: Node, *summands: tuple[Any, float]) -> Jet:
    shape = walk.plan.values[node].shape
    first: list[Term] = []
    second: list[Term] = []
    for x, factor in summands:
        if walk.moves(x):
            same = factor == 1 and walk.plan.values[x].shape == shape
            jet = walk.jets[x].each(
                lambda term, factor=factor: _stretched(_times(term, factor), shape),
                (lambda term: term) if same else None,
            )
            first += jet.first
            second += jet.second
    return Jet(tuple(first), tuple(second))


def _times(term: Term, factor: float) -> Term:
    return term if factor == 1 else term.like(term.values * factor)


def _stretched(term: Term, shape: Sequence[int]) -> Term:
    """Return the term broadcast to a larger shape."""
    if tuple(term.shape) == tuple(shape):
        return term
    values = term.dense()
    values = values.reshape(len(values), *(1,) * (len(shape) - values.ndim + 1), *values.shape[1:])
    return whole(values.expand(-1, *shape))


@rule("neg")
def _neg(walk: Walk, node: Node, x: Node) -> Jet:
    return walk.jets[x].each(lambda term: term.like(-term.values))


@rule("mul", "div")
def _mul(walk: Walk, node: Node, x: Any, y: Any) -> Any:
    if walk.moves(x) and walk.moves(y):
        return _product(walk, node, torch.mul, x, y)
    x, y = (x, y) if walk.moves(x) else (y, x)
    factor = walk.value(y)
    shape = walk.plan.values[node].shape
    if isinstance(factor, Tensor):
        factor = factor.to(walk.plan.values[node].dtype)
    if node.target._opname == "div":
        factor = 1 / factor

    def scaled(term: Term) -> Term:
        term = _stretched(term, shape)
        return term.like(term.values * (term.inside(factor) if isinstance(factor, Tensor) else factor))

    return walk.jets[x].each(scaled)


# Places


@rule("view", "_unsafe_view", "reshape")
def _view(walk: Walk, node: Node, x: Node, *_: Any) -> Jet:
    shape = walk.plan.values[node].shape
    return walk.jets[x].each(lambda term: term.viewed(shape), _viewed(shape))


def _viewed(shape: Sequence[int]) -> Callable[[Any], Any]:
    return lambda term: term.viewed(shape) if isinstance(term, Product) else None


@rule("unsqueeze", "squeeze", "flatten", "unflatten")
def _same_order(walk: Walk, node: Node, x: Node, *_: Any) -> Jet:
    return _view(walk, node, x)


@rule("permute")
def _permute(walk: Walk, node: Node, x: Node, dims: Sequence[int]) -> Jet:
    n = len(dims)
    return walk.jets[x].each(lambda term: term.permuted([d % n for d in dims]))


@rule("transpose")
def _transpose(walk: Walk, node: Node, x: Node, one: int, other: int) -> Jet:
    dims = list(range(walk.plan.values[x].ndim))
    dims[one], dims[other] = dims[other], dims[one]
    return _permute(walk, node, x, dims)


@rule("t")
def _t(walk: Walk, node: Node, x: Node) -> Jet:
    return _permute(walk, node, x, [1, 0] if walk.plan.values[x].ndim == 2 else [0])


@rule("clone", "contiguous", "alias", "_to_copy", "detach")
def _same(walk: Walk, node: Node, x: Node, **_: Any) -> Jet:
    return walk.jets[x]


@rule("mean", "sum")
def _mean(walk: Walk, node: Node, x: Node, dims: Any = None, keepdim: bool = False, **_: Any) -> Jet:
    shape = walk.plan.values[x].shape
    dims = [dims] if isinstance(dims, int) else list(dims or range(len(shape)))
    dims = [d % len(shape) for d in dims]
    share = 1 / prod(shape[d] for d in dims) if node.target._opname == "mean" else 1
    return walk.jets[x].each(lambda term: _times(term.summed(dims, keepdim), share))


# Matrices


@rule("mm")
def _mm(walk: Walk, node: Node, x: Any, y: Any) -> Any:
    if walk.moves(x) and walk.moves(y):
        return _product(walk, node, torch.matmul, x, y)
    if walk.moves(x):
        return _matrix(walk, x, walk.value(y), 1)
    return generic(walk, node)


def _matrix(walk: Walk, x: Node, matrix: Tensor, factor: float) -> Jet:
    def lazily(term: Any) -> Any:
        return term.times_matrix(matrix * factor) if isinstance(term, Product) else None

    return walk.jets[x].each(lambda term: _times(_times_matrix(term, matrix), factor), lazily)


@rule("addmm")
def _addmm(walk: Walk, node: Node, bias: Any, x: Any, y: Any, beta: float = 1, alpha: float = 1) -> Any:
    if walk.moves(bias) or walk.moves(y):
        if not walk.moves(bias) and walk.moves(x) and alpha == 1:
            return _product(walk, node, torch.matmul, x, y)
        return generic(walk, node) if not walk.moves(y) or not walk.moves(x) else generic_curved(walk, node)
    return _matrix(walk, x, walk.value(y), alpha)


@rule("bmm")
def _bmm(walk: Walk, node: Node, x: Any, y: Any) -> Any:
    if walk.moves(x) and walk.moves(y):
        return _product(walk, node, torch.matmul, x, y)
    return generic(walk, node)


def columns(matrix: Tensor, pick: Tensor) -> Tensor:
    """Return matrix[pick], without a gather where the places follow one another."""
    first, n = int(pick[0]), len(pick)
    if int(pick[-1]) - first == n - 1 and bool((pick.diff() == 1).all()):
        return matrix[first : first + n]
    return matrix[pick]


def _times_matrix(term: Term, matrix: Tensor) -> Term:
    """Return the term of x @ matrix, x of shape (M, K)."""
    rows = term.parts[0]
    mine = range(rows, len(term.axes))
    if any(term.spreads(k) for k in mine):
        term = term.apart()
    if all(term.axes[k].pick is not None for k in mine) and len(mine):
        joined = term._joined(1)
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
        values = times(term.values.flatten(rows + 1) if len(mine) != 1 else term.values, flat)
        spread = term.spread
        if spread is not None:
            spread = spread.flatten(rows + 2) if len(mine) > 1 else spread
        if not len(mine):
            values = term.values.unsqueeze(-1) * matrix.reshape(-1)
            spread = None if spread is None else spread.unsqueeze(-1)
    return Term(values, (*term.axes[:rows], Axis(matrix.shape[1])), (rows, 1), spread)


def times(values: Tensor, matrix: Tensor) -> Tensor:
    """Return values @ matrix over the last dimension; the others keep their order in memory."""
    n = values.ndim - 1
    order = in_memory(values, range(n))
    product = values.permute(*order, n).reshape(-1, values.shape[-1]) @ matrix
    back = [order.index(k) for k in range(n)]
    return product.reshape(*(values.shape[k] for k in order), matrix.shape[1]).permute(*back, n)


def _product(walk: Walk, node: Node, times: Callable[[Tensor, Tensor], Tensor], x: Node, y: Node) -> Jet:
    """A product that is linear in each factor: F''[z1, z1] = 2 x1 y1, F''[z1, z2] = x1 y2 + x2 y1, F''' = 0."""
    X, Y = walk.plan.values[x], walk.plan.values[y]
    n = walk.plan.values[node].ndim

    def dense(node: Node) -> tuple[Tensor, Tensor | None]:
        one, two = walk.jets[node].dense()
        missing = (1,) * (n - one.ndim + 1)
        one = one.reshape(len(one), *missing, *one.shape[1:])
        return one, None if two is None else two.reshape(one.shape)

    x1, x2 = dense(x)
    y1, y2 = dense(y)
    adjoint = walk.plan.adjoints[node].reshape(-1)
    both = 2 * times(x1, y1)
    walk.add(node, both.flatten(1) @ adjoint, None)
    second = both
    for factors, other in (((x2, Y), y1), ((X, y2), x1)):
        moved = factors[0] if factors[0] is not X else factors[1]
        if moved is None:
            continue
        cross = times(moved, other) if factors[1] is Y else times(other, moved)
        walk.add(node, None, 3 * (cross.flatten(1) @ adjoint))
        second = second + (times(moved, Y) if factors[1] is Y else times(X, moved))
    if not walk.goes_on(node):
        return None
    return _whole(times(x1, Y) + times(X, y1), second)


# Convolutions


@rule("convolution")
def _convolution(
    walk: Walk,
    node: Node,
    x: Any,
    weight: Any,
    bias: Any,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
) -> Any:
    if not walk.moves(x) or walk.moves(weight) or walk.moves(bias):
        return generic_curved(walk, node) if walk.moves(x) and walk.moves(weight) else generic(walk, node)
    kernel = walk.value(weight)
    n = kernel.ndim - 2
    stride, padding, dilation = (list(map(int, s)) * (n if len(s) == 1 else 1) for s in (stride, padding, dilation))
    jet = walk.jets[x]
    how = (kernel, stride, padding, dilation, groups, walk.plan.values[node].shape)
    if not transposed and groups == 1 and prod(kernel.shape[2:]) == 1 and set(stride) == {1} and not any(padding):
        return _widened(walk, node, jet.solid(), kernel.flatten(1))
    if not transposed and groups == kernel.shape[0] == walk.plan.values[x].shape[1] and not jet.second:
        return jet.each(lambda term: _depthwise(term, *how))
    if not transposed:
        taps = walk.plan.kept(node, lambda: kernel.permute(*range(2, kernel.ndim), 1, 0).contiguous())
        return jet.each(lambda term: _windowed(term, *how, taps))

    def dense(term: Term) -> Term:
        values = term.dense().flatten(0, 1)
        return whole(
            torch.convolution(
                values, kernel, None, stride, padding, dilation, transposed, list(output_padding), groups
            ).unsqueeze(1)
        )

    return jet.each(dense)


def _widened(walk: Walk, node: Node, jet: Jet, matrix: Tensor) -> Jet:
    """1 x 1; before a site behind which nothing comes the second derivative is left unmade if that may save work."""

    def move(term: Term) -> Term:
        return _pointwise(term, matrix)

    if node not in walk.plan.widening or len(jet.first) != 1 or len(jet.second) != 1:
        return jet.each(move)
    made = move(jet.first[0])
    return Jet((made,), (Unmade(move, jet.second[0], jet.first[0], made, matrix.T, 1),))


def _pointwise(term: Term, matrix: Tensor) -> Term:
    """1 x 1: every place by itself, out = matrix @ channels."""
    term = term.single()
    if term.spreads(1):
        term = term.apart()
    axis = term.axes[1]
    last = term.values.movedim(2, -1)
    if axis.pick is not None:
        picked = columns(matrix.T, axis.pick)
        values = last * picked.reshape(len(picked), *(1,) * (last.ndim - 2), -1)
    else:
        values = times(last, matrix[:, axis.start : axis.start + last.shape[-1]].T)
    axes = (term.axes[0], Axis(len(matrix)), *term.axes[2:])
    return Term(values.movedim(-1, 2), axes, term.parts, term.spread, owned=True)


def _depthwise(
    term: Term,
    kernel: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    shape: Sequence[int],
) -> Term:
    """Every channel by itself: a direction that lies in one channel stays there, and only its factors change."""
    single = term.single()
    pick = single.axes[1].pick
    if pick is None:
        return _windowed(term, kernel, stride, padding, dilation, groups, shape, None)
    alone = single.apart()
    for k in range(2, len(alone.axes)):
        alone = alone.filled(k)
    n = len(stride)
    kernels = kernel[alone.axes[1].pick]
    moved = torch.convolution(
        alone.values[:, 0, 0].unsqueeze(0), kernels, None, stride, padding, dilation, False, [0] * n, len(kernels)
    )
    values = moved[0].unsqueeze(1).unsqueeze(1)  # (directions, 1, 1, *places)
    axes = (Axis(1), alone.axes[1], *(Axis(size) for size in shape[2:]))
    if single.spread is None:
        return Term(values, axes, single.parts)
    G, S = single.spread.shape[:2]
    ones = values.new_ones(()).expand(G, 1, 1, *shape[2:])
    axes = (Axis(1), single.axes[1], *axes[2:])
    return Term(ones, axes, single.parts, values.reshape(G, S, 1, 1, *shape[2:]))


def _windowed(
    term: Term,
    kernel: Tensor,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    groups: int,
    shape: Sequence[int],
    taps: Tensor | None,
) -> Term:
    """Any other convolution: what leaves the window is left out."""
    term = term.single().apart().filled(1)
    for k in range(2, len(term.axes)):
        if term.axes[k].pick is not None:
            term = term.filled(k)
    sizes = kernel.shape[2:]
    starts = [axis.start for axis in term.axes[2:]]
    widths = list(term.values.shape[3:])
    spans = []
    for s, w, k, st, p, d, size in zip(starts, widths, sizes, stride, padding, dilation, shape[2:], strict=True):
        first = max(0, -((-(s + p - (k - 1) * d)) // st))
        last = min(size - 1, (s + w - 1 + p) // st)
        spans.append((first, max(last - first + 1, 0)))
    axes = (Axis(1), Axis(shape[1]), *(Axis(size, o) for size, (o, _) in zip(shape[2:], spans, strict=True)))
    out_sizes = [width for _, width in spans]
    if not prod(out_sizes):
        values = term.values.new_zeros(len(term.values), 1, shape[1], *out_sizes)
        return Term(values, axes, term.parts)
    reads = [
        _reads(s, w, k, st, p, d, o, width)
        for s, w, k, st, p, d, (o, width) in zip(
            starts, widths, sizes, stride, padding, dilation, spans, strict=True
        )
    ]
    pairs = prod(sum(len(range(*r[0])) for r in along) for along in reads)
    if groups == 1 and taps is not None and 2 * pairs <= prod(out_sizes) * prod(sizes):
        values = _by_taps(term.values[:, 0], taps, reads, out_sizes)
    else:
        pads: list[int] = []
        for s, w, k, st, p, d, (o, width) in reversed(
            list(zip(starts, widths, sizes, stride, padding, dilation, spans, strict=True))
        ):
            pads += [s - (o * st - p), (o + width - 1) * st - p + (k - 1) * d - (s + w - 1)]
        moved = torch.nn.functional.pad(term.values[:, 0], pads)
        n = len(stride)
        values = torch.convolution(moved, kernel, None, stride, [0] * n, dilation, False, [0] * n, groups)
    return Term(values.unsqueeze(1), axes, term.parts)


def _reads(
    s: int, w: int, k: int, st: int, p: int, d: int, o: int, width: int
) -> list[tuple[tuple[int, int, int], int, int]]:
    """Return, for each tap that reads from the window, where: (start, stop, step) in it, the tap, and where it puts."""
    found = []
    for tap in range(k):
        outs = [q for q in range(o, o + width) if s <= q * st - p + tap * d < s + w]
        if outs:
            first = outs[0] * st - p + tap * d - s
            found.append(((first, first + (len(outs) - 1) * st + 1, st), tap, outs[0] - o))
    return found


def _by_taps(values: Tensor, taps: Tensor, reads: list[Any], out_sizes: list[int]) -> Tensor:
    """Convolve a small window: one matrix product for each tap and what it reads; places first in memory."""
    from itertools import product

    n = len(out_sizes)
    places = values.permute(*range(2, n + 2), 0, 1)  # (*window, directions, channels)
    single = prod(places.shape[:n]) == 1
    out_shape = (*out_sizes, len(values), taps.shape[-1])
    out = values.new_empty(out_shape) if single else values.new_zeros(out_shape)
    seen = set()
    for along in product(*reads):
        matrix = taps[tuple(tap for _, tap, _ in along)]
        source = places[tuple(slice(*read) for read, _, _ in along)]
        where = tuple(slice(to, to + len(range(*read))) for read, _, to in along)
        if single:
            at = tuple(to for _, _, to in along)
            torch.mm(source.reshape(source.shape[-2:]), matrix, out=out[at])
            seen.add(at)
        else:
            out[where] += source @ matrix
    if single and len(seen) < prod(out_sizes):
        for at in product(*map(range, out_sizes)):
            if at not in seen:
                out[at] = 0
    return out.permute(n, n + 1, *range(n))


# Pools


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


# Norms and softmax


@rule("native_layer_norm")
def _layer_norm(walk: Walk, node: Node, x: Any, shape: Sequence[int], weight: Any, bias: Any, eps: float) -> Any:
    """y = weight u/sqrt(v) + bias, u = x - mean(x), v = mean(u^2) + eps: see `_normalised`."""
    if walk.moves(weight) or walk.moves(bias) or not walk.moves(x):
        return generic_curved(walk, node)
    n = len(shape)
    X = walk.plan.values[x]
    dims = range(X.ndim - n, X.ndim)
    one, two = walk.jets[x].pair()
    if two is None and n == 1 and one.parts[-1] == 1 and one.axes[-1].pick is not None and not one.spreads(len(one.axes) - 1):
        return _layer_norm_in_one(walk, node, one, X, walk.value(weight), eps)
    one = _over(one, dims)
    two = None if two is None else _over(two, dims)
    count = prod(shape)
    mine = [k + 1 for k in range(len(one.axes)) if k >= sum(one.parts[: X.ndim - n])]

    def mean(values: Tensor) -> Tensor:
        return values.sum(mine, keepdim=True) / count

    u = X - X.mean(list(dims), keepdim=True)
    v = u.square().mean(list(dims), keepdim=True) + eps
    r = one.inside(v.rsqrt())
    V, U = one.inside(v), one.inside(u)
    r1, r2, r3 = -r / (2 * V), 3 * r / (4 * V**2), -15 * r / (8 * V**3)
    a = one.values - mean(one.values)
    b = None if two is None else two.values - mean(two.values)
    v1, vaa = 2 * mean(U * a), 2 * mean(a * a)
    q1, q2 = r1 * v1, r2 * v1**2 + r1 * vaa
    q3 = r3 * v1**3 + 3 * r2 * v1 * vaa
    site = walk.plan.adjoints[node]
    scale = walk.value(weight)
    scale = torch.ones_like(X) if scale is None else scale.expand_as(X)
    adjoint = one.inside(site * scale)
    bend = q2 * U + 2 * q1 * a
    s3 = q3 * U + 3 * q2 * a
    if b is not None:
        w1, wab = 2 * mean(U * b), 2 * mean(a * b)
        cross = (r2 * v1 * w1 + r1 * wab) * U + q1 * b + r1 * w1 * a
        s3 = s3 + 3 * cross
    walk.add(node, weighed(adjoint, one, bend, 2), weighed(adjoint, one, s3, 3))
    if not walk.goes_on(node):
        return None
    gain = one.inside(scale)
    if b is not None:
        bend = bend + r * b + r1 * w1 * U
    spread = None if one.spread is None else one.spread.square()
    first = one.like(gain * (r * a + q1 * U))
    return [Jet((first,), (Term(gain * bend, one.axes, one.parts, spread),)), None, None]


def _layer_norm_in_one(walk: Walk, node: Node, one: Term, X: Tensor, weight: Tensor | None, eps: float) -> Any:
    """The same for z1 = s e_c, in one place c of those that are normalised: y1 and y2 lie in the span of u and e_c.

    a = s (e_c - 1/n), mean(u a) = s u_c/n, mean(a^2) = s^2 (1 - 1/n)/n: nothing of the size of u is worked out.
    """
    keep = [k for k, axis in enumerate(one.axes) if axis.size > 1 or k == len(one.axes) - 1]
    gone = [k for k in range(len(one.axes)) if k not in keep]
    for k in reversed(gone):
        d = next(d for d in range(len(one.parts)) if k < sum(one.parts[: d + 1]))
        parts = tuple(m - (e == d) for e, m in enumerate(one.parts))
        one = replace(one._without(k), parts=parts)
    pick = one.axes[-1].pick
    assert pick is not None
    n = X.shape[-1]
    u = X - X.mean(-1, keepdim=True)
    v = u.square().mean(-1, keepdim=True) + eps
    gain = torch.ones_like(u) if weight is None else weight.expand_as(u)
    adjoint = walk.plan.adjoints[node] * gain
    full = replace(one, axes=(*one.axes[:-1], Axis(n)), values=one.values.expand(*one.values.shape[:-1], n))
    places = replace(full, values=one.values, axes=(*one.axes[:-1], Axis(1)), parts=one.parts)

    def at_places(tensor: Tensor) -> Tensor:
        return places.inside(tensor)

    s, uc = one.values, one.inside(u)
    V = at_places(v)
    r = V.rsqrt()
    r1, r2, r3 = -r / (2 * V), 3 * r / (4 * V**2), -15 * r / (8 * V**3)
    v1, vaa = 2 * s * uc / n, 2 * s * s * (1 - 1 / n) / n
    q1, q2 = r1 * v1, r2 * v1**2 + r1 * vaa
    q3 = r3 * v1**3 + 3 * r2 * v1 * vaa
    along_u = at_places((adjoint * u).sum(-1, keepdim=True))
    along_a = s * (one.inside(adjoint) - at_places(adjoint.mean(-1, keepdim=True)))
    rows = Rows.of(one)

    def total(values: Tensor, power: int) -> Tensor:
        return rows.total(rows.stack(values.expand(one.values.shape)).sum(2), power)

    walk.add(node, total(q2 * along_u + 2 * q1 * along_a, 2), total(q3 * along_u + 3 * q2 * along_a, 3))
    if not walk.goes_on(node):
        return None
    one_u = full.inside(gain * u)
    own = one.values.new_zeros(len(one.values), *(1,) * (len(one.axes) - 1), n)
    own -= 1 / n
    own.view(len(own), n)[torch.arange(len(own)), pick] += 1
    own = own * full.inside(gain)
    squared = None if one.spread is None else one.spread.square()

    def product(coefficients: Tensor, basis: Tensor, spread: Tensor | None) -> Product:
        return Product(coefficients, basis, full.axes, one.parts, spread)

    first = (product(q1, one_u, one.spread), product(r * s, own, one.spread))
    second = (product(q2, one_u, squared), product(2 * q1 * s, own, squared))
    return [Jet(first, second), None, None]


def _over(term: Term, dims: Sequence[int]) -> Term:
    """Return the term with all places along some dimensions, and no spread along them."""
    starts = [sum(term.parts[:d]) for d in range(len(term.parts))]
    mine = [k for d in dims for k in range(starts[d], starts[d] + term.parts[d])]
    if any(term.spreads(k) for k in mine):
        term = term.apart()
    for k in mine:
        term = term.filled(k)
    return term


@rule("_softmax")
def _softmax(walk: Walk, node: Node, x: Node, dim: int, *_: Any) -> Jet | None:
    """p = softmax(z): with d = z1 - E[z1], F''[z1, z1] = p (d^2 - m2), F''' = p (d^3 - 3 d m2 - m3), E and m under p."""
    one, two = walk.jets[x].dense()
    p = walk.plan.values[node]
    dim = dim % p.ndim + 1

    def mean(values: Tensor) -> Tensor:
        return (p * values).sum(dim, keepdim=True)

    d = one - mean(one)
    m2, m3 = mean(d * d), mean(d**3)
    bend = p * (d * d - m2)
    third = p * (d**3 - 3 * d * m2 - m3)
    second = bend
    if two is not None:
        e = two - mean(two)
        third = third + 3 * p * (d * e - mean(d * e))
        second = bend + p * e
    adjoint = walk.plan.adjoints[node].reshape(-1)
    walk.add(node, bend.flatten(1) @ adjoint, third.flatten(1) @ adjoint)
    return _whole(p * d, second) if walk.goes_on(node) else None


@rule("_log_softmax")
def _log_softmax(walk: Walk, node: Node, x: Node, dim: int, *_: Any) -> Jet | None:
    """z - log sum exp z: the sum's logarithm has the cumulants of z1 under p as its derivatives."""
    one, two = walk.jets[x].dense()
    p = walk.plan.values[node].exp()
    dim = dim % p.ndim + 1

    def mean(values: Tensor) -> Tensor:
        return (p * values).sum(dim, keepdim=True)

    d = one - mean(one)
    bend = -mean(d * d).expand_as(d)
    third = -mean(d**3).expand_as(d)
    second = bend
    if two is not None:
        e = two - mean(two)
        third = third - 3 * mean(d * e)
        second = bend + e
    adjoint = walk.plan.adjoints[node].reshape(-1)
    walk.add(node, bend.flatten(1) @ adjoint, third.flatten(1) @ adjoint)
    return _whole(d, second) if walk.goes_on(node) else None

"""Terms that are not multiplied out yet, because what comes next may need less than all of their numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cam.jets.term import Axis, Term


@dataclass(frozen=True, eq=False)
class Product:
    """A term whose values are coefficients times a basis that few directions or few places have of their own.

    A linear map of the last axis then acts on the basis alone.

    Args:
        coefficients: (G, *box), of size 1 on the last axis.
        basis: (G or 1, *box or ones).
        axes, parts, spread: as in `Term`; no axis has one place.
        is_fixed: whether the basis is the plan's own, the same tensor in every chunk.
    """

    coefficients: Tensor
    basis: Tensor
    axes: tuple[Axis, ...]
    parts: tuple[int, ...]
    spread: Tensor | None
    is_fixed: bool = False

    @property
    def directions(self) -> int:
        """How many directions there are."""
        return len(self.coefficients) * (1 if self.spread is None else self.spread.shape[1])

    def solid(self) -> Term:
        """Return the term, multiplied out."""
        return Term(self.coefficients * self.basis, self.axes, self.parts, self.spread, owned=True)

    def outline(self) -> Term:
        """Return the term with its box, multiplied out nowhere: every value is the same."""
        box = torch.broadcast_shapes(self.coefficients.shape, self.basis.shape)
        return Term(self.basis.new_empty(()).expand(box), self.axes, self.parts, self.spread)

    def viewed(self, shape: Sequence[int]) -> "Product | Term":
        """Return node.view(shape), as a product if no axis is taken apart."""
        whole = tuple(
            Axis(axis.size) for axis in self.axes
        )  # how the node is taken apart, wherever the term's box lies
        found = Term(self.basis.new_empty(()).expand(1, *(axis.size for axis in whole)), whole, self.parts).viewed(
            shape
        )
        if found.axes == whole:
            return replace(self, parts=found.parts)
        return self.solid().viewed(shape)

    def permuted(self, dims: Sequence[int]) -> "Term":
        """Return node.permute(dims)."""
        return self.solid().permuted(dims)

    def mapped(self, times: Callable[[Tensor], Tensor]) -> "Product | None":
        """Return what a matrix makes of the last dimension, or None if that is not the last axis alone.

        Args:
            times: basis -> basis @ matrix.
        """
        if self.parts[-1] != 1 or (self.spread is not None and self.spread.shape[-1] > 1):
            return None
        basis = times(self.basis)
        return replace(self, basis=basis, axes=(*self.axes[:-1], Axis(basis.shape[-1])))


@dataclass(frozen=True, eq=False)
class Unmade:
    """The second derivative of x @ matrix or of a 1 x 1 convolution, z2 = matrix^T n, before it is worked out.

    At a site behind which nothing comes, z2 is asked for in sum e z1 z2 alone. With z1 = matrix^T u + x that is
    sum n (Q u) + n (matrix (e x)), Q = matrix diag(e) matrix^T of each place: smaller where the matrix widens.

    Args:
        make: works it out.
        n: the operand's second derivative.
        u: its first.
        made: the first derivative of the output, the term that u became.
        matrix: (channels, outputs).
        channel: the dimension of the channels.
    """

    make: "object"
    n: Term
    u: Term
    made: Term
    matrix: Tensor
    channel: int

    def solid(self) -> Term:
        """Return the term, worked out."""
        return self.make(self.n)  # type: ignore[operator]


def quadratic(unmade: Unmade, others: Sequence[Term], bend: Tensor, forms: dict[int, Tensor]) -> Tensor | None:
    """Return sum e z1 z2 over the box, (G,), or None if the terms have another form.

    Args:
        unmade: z2, and what z1 was made of.
        others: the rest of z1: terms in one channel each.
        bend: e, of the node.
        forms: Q of each place, filled as they are asked for.
    """
    u, n, channel = unmade.u.single(), unmade.n.single(), unmade.channel
    axis = channel + 1
    if u.spread is not None or n.spread is not None or not (u.is_full(channel) and n.is_full(channel)):
        return None
    places = [k for k in range(len(u.axes)) if k != channel]
    if any(u.axes[k].pick is not None or u.axes[k].start != n.axes[k].start for k in places):
        return None
    if u.values.shape != n.values.shape:
        return None
    columns = bend.movedim(channel, -1).reshape(-1, bend.shape[channel])  # e of each place
    sizes = [u.axes[k].size for k in places]
    starts = torch.tensor([u.axes[k].start for k in places])
    window = [u.values.shape[k + 1] for k in places]
    U = u.values.movedim(axis, -1).movedim(0, -2)
    N = n.values.movedim(axis, -1).movedim(0, -2)
    total = U.new_zeros(U.shape[-2])
    at = {}
    for offset in torch.cartesian_prod(*(torch.arange(w) for w in window)).reshape(-1, len(window)):
        index = tuple(offset.tolist())
        place = 0
        for size, o in zip(sizes, (offset + starts).tolist(), strict=True):
            place = place * size + o
        if place not in forms:
            forms[place] = (unmade.matrix * columns[place]) @ unmade.matrix.T
        at[place] = index
        total += ((U[index] @ forms[place]) * N[index]).sum(-1)
    for other in others:
        x = other.single()
        pick = x.axes[channel].pick
        if pick is None or x.spread is not None or x.values[0].numel() != 1:
            return None
        if any(x.axes[k].pick is not None for k in places):
            return None
        place = 0
        for k in places:
            place = place * x.axes[k].size + x.axes[k].start
        if place in at:
            rows = (unmade.matrix.T[pick] * N[at[place]]).sum(-1)
            total += rows * x.values.flatten() * columns[place][pick]
    return total

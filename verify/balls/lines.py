"""Power series along the lines of several entries: x_0, common to all, and for each line x_1, x_2, x_3.

(x + y)_k = x_k + y_k        (x y)_k = sum_j x_j y_(k-j)
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from verify.balls.numbers import ONE, Array, constant, nonzero, zeros
from verify.probe import NoRule


@dataclass(frozen=True, eq=False)
class Lines:
    """One value of the tail along every line.

    Args:
        value: x_0, of the shape that the value has in torch.
        terms: x_1, x_2, ...: arrays (lines, *shape); None for one that is zero everywhere.
        affine: whether it is known that all further coefficients are zero, x being an affine function of A.
    """

    value: Array
    terms: tuple[Array | None, ...]
    affine: bool = False

    @property
    def constant(self) -> bool:
        """Whether it is known not to depend on A."""
        return self.affine and all(term is None for term in self.terms)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape in torch."""
        return self.value.shape


@dataclass
class Sample:
    """The lines that are followed.

    Args:
        lines: how many.
        orders: up to which.
        name: of the operation at hand.
        doing: the same with its layer, for people.
        lost: the lines whose derivatives are not known, and why.
    """

    lines: int
    orders: int = 3
    name: str = ""
    doing: str = ""
    lost: dict[int, str] = field(default_factory=dict)

    def still(self, value: Tensor | float | int | Array) -> Lines:
        """Return a constant."""
        return Lines(value if isinstance(value, np.ndarray) else constant(value), (None,) * self.orders, affine=True)

    def lines_of(self, operand: Any) -> Lines:
        """Return an operand as it is, a number or a constant tensor as lines that do not move.

        Raises:
            NoRule: it is none of these.
        """
        if isinstance(operand, Lines):
            return operand
        if isinstance(operand, (Tensor, int, float)):
            return self.still(operand)
        raise NoRule(f"an operand is no number, but {type(operand).__name__}")

    def moves(self, x: Lines) -> Array:
        """Return which numbers move along which line, (lines, *shape)."""
        found = np.zeros((self.lines, *x.shape), dtype=bool)
        for term in x.terms:
            if term is not None:
                found |= nonzero(term)
        return found

    def lose(self, lines: Array, why: str) -> None:
        """Give up some lines.

        Args:
            lines: which, booleans.
            why: what is not known about the operation at hand.
        """
        for line in np.flatnonzero(lines).tolist():
            self.lost.setdefault(line, f"{self.doing} {why}")

    def doubt(self, doubtful: Array, *operands: Lines) -> None:
        """Give up each line along which an operand moves at a place where the branch is not proved.

        Args:
            doubtful: where, booleans of the operands' shape.
            operands: what would have to stand still there.
        """
        if doubtful.any():
            for x in operands:
                self.lose(np.asarray(self.moves(x)[:, doubtful].any(1)), "lies on a kink, or too near to one to tell")

    def doubt_jump(self, doubtful: Array, x: Lines) -> None:
        """Give up each line along which x may cross a jump; all, if x may move in an order that is not followed."""
        if doubtful.any() and not x.affine:
            self.lose(np.ones(self.lines, dtype=bool), "lies on a jump, or too near to one to tell")
        self.doubt(doubtful, x)


def shaped(term: Array, shape: tuple[int, ...]) -> Array:
    """Return a term (lines, *shape of an operand) broadcast to the shape of the result."""
    lines, *own = term.shape
    return np.broadcast_to(term.reshape(lines, *(1,) * (len(shape) - len(own)), *own), (lines, *shape))


def plus(x: Lines, y: Lines) -> Lines:
    """Return x + y."""
    value = np.asarray(x.value + y.value, dtype=object)
    terms = (_sum(_shaped(a, value.shape), _shaped(b, value.shape)) for a, b in zip(x.terms, y.terms, strict=True))
    return Lines(value, tuple(terms), x.affine and y.affine)


def scaled(x: Lines, factor: Any) -> Lines:
    """Return x times an exact number."""
    return Lines(
        np.asarray(x.value * factor, dtype=object),
        tuple(None if term is None else term * factor for term in x.terms),
        x.affine,
    )


def minus(x: Lines, y: Lines) -> Lines:
    """Return x - y."""
    return plus(x, scaled(y, -ONE))


def times(x: Lines, y: Lines) -> Lines:
    """Return x y, entry by entry."""
    shape = np.broadcast_shapes(x.shape, y.shape)
    one, other = (
        Lines(each.value, tuple(None if term is None else shaped(term, shape) for term in each.terms), each.affine)
        for each in (x, y)
    )
    return leibniz(one, other, lambda a, b: np.asarray(a * b, dtype=object))


def leibniz(x: Lines, y: Lines, product: Callable[[Array, Array], Array]) -> Lines:
    """Return any product that is linear in both factors.

    Args:
        x: the one.
        y: the other.
        product: of two arrays, each with the lines before its shape, or without them where it is the same for all.
    """
    value = product(x.value, y.value)
    terms: list[Array | None] = []
    for order in range(1, len(x.terms) + 1):
        total = None
        for k in range(order + 1):
            a = x.value if k == 0 else x.terms[k - 1]
            b = y.value if k == order else y.terms[order - k - 1]
            if a is not None and b is not None:
                total = _sum(total, product(a, b))
        terms.append(total)
    return Lines(value, tuple(terms), x.affine and y.affine and (x.constant or y.constant))


def linear(x: Lines, function: Callable[[Array], Array]) -> Lines:
    """Return a linear function of x.

    Args:
        x: the operand.
        function: of a stack (any number, *shape), one by one.
    """
    present = [term for term in x.terms if term is not None]
    found = function(np.concatenate([x.value[None], *present]))
    terms, at = [], 1
    for term in x.terms:
        terms.append(None if term is None else found[at : at + len(term)])
        at += 0 if term is None else len(term)
    return Lines(np.asarray(found[0], dtype=object), tuple(terms), x.affine)


def axes_of(x: Lines, dims: Any) -> tuple[int, ...]:
    """Return which dimensions are meant: one or several, all if none is given; a number without any has none."""
    chosen = [dims] if isinstance(dims, int) else list(dims or range(len(x.shape)))
    return tuple(sorted(dim % len(x.shape) for dim in chosen)) if x.shape else ()


def flat(x: Lines) -> Lines:
    """Return the same numbers in one row."""
    terms = tuple(None if term is None else term.reshape(len(term), -1) for term in x.terms)
    return Lines(x.value.reshape(-1), terms, x.affine)


def spread(values: Array, where: Array) -> Array:
    """Return an array of zeros with values where a mask says."""
    found = zeros(where.shape)
    found[where] = values
    return found


def _shaped(term: Array | None, shape: tuple[int, ...]) -> Array | None:
    return None if term is None else shaped(term, shape)


def _sum(a: Array | None, b: Array | None) -> Array | None:
    if a is None or b is None:
        return b if a is None else a
    return np.asarray(a + b, dtype=object)

"""Complete Bell polynomials of the derivatives of a function, for symbolic n too.

With d = T' the derivative of an exponent T, the n-th derivative of e^T is e^T B_n, where

    B_0 = 1,    B_(n+1) = d B_n + dB_n/dx                  (differentiate e^T B_n once more)

B_n is the complete Bell polynomial B_n(T', T'', ..., T^(n)): the sum over all partitions of n things of the product,
over the blocks of a partition, of the derivative of T of the block's size. Only d enters, so that T may be what need
not be written down, as the logarithm of a sum is.
"""

from itertools import pairwise

from sympy import Derivative, Expr, Function, Integer, Symbol
from sympy.printing.printer import Printer


class Bell(Function):
    """B_n(d, d', ..., d^(n-1)), arguments (n, d, x): d is an expression in x, and a prime is d/dx."""

    nargs = 3
    is_real = True

    @classmethod
    def eval(cls, order: Expr, d: Expr, x: Symbol) -> Expr | None:
        """Return 1 for order 0."""
        return Integer(1) if order == 0 else None

    def _eval_derivative(self, variable: Symbol) -> Expr:
        order, d, x = self.args
        if variable == x:
            return Bell(order + 1, d, x) - d * self
        return Derivative(self, variable, evaluate=False) if variable in self.free_symbols else Integer(0)

    def doit(self, **hints: bool) -> Expr:
        """Write it out, d^(k) as an inert derivative worked out, if the order is a number."""
        order, d, x = self.args
        return polynomial(int(order), d, x).doit(**hints) if order.is_Integer and order.is_nonnegative else self

    def _latex(self, printer: Printer, exp: str | None = None) -> str:
        order, d, _ = self.args
        text = f"B_{{{printer.doprint(order)}}}\\left[{printer.doprint(d)}\\right]"
        return text if exp is None else f"{text}^{{{exp}}}"

    def _sympystr(self, printer: Printer) -> str:
        order, d, _ = self.args
        return f"B_{printer.doprint(order)}[{printer.doprint(d)}]"


def polynomial(order: int, d: Expr, x: Symbol) -> Expr:
    """Return B_order written out, expanded, in d and its inert derivatives along x."""
    letters = [Symbol(f"d{k}") for k in range(order)]
    b: Expr = Integer(1)
    for _ in range(order):
        moved = sum((b.diff(here) * after for here, after in pairwise(letters)), Integer(0))
        b = (letters[0] * b + moved).expand()
    return b.xreplace({letter: Derivative(d, (x, k)) if k else d for k, letter in enumerate(letters)})

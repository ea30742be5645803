"""The k-th derivative of an undefined function as a function in its own right, for symbolic k too.

`nth(f)(k, v)` is f^(k)(v), with d/dv nth(f)(k, v) = nth(f)(k + 1, v). SymPy's own `Derivative(f(v), (v, k))` cannot
serve inside a proof: for v = S(x) and a symbolic order k SymPy 1.14 differentiates it to 0, and it reorders mixed
derivatives in v and x, which do not commute.
"""

from functools import cache

from sympy import Basic, Derivative, Expr, Function, Subs
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.printing.printer import Printer


class NthDerivative(Function):
    """f^(k)(v), arguments (k, v); `of` is the undefined function f."""

    nargs = 2
    is_real = True
    is_number = False  # f'(0) is no number that SymPy could compare with others
    of: UndefinedFunction

    @classmethod
    def eval(cls, order: Expr, at: Expr) -> Expr | None:
        """Return the function itself for order 0."""
        return cls.of(at) if order == 0 else None

    def fdiff(self, argindex: int = 2) -> Expr:
        """Differentiate with respect to v. The order k is not differentiated."""
        if argindex != 2:
            raise ValueError(f"{self}: the order of a derivative is not a variable")
        return type(self)(self.args[0] + 1, self.args[1])

    def _latex(self, printer: Printer, exp: str | None = None) -> str:
        order, at = self.args
        mark = "'" * int(order) if order in (1, 2, 3) else f"^{{({printer.doprint(order)})}}"
        text = f"{self.of.__name__}{mark}\\left({printer.doprint(at)}\\right)"
        return text if exp is None else f"\\left({text}\\right)^{{{exp}}}"

    def _sympystr(self, printer: Printer) -> str:
        order, at = self.args
        mark = "'" * int(order) if order in (1, 2, 3) else f"^({printer.doprint(order)})"
        return f"{self.of.__name__}{mark}({printer.doprint(at)})"


@cache
def nth(function: UndefinedFunction) -> type[NthDerivative]:
    """Return the family (k, v) -> function^(k)(v)."""
    return type(f"{function.__name__}_nth", (NthDerivative,), {"of": function})


def as_nth(expr: Basic) -> Basic:
    """Write every d^k/dv^k f(v), v itself an expression as in d^2 f(S(x))/dS(x)^2, as nth(f)(k, v).

    SymPy writes it as a `Derivative` where v is a function, else as a `Subs` of v for a dummy.
    """
    expr = expr.replace(_is_derivative_at, lambda e: nth(e.expr.expr.func)(e.expr.variable_count[0][1], e.point[0]))
    return expr.replace(is_outer, lambda e: nth(e.expr.func)(e.variable_count[0][1], e.expr.args[0]))


def _is_derivative_at(e: Basic) -> bool:
    return isinstance(e, Subs) and len(e.variables) == 1 and _is_by_argument(e.expr) and e.expr.expr.args == e.variables


def is_outer(e: Basic) -> bool:
    """Whether it is a derivative of f(v) by v, v an expression and not a letter, as d f(S(x))/dS(x)."""
    return _is_by_argument(e) and not e.expr.args[0].is_Symbol


def _is_by_argument(e: Basic) -> bool:
    """Whether it is f(v) differentiated by v alone, its one argument."""
    if not isinstance(e, Derivative) or not isinstance(e.expr, AppliedUndef) or len(e.variable_count) != 1:
        return False
    return bool(e.expr.args == (e.variable_count[0][0],))

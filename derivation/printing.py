"""LaTeX of inert statements: SymPy's, with the brackets that it leaves out around the product in d/dx (u v)."""

from sympy import Basic, Derivative
from sympy.printing.latex import LatexPrinter


class _Printer(LatexPrinter):
    def _print_Derivative(self, expr: Derivative) -> str:
        printed, body = super()._print_Derivative(expr), self._print(expr.expr)
        if not (expr.expr.is_Mul and printed.endswith(f" {body}")):
            return printed
        return f"{printed.removesuffix(body)}\\left({body}\\right)"


def latex(expr: Basic) -> str:
    """Return the LaTeX of an expression or a relation, as it is written: nothing is evaluated."""
    return _Printer().doprint(expr)

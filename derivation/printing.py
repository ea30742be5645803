"""How inert statements are written: LaTeX, Unicode over several lines, Unicode on one line. Nothing is evaluated.

SymPy's printers, but for what they leave ambiguous or do not know: the brackets around the product in d/dx (u v), the
derivative as a fraction dS(x)/dx, the primes of `NthDerivative`, and max and the test function by their usual names.
"""

from typing import Any

from sympy import Add, Basic, Derivative, Eq, Function, Limit, Max, Pow
from sympy.core.function import AppliedUndef
from sympy.core.relational import Relational
from sympy.printing.conventions import requires_partial
from sympy.printing.latex import LatexPrinter
from sympy.printing.precedence import PRECEDENCE
from sympy.printing.pretty.pretty import PrettyPrinter
from sympy.printing.pretty.pretty_symbology import pretty_symbol
from sympy.printing.pretty.stringpict import prettyForm
from sympy.printing.str import StrPrinter

from derivation.bell import Bell
from derivation.nth import NthDerivative

PRIMES = {1: "′", 2: "″", 3: "‴"}
SIGNS = {"==": "=", "!=": "≠", ">": ">", ">=": "≥", "<": "<", "<=": "≤"}
OPPOSITES = {"==": "≠", "!=": "=", ">": "≤", ">=": "<", "<": "≥", "<=": ">"}
_LATEX_SIGNS = {"==": "=", "!=": "\\neq", ">": ">", ">=": "\\geq", "<": "<", "<=": "\\leq"}
_NAMES = {"varphi": "φ"}
_LOWERED = str.maketrans("0123456789+-()n", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙ")
_RAISED = str.maketrans("0123456789+-()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿ")


def latex(expr: Basic) -> str:
    """Return the LaTeX of an expression or a relation, as it is written."""
    return _Latex().doprint(expr)


def pretty(*chain: Basic, lead: str = "", last: type[Relational] = Eq) -> str:
    """Return expressions joined by equals signs, or one relation, as they stand in a book: over several lines.

    Args:
        chain: what to write, however wide it is.
        lead: what stands before it, such as "= ".
        last: the relation of the last expression to the one before it.
    """
    printer = _Pretty()
    form = prettyForm(*printer._print(chain[0]).left(lead))
    for place, expr in enumerate(chain[1:], 2):
        sign = SIGNS[last.rel_op] if place == len(chain) else "="
        form = prettyForm(*form.right(f" {sign} ", printer._print(expr)))
    return "\n".join(text.rstrip() for text in str(form).splitlines())


def latex_sign(relation: type[Relational]) -> str:
    """Return the LaTeX of the sign between the two sides of a relation."""
    return _LATEX_SIGNS[relation.rel_op]


def line(expr: Basic) -> str:
    """Return an expression or a relation on one line, e.g. f″(S(x))·(dS(x)/dx)²."""
    return _Line().doprint(expr).replace("**", "^").replace("*", "·")


def raised(text: str) -> str | None:
    """Return a number, n, or a sum of such as Unicode superscripts; None where there are none for it."""
    letters = text.replace(" ", "")
    return letters.translate(_RAISED) if {ord(letter) for letter in letters} <= _RAISED.keys() else None


def _marked(e: NthDerivative) -> str:
    order = e.args[0]
    mark = PRIMES.get(int(order)) if order.is_Integer else None
    return pretty_symbol(e.of.__name__) + (mark or raised(f"({order})") or f"^({order})")


def _bell(e: Bell) -> str:
    return "B" + str(e.args[0]).replace(" ", "").translate(_LOWERED)


def _d(e: Derivative) -> tuple[str, str] | None:
    """Write the two halves of d^k/dx^k; None where the order has no superscript or there are two variables."""
    if len(e.variable_count) != 1:
        return None
    (variable, order), letter = e.variable_count[0], "∂" if requires_partial(e.expr) else "d"
    mark = "" if order == 1 else raised(str(order))
    return None if mark is None else (letter + mark, f"{letter}{pretty_symbol(str(variable))}{mark}")


class _Latex(LatexPrinter):
    def _print_Derivative(self, expr: Derivative) -> str:
        printed, body = super()._print_Derivative(expr), self._print(expr.expr)
        if not (expr.expr.is_Mul and printed.endswith(f" {body}")):
            return printed
        return f"{printed.removesuffix(body)}\\left({body}\\right)"


class _Pretty(PrettyPrinter):
    printmethod = "_none"  # what a class says of itself is meant for one line

    def __init__(self) -> None:
        super().__init__({"use_unicode": True, "wrap_line": False})

    def _print_Derivative(self, expr: Derivative) -> prettyForm:
        halves, body = _d(expr), self._print(expr.expr)
        if halves is None:
            return super()._print_Derivative(expr)
        top, bottom = map(prettyForm, halves)
        closed = prettyForm(*body.parens()) if expr.expr.is_Add or expr.expr.is_Mul or expr.expr.is_Pow else body
        if body.height() == 1 or expr.expr.is_Function:
            return prettyForm(*top.right(closed)) / bottom
        operator = prettyForm(*(top / bottom).right(" "))
        return prettyForm(*operator.right(closed), binding=prettyForm.ADD)  # in a product it gets brackets

    def _print_Add(self, expr: Add, order: str | None = None) -> prettyForm:
        if not any(term.is_Add for term in expr.args):
            return super()._print_Add(expr, order)
        total = prettyForm("")
        for place, term in enumerate(expr.args):
            minus = term.is_Mul and term.could_extract_minus_sign()
            size = -term if minus else term
            text = self._print(size)
            sign = (" - " if minus else " + ") if place else ("-" if minus else "")
            total = prettyForm(*total.right(sign, prettyForm(*text.parens()) if size.is_Add else text))
        return prettyForm(*total.right(""), binding=prettyForm.ADD)

    def _print_Function(self, e: Function, **how: Any) -> prettyForm:
        if isinstance(e, Bell):
            inner = prettyForm(*self._print(e.args[1]).parens("[", "]"))
            return prettyForm(*prettyForm(_bell(e)).right(inner), binding=prettyForm.FUNC)
        if not isinstance(e, NthDerivative):
            return super()._print_Function(e, **how)
        inner = prettyForm(*self._print(e.args[1]).parens())
        return prettyForm(*prettyForm(_marked(e)).right(inner), binding=prettyForm.FUNC)

    def _print_Max(self, e: Max) -> prettyForm:
        return self._helper_print_function(e.func, e.args, func_name="max")

    def _print_AppliedUndef(self, e: AppliedUndef) -> prettyForm:
        return self._helper_print_function(e.func, e.args, func_name=_NAMES.get(e.func.__name__, e.func.__name__))


class _Line(StrPrinter):
    printmethod = "_none"

    def parenthesize(self, item: Basic, level: int, strict: bool = False) -> str:
        text = super().parenthesize(item, level, strict)
        return f"({text})" if isinstance(item, Derivative) and level >= PRECEDENCE["Mul"] else text

    def _print_Derivative(self, expr: Derivative) -> str:
        halves, body = _d(expr), self._print(expr.expr)
        if isinstance(expr.expr, Derivative) or expr.expr.is_Add or expr.expr.is_Mul or expr.expr.is_Pow:
            body = f"({body})"
        orders = ", ".join(f"{v} to the order {k}" for v, k in expr.variable_count)
        return f"{halves[0]}{body}/{halves[1]}" if halves else f"the derivative of {body} by {orders}"

    def _print_Function(self, e: Function) -> str:
        if isinstance(e, NthDerivative):
            return f"{_marked(e)}({self._print(e.args[1])})"
        if isinstance(e, Bell):
            return f"{_bell(e)}[{self._print(e.args[1])}]"
        name = e.func.__name__
        return f"{_NAMES.get(name, name)}({', '.join(map(self._print, e.args))})"

    def _print_Max(self, e: Max) -> str:
        return f"max({', '.join(self._print(arg) for arg in sorted(e.args, key=lambda arg: not arg.is_number))})"

    def _print_Symbol(self, e: Basic) -> str:
        return pretty_symbol(e.name)

    def _print_Exp1(self, e: Basic) -> str:
        return "e"

    def _print_Relational(self, e: Relational) -> str:
        return f"{self._print(e.lhs)} {SIGNS[e.rel_op]} {self._print(e.rhs)}"

    def _print_Limit(self, e: Limit) -> str:
        body, variable, at, side = e.args
        mark = {"+": "⁺", "-": "⁻"}.get(str(side), "")
        return f"lim {self._print(variable)}→{self._print(at)}{mark} ({self._print(body)})"

    def _print_Pow(self, e: Pow, rational: bool = False) -> str:
        mark = raised(str(e.exp)) if e.exp.is_nonnegative else None
        if mark is None:
            return super()._print_Pow(e, rational)
        return self.parenthesize(e.base, PRECEDENCE["Pow"]) + mark

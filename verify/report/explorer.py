"""The figure explorer: one page on which outer function, activation, S, sigma and g move and alpha follows.

Its formulas are printed from SymPy expressions as JavaScript: those of `derivation.heads` and of the activations, the
second and third derivative of a composition and the closed form (19) as the claims state them. None is typed again.

The line of the entry passes one hidden unit, S = w phi(z) + b. The page lets S, g and z be chosen, so that

    h = g phi''(z)/phi'(z)      t = g phi'''(z)/phi'(z)
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from jinja2 import Environment
from markupsafe import Markup
from sympy import Basic, Expr, Max, Min, Piecewise, Symbol, diff, fraction, piecewise_fold, solve, together
from sympy.printing.jscode import JavascriptCodePrinter

from derivation.claim import Claim
from derivation.claims import LIBRARY
from derivation.claims.weights import ALPHA
from derivation.heads import HEADS as ALL_HEADS
from derivation.heads import Head
from derivation.hypotheses import along, curvature, outer, slope, third
from derivation.notation import g, m, sigma, u
from verify.catalogue.activations import ACTIVATIONS
from verify.report import templates

f_1, f_2, f_3 = (Symbol(f"f_{k}", real=True) for k in (1, 2, 3))
d_1, d_2, d_3 = (Symbol(f"d_{k}", real=True) for k in (1, 2, 3))
h, t = Symbol("h", real=True), Symbol("t", real=True)
EXPONENTS = (-1, 2, 3, 4)
LETTERS = {outer(1): f_1, outer(2): f_2, outer(3): f_3, slope: g, curvature: h, third: t}


def _chosen(head: Head) -> tuple[Head, ...]:
    """Put numbers in for an exponent: for m = 2, 0 times S^(m - 3) is 0 also at S = 0, which floating point denies."""
    if m not in head.outer.free_symbols:
        return (head,)
    return tuple(
        Head(f"{head.name}-{k}", f"{head.says}, m = {k}".replace("-", "−"), head.outer.subs(m, k)) for k in EXPONENTS
    )


HEADS = tuple(chosen for head in ALL_HEADS for chosen in _chosen(head))


@dataclass(frozen=True)
class Formula:
    """A formula and the letters that it is a function of, in order."""

    letters: tuple[Symbol, ...]
    expression: Expr

    @property
    def javascript(self) -> str:
        """Return it as an arrow function."""
        names = ", ".join(letter.name for letter in self.letters)
        return f"({names}) => {' '.join(_PRINTER.doprint(self.expression).split())}"


class _Printer(JavascriptCodePrinter):
    """SymPy's own, which does not know the error function: the page has one."""

    def _print_erf(self, expr: Expr) -> str:
        return f"erf({self._print(expr.args[0])})"


_PRINTER = _Printer()


def weights(library: Mapping[str, Claim] = LIBRARY) -> dict[str, Formula]:
    """Return alpha as (10) defines it, the closed form, the footprints at which they have poles, and h and t."""
    orders = {2: library["second-derivative"].rhs, 3: library["third-derivative"].rhs}
    exact = ALPHA.xreplace({along(order): rhs.xreplace(LETTERS) for order, rhs in orders.items()})
    closed = library["alpha-closed-form"].rhs.xreplace(LETTERS)
    return {
        "exact": Formula((f_1, f_2, f_3, g, h, t, sigma), exact),
        "closed": Formula((g, sigma), closed),
        "exactPole": Formula((f_1, f_2, f_3, g, h, t), _pole(exact)),
        "closedPole": Formula((g,), _pole(closed)),
        "second": Formula((d_1, d_2, g), g * d_2 / d_1),
        "third": Formula((d_1, d_3, g), g * d_3 / d_1),
    }


def _pole(weight: Expr) -> Expr:
    (found,) = solve(fraction(together(weight))[1], sigma)
    return found


def heads() -> dict[str, tuple[Formula, ...]]:
    """Return f', f'' and f''' of every outer function, its constants behind u in order of their names."""
    return {
        head.name: tuple(Formula((u, *_constants(head.outer)), e) for e in (head.first, head.second, head.third))
        for head in HEADS
    }


def _constants(expr: Basic) -> list[Symbol]:
    return sorted(expr.free_symbols - {u}, key=lambda letter: letter.name)


def units() -> dict[str, tuple[Formula, ...]]:
    """Return phi', phi'' and phi''' of every activation, off its kinks."""
    return {each.name: tuple(Formula((u,), e) for e in _derivatives(each.expression(u))) for each in ACTIVATIONS}


def _derivatives(expr: Expr) -> list[Expr]:
    pieces = piecewise_fold(expr.rewrite(Piecewise)) if expr.has(Max, Min) else expr
    return [piecewise_fold(diff(pieces, u, order)) for order in (1, 2, 3)]


def formulas(library: Mapping[str, Claim] = LIBRARY) -> str:
    """Return all formulas as one JavaScript object."""
    says = {head.name: head.says for head in HEADS}
    parts = [f"{name}: {formula.javascript}" for name, formula in weights(library).items()]
    table = [
        f"{json.dumps(name)}: {{says: {json.dumps(says[name])}, constants: "
        f"{json.dumps([letter.name for letter in each[0].letters[1:]])}, f: [{_list(each)}]}}"
        for name, each in heads().items()
    ]
    parts.append("heads: {\n" + ",\n".join(table) + "\n}")
    kinks = {each.name: [float(kink) for kink in each.kinks] for each in ACTIVATIONS}
    table = [
        f"{json.dumps(name)}: {{kinks: {json.dumps(kinks[name])}, d: [{_list(each)}]}}"
        for name, each in units().items()
    ]
    parts.append("units: {\n" + ",\n".join(table) + "\n}")
    return "const FORMULAS = {\n" + ",\n".join(parts) + "\n};\n"


def _list(each: tuple[Formula, ...]) -> str:
    return ", ".join(formula.javascript for formula in each)


def render(environment: Environment, library: Mapping[str, Claim] = LIBRARY) -> str:
    """Return the page; its policy lets this very script run and nothing else."""
    script = '\n"use strict";\n' + formulas(library) + (templates.FOLDER / "explorer.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return environment.get_template("explorer.html.j2").render(
        script=Markup(script),
        policy=Markup(f"; script-src 'sha256-{digest}'"),
        heads=HEADS,
        units=ACTIVATIONS,
        sliders=SLIDERS,
    )


@dataclass(frozen=True)
class Slider:
    """One number that the reader moves."""

    name: str
    latex: str
    says: str
    low: float
    high: float
    step: float
    start: float


SLIDERS = (
    Slider("S", "S", "score", -8, 8, 0.05, 1),
    Slider("sigma", r"\sigma", "footprint, the sum of the channel", -10, 40, 0.1, 4),
    Slider("g", "g", "gradient of the score along the entry", -4, 4, 0.05, 0.5),
    Slider("z", "z", "input of the hidden unit", -6, 8, 0.05, 1),
    Slider("T", "T", "temperature", 0.25, 8, 0.25, 2),
)

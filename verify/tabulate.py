"""Derivatives that many claims share, in float64 and with their error bounds: each is computed once.

What d^2 S/dx^2 is worth depends on S, on x and on the oracle, not on the claim it stands in. It is computed for all
numbers of the registers together, whichever of them are asked for: so numbers and bounds are the same bytes, whatever
was asked before and in whichever process. Numbers that are in no register are computed alone.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import product
from typing import Any

from sympy import Basic, Derivative, Limit, Rational, Symbol
from sympy.core.function import AppliedUndef, UndefinedFunction

from derivation.bell import Bell
from derivation.nth import NthDerivative
from verify.arithmetic.float64 import Float64
from verify.cases import NUMBERS, Case
from verify.catalogue.functions import Face
from verify.probe import Scalar, value

Worth = tuple[float, float]  # a number and the bound of its error


def calculus(expr: Basic) -> Iterator[Basic]:
    """Yield the largest parts of an expression that are derivatives or applied functions: what is left is algebra."""
    if isinstance(expr, (Derivative, NthDerivative, Bell, AppliedUndef)):
        yield expr
    elif not isinstance(expr, Limit):  # inside, a variable is bound that no case gives a number to
        for part in expr.args:
            yield from calculus(part)


def worth(part: Basic, case: Case, oracle: Callable[[Scalar], Scalar]) -> Worth:
    """Return what a derivative or an applied function is worth in a case, by one oracle.

    Raises:
        NoRule: float64 has no rule for it.
    """
    named = {one.func for one in part.atoms(AppliedUndef)} | {one.of for one in part.atoms(NthDerivative)}
    numbers = dict(case.numbers)
    whole = tuple((s, int(number)) for s, number in case.numbers if s.is_integer and s in part.free_symbols)
    symbols = tuple(sorted((s for s in part.free_symbols if not s.is_integer), key=str))
    functions = tuple((function, face) for function, face in case.functions if function in named)
    asked = tuple(numbers[symbol] for symbol in symbols)
    registered = all(number in NUMBERS[symbol] for symbol, number in zip(symbols, asked, strict=True))
    return _table(part, functions, symbols, whole, oracle, () if registered else asked)[asked]


@cache
def _table(
    part: Basic,
    functions: tuple[tuple[UndefinedFunction, Face], ...],
    symbols: tuple[Symbol, ...],
    whole: tuple[tuple[Symbol, int], ...],
    oracle: Callable[[Scalar], Scalar],
    alone: tuple[Rational, ...],
) -> Mapping[tuple[Rational, ...], Worth]:
    import torch

    from verify.rounding import RunningError

    rows = [alone] if alone else list(product(*(NUMBERS[symbol] for symbol in symbols)))
    at: dict[Basic, Any] = {**dict(functions), **dict(whole)}
    for symbol, column in zip(symbols, zip(*rows, strict=True), strict=True):
        at[symbol] = torch.tensor([float(number) for number in column], dtype=torch.float64)
    with RunningError() as mode:
        found = torch.as_tensor(value(part, at, Float64(oracle)), dtype=torch.float64).expand(len(rows)).detach()
        return dict(zip(rows, zip(found.tolist(), mode.error(found).tolist(), strict=True), strict=True))

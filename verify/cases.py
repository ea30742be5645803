"""Which values a claim is tried on.

A function for each undefined function, a number for each symbol, simplest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

from sympy import Basic, Derivative, Dummy, Eq, Expr, Integer, Rational, Symbol, expand, simplify
from sympy.core.function import UndefinedFunction

from derivation.claim import Claim, Hypothesis, functions_in
from derivation.notation import (
    D,
    G,
    H,
    L,
    M,
    N,
    Q,
    R,
    S,
    T,
    V,
    W,
    Z,
    a,
    alpha,
    alpha_q,
    b,
    beta,
    c,
    c_0,
    c_1,
    f,
    g,
    g_q,
    left,
    m,
    n,
    rho,
    right,
    sigma,
    spread,
    step,
    test_function,
    total,
    u,
    v,
    value,
    w,
    x,
    y,
)
from verify.arithmetic.ball import BALL, precision
from verify.arithmetic.exact import EXACT, sign
from verify.catalogue.functions import LINES, OUTER, PARTS, SUMS, TESTS, Face
from verify.probe import NoRule
from verify.probe import value as evaluate

# Dyadic, so that float64 holds them; simplest first, since the first counterexample found is the one that is shown.
FUNCTIONS: dict[UndefinedFunction, tuple[Face, ...]] = {
    S: LINES,
    L: LINES,
    f: OUTER,
    R: OUTER,
    Q: SUMS,
    V: PARTS,
    W: PARTS,
    test_function: TESTS,
}
HALF = Rational(1, 2)
NUMBERS: dict[Symbol, tuple[Rational, ...]] = {
    x: (Integer(0), Integer(1), -HALF),
    sigma: (Integer(1), Integer(3), Integer(-1), Integer(0)),
    n: tuple(map(Integer, (2, 3, 1, 0, 4))),
    g: (Integer(1), Integer(2), -HALF),
    w: (Integer(1), Integer(-2), HALF),
    b: (Integer(0), Integer(1), -HALF),
    v: (Integer(1), Integer(-1), HALF),
    u: (Integer(1), Integer(-1), HALF, Integer(0)),
    T: (Integer(2), HALF, Integer(1)),
    m: tuple(map(Integer, (3, 2, -1, 4))),
    c: (Integer(1), -HALF),
    c_0: (Integer(1), -HALF),
    c_1: (Integer(1), Integer(-2)),
    alpha: (Integer(1), Integer(2), -HALF),
    alpha_q: (Integer(2), Integer(1), -HALF),
    g_q: (Integer(2), -HALF, Integer(1)),
    D: (Integer(1), Integer(-1), HALF),
    rho: (Integer(1), Integer(-1), HALF),
    G: (Integer(1), Integer(2), -HALF),
    H: (Integer(1), Integer(0), Integer(-1), Integer(2)),
    M: (Integer(1), Integer(2), -HALF),
    total: (Integer(1), Integer(2), Integer(-2)),
    N: (Integer(1), Integer(3), Integer(2)),
    Z: (Integer(2), Integer(4)),
    beta: (Integer(1), Integer(2), Integer(4)),
    step: (Integer(1), HALF, Rational(1, 4)),
    spread: (Integer(1), Integer(2), -HALF),
    a: (Integer(1), Integer(2), HALF, Integer(-1)),
    y: (Integer(1), Integer(-2), HALF),
    value: (Integer(0), Integer(1), -HALF),
    left: (Integer(0), Integer(1), -HALF),
    right: (Integer(1), Integer(2), Rational(1, 4)),
}


@dataclass(frozen=True)
class Case:
    """One choice of a function for every undefined function and of a number for every symbol of a claim.

    Numbers are dyadic, so that float64 holds them; where a pole is looked for, a rational function of exponentials.
    """

    functions: tuple[tuple[UndefinedFunction, Face], ...]
    numbers: tuple[tuple[Symbol, Expr], ...]

    def __str__(self) -> str:
        """Name the case in words, e.g. "S(u) = 2 u, f(u) = u^2, x = 0"."""
        functions = [f"{function.__name__}(u) = {face.text}" for function, face in self.functions]
        return ", ".join(functions + [f"{symbol} = {number}" for symbol, number in self.numbers])


def cases(claim: Claim) -> Iterator[Case]:
    """Yield the cases of a claim, whether its hypotheses hold there or not; simplest first, in a fixed order."""
    functions = sorted(claim.functions, key=lambda function: function.__name__)
    numbers = sorted(free_symbols(claim), key=str)
    registers = [FUNCTIONS[function] for function in functions] + [NUMBERS[number] for number in numbers]
    indices = sorted(product(*(range(len(register)) for register in registers)), key=lambda index: (sum(index), index))
    for index in indices:
        chosen = [register[i] for register, i in zip(registers, index, strict=True)]
        yield Case(
            tuple(zip(functions, chosen[: len(functions)], strict=True)),
            tuple(zip(numbers, chosen[len(functions) :], strict=True)),
        )


def free_symbols(claim: Claim) -> frozenset[Symbol]:
    """Return the symbols that need a number: free in the statement or in a hypothesis, apart from bound ones."""
    bound = {h.argument for h in claim.given}
    return frozenset(claim.symbols.union(*(h.relation.free_symbols for h in claim.given)) - bound)


def meets(case: Case, hypothesis: Hypothesis) -> bool | None:
    """Whether a hypothesis holds in a case: True, False, or None where exact arithmetic cannot tell."""
    relation = hypothesis.relation
    if isinstance(relation, Eq) and not hypothesis.at_point:
        functions, constants = _spoken_of(hypothesis)
        return _holds_identically(
            relation,
            tuple(pair for pair in case.functions if pair[0] in functions),
            tuple(pair for pair in case.numbers if pair[0] in constants),
        )
    found = _sign_of(relation.lhs - relation.rhs, case)
    return None if found is None else bool(relation.func(Integer(found), 0))


def _sign_of(expr: Expr, case: Case) -> int | None:
    """-1, 0 or 1, or None: by a ball that excludes zero or is zero, else (slower) exactly."""
    try:
        with precision():
            ball = evaluate(expr, ball_values(case), BALL)
            if ball.is_finite() and (ball.is_zero() or not ball.contains(0)):
                return 0 if ball.is_zero() else 1 if ball > 0 else -1
        return sign(evaluate(expr, exact_values(case), EXACT))
    except NoRule:
        return None


@cache
def _spoken_of(hypothesis: Hypothesis) -> tuple[frozenset[UndefinedFunction], frozenset[Symbol]]:
    """Return the functions in an equation along a line, and the letters that do not move on it, as a temperature."""
    relation = hypothesis.relation
    moving = {hypothesis.argument, *(v for d in relation.atoms(Derivative) for v in d.variables)}
    return functions_in(relation), frozenset(relation.free_symbols - moving)


@lru_cache(maxsize=1 << 13)  # functions that are drawn have no end
def _holds_identically(
    relation: Eq, functions: tuple[tuple[UndefinedFunction, Face], ...], constants: tuple[tuple[Symbol, Rational], ...]
) -> bool | None:
    """Whether an equation between functions of one variable holds for all its values, not only at a point."""
    one = Dummy("u", real=True)
    moving = relation.free_symbols - dict(constants).keys()
    at = {**dict(functions), **dict(constants), **dict.fromkeys(moving, one)}
    difference = expand(evaluate(relation.lhs, at, EXACT) - evaluate(relation.rhs, at, EXACT))
    if difference == 0:
        return True
    with precision():
        numbers = {symbol: BALL.number(number) for symbol, number in constants}
        for point in NUMBERS[x]:
            there = {**dict(functions), **numbers, **dict.fromkeys(moving, BALL.number(point))}
            if not evaluate(relation.lhs - relation.rhs, there, BALL).contains(0):
                return False
    return True if simplify(difference) == 0 else None


def admitted(case: Case, claim: Claim) -> bool:
    """Whether a case is known to meet every hypothesis of a claim.

    The cheap ones, about functions alone, are asked first.
    """
    by_cost = sorted(claim.given, key=lambda hypothesis: not isinstance(hypothesis.relation, Eq))
    return all(meets(case, hypothesis) for hypothesis in by_cost)


def ball_values(case: Case) -> dict[Basic, object]:
    """Return what the probe needs to enclose an expression in a case; call it inside `precision`."""
    return {
        **dict(case.functions),
        **{symbol: int(number) if symbol.is_integer else evaluate(number, {}, BALL) for symbol, number in case.numbers},
    }


def exact_values(case: Case) -> dict[Basic, object]:
    """Return what the probe needs to evaluate an expression exactly in a case."""
    return {
        **dict(case.functions),
        **{symbol: int(number) if symbol.is_integer else number for symbol, number in case.numbers},
    }

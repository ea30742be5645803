"""The bridge between the rooms: what an inert expression of `derivation` is worth in a case, in any arithmetic.

A walk over the expression tree. It knows no calculus: a `Derivative` is handed to the arithmetic as a function and an
order, and how that function is differentiated (SymPy, ball series, nested torch) is the arithmetic's own affair. Hence
one statement is evaluated by oracles that share nothing but this walk.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sympy import Add, Basic, Derivative, Expr, Integer, Limit, Max, Mul, Pow, Rational, exp
from sympy.core.function import AppliedUndef

from derivation.bell import Bell, polynomial
from derivation.nth import NthDerivative

Value = Any
Scalar = Callable[[Value], Value]
Ratio = Callable[[Value, "Arithmetic"], tuple[Value, Value]]


class NoRule(Exception):
    """An arithmetic cannot evaluate this kind of expression: the case is not tried, never guessed."""


class Kink(NoRule):
    """The expression is not differentiable there: the case lies on a kink."""


class Arithmetic(Protocol):
    """What an oracle must be able to do; sums, products and integer powers are Python's own operators on its values."""

    def number(self, value: Rational) -> Value:
        """Return a rational number, exactly."""

    def exponential(self, value: Value) -> Value:
        """Return exp(value)."""

    def positive_part(self, value: Value) -> Value:
        """Return max(0, value)."""

    def face(self, face: Any) -> Scalar:
        """Return this arithmetic's face of a catalogue function."""

    def derivative(self, function: Scalar, order: int) -> Scalar:
        """Return the derivative of the given order, a function again."""

    def limit(self, ratio: Ratio, at: Value, side: str) -> Value:
        """Return the limit of numerator/denominator as the variable tends to `at` from `side`: "+", "-" or "+-".

        Raises:
            NoRule: this arithmetic has no limits.
        """


def value(expr: Basic, at: Mapping[Basic, Value], arithmetic: Arithmetic) -> Value:
    """Return what `expr` is worth.

    Args:
        expr: an inert expression.
        at: the value of each symbol (`int` for orders of derivatives) and the catalogue function of each undefined
            function.
        arithmetic: who computes.

    Raises:
        NoRule: the arithmetic, or this walk, has no rule for a part of the expression.
    """

    def walk(part: Basic) -> Value:
        return value(part, at, arithmetic)

    def along(body: Basic, variable: Basic) -> Scalar:
        return lambda moved: value(body, {**at, variable: moved}, arithmetic)

    match expr:
        case Rational():
            return arithmetic.number(expr)
        case _ if expr in at:
            return at[expr]
        case Add() | Mul():
            total = walk(expr.args[0])
            for part in expr.args[1:]:
                total = total + walk(part) if isinstance(expr, Add) else total * walk(part)
            return total
        case Pow():
            return power(walk(expr.base), order_of(expr.exp, at))
        case Derivative() if len(expr.variable_count) == 1 and expr.variable_count[0][0].is_Symbol:
            variable, order = expr.variable_count[0]
            return arithmetic.derivative(along(expr.expr, variable), times_of(order, at))(at[variable])
        case NthDerivative():
            order, inner = expr.args
            return arithmetic.derivative(arithmetic.face(at[expr.of]), times_of(order, at))(walk(inner))
        case Bell():
            order, d, variable = expr.args
            return walk(polynomial(times_of(order, at), d, variable))
        case AppliedUndef():
            return arithmetic.face(at[expr.func])(walk(expr.args[0]))
        case exp():
            return arithmetic.exponential(walk(expr.args[0]))
        case Max() if len(expr.args) == 2 and Integer(0) in expr.args:
            return arithmetic.positive_part(walk(next(arg for arg in expr.args if arg != 0)))
        case Limit():
            body, variable, point, side = expr.args
            parts = body.as_numer_denom()

            def ratio(moved: Value, near: Arithmetic) -> tuple[Value, Value]:
                top, bottom = (value(part, {**at, variable: moved}, near) for part in parts)
                return top, bottom

            return arithmetic.limit(ratio, walk(point), str(side))
    raise NoRule(f"no rule to evaluate {type(expr).__name__} in {expr}")


def order_of(expr: Basic, at: Mapping[Basic, Value]) -> int:
    """Return an order of differentiation or an exponent as an integer, e.g. n + 1 at n = 2 is 3.

    Raises:
        NoRule: it is none.
    """
    number = expr.xreplace(
        {symbol: Integer(at[symbol]) for symbol in expr.free_symbols if isinstance(at.get(symbol), int)}
    )
    if not number.is_Integer:
        raise NoRule(f"expected an integer order or exponent, got {expr}")
    return int(number)


def times_of(order: Expr, at: Mapping[Basic, Value]) -> int:
    """Return how many times to differentiate.

    Raises:
        NoRule: that is no integer, or a negative one, as n - 1 is at n = 0.
    """
    times = order_of(order, at)
    if times < 0:
        raise NoRule(f"there is no derivative of order {order} = {times}")
    return times


def power(base: Value, exponent: int) -> Value:
    """Return base^exponent by repeated multiplication, so that every arithmetic rounds the same way; base^0 = 1."""
    result = base if exponent else base * 0 + 1
    for _ in range(abs(exponent) - 1):
        result = result * base
    return result if exponent >= 0 else 1 / result

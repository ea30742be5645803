"""Cases with one thing altered: a letter or a function turned round, made smaller or shifted."""

import re
from collections.abc import Collection, Iterator, Sequence
from fractions import Fraction
from functools import lru_cache

from sympy import Expr, Rational, Symbol
from sympy.core.function import UndefinedFunction

from verify.arithmetic.ball import BALL
from verify.cases import FUNCTIONS, Case
from verify.catalogue.functions import Face
from verify.tails import TailFace
from verify.whole_readout import scaled, shifted

HALVES = tuple(Rational(1, 2**k) for k in range(1, 9))
FACTORS = (Rational(-1), *HALVES, *(-half for half in HALVES))
STEPS = tuple(Rational(step, 4) for step in (1, -1, 4, -4, 16, -16))


def altered(
    case: Case,
    *,
    letters: Sequence[Symbol],
    kept: Collection[Symbol],
    tails: Sequence[UndefinedFunction],
    heads: Sequence[UndefinedFunction],
) -> Iterator[Case]:
    """Yield the case with one thing altered: another head first, since that is where a curvature of 0 comes from.

    Args:
        case: which.
        letters: what may be another number.
        kept: those of them that keep their sign.
        tails: which functions may be turned round, made smaller and shifted.
        heads: which may be another one of the register.
    """
    numbers, functions = dict(case.numbers), dict(case.functions)
    for head in heads:
        for face in FUNCTIONS[head]:
            yield _with_face(case, head, face)
    for factor in FACTORS:
        for letter in letters:
            if (factor > 0 or letter not in kept) and (factor == -1 or not letter.is_integer):
                yield _with_number(case, letter, numbers[letter] * factor)
        for tail in tails:
            yield _with_face(case, tail, times(functions[tail], factor))
    for step in STEPS:
        for letter in letters:
            if (step > 0 or letter not in kept) and (step.is_integer or not letter.is_integer):
                yield _with_number(case, letter, numbers[letter] + step)
        for tail in tails:
            yield _with_face(case, tail, plus(functions[tail], step))


@lru_cache(maxsize=1 << 10)
def times(face: Face, factor: Rational) -> Face:
    """Return the function `factor` times as large; of a network the readout. The factor is plus or minus 1/2^k."""
    if isinstance(face, TailFace):
        return scaled(face.tail, Fraction(int(factor.p), int(factor.q))).face()
    number = float(factor)
    shown = "-" if factor == -1 else f"{factor} "
    return Face(
        f"{shown}({face.text})",
        lambda u: factor * face.exact(u),
        lambda u: number * face.torch(u),
        lambda u: BALL.number(factor) * face.ball(u),
    )


@lru_cache(maxsize=1 << 10)
def plus(face: Face, more: Rational) -> Face:
    """Return the function larger by a dyadic number."""
    if isinstance(face, TailFace):
        return shifted(face.tail, Fraction(int(more.p), int(more.q))).face()
    number = float(more)
    return Face(
        f"{face.text} {_signed(more)}",
        lambda u: face.exact(u) + more,
        lambda u: face.torch(u) + number,
        lambda u: face.ball(u) + BALL.number(more),
    )


@lru_cache(maxsize=1 << 10)
def moved(face: Face, to: Rational) -> Face:
    """Return the function whose graph is moved along, so that what it was at 0 it is at a dyadic number."""
    if to == 0:
        return face
    number = float(to)
    return Face(
        re.sub(r"\bu\b", f"(u {_signed(-to)})", face.text),
        lambda u: face.exact(u - to),
        lambda u: face.torch(u - number),
        lambda u: face.ball(u - BALL.number(to)),
    )


def _signed(number: Expr) -> str:
    return f"+ {number}" if number > 0 else f"- {-number}"


def _with_number(case: Case, letter: Symbol, number: Rational) -> Case:
    return Case(case.functions, tuple({**dict(case.numbers), letter: number}.items()))


def _with_face(case: Case, function: UndefinedFunction, face: Face) -> Case:
    return Case(tuple({**dict(case.functions), function: face}.items()), case.numbers)

"""The language of claims: what a side, a step, a hypothesis or a value that is put in may be made of.

SymPy computes with much more, and answers much that has no value: 0 times log(x) is 0 to it, wherever x is. The checker
is to be trusted with what is written here, and looks at nothing else:

    rational numbers, pi, e     no other constant: SymPy takes squares of irrational numbers for irrational
    letters                     real or whole, restricted by their sign alone
    sums, products, whole powers, exp, |e|, max(0, e)
    f(e), f^(k)(e)              an undefined function of one argument, real-valued and smooth
    d^k e/dx^k, Bell(k, e, x)   along ONE letter in a whole claim, the line of the entry
    lim e, v to a number        of a letter v that is another one than that of the line, within the letter's range

Two of them make a relation, which is no part of anything else.
"""

from collections.abc import Iterator

from sympy import Abs, Add, Basic, Derivative, E, Limit, Max, Mul, NumberSymbol, Pow, Rational, Symbol, exp, pi
from sympy.core.function import AppliedUndef, UndefinedFunction
from sympy.core.relational import Relational

from derivation.bell import Bell
from derivation.nth import NthDerivative, is_outer
from derivation.printing import line


class NotInLanguage(ValueError):
    """A part of a claim is none that the checker knows."""


def demand(*parts: Basic) -> None:
    """Demand expressions or relations in the language, all along one line.

    Raises:
        NotInLanguage: one is not; the message shows its part.
    """
    for part in parts:
        sides = part.args if isinstance(part, Relational) else (part,)
        for e in (e for side in sides for e in _unknown(side)):
            raise NotInLanguage(f"{line(e)} in {line(part)} is not in the language of claims (derivation.language)")
    lines = {v for part in parts for v in _lines(part)}
    if len(lines) > 1:
        shown = " and ".join(sorted(map(str, lines)))
        raise NotInLanguage(f"expected derivatives along one line, got some by {shown}")
    for limit in (e for part in parts for e in part.atoms(Limit) if e.args[1] in lines):
        raise NotInLanguage(f"the limit {line(limit)} is taken in the letter of the line")


def moves(v: Basic) -> bool:
    """Whether it is a letter that can move a little to either side, as what is differentiated by has to."""
    ends = (v.is_nonnegative and not v.is_positive) or (v.is_nonpositive and not v.is_negative)
    return bool(v.is_Symbol and _is_dense(v) and not ends)


def _unknown(e: Basic) -> Iterator[Basic]:
    """Yield what is not in the language, looking at the tree as it is written: rebuilt, parts of it might cancel."""
    inner = _inner(e)
    if inner is None:
        yield e
    else:
        for part in inner:
            yield from _unknown(part)


def _inner(e: Basic) -> tuple[Basic, ...] | None:
    """Return the parts of an expression that is in the language if they are; None if it is not in any case."""
    match e:
        case Rational():
            return ()
        case NumberSymbol():
            fits = e in (pi, E)
        case Symbol():
            fits = e.is_integer or _is_dense(e)
        case Add() | Mul() | exp() | Abs():
            fits = True
        case Max():
            fits = len(e.args) == 2 and 0 in e.args
        case Pow():
            fits = e.exp.is_integer
        case AppliedUndef():
            fits = isinstance(e.func, UndefinedFunction) and _is_dense(e) and len(e.args) == 1
        case NthDerivative():
            fits = _is_order(e.args[0])
        case Bell():
            fits = _is_order(e.args[0]) and moves(e.args[2])
        case Derivative():
            v, k = e.variable_count[0]
            fits = len(e.variable_count) == 1 and _is_order(k) and (moves(v) or is_outer(e))
            return (e.expr, k) if fits else None
        case Limit():
            body, v, at, side = e.args
            within = not v.is_nonpositive and (not v.is_nonnegative or at.is_positive or (at == 0 and str(side) == "+"))
            return (body,) if moves(v) and at.is_Rational and within else None
        case _:
            fits = False
    return e.args if fits else None


def _is_dense(e: Basic) -> bool:
    # It ranges over all real numbers, or all of one sign: not over the rational, the irrational or the algebraic ones.
    return bool(e.is_real) and e.is_integer is None and e.is_rational is None and e.is_algebraic is None


def _is_order(k: Basic) -> bool:
    return bool(k.is_integer and k.is_nonnegative)


def _lines(part: Basic) -> Iterator[Basic]:
    """Yield the letters that are differentiated by; what f(v) is differentiated by, v not a letter, is no line."""
    yield from (v for d in part.atoms(Derivative) if not is_outer(d) for v, _ in d.variable_count)
    yield from (bell.args[2] for bell in part.atoms(Bell))

"""Outer functions ("heads"), f in Y = f(S): one expression each, and what alpha depends on, worked out by SymPy.

With S affine along the line, (10) sees of the outer function nothing but f'' and f''':

    alpha = f''/(2 f'' + X f''')      X = sigma g, and with rho = f'''/f'' where f'' is not zero
    alpha = 1/(2 + X rho)
    f''(u) = 0 != f'''(u), X != 0     alpha = 0, though rho is infinite
    f''(u) = 0 = f'''(u)              alpha = 0/0
    X = -2/rho(u)                     a pole of alpha
"""

from dataclasses import dataclass
from functools import cached_property

from sympy import Expr, S, Set, diff, exp, log, simplify, solveset

from derivation.notation import T, m, u


@dataclass(frozen=True)
class Head:
    """An outer function as an expression in u, whose other letters are constants.

    Args:
        name: slug.
        says: what it is, in words.
        outer: f(u). For the logarithm u is not zero and log(u) stands for log|u|, which has the same derivatives.
    """

    name: str
    says: str
    outer: Expr

    @cached_property
    def first(self) -> Expr:
        """Return f'."""
        return simplify(diff(self.outer, u))

    @cached_property
    def second(self) -> Expr:
        """Return f''."""
        return simplify(diff(self.outer, u, 2))

    @cached_property
    def third(self) -> Expr:
        """Return f'''."""
        return simplify(diff(self.outer, u, 3))

    @cached_property
    def rho(self) -> Expr | None:
        """Return f'''/f'', or None where f'' is zero everywhere, so that (10) is 0/0 everywhere."""
        return None if self.second == 0 else simplify(diff(self.outer, u, 3) / diff(self.outer, u, 2))

    @cached_property
    def pole(self) -> Expr | None:
        """Return -2/rho, where sigma g has alpha at its pole, or None where rho is zero or missing everywhere."""
        return None if not self.rho else simplify(-2 / self.rho)


def singular(head: Head) -> Set:
    """Return the real u with f''(u) = 0, where rho is not defined.

    A set that depends on a letter other than u may come back as a condition that SymPy does not decide.
    """
    return solveset(head.second, u, S.Reals)


def inflections(head: Head) -> Set:
    """Return the real u with f''(u) = 0 != f'''(u), where alpha is 0 for every sigma g that is not."""
    return singular(head) - solveset(head.third, u, S.Reals)


EXP = Head("exp", "the exponential", exp(u))
TEMPERED = Head("tempered-exp", "the exponential at temperature T, exp(S/T)", exp(u / T))
SIGMOID = Head("sigmoid", "the sigmoid, 1/(1 + exp(-S))", 1 / (1 + exp(-u)))
SOFTPLUS = Head("softplus", "softplus, log(1 + exp(S))", log(1 + exp(u)))
LOG_SIGMOID = Head("log-sigmoid", "log-sigmoid, -log(1 + exp(-S))", -log(1 + exp(-u)))
TANH = Head("tanh", "the hyperbolic tangent, 1 - 2/(1 + exp(2 S))", 1 - 2 / (1 + exp(2 * u)))
POWER = Head("power", "the power S^m", u**m)
LOG = Head("log", "the logarithm of |S|", log(u))
IDENTITY = Head("identity", "the identity, Y = S", u)

HEADS = (EXP, TEMPERED, SIGMOID, SOFTPLUS, LOG_SIGMOID, TANH, POWER, LOG, IDENTITY)

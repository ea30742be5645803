"""What each operation does to the derivatives of its operands along a direction: one rule for each operation, by name.

A rule takes the walk, the node and the node's own arguments, and returns the node's jet: z1 and z2, the first and
second derivative of its output. To be taken up here an operation needs one function and one line; every other linear or
piecewise-linear operation is pushed forward direction by direction by torch itself (`generic`), and every other curved
one too, after its second and third derivative passed the comparison of two oracles (`cam.jets.plan`).
"""

from cam.jets.rules import (
    choices,
    convolutions,
    gathers,
    matrices,
    norms,
    places,
    pools,
    products,
    slices,
    softmax,
    sums,
)
from cam.jets.rules.generic import UnknownOperation, demand_agreement, demand_reals, generic, generic_curved
from cam.jets.rules.table import RULES, rule

# Every module here enters its rules when it is imported.
MODULES = (choices, convolutions, gathers, matrices, norms, places, pools, products, slices, softmax, sums)

__all__ = [
    "MODULES",
    "RULES",
    "UnknownOperation",
    "demand_agreement",
    "demand_reals",
    "generic",
    "generic_curved",
    "rule",
]

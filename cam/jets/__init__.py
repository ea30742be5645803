"""True derivatives of a tail's score along every single entry of A, exact and fast.

Sites are the curved operations of the tail, lambda_l = dS/d(output of site l): one reverse pass, shared by all entries.
Along e_i, with z1 and z2 the first and second derivative of what goes into a site F,

    d2S/dA_i^2 = sum_l lambda_l . F''[z1, z1]
    d3S/dA_i^3 = sum_l lambda_l . (F'''[z1, z1, z1] + 3 F''[z1, z2])

for the derivatives of S through the outputs of all sites telescope: S' = lambda_0 . e_i, and moving the reverse pass
along e_i leaves one term for each site. So third derivatives are never propagated, second ones only behind the first
site, and nothing behind the last; without a site there is one reverse pass and zeros. A piecewise-linear operation is
its active branch.

    curves         functions of one number: their derivatives             one line for a new one
    rules          every other operation: z1, z2 -> z1, z2                one function for a new one
    term, lazy     how directions are written down: columns, windows, spreads, products
    walk           one pass over a chunk of directions
    plan           what is shared by all directions: values, lambda, rules, kinks
    rays           which directions are followed at all, and which together
    derivatives    what users call
    regions        how far an entry may move in a piecewise-linear tail
    oracles        nested autograd, to compare with
"""

from cam.jets.derivatives import Derivatives, Operation, pure_derivatives, tail_derivatives
from cam.jets.oracles import ORACLES, Function, along_entries, forward, nested_derivatives, reverse, tower
from cam.jets.regions import region_radius

__all__ = [
    "ORACLES",
    "Derivatives",
    "Function",
    "Operation",
    "along_entries",
    "forward",
    "nested_derivatives",
    "pure_derivatives",
    "region_radius",
    "reverse",
    "tail_derivatives",
    "tower",
]

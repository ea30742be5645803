"""The numeric room: activations, tails, true derivatives, weights and maps. Knows torch and no claim."""

from cam.heads import HEADS, Head, head
from cam.jets import (
    ORACLES,
    Derivatives,
    Function,
    Operation,
    along_entries,
    forward,
    nested_derivatives,
    pure_derivatives,
    region_radius,
    reverse,
    tail_derivatives,
    tower,
)
from cam.maps import Explanation, GradCAMPlusPlus
from cam.tail import Cut, CutError, Tail, cut
from cam.weights import alpha_closed, alpha_exact, alpha_from_tail, alpha_printed, channel_weights, footprint

__all__ = [
    "HEADS",
    "ORACLES",
    "Cut",
    "CutError",
    "Derivatives",
    "Explanation",
    "Function",
    "GradCAMPlusPlus",
    "Head",
    "Operation",
    "Tail",
    "along_entries",
    "alpha_closed",
    "alpha_exact",
    "alpha_from_tail",
    "alpha_printed",
    "channel_weights",
    "cut",
    "footprint",
    "forward",
    "head",
    "nested_derivatives",
    "pure_derivatives",
    "region_radius",
    "reverse",
    "tail_derivatives",
    "tower",
]

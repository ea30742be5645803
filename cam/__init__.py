"""The numeric room: activations, tails, true derivatives, weights and maps. Knows torch and no claim."""

from cam.arrangements import channels_last, tokens
from cam.gradcam import GradCAMPlusPlus
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
from cam.maps import Explanation
from cam.tail import Cut, CutError, Tail, cut
from cam.variants import VARIANTS, Variant, variant
from cam.weights import alpha_closed, alpha_exact, alpha_from_tail, alpha_printed, channel_weights, footprint

__all__ = [
    "HEADS",
    "ORACLES",
    "VARIANTS",
    "Cut",
    "CutError",
    "Derivatives",
    "Explanation",
    "Function",
    "GradCAMPlusPlus",
    "Head",
    "Operation",
    "Tail",
    "Variant",
    "along_entries",
    "alpha_closed",
    "alpha_exact",
    "alpha_from_tail",
    "alpha_printed",
    "channel_weights",
    "channels_last",
    "cut",
    "footprint",
    "forward",
    "head",
    "nested_derivatives",
    "pure_derivatives",
    "region_radius",
    "reverse",
    "tail_derivatives",
    "tokens",
    "tower",
    "variant",
]

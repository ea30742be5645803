"""Every claim, in reading order.

The post, the paper line by line, its weights, other outer functions, the post's constraints, softmax, kinks, softplus.
"""

from derivation.claim import Claim
from derivation.claims import constraints, heads, kinks, paper, post, softmax, softplus, weights

PARTS = (post, paper, weights, heads, constraints, softmax, kinks, softplus)
CLAIMS: tuple[Claim, ...] = tuple(claim for part in PARTS for claim in part.CLAIMS)
LIBRARY: dict[str, Claim] = {claim.name: claim for claim in CLAIMS}

"""Every claim, in reading order.

The post, the paper line by line, its weights, other outer functions, the post's constraints, softmax, kinks.
"""

from derivation.claim import Claim
from derivation.claims import constraints, heads, kinks, paper, post, softmax, weights

CLAIMS: tuple[Claim, ...] = (
    *post.CLAIMS,
    *paper.CLAIMS,
    *weights.CLAIMS,
    *heads.CLAIMS,
    *constraints.CLAIMS,
    *softmax.CLAIMS,
    *kinks.CLAIMS,
)
LIBRARY: dict[str, Claim] = {claim.name: claim for claim in CLAIMS}

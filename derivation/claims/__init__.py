"""Every claim, in reading order.

The post, the weights of the paper, other outer functions, the post's constraints, softmax, kinks.
"""

from derivation.claim import Claim
from derivation.claims import constraints, heads, kinks, post, softmax, weights

CLAIMS: tuple[Claim, ...] = (
    post.CLAIMS + weights.CLAIMS + heads.CLAIMS + constraints.CLAIMS + softmax.CLAIMS + kinks.CLAIMS
)
LIBRARY: dict[str, Claim] = {claim.name: claim for claim in CLAIMS}

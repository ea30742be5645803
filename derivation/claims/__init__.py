"""Every claim, in reading order: the post, the paper line by line, its weights, the constraints, softmax, kinks."""

from derivation.claim import Claim
from derivation.claims import constraints, kinks, paper, post, softmax, weights

CLAIMS: tuple[Claim, ...] = (
    post.CLAIMS + paper.CLAIMS + weights.CLAIMS + constraints.CLAIMS + softmax.CLAIMS + kinks.CLAIMS
)
LIBRARY: dict[str, Claim] = {claim.name: claim for claim in CLAIMS}

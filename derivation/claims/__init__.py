"""Every claim, in reading order: the post, the weights of the paper, the post's constraints, softmax, kinks."""

from derivation.claim import Claim
from derivation.claims import constraints, kinks, post, softmax, weights

CLAIMS: tuple[Claim, ...] = post.CLAIMS + weights.CLAIMS + constraints.CLAIMS + softmax.CLAIMS + kinks.CLAIMS
LIBRARY: dict[str, Claim] = {claim.name: claim for claim in CLAIMS}

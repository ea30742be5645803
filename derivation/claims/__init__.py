"""Every claim, in reading order: the post, the weights of the paper, softmax, kinks, softplus."""

from derivation.claim import Claim
from derivation.claims import kinks, post, softmax, softplus, weights

PARTS = (post, weights, softmax, kinks, softplus)
CLAIMS: tuple[Claim, ...] = tuple(claim for part in PARTS for claim in part.CLAIMS)
LIBRARY: dict[str, Claim] = {claim.name: claim for claim in CLAIMS}

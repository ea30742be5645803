"""The maps of Grad-CAM++ from activations and derivatives, with the closed form (19) of the pixel weights or with their
definition (10).

    map = relu(sum_k w_k A_k),   w_k = sum_ij alpha_ij^k relu(dS/dA_ij^k)

The paper's (5) has dY/dA = f'(S) dS/dA. The factor f'(S) > 0 is the same for all entries: it scales the raw map and
cancels in the normalised one, so it is left out and exp(S) never overflows.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from cam.heads import Head
from cam.jets import tail_derivatives
from cam.tail import Cut, CutError, Tail
from cam.variants import MODES
from cam.weights import alpha_closed, alpha_exact, alpha_from_tail, channel_weights, footprint, in_own_unit


@dataclass(frozen=True, eq=False)
class Explanation:
    """Everything behind the map of one image.

    Args:
        target: the class explained, or the function of the scores.
        score: its score S, a scalar.
        A: activations, (K, *places).
        g: dS/dA, (K, *places).
        alpha: pixel weights, (K, *places); with exact weights nan where the tail does not depend on the entry, (10)
            being 0/0 there.
        weights: w_k, (K,).
        map: relu(sum_k w_k A_k), (*places); not normalised.
    """

    target: int | Callable[[Tensor], Tensor]
    score: Tensor
    A: Tensor
    g: Tensor
    alpha: Tensor
    weights: Tensor
    map: Tensor


def pixel_weights(A: Tensor, S: Tensor, g: Tensor, curved: tuple[Tensor, Tensor] | None, outer: Head | None) -> Tensor:
    """Return alpha of a batch, (B, K, *places).

    Args:
        A: activations, (B, K, *places).
        S: scores, (B,).
        g: dS/dA, shaped like A.
        curved: second and third pure derivatives of S by every entry of A, shaped like it; None for the closed form.
        outer: f in Y = f(S); None if S is Y itself, which has no closed form.
    """
    places = A.ndim - 2
    sigma, S = footprint(A, places), S.view(-1, *(1,) * (A.ndim - 1))
    if curved is None:
        assert outer is not None
        return alpha_closed(g, sigma, outer.rho(S))
    g, h, t, sigma = in_own_unit(g, *curved, sigma)
    if outer is None:
        return alpha_exact(h, t, sigma)
    if outer.name == "exp":
        return alpha_from_tail(g, h, t, sigma)
    # Faa di Bruno, divided by f' > 0: Y2/f' and Y3/f'.
    second, third = outer.ratios(S)
    return alpha_exact(second * g**2 + h, third * g**3 + 3 * second * g * h + t, sigma)


def explained(where: Cut, target: int | None, outer: Head, weights: str) -> Explanation:
    """Return the map of the image for which a model was cut, and everything it was made of.

    Args:
        where: the activations and the tail.
        target: the class, None for the one with the highest score.
        outer: the outer function.
        weights: "closed" or "exact".

    Raises:
        ValueError: there is no such class.
        CutError: A is not (1, K, H, W).
    """
    A = where.activations
    if A.ndim != 4:
        raise CutError(
            f"a map weighs channels over places: it needs activations (1, K, H, W), and the layer's are of shape "
            f"{tuple(A.shape)}; choose a layer that puts out a map"
        )
    with torch.no_grad():
        scores = where.tail(A)[0]
    c = int(scores.argmax()) if target is None else int(target)
    if not 0 <= c < len(scores):
        raise ValueError(f"the model has classes 0 to {len(scores) - 1}, not {c}")
    if weights == "closed":
        g = _gradient(where.tail, A, c)
        derivatives = torch.stack([scores[c].expand_as(g), g]).flatten(1)
    else:
        derivatives = tail_derivatives(where.tail, A, c)
    return weighed(A, c, derivatives, outer, weights)


def weighed(A: Tensor, c: int, derivatives: Tensor, outer: Head, weights: str) -> Explanation:
    """Return the map that activations and the derivatives of a score make, and everything behind it.

    Args:
        A: activations, (1, K, H, W).
        c: the class.
        derivatives: S, g and, for exact weights, h and t along every entry of A, as `cam.jets.tail_derivatives` gives
            them: (2, K*H*W) or (4, K*H*W).
        outer: the outer function.
        weights: "closed" or "exact".
    """
    S, g, *curved = derivatives.unflatten(1, A.shape)
    score = S.flatten()[0]
    h_and_t = None if weights == "closed" else (curved[0], curved[1])
    alpha = pixel_weights(A, score.view(1), g, h_and_t, outer)
    w = channel_weights(alpha, g)
    return Explanation(c, score, A[0], g[0], alpha[0], w[0], torch.einsum("k,khw->hw", w[0], A[0]).relu())


def shown(raw: Tensor, size: tuple[int, ...]) -> Tensor:
    """Return raw maps (B, *places), not negative, at another size and divided by their maxima; 0 stays 0."""
    places = tuple(range(1, raw.ndim))
    if tuple(raw.shape[1:]) != size:
        raw = functional.interpolate(raw.unsqueeze(1), size=size, mode=MODES[len(places)], align_corners=False).squeeze(
            1
        )
    top = raw.amax(places, keepdim=True)
    return torch.where(top == 0, raw, raw / top)


def _gradient(tail: Tail, A: Tensor, c: int) -> Tensor:
    with torch.enable_grad():
        A = A.detach().requires_grad_()
        return torch.autograd.grad(tail(A)[0, c], A)[0]

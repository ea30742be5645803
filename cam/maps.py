"""Grad-CAM++ heatmaps, with the closed form (19) of the pixel weights or with their definition (10).

    map = relu(sum_k w_k A_k),   w_k = sum_ij alpha_ij^k relu(dS/dA_ij^k)

The paper's (5) has dY/dA = f'(S) dS/dA. The factor f'(S) > 0 is the same for all entries: it scales the raw map and
cancels in the normalised one, so it is left out and exp(S) never overflows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor, nn

from cam.heads import Head, head
from cam.jets import tail_derivatives
from cam.tail import Cut, CutError, Tail, cut
from cam.weights import alpha_closed, alpha_exact, alpha_from_tail, channel_weights, footprint

Target = int | Sequence[int] | Tensor | None
WEIGHTS = ("closed", "exact")


@dataclass(frozen=True, eq=False)
class Explanation:
    """Everything behind the map of one image.

    Args:
        target: the class explained.
        score: its score S, a scalar.
        A: activations, (K, H, W).
        g: dS/dA, (K, H, W).
        alpha: pixel weights, (K, H, W); with exact weights nan where the tail does not depend on the entry, (10) being
            0/0 there.
        weights: w_k, (K,).
        map: relu(sum_k w_k A_k), (H, W); not normalised.
    """

    target: int
    score: Tensor
    A: Tensor
    g: Tensor
    alpha: Tensor
    weights: Tensor
    map: Tensor


@dataclass(frozen=True, eq=False)
class GradCAMPlusPlus:
    """Grad-CAM++ of one model at one layer.

    Args:
        model: in eval mode; (B, ...) -> scores (B, C). It comes back as it was.
        target_layer: a module of the model or its dotted name; it puts out (1, K, H, W), channels first.
        head: name of the outer function, "exp" as in the paper or "sigmoid".
        weights: "closed" is 1/(2 + sigma rho g), one reverse pass, right if the tail is affine along every entry's
            line; "exact" is (10) with true derivatives (`cam.jets`), which is as cheap if the tail is piecewise linear.

    Raises:
        ValueError: `head` or `weights` is unknown.
    """

    model: nn.Module
    target_layer: nn.Module | str
    head: str = "exp"
    weights: str = "closed"

    def __post_init__(self) -> None:
        head(self.head)
        if self.weights not in WEIGHTS:
            near = get_close_matches(self.weights, WEIGHTS, n=1, cutoff=0)[0]
            raise ValueError(
                f"weights must be one of {', '.join(WEIGHTS)}, not {self.weights!r}; did you mean {near!r}?"
            )

    def __call__(self, input_tensor: Tensor, target: Target = None) -> Tensor:
        """Return maps in [0, 1] at the size of the input, (B, height, width).

        The raw map is upsampled bilinearly and divided by its maximum; a map that is zero everywhere stays zero.
        """
        raw = self.attribute(input_tensor, target)
        size = tuple(input_tensor.shape[-2:])
        large = nn.functional.interpolate(raw.unsqueeze(1), size=size, mode="bilinear", align_corners=False).squeeze(1)
        top = large.amax((-2, -1), keepdim=True)
        return torch.where(top == 0, large, large / top)

    def attribute(self, input_tensor: Tensor, target: Target = None) -> Tensor:
        """Return the raw maps relu(sum_k w_k A_k), (B, H, W), of a batch of images.

        Args:
            input_tensor: (B, channels, height, width); the images are handled one at a time.
            target: a class index, one per image, or None for the class with the highest score.

        Raises:
            ValueError: not as many targets as images, or a class that the model does not have.
            CutError: the model cannot be cut at the layer, or the layer does not put out (1, K, H, W).
        """
        targets = _targets(target, len(input_tensor))
        maps = [self.explain(image, c).map for image, c in zip(input_tensor.split(1), targets, strict=True)]
        return torch.stack(maps)

    def explain(self, input_tensor: Tensor, target: int | None = None) -> Explanation:
        """Return the map of one image (1, channels, height, width) and everything it was made of."""
        where = cut(self.model, self.target_layer, input_tensor)
        return explained(where, target, head(self.head), self.weights)


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
    score, sigma = S.flatten()[0], footprint(A)
    if weights == "closed":
        alpha = alpha_closed(g, sigma, outer.rho(score))
    else:
        h, t = curved
        if outer.name == "exp":
            alpha = alpha_from_tail(g, h, t, sigma)
        else:
            # Faa di Bruno, divided by f' > 0: Y2/f' and Y3/f'.
            second, third = outer.ratios(score)
            alpha = alpha_exact(second * g**2 + h, third * g**3 + 3 * second * g * h + t, sigma)
    w = channel_weights(alpha, g)
    return Explanation(c, score, A[0], g[0], alpha[0], w[0], torch.einsum("k,khw->hw", w[0], A[0]).relu())


def _gradient(tail: Tail, A: Tensor, c: int) -> Tensor:
    with torch.enable_grad():
        A = A.detach().requires_grad_()
        return torch.autograd.grad(tail(A)[0, c], A)[0]


def _targets(target: Target, images: int) -> list[int | None]:
    if target is None or isinstance(target, int):
        return [target] * images
    chosen = [int(c) for c in target]
    if len(chosen) != images:
        raise ValueError(
            f"there are {images} images and {len(chosen)} targets: give one class for all or one per image"
        )
    return list(chosen)

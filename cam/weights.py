"""Pixel and channel weights of Grad-CAM++ as pure functions of derivatives. Equation numbers are those of
arXiv:1710.11063.

Every alpha depends on A and the derivatives only through scale-free products: A -> cA for c > 0 sends sigma to c sigma
and the n-th derivative to c^-n times itself, and leaves alpha as it is. A constant added to a denominator would break
that, so there is none: 0/0 is nan, a pole is inf, and both stay visible.
"""

import torch
from torch import Tensor


def footprint(A: Tensor, places: int = 2) -> Tensor:
    """sigma_k = sum_ab A_ab^k, the sum of each channel: (..., K, H, W) -> (..., K, 1, 1). Scales as A.

    Args:
        A: activations, channels before places.
        places: how many dimensions of places there are, two for a picture.

    Raises:
        ValueError: A has no channels over so many dimensions of places.
    """
    return A.sum(_over(A, places, "activations"), keepdim=True)


def alpha_exact(Y2: Tensor, Y3: Tensor, sigma: Tensor) -> Tensor:
    """Equation (10): alpha = Y2 / (2 Y2 + sigma Y3), Y2 and Y3 the pure derivatives of Y = f(S) along the entry.

    Unchanged by Y -> aY, and by A -> cA with Y2/c^2, Y3/c^3, c sigma. Where Y2 = 0 and sigma Y3 = 0 it is 0/0: nan.
    """
    return Y2 / (2 * Y2 + sigma * Y3)


def alpha_from_tail(g: Tensor, h: Tensor, t: Tensor, sigma: Tensor) -> Tensor:
    """(10) for Y = exp(S) from the tail's derivatives: Y > 0 cancels, and exp(S), which overflows, is never formed.

        alpha = (g^2 + h) / (2 (g^2 + h) + sigma (g^3 + 3 g h + t))

    Unchanged by A -> cA with g/c, h/c^2, t/c^3, c sigma. Where g = h = t = 0 it is 0/0: nan.
    """
    g, h, t, sigma = in_own_unit(g, h, t, sigma)
    return alpha_exact(g.square() + h, g**3 + 3 * g * h + t, sigma)


def in_own_unit(g: Tensor, h: Tensor, t: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the same in a unit of A in which the largest of |g|, |h|^1/2 and |t|^1/3 is about 1, entry by entry.

    Their powers and products then neither overflow nor vanish. The unit is a power of two: nothing is rounded. In
    float64, which holds the cubes of 1e-100 and 1e100, they are returned as they are.
    """
    if g.dtype == torch.float64:
        return g, h, t, sigma
    size = torch.maximum(torch.maximum(g.abs(), h.abs().sqrt()), t.abs().pow(1 / 3))
    u = torch.frexp(size).mantissa / size
    u = torch.where(u.isfinite() & (u > 0), u, 1)
    return g * u, h * u * u, t * u * u * u, sigma / u


def alpha_closed(g: Tensor, sigma: Tensor, rho: Tensor | float = 1.0) -> Tensor:
    """(10) for any outer function over a tail that is affine along the entry's line, rho = f'''/f''.

        alpha = 1 / (2 + sigma rho g)

    Unchanged by A -> cA with g/c, c sigma. At sigma g = 0 it is the limit 1/2, also for infinite rho; elsewhere
    infinite rho gives 0, which is (10) at f'' = 0. At the pole sigma rho g = -2 it is inf.
    """
    reach = sigma * g
    return 1 / (2 + torch.where(reach == 0, reach, rho * reach))


def alpha_printed(g: Tensor, sigma: Tensor) -> Tensor:
    """Equation (19) as printed: alpha = g^2 / (2 g^2 + sigma g^3), the outer function being exp.

    Unchanged by A -> cA with g/c, c sigma. At g = 0 it is 0/0: nan.
    """
    return g**2 / (2 * g**2 + sigma * g**3)


def channel_weights(alpha: Tensor, dS: Tensor, places: int = 2) -> Tensor:
    """Equation (5) up to the factor f'(S) > 0: w_k = sum_ij alpha_ij relu(dS/dA_ij), (..., K, H, W) -> (..., K).

    Where relu(dS) = 0 the term is 0, even where alpha is nan or inf. An infinite alpha (a pole) at dS > 0 makes the
    weight infinite, and a nan in dS makes it nan. A -> cA with dS/c divides every weight by c > 0.

    Raises:
        ValueError: dS has no channels over so many dimensions of places.
    """
    return torch.where(dS <= 0, 0, alpha * dS).sum(_over(dS, places, "derivatives"))


def _over(values: Tensor, places: int, what: str) -> tuple[int, ...]:
    """Return the dimensions of the places, the last ones."""
    if values.ndim <= places:
        letters = {1: "L", 2: "H, W", 3: "D, H, W"}.get(places, "*places")
        raise ValueError(f"the {what} of channels must be of shape (..., K, {letters}), not {tuple(values.shape)}")
    return tuple(range(-places, 0))

"""Outer functions ("heads"): f in Y = f(S), what the network makes of a class score S. Not the classifier, which
belongs to the tail.

Only ratios of derivatives of f enter alpha, and they stay finite where f itself overflows or saturates:

    rho = f'''/f''        f''/f'        f'''/f'
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches

import torch
from torch import Tensor

from cam.jets.oracles import reverse


@dataclass(frozen=True)
class Head:
    """One outer function Y = f(S) with f' > 0, entry by entry.

    Args:
        name: how it is asked for.
        value: f.
        rho: f'''/f'', infinite where f'' = 0 != f'''.
        stable_ratios: (f''/f', f'''/f'), where f' is so small that autograd's quotients lose their digits; autograd's
            by default.
    """

    name: str
    value: Callable[[Tensor], Tensor]
    rho: Callable[[Tensor], Tensor]
    stable_ratios: Callable[[Tensor], tuple[Tensor, Tensor]] | None = None

    def derivatives(self, S: Tensor) -> Tensor:
        """f, f', f'' and f''' at S, shape (4, *S.shape)."""
        orders = [self.value]
        for _ in range(3):
            orders.append(reverse(orders[-1]))
        return torch.stack([order(S).detach() for order in orders])

    def ratios(self, S: Tensor) -> tuple[Tensor, Tensor]:
        """(f''/f', f'''/f') at S: what Faa di Bruno's formula needs once f' > 0 is divided out."""
        if self.stable_ratios is not None:
            return self.stable_ratios(S)
        first = reverse(self.value)
        second = reverse(first)
        slope = first(S)
        return (second(S) / slope).detach(), (reverse(second)(S) / slope).detach()


def _sigmoid_rho(S: Tensor) -> Tensor:
    """(1 - 6s + 6s^2)/(1 - 2s), s = sigmoid(S)."""
    second, third = _sigmoid_ratios(S)
    return third / second


def _sigmoid_ratios(S: Tensor) -> tuple[Tensor, Tensor]:
    """(1 - 2s, 1 - 6s + 6s^2), s = sigmoid(S); 1 - 2s = -tanh(S/2) keeps its digits near S = 0."""
    second = -torch.tanh(S / 2)
    return second, (3 * second.square() - 1) / 2


HEADS: tuple[Head, ...] = (
    # f = f' = f'' = f''': every ratio is 1.
    Head("exp", torch.exp, torch.ones_like, lambda S: (torch.ones_like(S), torch.ones_like(S))),
    # s' = s(1 - s). At S = 0, f'' = 0 and f''' = -1/8: rho is infinite there, and alpha by (10) is 0.
    Head("sigmoid", torch.sigmoid, _sigmoid_rho, _sigmoid_ratios),
)


def head(name: str) -> Head:
    """Return the outer function called `name`.

    Raises:
        ValueError: none is called so; the message names the nearest.
    """
    known = {candidate.name: candidate for candidate in HEADS}
    if name not in known:
        near = get_close_matches(str(name), known, n=1, cutoff=0)[0]
        raise ValueError(f"no outer function is called {name!r}; the nearest is {near!r}, known are {', '.join(known)}")
    return known[name]

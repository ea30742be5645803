"""Grad-CAM++ for people who have used it before: one object for a model and its layers, maps for a batch of images.

    map = relu(sum_k w_k A_k),   w_k = sum_p alpha_kp relu(dS/dA_kp)

summed over the places p of a channel. Weights are the closed form (19) of the pixel weights, generalised to any outer
function, or their definition (10) with true derivatives.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from cam.arrangements import Arrangement, arranged
from cam.heads import Head, head
from cam.inventory import Latest
from cam.jets import pure_derivatives
from cam.maps import Explanation, pixel_weights, shown
from cam.place import CutError, Place, find
from cam.recorded import Recording, recorded, scores_of
from cam.tail import Cut, Tail, alike, cut, demand_ready
from cam.targets import One, Targets, chosen, listed, score
from cam.variants import variant
from cam.weights import channel_weights

WEIGHTS = ("closed", "exact")
# Heads that mix the scores: a log-softmax belongs to the tail, and what is then outside, as Head. A probability is
# exp(log p), so that none underflows; the logarithm is Y itself.
MIXING: dict[str, Head | None] = {"softmax": head("exp"), "log_softmax": None}
HALF = (torch.float16, torch.bfloat16)


@dataclass(frozen=True, eq=False)
class GradCAMPlusPlus:
    """Grad-CAM++ of one model at one layer or several.

    Closed weights take a forward pass and the backward pass of what stands behind the layer, for a whole batch at once.
    Exact weights take as long where that is piecewise linear, once it has been found to be; else true derivatives along
    every entry, image by image. It may be used in a `with` statement; nothing stays in the model between calls anyway.
    What the model held in the last call is kept alive until the next one.

    Args:
        model: in eval mode; (B, ...) -> scores (B, C), each image's from that image alone. It comes back as it was.
        target_layers: modules of the model or dotted names, one or several. They put out (B, K, *places), channels
            first, one to three dimensions of places.
        reshape_transform: what makes (B, K, *places) of a layer's output that is arranged otherwise, by moving entries
            about or leaving some out: `cam.tokens()`, `cam.channels_last` or a function of one's own.
        head: the outer function f in Y = f(S): "exp" as in the paper, "sigmoid", a `cam.Head`, or, for exact weights
            alone, "softmax" and "log_softmax".
        weights: "closed" is alpha = 1/(2 + sigma rho g), right if S is affine along every entry's line; "exact" is (10)
            with the derivatives of Y themselves.
        variant: instead of these, the name of what the paper prints or a library computes: `cam.VARIANTS`.
        call: which run of a layer that runs several times, counted from 0 or from -1 backwards.

    Raises:
        ValueError: an option is unknown, or two exclude each other.
        CutError: there is no such layer.
    """

    model: nn.Module
    target_layers: nn.Module | str | Sequence[nn.Module | str]
    reshape_transform: Arrangement | None = None
    head: str | Head = "exp"
    weights: str = "closed"
    variant: str | None = None
    call: int | None = None
    places: tuple[Place, ...] = field(init=False, repr=False)
    # What has been found out so far: which tails are piecewise linear, and what the model holds.
    _straight: set[Any] = field(init=False, repr=False, default_factory=set)
    _latest: Latest = field(init=False, repr=False, default_factory=partial(Latest, demand_ready))

    def __post_init__(self) -> None:
        if self.weights not in WEIGHTS:
            near = get_close_matches(str(self.weights), WEIGHTS, n=1, cutoff=0)[0]
            raise ValueError(
                f"weights must be one of {', '.join(WEIGHTS)}, not {self.weights!r}; did you mean {near!r}?"
            )
        if isinstance(self.head, str) and self.head in MIXING:
            if self.weights == "closed":
                raise ValueError(
                    f"under {self.head} no closed form needs one class's gradient alone: use weights='exact'"
                )
        elif not isinstance(self.head, Head):
            head(self.head)
        if self.variant is not None:
            variant(self.variant)
            if self.weights != "closed" or self.head != "exp":
                raise ValueError(
                    f"variant {self.variant!r} has a head and weights of its own: leave head= and weights= out"
                )
        layers = self.target_layers
        several = layers if isinstance(layers, nn.ModuleList) or not isinstance(layers, (nn.Module, str)) else [layers]
        if not isinstance(several, Iterable):
            raise ValueError(f"target_layers are modules or dotted names, not {layers!r}")
        found = tuple(find(self.model, layer, "output", self.call) for layer in several)
        if not found:
            raise ValueError("target_layers is empty: give at least one layer")
        object.__setattr__(self, "places", found)

    def __enter__(self) -> "GradCAMPlusPlus":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def __call__(self, input_tensor: Tensor, targets: Targets = None) -> Tensor:
        """Return maps in [0, 1] at the size of the input, (B, *size).

        The raw map is upsampled (bilinearly, if there are two dimensions of places) and divided by its maximum; a map
        that is zero everywhere stays zero, and one whose weights are infinite (at a pole of alpha) is nan. Several
        layers give the mean of their maps, divided by its maximum. A variant makes its pictures in its own way.
        """
        raw = self._raw(input_tensor, targets)
        size = tuple(input_tensor.shape[2:])
        if self.variant is not None:
            return variant(self.variant).picture(raw, size)
        pictures = [shown(one.relu(), size) for one in raw]
        return pictures[0] if len(pictures) == 1 else shown(torch.stack(pictures).mean(0), size)

    def attribute(self, input_tensor: Tensor, targets: Targets = None) -> Any:
        """Return the raw maps relu(sum_k w_k A_k), (B, *places), for several layers a list of them.

        Args:
            input_tensor: (B, ...), a batch of images.
            targets: a class index, or a function from an image's scores (C,) to the number that is explained; one for
                all or one per image; None for the class with the highest score.

        Raises:
            ValueError: not as many targets as images, a class that the model does not have, activations that are no
                numbers.
            CutError: the model cannot be cut at a layer: see `cam.cut`.
        """
        raw = [one.relu() for one in self._raw(input_tensor, targets)]
        return raw[0] if len(raw) == 1 else raw

    def explain(self, input_tensor: Tensor, targets: Targets = None) -> Any:
        """Return the raw map of one image (1, ...) and everything it was made of; for several layers a list of these.

        Raises:
            ValueError: there is more than one image, or the variant computes no pixel weights.
        """
        if self.variant is not None:
            raise ValueError(f"variant {self.variant!r} gives maps, no pixel weights: leave variant= out")
        _demand_images(input_tensor)
        if len(input_tensor) != 1:
            raise ValueError(f"explain takes one image, (1, ...), not {len(input_tensor)}")
        layers = self._layers(input_tensor, targets)
        with torch.autocast(input_tensor.device.type, enabled=False):
            found = [layer.explanation(0) for layer in layers]
        return found[0] if len(found) == 1 else found

    @property
    def outer(self) -> Head | None:
        """The function outside what `_tail` gives, None if there is none."""
        if isinstance(self.head, Head):
            return self.head
        return MIXING[self.head] if self.head in MIXING else head(self.head)

    def _raw(self, images: Tensor, targets: Targets) -> list[Tensor]:
        layers = self._layers(images, targets)
        with torch.autocast(images.device.type, enabled=False):
            return [layer.raw() for layer in layers]

    def _layers(self, images: Tensor, targets: Targets) -> "list[_Layer]":
        _demand_images(images)
        wanted = listed(targets, len(images))
        try:
            return self._recorded(images, wanted)
        except RuntimeError:
            # Autograd has no gradient there: the model works under no_grad, say, or writes over what its own backward
            # pass needs. A tail is the function itself, and is traced.
            pass
        one_each = chosen(wanted, scores_of(self.model, images))
        return [self._followed(place, images, one_each)[0] for place in self.places]

    def _recorded(self, images: Tensor, wanted: Sequence[One | None]) -> "list[_Layer]":
        with recorded(self.model, self.places, images, self._latest, watched=self.weights == "exact") as run:
            for place, A in zip(self.places, run.activations, strict=True):
                _demand_finite(place, A)
            one_each = chosen(wanted, run.scores)
            # Each function gets scores of its own, which it may write over.
            scores = [score(one, row[0].clone()) for one, row in zip(one_each, run.scores.split(1), strict=True)]
            if not all(one.requires_grad for one in scores):
                raise RuntimeError("autograd has no way from the layers to a score")
            S = torch.stack(scores)
            signatures = [self._signature(run, k) for k in range(len(self.places))] if self.weights == "exact" else []
            found = [
                _Layer(self, place, images.ndim, one_each, S.detach(), A, g)
                for place, A, g in zip(self.places, run.activations, run.gradients(S), strict=True)
            ]
            return list(map(self._exact, found, signatures, [images] * len(found))) if signatures else found

    def _exact(self, layer: "_Layer", signature: Any, images: Tensor) -> "_Layer":
        """Return the layer with second and third derivatives: 0 where the tail is known to be piecewise linear."""
        named = signature is not None and not any(map(callable, layer.targets))  # a function of the scores may bend too
        if not (named and signature in self._straight):
            followed, straight = self._followed(layer.place, images, layer.targets)
            if not (named and straight and alike(layer.g.to(followed.g.dtype), followed.g, layer.g.dtype)):
                return followed
            self._straight.add(signature)
        zero = torch.zeros_like(layer.g)
        return replace(layer, h=zero, t=zero)

    def _signature(self, run: Recording, k: int) -> Any:
        found = run.signature(k)
        return None if found is None else (k, run.activations[k].shape[1:], run.activations[k].dtype, found)

    def _followed(self, place: Place, images: Tensor, targets: Sequence[One]) -> "tuple[_Layer, bool]":
        """Return what the engine finds for a layer, and whether the tail is piecewise linear for all images."""
        exact = self.weights == "exact"
        model = self.model
        if any(x.dtype in HALF for x in model.parameters()):  # where three orders of derivatives are no numbers
            model, images = copy.deepcopy(model).float(), images.float() if images.is_floating_point() else images
        parts, straight = [], True
        for image, target in zip(images.split(1), targets, strict=True):
            with torch.autocast(images.device.type, enabled=False):
                where = cut(model, place.name, image, call=place.call)
                _demand_finite(place, where.activations)
                tail, c = self._tail(where, target)
                found = pure_derivatives(tail, where.activations, order=3 if exact else 1, target=c)
            straight = straight and all(operation.kind != "smooth" for operation in found.operations)
            shape = where.activations.shape
            parts.append((found.S.reshape(1), where.activations, *(x.view(shape) for x in (found.g, found.h, found.t))))
        S, A, g, h, t = map(torch.cat, zip(*parts, strict=True))
        layer_found = _Layer(self, place, images.ndim, targets, S, A, g)
        return replace(layer_found, h=h, t=t) if exact else layer_found, straight

    def _tail(self, where: Cut, target: One) -> tuple[Tail, int]:
        tail = where.tail
        if isinstance(self.head, str) and self.head in MIXING:
            tail = tail.log_softmax()
        if not callable(target):
            return tail, target
        return tail.then(lambda scores: score(target, scores[0]).reshape(1, 1)), 0


@dataclass(frozen=True, eq=False)
class _Layer:
    """What the maps of one layer are made of: for each image the target, S, and A and derivatives as it puts A out.

    Args:
        of: what asks.
        place: the layer.
        ndim: how many dimensions the images have, with those of batch and channels.
        targets, S: of each image.
        A, g, h, t: A and the derivatives by it, (B, ...); without h and t the weights are closed.
    """

    of: GradCAMPlusPlus
    place: Place
    ndim: int
    targets: Sequence[One]
    S: Tensor
    A: Tensor
    g: Tensor
    h: Tensor | None = None
    t: Tensor | None = None

    def _arranged(self, x: Tensor) -> Tensor:
        """Return (B, K, *places), in float32 if it was half."""
        if self.of.reshape_transform is not None:
            x = arranged(self.of.reshape_transform, x, exact=self.h is not None)
        if x.ndim < 3:
            raise CutError(
                f"a map weighs channels over places: it needs activations (B, K, *places), and {self.place} puts out "
                f"{tuple(x.shape)}; choose a layer that puts out a map, or a reshape_transform that makes one"
            )
        if x.ndim != self.ndim or x.ndim > 5:
            raise CutError(
                f"there are {self.ndim - 2} dimensions of places in an image and {x.ndim - 2} in the map of "
                f"{self.place}, {tuple(x.shape)}: give a reshape_transform, cam.tokens() or cam.channels_last, that "
                "makes it (B, K, *places)"
            )
        return x.float() if x.dtype in HALF else x

    def raw(self) -> Tensor:
        A, g = self._arranged(self.A), self._arranged(self.g)
        own = None if self.of.variant is None else variant(self.of.variant)
        w = self._weights(A, g)[1] if own is None else own.weights(A, g, self.S.to(A.dtype))
        return torch.einsum("bk,bk...->b...", w, A)

    def _weights(self, A: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        curved = None if self.h is None or self.t is None else (self._arranged(self.h), self._arranged(self.t))
        alpha = pixel_weights(A, self.S.to(A.dtype), g, curved, self.of.outer)
        return alpha, channel_weights(alpha, g, A.ndim - 2)

    def explanation(self, b: int) -> Explanation:
        A, g = self._arranged(self.A), self._arranged(self.g)
        alpha, w = self._weights(A, g)
        raw = torch.einsum("bk,bk...->b...", w, A).relu()
        return Explanation(self.targets[b], self.S[b], A[b], g[b], alpha[b], w[b], raw[b])


def _demand_images(images: Any) -> None:
    if not isinstance(images, Tensor) or images.ndim < 2 or not len(images):
        what = f"shape {tuple(images.shape)}" if isinstance(images, Tensor) else type(images).__name__
        raise ValueError(f"input_tensor is a batch of images, a tensor (B, ...), not {what}")


def _demand_finite(place: Place, A: Tensor) -> None:
    if not bool(A.isfinite().all()):
        raise ValueError(f"{place} puts out nan or infinite activations: check the images and the weights")

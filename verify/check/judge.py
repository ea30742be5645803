"""Is the closed form (19) valid here? Which of its assumptions hold, how wrong it is, and what to do.

(19) is (10) if S is affine along every entry's line at A, Y = exp(S), A lies on no kink and no denominator is 0. Beside
what is known of the operations stands what was measured: two weights that differ by more than rounding differ, whatever
was concluded before.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from verify.check import compare
from verify.check.certificate import Certificate, certify
from verify.check.later import nearest_affine
from verify.check.places import FIRST, TOKENS, arranged
from verify.check.reasons import CLOSED, EXACT, LATER, Assumption, assumptions_of, doubts_of, failing_of, reasons_of
from verify.errors import UsageError, brief

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cam.jets import Derivatives, Operation
    from cam.tail import Cut

RADII = 128  # entries whose distance to the nearest kink is measured
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Kinks:
    """How far entries may move before a unit reaches a kink.

    Args:
        entries: how many were measured.
        nearest, median: over these, in units of A.
        why: if it could not be measured, why.
    """

    entries: int = 0
    nearest: float | None = None
    median: float | None = None
    why: str = ""


@dataclass(frozen=True, eq=False)
class Check:
    """What was found on one network, layer and picture.

    Args:
        layer, head: where, and the outer function.
        target, score, probability: the class explained.
        shape: of the activations, without the batch.
        places: how they are arranged.
        operations: what stands between A and what is under the outer function.
        assumptions: in the order in which they are told.
        kinks: the nearest ones.
        weights, maps: how far both are apart; None for maps that are not finite.
        certificate: what of that is certain.
        closed, exact: both maps in [0, 1]; None for one that is not finite.
        advice: one of the three; `instead` names the layer.
        reasons: why, in sentences.
    """

    layer: str
    head: str
    target: int
    score: float
    probability: float
    shape: tuple[int, ...]
    places: str
    operations: "tuple[Operation, ...]"
    assumptions: tuple[Assumption, ...]
    kinks: Kinks
    weights: compare.Weights
    maps: compare.Maps | None
    certificate: Certificate
    closed: np.ndarray | None
    exact: np.ndarray | None
    advice: str
    instead: str | None
    reasons: tuple[str, ...]

    @property
    def applies(self) -> bool:
        """Whether the closed form may be used."""
        return self.advice == CLOSED


def check_model(
    model: "nn.Module",
    layer: "nn.Module | str",
    image: "Tensor",
    *,
    target: int | None = None,
    head: str = "exp",
    places: str = FIRST,
    seed: int = 0,
    kept: Path | None = None,
    progress: Progress = lambda *_: None,
) -> Check:
    """Say whether Grad-CAM++'s closed form is valid at a layer of a network, and how wrong it is if it is not.

    Args:
        model: in eval mode; picture (1, ...) -> scores (1, classes). A copy of it is made in float64.
        layer: one of its modules or its dotted name.
        image: one picture, as the model takes it.
        target: the class, the one with the highest score by default.
        head: the outer function: exp, sigmoid, softmax or log_softmax.
        places: how what the layer puts out is arranged: channels-first is (1, K, H, W), channels-last (1, H, W, K),
            tokens (1, N, K).
        seed: of the entries that are certified and measured.
        kept: the beginning of the names of two files that remember finished derivatives: the same call goes on there.
        progress: called with what is being done, how much of it is done and how much there is.

    Raises:
        UsageError: there is no such layer, class or outer function; the layer is not on the path to the scores; model
            or picture are not what they should be; an operation is not supported.
    """
    name = _named(model, layer)
    model, image = _in_float64(model, image)
    where = _cut(model, name, image)
    shape = tuple(where.activations.shape)
    order = arranged(shape, places)
    scores, c = _chosen(where, target)
    try:
        both = compare.explained(where, c, head, order, lambda done, whole: progress("derivatives", done, whole), kept)
    except ValueError as error:
        raise UsageError(f"the part after layer {name!r} is not supported: {brief(error)}") from error
    weights = compare.weights(both)
    closed, exact = compare.normalised(both.closed), compare.normalised(both.exact)
    progress("certificate", 0, 1)
    certificate = certify(where, both, head, order, seed)
    progress("kinks", 0, 1)
    kinks = _kinks(where, both.plain, c, seed)
    assumptions = assumptions_of(both.plain, order, weights, head)
    advice, instead = CLOSED, None
    failing = failing_of(assumptions)
    if failing:
        advice = EXACT
        if head == "exp" and failing & {"affine", "off-kinks"}:
            smooth = [each.layer for each in both.plain.operations if each.kind == "smooth"]
            instead = nearest_affine(
                model,
                name,
                image,
                smooth,
                lambda at: _applies(at, c, places),
                places,
                lambda at: progress(f"trying {at}", 0, 1),
            )
            advice = LATER if instead else EXACT
    return Check(
        layer=name,
        head=head,
        target=c,
        score=float(scores[c]),
        probability=float(scores.softmax(0)[c]),
        shape=shape[1:],
        places=places,
        operations=both.through.operations,
        assumptions=assumptions,
        kinks=kinks,
        weights=weights,
        maps=None if closed is None or exact is None else compare.maps(closed, exact),
        certificate=certificate,
        closed=closed,
        exact=exact,
        advice=advice,
        instead=instead,
        reasons=(*reasons_of(assumptions, advice, instead), *doubts_of(shape, places)),
    )


def _applies(where: "Cut", c: int, places: str) -> bool:
    """Whether every assumption of (19) holds at a cut, for an exponential."""
    shape = tuple(where.activations.shape)
    order = arranged(shape, FIRST if len(shape) == 4 and places == TOKENS else places)
    both = compare.explained(where, c, "exp", order)
    return not failing_of(assumptions_of(both.plain, order, compare.weights(both), "exp"))


def _named(model: "nn.Module", layer: "nn.Module | str") -> str:
    if isinstance(layer, str):
        return layer
    for name, module in model.named_modules():
        if module is layer:
            return name
    raise UsageError(f"this {type(layer).__name__} is not a module of the model: pass its dotted name")


def _in_float64(model: "nn.Module", image: "Tensor") -> "tuple[nn.Module, Tensor]":
    """Return a copy of the model and the picture, after a first look at them."""
    import copy

    import torch

    if not isinstance(image, torch.Tensor) or len(image) != 1 or not image.is_floating_point():
        raise UsageError("a picture is one floating tensor (1, ...)")
    if not bool(image.isfinite().all()):
        raise UsageError("the picture has entries that are NaN or infinite")
    model, image = copy.deepcopy(model).to(torch.float64), image.detach().to(torch.float64)
    try:
        with torch.no_grad():
            model(image.clone())
    except Exception as error:  # whatever a stranger's model may raise
        said = f"the model fails on a picture of shape {tuple(image.shape)}: {brief(error)}"
        raise UsageError(f"{said}; if the size is wrong, --size sets it") from error
    return model, image


def _cut(model: "nn.Module", layer: str, image: "Tensor") -> "Cut":
    from cam.tail import CutError, cut

    try:
        where = cut(model, layer, image)
    except CutError as error:
        raise UsageError(" ".join(str(error).split())) from error
    A = where.activations
    if not bool(A.isfinite().all()):
        raise UsageError(
            f"{int((~A.isfinite()).sum())} of {A.numel()} activations of layer {layer!r} are NaN or infinite: look for "
            "weights or a picture that are, or for a division by 0 before this layer"
        )
    return where


def _chosen(where: "Cut", target: int | None) -> "tuple[Tensor, int]":
    import torch

    with torch.no_grad():
        scores = where.tail(where.activations)[0]
    if not bool(scores.isfinite().all()):
        raise UsageError("the model's scores are NaN or infinite on this picture: nothing can be said about them")
    c = int(scores.argmax()) if target is None else int(target)
    if not 0 <= c < len(scores):
        raise UsageError(f"the model has classes 0 to {len(scores) - 1}, not {c}")
    return scores, c


def _kinks(where: "Cut", plain: "Derivatives", c: int, seed: int) -> Kinks:
    import torch

    from cam.jets import region_radius

    alive = plain.g.nonzero().flatten()
    drawn = torch.randperm(len(alive), generator=torch.Generator().manual_seed(seed))[:RADII]
    if not len(drawn):
        return Kinks(why="the score depends on no entry")
    try:
        radii = region_radius(where.tail, where.activations, alive[drawn], target=c)
    except ValueError as error:
        return Kinks(why=str(error))
    return Kinks(len(radii), float(radii.min()), float(radii.median()))

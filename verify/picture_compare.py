"""One picture: its closed form's heatmap beside the exact one, and what rounding can have to do with their difference.

Both maps are compared at the size of the layer, each divided by its maximum. A network is differentiated once a picture
and all forms of `verify.catalogue.viewed` are made from these derivatives. Under running error analysis the difference
of the maps has a bound: beyond it, it is none of rounding. Where the tail is piecewise linear the two maps are the same
function wherever the closed form fits the outer function, whatever g, A and S are, so that the derivatives count as
exact there; on a curved tail their own errors are part of the bound, at thirty times the time.
"""

import functools
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from verify import picture
from verify.catalogue.viewed import Experiment, Form, experiment
from verify.errors import Fault

if TYPE_CHECKING:
    from torch import Tensor, nn

    from cam.maps import Explanation
    from cam.tail import Cut, Tail
    from verify.rounding import RunningError


@dataclass(frozen=True)
class Compared:
    """The closed form's map of one picture beside the exact one; `verify.picture` says what the first four are.

    Args:
        rank, overlap, difference, moved: how far the maps are apart.
        bound: what rounding can make of a difference, the largest over the pixels; None where it was not derived.
        empty: (closed, exact) whether the map is zero everywhere.
        beyond: (closed, exact) at how many entries with g > 0 alpha is negative, infinite or no number: beyond a pole,
            or on one. Entries with g <= 0 do not count in any map.
        turned: at how many of them the two alphas have different signs.
        entries: how many entries have g > 0.
    """

    rank: float
    overlap: float
    difference: float
    moved: bool
    bound: float | None
    empty: tuple[bool, bool]
    beyond: tuple[int, int]
    turned: int
    entries: int


@functools.cache
def _shared(name: str) -> "tuple[nn.Module, Tail | None]":
    """Return the model, and its tail if that is the same for two pictures, operation by operation and bit by bit.

    Cutting takes longer than all the rest, and a network without a path around the layer has one tail for all.
    """
    import torch

    from cam.tail import cut

    tried = experiment(name)
    model = tried.load()
    one, other = (cut(model, tried.layer, tried.picture(number)).tail for number in (0, 1))
    constants = one.graph.state_dict(), other.graph.state_dict()
    same = one.graph.code == other.graph.code and constants[0].keys() == constants[1].keys()
    return model, one if same and all(map(torch.equal, *(each.values() for each in constants))) else None


def _at(tried: Experiment, number: int) -> "Cut":
    import torch

    from cam.tail import Cut, cut

    model, tail = _shared(tried.name)
    if tail is None:
        return cut(model, tried.layer, tried.picture(number))
    put_out: list[Tensor] = []
    handle = model.get_submodule(tried.layer).register_forward_hook(lambda _, __, A: put_out.append(A))
    try:
        with torch.no_grad():
            model(tried.picture(number))
    finally:
        handle.remove()
    return Cut(put_out[0], tail)


def differentiated(tried: Experiment, number: int, mode: "RunningError | None" = None) -> "tuple[Tensor, int, Tensor]":
    """Return the activations of a picture, the class with the highest score, and its derivatives along every entry.

    Args:
        tried: the network and its layer.
        number: of the picture.
        mode: bounds the errors of the derivatives of a curved tail.

    Raises:
        Fault: the tail is curved though the experiment says that it is not, or the other way round.
    """
    from cam.jets import nested_derivatives, tail_derivatives

    where = _at(tried, number)
    A, tail = where.activations, where.tail
    if bool(tail.smooth_operations) == tried.piecewise_linear:
        raise Fault(f"{tried.name} has the smooth operations {tail.smooth_operations}, the register says otherwise")
    c = int(tail(A)[0].argmax())
    if mode is None or tried.piecewise_linear:
        return A, c, tail_derivatives(tail, A, c)
    tail(A.expand(2, -1, -1, -1))  # the first batch makes it check itself: not to be watched
    with mode:
        return A, c, nested_derivatives(lambda moved: tail(moved)[:, c], A)


def explanations(A: "Tensor", c: int, derivatives: "Tensor", form: Form) -> "tuple[Explanation, Explanation]":
    """Return the closed form's map and the exact one."""
    from cam.heads import head
    from cam.maps import weighed

    return (
        weighed(A, c, derivatives, head(form.closed), "closed"),
        weighed(A, c, derivatives, head(form.head), "exact"),
    )


def compare(
    A: "Tensor", c: int, derivatives: "Tensor", form: Form, mode: "RunningError | None" = None
) -> Compared | None:
    """Compare the two maps of a picture.

    Args:
        A: activations, (1, K, H, W).
        c: the class.
        derivatives: S, g, h, t along every entry, (4, K*H*W).
        form: the outer function and the closed form.
        mode: bounds what rounding can do to the difference; it knows the errors of the derivatives, if they have any.

    Returns:
        None if a map is not finite.
    """
    with nullcontext() if mode is None else mode:
        closed, exact = explanations(A, c, derivatives, form)
        gap = _shown(closed.map) - _shown(exact.map)
    bound = None if mode is None else float(mode.error(gap).max())
    try:
        one, other = (picture.normalised(each.map.numpy()) for each in (closed, exact))
    except ValueError:
        return None
    counts = closed.g > 0
    alphas = [each.alpha[counts] for each in (closed, exact)]
    beyond = [~((alpha >= 0) & alpha.isfinite()) for alpha in alphas]
    return Compared(
        rank=picture.rank_correlation(one, other),
        overlap=picture.overlap(one, other),
        difference=picture.largest_difference(one, other),
        moved=picture.moved(one, other),
        bound=bound,
        empty=(not bool(one.any()), not bool(other.any())),
        beyond=(int(beyond[0].sum()), int(beyond[1].sum())),
        turned=int((alphas[0].sign() * alphas[1].sign() < 0).sum()),
        entries=int(counts.sum()),
    )


def _shown(raw: "Tensor") -> "Tensor":
    import torch

    top = raw.amax()
    return torch.where(top == 0, raw, raw / top)

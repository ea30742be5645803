"""What a peer does at the edges: no gradient, small ones, a large score, half precision, batches; and what it leaves.

Each behaviour is asked for on a network of its own and answered in one line, with the figures it was read from. Nothing
is assumed: an exception is an answer, and so is a nan.
"""

import gc
from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from verify.peers.adapters import Peer, ask
from verify.peers.ask import measured_eps
from verify.peers.probes import CLASS, LAYER, Probe, network, probes

if TYPE_CHECKING:
    from torch import Tensor, nn

Behaviour = Callable[[Peer], dict[str, Any]]
STEEP = 100.0  # exp of it overflows float32, not float64
PLACES = 6
FAILS = "fails: "
SAME = 1e-5  # maps of float32 numbers near 1, summed in another order, are closer


def _asked(peer: Peer, model: "nn.Module", images: "Tensor", picture: bool = False) -> "tuple[Tensor | None, str]":
    """Return the answer, a map the size of each image, or None and in one line how the peer failed."""
    question = peer.picture if picture and peer.picture is not None else peer.maps
    try:
        found = ask(question, model, LAYER, images, CLASS)
    except Exception as error:
        return None, f"{FAILS}{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"
    wanted = len(images), *images.shape[-2:]
    if tuple(found.shape) != wanted:
        return None, f"{FAILS}shape {tuple(found.shape)}: expected {wanted}"
    return found, ""


def _short(said: str) -> str:
    """Return what kind of failure it was, without its message; what is none stays as it is."""
    return ": ".join(said.split(": ")[:2]) if said.startswith(FAILS) else said


def _failed(failure: str) -> dict[str, Any]:
    return {"says": _short(failure), "error": failure}


def _listed(said: dict[str, str]) -> str:
    """Say one thing where all say the same."""
    short = {name: _short(value) for name, value in said.items()}
    if len(set(short.values())) == 1:
        return next(iter(short.values()))
    return "; ".join(f"{name}: {value}" for name, value in short.items())


def _state(found: "Tensor") -> str:
    """Say what kind of numbers a map has."""
    if bool(found.isnan().any()):
        return "nan"
    if bool(found.isinf().any()):
        return "infinite"
    if not bool(found.any()):
        return "zeros"
    return "a constant" if bool((found == found.flatten()[0]).all()) else "finite"


def _shape(found: "Tensor") -> "Tensor":
    """Return the positive part of maps, each divided by its maximum, in float64: what is left when scale is hidden."""
    import torch

    kept = found.double().relu()
    top = kept.flatten(1).amax(1)[:, None, None]
    return torch.where(top == 0, kept, kept / top)


def _gap(one: "Tensor", other: "Tensor") -> float:
    return float((_shape(one) - _shape(other)).abs().max())


def eps(peer: Peer) -> dict[str, Any]:
    """Find the constant in the denominator."""
    found = measured_eps(peer.maps)
    says = "not visible" if found is None else f"{found:g} in the denominator" if found else "none"
    return {"says": says, "value": found}


def zero_gradient(peer: Peer) -> dict[str, Any]:
    """Ask for a map and a picture where no entry has a gradient."""
    import torch

    probe = probes()[0]
    said = {}
    for kind, picture in (("map", False), ("picture", True)):
        if picture and peer.picture is None:
            continue
        model = network(torch.zeros(2 * PLACES, dtype=torch.float64), 0.5, 2)
        found, failure = _asked(peer, model, probe.image(), picture)
        said[kind] = failure if found is None else _state(found)
    return {"says": _listed(said), **said}


def zero_places(peer: Peer) -> dict[str, Any]:
    """Ask whether places without gradient count nothing: their activations are changed, with the sum kept."""
    import torch

    probe = probes()[0]
    g = torch.tensor([float(x) for row in probe.g for x in row], dtype=torch.float64)
    g[[0, 1, 6, 7]] = 0
    image = probe.image()
    moved = image.flatten(2).clone()
    moved[..., 0] += 0.25
    moved[..., 1] -= 0.25
    (found, failure), (other, why) = (_asked(peer, network(g, 0.5, 2), one) for one in (image, moved.view_as(image)))
    if found is None or other is None:
        return _failed(failure or why)
    if _state(found) != "finite":
        return {"says": _state(found)}
    untouched = float((found.flatten()[2:] - other.flatten()[2:]).abs().max() / found.abs().max())
    return {"says": "count nothing" if untouched < SAME else f"move the map by {untouched:.1e}", "moved": untouched}


def overflow(peer: Peer) -> dict[str, Any]:
    """Ask in float32 at a score of 100, where exp(S) is no number of float32; the map should be that at 1/2."""
    import torch

    probe = probes()[0]
    found, failure = _asked(peer, _with_score(probe, STEEP).float(), probe.image(torch.float32))
    usual, why = _asked(peer, probe.model(torch.float32), probe.image(torch.float32))
    if found is None or usual is None:
        return _failed(failure or why)
    if not bool(found.isfinite().all()):
        return {"says": f"{_state(found)} at S = 100"}
    gap = _gap(found, usual)
    return {"says": "none" if gap < SAME else f"the map changes by {gap:.1e}", "changed": gap}


def _with_score(probe: Probe, score: float) -> "nn.Module":
    return Probe(probe.A, probe.g, Fraction(score), probe.size).model()


def tiny_gradients(peer: Peer) -> dict[str, Any]:
    """Ask for the weight where every gradient is 1e-8 or 1e-20, float32, divided by that of (19)."""
    import torch

    said: dict[str, Any] = {}
    for slope in (1e-8, 1e-20):
        model = network(torch.full((PLACES,), slope, dtype=torch.float64), -PLACES * slope, 1).float()
        found, failure = _asked(peer, model, torch.ones(1, 1, 2, 3))
        if found is None:
            said[f"{slope:g}"] = failure
        elif bool(found.isfinite().all()):
            said[f"{slope:g}"] = float(found.flatten()[0]) * (2 + PLACES * slope) / (PLACES * slope)
        else:
            said[f"{slope:g}"] = _state(found)
    return {"says": _listed({f"at {k}": v if isinstance(v, str) else f"{v:.1e}" for k, v in said.items()}), **said}


def precision(peer: Peer) -> dict[str, Any]:
    """Ask in half precision: how far the map, divided by its maximum, is from that of float64."""
    import torch

    probe, said = probes()[0], {}
    exact, failure = _asked(peer, probe.model(), probe.image())
    for dtype in (torch.float16, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        found, why = _asked(peer, probe.model(dtype), probe.image(dtype))
        if exact is None or found is None:
            said[name] = failure or why
        else:
            said[name] = f"off by {_gap(found, exact):.1e}" if bool(found.isfinite().all()) else _state(found)
    return {"says": _listed(said), **said}


def batches(peer: Peer) -> dict[str, Any]:
    """Ask for two images, and for as many as a map has columns; each map should be that of the image alone."""
    import torch

    model, columns = probes()[0].model(), probes()[0].size[1]
    images = torch.cat([probes()[0].image() * (columns - n) / columns for n in range(columns)])
    said = {}
    for count in (2, columns):
        together, failure = _asked(peer, model, images[:count])
        alone = [_asked(peer, model, image)[0] for image in images[:count].split(1)]
        if together is None or any(one is None for one in alone):
            said[f"{count} images"] = failure or f"{FAILS}on an image alone"
            continue
        apart = torch.cat([one for one in alone if one is not None])
        gap, top = (together - apart).abs().amax((-2, -1)), apart.abs().amax((-2, -1))
        off = float(torch.where(gap == 0, 0, gap / top).max())
        said[f"{count} images"] = "as alone" if off < SAME else f"off by {off:.1e} of the maximum"
    return {"says": _listed(said), **said}


def hooks(peer: Peer) -> dict[str, Any]:
    """Count the hooks that are on the network's modules after use, when what was used is gone."""
    model = probes()[0].model()
    _, failure = _asked(peer, model, probes()[0].image())
    gc.collect()
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    left = sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)
    if failure:
        return _failed(failure)
    return {"says": f"{left} left" if left else "none left", "left": left}


def gradients(peer: Peer) -> dict[str, Any]:
    """Look at .grad of the parameters after use: left by the peer, and the user's own."""
    import torch

    probe = probes()[0]
    model = probe.model()
    _, failure = _asked(peer, model, probe.image())
    left = sum(parameter.grad is not None for parameter in model.parameters())
    own = probe.model()
    for parameter in own.parameters():
        parameter.grad = torch.full_like(parameter, 7)
    _asked(peer, own, probe.image())
    lost = sum(parameter.grad is None or not bool((parameter.grad == 7).all()) for parameter in own.parameters())
    said = [f"left on {left} parameters"] if left else []
    said += [f"the user's lost on {lost}"] if lost else []
    if failure:
        return _failed(failure)
    return {"says": ", ".join(said) or "untouched", "left": left, "lost": lost}


def modes(peer: Peer) -> dict[str, Any]:
    """Look at the modules' training flags after use: of a network in training, and of one with a module in eval."""
    said = {}
    for name, frozen in (("in training", False), ("with a part in eval", True)):
        model = probes()[0].model().train()
        if frozen:
            model.get_submodule("flatten").eval()
        before = [module.training for module in model.modules()]
        _, failure = _asked(peer, model, probes()[0].image())
        after = [module.training for module in model.modules()]
        said[name] = failure or ("kept" if before == after else "changed")
    return {"says": _listed(said), **said}


def frozen_parameters(peer: Peer) -> dict[str, Any]:
    """Ask where no parameter asks for a gradient; it should work and leave them so."""
    model = probes()[0].model().requires_grad_(False)
    usual, why = _asked(peer, probes()[0].model(), probes()[0].image())
    found, failure = _asked(peer, model, probes()[0].image())
    if found is None or usual is None:
        return _failed(failure or why)
    if any(parameter.requires_grad for parameter in model.parameters()):
        return {"says": "asks them for gradients, for good"}
    gap = _gap(found, usual)
    return {"says": "works" if gap < SAME else f"the map changes by {gap:.1e}"}


BEHAVIOURS: dict[str, Behaviour] = {
    "eps": eps,
    "zero gradient": zero_gradient,
    "places without gradient": zero_places,
    "overflow": overflow,
    "weight over (19)": tiny_gradients,
    "half precision": precision,
    "batches": batches,
    "hooks": hooks,
    ".grad": gradients,
    "training flags": modes,
    "frozen parameters": frozen_parameters,
}


def observed(peer: Peer) -> dict[str, dict[str, Any]]:
    """Return every behaviour of a peer."""
    return {name: behaviour(peer) for name, behaviour in BEHAVIOURS.items()}

"""The network that a name on the command line stands for.

lite0                 EfficientNet-Lite0 with its ImageNet weights
timm:NAME             an architecture of timm, with random weights
torchvision:NAME      a classifier of torchvision, with random weights
FILE.py:FACTORY       what a function of a file of one's own returns

A state dict may be loaded into any of the last three. Nothing is downloaded, and nothing but tensors is unpickled.
"""

import importlib
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from verify.catalogue import lite0
from verify.catalogue.zoo import load_torchvision
from verify.errors import UsageError, brief, missing, unknown
from verify.user_files import function_of, told

if TYPE_CHECKING:
    from torch import nn

Maker = Callable[[str], "tuple[nn.Module, int]"]
LITE0 = "lite0"
# Of random weights. From seed 0 the map of the cat Chelsea by convnext_tiny is zero everywhere.
SEED = 2
SIDE = 224
# In steps of an 8-bit picture: mean and standard deviation of ImageNet's channels, by convention.
MEAN = (255 * 0.485, 255 * 0.456, 255 * 0.406)
DEVIATION = (255 * 0.229, 255 * 0.224, 255 * 0.225)
FORMS = "lite0, timm:NAME, torchvision:NAME or FILE.py:FACTORY"
# Under these keys training scripts keep the state dict.
WRAPPED = ("state_dict", "model", "model_state_dict")


@dataclass(frozen=True, eq=False)
class Subject:
    """A network and what is known about its pictures and its weights.

    Args:
        name: as it was asked for.
        model: float64, in eval mode.
        weights: whose they are, in words.
        layer: the layer to be taken if none is named, or "".
        side: height and width of its pictures.
        mean, deviation: of the channels from 0 to 255, (pixel - mean)/deviation being what it sees.
        label: class index -> its name.
    """

    name: str
    model: "nn.Module"
    weights: str
    layer: str = ""
    side: int = SIDE
    mean: tuple[float, ...] = MEAN
    deviation: tuple[float, ...] = DEVIATION
    label: Callable[[int], str] = "class {}".format


def load(name: str, state: Path | None = None, seed: int = SEED) -> Subject:
    """Return the network called `name`.

    Args:
        name: one of the forms above.
        state: a file with a state dict.
        seed: of random weights; torch's own generator is left as it was.

    Raises:
        UsageError: there is no such network, its factory fails, or the file is no state dict of it.
        MissingPackage: its package is not installed.
    """
    import torch

    if name == LITE0:
        if state is not None:
            raise UsageError("lite0 has its own weights: leave out --state")
        published = "published weights, trained on ImageNet"
        scale = (127.0,) * 3, (128.0,) * 3  # exact: the numbers of lite0.preprocess
        return Subject(name, lite0.load_lite0(), published, lite0.LAYER, lite0.SIDE, *scale, lite0.label)
    kind, colon, rest = name.rpartition(":")
    makers: dict[str, Maker] = {"timm": _timm, "torchvision": _torchvision}
    make: Maker
    if kind in makers:
        make = makers[kind]
    elif colon and kind.endswith(".py"):
        make = _factory(Path(kind), rest)
    elif Path(name).suffix in (".pt", ".pth"):
        raise UsageError(f"{name} may hold weights, not a network: name the network, and give --state {name}")
    elif name.endswith(".py"):
        raise UsageError(f"{name} may make several networks: name the function, {name}:FACTORY")
    else:
        raise UsageError(f"no network is called {name!r}: MODEL is {FORMS}")
    with torch.random.fork_rng(devices=[]), warnings.catch_warnings(action="ignore"):
        torch.manual_seed(seed)
        model, side = make(rest)
    told = f"random weights (seed {seed}): its scores mean nothing, its operations do" if kind in makers else ""
    if state is not None:
        _put_in(model, state)
        told = f"weights of {state.name}"
    model = model.to(torch.float64).eval().requires_grad_(False)
    return Subject(name, model, told or f"weights as {rest} makes them", side=side)


def _timm(name: str) -> "tuple[nn.Module, int]":
    load_torchvision()
    try:
        timm = importlib.import_module("timm")
    except ImportError as error:
        raise missing("timm", "zoo", f"timm:{name}") from error
    if not timm.is_model(name):
        raise unknown("architecture of timm", name, timm.list_models())
    model = timm.create_model(name, pretrained=False)
    return model, int(model.pretrained_cfg.get("input_size", (3, SIDE, SIDE))[-1])


def _torchvision(name: str) -> "tuple[nn.Module, int]":
    models = load_torchvision().models
    known = models.list_models(module=models)  # classifiers: the others fetch a backbone
    if name not in known:
        raise unknown("classifier of torchvision", name, known)
    return models.get_model(name, weights=None), 299 if name == "inception_v3" else SIDE


def _factory(path: Path, name: str) -> Maker:
    def make(_: str) -> "tuple[nn.Module, int]":
        import torch
        from torch import nn

        factory = function_of(path, name)
        with told(f"{name}() of {path} fails"):
            made = factory()
        if isinstance(made, torch.jit.ScriptModule):
            raise UsageError(f"{name}() of {path} returns TorchScript: return the torch.nn.Module that it was made of")
        if not isinstance(made, nn.Module):
            raise UsageError(f"{name}() of {path} must return a torch.nn.Module, not a {type(made).__name__}")
        if any(map(nn.parameter.is_lazy, made.parameters())):
            raise UsageError(f"{name}() of {path} returns lazy layers without weights: run it once on a picture first")
        return made, SIDE

    return make


def _put_in(model: "nn.Module", path: Path) -> None:
    import torch

    if not path.is_file():
        raise UsageError(f"there is no file {path} to take weights from")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen classes for what it does not unpickle
        raise UsageError(f"{path} is no state dict that loads with weights_only=True: {brief(error)}") from error
    for key in WRAPPED:
        if isinstance(state, Mapping) and isinstance(state.get(key), Mapping):
            state = state[key]
    if not isinstance(state, Mapping):
        raise UsageError(f"{path} holds a {type(state).__name__}, not a state dict: save model.state_dict()")
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise UsageError(f"the weights of {path} do not fit the network: {brief(error)}") from error

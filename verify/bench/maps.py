"""How long a heatmap takes, beside other libraries, a forward pass, and a forward and a full backward pass.

Run as `python -m verify.bench.maps NAME BATCH SETTINGS`. All are measured in turn, on the same images, several rounds
of them after one that warms up; ratios are medians over rounds of ratios within a round. Each has a copy of the network
of its own, and whatever explains is made once, as users do who explain many pictures. The order is another one in each
round, and after as many rounds as there are orders (`balanced`) each has come right after each other one equally often:
what runs after a backward pass through a whole network finds memory in another state. What begins a round runs once
unmeasured before, or else it would always follow the end of the same other round.
"""

import importlib.util
import json
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn

from cam import GradCAMPlusPlus
from verify.bench.peers import NOT_RUN
from verify.bench.row import How, short
from verify.bench.timing import Clock, paired, timed
from verify.catalogue.zoo import Architecture
from verify.peers import adapters

CLASS = 3
BATCHES = (1, 8)
ROUNDS = 18  # a multiple of 6, the orders of six works: see `balanced`
# What is promised, as ratios: closed weights to a forward and a full backward pass, to the fastest peer, and exact
# weights on a piecewise-linear tail to closed ones.
AT_MOST = {"passes": 0.5, "fastest_peer": 1.05, "exact": 1.5}


@dataclass(frozen=True)
class Mapped:
    """One network, its layer and the side of its pictures."""

    architecture: Architecture

    @property
    def name(self) -> str:
        """What it is called."""
        return self.architecture.name


MAPPED = (
    Mapped(Architecture("torchvision", "resnet50", "layer4", side=224)),
    Mapped(Architecture("torchvision", "densenet121", "features", side=224)),
    Mapped(Architecture("torchvision", "vgg16", "features.29", side=224)),
)
NAMES = {one.name: one for one in MAPPED}


def _grad_cam(model: nn.Module, layer: str, images: Tensor) -> Callable[[], object]:
    cam = adapters.load("pytorch_grad_cam").GradCAMPlusPlus(model=model, target_layers=[model.get_submodule(layer)])
    target = adapters.load("pytorch_grad_cam.utils.model_targets").ClassifierOutputTarget(CLASS)
    return lambda: cam(input_tensor=images, targets=[target] * len(images))


def _torchcam(model: nn.Module, layer: str, images: Tensor) -> Callable[[], object]:
    cam = adapters.load("torchcam.methods").GradCAMpp(model, layer)
    return lambda: cam(CLASS, model(images))


# Who makes pictures by Grad-CAM++, each in its own way: the formula differs, what has to be run does not. torchcam's
# pictures have the size of the layer, the others' that of the images.
PEERS = {"pytorch-grad-cam": _grad_cam, "torchcam": _torchcam}


def measure(mapped: Mapped, batch: int, how: How, clock: Clock = time.perf_counter) -> dict[str, Any]:
    """Return one row.

    Its keys:
        network, layer, batch
        ms: milliseconds of a batch's pictures: of our closed and exact weights and of each peer, "not run" if it is
            not installed; of a forward pass; of a forward and a full backward pass, parameters included. The first
            picture with exact weights, for which the tail is traced, is not in it: `first_exact_ms`.
        to_passes, to_fastest_peer, exact_to_closed: ratios, paired; the second is null if no peer is installed.
        within_rule: whether none of them is more than `AT_MOST` says.
        threads, torch, rounds.
    """
    if how.threads:
        torch.set_num_threads(how.threads)
    made = mapped.architecture
    model = made.make(dtype=torch.float32)
    images = torch.cat([made.picture(seed, torch.float32) for seed in range(batch)])
    first_s, works = _works(model, made.layer, images, clock)
    times: dict[str, list[float]] = {name: [] for name in works}
    orders = balanced(list(works))
    for n in range(how.rounds + 1):
        order = orders[(n - 1) % len(orders)]
        works[order[0]]()
        for name in order:
            seconds, _ = timed(works[name], clock)
            if n:
                times[name].append(seconds)
    fastest = min((name for name in PEERS if name in works), key=lambda name: median(times[name]), default=None)
    ratios: dict[str, float | None] = {
        "passes": paired(times["passes"], times["closed"]),
        "fastest_peer": None if fastest is None else paired(times[fastest], times["closed"]),
        "exact": paired(times["closed"], times["exact"]),
    }
    return {
        "network": mapped.name,
        "layer": made.layer,
        "batch": batch,
        "ms": {
            **dict.fromkeys(PEERS, NOT_RUN),
            **{name: short(1000 * median(each)) for name, each in times.items()},
        },
        "first_exact_ms": short(1000 * first_s),
        "to_passes": _short(ratios["passes"]),
        "to_fastest_peer": _short(ratios["fastest_peer"]),
        "exact_to_closed": _short(ratios["exact"]),
        "within_rule": all(value is None or value <= AT_MOST[name] for name, value in ratios.items()),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "rounds": how.rounds,
    }


def balanced(names: Sequence[str]) -> list[list[str]]:
    """Return orders in which each name has each place, and comes right after each other one, equally often.

    The order 0, n - 1, 1, n - 2, ... has every difference modulo n once if n is even, and so have all that begin
    elsewhere; if n is odd, it takes these backwards too.
    """
    n = len(names)
    steps = [-(k // 2) - 1 if k % 2 else k // 2 for k in range(n)]
    found = [[names[(step + start) % n] for step in steps] for start in range(n)]
    return found if n % 2 == 0 else found + [order[::-1] for order in found]


def _works(model: nn.Module, layer: str, images: Tensor, clock: Clock) -> tuple[float, dict[str, Callable[[], object]]]:
    """Return what is timed, by name, and how long the first picture with exact weights took."""
    ours = {weights: GradCAMPlusPlus(deepcopy(model), layer, weights=weights) for weights in ("closed", "exact")}
    first_s, _ = timed(partial(ours["exact"], images, CLASS), clock)
    once, trained = deepcopy(model), deepcopy(model)

    def forward() -> None:
        with torch.no_grad():
            once(images)

    def passes() -> None:
        trained.zero_grad()
        trained(images)[:, CLASS].sum().backward()

    works: dict[str, Callable[[], object]] = {name: partial(cam, images, CLASS) for name, cam in ours.items()}
    works |= {"forward": forward, "passes": passes}
    for peer in adapters.PEERS:
        if peer.name in PEERS and importlib.util.find_spec(peer.module.partition(".")[0]) is not None:
            works[peer.name] = PEERS[peer.name](deepcopy(model), layer, images)
    return first_s, works


def _short(number: float | None) -> float | None:
    return None if number is None else short(number)


def main(arguments: Sequence[str]) -> None:
    """Measure one row and print it as JSON: NAME BATCH SETTINGS."""
    name, batch, settings = arguments
    with redirect_stdout(sys.stderr):  # what a peer prints is no data
        found = measure(NAMES[name], int(batch), How(**json.loads(settings)))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])

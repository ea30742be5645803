"""A small network with any activation, trained in seconds on the 8 x 8 handwritten digits that ship with scikit-learn.

    picture                    1 x 8 x 8
    conv 3 x 3, padded, act    8 x 8 x 8
    conv 3 x 3                16 x 6 x 6    A
    act, mean over 2 x 2      16 x 3 x 3
    conv 3 x 3, padded, act   16 x 3 x 3
    linear, act               24
    linear                    10            S

The target layer is the second convolution; A is its output, before the activation.  Nothing behind it averages over the
whole picture: after a global mean the derivative by A would hardly vary over space, and Grad-CAM++ would be tried only
where it is Grad-CAM. The pooling is a mean and no maximum, so that with a smooth activation the whole tail is smooth.
"""

import functools
import hashlib
import io
from typing import TYPE_CHECKING

import numpy as np

from verify.catalogue.activations import activation
from verify.catalogue.cache import cached
from verify.errors import CorruptFile, UsageError, missing
from verify.threads import one_thread

if TYPE_CHECKING:
    import torch
    from torch import nn

LAYER = "locate"
# A picture is held out if its number is 3 modulo 4: no digit is left out, and the split needs no generator.
HELD_OUT = 449
TRAINED_ON = 1348
SHA256 = "87ff0c9e40dc7e2c0e34e7257799c2e3f3aec1a016363bb11cad869ec428a826"

EPOCHS = 20
BATCH = 64
RATE = 4e-3


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise missing("scikit-learn", "real", "the handwritten digits") from error
    pictures, labels = load_digits(return_X_y=True)
    pictures = pictures.reshape(-1, 8, 8).astype(np.uint8)
    labels = labels.astype(np.uint8)
    found = hashlib.sha256(pictures.tobytes() + labels.tobytes()).hexdigest()
    if found != SHA256:
        raise CorruptFile(
            f"the digits of the installed scikit-learn have sha256 {found}, expected {SHA256}; "
            "install it afresh: pip install --force-reinstall --no-deps scikit-learn"
        )
    return pictures, labels


def _is_held_out(count: int) -> np.ndarray:
    return np.arange(count) % 4 == 3


def held_out() -> tuple[np.ndarray, np.ndarray]:
    """Return the pictures the networks never saw in training, and their labels.

    Returns:
        uint8 (449, 8, 8) with values 0..16, and uint8 (449,); both the caller's own.

    Raises:
        MissingPackage: scikit-learn is not installed.
        CorruptFile: its digits are not the published ones.
    """
    pictures, labels = _digits()
    chosen = _is_held_out(len(labels))
    return pictures[chosen], labels[chosen]


def digit_image(index: int) -> np.ndarray:
    """Return held-out picture number `index`, 0 <= index < 449: uint8 of shape (8, 8) with values 0..16.

    Raises:
        UsageError: there is no such picture.
    """
    return held_out()[0][_checked(index)]


def digit_label(index: int) -> int:
    """Return which digit held-out picture number `index` shows.

    Raises:
        UsageError: there is no such picture.
    """
    return int(held_out()[1][_checked(index)])


def _checked(index: int) -> int:
    if not 0 <= index < HELD_OUT:
        raise UsageError(f"there is no held-out digit number {index}: they are numbered 0 to {HELD_OUT - 1}")
    return index


def preprocess(picture: np.ndarray, dtype: "torch.dtype | None" = None) -> "torch.Tensor":
    """Return picture / 16, exact in any binary floating point, as a tensor (1, 1, 8, 8); dtype float64 unless told.

    Raises:
        UsageError: the picture is not 8 x 8.
    """
    import torch

    if picture.shape != (8, 8):
        raise UsageError(f"a digit has shape (8, 8), this picture has {picture.shape}")
    return torch.from_numpy(picture / 16.0).to(dtype or torch.float64)[None, None]


def architecture(name: str) -> "nn.Module":
    """Return the untrained float64 network with the activation called `name`, its parameters from torch's generator."""
    from collections import OrderedDict

    from torch import float64, nn

    act = activation(name).module
    layers = OrderedDict(
        [
            ("look", nn.Conv2d(1, 8, 3, padding=1, dtype=float64)),
            ("act1", act()),
            (LAYER, nn.Conv2d(8, 16, 3, dtype=float64)),
            ("act2", act()),
            ("pool", nn.AvgPool2d(2)),
            ("combine", nn.Conv2d(16, 16, 3, padding=1, dtype=float64)),
            ("act3", act()),
            ("flatten", nn.Flatten()),
            ("hidden", nn.Linear(144, 24, dtype=float64)),
            ("act4", act()),
            ("scores", nn.Linear(24, 10, dtype=float64)),
        ]
    )
    return nn.Sequential(layers)


def train(name: str, seed: int) -> "nn.Module":
    """Return the network trained from `seed` by Adam on the cross entropy; takes about three seconds.

    Trained on one thread, so that sums run in the same order whatever the number of cores (and faster: the pictures are
    tiny). The same seed gives the same bits on the same kind of processor and the same torch.  Torch's generator and
    its number of threads are left as they were.
    """
    import torch

    pictures, labels = _digits()
    seen = ~_is_held_out(len(labels))
    x = torch.from_numpy(pictures[seen] / 16.0)[:, None]
    y = torch.from_numpy(labels[seen]).long()
    with one_thread(), torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.default_generator.manual_seed(
            seed
        )  # torch.manual_seed would seed those of other devices as well, for good
        model = architecture(name)
        steps = EPOCHS * -(-len(y) // BATCH)
        optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=RATE, total_steps=steps)
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(y)).split(BATCH):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(model(x[batch]), y[batch]).backward()
                optimiser.step()
                schedule.step()
    return model.eval()


def trained(name: str, seed: int, dtype: "torch.dtype | None" = None) -> "nn.Module":
    """Return the trained network with the activation called `name`, from the cache if it was trained before.

    Args:
        name: an activation of the catalogue.
        seed: of the first parameters and of the order of the pictures.
        dtype: of the parameters, float64 unless told; it is always trained in float64.

    Returns:
        The network in eval mode; the parameters ask for no gradient.

    Raises:
        UsageError: no activation is called so.
        MissingPackage: scikit-learn is not installed.
        CorruptFile: its digits are not the published ones.
    """
    import torch

    def make() -> bytes:
        buffer = io.BytesIO()
        torch.save(train(name, seed).state_dict(), buffer)
        return buffer.getvalue()

    with torch.random.fork_rng(devices=[]):
        model = architecture(name)
    key = {
        "architecture": str(model),
        "training": (EPOCHS, BATCH, RATE, SHA256),
        "seed": seed,
        "torch": torch.__version__,
    }
    body = cached(f"digits-{name}-{seed}", key, make)
    model.load_state_dict(torch.load(io.BytesIO(body), weights_only=True))
    return model.to(dtype or torch.float64).eval().requires_grad_(False)

"""What a peer does otherwise than (19), its own documentation or a caller's network before the call would have it, each
with a program of about ten lines that shows it. Whether it is an error or a choice is for its authors to say.

A program needs torch and the peer alone. It leaves two numbers, `found` and `expected`; the finding stands as long as
they differ. It is run before it is told: what does not show any more is not reported.
"""

import contextlib
import io
import math
import warnings
from dataclasses import dataclass
from typing import Any

from verify.peers.adapters import Peer, load

START = """\
import torch
from torch import nn
"""
ONE_CHANNEL = f"""\
{START}model = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(4, 2, bias=False)).eval()
nn.init.ones_(model[0].weight)
nn.init.constant_(model[2].weight, 0.5)  # g = 1/2 at every place
image = torch.ones(1, 1, 2, 2)  # A = 1, sigma = 4, S = 2
"""
UNEVEN = """\
model[2].weight.data[0] = torch.tensor([0.125, 0.125, 2, 2])  # g
expected = 2 * 0.125 / (2 + 4 * 0.125) + 2 * 2 / (2 + 4 * 2)  # (19): 1/2; with sum(A g^3) it is 0.667
"""


@dataclass(frozen=True)
class Finding:
    """One thing that a user may not expect.

    Args:
        peer: of whom.
        name: slug.
        says: in one line, what happens and what should.
        program: shows it; `found` and `expected` are left behind.
    """

    peer: str
    name: str
    says: str
    program: str


FINDINGS: tuple[Finding, ...] = (
    Finding(
        "torchcam",
        "alpha-is-not-divided",
        "alpha stays g^2: div_ works on the copy that indexing by a mask makes, so w_k is the sum of relu(g)^3",
        f"""{ONE_CHANNEL}from torchcam.methods import GradCAMpp
nn.init.ones_(model[2].weight)  # g = 1
with GradCAMpp(model, "0") as cam:
    found = cam(0, model(image), normalized=False)[0].max().item()
expected = 4 * 1**2 / (2 * 1**2 + 4 * 1**3) * 1  # (19): 2/3; without the division it is 4
""",
    ),
    Finding(
        "torchcam",
        "picture-fades",
        "with gradients of 5e-4 the brightest pixel of the normalised picture is not 1: w is a cube, and 1e-8 is added",
        f"""{ONE_CHANNEL}from torchcam.methods import GradCAMpp
nn.init.constant_(model[2].weight, 0.0005)
image[0, 0, 0, 0] = 0
with GradCAMpp(model, "0") as cam:
    found = cam(0, model(image))[0].max().item()
expected = 1.0
""",
    ),
    Finding(
        "torchcam-smooth",
        "third-derivative-in-the-sum",
        "sigma g^3 is sum(A g^3), the gradients of all places; its documentation and (19) have g^3 of the place itself",
        f"""{ONE_CHANNEL}{UNEVEN}from torchcam.methods import SmoothGradCAMpp
with SmoothGradCAMpp(model, "0", std=1e-30) as cam:
    model(image)
    found = cam(0, normalized=False)[0].max().item()
""",
    ),
    Finding(
        "torchcam-smooth",
        "no-half-precision",
        "a float16 model fails: the noise is drawn in float32",
        f"""{ONE_CHANNEL}from torchcam.methods import SmoothGradCAMpp
expected = 1.0
with SmoothGradCAMpp(model.half(), "0") as cam:
    model(image.half())
    try:
        found = float(cam(0)[0].isfinite().all())
    except RuntimeError:
        found = 0.0
""",
    ),
    Finding(
        "torchcam-smooth",
        "last-sample-counts",
        "ReLU is applied to the gradient at the last noisy image, not to the mean as in the Smooth Grad-CAM++ paper",
        f"""{ONE_CHANNEL}from torchcam.methods import SmoothGradCAMpp
class FourTimes(nn.Module):
    calls = 0
    def forward(self, x):
        self.calls += 1
        return x * (self.calls <= 4)  # the picture and three noisy ones; the fourth noisy one has no gradient
model.insert(1, FourTimes())
with SmoothGradCAMpp(model, "0", num_samples=4) as cam:
    model(image)
    found = cam(0, normalized=False)[0].max().item()
expected = 4 * 0.25 * 0.375  # means: g 0.375, g^2 0.1875, g^3 0.09375; alpha 1/4
""",
    ),
    Finding(
        "monai",
        "third-derivative-in-the-sum",
        "sigma g^3 is sum(A g^3), the gradients of all places, where (19) has g^3 of the place itself",
        f"""{ONE_CHANNEL}{UNEVEN}from monai.visualize import GradCAMpp
cam = GradCAMpp(nn_module=model, target_layers="0")
found = cam.compute_map(image, class_idx=0).max().item() / model(image)[0, 0].exp().item()
""",
    ),
    Finding(
        "monai",
        "overflow",
        "the map is not finite from a score of 89 on: exp(S) is computed in float32",
        f"""{ONE_CHANNEL}from monai.visualize import GradCAMpp
cam = GradCAMpp(nn_module=model, target_layers="0")
image *= 50  # S = 100
found = cam.compute_map(image, class_idx=0).max().item()
expected = 50 * 4 * 0.5**2 / (2 * 0.5**2 + 200 * 0.5**3) * 0.5  # times exp(S), which normalisation takes out again
""",
    ),
    Finding(
        "monai",
        "batch-as-wide-as-the-map",
        "with as many images as the map has columns, exp(S) of image j multiplies column j of every image",
        f"""{ONE_CHANNEL}from monai.visualize import GradCAMpp
cam = GradCAMpp(nn_module=model, target_layers="0")
images = torch.cat([image, 3 * image])  # S = 2 and 6, width 2
found = cam.compute_map(images, class_idx=0)[0].max().item()
expected = cam.compute_map(image, class_idx=0)[0].max().item()
""",
    ),
    Finding(
        "monai",
        "batch-of-another-size",
        "any other batch fails: scores of shape (B,) meet gradients (B, K, h, w)",
        f"""{ONE_CHANNEL}from monai.visualize import GradCAMpp
cam = GradCAMpp(nn_module=model, target_layers="0")
expected = 3.0
try:
    found = float(len(cam.compute_map(torch.cat([image] * 3), class_idx=0)))
except RuntimeError:
    found = 0.0
""",
    ),
    Finding(
        "monai",
        "hooks-stay",
        "its hooks stay on the network for good, two more for every object",
        f"""{ONE_CHANNEL}from monai.visualize import GradCAMpp
for _ in range(3):
    GradCAMpp(nn_module=model, target_layers="0")(image, class_idx=0)
found = float(len(model[0]._forward_hooks) + len(model[0]._backward_hooks))
expected = 0.0
""",
    ),
    Finding(
        "monai",
        "eval-part-trained",
        "in a network in training a part that was in eval mode comes back in training mode",
        f"""{ONE_CHANNEL}from monai.visualize import GradCAMpp
model.train()
model[1].eval()
GradCAMpp(nn_module=model, target_layers="0")(image, class_idx=0)
found, expected = float(model[1].training), 0.0
""",
    ),
    Finding(
        "monai",
        "gradients-lost",
        "gradients that the user accumulated on the parameters are replaced",
        f"""{ONE_CHANNEL}from monai.visualize import GradCAMpp
model[0].weight.grad = torch.full_like(model[0].weight, 7)
GradCAMpp(nn_module=model, target_layers="0")(image, class_idx=0)
found, expected = model[0].weight.grad.item(), 7.0
""",
    ),
    Finding(
        "pytorch-grad-cam",
        "small-gradients",
        "1e-6 is added to 2 g^2, against 0/0: gradients of 1e-4 get 2 % of the weight that (19) gives them",
        f"""{ONE_CHANNEL}from pytorch_grad_cam import GradCAMPlusPlus
import numpy
g, A = numpy.full((1, 1, 2, 2), 1e-4), numpy.ones((1, 1, 2, 2))
with GradCAMPlusPlus(model=model, target_layers=[model[0]]) as cam:
    found = float(cam.get_cam_weights(image, None, None, A, g)[0, 0])
expected = 4 * 1e-4**2 / (2 * 1e-4**2 + 4 * 1e-4**3) * 1e-4
""",
    ),
    Finding(
        "pytorch-grad-cam",
        "training-flag-lost",
        "a network in training comes back in eval mode: the constructor calls eval()",
        f"""{ONE_CHANNEL}from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
model.train()
with GradCAMPlusPlus(model=model, target_layers=[model[0]]) as cam:
    cam(input_tensor=image, targets=[ClassifierOutputTarget(0)])
found, expected = float(model.training), 1.0
""",
    ),
    Finding(
        "pytorch-grad-cam",
        "gradients-lost",
        "gradients that the user accumulated on the parameters are replaced",
        f"""{ONE_CHANNEL}from pytorch_grad_cam import GradCAMPlusPlus
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
model[0].weight.grad = torch.full_like(model[0].weight, 7)
with GradCAMPlusPlus(model=model, target_layers=[model[0]]) as cam:
    cam(input_tensor=image, targets=[ClassifierOutputTarget(0)])
found, expected = model[0].weight.grad.item(), 7.0
""",
    ),
)


def shown(finding: Finding) -> tuple[float, float]:
    """Run the program of a finding; return what it found and what it should have found."""
    names: dict[str, Any] = {}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        exec(compile(finding.program, finding.name, "exec"), names)
    return float(names["found"]), float(names["expected"])


def differs(found: float, expected: float) -> bool:
    """Whether two numbers are apart by more than a thousandth: no rounding of a few float32 numbers comes near it."""
    return not math.isfinite(found) or abs(found - expected) > 1e-3 * max(abs(found), abs(expected))


def standing(peer: Peer) -> list[dict[str, Any]]:
    """Return the findings about an installed peer that its version still shows; where a program fails, how it does."""
    told = []
    for finding in FINDINGS:
        if finding.peer != peer.name:
            continue
        load(peer.module)
        said = {"name": finding.name, "says": finding.says, "program": finding.program}
        try:
            found, expected = shown(finding)
        except Exception as error:
            told.append({**said, "failed": f"{type(error).__name__}: {error}"})
            continue
        if differs(found, expected):
            numbers = {"found": str(found), "expected": str(expected)}
            told.append({**said, **numbers})
    return told

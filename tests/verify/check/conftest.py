import numpy as np
import pytest
import torch
from torch import nn


class Do(nn.Module):
    """Any function as a layer."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def small(activation=nn.ReLU, seed=0):
    """Two convolutions, the target being the first or the second, on pictures 3 x 8 x 8; 3 classes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        layers = nn.Conv2d(3, 4, 3), activation(), nn.Conv2d(4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(80, 3)
        return nn.Sequential(*layers).double().eval()


def picture(seed=0, side=8):
    return torch.rand(1, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def factory(tmp_path):
    """Write a file with networks of one's own, and a picture for them."""
    path = tmp_path / "mine.py"
    path.write_text(
        "import torch\n"
        "from torch import nn\n"
        "class Squared(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return torch.linalg.qr(x.flatten(2)[:, 0].unsqueeze(1))[1].flatten(1)\n"
        "class Nan(nn.Module):\n"
        "    def forward(self, x):\n"
        "        return x / 0 - x / 0\n"
        "class Aside(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.main, self.aside, self.idle = nn.Conv2d(3, 2, 3), nn.Conv2d(3, 2, 3), nn.Conv2d(3, 2, 3)\n"
        "    def forward(self, x):\n"
        "        self.aside(x)\n"
        "        return self.main(x).mean((2, 3))\n"
        "def good():\n"
        "    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))\n"
        "def curved():\n"
        "    torch.manual_seed(0)\n"
        "    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.GELU(), nn.Flatten(), nn.Linear(144, 3))\n"
        "def fails(): raise RuntimeError('the disk is full')\n"
        "def number(): return 3\n"
        "class Prints(nn.Module):\n"
        "    def forward(self, x):\n"
        "        print('a word')\n"
        "        return x\n"
        "def prints(): return nn.Sequential(*good(), Prints())\n"
        "def exits(): raise SystemExit(3)\n"
        "def lazy(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(3))\n"
        "def script(): return torch.jit.script(nn.ReLU())\n"
        "def maps(): return nn.Sequential(nn.Conv2d(3, 4, 3))\n"
        "def nan(): return nn.Sequential(Nan(), nn.Flatten(), nn.Linear(192, 3))\n"
        "def aside(): return Aside()\n"
        "def one(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 1))\n"
        "def unsupported(): return nn.Sequential(nn.Conv2d(3, 4, 3), Squared())\n"
        "class Bessel(nn.Module):\n"
        "    def forward(self, x): return torch.special.bessel_j0(x).mean((2, 3))\n"
        "def ungraded(): return nn.Sequential(nn.Conv2d(3, 4, 3), Bessel())\n"
        "def draws(): return nn.Sequential(nn.Conv2d(3, 4, 3), Draws(), nn.Flatten())\n"
        "class Draws(nn.Module):\n"
        "    def forward(self, x): return x * torch.rand(1)\n"
    )
    np.save(tmp_path / "seen.npy", picture().numpy()[0])
    return path

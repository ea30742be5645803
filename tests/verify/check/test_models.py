import builtins
import sys

import pytest
import torch
from torch import nn

from verify.check import models
from verify.errors import MissingPackage, UsageError, brief


def test_a_factory_of_ones_own_is_called_and_its_network_made_ready(factory):
    subject = models.load(f"{factory}:good")
    assert not subject.model.training
    assert next(subject.model.parameters()).dtype == torch.float64
    assert subject.weights == "weights as good makes them"


def test_weights_are_put_in_also_from_a_wrapping(factory, tmp_path):
    made = models.load(f"{factory}:good").model
    state = {name: torch.full_like(value, 0.5) for name, value in made.state_dict().items()}
    for stored in (state, {"state_dict": state}, {"model": state, "epoch": 3}):
        torch.save(stored, tmp_path / "w.pt")
        found = models.load(f"{factory}:good", tmp_path / "w.pt")
        assert all(bool((value == 0.5).all()) for value in found.model.state_dict().values())
        assert found.weights == "weights of w.pt"


class Loud:
    def __reduce__(self):
        return print, ("code from the file ran",)


def test_a_file_that_would_run_code_is_not_unpickled(factory, tmp_path, capsys):
    torch.save({"weight": Loud()}, tmp_path / "w.pt")
    with pytest.raises(UsageError, match="no state dict that loads with weights_only=True"):
        models.load(f"{factory}:good", tmp_path / "w.pt")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("fails", "RuntimeError: the disk is full"),
        ("number", "must return a torch.nn.Module, not a int"),
        ("goood", "did you mean 'good'"),
        ("exits", "exits() of"),
        ("lazy", "lazy layers"),
        ("script", "returns TorchScript"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch.jit.script is on its way out
def test_a_factory_that_fails_or_is_missing_is_one_line(factory, function, says):
    with pytest.raises(UsageError) as error:
        models.load(f"{factory}:{function}")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("lite1", "MODEL is lite0, timm:NAME"),
        ("weights.pt", "give --state weights.pt"),
        ("mine.py", "mine.py:FACTORY"),
        ("nothere.py:f", "there is no file nothere.py"),
        ("timm:convnext_tinny", "did you mean 'convnext_tiny'"),
        ("timm:hf-hub:some/body", "MODEL is"),
        ("torchvision:resnet81", "did you mean 'resnet"),
        ("torchvision:fcn_resnet50", "no classifier of torchvision"),
    ],
)
def test_an_unknown_network_is_one_line_with_what_is_near(name, says):
    with pytest.raises(UsageError) as error:
        models.load(name)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_does_not_run_is_one_line(tmp_path):
    (tmp_path / "mine.py").write_text("import nothing_of_the_kind\n")
    with pytest.raises(UsageError, match="cannot be imported: ModuleNotFoundError"):
        models.load(f"{tmp_path / 'mine.py'}:f")


@pytest.mark.parametrize("content", [b"", b"not a pickle", None])
def test_a_file_that_holds_no_weights_is_one_line(factory, tmp_path, content):
    path = tmp_path / "w.pt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=r"no state dict|no file"):
        models.load(f"{factory}:good", path)


@pytest.mark.parametrize("stored", [[1, 2], {"0.weight": torch.zeros(1)}])
def test_weights_of_another_network_are_one_line(factory, tmp_path, stored):
    torch.save(stored, tmp_path / "w.pt")
    with pytest.raises(UsageError, match=r"not a state dict|do not fit") as error:
        models.load(f"{factory}:good", tmp_path / "w.pt")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["timm", "torchvision"])
def test_a_missing_package_is_named_with_its_cure(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingPackage, match=r"pip install 'gradcampp\[zoo\]'"):
        models.load(f"{name}:resnet18")


def test_random_weights_are_said_to_be_random_and_depend_on_the_seed():
    before = torch.random.get_rng_state()
    one, same, other = (models.load("torchvision:mobilenet_v3_small", seed=seed) for seed in (1, 1, 3))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert "random weights (seed 1)" in one.weights
    a, b, c = (next(iter(each.model.parameters())) for each in (one, same, other))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_what_an_exception_says_is_one_short_line():
    said = brief(ValueError("one\ntwo " * 200))
    assert said.startswith("ValueError: one two one")
    assert len(said) == 300
    assert builtins.len(brief(ValueError("x"))) < 20


def test_modules_beside_the_file_can_be_imported(tmp_path):
    (tmp_path / "beside_it.py").write_text("from torch import nn\nmake = nn.Identity\n")
    (tmp_path / "mine.py").write_text("from beside_it import make\ndef f(): return make()\n")
    assert isinstance(models.load(f"{tmp_path / 'mine.py'}:f").model, nn.Identity)

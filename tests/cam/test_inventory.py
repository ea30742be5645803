"""What a model holds is noticed once, and again as soon as it holds anything else."""

import copy
import gc
import pickle
import weakref
from collections import OrderedDict, deque
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from cam import CutError, GradCAMPlusPlus
from cam.inventory import Inventory, Latest


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.ModuleDict({"one": nn.BatchNorm1d(3), "two": nn.BatchNorm1d(3)})
        self.register_buffer("table", torch.ones(3))
        self.switch = True
        self.lists = [[1, 2], [3]], [4]
        self.named = OrderedDict(a=torch.ones(2), b=torch.ones(2))
        self.last, self.met = deque([1.0]), {"x"}


def reorder(model):
    model.named.move_to_end("a")


def move_over(model):
    """One number goes from the end of a list to the beginning of the next: together they hold the same."""
    first, second = model.lists[0]
    second.insert(0, first.pop())


def rename(model):
    model.other = vars(model).pop("met")


def exchange_all(model):
    """Give a module another dict for its attributes."""
    model.inner["one"].__dict__ = dict(vars(model.inner["one"]), eps=1.0)


CHANGES = {
    "an attribute is added": lambda model: setattr(model, "more", 1),
    "an attribute goes": lambda model: delattr(model, "switch"),
    "an attribute has another name": rename,
    "an attribute is only equal": lambda model: setattr(model, "switch", 1),
    "a module has another dict": exchange_all,
    "a flag": lambda model: model.inner["two"].train(),
    "a module is added": lambda model: model.inner.add_module("three", nn.Identity()),
    "a module is exchanged": lambda model: model.inner.add_module("one", nn.BatchNorm1d(3)),
    "a parameter is exchanged": lambda model: setattr(model.inner["one"], "weight", nn.Parameter(torch.ones(3))),
    "a parameter goes": lambda model: setattr(model.inner["one"], "weight", None),
    "a buffer is added": lambda model: model.register_buffer("second", torch.ones(1)),
    "a buffer is exchanged": lambda model: setattr(model, "table", torch.ones(3)),
    "a buffer is kept no longer": lambda model: model._non_persistent_buffers_set.add("table"),
    "a hook": lambda model: model.inner["two"].register_forward_hook(print),
    "a list in a tuple grows": lambda model: model.lists[0][0].append(1),
    "a number goes over to the next list": move_over,
    "the order of a dict": reorder,
    "an entry of a dict is exchanged": lambda model: model.named.update(b=torch.ones(2)),
    "a deque has another entry": lambda model: model.last.append(model.last.popleft() + 1),
    "a set grows": lambda model: model.met.add("y"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changes_is_noticed_and_can_be_put_back(change):
    model, asked = Holder().eval(), []
    latest = Latest(asked.append)
    first = latest.of(model)
    assert latest.of(model) is first and first.stands() and len(asked) == 1
    CHANGES[change](model)
    assert not first.stands()
    first.put_back()
    assert first.stands() and latest.of(model) is first and len(asked) == 1
    CHANGES[change](model)
    second = latest.of(model)
    assert second is not first and second.stands() and len(asked) == 2


@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.table.add_(1),
        lambda model: model.inner["one"].weight.data.mul_(2),
        lambda model: model.load_state_dict(model.state_dict()),
        lambda model: model.inner["one"](torch.ones(2, 3)),
        lambda model: model.inner["one"].register_forward_hook(print).remove(),
        lambda model: model.train().eval(),
    ],
    ids=["a buffer's value", "a parameter's value", "loading", "running", "a hook that is gone", "a flag back"],
)
def test_values_and_what_is_back_again_are_no_changes(use):
    model = Holder().eval()
    before = Inventory(model)
    use(model)
    assert before.stands()


def test_a_demand_that_is_not_met_is_made_again():
    model, met = Holder().eval(), []

    def demand(_model):
        if not met:
            raise CutError("no")

    latest = Latest(demand)
    for _ in range(2):
        with pytest.raises(CutError):
            latest.of(model)
    met.append(True)
    assert latest.of(model).stands()


def test_another_model_has_an_inventory_of_its_own():
    latest = Latest(bool)
    one, other = Holder().eval(), Holder().eval()
    assert latest.of(one).model is one and latest.of(other).model is other


def test_what_python_does_not_see_is_looked_at_each_time():
    scripted = torch.jit.script(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).eval())
    latest = Latest(bool)
    model = nn.Sequential(nn.Identity(), scripted)
    assert latest.of(model) is not latest.of(model)
    assert {id(x) for x in model.buffers()} <= {id(x) for x in latest.of(model).tensors}


class Naming(nn.Module):
    """Names a module that it holds in a way of its own."""

    def __init__(self):
        super().__init__()
        self.hidden = OUT_OF_SIGHT

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        yield from super().named_modules(memo, prefix, remove_duplicate)
        yield f"{prefix}.hidden", self.hidden.module


OUT_OF_SIGHT = SimpleNamespace(module=nn.BatchNorm1d(3))


def test_modules_that_a_class_names_itself_are_looked_at_each_time():
    model, latest = nn.Sequential(Naming()), Latest(bool)
    latest.of(model)
    OUT_OF_SIGHT.module = nn.BatchNorm1d(3)
    assert latest.of(model).members[-1] is OUT_OF_SIGHT.module


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.layer, self.norm, self.bend = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Softplus()
        self.last = nn.Linear(4 * 36, 5)
        self.runs = 0

    def forward(self, x):
        self.runs += 1
        return self.last(self.bend(self.norm(self.layer(x))).flatten(1))


IMAGES = torch.linspace(-1, 1, 2 * 3 * 64).view(2, 3, 8, 8)


def used():
    model = Network().eval()
    cam = GradCAMPlusPlus(model, "layer")
    cam(IMAGES, 1)
    return model, cam


BETWEEN = {
    "another activation": lambda model: setattr(model, "bend", nn.ReLU()),
    "another last layer": lambda model: setattr(model, "last", nn.Linear(4 * 36, 5)),
    "other values": lambda model: nn.init.normal_(model.last.weight),
    "another buffer": lambda model: setattr(model.norm, "running_var", torch.full((4,), 9.0)),
    "other memory": lambda model: setattr(model.last.weight, "data", torch.rand(5, 4 * 36)),
    "another precision": lambda model: model.double().float(),
    "a hook": lambda model: model.bend.register_forward_hook(lambda *args: args[2] ** 2),
}


@pytest.mark.parametrize("change", BETWEEN)
def test_a_model_that_changes_between_two_calls_has_the_map_of_what_it_is_now(change):
    model, cam = used()
    old = cam.attribute(IMAGES, 1)
    BETWEEN[change](model)
    changed = Inventory(model)
    expected = GradCAMPlusPlus(model, "layer").attribute(IMAGES, 1)
    assert torch.equal(cam.attribute(IMAGES, 1), expected)
    assert changed.stands()  # and is not put back to what it was before
    assert change == "another precision" or not torch.equal(old, expected)


def test_what_comes_to_hold_a_buffer_between_two_calls_gets_it_back():
    model, cam = used()
    model.bend = nn.Sequential(nn.BatchNorm2d(4), nn.Softplus()).eval()
    model.bend[0].forward = lambda x: (model.bend[0].running_mean.add_(1), x)[1]
    cam(IMAGES, 1)
    assert not model.bend[0].running_mean.any()


def test_a_norm_that_trains_by_the_second_call_is_refused():
    model, cam = used()
    model.train()
    with pytest.raises(CutError, match=r"'norm' is in training mode"):
        cam(IMAGES, 1)
    model.eval()
    assert torch.equal(cam(IMAGES, 1), GradCAMPlusPlus(model, "layer")(IMAGES, 1))


@pytest.mark.parametrize("name", ["bias", "weight"])
def test_a_parameter_that_is_an_inference_tensor_by_the_second_call_is_refused(name):
    model, cam = used()
    with torch.inference_mode():
        parameter = getattr(model.last, name)
        parameter.data = torch.zeros(parameter.shape)
    with pytest.raises(CutError, match=rf"'last\.{name}' was made under torch\.inference_mode"):
        cam(IMAGES, 1)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda cam: pickle.loads(pickle.dumps(cam))])
def test_a_copy_looks_at_its_own_model(copied):
    model, cam = used()
    other = copied(cam)
    assert other.model is not model
    expected = cam.attribute(IMAGES, 1)
    assert torch.equal(other.attribute(IMAGES, 1), expected)
    assert other.model.runs == model.runs == 0
    other.model.bend = nn.ReLU()
    assert torch.equal(cam.attribute(IMAGES, 1), expected)
    assert not torch.equal(other.attribute(IMAGES, 1), expected)


def test_what_is_known_of_a_model_goes_with_it():
    model, cam = used()
    model.explained_by = cam
    cam(IMAGES, 1)
    gone = weakref.ref(model), weakref.ref(cam)
    del model, cam
    gc.collect()
    assert gone[0]() is None and gone[1]() is None

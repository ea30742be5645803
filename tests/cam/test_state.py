import math
from contextvars import copy_context

import pytest
import torch
from torch import nn

from cam.state import SMALL, plain_torch, untouched

VALUES = {
    "small": torch.arange(6.0).view(2, 3),
    "a scalar": torch.tensor(3),
    "flags": torch.tensor([True, False]),
    "half": torch.tensor([1.5, -2], dtype=torch.float16),
    "complex": torch.tensor([1 + 2j, 3 - 1j], dtype=torch.complex128),
    "not a number": torch.tensor([math.nan, -0.0, math.inf]),
    "empty": torch.zeros(0, 4),
    "spread out": torch.arange(12.0).view(3, 4).t(),
    "large": torch.linspace(0, 1, SMALL + 1),
    "large and not a number": torch.full((SMALL,), math.nan),
}


class Holder(nn.Module):
    def __init__(self):
        super().__init__()
        for n, value in enumerate(VALUES.values()):
            self.register_buffer(f"buffer{n}", value.clone())
            self.register_buffer(f"same{n}", value.clone())
        self.weight = nn.Parameter(torch.ones(3))
        self.wide = nn.Parameter(torch.ones(SMALL))
        self.inner = nn.ModuleDict({"one": nn.BatchNorm1d(3), "two": nn.BatchNorm1d(3)})
        self.kept = {"deep": [torch.ones(2)]}


def written(x):
    return x.logical_not() if x.dtype == torch.bool else x + 1


@pytest.mark.parametrize("how", [lambda x, to: x.copy_(to), lambda x, to: x.data.copy_(to)], ids=["seen", "unseen"])
def test_whatever_was_written_over_gets_its_bits_back(how):
    model = Holder().eval()
    tensors = [*model.parameters(), *model.buffers(), model.kept["deep"][0]]
    before = [x.detach().contiguous().view(-1).view(torch.uint8).clone() for x in tensors]
    with untouched(model), torch.no_grad():
        for x in tensors:
            how(x, written(x))
        moved = [x.contiguous().view(-1).view(torch.uint8) for x in tensors]
        assert sum(not torch.equal(one, other) for one, other in zip(before, moved, strict=True)) > len(tensors) // 2
    after = [x.detach().contiguous().view(-1).view(torch.uint8) for x in tensors]
    assert all(map(torch.equal, before, after))


def test_what_was_not_written_over_is_not_written_either():
    model = Holder().eval()
    versions = [x._version for x in (*model.parameters(), *model.buffers())]
    with untouched(model):
        pass
    assert versions == [x._version for x in (*model.parameters(), *model.buffers())]


def test_of_many_only_what_was_written_over_is_written():
    model = Holder().eval()
    kept = model.weight * model.weight
    with untouched(model), torch.no_grad():
        model.inner["one"].running_mean.add_(1)
    assert model.weight._version == 0
    kept.sum().backward()  # which torch refuses if the weight was written


@pytest.mark.parametrize("count", [3, SMALL])
def test_the_sign_of_zero_is_put_back(count):
    model = nn.Module()
    model.register_buffer("zeros", torch.zeros(count))
    with untouched(model):
        model.zeros.neg_()
        assert model.zeros.signbit().all()
    assert not model.zeros.signbit().any()


LAID_OUT = {
    "grown": lambda x: setattr(x, "data", torch.cat([x, x])),
    "shrunk": lambda x: x.resize_(1).zero_(),
    "of another type": lambda x: setattr(x, "data", x.half()),
    "turned": lambda x: x.t_(),
    "elsewhere": lambda x: setattr(x, "data", OUTSIDE),
}
OUTSIDE = torch.full((3, 2), 7.0)


@pytest.mark.parametrize("count", [2, SMALL])
@pytest.mark.parametrize("how", LAID_OUT)
def test_a_tensor_that_was_laid_out_otherwise_comes_back(how, count):
    model = nn.Module()
    model.register_buffer("kept", torch.rand(3, count))
    before = model.kept.clone(), model.kept.data_ptr(), model.kept.stride()
    with untouched(model):
        LAID_OUT[how](model.kept)
    assert model.kept.dtype == torch.float32 and torch.equal(model.kept, before[0])
    assert (model.kept.data_ptr(), model.kept.stride()) == before[1:]
    assert (OUTSIDE == 7).all()


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_buffers_that_are_expanded_or_sparse_or_quantized_are_no_obstacle():
    model = nn.Module()
    model.register_buffer("calls", torch.zeros(2))
    model.register_buffer("wide", model.calls.expand(3, 2))
    model.register_buffer("sparse", torch.eye(3).to_sparse())
    model.register_buffer("whole", torch.quantize_per_tensor(torch.ones(3), 0.5, 0, torch.quint8))
    with untouched(model):
        model.calls += 1
        model.sparse *= 2
    assert not model.calls.any() and not model.wide.any()
    assert torch.equal(model.sparse.to_dense(), torch.eye(3))


def test_a_buffer_that_was_written_with_gradients_is_a_leaf_again():
    model = Holder().eval()
    buffer = model.inner["one"].running_mean
    with untouched(model), torch.enable_grad():
        buffer.add_(model.weight.sum())
        assert buffer.requires_grad
    assert buffer.is_leaf and not buffer.requires_grad and not buffer.any()


def test_parameters_are_left_alone_if_they_are_not_asked_for():
    model = Holder().eval()
    with untouched(model, parameters=False), torch.no_grad():
        model.weight.add_(1)
        model.inner["one"].running_mean.add_(1)
    assert model.weight.tolist() == [2, 2, 2] and model.inner["one"].running_mean.tolist() == [0, 0, 0]


def test_parameters_that_are_not_registered_as_such_are_put_back_all_the_same():
    model = Holder().eval()
    model.beside = [nn.Parameter(torch.ones(3))]
    model.register_buffer("as_buffer", nn.Parameter(torch.ones(SMALL)))
    with untouched(model, parameters=False), torch.no_grad():
        model.beside[0].add_(1)
        model.as_buffer.data.add_(1)
    assert model.beside[0].tolist() == [1, 1, 1] and (model.as_buffer == 1).all()


def test_a_buffer_without_values_does_not_keep_others_from_getting_theirs():
    model = Holder().eval()
    model.register_buffer("nowhere", torch.ones(3, device="meta"))
    with untouched(model):
        model.inner["one"].running_mean.add_(1)
    assert not model.inner["one"].running_mean.any() and model.nowhere.is_meta


def test_no_call_leaves_a_setting_behind_where_something_is_compiled():
    torch.compile(nn.Identity(), backend="eager")
    before = torch._dynamo.config.error_on_nested_fx_trace
    sizes = []
    for _ in range(3):
        with plain_torch(), plain_torch():
            assert not torch._dynamo.config.error_on_nested_fx_trace
        sizes.append(len(copy_context()))
    assert sizes[0] == sizes[1] == sizes[2] and torch._dynamo.config.error_on_nested_fx_trace == before


def test_attributes_are_put_back_whatever_became_of_them():
    model = Holder().eval()
    one = model.inner["one"]
    before = {key: list(vars(module).items()) for key, module in model.named_modules()}
    kept, deep, hooks = model.kept, model.kept["deep"], one._forward_hooks
    weight, grad = model.weight, torch.ones(3)
    weight.grad = grad
    with untouched(model):
        model.training = True
        model.added = 1
        del one.eps
        one.momentum = one.momentum + 1
        one.register_forward_hook(print)
        model.kept = None
        deep.append(1)
        kept["more"] = 2
        model.inner["three"] = nn.Identity()
        model.weight = nn.Parameter(torch.zeros(1))
        weight.requires_grad_(False)
        weight.grad = None
    for key, module in model.named_modules():
        items = list(vars(module).items())
        assert [name for name, _ in items] == [name for name, _ in before[key]]
        assert all(x is y for (_, x), (_, y) in zip(items, before[key], strict=True))
    assert not hooks and list(kept) == ["deep"] and len(deep) == 1 and list(model.inner) == ["one", "two"]
    assert model.weight is weight and weight.requires_grad and weight.grad is grad


def test_attributes_of_one_value_under_another_name_are_no_attributes_as_they_were():
    model = nn.Identity()
    model.first = model.second = None
    with untouched(model):
        del model.second
        model.third = None
    assert hasattr(model, "second") and not hasattr(model, "third")

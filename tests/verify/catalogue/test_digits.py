import sys
import time

import numpy as np
import pytest
import torch

from verify.catalogue import digits
from verify.catalogue.cache import CacheWarning, cache_file
from verify.catalogue.digits import LAYER, architecture, digit_image, digit_label, held_out, preprocess, train, trained
from verify.errors import CorruptFile, MissingPackage, UsageError

pytest.importorskip("sklearn")


@pytest.fixture
def place(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADCAMPP_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def one_epoch(monkeypatch):
    monkeypatch.setattr(digits, "EPOCHS", 1)


@pytest.fixture
def afresh():
    digits._digits.cache_clear()
    yield
    digits._digits.cache_clear()


def accuracy(model) -> float:
    pictures, labels = held_out()
    x = torch.cat([preprocess(p, next(model.parameters()).dtype) for p in pictures])
    return (model(x).argmax(1).numpy() == labels).mean()


def same(one, other) -> bool:
    return all(torch.equal(p, q) for p, q in zip(one.state_dict().values(), other.state_dict().values(), strict=True))


def test_every_fourth_digit_is_held_out_and_no_class_is_left_out():
    from sklearn.datasets import load_digits

    pictures, labels = load_digits(return_X_y=True)
    seen, answers = held_out()
    assert np.array_equal(seen.reshape(-1, 64), pictures[3::4])
    assert np.array_equal(answers, labels[3::4])
    assert (len(seen), len(labels) - len(seen)) == (digits.HELD_OUT, digits.TRAINED_ON)
    assert min(np.bincount(answers, minlength=10)) >= 40


def test_training_sees_the_other_digits_only(monkeypatch, one_epoch):
    pictures, labels = digits._digits()
    blind = pictures.copy()
    blind[3::4] = 0
    before = train("relu", 0)
    monkeypatch.setattr(digits, "_digits", lambda: (blind, labels))
    assert same(before, train("relu", 0))


def test_a_held_out_digit_is_a_picture_and_its_label():
    pictures, labels = held_out()
    assert np.array_equal(digit_image(448), pictures[448])
    assert digit_label(448) == labels[448]
    assert (digit_image(0).shape, digit_image(0).dtype) == ((8, 8), np.uint8)


def test_the_pictures_are_the_callers_own():
    digit_image(0)[:] = 99
    held_out()[0][:] = 99
    assert held_out()[0].max() == 16


def test_a_picture_is_scaled_exactly():
    x = preprocess(digit_image(5), torch.float16)
    assert x.shape == (1, 1, 8, 8)
    assert np.array_equal((x[0, 0] * 16).numpy(), digit_image(5))


@pytest.mark.parametrize("index", [-1, digits.HELD_OUT])
@pytest.mark.parametrize("ask", [digit_image, digit_label])
def test_a_digit_that_is_not_there_is_refused(ask, index):
    with pytest.raises(UsageError, match="numbered 0 to 448"):
        ask(index)


def test_a_picture_of_another_shape_is_refused():
    with pytest.raises(UsageError, match=r"shape \(8, 8\), this picture has \(8, 9\)"):
        preprocess(np.zeros((8, 9)))


def test_an_unknown_activation_is_refused(place):
    with pytest.raises(UsageError, match="no activation is called 'rely'; did you mean 'relu'"):
        trained("rely", 0)


def test_the_target_layer_gives_16_maps_of_6_by_6_whose_gradient_varies_over_space():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = architecture("gelu")
    seen = []
    model.get_submodule(LAYER).register_forward_hook(lambda m, x, y: seen.append(y))
    score = model(preprocess(digit_image(0)))[0, 3]
    (g,) = torch.autograd.grad(score, seen[0])
    assert g.shape == (1, 16, 6, 6)
    assert (g.amax((2, 3)) - g.amin((2, 3)) > g.abs().mean()).all()


def test_the_same_seed_gives_the_same_network_on_any_number_of_threads(one_epoch):
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = train("gelu", 3)
        torch.set_num_threads(2)
        assert same(one, train("gelu", 3))
    finally:
        torch.set_num_threads(before)
    assert not same(one, train("gelu", 4))


def test_neither_the_generator_nor_the_threads_are_touched(place, one_epoch):
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    made, kept = trained("relu", 0), trained("relu", 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.get_num_threads() == threads
    assert same(made, kept)


def test_it_trains_on_one_thread_and_gives_the_others_back_even_if_it_fails(monkeypatch):
    before, seen = torch.get_num_threads(), []

    def fail(*_, **__):
        seen.append(torch.get_num_threads())
        raise ZeroDivisionError

    monkeypatch.setattr(torch.optim, "Adam", fail)
    try:
        torch.set_num_threads(2)
        with pytest.raises(ZeroDivisionError):
            train("relu", 0)
        assert (seen, torch.get_num_threads()) == ([1], 2)
    finally:
        torch.set_num_threads(before)


def test_it_trains_where_gradients_are_switched_off(one_epoch):
    with torch.no_grad():
        model = train("relu", 0)
    assert same(model, train("relu", 0))


def test_a_trained_network_is_in_eval_mode_and_asks_for_no_gradient(place, one_epoch):
    model = trained("relu", 0, torch.float32)
    assert not model.training
    assert {(p.dtype, p.requires_grad) for p in model.parameters()} == {(torch.float32, False)}


def test_a_damaged_network_is_trained_anew(place, one_epoch):
    model = trained("relu", 0)
    (path,) = place.iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(CacheWarning, match="damaged"):
        assert same(trained("relu", 0), model)


@pytest.mark.parametrize("name", ["EPOCHS", "BATCH", "RATE"])
def test_another_way_of_training_is_another_place(place, one_epoch, monkeypatch, name):
    trained("relu", 0)
    monkeypatch.setattr(digits, name, getattr(digits, name) * 2)
    trained("relu", 0)
    trained("relu", 1)
    trained("gelu", 0)
    assert len(list(place.iterdir())) == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relu", "gelu"])
def test_the_trained_network_reads_nine_of_ten_unseen_digits_and_is_made_once(place, monkeypatch, name):
    start = time.perf_counter()
    made = trained(name, 0)
    middle = time.perf_counter()
    monkeypatch.setattr(digits, "train", lambda *_: 1 / 0)
    kept = trained(name, 0, torch.float32)
    assert time.perf_counter() - middle < (middle - start) / 3  # one small file against three seconds
    assert accuracy(made) > 0.9
    assert accuracy(kept) > 0.9


def test_an_untrained_network_does_not():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert accuracy(architecture("relu").requires_grad_(False)) < 0.5


def test_other_digits_are_refused_with_both_hashes(afresh, monkeypatch):
    right = digits.SHA256
    monkeypatch.setattr(digits, "SHA256", "0" * 64)
    with pytest.raises(CorruptFile, match=rf"have sha256 {right}, expected {'0' * 64}; .*pip install"):
        held_out()


def test_without_scikit_learn_it_is_one_clear_line(afresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingPackage, match=r"'scikit-learn' is needed .* pip install 'gradcampp") as caught:
        digit_image(0)
    assert "\n" not in str(caught.value)


def test_a_kept_network_lies_where_its_conditions_say(place, one_epoch):
    trained("relu", 5)
    assert [p.name.rpartition("-")[0] for p in place.iterdir()] == ["digits-relu-5"]
    assert cache_file("digits-relu-5", {}).parent == place

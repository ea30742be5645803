"""Balls beside what else there is for whole tails: the engine, and the benchmark's own walk over modules."""

import importlib.util
from fractions import Fraction
from itertools import product

import pytest
import torch
from torch.nn import functional as F

from cam import cut
from cam.jets import pure_derivatives
from verify.arithmetic.ball import precision
from verify.balls import matrices
from verify.balls.lines import Sample
from verify.balls.numbers import middles
from verify.balls.walk import along_lines
from verify.bench.elsewhere import by_balls
from verify.bench.workloads import CLASS, WORKLOADS
from verify.catalogue.zoo import ZOO
from verify.check.compare import CANCELS

from .conftest import fraction, numbers, tail_of

# Gates, norms, windows, concatenations, attention, mixing, a volume of pools; small enough for some seconds.
NAMES = (
    "densenet121",
    "mobilenet_v3_small",
    "efficientnet_b0",
    "swin_t",
    "VisionTransformer",
    "xcit_nano_12_p16_224",
    "pvt_v2_b0",
)


def test_without_entries_there_are_no_lines():
    A = numbers(1, 2, 3, 3)
    assert along_lines(tail_of(torch.tanh, A).graph, A, [], CLASS) == []


@pytest.mark.parametrize("head", [None, "log_softmax"])
@pytest.mark.parametrize("name", NAMES)
def test_the_engine_is_as_near_to_the_balls_as_the_check_takes_it_to_be(name, head):
    network = next(each for each in ZOO if each.name == name)
    if importlib.util.find_spec(network.package) is None:
        pytest.skip(f"not run: {network.package} is not installed")
    where = cut(network.make(), network.layer, network.picture())
    tail, A = where.tail if head is None else getattr(where.tail, head)(), where.activations
    entries = torch.arange(0, A.numel(), A.numel() // 3)[:3]
    found = pure_derivatives(tail, A, entries, target=2)
    for k, along in enumerate(along_lines(tail.graph, A, entries.tolist(), 2)):
        assert along.why == ""
        assert abs(Fraction(float(found.g[k])) - fraction(along.derivatives[0])) <= 2.0**-44 * float(
            found.g.abs().max()
        )
        for number, ball, size in zip((found.h, found.t), along.derivatives[1:], found.sizes, strict=True):
            allowed = Fraction(CANCELS) * Fraction(float(size[k])) + Fraction(float(ball.rad())) * 2
            assert abs(Fraction(float(number[k])) - fraction(ball)) <= allowed


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
def test_a_walk_over_the_modules_has_the_same_numbers(workload):
    model, A = workload.made(torch.float64, small=True)
    entries = [0, A.numel() // 2, A.numel() - 1]
    expected = by_balls(model, A, entries, CLASS)
    found = along_lines(cut(model, "0", A).tail.graph, A, entries, CLASS)
    for row, along in zip(expected, found, strict=True):
        for number, ball in zip(row, along.derivatives, strict=True):
            # The trace has folded factors of batch norms, which are rounded.
            assert abs(fraction(ball) - number) <= Fraction(2) ** -44 * (abs(number) + 1)


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("padding", [0, 1])
def test_pools_have_the_windows_of_torch(padding, ceil_mode):
    for size, width, stride, counted in product((3, 5, 6), (2, 3), (1, 2, 3, 4), (False, True)):
        x = numbers(1, 2, size, size + 1)
        sample = Sample(1)
        how = ([width] * 2, [stride] * 2, [padding] * 2)
        with precision(128, 4):
            mean = matrices.mean_pooled(2, sample.still(x), *how, ceil_mode, counted)
            most, _ = matrices.max_pooled(2, sample, sample.still(x), *how, 1, ceil_mode)
            assert (
                abs(F.avg_pool2d(x, width, stride, padding, ceil_mode, counted).numpy() - middles(mean.value)).max()
                < 1e-14
            )
            assert (F.max_pool2d(x, width, stride, padding, 1, ceil_mode).numpy() == middles(most.value)).all()

"""Formulas for the arithmetic equal what counting product by product gives, and what torch counts of the engine."""

from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from cam import cut
from cam.jets.derivatives import planned
from cam.jets.plan import Options, Plan
from verify.bench.arithmetic import ALL, COUNTS, lines_of, per_line
from verify.bench.gains import MATTERS
from verify.bench.row import NAMES
from verify.bench.workloads import CLASS


def neighbours(place, side):
    y, x = place
    return [(a, b) for a, b in product(range(side), range(side)) if abs(a - y) <= 1 and abs(b - x) <= 1]


def counted_vgg(*, C, side, H, classes):
    lines = [(c, y, x) for c, y, x in product(range(C), range(side // 2), range(side // 2))]
    return sum(2 for _ in lines for _ in range(2) for _ in range(H * H))  # two derivatives through H x H


def counted_bottleneck(*, C, side, M, classes):
    total = 0
    for place in product(range(side), range(side)):
        for _ in neighbours(place, side):
            total += 2 * (2 * M * M)  # a tap for each of two derivatives
            total += 2 * M * C  # the first widened
            total += 2 * M * M  # the second by a form
    return C * total


def counted_convnext(*, C, side, classes):
    places = [*product(range(side), range(side))]
    total = 0
    for _ in range(C):
        for _ in places:  # the shared rows of one channel
            total += 2 * (2 * 4 * C * C)
        for _ in places:  # its lines
            total += sum(2 * (2 * C) for _ in places)
    return total


COUNTED = {"T1": counted_vgg, "T3": counted_bottleneck, "T4": counted_convnext}


@pytest.mark.parametrize("name", COUNTED)
def test_a_formula_is_what_counting_gives(name):
    sizes = NAMES[name].small
    assert COUNTS[name](sizes) == COUNTED[name](**sizes)
    assert per_line(name, sizes) * lines_of(name, sizes) == pytest.approx(COUNTS[name](sizes))


@pytest.mark.parametrize("name", COUNTED)
def test_counting_tells_other_sizes_apart(name):
    sizes = NAMES[name].small
    assert COUNTS[name]({**sizes, "C": sizes["C"] + 1}) != COUNTED[name](**sizes)


# Wide enough for the products that are counted to outweigh what is not.
WIDE = {
    "T1": {"C": 8, "side": 4, "H": 64, "classes": 5},
    "T3": {"C": 64, "side": 4, "M": 16, "classes": 5},
    "T4": {"C": 48, "side": 4, "classes": 5},
}


@cache
def operations(name, options):
    """Return what torch counts while the engine walks a whole map, after what is kept has been made."""
    workload = replace(NAMES[name], small=WIDE[name])
    model, A = workload.made(torch.float64, small=True)
    plan = Plan(cut(model, "0", A).tail.coarse, A, CLASS, options=options)
    planned(plan)
    with FlopCounterMode(display=False) as counter:
        planned(plan)
    return counter.get_total_flops()


@pytest.mark.parametrize("name", COUNTED)
def test_the_engine_does_not_do_less_than_the_limit_nor_much_more(name):
    assert 1 <= operations(name, ALL) / COUNTS[name](WIDE[name]) < 1.25


@pytest.mark.parametrize(("name", "left_out"), [(name, one) for name, names in MATTERS.items() for one in names])
def test_what_a_representation_is_predicted_to_save_is_saved(name, left_out):
    options = replace(Options(), **{left_out: False})
    predicted = COUNTS[name](WIDE[name], options) / COUNTS[name](WIDE[name])
    found = operations(name, options) / operations(name, ALL)
    assert (predicted > 1) is (left_out != "blocks")
    assert found == pytest.approx(predicted, rel=0.2)

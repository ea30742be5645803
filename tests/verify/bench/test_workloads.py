"""Tails of the benchmark: alive, curved or not as they say, and sampled so that every line counts once."""

import pytest
import torch
from torch import nn

from cam import cut
from cam.jets import pure_derivatives
from verify.bench.arithmetic import lines_of
from verify.bench.workloads import CLASS, WORKLOADS, decomposed

CURVED = [workload for workload in WORKLOADS if workload.curved]
EVERY = pytest.mark.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)
EVERY_CURVED = pytest.mark.parametrize("workload", CURVED, ids=lambda workload: workload.name)


def on_meta(workload):
    with torch.device("meta"):
        return workload.build(workload.act, **workload.full)


@EVERY
def test_a_tail_is_curved_where_it_says_so(workload):
    model, A = workload.made(torch.float64, small=True)
    found = cut(model, "0", A)
    assert bool(found.tail.smooth_operations) is workload.curved
    derivatives = pure_derivatives(found.tail, A, target=CLASS)
    assert bool(derivatives.g.any())
    assert bool(derivatives.h.any()) is bool(derivatives.t.any()) is workload.curved
    assert not bool(derivatives.kinked.any())


@EVERY
def test_activations_stay_alive(workload):
    model, A = workload.made(torch.float64, small=True)
    seen = []
    for module in model.modules():
        if isinstance(module, workload.act):
            module.register_forward_pre_hook(lambda _, inputs: seen.append(float(inputs[0].std())))
    model(A)
    assert seen
    assert all(0.2 < spread < 5 for spread in seen)


@EVERY
def test_a_full_tail_fits_its_map(workload):
    sizes = workload.full
    A = torch.empty(1, sizes["C"], sizes["side"], sizes["side"], device="meta")
    assert on_meta(workload)(A).shape == (1, 1000)


def test_the_same_seed_gives_the_same_numbers_and_another_others():
    one, other = (WORKLOADS[0].made(torch.float64, small=True, seed=seed) for seed in (0, 1))
    again = WORKLOADS[0].made(torch.float64, small=True)
    assert torch.equal(one[1], again[1]) and not torch.equal(one[1], other[1])
    assert all(map(torch.equal, one[0].state_dict().values(), again[0].state_dict().values()))


@EVERY
def test_norms_in_primitives_are_the_same_function(workload):
    model, A = workload.made(torch.float64, small=True)
    assert torch.allclose(decomposed(model)(A), model(A), rtol=1e-12, atol=1e-12)
    assert not any(isinstance(module, nn.LayerNorm) for module in decomposed(model).modules())


@EVERY_CURVED
@pytest.mark.parametrize("block", [4, 10_000])
def test_strata_stand_for_every_line_once_and_hold_none_twice(workload, block):
    _, A = workload.made(torch.float64, small=True)
    strata = workload.sample(A, block)
    entries = torch.cat([stratum.entries for stratum in strata])
    assert len(entries.unique()) == len(entries)
    assert sum(stratum.lines for stratum in strata) == lines_of(workload.name, workload.small)


def test_the_sample_of_a_pooled_map_holds_winners_alone():
    workload = WORKLOADS[0]
    _, A = workload.made(torch.float64, small=True)
    (stratum,) = workload.sample(A, 10_000)
    pooled = nn.functional.max_pool2d(A, 2)
    assert torch.equal(A.flatten()[stratum.entries], pooled.flatten())


def test_the_sample_of_a_bottleneck_holds_a_corner_an_edge_and_an_inner_pixel():
    workload = WORKLOADS[1]
    _, A = workload.made(torch.float64, small=True)
    side = A.shape[-1]
    windows = []
    for stratum in workload.sample(A, 10_000):
        (pixel,) = (stratum.entries % side**2).unique()
        y, x = divmod(int(pixel), side)
        windows.append(sum(0 <= y + a < side and 0 <= x + b < side for a in (-1, 0, 1) for b in (-1, 0, 1)))
    assert windows == [4, 6, 9]

"""Probes put the prescribed numbers before a library, and tell every two formulas apart."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import pytest
import torch

from verify.peers.formulas import FORMULAS
from verify.peers.probes import CLASS, LAYER, PAIRS_EACH, probes, told_apart


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=str)
@pytest.mark.parametrize("probe", probes())
def test_activations_gradients_and_score_are_exactly_the_prescribed_ones(probe, dtype):
    model = probe.model(dtype)
    seen = []
    model.get_submodule(LAYER).register_forward_hook(lambda _, __, A: seen.append(A))
    score = model(probe.image(dtype))[0, CLASS]
    (A,) = seen
    (g,) = torch.autograd.grad(score, A)
    assert Fraction(score.item()) == probe.S
    assert [Fraction(x) for x in A.flatten().tolist()] == [x for row in probe.A for x in row]
    assert [Fraction(x) for x in g.flatten().tolist()] == [x for row in probe.g for x in row]


def test_every_two_formulas_are_told_apart_by_two_probes():
    pairs = combinations([formula.name for formula in FORMULAS], 2)
    counts = {pair: sum(pair in told_apart(probe) for probe in probes()) for pair in pairs}
    assert len(counts) == 36 and min(counts.values()) >= PAIRS_EACH


def test_a_probe_whose_gradients_are_the_same_everywhere_does_not_tell_them_apart():
    probe = probes()[0]
    flat = replace(probe, g=tuple((Fraction(1, 2),) * len(row) for row in probe.g))
    assert ("Grad-CAM", "Grad-CAM of relu(g)") not in told_apart(flat)
    assert ("paper (19)", "A inside the sum") not in told_apart(flat)


def test_the_search_is_the_same_every_time():
    first = probes()
    probes.cache_clear()
    assert probes() == first


def test_the_exponential_of_a_score_is_right_to_many_digits():
    probe = replace(probes()[0], S=Fraction(1))
    e = Fraction("2.71828182845904523536028747135266249775724709369995")
    assert abs(probe.Y - e) < Fraction(1, 10**48)

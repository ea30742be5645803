from dataclasses import replace

import pytest

from derivation.claims import LIBRARY
from derivation.hypotheses import slope
from derivation.notation import sigma
from verify.methods.property import EXAMPLES, search
from verify.properties import PROPERTIES
from verify.verdict import Verdict

BY_CLAIM = {prop.claim: prop for prop in PROPERTIES}
UNIT = "S(u) = score of [u] by conv 1->1 1x1 (1; {}), {}, linear 1->1 (1; 0)"


def test_the_closed_form_holds_on_drawn_piecewise_linear_networks():
    (found,) = search(LIBRARY["alpha-closed-form"], BY_CLAIM["alpha-closed-form"], seed=1)
    assert found.verdict is Verdict.SUPPORTED
    assert found.tried + found.vacuous == EXAMPLES and found.tried > 0.9 * EXAMPLES


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(
    ("name", "smallest"),
    [
        ("alpha-closed-form-any-head", f"{UNIT.format(0, 'relu')}, f(u) = 1/(1 + exp(-u)), sigma = 1, x = 1"),
        ("alpha-closed-form-any-tail", f"{UNIT.format(-1, 'gelu')}, f(u) = exp(u), sigma = 1, x = 1"),
    ],
)
def test_a_counterexample_is_found_shrunk_to_one_unit_and_certified(name, smallest, seed):
    searched, certificate = search(LIBRARY[name], BY_CLAIM[name], seed)
    assert searched.verdict is Verdict.UNDECIDED
    assert (certificate.method, certificate.verdict) == ("enclosure", Verdict.REFUTED)
    assert certificate.witness.where == smallest


@pytest.mark.parametrize(
    "wrong", [1 / (3 + sigma * slope), 1 / (2 - sigma * slope), slope**2 / (2 * slope**2 + sigma * slope**2)]
)
def test_a_planted_error_in_the_closed_form_is_found(wrong):
    broken = replace(LIBRARY["alpha-closed-form"], rhs=wrong, steps=())
    _, certificate = search(broken, BY_CLAIM["alpha-closed-form"], seed=0)
    assert certificate.verdict is Verdict.REFUTED


def test_the_same_seed_finds_the_same():
    name = "alpha-closed-form"
    assert search(LIBRARY[name], BY_CLAIM[name], seed=5) == search(LIBRARY[name], BY_CLAIM[name], seed=5)

"""Formulas by hand, on one channel of two places with sigma = 3, A = (1, 2), g = (1, -1/2)."""

from fractions import Fraction

import pytest

from verify.peers.bounded import Bounded
from verify.peers.formulas import FINISHES, FORMULAS, raw_map

A, G = ((Fraction(1), Fraction(2)),), ((Fraction(1), Fraction(-1, 2)),)
# alpha of (19) is 1/(2 + 3) and 1/(2 - 3/2) = 2; the sum of A g^3 is 1 - 1/4 = 3/4.
BY_HAND = {
    "paper (19)": Fraction(1, 5),
    "A inside the sum": 1 / (2 + Fraction(3, 4)),
    "no division": Fraction(1),
    "alpha sums to 1": Fraction(1, 5) / (Fraction(1, 5) + 2),
    "(19) without ReLU": Fraction(1, 5) - 1,
    "(19), ReLU outside": Fraction(0),
    "(19) of exp(S)": Fraction(1, 5),
    "Grad-CAM": Fraction(1, 4),
    "Grad-CAM of relu(g)": Fraction(1, 2),
}


def test_every_formula_has_a_value_by_hand():
    assert set(BY_HAND) == {formula.name for formula in FORMULAS}


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.name)
def test_a_formula_is_what_one_finds_by_hand(formula):
    found = raw_map(formula, A, G, Fraction(1), Fraction(0), factor=False)
    assert [each.value for each in found] == [BY_HAND[formula.name], 2 * BY_HAND[formula.name]]


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.name)
def test_the_factor_and_the_constant_go_where_they_belong(formula):
    plain, scaled = (raw_map(formula, A, G, Fraction(3), Fraction(0), factor=factor)[0] for factor in (False, True))
    assert scaled.value == 3 * plain.value
    moved = raw_map(formula, A, G, Fraction(3), Fraction(1, 2), factor=False)[0]
    # Nothing moves where there is no denominator, where the ReLU gives 0 both times, or where alpha is shared alike.
    assert (moved.value != plain.value) == (formula.divides and formula.name != "(19), ReLU outside")


def test_with_the_gradient_of_exp_s_for_g_the_exponential_comes_in():
    formula = next(formula for formula in FORMULAS if formula.name == "(19) of exp(S)")
    # Y = 2: 2 / (2 + 3 * 2)
    assert raw_map(formula, A, G, Fraction(2), Fraction(0), factor=False)[0].value == Fraction(1, 4)


def test_finishes_by_hand():
    raw = [Bounded(Fraction(n)) for n in (-1, 1, 3)]
    found = {finish.name: [each.value for each in finish.apply(raw)] for finish in FINISHES}
    third = Fraction(1, 3)
    assert found == {
        "before ReLU": [-1, 1, 3],
        "after ReLU": [0, 1, 3],
        "divided by its maximum": [0, third, 1],
        "divided by its range": [0, third, 1],
        "1 minus the range": [1, 1 - third, 0],
    }


def test_a_constant_in_the_divisor_moves_a_normalised_map_by_less_than_the_guard():
    raw = [Bounded(Fraction(n, 16)) for n in (1, 2, 5)]
    for finish in FINISHES:
        if finish.scale:
            assert finish.guard(raw) == 0
            continue
        low = min(each.value for each in raw) if "range" in finish.name else 0
        guarded = [(each.value - low) / (Fraction(5, 16) - low + Fraction(1, 10**6)) for each in raw]
        exact = [each.value for each in finish.apply(raw)]
        if finish.name.startswith("1 minus"):
            guarded = [1 - each for each in guarded]
        gap = max(abs(x - y) for x, y in zip(exact, guarded, strict=True))
        assert 0 < gap <= finish.guard(raw) < 100 * gap

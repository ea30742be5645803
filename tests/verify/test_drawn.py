"""Drawn cases: they meet every hypothesis, the same seed draws the same, and a planted error is met."""

from dataclasses import replace

import pytest
from sympy import Rational

from derivation.claims import LIBRARY
from derivation.claims.weights import ALPHA
from derivation.hypotheses import slope
from derivation.mutants import MUTANTS
from derivation.notation import sigma
from verify import drawn as room
from verify.cases import meets
from verify.drawn import Counted, Draws, drawn, draws
from verify.verdict import Contradiction

SOME = (
    "alpha-closed-form",
    "alpha-sigmoid-head",
    "alpha-exceeds-half",
    "paper-nineteen-one-pass",
    "toy-closed-form",
    "softplus-error-rate",
    "kink-alpha-jump",
    "softmax-third-moments",
)


@pytest.mark.parametrize("name", SOME)
def test_every_case_meets_every_hypothesis(name):
    found = [*drawn(LIBRARY[name], 20, 0, Counted())]
    assert len(found) == 20 and len(set(found)) > 3
    assert all(meets(case, h) for case in found for h in LIBRARY[name].given)


def test_the_same_seed_draws_the_same_and_another_one_others():
    first, again, other = ([*drawn(LIBRARY["alpha-any-head"], 10, seed, Counted())] for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize("name", SOME)
def test_a_proved_claim_holds_in_all_of_them(name):
    found = draws(LIBRARY[name], 20, 0)
    assert found.held + found.undecided == 20 and found.held > 10 and found.acceptance > 0.1


# alpha with 3 in place of 2, the sigmoid's ratio with a sign turned round, and whatever a person plants
PLANTED = {
    "3 for 2": replace(LIBRARY["alpha-closed-form"], rhs=slope**2 / (3 * slope**2 + sigma * slope**3)),
    "the sign of rho": replace(
        LIBRARY["alpha-sigmoid-head"], rhs=LIBRARY["alpha-sigmoid-head"].rhs.subs(sigma, -sigma)
    ),
    "a square for a cube": replace(LIBRARY["alpha-closed-form"], rhs=slope**2 / (2 * slope**2 + sigma * slope**2)),
    "half everywhere": replace(LIBRARY["alpha-closed-form"], lhs=ALPHA, rhs=Rational(1, 2)),
}


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_met_within_the_shortest_profile(error):
    with pytest.raises(Contradiction, match="is proved, yet in S"):
        draws(PLANTED[error], 25, 0)


def test_most_errors_that_a_person_plants_are_met():
    met = 0
    planted = [m for m in MUTANTS if m.claim in SOME]
    for mutant in planted:
        try:
            draws(mutant.planted(LIBRARY), 25, 0)
        except Contradiction:
            met += 1
    assert met >= 0.9 * len(planted)


def test_a_claim_whose_hypotheses_hardly_any_draw_meets_is_given_up(monkeypatch):
    monkeypatch.setattr(room, "meets", lambda case, hypothesis: False)
    found = draws(LIBRARY["alpha-closed-form"], 5, 0)
    assert found == Draws("alpha-closed-form", 0, 0, 5 * room.AGAIN) and found.acceptance == 0

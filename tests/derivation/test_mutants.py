import re

import pytest
from sympy import Derivative

from derivation.claims import LIBRARY
from derivation.hypotheses import AFFINE
from derivation.mutants import MUTANTS, Mutant
from derivation.notation import S, x


def test_there_are_enough_of_them_and_their_names_are_slugs_given_once():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names) >= 60
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", name) for name in names)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_is_planted_differs_from_the_claim_in_what_it_says_and_keeps_its_name(mutant):
    planted, claim = mutant.planted(LIBRARY), LIBRARY[mutant.claim]
    assert planted.name == claim.name
    assert (planted.statement, planted.given) != (claim.statement, claim.given)


def test_no_error_is_planted_twice():
    statements = [(mutant.planted(LIBRARY), mutant) for mutant in MUTANTS]
    seen = [(p.statement, p.given, p.steps, p.branches, p.induction) for p, _ in statements]
    assert len(set(seen)) == len(seen)


def test_only_what_is_changed_changes():
    planted = Mutant("a-slope", "affine-collapse", "", {"rhs": Derivative(S(x), x)}).planted(LIBRARY)
    assert planted.rhs == Derivative(S(x), x)
    assert planted.given == LIBRARY["affine-collapse"].given == (AFFINE,)

import pytest
from sympy import Function, Symbol

from derivation.notation import NOTATION, S, f, meaning_of, sigma, x


def test_no_letter_is_entered_twice():
    letters = [str(entry.letter.func if entry.letter.args else entry.letter) for entry in NOTATION]
    assert len(letters) == len(set(letters))


def test_every_entry_says_what_it_means_and_where_it_lives():
    assert all(entry.meaning and entry.domain for entry in NOTATION)


def test_every_letter_is_real_and_has_the_domain_that_is_written_beside_it():
    for entry in NOTATION:
        assert entry.letter.is_real, entry
        assert bool(entry.letter.is_positive) == (entry.domain == "positive"), entry
        assert bool(entry.letter.is_integer) == entry.domain.endswith("integer"), entry
        assert bool(entry.letter.is_nonnegative) == (entry.domain in ("positive", "non-negative integer")), entry


def test_the_meaning_is_found_by_symbol_by_function_and_by_applied_function():
    assert meaning_of(sigma).startswith("footprint")
    assert meaning_of(S(x)) == meaning_of(S) and "tail" in meaning_of(S)
    assert "outer function" in meaning_of(f)


@pytest.mark.parametrize("stranger", [Symbol("q"), Symbol("x"), Function("S"), Function("q")(x)], ids=str)
def test_a_letter_that_is_not_entered_has_no_meaning_even_if_only_its_domain_differs(stranger):
    with pytest.raises(KeyError, match=r"NOTATION: add it there"):
        meaning_of(stranger)

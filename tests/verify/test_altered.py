"""Altered functions and cases: all three faces are altered alike, and signs that have to stay do."""

import pytest
import torch
from sympy import Integer, Rational

from derivation.notation import N, S, f, g, n, sigma
from verify import cases
from verify.altered import altered, moved, plus, times
from verify.arithmetic.ball import BALL, precision
from verify.cases import FUNCTIONS, Case
from verify.catalogue.functions import EXP, SIGMOID, polynomial

SQUARE = polynomial("u^2", (0, 0, 1))
QUARTER = Rational(1, 4)


@pytest.mark.parametrize(
    ("face", "text", "at_two"),
    [
        (times(SQUARE, Integer(-1)), "-(u^2)", Integer(-4)),
        (times(SQUARE, QUARTER), "1/4 (u^2)", Integer(1)),
        (plus(SQUARE, -QUARTER), "u^2 - 1/4", Rational(15, 4)),
        (moved(SQUARE, QUARTER), "(u - 1/4)^2", Rational(49, 16)),
        (moved(SQUARE, -QUARTER), "(u + 1/4)^2", Rational(81, 16)),
    ],
    ids=lambda value: getattr(value, "text", str(value)),
)
def test_every_face_is_altered_alike(face, text, at_two):
    assert face.text == text and face.exact(Integer(2)) == at_two
    assert face.torch(torch.tensor(2.0, dtype=torch.float64)).item() == float(at_two)
    with precision():
        assert face.ball(BALL.number(Integer(2))) == BALL.number(at_two)


def test_a_function_that_is_moved_nowhere_is_itself_and_names_of_functions_keep_their_letters():
    assert moved(SIGMOID, Integer(0)) is SIGMOID
    assert moved(SIGMOID, QUARTER).text == "1/(1 + exp(-(u - 1/4)))"


def test_one_thing_is_altered_at_a_time_and_what_keeps_its_sign_keeps_it():
    numbers = ((N, QUARTER), (g, Integer(2)), (n, Integer(3)), (sigma, Integer(-1)))
    case = Case(((S, SQUARE), (f, EXP)), numbers)
    found = [*altered(case, letters=[N, g, n], kept=[N, n], tails=[S], heads=[f])]
    for one in found:
        changed = [
            a for a, b in zip((*case.functions, *case.numbers), (*one.functions, *one.numbers), strict=True) if a != b
        ]
        assert len(changed) <= 1
    values = [dict(one.numbers) for one in found]
    assert min(value[N] for value in values) > 0 > min(value[g] for value in values)
    assert {value[sigma] for value in values} == {-1} and all(value[n].is_integer for value in values)
    assert {dict(one.functions)[f].text for one in found} == {face.text for face in FUNCTIONS[f]}


def test_what_is_known_of_drawn_functions_is_forgotten_in_time():
    assert cases._holds_identically.cache_info().maxsize is not None
    assert all(function.cache_info().maxsize is not None for function in (times, plus, moved, polynomial))

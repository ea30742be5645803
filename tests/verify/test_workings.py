"""Counterexamples worked out: a line's last number is what its formula gives, and both sides stand there."""

import re
from fractions import Fraction

import pytest

from verify import replay
from verify.map_properties import MAP_PROPERTIES
from verify.map_replay import setting_of
from verify.workings import WORKINGS, worked

SLUGS = [slug for slug in replay.slugs() if replay.read(slug).setting]
NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")


def lines_of(slug):
    setting = setting_of(replay.read(slug))
    return worked(slug.partition("/")[0], setting, setting.tail.entry)


def test_every_statement_is_worked_out():
    assert [*WORKINGS] == [prop.name for prop in MAP_PROPERTIES]


@pytest.mark.parametrize("slug", SLUGS)
def test_what_is_put_in_comes_to_what_is_said(slug):
    """Where a line ends in rational numbers put in and what they come to, plain fractions find the same."""
    for line in lines_of(slug):
        *_, put_in, result = ["", "", *line.split(" = ")]
        if re.fullmatch(r"[-+*/() \d]+", put_in) and re.fullmatch(r"-?\d+(/\d+)?", result):
            assert eval(NUMBER.sub(r"Fraction(\g<0>)", put_in), {"Fraction": Fraction}) == Fraction(result), line


@pytest.mark.parametrize("slug", [slug for slug in SLUGS if replay.read(slug).need == "false"])
def test_both_sides_stand_in_the_lines(slug):
    stored = replay.read(slug)
    text = " ".join(lines_of(slug))
    sides = [side for side in (stored.lhs, stored.rhs, *stored.balls) if side not in ("", "0", "1/2")]
    if stored.claim not in ("one-slope-everywhere", "images-stand-alone", "textbook-in-float32"):
        assert sides and all(side in text for side in sides)


def test_a_derivation_is_the_one_that_a_reader_makes():
    assert lines_of("closed-map/without-affine-along-line") == [
        "S = 1, g = 2, h = 2, t = 0, sigma = 1",
        "f' : f'' : f''' = 1 : 1 : 1; a common factor cancels",
        "Y'' = f'' g^2 + f' h = 1 * 2 * 2 + 1 * 2 = 6",
        "Y''' = f''' g^3 + 3 f'' g h + f' t = 1 * 2 * 2 * 2 + 3 * 1 * 2 * 2 + 1 * 0 = 20",
        "2 Y'' + sigma Y''' = 2 * 6 + 1 * 20 = 32",
        "alpha = Y''/(2 Y'' + sigma Y''') = 3/16",
        "rho = f'''/f'' = 1/1",
        "2 + sigma rho g = 2 + 1 * 1 * 2 = 4",
        "closed form = 1/(2 + sigma rho g) = 1/4",
    ]


def test_what_has_no_value_is_worked_out_up_to_the_divisor_that_is_zero():
    assert lines_of("closed-map/without-no-pole")[-1].endswith("= 0") and not lines_of("closed-map/without-interior")


def test_float32_is_told_number_by_number_and_a_batch_by_its_mean_and_deviation():
    assert "g^3 = 0, E g^2 = " in lines_of("textbook-in-float32/without-no-underflow")[1]
    assert "mean m = 1/4, deviation s = [0.43301270189" in lines_of("images-stand-alone/without-eval-mode")[0]

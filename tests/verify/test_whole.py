"""Drawn whole tails: off kinks or with one unit on its kink by construction, moving, and shrinking to one unit."""

from collections import Counter
from fractions import Fraction
from random import Random

import pytest
from flint import arb_series
from hypothesis import HealthCheck, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample, StopTest
from sympy import Rational

from cam import cut
from derivation.notation import S, f, sigma, x
from verify import whole_blocks
from verify.arithmetic.ball import BALL, precision
from verify.arithmetic.exact import EXACT
from verify.arithmetic.local import Local, locally
from verify.catalogue.functions import EXP
from verify.catalogue.units import CURVED, PIECEWISE_LINEAR, unit
from verify.errors import UsageError
from verify.kinks import is_off_kinks
from verify.probe import Kink
from verify.whole import whole_cases, whole_tails
from verify.whole_blocks import build

EVERYTHING = settings(
    max_examples=100, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
FEW = settings(EVERYTHING, max_examples=30)
OPTIONS = (
    {},
    {"nonnegative": False, "depth": 3},
    {"on_kink": True, "with_gates": True},
    {"activations": (*PIECEWISE_LINEAR, *CURVED), "with_gates": True, "nonnegative": False},
)


def rational(number):
    return Rational(number.numerator, number.denominator)


def bends(tail):
    """Return the distances from their kinks of all units, those that do not move along the line as well."""
    found = []
    tail.score(Local(tail.point, Fraction(1)), locally(found))
    return found


def chord(tail, step):
    """Return the exact slope from the point to a neighbour."""
    score, at = tail.face().exact, rational(tail.point)
    return (score(at + rational(step)) - score(at)) / rational(step)


@EVERYTHING
@given(whole_tails(depth=3, nonnegative=False))
def test_a_piecewise_linear_tail_is_affine_up_to_its_nearest_kink_and_moves(tail):
    assert tail.piecewise_linear and tail.nearest_kink != 0
    step = (tail.nearest_kink or 2) / 2
    assert chord(tail, step) == chord(tail, -step) != 0


@EVERYTHING
@given(whole_tails())
def test_the_nearest_kink_is_no_nearer_than_it_is_said_to_be_and_no_farther(tail):
    """On the line there is no bend before it; and at it some unit is on a kink, though S need not feel it."""
    if tail.nearest_kink is not None:
        found = []
        for side in (1, -1):
            there = []
            tail.score(Local(tail.point + side * tail.nearest_kink, Fraction(1)), locally(there))
            found += there
        assert any(bend.value == 0 for bend in found)


@EVERYTHING
@given(whole_tails(nonnegative=False))
def test_no_unit_of_a_drawn_tail_is_on_a_kink_whether_it_moves_or_not(tail):
    assert all(bend.value for bend in bends(tail))
    assert is_off_kinks(cut(tail.module(), "A", tail.tensor()).tail, tail.tensor())


@EVERYTHING
@given(whole_tails(activations=CURVED, with_gates=True))
def test_a_curved_tail_has_a_power_series_at_its_point(tail):
    with precision():
        series = tail.face().ball(arb_series([BALL.number(rational(tail.point)), 1]))
        assert series[3].is_finite() and float(series[3].rad()) < 1e-20


@EVERYTHING
@given(whole_tails(on_kink=True, depth=3, nonnegative=False, with_gates=True))
def test_on_a_kink_exactly_one_unit_is(tail):
    assert [bool(bend.value) for bend in bends(tail)].count(False) == 1
    assert tail.nearest_kink == 0


@EVERYTHING
@given(whole_tails(on_kink=True, nonnegative=False))
def test_on_a_kink_the_slopes_to_the_two_sides_differ(tail):
    step = next((distance for distance in tail.distances if distance), Fraction(2)) / 2
    assert chord(tail, step / 2) == chord(tail, step) != chord(tail, -step) == chord(tail, -step / 2)


@FEW
@given(whole_tails(on_kink=True, depth=1))
def test_on_a_kink_there_is_no_derivative_in_exact_arithmetic_nor_in_balls(tail):
    at = rational(tail.point)
    with pytest.raises(Kink):
        EXACT.derivative(tail.face().exact, 1)(at)
    with precision(), pytest.raises(Kink):
        BALL.derivative(tail.face().ball, 1)(BALL.number(at))


@FEW
@given(whole_tails(on_kink=True))
def test_torch_sees_the_unit_on_its_kink(tail):
    assert not is_off_kinks(cut(tail.module(), "A", tail.tensor()).tail, tail.tensor())


@FEW
@given(whole_cases(EXP))
def test_a_drawn_case_has_the_footprint_and_the_point_of_its_own_map(case):
    """The map is read off the case's own sentence: rows by " / ", channels by "; "."""
    text = dict(case.functions)[S].text
    channels = text[text.index("[") + 1 : text.index("]")].split("; ")
    (moving,) = [channel for channel in channels if "u" in channel]
    numbers, others = dict(case.numbers), moving.replace(" /", "").replace("u", "0").split()
    assert numbers[sigma] == sum(map(Rational, others), numbers[x])
    assert dict(case.functions)[f] is EXP


@EVERYTHING
@given(whole_tails())
def test_a_map_behind_a_relu_has_no_negative_entries(tail):
    assert min(entry for channel in tail.A for row in channel for entry in row) >= 0


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_nothing_is_filtered_away(options):
    """Some draws Hypothesis ends itself, where it looks for short ones."""
    ends = Counter()

    @st.composite
    def counted(draw):
        try:
            tail = draw(whole_tails(**options))
        except BaseException as error:
            ends[type(error)] += 1
            raise
        ends["kept"] += 1
        return tail

    @EVERYTHING
    @given(counted())
    def keep(tail):
        assert tail.nearest_kink is None or (tail.nearest_kink == 0) == options.get("on_kink", False)

    keep()
    assert ends.keys() <= {"kept", StopTest}
    assert ends["kept"] >= max(100, 6 * ends[StopTest])


def test_every_kind_of_layer_and_every_activation_occurs():
    seen = set()

    @settings(EVERYTHING, max_examples=400)
    @given(whole_tails(activations=(*PIECEWISE_LINEAR, *CURVED), with_gates=True, nonnegative=False))
    def look(tail):
        seen.update(tail.kinds)

    look()
    layers = {"convolution", "linear", "bias", "batch norm", "residual", "gate"}
    pools = {"average pooling", "max pooling", "global average pooling"}
    assert seen == {*PIECEWISE_LINEAR, *CURVED} | layers | pools


def shrunk(condition, **options):
    return str(find(whole_tails(**options), condition, settings=settings(EVERYTHING, max_examples=60)))


def is_curved(tail):
    with precision():
        return not tail.face().ball(arb_series([BALL.number(rational(tail.point)), 1]))[2].contains(0)


def test_the_simplest_tail_is_one_unit_on_a_map_of_one_entry():
    one = "score of [u] by conv 1->1 1x1 (1; {}), {}, linear 1->1 (1; 0)"
    assert shrunk(lambda tail: True) == one.format(1, "relu")
    assert shrunk(lambda tail: chord(tail, 4) != chord(tail, -4)) == one.format(1, "relu")
    assert shrunk(is_curved, activations=("relu", "gelu")) == one.format(0, "gelu")
    assert shrunk(lambda tail: chord(tail, 1) != chord(tail, -1), on_kink=True) == one.format(0, "relu")


def test_a_second_channel_and_a_gate_shrink_to_one_of_each():
    two = shrunk(lambda tail: len(tail.A) > 1 and tail.point > 1)
    assert two == "score of [u; 0] by conv 2->1 1x1 (1, 0; -1), relu, linear 1->1 (1; 0)"
    gate = shrunk(lambda tail: "gate" in tail.kinds, with_gates=True)
    assert gate == "score of [u] by ([A] times [global mean, linear 1->1 (1; 1), relu]), linear 1->1 (1; 0)"


def test_no_drawn_piecewise_linear_tail_is_curved():
    with pytest.raises(NoSuchExample):
        find(whole_tails(), is_curved, settings=FEW)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"activations": ()}, ValueError, "at least one activation"),
        ({"depth": 0}, ValueError, "one block"),
        ({"activations": ("relu", "gelu"), "on_kink": True}, ValueError, "piecewise-linear.*gelu"),
        ({"activations": ("rely",)}, UsageError, "did you mean 'relu'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(options, error, says):
    with pytest.raises(error, match=says):
        whole_tails(**options)


def deep_ones(number):
    """Build deep tails with gates on a kink, by random numbers."""
    units = [unit(name) for name in PIECEWISE_LINEAR]
    for k in range(number):
        options = {"depth": 10, "with_gates": True, "on_kink": True, "nonnegative": False}
        yield build(Random(k).choice, units, **options)


def test_however_deep_a_tail_on_a_kink_needs_no_number_that_float64_does_not_hold(monkeypatch):
    found = [*deep_ones(200)]
    assert {tail.nearest_kink for tail in found} == {0} and max(tail.depth for tail in found) > 4
    monkeypatch.setattr(whole_blocks, "LIGHT", 10**6)
    with pytest.raises(ValueError, match="every number must be a float64"):
        [*deep_ones(200)]


def test_random_numbers_build_the_same_tail_again_and_another_seed_another_one():
    first, again, other = (build(Random(seed).choice, [unit("relu"), unit("gelu")]) for seed in (5, 5, 6))
    assert first == again != other

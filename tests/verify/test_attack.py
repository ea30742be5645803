"""The attack: what holds is not broken, what is false is found and shrunk, the same seed finds the same."""

from dataclasses import replace
from fractions import Fraction

import pytest
from flint import arb, fmpq

from verify.assumptions import assumption
from verify.attack import caught, cell, hold
from verify.layers import Linear
from verify.map_properties import MAP_PROPERTIES, map_property
from verify.map_property import Sides, admitted, broken, equal, share, violating, worst
from verify.matrix import Need
from verify.planted import PLANTED, planted
from verify.readings import CAM
from verify.setting import Setting, closed
from verify.tails import WholeTail
from verify.verdict import Contradiction

CI = 25  # drawn settings, as in the profile of that name
SIGMOID = "A = [1]; S = linear 1->1 (1; 0); f(u) = 1/(1 + exp(-u))"
CUBES = "A = [1 1]; S = linear 2->1 (1, 2; 0)"
SMALLEST = {
    ("sigmoid-sign", "closed-map"): SIGMOID,
    ("sigmoid-sign", "weights-without-relu"): SIGMOID,
    ("sigmoid-second-sign", "closed-map"): SIGMOID,
    ("three-for-two", "closed-map"): "A = [1]; S = linear 1->1 (1; 0)",
    ("three-for-two", "weights-without-relu"): "A = [1]; S = linear 1->1 (1; 0)",
    ("row-sums", "one-slope-everywhere"): "A = [1 1]; S = linear 2->1 (1, 1; 1), ([A] times [A])",
    ("cubes-inside", "closed-map"): CUBES,
    ("cubes-inside", "weights-without-relu"): CUBES,
}


@pytest.mark.parametrize("prop", MAP_PROPERTIES, ids=lambda prop: prop.name)
def test_a_statement_holds_in_all_drawn_settings_and_so_does_the_code(prop):
    found = hold(prop, CI)
    draws = found.draws
    assert draws.held > 0.9 * (draws.held + draws.undecided) and draws.held >= CI // 2
    assert draws.acceptance > 0.8
    assert {sum(each.values()) for each in draws.counts.values()} == {draws.held + draws.undecided}
    assert bool(draws.worst) is bool(draws.worst_bits)
    assert (found.right > CI and found.open < 0.05 * found.right) if prop.read else found.right == 0


def test_as_many_settings_are_judged_as_are_asked_for_though_families_run_out():
    """Three of the six families have 9, 12 and 36 settings."""
    draws = hold(map_property("alpha-is-a-share"), 400).draws
    assert 400 <= draws.held + draws.undecided <= 440


def test_every_planted_error_has_its_smallest_settings():
    assert {(error.name, reader) for error in PLANTED for reader in error.readers} == SMALLEST.keys()


@pytest.mark.parametrize(("error", "reader"), SMALLEST)
def test_a_planted_error_is_caught_within_the_ci_profile_and_shrunk(error, reader):
    reading, done = caught(map_property(reader), planted(error).code, CI)
    assert str(done.found) == SMALLEST[error, reader] and done.first <= 4 * CI
    assert reading is not None and reading.right is False


def test_right_code_is_not_caught():
    reading, done = caught(map_property("closed-map"), CAM, CI)
    assert reading is None and done.found is None and done.first == 0 and done.tried >= CI


def test_a_false_statement_is_broken_with_all_its_assumptions_in_force():
    printed = map_property("printed-map")
    careless = replace(printed, assumes=tuple(name for name in printed.assumes if name != "exp-head"))
    with pytest.raises(Contradiction, match="printed-map is broken though its assumptions hold"):
        hold(careless, CI)


def test_a_statement_without_a_value_is_broken_with_all_its_assumptions_in_force():
    printed = map_property("printed-map")
    careless = replace(printed, assumes=("interior", "affine-along-line", "exp-head", "slope-nonzero"), read=None)
    with pytest.raises(Contradiction, match=r"in A = .*: sides"):
        hold(careless, CI)


def test_wrong_code_breaks_a_statement_that_holds():
    def wrong(setting, code):
        return map_property("closed-map").read(setting, planted("three-for-two").code)

    with pytest.raises(Contradiction, match="closed alpha at"):
        hold(replace(map_property("closed-map"), read=wrong), CI)


def test_what_is_false_somewhere_is_preferred_to_what_has_no_value_there():
    found, done = cell(map_property("alpha-is-a-share"), "exp-head")
    assert found.need is Need.FALSE and found.outcome.rhs == "1/2" and done.tried >= done.first > 0


def test_a_needless_assumption_stays_open():
    """That the map has one channel is not needed for the printed form."""
    careful = replace(map_property("printed-map"), assumes=(*map_property("printed-map").assumes, "rectified"))
    assert cell(careful, "rectified")[0] is None


def test_the_same_seed_finds_the_same():
    prop = map_property("one-channel-one-picture")
    assert cell(prop, "one-channel", 3) == cell(prop, "one-channel", 3)
    assert hold(map_property("footprint-outside"), CI, 3) == hold(map_property("footprint-outside"), CI, 3)


def test_an_entry_counts_without_an_assumption_only_if_no_other_one_is_violated():
    prop = map_property("printed-map")
    found, _ = cell(prop, "slope-nonzero")
    assert found.place in violating(prop, found.setting, "slope-nonzero")
    assert found.place not in admitted(prop, found.setting)
    assert found.place not in violating(prop, replace(found.setting, head="tanh"), "slope-nonzero")


def test_a_map_counts_without_an_assumption_only_if_no_other_one_is_violated_or_silent_for_another_reason():
    """Alpha of the first channel has a pole, and that there are two channels has nothing to do with it."""
    prop, A = map_property("one-channel-one-picture"), (((Fraction(-1),),), ((Fraction(1),),))
    for slope, weight in ((-1, False), (1, None)):
        tail = WholeTail(A, (0, 0, 0), (Linear(((Fraction(2), Fraction(slope)),), (Fraction(0),)),))
        assert assumption("weights-positive").meets(Setting(tail)) is weight
        assert not [*violating(prop, Setting(tail), "one-channel")]


def test_a_statement_about_every_channel_looks_at_every_channel():
    prop, A = map_property("weights-without-relu"), (((Fraction(1),),), ((Fraction(1),),))
    setting = Setting(WholeTail(A, (0, 0, 0), (Linear(((Fraction(1), Fraction(-1)),), (Fraction(0),)),)))
    found = broken(prop, setting, "gradients-nonnegative")
    assert found is not None and (found.outcome.lhs, found.outcome.rhs) == ("0", "-1")


def test_what_is_not_decided_at_one_pixel_is_not_decided():
    some = [Sides(1, 1), Sides(arb(1, 1), 1), Sides(1, 1)]
    assert worst(some) == some[1] and worst([*some, Sides(1, 2)]) == Sides(1, 2)


def test_sides_are_compared_exactly():
    assert equal(Sides(fmpq(1, 3), fmpq(1, 3))) is True
    assert equal(Sides(fmpq(1, 3), fmpq(1, 3) + fmpq(1, 2**90))) is False
    assert equal(Sides(fmpq(1), fmpq(2), fmpq(1))) is True
    assert [share(Sides(alpha, fmpq(1, 2))) for alpha in (fmpq(1, 2), fmpq(0), fmpq(2, 3))] == [True, False, False]


def test_a_plant_is_wrong_where_it_is_caught_and_the_truth_is_the_definition():
    reading, done = caught(map_property("closed-map"), planted("three-for-two").code, CI)
    assert (reading.computed, reading.truth) == (0.25, closed(done.found, done.found.tail.entry)) == (0.25, fmpq(1, 3))

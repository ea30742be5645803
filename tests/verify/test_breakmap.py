import math

import pytest

from verify.breakmap import Break, BreakMap, Panel, Points, curve, gaps


def points(ys, bounds, gaps, breaks=()):
    return Points("measured", tuple(map(float, range(len(ys)))), ys, bounds, gaps, breaks)


def drawn(*measured):
    panel = Panel("", "x", "y", (), measured, (0.0, 1.0))
    return BreakMap("name", "Title", "It is so.", (), (panel,))


def third(_):
    from flint import arb

    return arb(1) / 3


def test_a_gap_is_no_less_than_the_distance_and_hardly_more():
    (gap,) = gaps([0.0], [0.5], third)
    assert 1 / 6 <= gap <= 1 / 6 + 2**-52
    (least,) = gaps([0.0], [1 / 3], third)
    assert 0 < least < 2**-54


def test_a_gap_to_a_number_that_is_met_exactly_is_zero():
    assert gaps([0.25], [0.75], lambda x: third(x) * 0 + 0.75) == (0.0,)


@pytest.mark.parametrize("y", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_infinitely_far_from_theory(y):
    assert gaps([0.0], [y], third) == (math.inf,)


def test_where_theory_has_no_value_nothing_agrees_and_no_line_is_drawn():
    assert gaps([0.0], [1.0], lambda x: 1 / (third(x) * x)) == (math.inf,)
    assert math.isnan(curve("", [0.0], lambda x: 1 / (third(x) * x)).ys[0])


def test_a_ball_around_a_pole_is_not_drawn():
    from flint import arb

    assert math.isnan(curve("", [1.0], lambda x: arb(x, 0.5)).ys[0])


def test_a_point_agrees_up_to_its_bound_and_not_beyond():
    assert points((1.0, 1.0), (1e-3, 1e-3), (1e-3, 1.1e-3)).within == (True, False)


@pytest.mark.parametrize("bound", [math.inf, math.nan])
def test_a_point_of_which_nothing_is_known_does_not_agree(bound):
    assert points((1.0,), (bound,), (0.0,)).within == (False,)


def test_points_that_do_not_match_or_are_none_are_refused():
    with pytest.raises(ValueError, match="'measured': expected as many places"):
        points((1.0,), (0.0, 0.0), (0.0,))
    with pytest.raises(ValueError, match="at least one"):
        points((), (), ())


def test_a_map_without_points_does_not_agree():
    assert not drawn().agrees and not drawn().explained


def test_a_map_agrees_if_every_point_does():
    assert drawn(points((1.0,), (1.0,), (0.5,))).agrees
    assert not drawn(points((1.0,), (1.0,), (0.5,)), points((1.0,), (1.0,), (2.0,))).agrees


def test_a_disagreement_is_explained_where_it_was_expected_alone():
    fails, holds = (1.0, 1.0), (0.0, 0.0)
    expected = drawn(points(fails, (1e-9,) * 2, fails, (Break(0.0, 1.0, "too small"), Break(5.0, 6.0, "too large"))))
    assert not expected.agrees and expected.explained
    assert expected.where_not == "measured: too small"
    beyond = drawn(points(fails, (1e-9,) * 2, fails, (Break(0.0, 0.5, "too small"),)))
    assert not beyond.explained
    assert beyond.where_not == "measured: too small, unexplained at 1"
    assert drawn(points(fails, (1e-9,) * 2, holds, (Break(0.0, 1.0, "too small"),))).where_not == ""

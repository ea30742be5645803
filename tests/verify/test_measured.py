import math

import pytest
import torch

from derivation.notation import sigma, x
from verify.arithmetic.ball import precision
from verify.measured import affine_at, alpha_of, float64, grid, in_float32, line, points, powers, unit, watched, worth


def test_a_grid_has_both_ends_and_even_steps():
    assert grid(-1, 1, 5) == (-1, -0.5, 0, 0.5, 1)
    assert powers(-1, 1, 3) == (0.5, 1, 2)


def test_a_float_in_theory_is_the_float_that_it_is():
    with precision():
        assert worth(x * 10 - 1, {x: 0.1}) != 0
        assert abs(worth(x * 10 - 1, {x: 0.1}) - 2.0**-54) < 1e-30


def test_the_faces_of_a_line_are_the_same_line():
    face = line(0.75, -0.5)
    assert float(face.exact(2)) == face.torch(2.0) == float(face.ball(worth(x, {x: 2.0}))) == 1.0


def test_an_affine_tail_has_its_score_at_one():
    at = affine_at(0.5, 3.0, -2.0)
    assert at[sigma] == 3.0 and affine_at(0.5, 3.0, -2.0)[x] == 1.0
    assert unit(0.5, -2.5)(float64([1.0])).tolist() == [-2.0]


def test_alpha_of_an_affine_tail_under_exp_is_the_closed_form():
    values, bounds = watched(lambda: alpha_of(torch.exp, unit(0.5), float64([1.0, 2.0]), 4.0))
    assert all(abs(alpha - 0.25) <= bound < 1e-14 for alpha, bound in zip(values, bounds, strict=True))


def test_a_dead_unit_has_no_weight_and_no_agreement():
    measured = watched(lambda: alpha_of(torch.exp, unit(0.5), float64([-1.0]), 4.0))
    assert math.isnan(measured[0][0])
    assert points("dead", [-1.0], measured, lambda place: worth(x, {x: place})).within == (False,)


@pytest.mark.parametrize("steps", [1, 10, 300])
def test_the_bound_in_float32_holds_and_is_no_more_than_the_roundings_allow(steps):
    def total(dtype):
        result = torch.tensor([0.0, 0.0], dtype=dtype)
        for k in range(1, steps + 1):
            result = result + torch.tensor([1.0, 1.0], dtype=dtype) / torch.tensor([3.0, float(k)], dtype=dtype)
        return result

    values, bounds = in_float32(total)
    exact = [steps / 3, math.fsum(1 / k for k in range(1, steps + 1))]
    for value, bound, truth in zip(values, bounds, exact, strict=True):
        assert abs(value - truth) <= bound <= (steps + 1) * 2.0**-23 * truth


def test_the_bound_in_float32_does_not_know_of_underflow():
    values, bounds = in_float32(lambda dtype: torch.tensor([2.0**-80], dtype=dtype) ** 2)
    assert values == (0.0,) and bounds[0] < 2.0**-160

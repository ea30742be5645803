from itertools import product

import pytest
import torch

from cam.jets.lazy import Product, Unmade
from cam.jets.rows import Rows, contracted, curved, paired, weighed
from cam.jets.term import Axis, Term, whole
from cam.jets.walk import Jet


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float64)


@pytest.fixture(autouse=True)
def _drawn_alike():
    torch.manual_seed(0)


PICK = torch.tensor([2, 0, 1])


def terms() -> list[Term]:
    """Return terms of a node (1, 3, 4, 5): dense, in windows, picked, with spreads, in any order in memory."""
    axes = (Axis(1), Axis(3), Axis(4), Axis(5))
    picked = (Axis(1), Axis(3, pick=PICK), Axis(4), Axis(5))
    found = [
        Term(drawn(3, 1, 3, 4, 5), axes, (1, 1, 1, 1)),
        Term(drawn(3, 1, 3, 2, 3), (Axis(1), Axis(3), Axis(4, 1), Axis(5, 2)), (1, 1, 1, 1)),
        Term(drawn(3, 1, 1, 4, 5), picked, (1, 1, 1, 1)),
        Term(drawn(3, 1, 1, 4, 5), picked, (1, 1, 1, 1), drawn(3, 2, 1, 1, 4, 5)),
        Term(drawn(3, 1, 3, 4, 5), axes, (1, 1, 1, 1), drawn(3, 2, 1, 1, 4, 1)),
        Term(drawn(3, 1, 3, 4, 5), axes, (1, 1, 1, 1), drawn(3, 2, 1, 1, 1, 1)),
        whole(drawn(3, 1, 3, 4, 5)),
    ]
    # The same with the places before the directions in memory, as convolutions by taps leave them.
    for term in found[:2]:
        moved = term.values.permute(3, 4, 0, 1, 2).contiguous().permute(2, 3, 4, 0, 1)
        found.append(Term(moved, term.axes, term.parts, term.spread))
    return found


@pytest.mark.parametrize("power", [2, 3])
def test_sums_over_the_box_are_those_over_the_node(power):
    for term in terms():
        weights = drawn(1, 3, 4, 5)
        values = term.values**power
        dense = Term(term.values, term.axes, term.parts, term.spread).dense()
        expected = (dense**power * weights).flatten(1).sum(1)
        torch.testing.assert_close(weighed(term.inside(weights), term, values, power), expected)
        rows = Rows.of(term)
        sums = (rows.stack(values) * rows.stack(term.inside(weights).expand(values.shape))).sum(2)
        torch.testing.assert_close(rows.total(sums, power), expected)


def test_what_is_stacked_comes_back():
    for term in terms():
        rows = Rows.of(term)
        assert torch.equal(rows.back(rows.stack(term.values)), term.values)


def test_sums_with_shared_and_with_own_weights():
    for order in ((0, 1, 2, 3), (2, 0, 1, 3), (3, 2, 1, 0)):
        back = [order.index(k) for k in range(4)]
        values = drawn(3, 2, 4, 5).permute(order).contiguous().permute(back)
        weights, own = drawn(2, 4, 5), drawn(3, 2, 4, 5)
        torch.testing.assert_close(contracted(values, weights), (values * weights).sum((1, 2, 3)))
        torch.testing.assert_close(paired(values, own), (values * own).sum((1, 2, 3)))


def test_an_empty_box_adds_nothing():
    assert contracted(drawn(3, 0, 4), drawn(0, 4)).tolist() == [0, 0, 0]
    term = Term(drawn(3, 1, 3, 0, 5), (Axis(1), Axis(3), Axis(4), Axis(5)), (1, 1, 1, 1))
    assert weighed(term.inside(drawn(1, 3, 4, 5)), term, term.values, 2).tolist() == [0, 0, 0]


@pytest.mark.parametrize("block", [1, 7, 1 << 16])
def test_a_curved_function_adds_what_the_formula_says(block):
    for term, with_second, goes_on in product(terms(), (False, True), (False, True)):
        one, two = term.values, drawn(*term.values.shape) if with_second else None
        e, f, slope, bend = (drawn(1, 3, 4, 5) for _ in range(4))
        inside = [term.inside(w) for w in (e, f, *((slope, bend) if goes_on else ()))]
        rows = Rows.of(term)
        s2, s3, outs = curved(rows, one, two, inside, block)
        z1 = term.dense()
        z2 = (
            torch.zeros_like(z1)
            if two is None
            else Term(two, term.axes, term.parts, None if term.spread is None else term.spread.square()).dense()
        )
        torch.testing.assert_close(rows.total(s2, 2), (e * z1**2).flatten(1).sum(1))
        torch.testing.assert_close(rows.total(s3, 3), (f * z1**3 + 3 * e * z1 * z2).flatten(1).sum(1))
        if goes_on:
            squared = None if term.spread is None else term.spread.square()
            torch.testing.assert_close(Term(outs[0], term.axes, term.parts, term.spread).dense(), slope * z1)
            torch.testing.assert_close(Term(outs[1], term.axes, term.parts, squared).dense(), bend * z1**2 + slope * z2)


def test_first_and_second_derivative_come_into_one_box():
    for one, two in product(terms(), terms()):
        if one.directions != two.directions:
            continue
        a, b = Jet((one,), (two,)).pair()
        assert b is not None and a.values.shape == b.values.shape
        torch.testing.assert_close(a.dense(), one.dense())
        torch.testing.assert_close(b.dense(), two.dense())


def test_a_spread_stays_if_the_second_derivative_has_its_square():
    term = next(term for term in terms() if term.spread is not None)
    assert term.spread is not None
    squared = Term(drawn(*term.values.shape), term.axes, term.parts, term.spread.square())
    a, b = Jet((term,), (squared,)).pair()
    assert a.spread is not None and b is not None and torch.equal(b.spread, a.spread.square())


def test_a_sum_of_terms_is_the_sum_of_what_they_stand_for():
    some = [term for term in terms() if term.directions == 3]
    one, two = Jet(tuple(some), tuple(some[:2])).dense()
    torch.testing.assert_close(one, torch.stack([term.dense() for term in some]).sum(0))
    assert two is not None
    torch.testing.assert_close(two, some[0].dense() + some[1].dense())


@pytest.mark.parametrize("start", [0, 1])
def test_a_product_that_is_not_multiplied_out_stands_for_one(start):
    width = 4 - start
    lazy = Product(drawn(3, width, 1), drawn(1, width, 5), (Axis(4, start), Axis(5)), (0, 1, 1), None)
    solid = lazy.solid().dense()
    assert lazy.directions == 3 and solid.shape == (3, 1, 4, 5)
    matrix = drawn(5, 2)
    mapped = lazy.mapped(lambda basis: basis @ matrix)
    assert mapped is not None
    torch.testing.assert_close(mapped.solid().dense(), solid @ matrix)
    for shape in ((4, 5), (1, 4, 1, 5), (20,), (2, 2, 5)):
        viewed = lazy.viewed(shape)
        dense = viewed.solid().dense() if isinstance(viewed, Product) else viewed.dense()
        torch.testing.assert_close(dense, solid.reshape(3, *shape))
    torch.testing.assert_close(lazy.permuted([2, 0, 1]).dense(), solid.permute(0, 3, 1, 2))


def test_what_is_not_worked_out_can_be():
    term, matrix = whole(drawn(3, 4)), drawn(4, 6)
    made = Unmade(lambda term: whole(term.dense() @ matrix), term, term, term, matrix, 0)
    torch.testing.assert_close(Jet((made,)).dense()[0], term.dense() @ matrix)


def test_a_wrong_power_of_a_spread_is_found():
    term = next(term for term in terms() if term.spread is not None)
    weights = drawn(1, 3, 4, 5)
    expected = (term.dense() ** 3 * weights).flatten(1).sum(1)
    assert not torch.allclose(weighed(term.inside(weights), term, term.values**3, 2), expected)

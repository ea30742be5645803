from functools import reduce
from itertools import pairwise, product
from math import prod

import pytest
import torch

from cam.jets.merging import boxed, merged
from cam.jets.term import Axis, Term, whole

# How a direction may lie along an axis: in all places, in a window, in one of its own.
KINDS = ("full", "window", "picked")


def drawn(
    seed: int, shape: tuple[tuple[int, ...], ...], kinds: tuple[str, ...], spread: tuple[bool, ...] | None = None
):
    """Return a term of a node whose dimension d is made of axes of sizes shape[d], three groups of two directions."""
    rng = torch.Generator().manual_seed(seed)
    sizes = [size for sizes in shape for size in sizes]
    axes, box = [], []
    for size, kind in zip(sizes, kinds, strict=True):
        if kind == "picked":
            axes.append(Axis(size, pick=torch.randint(size, (3,), generator=rng)))
            box.append(1)
        else:
            width = size if kind == "full" else max(1, size - 2)
            axes.append(Axis(size, 0 if kind == "full" else min(1, size - width)))
            box.append(width)
    values = torch.randn(3, *box, generator=rng, dtype=torch.float64)
    factors = None
    if spread is not None:
        factors = torch.randn(
            3, 2, *(n if on else 1 for n, on in zip(box, spread, strict=True)), generator=rng, dtype=torch.float64
        )
    return Term(values, tuple(axes), tuple(map(len, shape)), factors)


def dense(term: Term) -> torch.Tensor:
    """Return what a term stands for, number by number: (directions, *shape)."""
    S = 1 if term.spread is None else term.spread.shape[1]
    sizes = [axis.size for axis in term.axes]
    out = torch.zeros(len(term.values), S, *sizes, dtype=term.values.dtype)
    for g, s in product(range(len(term.values)), range(S)):
        for at in product(*(range(n) for n in term.values.shape[1:])):
            place = [
                i + axis.start if axis.pick is None else int(axis.pick[g])
                for i, axis in zip(at, term.axes, strict=True)
            ]
            factor = 1.0
            if term.spread is not None:
                factor = term.spread[(g, s, *(min(i, n - 1) for i, n in zip(at, term.spread.shape[2:], strict=True)))]
            out[(g, s, *place)] = term.values[(g, *at)] * factor
    by_dimension, k = [], 0
    for n in term.parts:
        by_dimension.append(prod(sizes[k : k + n]))
        k += n
    return out.reshape(-1, *by_dimension)


SHAPES = (((1,), (4,), (3,), (5,)), ((), (4,), (3, 2)), ((4, 3), (5,)), ((3,),))
TERMS = [
    drawn(seed, shape, kinds, spread)
    for shape in SHAPES
    for n in [sum(map(len, shape))]
    for seed, kinds in enumerate(product(KINDS, repeat=n))
    if seed % 11 == 0 or len(set(kinds)) == 1 or n == 1
    for spread in (None, tuple(kind != "picked" and k % 2 == seed % 2 for k, kind in enumerate(kinds)))
]


@pytest.fixture(autouse=True)
def _drawn_alike():
    torch.manual_seed(0)


@pytest.fixture(params=range(len(TERMS)), ids=lambda k: f"term{k}")
def term(request) -> Term:
    return TERMS[request.param]


def same(found: Term, expected: torch.Tensor) -> None:
    assert found.shape == tuple(expected.shape[1:]) and found.directions == len(expected)
    assert found.values.ndim == len(found.axes) + 1 == sum(found.parts) + 1
    assert found.spread is None or found.spread.ndim == found.values.ndim + 1
    torch.testing.assert_close(dense(found), expected, rtol=1e-14, atol=1e-14)


def test_a_term_multiplied_out_is_what_it_stands_for(term):
    expected = dense(term)
    assert torch.equal(term.dense(), expected) and term.directions == len(expected)
    assert term.shape == tuple(expected.shape[1:])


def test_other_representations_of_a_term_stand_for_the_same(term):
    expected = dense(term)
    same(term.apart(), expected)
    assert term.apart().spread is None
    same(term.single(), expected)
    assert term.single().parts == (1,) * len(term.parts)
    for d in range(len(term.parts)):
        same(term.joined(d), expected)
    for k in range(len(term.axes)):
        filled = term.filled(k)
        same(filled, expected)
        assert filled.is_full(k)
        if term.axes[k].pick is None:
            start, width = term.axes[k].start, term.values.shape[k + 1]
            more = max(start - 1, 0)
            same(term.widened(k, more, min(start + width + 1, term.axes[k].size) - more), expected)


def test_what_lies_in_the_box_is_read_at_its_places(term):
    shape = term.shape
    apart = term.apart()
    for ones in product((False, True), repeat=len(shape)):
        tensor = torch.randn([1 if one else n for one, n in zip(ones, shape, strict=True)], dtype=torch.float64)
        inside = apart.inside(tensor)
        assert inside.ndim == apart.values.ndim and len(inside) in (1, apart.directions)
        same(apart.like(apart.values * inside), dense(term) * tensor)
        # The box of a spread term is that of its groups.
        grouped = term.inside(tensor)
        same(term.like(term.values * grouped), dense(term) * tensor)
    missing = torch.randn(shape[1:], dtype=torch.float64)
    same(apart.like(apart.values * apart.inside(missing)), dense(term) * missing)


def test_permuting_a_term_permutes_what_it_stands_for(term):
    dims = list(range(len(term.parts)))[::-1]
    same(term.permuted(dims), dense(term).permute(0, *(d + 1 for d in dims)))


VIEWS = ((60,), (4, 15), (1, 4, 15), (12, 5), (2, 2, 3, 5), (1, 2, 1, 30), (5, 12), (6, 10), (1, 1, 60), (4, 3, 5, 1))


@pytest.mark.parametrize("shape", VIEWS, ids=str)
def test_a_view_of_a_term_is_the_view_of_what_it_stands_for(shape):
    for term in TERMS:
        if prod(term.shape) == 60:
            same(term.viewed(shape), dense(term).reshape(term.directions, *shape))
            # And back, from axes that are in pieces.
            same(term.viewed(shape).viewed(term.shape), dense(term))


def test_a_term_that_is_viewed_keeps_its_window_where_it_can():
    term = drawn(0, ((1,), (4,), (3,), (5,)), ("full", "picked", "window", "picked"))
    assert [axis.pick is None for axis in term.viewed((4, 15)).axes] == [False, True, False]
    assert term.viewed((4, 15)).parts == (1, 2)


def test_the_sum_over_dimensions_is_that_of_what_it_stands_for(term):
    n = len(term.parts)
    for dims in ([0], [n - 1], list(range(1, n)), list(range(n))):
        for keepdim in (False, True):
            same(
                term.summed(dims, keepdim),
                dense(term).sum([d + 1 for d in dims], keepdim=keepdim) if dims else dense(term),
            )


def test_terms_of_one_node_add_up():
    for shape in SHAPES:
        mine = [term for term in TERMS if tuple(map(len, shape)) == term.parts and term.spread is None]
        for one, other in zip(mine, mine[1:] + mine[:1], strict=True):
            if one.shape == other.shape:
                expected = dense(one) + dense(other)
                same(merged((one, other)), expected)
                for a, b in zip(boxed(one, other), (one, other), strict=True):
                    same(a, dense(b))
                owned = Term(one.values.clone(), one.axes, one.parts, owned=True)
                same(merged((other, owned)), expected)
                owned = Term(one.values.clone(), one.axes, one.parts, owned=True)
                same(merged((owned, other, other)), expected + dense(other))


def test_terms_with_a_spread_add_up():
    spread = [term for term in TERMS if term.spread is not None and term.parts == (1, 1, 1, 1)]
    for one, other in pairwise(spread):
        same(merged((one, other)), dense(one) + dense(other))
        same(merged((one, one)), 2 * dense(one))


def test_a_term_that_somebody_else_reads_is_not_written_over():
    one = TERMS[0]
    before = one.values.clone()
    merged((one, Term(before.clone(), one.axes, one.parts)))
    assert torch.equal(one.values, before)


def test_values_that_fill_a_node_have_no_axis_for_dimensions_of_one_place():
    values = torch.randn(2, 1, 3, 1, 4)
    assert whole(values).parts == (0, 1, 0, 1)
    assert torch.equal(whole(values).dense(), values)


def shifted(term: Term, k: int) -> Term:
    """Plant an error: the window of axis k one place further."""
    axes = list(term.axes)
    axes[k] = Axis(axes[k].size, axes[k].start + 1)
    return Term(term.values, tuple(axes), term.parts, term.spread)


def test_a_window_shifted_by_one_is_found():
    term = drawn(0, ((1,), (4,), (3,), (5,)), ("full", "window", "full", "full"))
    with pytest.raises(AssertionError):
        same(shifted(term, 1), dense(term))


def test_a_wrong_power_of_the_spread_is_found():
    term = next(term for term in TERMS if term.spread is not None)
    with pytest.raises(AssertionError):
        same(Term(term.values, term.axes, term.parts, term.spread**2), dense(term))


def test_the_drawn_terms_are_of_every_kind():
    assert len(TERMS) >= 40
    kinds = reduce(
        set.union,
        (
            {"picked" if a.pick is not None else "full" if t.is_full(k) else "window" for k, a in enumerate(t.axes)}
            for t in TERMS
        ),
    )
    assert kinds == set(KINDS)

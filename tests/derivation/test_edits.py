import pytest
from sympy import Derivative, Function, Integer, Limit, Mul, Pow, Rational, Symbol, symbols

from derivation.claim import OURS, Claim
from derivation.claims import CLAIMS, LIBRARY
from derivation.edits import edited, edits, weaker
from derivation.hypotheses import AFFINE, EXP_HEAD, curvature, outer, slope, third
from derivation.notation import S, g, n, sigma, x
from derivation.nth import nth

a, b = symbols("a b", real=True)


def made(expr):
    """Return what each kind of edit makes of an expression."""
    found = {}
    for edit in edits(expr):
        found.setdefault(edit.kind, set()).add(edit.edited)
    return found


def test_an_exponent_goes_up_and_down():
    assert made(a**3)["exponent-plus-1"] == {a**4}
    assert made(a**3)["exponent-minus-1"] == {a**2}
    assert made(a**n)["exponent-plus-1"] == {a ** (n + 1)}
    assert made(1 / a)["exponent-minus-1"] == {a**-2}


def test_a_letter_has_the_exponent_one_unless_it_is_the_base_of_a_power():
    assert made(a * b)["squared"] == {a**2 * b, a * b**2}
    assert made(a * b)["left-out"] == {a, b}
    assert {"squared", "left-out"}.isdisjoint(made(a**3))
    assert made((a * b) ** -1 + 2)["exponent-minus-1"] == {2 + 1 / (a**2 * b), 2 + 1 / (a * b**2)}
    assert made(1 / (2 + a))["squared"] == {1 / (2 + a**2)}


def test_a_summand_changes_its_sign_and_so_does_the_whole():
    assert made(a + b**2)["sign"] == {a - b**2, b**2 - a, -a - b**2}
    assert made(1 / (2 + a))["sign"] == {-1 / (2 + a), 1 / (a - 2), 1 / (2 - a)}


def test_a_factor_of_two_is_added_and_dropped():
    assert made(a + b)["doubled"] == {2 * a + b, a + 2 * b, 2 * a + 2 * b}
    assert made(2 * a + b)["number-left-out"] == {a + b}
    assert made(1 / (2 + a))["halved"] == {1 / (1 + a)}
    assert made(3 * a * b)["number-left-out"] == {a * b}


def test_a_number_alone_becomes_another():
    assert made(Integer(0))["one-more"] == {1}
    assert made(Rational(1, 2))["one-more"] == {Rational(3, 2)}


@pytest.mark.parametrize(
    ("expr", "more", "less"),
    [
        (slope, curvature, S(x)),
        (curvature, third, slope),
        (outer(1), outer(2), outer(0)),
        (outer(n), outer(n + 1), outer(n - 1)),
        (Derivative(S(x), (x, n)), Derivative(S(x), (x, n + 1)), Derivative(S(x), (x, n - 1))),
    ],
)
def test_an_order_goes_up_and_down(expr, more, less):
    assert made(expr)["order-plus-1"] == {more}
    assert made(expr)["order-minus-1"] == {less}


def test_a_function_without_derivative_gets_one():
    assert made(S(x))["order-plus-1"] == {nth(S)(1, x)}


def test_two_letters_are_swapped_everywhere():
    assert made(sigma * slope**3 + slope)["swapped"] == {slope * sigma**3 + sigma}
    assert made(outer(2) * slope**2 + outer(1))["swapped"] >= {outer(1) * slope**2 + outer(2)}


def test_an_order_is_no_letter_and_what_moves_is_not_swapped():
    assert "swapped" not in made(a**n)
    assert "swapped" not in made(x * slope)
    assert "swapped" not in made(sigma * Limit(g**2, g, 0, "+-"))


def test_nothing_is_changed_inside_a_letter():
    inner = Function("h", real=True)(2 * a + b)
    assert all(edit.edited.has(inner) or edit.kind in ("left-out", "order-plus-1") for edit in edits(inner * a))


def test_what_is_written_without_being_evaluated_stays_so():
    zero = Mul(slope, Integer(0), evaluate=False)
    assert Mul(curvature, Integer(0), evaluate=False) in made(zero)["order-plus-1"]
    inert = Pow(Mul(a, a, evaluate=False), 2, evaluate=False)
    assert Pow(Mul(a, a**2, evaluate=False), 2, evaluate=False) in made(inert)["squared"]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_every_claim_has_edits_and_each_is_another_statement_with_a_name_of_its_own(claim):
    mutants = [*edited(claim)]
    statements = [mutant.planted(LIBRARY).statement for mutant in mutants]
    assert mutants
    assert claim.statement not in statements
    assert len(set(statements)) == len(statements) == len({mutant.name for mutant in mutants})


def test_the_order_is_the_same_every_time():
    claim = LIBRARY["third-derivative"]
    assert [m.name for m in edited(claim)] == [m.name for m in edited(claim)]
    assert [m.planted(LIBRARY).rhs for m in edited(claim)] == [m.planted(LIBRARY).rhs for m in edited(claim)]


def test_each_hypothesis_is_dropped_once_and_the_others_stay():
    both = [mutant.planted(LIBRARY).given for mutant in weaker(LIBRARY["exp-power-rule"])]
    assert both == [(EXP_HEAD,), (AFFINE,)]
    assert [*weaker(Claim("free", "", a, a, OURS))] == []


def test_a_natural_number_is_no_letter_to_square():
    assert "squared" not in made(Symbol("k", integer=True))

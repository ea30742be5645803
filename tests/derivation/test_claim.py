import pytest
from sympy import Eq, Gt, Integer, Limit, Symbol, true
from sympy.core.relational import Relational

from derivation.claim import OURS, Claim, Hypothesis, Step, Use, equation, nonzero
from derivation.hypotheses import AFFINE, EXP_HEAD, Y, along, outer, slope
from derivation.notation import S, f, g, n, x


def test_relations_stay_as_they_are_written():
    assert Eq(Integer(2), 2) == true, "SymPy evaluates a relation by itself"
    assert equation(Integer(2), Integer(2)).args == (2, 2)
    assert nonzero(Integer(3)).args == (3, 0)


@pytest.mark.parametrize("relation", [Eq(Integer(2), 2), Gt(Symbol("p", positive=True), 0), x])
def test_a_hypothesis_refuses_a_relation_that_has_evaluated_itself(relation):
    with pytest.raises(TypeError, match="expected an inert relation"):
        Hypothesis("collapsed", "nothing is left of it", relation)


def test_a_claim_lists_each_claim_it_uses_once_and_in_order():
    steps = (
        Step(x, "first", (Use("b"), Use("a"))),
        Step(x, "by algebra"),
        Step(x, "again", (Use("a", ((n, 2),)), Use("c"))),
    )
    assert Claim("name", "says", x, x, OURS, steps=steps).uses == ("b", "a", "c")


def test_a_claim_knows_its_functions_and_free_symbols():
    claim = Claim("name", "says", along(n), Y * slope**n, OURS, (AFFINE, EXP_HEAD))
    assert claim.functions == {f, S}
    assert claim.symbols == {x, n}


def test_functions_are_found_in_hypotheses_too():
    assert Claim("name", "says", x, x, OURS, (EXP_HEAD,)).functions == {f}


def test_the_variable_of_a_limit_is_not_free():
    assert Claim("name", "says", Limit(g, g, 0), Integer(0), OURS).symbols == set()


@pytest.mark.parametrize("change", [{"lhs": 1}, {"rhs": 0.5}, {"rhs": "x"}, {"steps": (Step(2, "a number"),)}])
def test_what_is_no_expression_is_refused_and_named(change):
    with pytest.raises(TypeError, match="claim name: expected SymPy expressions, got"):
        Claim(**{"name": "name", "says": "says", "lhs": x, "rhs": x, "source": OURS, **change})


def test_claims_are_frozen():
    claim = Claim("name", "says", outer(1), Y, OURS)
    with pytest.raises(AttributeError):
        claim.rhs = outer(2)


def test_a_claim_is_one_of_six_relations():
    with pytest.raises(TypeError, match="expected Eq, Ne, Gt, Ge, Lt or Le"):
        Claim("claim", "", x, x, OURS, relation=Relational)

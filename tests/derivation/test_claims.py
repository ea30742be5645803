"""The claims themselves: which are proved, that planted errors are not, and an oracle that knows nothing of the prover.

The oracle puts functions and rational numbers into a claim and lets SymPy work both sides out: a proved claim must come
out equal in every case that satisfies its hypotheses, and a claim (or a mutant) that is not proved unequal in one.
"""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from sympy import (
    Add,
    Derivative,
    Eq,
    Integer,
    Limit,
    Rational,
    Symbol,
    exp,
    simplify,
    true,
)
from sympy.core.function import AppliedUndef

import derivation
from derivation.claim import OURS, Branch, Hypothesis, equation
from derivation.claims import CLAIMS, LIBRARY
from derivation.claims.kinks import INACTIVE, left_end, phi, right_end, unit
from derivation.claims.post import R1, R2, ddL, dL, p
from derivation.claims.softmax import SECOND, THIRD, P, apart, mean, pure, skew, variance
from derivation.claims.weights import CLOSED, NO_RHO_POLE, rho
from derivation.hypotheses import AFFINE, NO_POLE, SLOPE, Y, along, curvature, outer, slope, third
from derivation.notation import (
    NOTATION,
    L,
    Q,
    R,
    S,
    b,
    f,
    g,
    left,
    meaning_of,
    n,
    right,
    sigma,
    step,
    test_function,
    u,
    v,
    value,
    w,
    x,
)
from derivation.nth import nth
from derivation.proof import prove

PROVED = {
    "post-linear-second-derivative",
    "post-first-derivative",
    "post-second-derivative-right",
    "second-derivative",
    "third-derivative",
    "affine-collapse",
    "post-exp-own-derivative",
    "exp-power-rule",
    "post-pair-first",
    "post-pair-second-sum-product-rule",
    "post-pair-second-product-rule",
    "post-pair-nth-of-first",
    "pair-first-nth",
    "pair-second",
    "pair-nth",
    "alpha-closed-form",
    "alpha-closed-form-short",
    "alpha-limit-zero-slope",
    "alpha-any-head",
    "alpha-curvature-correction",
    "softmax-first",
    "softmax-second",
    "softmax-third",
    "softmax-second-moments",
    "softmax-third-moments",
    "alpha-softmax",
    "relu-second-derivative-off-kinks",
    "post-piecewise-linear-off-kinks",
    "post-pair-second-relu",
    "kink-second-difference",
    "affine-piece-integrates-by-parts",
    "kink-jump-is-dirac",
}
HOLDS = {claim.name: prove(claim, LIBRARY).holds for claim in CLAIMS}

# The oracle

FUNCTIONS = {
    S: (2 * u, 1 - u / 2, u**3 + u),
    f: (exp(u), u**3 + u),
    L: (3 * u, 1 + u + u**2),
    R: (u**2, exp(u)),
    Q: (1 + exp(2 * u), u**2 + 2),
    test_function: (1 + u - u**3,),
}
VALUES = {
    x: (Integer(0), Rational(3, 2)),
    sigma: (Integer(3), Rational(-1, 2)),
    g: (Integer(2),),
    w: (Integer(1),),
    v: (Integer(2),),
    b: (Integer(0), Rational(-5, 2)),
    step: (Rational(1, 2),),
    left: (Integer(2),),
    right: (Integer(5),),
    value: (Integer(7),),
    n: (Integer(0), Integer(1), Integer(2), Integer(3)),
}


def cases(claim):
    """Yield every choice of the functions and values above for what occurs in the claim, as a list of pairs."""
    functions = sorted(claim.functions, key=str)
    symbols = sorted(claim.symbols | {s for h in claim.given for s in h.relation.free_symbols} - {u}, key=str)
    choices = [[(function, e) for e in FUNCTIONS[function]] for function in functions]
    choices += [[(symbol, v) for v in VALUES[symbol]] for symbol in symbols]
    yield from product(*choices)


def worked_out(expr, case):
    """Work an inert expression out at a case by SymPy's calculus: n and parameters first, x after the derivatives."""
    values = {old: new for old, new in case if isinstance(old, Symbol)}
    late = {x: values.pop(x)} if x in values and not expr.has(Limit) else {}
    expr = expr.subs(values)
    for function, e in case:
        if not isinstance(function, Symbol):
            expr = expr.replace(nth(function), lambda k, v, e=e: e.diff((u, k)).subs(u, v))
            expr = expr.replace(function, lambda v, e=e: e.subs(u, v))
    return expr.doit().subs(late)


def satisfied(relation, case):
    """Say whether a hypothesis holds: an equation along the whole line, anything else at the point."""
    if isinstance(relation, Eq):
        return simplify(worked_out(relation.lhs - relation.rhs, [pair for pair in case if pair[0] != x])) == 0
    return relation.func(simplify(worked_out(relation.lhs - relation.rhs, case)), 0) == true


def equal(claim):
    """Yield, case by case among those that satisfy the hypotheses, whether the two sides come out equal."""
    for case in cases(claim):
        if all(satisfied(h.relation, case) for h in claim.given):
            yield simplify(worked_out(claim.lhs, case) - worked_out(claim.rhs, case)) == 0


@pytest.mark.parametrize("name", sorted(PROVED))
def test_a_proved_claim_is_true_in_every_case_that_satisfies_its_hypotheses(name):
    assert HOLDS[name]
    outcomes = list(equal(LIBRARY[name]))
    assert outcomes and all(outcomes)


@pytest.mark.parametrize("name", sorted(LIBRARY.keys() - PROVED))
def test_a_claim_that_is_not_proved_is_false_in_some_case_that_satisfies_its_hypotheses(name):
    assert not HOLDS[name]
    assert not all(equal(LIBRARY[name]))


# Planted errors

LONG = sigma * slope**3
ALPHA_GIVEN = (*LIBRARY["alpha-closed-form-any-tail"].given, AFFINE)
CUBE = Hypothesis("cube-head", "Y = S^3 + S", equation(f(u), u**3 + u))
MUTANTS = {
    "linear tail: a first derivative": ("post-linear-second-derivative", {"lhs": Derivative(w * x + b, x)}),
    "chain rule: another order": ("post-first-derivative", {"rhs": outer(2) * slope}),
    "chain rule: no slope": ("post-first-derivative", {"rhs": outer(1)}),
    "second: no square": ("second-derivative", {"rhs": outer(2) * slope + outer(1) * curvature}),
    "second: orders swapped": ("second-derivative", {"rhs": outer(1) * slope**2 + outer(2) * curvature}),
    "second: sign": ("second-derivative", {"rhs": outer(2) * slope**2 - outer(1) * curvature}),
    "second: no S''": ("second-derivative", {"rhs": outer(2) * slope**2}),
    "second: a summand for the hypothesis": ("post-second-derivative-right", {"rhs": outer(2) * slope**2 + outer(1)}),
    "third: no 3": ("third-derivative", {"rhs": outer(3) * slope**3 + outer(2) * slope * curvature + outer(1) * third}),
    "third: 2 for 3": (
        "third-derivative",
        {"rhs": outer(3) * slope**3 + 2 * outer(2) * slope * curvature + outer(1) * third},
    ),
    "third: sign": (
        "third-derivative",
        {"rhs": outer(3) * slope**3 - 3 * outer(2) * slope * curvature + outer(1) * third},
    ),
    "third: square for cube": (
        "third-derivative",
        {"rhs": outer(3) * slope**2 + 3 * outer(2) * slope * curvature + outer(1) * third},
    ),
    "third: no S'''": ("third-derivative", {"rhs": outer(3) * slope**3 + 3 * outer(2) * slope * curvature}),
    "collapse: exponent n + 1": ("affine-collapse", {"rhs": outer(n) * slope ** (n + 1)}),
    "collapse: exponent 2": ("affine-collapse", {"rhs": outer(n) * slope**2}),
    "collapse: order n + 1": ("affine-collapse", {"rhs": outer(n + 1) * slope**n}),
    "collapse: order 2": ("affine-collapse", {"rhs": outer(2) * slope**n}),
    "power rule: exponent n + 1": ("exp-power-rule", {"rhs": Y * slope ** (n + 1)}),
    "power rule: no exponent": ("exp-power-rule", {"rhs": Y * slope}),
    "power rule: a factor n": ("exp-power-rule", {"rhs": n * Y * slope**n}),
    "power rule: Y to the n": ("exp-power-rule", {"rhs": Y**n * slope**n}),
    "power rule: sign": ("exp-power-rule", {"rhs": Y * (-slope) ** n}),
    "power rule: another head": ("exp-power-rule", {"given": (AFFINE, CUBE)}),
    "own derivative: another head": ("post-exp-own-derivative", {"given": (CUBE,)}),
    "pair, first: no slope": ("post-pair-first", {"rhs": R1}),
    "pair, second: no square": ("pair-second", {"rhs": R2 * dL + R1 * ddL}),
    "pair, second: R' squared": ("pair-second", {"rhs": R2 * dL**2 + R1**2 * ddL}),
    "pair, nth: no power": ("pair-nth", {"rhs": nth(R)(n, L(x)) * dL}),
    "pair, nth: order n - 1": ("pair-nth", {"lhs": Derivative(p, (x, n + 1))}),
    "pair, nth of R': order n": ("post-pair-nth-of-first", {"rhs": dL * Derivative(p, (x, n))}),
    "pair, nth of R': no slope": ("post-pair-nth-of-first", {"rhs": Derivative(R1, (x, n))}),
    "R', nth: order n": ("pair-first-nth", {"rhs": nth(R)(n, L(x)) * dL**n}),
    "R', nth: exponent n + 1": ("pair-first-nth", {"rhs": nth(R)(n + 1, L(x)) * dL ** (n + 1)}),
    "product rule: R' constant": ("post-pair-second-product-rule", {"rhs": ddL * R1}),
    "product rule: L'' left out": ("post-pair-second-sum-product-rule", {"rhs": dL * Derivative(R1, x)}),
    "alpha: no 2": ("alpha-closed-form", {"rhs": slope**2 / (slope**2 + LONG)}),
    "alpha: square for cube": ("alpha-closed-form", {"rhs": slope**2 / (2 * slope**2 + sigma * slope**2)}),
    "alpha: sign": ("alpha-closed-form", {"rhs": slope**2 / (2 * slope**2 - LONG)}),
    "alpha: no square": ("alpha-closed-form", {"rhs": slope / (2 * slope**2 + LONG)}),
    "alpha: no sigma": ("alpha-closed-form", {"rhs": slope**2 / (2 * slope**2 + slope**3)}),
    "alpha: (10) without its 2": (
        "alpha-closed-form",
        {
            "lhs": along(2) / (along(2) + sigma * along(3)),
            "given": ALPHA_GIVEN,
        },
    ),
    "alpha: (10) with orders swapped": (
        "alpha-closed-form",
        {
            "lhs": along(3) / (2 * along(3) + sigma * along(2)),
            "given": ALPHA_GIVEN,
        },
    ),
    "alpha: another head": ("alpha-closed-form", {"given": (AFFINE, CUBE, SLOPE, NO_POLE)}),
    "short: 1 for 2": ("alpha-closed-form-short", {"rhs": 1 / (1 + sigma * slope)}),
    "short: no slope": ("alpha-closed-form-short", {"rhs": slope / (2 * slope + sigma)}),
    "limit: 1/3": ("alpha-limit-zero-slope", {"rhs": Rational(1, 3)}),
    "limit: at 1": ("alpha-limit-zero-slope", {"lhs": Limit(g**2 / (2 * g**2 + sigma * g**3), g, 1, "+-")}),
    "limit: of another power": ("alpha-limit-zero-slope", {"lhs": Limit(g**3 / (2 * g**2 + sigma * g**3), g, 0, "+-")}),
    "any head: rho upside down": ("alpha-any-head", {"rhs": 1 / (2 + sigma / rho * slope)}),
    "any head: no rho": ("alpha-any-head", {"rhs": CLOSED}),
    "any head: sign": ("alpha-any-head", {"rhs": 1 / (2 - sigma * rho * slope)}),
    "curvature: no 2": (
        "alpha-curvature-correction",
        {"rhs": sigma * (slope * curvature + third) / (slope**2 + curvature)},
    ),
    "curvature: sign": (
        "alpha-curvature-correction",
        {"rhs": -sigma * (2 * slope * curvature + third) / (slope**2 + curvature)},
    ),
    "curvature: no square": (
        "alpha-curvature-correction",
        {"rhs": sigma * (2 * slope * curvature + third) / (slope + curvature)},
    ),
    "softmax, first: no mean": ("softmax-first", {"rhs": P * slope}),
    "softmax, second: sign of the mean's derivative": (
        "softmax-second",
        {"rhs": pure(1) * apart + P * Derivative(mean, x)},
    ),
    "softmax, third: 1 for 2": (
        "softmax-third",
        {"rhs": pure(2) * apart - pure(1) * Derivative(mean, x) - P * Derivative(mean, (x, 2))},
    ),
    "softmax, second moments: sign": ("softmax-second-moments", {"rhs": P * (apart**2 + variance)}),
    "softmax, second moments: curved S": ("softmax-second-moments", {"given": ()}),
    "softmax, third moments: 2 for 3": ("softmax-third-moments", {"rhs": P * (THIRD + apart * variance)}),
    "softmax, third moments: sign of m_3": ("softmax-third-moments", {"rhs": P * (THIRD + 2 * skew)}),
    "softmax, alpha: no 2": ("alpha-softmax", {"rhs": SECOND / (SECOND + sigma * THIRD)}),
    "weighted unit: its slope": ("post-piecewise-linear-off-kinks", {"lhs": Derivative(v * unit, x)}),
    "unit in a pair: R' for R''": ("post-pair-second-relu", {"rhs": Derivative(w * x + b, x)}),
    "unit: its slope": ("relu-second-derivative-off-kinks", {"lhs": Derivative(unit, x)}),
    "unit: active everywhere": ("relu-second-derivative-off-kinks", {"lhs": Derivative(unit, x), "rhs": w}),
    "unit: the wrong branch twice": (
        "relu-second-derivative-off-kinks",
        {"lhs": unit, "branches": (Branch("inactive", (INACTIVE,)), Branch("inactive", (INACTIVE,)))},
    ),
    "kink: sum for jump": ("kink-second-difference", {"rhs": (right + left) / step}),
    "kink: over delta^2": ("kink-second-difference", {"rhs": (right - left) / step**2}),
    "parts: a boundary term missing": (
        "affine-piece-integrates-by-parts",
        {"lhs": Derivative((value + g * x) * Derivative(phi, x), x)},
    ),
    "parts: sign": (
        "affine-piece-integrates-by-parts",
        {"lhs": Derivative((value + g * x) * Derivative(phi, x) + g * phi, x)},
    ),
    "delta: sign": ("kink-jump-is-dirac", {"rhs": (left - right) * phi}),
    "delta: pieces added": ("kink-jump-is-dirac", {"lhs": Add(left_end, right_end, evaluate=False)}),
}


def mutant(case):
    name, changes = MUTANTS[case]
    return replace(LIBRARY[name], **changes)


@pytest.mark.parametrize("case", MUTANTS)
def test_a_planted_error_is_false_and_is_not_proved(case):
    planted = mutant(case)
    assert not all(equal(planted)), "this is no error: the mutant holds wherever it was tried"
    assert not prove(planted, LIBRARY).holds
    assert not prove(replace(planted, steps=()), LIBRARY).holds


def test_errors_are_planted_in_every_proved_claim():
    assert {name for name, _ in MUTANTS.values()} == PROVED


@pytest.mark.parametrize(("name", "dropped"), [(c.name, h.name) for c in CLAIMS if c.name in PROVED for h in c.given])
def test_no_proof_survives_the_loss_of_a_hypothesis(name, dropped):
    claim = LIBRARY[name]
    weaker = replace(claim, given=tuple(h for h in claim.given if h.name != dropped))
    assert not prove(weaker, LIBRARY).holds
    assert not prove(replace(weaker, steps=()), LIBRARY).holds


def test_a_pole_of_the_closed_form_is_where_its_hypothesis_says():
    at_pole = [(S, 2 * u), (f, exp(u)), (x, Integer(0)), (sigma, Integer(-1))]
    assert not satisfied(NO_POLE.relation, at_pole) and satisfied(SLOPE.relation, at_pole)
    assert not satisfied(NO_RHO_POLE.relation, at_pole)
    assert worked_out(CLOSED, at_pole).is_finite is False


# Statements


@pytest.mark.parametrize("name", LIBRARY)
def test_a_statement_is_inert(name):
    claim = LIBRARY[name]
    assert claim.lhs - claim.rhs != 0, "the two sides are equal before anything is worked out"
    assert not claim.lhs.is_number or claim.lhs.has(Limit), "the left-hand side has collapsed to a number"


def letters(part):
    """Return the symbols and undefined functions of an expression; SymPy writes a limit's direction as a symbol too."""
    symbols = part.atoms(Symbol) - {limit.args[3] for limit in part.atoms(Limit)}
    return symbols | {applied.func for applied in part.atoms(AppliedUndef)}


@pytest.mark.parametrize("name", LIBRARY)
def test_every_letter_is_in_the_notation(name):
    claim = LIBRARY[name]
    parts = (claim.lhs, claim.rhs, *(h.relation for h in claim.given), *(s.reached for s in claim.steps))
    for letter in {letter for part in parts for letter in letters(part)}:
        assert meaning_of(letter)


def test_every_letter_of_the_notation_is_used():
    parts = [part for c in CLAIMS for part in (c.lhs, c.rhs, *(h.relation for h in c.given))]
    used = {letter for part in parts for letter in letters(part)}
    assert {entry.letter if isinstance(entry.letter, Symbol) else entry.letter.func for entry in NOTATION} <= used


def test_names_are_slugs_that_say_the_content_and_are_given_once():
    names = [claim.name for claim in CLAIMS]
    assert len(set(names)) == len(names) == len(LIBRARY)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)+", name) for name in names)


def test_every_claim_says_one_sentence():
    assert all(claim.says.endswith(".") and ". " not in claim.says for claim in CLAIMS)


def test_a_hypothesis_has_one_meaning():
    meanings = {}
    for hypothesis in (h for c in CLAIMS for h in (*c.given, *(k for case in c.branches for k in case.given))):
        meanings.setdefault((hypothesis.name, hypothesis.says), set()).add(hypothesis.relation)
    assert all(len(relations) == 1 for relations in meanings.values())


# The register


def test_what_is_corrected_exists_and_is_printed_and_false():
    for claim in CLAIMS:
        for name in claim.corrects:
            assert not HOLDS[name] and LIBRARY[name].source != OURS, (claim.name, name)


def test_whatever_is_false_is_corrected_by_something_proved():
    corrected = {name for claim in CLAIMS if HOLDS[claim.name] for name in claim.corrects}
    assert LIBRARY.keys() - PROVED == corrected


def test_what_is_used_exists_and_stands_and_nothing_is_used_in_its_own_proof():
    done = set()
    for _ in CLAIMS:
        done |= {claim.name for claim in CLAIMS if set(claim.uses) <= done}
    assert done == LIBRARY.keys()
    assert {name for claim in CLAIMS for name in claim.uses} <= PROVED


# Sources

BIB = Path(derivation.__file__).with_name("references.bib")
ENTRIES = {
    key: dict(re.findall(r"^  (\w+)\s*= \{(.*)\},$", body, re.M))
    for key, body in re.findall(r"^@\w+\{([\w-]+),\n(.*?)^\}$", BIB.read_text(encoding="utf-8"), re.M | re.S)
}


def test_every_source_is_in_the_bibliography_and_every_entry_is_used():
    works = {claim.source.work for claim in CLAIMS}
    assert works - {OURS.work} == ENTRIES.keys()


def test_every_printed_source_names_the_place():
    assert all(claim.source.where for claim in CLAIMS if claim.source.work != OURS.work)


def test_the_paper_is_cited_as_published():
    paper = ENTRIES["gradcampp-paper"]
    assert re.findall(r"(\w+), ", paper["author"]) == ["Chattopadhay", "Sarkar", "Howlader", "Balasubramanian"]
    assert (paper["year"], paper["pages"], paper["doi"]) == ("2018", "839--847", "10.1109/WACV.2018.00097")
    assert paper["eprint"] == "1710.11063" and "(WACV)" in paper["booktitle"]


def test_nothing_is_invented_about_the_post():
    post = ENTRIES["post"]
    assert post["title"].replace("{", "").replace("}", "") == "Discussion: Computation Analysis of GradCAM++"
    assert post.keys() == {"title", "note"}


def test_faa_di_bruno_is_cited_as_published():
    classic = ENTRIES["faa-di-bruno"]
    assert (classic["volume"], classic["year"], classic["pages"]) == ("6", "1855", "479--480")
    assert "(1857) 359--360" in classic["note"]

"""The claims themselves: which are proved, that planted errors are not, and an oracle that knows nothing of the prover.

The oracle puts functions and rational numbers into a claim and lets SymPy work both sides out: a proved claim must come
out equal in every case that satisfies its hypotheses, and a claim (or a mutant) that is not proved unequal in one.
"""

import re
from functools import cache
from itertools import product
from pathlib import Path

import pytest
from sympy import (
    Derivative,
    Eq,
    Float,
    Integer,
    Limit,
    Ne,
    Rational,
    Symbol,
    exp,
    expand,
    fraction,
    integrate,
    log,
    simplify,
    together,
    true,
)
from sympy.core.function import AppliedUndef

import derivation
from derivation.claim import OURS, functions_in
from derivation.claims import CLAIMS, LIBRARY
from derivation.claims.weights import CLOSED, NO_RHO_POLE
from derivation.hypotheses import NO_POLE, SLOPE
from derivation.mutants import MUTANTS
from derivation.notation import (
    NOTATION,
    D,
    G,
    H,
    L,
    M,
    N,
    Q,
    R,
    S,
    T,
    V,
    W,
    Z,
    a,
    alpha,
    alpha_q,
    b,
    beta,
    c,
    c_0,
    c_1,
    f,
    g,
    g_q,
    left,
    m,
    meaning_of,
    n,
    rho,
    right,
    sigma,
    spread,
    step,
    test_function,
    total,
    u,
    v,
    value,
    w,
    x,
    y,
)
from derivation.nth import NthDerivative, nth
from derivation.proof import prove

PROVED = {
    "paper-nineteen-one-pass",
    "one-pass-hides-curvature",
    "diagonal-terms-show-curvature",
    "paper-fifteen-off-kink",
    "relu-slope-from-right-at-kink",
    "relu-slope-from-left-at-kink",
    "relu-chords-at-kink",
    "softmax-moments-by-cumulants",
    "closed-form-exact-for-product-of-entries",
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
    "toy-grad-cam-weights",
    "paper-six-equal-weights",
    "six-gradients-of-both-signs",
    "toy-closed-form",
    "toy-closed-form-grows",
    "normalised-weights-equal-gradients",
    "relu-split",
    "relu-negative-gradient",
    "derivative-of-seven",
    "derivative-of-eight",
    "second-derivative-of-seven",
    "dropped-terms-of-eight",
    "dropped-terms-ratio",
    "dropped-terms-of-nine",
    "alpha-moves",
    "paper-ten-solves-nine",
    "alpha-seven-eight-differ",
    "alpha-eight-nine-differ",
    "seven-at-point-alone",
    "whole-nine",
    "whole-nine-equal-pixels",
    "whole-nine-gradients-differ",
    "whole-nine-total",
    "whole-nine-solution",
    "whole-nine-unsolvable",
    "whole-nine-against-grad-cam",
    "eleven-above-grad-cam",
    "denominator-affine",
    "paper-thirteen",
    "paper-fourteen",
    "exp-third-derivative",
    "paper-seventeen",
    "paper-eighteen",
    "alpha-closed-form",
    "alpha-closed-form-short",
    "alpha-limit-zero-slope",
    "alpha-any-head",
    "alpha-curvature-correction",
    "alpha-positive",
    "alpha-at-most-half",
    "alpha-exceeds-half",
    "tempered-exp-ratio",
    "sigmoid-ratio",
    "sigmoid-ratio-confident",
    "sigmoid-ratio-unlikely",
    "softplus-ratio",
    "log-sigmoid-ratio",
    "tanh-ratio",
    "power-ratio",
    "log-ratio",
    "ratio-one-of-exp-plus-affine",
    "ratio-one-first-integral",
    "ratio-one-affine-rest",
    "alpha-any-head-undivided",
    "closed-form-error-any-head",
    "alpha-any-head-from-half",
    "alpha-power-head",
    "alpha-square-head",
    "alpha-tempered-exp-head",
    "alpha-tempered-exp-from-half",
    "sigmoid-inflection-denominator",
    "alpha-sigmoid-inflection",
    "identity-head-numerator",
    "identity-head-denominator",
    "footprint-leibniz",
    "alpha-any-order-any-head",
    "alpha-any-order-exp",
    "alpha-orders-differ",
    "alpha-channel-rescaling",
    "alpha-outer-rescaling",
    "alpha-tail-shift",
    "gradient-tail-shift",
    "alpha-footprint-shift",
    "alpha-tail-scale",
    "alpha-sigmoid-head",
    "alpha-tanh-head",
    "alpha-softplus-head",
    "alpha-log-sigmoid-head",
    "alpha-log-head",
    "product-of-entries-affine-along-line",
    "square-layer-second-derivative",
    "silu-pair-is-linear",
    "silu-curved",
    "closed-form-exact-for-exponential-pair",
    "exponential-pair-curvature",
    "closed-form-error-by-log-derivative",
    "flat-head-denominator",
    "flat-head-alpha-zero",
    "constraint-curved-head-necessary-for-closed-form",
    "softmax-first",
    "softmax-second",
    "softmax-third",
    "softmax-second-moments",
    "softmax-third-moments",
    "alpha-softmax",
    "exp-derivatives-bell",
    "softmax-derivatives-bell",
    "softmax-normaliser-two-classes",
    "softmax-normaliser-one-more-class",
    "softmax-mean-slope",
    "softmax-mean-curvature",
    "alpha-log-softmax",
    "alpha-log-softmax-blind-to-class",
    "softmax-first-hides-spread",
    "softmax-second-shows-spread",
    "relu-second-derivative-off-kinks",
    "post-piecewise-linear-off-kinks",
    "post-pair-second-relu",
    "kink-second-difference",
    "affine-piece-integrates-by-parts",
    "kink-jump-is-dirac",
    "affine-pieces-add-up",
    "relu-of-affine-piece",
    "maximum-of-affine-pieces",
    "kink-slope-from-right",
    "kink-slope-from-left",
    "exp-piece-nth-derivative",
    "kink-exp-nth-derivative-from-right",
    "kink-exp-nth-derivative-from-left",
    "alpha-of-piece",
    "kink-alpha-jump",
    "kink-alpha-has-two-values",
    "exp-piece-integrates-by-parts",
    "exp-kink-jump-is-dirac",
    "exp-piece-integrates-by-parts-twice",
    "exp-kink-third-jump",
    "softplus-curvature",
    "softplus-third-derivative",
    "softplus-slope-active",
    "softplus-slope-inactive",
    "alpha-softplus",
    "alpha-softplus-error",
    "softplus-error-leading-term",
    "softplus-error-from-below",
    "softplus-error-from-above",
    "softplus-error-rate",
    "softplus-error-on-kink",
    "softplus-error-stays-on-kink",
    "softplus-error-grows-near-kink",
    "softplus-error-near-kink-from-below",
    "softplus-error-inactive-from-below",
    "softplus-error-inactive-from-above",
    "softplus-weight-below-closed-form",
    "softplus-closed-form-below-half",
    "softplus-weight-below-half",
    "softplus-weight-at-most-half",
}


@cache
def holds(name):
    return prove(LIBRARY[name], LIBRARY).holds


# The oracle

FUNCTIONS = {
    S: (2 * u, 1 - u / 2, u**3 + u, u - Rational(3, 2)),
    f: (exp(u), u**3 / 2 + u),
    L: (3 * u, 1 + u + u**2),
    R: (u**2, exp(u)),
    V: (exp(u),),
    W: (u**2 + 1,),
    Q: (1 + exp(2 * u), u**2 + 2),
    test_function: (1 + u - u**3,),
}
SOFTPLUSES = (log(1 + exp(u)), log(1 + exp(4 * u)) / 4)
VALUES = {
    x: (Integer(0), Rational(3, 2), Integer(-1)),
    sigma: (Integer(3), Integer(5), Integer(0)),
    g: (Integer(2),),
    w: (Integer(2),),
    v: (Integer(2),),
    b: (Integer(0), Rational(-5, 2)),
    c: (Integer(3),),
    alpha: (Integer(4),),
    alpha_q: (Rational(-1, 2),),
    g_q: (Integer(5), Integer(-1)),
    D: (Integer(-3), Integer(2)),
    rho: (Rational(1, 2),),
    G: (Integer(2),),
    H: (Integer(-5), Integer(7)),
    M: (Integer(7),),
    total: (Integer(3), Integer(28)),
    N: (Integer(3), Integer(2)),
    Z: (Integer(7),),
    beta: (Integer(1), Integer(4)),
    step: (Rational(1, 2),),
    spread: (Integer(2),),
    a: (Integer(2), Rational(-1, 2)),
    y: (Integer(3),),
    left: (Integer(2),),
    right: (Integer(5),),
    value: (Integer(7),),
    n: (Integer(0), Integer(1), Integer(2), Integer(3)),
    u: (Rational(1, 2), Integer(-1)),
    T: (Integer(2),),
    m: (Integer(3), Integer(-1), Integer(4)),
    c_0: (Integer(5),),
    c_1: (Integer(7),),
}


def cases(claim):
    """Yield every choice of the functions and values above for what occurs in the claim, as pairs.

    A function that the hypotheses define, by its derivative perhaps, is that one and no other.
    """
    relations = [h.relation for h in claim.given if isinstance(h.relation, Eq) and not h.at_point]
    defined = {r.lhs.func: (r.rhs,) for r in relations if isinstance(r.lhs, AppliedUndef)}
    defined |= {r.lhs.of: (integrate(r.rhs, u) + 1,) for r in relations if isinstance(r.lhs, NthDerivative)}
    constant = [r for r in relations if r.lhs.func is Derivative and r.lhs.derivative_count == 1 and r.rhs.is_Symbol]
    defined |= {r.lhs.expr.func: (r.rhs * u + 1,) for r in constant}
    functions = sorted(claim.functions, key=str)
    bound = {h.argument for h in claim.given}
    symbols = sorted(claim.symbols.union(*(h.relation.free_symbols for h in claim.given)) - bound, key=str)
    # A claim about the sharpness of a softplus is one about softpluses; elsewhere they would only cost time.
    tails = {S: SOFTPLUSES} if beta in symbols else {}
    choices = [[(function, e) for e in {**FUNCTIONS, **tails, **defined}[function]] for function in functions]
    choices += [[(symbol, v) for v in VALUES[symbol]] for symbol in symbols]
    yield from product(*choices)


def worked_out(expr, case):
    """Work an inert expression out at a case by SymPy's calculus: parameters first, x and u after the derivatives."""
    values = {old: new for old, new in case if isinstance(old, Symbol)}
    late = {moving: values.pop(moving) for moving in (x, u) if moving in values and not expr.has(Limit)}
    expr = expr.subs(values)
    for function, e in ((old, new.subs(values)) for old, new in case):
        if not isinstance(function, Symbol):
            expr = expr.replace(nth(function), lambda k, v, e=e: e.diff((u, k)).subs(u, v))
            expr = expr.replace(function, lambda v, e=e: e.subs(u, v))
    return expr.doit().subs(late)


def vanishes(expr):
    """Say whether an expression is zero; a number that is not is seen by its digits, which takes less time."""
    numerator = expand(fraction(together(expr))[0])
    if numerator == 0 or not numerator.is_number or abs(numerator.evalf(30)) > Float("1e-20"):
        return numerator == 0 or (not numerator.is_number and simplify(numerator) == 0)
    return simplify(numerator) == 0


def satisfied(hypothesis, case):
    """Say whether a hypothesis holds: an equation along the whole line, anything else at the point."""
    relation = hypothesis.relation
    spoken_of = relation.free_symbols | functions_in(relation)
    if isinstance(relation, Eq) and not hypothesis.at_point:
        spoken_of -= {x}
    return related(relation, tuple(pair for pair in case if pair[0] in spoken_of))


@cache
def related(relation, case):
    """Say whether the two sides of a relation, worked out, are related so."""
    difference = worked_out(relation.lhs - relation.rhs, case)
    if isinstance(relation, Eq | Ne):
        return vanishes(difference) is isinstance(relation, Eq)
    if difference.is_number and difference.is_zero is False:
        return relation.func(difference, 0) == true
    return relation.func(simplify(difference), 0) == true


def true_in_cases(claim):
    """Yield, case by case among those that satisfy the hypotheses, whether the two sides are related as is claimed."""
    for case in cases(claim):
        if all(satisfied(h, case) for h in claim.given):
            yield related(claim.statement, case)


@pytest.mark.parametrize("name", sorted(PROVED))
def test_a_proved_claim_is_true_in_every_case_that_satisfies_its_hypotheses(name):
    assert holds(name)
    outcomes = list(true_in_cases(LIBRARY[name]))
    assert outcomes and all(outcomes)


@pytest.mark.parametrize("name", sorted(LIBRARY.keys() - PROVED))
def test_a_claim_that_is_not_proved_is_false_in_some_case_that_satisfies_its_hypotheses(name):
    assert not holds(name)
    assert not all(true_in_cases(LIBRARY[name]))


# Planted errors


# That each is false, and proved neither by the steps nor without them, nor any claim without one of its hypotheses, is
# what `tests/verify/test_mutate.py` finds out.


def test_errors_are_planted_in_every_proved_claim():
    assert {mutant.claim for mutant in MUTANTS} == PROVED


def test_a_pole_of_the_closed_form_is_where_its_hypothesis_says():
    at_pole = [(S, 2 * u), (f, exp(u)), (x, Integer(0)), (sigma, Integer(-1))]
    assert not satisfied(NO_POLE, at_pole) and satisfied(SLOPE, at_pole)
    assert not satisfied(NO_RHO_POLE, at_pole)
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
    for hypothesis in (h for each in CLAIMS for h in (*each.given, *(k for case in each.branches for k in case.given))):
        meanings.setdefault(hypothesis.name, set()).add((hypothesis.says, hypothesis.relation, hypothesis.at_point))
    assert all(len(found) == 1 for found in meanings.values())


# The register


def test_what_is_corrected_exists_and_is_printed_and_false():
    for claim in CLAIMS:
        for name in claim.corrects:
            assert not holds(name) and LIBRARY[name].source != OURS, (claim.name, name)


def test_whatever_is_false_is_corrected_by_something_proved():
    corrected = {name for claim in CLAIMS if holds(claim.name) for name in claim.corrects}
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

"""Drawn cases: all hypotheses hold, networks are among them, the same seed draws the same, planted errors are met."""

import math
import pickle
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest
from sympy import Eq, Rational

from derivation.claims import LIBRARY
from derivation.claims.weights import ALPHA
from derivation.hypotheses import slope
from derivation.mutants import MUTANTS
from derivation.notation import S, c, g, sigma, x
from verify import drawing
from verify import drawn as room
from verify.cases import Case, meets
from verify.catalogue.functions import Face
from verify.drawing import networks_of
from verify.drawn import HISTOGRAMS, Counted, Draws, FalseCase, again, drawn, draws
from verify.methods.enclosure import judge
from verify.methods.trial import Outcome
from verify.tails import TailFace

SOME = (
    "alpha-closed-form",
    "alpha-sigmoid-head",
    "alpha-exceeds-half",
    "paper-nineteen-one-pass",
    "toy-closed-form",
    "toy-grad-cam-weights",
    "softplus-error-rate",
    "kink-alpha-jump",
    "softmax-third-moments",
    "affine-pieces-add-up",
    "alpha-curvature-correction",
)
# Claims with signs of products, with an inflection point, and with sums of exponentials of one sign.
HARD = (
    "constraint-curved-head-necessary-for-closed-form",
    "flat-head-alpha-zero",
    "flat-head-denominator",
    "alpha-exceeds-half",
    "relu-negative-gradient",
    "closed-form-exact-for-exponential-pair",
    "exponential-pair-curvature",
)


def rational(number):
    return Rational(number.numerator, number.denominator)


def cases_of(name, number=20, seed=0):
    return [case for _, case in drawn(LIBRARY[name], number, seed, Counted())]


def told(cases):
    """Describe cases to the last number; networks name theirs in words alone."""
    return [f"{case} {networks_of(case)!r}" for case in cases]


def chords(tail):
    """Return the exact slopes to both sides, halfway to the nearest kink."""
    step, at, score = rational((tail.nearest_kink or Fraction(2)) / 2), rational(tail.point), tail.face().exact
    return {(score(at + side * step) - score(at)) / (side * step) for side in (1, -1)}


@pytest.mark.parametrize("name", sorted({*SOME, *HARD}))
def test_every_case_meets_every_hypothesis(name):
    """Inequalities and equations at the point by the networks themselves; equations along the line by their chords."""
    found = cases_of(name)
    assert len(found) == 20 and len({str(case) for case in found}) > 3
    for case in found:
        for h in LIBRARY[name].given:
            along = isinstance(h.relation, Eq) and not h.at_point
            about = [face.tail for f, face in case.functions if isinstance(face, TailFace) and h.relation.has(f)]
            if along and about:
                lhs, rhs = h.relation.args
                slopes = {slope for tail in about for slope in chords(tail)}
                assert len(slopes) == 1 and (lhs.derivative_count == 2 or slopes == {dict(case.numbers).get(rhs, rhs)})
            else:
                assert meets(case, h)


@pytest.mark.parametrize("name", ["alpha-closed-form", "alpha-curvature-correction", "relu-negative-gradient"])
def test_networks_bring_their_own_point_and_footprint_and_simple_functions_stay(name):
    found = cases_of(name, 60)
    with_networks = [case for case in found if networks_of(case)]
    assert 15 < len(with_networks) < 45
    for case in with_networks:
        numbers, (tail,) = dict(case.numbers), networks_of(case)
        own = {x: tail.point, sigma: tail.footprint, c: tail.footprint - tail.point}
        assert all(numbers[letter] == rational(own[letter]) for letter in own.keys() & numbers.keys())


def test_what_is_to_be_affine_is_piecewise_linear_and_what_may_be_curved_is_gated_too():
    affine = [tail for case in cases_of("alpha-closed-form", 60) for tail in networks_of(case)]
    curved = [tail for case in cases_of("alpha-curvature-correction", 60) for tail in networks_of(case)]
    assert all(tail.piecewise_linear for tail in affine) and not all(tail.piecewise_linear for tail in curved)
    assert any("gate" in tail.kinds for tail in curved)


def test_two_tails_of_a_claim_look_at_one_map_and_have_one_slope_where_the_claim_says_so():
    for case in cases_of("affine-pieces-add-up", 30):
        assert len({(tail.A, tail.entry) for tail in networks_of(case)}) <= 1
    pairs = [case for case in cases_of("paper-nineteen-one-pass", 30) if len(networks_of(case)) == 2]
    assert len(pairs) > 3
    for case in pairs:
        assert {rational(tail.near.slope) for tail in networks_of(case)} == {dict(case.numbers)[g]}


def test_the_same_seed_draws_the_same_and_another_one_others():
    first, again_, other = (told(cases_of("alpha-any-head", 10, seed)) for seed in (0, 0, 1))
    assert first == again_ != other


def test_another_process_draws_the_same_without_hypothesis():
    name = "alpha-curvature-correction"
    program = (
        "import sys; from derivation.claims import LIBRARY; from verify.drawn import *; from verify.drawing import *\n"
        f"for place, case in drawn(LIBRARY['{name}'], 12, 3, Counted()): print(place, case, repr(networks_of(case)))\n"
        "assert 'hypothesis' not in sys.modules"
    )
    outputs = {
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    }
    here = [(place, case) for place, case in drawn(LIBRARY[name], 12, 3, Counted())]
    assert outputs == {"".join(f"{place} {told([case])[0]}\n" for place, case in here)}


@pytest.mark.parametrize("name", SOME)
def test_a_proved_claim_holds_in_all_of_them(name):
    found = draws(LIBRARY[name], 20, 0)
    assert found.held + found.undecided == 20 and found.held > 10 and found.acceptance > 0.5


@pytest.mark.parametrize("name", HARD)
def test_what_a_draw_hardly_ever_meets_is_built(name):
    assert draws(LIBRARY[name], 20, 0).acceptance > 0.5


def test_without_building_a_sign_of_a_product_is_hardly_ever_met(monkeypatch):
    monkeypatch.setattr(drawing, "altered", lambda *_, **__: iter(()))
    assert draws(LIBRARY["alpha-exceeds-half"], 20, 0).acceptance < 0.5


@pytest.mark.parametrize("name", SOME)
def test_every_histogram_adds_up_to_the_number_of_judged_cases(name):
    found = draws(LIBRARY[name], 20, 0)
    assert list(found.counts) == list(HISTOGRAMS)
    assert {sum(counts.values()) for counts in found.counts.values()} == {found.held + found.undecided}


def test_the_histograms_say_what_was_drawn():
    found = draws(LIBRARY["alpha-curvature-correction"], 60, 0)
    tails = [case for case in cases_of("alpha-curvature-correction", 60) if networks_of(case)]
    assert sum(n for kind, n in found.counts["tail"].items() if "network" in kind) == len(tails)
    assert found.counts["activation"].get("none", 0) == 60 - len(tails) == found.counts["depth"]["none"]
    assert all(decade in ("none",) or decade.startswith("1e") for decade in found.counts["kink"])


def test_the_worst_case_is_the_least_accurate_one_and_can_be_drawn_again():
    claim = LIBRARY["alpha-closed-form"]
    found = draws(claim, 30, 0)
    cases = dict(drawn(claim, 30, 0, Counted()))
    accuracies = {place: judge(claim, case).accuracy for place, case in cases.items()}
    assert int(min(accuracies.values())) == found.worst_bits == int(accuracies[found.worst_at])
    assert str(cases[found.worst_at]) == found.worst and 0 < found.worst_bits < 128


def test_a_network_on_a_kink_is_vacuous_and_not_judged(monkeypatch):
    monkeypatch.setattr(drawing, "ON_KINK", 1)
    others = Counted()
    found = [case for _, case in drawn(LIBRARY["second-derivative"], 20, 0, others)]
    assert others.vacuous > 5 and not any(networks_of(case) for case in found)


# alpha with 3 in place of 2, the sigmoid's ratio with a sign turned round, and whatever a person plants
PLANTED = {
    "3 for 2": replace(LIBRARY["alpha-closed-form"], rhs=slope**2 / (3 * slope**2 + sigma * slope**3)),
    "the sign of rho": replace(
        LIBRARY["alpha-sigmoid-head"], rhs=LIBRARY["alpha-sigmoid-head"].rhs.subs(sigma, -sigma)
    ),
    "a square for a cube": replace(LIBRARY["alpha-closed-form"], rhs=slope**2 / (2 * slope**2 + sigma * slope**2)),
    "half everywhere": replace(LIBRARY["alpha-closed-form"], lhs=ALPHA, rhs=Rational(1, 2)),
}


@pytest.mark.parametrize("error", PLANTED)
def test_a_planted_error_is_met_within_the_shortest_profile(error):
    with pytest.raises(FalseCase, match="is proved, yet in S") as met:
        draws(PLANTED[error], 25, 0)
    assert met.value.claim == PLANTED[error].name and met.value.seed == 0


def test_a_planted_error_is_met_by_networks_alone(monkeypatch):
    monkeypatch.setattr(drawing, "NETWORKS", 1)
    with pytest.raises(FalseCase, match="score of"):
        draws(PLANTED["3 for 2"], 25, 0)


def test_a_wrong_network_is_met(monkeypatch):
    """Balls that see another network than the one that was built find the claim false."""

    def bent(self):
        face = right(self)
        return TailFace(face.text, face.exact, face.torch, lambda u: face.ball(u) + u * u / 1024, self)

    right = drawing.WholeTail.face
    monkeypatch.setattr(drawing.WholeTail, "face", bent)
    with pytest.raises(FalseCase, match="score of"):
        draws(LIBRARY["alpha-closed-form"], 25, 0)


def test_a_false_case_travels_between_processes_and_is_met_again_where_it_was():
    with pytest.raises(FalseCase) as met:
        draws(PLANTED["3 for 2"], 25, 7)
    copy = pickle.loads(pickle.dumps(met.value))
    assert (str(copy), copy.claim, copy.seed, copy.place) == (str(met.value), "alpha-closed-form", 7, met.value.place)
    with pytest.raises(FalseCase, match="is proved, yet in S"):
        again(PLANTED["3 for 2"], copy.seed, copy.place)
    again(LIBRARY["alpha-closed-form"], copy.seed, copy.place)


def test_most_errors_that_a_person_plants_are_met():
    met = 0
    planted = [m for m in MUTANTS if m.claim in SOME]
    for mutant in planted:
        try:
            draws(mutant.planted(LIBRARY), 25, 0)
        except FalseCase:
            met += 1
    assert met >= 0.9 * len(planted)


def test_a_claim_whose_hypotheses_hardly_any_draw_meets_is_given_up(monkeypatch):
    monkeypatch.setattr(drawing, "meets", lambda case, hypothesis: False)
    found = draws(LIBRARY["alpha-closed-form"], 5, 0)
    assert (found.held, found.undecided, found.rejected) == (0, 0, 5 * room.AGAIN) and found.acceptance == 0
    assert Draws("a claim").acceptance == 0


def test_a_face_without_a_network_is_in_no_network_histogram():
    face = Face("u", lambda u: u, lambda u: u, lambda u: u)
    assert room._described(Case(((S, face),), ()), None) == {
        "tail": "line",
        "activation": "none",
        "depth": "none",
        "kink": "none",
        "width": "no value",
    }


def test_wide_balls_that_overlap_do_not_say_that_a_claim_holds():
    wide, narrow, small = (1.0, 3.0), (1e-30, 100.0), (1e-30, -5.0)
    said = [room.agrees(Outcome("", "", True, 0.0, bound, bits)) for bound, bits in (wide, narrow, small)]
    assert said == [False, True, True] and not room.agrees(Outcome("", "", None))
    assert room.agrees(Outcome("", "", True, 1.0, 1e9, 90.0)), "a large number, known to many bits"
    assert room.agrees(Outcome("", "", True, accuracy=-5.0)), "an inequality that is decided"


def test_the_width_of_an_enclosure_is_told_by_its_decade():
    widths = {bits: room._width(Outcome("", "", True, accuracy=bits)) for bits in (118, 3, 0, -5, math.inf)}
    assert widths == {118: "1e-36", 3: "1e-1", 0: "about 0", -5: "about 0", math.inf: "exact"}

"""Stored counterexamples: every one reproduces; what was tampered with, or speaks of what is not, is noticed."""

import json
from dataclasses import asdict, replace

import pytest

from derivation.claims import CLAIMS, LIBRARY
from verify import ledger, replay
from verify.cases import Case
from verify.errors import CorruptFile, UsageError
from verify.map_properties import MAP_PROPERTIES
from verify.matrix import Cell, Need
from verify.replay import STORE, case_of, of_cell, of_refuted, read, slugs, write

EXPECTED = {name: record["verdict"] for name, record in ledger.read_expected()["claims"].items()}
SLUG = "alpha-closed-form/without-exp-head"


def test_every_hypothesis_every_refuted_claim_and_every_assumption_of_a_map_has_one():
    cells = {f"{c.name}/without-{h.name}" for c in CLAIMS if EXPECTED[c.name] == "PROVED" for h in c.given}
    printed = {f"{name}/as-printed" for name, verdict in EXPECTED.items() if verdict == "REFUTED"}
    maps = {f"{prop.name}/without-{name}" for prop in MAP_PROPERTIES for name in prop.assumes}
    assert set(slugs()) == cells | printed | maps


@pytest.mark.parametrize("slug", slugs())
def test_it_reproduces_by_every_method(slug):
    found = replay.replay(read(slug))
    assert found.faults == () and found.violation is not None
    assert {"exact", "enclosure"} & found.methods.keys()


def test_float64_sees_what_was_found_exactly_but_decides_nothing():
    said = replay.replay(read(SLUG)).methods["autograd"]
    assert said.startswith("residual 0.25, rounding allows ")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"lhs": "1/3"}, "expected exactly 1/3 and 1/4"),
        ({"balls": ("0.6", "0.25")}, "expected values in"),
        ({"need": "no value"}, "expected no value, found false"),
        ({"functions": {"S": "2 u", "f": "exp(u)"}}, "«exp-head» is not known to be violated"),
        ({"functions": {"S": "u^2", "f": "u^2"}}, "«affine-along-line» is not known to hold"),
        ({"statement": "0" * 12}, "the claim says something else now"),
    ],
)
def test_what_was_tampered_with_is_noticed(change, fault):
    assert any(fault in each for each in replay.replay(replace(read(SLUG), **change)).faults)


def test_another_divisor_is_noticed():
    stored = replace(read("alpha-closed-form/without-slope-nonzero"), why="the divisor x is 0")
    (fault,) = replay.replay(stored).faults
    assert fault.startswith("expected that the divisor x is 0, found that the divisor ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"functions": {"S": "sin(u)", "f": "u^2"}}, "no function of the catalogue is written 'sin\\(u\\)'"),
        ({"functions": {"Z": "2 u"}}, "no letter is called 'Z'"),
        ({"numbers": {"x": "__import__('os')"}}, "expected a number made of digits"),
        ({"claim": "nobody"}, "no claim is called 'nobody'"),
    ],
)
def test_what_is_not_known_is_refused_by_name(change, message):
    with pytest.raises(CorruptFile, match=message):
        replay.replay(replace(read(SLUG), **change))


def test_a_file_comes_back_as_it_was_written(tmp_path):
    stored = read(SLUG)
    assert write(stored, tmp_path).read_bytes() == (STORE / "alpha-closed-form.without-exp-head.json").read_bytes()
    assert read(SLUG, tmp_path) == stored and slugs(tmp_path) == [SLUG]


def test_a_number_that_is_not_rational_comes_back_exactly():
    case = case_of(read("alpha-softplus-head/without-no-undivided-pole"))
    assert isinstance(case, Case) and not all(number.is_Rational for _, number in case.numbers)


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"schema": "another/1"})])
def test_a_file_that_is_none_is_refused(tmp_path, text):
    (tmp_path / "alpha-closed-form.without-exp-head.json").write_text(text)
    with pytest.raises(CorruptFile, match="restore it"):
        read(SLUG, tmp_path)


def test_a_file_of_another_schema_or_name_is_refused(tmp_path):
    document = {"schema": "gradcampp-counterexample/0", **asdict(read(SLUG))}
    path = tmp_path / "alpha-closed-form.without-exp-head.json"
    path.write_text(json.dumps(document))
    with pytest.raises(CorruptFile, match="is of schema 'gradcampp-counterexample/0'"):
        read(SLUG, tmp_path)
    path.write_text(json.dumps({**document, "schema": replay.SCHEMA, "slug": "another/as-printed"}))
    with pytest.raises(CorruptFile, match="speaks of 'another/as-printed'"):
        read(SLUG, tmp_path)


def test_an_unknown_name_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="did you mean 'alpha-closed-form/without-exp-head'"):
        read("alpha-closed-form/without-exp-hed")


def test_a_name_is_not_its_file():
    with pytest.raises(UsageError, match=r"no counterexample is called 'alpha-closed-form\.without-exp-head'"):
        read("alpha-closed-form.without-exp-head")


def test_an_open_cell_and_a_true_claim_have_nothing_to_store():
    with pytest.raises(ValueError, match="is open: there is no counterexample"):
        of_cell(Cell("alpha-closed-form", "no-pole", Need.OPEN, 3))
    assert of_refuted(LIBRARY["alpha-closed-form"]) is None

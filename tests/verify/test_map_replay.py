"""Counterexamples about whole maps as files: they reproduce, and what was tampered with is noticed."""

from dataclasses import replace

import pytest

from verify import replay
from verify.errors import CorruptFile, UsageError
from verify.map_properties import MAP_PROPERTIES
from verify.map_replay import at_setting, setting_of
from verify.replay import read
from verify.setting import Setting
from verify.settings_json import from_data, to_data

SLUG = "closed-map/without-affine-along-line"


def with_setting(stored, **changes):
    return replace(stored, setting={**stored.setting, **changes})


def test_every_assumption_of_every_statement_has_one():
    cells = {f"{prop.name}/without-{name}" for prop in MAP_PROPERTIES for name in prop.assumes}
    assert {slug for slug in replay.slugs() if read(slug).setting} == cells


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"lhs": "1/5"}, "expected exactly 1/5 and 1/4, found 3/16 and 1/4"),
        ({"need": "no value"}, "expected no value, found false"),
        ({"statement": "0" * 12}, "the statement says something else now"),
    ],
)
def test_what_was_tampered_with_is_noticed(change, fault):
    assert any(fault in each for each in replay.replay(replace(read(SLUG), **change)).faults)


def test_balls_and_divisors_are_compared():
    moved = replace(read("closed-map/without-scalar-head"), balls=("[0.5 +/- 1e-9]", "[0.6 +/- 1e-9]"))
    assert any("expected values in" in fault for fault in replay.replay(moved).faults)
    other = replace(read("closed-map/without-no-pole"), why="the divisor g is 0")
    assert any("expected that the divisor g is 0" in fault for fault in replay.replay(other).faults)


def test_a_setting_that_violates_another_assumption_is_no_counterexample():
    faults = replay.replay(with_setting(read(SLUG), head="identity")).faults
    assert "«outer-curved» is not known to hold" in faults
    tail = {**read(SLUG).setting["tail"], "layers": [{"kind": "linear", "weights": [["1"]], "biases": ["0"]}]}
    faults = replay.replay(with_setting(read(SLUG), tail=tail)).faults
    assert "«affine-along-line» is not known to be violated" in faults
    assert "expected false, found that the statement holds" in faults


def test_what_is_no_setting_or_not_known_is_refused():
    with pytest.raises(CorruptFile, match="describes no setting"):
        replay.replay(with_setting(read(SLUG), head="sinh"))
    with pytest.raises(CorruptFile, match="describes no setting"):
        replay.replay(replace(read(SLUG), setting={"tail": {}}))
    with pytest.raises(UsageError, match="no property is called 'closed-mop'"):
        replay.replay(replace(read(SLUG), claim="closed-mop"))
    with pytest.raises(UsageError, match="no assumption is called"):
        replay.replay(replace(read(SLUG), without="affine"))


@pytest.mark.parametrize("slug", [SLUG, "images-stand-alone/without-eval-mode", "closed-map/without-scalar-head"])
def test_a_setting_comes_back_as_it_was_written(slug, tmp_path):
    stored = read(slug)
    setting = setting_of(stored)
    assert isinstance(setting, Setting) and to_data(setting) == stored.setting
    assert from_data(to_data(setting)) == setting
    assert replay.write(stored, tmp_path).read_bytes() == replay.path_of(slug, replay.STORE).read_bytes()


def test_it_is_laid_out_with_what_is_put_in_and_what_comes_out():
    page = at_setting(replay.replay(read(SLUG)))
    text = str(page)
    assert "S = 1, g = 2, h = 2, t = 0, sigma = 1" in text and "The sides differ: 3/16 ≠ 1/4" in text
    assert "2 of 2 numbers of cam within their bounds of the truth" in text
    assert "nothing to be claimed" in str(at_setting(replay.replay(read("closed-map/without-no-pole"))))


def test_what_does_not_fail_is_not_laid_out():
    with pytest.raises(ValueError, match="does not fail"):
        at_setting(replay.Replayed(read(SLUG), None, {}, ()))

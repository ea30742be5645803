"""A citation says what is recorded and stored, and nothing more."""

import pytest

from verify import ledger, replay
from verify.errors import UsageError
from verify.map_properties import MAP_PROPERTIES, map_property
from verify.report.citation import cited

PROVED, REFUTED = "alpha-closed-form", "alpha-closed-form-any-head"
STANDINGS = ledger.read_expected()["claims"]


def test_it_says_how_a_claim_stands_and_which_statement_it_is():
    proved, refuted = (cited(name, STANDINGS) for name in (PROVED, REFUTED))
    assert "proved, each of its 4 hypotheses being needed" in proved and STANDINGS[PROVED]["statement"] in proved
    assert "refuted by counterexample" in refuted and "needed" not in refuted


@pytest.mark.parametrize("name", [PROVED, REFUTED, *(prop.name for prop in MAP_PROPERTIES)])
def test_it_is_one_sentence_and_bibtex(name):
    sentence, blank, *entry = cited(name, STANDINGS).splitlines()
    assert sentence.endswith(").") and not blank
    assert entry[0] == f"@software{{gradcampp-{name}," and entry[-1] == "}"
    assert "".join(entry).count("{") == "".join(entry).count("}")


def test_a_statement_about_maps_is_not_said_to_be_proved():
    found = cited("closed-map", STANDINGS)
    assert "searched for what breaks it, not proved, each of its 6 assumptions being needed" in found
    assert map_property("closed-map").statement in found
    assert "its assumption being needed" in cited("images-stand-alone", STANDINGS)


def test_what_is_not_recorded_or_stored_is_not_said(tmp_path):
    other = {PROVED: {**STANDINGS[PROVED], "statement": "0" * 12}}
    for standings in ({}, other):
        assert "not yet tried as it reads now" in cited(PROVED, standings)
    assert ": undecided (" in cited(PROVED, {PROVED: {**STANDINGS[PROVED], "verdict": "UNDECIDED"}})
    replay.write(replay.read(f"{PROVED}/without-exp-head"), tmp_path)
    assert "proved, 1 of its 4 hypotheses being needed" in cited(PROVED, STANDINGS, tmp_path)


@pytest.mark.parametrize(("name", "nearest"), [("alpha-closed-for", PROVED), ("closed-mop", "closed-map")])
def test_an_unknown_name_gets_the_nearest(name, nearest):
    with pytest.raises(UsageError, match=f"did you mean '{nearest}'"):
        cited(name, STANDINGS)

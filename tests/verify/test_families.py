"""Families of settings keep their word: what they meet, what they break, what is usual."""

import pytest
from hypothesis import HealthCheck, given, settings

from verify.assumptions import ASSUMPTIONS, assumption
from verify.families import FAMILIES, chosen
from verify.families import settings as drawn
from verify.map_properties import MAP_PROPERTIES

FEW = settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
NAMES = {each.name for each in ASSUMPTIONS}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_meets_what_it_says_at_the_entry_looked_at(family):
    meets = [assumption(name) for name in family.meets & NAMES]

    @FEW
    @given(family.draw)
    def keeps_its_word(setting):
        place = setting.tail.entry
        for each in meets:
            assert each.at(setting, place) or not each.exists(setting, place), each.name

    keeps_its_word()


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_family_breaks_what_it_says_in_some_setting_and_meets_the_usual_in_most(family):
    counts = dict.fromkeys(family.breaks | family.usual, 0)

    @FEW
    @given(family.draw)
    def count(setting):
        for name in family.breaks:
            counts[name] += assumption(name).meets(setting) is False
        for name in family.usual:
            counts[name] += assumption(name).at(setting, setting.tail.entry) is True

    count()
    assert all(counts[name] for name in family.breaks), counts
    assert all(counts[name] >= 5 for name in family.usual), counts


def test_a_family_speaks_of_assumptions_that_there_are():
    for family in FAMILIES:
        assert (family.meets | family.breaks | family.usual) - NAMES <= {"batched"}, family.name
        assert not family.meets & family.breaks


def test_every_property_and_every_cell_has_a_family():
    for prop in MAP_PROPERTIES:
        kept = {*prop.assumes, *prop.also}
        assert chosen(kept), prop.name
        for name in prop.assumes:
            assert chosen(kept - {name}, name), (prop.name, name)


def test_what_no_family_offers_is_refused():
    with pytest.raises(ValueError, match="no family meets one-channel and breaks one-channel"):
        drawn({"one-channel"}, "one-channel")

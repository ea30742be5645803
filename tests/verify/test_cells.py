"""Tables and counterexamples say what is computed; a slider stands still where outputs are kept."""

import sys
from dataclasses import replace
from types import ModuleType

import pytest

from derivation.claims import LIBRARY
from verify import cells
from verify.cells import STILL, Page, slider, standings, table, tried_again
from verify.errors import Fault, UsageError
from verify.verdict import Verdict


def test_a_table_is_markdown_and_text():
    found = table(("name", "number"), [("a_b|c", 1), ("d", 22)])
    assert found._repr_markdown_() == "| name | number |\n| --- | --- |\n| a\\_b\\|c | 1 |\n| d | 22 |"
    assert repr(found) == "name   number\na_b|c  1\nd      22"


def test_a_row_of_another_length_is_refused():
    with pytest.raises(ValueError, match="2 columns, and a row of 1 cells"):
        table(("name", "number"), [("a", 1), ("b",)])


def test_standings_are_computed_and_not_remembered(monkeypatch):
    proved, refuted = standings("exp-power-rule", "post-second-derivative-middle").rows
    assert (proved[2], refuted[2]) == (Verdict.PROVED, Verdict.REFUTED)
    wrong = {**LIBRARY, "exp-power-rule": LIBRARY["post-second-derivative-middle"]}
    monkeypatch.setattr(cells, "LIBRARY", wrong)
    assert standings("exp-power-rule").rows[0][2] == Verdict.REFUTED


def test_what_only_balls_refute_is_refuted(monkeypatch):
    tried = []
    monkeypatch.setattr(cells, "enclosure", lambda claim: tried.append(claim) or enclosed(claim))
    enclosed = sys.modules["verify.methods.enclosure"].enclosure
    assert standings("alpha-closed-form-softplus").rows[0][2] == Verdict.REFUTED
    assert tried == [LIBRARY["alpha-closed-form-softplus"]]


@pytest.mark.parametrize("slug", ["alpha-closed-form/without-exp-head", "closed-map/without-affine-along-line"])
def test_a_counterexample_is_tried_again_and_worked_out(slug):
    page = tried_again(slug)
    assert page._repr_markdown_() == repr(page) == page.markdown
    assert slug in page.markdown and "The sides differ" in page.markdown and "By every method" in page.markdown


def test_a_counterexample_that_fails_no_more_is_a_fault(monkeypatch):
    stored = cells.read("alpha-closed-form/without-exp-head")
    monkeypatch.setattr(cells, "read", lambda slug: replace(stored, lhs="1/3"))
    with pytest.raises(Fault, match="expected exactly 1/3"):
        tried_again(stored.slug)


def test_an_unknown_counterexample_is_named():
    with pytest.raises(UsageError, match="without-exp-head"):
        tried_again("alpha-closed-form/without-exp-heat")


class Moved:
    """What ipywidgets does, without a browser: a slider that a test moves."""

    def __init__(self, function, value):
        self.function, self.handle = function, value

    def put(self, value):
        assert value in [known for _, known in self.handle["options"]]
        self.function(value)


@pytest.fixture
def widgets(monkeypatch):
    module = ModuleType("ipywidgets")
    module.SelectionSlider = lambda **options: options
    module.interactive = Moved
    monkeypatch.setitem(sys.modules, "ipywidgets", module)


def test_a_slider_shows_what_is_drawn_for_its_value(widgets, monkeypatch):
    pytest.importorskip("IPython", reason="the extra `notebooks` is not installed")
    monkeypatch.delenv(STILL, raising=False)
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    moved = slider(lambda value: f"drawn for {value}", "beta", [1, 2, 4], 2)
    assert moved.handle["value"] == 2 and moved.handle["description"] == "beta"
    moved.put(4)
    assert shown == ["drawn for 4"]


def test_where_outputs_are_kept_a_slider_stands_still(widgets, monkeypatch):
    monkeypatch.setenv(STILL, "1")
    assert slider(lambda value: f"drawn for {value}", "beta", [1, 2, 4], 2) == "drawn for 2"


def test_without_ipywidgets_a_slider_stands_still(monkeypatch):
    monkeypatch.delenv(STILL, raising=False)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    assert slider(lambda value: f"drawn for {value}", "beta", [1, 2, 4], 2) == "drawn for 2"


def test_a_slider_starts_at_one_of_its_values():
    with pytest.raises(ValueError, match="not at 3"):
        slider(lambda value: Page(""), "beta", [1, 2, 4], 3)

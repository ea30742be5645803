"""Heatmaps in the benchmark: what a row holds, with a clock that is made up, and planted slowness."""

import json
from collections import Counter
from itertools import pairwise

import pytest
from rich.console import Console

from verify.bench import maps, run
from verify.bench.peers import NOT_RUN
from verify.bench.row import How
from verify.catalogue.zoo import Architecture
from verify.report import bench as shown

from .clock import Clock

PEERS = maps.PEERS
SMALL = maps.Mapped(Architecture("torchvision", "resnet18", "layer4", side=32))


@pytest.fixture(autouse=True)
def _no_peers(monkeypatch):
    monkeypatch.setattr(maps, "PEERS", {})


def test_a_row_can_be_written_down_and_shown(monkeypatch):
    monkeypatch.setattr(maps, "PEERS", PEERS)
    found = maps.measure(SMALL, 2, How(rounds=1), Clock())
    assert json.loads(json.dumps(found)) == found
    assert found["ms"]["closed"] == found["ms"]["passes"] == found["first_exact_ms"] == 500
    assert (found["to_passes"], found["exact_to_closed"]) == (1, 1)
    run = [name for name in maps.PEERS if found["ms"][name] != NOT_RUN]
    assert all(found["ms"][name] == 500 for name in run)
    assert found["to_fastest_peer"] == (1 if run else None)
    ((head, body),) = shown.tables([], [], [found])
    assert len(head) == len(body[0]) and body[0][:2] == ("resnet18, layer4", "2")
    assert "resnet18" in shown.markdown({"processor": "one", "rows": [], "gains": [], "maps": [found]})


def test_a_terminal_of_80_columns_shows_every_word_whole(capsys):
    record = run.recorded()
    parts = {part: record[part] for part in ("rows", "gains", "maps")}
    for table in shown.terminal(**parts):
        Console(width=80).print(table)
    printed = set(capsys.readouterr().out.split())
    expected = {
        word for head, body in shown.tables(**parts) for line in (head, *body) for cell in line for word in cell.split()
    }
    assert expected and expected <= printed


@pytest.mark.parametrize("width", [40, 50, 60, 65, 66, 80, 120])
def test_no_column_is_lost_in_a_narrow_terminal(capsys, width):
    record = run.recorded()
    for part in ("rows", "gains", "maps"):
        for table in shown.terminal(**{part: record[part]}, width=width):
            Console(width=width).print(table)
        printed = Counter("".join(capsys.readouterr().out.replace("─", "").split()))
        found = shown.tables(**{"rows": [], "gains": [], part: record[part]})
        cells = [cell for head, body in found for line in (head, *body) for cell in line]
        assert printed == Counter("".join(cells).replace(" ", ""))


def test_each_round_measures_all_in_an_order_of_its_own(monkeypatch):
    ran = []
    works = {name: lambda name=name: ran.append(name) for name in ("closed", "exact", "forward", "passes")}
    monkeypatch.setattr(maps, "_works", lambda *_args: (0.0, works))
    maps.measure(SMALL, 1, How(rounds=8), Clock())
    rounds = [tuple(ran[n : n + 5]) for n in range(0, len(ran), 5)]
    assert len(rounds) == 9 and all(set(one) == set(works) and one[0] == one[1] for one in rounds)
    assert len({one[0] for one in rounds}) == 4 and all(one != other for one, other in pairwise(rounds))
    before = Counter(pair for one in rounds[1:] for pair in pairwise(one) if pair[0] != pair[1])
    assert len(before) == 12 and set(before.values()) == {2}


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 7])
def test_each_comes_right_after_each_other_one_equally_often(count):
    orders = maps.balanced("abcdefg"[:count])
    assert all(len(set(order)) == count for order in orders)
    after = Counter(pair for order in orders for pair in pairwise(order))
    assert len(after) == count * (count - 1) and len(set(after.values())) == 1
    places = Counter((name, place) for order in orders for place, name in enumerate(order))
    assert len(places) == count**2 and len(set(places.values())) == 1


def test_the_usual_rounds_are_balanced_when_all_peers_are_there():
    assert maps.ROUNDS % len(maps.balanced(["closed", "exact", "forward", "passes", *PEERS])) == 0


def test_without_peers_nothing_is_said_of_them():
    found = maps.measure(SMALL, 1, How(rounds=1), Clock())
    assert found["to_fastest_peer"] is None
    assert "pytorch-grad-cam" not in found["ms"]


@pytest.mark.parametrize("name", ["closed", "exact"])
def test_planted_slowness_breaks_the_rule(monkeypatch, name):
    made, clock = maps._works, Clock()

    def slow(*args):
        first, works = made(*args)
        quick = {"closed": "passes", "exact": "closed"}[name]
        for other in works:
            if other != name:
                works[other] = lambda work=works[other], other=other: (
                    setattr(clock, "now", clock.now + (1.5 if other == quick else 0)),
                    work(),
                )
        return first, works

    monkeypatch.setattr(maps, "_works", slow)
    found = maps.measure(SMALL, 1, How(rounds=1), clock)
    if name == "closed":
        assert found["to_passes"] == 0.25 and found["within_rule"]
        monkeypatch.setitem(maps.AT_MOST, "passes", 0.2)
    else:
        assert found["exact_to_closed"] == 0.25
        monkeypatch.setitem(maps.AT_MOST, "exact", 0.2)
    assert not maps.measure(SMALL, 1, How(rounds=1), clock)["within_rule"]


def test_the_networks_are_there_and_their_tails_piecewise_linear():
    for mapped in maps.MAPPED:
        model = mapped.architecture.make()
        assert mapped.architecture.layer in dict(model.named_modules())
        assert not any("GELU" in type(m).__name__ or "SiLU" in type(m).__name__ for m in model.modules())

"""The graph of the claims: every arrow is there and points right, no box lies on another, the words say the result."""

import copy
import re
from itertools import combinations

import pytest

from verify.report import graph
from verify.report.page import faulty, render


def claim(name, uses=(), corrects=(), corrected_by=(), verdict="PROVED", stands=True):
    return {
        "name": name,
        "uses": list(uses),
        "corrects": list(corrects),
        "corrected_by": list(corrected_by),
        "verdict": verdict,
        "stands": stands,
    }


CHAIN = [
    claim("base"),
    claim("middle", uses=["base"]),
    claim("top", uses=["middle", "base"], corrects=["wrong"]),
    claim("wrong", corrected_by=["top"], verdict="REFUTED", stands=False),
    claim("alone"),
]


@pytest.fixture(params=["chain", "full"])
def claims(request, full):
    return CHAIN if request.param == "chain" else full["claims"]


def boxes(drawing):
    return {node.name: (node.x, node.y) for node in drawing.nodes}


def test_every_claim_has_one_box_in_reading_order(claims):
    assert [node.name for node in graph.draw(claims).nodes] == [each["name"] for each in claims]


def test_no_box_touches_another_and_all_are_inside(claims):
    drawing = graph.draw(claims)
    for (_, (x, y)), (_, (to_x, to_y)) in combinations(boxes(drawing).items(), 2):
        assert abs(x - to_x) >= graph.WIDTH or abs(y - to_y) >= graph.HEIGHT
    for x, y in boxes(drawing).values():
        assert 0 <= x <= drawing.width - graph.WIDTH
        assert 0 <= y <= drawing.height - graph.HEIGHT


def test_there_is_an_arrow_for_every_use_and_every_correction_and_it_points_right(claims):
    edges = graph.edges_of(claims)
    assert {(one, other) for one, other, kind in edges if kind == "uses"} == {
        (used, each["name"]) for each in claims for used in each["uses"]
    }
    assert {(one, other) for one, other, kind in edges if kind == "corrects"} == {
        (each["name"], other) for each in claims for other in each["corrects"]
    }
    drawing = graph.draw(claims)
    places = boxes(drawing)
    assert len(drawing.arrows) == len(edges)
    for (one, other, _), arrow in zip(edges, drawing.arrows, strict=True):
        assert places[one][0] + graph.WIDTH < places[other][0]
        x, y = map(float, re.match(r"M(\S+) (\S+?)C", arrow.path).groups())
        assert (x, y) == (places[one][0] + graph.WIDTH, places[one][1] + graph.HEIGHT / 2)
        x, y = map(float, re.match(r"M(\S+) (\S+?)l", arrow.head).groups())
        assert (x, y) == (places[other][0], places[other][1] + graph.HEIGHT / 2)


def test_a_level_stretch_of_an_arrow_crosses_no_box(claims):
    drawing = graph.draw(claims)
    for arrow in drawing.arrows:
        for y, to_x in re.findall(r" (\S+?)H(\S+?)(?=C)", arrow.path):
            for x, top in boxes(drawing).values():
                inside = x + graph.WIDTH == pytest.approx(float(to_x), abs=1)
                assert not (inside and top < float(y) < top + graph.HEIGHT)


def test_the_same_claims_give_the_same_drawing(claims):
    assert graph.draw(copy.deepcopy(claims)) == graph.draw(claims)


def test_the_layers_follow_the_longest_way():
    x = {name: place[0] for name, place in boxes(graph.draw(CHAIN)).items()}
    assert x["base"] < x["middle"] < x["top"] < x["wrong"]
    assert x["alone"] == x["base"]


def test_the_sweeps_undo_a_crossing_that_the_reading_order_has():
    crossed = [claim("a"), claim("b"), claim("c", uses=["b"]), claim("d", uses=["a"]), claim("e", uses=["a", "b"])]
    place = boxes(graph.draw(crossed))
    assert (place["a"][1] - place["b"][1]) * (place["d"][1] - place["c"][1]) > 0


def test_the_words_state_the_result():
    assert graph.draw(CHAIN).says == (
        "5 claims: 4 proved, 1 refuted. 3 arrows lead from what is used to what uses it and 1 arrow from a correction "
        "to what it replaces. Every refuted claim is corrected by another."
    )


def test_a_hole_and_a_claim_that_does_not_stand_are_named_and_have_a_look_of_their_own():
    odd = [claim("hole", verdict="REFUTED", stands=False), claim("shaky", uses=["hole"], stands=False)]
    drawing = graph.draw(odd)
    assert [node.kind for node in drawing.nodes] == ["hole", "fallen"]
    assert "corrected by none: hole." in drawing.says
    assert "Proved, but resting on what does not stand: shaky." in drawing.says


def test_a_claim_that_is_not_in_the_ledger_gets_no_arrow():
    assert graph.draw([claim("part", uses=["not-tried"])]).arrows == ()


def test_nothing_at_all_and_a_circle_are_drawn_too():
    assert graph.draw([]).nodes == ()
    assert len(graph.draw([claim("a", uses=["b"]), claim("b", uses=["a"])]).nodes) == 2


@pytest.mark.parametrize("name", ["short", "post-second-derivative-middle-equals-right", "one" * 12])
def test_a_name_is_broken_at_hyphens_only_and_loses_nothing(name):
    (node,) = graph.draw([claim(name)]).nodes
    assert "".join(node.lines) == name
    assert len(node.lines) <= 3


def test_names_fit_into_their_boxes(full):
    assert all(len(node.lines) <= 3 for node in graph.draw(full["claims"]).nodes)


def part(page, name):
    start = page.index(f'<section id="{name}"')
    return page[start : page.index("</section>", start)]


def test_the_page_has_a_link_to_the_section_of_every_claim_and_one_legend(full):
    svg = part(render(full), "graph")
    assert re.findall(r'<a class="node \w+" href="#([^"]+)"', svg) == [each["name"] for each in full["claims"]]
    assert svg.count('class="legend"') == 1
    legend = svg[svg.index('class="legend"') :]
    words = [word.strip() for word in re.findall(r"</svg>([^<]+)</span>", legend)]
    assert words == ["proved", "refuted", "is used by", "corrects"]
    assert 'aria-labelledby="graph-title graph-says"' in svg


def test_a_verdict_has_a_mark_besides_its_colour(full):
    marks = dict(re.findall(r'class="node (\w+)".*?<g class="mark"[^>]*>(.*?)</g>', part(render(full), "graph")))
    assert set(marks) == {"proved", "refuted"}
    assert len(set(marks.values())) == 2


def test_every_line_that_is_false_as_printed_stands_beside_what_is_true(full):
    table = part(render(full), "faulty")
    rows = re.findall(r"<tr>\s*<th scope=\"row\">.*?</tr>", table, flags=re.DOTALL)
    wrong = faulty(full["claims"])
    assert len(rows) == len(wrong) > 0
    for row, line in zip(rows, wrong, strict=True):
        assert f'href="#{line["claim"]["name"]}"' in row
        assert "REFUTED" in row
        assert row.count("<math ") == 2 + 2 * len(line["corrections"])
        for other in line["corrections"]:
            assert f'href="#{other["name"]}"' in row


def test_the_table_has_every_refuted_line_of_the_post(full):
    refuted = [c["name"] for c in full["claims"] if c["verdict"] == "REFUTED" and c["source"]["work"] == "post"]
    assert set(refuted) <= {line["claim"]["name"] for line in faulty(full["claims"])}


def test_a_line_that_nobody_corrects_is_an_open_hole_in_the_table(small):
    table = part(render(small), "faulty")
    assert table.count("open hole") == 1
    assert "<code>hole</code>" in table


def test_a_ledger_in_which_nothing_printed_is_refuted_has_no_table(small):
    small["claims"], small["networks"], small["expected"]["moved"] = small["claims"][1:2], [], []
    assert 'id="faulty"' not in render(small)

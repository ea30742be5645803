"""The site: every page that can be made, the same links on each, nothing that leads nowhere."""

import copy
import json
import re

import pytest

from verify import breakmaps, ledger
from verify.errors import CorruptFile, Fault
from verify.report import annotated, audit, links, page, site, templates

PEERS = {
    "schema": 1,
    "peers": [
        {
            "peer": "ours",
            "version": "1.0",
            "note": "",
            "formula": "A inside the <sum>",
            "why": "",
            "finish": "relu",
            "factor": True,
            "eps": [1e-7],
            "deviation": {
                "dots": {"map": 0.25, "rank": -0.5, "moved": True, "picture": 1.5, "turned": 0.75},
                "lite0": {"map": 1e-7, "rank": 1.0, "moved": False, "picture": None, "turned": None},
                "blank": {"map": 0.5, "rank": None, "moved": False, "picture": "not finite", "turned": "not finite"},
                "real": {"not_run": "no pictures"},
                "other": {"failed": "it fell"},
            },
            "behaviours": {"no gradient": {"says": "zeros & all"}},
            "findings": [{"says": "off", "found": 1.5, "expected": 2.0}, {"says": "odd", "failed": "KeyError"}],
        },
        {
            "peer": "theirs",
            "version": None,
            "note": "a note",
            "formula": "not run",
            "why": "it is not installed",
            **dict.fromkeys(("finish", "factor", "eps", "evidence", "behaviours", "deviation", "findings")),
        },
    ],
}
CHECK = (
    "<!DOCTYPE html><html><head>{}<title>Grad-CAM++: net &amp; cat</title></head>"
    "<body>\n<main><h1>x</h1></main></body></html>"
)
POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'


@pytest.fixture
def mine(tmp_path, full):
    """Give a folder with everything in it but the pages of `properties`."""
    (tmp_path / "ledger.json").write_text(ledger.dumps(full))
    (tmp_path / "check-net-cat.html").write_text(CHECK.format(POLICY))
    (tmp_path / "peers.json").write_text(json.dumps(PEERS))
    return tmp_path


def read(folder):
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.html")}


def words(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_site_has_every_page_and_no_fault(mine):
    names = site.write(mine, maps=False)
    found = read(mine)
    assert set(names) == set(found) - {"check-net-cat.html"}
    assert {"index.html", "post.html", "explorer.html", "peers.html", "checks.html"} <= set(names)
    assert any(name.startswith("notebook-") for name in names)
    assert audit.faults(found) == []
    for text in found.values():
        assert text.count('<nav class="pages"') == 1
        assert "Where assumptions break (not made: <code>gradcampp properties</code>)" in text
    assert 'href="check-net-cat.html">net &amp; cat</a>' in found["checks.html"]
    assert '<a href="post.html" aria-current="page">' in found["post.html"]


def test_writing_again_gives_the_same_bytes(mine):
    site.write(mine, maps=False)
    before = read(mine)
    site.write(mine, maps=False)
    assert read(mine) == before


def test_break_maps_are_the_same_bytes_and_each_picture_has_a_text(folder):
    before = (folder / "maps.html").read_text("utf-8")
    assert links.without(before) == site._maps(templates.environment())
    assert before.count("<img") == before.count(' alt="') == len(breakmaps.MAPS)
    assert 'alt=""' not in before


def test_an_empty_folder_gives_what_needs_no_ledger_and_says_how_to_get_the_rest(tmp_path):
    names = site.write(tmp_path, maps=False)
    assert "explorer.html" in names and "post.html" not in names and "index.html" not in names
    text = (tmp_path / "explorer.html").read_text("utf-8")
    assert "2 more pages (not made: <code>gradcampp verify</code>)" in text
    assert "None was checked." in words((tmp_path / "checks.html").read_text("utf-8"))
    peers = words((tmp_path / "peers.html").read_text("utf-8"))
    assert "not run To ask the installed ones: gradcampp peers --json &gt; report/peers.json" in peers


def test_the_front_page_is_that_of_verify_with_links(mine, full):
    site.write(mine, maps=False)
    text = (mine / "index.html").read_text("utf-8")
    assert links.without(text) == page.render(ledger.loads(ledger.dumps(full)))


def test_peers_that_were_asked_are_told_and_those_that_are_missing_are_not_run(mine):
    site.write(mine, maps=False)
    html = (mine / "peers.html").read_text("utf-8")
    text = words(html)
    assert "ours 1.0 A inside the &lt;sum&gt;, 1e-07 in the denominator, times exp(S) relu theirs" in text
    assert "ours 0.25 −0.5 elsewhere 1.5 turned over, 1 minus it: 0.75" in text
    assert "EfficientNet-Lite0, chelsea: g nearly constant in space, (19) is exact" in text
    assert "ours 10⁻⁷" in text.replace("1 × ", "") and "1 the same it has none" in text
    assert "ours 0.5 – the same not finite" in text
    assert "ours not run (no pictures)" in text and "ours failed (it fell)" in text
    assert [float(each) for each in re.findall(r'<rect width="([^"]+)"', html)] == [30, 120, 0, 60]
    assert "zeros &amp; all" in text and "off (found 1.5, expected 2)" in text
    assert "odd (not tried: its program fails: KeyError)" in text
    assert "theirs a note not run it is not installed" in text


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 7, "peers": []}', '{"schema": 1}'])
def test_peers_of_another_schema_are_refused_and_nothing_is_written(mine, text):
    (mine / "peers.json").write_text(text)
    with pytest.raises(CorruptFile, match=r"peers\.json"):
        site.write(mine, maps=False)
    assert not (mine / "explorer.html").exists()


@pytest.mark.parametrize("data", [b"{}", b"[]", b"{", b"\xff\xfe"])
def test_a_ledger_that_is_none_is_refused_with_its_name_and_what_to_do(mine, data):
    (mine / "ledger.json").write_bytes(data)
    with pytest.raises(CorruptFile, match=r"ledger\.json.*run gradcampp verify again"):
        site.write(mine, maps=False)


@pytest.mark.parametrize("name", ["ledger.json", "peers.json"])
def test_a_folder_in_place_of_a_file_is_refused(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(CorruptFile, match=name):
        site.write(tmp_path, maps=False)


def test_a_page_with_a_fault_is_refused_and_nothing_is_written(mine):
    (mine / "check-net-cat.html").write_text(CHECK.format(POLICY).replace("x</h1>", '<a href="#gone">x</a></h1>'))
    with pytest.raises(Fault, match=r"check-net-cat\.html: the link #gone leads to no place"):
        site.write(mine, maps=False)
    assert not (mine / "explorer.html").exists()


def test_what_corrects_a_claim_and_was_not_tried_is_named_and_a_hole_is_called_one(mine, full):
    part = copy.deepcopy({**full, "claims": full["claims"][:4]})
    part["claims"][2]["corrected_by"] = []
    (mine / "ledger.json").write_text(ledger.dumps(part))
    site.write(mine, maps=False)
    text = words((mine / "post.html").read_text("utf-8"))
    assert text.count("open hole") == 1
    assert "True instead, not tried in this run: second-derivative" in text


def test_without_the_documents_there_is_no_annotated_post(mine, monkeypatch):
    monkeypatch.setattr(annotated, "POST", mine / "gone.md")
    assert "post.html" not in site.write(mine, maps=False)

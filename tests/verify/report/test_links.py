"""Links between pages: the same on each, whichever command wrote them, and never to what is not there."""

import re

import pytest

from verify.report import links

FRONT, PROPERTIES, CHECKS = links.FRONT.file, links.PROPERTIES.file, links.CHECKS.file


def bare(title, body="<h1>x</h1>"):
    return f"<html><head><title>Grad-CAM++: {title}</title></head>\n<body>\n{body}</body></html>\n"


def targets(folder, name):
    """Return the pages that a page links to on top, and which of them it says it is."""
    text = (folder / name).read_text("utf-8")
    return re.findall(r'<li><a href="([^"]+)"( aria-current="page")?>', text)


def test_a_page_alone_is_as_it_was_rendered(tmp_path):
    links.place(tmp_path, {FRONT: bare("one")})
    assert (tmp_path / FRONT).read_text("utf-8") == bare("one")


@pytest.mark.parametrize("order", [(FRONT, PROPERTIES), (PROPERTIES, FRONT)])
def test_each_page_links_to_every_other_whichever_was_written_last(tmp_path, order):
    for name in order:
        links.place(tmp_path, {name: bare(name)})
    for name in order:
        assert [file for file, _ in targets(tmp_path, name)] == [FRONT, PROPERTIES]
        assert [file for file, here in targets(tmp_path, name) if here] == [name]
        text = (tmp_path / name).read_text("utf-8")
        assert links.without(text) == bare(name)
        assert "more pages (not made: <code>gradcampp report</code>)" in text


def test_a_page_that_is_written_again_keeps_its_links(tmp_path):
    links.place(tmp_path, {FRONT: bare("one"), PROPERTIES: bare("two")})
    before = {name: (tmp_path / name).read_bytes() for name in (FRONT, PROPERTIES)}
    links.place(tmp_path, {FRONT: bare("one")})
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_link_to_a_page_that_is_gone_goes(tmp_path):
    links.place(tmp_path, {FRONT: bare("one"), PROPERTIES: bare("two"), CHECKS: bare("three")})
    (tmp_path / PROPERTIES).unlink()
    links.place(tmp_path, {FRONT: bare("one")})
    for name in (FRONT, CHECKS):
        assert [file for file, _ in targets(tmp_path, name)] == [FRONT, CHECKS]


def test_a_new_check_is_in_the_list_of_checks_at_once(tmp_path):
    links.place(tmp_path, {CHECKS: links.checks({})})
    links.place(tmp_path, {"check-a.html": bare("net &amp; cat")})
    assert '<a href="check-a.html">net &amp; cat</a>' in (tmp_path / CHECKS).read_text("utf-8")
    assert targets(tmp_path, "check-a.html") == [(CHECKS, "")]


def test_what_others_put_into_the_folder_is_left_alone_and_not_linked_to(tmp_path):
    for name in (PROPERTIES, "check-list.html"):
        (tmp_path / name).write_text("<title>mine</title>\n<body>\n")
    links.place(tmp_path, {FRONT: bare("one")})
    assert (tmp_path / FRONT).read_text("utf-8") == bare("one")
    for name in (PROPERTIES, "check-list.html"):
        assert (tmp_path / name).read_text() == "<title>mine</title>\n<body>\n"

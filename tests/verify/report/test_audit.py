"""The checks of the site: each finds the one error that is planted for it, and nothing else."""

import pytest

from verify.report import audit
from verify.report.templates import style

POLICY = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:">'


def page(body, head=POLICY):
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


GOOD = {
    "one.html": page(
        '<p id="top"><a href="two.html#there">on</a> <a href="#top">up</a> <a href="https://a.b">out</a></p>'
    ),
    "two.html": page('<p id="there"><img alt="a result" src="data:,"><svg aria-hidden="true"></svg></p>'),
}


def test_a_site_without_an_error_has_no_fault():
    assert audit.faults(GOOD) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ('<a href="#gone">x</a>', "#gone leads to no place"),
        ('<a href="two.html#gone">x</a>', "two.html#gone leads to no place"),
        ('<a href="three.html">x</a>', "three.html leads to no page"),
        ('<img src="data:,">', "<img> has no text alternative"),
        ("<svg class='plot'></svg>", "<svg plot> has no text alternative"),
        ('<b id="a"></b><b id="a"></b>', "the id a occurs 2 times"),
        ('<section aria-labelledby="gone"></section>', "a label refers to gone"),
        ('<img alt="" src="https://a.b/c.png">', "<img src> asks"),
        ('<link href="style.css">', "<link href> asks"),
        ('<b onclick="x()"></b>', "<b onclick> asks"),
        ("<script>fetch('x')</script>", "its style sheet or program asks"),
        (r"<code>\frac{a}{b}</code>", "a formula could not be set"),
    ],
)
def test_a_planted_error_is_found_alone(body, says):
    (fault,) = audit.faults({**GOOD, "one.html": page(body)})
    assert fault.startswith("one.html: ") and says in fault


def test_an_element_that_was_hidden_hides_only_what_is_in_it():
    hidden = '<div aria-hidden="true"><svg></svg><br></div>'
    assert audit.faults({"one.html": page(hidden)}) == []
    assert len(audit.faults({"one.html": page(hidden + "<svg></svg>")})) == 1


def test_a_page_without_a_policy_is_found():
    (fault,) = audit.faults({"one.html": page("", head="")})
    assert "policy" in fault


def test_the_style_sheet_can_be_read_in_both_schemes():
    css = str(style())
    assert audit.contrasts(css) == []
    assert css.count("color: var(") > 10


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (".x { color: var(--line-text); }", {"light": "contrast 1", "dark": "contrast 1"}),
        (".x { color: #767676; }", {"dark": "contrast"}),
        (".x { color: #777; background-color: #fff; }", {"light": "contrast 4.48", "dark": "contrast 4.48"}),
        (".x { color: var(--gone-text); }", {"light": "no colour gone-text", "dark": "no colour gone-text"}),
    ],
)
def test_text_that_cannot_be_read_is_found_in_its_scheme(rule, says):
    found = audit.contrasts(str(style()) + rule)
    for scheme, words in says.items():
        assert any(fault.startswith(f".x in the {scheme} scheme: ") and words in fault for fault in found)


def test_one_colour_of_the_table_that_is_too_pale_is_found():
    css = str(style()).replace("--quiet-text: #5a5751", "--quiet-text: #8a877f", 1)
    assert any("light scheme" in fault for fault in audit.contrasts(css))


def test_a_style_sheet_with_one_scheme_is_found():
    assert "1 schemes" in audit.contrasts(":root { --a: #000000; }")[0]

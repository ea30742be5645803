import itertools
import re
from html.parser import HTMLParser

import pytest

from verify.errors import UsageError
from verify.report.page import render, summary

VOID = {"meta", "link", "img", "br", "hr"}


class Reader(HTMLParser):
    """Collects what a page consists of and refuses tags that do not match."""

    def __init__(self, page):
        super().__init__()
        self.open, self.ids, self.links, self.images, self.attributes, self.text = [], [], [], [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        found = dict(attrs)
        assert len(found) == len(attrs), f"<{tag}> has an attribute twice"
        self.attributes += [(tag, *pair) for pair in attrs]
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []
        self.images += [found] if tag == "img" else []

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)


@pytest.fixture(scope="session")
def page(pristine):
    return render(pristine)


@pytest.fixture(scope="session")
def full_page(full):
    return render(full)


def words(page):
    return " ".join(" ".join(Reader(page).text).split())


def section(page, name):
    """Return the words between a claim's heading and the next claim's."""
    start = page.index(f'<article class="claim" id="{name}"')
    return " ".join(re.sub(r"<[^>]*>", " ", page[start : page.index("</article>", start)]).split())


def test_the_reader_of_these_tests_refuses_tags_that_do_not_match():
    with pytest.raises(AssertionError):
        Reader("<p><b></p></b>")
    with pytest.raises(AssertionError):
        Reader("<section><p></p>")


def test_the_same_ledger_gives_the_same_bytes(small, page):
    assert render(small) == page


def test_rendering_leaves_the_ledger_as_it_was(small):
    from copy import deepcopy

    before = deepcopy(small)
    render(small)
    assert small == before


@pytest.mark.parametrize("which", ["page", "full_page"])
def test_tags_match_ids_are_unique_and_links_arrive(which, request):
    reader = Reader(request.getfixturevalue(which))
    assert len(reader.ids) == len(set(reader.ids))
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert all(link.startswith("#") for link in reader.links)
    labels = {name for _, key, value in reader.attributes if key == "aria-labelledby" for name in value.split()}
    assert labels <= set(reader.ids)


@pytest.mark.parametrize("which", ["page", "full_page"])
def test_nothing_is_requested_from_anywhere_and_nothing_runs(which, request):
    page = request.getfixturevalue(which)
    reader = Reader(page)
    for tag, key, value in reader.attributes:
        assert not key.startswith("on"), (tag, key)
        if key in {"src", "href", "srcset", "data", "action", "poster"}:
            assert value.startswith(("#", "data:")), (tag, key, value)
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
    assert not {tag for tag, _, _ in reader.attributes} & {"script", "iframe", "object", "embed"}
    assert "<script" not in page


def test_every_claim_has_a_section_and_a_row(full, full_page):
    reader = Reader(full_page)
    for claim in full["claims"]:
        assert reader.ids.count(claim["name"]) == 1
        assert f"#{claim['name']}" in reader.links
        assert claim["verdict"] in section(full_page, claim["name"])


def test_no_latex_is_left(page, full_page):
    for text in (page, full_page):
        assert "\\" not in re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
        assert "<code>{} =" not in text


def test_the_counterexample_of_a_refuted_claim_is_told(page):
    text = section(page, "no-square")
    assert "Counterexample (exact) where S = 2x, f = e^S, x = 0 left side 4 right side 2" in text
    assert text.index("Counterexample") < text.index("No proof.")
    assert "the sides differ by 2" in text


def test_one_counterexample_found_by_two_methods_is_told_once(small):
    small["networks"], first = [], small["claims"][0]["evidence"][0]
    ball = {"where": first["witness"]["where"], "lhs": "[4 +/- 1e-30]", "rhs": "2.000", "sign": "≠"}
    small["claims"][0]["evidence"].append({**first, "method": "enclosure", "witness": ball})
    elsewhere = {"where": "x = 7", "lhs": "1", "rhs": "0", "sign": "≠"}
    small["claims"][0]["evidence"].append({**first, "witness": elsewhere})
    text = section(render(small), "no-square")
    assert text.count("Counterexample") == 2
    assert "left side 4 (exact), [4 +/- 1e-30] (enclosure) right side 2 (exact), 2.000 (enclosure)" in text
    assert "where x = 7 left side 1 right side 0" in text


def test_a_counterexample_stands_before_the_evidence_in_all_refuted_claims(full, full_page):
    refuted = [claim["name"] for claim in full["claims"] if claim["verdict"] == "REFUTED"]
    assert refuted
    assert all("Counterexample" in section(full_page, name) for name in refuted)


def test_a_refuted_claim_that_nobody_corrects_is_an_open_hole(page):
    assert "Open hole: this is false" in section(page, "hole")
    assert "pen hole" not in section(page, "no-square")


def test_corrections_and_uses_are_told_in_both_directions(page):
    assert "corrected by square-slope" in section(page, "no-square")
    assert "corrects no-square" in section(page, "square-slope")
    assert "used by square-slope" in section(page, "chain-rule")
    assert "uses chain-rule ; of these chain-rule does not stand" in section(page, "square-slope")


def test_a_proof_is_a_chain_that_writes_nothing_twice(page):
    text = section(page, "square-slope")
    assert "chain rule, by chain-rule proved" in text
    start = page.index('id="square-slope"')
    steps = page[page.index("<ol>", start) : page.index("</ol>", start)]
    assert steps.count("<math") == 3  # the left side once, then two right sides


def test_the_reason_why_there_is_no_proof_is_given(page):
    assert "No proof. the step uses «x», which is not at hand." in section(page, "chain-rule")
    assert "Nothing was tried." in section(page, "chain-rule")


def test_what_is_written_in_a_ledger_is_text_and_never_markup(page):
    assert "note with <script>alert(1)</script> & [bold]brackets[/bold]" in words(page)
    assert "&lt;script&gt;" in page
    assert "the post, line <2>" in words(page)
    assert "seven & $x$ <7>" in words(page)


def test_the_evidence_shows_its_numbers(page):
    row = re.search(r'<th scope="row">autograd</th>.*?</tr>', page, flags=re.DOTALL).group()
    cells = [
        " ".join(re.sub(r"<[^>]*>", " ", cell).split()) for cell in re.findall(r"<td.*?</td>", row, flags=re.DOTALL)
    ]
    assert cells[0] == "SUPPORTED"
    assert cells[2:] == ["120", "3", "3.1 × 10⁻¹⁶", "4.4 × 10⁻¹⁵"]


def test_every_image_has_a_text_that_states_the_result(page):
    images = Reader(page).images
    assert len(images) == 2
    assert "agree to 3.3e-16" in images[0]["alt"]
    assert "differ by up to 0.5" in images[1]["alt"]
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)


def test_a_network_says_whether_the_closed_form_holds_and_by_how_much_it_fails(page):
    text = words(page)
    assert "holds : every error stays within its derived bound" in text
    assert "fails : the pixel weights are off by up to 0.31, beyond the derived bound" in text
    assert "none: the tail is piecewise linear" in text
    assert "gelu, softmax" in text


def test_numbers_that_json_has_no_word_for_are_a_dash(small):
    del small["networks"][0]
    small["networks"][0] |= {"alpha_error": dict.fromkeys(("max", "median", "bound")), "map_difference": None}
    small["oracles"][0]["residual"] = None
    text = words(render(small))
    assert "Derived bound at the worst entry –" in text
    assert "cannot be compared: one of them is zero everywhere" in text


def test_a_claim_that_nobody_tried_to_prove_says_so(small):
    small["networks"], small["claims"][3]["proof"] = [], None
    assert "No proof. None was attempted." in section(render(small), "chain-rule")


def test_a_package_that_is_not_there_says_so(page):
    assert "scikit-image not installed" in words(page)


def test_a_verdict_that_moved_shows_both_standings(page):
    text = words(page)
    assert "hole SUPPORTED , does not stand, statement 0123456789ab not there" in text
    assert "gone not there REFUTED , does not stand, statement ba9876543210" in text
    assert "curved holds fails" in text


def test_that_nothing_moved_is_said(small):
    small["expected"]["moved"], small["networks"] = [], []
    assert "Nothing: everything stands as it is recorded." in words(render(small))


def test_an_oracle_that_disagrees_shows(page):
    assert "1 of 2 comparisons agree" in words(page)
    assert "∞ 1 × 10⁻⁹ disagrees" in words(page)


def test_the_summary_counts(small):
    first, second, third = summary(small)
    assert first == "4 statements about Grad-CAM++ were tried: 1 proved, 0 supported, 1 undecided, 2 refuted."
    assert second == "Of the 2 refuted, 1 is corrected by another statement and 1 is an open hole."
    assert third == "On 1 of 2 networks the closed form of the pixel weights holds, and 3 standings moved."


def test_the_summary_of_next_to_nothing_is_still_english(small):
    small["claims"], small["networks"], small["expected"]["moved"] = small["claims"][3:], [], []
    assert summary(small) == (
        "1 statement about Grad-CAM++ was tried: 0 proved, 0 supported, 1 undecided, 0 refuted.",
        "Nothing was refuted, so nothing had to be corrected.",
        "No network was measured, and everything stands as recorded.",
    )


def test_a_ledger_without_networks_oracles_or_claims_is_a_page(small):
    small["claims"], small["networks"], small["oracles"], small["expected"]["moved"] = [], [], [], []
    reader = Reader(render(small))
    assert "networks" not in reader.ids
    assert {link[1:] for link in reader.links} <= set(reader.ids)


def test_headings_go_down_by_one(full_page):
    levels = [int(level) for level in re.findall(r"<h([1-6])", full_page)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))


def test_tables_have_captions_and_their_headers_a_scope(page):
    assert page.count("<table") == page.count("<caption>") > 0
    assert all("scope=" in tag for tag in re.findall(r"<th\b[^>]*>", page))


def test_the_first_link_skips_to_the_content(page):
    assert Reader(page).links[0] == "#content"
    assert '<main id="content"' in page


def test_both_colour_schemes_are_in_the_page(page):
    assert "--proved-text: #0b4f3c" in page
    assert "@media (prefers-color-scheme: dark)" in page
    used = set(re.findall(r"var\((--[\w-]+)\)", page))
    assert used <= set(re.findall(r"(--[\w-]+):", page))


def test_letters_are_explained_if_the_ledger_brings_them(small, page):
    assert "The letters" not in words(page)
    small["networks"] = []
    small["notation"] = [{"latex": r"\sigma", "meaning": "the footprint", "domain": "real"}]
    assert "the footprint (real)" in words(render(small))


def test_a_ledger_of_another_schema_is_refused(small):
    small["schema"] = "gradcampp-ledger/1"
    with pytest.raises(UsageError, match="gradcampp-ledger/1"):
        render(small)


def test_what_was_tried_of_the_constraints_is_answered_and_the_rest_left_out(small):
    page = render(small)
    assert "Only &lt;plain&gt; layers." in page and "<strong>no</strong>" in page and "a corner" in page
    assert "not tried</strong>" not in page
    small["constraints"] = []
    assert 'id="constraints"' not in render(small)

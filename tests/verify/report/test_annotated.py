"""The post beside its verdicts: each formula has a claim or is said not to be checked, by the claims' own sources."""

import copy
import re

import pytest

from verify.errors import Fault
from verify.report import annotated, templates
from verify.report.notebooks import Notebook

POST = annotated.POST.read_text("utf-8")
LINES = annotated.lines(POST)


def words(html):
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


@pytest.fixture(scope="session")
def post(full):
    return annotated.render(templates.environment(), full)


def rows(html):
    return html.split('<div class="row')[1:]


def test_no_word_of_the_post_is_lost_and_none_is_added():
    body = annotated._HEAD.sub("", POST)
    kept = annotated._PICTURE.sub("", body)
    said = "".join(re.sub(r"\s", "", line.text) for line in LINES if not line.text.startswith("*[picture"))
    assert said == re.sub(r"\s|\$\$|\\\\(?=\n)", "", kept)
    assert sum(line.text.startswith("*[picture") for line in LINES) == POST.count("<img") == 2


def test_every_displayed_formula_is_a_line_and_the_pair_is_three():
    shown = [line.where[0] for line in LINES if line.displayed]
    assert shown == [f"displayed formula {k}" for k in (1, 2, 3, 4, 5, 5, 5)]


def test_every_claim_about_the_post_stands_beside_one_line(full):
    beside = annotated.beside(LINES, full["claims"])
    about = [claim["name"] for claim in full["claims"] if claim["source"]["work"] == "post"]
    assert sorted(claim["name"] for found in beside for claim in found) == sorted(about)


def test_every_formula_has_a_verdict_or_is_said_not_to_be_checked(post):
    stating = [(line, row) for line, row in zip(LINES, rows(post), strict=True) if line.formulas]
    assert len(stating) == 9
    for line, row in stating:
        assert ("badge proved" in row or "badge refuted" in row) != ("not checked" in row)
        assert line.displayed <= ("not checked" not in row)


def test_the_formula_that_no_claim_is_about_is_said_not_to_be_checked(full):
    small = {**full, "claims": [claim for claim in full["claims"] if claim["name"] != "post-first-derivative"]}
    html = annotated.render(templates.environment(), small)
    row = next(row for line, row in zip(LINES, rows(html), strict=True) if line.where == ("displayed formula 2",))
    assert "not checked" in row and "badge proved" not in row


@pytest.mark.parametrize(
    ("change", "value"),
    [("words", "d2Y/dx2 = 7"), ("where", "displayed formula 2"), ("where", "displayed formula 9")],
)
def test_a_claim_that_quotes_what_is_not_there_is_a_fault(full, change, value):
    claims = copy.deepcopy([claim for claim in full["claims"] if claim["name"] == "post-second-derivative-middle"])
    claims[0]["source"][change] = value
    with pytest.raises(Fault, match="post-second-derivative-middle quotes"):
        annotated.beside(LINES, claims)


@pytest.mark.parametrize(
    ("latex", "quoted"),
    [
        (r"\frac{\partial^2 Y}{\partial x^2}=\frac{\partial Y}{\partial S}\times 0", "d2Y/dx2=dY/dSx0"),
        (r"\frac{\partial^n Y}{\partial x^n}", "d^nY/dx^n"),
        (r"\frac{\partial^2 S(x)}{\partial x^2}=0", "d2S/dx2=0"),
        (r"p^{(n)}=L_i'\times R_i^{(n-1)}", "p^(n)=L'xR^(n-1)"),
    ],
)
def test_a_formula_is_typed_as_claims_quote_it(latex, quoted):
    assert annotated.typed(latex) == quoted


def test_what_is_false_has_its_counterexample_and_what_is_true_instead(post):
    start = post.index('id="post-second-derivative-middle"')
    text = words(post[start : post.index('class="verdict"', start)])
    assert "S = x² in post-second-derivative-middle: 4 ≠ 2" in text
    assert "True instead: The second derivative of Y = f(S) has a square" in text
    assert "given that S is affine along the line of the entry" in text


def test_links_go_to_the_proof_to_what_was_worked_out_and_to_the_notebook(full):
    book = Notebook("7_x", ({"id": "here", "cell_type": "code", "source": 'LIBRARY["exp-power-rule"]', "outputs": []},))
    html = annotated.render(templates.environment(), full, [book], frozenset({"exp-power-rule"}))
    start = html.index('id="exp-power-rule"')
    part = html[start : html.index("</div>", html.index('class="where"', start))]
    for link in ("index.html#exp-power-rule", "properties.html#exp-power-rule", "notebook-7_x.html#here"):
        assert f'href="{link}"' in part
    assert "properties.html#post-first-derivative" not in html


def test_the_same_ledger_gives_the_same_bytes(full, post):
    assert annotated.render(templates.environment(), copy.deepcopy(full)) == post

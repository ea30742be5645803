"""Markdown and notebooks as HTML: formulas are set, nothing is obeyed, dead links are words."""

import json
import re

import pytest

from verify.errors import CorruptFile
from verify.report import notebooks, templates
from verify.report.markdown import formula, inline, outputs, to_html


def test_formulas_between_dollars_are_set_inline_and_displayed():
    html = to_html("a $x^2$ and $$\\frac{a}{b}$$ but `$c$`, 5 $ and 6 $")
    assert html.count("<math") == 2
    assert 'display="block"' in html
    assert "<code>$c$</code>" in html and "5 $ and 6 $" in html


def test_html_is_shown_and_not_obeyed():
    assert "&lt;script&gt;" in to_html("<script>x</script> & more")
    assert "<b>" not in inline("<b>x</b>")


def test_a_link_stays_where_it_leads_somewhere_and_else_its_words_do():
    html = to_html(
        "[a](https://a.b) [b](2.ipynb) [`c`](../x.py) [d](y)", lambda to: "two.html" if to == "2.ipynb" else ""
    )
    assert 'href="https://a.b"' in html and 'href="two.html"' in html
    assert html.count("<a ") == html.count("</a>") == 2
    assert "<code>c</code> d" in html


def test_a_picture_is_its_words_so_that_nothing_is_requested():
    assert "<img" not in to_html("![a cat](https://a.b/c.png)")
    assert "[a cat]" in to_html("![a cat](https://a.b/c.png)")


def test_aligned_rows_are_a_table_and_a_cell_that_cannot_be_set_shows_its_source():
    good = formula(r"\begin{aligned} a &= b \\[4pt] \text{given} \quad & c && \text{why} \end{aligned}")
    assert good.count("<mtr>") == 2 and good.count("<mtd>") == 6 and "<code>" not in good
    assert formula(r"\begin{aligned} a &= \foo \end{aligned}").startswith("<code>")


def test_outputs_are_formulas_pictures_with_words_or_text():
    cell = {
        "outputs": [
            {"output_type": "execute_result", "data": {"text/latex": ["$\\displaystyle ", "x$"], "text/plain": "x"}},
            {"output_type": "stream", "text": ["a <b>\n"]},
            {
                "output_type": "execute_result",
                "data": {"image/png": "QUJD\n"},
                "metadata": {"image/png": {"alt": "a <result>", "width": 3, "height": 4}},
            },
        ]
    }
    first, second, third = outputs(cell)
    assert "<mi>x</mi>" in first
    assert "a &lt;b&gt;" in second
    assert 'src="data:image/png;base64,QUJD"' in third and 'alt="a &lt;result&gt;"' in third and 'width="3"' in third


def test_an_output_in_markdown_is_a_table_or_a_page_below_the_headings_of_the_notebook():
    table = {"text/markdown": ["| a | b |\n", "| --- | --- |\n", "| x\\_y | <b> |"], "text/plain": "a b"}
    page = {"text/markdown": "## t\n\n$$\n\\begin{aligned}\na &= b\n\\end{aligned}\n$$\n\n### u\n"}
    first, second = outputs({"outputs": [{"data": table}, {"data": page}]})
    assert "<td>x_y</td>" in first and "&lt;b&gt;" in first and "---" not in first
    assert "<h3>t</h3>" in second and "<h4>u</h4>" in second and "<mtr>" in second and "$" not in second


def test_no_page_of_a_notebook_shows_markdown_as_it_is_written():
    for book in notebooks.committed():
        html = notebooks.render(templates.environment(), book, {})
        shown = re.sub(r"(?s)<pre class=\"program\">.*?</pre>", "", html)
        assert not re.search(r"\| ---|^#+ |\$\$|\\begin", shown, re.MULTILINE)


def test_a_picture_without_words_is_refused():
    with pytest.raises(KeyError, match="alt"):
        outputs({"outputs": [{"data": {"image/png": "QUJD"}, "metadata": {"image/png": {"width": 1, "height": 1}}}]})


@pytest.mark.parametrize("book", notebooks.committed(), ids=lambda book: book.name)
def test_every_cell_of_a_committed_notebook_is_on_its_page(book):
    html = notebooks.render(templates.environment(), book, {})
    assert html.count('<div class="cell"') == len(book.cells)
    assert html.count("<h1>") == 1
    assert html == notebooks.render(templates.environment(), book, {})


def test_a_claim_is_found_in_the_first_cell_that_names_it():
    cells = [{"id": "a", "source": "exp-power-rule"}, {"id": "b", "source": ["see `exp-", "power-rule`"]}]
    assert notebooks.Notebook("x", tuple(cells)).mentions("exp-power-rule") == "b"
    assert notebooks.Notebook("x", tuple(cells)).mentions("exp-power") == ""


@pytest.mark.parametrize("text", ["{", "{}", json.dumps({"cells": [{"source": ""}]})])
def test_what_is_no_notebook_is_refused(tmp_path, text):
    path = tmp_path / "x.ipynb"
    path.write_text(text)
    with pytest.raises(CorruptFile, match=r"x\.ipynb"):
        notebooks.read(path)

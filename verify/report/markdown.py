"""Markdown with formulas between dollars as HTML: no request, no raw HTML, links only where they lead somewhere."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markupsafe import Markup, escape

from verify.report.formulas import mathml, sized

OUTSIDE = ("https://", "http://")

_ALIGNED = re.compile(r"\\begin\{aligned\}(.*)\\end\{aligned\}", re.DOTALL)
_ROW_ENDS = re.compile(r"\\\\(?:\[\w+\])?")
_WRAPPER = re.compile(r"</?math[^>]*>")


def to_html(text: str, links: Callable[[str], str] = lambda _: "") -> Markup:
    """Return Markdown as HTML.

    Args:
        text: what was written; HTML in it is shown, not obeyed.
        links: where the target of a link that is not on the web is here; empty: nowhere, and its words alone stay.
    """
    return Markup(_reader(links).render(text))


def inline(text: str) -> Markup:
    """Return one line of Markdown as HTML, without a paragraph around it."""
    return Markup(_reader(lambda _: "").renderInline(text))


def _reader(links: Callable[[str], str]) -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False}).enable("table")
    reader.inline.ruler.before("escape", "dollars", _dollars)
    reader.add_render_rule("dollars", _formula)
    reader.add_render_rule("image", _image)
    reader.core.ruler.push("links", lambda state: _resolve(state.tokens, links))
    return reader


def _dollars(state: StateInline, silent: bool) -> bool:
    """Take $...$ or $$...$$: a formula opens before and closes behind something that is no blank."""
    if state.src[state.pos] != "$":
        return False
    mark = "$$" if state.src.startswith("$$", state.pos) else "$"
    start = state.pos + len(mark)
    end = state.src.find(mark, start)
    inside = state.src[start:end]
    if end < 0 or not inside.strip() or (mark == "$" and inside != inside.strip()):
        return False
    if not silent:
        token = state.push("dollars", "math", 0)
        token.content, token.markup = inside.strip(), mark
    state.pos = end + len(mark)
    return True


def _formula(_: Any, tokens: list[Token], place: int, *__: Any) -> str:
    token = tokens[place]
    return formula(token.content) if token.markup == "$$" else mathml(token.content)


def _image(_: Any, tokens: list[Token], place: int, *__: Any) -> str:
    return str(escape(f"[{tokens[place].content}]"))


def _resolve(tokens: list[Token], links: Callable[[str], str]) -> None:
    for token in tokens:
        dead: list[bool] = []
        for child in token.children or ():
            if child.type == "link_open":
                target = str(child.attrs["href"])
                href = target if target.startswith(OUTSIDE) else links(target)
                child.attrs["href"] = href
                dead.append(not href)
                _plain(child, dead[-1])
            elif child.type == "link_close":
                _plain(child, dead.pop())


def _plain(token: Token, dead: bool) -> None:
    if dead:
        token.type, token.tag, token.attrs, token.nesting = "text", "", {}, 0
        token.content = ""


def formula(latex: str) -> Markup:
    """Return a displayed formula, of several aligned rows too, each of whose cells has to be one that can be set."""
    found = _ALIGNED.fullmatch(latex.strip())
    if found is None:
        return mathml(latex, display=True)
    rows = [[mathml(cell.strip()) if cell.strip() else "" for cell in r.split("&")] for r in _ROW_ENDS.split(found[1])]
    if any("<code>" in cell for row in rows for cell in row):
        return mathml(latex, display=True)
    cells = ("".join(f"<mtd>{_WRAPPER.sub('', cell)}</mtd>" for cell in row) for row in rows)
    table = "".join(f"<mtr>{row}</mtr>" for row in cells)
    return sized(
        '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block" class="aligned">'
        f'<mtable displaystyle="true">{table}</mtable></math>'
    )


def outputs(cell: Mapping[str, Any]) -> list[Markup]:
    """Return what a cell put out, as far as a page can show it: formulas, pictures with their words, Markdown, text."""
    return [_output(each) for each in cell.get("outputs", [])]


def _output(output: Mapping[str, Any]) -> Markup:
    data = output.get("data", {})
    if "text/latex" in data:
        latex = _joined(data["text/latex"]).strip().strip("$").removeprefix(r"\displaystyle").strip()
        return Markup('<div class="wide">{}</div>').format(formula(latex))
    if "image/png" in data:
        told = output.get("metadata", {}).get("image/png", {})
        return Markup(
            '<div class="wide"><img class="paper" src="data:image/png;base64,{}" width="{}" height="{}" alt="{}"></div>'
        ).format("".join(_joined(data["image/png"]).split()), told["width"], told["height"], told["alt"])
    if "text/markdown" in data:
        below = re.sub("^##", "###", _joined(data["text/markdown"]), flags=re.MULTILINE)  # its section has a heading
        return Markup('<div class="output wide">{}</div>').format(to_html(below))
    text = _joined(data.get("text/plain", output.get("text", "")))
    return Markup('<pre class="output">{}</pre>').format(text)


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)

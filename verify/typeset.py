"""The page of a claim as blocks, and three ways to write it: a terminal, LaTeX, Markdown."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.text import Text
from sympy import Basic, Eq
from sympy.core.relational import Relational

from derivation.printing import SIGNS, latex, latex_sign, line, pretty
from verify.report.colours import SHADES
from verify.report.formulas import unambiguous
from verify.report.table import escaped
from verify.verdict import Verdict


@dataclass(frozen=True)
class Ref:
    """The name of a claim within a sentence."""

    name: str


Piece: TypeAlias = str | Ref | Basic
Sentence: TypeAlias = tuple[Piece, ...]


@dataclass(frozen=True)
class Display:
    """A chain of equal expressions, set apart; a single one may be a relation.

    Args:
        chain: the expressions.
        last: the relation of the last one to the one before it.
    """

    chain: tuple[Basic, ...]
    last: type[Relational] = Eq

    def signed(self, sign: Callable[[type[Relational]], str]) -> list[tuple[str, Basic]]:
        """Return each expression but the first with the sign before it."""
        ends = [Eq] * (len(self.chain) - 2) + [self.last]
        return [(sign(relation), expr) for relation, expr in zip(ends, self.chain[1:], strict=bool(self.chain[1:]))]


@dataclass(frozen=True)
class Items:
    """A list of sentences."""

    items: tuple[Sentence, ...]


Block: TypeAlias = Sentence | Display | Items


@dataclass(frozen=True)
class Section:
    """A part of the page under its own title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Explanation:
    """The page of one claim. `standing` is its verdict in words, and whether what it rests on stands."""

    name: str
    verdict: Verdict
    standing: str
    sections: tuple[Section, ...]


def terminal(page: Explanation, width: int) -> RenderableType:
    """Write a page for a terminal of so many columns: one panel a section, formulas over several lines where they fit.

    A formula that is too wide breaks before its equals signs, and where that is not enough it goes on one line, folded.
    """
    title = Text.assemble((page.name, "bold"), "  ", (page.standing, SHADES[page.verdict].terminal))
    panels = []
    for section in page.sections:
        followed = zip(section.blocks, (*section.blocks[1:], None), strict=True)
        body = Group(*(_block(block, after, width - 4) for block, after in followed))
        panels.append(Panel(body, title=section.title, title_align="left", width=width))
    return Group(title, *panels)


def _block(block: Block, after: Block | None, width: int) -> RenderableType:
    if isinstance(block, Display):
        below = 0 if after is None or isinstance(after, Display) else 1
        return Padding(Text(_displayed(block, width - 4)), (1, 0, below, 4))
    if isinstance(block, Items):
        return Group(*(Padding(Text.assemble("- ", _sentence(item)), (0, 0, 0, 2)) for item in block.items))
    return _sentence(block)


def _displayed(display: Display, width: int) -> str:
    whole = pretty(*display.chain, last=display.last)
    if _fits(whole, width):
        return whole
    rows = display.signed(lambda relation: f"{SIGNS[relation.rel_op]} ")
    return "\n\n".join(_row(expr, lead, width) for lead, expr in [("", display.chain[0]), *rows])


def _row(expr: Basic, lead: str, width: int) -> str:
    book = pretty(expr, lead=lead)
    return book if _fits(book, width) else lead + line(expr)


def _fits(text: str, width: int) -> bool:
    return all(len(row) <= width for row in text.splitlines())


def _sentence(pieces: Sentence) -> Text:
    return Text.assemble(*((piece.name, "cyan") if isinstance(piece, Ref) else _plain(piece) for piece in pieces))


def _plain(piece: str | Basic) -> str:
    return piece if isinstance(piece, str) else line(piece)


def to_latex(page: Explanation) -> str:
    r"""Write a page as a LaTeX fragment, to be put with \input into a document that loads amsmath."""
    parts = ["% needs amsmath", rf"\subsection*{{\texttt{{{_tex(page.name)}}}: {_tex(page.standing)}}}"]
    for section in page.sections:
        parts.append(rf"\paragraph{{{_tex(section.title)}.}}")
        parts += [_tex_block(block) for block in section.blocks]
    return "\n".join(parts) + "\n"


def _tex_block(block: Block) -> str:
    if isinstance(block, Display):
        first, others = formula(block.chain[0]), block.signed(latex_sign)
        if not others:
            return f"\\[\n{first}\n\\]"
        rows = " \\\\\n".join(f"&{sign} {formula(other)}" for sign, other in others)
        return f"\\begin{{align*}}\n{first} {rows}\n\\end{{align*}}"
    if isinstance(block, Items):
        items = "\n".join(rf"\item {_tex_sentence(item)}" for item in block.items)
        return f"\\begin{{itemize}}\n{items}\n\\end{{itemize}}"
    return _tex_sentence(block) + r"\par"


def _tex_sentence(pieces: Sentence) -> str:
    return _joined(pieces, _tex, lambda name: rf"\texttt{{{_tex(name)}}}")


_TEX = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "\\": r"\textbackslash{}",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "“": "``",
        "”": "''",
        "«": "``",
        "»": "''",
        "∎": r"\hfill\rule{1ex}{1ex}",
    }
)


def _tex(text: str) -> str:
    return text.translate(_TEX)


def to_markdown(page: Explanation) -> str:
    """Write a page in Markdown with formulas between dollars, as GitHub and Jupyter show them."""
    parts = [f"## `{page.name}`: {escaped(page.standing)}"]
    for section in page.sections:
        parts.append(f"### {escaped(section.title)}")
        parts += [_md_block(block) for block in section.blocks]
    return "\n\n".join(parts) + "\n"


def _md_block(block: Block) -> str:
    if isinstance(block, Display):
        first, others = formula(block.chain[0]), block.signed(latex_sign)
        rows = "".join(f" &{sign} {formula(other)} \\\\\n" for sign, other in others).removesuffix(" \\\\\n")
        body = f"\\begin{{aligned}}\n{first}{rows}\n\\end{{aligned}}" if others else first
        return f"$$\n{body}\n$$"
    if isinstance(block, Items):
        return "\n".join(f"- {_md_sentence(item)}" for item in block.items)
    return _md_sentence(block)


def _md_sentence(pieces: Sentence) -> str:
    return _joined(pieces, escaped, lambda name: f"`{name}`")


def _joined(pieces: Sentence, text: Callable[[str], str], name: Callable[[str], str]) -> str:
    written = []
    for piece in pieces:
        if isinstance(piece, str):
            written.append(text(piece))
        else:
            written.append(name(piece.name) if isinstance(piece, Ref) else f"${formula(piece)}$")
    return "".join(written)


def formula(expr: Basic) -> str:
    """Return the LaTeX of a formula, with a dot where two factors would run together."""
    return unambiguous(latex(expr))

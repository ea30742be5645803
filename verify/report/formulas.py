"""LaTeX in, MathML out: formulas that a browser sets and a screen reader reads, with no script.

latex2mathml does the work on what SymPy writes; this module chooses the LaTeX where SymPy's can be misread, and checks
what comes back.
"""

import math
import re
from functools import cache
from itertools import zip_longest
from xml.etree import ElementTree

from latex2mathml.converter import convert
from markupsafe import Markup, escape

_TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}
_SCRIPTS = {"msub", "msup", "msubsup", "munder", "mover", "munderover"}
_LAYOUT = {"math", "mrow", "mfrac", "msqrt", "mroot", "mtable", "mtr", "mtd", "mstyle", "mpadded"}
_TAGS = _TOKENS | _SCRIPTS | _LAYOUT

LETTER, SIGN, NARROW, SMALLER = 0.7, 1.4, 0.55, 0.75
LONG = 30  # ems: a shorter formula fits in every column
_NARROW = {"(", ")", "[", "]", "{", "}", "|", ",", "\u2061", "\u22c5", "·", "", "'", "′"}

# A closed bracket, perhaps with a power, then one more factor: SymPy leaves a blank there, which MathML does not show.
_CLOSED = r"(\\right\)(?:\^\{[^{}]*\})?(?: ?\})?) "
# "L(x) 0" would read as "L(x)0".
_BEFORE_DIGIT = re.compile(_CLOSED + r"(?=\d)")
# "d/dx L(x) d/dx p(x)" would read as the derivative of a product.
_BEFORE_DERIVATIVE = re.compile(_CLOSED + r"(?=\\frac\{(?:d|\\partial)(?:\^|\}))")

# latex2mathml sets the second prime of L_i'' upon the first.
_PRIMES = re.compile(r"(_(?:\w|\{\w+\}))('{2,})")

# A pair of growing brackets around neither a fraction nor another such pair.
_FLAT = re.compile(r"\\left\(((?:(?!\\left|\\right|\\[dt]?frac|\\begin).)*?) ?\\right\)")


def mathml(latex: str, *, display: bool = False) -> Markup:
    r"""Return a formula as MathML, inline or as a display.

    What latex2mathml does not know, such as \foo, comes back from it as a name with a backslash, and what stands in
    \text comes back unescaped.  Such a formula is shown as its escaped LaTeX source in <code> instead: ugly, but
    legible and harmless.
    """
    return _mathml(latex, "block" if display else "inline")


@cache
def _mathml(latex: str, display: str) -> Markup:
    source = _PRIMES.sub(_beside, snug(unambiguous(latex)))
    try:
        markup = convert(source, display=display)
        tree = ElementTree.fromstring(markup)
    except Exception:  # latex2mathml raises a class of its own for each mistake, and IndexError for others
        return Markup("<code>") + escape(latex) + Markup("</code>")
    if "\\" in markup or any(_kind(element) not in _TAGS for element in tree.iter()):
        return Markup("<code>") + escape(latex) + Markup("</code>")
    return sized(markup)


def _beside(found: re.Match[str]) -> str:
    letter, primes = found.groups()
    return letter + "^{" + r"\prime" * len(primes) + "}"


def sized(markup: str) -> Markup:
    """Return a formula in MathML with its width, if it is long, by which a printed page makes its letters smaller."""
    width = math.ceil(ems(ElementTree.fromstring(markup)))
    return Markup(markup.replace("<math ", f'<math style="--ems: {width}" ', 1) if width > LONG else markup)


def ems(element: ElementTree.Element, fractions: int = 0) -> float:
    """Return about how many times the size of its letters a formula is wide, rather too much than too little.

    The style sheet divides the width of the paper by it, since no browser breaks a formula in two.

    Args:
        element: MathML.
        fractions: how many fractions it stands in; letters get smaller from the second on.
    """
    kind, size = _kind(element), SMALLER ** max(0, fractions - 1)
    if kind in _TOKENS:
        text = (element.text or "").strip()
        return size * (NARROW if text in _NARROW else SIGN if kind == "mo" else LETTER * len(text))
    parts = [ems(child, fractions + (kind == "mfrac")) for child in element]
    if kind == "mfrac":
        return max(parts) + size * NARROW
    if kind in {"msubsup", "munderover"}:
        return parts[0] + SMALLER * max(parts[1:])
    if kind in _SCRIPTS:
        return parts[0] + SMALLER * parts[1]
    if kind == "mtable":
        rows = [[ems(cell, fractions) for cell in row] for row in element]
        return sum(max(column) + LETTER for column in zip_longest(*rows, fillvalue=0.0))
    return sum(parts)


def _kind(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def unambiguous(latex: str) -> str:
    """Put a dot between two factors that would run together or be misread."""
    return _BEFORE_DERIVATIVE.sub(r"\1 \\cdot ", _BEFORE_DIGIT.sub(r"\1 \\cdot ", latex))


def snug(latex: str) -> str:
    """Let brackets grow around fractions only: a growing one keeps a distance in some mathematical fonts."""
    before = ""
    while before != latex:  # from the inside out
        before, latex = latex, _FLAT.sub(r"(\1)", latex)
    return latex

"""A worked counterexample as HTML: the blocks of `verify.typeset` with formulas in MathML."""

from markupsafe import Markup, escape

from derivation.printing import latex_sign
from verify.report.formulas import mathml
from verify.typeset import Block, Display, Explanation, Items, Ref, Sentence, formula


def html(page: Explanation) -> str:
    """Return everything but the statement, which stands above it on the page of properties."""
    return Markup("\n").join(_block(block) for section in page.sections[1:] for block in section.blocks)


def _block(block: Block) -> Markup:
    if isinstance(block, Display):
        parts = [formula(block.chain[0])]
        parts += [f"{sign} {formula(expr)}" for sign, expr in block.signed(latex_sign)]
        return Markup('<div class="wide">{}</div>').format(mathml(" ".join(parts), display=True))
    if isinstance(block, Items):
        items = (Markup("<li>{}</li>").format(_sentence(item)) for item in block.items)
        return Markup("<ul>{}</ul>").format(Markup("").join(items))
    return Markup("<p>{}</p>").format(_sentence(block))


def _sentence(pieces: Sentence) -> Markup:
    written = []
    for piece in pieces:
        if isinstance(piece, str):
            written.append(escape(piece))
        elif isinstance(piece, Ref):
            written.append(Markup("<code>{}</code>").format(piece.name))
        else:
            written.append(mathml(formula(piece)))
    return Markup("").join(written)

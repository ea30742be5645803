r"""Notebooks: formulas shown from the claims themselves, and outputs that are made again from nothing.

    python -m verify.notebook notebooks/

runs every notebook of the folder in a fresh kernel of this very Python and rewrites it in place. The same sources and
versions give the same bytes on one machine; `differences` says what has to be the same on every machine.
"""

import base64
import io
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sympy import Basic
from sympy.core.relational import Relational
from sympy.printing.str import sstr

from derivation.claim import Claim
from derivation.printing import SIGNS, latex, latex_sign
from derivation.proof import Proof
from verify.cells import STILL
from verify.errors import UsageError, missing
from verify.report.files import write_whole
from verify.report.formulas import unambiguous
from verify.report.pictures import DOTS, size

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SECONDS = 120  # one cell; a whole notebook takes less than a minute, so that a cell that takes longer is stuck
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
}
# The kernel's own log warns that a loopback connection is not encrypted; what cells write to stderr is not in that log.
LAUNCH = [sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"]
_NOT_WORDS = re.compile(r"[^\w ,.;:()='\"/+\-²³]|_")


@dataclass(frozen=True)
class Formula:
    """A formula as the output of a cell: `latex` where it can be typeset, `text` elsewhere."""

    latex: str
    text: str

    def __repr__(self) -> str:
        """Return the formula as text."""
        return self.text

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"


def show(first: Claim | Proof, *more: Claim | Proof) -> Formula:
    """Set claims and proofs below one another: claims with their hypotheses, proofs link by link with the reasons.

    A question mark over the equals sign of a link: it was not decided.

    Raises:
        ValueError: a proof that could not be started, which has no links.
    """
    things = (first, *more)
    rows = [row for thing in things for row in _rows(thing)]
    hypotheses = {h.name: h.relation for thing in things if isinstance(thing, Claim) for h in thing.given}
    rows += [_hypothesis(name, relation) for name, relation in hypotheses.items()]
    latex, text = zip(*rows, strict=True)
    return Formula("\\begin{aligned} " + " \\\\[4pt] ".join(latex) + " \\end{aligned}", "\n".join(text))


Row = tuple[str, str]  # as LaTeX and as text


def _rows(thing: Claim | Proof) -> list[Row]:
    if isinstance(thing, Claim):
        return [_related(thing.lhs, thing.rhs, thing.relation)]
    if not thing.links:
        raise ValueError(f"{thing.claim} has no proof to show: {thing.reason}")
    return [_related(link.before, link.after, link.relation, link.says, link.decided is True) for link in thing.links]


def _related(lhs: Basic, rhs: Basic, relation: type[Relational], remark: str = "", decided: bool = True) -> Row:
    sign, typed = latex_sign(relation), SIGNS[relation.rel_op]
    if not decided:
        sign, typed = f"\\overset{{?}}{{{sign}}}", f"{typed}?"
    latex, text = f"{_latex(lhs)} &{sign} {_latex(rhs)}", f"{sstr(lhs)} {typed} {sstr(rhs)}"
    return (f"{latex} && {_words(remark)}", f"{text}  ({remark})") if remark else (latex, text)


def _hypothesis(name: str, relation: Relational) -> Row:
    text = f"{sstr(relation.lhs)} {relation.rel_op} {sstr(relation.rhs)}"
    return f"\\text{{given}} \\quad & {_latex(relation)} && {_words(name)}", f"given {text}  ({name})"


def _words(text: str) -> str:
    """Words inside a formula; MathJax and KaTeX agree on letters and plain punctuation only.

    Raises:
        ValueError: a character that one of them would take for a command.
    """
    plain = text.replace("^2", "²").replace("^3", "³")
    if found := _NOT_WORDS.search(plain):
        raise ValueError(f"cannot set {text!r} as words in a formula because of {found.group()!r}: say it without")
    return f"\\text{{{plain}}}"


def _latex(expr: Basic) -> str:
    return unambiguous(latex(expr))


def picture(figure: "Figure", alt: str) -> Any:
    """Return a figure as the output of a cell: a PNG on white without a date or a version in it, and its alt text."""
    from IPython.display import Image

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=DOTS, facecolor="white", metadata={"Software": None})
    width, height = size(png.getvalue())
    return Image(png.getvalue(), width=width, height=height, alt=alt)


def read(path: Path) -> Any:
    """Return the notebook in a file."""
    import nbformat

    return nbformat.read(path, as_version=4)


def executed(notebook: Any, folder: Path) -> Any:
    """Return a copy of a notebook with the outputs of a fresh kernel that runs in `folder`.

    The kernel is this interpreter in this environment, whatever kernels are installed, without the user's profile.

    Raises:
        MissingPackage: the extra `notebooks` is not installed.
        nbclient.exceptions.CellExecutionError: a cell raised.
    """
    try:
        import ipykernel  # noqa: F401  (the kernel needs it)
        import nbclient
    except ImportError as error:
        raise missing(error.name or "nbclient", "notebooks", "running notebooks") from error
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(argv=LAUNCH, language="python")

    fresh = bare(notebook)
    client = nbclient.NotebookClient(
        fresh,
        km=AsyncKernelManager(kernel_spec_manager=ThisPython()),
        timeout=SECONDS,
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    )
    with tempfile.TemporaryDirectory() as profile:
        # On more than one thread torch takes a hundred times as long for small tensors beside other work.
        alone = {STILL: "1", "OMP_NUM_THREADS": "1", "IPYTHONDIR": profile}
        # A kernel manager that is handed in is not shut down unless one asks for it.
        client.execute(env={**os.environ, **alone}, cleanup_kc=True)
    fresh.metadata = bare(fresh).metadata
    return fresh


def bare(notebook: Any) -> Any:
    """Return a copy of a notebook without outputs and without what editors and kernels write into metadata."""
    from nbformat import NotebookNode, from_dict

    cells = []
    for cell in notebook.cells:
        kept = {"cell_type": cell.cell_type, "id": cell.id, "metadata": {}, "source": cell.source}
        cells.append(kept | ({"execution_count": None, "outputs": []} if cell.cell_type == "code" else {}))
    found: NotebookNode = from_dict({"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5})
    return found


def outputs(cell: Any) -> list[Any]:
    """Return what a cell put out, as far as it has to be the same on every machine.

    That is all text, and of a PNG its size and alt text. Its bytes are left out: they depend on the encoder, the font
    rasteriser and the processor's floating-point instructions.
    """
    return [_lasting(output) for output in cell.get("outputs", [])]


def _lasting(output: Any) -> Any:
    if output.output_type not in ("display_data", "execute_result"):
        return dict(output)
    data = {mime: size(base64.b64decode(text)) if mime == "image/png" else text for mime, text in output.data.items()}
    return {**output, "data": data}


def differences(committed: Any, fresh: Any) -> list[str]:
    """Say in which cells two notebooks differ, in their source or in `outputs`; empty if they are the same."""
    before, after = ({cell.id: (cell.source, outputs(cell)) for cell in book.cells} for book in (committed, fresh))
    if list(before) != list(after):
        return [f"the cells are {list(after)} and no longer {list(before)}"]
    return [f"{name}: {after[name]} and no longer {before[name]}" for name in before if before[name] != after[name]]


def main(arguments: Sequence[str]) -> int:
    """Run the notebooks that are named or lie in the folders named, rewrite them, and return the exit status.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell raised; that notebook stays as it was.
    """
    import nbformat

    try:
        for path in _notebooks(arguments):
            fresh = executed(read(path), path.parent)
            write_whole(path, (nbformat.writes(fresh).rstrip("\n") + "\n").encode())
            print(path, file=sys.stderr)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _notebooks(arguments: Sequence[str]) -> list[Path]:
    places = [Path(argument) for argument in arguments]
    found = [path for place in places for path in (sorted(place.glob("*.ipynb")) if place.is_dir() else [place])]
    if not found:
        raise UsageError("no notebook is named, or lies in a folder that is: python -m verify.notebook notebooks/")
    for path in found:
        if not path.is_file():
            raise UsageError(f"there is no notebook {path}")
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

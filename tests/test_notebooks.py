"""Every notebook says what a fresh kernel of this environment says; no formula in it can be misread."""

import ast
import base64
import copy
import re
import sys
from pathlib import Path

import pytest

pytest.importorskip("nbclient", reason="the extra `notebooks` is not installed")

import nbformat
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from derivation.claims import LIBRARY
from derivation.proof import Proof, prove
from verify.notebook import METADATA, differences, executed, main, outputs, picture, read, show

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST = 10
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:tmp|root|home|srv|Users|usr|opt|var|private|mnt|work)/|\b[A-Z]:\\\\?\w")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)")
SLUG = re.compile(r"`([a-z0-9]+(?:-[a-z0-9]+)+)`")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@pytest.fixture(scope="module", params=NOTEBOOKS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture(scope="module")
def notebook(path):
    return read(path)


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def long_definitions(source):
    sizes = (
        (node.end_lineno - node.lineno + 1, node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, DEFINITIONS)
    )
    return [size for size, _ in sizes if size > LONGEST]


def astray(words, folder):
    """List the relative links that lead to no file, and the names in backticks that no claim or hypothesis has."""
    known = {h.name for claim in LIBRARY.values() for h in claim.given} | {*LIBRARY}
    dead = [link for link in LINK.findall(words) if not (folder / link).is_file()]
    return dead + [name for name in SLUG.findall(words) if name not in known]


def one_character_changed(book):
    """Yield (cell, copy of the book) for every text that is put out, with one character of it changed."""
    for i, cell in enumerate(book.cells):
        for j, output in enumerate(cell.get("outputs", [])):
            for mime in output.data if "data" in output else [None]:
                if mime == "image/png":
                    continue
                changed = copy.deepcopy(book)
                place = changed.cells[i].outputs[j]
                holder, key = (place, "text") if mime is None else (place.data, mime)
                middle = len(holder[key]) // 2
                other = "0" if holder[key][middle] != "0" else "1"
                holder[key] = holder[key][:middle] + other + holder[key][middle + 1 :]
                yield cell.id, changed


def test_there_are_five_notebooks_of_three_megabytes_together():
    assert [path.stem[0] for path in NOTEBOOKS] == list("12345")
    assert sum(path.stat().st_size for path in NOTEBOOKS) < 3e6


@pytest.mark.slow
def test_every_committed_output_is_what_a_fresh_kernel_of_this_environment_says(notebook, path):
    if any("lite0" in cell.source for cell in code(notebook)):
        pytest.importorskip("efficientnet_lite_pytorch", reason="the extra `real` is not installed")
        pytest.importorskip("skimage", reason="the extra `real` is not installed")
    assert differences(notebook, executed(notebook, path.parent)) == []


def test_one_changed_character_in_a_committed_output_is_found(notebook):
    changes = list(one_character_changed(notebook))
    assert len(changes) > len(code(notebook)) / 2  # most cells put something out
    for name, changed in changes:
        (found,) = differences(changed, notebook)
        assert found.startswith(f"{name}: ")


def test_no_output_is_an_error_or_a_warning(notebook):
    shown = [output for cell in code(notebook) for output in cell.outputs]
    assert not [o for o in shown if o.output_type == "error" or o.get("name") == "stderr"]


def test_no_definition_is_longer_than_ten_lines(notebook):
    assert {cell.id: long_definitions(cell.source) for cell in code(notebook) if long_definitions(cell.source)} == {}


def test_no_machine_path_is_mentioned(path):
    text = path.read_text(encoding="utf-8")
    assert MACHINE_PATH.findall(text) == []
    assert not [place for place in (sys.prefix, str(ROOT), str(Path.home())) if len(place) > 1 and place in text]


def test_nothing_but_source_and_outputs_is_kept(notebook):
    nbformat.validate(notebook)
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert notebook.metadata == METADATA
    assert all(cell.metadata == {} for cell in notebook.cells)
    assert [cell.execution_count for cell in code(notebook)] == list(range(1, len(code(notebook)) + 1))


def test_no_output_is_a_widget(notebook):
    mimes = {mime for cell in code(notebook) for output in cell.outputs for mime in output.get("data", {})}
    assert mimes <= {"text/plain", "text/latex", "text/markdown", "image/png"}


def test_every_picture_has_an_alt_text(notebook):
    pictures = [o for cell in code(notebook) for o in cell.outputs if "image/png" in o.get("data", {})]
    assert all(len(o.metadata["image/png"]["alt"]) > 40 for o in pictures)


def test_links_lead_to_files_and_names_to_claims(notebook, path):
    words = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert astray(words, path.parent) == []


def test_the_kernel_is_this_environment_and_an_untrue_output_is_found(tmp_path):
    source = "import sys\nprint(sys.executable, sys.prefix)\n1 + 1"
    said = new_output("stream", name="stdout", text=f"{sys.executable} {sys.prefix}\n")
    true, untrue = (new_output("execute_result", {"text/plain": two}, execution_count=1) for two in "23")
    books = [
        new_notebook(cells=[new_code_cell(source, id="sum", outputs=[said, o], execution_count=1)])
        for o in (true, untrue)
    ]
    fresh = executed(books[1], tmp_path)
    assert differences(books[0], fresh) == []
    assert len(differences(books[1], fresh)) == 1


def test_sliders_stand_still_in_a_notebook_that_is_run(tmp_path):
    source = "from verify.cells import slider\nslider(lambda value: f'drawn for {value}', 'S', [1, 2], 2)"
    (cell,) = executed(new_notebook(cells=[new_code_cell(source, id="slider")]), tmp_path).cells
    assert [output.data for output in cell.outputs] == [{"text/plain": "'drawn for 2'"}]


def test_a_cell_that_was_added_dropped_or_edited_is_found():
    first, second = (new_markdown_cell(word, id=word) for word in ("one", "two"))
    assert differences(new_notebook(cells=[first]), new_notebook(cells=[first, second]))
    assert differences(new_notebook(cells=[first, second]), new_notebook(cells=[second, first]))
    assert differences(new_notebook(cells=[first]), new_notebook(cells=[new_markdown_cell("uno", id="one")]))


def drawn(width, title, alt):
    figure = Figure(figsize=(width, 1))
    figure.suptitle(title)
    data, metadata = picture(figure, alt)._repr_mimebundle_()
    return new_code_cell(
        id="figure", outputs=[new_output("display_data", data, metadata={"image/png": metadata["image/png"]})]
    )


def test_of_a_picture_size_and_alt_text_are_compared_and_its_bytes_are_not():
    cell, other = drawn(2, "a", "a line"), drawn(2, "b", "a line")
    assert cell.outputs[0].data["image/png"] != other.outputs[0].data["image/png"]
    assert outputs(cell) == outputs(other)
    assert outputs(cell) != outputs(drawn(2, "a", "a curve"))
    assert outputs(cell) != outputs(drawn(3, "a", "a line"))


def test_the_same_figure_gives_the_same_bytes_without_a_version_in_them():
    one, two = (drawn(2, "a", "a line").outputs[0].data["image/png"] for _ in range(2))
    assert one == two
    assert b"atplotlib" not in base64.b64decode(one)


@pytest.mark.parametrize("lines", [LONGEST, LONGEST + 1])
def test_a_definition_of_eleven_lines_is_found(lines):
    source = "\n".join(["def f():", *["    pass"] * (lines - 1)])
    assert long_definitions(source) == ([lines] if lines > LONGEST else [])


def test_a_dead_link_and_an_unknown_name_are_found(tmp_path):
    (tmp_path / "a.py").touch()
    words = "[a](a.py) [b](b.py) [c](https://example.org) `exp-power-rule` `exp-head` `no-such-claim` `--claim` `a b-c`"
    assert astray(words, tmp_path) == ["b.py", "no-such-claim"]


@pytest.mark.parametrize("folders", [("home", "ada"), ("tmp", "x"), ("opt", "ada")])
@pytest.mark.parametrize("before", ["", "see ", '"'])
def test_a_machine_path_is_found(before, folders):
    assert MACHINE_PATH.search(before + "/".join(("", *folders)))


def test_a_windows_path_is_found():
    assert MACHINE_PATH.search("C:\\Users")


@pytest.mark.parametrize("text", ["../derivation/claims/post.py", "true / closed form", "S: unit", "Y/home"])
def test_what_is_no_machine_path_is_let_through(text):
    assert not MACHINE_PATH.search(text)


def test_every_claim_and_every_proof_can_be_shown():
    for claim in LIBRARY.values():
        proof = prove(claim, LIBRARY)
        for thing in (claim, *([proof] if proof.links else [])):
            formula = show(thing)
            assert formula._repr_latex_().startswith("$\\displaystyle \\begin{aligned} ")
            assert formula.latex.count("{") == formula.latex.count("}")
            assert repr(formula) == formula.text


def test_the_derivative_of_a_product_has_brackets():
    step = show(prove(LIBRARY["exp-power-rule"], LIBRARY)).latex.split(r" \\[4pt] ")[1]
    before, _ = step.split(" &= ")
    assert before.startswith(r"\frac{d}{d x} \left(e^{") and before.endswith(r"\right)")


def test_the_derivative_of_anything_else_has_none():
    assert show(LIBRARY["post-first-derivative"]).latex.startswith(
        r"\begin{aligned} \frac{d}{d x} f{\left(S{\left(x \right)} \right)} &="
    )


def test_what_a_proof_did_not_decide_has_a_question_mark():
    undecided, decided = (
        show(prove(LIBRARY[name], LIBRARY)) for name in ("post-second-derivative-middle", "second-derivative")
    )
    assert r"\overset{?}{=}" in undecided.latex and "=?" in undecided.text
    assert r"\overset{?}{=}" not in decided.latex and "=?" not in decided.text


def test_hypotheses_are_shown_once_with_their_names():
    text = show(LIBRARY["exp-power-rule"], LIBRARY["affine-collapse"]).text
    assert text.count("affine-along-line") == 1
    assert text.splitlines()[-1] == "given f(u) == exp(u)  (exp-head)"


def test_a_proof_without_links_says_why_it_cannot_be_shown():
    with pytest.raises(ValueError, match="no such claim"):
        show(Proof("c", (), reason="no such claim"))


def test_without_a_notebook_the_command_says_how_to_name_one(tmp_path, capsys):
    assert main([]) == main([str(tmp_path)]) == main([str(tmp_path / "none.ipynb")]) == 2
    assert "python -m verify.notebook notebooks/" in capsys.readouterr().err


def test_the_command_writes_outputs_and_drops_what_an_editor_left(tmp_path):
    cell = new_code_cell("6 * 7", id="product", metadata={"collapsed": True}, execution_count=40)
    file = tmp_path / "a.ipynb"
    nbformat.write(
        new_notebook(cells=[cell], metadata={"kernelspec": {"name": "elsewhere", "display_name": "?"}}), file
    )
    assert main([str(tmp_path)]) == 0
    book = read(file)
    assert (book.metadata, book.cells[0].metadata, book.cells[0].execution_count) == (METADATA, {}, 1)
    assert book.cells[0].outputs[0].data == {"text/plain": "42"}

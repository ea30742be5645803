"""A claim as a page: every one can be written in all three ways, and what it says is found out when it is asked for."""

import re
import subprocess
import sys
from dataclasses import replace
from functools import cache

import pytest
from matplotlib.mathtext import MathTextParser
from rich.console import Console

from derivation.claim import Hypothesis, Step, equation, nonzero
from derivation.claims import CLAIMS, LIBRARY
from derivation.hypotheses import AFFINE, Y, slope
from derivation.notation import L, n, u
from verify import typeset
from verify.explain import explain
from verify.verdict import Verdict

RAW = re.compile(
    r"Derivative\(|Limit\(|Integer\(|Symbol\(|Tuple\(|Max\(|_nth|ₙₜₕ|Claim\(|Use\("
    r"|Dummy|<class|object at|\*\*|None|evaluate="
)


def terminal(page, width=80):
    console = Console(width=width)
    with console.capture() as captured:
        console.print(typeset.terminal(page, width))
    return captured.get()


@pytest.fixture(scope="module")
def pages():
    return {claim.name: explain(claim, LIBRARY) for claim in CLAIMS}


NAMES = [claim.name for claim in CLAIMS]


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_written_three_ways_without_the_names_of_classes(pages, name):
    """In a narrow and in a usual terminal no line is too long; the LaTeX is balanced, and its formulas can be set."""
    narrow, usual = (terminal(pages[name], width) for width in (40, 80))
    latex, markdown = typeset.to_latex(pages[name]), typeset.to_markdown(pages[name])
    for text in (narrow, usual, latex, markdown):
        assert name in re.sub(r"[\n│ ]", "", text)
        assert not RAW.search(text), RAW.search(text)
    assert max(map(len, narrow.splitlines())) <= 40 and max(map(len, usual.splitlines())) <= 80
    demand_balanced(latex)
    for formula in formulas(latex):
        demand_settable(formula)
    assert markdown.startswith(f"## `{name}`: ")
    assert markdown.count("$$") % 2 == 0
    assert markdown.count(r"\begin{aligned}") == markdown.count(r"\end{aligned}")


def test_a_wide_terminal_is_made_use_of(pages):
    lengths = [max(map(len, terminal(page, 120).splitlines())) for page in list(pages.values())[::10]]
    assert 80 < max(lengths) <= 120


@cache
def demand_settable(formula):
    """Demand that a formula can be set; many stand in several pages."""
    MathTextParser("agg").parse(f"${formula}$")


def demand_balanced(text):
    """Demand closed braces, matched environments, dollars in pairs, and plain letters outside of formulas."""
    bare = re.sub(r"\\[\\{}$%&#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert bare.count(r"\left") == bare.count(r"\right")
    open_ones = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", text):
        if kind == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert open_ones == []
    prose = re.sub(r"\\begin\{align\*\}.*?\\end\{align\*\}|\\\[.*?\\\]|\$[^$]*\$", "", text, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)[_^&#]", prose)


def formulas(text):
    """Yield the formulas one row at a time, without their environments, which mathtext does not know."""
    found = re.findall(r"\\begin\{align\*\}\n(.*?)\n\\end\{align\*\}|\\\[\n(.*?)\n\\\]|\$([^$]+)\$", text, re.DOTALL)
    for formula in (part for parts in found for part in parts if part):
        for row in formula.split(r" \\"):
            yield row.replace("&", "").strip()


def test_the_check_of_the_latex_has_teeth():
    for broken in (r"\begin{align*} x", r"\frac{1", "a_b", r"\begin{itemize}\end{align*}", "$x"):
        with pytest.raises((AssertionError, IndexError)):
            demand_balanced(broken)


def test_the_slip_of_the_post_is_four_against_two(pages):
    text = terminal(pages["post-second-derivative-middle"])
    assert "The sides differ: 4 ≠ 2." in text
    assert "S(u) = 2·u, f(u) = exp(u) and x = 0" in text
    assert "= 1⋅0 + 2⋅1 = 2" in text
    assert "At the place of the counterexample its right side is 4, as it has to be." in text


def test_every_counterexample_gets_every_part_of_both_sides_carried_out(pages):
    for page in pages.values():
        for section in page.sections:
            if section.title == "Counterexample":
                chains = [block.chain for block in section.blocks if isinstance(block, typeset.Display)]
                claim = LIBRARY[page.name]
                put_in = 1 if claim.functions or len(claim.symbols) > 1 else 0  # else x alone, which stays as it is
                assert any(len(chain) > 1 + put_in for chain in chains), page.name


def test_the_verdicts_are_those_that_are_recorded(pages):
    from verify.ledger import read_expected

    assert {name: page.verdict for name, page in pages.items()} == {
        name: record["verdict"] for name, record in read_expected()["claims"].items()
    }


def test_an_induction_shows_its_start_and_its_step(pages):
    text = " ".join(terminal(pages["affine-collapse"]).replace("│", " ").split())
    assert "By induction on n, from 0." in text
    assert text.index("Start: for n = 0") < text.index("Step: assume it for n.") < text.index("This proves the claim.")


def test_cases_show_what_is_assumed_in_each(pages):
    text = terminal(pages["relu-second-derivative-off-kinks"])
    assert "Case 1, unit active: b + w·x > 0." in text
    assert "Case 2, unit inactive: b + w·x < 0." in text


def test_an_appeal_names_the_claim_and_what_is_put_in(pages):
    text = terminal(pages["pair-second"], 100)
    assert "by second-derivative with R for f and L for S" in text
    assert "What it uses" in text


def test_a_source_is_quoted_with_its_reading(pages):
    text = " ".join(terminal(pages["post-pair-nth"]).replace("│", " ").split())
    assert "“p^(n) = L' x R^(n-1)”; read so: each prime is the derivative with respect to the function's own" in text


BROKEN = replace(
    LIBRARY["exp-power-rule"],
    name="broken",
    induction=None,
    lhs=LIBRARY["post-second-derivative-right"].lhs,
    rhs=Y * slope**2,
    steps=(Step(Y * slope**2 + Y, "a slip"), Step(Y * slope**2, "which is put right here")),
)


def test_a_proof_that_breaks_says_at_which_step_and_by_how_much_though_the_claim_is_true():
    page = explain(BROKEN, LIBRARY)
    assert page.verdict is Verdict.SUPPORTED
    text = " ".join(terminal(page).replace("│", " ").split())
    assert (
        "The proof stops at step 1 of 2, «a slip»: the two sides differ by what could not be shown to be zero" in text
    )
    assert "This proves the claim" not in text
    assert "none speaks against the claim" in text


def test_an_appeal_whose_hypothesis_is_missing_is_told_in_words():
    doubling = Hypothesis("doubling", "the layer doubles", equation(L(u), 2 * u))
    claim = replace(LIBRARY["pair-nth"], name="bare", given=(doubling,))
    text = " ".join(terminal(explain(claim, LIBRARY)).replace("│", " ").split())
    assert "affine-collapse needs the hypothesis «affine-along-line», which is not at hand" in text


def test_what_does_not_occur_in_a_step_is_written_as_mathematics():
    step = replace(LIBRARY["pair-second"].steps[0], by=LIBRARY["alpha-closed-form"].steps[0].by)
    given = LIBRARY["alpha-closed-form"].given
    text = typeset.to_markdown(
        explain(replace(LIBRARY["pair-second"], name="astray", given=given, steps=(step,)), LIBRARY)
    )
    assert "d²f(S(x))/dx² does not occur in it" in text
    assert not RAW.search(text)


def test_a_claim_that_rests_on_what_no_longer_holds_says_so():
    wrong = {
        **LIBRARY,
        "exp-power-rule": replace(LIBRARY["exp-power-rule"], rhs=LIBRARY["exp-power-rule"].rhs.subs(n, n + 1)),
    }
    page = explain(LIBRARY["alpha-closed-form"], wrong)
    assert page.standing == "PROVED, but rests on what does not stand"
    assert "It does not stand" in terminal(page)


def test_nothing_is_typed_in_a_claim_with_another_right_side_gets_another_counterexample():
    name = "post-second-derivative-middle"
    text = terminal(explain(replace(LIBRARY[name], rhs=LIBRARY[name].rhs * 3), LIBRARY))
    assert "The sides differ: 4 ≠ 6." in text


def test_a_refuted_claim_that_nobody_corrects_is_an_open_hole():
    text = terminal(explain(replace(LIBRARY["post-pair-nth"], name="nobody-corrects-this"), LIBRARY))
    assert "An open hole: no claim says what is true instead." in text


def test_a_hypothesis_that_is_a_sign_shows_its_value_at_the_counterexample():
    given = (AFFINE, Hypothesis("slope-nonzero", "the slope is not zero", nonzero(slope)))
    claim = replace(LIBRARY["post-second-derivative-middle"], name="with-a-sign", given=given)
    assert "the slope is not zero: there it says 2 ≠ 0" in terminal(explain(claim, LIBRARY))


@pytest.mark.parametrize("how", [(), ("--latex",), ("--markdown",)])
def test_the_command_prints_the_page_and_nothing_else(gradcampp, how):
    found = gradcampp("explain", "post-second-derivative-middle", *how)
    assert (found.returncode, found.stderr) == (0, "")
    assert "4 ≠ 2" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["post-pair-nh"], "did you mean 'post-pair-nth'?"),
        (["zzz"], "no claim is called 'zzz'"),
        (["pair-nth", "--latex", "--markdown"], "choose one"),
        ([], "claim"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(gradcampp, arguments, says):
    found = gradcampp("explain", *arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert says in found.stderr
    assert found.stderr.count("\n") == 1


def test_torch_is_not_imported():
    program = (
        "import sys; from verify.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules, 'cam' in sys.modules, file=sys.stderr)"
    )
    arguments = [sys.executable, "-c", program, "explain", "alpha-closed-form-any-tail"]
    found = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=True)
    assert found.stderr == "False False\n"

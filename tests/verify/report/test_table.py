import io

import pytest
from rich.console import Console

from derivation.heads import IDENTITY, SIGMOID, TEMPERED, Head
from derivation.notation import m, u
from verify.report.table import answers, markdown, outer_functions, refuted, standing, strongest, terminal


def shown(table, width=200):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(table)
    return console.file.getvalue()


def piece(method, verdict, **rest):
    return {
        **{"residual": None, "bound": None, "tried": 1, "vacuous": 0, "witness": None, "note": "", "case": "a case"},
        "method": method,
        "verdict": verdict,
        **rest,
    }


def claim(verdict, *evidence, links=()):
    return {"verdict": verdict, "evidence": list(evidence), "proof": {"links": list(links)}}


def test_a_proof_is_the_strongest_evidence_wherever_it_stands_in_the_list():
    found = claim("PROVED", piece("autograd", "SUPPORTED"), piece("symbolic", "PROVED"), links=[{}, {}, {}])
    assert strongest(found) == "symbolic proof in 3 links"


def test_an_exact_counterexample_comes_before_an_enclosure_and_before_support():
    witness = {"where": "x = 0", "lhs": "4", "rhs": "2", "sign": "≠"}
    enclosed = piece("enclosure", "REFUTED", witness={"where": "x = 1", "lhs": "[3 +/- 1e-9]", "rhs": "2", "sign": "≠"})
    assert (
        strongest(
            claim("REFUTED", piece("autograd", "SUPPORTED"), enclosed, piece("exact", "REFUTED", witness=witness))
        )
        == "exact counterexample, x = 0: 4 ≠ 2"
    )
    assert strongest(claim("REFUTED", enclosed)) == "enclosure counterexample, x = 1: [3 +/- 1e-9] ≠ 2"


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (
            {"tried": 40, "residual": 3.21e-16, "bound": 1e-14},
            "autograd: 40 cases tried, largest difference 3.2e-16, bound 1e-14",
        ),
        ({"tried": 1, "residual": 0.0}, "autograd: 1 case tried, largest difference 0"),
        ({"tried": 9}, "autograd: 9 cases tried, none fails"),
    ],
)
def test_support_is_told_with_its_numbers(numbers, words):
    assert (
        strongest(claim("SUPPORTED", piece("property", "SUPPORTED"), piece("autograd", "SUPPORTED", **numbers)))
        == words
    )


def test_what_is_undecided_gives_its_reason():
    open_question = piece("enclosure", "UNDECIDED", note="the ball contains zero")
    assert strongest(claim("UNDECIDED", piece("property", "UNDECIDED", note="all vacuous"), open_question)) == (
        "enclosure: the ball contains zero"
    )
    assert strongest(claim("UNDECIDED")) == "nothing was tried"


def test_a_method_that_has_no_rank_yet_comes_last():
    pieces = (piece("oracle bones", "SUPPORTED"), piece("property", "SUPPORTED"))
    assert strongest(claim("SUPPORTED", *pieces)).startswith("property")
    assert strongest(claim("SUPPORTED", pieces[0])).startswith("oracle bones")


def test_support_beyond_its_bound_leaves_its_case_as_the_reason():
    assert strongest(claim("UNDECIDED", piece("autograd", "SUPPORTED", residual=2.0, bound=1.0))) == "autograd: a case"


def test_the_terminal_shows_every_claim_and_takes_nothing_for_markup(small):
    small["claims"][3]["evidence"] = [piece("exact", "UNDECIDED", note="[bold]S[/bold] [/] [red]")]
    text = shown(terminal(small, {"no-square": 1.234}))
    assert all(entry["name"] in text for entry in small["claims"])
    assert "[bold]S[/bold] [/] [red]" in text
    assert text.count("1.23 s") == 1
    assert "REFUTED, open hole" in text
    assert "affine" in text


def test_the_terminal_table_fits_into_80_columns(full):
    text = shown(terminal(full, {}), width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("REFUTED") == sum(entry["verdict"] == "REFUTED" for entry in full["claims"])


def test_markdown_has_one_row_a_claim_and_nothing_breaks_out_of_its_cell(small):
    small["claims"][0]["says"] = "a | b\n*c* <d> $e$ [f] g_h"
    rows = markdown(small).splitlines()
    assert len(rows) == 2 + len(small["claims"])
    assert rows[2] == (r"| `no-square` | a \| b \*c\* \<d\> \$e\$ \[f\] g\_h | the post, line \<2\> | REFUTED |")
    assert all(row.replace(r"\|", "").count("|") == 5 for row in rows)
    assert rows[4].endswith("| REFUTED, open hole |")


def test_what_is_false_has_one_row_and_nothing_breaks_out_of_its_cell():
    source = {"work": "post", "where": "line <2>"}
    claim = {"name": "no-square", "says": "a | b", "source": source, "instead": ["square-slope", "chain-rule"]}
    assert refuted([claim]).splitlines()[2:] == [
        r"| `no-square` | a \| b | the post, line \<2\> | `square-slope`, `chain-rule` |"
    ]


def test_an_answer_has_one_row_and_names_its_claims(small):
    rows = answers(small["constraints"]).splitlines()
    assert rows[2:] == [
        r"| Only \<plain\> layers. | sufficient | the rule | no | a corner | `no-square` |",
        r"| Only \<plain\> layers. | necessary | the rule | not tried |  | `gone` |",
    ]


def test_markdown_is_the_same_every_time(full):
    assert markdown(full) == markdown(full)
    assert markdown(full).endswith("|\n")


def test_a_proof_on_sand_says_so(small):
    corrector = small["claims"][1]
    assert standing(corrector) == "PROVED, does not stand"
    assert standing({**corrector, "stands": True}) == "PROVED"


def test_an_outer_function_has_one_row_and_what_depends_on_an_exponent_is_said_so():
    rows = outer_functions((TEMPERED, SIGMOID, IDENTITY, Head("power", "", u**m))).splitlines()[2:]
    assert [row.split(" | ")[2:] for row in rows] == [
        ["nowhere", "nowhere", "`-2·T` |"],
        ["`u = 0`", "`u = 0`", "`(2·exp(2·u) - 2)/(exp(2·u) - 4·exp(u) + 1)` |"],
        ["everywhere", "nowhere", "none |"],
        ["where `u^(m - 2) = 0`", "where `u^(m - 2) = 0`, but not where `u^(m - 3) = 0`", "`-2·u/(m - 2)` |"],
    ]

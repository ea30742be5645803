"""What README.md says is true: its table is current, its example runs, its commands exist."""

import functools
import re
import shlex
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest
import typer.main
from typer.exceptions import TyperException

from verify import cli
from verify.readme import README, filled

ROOT = Path(README).parent
TEXT = README.read_text("utf-8")
PROSE = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->|```.*?```", "", TEXT, flags=re.DOTALL)
COMMANDS = typer.main.get_command(cli.app)
# A number of two digits or a part of one; not an equation's, nor a part of a name such as VGG16.
NUMBER = re.compile(r"(?<![\w.(])(?:\d+(?:[.,]\d+)+|\d{2,}|\d+e-\d+)(?!\w)")


def test_the_verdict_table_is_current():
    assert filled(TEXT) == TEXT, "run python -m verify.readme"


def test_the_example_runs_and_prints_a_difference(tmp_path):
    (program,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 10
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=120,
        check=True,
    )
    (moved,) = re.findall(r"moves the heatmap by up to (\d\.\d+)\n", found.stdout)
    assert 0 < float(moved) <= 1


def test_every_file_that_it_names_exists():
    root = Path(README).parent
    named = set(re.findall(r"`((?:derivation|cam|verify|notebooks)/[\w./]*)`", TEXT)) | {
        target for target in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in target
    }
    assert named
    for name in named:
        assert (root / name).exists(), name


def test_every_make_target_that_it_names_exists():
    makefile = (Path(README).parent / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"(?:^    |`)make (\w+)", TEXT, flags=re.MULTILINE))
    assert targets
    for target in targets:
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target


# Commands


def parsed(line):
    """Parse a line of a shell as the command line would; nothing runs.

    Raises:
        TyperException: it would be refused.
    """
    _, name, *arguments = shlex.split(line, comments=True)
    if name not in COMMANDS.commands:
        raise TyperException(f"no command is called {name}")
    COMMANDS.commands[name].make_context(name, arguments)


def written(text):
    """Return the lines of a text that call gradcampp, in blocks and between backticks."""
    blocks = re.findall(r"^    (?:\.venv/bin/)?(gradcampp [a-z].*)$", text, re.MULTILINE)
    return blocks + re.findall(r"`(gradcampp [a-z][^`]*)`", text)


def lacking(text):
    """Return the options that a section of a text names and no command of that section has."""
    commands = {line.split()[1] for line in written(text)}
    known = {option for name in commands for one in COMMANDS.commands[name].params for option in one.opts}
    return set(re.findall(r"`(--[a-z]+)", text)) - known


def test_every_command_line_that_it_shows_is_one():
    lines = written(PROSE)
    assert {line.split()[1] for line in lines} == set(COMMANDS.commands)
    for line in lines:
        if " " not in line.removeprefix("gradcampp ") and COMMANDS.commands[line.split()[1]].params[0].required:
            continue  # the command by its name alone
        parsed(line)


@pytest.mark.parametrize(
    "line", ["gradcampp check lite0 --picture coffee", "gradcampp heatmap", "gradcampp chek lite0"]
)
def test_a_command_line_that_is_none_is_found(line):
    with pytest.raises(TyperException):
        parsed(line)


def test_every_option_that_it_names_is_one_of_a_command_of_its_section():
    for section in re.split(r"^## ", PROSE, flags=re.MULTILINE):
        assert not lacking(section), section.splitlines()[0]
    assert lacking("`gradcampp cite NAME` with `--json`") == {"--json"}


def test_what_it_tells_to_install_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = re.findall(r"pip install -c (\S+) -e '\.\[(.*?)\]'", PROSE)
    assert len(asked) == 2
    for constraints, extras in asked:
        assert (ROOT / constraints).exists()
        assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert f"EXTRAS := {asked[1][1]}\n" in (ROOT / "Makefile").read_text("utf-8")


# Numbers


def uncovered(text):
    """Return the numbers of a text that no phrase of a test holds."""
    for phrase in phrases():
        text = text.replace(phrase, "")
    return set(NUMBER.findall(text)) - set(MEASURED)


def test_every_number_is_compared_with_what_it_comes_from():
    for phrase in phrases():
        assert phrase in PROSE
    assert uncovered(PROSE) == set()


@pytest.mark.parametrize(
    "planted", ["it takes 174 MB", "0.44 of its maximum", "in 12 s", "below 1e-7", "one of the 375"]
)
def test_a_number_that_comes_from_nowhere_is_found(planted):
    assert uncovered(f"{PROSE}\n{planted}")


# Compared where a network is checked, which takes seconds: tests/verify/check/test_commands.py.
MEASURED = ("37632", "0.43")


@functools.cache
def phrases():
    """Return what the text has to say, made from what it is about."""
    from cam import VARIANTS
    from derivation.claims import CLAIMS, LIBRARY
    from verify import ledger, replay
    from verify.map_properties import MAP_PROPERTIES

    standing = {name: record["verdict"] for name, record in ledger.read_expected()["claims"].items()}
    hypotheses = sum(len(claim.given) for claim in CLAIMS if standing[claim.name] == "PROVED")
    stored = [replay.read(slug) for slug in replay.slugs()]
    of_claims = Counter(one.need for one in stored if one.without and one.claim in LIBRARY)
    says = " ".join(one.says for one in VARIANTS)
    asked = [re.search(rf"\b{name} \d[\d.]*\d", says)[0] for name in ("grad-cam", "torchcam", "monai")]
    eps = re.search(r"\b1e-\d+", says)[0]
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    return [
        f"each of the {hypotheses} hypotheses",
        f"one of the {len(stored)} counterexamples",
        f"{len(MAP_PROPERTIES)} statements about whole maps",
        f"each of their {sum(len(prop.assumes) for prop in MAP_PROPERTIES)} assumptions",
        f"{of_claims['false']} because the claim is then false somewhere",
        f"{of_claims['no value']} because it then has no value somewhere",
        *asked,
        f"captum {pinned['captum']} has Grad-CAM alone",
        *(f"{eps} {place} the denominator" for place in ("to", "in")),
        f"on Python {project['requires-python'].removeprefix('>=')} or newer",
    ]


def test_the_counterexamples_that_it_names_are_stored():
    from verify import replay

    named = re.findall(r"`([a-z-]+/(?:without-[a-z-]+|as-printed))`", TEXT)
    assert named and set(named) <= set(replay.slugs())


def test_the_slip_of_the_post_has_the_values_that_it_tells():
    from verify import replay

    one = replay.read("post-second-derivative-middle/as-printed")
    assert (one.functions["S"], one.functions["f"], one.numbers["x"]) == ("2 u", "exp(u)", "0")
    assert f"S = 2x, x = 0: its middle line gives {one.rhs}, the truth is {one.lhs}" in PROSE
    assert f"S = 2x, x = 0 gives {one.rhs}, the truth\n  is {one.lhs}" in PROSE


# What it says of each; that the libraries compute what `cam.VARIANTS` does is for tests/verify/peers/test_ask.py.
LIBRARIES = {
    "pytorch-grad-cam": ("paper (19)", False, "computes (19) with 1e-6 in the denominator"),
    "torchcam": ("no division", False, "does not divide at all (`GradCAMpp`)"),
    "torchcam-smooth": ("A inside the sum", False, "or sums `A g^3` (`SmoothGradCAMpp`)"),
    "monai": ("A inside the sum", True, "sums `A g^3` and keeps `exp(S)`"),
}


@pytest.mark.parametrize("name", LIBRARIES)
def test_the_libraries_do_what_it_says(name):
    from cam import GradCAMPlusPlus
    from verify.peers.ask import identify

    formula, factor, words = LIBRARIES[name]
    found = identify(lambda model, layer, images, c: GradCAMPlusPlus(model, layer, variant=name).attribute(images, c))
    assert (found.formula, found.factor) == (formula, factor)
    assert words in " ".join(PROSE.split())


def test_a_thousand_times_as_fast_is_what_was_measured():
    from verify.bench.run import recorded

    fast = {row["workload"] for row in recorded()["rows"] if row.get("whole_map_speedup", 0) >= 1000}
    curved = {row["workload"] for row in recorded()["rows"] if row["forward_backward_ratio"] is None}
    assert len(fast & curved) == 2 and len(curved) == 3


def test_there_are_five_notebooks():
    assert "Five notebooks in `notebooks/`" in PROSE
    assert len(list((ROOT / "notebooks").glob("*.ipynb"))) == 5

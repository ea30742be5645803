"""The command line as its users meet it, for the most part in this process."""

import dataclasses
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import verify.run
from verify import breakmaps, ledger, necessity, picture_study, replay
from verify.errors import missing
from verify.report import audit, links
from verify.report.page import render


def apart(*arguments, **environment):
    """Run the command line in a process of its own."""
    command = [sys.executable, "-c", "from verify.cli import main; main()", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, timeout=120, check=False
    )


PROOFS = ("verify", "--only", "symbolic", "--jobs", "1")


def one_line(said):
    assert "Traceback" not in said
    return said.startswith("gradcampp: ") and said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verify", "--claim", "exp-power-rul"], "did you mean 'exp-power-rule'"),
        (["verify", "--only", "magic"], "no method is called 'magic'"),
        (["verify", "--seed", "one"], "--seed"),
        (["verify", "--jobs", "0"], "--jobs"),
        (["verify", "--record", "--only", "symbolic"], "leave out --claim and --only"),
        (["verify", "--nonsense"], "--nonsense"),
        (["nonsense"], "nonsense"),
    ],
)
def test_a_wrong_request_is_one_clear_line_and_status_2(gradcampp, tmp_path, arguments, says):
    if arguments[0] == "verify":
        arguments = [*arguments, "--report", str(tmp_path / "report")]
    found = gradcampp(*arguments)
    assert (found.returncode, found.stdout) == (2, "")
    assert says in found.stderr
    assert one_line(found.stderr)
    assert not (tmp_path / "report").exists()


def test_a_report_directory_that_is_a_file_is_refused_before_any_work(gradcampp, tmp_path):
    (tmp_path / "report").write_text("mine")
    found = gradcampp(*PROOFS, "--report", tmp_path / "report")
    assert found.returncode == 2
    assert one_line(found.stderr)
    assert (tmp_path / "report").read_text() == "mine"


def test_a_package_that_is_missing_is_named_with_its_cure(tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys; sys.modules['efficientnet_lite_pytorch'] = None\n")
    found = apart("verify", "--only", "network", "--jobs", "1", "--report", tmp_path / "r", PYTHONPATH=str(tmp_path))
    assert found.returncode == 2
    assert one_line(found.stderr)
    assert "pip install 'gradcampp[real]'" in found.stderr
    assert list((tmp_path / "r").iterdir()) == []


@pytest.fixture(scope="module")
def proofs(tmp_path_factory):
    """Run all proofs in a process of its own; return what it said, and its report."""
    report = tmp_path_factory.mktemp("proofs")
    (report / links.PROPERTIES.file).write_text("<title>Grad-CAM++: x</title>\n<body>\n")
    return apart(*PROOFS, "--json", "--report", report), report


def test_json_is_one_document_on_stdout_and_nothing_else(proofs):
    found, report = proofs
    assert found.returncode == 0
    document = json.loads(found.stdout)
    assert document["schema"] == ledger.SCHEMA
    assert found.stdout == (report / "ledger.json").read_text("utf-8")
    for claim in document["claims"]:
        assert {"name", "says", "source", "verdict", "stands", "evidence"} <= set(claim)
        for piece in claim["evidence"]:
            assert set(piece) == {
                *("method", "verdict", "case", "residual", "bound", "tried", "vacuous", "witness", "note"),
            }


def test_the_same_seed_gives_the_same_bytes(proofs, gradcampp, tmp_path):
    """Here, quietly, in a process that did other things before; there, in one of its own."""
    _, report = proofs
    (tmp_path / links.PROPERTIES.file).write_text((report / links.PROPERTIES.file).read_text("utf-8"), "utf-8")
    assert gradcampp(*PROOFS, "--quiet", "--report", tmp_path).returncode == 0
    for name in ("ledger.json", "index.html", "verdicts.md"):
        assert (report / name).read_bytes() == (tmp_path / name).read_bytes()


def test_the_report_can_be_rendered_again_from_the_ledger_and_has_links_to_what_lies_beside_it(proofs):
    _, report = proofs
    again = render(ledger.loads((report / "ledger.json").read_text("utf-8")))
    found = (report / "index.html").read_text("utf-8")
    assert again == links.without(found) != found
    for name in (links.FRONT.file, links.PROPERTIES.file):
        assert f'<a href="{links.PROPERTIES.file}"' in (report / name).read_text("utf-8")


def test_the_annotated_post_that_lies_beside_is_that_of_the_new_ledger(gradcampp, tmp_path):
    """Without it, it would go on telling of claims that this ledger has not, with links to where nothing is."""
    (tmp_path / links.POST.file).write_text("<title>Grad-CAM++: x</title>\n<body>\n")
    found = gradcampp(*PROOFS, "--claim", "exp-power-rule", "--quiet", "--report", tmp_path)
    assert found.returncode == 0
    site = {path.name: path.read_text("utf-8") for path in tmp_path.glob("*.html")}
    assert set(site) == {links.FRONT.file, links.POST.file} and audit.faults(site) == []
    assert "1 of 9 lines" in site[links.POST.file] and "no claim that was tried is about" in site[links.POST.file]


def test_the_table_goes_to_stdout_and_progress_does_not(gradcampp, tmp_path):
    chosen = ("--claim", "exp-power-rule", "--seed", "7")
    found = gradcampp(*PROOFS, *chosen, "--report", tmp_path, COLUMNS="200")
    assert "exp-power-rule" in found.stdout and "pair-nth" not in found.stdout
    assert json.loads((tmp_path / "ledger.json").read_text("utf-8"))["environment"]["seed"] == 7
    assert "report:" in found.stderr
    assert "report:" not in found.stdout


def test_a_verdict_that_moved_is_status_1_and_named(gradcampp, monkeypatch, tmp_path):
    """The recorded standing is another one here: what is proved was recorded as refuted."""
    right = ledger.read_expected()
    right["claims"]["pair-nth"] |= {"verdict": "REFUTED", "stands": False}
    monkeypatch.setattr(ledger, "read_expected", lambda: right)
    some = ("--claim", "pair-nth", "--claim", "affine-collapse")
    found = gradcampp(*PROOFS, *some, "--quiet", "--report", tmp_path)
    assert found.returncode == 1
    moved = "moved: pair-nth: expected REFUTED, stands: False, found PROVED, stands: True"
    assert [line for line in found.stderr.splitlines() if line.startswith("moved")] == [moved]
    assert (tmp_path / "index.html").exists()


def test_a_fault_of_the_toolkit_is_status_3_without_a_traceback(gradcampp, monkeypatch, tmp_path):
    def crash(*_, **__):
        raise RuntimeError("broken")

    monkeypatch.setattr(verify.run, "suite", crash)
    found = gradcampp(*PROOFS, "--quiet", "--report", tmp_path)
    assert found.returncode == 3
    assert one_line(found.stderr)


def test_help_is_shown_for_no_command():
    found = apart()
    assert found.returncode == 0 and "verify" in found.stdout


def test_the_version_is_that_of_the_package(gradcampp):
    assert gradcampp("--version").stdout == f"gradcampp {metadata.version('gradcampp')}\n"


def test_a_terminal_without_the_letters_of_mathematics_gets_others():
    found = apart("explain", "exp-power-rule", PYTHONIOENCODING="ascii")
    assert (found.returncode, found.stderr) == (0, "")
    assert "exp-power-rule" in found.stdout and "?" in found.stdout


def test_the_command_is_installed():
    (command,) = (point for point in metadata.entry_points(group="console_scripts") if point.name == "gradcampp")
    assert command.value == "verify.cli:main"


def test_a_proof_that_hangs_is_undecided_with_the_reason_and_the_others_go_on(tmp_path):
    """The simplification of one claim never ends here, in every process that is started."""
    (tmp_path / "sitecustomize.py").write_text(
        "import verify.methods.symbolic as room\n"
        "prove = room.prove\n"
        "def hanging(claim, library):\n"
        "    while claim.name == 'pair-nth': pass\n"
        "    return prove(claim, library)\n"
        "room.prove = hanging\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(ledger.__file__).parent.parent)])
    some = ("post-pair-nth-of-first", "pair-nth", "pair-first-nth", "affine-collapse")
    chosen = [word for name in some for word in ("--claim", name)]
    found = apart(*PROOFS, *chosen, "--json", "--report", tmp_path / "r", PYTHONPATH=path)
    assert found.returncode == 1  # it was proved before
    assert "moved: pair-nth: expected PROVED, stands: True, found UNDECIDED, stands: False" in found.stderr
    claims = {claim["name"]: claim for claim in json.loads(found.stdout)["claims"]}
    (piece,) = claims["pair-nth"]["evidence"]
    assert (piece["verdict"], piece["note"]) == ("UNDECIDED", "stopped after 5 s")
    assert claims["pair-nth"]["proof"]["reason"] == "stopped after 5 s"
    assert claims["post-pair-nth-of-first"]["verdict"] == "PROVED"
    assert {name for name in some if not claims[name]["stands"]} == {"pair-nth", "post-pair-nth-of-first"}


# The search for what breaks the claims


def test_properties_writes_the_page_and_says_what_each_claim_needs(gradcampp, tmp_path):
    found = gradcampp("properties", "--claim", "alpha-closed-form", "--report", tmp_path)
    assert found.returncode == 0 and "exp-head: false" in found.stdout
    assert {path.name for path in tmp_path.iterdir()} >= {"properties.html", "properties.md"}


def test_properties_refuses_what_it_does_not_know_and_what_it_cannot_record(gradcampp, tmp_path):
    assert "no profile is called 'night'" in gradcampp("properties", "--profile", "night", "--report", tmp_path).stderr
    found = gradcampp("properties", "--claim", "exp-power-rule", "--record", "--quiet", "--report", tmp_path)
    assert found.returncode == 2 and "leave out --claim" in found.stderr


def test_replay_works_a_counterexample_out(gradcampp):
    found = gradcampp("replay", "alpha-closed-form/without-exp-head")
    assert found.returncode == 0
    for words in (
        "Without «exp-head»",
        "Take S(u) = 2·u, f(u) = u², σ = 1 and x = 0",
        "1/2 ≠ 1/4",
        "autograd: residual",
    ):
        assert words in found.stdout


def test_replay_of_all_counts_those_that_reproduce_and_names_the_others(gradcampp, monkeypatch):
    names, read = replay.slugs()[:2], replay.read
    monkeypatch.setattr(replay, "slugs", lambda: names)
    monkeypatch.setattr(
        replay, "read", lambda slug: dataclasses.replace(read(slug), **({"lhs": "7"} if slug == names[1] else {}))
    )
    found = gradcampp("replay", "--all")
    assert (found.returncode, found.stdout) == (1, "1 of 2 counterexamples reproduce and are certified.\n")
    assert names[1] in found.stderr


def test_replay_of_a_refuted_claim_and_of_one_without_a_value(gradcampp):
    assert "The sides differ: 1/2 ≠ 1/4" in gradcampp("replay", "alpha-closed-form-any-head/as-printed").stdout
    assert "nothing to be claimed" in gradcampp("replay", "alpha-closed-form/without-slope-nonzero").stdout


def test_replay_wants_one_name_or_all_and_knows_them(gradcampp):
    assert "name one counterexample, or use --all" in gradcampp("replay").stderr
    found = gradcampp("replay", "alpha-closed-form/without-exp-hed")
    assert found.returncode == 2 and "did you mean" in found.stderr


def test_cite_prints_a_sentence_and_bibtex(gradcampp):
    found = gradcampp("cite", "alpha-closed-form")
    assert found.returncode == 0 and "@software{gradcampp-alpha-closed-form," in found.stdout
    assert "@software{gradcampp-closed-map," in gradcampp("cite", "closed-map").stdout
    assert "did you mean" in gradcampp("cite", "alpha-closed-for").stderr


@pytest.fixture
def properties(gradcampp, monkeypatch, tmp_path):
    """Run `properties` with nothing to do but to compare two pictures, in this process: workers would do it all."""
    few = picture_study.tasks("ci", ["digits-relu"])[:2]
    monkeypatch.setattr(necessity, "tasks", lambda *_: [])
    monkeypatch.setattr(breakmaps, "MAPS", ())
    monkeypatch.setattr(picture_study, "tasks", lambda *_: few)
    return lambda profile="ci": gradcampp("properties", "--profile", profile, "--jobs", "1", "--report", tmp_path)


def test_the_picture_is_compared_told_and_kept(properties, tmp_path):
    found = properties("dev")
    assert found.returncode == 0, found.stderr
    assert "profile dev:" in (tmp_path / "properties.html").read_text("utf-8")
    assert "the heatmap is the exact one, up to rounding, in 2 of 2 experiments (4 maps)" in found.stdout
    assert '<section id="picture"' in (tmp_path / "properties.html").read_text("utf-8")
    assert "## How wrong is the picture?" in (tmp_path / "properties.md").read_text("utf-8")
    assert (tmp_path / ".picture.jsonl").read_text("utf-8").count('"task"') == 2


def test_maps_that_differ_where_theory_has_one_are_status_1(properties, monkeypatch):
    """Another closed form, in this process alone: what the worker finds is changed where it comes in."""
    run = picture_study.run

    def wrong(*arguments, **options):
        out = run(*arguments, **options)
        for each in out.found.values():
            each["exp-printed"] = dataclasses.replace(each["exp-printed"], difference=0.5)
        return out

    monkeypatch.setattr(picture_study, "run", wrong)
    found = properties()
    assert found.returncode == 1
    assert "moved: digits-relu, exp-printed: the tail is piecewise linear and the maps are not the same" in found.stderr
    assert "moved: digits-relu, exp-printed: the maps were recorded as same, now they are differs" in found.stderr


def test_without_the_networks_the_picture_is_said_to_be_not_run(properties, monkeypatch, tmp_path):
    def gone(*_, **__):
        raise missing("scikit-learn", "real", "the handwritten digits")

    monkeypatch.setattr(picture_study, "run", gone)
    found = properties()
    assert found.returncode == 0
    assert "not run: heatmaps" in found.stderr and "pip install 'gradcampp[real]'" in found.stderr
    assert 'id="picture"' not in (tmp_path / "properties.html").read_text("utf-8")


def test_report_makes_a_site_of_what_is_there_and_names_its_pages(gradcampp, tmp_path):
    found = gradcampp("report", "--report", tmp_path)
    assert (found.returncode, found.stdout) == (0, "")
    pages = [line.rpartition("/")[2] for line in found.stderr.splitlines()]
    assert "explorer.html" in pages and "index.html" not in pages
    assert sorted(pages) == sorted(path.name for path in tmp_path.iterdir())


def test_report_refuses_peers_that_are_none_in_one_line(gradcampp, tmp_path):
    (tmp_path / "peers.json").write_text("{}")
    found = gradcampp("report", "--report", tmp_path)
    assert found.returncode == 2 and one_line(found.stderr)
    assert "peers.json" in found.stderr

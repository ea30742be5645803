"""What is printed about the peers, and `gradcampp peers` as a whole."""

import json
import sys
from io import StringIO

import pytest
from rich.console import Console

from verify.errors import UsageError
from verify.peers import run, table
from verify.peers.adapters import PEERS, Peer, chosen, taken

USER = """
import torch

def mine(model, layer, images, c):
    print("a word on stdout")
    seen = []
    handle = model.get_submodule(layer).register_forward_hook(lambda _, __, A: seen.append(A))
    S = model(images)[:, c]
    handle.remove()
    g, = torch.autograd.grad(S.sum(), seen[0])
    return (g.mean((-2, -1), keepdim=True) * seen[0]).sum(1).numpy(force=True)

def shapeless(model, layer, images, c):
    return images[0, 0, 0]
"""


@pytest.fixture
def user(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(USER)
    return file


def printed(document):
    out = StringIO()
    console = Console(file=out, width=200)
    console.print(*table.tables(document))
    return out.getvalue()


def test_a_peer_that_is_missing_was_not_run_and_the_cure_is_named(monkeypatch):
    peer = next(peer for peer in PEERS if peer.name == "captum")
    monkeypatch.setattr(type(peer), "version", property(lambda _: None))
    seen = []
    found = run.document([peer], seen.append)
    (record,) = found["peers"]
    assert record["formula"] == "not run" and "pip install 'gradcampp[peers]'" in record["why"]
    assert {record[key] for key in ("evidence", "behaviours", "deviation", "findings")} == {None}
    assert "not run" in printed(found) and "behaviour" not in printed(found)
    assert any("pip install" in line for line in table.lines(found))
    assert len(seen) == run.steps([peer])


def test_a_package_that_cannot_be_imported_was_not_run(monkeypatch):
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    peer = next(peer for peer in PEERS if peer.name == "captum")
    monkeypatch.setattr(type(peer), "version", property(lambda _: "0.9.0"))
    assert run.record(peer)["formula"] == "not run"


@pytest.mark.slow
def test_everything_about_our_own_is_in_the_record_and_in_the_table():
    seen = []
    found = json.loads(json.dumps(run.document(chosen(["gradcampp"]), seen.append), allow_nan=False))
    (record,) = found["peers"]
    assert {"peer", "version", "formula", "evidence", "behaviours", "deviation", "findings"} <= set(record)
    assert (record["formula"], record["eps"], record["findings"]) == ("paper (19)", [0.0], [])
    assert len(seen) == run.steps(chosen(["gradcampp"]))
    text = printed(found)
    assert "paper (19)" in text and "1.92377729" in text and "as alone" in text


@pytest.mark.slow
def test_a_function_of_the_user_is_asked_and_what_it_prints_is_no_data(gradcampp, user, monkeypatch):
    found = gradcampp("peers", "--callable", f"{user}:mine", "--json")
    assert found.returncode == 0, found.stderr
    document = json.loads(found.stdout)
    (record,) = document["peers"]
    assert (record["peer"], record["formula"], record["finish"]) == ("callable", "Grad-CAM", "before ReLU")
    assert "a word on stdout" in found.stderr
    # The same answers once more, as a table and quietly.
    monkeypatch.setattr(run, "document", lambda *_: document)
    found = gradcampp("peers", "--callable", f"{user}:mine", COLUMNS="160")
    assert found.returncode == 0 and "Grad-CAM" in found.stdout
    assert gradcampp("peers", "--callable", f"{user}:mine", "--quiet").stdout == ""


@pytest.mark.slow
def test_a_function_that_computes_no_formula_is_other_and_so_is_one_that_fits_several(monkeypatch):
    def squares(model, layer, images, c):
        return images.square().sum(1)

    planted = Peer("planted", "", "", "squares", squares)
    record = run.record(planted)
    assert record["formula"] == "other" and record["why"] == "no formula gives its maps of the probes"
    monkeypatch.setattr("verify.peers.ask._fits", lambda *_: True)
    monkeypatch.setattr("verify.peers.run.deviations", lambda *_: {})
    record = run.record(planted)
    assert record["formula"] == "other" and record["why"].startswith("several formulas give its maps: ")


def test_a_function_that_gives_no_map_is_another_formula_and_the_reason_is_told(user):
    record = run.record(taken(f"{user}:shapeless"))
    assert record["formula"] == "other" and "shape (3,)" in record["why"]
    assert all(each["says"].startswith(("fails", "not visible")) for each in record["behaviours"].values())
    assert "other" in printed({"peers": [record]})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--peer", "torchcan"), "no peer is called 'torchcan'; did you mean 'torchcam'?"),
        (("--callable", "nowhere.py:f"), "FILE.py:FUNCTION"),
        (("--callable", "nowhere"), "FILE.py:FUNCTION"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(gradcampp, arguments, says):
    found = gradcampp("peers", *arguments, COLUMNS="500")
    assert found.returncode == 2 and found.stdout == "" and found.stderr.count("\n") == 1 and says in found.stderr


def test_a_file_that_fails_and_a_function_that_is_not_there_are_said(tmp_path, user):
    with pytest.raises(UsageError, match=r"no function of .* is called 'main'; did you mean 'mine'"):
        taken(f"{user}:main")
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(UsageError, match="cannot be imported: ZeroDivisionError"):
        taken(f"{tmp_path / 'broken.py'}:f")


def test_a_callable_alone_is_asked_alone_and_named_peers_beside_it(user):
    assert [peer.name for peer in chosen([], f"{user}:mine")] == ["callable"]
    assert [peer.name for peer in chosen(["monai", "monai"], f"{user}:mine")] == ["monai", "callable"]
    assert chosen([]) == PEERS


def test_a_picture_is_told_with_its_distance_and_turned_over_where_that_is_nearer():
    record = {"peer": "planted", "note": "", "why": "", "formula": "other", "findings": []}

    def told(**result):
        (line,) = table.lines({"peers": [{**record, "deviation": {"scene": {"map": 0.1, **result}}}]})
        return line

    assert told(picture=0.25, turned=0.9) == "planted on scene: its picture is off by 0.25 of the maximum"
    assert told(picture=0.9, turned=0.25).endswith("off by 0.9 of the maximum, 1 minus it by 0.25")
    assert told(picture="not finite", turned="not finite").endswith("its picture is not finite")

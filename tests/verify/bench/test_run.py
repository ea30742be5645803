"""All rows: in which order, after an interruption, recorded and as JSON."""

import json

import pytest

from verify import cli
from verify.bench import run
from verify.bench.maps import MAPPED
from verify.errors import Fault, UsageError
from verify.report import bench as shown

ROW = {
    "workload": "T1",
    "dtype": "float64",
    "ms_per_entry": 1.25,
    "whole_map_s": 31.0,
    "whole_map": "extrapolated",
    "whole_map_speedup": 1100.0,
    "peak_extra_mib": 120.0,
    "peers_speedup": {**dict.fromkeys(shown.PEERS, 213.4), "jax_nested_jvp": "not run"},
    "times_gemm_limit": 1.31,
    "max_error": 3e-15,
    "forward_backward_ratio": None,
    "within_rule": None,
    "threads": 2,
}
LINEAR = {**ROW, "workload": "T1-relu", "forward_backward_ratio": 1.2, "within_rule": True, "whole_map_s": 0.089}
GAIN = {"workload": "T1", "dtype": "float64", "representation": "roots", "predicted_gain": 16.2, "measured_gain": 15.0}


@pytest.fixture
def measured(monkeypatch):
    calls = []

    def child(module, name, dtype, settings):
        calls.append((module, name, dtype))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"workload": name, "dtype": dtype, **json.loads(settings)}

    monkeypatch.setattr(run, "_child", child)
    return calls


def test_an_interrupted_run_goes_on_and_a_finished_one_begins_anew(tmp_path, measured):
    kept, work = tmp_path / "kept", (["T1", "T3"], ["float64", "float32"], {"rounds": 1})
    with pytest.raises(KeyboardInterrupt):
        run.rows(*work, kept, print)
    said = []
    found = run.rows(*work, kept, said.append)
    assert [(one["workload"], one["dtype"]) for one in found] == [
        ("T1", "float64"),
        ("T1", "float32"),
        ("T3", "float64"),
        ("T3", "float32"),
    ]
    assert said == ["T3 float64", "T3 float32"]
    assert not kept.exists()
    assert len(measured) == 5


def test_rows_of_other_settings_are_not_believed(tmp_path, measured):
    kept = tmp_path / "kept"
    with pytest.raises(KeyboardInterrupt):
        run.rows(["T1", "T3"], ["float64", "float32"], {"rounds": 1}, kept, print)
    assert all(one["rounds"] == 2 for one in run.rows(["T1"], ["float64"], {"rounds": 2}, kept, print))


def test_names_are_checked():
    assert run.chosen([], []) == (["T1", "T3", "T4", "T1-relu", "T3-relu", "T4-relu"], ["float64", "float32"])
    assert run.chosen(["T3"], ["float32"]) == (["T3"], ["float32"])
    with pytest.raises(UsageError, match="no workload is called 'T9'"):
        run.chosen(["T9"], [])
    with pytest.raises(UsageError, match="no dtype is called 'float16'"):
        run.chosen([], ["float16"])
    with pytest.raises(UsageError, match="choose one of T1, T3, T4"):
        run.gains(["T1-relu"], ["float64"], {}, None, print)


def test_a_process_that_fails_is_a_fault(capfd):
    with pytest.raises(Fault, match="T1 float16 could not be measured"):
        run._child("row", "T1", "float16", "{}")
    assert "float16" in capfd.readouterr().err


def test_a_real_row_comes_out_of_its_process():
    found = run._child("row", "T4-relu", "float32", json.dumps({"rounds": 1, "small": True, "threads": 1}))
    assert (found["workload"], found["dtype"], found["threads"]) == ("T4-relu", "float32", 1)


def test_a_record_keeps_its_other_part_and_without_one_nothing_is_claimed(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "RECORD", tmp_path / "bench.json")
    assert run.recorded()["rows"] == run.recorded()["gains"] == []
    assert shown.markdown(run.recorded()) == shown.EMPTY
    for part, rows in (("rows", [ROW, LINEAR]), ("gains", [GAIN])):
        run.RECORD.write_text(run.record(part, rows))
    record = run.recorded()
    assert (record["rows"], record["gains"]) == ([ROW, LINEAR], [GAIN])
    text = shown.markdown(record)
    assert f"Measured on {run.processor()}, torch on 2 threads; ~ is extrapolated" in text
    assert "| T1: VGG16 tail 512x14x14 | float64 | 1.25 | ~31 | 1100 | 120 | 1.31 | 3.0e-15 |" in text
    assert "| T1 | float64 | 213 | 213 | 213 | not run |" in text
    assert "| 89 | 1.2 (at most 1.5) |" in text
    assert "| roots | 16.2 | 15 |" in text


def test_a_rule_that_is_broken_is_said():
    assert "more than 1.5" in shown.linear_cells({**LINEAR, "forward_backward_ratio": 1.6, "within_rule": False})[3]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--workload", "T2"], "no workload is called 'T2'"),
        (["--record", "--dtype", "float64"], "leave out --workload and --dtype"),
        (["--whole", "--representations"], "exclude each other"),
    ],
)
def test_a_wrong_request_is_one_line_and_status_2(gradcampp, tmp_path, arguments, says):
    found = gradcampp("bench", *arguments, "--report", tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert says in found.stderr


@pytest.mark.parametrize(
    ("options", "asked", "said"),
    [
        (["--workload", "T1"], {("row", "T1", False)}, "measuring T1 float32"),
        (["--workload", "T1", "--whole"], {("row", "T1", True)}, "measuring T1 float32"),
        (["--workload", "T1", "--representations"], {("gains", "T1", False)}, "measuring T1 float64"),
        (["--maps"], {("maps", one.name, False) for one in MAPPED}, f"measuring {MAPPED[0].name}"),
    ],
)
def test_json_is_what_was_measured_and_nothing_else_is_on_stdout(tmp_path, monkeypatch, capsys, options, asked, said):
    calls = []

    def child(module, name, dtype, settings):
        calls.append((module, name, json.loads(settings)["whole"]))
        return [ROW] if module == "gains" else ROW

    monkeypatch.setattr(run, "_child", child)
    cli.app(["bench", "--json", *options, "--report", str(tmp_path)], standalone_mode=False)
    out, err = capsys.readouterr()
    assert json.loads(out) == [ROW] * len(calls)
    assert set(calls) == asked
    assert said in err

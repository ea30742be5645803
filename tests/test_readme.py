"""What README.md says is true: its table is current, its example runs, its commands exist."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from verify.readme import README, filled

TEXT = README.read_text("utf-8")


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


def test_the_numbers_of_hypotheses_and_counterexamples_are_current():
    from derivation.claims import CLAIMS, LIBRARY
    from verify import ledger, replay
    from verify.map_properties import MAP_PROPERTIES

    standing = {name: record["verdict"] for name, record in ledger.read_expected()["claims"].items()}
    hypotheses = sum(len(claim.given) for claim in CLAIMS if standing[claim.name] == "PROVED")
    assert f"each of the {hypotheses} hypotheses" in TEXT
    assert f"one of the {len(replay.slugs())} counterexamples" in TEXT
    assert f"{len(MAP_PROPERTIES)} statements about whole maps" in TEXT
    assert f"each of their {sum(len(prop.assumes) for prop in MAP_PROPERTIES)} assumptions" in TEXT
    stored = [replay.read(slug) for slug in replay.slugs()]
    of_claims = Counter(one.need for one in stored if one.without and one.claim in LIBRARY)
    assert f"{of_claims['false']} because the claim is then false somewhere" in TEXT
    assert f"{of_claims['no value']} because it then has no value somewhere" in TEXT
    for slug in re.findall(r"`([a-z-]+/(?:without-[a-z-]+|as-printed))`", TEXT):
        assert slug in replay.slugs()


def test_the_libraries_that_it_names_are_those_that_were_asked():
    from cam import VARIANTS

    says = " ".join(one.says for one in VARIANTS)
    for library, version in (("grad-cam", "1.5.7"), ("torchcam", "0.5.0"), ("monai", "1.6.1")):
        assert f"{library} {version}" in TEXT and f"{library} {version}" in says
    assert "1e-6" in says and "without a denominator" in says and "exp(S)" in says


def test_a_thousand_times_as_fast_is_what_was_measured():
    from verify.bench.run import recorded

    fast = {row["workload"] for row in recorded()["rows"] if row.get("whole_map_speedup", 0) >= 1000}
    curved = {row["workload"] for row in recorded()["rows"] if row["forward_backward_ratio"] is None}
    assert len(fast & curved) == 2 and len(curved) == 3

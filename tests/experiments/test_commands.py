"""run, status, show and rerun, one after the other on a small market."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

import moatlab
from moatlab.cli.main import run_cli
from moatlab.evidence.report import path_differences

TRIAL = """
question = "does capacity matter?"
scenario = "tiny"
replications = 4
paths = ["labs.*.share"]
[arms.control]
[arms.more]
events = ["month 3: scale foundry.fab.capacity 2"]
[outcomes.rent]
metric = "market.rent"
[outcomes.share]
metric = "labs.closed.share"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    (folder / "trial.toml").write_text(TRIAL)
    assert run_cli(["run", str(folder / "trial.toml"), "--engine", "serial", "--out", str(folder / "out")]) == 0
    return folder


def test_dry_run_counts_and_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = sorted(folder.iterdir())
    assert run_cli(["run", str(folder / "trial.toml"), "--out", str(folder / "new"), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "8, of which 0" in told and "mean of market.rent" in told and sorted(folder.iterdir()) == before
    assert (
        run_cli(["run", str(folder / "trial.toml"), "--out", str(folder / "out"), "--dry-run", "--only", "more"]) == 0
    )
    assert "4, of which 4" in capsys.readouterr().out


def test_running_again_does_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = sorted((folder / "out" / "runs").iterdir())
    assert run_cli(["run", str(folder / "trial.toml"), "--engine", "serial", "--out", str(folder / "out")]) == 0
    assert "0 runs done, 0 failed, 8 stored" in capsys.readouterr().out
    assert sorted((folder / "out" / "runs").iterdir()) == parts
    # The folder is self-contained: its own copy of the experiment goes on in it too.
    assert run_cli(["run", str(folder / "out" / "experiment.toml"), "--out", str(folder / "out")]) == 0


def test_status(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["status", str(folder / "out")]) == 0
    told = capsys.readouterr().out
    assert "does capacity matter?" in told and "commit" in told
    assert [line.split() for line in told.splitlines() if line.startswith("more")] == [["more", "4", "4"]]


def test_show_prints_tables_and_draws(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["show", str(folder / "out")]) == 0
    told = capsys.readouterr().out
    assert "Paired differences, judged" in told and "rent" in told
    pictures = {p.name: p.stat().st_size for p in (folder / "out" / "pictures").iterdir()}
    drawn = {"arms", "differences", "effects", "shares-labs", "verdicts"}
    assert set(pictures) == {f"{name}.{kind}" for name in drawn for kind in ("png", "csv")}
    assert min(size for name, size in pictures.items() if name.endswith("png")) > 10_000
    written = pd.read_csv(folder / "out" / "tables" / "differences.csv")
    batch = moatlab.open(folder / "out")
    values = batch.outcomes().pivot(index=["outcome", "replication"], columns="arm", values="value")
    gaps = (values["more"] - values["control"]).groupby("outcome")
    mine = written.set_index("outcome")
    for outcome in ("rent", "share"):
        assert mine.loc[outcome, "mean"] == pytest.approx(gaps.mean()[outcome], rel=1e-5)
        # Student's t of 3 degrees of freedom at 97.5 %.
        half = 3.182446305284263 * gaps.std()[outcome] / 2.0
        assert mine.loc[outcome, "high"] == pytest.approx(gaps.mean()[outcome] + half, rel=1e-5)
    by_month = path_differences(batch, "market.rent")
    assert len(by_month) == 24 and (by_month["pairs"] == 4).all()
    assert by_month.loc[by_month["month"] < 3, "mean"].eq(0.0).all() and by_month["mean"].abs().max() > 0


def test_rerun_gives_the_same_bytes(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = moatlab.open(folder / "out").runs()["key"]
    assert run_cli(["rerun", str(folder / "out"), keys[5][:10]]) == 0
    assert "the same bytes as stored" in capsys.readouterr().out
    assert run_cli(["rerun", str(folder / "out"), "zz"]) == 2
    assert "no planned run" in capsys.readouterr().err
    monkeypatch.setattr("moatlab.experiments.fingerprint.model_version", lambda: {"model": "0", "numpy": "1.0"})
    assert run_cli(["rerun", str(folder / "out"), keys[5]]) == 2
    assert "another version" in capsys.readouterr().err


def test_ctrl_c_says_how_to_go_on(folder: Path) -> None:
    (folder / "long.toml").write_text(TRIAL.replace("replications = 4", "replications = 3000"))
    out = folder / "long"
    command = [sys.executable, "-m", "moatlab", "run", str(folder / "long.toml"), "--out", str(out), "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list((out / "runs").glob("part-*")):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    told, complaint = process.communicate(timeout=60)
    assert process.returncode == 130 and not told, told
    assert "the same command continues from there" in complaint and len(complaint.splitlines()) == 1
    assert 0 < len(moatlab.open(out).outcomes()) < 12_000


def test_failed_runs_are_told_and_can_be_repeated(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = TRIAL.replace("replications = 4", "replications = 1\ntime_limit = 1e-6")
    (folder / "bad.toml").write_text(bad)
    command = ["run", str(folder / "bad.toml"), "--engine", "serial", "--out", str(folder / "bad")]
    assert run_cli(command) == 1
    told = capsys.readouterr().out
    assert "0 runs done, 2 failed" in told and "moatlab rerun" in told and "timeout" in told
    key = told.split("moatlab rerun ")[1].split()[1]
    assert run_cli(["rerun", str(folder / "bad"), key]) == 1
    assert "TimeLimitError" in capsys.readouterr().out
    assert run_cli(["status", str(folder / "bad")]) == 0
    assert "timeout" in capsys.readouterr().out
    assert run_cli(["show", str(folder / "bad")]) == 2
    (folder / "bad.toml").write_text(bad.replace("time_limit = 1e-6", ""))
    assert run_cli(command) == 1
    assert run_cli([*command, "--retry"]) == 0

"""`moatlab batches`, `tag`, `prune`, `export`, selections of `show`, and the shell's completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from moatlab.cli.main import run_cli

FILE = """
name = "twice"
scenario = "tiny"
months = 6
replications = 2
[arms.control]
[arms.twice]
events = ["month 2: scale foundry.fab.capacity 2"]
[outcomes.rent]
metric = "market.rent"
"""


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    (folder / "twice.toml").write_text(FILE)
    assert run_cli(["run", str(folder / "twice.toml"), "--engine", "serial", "--out", str(folder / "twice")]) == 0
    return folder / "twice"


def test_batches_are_listed_tagged_and_pruned(batch: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run_cli(["tag", str(batch), "paper"]) == 0
    assert run_cli(["batches", str(batch.parent)]) == 0
    told = capsys.readouterr().out
    assert "4 of 4" in told and "paper" in told and "1 batches" in told
    assert run_cli(["batches", str(batch.parent), "--tag", "other"]) == 0
    assert "has the tag other" in capsys.readouterr().out
    assert run_cli(["batches", str(batch.parent), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert entry["done"] == 4 and entry["tags"] == ["paper"] and entry["bytes"] > entry["bytes_of_paths"] > 0
    (batch / "metrics" / "part-0123.parquet").write_bytes(b"left")
    assert run_cli(["prune", str(batch), "--dry-run"]) == 0
    assert "would remove 1 files" in capsys.readouterr().out and (batch / "metrics" / "part-0123.parquet").exists()
    assert run_cli(["prune", str(batch)]) == 0
    assert "removed 1 files" in capsys.readouterr().out and not (batch / "metrics" / "part-0123.parquet").exists()
    assert run_cli(["tag", str(batch), "--remove", "paper"]) == 0
    assert "no tags" in capsys.readouterr().out


def test_selections_are_shown_and_exported(batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--metric", "market.rent", "--arm", "twice", "--months", "2023-03", "2023-05"]
    assert run_cli(["show", str(batch), *chosen, "--out", str(tmp_path)]) == 0
    assert "twice: means of 2023-03 to 2023-05" in capsys.readouterr().out
    table = pd.read_csv(tmp_path / "tables" / "selection.csv")
    assert sorted(set(table["month"])) == [2, 3, 4] and set(table["arm"]) == {"twice"}
    for name in ("x.csv", "x.parquet", "x.nc"):
        assert run_cli(["export", str(batch), str(tmp_path / name), *chosen]) == 0
    assert len(pd.read_csv(tmp_path / "x.csv")) == len(pd.read_parquet(tmp_path / "x.parquet")) == 6
    xarray = pytest.importorskip("xarray")
    data = xarray.open_dataset(tmp_path / "x.nc", engine="scipy")
    assert dict(data.sizes) == {"arm": 1, "point": 1, "replication": 2, "month": 3}
    assert float(data["market.rent"].mean()) == pytest.approx(table["value"].mean(), rel=1e-5)
    assert run_cli(["export", str(batch), str(tmp_path / "runs.csv"), "--runs"]) == 0
    assert len(pd.read_csv(tmp_path / "runs.csv")) == 4


@pytest.mark.parametrize(
    ("command", "clue"),
    [(["export", "BATCH", "x.txt"], ".parquet"), (["export", "BATCH", "nowhere/x.csv"], "no folder"),
     (["export", "BATCH", "x.csv", "--metric", "market.hype"], "not recorded"),
     (["export", "BATCH", "x.csv", "--runs", "--arm", "twice"], "--runs"),
     (["show", "BATCH", "--arm", "twicce"], "twice"), (["show", "BATCH", "--months", "3", "99"], "--months"),
     (["batches", "nowhere"], "no folder"), (["tag", "BATCH", "No"], "a word of"), (["prune", "."], "no batch"),
     (["run", "graduatoin"], "graduat")],
)  # fmt: skip
def test_mistakes_are_one_line(
    batch: Path, command: list[str], clue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    assert run_cli([str(batch) if word == "BATCH" else word for word in command]) == 2
    told = capsys.readouterr().err
    assert clue in told and told.count("\n") == 1 and not list(tmp_path.iterdir())


def test_nothing_is_overwritten(batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.csv").write_text("mine")
    assert run_cli(["export", str(batch), str(tmp_path / "x.csv")]) == 2
    assert "exists already" in capsys.readouterr().err and (tmp_path / "x.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "offered"),
    [("moatlab simu", "simulate"), ("moatlab simulate ess", "essay-2023"), ("moatlab run grad", "graduation"),
     ("moatlab new x --fr", "--from")],
)  # fmt: skip
def test_the_shell_completes_commands_and_names(words: str, offered: str) -> None:
    environment = {**os.environ, "_MOATLAB_COMPLETE": "complete_bash", "COMP_WORDS": words,
                   "COMP_CWORD": str(len(words.split()) - 1)}  # fmt: skip
    command = [sys.executable, "-c", "import sys; sys.argv = ['moatlab']; from moatlab.cli.main import main; main()"]
    answer = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert offered in answer.stdout.split(), answer.stderr

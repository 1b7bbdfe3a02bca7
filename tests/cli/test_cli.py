"""The command line: what it writes, and one clear line with exit code 2 for every mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from moatlab import metrics
from moatlab.cli.main import run_cli
from moatlab.parameters.tables import REGISTRY


def test_simulate_writes_tables_pictures_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run_cli(["simulate", "tiny", "--months", "14", "--seeds", "2", "--out", str(out), "--year", "2023"]) == 0
    told = capsys.readouterr().out
    assert "Who captured what in 2023" in told and str(out) in told
    layers = pd.read_parquet(out / "layers.parquet")
    assert set(layers["seed"]) == {1, 2} and layers["month"].max() == 13
    assert {p.name for p in (out / "pictures").iterdir()} >= {"shares.png", "accrual.png", "prices.png", "flow.png"}
    assert not list(tmp_path.glob(".run*"))
    again = tmp_path / "again"
    assert run_cli(["simulate", "tiny", "--months", "14", "--seeds", "2", "--out", str(again), "--year", "2023"]) == 0
    for path in out.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(out)).read_bytes(), path.name


MISTAKES = [
    (["simulate", "esay-2023"], "essay-2023"),
    (["simulate", "tiny", "--months", "0"], "from 1"),
    (["simulate", "tiny", "--months", "-4"], "from 1"),
    (["simulate", "tiny", "--months", "many"], "months"),
    (["simulate", "tiny", "--seeds", "0"], "--seeds"),
    (["simulate", "tiny", "--seed", "-1"], "--seed"),
    (["simulate", "tiny", "--year", "1999"], "--year"),
    (["simulate", "tiny", "--set", "users.crowdng=0.1"], "crowding"),
    (["simulate", "tiny", "--set", "apps.rnd_share=7"], "0 to 1"),
    (["simulate", "tiny", "--set", "users.crowding=much"], "much"),
    (["simulate", "tiny", "--set", "users.crowding"], "="),
    (["simulate", "tiny", "--event", "tomorrow: rain"], "month"),
    (["simulate", "tiny", "--months", "3", "--event", "month 5: set users.crowding 0.1"], "month"),
    (["simulate", "tiny", "--monts", "3"], "--months"),
    (["simulat", "tiny"], "simulate"),
    (["simulate"], "argument"),
    (["explain", "labs.prise_rule"], "labs.price_rule"),
]


@pytest.mark.parametrize(("arguments", "clue"), MISTAKES)
def test_mistakes_get_one_line(
    arguments: list[str], clue: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli(arguments) == 2
    told = capsys.readouterr()
    assert len(told.err.strip().splitlines()) == 1 and clue in told.err and "Traceback" not in told.err
    assert not list(tmp_path.iterdir())


def test_files_that_cannot_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "bad"\nmonths = = 3\n')
    assert run_cli(["simulate", str(bad)]) == 2
    assert "line 2" in capsys.readouterr().err
    assert run_cli(["simulate", str(tmp_path / "none.toml")]) == 2
    assert run_cli(["simulate", "tiny", "--out", str(bad)]) == 2
    assert "not a folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", [p.address for p in REGISTRY.values()])
def test_every_parameter_is_explained(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["explain", name]) == 0
    assert "source" in capsys.readouterr().out


def test_every_metric_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    for metric in metrics.TABLE:
        address = f"{metric.kind}.{metric.name}" if metric.level == "market" else metric.name
        assert run_cli(["explain", address]) == 0
        assert metric.formula in capsys.readouterr().out


def test_explaining_needs_no_compiler() -> None:
    code = (
        "import sys; from moatlab.cli.main import run_cli; run_cli(['explain', 'labs.price']); run_cli(['phases']);"
        "assert not {'numba', 'mesa', 'numpy'} & set(sys.modules), set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0

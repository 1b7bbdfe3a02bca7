"""The command line: what it writes and what it explains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from moatlab.cli.main import run_cli
from moatlab.results import metrics
from moatlab.scenario.tables import REGISTRY


def test_simulate_writes_tables_pictures_and_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert run_cli(["simulate", "tiny", "--months", "14", "--seeds", "2", "--out", str(out), "--year", "2023"]) == 0
    told = capsys.readouterr().out
    assert "of the economic profit on generative AI" in told and str(out) in told
    layers = pd.read_parquet(out / "layers.parquet")
    assert set(layers["seed"]) == {1, 2} and layers["month"].max() == 13
    assert {p.name for p in (out / "pictures").iterdir()} >= {"shares.png", "accrual.png", "prices.png", "flow.png"}
    assert not list(tmp_path.glob(".run*"))
    again = tmp_path / "again"
    assert run_cli(["simulate", "tiny", "--months", "14", "--seeds", "2", "--out", str(again), "--year", "2023"]) == 0
    for path in out.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (again / path.relative_to(out)).read_bytes(), path.name


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
        "import sys; from moatlab.cli.main import run_cli; run_cli(['explain', 'labs.price']);"
        "assert not {'numba', 'mesa', 'numpy'} & set(sys.modules), set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "clue"),
    [
        ("labs.openai.price", "fact M085"),
        ("labs.openai", "revenue_share"),
        ("price_rule", "apps.price_rule"),
        ("labs", "labs.run_months"),
        ("market", "market.scarcity_rent"),
        ("market.rent", "spot rent"),
        ("users.code.churn", "customers at the start"),
        ("api", "from  apps"),
        ("settlement", "phase 5"),
        ("M085", "2022-09-01"),
        ("essay-2023", "120 from 2023-01"),
    ],
)
def test_every_sort_of_name_is_explained(name: str, clue: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["explain", name]) == 0
    assert clue in capsys.readouterr().out


def test_the_month_is_printed_in_its_order(capsys: pytest.CaptureFixture[str]) -> None:
    from moatlab.market.month import PHASES

    assert run_cli(["phases"]) == 0
    told = [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert told == [phase.name for phase in PHASES]


def test_economic_profit_is_measured_as_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def told(*options: str) -> str:
        out = tmp_path / "-".join(["run", *options])
        command = ["simulate", "tiny", "--months", "13", "--pictures", "none", "--out", str(out)]
        assert run_cli([*command, *(word for option in options for word in ("--measure", option))]) == 0
        return " ".join(capsys.readouterr().out.split())

    plain, dear = told(), told("cost_of_capital=0.5", "lives=0.5")
    assert "all capital costs 12 % a year" in plain and "all capital costs 50 % a year" in dear
    manifest = (tmp_path / "run-cost_of_capital=0.5-lives=0.5" / "manifest.json").read_text()
    assert "cost of capital 50 % a year; lives: training 9 months" in manifest
    assert run_cli(["simulate", "tiny", "--measure", "trainig=9"]) == 2
    assert "did you mean training?" in capsys.readouterr().err

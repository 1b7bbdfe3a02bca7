"""`moatlab durability`, `drivers` and `tipping`: what they write, say and refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from moatlab.cli.main import run_cli
from moatlab.cli.study import cost

DURABILITY = ["durability", "data", "stickiness", "--month", "6", "--after", "36", "--draws", "3", "--workers", "1"]
DRIVERS = ["drivers", "--scenario", "tiny", "--at", "12", "--workers", "1"]
TIPPING = ["tipping", "--scenario", "tiny", "--month", "3", "--after", "12", "--seeds", "2", "--strength", "0",
           "--strength", "9", "--workers", "1"]  # fmt: skip


def test_durability_writes_tables_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "d"
    assert run_cli([*DURABILITY, "--quick", "--out", str(out)]) == 0
    told = capsys.readouterr()
    assert "idle processor" in told.err and "runs of 43 months" in told.err
    text = " ".join(told.out.split())
    for words in ("No moat is durable:", "data, apps, leader", "Not comparable", "nothing that has a price builds",
                  "Moats that arise without a grant", "Shapley values", "economic profit won per dollar"):  # fmt: skip
        assert words in text, words
    table = pd.read_csv(out / "durability.csv")
    assert len(table) == 12 and set(table["layer"]) == {"labs", "apps", "clouds"}
    assert (table[table["layer"] == "clouds"]["verdict"] == "not comparable").all()
    about = json.loads((out / "durability.json").read_text())
    assert about["measure"] == "economic profit" and len(about["rows"]) == 12 and not about["breakdown"]
    for name in ("durability.png", "durability.csv", "responses.png", "responses.csv"):
        assert (out / "pictures" / name).stat().st_size > 500
    # Again: the same bytes, and not a run of the units again.
    first = (out / "durability.csv").read_bytes()
    assert run_cli([*DURABILITY, "--quick", "--out", str(out), "--pictures", "none", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == about["rows"]
    assert (out / "durability.csv").read_bytes() == first and not (out / "pictures" / "responses.png").exists()


def test_a_whole_study_names_what_feeds_and_what_breaks_down(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moatlab.cli.durability.BREAKDOWN_WORLDS", 1)
    monkeypatch.setattr("moatlab.cli.durability.ARISING_WORLDS", 1)
    out = tmp_path / "d"
    command = ["durability", "supply-chain", "--month", "6", "--after", "36", "--draws", "3", "--workers", "1"]
    assert run_cli([*command, "--out", str(out), "--pictures", "none"]) == 0
    assert "Breakdown values" in capsys.readouterr().out
    table = pd.read_csv(out / "breakdown.csv")
    assert set(table["what"]) == {"decay", "loop"} and set(table["parameter"]) == {
        "clouds.priority_decay", "clouds.access_gain"}  # fmt: skip


def test_drivers_writes_tables_and_pictures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from moatlab.cli import drivers

    monkeypatch.setattr(drivers, "QUICK", drivers.Size(2, 4, 3, 1))
    out = tmp_path / "d"
    assert run_cli([*DRIVERS, "--quick", "--out", str(out)]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "in the year to month 12" in told and "random draws" in told and "Shapley values, 3 draws" in told
    assert len(pd.read_csv(out / "parameters.csv")) == 6 * 12
    assert len(pd.read_csv(out / "mechanisms.csv")) == 6 * 10
    about = json.loads((out / "drivers.json").read_text())
    assert about["months"] == [12] and len(about["sentences"]) == 6
    assert (out / "pictures" / "parameters.png").exists() and (out / "pictures" / "mechanisms.csv").exists()


def test_tipping_writes_tables_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t"
    assert run_cli([*TIPPING, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "tip from an even start" in told and "start matters at" in told
    table = pd.read_csv(out / "tipping.csv")
    assert set(table["strength"]) == {0.0, 9.0} and set(table["start"]) == {"even", "dominant"}
    assert (out / "pictures" / "tipping.png").exists() and (out / "thresholds.csv").exists()
    assert run_cli([*TIPPING, "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["seeds"] == 2


MISTAKES: list[tuple[list[str], str]] = [
    (["durability", "brand"], "there is no moat 'brand'"),
    (["durability", "--worth", "-1"], "--worth is a number of M$ above 0"),
    (["durability", "--after", "12"], "--after is a whole number from 36"),
    (["durability", "--month", "0"], "--month is 1 or later"),
    (["durability", "--draws", "2"], "--draws is a whole number from 3"),
    (["durability", "--month", "1190"], "more than 1,200 months"),
    (["durability", "--pictures", "forrest"], "there is no picture 'forrest'"),
    (["durability", "--scenario", "esay-2023"], "esay-2023"),
    (["drivers", "--at", "3"], "--at is a month from 12 to 1200"),
    (["drivers", "--set", "apps.entri_rate=1"], "entri_rate"),
    (["tipping", "--strength", "4"], "--strength takes two or more numbers from 0 to 100"),
    (["tipping", "--seeds", "1"], "--seeds is a whole number from 2"),
    (["tipping", "--after", "3"], "--after is a whole number from 12"),
]


@pytest.mark.parametrize(("command", "message"), MISTAKES, ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_mistakes_get_one_line_and_leave_nothing(
    command: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert run_cli(command) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len(said) == 1 and message in said[0] and not list(tmp_path.iterdir())


def test_a_study_refuses_the_folder_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "t"
    out.mkdir()
    (out / "manifest.json").write_text('{"kind": "drivers", "name": "tiny", "files": []}')
    assert run_cli([*TIPPING, "--out", str(out)]) == 2
    assert "holds a study of what drives the answer of tiny" in capsys.readouterr().err


@pytest.mark.parametrize(("runs", "words"), [(10, "10 runs of 120 months: about 2 seconds"), (40_000, "minutes")])
def test_the_cost_is_said_in_words(runs: int, words: str) -> None:
    told: Any = cost(runs, 120, 1, 0.1)
    assert words in told and told.endswith("1 idle processor")
    assert cost(runs, 120, 4, 0.1).endswith("4 idle processors")

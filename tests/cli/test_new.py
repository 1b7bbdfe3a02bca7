"""`moatlab new` and `moatlab check`: files that run at once, and one line for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from moatlab import Scenario
from moatlab.cli.main import run_cli


def test_a_new_file_runs_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli(["new", "bakery", "--apps", "3", "--labs", "2", "--clouds", "1"]) == 0
    told = capsys.readouterr().out
    assert "bakery.toml: 1 category of customers, 3 apps, 2 labs, 1 host, 1 cloud" in told
    assert run_cli(["simulate", "bakery.toml", "--months", "6", "--pictures", "none", "--out", "out"]) == 0
    assert "note" not in capsys.readouterr().err
    assert run_cli(["check", "bakery.toml"]) == 0
    assert "All sizes fit each other." in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bakery.toml", "out"]


def test_a_file_from_another_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mine.toml"
    assert run_cli(["new", "mine", "--from", "essay-2023", "--out", str(out)]) == 0
    assert "10 apps, 10 labs" in capsys.readouterr().out
    made = Scenario(out)
    assert made.name == "mine" and made.digest() == Scenario("essay-2023").digest()
    assert made.source("apps", "jasper", "customers") == "fact A056"


def test_sizes_that_do_not_fit_are_noted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["simulate", "tiny", "--set", "apps.startups=55", "--months", "3", "--pictures", "none", "--out"]
    assert run_cli([*run, str(tmp_path / "a")]) == 0
    told = capsys.readouterr().err
    assert told.startswith("moatlab: note: 55 startups beside 3 named apps") and told.count("\n") == 1
    path = tmp_path / "odd.toml"
    path.write_text(Scenario("tiny").set({"apps.startups": 55}).to_toml())
    assert run_cli(["check", str(path)]) == 0
    assert "- 55 startups beside" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "clue"),
    [(["new", "Big Co"], "no slug"), (["new", "x", "--apps", "0"], "--apps"),
     (["new", "x", "--from", "tiny", "--apps", "2"], "--apps: a scenario made from tiny"),
     (["new", "x", "--from", "tinny"], "tiny"), (["new", "x", "--out", "x.txt"], ".toml"),
     (["check", "tinny"], "tiny")],
)  # fmt: skip
def test_mistakes_are_one_line(
    command: list[str], clue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_cli(command) == 2
    told = capsys.readouterr().err
    assert clue in told and told.count("\n") == 1 and not list(tmp_path.iterdir())


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.toml"
    path.write_text("mine")
    assert run_cli(["new", "x", "--out", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err and path.read_text() == "mine"

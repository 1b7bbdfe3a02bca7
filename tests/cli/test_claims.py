"""`moatlab claims` and `moatlab report` on the command line, with a claim on the smallest market."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from moatlab.cli.main import run_cli
from tests.evidence.claims.tiny import TEXT


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my-claim.toml"
    path.write_text(TEXT)
    return path


def test_a_claim_of_ones_own_is_run_and_reported(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["claims", str(mine), "--quick", "--draws", "3", "--engine", "serial", "--out", "found"]
    assert run_cli(command) == 0
    said = capsys.readouterr()
    assert "1 claims over 3 draws x 1 seeds" in said.err and "runs to do, 0 stored" in said.err
    assert "with 1 worker on this machine" in said.err
    assert "my-claim" in said.out and "nearest flip" in said.out
    table = pd.read_csv("found/claims.csv")
    assert table.loc[0, "claim"] == "my-claim" and Path("found/effects.csv").exists()
    # The same command finds all of it done, and says the same.
    before = Path("found/claims.json").read_text()
    assert run_cli([*command, "--json"]) == 0
    again = capsys.readouterr()
    assert "0 runs to do" in again.err
    assert json.loads(again.out)[0]["verdict"] == table.loc[0, "verdict"]
    assert json.loads(Path("found/claims.json").read_text())["claims"] == json.loads(before)["claims"]
    assert run_cli(["report", "found", "--out", "page/report.html"]) == 0
    assert Path("page/report.html").exists() and Path("page/report.md").exists()


def test_files_are_checked_without_running(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["claims", "--check"]) == 0
    assert "23 claims, nothing wrong with any" in capsys.readouterr().out
    mine.write_text(TEXT.replace("weights = { twice = 1", "weights = { thrice = 1"))
    assert run_cli(["claims", "--check", str(mine)]) == 2
    said = capsys.readouterr().err
    assert "there is no arm 'thrice'" in said and len(said.splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--draws", "1"], "--draws is 2 at least"),
        (["--seeds", "0"], "--seeds"),
        (["--sample", "none.csv"], "cannot be read"),
        (["--workers", "0"], "workers"),
        (["graduatoin"], "there is no claim 'graduatoin'"),
    ],
)
def test_bad_options_are_one_line_and_write_nothing(
    mine: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert run_cli(["claims", str(mine), *options, "--out", "found"]) == 2
    told = capsys.readouterr().err
    assert said in told and len(told.splitlines()) == 1 and not Path("found").exists()


def test_the_run_takes_what_its_claims_ask_for(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine.write_text(TEXT.replace("months = 18\n", "months = 18\nunits = { draws = 4, seeds = 3 }\n"))
    from moatlab.cli.claims import Request, sizes_of
    from moatlab.evidence.claims.files import load

    def sizes(*names: str, quick: bool = False, draws: int | None = None) -> tuple[int, int]:
        asked = Request(names, quick, False, draws, None, None, "serial", None, None, Path("x"), False)
        found = sizes_of(asked, load(names))
        return found.draws, found.seeds

    assert sizes(str(mine)) == (4, 3) and sizes(str(mine), "graduation") == (128, 3)
    assert sizes(str(mine), quick=True) == (16, 1) and sizes(str(mine), draws=7) == (7, 3)


def test_a_folder_of_something_else_is_refused(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes").mkdir()
    Path("notes/mine.txt").write_text("x")
    assert run_cli(["claims", str(mine), "--out", "notes"]) == 2
    assert "notes holds other files" in capsys.readouterr().err and len(list(Path("notes").iterdir())) == 1
    assert run_cli(["simulate", "tiny", "--months", "2", "--pictures", "none", "--out", "run"]) == 0
    assert run_cli(["claims", str(mine), "--out", "run"]) == 2
    assert "run holds a simulation" in capsys.readouterr().err


def test_a_study_may_be_there_before(mine: Path) -> None:
    Path("found/durability").mkdir(parents=True)
    Path("found/durability/manifest.json").write_text("{}")
    command = ["claims", str(mine), "--quick", "--draws", "2", "--engine", "serial", "--out", "found"]
    assert run_cli(command) == 0 and run_cli(command) == 0


def test_a_sample_takes_the_place_of_the_prior(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("posterior.csv").write_text("labs.leak_half_life\n4\n8\n12\n")
    command = ["claims", str(mine), "--quick", "--sample", "posterior.csv", "--engine", "serial", "--out", "found"]
    assert run_cli(command) == 0
    assert "3 draws x 1 seeds of posterior.csv: 1 parameters" in capsys.readouterr().err
    assert list(pd.read_csv("found/draws.csv")) == ["draw", "labs.leak_half_life"]

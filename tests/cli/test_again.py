"""Panels and replication archives of stored results: what is in them, that it comes out again, and what is refused."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from moatlab import Experiment, Market, Scenario
from moatlab.cli.main import run_cli
from moatlab.evidence.archive import CHECKSUMS, OUTCOMES, packed, sealed

from .test_stored import FILE


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    (folder / "twice.toml").write_text(FILE)
    assert run_cli(["run", str(folder / "twice.toml"), "--engine", "serial", "--out", str(folder / "twice")]) == 0
    return folder / "twice"


@pytest.fixture(scope="module")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results") / "tiny"
    assert run_cli(["simulate", "tiny", "--months", "5", "--seed", "4", "--seeds", "2", "--set",
                    "users.crowding=0.5", "--pictures", "none", "--out", str(folder)]) == 0  # fmt: skip
    return folder


def test_a_panel_of_a_simulation_is_that_of_its_runs(
    simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "panel.csv"
    assert run_cli(["export", str(simulation), str(file), "--panel", "apps"]) == 0
    assert "a row a market and product" in capsys.readouterr().out
    found = pd.read_csv(file)
    scenario = Scenario("tiny").set({"users.crowding": 0.5})
    for seed in (4, 5):
        mine = found[found["seed"] == seed].reset_index(drop=True)
        wanted = Market(scenario, rng=seed).run(5).panel()
        assert list(mine["market_ids"]) == [f"{seed}-{name}" for name in wanted["market_ids"]]
        assert list(mine["prices"]) == list(wanted["prices"]) and list(mine["shares"]) == list(wanted["shares"])


def test_a_panel_of_a_batch_is_of_its_control_unless_arms_are_named(batch: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "control.parquet", tmp_path / "twice.csv"
    assert run_cli(["export", str(batch), str(one), "--panel", "tokens"]) == 0
    assert run_cli(["export", str(batch), str(two), "--panel", "tokens", "--arm", "twice", "--arm", "control"]) == 0
    assert set(pd.read_parquet(one)["arm"]) == {"control"} and set(pd.read_csv(two)["arm"]) == {"control", "twice"}
    assert not pd.read_csv(two).duplicated(["market_ids", "product_ids"]).any()


def unpack(archive: Path, place: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(archive) as files:
        files.extractall(place)
        return {name: files.read(name) for name in files.namelist()}


def test_an_archive_holds_what_is_needed_and_a_command_of_it_gives_the_same_bytes(batch: Path, tmp_path: Path) -> None:
    archive, place = tmp_path / "replication.zip", tmp_path / "unpacked"
    assert run_cli(["show", str(batch), "--pictures", "none"]) == 0
    assert run_cli(["archive", str(batch), "--out", str(archive)]) == 0
    files = unpack(archive, place)
    needed = {"README.md", "manifest.json", "registered.jsonl", "looks.jsonl", "inputs/experiment.toml", OUTCOMES,
              "inputs/scenario.toml", "tables/verdicts.tex", "tables/by-arm.csv", CHECKSUMS}  # fmt: skip
    assert needed <= set(files)
    sums = dict(line.split("  ")[::-1] for line in files[CHECKSUMS].decode().splitlines())
    assert sums == {name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != CHECKSUMS}
    readme = files["README.md"].decode()
    assert json.loads(files["registered.jsonl"].splitlines()[0])["digest"] in readme
    assert "numpy" in readme and json.loads(files["manifest.json"])["model"]["model"] in readme
    # The commands as the page has them, in a process and a folder of their own.
    commands = [line.strip() for line in readme.splitlines() if line.startswith("    moatlab ")]
    assert len(commands) == 2
    for command in commands:
        here = ["--engine", "serial"] if " run " in command else []
        called = [sys.executable, "-m", *command.split(), *here]
        done = subprocess.run(called, cwd=place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(place / "again.zip") as again:
        assert again.read(OUTCOMES) == files[OUTCOMES]
    assert run_cli(["archive", str(batch), "--out", str(tmp_path / "second.zip")]) == 0
    assert (tmp_path / "second.zip").read_bytes() == archive.read_bytes()


def test_several_folders_are_checked_by_one_command(
    batch: Path, simulation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = tmp_path / "all.zip"
    assert run_cli(["archive", str(batch), str(simulation), "--out", str(archive)]) == 0
    capsys.readouterr()
    assert run_cli(["archive", str(archive), "--check", "--engine", "serial"]) == 0
    told = capsys.readouterr().out
    assert f"twice/{OUTCOMES}: the same bytes" in told and "tiny/tables/firms.csv: the same bytes" in told
    with zipfile.ZipFile(archive) as files:
        assert r"\toprule" in files.read("tiny/tables/years.tex").decode()


def test_what_is_not_what_was_written_is_named(
    batch: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    archive, other = tmp_path / "one.zip", tmp_path / "other.zip"
    assert run_cli(["archive", str(batch), "--out", str(archive)]) == 0
    with zipfile.ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    other.write_bytes(packed({**files, OUTCOMES: files[OUTCOMES].replace(b"1", b"2", 1)}))
    assert run_cli(["archive", str(other), "--check"]) == 2
    assert f"{OUTCOMES} is not what was written" in capsys.readouterr().err
    # Somebody who also changed the digests is found by the runs.
    files.pop(CHECKSUMS)
    other.write_bytes(packed(sealed({**files, OUTCOMES: files[OUTCOMES].replace(b"1", b"2", 1)})))
    assert run_cli(["archive", str(other), "--check", "--engine", "serial"]) == 2
    assert f"{OUTCOMES} comes out with other bytes" in capsys.readouterr().err
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as outside:
        outside.writestr("../evil.txt", "x")
        outside.writestr(CHECKSUMS, f"{hashlib.sha256(b'x').hexdigest()}  ../evil.txt\n")
    other.write_bytes(buffer.getvalue())
    assert run_cli(["archive", str(other), "--check"]) == 2 and "outside of it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["export", "{batch}", "{tmp}/p.csv", "--panel", "labs"], "--panel takes apps or tokens, not 'labs'"),
        (["export", "{batch}", "{tmp}/p.nc", "--panel", "apps"], "as .csv or .parquet"),
        (["export", "{batch}", "{tmp}/p.csv", "--panel", "apps", "--arm", "none"], "there is no arm 'none'"),
        (["export", "{tmp}", "{tmp}/p.csv", "--panel", "apps"], "holds no results"),
        (["archive", "{batch}", "--out", "{tmp}/a.tar"], "ends with .zip"),
        (["archive", "{tmp}", "--out", "{tmp}/a.zip"], "holds no results"),
        (["archive", "{batch}", "{batch}", "--out", "{tmp}/a.zip"], "same name"),
        (["archive", "{tmp}/none.zip", "--check"], "is no archive"),
        (["archive", "{batch}", "{tmp}", "--check"], "--check takes one archive"),
    ],
)
def test_mistakes_take_one_line(
    batch: Path, tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert run_cli([text.format(batch=batch, tmp=tmp_path) for text in arguments]) == 2
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_batch_that_is_not_complete_makes_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "twice.toml").write_text(FILE)
    experiment = Experiment.load(tmp_path / "twice.toml")
    experiment.run(engine="serial", out=tmp_path / "twice", only="control")
    assert run_cli(["archive", str(tmp_path / "twice"), "--out", str(tmp_path / "a.zip")]) == 2
    assert "2 of 4 planned runs are missing" in capsys.readouterr().err and not (tmp_path / "a.zip").exists()

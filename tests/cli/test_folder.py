"""The folder of results: whole or not at all, and nothing of an earlier run in it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from moatlab import show
from moatlab.cli.folder import MANIFEST, files_of, replacing
from moatlab.cli.main import run_cli
from moatlab.errors import InputError


def fill(folder: Path, names: list[str]) -> None:
    for name in [*names, MANIFEST]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps({"files": [*names, MANIFEST]}) if name == MANIFEST else "new")


def test_a_second_run_leaves_nothing_of_the_first_but_all_that_was_not_its(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with replacing(out) as parts:
        fill(parts, ["a.csv", "pictures/old.png", "old/only.png"])
    (out / "notes.txt").write_text("mine")
    (out / "pictures" / "mine.png").write_text("mine")
    with replacing(out) as parts:
        fill(parts, ["a.csv", "b.csv"])
    assert files_of(out) == ["a.csv", "b.csv", MANIFEST, "notes.txt", "pictures/mine.png"]
    assert not (out / "old").exists() and [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_manifest_cannot_name_files_outside(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    out = tmp_path / "run"
    out.mkdir()
    (out / MANIFEST).write_text(json.dumps({"files": ["../precious", str(tmp_path / "precious")]}))
    with replacing(out) as parts:
        fill(parts, ["a.csv"])
    assert (tmp_path / "precious").exists()


@pytest.mark.parametrize("manifest", ["", "[]", '{"files": 3}', "{"])
def test_a_broken_manifest_is_no_hindrance(tmp_path: Path, manifest: str) -> None:
    (tmp_path / MANIFEST).write_text(manifest)
    with replacing(tmp_path) as parts:
        fill(parts, ["a.csv"])
    assert files_of(tmp_path) == ["a.csv", MANIFEST]


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "run"
    with pytest.raises(KeyboardInterrupt), replacing(out) as parts:
        fill(parts, ["a.csv"])
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_a_file_is_refused_before_anything_moves(tmp_path: Path) -> None:
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(InputError, match=r"b\.csv"), replacing(tmp_path) as parts:
        fill(parts, ["a.csv", "b.csv"])
    assert [path.name for path in tmp_path.iterdir()] == ["b.csv"]


def test_a_picture_that_cannot_be_drawn_leaves_the_results_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    assert run_cli(["simulate", "tiny", "--months", "2", "--out", str(out)]) == 0
    before = files_of(out)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(show, "draw_all", full)
    assert run_cli(["simulate", "tiny", "--months", "3", "--out", str(out)]) == 2
    # The tables are the new run's, and no picture of the former one stands beside them.
    about = json.loads((out / MANIFEST).read_text())
    assert about["months"] == 3 and set(about["files"]) == set(files_of(out))
    assert set(files_of(out)) == {name for name in before if not name.startswith("pictures/")}


def test_another_scenario_into_the_same_folder(tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert run_cli(["simulate", "essay-2023", "--months", "2", "--out", str(out)]) == 0
    assert (out / "pictures" / "share-labs.png").exists()
    assert run_cli(["simulate", "tiny", "--months", "2", "--out", str(out)]) == 0
    assert not (out / "pictures" / "share-hosts.png").exists()
    assert set(files_of(out)) == set(json.loads((out / MANIFEST).read_text())["files"])


def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "moatlab", "simulate", "tiny", "--months", "1200", "--seeds", "50"]
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    out = ["--out", str(tmp_path / "run")]
    with subprocess.Popen([*command, *out], env=paths, stderr=subprocess.PIPE) as running:
        time.sleep(3.0)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        told = running.stderr.read().decode()
        assert running.wait() == 130
    assert told.strip().splitlines()[-1] == "moatlab: stopped; nothing was written"
    assert "Traceback" not in told and not list(tmp_path.iterdir())

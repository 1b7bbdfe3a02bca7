"""The README's Python and its command lines run as they stand."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from moatlab.cli.main import run_cli

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_code_runs(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 3
    scope: dict[str, object] = {"__name__": "readme"}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), scope)
    assert "chipmakers" in capsys.readouterr().out


def command_lines() -> list[str]:
    """Indented lines that begin with moatlab, each with the lines that a backslash joins to it."""
    joined = README.replace("\\\n", " ")
    found: list[str] = re.findall(r"^    (moatlab .*)$", joined, re.M)
    # A page is served until somebody ends it: tests/dash/test_server.py does.
    return [line for line in found if not line.startswith("moatlab dash")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the lines run, one after the other: the experiments beside it ask for fewer runs."""
    place = tmp_path_factory.mktemp("readme")
    shutil.copytree(ROOT / "experiments", place / "experiments")
    for path in (place / "experiments").glob("*.toml"):
        fewer = re.sub(r"^(replications|trajectories) = \d+", r"\1 = 2", path.read_text(), flags=re.M)
        path.write_text(fewer)
    return place


@pytest.mark.parametrize("line", command_lines())
def test_readme_commands_run(line: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    # The same, only shorter.
    line = line.replace("claims --quick", "claims graduation --quick --draws 2")
    words = shlex.split(
        re.sub(r"--seeds \d+", "--seeds 2", re.sub(r"--months \d+", "--months 13", line)), comments=True
    )
    if words[1] == "durability":
        words += ["data", "--draws", "3", "--workers", "1"]
    assert run_cli(words[1:]) == 0


def test_readme_shows_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The block below the two commands is what `make simulate` prints, line by line."""
    shown = README.split("What comes out begins with", 1)[1].split("```")[1].strip().splitlines()
    assert run_cli(["simulate", "essay-2023", "--pictures", "none", "--out", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line and line not in printed] == []


def test_readme_has_commands() -> None:
    assert {line.split()[1] for line in command_lines()} >= {"simulate", "scenarios", "explain", "phases"}

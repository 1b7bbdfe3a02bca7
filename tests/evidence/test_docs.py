"""docs/effects.md: its Python runs, its contrasts are sound, the commands and files that it names exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from moatlab.cli.main import COMMANDS
from moatlab.experiments.spec import Contrast

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "effects.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)
    return str(found)


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "effects.md", "exec"), {"__name__": "docs"})
    told = capsys.readouterr().out
    assert told.startswith("market.lead_time, 2023-10 to 2024-06: ") and "apps.writer.share, 2024-06: " in told


def test_the_contrasts_are_sound() -> None:
    contrasts = tomllib.loads(block("toml"))["contrasts"]
    assert [Contrast.model_validate(table).points for table in contrasts.values()] == [(), (-1.0, 0.0, 1.0)]


def test_what_it_names_exists() -> None:
    for command in re.findall(r"^    moatlab (\w+)", TEXT, re.M):
        assert command in COMMANDS
    for path in re.findall(r"(?:tests|benchmarks|experiments|src)/[\w/.-]+", TEXT):
        assert (ROOT / path.rstrip(".")).exists(), path

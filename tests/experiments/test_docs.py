"""docs/experiments.md: its file is sound, its Python runs, its query reads a store; and the experiments run."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import duckdb
import numpy as np
import pytest

from moatlab import Experiment

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "experiments.md").read_text()


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.S)
    return str(found)


def test_the_file_is_sound() -> None:
    experiment = Experiment.from_dict(tomllib.loads(block("toml")))
    assert len(experiment.plan) == 3 * 20 * 16 and experiment.smallest_effect == {"rent": 0.1}
    assert "labs.anthropic.share" in experiment.record.paths


def test_the_python_runs(capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block("python"), "experiments.md", "exec"), {"__name__": "docs"})
    assert "done" in capsys.readouterr().out


def test_the_query_reads_a_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {
        "scenario": "tiny",
        "replications": 3,
        "arms": {"control": {}, "twice": {"events": ["month 3: scale foundry.fab.capacity 2"]}},
        "outcomes": {"rent": {"metric": "market.rent"}},
    }
    batch = Experiment.from_dict(tables).run(engine="serial", out=tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    answer = duckdb.connect().execute(block("sql")).df()
    bands = batch.bands("market.rent", width=0.95)
    assert len(answer) == 48 and np.allclose(answer["rent"], bands["mean"], rtol=1e-12)
    assert np.allclose([low for low, _ in answer["band"]], bands["low"], rtol=1e-12)


@pytest.mark.parametrize("path", sorted((ROOT / "experiments").glob("*.toml")), ids=lambda path: path.stem)
def test_packaged_experiments_run(path: Path) -> None:
    experiment = Experiment.load(path)
    assert experiment.question and experiment.prediction and experiment.control == "control"
    assert all(outcome.smallest_effect for outcome in experiment.outcomes.values())
    batch = experiment.with_spec(replications=1).run(engine="serial")
    assert not len(batch.missing()) and batch.outcomes()["value"].notna().all()

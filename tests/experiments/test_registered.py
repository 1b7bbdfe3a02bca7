"""Predictions are registered once: what a file says afterwards is shown, and decides nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moatlab.errors import InputError
from moatlab.evidence import report
from moatlab.experiments import Batch, Experiment, FunctionModel, open_batch
from moatlab.experiments.host import Host
from moatlab.experiments.journal import Journal
from moatlab.experiments.registered import FILE, registered


def rises(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """The treatment raises it by about 1."""
    rng = np.random.default_rng(seed)
    return {"y": rng.normal() + values["push"] * (1.0 + 0.1 * rng.normal()), "z": rng.normal()}


def run(out: Path, predicted: str = "higher", **changes: Any) -> Batch:
    tables: dict[str, Any] = {
        "name": "trial", "replications": 6, "prediction": "y rises",
        "arms": {"control": {}, "push": {"set": {"push": 1.0}}},
        "outcomes": {"y": {"metric": "y", "predicted": predicted, "smallest_effect": 0.3}}, **changes,
    }  # fmt: skip
    experiment = Experiment.from_dict(tables, model=FunctionModel(rises, {"push": 0.0}, ("y", "z")))
    return experiment.run("serial", out=out, extend=True)


def told(batch: Batch) -> str:
    return "\n".join(report.tell(batch, report.judged(batch)))


def test_a_prediction_that_changes_after_the_runs_changes_no_verdict(tmp_path: Path) -> None:
    first = run(tmp_path / "out", "lower")
    assert [v.verdict for v in report.judged(first)] == ["contradicted"]
    assert "before the first run" in told(first) and "changed" not in told(first)
    later = run(tmp_path / "out", "higher", replications=8)
    assert [v.verdict for v in report.judged(later)] == ["contradicted"]
    assert "12 runs stored: outcomes.y.predicted lower -> higher; the registered one counts" in told(later)
    # A file that is changed in the folder is not read at all.
    file = tmp_path / "out" / "experiment.toml"
    file.write_text(file.read_text().replace('"higher"', '"none"').replace("0.3", "3.0"))
    with pytest.raises(InputError, match=r"experiment\.toml is not what was written"):
        open_batch(tmp_path / "out")


def test_the_claim_the_test_and_the_words_are_registered_too(tmp_path: Path) -> None:
    run(tmp_path / "out")
    later = run(tmp_path / "out", claim="mechanical", test={"confidence": 0.6}, prediction="y falls")
    (verdict,) = report.judged(later)
    assert verdict.verdict == "supported" and verdict.alpha == pytest.approx(0.05)
    text = told(later)
    assert "emergent claim" in text and "predicted: y rises" in text
    assert "claim emergent -> mechanical" in text and "y rises -> y falls" in text and "0.6" in text


def test_before_the_first_run_a_prediction_may_change(tmp_path: Path) -> None:
    tables = {"name": "trial", "outcomes": {"y": {"metric": "y", "predicted": "lower"}}}
    for predicted in ("lower", "higher"):
        tables["outcomes"]["y"]["predicted"] = predicted  # type: ignore[index]
        made = Experiment.from_dict(
            {**tables, "arms": {"control": {}, "push": {"set": {"push": 1.0}}}},
            model=FunctionModel(rises, {"push": 0.0}, ("y", "z")),
        )
        made.run("serial", out=tmp_path / "out", extend=True, only=None if predicted == "higher" else "push")
        if predicted == "lower":
            for part in (tmp_path / "out" / "runs").iterdir():
                part.unlink()
    entries = Journal(tmp_path / "out" / FILE).entries()
    assert [entry["runs"] for entry in entries] == [0, 0] and entries[0]["digest"] != entries[1]["digest"]
    assert registered(tmp_path / "out", made.spec).declared["outcomes"]["y"]["predicted"] == "higher"


def test_what_is_added_later_says_how_many_runs_were_there(tmp_path: Path) -> None:
    run(tmp_path / "out")
    both = {"y": {"metric": "y", "predicted": "higher"}, "z": {"metric": "z", "predicted": "higher"}}
    later = run(tmp_path / "out", outcomes=both)
    assert [v.effect.outcome for v in report.judged(later)] == ["y", "z"]
    assert "outcomes.z was added" in told(later) and "12 runs stored" in told(later)
    assert "outcomes.y.smallest_effect 0.3 -> (none); the registered one counts" in told(later)
    # Contrasts declared after the runs join the registered ones, and do not take their place.
    contrasts = {"other": {"weights": {"push": -1.0, "control": 1.0}}}
    more = run(tmp_path / "out", outcomes=both, contrasts=contrasts)
    assert [v.effect.name for v in report.judged(more)] == ["push - control", "other"] * 2
    assert "contrasts.other was added" in told(more)


def test_an_outcome_of_the_same_name_with_another_meaning_is_another(tmp_path: Path) -> None:
    run(tmp_path / "out")
    later = run(tmp_path / "out", outcomes={"y": {"metric": "z", "predicted": "lower"}})
    assert "outcomes.y was given another meaning" in told(later)
    assert report.judged(later)[0].prediction.predicted == "lower"


def test_the_register_only_grows_and_shows_what_was_altered(tmp_path: Path) -> None:
    batch = run(tmp_path / "out")
    path = tmp_path / "out" / FILE
    first = path.read_bytes()
    run(tmp_path / "out")  # nothing new to register
    assert path.read_bytes() == first
    later = run(tmp_path / "out", "lower")
    assert path.read_bytes().startswith(first) and len(Journal(path).entries()) == 2
    path.write_bytes(path.read_bytes().replace(b"higher", b"lower ", 1))
    path.write_bytes(path.read_bytes().replace(b'"lower "', b'"lower"', 1))
    assert f"line 1 of {FILE} was altered" in told(later)
    path.write_text("no journal\n" * 2)
    with pytest.raises(InputError, match="line 1 is damaged"):
        report.judged(batch)


def test_a_line_that_a_kill_left_unfinished_does_not_count(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append({"a": 1})
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + whole[:20])
    assert len(journal.entries()) == 1
    journal.append({"a": 2})
    assert [entry["a"] for entry in journal.entries()] == [1, 2] and not journal.altered()


class Full(Host):
    """A machine whose disk takes nine bytes more."""

    def append(self, path: Path, data: bytes) -> None:
        """Take what fits."""
        super().append(path, data[:9])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_leaves_the_journal_as_it_was(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.jsonl")
    journal.append({"a": 1})
    whole = journal.path.read_bytes()
    with pytest.raises(OSError, match="No space left"):
        Journal(journal.path, Full()).append({"a": 2})
    assert journal.path.read_bytes() == whole


def test_a_folder_without_a_register_says_so(tmp_path: Path) -> None:
    batch = run(tmp_path / "out")
    (tmp_path / "out" / FILE).unlink()
    assert "no prediction was registered here" in told(batch)

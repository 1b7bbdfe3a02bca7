"""Looks at a batch are on record in its folder; `moatlab plan` and `--fresh`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from moatlab.cli.main import run_cli
from moatlab.errors import InputError
from moatlab.evidence import report
from moatlab.evidence.looks import fresh_share
from moatlab.evidence.spending import spent
from moatlab.experiments import Batch, Experiment, FunctionModel
from moatlab.experiments.fresh import LOOKS, attempt, confirmatory
from moatlab.experiments.journal import Journal


def noise(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """What the treatment adds, and as much luck of its own."""
    rng = np.random.default_rng(seed)
    luck, own = rng.normal(size=2)
    return {"y": luck + values["push"] * (values["size"] + own), "still": luck}


def experiment(replications: int = 8, size: float = 0.3, **changes: Any) -> Experiment:
    tables: dict[str, Any] = {
        "name": "trial", "replications": replications, "arms": {"control": {}, "push": {"set": {"push": 1.0}}},
        "outcomes": {"y": {"metric": "y", "smallest_effect": 0.1}}, **changes,
    }  # fmt: skip
    values = {"push": 0.0, "size": size, "x": 0.5}
    return Experiment.from_dict(tables, model=FunctionModel(noise, values, ("y", "still")))


def run(out: Path, replications: int = 8, **changes: Any) -> Batch:
    return experiment(replications, **changes).run("serial", out=out, extend=True)


def test_a_look_is_written_down_once_for_the_same_runs(tmp_path: Path) -> None:
    batch = run(tmp_path / "out")
    (first,) = report.judged(batch)
    assert first.look.number == 1 and first.look.share == pytest.approx(spent(1.0))
    kept = (tmp_path / "out" / LOOKS).read_bytes()
    (again,) = report.judged(batch)
    assert again.look == first.look and (tmp_path / "out" / LOOKS).read_bytes() == kept
    (second,) = report.judged(run(tmp_path / "out", 20))
    assert second.look.number == 2 and second.look.share == pytest.approx(spent(2.5) - spent(1.0))
    assert (tmp_path / "out" / LOOKS).read_bytes().startswith(kept)
    told = "\n".join(report.tell(batch, [second]))
    assert "look 2 at this batch, with 0.6 % of the 5 % of error that all looks share" in told
    assert re.search(r"look 1 20\S+, 8 runs an arm", told)
    assert second.p_verdict == pytest.approx(min(1.0, second.p_holm / second.look.share))


def test_a_look_before_the_plan_is_done_spends_next_to_nothing(tmp_path: Path) -> None:
    """Half of the planned replications have run: the second half is judged at nearly the whole level."""
    half = run(tmp_path / "out", 8)
    parts = sorted((tmp_path / "out" / "runs").iterdir())
    whole = experiment(16)
    whole.run("serial", out=tmp_path / "new", reuse=(tmp_path / "out",), only="control")
    early = Batch(tmp_path / "new", whole)
    assert len(parts) and len(half.outcomes())
    verdicts = report.judged(early)  # the runs of push are those of the first half
    assert verdicts[0].look.share == pytest.approx(spent(0.5)) and verdicts[0].look.share < 0.11
    (late,) = report.judged(run(tmp_path / "new", 16))
    assert late.look.number == 2 and late.look.share == pytest.approx(spent(1.0) - spent(0.5))


def test_what_was_decided_stays_decided(tmp_path: Path) -> None:
    (first,) = report.judged(run(tmp_path / "out", size=5.0))
    assert first.verdict == "rises"
    journal = Journal(tmp_path / "out" / LOOKS).entries()[0]["questions"][0]
    assert (journal["finding"], journal["look"], journal["runs"], journal["planned"]) == ("above", 1, 8, 8)
    batch = run(tmp_path / "out", 9, size=5.0)
    (second,) = report.judged(batch)
    assert second.earlier is not None and second.p_verdict == first.p_verdict
    assert "decided at look 1" in "\n".join(report.tell(batch, [second]))


def test_another_question_has_looks_of_its_own(tmp_path: Path) -> None:
    report.judged(run(tmp_path / "out"))
    more = {"y": {"metric": "y", "smallest_effect": 0.1}, "last": {"metric": "y", "reduce": "last"}}
    verdicts = report.judged(run(tmp_path / "out", outcomes=more))
    assert [v.look.number for v in verdicts] == [1, 1]  # the runs of y are the same
    verdicts = report.judged(run(tmp_path / "out", 10, outcomes=more))
    assert [v.look.number for v in verdicts] == [2, 2]


def test_a_folder_that_cannot_be_written_says_that_the_look_is_not_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = run(tmp_path / "out")

    def refuse(self: Journal, entry: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Journal, "append", refuse)
    (verdict,) = report.judged(batch)
    assert not verdict.look.recorded and "not on record" in "\n".join(report.tell(batch, [verdict]))


def test_fresh_runs_share_no_seed_and_are_judged_by_themselves(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing was in"):
        confirmatory(experiment(), tmp_path / "out")
    old = run(tmp_path / "out")
    report.judged(old)
    assert fresh_share(tmp_path / "out") == pytest.approx(spent(1.0) ** 2)
    other, out = confirmatory(experiment(), tmp_path / "out")
    assert out.name == "out-fresh-1" and attempt(out) == (1, "out")
    assert confirmatory(experiment(), tmp_path / "out")[1] == out  # under way
    new = other.run("serial", out=out)
    assert not set(old.plan["seed"]) & set(new.plan["seed"])
    (verdict,) = report.judged(new)
    assert verdict.look.number == 1 and verdict.look.share == pytest.approx(spent(1.0) ** 2)
    assert "confirmatory run 1 of out" in "\n".join(report.tell(new, [verdict]))
    second, further = confirmatory(experiment(), tmp_path / "out")
    assert further.name == "out-fresh-2" and second.spec.seed != other.spec.seed
    (verdict,) = report.judged(second.run("serial", out=further))
    assert verdict.look.share == pytest.approx((spent(2) - spent(1)) * spent(1.0))


def test_fresh_points_are_drawn_where_points_are_draws(tmp_path: Path) -> None:
    sampled: dict[str, Any] = {"uncertainties": {"x": [0.0, 1.0]}, "design": {"kind": "latin", "samples": 4}}
    report.judged(run(tmp_path / "out", 2, **sampled))
    other, _ = confirmatory(experiment(2, **sampled), tmp_path / "out")
    assert other.plan.points != experiment(2, **sampled).plan.points and len(other.plan.points) == 4


FILE = """
scenario = "tiny"
replications = 8
[arms.control]
[arms.more]
events = ["month 3: scale foundry.fab.capacity 1.05"]
[arms.nothing]
events = ["month 2: scale foundry.fab.capacity 1"]
[arms.markup]
set = { "labs.*.markup" = 0.9 }
[outcomes.rent]
metric = "market.rent"
smallest_effect = 0.05
"""


def test_the_commands_and_arms_that_do_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trial.toml").write_text(FILE)
    assert run_cli(["run", "trial.toml", "--engine", "serial", "--fresh"]) == 2
    assert "nothing was in results/trial" in capsys.readouterr().err
    assert run_cli(["run", "trial.toml", "--engine", "serial"]) == 0
    told = capsys.readouterr().out
    assert "P of the verdict" in told and told.count("the same") >= 2 and "< 0.001" not in told
    assert (
        "the runs of nothing and control are identical in everything that was recorded: the event 'month 2: scale"
        in told
    )
    assert "no rule of this scenario uses labs.markup (price_rule is optimal)" in told
    assert run_cli(["plan", "results/trial"]) == 0
    told = capsys.readouterr().out
    assert "as estimated" in told and "--extend" in told and "--fresh" in told and "look 1 at this batch" in told
    seeds = int(re.findall(r"--replications (\d+) --extend", told)[0])
    assert re.search(rf"rent +more - control +8 seeds +undecided +±0.05 +{seeds:,} seeds", told)
    assert run_cli(["run", "trial.toml", "--engine", "serial", "--fresh"]) == 0
    assert "results/trial-fresh-1" in capsys.readouterr().out
    assert run_cli(["plan", "results/none"]) == 2 and run_cli(["plan", "results/trial", "--power", "1"]) == 2
    assert "--power is a number between 0 and 1" in capsys.readouterr().err
    command = ["whatif", "tiny", "--set", "labs.*.markup=0.9", "--seeds", "2", "--months", "4", "--out", "w"]
    assert run_cli(command) == 0
    told = capsys.readouterr().out
    assert (
        "the runs with and without the change are identical at every seed: no rule of this scenario uses labs.markup"
        in told
    )
    assert "no effect" not in told

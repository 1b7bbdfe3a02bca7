"""What a batch redoes and what it does not, how it meets its engine, and whose its folder is."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import moatlab
from moatlab import Experiment, InputError, Scenario
from moatlab.cli.main import run_cli
from moatlab.errors import EngineError
from moatlab.experiments import FunctionModel
from moatlab.experiments.runner import Counts
from moatlab.scenario.reading import LONGEST

from .stand_ins import MONTHS, experiment, walk
from .test_runner import contents

END = {"end": {"metric": "level", "reduce": "last"}}


def done_in(out: Path, **changes: Any) -> int:
    """Runs that a batch in a folder still had to do."""
    told: list[Counts] = []
    experiment(4, **changes).run(engine="serial", out=out, extend=True, progress=told.append)
    return told[-1].done


# What counts as stored ------------------------------------------------------------------------------------------------


def test_an_outcome_added_on_a_stored_path_redoes_nothing(tmp_path: Path) -> None:
    assert done_in(tmp_path / "out", outcomes=END) == 8
    more = {**END, "most": {"metric": "level", "reduce": "max", "months": [2, 5]}}
    assert done_in(tmp_path / "out", outcomes=more) == 0
    batch = moatlab.open(tmp_path / "out")
    most = batch.outcomes().query("outcome == 'most'").set_index("key")["value"]
    paths = batch.paths("level").query("2 <= month <= 5").groupby("key")["value"].max()
    assert len(most) == 8 and (most.sort_index() == paths.sort_index()).all()


def test_more_paths_than_wanted_count_and_fewer_do_not(tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert done_in(out, outcomes=END) == 8
    assert done_in(out, outcomes=END, paths=["step"]) == 8
    assert done_in(out, outcomes=END) == 0 == done_in(out, outcomes={"step": {"metric": "step"}})
    fresh = experiment(4, outcomes=END, paths=["step"])
    assert contents(fresh.run(engine="serial", out=out, extend=True)) == contents(fresh.run(engine="serial"))
    other = experiment(4, outcomes=END, name="other")
    told: list[Counts] = []
    other.run(engine="serial", out=tmp_path / "other", reuse=(out,), progress=told.append)
    assert told[-1].done == 0 and told[-1].stored == 8


def test_the_plan_of_a_folder_is_not_laid_out_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    laid: list[int] = []
    digests = FunctionModel.digests

    def counted(model: FunctionModel, world: Any, points: Any, progress: Any = None) -> list[str]:
        laid.append(len(points))
        return digests(model, world, points, progress)

    monkeypatch.setattr(FunctionModel, "digests", counted)
    design = {"uncertainties": {"every": {"low": 1, "high": 900}}, "design": {"kind": "latin", "samples": 7}}
    first = experiment(2, **design).run(engine="serial", out=tmp_path / "out")
    assert laid.count(7) == 2
    again = experiment(2, **design).run(engine="serial", out=tmp_path / "out")
    assert laid.count(7) == 2 and again.experiment.plan.keys == first.experiment.plan.keys


def test_planning_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    tables = {"scenario": "tiny", "uncertainties": {"apps.entry_rate": [0.1, 0.5]},
              "arms": {"control": {}, "more": {"events": ["month 3: scale foundry.fab.capacity 2"]}},
              "design": {"kind": "random", "samples": 1500},
              "outcomes": {"rent": {"metric": "market.rent"}}}  # fmt: skip
    Experiment.from_dict(tables).lay_out(lambda done, of: told.append((done, of)))
    assert told == [(1000, 3000), (1500, 3000), (2500, 3000), (3000, 3000)]


def test_a_batch_without_a_stored_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    batch = experiment(3).run(engine="serial", out=tmp_path / "out")
    for part in (tmp_path / "out" / "runs").iterdir():
        part.unlink()
    batch = moatlab.open(tmp_path / "out")
    assert (batch.runs()["status"] == "missing").all() and len(batch.missing()) == 6
    assert not len(batch.outcomes()) and not len(batch.failures()) and not len(batch.paths("level"))
    assert batch.cube("level").shape == (2, 1, 3, 0) and not len(batch.bands("level"))
    assert run_cli(["status", str(tmp_path / "out")]) == 0
    assert "no run has finished yet" in capsys.readouterr().out
    assert run_cli(["show", str(tmp_path / "out")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def fails(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    if values["drift"] < 30:
        raise RuntimeError(f"number {seed % 9} " + "of many words " * 30)
    return {"level": values["drift"]}


def test_a_status_is_one_page_whatever_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arms = {f"arm-{at}": {"set": {"drift": float(at)}} for at in range(40)}
    tables = {"name": "all", "question": "why? " * 90, "replications": 20, "arms": arms, "outcomes": END}
    model = FunctionModel(fails, {"drift": 100.0}, ("level",), 2)
    Experiment.from_dict(tables, model=model).run(engine="serial", out=tmp_path / "out")
    for number in range(5):
        (tmp_path / "out" / "runs" / f"part-{number}.parquet").write_text("damaged")
    assert run_cli(["status", str(tmp_path / "out")]) == 0
    lines = capsys.readouterr().out.rstrip().splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) <= 160
    assert any("33 more arms" in line for line in lines) and any("more damaged parts" in line for line in lines)
    assert any("other ways" in line for line in lines)


def test_damaged_parts_are_put_aside_once_their_runs_are_done_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    experiment(3).run(engine="serial", out=out)
    (out / "runs" / "part-0.parquet").write_text("damaged")
    next((out / "metrics").iterdir()).write_text("damaged")
    (out / "manifest.json").write_text("{")
    batch = experiment(3).run(engine="serial", out=out)
    assert not batch.index.damaged and not len(batch.missing())
    # The same runs give the same metrics part, which is now whole; the other one is of nobody.
    assert [p.name for p in (out / "damaged").iterdir()] == ["runs-part-0.parquet"]
    assert run_cli(["status", str(out)]) == 0 and "damaged" not in capsys.readouterr().out


def test_a_damaged_folder_of_somebody_elses_is_not_taken(tmp_path: Path) -> None:
    experiment(3).run(engine="serial", out=tmp_path / "out")
    (tmp_path / "out" / "manifest.json").write_text("{")
    with pytest.raises(InputError, match="does not show") as told:
        experiment(3, drift=0.125).run(engine="serial", out=tmp_path / "out")
    assert "--extend" in str(told.value) and "\n" not in str(told.value)


# Engines --------------------------------------------------------------------------------------------------------------


def test_a_broken_pool_is_one_line_that_says_what_is_stored(tmp_path: Path) -> None:
    stored = r"of 8 runs are stored in .*out, and the same command"
    with (
        ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool,
        pytest.raises(EngineError, match=stored) as told,
    ):
        experiment(4, bad="die", every=1).run(engine=pool, out=tmp_path / "out")
    assert "\n" not in str(told.value)
    assert not len(experiment(4, bad="die", every=10**18).run(engine="serial", out=tmp_path / "other").missing())


def test_a_scheduler_that_dies_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    start = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1",
             "--no-dashboard", "--scheduler-file", str(file)]  # fmt: skip
    serve = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1",
             "--no-dashboard", "--host", "127.0.0.1", "--death-timeout", "30"]  # fmt: skip
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    scheduler = subprocess.Popen(start, **quiet)  # type: ignore[call-overload]
    worker = subprocess.Popen(serve, **quiet)  # type: ignore[call-overload]
    try:
        from distributed import Client

        client_of: Any = Client
        with client_of(scheduler_file=str(file), timeout="60s") as client:
            client.wait_for_workers(1, timeout=60)
            address = client.scheduler.address

        def progress(counts: Counts) -> None:
            if counts.done:
                scheduler.kill()

        with pytest.raises(EngineError, match="of 800 runs are stored in") as told:
            experiment(400, pause=0.02).run(
                engine="dask", scheduler=address, out=tmp_path / "out", progress=progress
            )  # fmt: skip
        assert "\n" not in str(told.value)
        batch = experiment(400).run(engine="serial", out=tmp_path / "out", extend=True)
        assert not len(batch.missing())
    finally:
        for process in (scheduler, worker):
            process.kill()
            process.wait()


class Watched(ThreadPoolExecutor):
    """Threads that note what is sent; the number of workers grows after some chunks."""

    def __init__(self, workers: int, later: int) -> None:
        super().__init__(later)
        self._max_workers = workers
        self.later, self.jobs, self.sent, self.out, self.most = later, 0, 0, 0, 0
        self.lock = threading.Lock()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self.lock:
            self.jobs += args[1] is not None
            self.sent += 1
            self.out += 1
            self.most = max(self.most, self.out)
            if self.sent == 12:
                self._max_workers = self.later
        future = super().submit(fn, *args, **kwargs)
        future.add_done_callback(self._back)
        return future

    def _back(self, _: Future[Any]) -> None:
        with self.lock:
            self.out -= 1


def test_the_job_travels_once_a_worker_and_workers_that_join_late_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moatlab.experiments.runner.CHUNK_RUNS", 2)
    with Watched(2, 6) as pool:
        batch = experiment(60, pause=0.005).run(engine=pool)
    assert not len(batch.missing()) and pool.sent > 50
    # One look at whether it unpacks, and one a worker.
    assert pool.jobs == 1 + 6 and pool.most == 6 + 1 + 6 // 4


class Slow(FunctionModel):
    """Takes long to get ready, as a model does that compiles."""

    def warm_up(self) -> None:
        time.sleep(0.6)


def test_what_comes_before_the_first_run_is_outside_the_time_limit() -> None:
    values = {"drift": 0.0, "pause": 0.0, "log": "", "bad": "", "every": 3}
    slow = Experiment.from_dict(
        {"name": "slow", "replications": 2, "outcomes": END, "time_limit": 0.4},
        model=Slow(walk, values, ("level", "step"), MONTHS),
    )
    assert not len(slow.run(engine="local", workers=1).missing())


SCRIPT = """
import sys
from moatlab.experiments import Experiment, FunctionModel

FACTOR = 3.0

class Rule:
    def of(self, seed):
        return FACTOR * (seed % 7)

def function(values, seed, months):
    return {"m": Rule().of(seed) + values["x"]}

e = Experiment.from_dict(
    {"replications": 4, "outcomes": {"m": {"metric": "m"}}}, model=FunctionModel(function, {"x": 1.0}, ("m",), 2)
)
batch = e.run(engine="local", workers=1)
print(len(batch.missing()), all(batch.outcomes()["value"] % 3 == 1))
"""


def test_functions_and_classes_of_a_script_travel(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    told = subprocess.run([sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, check=False)
    assert told.stdout.strip() == "0 True", told.stderr


def test_what_cannot_travel_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    model = FunctionModel(walk, {"drift": 0.0, "lock": threading.Lock()}, ("level",), 2)
    with pytest.raises(InputError, match="cannot be sent to workers") as told:
        Experiment.from_dict({"outcomes": END}, model=model).run(engine="serial", out=tmp_path / "out")
    assert "\n" not in str(told.value) and not (tmp_path / "out").exists()


# Whose a folder is ----------------------------------------------------------------------------------------------------


def test_every_command_refuses_a_folder_that_is_anothers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.toml").write_text('scenario = "tiny"\nmonths = 4\n[outcomes.rent]\nmetric = "market.rent"\n')
    event = ["--event", "month 2: scale foundry.fab.capacity 2", "--seeds", "2", "--months", "4"]
    assert run_cli(["simulate", "tiny", "--months", "2"]) == 0
    capsys.readouterr()
    for command in (["run", "tiny.toml", "--engine", "serial"], ["whatif", "tiny", *event, "--out", "results/tiny"]):
        assert run_cli(command) == 2
        assert "results/tiny holds a simulation of tiny" in capsys.readouterr().err
    assert run_cli(["run", "tiny.toml", "--engine", "serial", "--out", "batch"]) == 0
    before = sorted(p for p in (tmp_path / "batch").rglob("*"))
    capsys.readouterr()
    assert run_cli(["simulate", "tiny", "--months", "2", "--out", "batch"]) == 2
    assert "batch holds a batch of runs of tiny" in capsys.readouterr().err
    assert run_cli(["whatif", "tiny", *event, "--out", "batch"]) == 2
    assert "compares something else" in capsys.readouterr().err
    assert sorted(p for p in (tmp_path / "batch").rglob("*")) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("precious")
    assert run_cli(["simulate", "tiny", "--months", "2", "--out", "mine"]) == 2
    assert "holds other files" in capsys.readouterr().err


def test_a_whatif_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["whatif", "tiny", "--event", "month 2: scale foundry.fab.capacity 2", "--months", "4", "--seeds"]
    assert run_cli([*command, "2"]) == 0
    (out,) = (tmp_path / "results").iterdir()
    first = set((out / "runs").iterdir())
    assert run_cli([*command, "2"]) == 0 and set((out / "runs").iterdir()) == first
    assert run_cli([*command, "3"]) == 0
    batch = moatlab.open(out)
    assert first < set((out / "runs").iterdir()) and len(batch.outcomes()["key"].unique()) == 6
    assert sorted(batch.runs()["seed"].unique()) == [1, 2, 3] and not batch.index.repeated
    assert run_cli(["status", str(out)]) == 0 and run_cli(["rerun", str(out), batch.runs()["key"].iloc[1]]) == 0


def test_experiments_and_scenarios_have_the_same_horizons() -> None:
    tables = {"scenario": "tiny", "outcomes": {"rent": {"metric": "market.rent"}}}
    assert Experiment.from_dict({**tables, "months": LONGEST}).months == LONGEST
    with pytest.raises(InputError, match=f"months.*{LONGEST}"):
        Experiment.from_dict({**tables, "months": LONGEST + 1})
    with pytest.raises(InputError, match=f"months.*{LONGEST}"):
        Scenario("tiny").compare(on={"set": {"apps.entry_rate": 1.0}}, months=LONGEST + 1)

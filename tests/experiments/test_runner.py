"""Batches: the same bytes from every engine, nothing done twice, and pairs that share luck."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moatlab
from moatlab import Experiment, InputError, Market, Scenario
from moatlab.experiments import Batch

from .stand_ins import experiment

TINY: dict[str, Any] = {
    "name": "tiny",
    "scenario": "tiny",
    "replications": 3,
    "arms": {"control": {}, "more": {"events": ["month 3: scale foundry.fab.capacity 2"]}},
    "uncertainties": {"apps.entry_rate": [0.1, 0.5]},
    "design": {"kind": "latin", "samples": 2},
    "outcomes": {
        "rent": {"metric": "market.rent", "months": [12, 23]},
        "share": {"metric": "apps.writer.share", "reduce": "last"},
    },
    "paths": ["labs.revenue"],
}


def contents(batch: Batch) -> tuple[bytes, bytes]:
    """The tables of a batch as bytes, in a fixed order."""
    order = ["key", "arm", "point", "replication"]
    outcomes = batch.outcomes().sort_values([*order, "outcome"])
    paths = batch.paths().sort_values([*order, "metric", "month"])
    return outcomes.to_csv(float_format="%r").encode(), paths["value"].to_numpy().tobytes()


@pytest.fixture(scope="module")
def serial() -> Batch:
    return Experiment.from_dict(TINY).run(engine="serial")


def test_local_workers_give_the_bytes_of_this_process(serial: Batch) -> None:
    assert contents(Experiment.from_dict(TINY).run(engine="local", workers=2)) == contents(serial)


def test_any_executor_gives_the_same_bytes(serial: Batch) -> None:
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        assert contents(Experiment.from_dict(TINY).run(engine=pool)) == contents(serial)


def test_dask_gives_the_same_bytes(serial: Batch) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        assert len(cluster.workers) == 2
        batch = Experiment.from_dict(TINY).run(engine="dask", scheduler=cluster.scheduler_address)
    assert contents(batch) == contents(serial)


def test_the_numbers_are_those_of_the_market(serial: Batch) -> None:
    row = serial.runs().query("arm == 'more' and point == 1 and replication == 2").iloc[0]
    scenario = Scenario("tiny").with_events("month 3: scale foundry.fab.capacity 2")
    results = Market(scenario.set({"apps.entry_rate": row["apps.entry_rate"]}), rng=int(row["seed"])).run()
    values = serial.outcomes().set_index(["arm", "point", "replication", "outcome"])["value"]
    assert values["more", 1, 2, "rent"] == np.mean(results.series("market.rent").to_numpy()[12:24])
    assert values["more", 1, 2, "share"] == results.series("apps.writer.share").to_numpy()[23]
    paths = serial.paths("labs.revenue").query("arm == 'more' and point == 1 and replication == 2")["value"]
    assert np.array_equal(paths.to_numpy(), results.series("labs.revenue").to_numpy())


def test_arms_share_the_luck_of_a_replication(serial: Batch) -> None:
    runs = serial.runs()
    assert (runs.groupby("replication")["seed"].nunique() == 1).all()
    assert runs["seed"].nunique() == 3 and (runs["seed"] >= 0).all()
    assert (runs.groupby("point")["apps.entry_rate"].nunique() == 1).all()
    own = experiment(4, arms={"control": {}, "other": {"luck": "own"}})
    seeds = own.run(engine="serial").runs().pivot(index="replication", columns="arm", values="seed")
    assert (seeds["control"] != seeds["other"]).all() and seeds.to_numpy().size == len(set(seeds.to_numpy().ravel()))


def test_what_is_stored_is_not_run_again(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    first = experiment(5, log=str(log)).run(engine="serial", out=out)
    assert len(log.read_text().split("\n")) == 11 and not len(first.missing())
    before = contents(first)
    again = experiment(5, log=str(log)).run(engine="serial", out=out)
    assert len(log.read_text().split("\n")) == 11 and contents(again) == before
    more = experiment(8, log=str(log)).run(engine="serial", out=out, extend=True)
    assert len(log.read_text().split("\n")) == 17 and len(more.runs()) == 16


def test_only_one_arm_runs(tmp_path: Path) -> None:
    batch = experiment(4).run(engine="serial", out=tmp_path / "out", only="up")
    assert set(batch.missing()["arm"]) == {"control"} and len(batch.missing()) == 4
    assert not len(experiment(4).run(engine="serial", out=tmp_path / "out").missing())


def test_equal_runs_come_from_another_store(tmp_path: Path) -> None:
    log = tmp_path / "log"
    arms = {"control": {}, "down": {"set": {"drift": -0.5}}}
    first = experiment(4, log=str(log)).run(engine="serial", out=tmp_path / "one")
    done = len(log.read_text().split("\n"))
    other = experiment(6, log=str(log), arms=arms, name="other")
    batch = other.run(engine="serial", out=tmp_path / "two", reuse=(tmp_path / "one",))
    assert len(log.read_text().split("\n")) == done + 12 - 4
    fresh = other.run(engine="serial")
    assert contents(batch) == contents(fresh)
    mine = set(first.runs()["key"]) & set(batch.runs()["key"])
    assert len(mine) == 4
    with pytest.raises(InputError, match="no batch"):
        other.run(engine="serial", reuse=(tmp_path / "nowhere",))


def test_opening_gives_the_batch_back(serial: Batch, tmp_path: Path) -> None:
    batch = Experiment.from_dict(TINY).run(engine="serial", out=tmp_path / "out")
    opened = moatlab.open(tmp_path / "out")
    assert contents(opened) == contents(batch) == contents(serial)
    assert opened.experiment.plan.keys == batch.experiment.plan.keys
    assert opened.experiment.control == "control" and list(opened.experiment.arms) == ["control", "more"]
    assert {"commit", "dirty", "source", "model", "lock", "seed", "packages", "machine"} <= set(opened.manifest)
    assert opened.manifest["machine"]["cpu_features"]
    with pytest.raises(InputError, match="no batch"):
        moatlab.open(tmp_path)


def test_a_point_that_a_design_visits_twice_is_run_once(tmp_path: Path) -> None:
    log = tmp_path / "log"
    chosen = experiment(
        2, log=str(log), uncertainties={"every": {"low": 1, "high": 2}}, design={"kind": "random", "samples": 8}
    )
    batch = chosen.run(engine="serial")
    assert len(batch.runs()) == 32 and batch.runs()["key"].nunique() == 8 == len(log.read_text().split("\n")) - 1
    assert (batch.runs()["status"] == "done").all() and len(batch.paths("level")) == 32 * 12


def test_queries(serial: Batch) -> None:
    means = serial.sql("select arm, avg(value) as mean from outcomes where outcome = 'rent' group by arm")
    table = serial.outcomes()
    expected = table[table["outcome"] == "rent"].groupby("arm")["value"].mean()
    assert np.allclose(means.set_index("arm")["mean"].sort_index(), expected.sort_index(), rtol=1e-12)
    bands = serial.bands("market.rent")
    assert len(bands) == 2 * 24 and (bands["low"] <= bands["high"]).all() and (bands["runs"] == 6).all()
    with pytest.raises(InputError, match="not recorded"):
        serial.bands("market.rnt")
    with pytest.raises(InputError, match="query"):
        serial.sql("select nothing from nowhere")

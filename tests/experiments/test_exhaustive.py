"""Faults, all of them: every operation on the disk fails once, processes are killed in simulated schedules, and folders
are damaged in every place."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import moatlab
from moatlab import Experiment, InputError
from moatlab.errors import EngineError
from moatlab.experiments import Batch, FunctionModel, host, runner
from moatlab.experiments.runner import Counts
from moatlab.experiments.store import Store
from moatlab.experiments.work import Run, pack

from .machines import OPERATIONS, FaultyHost, SimulatedHost

Values = tuple[bytes, bytes]


def steps(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """A path of no cost that depends on everything."""
    return {"level": values["drift"] * np.arange(months) + seed % 1000}


def experiment(replications: int, **changes: Any) -> Experiment:
    return Experiment.from_dict(
        {"name": "steps", "replications": replications, "arms": {"control": {}, "up": {"set": {"drift": 0.5}}},
         "outcomes": {"end": {"metric": "level", "reduce": "last"}}, **changes},
        model=FunctionModel(steps, {"drift": 0.25}, ("level",), 3),
    )  # fmt: skip


def values(batch: Batch) -> Values:
    outcomes = batch.outcomes()
    return outcomes.to_csv(float_format="%r").encode(), batch.cube("level").tobytes()


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "FLUSH_RUNS", 5)
    monkeypatch.setattr(runner, "CHUNK_RUNS", 3)
    # Without a real flush: no power is cut here.
    monkeypatch.setattr(host.Host, "flush", lambda self, path: None)


# Every operation fails once -------------------------------------------------------------------------------------------


def run_with_faults(out: Path, at: int, monkeypatch: pytest.MonkeyPatch) -> tuple[FaultyHost, str]:
    """A batch of 20 runs of which one operation fails; returns what the disk did, and the line if one was said."""
    machine = FaultyHost(at)
    with monkeypatch.context() as patched:
        patched.setattr(host, "HOST", machine)
        try:
            experiment(10).run(engine="serial", out=out)
        except (InputError, EngineError) as problem:
            return machine, str(problem)
        except OSError as problem:
            return machine, f"{problem.filename}: {problem.strerror}"
    return machine, ""


def check_faults(start: Path | None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Fail every operation of a batch once, in a folder that begins as ``start``; returns the operations."""
    expected = values(experiment(10).run(engine="serial"))
    at, operations = 0, [""]
    while at < len(operations):
        out = folder / str(at)
        if start is not None:
            shutil.copytree(start, out)
        before = Store(out).scan(wanted=["level"]).keys()
        machine, line = run_with_faults(out, at, monkeypatch)
        if at == 0:
            operations = run_with_faults(folder / "calm", -1, monkeypatch)[0].done if start is None else machine.done
        assert "\n" not in line, line
        committed = Store(out).scan(wanted=["level"]).keys()
        assert before <= committed, "something that was stored is lost"
        done: list[Counts] = []
        batch = experiment(10).run(engine="serial", out=out, progress=done.append)
        assert values(batch) == expected and not batch.index.damaged and not len(batch.missing())
        assert done[-1].done == 20 - len(committed), "a committed run was repeated"
        hidden = [p for p in out.rglob(".*") if p.is_file()]
        assert not hidden or machine.done[at] == "remove", "something half-written stayed"
        operations = max(operations, machine.done, key=len)
        shutil.rmtree(out)
        at += 1
    return operations


def test_every_operation_fails_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    operations = check_faults(None, tmp_path, monkeypatch)
    assert {"write", "flush", "rename", "append", "names"} <= set(operations) <= set(OPERATIONS)
    # Three describing files or more and at least four commits of two parts, each written, flushed and renamed.
    assert operations.count("rename") >= 11 and operations.count("flush") >= 22


def test_every_operation_of_going_on_fails_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start = tmp_path / "start"
    experiment(10).run(engine="serial", out=start, only="up")
    operations = check_faults(start, tmp_path, monkeypatch)
    assert operations.count("read") > 10


# Simulated schedules --------------------------------------------------------------------------------------------------


def simulate(seed: int, expected: bytes, patched: pytest.MonkeyPatch, trial: Experiment) -> tuple[int, int]:
    """Two processes on one folder, by a schedule drawn from a seed, then one that goes on alone.

    Returns the runs that were done more than once and those of the batch.
    """
    machine = SimulatedHost(seed)
    patched.setattr(host, "HOST", machine)
    out = Path("/simulated/out")
    last: dict[int, Counts] = {}
    stored: set[str] = set()
    commit = Store.commit

    def noted(store: Store, runs: Sequence[Run], *rest: Any) -> tuple[str, str]:
        parts = commit(store, runs, *rest)
        stored.update(run.key for run in runs)
        return parts

    patched.setattr(Store, "commit", noted)

    def body() -> None:
        number = machine.process
        trial.run(engine="serial", out=out, progress=lambda counts: last.update({number: counts}))

    wild = seed % 4 > 0
    two = [machine.start(body), machine.start(body)]
    machine.run(list(two), kill=0.01 if wild else 0.0, cut=0.004 if seed % 4 == 3 else 0.0)
    for process in two:
        if process.problem is not None:
            # What the other one is writing at this moment may be seen half: it is said, and nothing is lost.
            assert isinstance(process.problem, InputError | OSError | EngineError), f"seed {seed}: {process.problem!r}"
            assert "\n" not in str(process.problem)
    store = Store(out)
    committed = store.scan(wanted=["level"])
    assert not committed.damaged and stored <= committed.keys(), f"seed {seed}: something stored is lost"
    patched.setattr(Store, "commit", commit)
    alone = machine.start(body)
    machine.run([alone])
    assert alone.problem is None, f"seed {seed}: {alone.problem!r}"
    batch = Batch(out, trial)
    assert batch.cube("level").tobytes() == expected, f"seed {seed}"
    planned = len(batch.plan)
    if not any(process.killed for process in two):
        assert len(committed.keys()) == planned, f"seed {seed}"
    assert last[alone.number].done == planned - len(committed.keys()), f"seed {seed}: a committed run was repeated"
    twice = sum(counts.done for counts in last.values()) - planned
    return (0 if wild else twice), planned


def check_schedules(seeds: range, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = experiment(5)
    expected = trial.run(engine="serial").cube("level").tobytes()
    with monkeypatch.context() as patched:
        patched.setattr(runner, "FLUSH_RUNS", 2)
        patched.setattr(runner, "CHUNK_RUNS", 2)
        packed = pack(trial.job)
        patched.setattr(runner, "pack", lambda job: packed)
        done = [simulate(seed, expected, patched, trial) for seed in seeds]
    calm = len([seed for seed in seeds if seed % 4 == 0])
    assert sum(twice for twice, _ in done) <= 0.06 * calm * done[0][1], "two processes should share the work"


@pytest.mark.parametrize("part", range(4))
def test_a_thousand_schedules_of_two_processes_and_kills(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_schedules(range(250 * part, 250 * (part + 1)), monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(20))
def test_ten_thousand_schedules(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    check_schedules(range(1000 + 450 * part, 1000 + 450 * (part + 1)), monkeypatch)


def test_a_schedule_is_replayed_by_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    trial, traces = experiment(5), []
    expected = trial.run(engine="serial").cube("level").tobytes()
    for _ in range(2):
        with monkeypatch.context() as patched:
            simulate(7, expected, patched, trial)
            machine = host.HOST
            assert isinstance(machine, SimulatedHost)
            traces.append([line for line in machine.trace if "part-" not in line])
    assert traces[0] == traces[1] and len(traces[0]) > 50


# Damaged folders ------------------------------------------------------------------------------------------------------


def damaged(data: bytes, other: bytes, draw: random.Random) -> bytes:
    """A file with something wrong in it."""
    how, at = draw.randrange(7), draw.randrange(len(data))
    if how == 0:
        return data[:at] + bytes([data[at] ^ (1 << draw.randrange(8))]) + data[at + 1 :]
    if how == 1:
        return data[:at]
    if how == 2:
        return data + bytes(draw.randrange(256) for _ in range(draw.randint(1, 40)))
    if how == 3:
        end = min(len(data), at + draw.randint(1, 200))
        return data[:at] + bytes(end - at) + data[end:]
    if how == 4:
        end = min(len(data), at + draw.randint(1, 50))
        return data[:at] + data[end:]
    if how == 5:
        return data[:at] + data[at : at + 30] + data[at:]
    return other


def check_damage(folders: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the damaged folders reads as if it were whole, none gives a wrong number, and all of them heal."""
    sound = tmp_path / "sound"
    whole = experiment(6).run(engine="serial", out=sound)
    expected, truth = values(whole), whole.cube("level")
    # What was predicted is a journal with digests of its own (tests/experiments/test_registered.py).
    files = sorted(p.relative_to(sound) for p in sound.rglob("*") if p.is_file() and p.suffix != ".jsonl")
    for number in folders:
        draw = random.Random(number)
        out = tmp_path / f"damaged-{number}"
        shutil.copytree(sound, out)
        victim, stranger = draw.sample(files, 2)
        before = (out / victim).read_bytes()
        if draw.random() < 0.1:
            (out / victim).unlink()
        elif draw.random() < 0.1:
            (out / victim).rename((out / victim).with_name(f"part-{draw.getrandbits(128):032x}.parquet"))
        else:
            after = damaged(before, (out / stranger).read_bytes(), draw)
            if after == before:
                shutil.rmtree(out)
                continue
            (out / victim).write_bytes(after)
        try:
            batch = moatlab.open(out)
            plan, found = batch.plan, batch.cube("level")
        except InputError as problem:
            assert "\n" not in str(problem)
        else:
            assert plan.equals(whole.plan) and ((found == truth) | np.isnan(found)).all(), f"folder {number} is wrong"
            noticed = batch.index.damaged or np.isnan(found).any() or not found.size
            assert noticed, f"folder {number} reads as valid"
        if number % 20 == 0:
            healed = experiment(6).run(engine="serial", out=out)
            assert values(healed) == expected and not Batch(out, healed.experiment).index.damaged, f"folder {number}"
            assert values(moatlab.open(out)) == expected
        shutil.rmtree(out)


@pytest.mark.parametrize("part", range(2))
def test_two_thousand_damaged_folders(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_damage(range(1000 * part, 1000 * (part + 1)), tmp_path, monkeypatch)


@pytest.fixture(autouse=True)
def _no_machine_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = host.HOST
    yield
    assert host.HOST is before

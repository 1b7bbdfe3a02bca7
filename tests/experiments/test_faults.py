"""What goes wrong over night, each really done: kills, crashes, hangs, a full disk, damage, two processes at once."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import moatlab
from moatlab import InputError
from moatlab.errors import EngineError
from moatlab.experiments import Batch
from moatlab.experiments.fingerprint import model_version
from moatlab.experiments.host import HOST, Host, in_one_move
from moatlab.experiments.runner import Counts
from moatlab.experiments.store import Store

from .stand_ins import experiment
from .test_runner import contents

SCRIPT = Path(__file__).parent / "batch_script.py"
REPLICATIONS, PAUSE = 120, 0.01


def start(folder: Path, log: Path) -> subprocess.Popen[str]:
    command = [sys.executable, str(SCRIPT), str(folder), str(log), str(REPLICATIONS), str(PAUSE)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(log: Path, runs: int, process: subprocess.Popen[str]) -> None:
    """Until so many runs have begun."""
    deadline = time.monotonic() + 120
    while process.poll() is None and (not log.exists() or len(log.read_text().splitlines()) < runs):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def workers_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [p for p in psutil.Process(process.pid).children() if "serve(" in " ".join(p.cmdline())]


def kill(victims: str, process: subprocess.Popen[str]) -> None:
    workers = workers_of(process)
    doomed = [process.pid] if victims in ("parent", "both") else []
    doomed += [workers[0].pid] if victims in ("worker", "both") and workers else []
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    if victims != "worker":
        process.communicate()
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert not alive, "a worker outlived its parent"


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    return experiment(REPLICATIONS, pause=PAUSE, log=str(tmp_path_factory.mktemp("calm") / "log")).run(engine="serial")


def values(batch: Batch) -> list[object]:
    """Tables without the keys, which carry the name of the log."""
    outcomes = batch.outcomes().drop(columns="key")
    return [outcomes.to_csv(float_format="%r"), batch.paths()["value"].to_numpy().tobytes()]


def survive(victims: str, seed: int, folder: Path, undisturbed: Batch) -> None:
    log, out = folder / "log", folder / "out"
    process = start(out, log)
    wait_for(log, random.Random(f"{victims} {seed}").randrange(1, 2 * REPLICATIONS), process)
    if process.poll() is None:
        kill(victims, process)
    if victims == "worker":
        told, complaint = process.communicate(timeout=120)
        assert (process.returncode, told.strip()) == (0, "0"), complaint
    committed = Store(out).scan().keys() if (out / "runs").is_dir() else set()
    before = Counter(log.read_text().splitlines())
    batch = experiment(REPLICATIONS, log=str(log), pause=PAUSE).run(engine="local", workers=2, out=out)
    assert committed <= batch.index.keys() and not batch.index.damaged
    done_before = batch.runs().set_index("key").loc[sorted(committed)]
    after = Counter(log.read_text().splitlines())
    for seed_of_run, arm in zip(done_before["seed"], done_before["arm"], strict=True):
        line = f"{seed_of_run} {0.5 if arm == 'up' else 0.0!r}"
        assert after[line] == before[line], "a committed run was repeated"
    assert not len(batch.missing()) and values(batch) == values(undisturbed)
    assert not [p for p in (out / "runs").iterdir() if p.suffix != ".parquet"], "something half-written counts"


@pytest.mark.parametrize("victims", ["parent", "worker", "both"])
def test_kills(victims: str, tmp_path: Path, undisturbed: Batch) -> None:
    survive(victims, 0, tmp_path, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_kills_at_many_moments(seed: int, tmp_path: Path, undisturbed: Batch) -> None:
    survive(("parent", "worker", "both")[seed % 3], seed + 1, tmp_path, undisturbed)


def test_a_worker_that_dies_once_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOATLAB_TEST_ONCE", str(tmp_path / "once"))
    batch = experiment(6, bad="once", every=1).run(engine="local", workers=2)
    assert (tmp_path / "once").exists() and not len(batch.missing())


def test_a_run_that_kills_its_worker_is_named_after_three_attempts(tmp_path: Path) -> None:
    log = tmp_path / "log"
    batch = experiment(3, bad="die", log=str(log)).run(engine="local", workers=2)
    runs = batch.runs()
    doomed = runs["seed"] % 3 == 0
    assert (
        doomed.any() and (runs.loc[doomed, "status"] == "died").all() and (runs.loc[~doomed, "status"] == "done").all()
    )
    assert runs.loc[doomed, "error"].str.contains("signal 9), 3 times", regex=False).all()
    tries = Counter(line.split()[0] for line in log.read_text().splitlines())
    # Two arms, three attempts; in the first one the chunk may have died before the run began.
    assert all(4 <= tries[str(seed)] <= 6 for seed in runs.loc[doomed, "seed"].unique())


def test_a_run_that_raises_is_a_record(tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch = experiment(8, bad="raise").run(engine="local", workers=2, out=out)
    runs, failures = batch.runs(), batch.failures()
    bad = runs["seed"] % 3 == 0
    assert bad.any() and (runs.loc[bad, "status"] == "failed").all() and (runs.loc[~bad, "status"] == "done").all()
    assert set(failures["error"]) == {"RuntimeError: the market for nothing did not clear"}
    assert failures["traceback"].str.contains("in misbehave").all()
    assert len(batch.missing()) == bad.sum() and len(batch.outcomes()) == 2 * (~bad).sum()
    log = tmp_path / "log"
    assert len(experiment(8, bad="raise").run(engine="serial", out=out).missing()) == bad.sum()
    experiment(8, bad="raise").run(engine="serial", out=out, retry=True)
    assert not log.exists()
    assert Counter(Store(out).scan().runs[key][0] for key in runs["key"])["failed"] == bad.sum()


@pytest.mark.parametrize(("how", "engine"), [("sleep", "serial"), ("sleep", "local"), ("freeze", "local")])
def test_a_run_that_hangs_meets_its_limit(how: str, engine: str) -> None:
    start = time.monotonic()
    batch = experiment(4, bad=how, time_limit=0.5).run(engine=engine, workers=2 if engine == "local" else None)
    runs = batch.runs()
    bad = runs["seed"] % 3 == 0
    assert bad.any() and (runs.loc[bad, "status"] == "timeout").all() and (runs.loc[~bad, "status"] == "done").all()
    assert runs.loc[bad, "error"].str.contains("time limit of 0.5 s").all()
    assert time.monotonic() - start < 60


def test_a_run_that_hangs_in_a_thread_meets_its_limit() -> None:
    with ThreadPoolExecutor(1) as threads:
        batch = experiment(4, bad="spin", time_limit=0.5).run(engine=threads)
    runs = batch.runs()
    bad = runs["seed"] % 3 == 0
    assert bad.any() and (runs.loc[bad, "status"] == "timeout").all() and (runs.loc[~bad, "status"] == "done").all()


def test_dask_goes_on_without_a_worker_that_was_killed(tmp_path: Path, undisturbed: Batch) -> None:
    distributed = pytest.importorskip("distributed")
    log = tmp_path / "log"
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    ) as cluster:
        victim = next(iter(cluster.workers.values())).pid
        told: list[int] = []

        def progress(counts: Counts) -> None:
            if counts.done and not told:
                told.append(counts.done)
                os.kill(victim, signal.SIGKILL)

        batch = experiment(REPLICATIONS, pause=PAUSE, log=str(log)).run(
            engine="dask", scheduler=cluster.scheduler_address, progress=progress
        )
    assert told and not len(batch.missing()) and values(batch) == values(undisturbed)


def full_disk(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    real, written = os.fsync, [0]

    def fsync(descriptor: int) -> None:
        written[0] += 1
        if written[0] > after:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr("moatlab.experiments.host.os.fsync", fsync)


@pytest.mark.parametrize("after", [0, 1, 4, 5, 6, 7])
def test_a_full_disk(after: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    monkeypatch.setattr("moatlab.experiments.runner.FLUSH_RUNS", 3)
    with monkeypatch.context() as patched:
        full_disk(patched, after)
        with pytest.raises(OSError, match="No space left") as caught:
            experiment(20).run(engine="serial", out=out)
        assert str(out) in str(caught.value.filename)
    left = [p for folder in ("runs", "metrics", ".") for p in (out / folder).iterdir() if p.name.startswith(".")]
    assert not left, "something half-written stayed"
    batch = experiment(20).run(engine="serial", out=out)
    assert not batch.index.damaged and contents(batch) == contents(experiment(20).run(engine="serial"))


def test_a_file_that_may_grow_no_further(tmp_path: Path) -> None:
    """The same with an error from the system itself."""
    out = tmp_path / "out"
    code = (
        "import resource, signal, sys; sys.path.insert(0, sys.argv[2]); "
        "from tests.experiments.stand_ins import experiment; e = experiment(400); e.plan; "
        "import pyarrow, duckdb; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000)); e.run(engine='serial', out=sys.argv[1])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(out), str(SCRIPT.parents[2])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "File too large" in done.stderr.splitlines()[-1], done.stderr
    batch = experiment(400).run(engine="serial", out=out)
    assert not batch.index.damaged and not len(batch.missing())
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_three_processes_on_one_folder(tmp_path: Path, undisturbed: Batch) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    for process in [start(out, log) for _ in range(3)]:
        told, complaint = process.communicate(timeout=300)
        assert (process.returncode, told.strip()) == (0, "0"), complaint
    batch = experiment(REPLICATIONS, log=str(log), pause=PAUSE).run(engine="serial", out=out)
    assert values(batch) == values(undisturbed)
    runs = len(log.read_text().splitlines())
    assert 2 * REPLICATIONS <= runs <= 2.1 * REPLICATIONS, "they should share the work"


def damage(path: Path, how: str) -> None:
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    elif how == "short":
        path.write_bytes(data[: len(data) // 2])
    elif how == "flipped":
        at = len(data) // 3
        path.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
    elif how == "empty":
        path.write_bytes(b"")


@pytest.mark.parametrize("how", ["short", "flipped", "empty", "gone"])
@pytest.mark.parametrize("kind", ["runs", "metrics"])
def test_a_damaged_part_is_named_and_its_runs_done_again(
    kind: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("moatlab.experiments.runner.FLUSH_RUNS", 8)
    log, out = tmp_path / "log", tmp_path / "out"
    calm = experiment(20, log=str(log)).run(engine="serial", out=out)
    before, lines = contents(calm), len(log.read_text().splitlines())
    victim = sorted((out / kind).iterdir())[1]
    lost = sum(1 for part in calm.index.runs.values() if victim.name in part)
    damage(victim, how)
    opened = Batch(out, calm.experiment)
    assert len(opened.missing()) == lost > 0
    if (kind, how) != ("runs", "gone"):
        assert f"{kind}/{victim.name}" in opened.index.damaged
    again = experiment(20, log=str(log)).run(engine="serial", out=out)
    assert contents(again) == before and len(log.read_text().splitlines()) == lines + lost


def test_an_experiment_that_changed_since(tmp_path: Path) -> None:
    out = tmp_path / "out"
    experiment(4).run(engine="serial", out=out)
    for changes, told in (
        ({"seed": 2}, "seed"),
        ({"arms": {"control": {}, "up": {"set": {"drift": 0.6}}}}, "arms.up.set.drift 0.5 -> 0.6"),
        ({"drift": 0.25}, "set.drift (none) -> 0.25"),
        ({"paths": ["step"], "question": "why?"}, "question"),
    ):
        with pytest.raises(InputError, match="has changed since") as caught:
            experiment(4, **changes).run(engine="serial", out=out)
        assert told in str(caught.value) and "--extend" in str(caught.value) and "\n" not in str(caught.value)
    with pytest.raises(InputError, match="replications 4 -> 5"):
        experiment(5).run(engine="serial", out=out)
    assert len(experiment(4, time_limit=5.0).run(engine="serial", out=out).runs()) == 8


def stop_at_the_plan(host: Host, path: Path, data: bytes) -> None:
    if path.name == "plan.parquet":
        raise KeyboardInterrupt
    in_one_move(host, path, data)


def test_a_kill_in_the_middle_of_extending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    experiment(4).run(engine="serial", out=out)
    with monkeypatch.context() as patched:
        patched.setattr("moatlab.experiments.store.in_one_move", stop_at_the_plan)
        with pytest.raises(KeyboardInterrupt):
            experiment(6).run(engine="serial", out=out, extend=True)
    batch = experiment(6).run(engine="serial", out=out)
    assert len(batch.runs()) == 12 and not len(batch.missing())


def test_what_killed_processes_left_is_cleared_away(tmp_path: Path) -> None:
    out = tmp_path / "out"
    batch = experiment(4).run(engine="serial", out=out)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    here, keys = HOST.name, "\n".join(batch.plan["key"])
    for name in (f"{here}~{ended.pid}~a.txt", f"{here}~{os.getpid()}~b.txt", "far~1~c.txt", "far~1~d.txt"):
        (out / "claims" / name).write_text(keys)
    os.utime(out / "claims" / "far~1~c.txt", (0, 0))
    left = [out / "runs" / f".part-{'a' * 32}.parquet.{'0' * 32}", out / f".manifest.json.{'0' * 32}"]
    young = out / "metrics" / f".part-{'b' * 32}.parquet.{'1' * 32}"
    for path in (*left, young):
        path.touch()
    for path in left:
        os.utime(path, (0, 0))
    experiment(4).run(engine="serial", out=out)
    assert {p.name for p in (out / "claims").iterdir()} == {f"{here}~{os.getpid()}~b.txt", "far~1~d.txt"}
    assert young.exists() and not any(path.exists() for path in left)


def test_a_store_of_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    old = experiment(3).run(engine="serial", out=out)
    keys, before = set(old.plan["key"]), values(old)
    here = model_version()
    for module in ("models", "work"):
        monkeypatch.setattr(
            f"moatlab.experiments.{module}.model_version", lambda: {**here, "model": "0123456789abcdef"}
        )
    with pytest.raises(InputError) as caught:
        experiment(3).run(engine="serial", out=out)
    assert here["model"] in str(caught.value) and "0123456789abcdef" in str(caught.value)
    new = experiment(3).run(engine="serial", out=out, other_version=True)
    assert not keys & set(new.plan["key"]) and not len(new.missing())
    assert values(new) == before


def test_a_worker_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    here = model_version()
    monkeypatch.setattr("moatlab.experiments.models.model_version", lambda: {**here, "model": "0123456789abcdef"})
    with pytest.raises(EngineError, match=r"0123456789abcdef.*no run was started"):
        experiment(3).run(engine="local", workers=1)


def test_ctrl_c_keeps_what_is_done_and_goes_on(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    process = start(out, log)
    wait_for(log, 100, process)
    workers = workers_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert not alive
    done = len(Store(out).scan().keys())
    assert 0 < done < 2 * REPLICATIONS
    batch = experiment(REPLICATIONS, log=str(log), pause=PAUSE).run(engine="serial", out=out)
    assert not len(batch.missing())


def test_workers_in_the_middle_of_a_call_leave_with_their_parent() -> None:
    code = ("import time\nfrom moatlab.experiments.engines import LocalExecutor\n"
            "engine = LocalExecutor(2)\n"
            "calls = [engine.submit(time.sleep, 120.0) for _ in range(2)]\n"
            "print('begun', flush=True)\ntime.sleep(120)\n")  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "begun\n"
    deadline = time.monotonic() + 30
    while len(workers := workers_of(process)) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(3.0)  # both have started and taken up their call
    process.terminate()
    process.wait()
    gone, alive = psutil.wait_procs(workers, timeout=10)
    assert len(gone) == 2 and not alive


def test_workers_that_cannot_start(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("moatlab.experiments.engines.sys.executable", "/bin/false")
    with pytest.raises(EngineError, match=r"cannot start.*no run was started"):
        experiment(3).run(engine="local", workers=1)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "thesis.docx").write_text("precious")
    with pytest.raises(InputError, match="other files"):
        experiment(3).run(engine="serial", out=tmp_path)
    with pytest.raises(InputError, match="not a folder"):
        experiment(3).run(engine="serial", out=tmp_path / "thesis.docx")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.docx"]
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"manifest.json is damaged"):
        moatlab.open(tmp_path)


def test_runs_done_twice_count_once(tmp_path: Path) -> None:
    """What two processes at once may leave: the same runs in two parts."""
    out = tmp_path / "out"
    before = contents(experiment(6).run(engine="serial", out=out))
    aside = tmp_path / "aside"
    (out / "runs").rename(aside)
    (out / "runs").mkdir()
    experiment(6).run(engine="serial", out=out, only="up")
    for part in aside.iterdir():
        part.rename(out / "runs" / part.name)
    batch = moatlab.experiments.Batch(out, experiment(6))
    assert len(batch.index.repeated) == 6 and contents(batch) == before
    assert (batch.bands("level")["runs"] == 6).all()

"""The experiment layer: overhead, efficiency, stored runs a second, the parent's memory, and a query over many runs.

python benchmarks/experiments.py [--runs 600] [--workers 2] [--months 120] [--stand-in 20000] [--many 307200]

Side by side, on the same market and seeds: moatlab's batch (stored), `mesa.batch_run`, and a plain ProcessPoolExecutor.
A stand-in of no cost, through the same runner and store, shows what the layer itself takes at 1,000 and many runs.
256 workers that cost nothing, each at a run of 20 ms, show how many workers one parent can keep busy: chunks and
replies are pickled as between processes, and stored.  A Sobol design is planned; `moatlab whatif` runs 1,000 seeds.
"""

from __future__ import annotations

import argparse
import heapq
import json
import multiprocessing
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from mesa import DataCollector
from mesa.batchrunner import batch_run

import moatlab
from moatlab import Experiment, Market, Scenario
from moatlab.experiments import FunctionModel
from moatlab.experiments.plan import luck
from moatlab.experiments.work import Chunk, Run, Task
from moatlab.scenario.addresses import parse

SCENARIO = "essay-2023"
METRICS = ("market.rent", "market.scarcity_rent", "labs.gross_profit", "labs.revenue", "clouds.value_share", "apps.hhi")
STAND_IN = tuple(f"metric-{i}" for i in range(8))


def market_experiment(runs: int, months: int) -> Experiment:
    return Experiment.from_dict({
        "name": "benchmark", "scenario": SCENARIO, "months": months, "replications": -(-runs // 2),
        "arms": {"control": {}, "own-models-off": {"set": {"apps.graduation": "off"}}},
        "outcomes": {f"o{i}": {"metric": metric} for i, metric in enumerate(METRICS)},
    })  # fmt: skip


@dataclass(frozen=True)
class Timed:
    """Seconds of a whole batch, of its runs, of the parent's processor; and the number of runs."""

    wall: float
    spent: float
    parent: float
    count: int

    def overhead(self, workers: int) -> float:
        return self.wall * workers / self.spent - 1.0

    def __sub__(self, other: Timed) -> Timed:
        return Timed(self.wall - other.wall, self.spent - other.spent, self.parent - other.parent,
                     self.count - other.count)  # fmt: skip


def batch(runs: int, months: int, workers: int) -> Timed:
    experiment = market_experiment(runs, months)
    start, cpu = time.perf_counter(), time.process_time()
    done = experiment.run("local", workers=workers)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    table = done.runs()
    assert (table["status"] == "done").all()
    return Timed(wall, float(table["seconds"].sum()), cpu, len(table))


# Side by side ---------------------------------------------------------------------------------------------------------


@cache
def scenario_with(graduation: str) -> Scenario:
    return Scenario(SCENARIO).set({"apps.graduation": graduation})


def plain_run(job: tuple[str, int, int]) -> list[np.ndarray]:
    """What somebody would write by hand: the same paths, kept in memory."""
    graduation, seed, months = job
    results = Market(scenario_with(graduation), rng=seed, detail="layer").run(months)
    return [results.path(metric) for metric in METRICS]


def plain(runs: int, months: int, workers: int) -> float:
    jobs = [(rule, luck(1, r, None), months) for r in range(-(-runs // 2)) for rule in ("npv", "off")]
    start = time.perf_counter()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(plain_run, jobs, chunksize=8))
    return time.perf_counter() - start


class Collected(Market):
    """The market with a DataCollector, which is what `mesa.batch_run` asks for."""

    def __init__(self, graduation: str = "npv", rng: int = 0) -> None:
        super().__init__(scenario_with(graduation), rng=int(rng), detail="layer")
        self.datacollector = DataCollector({m: (lambda model, m=m: float(model.latest.path(m)[-1])) for m in METRICS})

    def step(self) -> None:
        super().step()
        self.latest = self.results
        self.datacollector.collect(self)


def by_mesa(runs: int, months: int, workers: int) -> float:
    seeds = [luck(1, r, None) for r in range(-(-runs // 2))]
    start = time.perf_counter()
    batch_run(
        Collected, parameters={"graduation": ["npv", "off"], "rng": seeds}, number_processes=workers,
        max_steps=months - 1, data_collection_period=1, display_progress=False,
    )  # fmt: skip
    return time.perf_counter() - start


# Memory and queries, by a stand-in of no cost -----------------------------------------------------------------------


def nothing(values: dict[str, Any], seed: int, months: int) -> dict[str, np.ndarray]:
    draws = np.random.Generator(np.random.PCG64(seed)).normal(values["level"], 1.0, (len(STAND_IN), months))
    return dict(zip(STAND_IN, np.cumsum(draws, axis=1), strict=True))


def stand_in(runs: int, months: int) -> Experiment:
    return Experiment.from_dict(
        {
            "name": "stand-in", "replications": runs // 2, "months": months,
            "arms": {"control": {}, "up": {"set": {"level": 0.1}}},
            "outcomes": {"end": {"metric": STAND_IN[0], "reduce": "last"}},
            "paths": list(STAND_IN),
        },
        model=FunctionModel(nothing, {"level": 0.0}, STAND_IN, months),
    )  # fmt: skip


def measure_memory(runs: int, months: int, workers: int, folder: str) -> None:
    """In a process of its own: most memory of the parent, and seconds of the batch."""
    experiment = stand_in(runs, months)
    start = time.perf_counter()
    experiment.run("local", workers=workers, out=folder)
    seconds = time.perf_counter() - start
    print(json.dumps({"MB": peak(), "seconds": seconds}))


def peak() -> float:
    """Most memory of this process by now, MB (ru_maxrss would begin with that of the process that started it)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def memory(runs: int, months: int, workers: int, folder: Path) -> dict[str, float]:
    code = f"import experiments; experiments.measure_memory({runs}, {months}, {workers}, {str(folder)!r})"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, float] = json.loads(told)
    return found


# Many workers ---------------------------------------------------------------------------------------------------------


class Simulated(Executor):
    """Workers that cost nothing: a chunk comes back, as pickled bytes, when its worker would have done its runs."""

    def __init__(self, workers: int, seconds: float, months: int, metrics: int) -> None:
        self._max_workers = workers
        self.seconds, self.shape = seconds, (months, metrics)
        self.busy = self.leapt = 0.0
        self._queue: deque[tuple[Future[Any], Any]] = deque()
        self._out: list[tuple[float, int, Future[Any], bytes]] = []
        self._known: dict[int, bytes] = {}
        self._count = 0
        self._wake, self._closing = threading.Lock(), False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        call, future = pickle.dumps((fn, args)), Future[Any]()
        with self._wake:
            self._queue.append((future, call))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._closing = True
        self._thread.join()

    def now(self) -> float:
        """The simulated time: it passes with this process's own processor time, and leaps when there is nothing to do.

        So what is measured is the parent, whatever else the machine is doing.
        """
        return time.process_time() + self.leapt

    def _work(self) -> None:
        while not self._closing:
            with self._wake:
                while self._queue and len(self._out) < self._max_workers:
                    future, call = self._queue.popleft()
                    _, (_, _, tasks) = pickle.loads(call)
                    self.busy += self.seconds * len(tasks)
                    self._count += 1
                    due = self.now() + self.seconds * len(tasks)
                    heapq.heappush(self._out, (due, self._count, future, self._reply(tasks)))
            while self._out and self._out[0][0] <= self.now():
                _, _, future, reply = heapq.heappop(self._out)
                runs, size = pickle.loads(reply)
                future.set_result(Chunk(runs, pickle.loads(self._known[size]) if size else None))
            if not self._queue or len(self._out) == self._max_workers:
                before = time.process_time()
                time.sleep(0.001)
                idle = time.process_time() - before < 0.0005 and not any(map(_runs, threading.enumerate()))
                if idle and self._out and (not self._queue or len(self._out) == self._max_workers):
                    self.leapt += max(0.0, self._out[0][0] - self.now())

    def _reply(self, tasks: list[Task]) -> bytes:
        """The paths are the same for all chunks of a size; the worker's time to make them is not the parent's."""
        size = len(tasks)
        if size and size not in self._known:
            draws = np.random.Generator(np.random.PCG64(size)).normal(size=(self.shape[1], size, self.shape[0]))
            self._known[size] = pickle.dumps(np.cumsum(draws, axis=2), protocol=5)
        return pickle.dumps(([Run(t.key, t.seed, "done", self.seconds) for t in tasks], size))


def _runs(thread: threading.Thread) -> bool:
    """Whether a thread other than this one has something to do, or waits for the disk."""
    if thread is threading.current_thread() or thread.native_id is None:
        return False
    try:
        stat = Path(f"/proc/self/task/{thread.native_id}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "S"


def many_workers(runs: int, workers: int, seconds: float, months: int) -> tuple[float, float, float]:
    """Efficiency, stored runs a second, and milliseconds of the parent's processor a run, the simulation's included."""
    experiment = stand_in(runs, months)
    assert experiment.plan
    with tempfile.TemporaryDirectory() as folder, Simulated(workers, seconds, months, len(STAND_IN)) as pool:
        start, cpu = pool.now(), time.process_time()
        experiment.run(pool, out=folder)
        wall, cpu = pool.now() - start, time.process_time() - cpu
        return pool.busy / (workers * wall), runs / wall, 1e3 * cpu / runs


def planned() -> tuple[int, float]:
    """Runs of a Sobol design over ten parameters of the market in two arms, and seconds of processor to plan them."""
    names = ("labs.*.markup", "labs.leak_half_life", "users.*.network_taste", "apps.entry_rate", "apps.overhead",
             "chipmakers.portability", "labs.*.private_lead", "users.*.switching_cost", "compute.rent_sharpness",
             "outside.spot_elasticity")  # fmt: skip
    start = time.process_time()
    plan = Experiment.from_dict({
        "name": "sobol", "scenario": SCENARIO, "design": {"kind": "sobol", "samples": 4096},
        "arms": {"control": {}, "twice": {"events": ["month 12: scale foundry.tsmc.capacity 2"]}},
        "uncertainties": {name: _range(name) for name in names}, "outcomes": {"rent": {"metric": "market.rent"}},
    }).plan  # fmt: skip
    plan.table()
    return len(plan), time.process_time() - start


def _range(name: str) -> list[float]:
    declared = parse(name).declared
    middle = float(declared.default)
    return [max(float(declared.low), 0.8 * middle), min(float(declared.high), 1.2 * middle + 0.1)]


def whatif(seeds: int, workers: int, folder: Path) -> tuple[float, float]:
    """Most memory of the parent, MB, and seconds of `moatlab whatif` with so many seeds."""
    code = (
        "import experiments, sys, time; from moatlab.cli.main import run_cli; start = time.perf_counter(); "
        f"code = run_cli(['whatif', {SCENARIO!r}, '--event', 'month 12: scale foundry.tsmc.capacity 2', '--seeds', "
        f"'{seeds}', '--workers', '{workers}', '--out', {str(folder)!r}]); "
        "print(); print(experiments.peak(), time.perf_counter() - start); sys.exit(code)"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, capture_output=True, text=True, check=True
    ).stdout
    most, seconds = told.splitlines()[-1].split()
    return float(most), float(seconds)


def query(folder: Path) -> tuple[float, float, float, int]:
    """Seconds to open a batch; seconds, and of processor, of the mean and 95 % band by arm and month; rows."""
    start = time.perf_counter()
    opened = moatlab.open(folder)
    opened.sql("select 1")
    made = time.perf_counter() - start
    start, cpu = time.perf_counter(), time.process_time()
    rows = len(opened.bands(STAND_IN[0], width=0.95))
    return made, time.perf_counter() - start, time.process_time() - cpu, rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=600, help="market runs of each batch")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--months", type=int, default=120)
    parser.add_argument("--stand-in", type=int, default=20_000, help="runs of the stand-in; 0 leaves it out")
    parser.add_argument("--many", type=int, default=307_200, help="runs of 256 simulated workers; 0 leaves them out")
    parser.add_argument("--seeds", type=int, default=1000, help="seeds of whatif; 0 leaves it out")
    asked = parser.parse_args()
    runs, workers, months = asked.runs, asked.workers, asked.months
    if asked.many:
        efficiency, rate, parent = many_workers(asked.many, 256, 0.02, months)
        print(f"256 workers that cost nothing, {asked.many:,d} runs of 20 ms, {months} months x {len(STAND_IN)} "
              f"metrics: efficiency {efficiency:.2f}, {rate:,.0f} stored runs a second, {parent:.3f} ms of the "
              "parent's processor a run")  # fmt: skip
    count, seconds = planned()
    print(f"a Sobol design of {count:,d} runs is planned in {seconds:.1f} s of processor")
    if asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            most, seconds = whatif(asked.seeds, workers, Path(folder) / "whatif")
        print(f"whatif with {asked.seeds:,d} seeds: parent's memory {most:.0f} MB, {seconds:.0f} s")
    if not runs:
        return

    Market(SCENARIO, rng=1, detail="layer").run(2)
    batch(2 * workers, months, workers)
    one, short, whole = (batch(n, months, w) for n, w in ((runs // 2, 1), (runs // 4, workers), (runs, workers)))
    steady = whole - short
    print(f"{SCENARIO}, {months} months, {workers} workers, {whole.count} runs of "
          f"{1e3 * whole.spent / whole.count:.1f} ms each")  # fmt: skip
    print(f"  whole batch: {whole.wall:.2f} s = {whole.count / whole.wall:.1f} stored runs a second; overhead beyond "
          f"the runs' own time {100 * whole.overhead(workers):.1f} %")  # fmt: skip
    print(f"  once workers are up: {steady.count / steady.wall:.1f} stored runs a second; overhead "
          f"{100 * steady.overhead(workers):.1f} %; the parent takes {1e3 * whole.parent / whole.count:.2f} ms of "
          "processor a run")  # fmt: skip
    efficiency = (whole.count / whole.wall) / (workers * one.count / one.wall)
    print(f"  parallel efficiency against one worker ({one.count / one.wall:.1f} a second): {100 * efficiency:.0f} %")
    print("side by side, runs a second, start included:")
    print(f"  moatlab, stored     {whole.count / whole.wall:6.1f}")
    print(f"  plain process pool  {whole.count / plain(runs, months, workers):6.1f}   (in memory)")
    print(f"  mesa.batch_run      {whole.count / by_mesa(runs, months, workers):6.1f}   (in memory)")
    if not asked.stand_in:
        return
    with tempfile.TemporaryDirectory() as folder:
        few = memory(1000, months, workers, Path(folder) / "few")
        many = memory(asked.stand_in, months, workers, Path(folder) / "many")
        print(f"stand-in of no cost, {months} months x {len(STAND_IN)} metrics:")
        for n_runs, found in ((1000, few), (asked.stand_in, many)):
            rate = n_runs / found["seconds"]
            print(f"  {n_runs:7,d} runs: parent's memory {found['MB']:.0f} MB, {rate:,.0f} stored runs a second")
        print(f"  growth of the parent's memory: {many['MB'] - few['MB']:.0f} MB")
        made, seconds, cpu, rows = query(Path(folder) / "many")
        print(f"  open and verify {made:.2f} s; mean and 95 % band by arm and month ({rows} rows): {seconds:.2f} s, "
              f"{cpu:.2f} s of processor")  # fmt: skip


if __name__ == "__main__":
    main()

"""Runs what a plan says and the store lacks: chunks out to the engine, finished runs into parts."""

from __future__ import annotations

import pickle
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moatlab.errors import InputError
from moatlab.experiments.batch import Batch
from moatlab.experiments.engines import WorkerDiedError, check_engine, open_engine
from moatlab.experiments.fingerprint import digest
from moatlab.experiments.models import MarketModel
from moatlab.experiments.registered import register
from moatlab.experiments.resume import borrow, prepare
from moatlab.experiments.store import Index, Store
from moatlab.experiments.work import DIED, DONE, TIMEOUT, Run, Task, work

if TYPE_CHECKING:
    from moatlab.experiments.experiment import Experiment

#: Seconds of work in a chunk, most runs in one, and most monthly numbers that it may bring back.
CHUNK_SECONDS, CHUNK_RUNS, CHUNK_NUMBERS = 1.0, 400, 1_000_000
#: A part is written when so many runs wait for it, or the first of them has waited for so long.
FLUSH_RUNS, FLUSH_SECONDS = 200, 2.0
#: How often a chunk is sent to a worker before the death of the worker is put down to its run.
ATTEMPTS = 3

Progress = Callable[["Counts"], None]


@dataclass(frozen=True)
class Options:
    """What a batch is told beside its engine.

    ``only`` runs one arm, ``extend`` goes on in a folder of an experiment that has changed since, ``retry`` repeats
    runs that failed, ``other_version`` goes on in a folder of another version of the model, whose runs then no longer
    count.  ``reuse`` are folders of which equal runs are taken.  ``progress`` is called as runs end.
    """

    only: str | None = None
    extend: bool = False
    retry: bool = False
    other_version: bool = False
    reuse: tuple[Path | str, ...] = ()
    scheduler: str | None = None
    progress: Progress | None = None


@dataclass
class Counts:
    """How far a batch is: runs to do, done and failed by now, and those that the folder had already."""

    todo: int = 0
    done: int = 0
    failed: int = 0
    stored: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Runs a second."""
        return (self.done + self.failed) / max(time.monotonic() - self.started, 1e-9)


def run(
    experiment: Experiment, engine: str | Executor, workers: int | None, out: Path | None, options: Options
) -> Batch:
    """Run what is missing and return the batch; what is wrong is said before any run starts.

    Raises `InputError` for bad input, `OSError` if the disk does not take the results, KeyboardInterrupt on Ctrl-C;
    in every case what is stored stays stored, and the same call goes on from there.
    """
    check_engine(engine, workers, options.scheduler)
    if options.only is not None:
        experiment.check_arm(options.only)
    plan = experiment.plan
    packed = _pack(experiment)
    kept = None
    if out is None:
        kept = tempfile.TemporaryDirectory(prefix="moatlab-batch-")
        out = Path(kept.name)
    with open_engine(engine, workers, options.scheduler) as (executor, count):
        store = Store(out)
        prepare(store, experiment, options.extend, options.other_version)
        for source in options.reuse:
            borrow(store, Store(Path(source)), set(plan.keys), experiment.record)
        register(store, experiment)
        batch = _Batch(experiment, store, executor, count, packed, options)
        batch.go()
    return Batch(out, experiment, kept)


def _pack(experiment: Experiment) -> bytes:
    job = experiment.job
    try:
        packed = pickle.dumps(job)
    except Exception as problem:
        raise InputError(f"this experiment cannot be sent to workers ({problem}); its classes and functions have to "
                         "be in a module's file") from None  # fmt: skip
    if isinstance(job.model, MarketModel):
        from moatlab.market.compilation import warm_up

        warm_up()  # before workers start, else each of them compiles
    return packed


class _Batch:
    """One session on one folder."""

    def __init__(
        self, experiment: Experiment, store: Store, executor: Executor, workers: int, packed: bytes, options: Options
    ) -> None:
        self.plan = experiment.plan
        self.record = experiment.record
        self.limit = experiment.spec.time_limit
        self.store, self.executor, self.workers, self.options = store, executor, workers, options
        self.call = (digest(packed), packed)
        self.index: Index = store.scan()
        store.tidy(self.index)
        self.counts = Counts()
        self.rows = self._missing()
        self.counts.todo = len(self.rows)
        self.counts.stored = len(set(self.plan.keys) & self.index.keys())
        #: Runs whose worker died, by key: how often by now.
        self.deaths: dict[str, int] = {}
        self.alone: deque[Task] = deque()
        self.flying: dict[Future[list[Run]], tuple[list[Task], Any, float]] = {}
        self.waiting: list[Run] = []
        self.waited = time.monotonic()
        self.spent, self.timed = 0.0, 0
        serial = executor.__class__.__name__ == "SerialExecutor"
        self.ahead = 1 if serial else workers + 1

    def _missing(self) -> deque[int]:
        """Rows to do, each key once; those that another process is at come last."""
        over = self.index.keys(DONE) if self.options.retry else set(self.index.runs)
        keys = self.plan.keys
        seen: set[str] = set()
        todo = []
        for row in self.plan.rows(self.options.only):
            if keys[row] not in over and keys[row] not in seen:
                seen.add(keys[row])
                todo.append(row)
        claimed = self.store.claimed() if todo else set()
        return deque(sorted(todo, key=lambda row: keys[row] in claimed)) if claimed else deque(todo)

    def go(self) -> None:
        """Until nothing is left."""
        self._tell()
        try:
            while self.rows or self.alone or self.flying:
                while len(self.flying) < self.ahead and (self.rows or self.alone):
                    if not self._send():
                        break
                if not self.flying:
                    continue
                finished, _ = wait(self.flying, timeout=FLUSH_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._take(future)
                if len(self.waiting) >= FLUSH_RUNS or time.monotonic() - self.waited >= FLUSH_SECONDS:
                    self._flush()
        finally:
            try:
                self._flush()
            finally:
                for future, (_, claim, _) in self.flying.items():
                    future.cancel()
                    claim.unlink(missing_ok=True)

    # Sending --------------------------------------------------------------------------------------------------------

    def _size(self) -> int:
        """Runs in the next chunk: a second of work, less towards the end so that all workers finish together."""
        mean = self.spent / self.timed if self.timed else 0.1
        size = max(1, min(CHUNK_RUNS, int(CHUNK_SECONDS / max(mean, 1e-6))))
        size = min(size, max(1, CHUNK_NUMBERS // (self.record.months * len(self.record.paths))))
        return max(1, min(size, -(-len(self.rows) // (2 * self.workers))))

    def _send(self) -> bool:
        """Send the next chunk; False if there was nothing in it."""
        tasks: list[Task] = []
        if self.alone:
            tasks.append(self.alone.popleft())
        else:
            size = self._size()
            self.index = self.store.scan(self.index, verify=False)
            claimed = self.store.claimed()
            over, keys = self.index.runs, self.plan.keys
            passed: list[int] = []
            while self.rows and len(tasks) < size:
                row = self.rows.popleft()
                how = over.get(keys[row])
                if how is not None and (how[0] == DONE or not self.options.retry):
                    self.counts.todo -= 1  # another process did it meanwhile
                elif keys[row] in claimed and self.rows and len(passed) < len(self.rows):
                    passed.append(row)
                else:
                    tasks.append(self.plan.task(row))
            self.rows.extend(passed)
        if not tasks:
            return False
        claim = self.store.claim(task.key for task in tasks)
        future = self.executor.submit(work, *self.call, tasks)
        self.flying[future] = (tasks, claim, time.monotonic())
        return True

    # Taking ---------------------------------------------------------------------------------------------------------

    def _take(self, future: Future[list[Run]]) -> None:
        tasks, claim, sent = self.flying.pop(future)
        try:
            runs = future.result()
        except BrokenExecutor:
            self.flying[future] = (tasks, claim, sent)
            raise
        except Exception as problem:
            if not _died(problem):
                raise
            code = getattr(problem, "code", None)
            runs = self._bury(tasks, str(problem), code, time.monotonic() - sent)
        claim.unlink(missing_ok=True)
        self._keep(runs)

    def _keep(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if not self.waiting:
                self.waited = time.monotonic()
            self.waiting.append(run)
            self.counts.done += run.status == DONE
            self.counts.failed += run.status != DONE
            if run.status == DONE:
                # The first runs load the machine code, so the latest count most.
                self.spent, self.timed = 0.9 * self.spent + run.seconds, 0.9 * self.timed + 1  # type: ignore[assignment]
        self._tell()

    def _bury(self, tasks: list[Task], how: str, code: int | None, seconds: float) -> list[Run]:
        """Runs of a worker that died: each goes out again by itself, twice at most, before it counts as failed."""
        lost = []
        for task in tasks:
            self.deaths[task.key] = self.deaths.get(task.key, 0) + 1
            late = len(tasks) == 1 and code == 1 and seconds >= self.limit
            if late:
                text = f"took longer than the time limit of {self.limit:g} s, in compiled code"
                lost.append(Run(task.key, task.seed, TIMEOUT, seconds, text))
            elif self.deaths[task.key] >= ATTEMPTS:
                lost.append(Run(task.key, task.seed, DIED, seconds, f"{how}, {ATTEMPTS} times"))
            else:
                self.alone.append(task)
        return lost

    def _flush(self) -> None:
        if self.waiting:
            self.store.commit(self.waiting, self.record.paths, list(self.record.outcomes))
            self.waiting = []

    def _tell(self) -> None:
        if self.options.progress is not None:
            self.options.progress(self.counts)


def _died(problem: Exception) -> bool:
    return isinstance(problem, WorkerDiedError) or type(problem).__name__ == "KilledWorker"

"""Runs what a plan says and the store lacks: chunks out to the engine, finished runs into parts."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from operator import eq
from pathlib import Path
from typing import TYPE_CHECKING

from moatlab.errors import EngineError, InputError
from moatlab.experiments.batch import Batch
from moatlab.experiments.branches import MOST
from moatlab.experiments.digests import digest
from moatlab.experiments.engines import Engine, WorkerDiedError, check_engine, open_engine
from moatlab.experiments.registered import register
from moatlab.experiments.resume import borrow, known_keys, prepare
from moatlab.experiments.store import Index, Store
from moatlab.experiments.work import DIED, DONE, TIMEOUT, Chunk, JobWantedError, Recorded, Run, Task, pack, work

if TYPE_CHECKING:
    from moatlab.experiments.experiment import Experiment

#: Seconds of work in a chunk, least and most runs in one, and most monthly numbers that it may bring back.
CHUNK_SECONDS, LEAST_SECONDS, CHUNK_RUNS, CHUNK_NUMBERS = 1.0, 0.1, 400, 1_000_000
#: Seconds of work in a chunk of runs that share a past.
FAMILY_SECONDS = 30.0
#: A part is written when the first run in it has waited for so long, or when so many monthly numbers wait.
FLUSH_SECONDS, FLUSH_NUMBERS = 2.0, 500_000
#: Most runs in a part.
FLUSH_RUNS = 20_000
#: How often a chunk is sent to a worker before the death of the worker is put down to its run.
ATTEMPTS = 3
#: Seconds between two looks at what other processes have stored, while there are others and when only theirs is left.
LOOK, POLL = 1.0, 0.1
#: Workers for which one chunk is claimed at a time.
CHUNKS_CLAIMED = 8

Progress = Callable[["Counts"], None]


@dataclass(frozen=True)
class Options:
    """What a batch is told beside its engine.

    ``only`` runs one arm, ``extend`` goes on in a folder of an experiment that has changed since, ``retry`` repeats
    runs that failed, ``other_version`` goes on in a folder of another version of the model, whose runs then no longer
    count.  ``reuse`` are folders of which equal runs are taken.  ``progress`` is called as runs end, ``planning`` with
    the number of points laid out and of all of them.
    """

    only: str | None = None
    extend: bool = False
    retry: bool = False
    other_version: bool = False
    reuse: tuple[Path | str, ...] = ()
    scheduler: str | None = None
    progress: Progress | None = None
    planning: Callable[[int, int], None] | None = None


@dataclass
class Counts:
    """How far a batch is: runs to do, done and failed by now, and those that the folder had already."""

    todo: int = 0
    done: int = 0
    failed: int = 0
    stored: int = 0
    #: Months of the runs done by now, and those among them that were simulated in another run.
    months: int = 0
    shared: int = 0
    started: float = field(default_factory=time.monotonic)
    #: What was damaged in the folder, in words.
    damage: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Runs a second."""
        return (self.done + self.failed) / max(time.monotonic() - self.started, 1e-9)


def run(
    experiment: Experiment, engine: str | Executor, workers: int | None, out: Path | None, options: Options
) -> Batch:
    """Run what is missing and return the batch; what is wrong is said before any run starts.

    Raises `InputError` for bad input, `OSError` if the disk does not take the results, `EngineError` if workers,
    scheduler or pool fail, KeyboardInterrupt on Ctrl-C; in every case what is stored stays stored, and the same call
    goes on from there.
    """
    check_engine(engine, workers, options.scheduler)
    if options.only is not None:
        experiment.check_arm(options.only)
    kept = None
    if out is None:
        kept = tempfile.TemporaryDirectory(prefix="moatlab-batch-")
        out = Path(kept.name)
    store = Store(out)
    if "plan" not in experiment.__dict__:
        experiment.lay_out(options.planning, known_keys(store, experiment))
    packed = _pack(experiment)
    with open_engine(engine, workers, options.scheduler) as opened:
        call = (digest(packed), packed)
        with _one_line(None):
            opened.executor.submit(work, *call, ()).result()
        prepare(store, experiment, options.extend, options.other_version)
        for source in options.reuse:
            borrow(store, Store(Path(source)), set(experiment.plan.keys), experiment.paths)
        register(store, experiment)
        _Batch(experiment, store, opened, call, options).go()
    return Batch(out, experiment, kept)


def _pack(experiment: Experiment) -> bytes:
    try:
        packed = pack(experiment.job)
    except Exception as problem:
        raise InputError(f"this experiment cannot be sent to workers: {problem}") from None
    if experiment.scenario is not None:
        from moatlab.market.compilation import warm_up

        warm_up()  # before workers start, else each of them compiles
    return packed


@contextmanager
def _one_line(batch: _Batch | None) -> Iterator[None]:
    """Put what an engine raises into one line, with what is stored."""
    try:
        yield
    except (InputError, EngineError, _DiskError):
        raise
    except Exception as problem:
        name = type(problem).__name__
        what = " ".join(str(problem).split())[:300]
        told = f"the engine failed ({name}{': ' if what else ''}{what})"
        if batch is None:
            raise EngineError(f"{told}; no run was started") from problem
        stored = len(batch.index.keys() & set(batch.plan.keys))
        raise EngineError(
            f"{told}; {stored} of {len(set(batch.plan.keys))} runs are stored in {batch.store.folder}, and the same "
            "command goes on from there"
        ) from problem


class _DiskError(Exception):
    """Carries an `OSError` of the store past those of engines."""


class _Batch:
    """One session on one folder."""

    def __init__(
        self, experiment: Experiment, store: Store, engine: Engine, call: tuple[str, bytes], options: Options
    ) -> None:
        self.plan = experiment.plan
        self.record = experiment.record
        self.limit = experiment.spec.time_limit
        #: Monthly numbers that a run brings back.
        self._numbers = self.record.months * len(self.record.paths)
        self.store, self.engine, self.options = store, engine, options
        self.host = store.host
        self.name, self.packed = call
        #: Workers that have been sent the job.
        self.equipped = 0
        self.claims = store.session()
        self.claims.tidy()
        self.claims.refresh()
        self.index: Index = store.scan(wanted=self.record.paths)
        store.tidy()
        damage = [f"{name} {what}; its runs are done again" for name, what in self.index.damaged.items()]
        self.counts = Counts(started=self.host.monotonic(), damage=damage)
        self.rows = self._missing()
        self.counts.todo = len(self.rows)
        self.counts.stored = len(set(self.plan.keys) & self.index.keys())
        #: Rows that this session has claimed and not sent yet.
        self.claimed: deque[int] = deque()
        #: Rows that another session has claimed.
        self.passed: deque[int] = deque()
        #: Runs whose worker died, by key: how often by now.
        self.deaths: dict[str, int] = {}
        self.alone: deque[list[Task]] = deque()
        self.flying: dict[Future[Chunk], tuple[list[Task], float]] = {}
        self.waiting: list[Run] = []
        self.recorded: list[Recorded] = []
        self.numbers = 0
        #: Writes parts while the next chunks go out, one part at a time; nobody does where runs are done in here.
        self.writer = None if engine.serial else ThreadPoolExecutor(1, "moatlab-writer")
        self.writing: tuple[Future[tuple[str, str]], list[Run]] | None = None
        self.waited = self.looked = self.host.monotonic()
        self.spent, self.timed = 0.0, 0.0

    def _missing(self) -> deque[int]:
        """Rows to do, each key once."""
        over = self.index.keys(DONE) if self.options.retry else self.index.runs
        keys = self.plan.keys
        seen: set[str] = set()
        todo = deque[int]()
        for row in self.plan.rows(self.options.only):
            if keys[row] not in over and keys[row] not in seen:
                seen.add(keys[row])
                todo.append(row)
        return todo

    def go(self) -> None:
        """Until nothing is left."""
        self._tell()
        try:
            with _one_line(self):
                self._loop()
        except _DiskError as problem:
            assert problem.__cause__ is not None
            raise problem.__cause__ from None
        finally:
            try:
                self._flush()
                self._written()
            except _DiskError as problem:
                assert problem.__cause__ is not None
                raise problem.__cause__ from None
            finally:
                for future in self.flying:
                    future.cancel()
                if self.writer is not None:
                    self.writer.shutdown()
                self.claims.close()
        if not self.options.only:
            self.store.retire(self.index)

    def _loop(self) -> None:
        while self.rows or self.claimed or self.passed or self.alone or self.flying:
            self.claims.beat()
            ahead = self._ahead()
            while len(self.flying) < ahead and self._send():
                pass
            if self.flying:
                finished, _ = wait(self.flying, timeout=FLUSH_SECONDS, return_when=FIRST_COMPLETED)
                for future in finished:
                    self._take(future)
            elif self.passed:
                # All that is left is being done by others: wait for their results, or for them to go.
                self._flush()
                self._written()
                self.host.sleep(POLL)
                self._look()
            if self.writing is not None and self.writing[0].done():
                self._written()
            late = self.waiting and self.host.monotonic() - self.waited >= FLUSH_SECONDS
            if late or self.numbers >= FLUSH_NUMBERS or len(self.waiting) >= FLUSH_RUNS:
                self._flush()

    # Sending --------------------------------------------------------------------------------------------------------

    def _ahead(self) -> int:
        """Chunks that may be out at once: one a worker, and some more for whoever is done first."""
        if self.engine.serial:
            return 1
        workers = self.engine.workers()
        return workers + 1 + workers // 4

    def _mean(self) -> float:
        """Seconds that a run takes."""
        return max(self.spent / self.timed if self.timed else 0.1, 1e-6)

    def _size(self) -> int:
        """Runs in the next chunk: a second of work, less towards the end so that all workers finish together."""
        workers = max(1, self.engine.workers())
        mean = self._mean()
        most = max(1, min(CHUNK_RUNS, int(CHUNK_SECONDS / mean), CHUNK_NUMBERS // self._numbers))
        left = len(self.rows) + len(self.passed) + len(self.claimed)
        least = min(max(1, int(LEAST_SECONDS / mean)), -(-left // workers))
        return max(1, min(most, max(least, -(-left // (2 * workers)))))

    def _send(self) -> bool:
        """Send the next chunk; False if there is nothing to send for now."""
        if self.alone:
            self._submit(self.alone.popleft())
            return True
        if self.host.monotonic() - self.looked >= LOOK:
            self._look()
        size = self._size()
        if not self.claimed and not self._claim(size):
            return False
        rows = list[int]()
        while self.claimed and self._goes_along(self.claimed[0], rows, size):
            rows.append(self.claimed.popleft())
        if rows:
            self._submit([self.plan.task(row) for row in rows])
        return True

    def _goes_along(self, row: int, rows: Sequence[int], size: int) -> bool:
        """Whether a row belongs to a chunk of ``size``: beyond that a chunk takes what shares a past with its last."""
        if len(rows) < size:
            return True
        mates = takewhile(partial(eq, self.plan.family(row)), map(self.plan.family, reversed(rows)))
        most = min(MOST, max(2, int(FAMILY_SECONDS / self._mean())), CHUNK_NUMBERS // self._numbers)
        return 0 < len(list(mates)) < most

    def _claim(self, size: int) -> bool:
        """Claim rows for the next chunk, and with many workers for some more; False if there are none to be had."""
        self.claims.glance()
        keys, chosen = self.plan.keys, list[int]()
        size *= -(-self.engine.workers() // CHUNKS_CLAIMED)
        while self.rows and self._goes_along(self.rows[0], chosen, size):
            row = self.rows.popleft()
            if not self.claims.alone and self.claims.taken(keys[row]):
                self.passed.append(row)
            else:
                chosen.append(row)
        if not chosen:
            return False
        lost = self.claims.add([keys[row] for row in chosen])
        self.passed.extend(row for row in chosen if keys[row] in lost)
        self.claimed.extend(row for row in chosen if keys[row] not in lost)
        return True

    def _look(self) -> None:
        """See what others have stored, and take back what they have claimed and left."""
        self.looked = self.host.monotonic()
        self.claims.refresh()
        if self.claims.alone and not self.passed:
            return
        try:
            self.store.scan(self.index, verify=False)
        except OSError:
            return  # the next look may succeed
        keys, runs = self.plan.keys, self.index.runs
        before = len(self.rows) + len(self.passed)
        back = deque[int]()
        for rows, into in ((self.passed, back), (self.rows, self.rows)):
            for _ in range(len(rows)):
                row = rows.popleft()
                how = runs.get(keys[row])
                if how is None or (self.options.retry and how[0] != DONE):
                    free = into is self.rows or not self.claims.taken(keys[row])
                    (self.rows if free else back).append(row)
        self.passed = back
        self.counts.todo -= before - len(self.rows) - len(self.passed)

    def _submit(self, tasks: list[Task], equip: bool = False) -> None:
        """Send tasks, and the job with them as long as there are workers that have not been sent it."""
        equip = equip or self.equipped < self.engine.workers()
        self.equipped += equip
        future = self.engine.executor.submit(work, self.name, self.packed if equip else None, tasks)
        self.flying[future] = (tasks, time.monotonic())

    # Taking ---------------------------------------------------------------------------------------------------------

    def _take(self, future: Future[Chunk]) -> None:
        tasks, sent = self.flying.pop(future)
        try:
            chunk = future.result()
        except JobWantedError:
            self._submit(tasks, equip=True)
            return
        except Exception as problem:
            if not _died(problem):
                raise
            chunk = Chunk(self._bury(tasks, str(problem), getattr(problem, "code", None), time.monotonic() - sent))
        self._keep(chunk)

    def _keep(self, chunk: Chunk) -> None:
        if not self.waiting:
            self.waited = self.host.monotonic()
        self.waiting.extend(chunk.runs)
        if chunk.recorded is not None:
            self.recorded.append(chunk.recorded)
            self.numbers += chunk.recorded.size
        done = [run.seconds for run in chunk.runs if run.status == DONE]
        self.counts.done += len(done)
        self.counts.months += len(done) * self.record.months
        self.counts.shared += chunk.shared
        self.counts.failed += len(chunk.runs) - len(done)
        if done:
            # The first runs load the machine code, so the latest count most.
            weight = 0.9 ** len(done)
            self.spent = weight * self.spent + (1.0 - weight) * sum(done) / len(done)
            self.timed = weight * self.timed + 1.0 - weight
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
                self.alone.append([task])
        return lost

    def _flush(self) -> None:
        """Write what waits, after what is being written."""
        self._written()
        if not self.waiting:
            return
        runs, recorded = self.waiting, self.recorded
        # What does not get onto the disk now is not tried again: the disk is full, or worse.
        self.waiting, self.recorded, self.numbers = [], [], 0
        call = partial(self.store.commit, runs, recorded, self.record.paths)
        self.writing = (_now(call) if self.writer is None else self.writer.submit(call)), runs
        if self.writer is None:
            self._written()

    def _written(self) -> None:
        """Wait for what is being written, and count it as stored."""
        if self.writing is None:
            return
        (future, runs), self.writing = self.writing, None
        try:
            self.index.committed(runs, *future.result())
        except OSError as problem:
            raise _DiskError from problem

    def _tell(self) -> None:
        if self.options.progress is not None:
            self.options.progress(self.counts)


def _died(problem: Exception) -> bool:
    return isinstance(problem, WorkerDiedError) or type(problem).__name__ == "KilledWorker"


def _now(call: Callable[[], tuple[str, str]]) -> Future[tuple[str, str]]:
    """A call that is made at once, as a future."""
    future: Future[tuple[str, str]] = Future()
    try:
        future.set_result(call())
    except OSError as problem:
        future.set_exception(problem)
    return future

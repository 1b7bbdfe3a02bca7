"""What a worker does: a chunk of runs, each of which may fail without taking the others with it."""

from __future__ import annotations

import pickle
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.branches import Family, Past, Start, together, tree
from moatlab.experiments.fingerprint import model_version
from moatlab.experiments.limits import TimeLimitError, time_limit
from moatlab.experiments.models import Model
from moatlab.experiments.record import Record

#: How a run ended: "done", an exception, the time limit, or with the process that ran it.
DONE, FAILED, TIMEOUT, DIED = "done", "failed", "timeout", "died"

Recorded = NDArray[np.float64]


class Task(NamedTuple):
    """One run to do: ``arm`` is the place of its world in the job."""

    key: str
    arm: int
    point: Mapping[str, Any]
    seed: int


class Run(NamedTuple):
    """How one run ended, and what went wrong if it was not well."""

    key: str
    seed: int
    status: str
    seconds: float
    error: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Runs that have ended, and the paths of those that are done: an array (paths, runs, months), None without any.

    A path of all runs is one piece of memory, as the columns of a part are.  ``shared`` are the months of the runs
    done that were simulated in another one of them.
    """

    runs: Sequence[Run]
    recorded: Recorded | None = None
    shared: int = 0


@dataclass(frozen=True)
class Job:
    """All that the runs of an experiment share."""

    model: Model
    worlds: tuple[Any, ...]
    record: Record
    time_limit: float
    version: Mapping[str, str]
    #: For each world the place of the first one with which it shares a past (`Model.families`).
    families: tuple[int, ...] = ()

    def family(self, task: Task) -> Any:
        """The same for tasks whose runs share a past."""
        return self.families[task.arm] if self.families else task.arm, task.seed, task.point

    def starts(self, tasks: Sequence[Task]) -> list[Start]:
        """Where the runs of a family begin."""
        if len(tasks) == 1:
            return [Start()]
        return tree([self.worlds[task.arm].events for task in tasks], self.record.months)

    def run(self, task: Task, past: Past | None = None) -> tuple[Run, Recorded | None]:
        """One run and its paths (months, paths); never raises for what the run itself does."""
        start = time.perf_counter()
        try:
            with time_limit(self.time_limit):
                world = self.model.at(self.worlds[task.arm], task.point)
                paths = self.model.run(world, task.seed, self.record.months, self.record.paths, past)
        except Exception as problem:
            status = TIMEOUT if isinstance(problem, TimeLimitError) else FAILED
            told = str(problem) or f"took longer than the time limit of {self.time_limit:g} s"
            name = "" if status == TIMEOUT else f"{type(problem).__name__}: "
            line = f"{name}{' '.join(told.split())}"[:500]
            seconds = time.perf_counter() - start
            return Run(task.key, task.seed, status, seconds, line, traceback.format_exc()[-20_000:]), None
        return Run(task.key, task.seed, DONE, time.perf_counter() - start), paths


class OtherVersionError(RuntimeError):
    """A worker runs another version of the model than the experiment."""


class JobWantedError(RuntimeError):
    """A worker was sent runs of a job that it does not have; it is sent the job with them next."""


_jobs: dict[str, Job] = {}
_warm: set[str] = set()
#: A worker with several threads unpacks and compiles once; the other threads wait for it.
_lock = threading.Lock()


def work(name: str, packed: bytes | None, tasks: Sequence[Task]) -> Chunk:
    """Do the runs of a chunk, in a worker.

    ``packed`` is the pickled job called ``name``, or None for a worker that should have it; raises `JobWantedError` if
    it has not, `OtherVersionError` if it runs another version.  Without tasks the job is only unpacked and checked;
    what the model compiles or loads when it first runs comes before any run, so outside the time limit.
    """
    with _lock:
        if name not in _jobs:
            if packed is None:
                raise JobWantedError(name)
            _unpack(name, packed)
        job = _jobs[name]
        if tasks and name not in _warm:
            job.model.warm_up()
            _warm.add(name)
    ended, shared = [], 0
    for family in together(tasks, job.family):
        starts = Family(job.starts(family))
        for place, task in enumerate(family):
            past = starts.past(place)
            ended.append(job.run(task, past))
            shared += past.shared if ended[-1][1] is not None else 0
    done = [paths for _, paths in ended if paths is not None]
    recorded = np.ascontiguousarray(np.stack(done).transpose(2, 0, 1)) if done else None
    return Chunk([run for run, _ in ended], recorded, shared)


def _unpack(name: str, packed: bytes) -> None:
    # The version is looked at first: what another version pickled may not even unpickle here.
    version, job = pickle.loads(packed)
    here = model_version()
    there = {key: version.get(key) for key in here}
    if there != here:
        raise OtherVersionError(f"a worker has {_words(here)}, the experiment {_words(there)}")
    _jobs.clear()
    _warm.clear()
    _jobs[name] = pickle.loads(job)


def pack(job: Job) -> bytes:
    """The job as it travels: its version, and itself; classes and functions of one's own travel by their code.

    Raises whatever pickling raises for what cannot travel.
    """
    import cloudpickle

    from moatlab.experiments.fingerprint import own_modules

    by_value = []
    try:
        for module in own_modules():
            if module.__name__ not in cloudpickle.list_registry_pickle_by_value():
                cloudpickle.register_pickle_by_value(module)
                by_value.append(module)
        inside: bytes = cloudpickle.dumps(job)
    finally:
        for module in by_value:
            cloudpickle.unregister_pickle_by_value(module)
    return pickle.dumps((dict(job.version), inside))


def _words(version: Mapping[str, str | None]) -> str:
    return ", ".join(f"{name} {value}" for name, value in version.items())

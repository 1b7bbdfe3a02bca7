"""What a worker does: a chunk of runs, each of which may fail without taking the others with it."""

from __future__ import annotations

import pickle
import time
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.limits import TimeLimitError, time_limit
from moatlab.experiments.models import Model
from moatlab.experiments.record import Record

#: How a run ended: "done", an exception, the time limit, or with the process that ran it.
DONE, FAILED, TIMEOUT, DIED = "done", "failed", "timeout", "died"


@dataclass(frozen=True, slots=True)
class Task:
    """One run to do: ``arm`` is the place of its world in the job."""

    key: str
    arm: int
    point: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run done: its paths (months, metrics) and outcomes, or what went wrong."""

    key: str
    seed: int
    status: str
    seconds: float
    error: str = ""
    traceback: str = ""
    outcomes: tuple[float, ...] = ()
    paths: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Job:
    """All that the runs of an experiment share; it travels with every chunk and is unpacked once per worker."""

    model: Model
    worlds: tuple[Any, ...]
    record: Record
    time_limit: float
    version: Mapping[str, str]

    def run(self, task: Task) -> Run:
        """One run; never raises for what the run itself does."""
        start = time.perf_counter()
        try:
            with time_limit(self.time_limit):
                world = self.model.at(self.worlds[task.arm], task.point)
                paths = self.model.run(world, task.seed, self.record.months, self.record.paths)
                outcomes = self.record.reduce(paths)
        except Exception as problem:
            status = TIMEOUT if isinstance(problem, TimeLimitError) else FAILED
            told = str(problem) or f"took longer than the time limit of {self.time_limit:g} s"
            name = "" if status == TIMEOUT else f"{type(problem).__name__}: "
            line = f"{name}{' '.join(told.split())}"[:500]
            return Run(task.key, task.seed, status, time.perf_counter() - start, line, traceback.format_exc()[-20_000:])
        return Run(task.key, task.seed, DONE, time.perf_counter() - start, outcomes=outcomes, paths=paths)


class OtherVersionError(RuntimeError):
    """A worker runs another version of the model than the experiment."""


_jobs: dict[str, Job] = {}


def work(name: str, packed: bytes, tasks: list[Task]) -> list[Run]:
    """Do the runs of a chunk, in a worker: ``packed`` is the pickled job called ``name``."""
    if name not in _jobs:
        job: Job = pickle.loads(packed)
        here = job.model.version()
        if dict(here) != dict(job.version):
            raise OtherVersionError(f"a worker has {_words(here)}, the experiment {_words(job.version)}")
        _jobs.clear()
        _jobs[name] = job
    job = _jobs[name]
    return [job.run(task) for task in tasks]


def _words(version: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in version.items())

"""Functions in the market's place, for tests of the machinery: cheap, seeded, and misbehaving on demand."""

from __future__ import annotations

import collections
import itertools
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np

from moatlab.experiments import Experiment, FunctionModel

MONTHS = 12


def walk(values: dict[str, Any], seed: int, months: int) -> dict[str, Any]:
    """A random walk with a drift; takes ``pause`` seconds, writes its seed and drift into ``log``, and may misbehave.

    ``bad`` names what seeds divisible by ``every`` do: raise, sleep, spin, freeze (holding the interpreter), or die.
    """
    if values["log"]:
        with open(values["log"], "a") as file:
            file.write(f"{seed} {values['drift']!r}\n")
    if values["pause"]:
        time.sleep(values["pause"])
    if values["bad"] and seed % values["every"] == 0:
        misbehave(values["bad"])
    steps = np.random.Generator(np.random.PCG64(seed)).normal(values["drift"], 1.0, months)
    return {"level": np.cumsum(steps), "step": steps}


def misbehave(how: str) -> None:
    if how == "raise":
        raise RuntimeError("the market for\nnothing did not clear")
    if how == "sleep":
        time.sleep(3600)
    while how == "spin":
        pass
    if how == "freeze":
        # A loop in C that looks at no signal and lets no thread in, as a compiled kernel would be.
        collections.deque(itertools.repeat(0), maxlen=0)
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "once" and not Path(os.environ["MOATLAB_TEST_ONCE"]).exists():
        Path(os.environ["MOATLAB_TEST_ONCE"]).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def experiment(replications: int = 10, **changes: Any) -> Experiment:
    """Two arms of the walk; ``changes`` go to the file, or to the values in both arms where they have its names."""
    values = {"drift": 0.0, "pause": 0.0, "log": "", "bad": "", "every": 3}
    own = {name: changes.pop(name) for name in list(changes) if name in values}
    tables: dict[str, Any] = {
        "name": "walk",
        "replications": replications,
        "set": own,
        "arms": {"control": {}, "up": {"set": {"drift": 0.5}}},
        "outcomes": {"end": {"metric": "level", "reduce": "last"}, "step": {"metric": "step"}},
        **changes,
    }
    return Experiment.from_dict(tables, model=FunctionModel(walk, values, ("level", "step"), MONTHS))

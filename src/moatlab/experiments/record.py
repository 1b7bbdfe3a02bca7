"""What an experiment keeps of a run: the monthly paths of some metrics, from which outcomes are reduced when read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.spec import Outcome
from moatlab.results.outcomes import reduce_path


@dataclass(frozen=True)
class Record:
    """The names of the paths, in the order in which they are recorded, and the number of months."""

    paths: tuple[str, ...]
    months: int


def reduce(outcome: Outcome, path: NDArray[np.float64]) -> float:
    """An outcome of a run from the path of its metric, a number a month."""
    first, last = outcome.months or (0, len(path) - 1)
    return reduce_path(path[first : last + 1], outcome.reduce, outcome.metric)

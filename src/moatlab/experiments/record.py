"""What an experiment keeps of a run: the monthly paths of some metrics, and outcomes reduced from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.spec import Outcome
from moatlab.results.outcomes import reduce_path


@dataclass(frozen=True)
class Record:
    """Names the paths in the order in which they are recorded, and the outcomes in the order of the file."""

    paths: tuple[str, ...]
    outcomes: dict[str, Outcome]
    months: int

    def reduce(self, recorded: NDArray[np.float64]) -> tuple[float, ...]:
        """The outcomes of a run from its paths, an array (months, paths)."""
        values = []
        for outcome in self.outcomes.values():
            path = recorded[:, self.paths.index(outcome.metric)]
            first, last = outcome.months or (0, self.months - 1)
            values.append(reduce_path(path[first : last + 1], outcome.reduce, outcome.metric))
        return tuple(values)

"""What a run leaves behind: the monthly paths of some metrics, and outcomes reduced from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.experiments.spec import Outcome, Reduce

#: Metrics of a firm that are 0, and not unknown, in months in which it is not alive.
ZERO_WHEN_GONE = ("revenue", "share", "gross_profit", "customers")

_REDUCE: dict[str, Any] = {
    "mean": np.mean,
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "median": np.median,
    "std": np.std,
}


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


def reduce_path(path: NDArray[np.float64], how: Reduce, metric: str) -> float:
    """One number from the months of a path.

    Of a firm that is not alive, revenue, share, gross profit and customers count 0; months in which a metric is not
    defined are left out otherwise, and the result is not-a-number if none is left.
    """
    if metric.count(".") == 2 and not metric.startswith("users.") and metric.rpartition(".")[2] in ZERO_WHEN_GONE:
        path = np.where(np.isnan(path), 0.0, path)
    if how == "first":
        return float(path[0])
    if how == "last":
        return float(path[-1])
    known = np.ascontiguousarray(path[~np.isnan(path)])
    return float(_REDUCE[how](known)) if known.size else float("nan")

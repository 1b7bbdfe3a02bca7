"""One number from the months of a path."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Reduce = Literal["mean", "sum", "first", "last", "min", "max", "median", "std"]

#: Metrics of a firm that are 0, and not unknown, in months in which it is not alive.
ZERO_WHEN_GONE = ("revenue", "share", "gross_profit", "operating_profit", "economic_profit", "customers", "leads")

_REDUCE: dict[str, Any] = {
    "mean": np.mean,
    "sum": np.sum,
    "min": np.min,
    "max": np.max,
    "median": np.median,
    "std": np.std,
}


def reduce_path(path: NDArray[np.float64], how: Reduce, metric: str) -> float:
    """One number from the months of a path.

    Of a firm that is not alive, revenue, share, profits and customers count 0; months in which a metric is not
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

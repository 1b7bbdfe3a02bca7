"""What the pictures are drawn from: the results of a run as tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Frames:
    """The tables of one run of a scenario under one or more seeds.

    ``market`` has a row per (seed, month), ``layers`` per (seed, month, layer), ``categories`` per (seed, month,
    category), ``firms`` per (seed, month, kind, slug), ``payments`` per (seed, month, kind) and ``retention`` per
    (seed, category, joined, age).  Columns are named as in ``moatlab.metrics``.  ``start`` is the calendar month of
    month 0, and ``graph`` the directed graph of who bought from whom in one month (``graph.graph["month"]``).
    """

    market: pd.DataFrame
    layers: pd.DataFrame
    categories: pd.DataFrame
    firms: pd.DataFrame
    payments: pd.DataFrame
    retention: pd.DataFrame
    title: str
    start: str
    graph: Any = None

    @property
    def seeds(self) -> list[int]:
        """Seeds of the run, in order."""
        return sorted({int(seed) for seed in self.market["seed"]})

    @property
    def months(self) -> list[int]:
        """Months of the run, in order."""
        return sorted({int(month) for month in self.market["month"]})

    @property
    def origin(self) -> float:
        """The date of month 0 in years."""
        year, month = self.start.split("-")[:2]
        return int(year) + (int(month) - 1) / 12

    @property
    def dates(self) -> Array:
        """The months as dates in years."""
        return self.origin + np.asarray(self.months, dtype=np.float64) / 12

    def year_of(self, month: int) -> int:
        """The calendar year in which ``month`` falls."""
        return int(np.floor(self.origin + month / 12 + 1e-9))


def timeline(seeds: Sequence[int], months: int, title: str, start: str) -> Frames:
    """Frames of so many months without tables: what a picture of paths needs for its axis of time and its source."""
    grid = pd.DataFrame({"seed": np.repeat(list(seeds), months), "month": np.tile(np.arange(months), len(seeds))})
    empty = pd.DataFrame()
    return Frames(grid, empty, empty, empty, empty, empty, title, start)

"""What the pictures are drawn from: the results of a run as tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from moatlab.results.measure import Measure

Array = NDArray[np.float64]


class Dated(Protocol):
    """What every picture over time needs to know of its data."""

    @property
    def dates(self) -> Array:
        """The months as dates in years."""
        ...

    @property
    def source(self) -> str:
        """Where the data come from, in a line."""
        ...

    @property
    def marks(self) -> Array:
        """Dates in years at which something happens to the market."""
        ...


def dates_of(start: str, months: Array) -> Array:
    """Months from the calendar month ``start`` on, as dates in years."""
    year, month = start.split("-")[:2]
    dates: Array = int(year) + (int(month) - 1) / 12 + months / 12
    return dates


@dataclass(frozen=True)
class Frames:
    """The tables of one run of a scenario under one or more seeds.

    ``market`` has a row per (seed, month), ``layers`` per (seed, month, layer), ``categories`` per (seed, month,
    category), ``firms`` per (seed, month, kind, slug), ``payments`` per (seed, month, kind) and ``retention`` per
    (seed, category, joined, age).  Columns are named as in `moatlab.results.metrics`.  ``start`` is the calendar month
    of month 0, ``graph`` the directed graph of who bought from whom in one month (``graph.graph["month"]``), ``money``
    has a row per (seed, month, layer, pool), ``owners`` one per (seed, month, owner), ``events`` are the months of the
    scenario's events with their texts, and ``measure`` says how economic profit is measured.
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
    money: pd.DataFrame | None = None
    owners: pd.DataFrame | None = None
    measure: Measure = field(default_factory=Measure)
    events: tuple[tuple[int, str], ...] = ()

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
        return dates_of(self.start, np.asarray(self.months, dtype=np.float64))

    @property
    def marks(self) -> Array:
        """The dates of the events in years."""
        return dates_of(self.start, np.unique([float(month) for month, _ in self.events]))

    @property
    def source(self) -> str:
        """Project, scenario, seeds, events."""
        seeds = self.seeds
        run = seeds == list(range(seeds[0], seeds[-1] + 1))
        which = ", ".join(map(str, seeds[:12])) + ("…" if len(seeds) > 12 else "")
        told = f"seeds {f'{seeds[0]} to {seeds[-1]}' if run else which}" if len(seeds) > 1 else f"seed {seeds[0]}"
        happens = "".join(f"; {text}" for _, text in self.events)
        return f"moatlab, {self.title}, {told}{happens}"

    def year_of(self, month: int) -> int:
        """The calendar year in which ``month`` falls."""
        return int(np.floor(self.origin + month / 12 + 1e-9))

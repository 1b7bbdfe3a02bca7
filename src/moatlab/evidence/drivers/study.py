"""Both analyses, by several processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from moatlab.evidence.drivers import factors, mechanisms
from moatlab.evidence.drivers.outcomes import MEASURE
from moatlab.evidence.fit.prior import draws
from moatlab.evidence.inference import Array
from moatlab.experiments.engines import LocalExecutor, SerialExecutor
from moatlab.scenario.scenario import Scenario

#: Rows that a worker takes at once.
CHUNK = 8
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Plan:
    """The size of a study: trajectories of the screening, rows of the base sample of Sobol, worlds and orders."""

    scenario: Scenario
    months: tuple[int, ...]
    trajectories: int
    size: int
    worlds: int
    orders: int
    seed: int = 1
    players: tuple[str, ...] = tuple(mechanisms.MECHANISMS)

    @property
    def runs(self) -> int:
        """Runs, at most."""
        screening = self.trajectories * (len(factors.parameters_of(self.scenario)) + 1)
        shapley = self.worlds * (2 * self.orders * (len(self.players) - 1) + 2)
        return screening + self.size * (factors.TOP + 4) + shapley


@dataclass(frozen=True)
class Drivers:
    """What was found: ``sobol`` and ``shapley`` as tables, see `factors.indices` and `mechanisms.table_of`."""

    plan: Plan
    screening: factors.Screening
    sobol: pd.DataFrame
    shapley: pd.DataFrame

    def sentence(self, layer: str, month: int) -> str:
        """What drives a layer's share, in a sentence."""
        mine = self.sobol[(self.sobol["layer"] == layer) & (self.sobol["month"] == month)]
        what = f"The {layer}' share of {MEASURE} in the year to month {month}"
        if not (mine["sd"] > 0.0).any():
            return f"{what} does not vary over the prior."
        known = mine[np.isfinite(mine["total"])]
        single = known[~known["factor"].isin([factors.OTHERS, factors.LUCK])].sort_values("total", ascending=False)
        if single.empty or not (known["factor"] == factors.LUCK).any():
            return f"{what} varies too seldom over the prior for its parameters to be ranked."
        alone = single.iloc[0]
        luck = mine[mine["factor"] == factors.LUCK].iloc[0]
        told = (f"{what} (standard deviation over the prior {100 * alone['sd']:.0f} points) depends most on "
                f"{alone['factor']} (total index {_index(alone)}); random draws have {_index(luck)}. ")  # fmt: skip
        by: Any = self.shapley[(self.shapley["layer"] == layer) & (self.shapley["month"] == month)]
        sure = by[(by["low"] > 0.0) | (by["high"] < 0.0)]
        if sure.empty:
            return told + "No mechanism moves it for certain."
        parts = []
        for word, rows in (("adds", sure[sure["points"] > 0]), ("takes", sure[sure["points"] < 0])):
            if len(rows):
                row = rows.loc[rows["points"].abs().idxmax()]
                parts.append(f"{row['mechanism']} {word} most ({row['points']:+.1f} points "
                             f"[{row['low']:+.1f}, {row['high']:+.1f}])")  # fmt: skip
        return told + "Of the mechanisms, " + " and ".join(parts) + "."


def _index(row: Any) -> str:
    return f"{max(row['total'], 0.0):.2f} [{max(row['total_low'], 0.0):.2f}, {row['total_high']:.2f}]"


def run_drivers(plan: Plan, workers: int = 1, progress: Progress | None = None) -> Drivers:
    """Screening, then the variance shared out, then mechanisms switched on in random orders."""
    scenario, months, done = plan.scenario, plan.months, 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(min(done, plan.runs), plan.runs)

    engine: Any = LocalExecutor(workers) if workers > 1 else SerialExecutor()
    with engine:
        first = factors.screening_rows(scenario, plan.trajectories, plan.seed)
        screening = factors.screen(scenario, first, _outcomes(engine, plan, first, tell))
        top = screening.top()
        second = factors.sobol_rows(scenario, top, plan.size, plan.seed)
        sobol = factors.indices(scenario, top, _outcomes(engine, plan, second, tell), months)
        each = plan.runs // max(plan.worlds, 1)
        worlds = [engine.submit(mechanisms.values_of, drawn, plan.seed + place, months, plan.players, plan.orders)
                  for place, drawn in enumerate(draws(scenario, plan.worlds, plan.seed))]  # fmt: skip
        values = []
        for future in worlds:
            values.append(future.result()[0])
            tell(min(each, 2 * plan.orders * (len(plan.players) - 1) + 2))
    return Drivers(plan, screening, sobol, mechanisms.table_of(values, months, plan.players))


def _outcomes(engine: Any, plan: Plan, rows: Sequence[tuple[Array, int]], tell: Callable[[int], None]) -> Array:
    """Outcomes of rows in their order."""
    chunks = [rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK)]
    futures: list[Future[Array]] = [
        engine.submit(factors.run_rows, plan.scenario, plan.months, chunk) for chunk in chunks
    ]
    found = []
    for future, chunk in zip(futures, chunks, strict=True):
        found.append(future.result())
        tell(len(chunk))
    return np.concatenate(found)

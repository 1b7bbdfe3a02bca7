"""Where a run's time goes, phase by phase."""

from __future__ import annotations

import statistics
import time

from moatlab.market.market import Market
from moatlab.market.month import MONTH
from moatlab.scenario.scenario import Scenario


def phase_times(scenario: Scenario, months: int | None = None, runs: int = 5, seed: int = 1) -> dict[str, float]:
    """Seconds that each phase takes of a run of ``months`` (by default the scenario's), the median of ``runs``.

    Phases are entered one by one; what entering one takes is measured and taken off.
    """
    horizon = scenario.months if months is None else months
    # The first run loads the machine code.
    taken: list[dict[str, float]] = [_one(scenario, horizon, seed) for _ in range(runs + 1)][1:]
    return {name: statistics.median(run[name] for run in taken) for name in MONTH.names}


def _one(scenario: Scenario, months: int, seed: int) -> dict[str, float]:
    market = Market(scenario, rng=seed)
    entering = _entering(market)
    spent = dict.fromkeys(MONTH.names, 0.0)
    for _ in range(months):
        for name, run in market.walk():
            start = time.perf_counter()
            run()
            spent[name] += time.perf_counter() - start - entering
    return spent


def _entering(market: Market) -> float:
    """Seconds that a phase which does nothing takes: the median of many."""
    times = []
    for _ in range(200):
        start = time.perf_counter()
        MONTH.step(market.state, 0, 0)
        times.append(time.perf_counter() - start)
    return statistics.median(times)

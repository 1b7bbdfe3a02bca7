"""Time of a run of essay-2023: 120 months, one thread, warm, records included; by phase; and two workers' rate.

python benchmarks/run.py
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor

from moatlab import Market, Scenario
from moatlab.market.timing import phase_times

MONTHS, REPEATS, BATCH = 120, 15, 60
SCENARIO = Scenario("essay-2023")


def one(seed: int) -> float:
    """Seconds of a run of the loaded scenario, its start and its records included."""
    start = time.perf_counter()
    Market(SCENARIO, rng=seed).run(MONTHS)
    return time.perf_counter() - start


def main() -> None:
    one(1)
    times = [1e3 * one(seed) for seed in range(1, REPEATS + 1)]
    print(f"a run of {MONTHS} months: median {statistics.median(times):.1f} ms, least {min(times):.1f} ms")
    market = Market("essay-2023", rng=1)
    live = []
    for _ in range(MONTHS):
        market.step()
        live.append(len(market.state.live))
    print(f"apps alive: mean {statistics.mean(live):.0f}, last {live[-1]}")
    # Its tables keep memory that the next run would have to touch again.
    del market
    for name, seconds in phase_times(SCENARIO, MONTHS).items():
        print(f"  {name:18s} {1e3 * seconds:6.2f} ms")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(one, range(4)))
        start = time.perf_counter()
        list(pool.map(one, range(BATCH)))
        print(f"two workers: {BATCH / (time.perf_counter() - start):.0f} runs a second")


if __name__ == "__main__":
    main()

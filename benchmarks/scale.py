"""Seconds a month and bytes an app, from a thousand apps to a million (detail "layer").

python benchmarks/scale.py
"""

from __future__ import annotations

import statistics
import time

from moatlab import Market, Scenario


def main() -> None:
    for apps in (1_000, 10_000, 100_000, 1_000_000):
        start = time.perf_counter()
        market = Market(Scenario("essay-2023").set({"apps.startups": apps}), rng=1, detail="layer")
        made = time.perf_counter() - start
        times = []
        for _ in range(4):
            start = time.perf_counter()
            market.step()
            times.append(time.perf_counter() - start)
        month = statistics.median(times)
        print(
            f"{apps:9,d} apps: start {made:6.2f} s, a month {month:.4f} s = {1e9 * month / apps:6.0f} ns an app, "
            f"{market.state.bytes_per_app():.0f} bytes an app"
        )


if __name__ == "__main__":
    main()

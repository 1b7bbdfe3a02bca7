"""What pairing buys: how many times the variance of a difference falls when both arms share their luck.

python benchmarks/pairing.py [SEEDS]     # 24 by default

Three comparisons on essay-2023, 60 months.  Variance ratio: that of the difference between runs with luck of their own
(the sum of the arms' variances) over that of the paired difference: with luck of their own, so many times more runs
would give the same interval.
"""

from __future__ import annotations

import sys
from typing import Any

from moatlab import Scenario

MONTHS = 60
COMPARISONS: dict[str, dict[str, Any]] = {
    "foundry capacity x 2 from month 24": {"events": ["month 24: scale foundry.tsmc.capacity 2"]},
    "network effects 0.3 -> 1.0": {"set": {"users.*.network_taste": 1.0}},
    "distribution granted to Jasper in month 12": {"events": ["month 12: set apps.jasper.distribution 0.5"]},
}
METRICS = (
    "market.rent", "market.consumer_surplus", "labs.api_price", "labs.hhi", "clouds.operating_profit",
    "apps.jasper.share",
)  # fmt: skip


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 24
    scenario = Scenario("essay-2023")
    for name, on in COMPARISONS.items():
        e = scenario.compare(on=on, seeds=seeds, months=MONTHS)
        print(f"{name} ({seeds} seeds, means of months {e.since}-{MONTHS - 1})")
        for metric in METRICS:
            effect = e.effect(metric).effect
            low, high = effect.interval
            print(f"  {metric:26s} effect {effect.estimate:+.3g} [{low:+.3g}, {high:+.3g}]"
                  f"   variance ratio {effect.pairing:,.1f}")  # fmt: skip


if __name__ == "__main__":
    main()

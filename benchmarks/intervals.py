"""Coverage of the intervals of paired effects: resamples of a bank of 400 real pairs, whose mean is the truth.

python benchmarks/intervals.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from moatlab.evidence.inference import Mean

BANK = Path(__file__).parent.parent / "tests" / "evidence" / "bank.parquet"
COUNTS, RESAMPLES = (8, 16, 64), 2000


def main() -> None:
    bank = pd.read_parquet(BANK).pivot(index=["outcome", "replication"], columns="arm", values="value")
    print(f"{'contrast':22s} {'skew':>6s}" + "".join(f"  {f't, n={n}':>9s} {f'boot, n={n}':>11s}" for n in COUNTS))
    for arm in ("network", "capacity"):
        for outcome, table in (bank[arm] - bank["control"]).groupby(level="outcome", observed=True):
            units, truth, rng = table.to_numpy(), float(table.mean()), np.random.default_rng(1)
            line = f"{arm + ' ' + str(outcome):22s} {pd.Series(units).skew():6.1f}"
            for count in COUNTS:
                hits = np.zeros(2)
                for _ in range(RESAMPLES):
                    drawn = rng.choice(units, count)
                    for place, method in enumerate(("t", "bootstrap")):
                        low, high = Mean(drawn, method).interval()
                        hits[place] += low <= truth <= high
                line += f"  {hits[0] / RESAMPLES:9.1%} {hits[1] / RESAMPLES:11.1%}"
            print(line, flush=True)


if __name__ == "__main__":
    main()

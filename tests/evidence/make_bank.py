"""The bank of runs behind the tests of the statistics: seeds 1 to 400 of essay-2023, 60 months, three arms.

python tests/evidence/make_bank.py      # takes some minutes; writes tests/evidence/bank.parquet

The bank is a population whose means are known exactly, so its content need not follow the model's changes; make it
again only if an outcome is to be added.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from moatlab import Market, Scenario

SEEDS, MONTHS = range(1, 401), 60
BASE = Scenario("essay-2023")
ARMS = {
    "control": BASE,
    "capacity": BASE.with_events("month 24: scale foundry.tsmc.capacity 2"),
    "network": BASE.set({"users.*.network_taste": 1.0}),
}
#: Outcome: address, months, and whether a month in which the firm is gone counts as 0.
OUTCOMES = {
    "rent": ("market.rent", range(24, 60), False),
    "surplus": ("market.consumer_surplus", range(24, 60), False),
    "labs_hhi": ("labs.hhi", range(48, 60), False),
    "jasper_share": ("apps.jasper.share", range(36, 60), True),
    "api_price": ("labs.api_price", range(24, 60), False),
    "labs_profit": ("labs.gross_profit", range(24, 60), False),
    "apps_exits": ("apps.exits", range(60), False),
}


def main() -> None:
    rows = []
    for seed in SEEDS:
        for arm, scenario in ARMS.items():
            run = Market(scenario, rng=seed).run(MONTHS)
            for name, (address, months, gone) in OUTCOMES.items():
                path = run.series(address).reindex(list(months))
                rows.append((arm, seed, name, float((path.fillna(0.0) if gone else path).mean())))
    table = pd.DataFrame(rows, columns=["arm", "replication", "outcome", "value"])
    assert np.isfinite(table["value"]).all()
    table = table.astype({"arm": "category", "outcome": "category", "replication": "int16"})
    table.to_parquet(Path(__file__).parent / "bank.parquet", index=False, compression="zstd")


if __name__ == "__main__":
    main()

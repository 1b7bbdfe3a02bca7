"""The hardware cycle of essay-2023: what damps it, and what it is at half and double outside demand.

`fall` is the lowest twelve months of chipmakers' revenue up to month 60 over the highest twelve before them, `quarter`
the same for three months of deliveries; medians over seeds.  Years are chipmakers' revenue in G$.
"""

from __future__ import annotations

import sys

import numpy as np

from moatlab import Market, Scenario

ESSAY = Scenario("essay-2023")
SEEDS = range(100, 100 + int(sys.argv[1]) if len(sys.argv) > 1 else 108)


def finance(factor: float) -> dict[str, object]:
    return {f"clouds.{c}.finance": float(ESSAY.value("clouds", c, "finance")) * factor for c in ESSAY.slugs("clouds")}


def fall(flow: np.ndarray, months: int) -> float:
    sums = np.convolve(flow[:60], np.ones(months), "valid")
    # Where nothing was sold for so long, there is nothing to fall from.
    return float(min((sums[i:].min() / sums[i] for i in range(len(sums)) if sums[i] > 0.0), default=1.0))


hours = float(ESSAY.kind_value("outside", "initial_hours"))
ARMS: dict[str, dict[str, object]] = {
    "base": {},
    "finance x 2": finance(2.0),
    "finance without limit": finance(1e3),
    "finance x 0.5": finance(0.5),
    "half of the pipeline netted": {"clouds.pipeline_weight": 0.5},
    "gross of the pipeline": {"clouds.pipeline_weight": 0.0},
    "gross, without limit": {"clouds.pipeline_weight": 0.0, **finance(1e3)},
    "growth lasts": {"clouds.growth_persistence": 1.0},
    "no growth expected": {"clouds.growth_persistence": 0.0},
    "gaps closed at once": {"clouds.order_speed": 0.9},
    "outside demand x 0.5": {"outside.initial_hours": 0.5 * hours},
    "outside demand x 2": {"outside.initial_hours": 2.0 * hours},
}
print(
    f"{'':28s} fall quarter | revenue of chipmakers by year, G$              | rent $ at 3, 12, 24, 36, 60 | hours used"
)
for name, changes in ARMS.items():
    rows = []
    for seed in SEEDS:
        run = Market(ESSAY.set(changes), rng=seed, detail="layer").run(96)
        frame = run.market.to_pandas()
        revenue = run.series("chipmakers.revenue").to_numpy()
        rows.append(
            [fall(revenue, 12), fall(frame["deliveries"].to_numpy(), 3), *(revenue.reshape(8, 12).sum(1) / 1e3),
             *frame["rent"][[3, 12, 24, 36, 60]], frame["utilisation"][:60].min()]
        )  # fmt: skip
    v = np.median(rows, axis=0)
    years, rents = " ".join(f"{x:5.1f}" for x in v[2:10]), " ".join(f"{x:5.2f}" for x in v[10:15])
    print(f"{name:28s} {v[0]:.2f}    {v[1]:.2f} | {years} | {rents} | {v[15]:.2f}", flush=True)

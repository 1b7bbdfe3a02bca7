"""Who sells the chips, and what lifts a small cloud: one thing at a time.

python benchmarks/vendors.py [SEEDS]

Shares of chipmakers' revenue by year, means over seeds, for Nvidia with the smallest and the largest; and CoreWeave's
share of all fleets, in percent.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from moatlab import Market, Results, Scenario

SEEDS = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 4))
ESSAY = Scenario("essay-2023")
YEARS = (1, 3, 5, 10)
MONTHS = (0, 12, 36, 60, 119)
MAKERS = ESSAY.slugs("chipmakers")
AMD_COST, AMD_NEXT = (float(ESSAY.value("chipmakers", "amd", name)) for name in ("unit_cost", "launched_unit_cost"))

#: What is changed from the start; what changes later is an event of month 36.
VENDORS: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "base": ({}, ()),
    "AMD's cost x .7": (
        {"chipmakers.amd.unit_cost": 0.7 * AMD_COST, "chipmakers.amd.launched_unit_cost": 0.7 * AMD_NEXT},
        (),
    ),
    "AMD's performance x 1.5": ({"chipmakers.amd.performance": 0.9, "chipmakers.amd.launched_performance": 1.5}, ()),
    "AMD's research + 150 M$ a month": ({"chipmakers.amd.rnd_budget": 210.0}, ()),
    "portability .3 from month 36": ({}, ("month 36: set chipmakers.portability 0.3",)),
    "portability .3": ({"chipmakers.portability": 0.3}, ()),
    "portability .6": ({"chipmakers.portability": 0.6}, ()),
    "no network": ({"chipmakers.ecosystem_taste": 0.0}, ()),
    "no software": ({"chipmakers.software_gain": 0.0, "chipmakers.*.software": 0.0}, ()),
    "no design cost": ({"chipmakers.design_cost": 0.0}, ()),
    "no ramps": ({"chipmakers.ramp_months": 1.0}, ()),
}
LEVERS: dict[str, dict[str, Any]] = {
    "none": {"chipmakers.*.small_first": 0.0, "clouds.contract_weight": 0.0, "clouds.neutrality": 0.0},
    "chips to small buyers first": {"chipmakers.nvidia.small_first": 0.5},
    "lenders look at contracts": {"clouds.contract_weight": 1.0},
    "labs avoid rivals' clouds": {"clouds.neutrality": 1.0},
}
LEVERS["all three"] = {key: value for lever in list(LEVERS.values())[1:] for key, value in lever.items()}
LEVERS["capital as cheap as the largest's"] = {"clouds.coreweave.capital_spread": -0.12}
LEVERS["finance x 5"] = {"clouds.coreweave.finance": 5.0 * float(ESSAY.value("clouds", "coreweave", "finance"))}
LEVERS["all five"] = {**LEVERS["all three"], **LEVERS["capital as cheap as the largest's"], **LEVERS["finance x 5"]}
OFF = LEVERS["none"]


def value_shares(results: Results) -> Any:
    """Shares of chipmakers' revenue [years, makers]."""
    money = np.array([results.series(f"chipmakers.{maker}.revenue").to_numpy() for maker in MAKERS])
    yearly = money.reshape(len(MAKERS), -1, 12).sum(2).T
    return yearly / yearly.sum(1, keepdims=True)


def fleets(market: Market) -> Any:
    """Each cloud's share of all GPUs."""
    owned = market.state.fleet.sum(axis=(1, 2))
    return owned / owned.sum()


def main() -> None:
    """Print both tables."""
    named = [MAKERS.index(maker) for maker in ("nvidia", "amd", "google-tpu")]
    print("shares of chipmakers' revenue in years " + ", ".join(map(str, YEARS)))
    print(f"{'':34s}{'Nvidia':22s}{'(year 10)':14s}{'AMD':22s}{'Google TPU':22s}others")
    for name, (changes, events) in VENDORS.items():
        runs = np.array([
            value_shares(Market(ESSAY.set(changes).with_events(*events), rng=seed).run(120)) for seed in SEEDS
        ])[:, [year - 1 for year in YEARS]]  # fmt: skip
        columns = [runs[:, :, place] for place in named]
        columns.append(1.0 - sum(columns))
        texts = [" ".join(f"{x:.2f}" for x in column.mean(0)) for column in columns]
        most, least = columns[0][:, -1].max(), columns[0][:, -1].min()
        print(f"{name:34s}{texts[0]:22s}{f'{least:.2f} to {most:.2f}':14s}" + "".join(f"{x:22s}" for x in texts[1:]))
    print("\nCoreWeave's share of all fleets, %, in months " + ", ".join(map(str, MONTHS)))
    row = ESSAY.slugs("clouds").index("coreweave")
    for name, lever in LEVERS.items():
        paths = []
        for seed in SEEDS:
            market = Market(ESSAY.set({**OFF, **lever}), rng=seed)
            path = []
            for month in range(max(MONTHS) + 1):
                market.step()
                if month in MONTHS:
                    path.append(100.0 * float(fleets(market)[row]))
            paths.append(path)
        print(f"{name:34s}" + " ".join(f"{x:6.2f}" for x in np.mean(paths, axis=0)))


if __name__ == "__main__":
    main()

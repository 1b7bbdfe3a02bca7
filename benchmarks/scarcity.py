"""Where scarcity comes from: rents over cost, deliveries, and what moves the leading chipmaker's revenue.

python benchmarks/scarcity.py [SEEDS]
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from moatlab import Market, Results, Scenario

SEEDS = range(1, 1 + (int(sys.argv[1]) if len(sys.argv) > 1 else 8))
ESSAY = Scenario("essay-2023")
YEARS, WINDOW, NORMAL_LEAD = 10, 6, 4.0
NVIDIA = "chipmakers.nvidia.revenue"
MONEY = ["investors.lab_stake", "labs.*.cash", "labs.*.pledge", "labs.*.parent_budget"]


def run(changes: dict[str, Any], seed: int, months: int = 12 * YEARS) -> Results:
    return Market(ESSAY.set(changes), rng=seed).run(months)


def series(results: Results, metric: str) -> Any:
    """A path; lead times of months in which nothing is on order are the normal ones."""
    path = results.series(metric).to_numpy()
    return np.where(np.isnan(path), 3.0, path) if metric == "market.lead_time" else path


def windows(results: Results) -> tuple[Any, Any]:
    """Rent over full unit cost in windows of six months, and whether lead times are normal throughout."""
    ratio = series(results, "market.rent") / series(results, "market.full_unit_cost")
    lead = series(results, "market.lead_time")
    starts = range(len(lead) - WINDOW + 1)
    means = np.array([ratio[i : i + WINDOW].mean() for i in starts])
    return means, np.array([(lead[i : i + WINDOW] < NORMAL_LEAD).all() for i in starts])


def falls_while_short(results: Results) -> float:
    """The lowest quarter's deliveries over the best quarter so far, where rents and lead times both say shortage."""
    quarters = series(results, "market.deliveries").reshape(-1, 3).sum(1)
    lead = series(results, "market.lead_time").reshape(-1, 3).min(1)
    ratio = series(results, "market.rent") / series(results, "market.full_unit_cost")
    short = (ratio.reshape(-1, 3).min(1) > 1.1) & (lead > NORMAL_LEAD)
    best = np.maximum.accumulate(quarters)
    return float((quarters / best)[short].min()) if short.any() else 1.0


def elasticity(name: str, sides: list[dict[str, Any]], step: float) -> None:
    """d ln (five years' revenue of the leading chipmaker) / d ln of what is multiplied, over paired seeds."""
    found = []
    for seed in SEEDS:
        low, high = (series(run(side, seed, 60), NVIDIA).sum() for side in sides)
        found.append(np.log(high / low) / (2.0 * np.log(step)))
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    print(f"  {name:52s}{np.mean(found):6.2f} (standard error {error:.2f})")


def scaled(addresses: list[str], factor: float) -> dict[str, Any]:
    """The named parameters of all their rows, multiplied."""
    changes: dict[str, Any] = {}
    for address in addresses:
        kind, *slug, name = address.split(".")
        if slug:
            for row in ESSAY.slugs(kind):
                changes[f"{kind}.{row}.{name}"] = float(ESSAY.value(kind, row, name)) * factor
        else:
            changes[address] = float(ESSAY.kind_value(kind, name)) * factor
    return changes


base = [run({}, seed) for seed in SEEDS]
print(f"essay-2023, {len(base)} seeds, medians by year")
for label, metric, what in (
    ("Nvidia's revenue, G$", NVIDIA, "sum"), ("training, G$", "labs.training", "sum"),
    ("rent, $", "market.rent", "mean"), ("lead time, months", "market.lead_time", "mean"),
):  # fmt: skip
    yearly = [getattr(series(r, metric).reshape(YEARS, 12), what)(1) / (1e3 if what == "sum" else 1.0) for r in base]
    print(f"  {label:24s}" + "".join(f"{x:8.1f}" for x in np.median(yearly, axis=0)))
ratios = [(series(r, "market.rent") / series(r, "market.full_unit_cost")).reshape(YEARS, 12).mean(1) for r in base]
print(f"  {'rent over full cost':24s}" + "".join(f"{x:8.2f}" for x in np.median(ratios, axis=0)))
shares = [
    (series(r, "market.generative_hours") / series(r, "market.hours_sold")).reshape(YEARS, 12).mean(1) for r in base
]
print(f"  {'generative share of hours':24s}" + "".join(f"{x:7.2f} " for x in np.median(shares, axis=0)))
means, normal = (np.concatenate(x) for x in zip(*(windows(r) for r in base), strict=True))
print(f"windows of six months at normal lead times: {normal.mean():.2f} of all; of these, rent over full cost")
print(
    f"  median {np.median(means[normal]):.2f}, mean {means[normal].mean():.2f}, "
    f"above 1.1 in {(means[normal] > 1.1).mean():.2f}"
)
print(
    f"lowest deliveries of a quarter over the best so far, while short: {min(falls_while_short(r) for r in base):.2f}"
)
print("elasticity of the leading chipmaker's revenue of five years")
for name, addresses in (
    ("size of all app markets", ["users.*.market_size"]),
    (
        "labs' money: stakes sold, cash, pledges",
        ["investors.lab_stake", "labs.*.cash", "labs.*.pledge", "labs.*.parent_budget"],
    ),
    ("owners' cash flow", ["labs.*.cash_flow"]),
    ("owners' cash flow and labs' money", ["labs.*.cash_flow", "investors.lab_stake", "labs.*.cash", "labs.*.pledge"]),
    ("outside demand for hours", ["outside.initial_hours"]),
    ("the foundry's capacity", ["foundry.*.capacity"]),
):
    elasticity(name, [scaled(addresses, 1.0 / 1.5), scaled(addresses, 1.5)], 1.5)

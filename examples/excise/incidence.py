"""Who bears an excise tax on GPU-hours: clouds while chips are scarce, their buyers in slack.

python examples/excise/incidence.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from excise import Excise

from moatlab import Market, Scenario

#: The essay's market with the fleets of month 0, which neither grow nor fail; in slack, outside demand is small.
#: Data centres' markups follow from the demand that they face and settle within a year and a half.
SCARCE = Scenario("essay-2023").set({"clouds.capacity_rule": "fixed"})
SLACK = SCARCE.set({"outside.initial_hours": 30.0, "labs.optimism": 0.05})
RATE, FIRST, MONTHS = 0.3, 24, 48
SEEDS = range(1, 9)


def mean_rent(scenario: Scenario, seed: int) -> float:
    """Mean spot rent of the last year, $ per GPU-hour."""
    return float(Market(scenario, rng=seed).run(MONTHS).path("market.rent")[-12:].mean())


def pass_through(scenario: Scenario) -> np.ndarray:
    """Change of the rent per dollar of tax, by seed."""
    taxed = scenario.with_rule(Excise, after="settlement", rate=RATE, first_month=FIRST)
    return np.array([(mean_rent(taxed, seed) - mean_rent(scenario, seed)) / RATE for seed in SEEDS])


def main() -> None:
    """Print the pass-through of the tax in both markets."""
    for name, scenario in (("scarce", SCARCE), ("slack", SLACK)):
        share = pass_through(scenario)
        error = share.std(ddof=1) / np.sqrt(len(share))
        run = Market(scenario.with_rule(Excise, after="settlement", rate=RATE, first_month=FIRST), rng=1).run(MONTHS)
        used = run.path("market.utilisation")[-12:].mean()
        revenue = run.path("excise.revenue")[-12:].sum()
        print(
            f"{name:7s} utilisation {used:.3f}: the rent rises by {share.mean():.3f} $ per dollar of tax "
            f"(standard error {error:.3f}); it brings {revenue:,.0f} M$ in the last year"
        )


if __name__ == "__main__":
    main()

"""What is explained: each layer's share of profit on generative AI in the years that end in some months."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from moatlab.evidence.inference import Array
from moatlab.market.market import Market
from moatlab.results.payments import LAYERS
from moatlab.scenario.scenario import Scenario

#: Months by whose end the year is counted.
MONTHS = (24, 60, 120)
#: What is summed over a year, and what it is called.
METRIC, MEASURE = "generative_profit", "economic profit"
YEAR = 12


def names(months: Sequence[int]) -> list[tuple[str, int]]:
    """Layer and month of each outcome, in order."""
    return [(layer, month) for month in months for layer in LAYERS]


def shares_of(market: Market, months: Sequence[int]) -> Array:
    """The outcomes of a run, in the order of `names`: shares of the sum of the layers' profits, losses count 0.

    Nobody has a share of a year in which no layer earns anything.
    """
    results = market.results
    paths = np.stack([results.path(f"{layer}.{METRIC}") for layer in LAYERS])
    found = []
    for month in months:
        earned = np.maximum(np.nansum(paths[:, max(0, month - YEAR) : month], axis=1), 0.0)
        total = float(earned.sum())
        found.append(earned / total if total > 0.0 else np.zeros(len(LAYERS)))
    return np.concatenate(found)


def run(scenario: Scenario, seed: int, months: Sequence[int]) -> Array:
    """The outcomes of a scenario with a seed."""
    market = Market(scenario, rng=seed)
    market.run(max(months))
    return shares_of(market, months)

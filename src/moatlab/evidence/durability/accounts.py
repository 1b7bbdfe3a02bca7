"""The profit of one firm month by month, and a market that goes on by itself."""

from __future__ import annotations

import copy

import numpy as np

from moatlab.evidence.inference import Array
from moatlab.market.market import Market

#: What is measured of a firm, and what it is called.
METRIC, MEASURE = "economic_profit", "economic profit"


def branch(market: Market) -> Market:
    """A copy of a market that goes on by itself; the scenario, which never changes, is shared."""
    scenario = market.initial_scenario
    return copy.deepcopy(market, {id(scenario): scenario})


def profit(market: Market, kind: str, row: int) -> Array:
    """M$ a month [months run] of the firm in ``row``; 0 in months in which it does not trade: exits count."""
    return np.nan_to_num(market.results.path(f"{kind}.{market.slug(kind, row)}.{METRIC}"))

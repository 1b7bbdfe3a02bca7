"""The profit of one firm month by month, and a market that goes on by itself."""

from __future__ import annotations

import copy

import numpy as np

from moatlab.evidence.inference import Array
from moatlab.market.market import Market
from moatlab.results.measure import Measure

#: What is measured of a firm, and what it is called.
METRIC, MEASURE = "economic_profit", "economic profit"


def branch(market: Market) -> Market:
    """A copy of a market that goes on by itself; the scenario, which never changes, is shared."""
    scenario = market.initial_scenario
    return copy.deepcopy(market, {id(scenario): scenario})


def profit(market: Market, kind: str, row: int) -> Array:
    """M$ a month [months run] of the firm in ``row``; 0 in months in which it does not trade: exits count."""
    return np.nan_to_num(market.results.path(f"{kind}.{market.slug(kind, row)}.{METRIC}"))


def discount_rate() -> float:
    """Yearly rate of present values: the cost of capital at which economic profit is measured.

    At that rate write-offs and capital cost together are worth what was spent, so that the lives of capital, which are
    conventions, do not matter for the present value of a firm's economic profit.
    """
    return Measure().cost_of_capital

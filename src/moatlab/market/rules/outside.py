"""Demand for GPU-hours from outside generative AI: recommendation, high-performance computing and the like.

Exogenous in kind, elastic in size: the hours wanted grow at a rate of their own, fall with the expected rent, and
follow hype; the hours held close part of the gap each month.  Companies' own generative AI is not here: their labs are
agents.
"""

from __future__ import annotations

import math

from moatlab.market.state.compiled import Rows, kernel
from moatlab.market.state.draws import OUTSIDE_SHOCK, normal
from moatlab.market.state.identity import OUTSIDE_CODE, identity


@kernel
def move_outside(s: Rows) -> None:
    """Hours that outside demand holds next month (Mh at the reference rent).

    Checked: tests/market/rules/test_stocks.py::test_outside_demand_closes_part_of_its_gap.
    """
    shared = s.shared[0]
    now = s.now[0]
    shock = normal(now.seed, OUTSIDE_SHOCK, now.month, identity(OUTSIDE_CODE, 0, 0))
    now.outside_shock = shared.outside_persistence * now.outside_shock + shared.outside_volatility * shock
    wanted = shared.outside_initial_hours * shared.outside_shortage
    wanted *= math.exp(shared.outside_growth * now.month + shared.outside_hype_weight * (now.hype - now.start_hype))
    lower = math.log(max(now.expected_rent, 1e-9) / shared.outside_reference_rent)
    # Hours held respond to the month's rent by the spot elasticity; the rest of the long-run response is here.
    wanted *= math.exp(now.outside_shock - (shared.outside_rent_elasticity - shared.outside_spot_elasticity) * lower)
    now.outside_wanted = wanted
    now.outside_hours += shared.outside_adjustment * (wanted - now.outside_hours)

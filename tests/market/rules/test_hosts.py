"""Hosts enter until one earns what it costs, and share what one alone would add to cost."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market
from moatlab.market.rules.token_prices import decide_token_prices
from tests.market.rules.essay import ESSAY, value


def test_the_number_of_hosts_follows_what_one_earns_over_what_it_costs() -> None:
    market = Market(ESSAY, rng=1)
    market.run(3)
    hosts = market.state.hosts
    hosts["number"] = 4.0
    cost = hosts["staff"] + value("investors", "cost_of_capital") / 12 * value("hosts", "setup_cost")
    speed = value("hosts", "entry_speed")
    for over, moved in ((1.0, 1.0), (3.0, 3.0**speed), (0.5, 0.5**speed), (1e3, 10.0**speed)):
        hosts["gross_profit"] = over * 4.0 * cost
        decide_token_prices(market.state.arrays)
        np.testing.assert_allclose(hosts["next_number"], 4.0 * moved, rtol=1e-12)
    hosts["number"], hosts["gross_profit"] = 1.0, 0.0
    decide_token_prices(market.state.arrays)
    assert (hosts["next_number"] == 1.0).all()


def test_hosts_alike_share_the_markup_of_one() -> None:
    markups = []
    for number in (1.0, 3.0):
        market = Market(ESSAY.set({"hosts.entry_speed": 0.0, "labs.price_speed": 1.0}), rng=1)
        market.run(3)
        hosts = market.state.hosts
        hosts["number"] = number
        hosts["semi_elasticity"] = 40.0 / hosts["unit_cost"]
        decide_token_prices(market.state.arrays)
        markups.append(hosts["next_margin"] / hosts["unit_cost"])
    np.testing.assert_allclose(markups[0], 1 / 40.0, rtol=1e-9)
    np.testing.assert_allclose(markups[1], 1 / 120.0, rtol=1e-9)


def test_with_free_entry_hosts_earn_what_capital_costs() -> None:
    closed, free = (Market(ESSAY.set({"hosts.entry_speed": speed}), rng=1).run(120) for speed in (0.0, 0.1))
    late = slice(96, 120)
    margins = [float(np.nanmean(run.path("hosts.gross_margin")[late])) for run in (closed, free)]
    assert margins[0] > 0.5 and margins[1] < 0.15
    paid = free.ledger.to_pandas().query("kind == 'host setup'")["amount"].sum()
    assert paid == pytest.approx(value("hosts", "setup_cost") * _entered(free), rel=1e-9) and paid > 0.0


def _entered(run: object) -> float:
    """Hosts that have entered, counted from month to month by a second run."""
    market = Market(ESSAY, rng=1)
    entered, before = 0.0, market.state.hosts["number"].copy()
    for _ in range(120):
        market.step()
        now = market.state.hosts["number"].copy()
        entered += float(np.maximum(now - before, 0.0).sum())
        before = now
    return entered

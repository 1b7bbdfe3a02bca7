"""Welfare: surplus is the area under demand, and cheaper serving and better models harm no customer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moatlab import Market, Scenario
from tests.textbook.demand import customers, of_apps, scenario


def frozen(prices: dict[str, float], more: dict[str, Any] | None = None) -> Market:
    """Three firms at given prices, after two months: all customers have chosen at them."""
    case = scenario("bertrand-3").set({f"apps.{app}.price": price for app, price in prices.items()})
    market = Market(case.set({"apps.*.price_rule": "frozen", **(more or {})}), rng=1)
    market.step()
    market.step()
    return market


@pytest.mark.parametrize("outside", [0.0, 1.0])
def test_surplus_is_the_area_under_demand(outside: float) -> None:
    """As all prices rise together from where they are, what customers lose is the sum of what they still buy."""
    more = {"users.outside_value": outside}
    first = dict(zip(("one", "two", "three"), (2.0, 2.5, 3.0), strict=True))
    found = float(frozen(first, more).state.users["consumer_surplus"][0])
    # Gauss-Legendre on pieces of the rise; beyond 45 $ a product in a million million is bought.
    nodes, weights = np.polynomial.legendre.leggauss(12)
    area = 0.0
    for low, high in ((0.0, 3.0), (3.0, 8.0), (8.0, 18.0), (18.0, 45.0)):
        for node, weight in zip(nodes, weights, strict=True):
            rise = low + (high - low) * (1.0 + node) / 2.0
            bought = customers(frozen({app: price + rise for app, price in first.items()}, more)).sum()
            area += weight * (high - low) / 2.0 * bought
    assert found == pytest.approx(area, rel=1e-9)
    # Wrong: the logsum of those inside alone, without what others would still come for.
    market = frozen(first, more)
    ratio = float(market.state.users["inclusive"][0] / market.state.users["outside"][0])
    assert abs(customers(market).sum() * np.log1p(ratio) - found) > 1e-3


def test_demand_for_tokens_is_the_slope_of_surplus() -> None:
    """Roy's identity through the market: a dearer token takes from a customer of a metered plan what he uses of it."""
    case = scenario("metered").set({"apps.*.price_rule": "frozen", "users.outside_value": -30.0})
    case = case.set({f"apps.{app}.distribution": 0.0 for app in ("two", "three")})
    case = case.set({f"apps.{app}.awareness": 0.0 for app in ("two", "three")})
    step, at, surplus = 1e-4, 1.3, []
    for sign in (1.0, -1.0):
        market = Market(case.set({"apps.one.token_price": at + sign * step}), rng=1)
        market.step()
        market.step()
        surplus.append(float(market.state.users["consumer_surplus"][0]))
    used = float((customers(market) * of_apps(market, "quota")).sum())
    assert (surplus[1] - surplus[0]) / (2 * step) == pytest.approx(used, rel=1e-3)


#: A lab at its own price, two apps of different taste and plan, nobody entering or leaving.
BASE = {
    "labs.model.price_rule": "optimal",
    "labs.serving_hours": 5.0,
    "apps.price_speed": 0.5,
    "users.market.usage_value": 0.8,
    "users.reference_price": 20.0,
    "users.choke_price": 400.0,
    "users.time_price": 0.002,
    "users.market.ai_centrality": 0.5,
    "users.market.hazard_committed": 0.1,
    "users.market.switching_cost": 1.0,
    "apps.graduation": "off",
    "labs.specialisation": 0.0,
    "labs.algorithm_growth": 1.0,
    "labs.serving_efficiency": 1.0,
    "labs.version_speed": 0.3,
    "labs.serving_exponent": 0.0,
}
REST, MONTHS = 200, 400
NEWS = {
    "cheaper serving": f"month {REST}: scale labs.serving_hours 0.4",
    "better models": f"month {REST}: set labs.model.capability 1.5",
}


def surplus_with(news: str, changes: dict[str, Any]) -> tuple[float, float]:
    """Consumer surplus at rest before the news and after it, M$ a month."""
    case: Scenario = scenario("bertrand-2").set({**BASE, **changes}).with_events(NEWS[news])
    path = np.asarray(Market(case, rng=1).run(MONTHS).series("market.consumer_surplus"))
    return float(path[REST - 1]), float(path[-1])


@settings(max_examples=40, deadline=None)
@given(
    eta=st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0.0, 2.0)),
    growth=st.floats(0.0, 0.3),
    use=st.floats(0.3, 3.0),
    taste=st.floats(0.3, 3.0),
    metered=st.booleans(),
    catchup=st.floats(0.0, 1.0),
    news=st.sampled_from(list(NEWS)),
)
def test_progress_at_fixed_firms_harms_no_customer(
    eta: float, growth: float, use: float, taste: float, metered: bool, catchup: float, news: str
) -> None:
    changes: dict[str, Any] = {
        "users.usage_elasticity": eta,
        "users.usage_growth": growth,
        "users.outside_catchup": catchup,
        "apps.one.usage_factor": use,
        "apps.one.price_taste_factor": taste,
    }
    if metered:
        changes["apps.one.plan"] = "metered"
    before, after = surplus_with(news, changes)
    assert after > before * (1.0 - 1e-9)

"""Textbook markets for GPU-hours and chips, run through the market, against independent answers.

`compute.toml` has two clouds and a demand D(r) = 100 (r/4)^-0.6, `vendors.toml` two chipmakers, `chain.toml` a cloud, a
lab and an app; tests change what they name.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq, minimize_scalar

from moatlab import Cloud, Market, Scenario

HERE = Path(__file__).parent
COMPUTE = Scenario(HERE / "compute.toml")
HOURS, RUNNING, ETA, SHARPNESS = 0.584, 0.6, 0.6, 3.0
NOBODY = {"clouds.south.fleet": 0.0}


def stepped(scenario: Scenario, months: int = 1) -> Market:
    market = Market(scenario, rng=1)
    for _ in range(months):
        market.step()
    return market


def differs(right: float, *wrong: float, by: float = 1e-3) -> bool:
    """Whether the tolerance of the test would reject each of the plausible wrong answers."""
    return all(abs(w / right - 1.0) > by for w in wrong)


def outside(rent: float) -> float:
    return float(100.0 * (rent / 4.0) ** -ETA)


# ------------------------------------------------------------------------------------------------- fixed supply


def test_the_scarcity_rent_is_the_shadow_price_of_capacity() -> None:
    """lambda = d/dK of max over q <= K of (buyers' surplus + sales) - reserve q: total surplus of one more GPU-hour.

    Demand is outside demand and a lab's training budget.  Rejects the rent, and the rent less the running cost or
    less the full unit cost: all of them are rents, none is the shadow price of capacity.
    """
    scenario = COMPUTE.set({**NOBODY, "labs.idle.parent_budget": 30.0})
    market = stepped(scenario)
    cloud = market.state.clouds[0]
    budget = float(market.state.buyers["budget"][0])
    # The reserve rent of the month is the one that it began with; by its end the next one has been decided.
    reserve = float(Market(scenario, rng=1).state.clouds["reserve"][0])
    capacity = float(cloud["capacity"])
    assert budget > 0 and reserve == pytest.approx(RUNNING * 1.5)

    def demand(rent: float) -> float:
        return outside(rent) + budget / rent

    def surplus(hours: float) -> float:
        """Area under inverse demand above the reserve, up to what is sold at capacity ``hours``."""
        sold = minimize_scalar(
            lambda q: -quad(lambda x: brentq(lambda r: demand(r) - x, 1e-3, 1e6) - reserve, 20.0, q, epsabs=1e-10)[0],
            bounds=(20.0, hours), method="bounded", options={"xatol": 1e-12},
        )  # fmt: skip
        return -float(sold.fun)

    step = 0.05
    shadow = (surplus(capacity + step) - surplus(capacity - step)) / (2 * step)
    found = float(cloud["rent"] - reserve)
    assert found == pytest.approx(shadow, rel=1e-4)
    assert differs(shadow, cloud["rent"], cloud["rent"] - cloud["running"], cloud["rent"] - cloud["full_cost"])
    frame = market.results.market
    assert float(frame["scarcity_rent"].iloc[0]) == pytest.approx(shadow, rel=1e-4)


def test_ample_supply_has_no_scarcity_rent() -> None:
    ample = COMPUTE.set({"clouds.*.fleet": 5000.0})
    assert (stepped(ample).state.clouds["rent"] == Market(ample, rng=1).state.clouds["reserve"]).all()


# ------------------------------------------------------------------------------------------------- duopoly of clouds


@pytest.mark.parametrize("capacities", [(90.0, 90.0), (60.0, 60.0), (80.0, 50.0)])
def test_a_duopoly_with_little_capacity_sells_at_the_clearing_price(capacities: tuple[float, float]) -> None:
    """Kreps and Scheinkman (1983): with homogeneous services and little capacity, both charge P(K1 + K2).

    Rejects the price at which the larger alone would clear, and Bertrand competition without capacity (the cost).
    """
    north, south = capacities
    sharp = {"compute.rent_sharpness": 100.0, "clouds.north.fleet": north, "clouds.south.fleet": south}
    rents = stepped(COMPUTE.set(sharp)).state.clouds["rent"]
    both = float(brentq(lambda r: outside(r) - HOURS * (north + south), 1e-3, 1e3))
    alone = float(brentq(lambda r: outside(r) - HOURS * north, 1e-3, 1e3))
    assert rents == pytest.approx(both, rel=1e-9 if north == south else 5e-3)
    assert differs(both, alone, RUNNING, by=5e-3)


def test_with_ample_capacity_reserves_are_those_of_a_bertrand_nash_equilibrium() -> None:
    """Two unequal clouds and a logit in log rents: each reserve is a best response to the other's.

    The independent answer maximises (r - c) D_c(r) numerically, in turns.  Rejects monopolistic competition (which
    forgets that a cloud's own share moves the mean), and competition that forgets that dear hours are not bought.
    """
    affinity = (0.8, 0.0)
    scenario = COMPUTE.set({"clouds.*.fleet": 5000.0, "clouds.north.affinity": affinity[0]})
    market = stepped(scenario, 120)

    def profit(c: int, rent: float, rents: list[float]) -> float:
        trial = [rent if i == c else r for i, r in enumerate(rents)]
        pull = [np.exp(a) * r**-SHARPNESS for a, r in zip(affinity, trial, strict=True)]
        return float((rent - RUNNING) * pull[c] / sum(pull) * outside(rent))

    rents = [1.0, 1.0]
    for _ in range(200):
        for c in range(2):
            best = minimize_scalar(
                lambda r, c=c: -profit(c, r, rents), bounds=(RUNNING, 10.0), method="bounded", options={"xatol": 1e-12}
            )
            rents[c] = float(best.x)
    assert market.state.clouds["rent"] == pytest.approx(rents, rel=1e-6)
    assert rents[0] > rents[1] * 1.1
    shares = market.state.places[-1]
    for c in range(2):
        monopolistic = RUNNING * (SHARPNESS + ETA) / (SHARPNESS + ETA - 1.0)
        saturated = SHARPNESS * (1.0 - shares[c])
        assert differs(rents[c], monopolistic, RUNNING * saturated / (saturated - 1.0))


def test_what_buyers_move_in_a_year_is_what_the_reserve_reckons_with() -> None:
    """E = eta + (1 - (1 - h)^12) mu (1 - w), with two equal clouds; rejects the month's h and full mobility."""
    rate = 0.1
    scenario = COMPUTE.set({"clouds.*.fleet": 5000.0, "compute.switching_rate": rate, "clouds.markup_horizon": 12.0})
    found = stepped(scenario, 120).state.clouds["reserve"]

    def reserve(moved: float) -> float:
        elasticity = ETA + moved * SHARPNESS * 0.5
        return RUNNING * elasticity / (elasticity - 1.0)

    # Both are equal but for their fleets, which set the places of month 0; equal fleets, equal shares.
    right = reserve(1.0 - (1.0 - rate) ** 12)
    assert found == pytest.approx(right, rel=1e-9)
    assert differs(right, reserve(1.0), RUNNING * 1.2 / 0.2)


# ------------------------------------------------------------------------------------------------- chips


INVESTED = {
    **NOBODY,
    "clouds.capacity_rule": "invested",
    "clouds.north.fleet": 60.0,
    "clouds.target_utilisation": 1.0,
    "clouds.failure_rate": 0.01,
    "clouds.rent_response": ETA,
    "clouds.growth_persistence": 0.0,
    "clouds.*.finance": 1e6,
    "clouds.south.finance": 0.0,
    "compute.rent_sharpness": 100.0,
    "compute.switching_rate": 1.0,
    "chipmakers.volume_discount": 0.0,
    "chipmakers.*.price_rule": "frozen",
    "clouds.access_discount": 0.0,
    "clouds.*.price_rule": "markup",
    "clouds.*.markup": 0.0,
    "investors.hype": 0.0,
    "investors.hype_volatility": 0.0,
    "investors.hype_feedback": 0.0,
    "investors.cost_of_capital": 0.12,
}


@pytest.mark.parametrize("fall", [0.0, 0.015])
def test_in_the_long_run_the_rent_is_the_full_unit_cost(fall: float) -> None:
    """Zero profit at the margin: a GPU's rents, discounted and thinned by failures, pay for it and its building.

    Where clouds count on rents that fall, today's has to pay for that.  Rejects straight-line depreciation without
    interest, and an annuity that forgets failures.
    """
    market = stepped(COMPUTE.set({**INVESTED, "clouds.expected_fall": fall}), 300)
    cloud = market.state.clouds[0]
    paid, rate, failing, life = 25.0 * 1.45, 0.01, 0.01, 48

    def net(rent: float, failing: float = failing, rate: float = rate) -> float:
        months = range(1, life + 1)
        kept = (1 - failing) / ((1 + rate) * (1 + fall))
        return float(sum(HOURS * (rent - RUNNING) * kept**t for t in months) - paid)

    right = float(brentq(net, 0.1, 100.0))
    assert cloud["rent"] == pytest.approx(right, rel=1e-6)
    assert cloud["full_cost"] == pytest.approx(right, rel=1e-9)
    fleet = outside(right) / HOURS
    assert cloud["fleet_now"] == pytest.approx(fleet, rel=1e-6)
    forgetful = float(brentq(lambda r: net(r, failing=0.0), 0.1, 100.0))
    assert differs(right, RUNNING + paid / life / HOURS, forgetful, by=2e-2)


class Steady(Cloud):
    """Orders the same each month, whatever happens."""

    def set_order(self) -> float:
        return 1.5


def test_lead_time_is_backlog_over_supply() -> None:
    """Little's law: with orders equal to supply, an order waits backlog / supply months, production included.

    The wait is measured: the months until deliveries have caught up with all that was ordered before.  Rejects adding
    the months of production to it once more.
    """
    steady = {
        "clouds.failure_rate": 0.0, "foundry.fab.capacity": 1.5, "foundry.expansion_ceiling": 0.0,
        "chipmakers.initial_backlog": 4.0, "chipmakers.build_months": 3,
    }  # fmt: skip
    scenario = COMPUTE.set({**INVESTED, **steady})
    market = Market(scenario.replace("clouds.north", Steady), rng=1)
    ordered, delivered = [float(market.state.backlog.sum())], [0.0]
    leads = []
    for _ in range(60):
        market.step()
        ordered.append(ordered[-1] + float(market.state.clouds["order"].sum()))
        delivered.append(delivered[-1] + float(market.state.now["deliveries"][0]))
        leads.append(float(market.state.chipmakers["lead_time"][0]))
    month = 30
    wait = next(t for t in range(60) if delivered[month + t] >= ordered[month] - 1e-9)
    assert leads[month] == pytest.approx(wait, rel=1e-6) == 7
    assert market.state.backlog.sum() / 1.5 == pytest.approx(wait)


def test_list_prices_are_those_of_a_bertrand_nash_equilibrium_of_vendors() -> None:
    """Vendors of unequal ecosystems and costs: CES shares, orders that fall with the price index.

    Each price maximises (p - c) share_v(p) P(p)^-0.7 given the other's.  Rejects a vendor that forgets its own weight
    (sigma / (sigma - 1)) and one that forgets that clouds order less when chips are dear.
    """
    market = stepped(Scenario(HERE / "vendors.toml"), 120)
    makers = market.state.chipmakers
    costs, ecosystems = makers["cost"].tolist(), (0.5 * np.log(0.7 + 0.1) + 1.0, 0.5 * np.log(0.1 + 0.1) + 0.2)
    sigma, epsilon = 4.0, 0.7

    def share(v: int, prices: list[float]) -> float:
        pull = [np.exp(e) * p**-sigma for e, p in zip(ecosystems, prices, strict=True)]
        return float(pull[v] / sum(pull))

    def profit(v: int, price: float, prices: list[float]) -> float:
        trial = [price if i == v else p for i, p in enumerate(prices)]
        index = sum(np.exp(e) * p**-sigma for e, p in zip(ecosystems, trial, strict=True)) ** (-1.0 / sigma)
        return float((price - costs[v]) * share(v, trial) * index**-epsilon)

    prices = [20.0, 20.0]
    for _ in range(200):
        for v in range(2):
            best = minimize_scalar(
                lambda p, v=v: -profit(v, p, prices), bounds=(costs[v], 500.0), method="bounded",
                options={"xatol": 1e-11},
            )  # fmt: skip
            prices[v] = float(best.x)
    assert makers["price"] == pytest.approx(prices, rel=1e-6)
    assert makers["share"] == pytest.approx([share(v, prices) for v in range(2)], rel=1e-6)
    for v in range(2):
        small = costs[v] * sigma / (sigma - 1.0)
        selfish = sigma * (1.0 - share(v, prices))
        assert differs(prices[v], small, costs[v] * selfish / (selfish - 1.0) if selfish > 1.0 else np.inf)


# ------------------------------------------------------------------------------------------------- memory


def test_contract_rents_are_an_exponential_moving_average() -> None:
    """Against pandas; rejects the plain mean of the last twelve months and the spot rent."""
    market = Market("essay-2023", rng=1)
    spot = [market.state.clouds["contract_rent"].copy()]
    contract = []
    for _ in range(24):
        market.step()
        spot.append(market.state.clouds["rent"].copy())
        contract.append(market.state.clouds["contract_rent"].copy())
    path = pd.DataFrame(np.array(spot))
    right = path.ewm(alpha=1 / 12, adjust=False).mean().to_numpy()[1:]
    np.testing.assert_allclose(np.array(contract), right, rtol=1e-10)
    plain = path.rolling(12).mean().to_numpy()[-1]
    assert (np.abs(plain / right[-1] - 1) > 1e-3).any() and (np.abs(spot[-1] / right[-1] - 1) > 1e-3).any()


def test_hours_move_to_the_logit_shares_at_the_switching_rate() -> None:
    """w_t = s + (1 - h)^t (w_0 - s) at constant rents; rejects an immediate move and a linear one."""
    rate, affinity, months = 0.1, 0.7, 6
    still: dict[str, Any] = {
        "clouds.*.fleet": 5000.0, "clouds.north.affinity": affinity, "clouds.*.price_rule": "markup",
        "clouds.south.markup": 0.3, "compute.switching_rate": rate,
    }  # fmt: skip
    market = Market(COMPUTE.set(still), rng=1)
    market.state.places[-1] = (0.2, 0.8)
    for _ in range(months):
        market.step()
    rents = market.state.clouds["rent"]
    assert rents == pytest.approx([0.9, 0.78])
    pull = np.exp([affinity, 0.0]) * rents**-SHARPNESS
    s = float(pull[0] / pull.sum())
    right = s + (1 - rate) ** months * (0.2 - s)
    assert float(market.state.places[-1][0]) == pytest.approx(right, rel=1e-12)
    assert differs(right, s, s + (1 - rate * months) * (0.2 - s))


# ------------------------------------------------------------------------------------------------- the chain of costs


def test_costs_travel_down_the_chain_by_input_intensity() -> None:
    """Rent 0.6 x 1.25 -> x 2.2 hours x 1.4 -> x quota x 1.5: each markup is on the cost passed on to it.

    Rejects markups that are simply added up, and a token of one GPU-hour.
    """
    market = stepped(Scenario(HERE / "chain.toml"), 24)
    lab, app, shared = market.state.labs[0], market.state.apps[0], market.state.shared[0]
    rent = 0.6 * 1.25
    assert market.state.clouds["rent"][0] == pytest.approx(rent)
    token = rent * 2.2 * 1.4
    assert lab["unit_cost"] == pytest.approx(rent * 2.2, rel=1e-9)
    assert lab["price"] == pytest.approx(token, rel=1e-9)
    served = app["quota"] * token / (1.0 - shared["apps_variable_cost"])
    assert app["price"] == pytest.approx(served * 1.5, rel=1e-6)
    assert differs(token, 0.6 * 2.2 * (1.0 + 0.25 + 0.4), rent * 1.4, by=0.05)
    hours = float(market.state.now["inference_wanted"][0])
    assert hours == pytest.approx(2.2 * float(lab["tokens"]), rel=1e-9)

"""Own silicon, own fabs, construction lag, vintages, capacity fixed: each against what must follow."""

from __future__ import annotations

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.market.rules.chips import age_fleets

ESSAY = Scenario("essay-2023")


def test_own_silicon_comes_at_cost_and_only_to_its_owner() -> None:
    market = Market(ESSAY, rng=1)
    results = market.run(24)
    state = market.state
    tpu, gcp = market.find_row("chipmakers.google-tpu")[1], market.find_row("clouds.gcp")[1]
    assert (np.delete(state.fleet[:, tpu].sum(axis=1), gcp) == 0).all() and state.fleet[gcp, tpu].sum() > 0
    layer = results.firms.to_pandas().query("slug == 'google-tpu'")
    # What is sold at cost earns its cost: revenue over three years is what packages and parts came to, and no more.
    assert layer["price"].to_numpy() == pytest.approx(layer["unit_cost"].to_numpy(), rel=0.35)
    assert (state.chipmakers["price"][tpu] / state.chipmakers["cost"][tpu]) == pytest.approx(1.0, rel=0.35)


def test_a_fab_of_ones_own_does_not_wait_for_the_foundry() -> None:
    market = Market(ESSAY.with_events("month 0: set foundry.tsmc.availability 0"), rng=1)
    market.run(24)
    makers = market.state.chipmakers
    intel = market.find_row("chipmakers.intel")[1]
    assert makers["starts"][intel] > 0
    assert np.delete(makers["starts"], intel).sum() == 0


@pytest.mark.parametrize("lag", [6, 12])
def test_capacity_ordered_arrives_after_the_construction_lag(lag: int) -> None:
    frame = Market(ESSAY.set({"foundry.construction_lag": lag}), rng=1).run(30).market.to_pandas()
    capacity = frame["foundry.capacity"].to_numpy()
    assert (capacity[:lag] == capacity[0]).all()
    assert capacity[lag + 1] > capacity[0]


def test_expansion_keeps_within_its_ceiling() -> None:
    ceiling = 0.03
    frame = Market(ESSAY.set({"foundry.expansion_ceiling": ceiling}), rng=1).run(60).market.to_pandas()
    growth = np.diff(frame["foundry.capacity"]) / frame["foundry.capacity"][:-1]
    assert 0 < growth.max() <= ceiling + 1e-12


def test_old_vintages_are_scrapped_when_they_cost_more_than_they_earn() -> None:
    market = Market(ESSAY, rng=1)
    market.run(6)
    state = market.state
    before = state.fleet[:, :, 0].sum()
    state.clouds["expected_rent"] = 0.5
    state.clouds["rent"] = 0.5
    fleet = state.fleet.copy()

    age_fleets(state.arrays)
    failing, scrapped = (float(ESSAY.kind_value("clouds", name)) for name in ("failure_rate", "scrap_rate"))
    assert state.fleet[:, :, 0] == pytest.approx(fleet[:, :, 0] * (1 - failing) * (1 - scrapped))
    assert state.fleet[:, :, 0].sum() < before
    # The next generation runs at 0.6 / 1.5 $ per hour, below what it earns.
    assert state.fleet[:, :, 1:] == pytest.approx(fleet[:, :, 1:] * (1 - failing))


def test_fixed_capacity_stays() -> None:
    frame = Market(ESSAY.set({"clouds.capacity_rule": "fixed"}), rng=1).run(36).market.to_pandas()
    assert frame["hours_capacity"].to_numpy() == pytest.approx(frame["hours_capacity"][0], rel=1e-12)
    assert (frame["deliveries"] == 0).all() and (frame["backlog"] == 0).all()


def test_portability_takes_the_ecosystem_out_of_the_choice() -> None:
    """With full portability what counts is performance per dollar: the vendor logit without network and software."""
    market = Market(ESSAY.set({"chipmakers.portability": 1.0, "chipmakers.portable_software": 1.0}), rng=1)
    market.run(3)
    state, shared = market.state, market.state.shared[0]
    row = market.find_row("clouds.lambda")[1]
    backlog, fleet = state.backlog[row].copy(), state.fleet[row].sum(axis=1)
    # Orders are placed at the month's list prices; those of the next are decided in it.
    prices = state.chipmakers["price"].copy()
    market.step()
    keep = 1.0 - float(ESSAY.kind_value("clouds", "failure_rate"))
    placed = state.backlog[row] - backlog + state.fleet[row].sum(axis=1) / keep - fleet
    free = state.chipmakers["captive"] == 0
    pull = np.where(free, prices ** -shared["chipmakers_vendor_sharpness"], 0.0)
    assert placed.sum() == pytest.approx(state.clouds["order"][row])
    assert placed / placed.sum() == pytest.approx(pull / pull.sum(), abs=1e-9)


def test_a_bundled_app_with_a_model_of_its_own_is_served() -> None:
    """Its price is nothing, but its calls are worth what they cost."""
    free = ESSAY.set({"apps.midjourney.price_rule": "bundled", "apps.midjourney.incumbent": True})
    market = Market(free, rng=1)
    market.run(12)
    app = market.state.apps[market.find_row("apps.midjourney")[1]]
    assert app["price"] == 0.0 and app["own_model"] == 1 and app["tokens"] > 0
    assert app["own_service"] > 0.5

"""Stocks, expectations and drifts: each rule by itself, on a market some months old, against its formula in numpy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from moatlab.market.rules.apps import commit_apps
from moatlab.market.rules.capital import balance_infrastructure, move_hype
from moatlab.market.rules.compute import expect
from moatlab.market.rules.foundry import decide_foundry
from moatlab.market.rules.outside import move_outside
from moatlab.market.rules.training import drift_specialisation
from moatlab.market.state.posting import INVESTORS, PARENTS
from tests.market.rules.essay import later, value


def test_features_and_awareness_grow_by_spending_and_fade() -> None:
    state = later({"apps.brand_spread": 0.0})
    at = state.live
    before, users = state.apps[at].copy(), state.users.copy()
    commit_apps(state.arrays)
    after, k = state.apps[at], before["category"]
    feature = (1 - value("apps", "obsolescence")) * before["feature"]
    feature += value("apps", "imitation") * np.maximum(0.0, users["best_feature"][k] - before["feature"])
    feature += value("apps", "feature_gain") * np.log1p(before["rnd"] / value("apps", "feature_scale"))
    np.testing.assert_allclose(after["feature"], feature, rtol=1e-12, atol=1e-12)
    free = 1 - users["customers"][k] / users["potential"][k]
    scale = value("apps", "awareness_scale") * free ** -value("apps", "acquisition_saturation")
    awareness = (1 - value("apps", "awareness_decay")) * before["awareness"]
    awareness += value("apps", "awareness_gain") * np.log1p(before["marketing"] / scale)
    np.testing.assert_allclose(after["awareness"], awareness, rtol=1e-12)
    # Brand moves towards what feeds it: the mean of the shares of customers and of marketing.
    customers = before["tourists"] + before["committed"]
    used = customers / users["customers"][k]
    known = before["marketing"] / np.bincount(k, before["marketing"], len(users))[k]
    keep = 2 ** (-1 / value("apps", "brand_half_life"))
    fed = value("apps", "brand_gain") * 0.5 * (used + known)
    np.testing.assert_allclose(after["brand"], keep * before["brand"] + (1 - keep) * fed, rtol=1e-9, atol=1e-12)


def test_expectations_cover_part_of_the_way() -> None:
    state = later()
    clouds, now, speed = state.clouds, state.now, value("compute", "expectation_speed")
    clouds["rent"] = 2.0 * clouds["rent"]
    rents, expected = clouds["expected_rent"].copy(), now["expected_rent"][0]
    mean = (clouds["hours"] * clouds["rent"]).sum() / clouds["hours"].sum()
    expect(state.arrays)
    np.testing.assert_allclose(clouds["expected_rent"], rents + speed * (clouds["rent"] - rents))
    assert now["mean_rent"][0] == pytest.approx(mean)
    assert now["expected_rent"][0] == pytest.approx(expected + speed * (mean - expected))


def test_specialisation_keeps_its_spread() -> None:
    state = later()
    series = np.empty((3000, *state.specialisation.shape))
    for month, row in enumerate(series):
        state.now["month"] = month
        drift_specialisation(state.arrays)
        row[:] = state.specialisation
    assert series.std() == pytest.approx(value("labs", "specialisation"), rel=0.03)
    lagged = np.corrcoef(series[:-1].ravel(), series[1:].ravel())[0, 1]
    assert lagged == pytest.approx(2 ** (-1 / value("labs", "specialisation_half_life")), abs=0.005)
    others = np.corrcoef(series[:, :, 0].T)
    assert np.abs(others - np.eye(len(others))).max() < 0.3


@pytest.mark.parametrize(("load", "counts"), [(0.1, 0.5), (0.8, 0.8), (3.0, 3.0), (50.0, 20.0)])
def test_the_foundry_asks_more_while_orders_exceed_capacity(load: float, counts: float) -> None:
    state = later()
    plant = state.foundry
    plant["requested"] = load * plant["capacity"]
    before = plant["price"].copy()
    decide_foundry(state.arrays)
    wanted = plant["base_price"] * counts ** value("foundry", "scarcity_response")
    np.testing.assert_allclose(plant["next_price"], before + value("foundry", "price_speed") * (wanted - before))


def test_outside_demand_closes_part_of_its_gap() -> None:
    state = later({"outside.volatility": 0.0, "outside.growth": 1.2})
    now, get = state.now[0], partial(value, "outside")
    wanted = get("initial_hours") * get("shortage") * 1.2 ** (now["month"] / 12)
    wanted *= np.exp(get("hype_weight") * (now["hype"] - now["start_hype"]))
    rent = float(now["expected_rent"]) / get("reference_rent")
    wanted *= rent ** (get("spot_elasticity") - get("rent_elasticity"))
    held = float(now["outside_hours"])
    move_outside(state.arrays)
    assert state.now["outside_hours"][0] == pytest.approx(held + get("adjustment") * (wanted - held))


@pytest.mark.parametrize(("factor", "counts"), [(1.1, np.log(1.1)), (9.0, 0.5), (0.01, -0.5)])
def test_hype_persists_and_follows_growth(factor: float, counts: float) -> None:
    state = later({"investors.hype_volatility": 0.0})
    now, get = state.now, partial(value, "investors")
    now["last_revenue"] = state.apps["revenue"][state.live].sum() / factor
    hype, growth = float(now["hype"][0]), float(now["expected_growth"][0])
    growth += value("compute", "expectation_speed") * (counts - growth)
    move_hype(state.arrays)
    wanted = get("hype_persistence") * hype + get("hype_feedback") * (growth - get("expected_growth"))
    assert now["expected_growth"][0] == pytest.approx(growth)
    assert now["hype"][0] == pytest.approx(wanted)
    assert now["discount"][0] == pytest.approx((get("cost_of_capital") - get("hype_discount") * wanted) / 12)


def test_owners_of_infrastructure_cover_what_is_lacking() -> None:
    state = later()
    cash, period = state.cash, value("investors", "payout_period")
    reserves = {
        "clouds": state.clouds["budget"],
        "chipmakers": value("chipmakers", "payout_months") * state.chipmakers["outlay"],
        "foundry": value("foundry", "payout_months") * state.foundry["outlay"],
    }
    for kind, reserve in reserves.items():
        cash[state.kind(kind)["account"]] = reserve + 300.0
    short = int(state.clouds["account"][0]), int(state.chipmakers["account"][0])
    cash[list(short)] = -50.0
    whole, owners, investors = cash.sum(), cash[PARENTS], cash[INVESTORS]
    balance_infrastructure(state.arrays)
    assert cash[list(short)].tolist() == [0.0, 0.0]
    for kind, reserve in reserves.items():
        first = 0 if kind == "foundry" else 1
        held = cash[state.kind(kind)["account"]][first:]
        np.testing.assert_allclose(held, reserve[first:] + 300.0 * (1 - 1 / period))
    assert cash[PARENTS] - owners == pytest.approx((len(state.clouds) - 1) * 300.0 / period - 50.0)
    paid = (len(state.chipmakers) - 1 + len(state.foundry)) * 300.0 / period - 50.0
    assert cash[INVESTORS] - investors == pytest.approx(paid)
    assert cash.sum() == pytest.approx(whole)

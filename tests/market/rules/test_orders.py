"""Clouds' orders and sizes: chips follow the demand that is seen coming, and size is found in proportion."""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario

ESSAY = Scenario("essay-2023")


def table(scenario: Scenario) -> dict[str, Any]:
    """The scenario as tables, to add rows to."""
    return tomllib.loads(scenario.to_toml())


def plain(value: Any) -> Any:
    return value["value"] if isinstance(value, dict) else value


def split(slug: str) -> Scenario:
    """The essay's market with one cloud as two halves of one company."""
    tables = table(ESSAY)
    half = dict(tables["clouds"][slug])
    for name in ("fleet", "finance"):
        half[name] = plain(half[name]) / 2.0
    half.setdefault("company", slug)
    tables["clouds"][slug] = half
    tables["clouds"][f"{slug}-two"] = {**half, "name": f"{plain(half['name'])} Two"}
    for sellers in tables["graph"]["only"].values():
        if f"clouds.{slug}" in sellers:
            sellers.append(f"clouds.{slug}-two")
    return Scenario.from_dict(tables, "split")


@pytest.mark.parametrize("slug", ["azure", "coreweave"])
def test_two_halves_of_a_company_are_as_one(slug: str) -> None:
    whole = Market(ESSAY, rng=3).run(60)
    halves = Market(split(slug), rng=3).run(60)
    both = halves.series(f"clouds.{slug}.share") + halves.series(f"clouds.{slug}-two.share")
    np.testing.assert_allclose(both, whole.series(f"clouds.{slug}.share"), rtol=1e-5)
    for metric in ("chipmakers.nvidia.revenue", "market.rent", "apps.revenue"):
        np.testing.assert_allclose(halves.series(metric), whole.series(metric), rtol=1e-5)


def test_two_halves_of_a_company_ask_for_the_markup_of_the_whole() -> None:
    """In slack, where reserves are the rents: halves that compete with one another would undercut it."""
    slack = {"clouds.capacity_rule": "fixed", "clouds.*.fleet": 600.0, "clouds.self_build": 100.0}
    reserves = []
    for scenario, changes in (
        (ESSAY, {}),
        (split("azure"), {"clouds.azure.fleet": 300.0, "clouds.azure-two.fleet": 300.0}),
        (
            split("azure"),
            {
                "clouds.azure.fleet": 300.0,
                "clouds.azure-two.fleet": 300.0,
                "clouds.azure.company": "",
                "clouds.azure-two.company": "",
            },
        ),
    ):
        market = Market(scenario.set({**slack, **changes}), rng=3)
        market.run(24)
        reserves.append(float(market.state.clouds["reserve"][market.find_row("clouds.azure")[1]]))
    whole, together, apart = reserves
    assert together == pytest.approx(whole, rel=1e-6)
    assert apart < 0.97 * whole


def test_clouds_of_unequal_size_that_are_alike_ask_for_the_same_rent() -> None:
    """A cloud of 3 kGPU is not found as easily as one of 120, so it needs no higher rent to ration its buyers."""
    # Without labs that are tied to a cloud.
    tables = table(ESSAY)
    tables["graph"]["only"] = {k: v for k, v in tables["graph"]["only"].items() if k.startswith("apps")}
    free = Scenario.from_dict(tables, "free")
    alike: dict[str, Any] = {f"chipmakers.{maker}.captive": False for maker in ("google-tpu", "aws-trainium")}
    alike |= {
        "clouds.*.own_chip": "",
        "clouds.*.own_share": 0.0,
        "clouds.*.affinity": 0.0,
        "clouds.*.capital_spread": 0.0,
        "clouds.*.company": "",
        "clouds.*.private": False,
        "clouds.neutrality": 0.0,
        "chipmakers.*.small_first": 0.0,
    }
    market = Market(free.set({**alike, "clouds.*.finance": 500.0}), rng=1)
    spreads = []
    for month in range(48):
        market.step()
        rents = market.state.clouds["rent"]
        if month >= 6:
            spreads.append(float(rents.max() / rents.min()))
    assert np.median(spreads) < 1.15
    # Without size, each is looked for as often as the largest.
    market = Market(free.set({**alike, "compute.size_weight": 0.0}), rng=1)
    market.run(12)
    assert market.state.clouds["rent"].max() > 1.5 * market.state.clouds["rent"].min()


def test_clouds_order_for_what_is_not_served() -> None:
    """Requests that are not filled yet, and budgets that are announced, bring orders before they bring sales."""
    orders = []
    for shortage in (1.0, 4.0):
        market = Market(ESSAY.set({"outside.shortage": shortage}), rng=1)
        market.step()
        orders.append((float(market.state.clouds["hours"].sum()), float(market.state.clouds["next_order"].sum())))
    assert orders[1][0] == pytest.approx(orders[0][0], rel=0.05), "sales of the month are the same"
    assert orders[1][1] > 1.5 * max(orders[0][1], 1.0)


def test_rents_rest_at_the_full_unit_cost_while_chips_come_at_the_normal_lead_time() -> None:
    """Over six months of normal lead times the rent is near what an hour costs: no standing rent in slack."""
    ratios = []
    for seed in (1, 2, 3):
        run = Market(ESSAY, rng=seed).run(96)
        lead, rent = run.series("market.lead_time").to_numpy(), run.series("market.rent").to_numpy()
        full = run.series("market.full_unit_cost").to_numpy()
        for month in range(6, 90):
            if (lead[month : month + 6] < 4.0).all():
                ratios.append(float((rent / full)[month : month + 6].mean()))
    assert len(ratios) > 60
    assert np.median(ratios) < 1.1


def test_no_markup_goes_beyond_what_buyers_could_build_for() -> None:
    """A monopolist of ample capacity asks for the full unit cost and the premium, not what its elasticity allows."""
    alone = {f"clouds.{c}.fleet": 0.0 for c in ("gcp", "azure", "oracle", "coreweave", "lambda")}
    ample = {"clouds.aws.fleet": 3000.0, "clouds.capacity_rule": "fixed", "clouds.elasticity_floor": 1.05}
    market = Market(ESSAY.set({**alone, **ample}), rng=1)
    market.run(24)
    cloud = market.state.clouds[market.find_row("clouds.aws")[1]]
    premium = float(market.state.shared["clouds_self_build"][0])
    assert cloud["reserve"] == pytest.approx(premium * cloud["full_cost"], rel=0.05)


def test_own_chips_carry_what_their_design_has_cost() -> None:
    """A design at bare cost would give its cloud most of the market."""
    shares = [
        Market(ESSAY.set({"chipmakers.own_markup": markup}), rng=1).run(96).series("clouds.gcp.share")[60:].mean()
        for markup in (0.0, 1.0)
    ]
    assert shares[0] > 1.1 * shares[1]

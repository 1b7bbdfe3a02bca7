"""Vendors of chips: what clouds weigh, what research buys, how generations come into production."""

from __future__ import annotations

import math
import tomllib
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.market.rules.orders import decide_orders

ESSAY = Scenario("essay-2023")
OFF = {"chipmakers.ecosystem_taste": 0.0, "chipmakers.software_gain": 0.0, "chipmakers.*.software": 0.0}
#: Nothing but shares and research moves: one price for all, no new generations, no designs of clouds' own.
STILL: dict[str, Any] = {
    "chipmakers.generation_months": 10_000.0, "chipmakers.generation_spread": 0.0, "chipmakers.*.captive": False,
    "chipmakers.*.price_rule": "frozen", "chipmakers.*.price": 30.0, "clouds.*.own_chip": "", "clouds.*.own_share": 0.0,
    "chipmakers.volume_discount": 0.0,
}  # fmt: skip


def makers(market: Market) -> Any:
    return market.state.chipmakers


def logit(market: Market, developers: Any) -> Any:
    """Shares of makers by performance per dollar and what their developers are worth."""
    pull = np.exp(developers) * makers(market)["price"] ** -market.state.shared["chipmakers_vendor_sharpness"][0]
    return pull / pull.sum()


# ------------------------------------------------------------------------------------------------------- limit cases


def test_without_network_and_software_it_is_the_logit_in_prices() -> None:
    prices = {f"chipmakers.{maker}.price": 20.0 + 3.0 * i for i, maker in enumerate(ESSAY.slugs("chipmakers"))}
    market = Market(ESSAY.set({**STILL, **OFF, **prices}), rng=1)
    start = makers(market)["share"].copy()
    market.step()
    assert start == pytest.approx(logit(market, 0.0), rel=1e-9)
    assert makers(market)["share"] == pytest.approx(start, rel=1e-9)


def test_month_0_and_later_months_weigh_network_and_software_alike() -> None:
    market = Market(ESSAY.set({**STILL, "chipmakers.portability": 0.4}), rng=1)
    maker, shared = makers(market), market.state.shared[0]
    network = shared["chipmakers_ecosystem_taste"] * np.log(shared["chipmakers_least_base"] + maker["ecosystem"])
    worth = 0.6 * network + (1.0 - 0.4 * 0.5) * maker["software"]
    right = logit(market, worth)
    assert maker["share"] == pytest.approx(right, rel=1e-9)
    market.step()
    assert maker["share"] == pytest.approx(right, rel=1e-9)
    # Not both at full weight: that would halve the leader's odds once more.
    assert abs(logit(market, 0.6 * (network + maker["software"])) - right).max() > 0.05


def test_the_only_vendor_has_all_orders() -> None:
    tables = tomllib.loads(ESSAY.to_toml())
    tables["chipmakers"] = {name: tables["chipmakers"][name] for name in ("*", "nvidia")}
    for cloud in ("aws", "gcp"):
        tables["clouds"][cloud] |= {"own_chip": "", "own_share": 0.0}
    market = Market(Scenario.from_dict(tables, "alone"), rng=1)
    market.run(24)
    assert makers(market)["share"] == pytest.approx([1.0])


# ------------------------------------------------------------------------------------------------ lines of one company


def split(company: str) -> Scenario:
    """The essay's market with Nvidia as two makers, which have their developers, cash and money in halves."""
    tables = tomllib.loads(ESSAY.to_toml())
    half = dict(tables["chipmakers"]["nvidia"])
    half |= {"ecosystem": 0.42, "cash": 5000.0, "company": company}
    tables["chipmakers"]["nvidia"] = half
    # A slug whose draws come after those of the first: both are led by the first.
    tables["chipmakers"]["nvidia-two"] = {**half, "name": "Nvidia Two"}
    return Scenario.from_dict(tables, "split").set({"chipmakers.generation_spread": 0.0})


def test_a_vendor_split_in_two_lines_of_one_company_is_as_one() -> None:
    one = Market(ESSAY.set({"chipmakers.generation_spread": 0.0}), rng=3).run(72)
    two = Market(split("nvidia"), rng=3).run(72)
    whole = one.series("chipmakers.nvidia.revenue").to_numpy()
    halves = sum(two.series(f"chipmakers.{maker}.revenue").to_numpy() for maker in ("nvidia", "nvidia-two"))
    assert whole.sum() > 10_000.0
    np.testing.assert_allclose(halves, whole, rtol=0.02)
    for metric in ("market.rent", "market.chip_price", "chipmakers.amd.revenue", "clouds.coreweave.share"):
        np.testing.assert_allclose(two.series(metric), one.series(metric), rtol=0.02)
    # Two companies would have more of the market than one: each adds to the choice.
    apart = Market(split(""), rng=3).run(12)
    more = sum(apart.series(f"chipmakers.{maker}.share").to_numpy()[0] for maker in ("nvidia", "nvidia-two"))
    assert more > 1.02 * one.series("chipmakers.nvidia.share").to_numpy()[0]


# ------------------------------------------------------------------------------------------------------------ research


def test_software_moves_to_what_research_pays_for_and_fades() -> None:
    still = {**STILL, "chipmakers.rnd_share": 0.0, "chipmakers.smoothing": 1.0, "chipmakers.amd.rnd_budget": 120.0,
             "chipmakers.intel.rnd_budget": 0.0, "chipmakers.intel.software": 2.0}  # fmt: skip
    market = Market(ESSAY.set(still), rng=1)
    shared = market.state.shared[0]
    amd, intel = (market.find_row(f"chipmakers.{maker}")[1] for maker in ("amd", "intel"))
    first = float(makers(market)["software"][amd])
    market.run(36)
    rest = float(shared["chipmakers_software_gain"] * math.log(1.0 + 120.0 / shared["chipmakers_software_scale"]))
    keep = (1.0 - shared["chipmakers_software_decay"]) ** 36
    assert makers(market)["software"][amd] == pytest.approx(rest + keep * (first - rest), rel=1e-12)
    assert makers(market)["software"][intel] == pytest.approx(2.0 * keep, rel=1e-12)


def test_research_is_a_share_of_revenue_and_what_owners_declare() -> None:
    results = Market(ESSAY.set({"chipmakers.amd.rnd_budget": 77.0}), rng=1).run(12)
    paid = results.ledger.to_pandas().query("kind == 'chip rnd' and payer == 'chipmakers.amd'").groupby("month")
    sales = results.series("chipmakers.amd.revenue").to_numpy()
    assert paid["amount"].sum().to_numpy() == pytest.approx(77.0 + 0.2 * sales, rel=1e-9)


@pytest.mark.parametrize("paid_for", [0.0, 0.4, 2.0])
def test_a_generation_is_as_large_a_step_as_research_has_paid_for(paid_for: float) -> None:
    """gain^min(1, research since the last over the cost of a design); the cost of a package alike."""
    months, cost = 10, 1000.0
    changes = {"chipmakers.generation_months": float(months), "chipmakers.generation_spread": 0.0,
               "chipmakers.ramp_months": 1.0, "chipmakers.design_cost": cost, "chipmakers.rnd_share": 0.0,
               "chipmakers.*.launched_performance": 0.0,
               "chipmakers.*.rnd_budget": paid_for * cost / (months + 1)}  # fmt: skip
    market = Market(ESSAY.set(changes), rng=1)
    before = makers(market).copy()
    market.run(months)
    assert (makers(market)["performance"] == before["performance"]).all()
    market.step()
    step = min(1.0, paid_for)
    shared = market.state.shared[0]
    for name, factor in (("performance", "generation_gain"), ("unit_cost", "cost_growth")):
        grown = before[name] * shared[f"chipmakers_{factor}"] ** step
        assert makers(market)[name] == pytest.approx(grown, rel=1e-9)
    assert makers(market)["designed"] == pytest.approx(0.0)


# --------------------------------------------------------------------------------------------------------------- ramps


def ramped(months: float) -> Market:
    changes = {"chipmakers.generation_months": 6.0, "chipmakers.generation_spread": 0.0, "chipmakers.design_cost": 0.0,
               "chipmakers.*.launched_performance": 0.0, "chipmakers.ramp_months": months}  # fmt: skip
    return Market(ESSAY.set(changes).with_events("month 10: set chipmakers.generation_months 1000"), rng=1)


def test_a_generation_comes_into_production_in_equal_steps_of_logs() -> None:
    market, performance, generation = ramped(5.0), [], []
    for _ in range(11):
        market.step()
        performance.append(float(makers(market)["performance"][0]))
        generation.append(float(makers(market)["generation"][0]))
    assert performance[5] == performance[0] == 0.6
    assert np.diff(np.log(performance))[5:10] == pytest.approx(math.log(2.0) / 5.0, rel=1e-9)
    assert np.diff(generation)[5:10] == pytest.approx(0.2, rel=1e-9)


def test_what_is_delivered_during_a_ramp_is_of_both_vintages() -> None:
    market = ramped(5.0)
    market.run(8)
    state = market.state
    part, before = float(makers(market)["generation"][0]), state.fleet[:, 0].sum(axis=0)
    assert part == pytest.approx(0.4)
    market.step()
    keep = 1.0 - float(ESSAY.kind_value("clouds", "failure_rate"))
    came = state.fleet[:, 0].sum(axis=0) / keep - before
    assert came.sum() == pytest.approx(makers(market)["delivered"][0]) and came.sum() > 1.0
    assert came[:2] == pytest.approx([(1.0 - part) * came.sum(), part * came.sum()], rel=1e-6)


def test_a_ramp_under_way_at_month_0_ends_where_it_is_declared_to() -> None:
    market = Market(ESSAY, rng=1)
    left = 9 - 4
    path = [float(makers(market)["performance"][0])]
    for _ in range(left + 1):
        market.step()
        path.append(float(makers(market)["performance"][0]))
    assert path[0] == 0.6 and path[left] == pytest.approx(1.0) == path[left + 1]
    assert np.diff(np.log(path[: left + 1])) == pytest.approx(-math.log(0.6) / left)
    assert float(makers(market)["unit_cost"][0]) == pytest.approx(12.0)
    assert float(makers(market)["generation"][0]) == pytest.approx(1.0)
    # The next is due as long after this one's launch as generations take.
    without = Market(ESSAY.set({"chipmakers.*.launched_performance": 0.0}), rng=1)
    assert makers(Market(ESSAY, rng=1))["next_generation"] == pytest.approx(makers(without)["next_generation"] - 4.0)


# ---------------------------------------------------------------------------------------------------- challenger clouds


def share_of_coreweave(changes: dict[str, Any], months: int = 36) -> float:
    levers = {"chipmakers.nvidia.small_first": 0.0, "clouds.contract_weight": 0.0, "clouds.neutrality": 0.0}
    return float(
        np.mean([
            Market(ESSAY.set({**levers, **changes}), rng=seed).run(months).series("clouds.coreweave.share").iloc[-1]
            for seed in (1, 2)
        ])
    )  # fmt: skip


@pytest.mark.parametrize(
    ("lever", "least"),
    [({"chipmakers.nvidia.small_first": 0.5}, 1.1), ({"clouds.contract_weight": 1.0}, 1.003),
     ({"clouds.neutrality": 1.0}, 1.02)],
)  # fmt: skip
def test_each_lever_lifts_a_challenger(lever: dict[str, Any], least: float) -> None:
    assert share_of_coreweave(lever) > least * share_of_coreweave({})


def test_contracts_lower_the_spread_of_those_who_pay_one() -> None:
    market = Market(ESSAY, rng=1)
    market.run(12)
    clouds, shared = market.state.clouds, market.state.shared[0]
    assert clouds["contracted"].min() > 0.0 and clouds["contracted"].max() <= 1.0
    costs = []
    for weight, contracted in ((0.0, 0.5), (1.0, 0.0), (1.0, 0.5), (1.0, 1.0)):
        shared["clouds_contract_weight"] = weight
        clouds["contracted"] = contracted
        decide_orders(market.state.arrays)
        costs.append(clouds["full_cost"].copy())
    off, none, half, all_ = costs
    assert (none == off).all()
    large, small = market.find_row("clouds.azure")[1], market.find_row("clouds.coreweave")[1]
    # The largest borrow at the secured spread anyway.
    assert half[large] == all_[large] == off[large]
    assert off[small] > half[small] > all_[small]
    assert float(clouds["capital_spread"][large]) == float(shared["clouds_secured_spread"])


def test_labs_avoid_clouds_of_rivals_but_for_their_own_and_their_partners() -> None:
    tables = tomllib.loads(ESSAY.to_toml())
    tables["graph"]["only"] = {}
    tables["clouds"]["meta"]["private"] = False
    essay = Scenario.from_dict(tables, "open").set({"labs.openai.partner": "azure"})
    appeal = []
    for neutrality in (0.0, 1.5):
        market = Market(essay.set({"clouds.neutrality": neutrality}), rng=1)
        market.step()
        appeal.append(market.state.matrices[1][: market.state.labs.shape[0]].copy())
    avoided = np.log(appeal[0] / appeal[1])
    clouds, labs = (list(essay.slugs(kind)) for kind in ("clouds", "labs"))
    rivals = {"aws", "gcp", "azure", "meta"}
    for lab, friends in (("anthropic", set()), ("openai", {"azure"}), ("google", {"gcp"}), ("amazon", {"aws"})):
        right = [1.5 if cloud in rivals - friends else 0.0 for cloud in clouds]
        assert avoided[labs.index(lab)] == pytest.approx(right, abs=1e-12)


def test_a_launched_generation_of_no_performance_has_the_least_that_there_is() -> None:
    tiny = {"chipmakers.*.launched_performance": 5e-324, "chipmakers.launched_months": 0.0}
    market = Market(ESSAY.set(tiny), rng=1)
    market.run(14)
    state = market.state
    assert np.isfinite(state.chipmakers["cost"]).all() and state.chipmakers["performance"].min() >= 0.999e-6

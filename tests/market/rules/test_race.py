"""The race for the best model: known answers of contests, money that adds up, drivers that switch it off."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.market.rules.budgets import decide_budgets
from moatlab.market.rules.race import compete
from moatlab.market.state.compiled import direct

ESSAY = Scenario("essay-2023")
_compete, _decide_budgets = direct(compete), direct(decide_budgets)


def later(changes: dict[str, Any] | None = None, months: int = 18) -> Market:
    market = Market(ESSAY.set(changes or {}), rng=1)
    market.run(months)
    return market


def alike(market: Market, count: int) -> Any:
    """The labs' rows, of which the first ``count`` are alike, honest and rich, and the rest are gone."""
    labs, shared = market.state.labs, market.state.shared
    labs["alive"] = np.arange(len(labs)) < count
    for name in ("company", "partner", "cash_flow", "exposed", "flow", "parent_budget", "upgrade", "pledge", "won"):
        labs[name] = -1 if name == "partner" else 0
    labs["capability"] = 1.0
    labs["belief"] = 1.0
    labs["training_budget"] = labs["staff"] = 0.0
    market.state.cash[labs["account"]] = 1e15
    shared["labs_spending_horizon"] = 1.0
    shared["labs_budget_speed"] = 1.0
    return labs


@pytest.mark.parametrize("count", [2, 3, 5])
def test_rich_labs_that_are_alike_spend_as_in_tullocks_contest(count: int) -> None:
    """N alike in a contest of power r for a prize V spend r (N - 1) / N^2 V each (Tullock 1980)."""
    market = later()
    labs, now, shared = alike(market, count), market.state.now[0], market.state.shared[0]
    _compete(market.state.arrays)
    _decide_budgets(market.state.arrays)
    growth = min(max(float(now["expected_growth"]), -shared["labs_growth_cap"]), shared["labs_growth_cap"])
    months = 1 / (1 / shared["labs_lead_life"] + now["discount"])
    months *= shared["labs_version_speed"] / (shared["labs_version_speed"] + now["discount"])
    prize = now["pool"] * now["app_revenue"] * math.exp(growth * shared["labs_lead_life"]) * months
    wanted = shared["labs_contest_power"] * (count - 1) / count**2 * prize / shared["labs_run_months"]
    # Money is so ample that a dollar costs a dollar.
    assert labs["next_training_budget"][:count] == pytest.approx(np.full(count, wanted), rel=1e-9)


def test_money_gets_dearer_as_it_is_used_up() -> None:
    market = later()
    labs, cash = alike(market, 2), market.state.cash
    market.state.shared["investors_lab_stake"] = 0.0
    _compete(market.state.arrays)
    labs["gross_profit"] = labs["claim"] = 0.0
    spends = {}
    for money in (1e15, 100.0, 1.0, 0.0):
        cash[labs["account"]] = money
        _decide_budgets(market.state.arrays)
        spends[money] = float(labs["next_training_budget"][0] + labs["next_staff"][0])
    want = spends[1e15]
    for money in (100.0, 1.0):
        spent = spends[money]
        assert spent < money or spent == pytest.approx(money)
        if spent < money * (1 - 1e-9):
            assert want / spent == pytest.approx(1.0 + spent / money, rel=1e-6)
    assert spends[0.0] == 0.0


def test_what_owners_lose_is_won_or_competed_away_and_all_is_booked() -> None:
    market = Market(ESSAY, rng=1)
    results = market.run(36)
    path = {name: results.path(f"labs.{name}") for name in ("at_stake", "lost", "won")}
    assert path["lost"][-1] > 100.0
    np.testing.assert_allclose(path["won"], float(ESSAY.kind_value("labs", "captured")) * path["lost"], rtol=1e-9)
    assert (path["lost"] <= path["at_stake"]).all()
    book = results.ledger.to_pandas().groupby(["kind", "month"])["amount"].sum()
    np.testing.assert_allclose(book["income won"], path["won"])
    np.testing.assert_allclose(book["income lost"], path["lost"])
    # The cash flow of a company falls by what it loses: other clouds' profit is not its own.
    labs = market.state.labs
    row = market.find_row("labs.meta")[1]
    cloud = market.state.clouds[market.find_row("clouds.meta")[1]]
    flow = labs["cash_flow"][row] + cloud["cash_flow"] - cloud["depreciation"] + labs["won"][row] - labs["lost"][row]
    assert labs["flow"][row] == pytest.approx(flow)


def test_a_company_whose_models_fall_behind_loses_and_rivals_win() -> None:
    plain = Market(ESSAY, rng=1).run(48)
    behind = Market(ESSAY.set({"labs.google.capability": -2.0, "labs.google.cash_flow": 7600.0}), rng=1).run(48)
    assert behind.path("labs.lost").sum() > 1.05 * plain.path("labs.lost").sum()


def test_without_a_prize_nobody_races() -> None:
    """No income at stake, no part of apps' revenue, no sponsors: budgets run out."""
    off = {"labs.*.exposed": 0.0, "labs.pool": 0.0, "labs.pool_speed": 0.0, "labs.*.parent_budget": 0.0}
    run = Market(ESSAY.set(off), rng=1).run(60)
    assert run.path("labs.training")[-1] < 1e-3 * run.path("labs.training")[0]
    assert run.path("labs.lost").max() == 0.0


def test_budgets_rise_with_beliefs_and_beliefs_follow_returns() -> None:
    honest, hopeful, deaf = (
        Market(ESSAY.set(changes), rng=1).run(84) for changes in ({"labs.optimism": 1.0}, {}, {"labs.learning": 0.0})
    )
    training = [run.path("labs.training")[:36].sum() for run in (honest, hopeful)]
    assert training[1] > 1.5 * training[0]
    most = float(ESSAY.kind_value("labs", "optimism"))
    assert deaf.path("labs.belief") == pytest.approx(np.full(84, most))
    belief = hopeful.path("labs.belief")
    evidence = int(ESSAY.kind_value("labs", "evidence_months"))
    assert belief[: evidence - 1] == pytest.approx(np.full(evidence - 1, most))
    assert belief[-1] < 0.75 * most
    assert deaf.path("labs.training")[-12:].sum() > 1.15 * hopeful.path("labs.training")[-12:].sum()


def test_a_backer_pays_for_the_models_behind_its_products_and_shares_in_dividends() -> None:
    run = Market(ESSAY.set({"labs.payout_months": 1.0}), rng=1).run(60)
    book = run.ledger.to_pandas()
    backed = book[book["kind"] == "lab backing"]
    assert set(backed["payee"]) == {"labs.openai"} and (backed["payer"] == "parents").all()
    paid = book[book["payer"] == "labs.openai"].groupby("kind")["amount"].sum()
    put_in = book[book["payee"] == "labs.openai"].groupby("kind")["amount"].sum()
    if paid.get("lab payout", 0.0) > 0.0:
        assert 0.0 < paid["lab remittance"] / (paid["lab remittance"] + paid["lab payout"]) < 1.0
    assert put_in["lab backing"] > 0.0
    alone = Market(ESSAY.set({"labs.openai.partner": "", "labs.openai.revenue_share": 0.0,
                              "labs.openai.pledge": 0.0}), rng=1).run(24)  # fmt: skip
    assert (alone.payments.to_pandas().query("kind == 'lab backing'")["amount"] == 0.0).all()


def test_a_pledge_is_paid_as_it_is_needed_and_no_further() -> None:
    pledge = 1000.0
    market = Market(ESSAY.set({"labs.openai.pledge": pledge, "labs.microsoft.exposed": 0.0}), rng=1)
    run = market.run(72)
    paid = run.payments.to_pandas().query("kind == 'lab backing'")["amount"]
    assert 0.0 < paid.sum() <= pledge * (1 + 1e-9)
    assert paid.max() <= pledge / float(ESSAY.kind_value("investors", "pledge_months")) * (1 + 1e-9)
    row = market.find_row("labs.openai")[1]
    assert market.state.labs["pledge"][row] == pytest.approx(pledge - paid.sum(), abs=1e-6)


def test_a_private_cloud_serves_its_company_alone() -> None:
    book = Market(ESSAY, rng=1).run(24).ledger.to_pandas()
    sold = book[(book["payee"] == "clouds.meta") & ~book["kind"].str.contains("finance")]
    assert set(sold["payer"]) == {"labs.meta"} and sold["amount"].sum() > 0.0


def test_a_lab_without_a_prospect_closes_and_gives_back_what_it_has() -> None:
    run = Market(ESSAY, rng=1).run(96)
    patient = Market(ESSAY.set({"labs.patience": 1000.0}), rng=1).run(96)
    assert run.path("labs.exits").sum() > patient.path("labs.exits").sum()
    firms = run.firms.to_pandas().query("kind == 'labs'")
    closed = set(ESSAY.slugs("labs")) - set(firms[firms["month"] == 95]["slug"])
    assert closed and not closed & {"google", "microsoft", "meta", "amazon", "open-research", "stability"}
    last = [firms[firms["slug"] == slug]["month"].max() for slug in closed]
    # Not before they have been behind for so long; and each at its own time.
    assert min(last) >= float(ESSAY.kind_value("labs", "patience")) - 2.0


def test_a_large_customer_pays_the_same_share_of_markups_wherever_it_buys() -> None:
    market = later(months=30)
    state = market.state
    for name, run in market.walk():
        run()
        if name == "offers":
            break
    offers = state.offers
    seen = 0
    for row in state.live:
        app = state.apps[row]
        if app["deal"] == 0 or app["owner"] >= 0:
            continue
        shares = state.routing[row, : len(offers)]
        price = np.where(
            offers["seller_kind"] == 0,
            offers["unit_cost"] + app["deal_share"] * (offers["price"] - offers["unit_cost"]),
            offers["price"],
        )
        own = state.routing[row, -1] * app["own_unit_cost"] if app["own_model"] else 0.0
        seen += int((shares[: len(ESSAY.slugs("labs"))] > 0.05).sum() > 1)
        assert app["token_cost"] == pytest.approx((shares @ price + own) / state.routing[row].sum(), rel=1e-12)
    assert seen > 3

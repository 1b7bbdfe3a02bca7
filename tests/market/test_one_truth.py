"""A price acts in the month in which it is set, on every layer, and what is recorded is what is paid."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario
from moatlab.results.results import Results
from moatlab.scenario.tables import REGISTRY

#: Where every customer of a seller pays the same price: no deals, transfer prices, discounts, advances or credits.
LIST_PRICES = Scenario("essay-2023").set(
    {
        "labs.negotiation": False,
        "labs.transfer_price": 1.0,
        "users.refund_share": 0.0,
        "users.time_price": 0.0,
        "compute.contract_share": 0.0,
        "chipmakers.volume_discount": 0.0,
        "clouds.*.prepayment": 0.0,
        "clouds.*.own_share": 0.0,
        "clouds.*.own_chip": "",
        "chipmakers.*.captive": False,
        "chipmakers.*.own_fab": 0.0,
        "labs.*.revenue_share": 0.0,
        "apps.figma-plugin.plan": "metered",
        "apps.figma-plugin.token_price": 25.0,
    }
)
#: What each layer sells, by kind of payment.
SALES = {
    "apps": ("subscription",),
    "labs": ("api", "transfer"),
    "hosts": ("hosted inference",),
    "clouds": ("app compute", "app training", "lab inference", "lab training", "host compute", "outside compute"),
    "chipmakers": ("chips",),
    "foundry": ("packages",),
}
MONTH, MONTHS = 6, 8


def receipts(results: Results, layer: str) -> Any:
    """What each firm of a layer was paid for its good, M$ by (month, slug)."""
    ledger = results.ledger.to_pandas()
    sold = ledger[ledger["kind"].isin(SALES[layer])]
    return sold.groupby(["month", "payee"])["amount"].sum()


@pytest.fixture(scope="module")
def plain() -> Results:
    return Market(LIST_PRICES, rng=1).run(MONTHS)


def agrees(results: Results, layer: str) -> None:
    """Recorded price times recorded volume is what the ledger holds, for every firm and month."""
    paid = receipts(results, layer)
    firms = results.firms.to_pandas()
    mine = firms[(firms["kind"] == layer) & (firms["customers"] > 0)]
    wanted = [paid.get((row.month, f"{layer}.{row.slug}"), 0.0) for row in mine.itertuples()]
    np.testing.assert_allclose(mine["price"] * mine["customers"], wanted, rtol=1e-9, atol=1e-9 * max(wanted))
    assert len(mine) >= results.months and max(wanted) > 0


@pytest.mark.parametrize("layer", list(SALES))
def test_recorded_price_times_volume_is_the_ledger(plain: Results, layer: str) -> None:
    agrees(plain, layer)


#: Every price that a scenario states, and so that an event can change.
PRICES = [p for p in REGISTRY.values() if p.name in ("price", "token_price")]
SELLERS = {
    "apps.price": "apps.jasper",
    "apps.token_price": "apps.figma-plugin",
    "labs.price": "labs.openai",
    "chipmakers.price": "chipmakers.nvidia",
    "foundry.price": "foundry.tsmc",
}


def mean_price(results: Results, firm: str, month: int) -> float:
    """What a unit of a firm's good was paid in a month: the ledger over the recorded volume."""
    layer, slug = firm.split(".")
    firms = results.firms.to_pandas()
    mine = firms[(firms["kind"] == layer) & (firms["slug"] == slug) & (firms["month"] == month)]
    return float(receipts(results, layer)[month, firm] / mine["customers"].iloc[0])


@pytest.mark.parametrize("parameter", PRICES, ids=lambda p: p.address)
def test_an_event_on_a_price_changes_what_is_paid_in_that_month(plain: Results, parameter: Any) -> None:
    firm = SELLERS[parameter.address]
    event = f"months {MONTH}-{MONTH}: scale {firm}.{parameter.name} 0.5"
    changed = Market(LIST_PRICES.with_events(event), rng=1).run(MONTHS)
    before = mean_price(plain, firm, MONTH)
    after = mean_price(changed, firm, MONTH)
    if parameter.name == "token_price":
        # Customers of a metered plan use more of what costs half: P q(P) with q of elasticity eta.
        eta = float(LIST_PRICES.kind_value("users", "usage_elasticity"))
        assert after == pytest.approx(before * 0.5 ** (1.0 - eta), rel=1e-9)
        tokens = [r.series("market.tokens")[MONTH] for r in (plain, changed)]
        assert tokens[1] > tokens[0]
    else:
        assert after == pytest.approx(0.5 * before, rel=1e-9)
    agrees(changed, parameter.kind)
    earlier = [r.firms.to_pandas().query("month < @MONTH") for r in (plain, changed)]
    assert earlier[0].equals(earlier[1])


@pytest.mark.parametrize(
    ("firm", "field"),
    [*((SELLERS[p.address], p.name) for p in PRICES), ("hosts.hugging-face", "margin"), ("clouds.aws", "reserve")],
)
def test_a_price_written_between_steps_is_paid_in_the_next(firm: str, field: str) -> None:
    plain, written = (Market(LIST_PRICES, rng=1) for _ in range(2))
    for market in (plain, written):
        market.run(MONTH)
    agent = written.firm(firm)
    setattr(agent, field, 4.0 * getattr(agent, field))
    for market in (plain, written):
        market.step()
    one, other = plain.results, written.results
    layer = firm.split(".")[0]
    agrees(other, layer)
    if field == "token_price":
        assert other.series("market.tokens")[MONTH] != one.series("market.tokens")[MONTH]
    else:
        assert mean_price(other, firm, MONTH) > 1.05 * mean_price(one, firm, MONTH)


def test_an_api_that_closes_sells_nothing_in_that_month(plain: Results) -> None:
    event = f"month {MONTH}: set labs.cohere.api false"
    changed = Market(LIST_PRICES.with_events(event), rng=1).run(MONTHS)
    paid = receipts(changed, "labs")
    assert receipts(plain, "labs")[MONTH, "labs.cohere"] > 0
    assert (MONTH, "labs.cohere") not in paid.index or paid[MONTH, "labs.cohere"] == 0


def test_a_model_that_an_event_improves_is_used_in_that_month(plain: Results) -> None:
    event = f"month {MONTH}: set labs.openai.capability 9"
    changed = Market(LIST_PRICES.with_events(event), rng=1).run(MONTHS)
    one, other = (r.series("apps.chatgpt.capability") for r in (plain, changed))
    assert other[MONTH] > one[MONTH] + 1 and other[MONTH - 1] == one[MONTH - 1]

"""A charge on a unit of any good reaches prices, orders, scrapping, the agent and the tables, from its one home."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from moatlab import Market, Rule, Scenario

#: Prices follow cost without rests of deals or plans; outside demand is small, so that rents are not scarcity rents.
BASE = Scenario("essay-2023").set(
    {
        "labs.negotiation": False,
        "outside.initial_hours": 30.0,
        "outside.shortage": 1.0,
    }
)
#: Firm, levy in the unit of its price.
SELLERS = {
    "apps": ("jasper", 5.0),
    "labs": ("cohere", 20.0),
    "hosts": ("hugging-face", 5.0),
    "clouds": ("lambda", 0.4),
    "chipmakers": ("nvidia", 8.0),
    "foundry": ("tsmc", 1.5),
}
MONTHS = 24


class Levied(Rule):
    """Puts a charge on one firm's good and never collects it, to see what follows from the cost alone."""

    name = "levied"
    firm: ClassVar[tuple[str, str]]
    amount: ClassVar[float]

    def start(self) -> None:
        """From month 0."""
        layer, row = self.names.find_row(".".join(self.firm))
        self.state.kind(layer)["levy"][row] = self.amount

    def run(self) -> None:
        """Nothing more."""


def run(layer: str, levy: float) -> Market:
    slug, _ = SELLERS[layer]
    rule = type("Levied", (Levied,), {"firm": (layer, slug), "amount": levy, "name": "levied"})
    market = Market(BASE.with_rule(rule, after="close"), rng=1)
    market.run(MONTHS)
    return market


@pytest.fixture(scope="module")
def plain() -> Market:
    return run("apps", 0.0)


@pytest.mark.parametrize("layer", list(SELLERS))
def test_a_charge_reaches_price_agent_and_tables(plain: Market, layer: str) -> None:
    slug, levy = SELLERS[layer]
    market = run(layer, levy)
    firm = f"{layer}.{slug}"
    one, other = (m.results.firms.to_pandas() for m in (plain, market))
    cost, price = (
        [frame[(frame["kind"] == layer) & (frame["slug"] == slug)].set_index("month")[name] for frame in (one, other)]
        for name in ("unit_cost", "price")
    )
    first = 0
    assert cost[1][first] - cost[0][first] == pytest.approx(levy, rel=0.6), "month 0"
    assert cost[1].iloc[-1] > cost[0].iloc[-1]
    if layer == "clouds":
        # A rent that clears scarce hours does not follow one seller's cost; the reserve does.
        row = market.find_row(firm)[1]
        assert market.state.clouds["reserve"][row] > plain.state.clouds["reserve"][row] + 0.2 * levy
    else:
        assert price[1].iloc[-1] > price[0].iloc[-1] + 0.2 * levy
    if layer != "foundry":
        assert market.firm(firm).marginal_cost > plain.firm(firm).marginal_cost


def test_a_charge_on_gpu_hours_reaches_orders_and_scrapping(plain: Market) -> None:
    market = run("clouds", 3.0)
    row = market.find_row("clouds.lambda")[1]
    one, other = (m.state.clouds[row] for m in (plain, market))
    # The full unit cost that orders are made for has the charge in it, and what costs more than it earns is scrapped.
    assert other["full_cost"] > one["full_cost"] + 2.0
    assert other["fleet_now"] < 0.7 * one["fleet_now"]


def test_every_seller_has_a_levy_and_none_is_charged_by_default(plain: Market) -> None:
    for kind in SELLERS:
        rows: Any = plain.state.kind(kind)
        assert not np.asarray(rows["levy"]).any()

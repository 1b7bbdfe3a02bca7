"""Scarce chips: who gets them, what priority is worth, what prepayment does, and what orders do over the cycle."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from moatlab import Market, Scenario

ESSAY = Scenario("essay-2023")
#: Nvidia alone sells to everybody, so that what a cloud gets is its allocation.
SCARCE = {
    "chipmakers.nvidia.allocation": "pro-rata", "chipmakers.nvidia.small_first": 0.0, "chipmakers.build_months": 3,
}  # fmt: skip


def allocated(changes: dict[str, Any], month: int = 6) -> tuple[Market, Any, Any]:
    """The market before the chips of ``month``, orders of Nvidia's before delivery, and what clouds got of it."""
    market = Market(ESSAY.set(SCARCE | changes), rng=1)
    for _ in range(month):
        market.step()
    before = market.state.backlog[:, 0].copy()
    fleet = market.state.fleet[:, 0, :].sum(axis=1)
    market.step()
    keep = 1.0 - float(ESSAY.kind_value("clouds", "failure_rate"))
    got = market.state.fleet[:, 0, :].sum(axis=1) / keep - fleet
    # Orders of the month are in the queue when chips come.
    return market, before, got


def queue(market: Market, got: Any) -> Any:
    return market.state.backlog[:, 0] + got


def test_pro_rata_is_in_proportion_to_orders() -> None:
    market, _, got = allocated({})
    wants = queue(market, got)
    assert got.sum() < 0.7 * wants.sum(), "nothing is scarce: the test tests nothing"
    assert got / got.sum() == pytest.approx(wants / wants.sum(), rel=1e-9)


def test_a_maker_that_prefers_keeps_chips_from_rival_designers() -> None:
    aversion = 0.8
    market, _, got = allocated({"chipmakers.nvidia.allocation": "preference", "chipmakers.rival_aversion": aversion})
    wants = queue(market, got)
    rival = market.state.clouds["own_chip"] >= 0
    assert rival.sum() == 2
    weight = wants * np.where(rival, np.exp(-aversion), 1.0)
    assert got / got.sum() == pytest.approx(weight / weight.sum(), rel=1e-9)
    neutral = allocated({"chipmakers.nvidia.allocation": "preference", "chipmakers.rival_aversion": 0.0})[2]
    assert (neutral == allocated({"chipmakers.rival_aversion": 0.0})[2]).all()


def test_a_maker_that_prefers_small_buyers_weighs_their_share_of_all_fleets() -> None:
    power = 2.0
    market, _, got = allocated({"chipmakers.nvidia.small_first": power})
    wants, size = queue(market, got), market.state.clouds["size"]
    served = got / wants
    part = served < 1.0 - 1e-9
    # Those who are not served in full share what the others leave, in proportion to what they want times size^-a.
    weight = (wants * size**-power)[part]
    assert part.sum() >= 2 and got[part] / got[part].sum() == pytest.approx(weight / weight.sum(), rel=1e-9)
    assert served[~part] == pytest.approx(1.0) and size[~part].max(initial=0.0) < size[part].max()


def test_by_worth_the_highest_bidder_is_served_first() -> None:
    market, _, got = allocated({"chipmakers.nvidia.allocation": "worth"}, month=3)
    wants, worth = queue(market, got), market.state.clouds["worth"]
    asks = wants > 0.0
    served, worth = got[asks] / wants[asks], worth[asks]
    order = np.argsort(-worth)
    # Whoever stands before somebody who got something has all that it asked for.
    partial = np.flatnonzero((served[order] > 1e-9) & (served[order] < 1 - 1e-9))
    assert len(partial) <= 1
    last = int(np.flatnonzero(served[order] > 1e-9).max())
    assert served[order][:last] == pytest.approx(1.0)
    assert served.min() < 1e-9


def test_cheap_capital_wins_the_auction() -> None:
    """A cloud whose cost of capital falls sees more worth in a GPU and moves up the queue."""
    shares = []
    for spread in (0.3, -0.2):
        alike = {f"clouds.{cloud}.capital_spread": 0.0 for cloud in ESSAY.slugs("clouds")}
        changes = {**alike, "chipmakers.nvidia.allocation": "worth", "clouds.azure.capital_spread": spread}
        market, _, got = allocated(changes, month=3)
        row = market.find_row("clouds.azure")[1]
        shares.append((got / got.sum())[row])
    assert shares[0] < shares[1]


def test_priority_is_a_weight_that_fades_and_prepayment_feeds_it() -> None:
    market, _, got = allocated({"clouds.coreweave.priority": 1.0}, month=0)
    plain = allocated({}, month=0)[2]
    row = market.find_row("clouds.coreweave")[1]
    odds = (got[row] / (got.sum() - got[row])) / (plain[row] / (plain.sum() - plain[row]))
    assert odds == pytest.approx(math.e, rel=1e-9)
    paths = []
    for changes in ({"clouds.coreweave.prepayment": 1.0}, {"clouds.coreweave.priority": 1.0}, {}):
        one = Market(ESSAY.set(changes), rng=1)
        path = []
        for _ in range(60):
            one.step()
            path.append(float(one.state.clouds["priority"][row]))
        paths.append(path)
    fed, fading, neutral = paths
    assert fed[11] > 0.2 and max(neutral) == 0.0
    assert (np.diff(fading) < 0).all() and fading[-1] < 0.05
    # It fades faster at the normal lead time than in the shortage.
    steps = np.array(fading[1:]) / np.array(fading[:-1])
    assert steps.min() == pytest.approx(0.9, rel=1e-9) and steps.max() > 0.93


def test_prepayment_moves_money_forward_and_pays_no_more() -> None:
    """At a list price that does not move, advances and balances add up to what is delivered and what is still due."""
    still = {"chipmakers.*.price_rule": "frozen", "chipmakers.volume_discount": 0.0}
    paid = []
    for share in (0.0, 0.6):
        market = Market(ESSAY.set(still | {"clouds.oracle.prepayment": share, "clouds.oracle.own_chip": ""}), rng=1)
        row = market.find_row("clouds.oracle")[1]
        results = market.run(1)
        state = market.state
        before = market.ledger.imbalance(results.about["first_cash"], state.cash)
        assert before < 1e-6
        ledger = results.ledger.to_pandas().query("payer == 'clouds.oracle' and kind == 'chips'")
        prices = state.chipmakers["price"]
        received = state.fleet[row].sum(axis=1) / (1 - 0.008)
        paid.append((float(ledger["amount"].sum()), float(state.prepaid[row].sum()), received, prices.copy()))
    (late, nothing, fleet_0, _), (early, advance, fleet_1, prices) = paid
    assert nothing == 0.0 and advance > 0.0
    assert fleet_0 == pytest.approx(fleet_1)
    # Advances on this month's orders, of which the part delivered at once is due anyway.
    assert early == pytest.approx(late + advance, rel=1e-9)


def test_orders_that_forget_the_pipeline_swing_more() -> None:
    """The bullwhip (Sterman 1989): the deeper the fall of a year's deliveries from its peak, the less is netted."""
    falls = []
    for weight in (1.0, 0.5):
        worst = []
        for seed in (1, 2):
            run = Market(ESSAY.set({"clouds.pipeline_weight": weight}), rng=seed).run(96)
            quarter = run.series("market.deliveries").rolling(3).sum().dropna().to_numpy()
            assert weight < 1.0 or quarter.min() > 1.0, "deliveries stop"
            worst.append(min(quarter[i:].min() / quarter[i] for i in range(len(quarter))))
        falls.append(np.mean(worst))
    assert falls[1] < 0.7 * falls[0]


def test_a_buyer_of_everything_pays_the_full_discount() -> None:
    discounted = ESSAY.set({"chipmakers.volume_discount": 0.4})
    market = Market(discounted, rng=1)
    results = market.run(1)
    clouds = market.state.clouds
    row = market.find_row("clouds.azure")[1]
    paid = results.ledger.to_pandas().query("payer == 'clouds.azure' and payee == 'chipmakers.nvidia'")["amount"].sum()
    got = market.state.fleet[row, 0].sum() / (1 - 0.008) - Market(discounted, rng=1).state.fleet[row, 0].sum()
    size = float(Market(discounted, rng=1).state.clouds["size"][row])
    assert 0.2 < size < 0.4
    assert clouds["size"].sum() == pytest.approx(1.0)
    start = float(ESSAY.value("chipmakers", "nvidia", "price"))
    assert paid / got == pytest.approx(start * (1 - 0.4 * size), rel=1e-9)


def test_specialised_clouds_win_the_buyers_they_are_made_for() -> None:
    """Training draws labs that train, hosting draws hosts; outside demand is moved only by the rent that follows."""

    def places(changes: dict[str, float]) -> Any:
        market = Market(ESSAY.set({"clouds.*.fleet": 5000.0} | changes), rng=1)
        market.run(24)
        row = market.find_row("clouds.lambda")[1]
        labs, hosts = market.state.labs.shape[0], market.state.hosts.shape[0]
        shares = market.state.places[:, row]
        return shares[:labs].mean(), shares[labs : labs + hosts].mean(), shares[-1]

    plain, hosting = places({}), places({"clouds.lambda.hosting_affinity": 2.0})
    training = places({"clouds.lambda.training_affinity": 2.0})
    assert hosting[1] > 1.5 * plain[1] and hosting[0] == pytest.approx(plain[0], rel=0.1)
    assert training[0] > 1.5 * plain[0] and training[1] == pytest.approx(plain[1], rel=0.1)
    assert training[2] == pytest.approx(plain[2], rel=0.1)

"""Make-or-buy at its break-even volume, through the market's reviews."""

from __future__ import annotations

from math import log
from typing import Any

import pytest

from tests.textbook.tokens import run, scenario

ALPHA, GAMMA, W = 0.05, 0.8, 0.5


def break_even(market: Any, response: bool = True, team: bool = True) -> float:
    """Customers (millions) at which fine-tuning pays: fixed cost over what a customer gains, in utils times 1/alpha.

    A customer gains gamma ln(P / c_own) from cheaper tokens, of which more are used, and loses beta w (theta_lab -
    theta_own).  Wrong without the ``response`` of use: then it is the saving on today's tokens, gamma (1 - c_own / P);
    wrong without the ``team``: then only the one-off cost counts.
    """
    s, now = market.state.shared[0], market.state.now[0]
    price = float(market.state.apps["token_cost"][0])
    hours = 45.0 * 10**0.3
    own = 2.2 * 10**0.15 * 1.4 * float(now["expected_rent"])
    months = float(s["apps_graduation_horizon"])
    worth = (1 - (1 + float(now["discount"])) ** -months) / float(now["discount"])
    fixed = (4.0 + 0.02 * hours * float(now["expected_rent"])) / worth
    if team:
        fixed += 1.2 + 0.3 + 0.1
    gain = GAMMA * log(price / own) if response else GAMMA * (1 - own / price)
    return float(ALPHA * fixed / (gain - W * (0.5 - 0.3)))


def graduated(customers: float, month: int = 250) -> bool:
    """Whether an app of that many customers, which may graduate from that month on, has done so in it."""
    events = [f"month {month}: set apps.graduation npv"]
    case = scenario("make-or-buy", {"apps.app.customers": customers, "apps.graduation": "off"}).with_events(*events)
    market = run(case, month)
    assert market.state.apps["own_model"][0] == 0
    market.step()
    return bool(market.state.apps["own_model"][0] == 1)


def test_an_app_graduates_above_the_break_even_volume() -> None:
    # Prices, costs and rents stand still and do not depend on the app's size.
    market = run(scenario("make-or-buy", {"apps.graduation": "off"}), 250)
    volume = break_even(market)
    assert not graduated(0.9999 * volume)
    assert graduated(1.0001 * volume)
    for wrong in (break_even(market, response=False), break_even(market, team=False)):
        assert abs(wrong / volume - 1.0) > 0.01


def test_an_app_that_lacks_the_cash_graduates_once_it_has_a_round() -> None:
    """It pays its profits out, so that it never has the one-off cost: it asks, and investors pay if they have money."""
    poor = {
        "apps.app.cash": 1.0,
        "apps.app.price": 20.0,
        "apps.app.customers": 2.0,
        "apps.payout_months": 1.0,
        "apps.finetune_cost": 200.0,
        "apps.graduation": "off",
        "investors.growth_hurdle": -0.05,
    }
    case = scenario("make-or-buy", poor).with_events("month 250: set apps.graduation npv")
    owns = [run(case.set({"investors.commitments": m}), 260).state.apps["own_model"][0] for m in (0.0, 1e4)]
    assert owns == [0, 1]


@pytest.mark.parametrize(("rule", "owns"), [("off", 0), ("npv", 0), ("forced", 1)])
def test_forced_graduation_takes_what_does_not_pay(rule: str, owns: int) -> None:
    market = run(scenario("make-or-buy", {"apps.app.customers": 0.01, "apps.graduation": rule}), 6)
    assert market.state.apps["own_model"][0] == owns


def test_an_app_returns_when_models_for_sale_have_left_its_own_behind() -> None:
    """Its own model is not refreshed; the lab's gains points at the same cost, more than cheaper tokens are worth."""
    case = scenario("make-or-buy", {"apps.app.customers": 1.0, "labs.serving_exponent": 0.0})
    own = run(case, 30)
    assert own.state.apps["own_model"][0] == 1
    better = run(case.with_events("month 20: set labs.lab.capability 4.0"), 30)
    assert better.state.apps["own_model"][0] == 0


def test_the_maker_of_the_checkpoint_earns_its_agreement_and_no_more_than_that() -> None:
    """Weights alone earn nothing: without an agreement, an API or a host's licence the maker has no revenue."""
    case = scenario("make-or-buy")
    paid = run(case, 12).results.series("labs.commons.revenue")
    nothing = run(case.set({"labs.commons.enterprise_fee": 0.0}), 12).results.series("labs.commons.revenue")
    assert paid.iloc[-1] == pytest.approx(0.1)
    assert nothing.sum() == 0.0

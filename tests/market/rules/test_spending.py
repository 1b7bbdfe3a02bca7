"""What apps spend on features and marketing: the best spending pays for itself, and means bind."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from benchmarks.spending import returns

from moatlab import Market
from moatlab.market.rules.spending import decide_spending
from tests.market.rules.essay import later, value
from tests.textbook.demand import scenario

SHARES = {"apps.spending": "shares"}


def test_under_shares_apps_spend_what_they_earn_and_a_share_of_their_cash() -> None:
    state = later(SHARES)
    poor, rich, bundled = (state.apps[row : row + 1] for row in state.live[:3])
    for app, earned, held in ((poor, -3.0, -1.0), (rich, 5.0, 36.0), (bundled, 50.0, 50.0)):
        app["gross_profit"], app["own_model"], state.cash[app["account"]] = earned, 0, held
    bundled["price_rule"] = 3
    kept = bundled["rnd"][0], bundled["marketing"][0]
    decide_spending(state.arrays)
    assert (poor["next_rnd"][0], poor["next_marketing"][0]) == (0.0, 0.0)
    budget = 5.0 - value("apps", "overhead") + 36.0 / value("apps", "spending_horizon")
    assert rich["next_rnd"][0] == pytest.approx(value("apps", "rnd_share") * budget)
    assert rich["next_marketing"][0] == pytest.approx(value("apps", "marketing_share") * budget)
    assert (bundled["next_rnd"][0], bundled["next_marketing"][0]) == kept


def test_the_growth_that_an_app_knows_is_smoothed_and_bounded() -> None:
    smoothing, bound = 0.4, 0.5
    state = later({"apps.smoothing": smoothing, "apps.growth_bound": bound})
    calm, leaping = (state.apps[row : row + 1] for row in state.live[:2])
    for app, factor in ((calm, 1.2), (leaping, 100.0)):
        app["growth"], app["last_revenue"], app["revenue"] = 0.1, 1.0, factor
    decide_spending(state.arrays)
    assert calm["growth"][0] == pytest.approx(0.1 + smoothing * (np.log(1.2) - 0.1))
    assert leaping["growth"][0] == pytest.approx(0.1 + smoothing * (bound - 0.1))


def test_means_bind_independents_and_a_lab_s_cash_counts_for_its_app() -> None:
    state = later({"apps.spending_speed": 1.0}, months=24)
    apps, cash = state.apps, state.cash
    live = state.live
    independents = [
        r for r in live if apps["owner"][r] < 0 and apps["incumbent"][r] == 0 and apps["price_rule"][r] == 0
    ]
    best = max(independents, key=lambda r: apps["gross_profit"][r])
    for held in (0.0, 900.0):
        apps["gross_profit"][best], apps["own_model"][best] = 20.0, 0
        cash[apps["account"][best]] = held
        decide_spending(state.arrays)
        spent = apps["next_rnd"][best] + apps["next_marketing"][best]
        means = 20.0 - value("apps", "overhead") + held / value("apps", "spending_horizon")
        assert 0.0 < spent <= means * (1 + 1e-12)
    owned = next(r for r in live if apps["owner"][r] >= 0 and apps["price_rule"][r] == 0)
    apps["gross_profit"][owned], cash[apps["account"][owned]] = 0.0, 0.0
    for held in (0.0, 1800.0):
        cash[state.labs["account"][apps["owner"][owned]]] = held
        decide_spending(state.arrays)
        spent = apps["next_rnd"][owned] + apps["next_marketing"][owned]
        assert spent <= held / value("apps", "spending_horizon") * (1 + 1e-12)
    assert spent > 0.0


def test_spending_moves_towards_what_the_rule_calls_for() -> None:
    slow, fast = (later({"apps.spending_speed": speed}, months=12) for speed in (0.25, 1.0))
    for state in (slow, fast):
        state.apps["rnd"][state.live] = 1.0
    twin = copy.deepcopy(slow)
    twin.shared["apps_spending_speed"] = 1.0
    decide_spending(slow.arrays)
    decide_spending(twin.arrays)
    wanted = twin.apps["next_rnd"][slow.live]
    np.testing.assert_allclose(slow.apps["next_rnd"][slow.live], 1.0 + 0.25 * (wanted - 1.0), rtol=1e-12)


@pytest.mark.parametrize("what", ["rnd", "marketing"])
def test_a_further_dollar_brings_in_about_a_dollar_at_rest(what: str) -> None:
    """Paired runs of the textbook market: a fifth more in a month, ten years of what it earns over what it costs."""
    found: list[float] = []
    for seed in (1, 2):
        market = Market(scenario("free-entry"), rng=seed)
        market.run(100)
        found += returns(market, what, leaders=6)
    assert 0.75 < float(np.median(found)) < 1.25
    assert np.mean((np.array(found) > 0.5) & (np.array(found) < 1.6)) > 0.8

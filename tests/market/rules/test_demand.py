"""The demand side in the essay's market: neutral values, moats on the side of customers, bundling, companies."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from moatlab import InputError, Market, Scenario

ESSAY = Scenario("essay-2023")


def paths(scenario: Scenario, months: int = 24, seed: int = 1) -> pd.DataFrame:
    """Firms' figures of a run."""
    return Market(scenario, rng=seed).run(months).firms.to_pandas()


def same(one: Scenario, other: Scenario) -> bool:
    return paths(one).equals(paths(other))


@pytest.mark.parametrize(
    ("neutral", "idle"),
    [
        ({"users.*.depth_gain": 0.0}, {"users.*.portability": 0.5}),
        ({}, {"apps.jasper.company": "alone"}),
        ({}, {"apps.jasper.company": "one", "apps.midjourney.company": "one"}),
    ],
    ids=["no depth to carry over", "a company of one", "a company with one app in each category"],
)
def test_what_a_neutral_value_leaves_without_effect(neutral: dict[str, Any], idle: dict[str, Any]) -> None:
    assert same(ESSAY.set(neutral), ESSAY.set({**neutral, **idle}))


def test_depth_and_its_effect_vanish_without_gain() -> None:
    market = Market(ESSAY.set({"users.*.depth_gain": 0.0}), rng=1)
    market.run(24)
    assert not market.state.apps["depth"].any()


def test_nests_of_no_correlation_are_the_limit_of_nests() -> None:
    # Where apps crowd, plans without nests of labs are priced by a best response that is exact at rest only.
    alike = ESSAY.set({"users.crowding": 0.0})
    plain, nearly = (paths(alike.set({"users.*.nest_correlation": rho}), 12) for rho in (0.0, 1e-10))
    np.testing.assert_allclose(nearly["customers"], plain["customers"], rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(nearly["price"], plain["price"], rtol=1e-6, atol=1e-12)


def test_apps_on_one_model_lose_margin_and_apps_on_models_of_their_own_do_not() -> None:
    """Nests bear on those who share a lab's model: Midjourney, on its own, holds more of its customers than they."""
    arms = [Market(ESSAY.set({"users.*.nest_correlation": rho}), rng=2).run(12) for rho in (0.0, 0.6)]
    price = [arm.series("apps.jasper.price").iloc[-1] for arm in arms]
    assert price[1] < 0.97 * price[0]
    kept = [np.log(arms[1].series(f"apps.{a}.customers").iloc[-1] / arms[0].series(f"apps.{a}.customers").iloc[-1])
            for a in ("midjourney", "discord-bot")]  # fmt: skip
    assert kept[0] > kept[1]


def test_nests_that_an_event_switches_on_form_in_that_month() -> None:
    plain, later = (
        Market(s, rng=1).run(14) for s in (ESSAY, ESSAY.with_events("month 6: set users.*.nest_correlation 0.5"))
    )
    one, two = (run.series("apps.jasper.customers") for run in (plain, later))
    assert (one.loc[:5] == two.loc[:5]).all()
    assert (one.loc[6:] != two.loc[6:]).all()
    assert later.series("apps.jasper.price")[13] < plain.series("apps.jasper.price")[13]


def test_workflow_depth_is_a_stock_that_can_be_granted_and_is_eroded_by_portability() -> None:
    granted = ESSAY.with_events("month 6: grant apps.jasper stickiness 3")
    runs = {}
    for name, scenario in {
        "plain": ESSAY,
        "granted": granted,
        "portable": granted.set({"users.copy.portability": 0.5}),
        "maintained": ESSAY.with_events("months 6-23: maintain apps.jasper stickiness 3"),
    }.items():
        market = Market(scenario, rng=1)
        market.run(24)
        runs[name] = (market.firm("apps.jasper").depth, market.results.series("apps.jasper.customers").iloc[-1])
    assert runs["granted"][0] > runs["plain"][0] > runs["portable"][0]
    assert runs["granted"][1] > runs["portable"][1]
    assert runs["granted"][1] > 1.05 * runs["plain"][1]
    assert runs["maintained"][0] > 3.0 * 0.9 and runs["maintained"][1] > runs["granted"][1]


def test_newcomers_dilute_depth() -> None:
    """Half of an app's customers new: half of its depth."""
    market = Market(ESSAY.set({"users.*.depth_gain": 0.0, "users.*.portability": 0.0, "apps.jasper.depth": 1.0}), rng=1)
    before = market.firm("apps.jasper").customers
    market.step()
    app = market.firm("apps.jasper")
    stayed = (app.customers - app.joined) / app.customers
    assert 0.5 < stayed < 1.0 and app.customers != before
    assert app.depth == pytest.approx(stayed, rel=1e-12)


def test_marketing_buys_less_awareness_in_a_saturated_category() -> None:
    scenario = ESSAY.set(
        {"apps.awareness_decay": 0.0, "apps.acquisition_saturation": 2.0, "users.copy.market_size": 0.3}
    )
    gains = []
    for saturation in (0.0, 2.0):
        market = Market(scenario.set({"apps.acquisition_saturation": saturation}), rng=1)
        before = market.firm("apps.jasper").awareness
        market.step()
        gains.append(market.firm("apps.jasper").awareness - before)
    assert 0.0 < gains[1] < 0.8 * gains[0]


def test_bundling_takes_customers_and_its_owner_pays() -> None:
    plain, bundled = (
        Market(s, rng=2).run(30)
        for s in (ESSAY, ESSAY.with_events("months 12-23: set apps.microsoft.price_rule bundled"))
    )
    price = bundled.series("apps.microsoft.price")
    # It is free at once, and has a price again when it has decided on one.
    assert (price.loc[12:24] == 0.0).all() and price.loc[11] > 0.0 and price.loc[25] > 0.0
    assert bundled.series("apps.microsoft.customers")[23] > 3.0 * plain.series("apps.microsoft.customers")[23]
    assert bundled.series("apps.jasper.customers")[23] < plain.series("apps.jasper.customers")[23]
    assert bundled.series("apps.microsoft.gross_profit")[20] < 0.0
    paid = bundled.ledger.to_pandas()
    support = paid[(paid["kind"] == "app support") & (paid["payee"] == "apps.microsoft")]
    assert support["amount"].sum() > 0.0
    spent = paid[(paid["kind"] == "marketing") & (paid["payer"] == "apps.microsoft")].set_index("month")["amount"]
    assert spent[20] == spent[14] > 0.0


def test_apps_of_one_lab_price_jointly_unless_their_companies_differ() -> None:
    both = {"apps.character.owner": "openai", "apps.character.source": ""}
    graph = ESSAY.with_graph(only={"apps.chatgpt": ["labs.openai"], "apps.google": ["labs.google"]})
    one, two = (
        Market(graph.set({**both, "apps.character.company": word}), rng=1).run(12) for word in ("", "character")
    )
    for app in ("chatgpt", "character"):
        assert one.series(f"apps.{app}.price")[11] > two.series(f"apps.{app}.price")[11]


def test_metered_customers_use_less_when_tokens_are_dear() -> None:
    use = []
    for price in (15.0, 30.0):
        scenario = ESSAY.set({
            "apps.jasper.plan": "metered", "apps.jasper.token_price": price, "apps.jasper.price_rule": "frozen",
            "users.usage_growth": 0.0, "users.time_price": 0.0,
        })  # fmt: skip
        market = Market(scenario, rng=1)
        market.run(3)
        app = market.firm("apps.jasper")
        assert app.price == pytest.approx(app.quota * price, rel=1e-12)
        use.append(app.quota)
    # The elasticity of use is 1.
    assert use[0] == pytest.approx(2.0 * use[1], rel=1e-12)


def test_bundling_needs_somebody_who_bears_the_cost() -> None:
    with pytest.raises(InputError, match=r"apps\.jasper is bundled, which needs one who bears its cost"):
        ESSAY.set({"apps.jasper.price_rule": "bundled"})
    with pytest.raises(InputError, match="startups cannot be bundled"):
        ESSAY.set({"apps.*.price_rule": "bundled"})


@pytest.mark.parametrize("scale", [0.05, 0.02])
def test_products_that_hardly_differ_are_still_a_market(scale: float) -> None:
    run = Market(ESSAY.set({"users.*.taste_scale": scale}), rng=1).run(6)
    assert np.isfinite(run.series("apps.revenue")).all()

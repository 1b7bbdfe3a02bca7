"""The tier of tokens: list prices, homogeneous labs, successive margins, negotiated prices, routing, hubs.

Each market runs until it rests.  The answer comes from profits maximised by scipy, or from a closed form; beside it
stand plausible wrong formulas, which the tolerance has to reject.
"""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq, minimize_scalar
from scipy.special import expit, softmax

from moatlab import Market, Scenario
from tests.textbook.demand import Vector
from tests.textbook.tokens import of_labs, rejects, run, scenario, values

RHO = 3.0
#: Price of a token at which a plan costs gamma / alpha, $ per Mtok.
REFERENCE = 20.0


def left(prices: Vector, eta: float) -> Vector:
    """What tokens leave to a customer, per unit of gamma and up to a constant: the area under the demand for them."""
    relative = prices / REFERENCE
    return np.asarray(-np.log(relative) if eta == 1 else relative ** (1 - eta) / (eta - 1))


def tokens_sold(case: Scenario, prices: Vector, rho: float = RHO, at: Vector | None = None) -> Vector:
    """Tokens of each lab (Ttok): the apps' logit among labs, and the plans' quotas at the mean cost of a token.

    Plans are those of the prices ``at``, where given, whatever the prices.
    """
    labs = case.slugs("labs")
    eta = float(case.kind_value("users", "usage_elasticity"))
    theta = values(case, "labs", labs, "capability")
    sold = np.zeros(len(labs))
    for app in case.slugs("apps"):
        category = str(case.value("apps", app, "category"))
        alpha, beta, w, gamma = (
            float(case.value("users", category, name))
            for name in ("price_taste", "quality_taste", "ai_centrality", "usage_value")
        )
        # Utility of the best quota at each price, its cost deducted.
        worth = gamma * left(prices, eta)
        share = softmax(rho * (beta * w * theta + worth))
        usual = prices if at is None else at
        worth = gamma * left(usual, eta)
        mean = softmax(rho * (beta * w * theta + worth)) @ usual
        quota = gamma / (alpha * REFERENCE) * (mean / REFERENCE) ** -eta
        sold += float(case.value("apps", app, "customers")) * quota * share
    return sold


def nash(case: Scenario, cost: Vector, rho: float = RHO, fixed_quotas: bool = False) -> Vector:
    """Prices at which each lab's profit is largest, given the others' prices (and, if told so, plans)."""
    prices = 2.0 * cost
    for _ in range(200):
        before = prices.copy()
        for lab in range(len(prices)):

            def loss(price: float, lab: int = lab, before: Vector = before) -> float:
                trial = prices.copy()
                trial[lab] = price
                at = before if fixed_quotas else None
                return float(-(price - cost[lab]) * tokens_sold(case, trial, rho, at)[lab])

            bounds = (cost[lab], 9.0 * cost[lab])
            prices[lab] = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        if np.max(np.abs(prices / before - 1.0)) < 1e-12:
            break
    return prices


@pytest.mark.parametrize(("eta", "rho"), [(1.0, 3.0), (0.4, 3.0), (1.2, 2.0)])
def test_list_prices_are_bertrand_nash(eta: float, rho: float) -> None:
    case = scenario("token-prices", {"users.usage_elasticity": eta, "apps.routing_sharpness": rho})
    market = run(case, 150)
    cost = of_labs(market, "unit_cost")
    prices = of_labs(market, "price")
    # Wrong: labs that forget that dearer tokens also make plans smaller: users who do not respond, eta = 0, in the
    # price rule only.  A maximum of profit is flat, so scipy finds it to the root of its precision only.
    rejects(prices, nash(case, cost, rho), nash(case, cost, rho, fixed_quotas=True), tolerance=2e-6)
    sold = tokens_sold(case, prices, rho)
    np.testing.assert_allclose(of_labs(market, "tokens"), sold, rtol=1e-8)
    # By its first-order condition the price is exact: the profit's slope by central differences vanishes.
    for lab in range(3):
        step = np.zeros(3)
        step[lab] = 1e-5 * prices[lab]
        up, down = (tokens_sold(case, prices + d, rho)[lab] * (prices + d - cost)[lab] for d in (step, -step))
        assert abs(up - down) / (up + down) < 1e-9


@pytest.mark.parametrize("rho", [3.0, 30.0, 300.0])
def test_margins_vanish_as_models_become_alike(rho: float) -> None:
    """Identical labs: Lerner = 1 / (rho gamma (1 - 1/n) + eta/n), so nothing is left at rho to infinity (Bertrand)."""
    alike = {f"labs.{lab}.capability": 0.0 for lab in ("small", "middle", "large")}
    one = {"apps.painter.customers": 0.0}
    case = scenario("token-prices", {**alike, **one, "apps.routing_sharpness": rho})
    market = run(case, 100)
    cost, prices = of_labs(market, "unit_cost"), of_labs(market, "price")
    lerner = 1.0 - cost / prices
    # Wrong: 1 / (rho gamma), which forgets that two thirds of the tokens are elsewhere.
    rejects(lerner, np.full(3, 1.0 / (rho * 0.8 * 2 / 3 + 1 / 3)), np.full(3, 1.0 / (rho * 0.8)), tolerance=1e-7)


def test_a_public_benefit_lab_takes_its_part_of_the_margin() -> None:
    market = run(scenario("token-prices", {"labs.large.markup_factor": 0.4}), 150)
    lab = market.state.labs[2]
    margin = 1.0 / lab["semi_elasticity"]
    rejects(lab["price"] - lab["unit_cost"], 0.4 * margin, margin, tolerance=1e-7)


# ----------------------------------------------------------------------------------------------- successive margins

GAMMA, ALPHA, MU, FEATURE = 1.5, 0.05, 1.0, 4.0


def demand(price: float, token: float, first: float) -> float:
    """Share of the market that buys at the app's price and the price of a token; use is worth gamma ln(P_0 / P)."""
    return float(expit((FEATURE + GAMMA * log(first / token) - ALPHA * price) / MU))


def chain(cost: float, first: float, leader: bool) -> tuple[float, float]:
    """Token price and app price: margins set simultaneously, or by the lab first, who foresees the app's answer."""

    def app_margin(token: float) -> float:
        # A customer uses gamma / (alpha P) tokens, so they cost the app gamma / alpha whatever P is.
        bill = GAMMA / ALPHA
        return float(brentq(lambda m: m - MU / ALPHA / (1 - demand(bill + m, token, first)), 1e-6, 1e4, xtol=1e-13))

    def lab_profit(token: float, margin: float) -> float:
        return (token - cost) * GAMMA / (ALPHA * token) * demand(GAMMA / ALPHA + margin, token, first)

    def best(margin: float | None) -> float:
        def loss(token: float) -> float:
            return -lab_profit(token, app_margin(token) if margin is None else margin)

        return float(minimize_scalar(loss, bounds=(cost, 9 * cost), method="bounded", options={"xatol": 1e-13}).x)

    if leader:
        token = best(None)
        return token, GAMMA / ALPHA + app_margin(token)
    token = 2.0 * cost
    for _ in range(500):
        token = best(app_margin(token))
    return token, GAMMA / ALPHA + app_margin(token)


def test_successive_monopoly_with_simultaneous_margins() -> None:
    market = run(scenario("successive"), 300)
    state = market.state
    cost, first = float(state.labs["unit_cost"][0]), REFERENCE
    found = np.array([state.labs["price"][0], state.apps["price"][0]])
    together = np.array(chain(cost, first, leader=False))
    # Wrong: a lab that leads and foresees that the app will lower its margin when tokens are dearer.
    rejects(found, together, np.array(chain(cost, first, leader=True)), tolerance=2e-7)
    # In closed form: Lerner = 1 / (1 + gamma (1 - s) / mu).
    share = float(state.apps["choice_share"][0])
    rejects(1 - cost / found[0], 1 / (1 + GAMMA * (1 - share) / MU), 1 / (GAMMA * (1 - share) / MU), tolerance=1e-7)


def test_a_monopolist_over_two_rivals_loses_only_who_leaves_both() -> None:
    """The lab's customers are those of both apps: its elasticity is that of the share that goes without."""
    market = run(scenario("two-buyers"), 400)
    state = market.state
    cost, features = float(state.labs["unit_cost"][0]), np.array([4.0, 3.0])

    def shares(token: float, margins: Vector) -> Vector:
        v = np.exp((features + GAMMA * log(REFERENCE / token) - GAMMA - ALPHA * margins) / MU)
        return np.asarray(v / (1.0 + v.sum()))

    def apps(token: float) -> Vector:
        margins = np.full(2, MU / ALPHA)
        for _ in range(2000):
            margins = 0.5 * margins + 0.5 * MU / ALPHA / (1.0 - shares(token, margins))
        return margins

    def best(right: bool) -> float:
        """Price of a token where nobody gains by another: Lerner = 1 / (eta + mean of gamma (lost share) / mu)."""

        def gap(token: float) -> float:
            s = shares(token, apps(token))
            lost = np.full(2, 1.0 - s.sum()) if right else 1.0 - s
            return float((1.0 - cost / token) * (1.0 + GAMMA / MU * (s @ lost) / s.sum()) - 1.0)

        return float(brentq(gap, 1.001 * cost, 9.9 * cost, xtol=1e-13))

    found = float(state.labs["price"][0])
    # Wrong: each app's own customers count as lost, even those who go to the other.
    rejects(found, best(True), best(False), tolerance=1e-9)
    np.testing.assert_allclose(state.apps["price"][:2], GAMMA / ALPHA + apps(found), rtol=1e-8)
    # The first-order condition itself: profit at the apps' margins is largest there.
    margins = apps(found)

    def loss(token: float) -> float:
        return -(token - cost) * float(shares(token, margins).sum()) * GAMMA / (ALPHA * token)

    right = minimize_scalar(loss, bounds=(cost, 9.9 * cost), method="bounded", options={"xatol": 1e-12}).x
    assert found == pytest.approx(float(right), rel=1e-6)


def test_a_monopolist_before_and_after_its_large_customer_graduates() -> None:
    """One price for two apps, by the elasticity of all that it sells; then by that of the one that is left."""
    case = scenario("two-customers")
    market = run(case, 299)
    gamma = np.array([2.0, 1.0])

    def best(market: Market, customers: list[int]) -> tuple[float, float]:
        """The price at which profit is largest, the apps' margins and what is not sold elsewhere given; and found."""
        lab, apps = market.state.labs[0], market.state.apps[:2]
        cost, before = float(lab["unit_cost"]), float(lab["price"])
        sizes = np.array([10.0, 0.02])

        def loss(token: float) -> float:
            sold = 0.0
            for i in customers:
                odds = log(apps["choice_share"][i] / (1 - apps["choice_share"][i])) - gamma[i] * log(token / before)
                sold += sizes[i] * expit(odds) * gamma[i] / (0.05 * token)
            return -(token - cost) * sold

        bounds = (cost, 9.9 * cost)
        right = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x
        return float(right), before

    together, found = best(market, [0, 1])
    # Wrong: the mean of the prices that each would pay alone.
    apart = 0.5 * (best(market, [0])[0] + best(market, [1])[0])
    rejects(found, together, apart, tolerance=1e-6)
    for _ in range(301):
        market.step()
    assert market.state.apps["own_model"][:2].tolist() == [1, 0]
    alone, after = best(market, [1])
    rejects(after, alone, found, tolerance=1e-6)
    assert market.state.labs["tokens"][0] < 0.01 * market.state.apps["tokens"][0]


# ------------------------------------------------------------------------------------------------ negotiated prices


def bargaining(weight: float, more: dict[str, Any] | None = None) -> Market:
    """A lab at four times its cost and one large app, which would make its own model, but never reviews."""
    deal: dict[str, Any] = {
        "labs.negotiation": True,
        "labs.negotiation_threshold": 0.1,
        "labs.bargaining_weight": weight,
    }
    return run(scenario("make-or-buy", {**deal, "apps.review_rate": 0.0, **(more or {})}), 300)


def reservation(market: Market) -> float:
    """The price at which the app of `make-or-buy` would leave for a model of its own, $ per Mtok.

    ln P = ln c_own + [beta w (theta_lab - theta_own)] / gamma + alpha F / (N gamma), F with the one-off cost spread.
    """
    s, now = market.state.shared[0], market.state.now[0]
    alpha, gamma, points = 0.05, 0.8, 0.5
    hours = 45.0 * 10**0.3
    own = 2.2 * 10**0.15 * 1.4 * now["expected_rent"]
    months = float(s["apps_graduation_horizon"])
    worth = (1 - (1 + now["discount"]) ** -months) / now["discount"]
    once = s["apps_finetune_cost"] + s["apps_finetune_share"] * hours * now["expected_rent"]
    fixed = s["apps_team_cost"] + s["apps_refresh_cost"] + 0.1 + once / worth
    return float(own * exp((points * (0.5 - 0.3) + alpha * fixed / 1.0) / gamma))


@pytest.mark.parametrize("weight", [0.0, 0.3, 0.5, 1.0])
def test_a_large_customer_pays_the_nash_price(weight: float) -> None:
    market = bargaining(weight)
    lab, app = market.state.labs[0], market.state.apps[0]
    cost, outside = float(lab["unit_cost"]), reservation(market)
    assert cost < outside < lab["price"]
    # Wrong: the outside option without the team and the one-off cost; and a split from the list price.
    bare = cost + weight * (2.2 * 10**0.15 * 1.4 * float(market.state.now["expected_rent"][0]) - cost)
    wrong = [bare, cost + weight * (float(lab["price"]) - cost)] if weight > 0 else [float(lab["price"])]
    rejects(app["token_cost"], cost + weight * (outside - cost), *wrong, tolerance=1e-7)
    ledger = market.results.ledger.to_pandas()
    paid = ledger[(ledger["kind"] == "api") & (ledger["month"] == 299)]["amount"].sum()
    # All but what the choke rent cuts off.
    assert paid == pytest.approx(app["tokens"] * app["token_cost"] * app["service"], rel=1e-9)


def test_without_negotiation_or_below_the_threshold_all_pay_the_list_price() -> None:
    arms: list[dict[str, Any]] = [{"labs.negotiation": False}, {"labs.negotiation_threshold": 1e5}]
    for more in arms:
        market = bargaining(0.3, more)
        assert market.state.apps["token_cost"][0] == market.state.labs["price"][0]
        assert market.state.apps["deal"][0] == 0


def test_who_would_pay_more_than_the_list_price_pays_the_list_price() -> None:
    market = bargaining(0.5, {"apps.team_cost": 1000.0})
    assert market.state.apps["token_cost"][0] == pytest.approx(market.state.labs["price"][0], rel=1e-12)


# -------------------------------------------------------------------------------------------------------- routing


@pytest.mark.parametrize("inertia", [0.0, 1.5, 3.0])
def test_routing_is_a_logit_with_inertia_at_its_fixed_point(inertia: float) -> None:
    frozen = {"labs.*.price_rule": "frozen", "apps.routing_inertia": inertia, "apps.routing_speed": 0.3}
    case = scenario("token-prices", frozen)
    market = run(case, 400)
    prices = of_labs(market, "price")
    for app, (gamma, w) in enumerate([(0.8, 0.5), (1.2, 0.9)]):
        merit = RHO * (w * np.array([0.0, 0.4, 0.9]) - gamma * np.log(prices))
        share = softmax(merit)
        for _ in range(5000):
            share = 0.9 * share + 0.1 * softmax(merit + inertia * share)
        wrong = [softmax(merit)] if inertia else [softmax(merit / RHO)]
        rejects(market.state.routing[app, :3], share, *wrong, tolerance=1e-9)


@pytest.mark.parametrize(("taste", "tips"), [(1.0, False), (1.9, False), (2.1, True), (4.0, True)])
def test_hubs_tip_where_theory_says(taste: float, tips: bool) -> None:
    """Two equal hubs: x = 1 / (1 + exp(-t (2 x - 1))) has x = 1/2 alone up to t = 2, and two further roots beyond."""
    market = Market(scenario("hubs", {"hosts.hub_taste": taste}), rng=1)
    market.state.hosts["hub"][:] = [0.8, 0.2]
    market.state.routing[0, :] = np.where(np.arange(market.state.routing.shape[1]) == 1, 0.8, 0.0)
    market.state.routing[0, 2] = 0.2
    for _ in range(1500):
        market.step()
    share = float(market.state.hosts["tokens"][0] / market.state.hosts["tokens"].sum())
    if tips:
        root = brentq(lambda x: x - expit(taste * (2 * x - 1)), 0.5 + 1e-4, 1 - 1e-12)
        rejects(share, root, 0.5, tolerance=1e-6)
    else:
        rejects(share, 0.5, 0.8, tolerance=1e-6)

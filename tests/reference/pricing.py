"""Pricing: the best response to rivals' prices, found by root search on the first-order condition."""

from __future__ import annotations

from math import exp
from typing import Any

from scipy.optimize import brentq

from tests.reference.model import Reference

LERNER_CEILING = 0.9


def price_wanted(model: Reference, app: Any) -> float:
    """The price p with p - c = mu / (alpha r (1 - s(p))): the app knows how its own share moves with its price."""
    s, user = model.shared, app.user
    cost = app.quota * app.token_cost / (1 - s.apps_variable_cost)
    if app.price_rule == 2:
        return cost * (1 + app.markup)
    customers = app.tourists + app.committed
    hazard = user.hazard_committed
    if customers > 0:
        hazard = (user.hazard_tourist * app.tourists + user.hazard_committed * app.committed) / customers
    moved = max(1 - (1 - hazard) ** s.apps_planning_horizon, 1e-6)
    scale = user.taste_scale / (user.price_taste * app.price_taste_factor)
    if app.choice_share <= 0:
        return cost + scale / moved
    odds = app.choice_share / (1 - app.choice_share)

    def gap(price: float) -> float:
        # 1 / (1 - s(p)) = 1 + odds(p), and the odds fall by exp(-(p - p0) / scale).
        return price - cost - scale / moved * (1 + odds * exp(-(price - app.price) / scale))

    low = cost + scale / moved
    high = low + scale
    while gap(high) < 0:
        high += 2 * (high - low)
    return float(brentq(gap, low - 1e-9 * scale, high, xtol=1e-13, rtol=1e-15, maxiter=500))


def decide_prices(model: Reference) -> None:
    """Prices and quotas of apps, prices of labs, margins of hosts, each part of the way to its rule."""
    s = model.shared
    for app in model.apps:
        app.next_price = app.price
        if app.price_rule != 1:
            app.next_price += s.apps_price_speed * (price_wanted(model, app) - app.price)
        alpha = app.user.price_taste * app.price_taste_factor
        quota = (app.token_worth / (alpha * max(app.token_cost, 1e-12))) ** s.users_usage_elasticity
        app.next_quota = quota
        if app.quota > 0 and quota > 0:
            app.next_quota = app.quota ** (1 - s.apps_price_speed) * quota**s.apps_price_speed
    for lab in model.labs:
        lab.next_price = lab.price
        if lab.price_rule != 1:
            markup = lab.markup * lab.unit_cost if lab.price_rule == 2 else lab.markup_factor * token_markup(lab)
            wanted = lab.unit_cost / (1 - lab.revenue_share) + markup
            carried = lab.price * cost_change(lab)
            lab.next_price = carried + s.labs_price_speed * (wanted - carried)
    for host in model.hosts:
        host.next_margin = host.margin
        if host.price_rule != 1:
            markup = host.markup * host.unit_cost if host.price_rule == 2 else token_markup(host)
            carried = host.margin * cost_change(host)
            host.next_margin = carried + s.labs_price_speed * (markup - carried)


def cost_change(seller: Any) -> float:
    """What a token costs the seller now over what it cost at the last pricing."""
    return seller.unit_cost / seller.priced_cost if seller.priced_cost and seller.unit_cost else 1.0


def token_markup(seller: Any) -> float:
    """Inverse semi-elasticity, up to a Lerner index of 0.9."""
    ceiling = seller.unit_cost * LERNER_CEILING / (1 - LERNER_CEILING)
    return min(1 / seller.semi_elasticity, ceiling) if seller.semi_elasticity > 0 else ceiling

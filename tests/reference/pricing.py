"""Pricing: the best response to rivals' prices, found by root search on the first-order condition."""

from __future__ import annotations

from math import exp
from typing import Any

from scipy.optimize import brentq

from tests.reference.model import Reference
from tests.reference.use import quota, worth
from tests.reference.users import probabilities


def reconsider(model: Reference, app: Any) -> float:
    """Share of the app's customers who reconsider within its planning horizon."""
    user = app.user
    customers = app.tourists + app.committed
    hazard = user.hazard_committed
    if customers > 0:
        hazard = (user.hazard_tourist * app.tourists + user.hazard_committed * app.committed) / customers
    return max(1 - (1 - hazard) ** float(model.shared.apps_planning_horizon), 1e-6)


def shares_at(model: Reference, app: Any, fall: complex) -> dict[Any, float]:
    """Choice probabilities of the category's apps when exp(V / mu) of one is multiplied by ``fall``."""
    user = app.user
    mine = [a for a in model.apps if a.user is user and a.choice_share > 0]
    # Attractions from shares: within the lab's nest to the power of 1 - rho, times the nest's share of the inside.
    part = 1 - user.nest_correlation
    weight = {a: (a.nest_share**part / a.nest_share if part < 1 else 1.0) * a.inside_share for a in mine}
    chosen = sum(a.choice_share for a in mine)
    outside = (1 - chosen) / chosen
    return probabilities(user, outside, {**weight, app: weight[app] * fall ** (1 / user.dissimilarity)})


def response_at(model: Reference, app: Any, fall: float) -> float:
    """-d ln s / d(alpha p / mu) there, by a complex step."""
    moved = shares_at(model, app, fall * (1 + 1e-20j))[app]
    return float(moved.imag / moved.real / 1e-20)


def price_wanted(model: Reference, app: Any) -> float:
    """The price at which a further dollar gains nothing: p - c = mu / (alpha r) / (-d ln s / d(alpha p / mu))."""
    s, user = model.shared, app.user
    if app.price_rule == 3:
        return 0.0
    cost = app.quota * app.token_cost / (1 - s.apps_variable_cost)
    if app.price_rule == 2:
        return float(cost * (1 + app.markup))
    cost += app.diverted
    scale = user.taste_scale / (user.price_taste * app.price_taste_factor)
    unit = user.dissimilarity * (1 - user.nest_correlation) * scale
    least = unit / reconsider(model, app)
    if app.choice_share <= 0:
        return float(cost + least)
    sigma = (1 - user.dissimilarity) * app.inside_share + user.dissimilarity * app.choice_share

    def gap(price: float) -> float:
        if user.nest_correlation == 0 or app.nest_share == 1:
            # What weighs like a share is taken to move as in a logit of that scale.
            odds = sigma / (1 - sigma) * exp(-(price - app.price) / (user.dissimilarity * scale))
            return float(price - cost - user.dissimilarity * scale / reconsider(model, app) * (1 + odds))
        response = response_at(model, app, exp(-(price - app.price) / scale))
        return float(price - cost - scale / reconsider(model, app) / response)

    low = cost + least
    high = low + scale
    while gap(high) < 0:
        high += 2 * (high - low)
    return float(brentq(gap, low - 1e-9 * scale, high, xtol=1e-13, rtol=1e-15, maxiter=500))


def company(app: Any) -> Any:
    return app.company or (("lab", app.owner) if app.owner >= 0 else app)


def diverted(model: Reference, app: Any) -> float:
    """Margin that a lost customer brings on the company's other products: derivatives of shares by a complex step."""
    family = [a for a in model.apps if a.user is app.user and a is not app and company(a) == company(app)]
    if not family:
        return 0.0
    moved = shares_at(model, app, 1 + 1e-20j)
    value = 0.0
    for other in family:
        if other in moved:
            cost = other.quota * other.token_cost / (1 - model.shared.apps_variable_cost)
            value -= moved[other].imag / moved[app].imag * (other.price - cost)
    return value


def token_price_wanted(model: Reference, app: Any, today: float) -> float:
    """Of a metered plan: the Lerner index is one over the elasticity of tokens sold, of use and of customers."""
    s, user = model.shared, app.user
    cost = float(app.token_cost / (1 - s.apps_variable_cost))
    if app.price_rule == 2:
        return float(cost * (1 + app.markup))
    alpha = user.price_taste * app.price_taste_factor

    def gap(price: float) -> float:
        gain = app.token_worth * (worth(model, price) - worth(model, today))
        response = response_at(model, app, exp(gain / user.taste_scale))
        leaving = reconsider(model, app) * response * alpha / user.taste_scale
        elasticity = s.users_usage_elasticity * price / (price + s.users_time_price)
        elasticity += leaving * price * quota(model, app, price)
        return float((price - cost) / price * elasticity - 1 - leaving * app.diverted)

    highest = min(cost / (1 - s.labs_lerner_ceiling), s.users_choke_price)
    return highest if gap(highest) <= 0 else float(brentq(gap, cost, highest, xtol=1e-14, rtol=1e-14))


def decide_prices(model: Reference) -> None:
    """Prices and quotas of apps, prices of labs, margins of hosts, each part of the way to its rule."""
    s = model.shared
    for app in model.apps:
        app.diverted = diverted(model, app)
        app.next_price = app.price
        if app.plan == 1 and app.price_rule != 3:
            # A plan that was a quota until now charged so much a token.
            price = app.next_token_price = app.token_price or app.price / app.quota
            if app.price_rule != 1:
                app.next_token_price += s.apps_price_speed * (token_price_wanted(model, app, price) - price)
            app.next_quota = quota(model, app, app.next_token_price)
            app.next_price = app.next_quota * app.next_token_price
            continue
        if app.price_rule == 3:
            app.next_price = 0.0
        elif app.price_rule != 1:
            app.next_price += s.apps_price_speed * (price_wanted(model, app) - app.price)
        wanted = app.next_quota = quota(model, app, app.token_cost)
        if app.quota > 0 and wanted > 0:
            app.next_quota = app.quota ** (1 - s.apps_price_speed) * wanted**s.apps_price_speed
    for lab in model.labs:
        lab.next_price = lab.price
        if lab.price_rule != 1:
            markup = (
                lab.markup * lab.unit_cost
                if lab.price_rule == 2
                else lab.markup_factor * token_markup(lab, s.labs_lerner_ceiling)
            )
            wanted = lab.unit_cost / (1 - lab.revenue_share) + markup
            carried = lab.price * cost_change(lab)
            lab.next_price = carried + s.labs_price_speed * (wanted - carried)
    for host in model.hosts:
        cost = host.staff + s.investors_cost_of_capital / 12 * s.hosts_setup_cost
        earned = min(max(host.gross_profit / (host.number * cost), 0.1), 10.0)
        host.next_number = max(1.0, host.number * earned**s.hosts_entry_speed)
        host.next_margin = host.margin
        if host.price_rule != 1:
            alike = token_markup(host, s.labs_lerner_ceiling, host.number)
            markup = host.markup * host.unit_cost if host.price_rule == 2 else alike
            carried = host.margin * cost_change(host)
            host.next_margin = carried + s.labs_price_speed * (markup - carried)


def cost_change(seller: Any) -> float:
    """What a token costs the seller now over what it cost at the last pricing."""
    return seller.unit_cost / seller.priced_cost if seller.priced_cost and seller.unit_cost else 1.0


def token_markup(seller: Any, highest: float, number: float = 1.0) -> float:
    """Inverse semi-elasticity, shared by as many as are alike, up to the ``highest`` Lerner index."""
    ceiling = seller.unit_cost * highest / (1 - highest)
    return min(1 / (number * seller.semi_elasticity), ceiling) if seller.semi_elasticity > 0 else ceiling

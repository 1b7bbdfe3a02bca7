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


def shares_at(app: Any, fall: float) -> tuple[float, float]:
    """The app's share, overall and in its nest, when its attraction alone is multiplied by ``fall``."""
    rho = app.user.nest_correlation
    if rho == 0 or app.nest < 0:
        odds = app.choice_share / (1 - app.choice_share) * fall
        return odds / (1 + odds), 1.0
    grown = 1 + app.nest_share * (fall ** (1 / (1 - rho)) - 1)
    nest = app.choice_share / app.nest_share * grown ** (1 - rho)
    nest /= 1 - app.choice_share / app.nest_share + nest
    within = app.nest_share * fall ** (1 / (1 - rho)) / grown
    return nest * within, within


def price_wanted(model: Reference, app: Any) -> float:
    """The price at which a further dollar gains nothing: p - c = mu / (alpha r) / (-d ln s / d(alpha p / mu))."""
    s, user = model.shared, app.user
    if app.price_rule == 3:
        return 0.0
    cost = app.quota * app.token_cost / (1 - s.apps_variable_cost)
    if app.price_rule == 2:
        return float(cost * (1 + app.markup))
    cost += app.diverted
    rho = user.nest_correlation
    scale = user.taste_scale / (user.price_taste * app.price_taste_factor)
    least = (1 - rho) * scale / reconsider(model, app)
    if app.choice_share <= 0:
        return float(cost + least)

    def gap(price: float) -> float:
        share, within = shares_at(app, exp(-(price - app.price) / scale))
        return float(price - cost - least / (1 - rho * within - (1 - rho) * share))

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
    mine = [a for a in model.apps if a.user is app.user and a.choice_share > 0]
    # Attractions from shares: E = within^lambda times the nest's share.
    part = 1 - app.user.nest_correlation
    weight = {a: a.nest_share**part * a.choice_share / a.nest_share if part < 1 else a.choice_share for a in mine}
    outside = 1 - sum(a.choice_share for a in mine)
    moved = probabilities(app.user, outside, {**weight, app: weight[app] * (1 + 1e-20j)})
    value = 0.0
    for other in family:
        if other in weight:
            cost = other.quota * other.token_cost / (1 - model.shared.apps_variable_cost)
            value -= moved[other].imag / moved[app].imag * (other.price - cost)
    return value


def token_price_wanted(model: Reference, app: Any, today: float) -> float:
    """Of a metered plan: the Lerner index is one over the elasticity of tokens sold, of use and of customers."""
    s, user = model.shared, app.user
    cost = float(app.token_cost / (1 - s.apps_variable_cost))
    if app.price_rule == 2:
        return float(cost * (1 + app.markup))
    rho = user.nest_correlation
    alpha = user.price_taste * app.price_taste_factor

    def gap(price: float) -> float:
        gain = app.token_worth * (worth(model, price) - worth(model, today))
        share, within = shares_at(app, exp(gain / user.taste_scale))
        response = 1 - share
        if rho and app.nest >= 0:
            response = (1 - rho * within - (1 - rho) * share) / (1 - rho)
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
        host.next_margin = host.margin
        if host.price_rule != 1:
            markup = host.markup * host.unit_cost if host.price_rule == 2 else token_markup(host, s.labs_lerner_ceiling)
            carried = host.margin * cost_change(host)
            host.next_margin = carried + s.labs_price_speed * (markup - carried)


def cost_change(seller: Any) -> float:
    """What a token costs the seller now over what it cost at the last pricing."""
    return seller.unit_cost / seller.priced_cost if seller.priced_cost and seller.unit_cost else 1.0


def token_markup(seller: Any, highest: float) -> float:
    """Inverse semi-elasticity, up to the ``highest`` Lerner index."""
    ceiling = seller.unit_cost * highest / (1 - highest)
    return min(1 / seller.semi_elasticity, ceiling) if seller.semi_elasticity > 0 else ceiling

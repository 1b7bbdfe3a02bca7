"""Pricing: one rule for all sellers, marginal cost plus the markup that the elasticity faced implies.

A seller knows its own cost and the elasticity of the demand it faces over its planning horizon; it expects rivals to
stay where they are (Bertrand-Nash at rest) and moves part of the way each month.
"""

from __future__ import annotations

import math

from moatlab.compiled import Rows, inlined, kernel
from moatlab.rules.sourcing import FROZEN, MARKUP, offer_price

#: No seller of tokens reckons with a Lerner index above this, however inelastic the demand it sees.
LERNER_CEILING = 0.9


@inlined
def token_worth(app: Rows, user: Rows, shared: Rows) -> float:
    """Worth of tokens to the app's customers (gamma_i), which grows with what its models can do."""
    growth = math.exp(math.log(10.0) * shared.users_usage_growth * app.capability)
    return user.usage_value * app.usage_factor * growth


@inlined
def quota_wanted(app: Rows, user: Rows, token_cost: float, shared: Rows) -> float:
    """Quota (Mtok per customer and month) at which its marginal worth meets ``token_cost``, $ per Mtok.

    Worth gamma q^(1-1/eta)/(1-1/eta), so q = (gamma / (alpha c))^eta; at eta = 1 tokens cost gamma/alpha per customer.
    """
    quota = app.token_worth / (user.price_taste * app.price_taste_factor * max(token_cost, 1e-12))
    eta = shared.users_usage_elasticity
    return quota if eta == 1.0 else quota**eta


@inlined
def quota_worth(app: Rows, user: Rows, shared: Rows) -> float:
    """Utility of the quota, against the quota that the app would choose at its category's mean cost of tokens.

    What the category's tokens have become cheaper since month 0 is added at the category's own worth of tokens, so
    that heavy use is a cost to an app and not an advantage in itself.
    """
    worth = app.token_worth
    eta = shared.users_usage_elasticity
    if worth <= 0.0 or app.quota <= 0.0:
        return 0.0
    common = user.usage_value * (user.first_log_cost - user.log_cost)
    usual = quota_wanted(app, user, math.exp(user.log_cost), shared)
    if eta == 1.0:
        return common + worth * math.log(app.quota / usual)
    power = 1.0 - 1.0 / eta
    return common + worth * (app.quota**power - usual**power) / power


@inlined
def lambert(log_z: float) -> float:
    """W(z) for z = exp(log_z) > 0: two steps of Fritsch's iteration from Iacono and Boyd's estimate (2017)."""
    if log_z < -36.0:
        return math.exp(log_z)
    if log_z < 500.0:
        estimate = math.log1p(math.exp(log_z))
        w = estimate * (1.0 - math.log1p(estimate) / (2.0 + estimate))
    else:
        w = log_z - math.log(log_z)
    for _ in range(2):
        gap = log_z - math.log(w) - w
        q = 2.0 * (1.0 + w) * (1.0 + w + 2.0 / 3.0 * gap)
        w *= 1.0 + gap / (1.0 + w) * (q - gap) / (q - 2.0 * gap)
    return w


@inlined
def app_price_wanted(app: Rows, user: Rows, shared: Rows) -> float:
    """The price of the app's rule, $ per customer and month.

    Over H months a share r = 1 - (1 - h)^H of customers reconsiders, so the markup over marginal cost is
    mu / (alpha r (1 - s)), s the choice share: Bertrand-Nash with logit demand at r = 1 (Anderson, de Palma and Thisse
    1992), more where customers are sticky (Farrell and Klemperer 2007).  Fees on revenue divide the cost by 1 - t.
    The share moves with the price itself; the best response to rivals' prices is a Lambert W (Aravindakshan and
    Ratchford 2011): with y the markup in units of mu/alpha and B the odds of choosing the app at cost,
    y = 1/r + W(B/r exp(-1/r)).
    """
    cost = app.quota * app.token_cost / (1.0 - shared.apps_variable_cost)
    if app.price_rule == MARKUP:
        return cost * (1.0 + app.markup)
    customers = app.tourists + app.committed
    hazard = user.hazard_committed
    if customers > 0.0:
        hazard = (user.hazard_tourist * app.tourists + user.hazard_committed * app.committed) / customers
    moved = 1.0 - (1.0 - hazard) ** shared.apps_planning_horizon
    alpha = user.price_taste * app.price_taste_factor
    moved = max(moved, 1e-6)
    scale = user.taste_scale / alpha
    if app.choice_share <= 0.0:
        return cost + scale / moved
    odds = math.log(app.choice_share) - math.log(max(1.0 - app.choice_share, 1e-300))
    log_b = odds + (app.price - cost) / scale
    return cost + scale * (1.0 / moved + lambert(log_b - math.log(moved) - 1.0 / moved))


@kernel
def decide_app_prices(users: Rows, apps: Rows, live: Rows, shared_row: Rows) -> None:
    """Next month's price and quota of every app."""
    shared = shared_row[0]
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        app.next_price = app.price
        if app.price_rule != FROZEN:
            wanted = app_price_wanted(app, user, shared)
            app.next_price = app.price + shared.apps_price_speed * (wanted - app.price)
        quota = quota_wanted(app, user, app.token_cost, shared)
        app.next_quota = quota
        if app.quota > 0.0 and quota > 0.0:
            app.next_quota = app.quota * (quota / app.quota) ** shared.apps_price_speed


@inlined
def token_markup(semi_elasticity: float, unit_cost: float) -> float:
    """Markup on a token ($ per Mtok): the inverse semi-elasticity, up to the ceiling of the Lerner index."""
    ceiling = unit_cost * LERNER_CEILING / (1.0 - LERNER_CEILING)
    return min(1.0 / semi_elasticity, ceiling) if semi_elasticity > 0.0 else ceiling


@inlined
def cost_change(seller: Rows) -> float:
    """Unit cost of a token over that at the last pricing; 1 at the first."""
    return seller.unit_cost / seller.priced_cost if seller.priced_cost > 0.0 and seller.unit_cost > 0.0 else 1.0


@kernel
def decide_token_prices(labs: Rows, hosts: Rows, offers: Rows, shared_row: Rows) -> None:
    """Next month's API price of every lab and markup of every host.

    A seller of tokens chains the elasticity through its customers: other sources, smaller quotas, and fewer users of
    apps that pass the price on (see `decide_routing`).  Changes of its own cost are passed on at once, the markup moves
    part of the way: where costs fall by a tenth a month, a price that follows slowly would be twice the rule's.
    """
    shared = shared_row[0]
    for index in range(labs.shape[0]):
        lab = labs[index]
        lab.next_price = lab.price
        if lab.price_rule != FROZEN:
            markup = lab.markup_factor * token_markup(lab.semi_elasticity, lab.unit_cost)
            if lab.price_rule == MARKUP:
                markup = lab.markup * lab.unit_cost
            wanted = lab.unit_cost / (1.0 - lab.revenue_share) + markup
            passed_on = lab.price * cost_change(lab)
            lab.next_price = passed_on + shared.labs_price_speed * (wanted - passed_on)
        lab.priced_cost = lab.unit_cost
    for index in range(hosts.shape[0]):
        host = hosts[index]
        host.next_margin = host.margin
        if host.price_rule != FROZEN:
            markup = token_markup(host.semi_elasticity, host.unit_cost)
            if host.price_rule == MARKUP:
                markup = host.markup * host.unit_cost
            passed_on = host.margin * cost_change(host)
            host.next_margin = passed_on + shared.labs_price_speed * (markup - passed_on)
        host.priced_cost = host.unit_cost


@inlined
def refresh_app(row: int, app: Rows, user: Rows, routing: Rows, offers: Rows, grades: Rows, shared: Rows) -> None:
    """What follows from an app's routing: capability behind it, cost and worth of a token, unit cost."""
    count = offers.shape[0]
    capability = 0.0
    cost = 0.0
    total = 0.0
    for o in range(count):
        share = routing[row, o]
        if share > 0.0:
            capability += share * grades[o, app.category]
            cost += share * offer_price(app, offers[o], shared)
            total += share
    if app.own_model == 1:
        capability += routing[row, count] * app.own_capability
        cost += routing[row, count] * app.own_unit_cost
        total += routing[row, count]
    if total > 0.0:
        app.capability = capability / total
        app.token_cost = cost / total
    elif app.token_cost <= 0.0:
        # An app that reaches nobody yet reckons with the dearest list price.
        for o in range(count):
            app.token_cost = max(app.token_cost, offers[o].price)
    app.token_worth = token_worth(app, user, shared)
    app.unit_cost = app.quota * app.token_cost + shared.apps_variable_cost * app.price

"""How apps' stocks move, features, brand and awareness, and what follows from what apps have decided."""

from __future__ import annotations

import math

from moatlab.market.rules.conventions import fading
from moatlab.market.rules.offers import hours_per_token, offer_price, own_hours_per_token
from moatlab.market.rules.pricing import BUNDLED, METERED, quota_wanted
from moatlab.market.rules.spending import marketing_scales
from moatlab.market.rules.use import quota_worth, token_worth
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import BRAND_SHOCK, normal_quantile, uniforms


@kernel
def commit_apps(s: Rows) -> None:
    """Decisions take effect, spending becomes stocks, and leads become obsolete.

    Brand follows who is used and who is heard: it moves towards ``brand_gain`` times the mean of an app's shares of its
    category's customers and marketing, and is shaken a little.

    ``next_routing`` becomes the routing; what carried this month's tokens stays readable there until routing is
    decided again.

    Checked: tests/market/rules/test_demand.py::test_marketing_buys_less_awareness_in_a_saturated_category,
    tests/market/rules/test_stocks.py::test_features_and_awareness_grow_by_spending_and_fade.
    """
    users, apps, live, routing, next_routing = s.users, s.apps, s.live, s.routing, s.next_routing
    shared = s.shared[0]
    now = s.now[0]
    own = routing.shape[1] - 1
    keep = 1.0 - fading(shared.apps_brand_half_life)
    shock = shared.apps_brand_spread * math.sqrt(1.0 - keep * keep)
    scales = marketing_scales(users, shared)
    for k in range(users.shape[0]):
        users[k].marketing_now = 0.0
    for position in range(live.shape[0]):
        app = apps[live[position]]
        users[app.category].marketing_now += app.marketing
    drawn = uniforms(now.seed, BRAND_SHOCK, now.month, apps, live)
    now.graduations = 0.0
    now.returns = 0.0
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        user = users[app.category]
        gap = max(0.0, user.best_feature - app.feature)
        app.feature = (1.0 - shared.apps_obsolescence) * app.feature + shared.apps_imitation * gap
        app.feature += shared.apps_feature_gain * math.log(1.0 + app.rnd / shared.apps_feature_scale)
        known = app.marketing / user.marketing_now if user.marketing_now > 0.0 else 0.0
        used = (app.tourists + app.committed) / user.customers if user.customers > 0.0 else 0.0
        app.brand = keep * app.brand + (1.0 - keep) * shared.apps_brand_gain * 0.5 * (known + used)
        if shock > 0.0:
            app.brand += shock * normal_quantile(drawn[position])
        app.awareness = (1.0 - shared.apps_awareness_decay) * app.awareness
        app.awareness += shared.apps_awareness_gain * math.log(1.0 + app.marketing / scales[app.category])
        app.price = app.next_price
        app.token_price = app.next_token_price
        app.quota = app.next_quota
        app.rnd = app.next_rnd
        app.marketing = app.next_marketing
        app.own_capability = app.next_own_capability
        app.own_hours = app.next_own_hours
        app.own_budget = app.next_own_budget
        app.deal = app.next_deal
        app.deal_share = app.next_deal_share
        app.base = app.next_base
        if app.next_own == 1 and app.own_model == 0:
            app.own_model = 1
            app.own_service = 1.0
            now.graduations += 1.0
            app.bound_until = now.month + int(shared.apps_turning_months)
            # Its tokens move over at the speed at which any routing moves.
            for o in range(own):
                next_routing[row, o] *= 1.0 - shared.apps_routing_speed
            next_routing[row, own] = shared.apps_routing_speed
        elif app.next_own == -1:
            app.own_model = 0
            now.returns += 1.0
            app.bound_until = now.month + int(shared.apps_turning_months)
            next_routing[row, own] = 0.0
        app.next_own = 0
        for o in range(own + 1):
            routing[row, o], next_routing[row, o] = next_routing[row, o], routing[row, o]


@kernel
def refresh_apps(s: Rows) -> None:
    """Quantities that follow from the committed state: unit costs, capability, worth of quotas, category means.

    Checked: tests/reference/test_oracle.py, tests/textbook/test_prices.py::test_pay_per_use.
    """
    users, apps, live, routing, offers, grades = s.users, s.apps, s.live, s.routing, s.offers, s.grades
    shared = s.shared[0]
    now = s.now[0]
    for k in range(users.shape[0]):
        user = users[k]
        user.best_feature = -1e300
        user.mean_feature = 0.0
        user.mean_data = 0.0
        user.firms = 0.0
    log_cost = 0.0
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        user = users[app.category]
        if app.own_model == 1:
            hours = own_hours_per_token(hours_per_token(app.own_hours, shared, now), app.tokens, shared)
            app.own_unit_cost = hours * now.expected_rent
        refresh_app(row, app, user, routing, offers, grades, shared)
        user.best_feature = max(user.best_feature, app.feature)
        user.mean_feature += app.feature
        user.mean_data += app.data
        log_cost += math.log(max(app.token_cost, 1e-12))
        user.firms += 1.0
    for k in range(users.shape[0]):
        user = users[k]
        if user.firms > 0.0:
            user.mean_feature /= user.firms
            user.mean_data /= user.firms
        else:
            user.best_feature = 0.0
    if live.shape[0] > 0:
        now.token_cost = math.exp(log_cost / live.shape[0])
    for position in range(live.shape[0]):
        app = apps[live[position]]
        app.use_value = quota_worth(app, users[app.category], shared)


@inlined
def main_lab(row: int, app: Rows, routing: Rows, offers: Rows) -> int:
    """Row of the lab whose models carry most of the app's tokens, wherever they are served; -1 for its own model."""
    count = offers.shape[0]
    best = -1
    most = routing[row, count] if app.own_model == 1 else 0.0
    for o in range(count):
        if routing[row, o] > 0.0:
            carried = 0.0
            for other in range(count):
                if offers[other].lab == offers[o].lab:
                    carried += routing[row, other]
            if carried > most:
                most = carried
                best = offers[o].lab
    return best


@inlined
def refresh_app(row: int, app: Rows, user: Rows, routing: Rows, offers: Rows, grades: Rows, shared: Rows) -> None:
    """What follows from an app's routing: capability behind it, cost and worth of a token, unit cost."""
    count = offers.shape[0]
    shares = routing[row]
    capability = 0.0
    cost = 0.0
    total = 0.0
    if app.owner >= 0 or app.deal > 0:
        for o in range(count):
            cost += shares[o] * offer_price(app, offers[o], shared)
    else:
        for o in range(count):
            cost += shares[o] * offers[o].price
    for o in range(count):
        capability += shares[o] * grades[o, app.category]
        total += shares[o]
    if app.own_model == 1:
        capability += routing[row, count] * app.own_capability
        cost += routing[row, count] * app.own_unit_cost
        total += routing[row, count]
    if total > 0.0:
        app.capability = capability / total
        app.token_cost = cost / total
    elif app.token_cost <= 0.0:
        # An app that reaches nobody yet goes by the highest list price.
        for o in range(count):
            app.token_cost = max(app.token_cost, offers[o].price)
    app.token_worth = token_worth(app, user, app.capability, shared)
    app.nest = main_lab(row, app, routing, offers) if user.nest_correlation > 0.0 else -1
    if app.price_rule == BUNDLED:
        app.price = 0.0
    elif app.plan == METERED and app.token_price > 0.0:
        # What is paid by use follows from the price of a token.
        app.quota = quota_wanted(app, user, app.token_price, shared)
        app.price = app.token_price * app.quota
    app.unit_cost = app.quota * app.token_cost + app.levy + shared.apps_variable_cost * app.price

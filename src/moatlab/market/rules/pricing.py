"""Pricing: one rule for all sellers, marginal cost plus the markup that the elasticity faced implies.

A seller knows its own cost and the elasticity of the demand it faces over its planning horizon; it expects rivals to
stay where they are (Bertrand-Nash at rest) and moves part of the way each month.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.conventions import AT_ONCE, FROZEN, MARKUP
from moatlab.market.rules.costs import customer_cost, metered_cost
from moatlab.market.rules.elementary import exp_below, lambert, log_above
from moatlab.market.rules.use import quota_at, worth_of_price
from moatlab.market.state.compiled import Rows, inlined, kernel

#: A rule that only apps have, after those of all sellers: free to customers, the owner bears the cost.
BUNDLED = 3
#: The plan that is paid by use, among the registry's choices.
METERED = 1


@inlined
def quota_wanted(app: Rows, user: Rows, price: float, shared: Rows) -> float:
    """Quota (Mtok per customer and month) that the app's customers want at that price of a token, $ per Mtok."""
    return quota_at(app.token_worth, user.price_taste * app.price_taste_factor, price, shared)


@inlined
def hazard(app: Rows, user: Rows) -> float:
    """Share of the app's customers who reconsider in a month."""
    customers = app.tourists + app.committed
    if customers > 0.0:
        return float((user.hazard_tourist * app.tourists + user.hazard_committed * app.committed) / customers)
    return float(user.hazard_committed)


@inlined
def reconsidering(monthly: float, shared: Rows) -> float:
    """r = 1 - (1 - h)^H: share of customers who reconsider within the planning horizon of H months, h in a month.

    What a lasting change of price has moved of demand by the end of the horizon, relative to what it moves when all
    reconsider at once.
    """
    stay = max(1.0 - monthly, 1e-300)
    return max(1.0 - exp_below(shared.apps_planning_horizon * log_above(stay)), 1e-6)


@inlined
def rival_share(user: Rows, inside_share: float, choice_share: float) -> float:
    """sigma = (1 - lambda) s_in + lambda s: what takes the place of the choice share s in a logit's elasticities.

    s_in is the share among the category's apps.  With one nest of all of them under the outside option
    -d ln s_i / dp_i = alpha / (lambda mu) (1 - sigma_i), and sigma_j / (1 - sigma_i) of those who leave i go to j
    (Berry 1994).
    """
    return (1.0 - user.dissimilarity) * inside_share + user.dissimilarity * choice_share


@inlined
def own_response(app: Rows, user: Rows) -> float:
    """-d ln s / d(alpha p / mu): (1 - sigma) / lambda, or (1 - rho s_g - (1 - rho) sigma) / (lambda (1 - rho)) with
    nests of labs, s_g the share within that nest.
    """
    rho = user.nest_correlation
    sigma = rival_share(user, app.inside_share, app.choice_share)
    if rho == 0.0:
        return (1.0 - sigma) / user.dissimilarity
    return (1.0 - rho * app.nest_share - (1.0 - rho) * sigma) / (user.dissimilarity * (1.0 - rho))


@inlined
def company_of(app: Rows) -> int:
    """Apps with the same number, not 0, belong together: to the company they name, else to the lab that owns them."""
    if app.company != 0:
        return int(app.company)
    return -1 - int(app.owner) if app.owner >= 0 else 0


@inlined
def margin(app: Rows, shared: Rows) -> float:
    """What a customer leaves over marginal cost at today's price, before fees on revenue, $ per month."""
    return float(app.price - customer_cost(app, shared))


@inlined
def diverted_margin(app: Rows, user: Rows, apps: Rows, live: Rows, shared: Rows) -> float:
    """What a lost customer of the app brings its company elsewhere, $: diversion ratios times the siblings' margins.

    The diversion ratio from i to j, -(d s_j/dp_i)/(d s_i/dp_i), is sigma_j/(1 - sigma_i), or with nests of labs ((1 -
    rho) sigma_j + rho s_j|g if both are in nest g) / (1 - rho s_i|g - (1 - rho) sigma_i).  A company that prices its
    products jointly counts it like a cost of its product (Farrell and Shapiro 2010); at rest the prices are those of a
    multi-product firm.
    """
    rho = user.nest_correlation
    company = company_of(app)
    value = 0.0
    for position in range(live.shape[0]):
        other = apps[live[position]]
        if other.category == app.category and other.identity != app.identity and company_of(other) == company:
            diverted = (1.0 - rho) * rival_share(user, other.inside_share, other.choice_share)
            if rho > 0.0 and other.nest == app.nest and app.nest >= 0:
                diverted += rho * other.nest_share
            value += diverted * margin(other, shared)
    response = user.dissimilarity * (1.0 - rho) * own_response(app, user)
    return value / response if response > 0.0 else 0.0


@inlined
def shares_after(app: Rows, user: Rows, gain: float) -> tuple[float, float, float]:
    """Shares of the app in its lab's nest, among the category's apps and of all who choose, once its utility alone has
    changed by ``gain``, in units of the taste scale.
    """
    rho, part = user.nest_correlation, user.dissimilarity
    share = min(max(app.choice_share, 0.0), 1.0)
    among = min(max(app.inside_share, share), 1.0)
    within = app.nest_share if rho > 0.0 else 1.0
    if share <= 0.0 or within <= 0.0:
        return 0.0, 0.0, 0.0
    grown = math.exp(min(gain / (part * (1.0 - rho)), 600.0))
    size = 1.0 - within + within * grown
    pull = size ** (1.0 - rho)
    nest = min(among / within, 1.0)
    category = 1.0 - nest + nest * pull
    within *= grown / size
    among = within * nest * pull / category
    chosen = min(share / max(app.inside_share, share), 1.0)
    whole = chosen * category**part
    return within, among, among * whole / (1.0 - chosen + whole)


@inlined
def nested_markup(app: Rows, user: Rows, moved: float, scale: float, cost: float) -> float:
    """The markup m that solves m = least / (1 - rho s_g(p) - (1 - rho) sigma(p)), p = cost + m, by Newton's method.

    least = lambda (1 - rho) mu / (alpha r).  Shares move with the app's own price, rivals' prices given.  The right
    side falls in m and is convex, so that the steps rise to the root from below, wherever they start.
    """
    rho, part = user.nest_correlation, user.dissimilarity
    unit = part * (1.0 - rho) * scale
    least = unit / moved
    m = max(least, app.price - cost)
    for _ in range(100):
        within, among, share = shares_after(app, user, -(cost + m - app.price) / scale)
        left = 1.0 - rho * within - (1.0 - rho) * rival_share(user, among, share)
        # How fast each share falls with the app's own utility, per unit of it within the nest.
        inner = (1.0 - part) * among * (1.0 - rho * within - (1.0 - rho) * among) + part * share * left
        slope = rho * within * (1.0 - within) + (1.0 - rho) * inner
        step = (m - least / left) / (1.0 + least * slope / (left * left * unit))
        m = max(least, m - step)
        if abs(step) <= 1e-13 * m:
            break
    return m


@inlined
def logit_markup(level: float, share: float, moved: float) -> float:
    """The best markup over marginal cost with logit demand, in units of mu/alpha; ``level`` is today's.

    Over H months a share r of customers reconsiders (``moved``), so the markup is 1 / (r (1 - s)), s the choice share:
    Bertrand-Nash with logit demand at r = 1 (Anderson, de Palma and Thisse 1992), more where customers are sticky
    (Farrell and Klemperer 2007).  The share moves with the price itself; the best response to rivals' prices is a
    Lambert W (Aravindakshan and Ratchford 2011): with B the odds of choosing the app at cost, 1/r + W(B/r exp(-1/r)).
    """
    known = min(max(share, 1e-300), 1.0)
    odds = known / max(1.0 - known, 1e-300)
    return 1.0 / moved + lambert(log_above(odds / moved) + level - 1.0 / moved)


@inlined
def taste_scale(app: Rows, user: Rows) -> float:
    """mu/alpha of the app's customers: $ per month that weigh as much as a unit of the taste for variety."""
    return float(user.taste_scale / (user.price_taste * app.price_taste_factor))


@inlined
def app_markup(app: Rows, user: Rows, moved: float, scale: float, cost: float) -> float:
    """The best markup of a plan, $ per month, at that cost and the share of customers who reconsider.

    Without nests of labs the share is taken to move with the price as in a logit of scale lambda mu, which is exact at
    rest; with them the markup has no closed form (`nested_markup`).
    """
    part = user.dissimilarity
    if app.choice_share <= 0.0:
        return part * (1.0 - user.nest_correlation) * scale / moved
    if user.nest_correlation > 0.0 and app.nest_share < 1.0:
        return nested_markup(app, user, moved, scale, cost)
    sigma = rival_share(user, app.inside_share, app.choice_share)
    return part * scale * logit_markup((app.price - cost) / (part * scale), sigma, moved)


@inlined
def app_price_wanted(app: Rows, user: Rows, shared: Rows) -> float:
    """The price of the app's rule, $ per customer and month.

    What a lost customer brings the app's company elsewhere counts like a cost.
    """
    if app.price_rule == BUNDLED:
        return 0.0
    cost = customer_cost(app, shared)
    if app.price_rule == MARKUP:
        return cost * (1.0 + app.markup)
    cost += app.diverted
    moved = reconsidering(hazard(app, user), shared)
    return cost + app_markup(app, user, moved, taste_scale(app, user), cost)


@inlined
def response_after(app: Rows, user: Rows, gain: float) -> float:
    """`own_response` once the app's utility alone has changed by ``gain``, in units of the taste scale."""
    rho = user.nest_correlation
    within, among, share = shares_after(app, user, gain)
    left = 1.0 - rho * within - (1.0 - rho) * rival_share(user, among, share)
    return left / (user.dissimilarity * (1.0 - rho))


@inlined
def token_margin_gap(app: Rows, user: Rows, shared: Rows, cost: float, price: float, worth: float) -> float:
    """Lerner index times the elasticity of tokens sold, less what a lost customer brings elsewhere, less 1.

    0 where a metered plan's profit is largest, below it where the price is too low; ``worth`` is v at today's price.
    """
    scale = user.taste_scale / app.token_worth if app.token_worth > 0.0 else 1e300
    gain = (worth_of_price(price, shared) - worth) / scale
    leaving = reconsidering(hazard(app, user), shared) * response_after(app, user, gain) / taste_scale(app, user)
    use = shared.users_usage_elasticity * price / max(price + shared.users_time_price, 1e-300)
    elasticity = use + leaving * price * quota_wanted(app, user, price, shared)
    return (1.0 - cost / price) * elasticity - leaving * app.diverted - 1.0


@inlined
def token_price_wanted(app: Rows, user: Rows, shared: Rows, price: float) -> float:
    """The price of a token under a metered plan, $ per Mtok, by the same rule; ``price`` is today's.

    At a price P a customer uses q(P) (`moatlab.market.rules.use`), so tokens sold fall with elasticity
    e = eta P / (P + h) + (alpha/mu) r q P (1 - s), of use and of customers, and (P - c) / P = 1 / e; with the worth g
    of a lost customer elsewhere, (P - c) / P = (1 + (alpha/mu) r (1 - s) g) / e.  The share moves with the price
    itself, rivals' prices given: the root is found by bisection.  No seller of tokens aims at a Lerner index beyond the
    ceiling, nor at a price beyond the choke price, at which nobody uses any.
    """
    cost = metered_cost(app, shared)
    if app.price_rule == MARKUP:
        return cost * (1.0 + app.markup)
    if cost <= 0.0:
        return 0.0
    worth = worth_of_price(price, shared)
    low = cost
    high = min(cost / (1.0 - shared.labs_lerner_ceiling), max(shared.users_choke_price, cost))
    if token_margin_gap(app, user, shared, cost, high, worth) <= 0.0:
        return high
    for _ in range(200):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if token_margin_gap(app, user, shared, cost, middle, worth) < 0.0:
            low = middle
        else:
            high = middle
    return high


@inlined
def price_some(some: Rows, users: Rows, apps: Rows, live: Rows, shared: Rows) -> None:
    """Next month's prices and quotas of the apps in the rows ``some``, which fit into a cache."""
    speed = shared.apps_price_speed
    count = some.shape[0]
    costs = np.empty(count)
    scales = np.empty(count)
    markups = np.empty(count)
    shares = np.empty(count)
    hazards = np.empty(count)
    quotas = np.empty(count)
    for position in range(count):
        app = apps[some[position]]
        user = users[app.category]
        app.diverted = diverted_margin(app, user, apps, live, shared) if company_of(app) != 0 else 0.0
        costs[position] = customer_cost(app, shared) + app.diverted
        scales[position] = taste_scale(app, user)
        markups[position] = app.price - costs[position]
        scales[position] *= user.dissimilarity
        shares[position] = rival_share(user, app.inside_share, app.choice_share)
        hazards[position] = hazard(app, user)
        app.next_quota = quota_wanted(app, user, app.token_cost, shared)
        quotas[position] = app.next_quota / app.quota if app.quota > 0.0 and app.next_quota > 0.0 else 1.0
    # The best markup of a plan without nests, and the step of its quota: arithmetic for all apps at once.
    for position in range(count):
        moved = reconsidering(hazards[position], shared)
        scale = scales[position]
        markups[position] = scale * logit_markup(markups[position] / scale, shares[position], moved)
        quotas[position] = exp_below(speed * log_above(quotas[position]))
    for position in range(count):
        app = apps[some[position]]
        user = users[app.category]
        app.next_price = app.price
        if app.plan == METERED and app.price_rule != BUNDLED:
            app.next_token_price = app.token_price if app.token_price > 0.0 else app.price / max(app.quota, 1e-12)
            if app.price_rule != FROZEN:
                wanted = token_price_wanted(app, user, shared, app.next_token_price)
                app.next_token_price += speed * (wanted - app.next_token_price)
            app.next_quota = quota_wanted(app, user, app.next_token_price, shared)
            app.next_price = app.next_token_price * app.next_quota
            continue
        app.next_token_price = 0.0
        if app.price_rule == BUNDLED:
            app.next_price = 0.0
        elif app.price_rule != FROZEN:
            wanted = costs[position] + markups[position]
            if app.price_rule == MARKUP or user.nest_correlation > 0.0:
                wanted = app_price_wanted(app, user, shared)
            app.next_price = app.price + speed * (wanted - app.price)
        if app.quota > 0.0 and app.next_quota > 0.0:
            app.next_quota = app.quota * quotas[position]


@kernel
def decide_app_prices(s: Rows) -> None:
    """Next month's price and quota of every app; with a metered plan, the price of a token and the bill it makes.

    An app knows its costs, its own demand and the prices of all; it expects rivals' prices, and those of its company's
    other products, to stay.  The quota of a plan moves with the price; the use of a metered plan is its customers'
    choice and follows at once.  A bundled app is free from the next month.

    Checked: tests/reference/test_oracle.py, tests/textbook/test_prices.py.
    """
    live = s.live
    for first in range(0, live.shape[0], AT_ONCE):
        price_some(live[first : first + AT_ONCE], s.users, s.apps, live, s.shared[0])

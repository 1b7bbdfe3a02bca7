"""Entry: what a newcomer would be worth in each category as demand stands, and how many therefore come.

Founders know the category: prices, who has entered lately, how fast it grows.  They expect to be like others in price
taste, features and brand, on average, and forecast by the functions by which incumbents price and win customers.  They
count those who are young as they will be once customers know them, so that entry does not come in waves.
Sources: free entry, Hopenhayn 1992 and Asplund and Nocke 2006; Gauss-Hermite quadrature, Abramowitz and Stegun 25.4.46.
"""

from __future__ import annotations

import math

from moatlab.market.rules.pricing import BUNDLED, METERED, app_price_wanted, quota_wanted, token_price_wanted
from moatlab.market.rules.use import quota_worth, token_worth
from moatlab.market.rules.users import MOST, utility
from moatlab.market.state.compiled import Rows, inlined, kernel
from moatlab.market.state.draws import ENTRY, poisson, uniform
from moatlab.market.state.identity import USERS_CODE, identity
from moatlab.market.state.ledger import MOST_ENTRANTS

#: Three points of a standard normal and their weights.
POINTS = (-math.sqrt(3.0), 0.0, math.sqrt(3.0))
WEIGHTS = (1.0 / 6.0, 2.0 / 3.0, 1.0 / 6.0)
#: Months from founding to what customers who may know of an app make of it.
FIRST_YEAR = 12.0


@inlined
def worth_of_flow(rate: float, growth: float, months: float) -> float:
    """Present value of a dollar a month, discounted at ``rate`` and growing by ``growth`` (log) for some months."""
    net = rate - growth
    first = months if abs(net * months) < 1e-9 else -math.expm1(-net * months) / net
    return first + math.exp(-net * months) / rate


@inlined
def growth_ahead(user: Rows, shared: Rows) -> float:
    """Log growth a month that firms of the category expect of their own revenue: part goes to those who come later."""
    bound = shared.apps_entry_growth
    return min(max(user.growth, -bound), bound) * (1.0 - shared.apps_entry_pool)


@inlined
def going_concern(app: Rows, user: Rows, fixed: float, shared: Rows) -> float:
    """Value of an app as it stands to its owners, M$; ``fixed`` is the least monthly cost at which it goes on.

    What is left of gross profit after features and marketing, growing with its category, less that cost, at the
    discount rate of founders.
    """
    rate = shared.apps_entry_discount / 12.0 + shared.apps_exit_hazard
    kept = (1.0 - shared.apps_entrant_spending) * app.gross_profit
    return kept * worth_of_flow(rate, growth_ahead(user, shared), shared.apps_entry_horizon) - fixed / rate


@inlined
def take_stock(s: Rows) -> None:
    """What founders see of each category: means of its apps, reach of the mature, and the young once they are known."""
    users, apps, live = s.users, s.apps, s.live
    shared = s.shared[0]
    now = s.now[0]
    for k in range(users.shape[0]):
        user = users[k]
        user.mean_capability = 0.0
        user.mean_cost = 0.0
        user.independents = 0.0
        user.mature_reach = 0.0
        user.mature = 0.0
        user.coming_up = 0.0
    for position in range(now.kept):
        app = apps[live[position]]
        user = users[app.category]
        if app.owner >= 0:
            continue
        user.independents += 1.0
        user.mean_capability += app.capability
        user.mean_cost += app.token_cost
        if app.birth == 0 or now.month - app.birth >= shared.apps_maturity:
            user.mature += 1.0
            user.mature_reach -= math.expm1(-(app.awareness + app.distribution))
    for k in range(users.shape[0]):
        user = users[k]
        if user.independents > 0.0:
            user.mean_capability /= user.independents
            user.mean_cost /= user.independents
        user.mature_reach = user.mature_reach / user.mature if user.mature > 0.0 else 1.0
    for position in range(now.kept):
        app = apps[live[position]]
        user = users[app.category]
        if app.birth == 0 or now.month - app.birth >= shared.apps_maturity:
            continue
        reach = -math.expm1(-(app.awareness + app.distribution))
        if reach > 0.0:
            # Who came this month has attracted nobody yet, and will be as the average.
            user.coming_up += app.attraction * max(0.0, user.mature_reach / reach - 1.0)


@inlined
def follow_demand(users: Rows, shared: Rows) -> None:
    """Customers won in a month and growth of revenue of each category, smoothed."""
    speed = shared.apps_smoothing
    for k in range(users.shape[0]):
        user = users[k]
        if user.inclusive <= 0.0 or user.customers <= 0.0:
            continue
        pull = user.considering * user.inside / (user.inclusive * (user.outside + user.inside))
        pull = (pull + user.flow_tourists + user.flow_committed) * user.inclusive
        if user.pull == 0.0:
            user.pull = pull
            user.growth = shared.investors_expected_growth
        user.pull += speed * (pull - user.pull)
        if user.last_revenue > 0.0 and user.revenue > 0.0:
            change = math.log(user.revenue / user.last_revenue)
            bound = 2.0 * shared.apps_entry_growth
            user.growth += 0.5 * speed * (min(max(change, -bound), bound) - user.growth)
        user.last_revenue = user.revenue


@inlined
def leaving(user: Rows, attraction: float) -> float:
    """Share of an app's customers who would leave it in a month, were it as attractive as that: a small app's customers
    have more to go to.  Their workflow is as deep as that of customers who stay until they first reconsider.
    """
    hazard = user.hazard_committed
    if user.customers > 0.0:
        hazard += (user.hazard_tourist - user.hazard_committed) * user.tourists / user.customers
    depth = user.depth_gain / max(user.portability + hazard, 1e-9)
    bound = (user.switching_cost + depth) / user.taste_scale
    held = attraction * math.exp(min(bound / user.dissimilarity, MOST))
    seen = user.inclusive + user.coming_up + held
    inside = seen**user.dissimilarity
    return hazard * (1.0 - held / seen * inside / (user.outside + inside))


@inlined
def newcomer_profit(app: Rows, user: Rows, shared: Rows) -> float:
    """Gross profit that the app ``app`` would have once customers know of it, M$ a month; writes its price and use."""
    app.token_worth = token_worth(app, user, app.capability, shared)
    app.quota = quota_wanted(app, user, app.token_cost, shared)
    if app.price_rule == BUNDLED:
        return 0.0
    if app.plan == METERED:
        app.token_price = app.token_cost
        for _ in range(8):
            app.token_price = token_price_wanted(app, user, shared, app.token_price)
        app.quota = quota_wanted(app, user, app.token_price, shared)
        app.price = app.token_price * app.quota
    else:
        app.price = app_price_wanted(app, user, shared)
    app.use_value = quota_worth(app, user, shared)
    lead = (utility(app, user, shared) - user.best) / user.dissimilarity
    attraction = user.mature_reach * math.exp(min(lead, MOST))
    share = attraction / (user.inclusive + user.coming_up + attraction)
    app.left = leaving(user, attraction)
    customers = min(user.pull * share / max(app.left, 1e-9), user.potential)
    return customers * ((1.0 - shared.apps_variable_cost) * app.price - app.quota * app.token_cost - app.levy)


@inlined
def newcomer_value(user: Rows, k: int, app: Rows, shared: Rows) -> float:
    """Expected present value of an entrant, M$, before what founding costs.

    Over price taste and appeal as newcomers draw them.  It survives with some probability, has its customers a year
    after founding, and takes as long to fill up as its customers take to leave.
    """
    rate = shared.apps_entry_discount / 12.0 + shared.apps_exit_hazard
    flow = worth_of_flow(rate, growth_ahead(user, shared), shared.apps_entry_horizon)
    features = user.quality_taste * (1.0 - user.ai_centrality) * shared.apps_feature_spread
    # What imitation alone keeps up with, for who is too small for research.
    copied = shared.apps_imitation / max(shared.apps_imitation + shared.apps_obsolescence, 1e-9)
    appeal = math.sqrt(features * features + shared.apps_brand_spread * shared.apps_brand_spread)
    value = 0.0
    for i in range(3):
        for j in range(3):
            app.category = k
            app.owner = -1
            app.price_taste_factor = math.exp(shared.apps_price_taste_spread * POINTS[i])
            app.usage_factor = 1.0
            app.capability = user.mean_capability
            app.token_cost = user.mean_cost
            app.feature = min(user.mean_feature, copied * user.best_feature)
            app.brand = appeal * POINTS[j]
            app.data = user.mean_data
            app.service = 1.0
            kept = (1.0 - shared.apps_entrant_spending) * newcomer_profit(app, user, shared)
            ramp = app.left / (app.left + rate)
            value += WEIGHTS[i] * WEIGHTS[j] * max(0.0, ramp * kept * flow - shared.apps_overhead / rate)
    return shared.apps_entrant_survival * math.exp(-FIRST_YEAR * rate) * value


@kernel
def weigh_entry(s: Rows) -> None:
    """What a newcomer would be worth in each category, and how the rate of entry follows it.

    Checked: tests/market/rules/test_entry.py.
    """
    users = s.users
    shared = s.shared[0]
    take_stock(s)
    follow_demand(users, shared)
    for k in range(users.shape[0]):
        user = users[k]
        user.entrant_value = 0.0
        if user.independents > 0.0 and user.inclusive > 0.0:
            user.entrant_value = newcomer_value(user, k, s.newcomer[0], shared)
        cost = max(shared.apps_entry_cost + shared.apps_startup_cash, 1e-9)
        worth = min(max(user.entrant_value / cost, shared.apps_entry_floor), shared.apps_entry_ceiling)
        wanted = shared.apps_entry_response * math.log(worth)
        speed = 1.0 if s.now[0].month == 0 else shared.apps_entry_speed
        user.entry_pull += speed * (wanted - user.entry_pull)


@kernel
def count_entrants(s: Rows) -> None:
    """How many startups enter each category (``entrants``): Poisson, more with hype and with what a newcomer is worth.

    The rate is ``entry_rate`` where a newcomer is worth what founding it costs (``entry_cost`` and seed money), and
    moves with the power ``entry_response`` of the one over the other, part of the way each month: founders and their
    teams take time to find.

    Checked: tests/market/rules/test_entry.py.
    """
    users, counts = s.users, s.entrants
    shared = s.shared[0]
    now = s.now[0]
    total = 0
    base = shared.apps_entry_rate * math.exp(shared.apps_entry_hype * now.hype) / users.shape[0]
    for k in range(users.shape[0]):
        user = users[k]
        u = uniform(now.seed, ENTRY, now.month, identity(USERS_CODE, 0, user.identity & 0xFFFFFFFF))
        counts[k] = min(poisson(base * math.exp(user.entry_pull), u), MOST_ENTRANTS)
        total += counts[k]
    now.coming = total

"""What apps spend on features and on marketing: until a further dollar brings in a dollar.

An app knows its margin, how fast its customers leave and come, what its stocks do to customers' choice, and that they
fade; it expects rivals and its own margin to stay.  Returns to spending x are gain ln(1 + x / scale), so that the best
spending is the worth of the stock times gain, less scale (Nerlove and Arrow 1962 for stocks of goodwill; at rest shares
of revenue are elasticities over each other, Dorfman and Steiner 1954).
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.conventions import fading as fading_of
from moatlab.market.rules.costs import overhead
from moatlab.market.rules.pricing import BUNDLED, hazard, margin, rival_share
from moatlab.market.state.compiled import Rows, inlined, kernel

#: Most of a dollar of marketing that brand alone may bring in, where the share of what customers hear is nearly free.
MOST_BY_BRAND = 0.8
#: Codes of the rule of spending, in the order of the registry's choices.
MARGINAL, SHARES = 0, 1


@inlined
def marketing_scales(users: Rows, shared: Rows) -> Rows:
    """Marketing at which its returns begin to diminish in each category, M$ a month [categories].

    The more of a category's potential is taken, the more contacts go to those who have an app already: it rises as
    (share still open)^-saturation.
    """
    scales = np.empty(users.shape[0])
    for k in range(users.shape[0]):
        user = users[k]
        open_share = 1.0 - user.customers / user.potential if user.potential > 0.0 else 1.0
        scales[k] = shared.apps_awareness_scale
        if shared.apps_acquisition_saturation > 0.0:
            scales[k] *= max(open_share, shared.apps_saturation_floor) ** -shared.apps_acquisition_saturation
    return scales


@inlined
def customer_worth(app: Rows, user: Rows, customers: float, rate: float, shared: Rows) -> float:
    """What a further customer is worth, $, over one who is still to be won: the margin of the months until it leaves,
    discounted at ``rate`` and at the rate at which others come of their own accord.
    """
    kept = (1.0 - shared.apps_variable_cost) * margin(app, shared)
    leaving = app.left / customers
    coming = app.joined / max(user.potential - customers, customers * 1e-3)
    return max(0.0, kept) / max(leaving + coming + rate, 1e-9)


@inlined
def best_spending(app: Rows, user: Rows, scale: float, shared: Rows, now: Rows) -> tuple[float, float]:
    """Spending on features and on marketing at which a further dollar brings in a dollar, M$ a month.

    With W the worth of a customer (M$ per million), sigma the share that counts in elasticities, lambda mu the scale of
    tastes among apps and U = W [(1 - sigma) joined + stay left] / (lambda mu) the worth of a util a month:

        features:  beta (1 - w) U gain / (fading + d) = x + scale
        marketing: lambda mu U [e^-A / (1 - e^-A)] gain / (fading + d) / (1 - b) = x + scale

    A util brings in more of those who choose and keeps more of those who reconsider, and so does reach, of A +
    distribution; b is what a dollar of marketing adds to brand by the share of what customers hear, at today's shares.
    Half of the growth expected of the category is counted in what features will earn.
    """
    customers = app.tourists + app.committed
    if customers <= 0.0:
        return 0.0, 0.0
    rate = now.discount
    reconsider = hazard(app, user) * customers
    stay = 1.0 - min(1.0, app.left / reconsider) if reconsider > 0.0 else 1.0
    worth = customer_worth(app, user, customers, rate, shared)
    freedom = 1.0 - rival_share(user, app.inside_share, app.choice_share)
    # Who leads is imitated; who is behind would be brought nearer anyway.
    fading = shared.apps_obsolescence + shared.apps_imitation
    growth = min(max(user.growth, 0.0), shared.apps_entry_growth)
    lasting = max(fading + rate - 0.5 * growth, 0.5 * (fading + rate))
    util = worth * (freedom * app.joined + stay * app.left) / (user.dissimilarity * user.taste_scale)
    features = user.quality_taste * (1.0 - user.ai_centrality) * util * shared.apps_feature_gain / lasting
    reached = math.exp(-(app.awareness + app.distribution))
    reach = reached / max(1.0 - reached, 1e-9)
    marketing = worth * reach * (freedom * app.joined + stay * app.left)
    marketing *= shared.apps_awareness_gain / (shared.apps_awareness_decay + rate)
    heard = max(user.marketing_now, scale)
    forgotten = fading_of(shared.apps_brand_half_life)
    brand = 0.5 * shared.apps_brand_gain * util * forgotten / (forgotten + rate)
    marketing /= 1.0 - min(brand * max(0.0, 1.0 - app.marketing / heard) / heard, MOST_BY_BRAND)
    return max(0.0, features - shared.apps_feature_scale), max(0.0, marketing - scale)


@kernel
def decide_spending(s: Rows) -> None:
    """Next month's features and marketing, by the rule of spending.

    Under the rule `marginal` an app spends until a further dollar brings in a dollar, as far as its means go: gross
    profit less overhead, and its cash evenly over its spending horizon, in proportion if both do not fit.  The cash of
    a lab counts for its apps; incumbents fund what is worth it to theirs.  Under the rule `shares` it spends fixed
    shares of its means (a rule of thumb).  It moves part of the way each month; a bundled app, whose earnings are no
    guide, keeps up what was spent before.

    Checked: tests/market/rules/test_spending.py.
    """
    users, apps, live, labs, cash = s.users, s.apps, s.live, s.labs, s.cash
    shared = s.shared[0]
    now = s.now[0]
    scales = marketing_scales(users, shared)
    for position in range(live.shape[0]):
        app = apps[live[position]]
        user = users[app.category]
        if app.revenue > 0.0 and app.last_revenue > 0.0:
            change = math.log(app.revenue / app.last_revenue)
            change = min(max(change, -shared.apps_growth_bound), shared.apps_growth_bound)
            app.growth += shared.apps_smoothing * (change - app.growth)
        app.next_rnd = app.rnd
        app.next_marketing = app.marketing
        if app.price_rule == BUNDLED:
            continue
        means = max(0.0, app.gross_profit - overhead(app, shared))
        means += max(0.0, cash[app.account]) / shared.apps_spending_horizon
        if shared.apps_spending == SHARES:
            app.next_rnd = shared.apps_rnd_share * means
            app.next_marketing = shared.apps_marketing_share * means
            continue
        rnd, marketing = best_spending(app, user, scales[app.category], shared, now)
        if app.owner >= 0 and labs[max(app.owner, 0)].alive == 1:
            means += max(0.0, cash[labs[app.owner].account]) / shared.apps_spending_horizon
        if rnd + marketing > means and app.incumbent == 0:
            part = means / (rnd + marketing)
            rnd *= part
            marketing *= part
        app.next_rnd += shared.apps_spending_speed * (rnd - app.rnd)
        app.next_marketing += shared.apps_spending_speed * (marketing - app.marketing)

"""Sourcing: which lab, host or own model an app's tokens go to.

An app's offers are the columns of its routing: each lab's API, each open checkpoint at each host, and, last, its own
model.  Tokens follow a logit on the profit effect of each offer, in the users' own metric, with inertia, and move part
of the way each month: routing that jumps to the best offer freezes the labs' shares.
"""

from __future__ import annotations

import numpy as np

from moatlab.market.rules.conventions import AT_ONCE
from moatlab.market.rules.elementary import exponentiate
from moatlab.market.rules.offers import edge_columns, list_worths, offer_price, reachable, sold_by_category
from moatlab.market.rules.pricing import rival_share
from moatlab.market.rules.use import point_worth, worth_of_price, worth_slope
from moatlab.market.state.codes import HOST, LAB
from moatlab.market.state.compiled import Rows, inlined, kernel

#: The logit of what cannot be had, and one below any that can.
NEVER, HARDLY = -1e300, -1e299


@kernel
def carry_tokens(s: Rows) -> None:
    """Send each app's tokens (Ttok) along its routing to the offers it can reach, and to its own model.

    Shares of what has become unreachable go to the rest in proportion; an app that reaches nothing is not served.

    Checked: tests/reference/test_oracle.py,
    tests/textbook/test_attachment.py::test_a_lab_refuses_rivals_of_its_own_app_or_everybody_else.
    """
    apps, live, routing, sellers = s.apps, s.live, s.routing, s.sellers
    offers, grades, labs, hosts = s.offers, s.grades, s.labs, s.hosts
    count = offers.shape[0]
    column = edge_columns(offers, labs.shape[0])
    sold = sold_by_category(offers, grades.shape[1])
    carried = np.zeros(count)
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        shares = routing[row]
        edges = sellers[row]
        sold_here = sold[app.category]
        tokens = (app.tourists + app.committed) * app.quota
        app.tokens = tokens
        own = shares[count] if app.own_model == 1 else 0.0
        inside = shares[max(app.owner, 0)]
        for o in range(count):
            shares[o] = shares[o] if edges[column[o]] & sold_here[o] else 0.0
        if app.owner >= 0 and reachable(row, app, offers[app.owner], sellers, labs.shape[0]):
            shares[app.owner] = inside
        total = own
        for o in range(count):
            total += shares[o]
        if total > 0.0:
            scale = 1.0 / total
            for o in range(count):
                shares[o] *= scale
            shares[count] = own * scale
        elif app.own_model == 1:
            shares[count] = 1.0
        else:
            # Nothing of the old routing is left: start again evenly over what can be reached.
            reached = 0
            for o in range(count):
                if reachable(row, app, offers[o], sellers, labs.shape[0]):
                    reached += 1
            for o in range(count):
                shares[o] = 1.0 / reached if reachable(row, app, offers[o], sellers, labs.shape[0]) else 0.0
        for o in range(count):
            carried[o] += shares[o] * tokens
    for o in range(count):
        offers[o].tokens = carried[o]
    for index in range(labs.shape[0]):
        labs[index].tokens = 0.0
    for index in range(hosts.shape[0]):
        hosts[index].tokens = 0.0
    for o in range(count):
        if offers[o].seller_kind == LAB:
            labs[offers[o].seller].tokens += offers[o].tokens
        else:
            hosts[offers[o].seller].tokens += offers[o].tokens


@inlined
def see_offers(s: Rows, weights: Rows, points: Rows, common: Rows, bonus: Rows) -> None:
    """What all apps of a category see of an offer, beside its reach.

    ``weights`` [categories] is what the worth of a token's price counts for, ``points`` [categories, offers] an offer's
    capability, ``bonus`` [offers] what its seller's developers or hub are worth, ``common`` [categories, offers] the
    bonus and the worth of its list price.
    """
    users, offers, grades, labs, hosts = s.users, s.offers, s.grades, s.labs, s.hosts
    shared = s.shared[0]
    developers = shared.labs_ecosystem_taste * (1.0 - shared.labs_portability)
    worth = list_worths(offers, shared)
    for o in range(offers.shape[0]):
        offer = offers[o]
        if offer.seller_kind == LAB:
            bonus[o] = developers * labs[offer.seller].ecosystem
        else:
            bonus[o] = shared.hosts_hub_taste * hosts[offer.seller].hub
    for k in range(users.shape[0]):
        weights[k] = shared.apps_routing_sharpness * users[k].usage_value
        for o in range(offers.shape[0]):
            points[k, o] = grades[o, k]
            common[k, o] = weights[k] * worth[o] + bonus[o]


@inlined
def weigh_offers(s: Rows, some: Rows, column: Rows, weights: Rows, points: Rows, common: Rows, bonus: Rows) -> Rows:
    """exp(V), V the logit of each offer to the apps in rows ``some`` relative to its best: [apps, offers + 1]."""
    users, apps, routing, sellers, offers = s.users, s.apps, s.routing, s.sellers, s.offers
    shared = s.shared[0]
    count = offers.shape[0]
    n_labs = s.labs.shape[0]
    rho = shared.apps_routing_sharpness
    inertia = shared.apps_routing_inertia
    sold = sold_by_category(offers, users.shape[0])
    logits = np.empty((some.shape[0], count + 1))
    for position in range(some.shape[0]):
        row = some[position]
        app = apps[row]
        user = users[app.category]
        weight = weights[app.category]
        quality = rho * user.quality_taste * user.ai_centrality
        if weight > 0.0:
            quality = point_worth(app, user, shared) * weight / app.token_worth
        now = routing[row]
        edges = sellers[row]
        sold_here = sold[app.category]
        points_here = points[app.category]
        common_here = common[app.category]
        wanted = logits[position]
        for o in range(count):
            value = quality * points_here[o] + common_here[o] + inertia * now[o]
            wanted[o] = value if edges[column[o]] & sold_here[o] else NEVER
        # An app's owner, and all labs for an app with a deal, have prices of their own.
        for o in range(n_labs):
            if o == app.owner or app.deal > 0:
                wanted[o] = NEVER
                if reachable(row, app, offers[o], sellers, n_labs):
                    value = worth_of_price(offer_price(app, offers[o], shared), shared)
                    wanted[o] = quality * points_here[o] + weight * value + bonus[o] + inertia * now[o]
        wanted[count] = NEVER
        if app.own_model == 1:
            value = worth_of_price(app.own_unit_cost, shared)
            wanted[count] = quality * app.own_capability + weight * value + inertia * now[count]
        best = HARDLY
        for o in range(count + 1):
            best = wanted[o] if wanted[o] > best else best
        for o in range(count + 1):
            wanted[o] -= best
    exponentiate(logits.reshape(-1))
    return logits


@kernel
def decide_routing(s: Rows) -> None:
    """Next month's routing of every app, and the elasticity that each seller faces.

    An app knows all posted prices, its own deal and what each model does in its category; it expects them to stay.  It
    wants shares proportional to exp(rho (beta w theta + K_i v(P)) / n_i + inertia share + ecosystem or hub), v the
    worth of a token price (`worth_of_price`), and moves ``routing_speed`` of the way.  Fit differs from call to call by
    n_i = K_i / K_k, the app's stake in tokens relative to its category: so all apps of a category follow prices
    alike, heavy users do not leave a seller to light ones who bear any price, and light users weigh quality more.

    Checked: tests/textbook/test_tokens.py, tests/textbook/test_attachment.py, tests/reference/test_oracle.py.
    """
    users, apps, live, routing, next_routing = s.users, s.apps, s.live, s.routing, s.next_routing
    offers, labs, hosts = s.offers, s.labs, s.hosts
    shared = s.shared[0]
    count = offers.shape[0]
    n_labs = labs.shape[0]
    speed = shared.apps_routing_speed
    smallest = shared.apps_smallest_share
    column = edge_columns(offers, n_labs)
    weights = np.empty(users.shape[0])
    points = np.empty((users.shape[0], count))
    common = np.empty((users.shape[0], count))
    bonus = np.empty(count)
    see_offers(s, weights, points, common, bonus)
    logits = np.empty((0, count + 1))
    price = np.empty(count)
    slope = np.empty(count)
    for o in range(count):
        price[o] = offers[o].price
        slope[o] = worth_slope(offers[o].price, shared)
    held = np.zeros(n_labs + hosts.shape[0])
    mine = np.empty(count)
    paid = np.empty(count)
    listed = np.zeros(count)
    pull = np.zeros(count)
    # Of those who leave as a seller's tokens get a dollar dearer, the share that moves to apps that buy there, too; and
    # what the seller sells to the category, both [categories, offers].
    taken_by = np.zeros((users.shape[0], count))
    sales_to = np.zeros((users.shape[0], count))
    demand = 0.0
    tastes = 0.0
    for position in range(live.shape[0]):
        place = position % AT_ONCE
        if place == 0:
            logits = weigh_offers(s, live[position : position + AT_ONCE], column, weights, points, common, bonus)
        row = live[position]
        app = apps[row]
        user = users[app.category]
        weight = weights[app.category]
        now = routing[row]
        aims = logits[place]
        wanted = next_routing[row]
        total = 0.0
        for o in range(count + 1):
            total += aims[o]
        if total <= 0.0:
            # An app that reaches nobody keeps the routing that it has.
            aims[:] = now
            total = 1.0
        scale = 1.0 / total
        for o in range(count + 1):
            aim = scale * aims[o]
            moved = now[o] + speed * (aim - now[o])
            wanted[o] = 0.0 if (aim < smallest) & (moved < smallest) else moved
        if app.owner < 0:
            demand += app.tokens
            tastes += app.tokens * weight
        # d ln(tokens of a seller) / dP: other sources; fewer tokens per plan and fewer customers, as the mean cost of
        # a token rises by the seller's share of the tokens less what moves away from it.
        cost = max(app.token_cost, 1e-12)
        quotas = shared.users_usage_elasticity / (cost + shared.users_time_price)
        customers = user.price_taste * app.price_taste_factor * app.quota / (user.dissimilarity * user.taste_scale)
        rivalry = rival_share(user, app.inside_share, app.choice_share)
        taken = taken_by[app.category]
        sales = sales_to[app.category]
        for o in range(count):
            mine[o] = now[o]
            paid[o] = app.tokens * now[o]
        # A lab has one offer, a host may have several.
        for o in range(n_labs, count):
            held[column[o]] = 0.0
        for o in range(n_labs, count):
            held[column[o]] += now[o]
        for o in range(n_labs, count):
            mine[o] = held[column[o]]
        for o in range(n_labs):
            if o == app.owner or app.deal > 0:
                paid[o] = 0.0
                mine[o] = 0.0
        for o in range(count):
            away = weight * slope[o]
            kept = 1.0 - away * (price[o] - cost)
            listed[o] += paid[o]
            sales[o] += paid[o]
            taken[o] += rivalry * customers * mine[o]
            pull[o] += paid[o] * (away * (1.0 - mine[o]) + mine[o] * (quotas * kept + customers))
    for o in range(count):
        # A customer who only moves to another app that buys there, too, is not lost to the seller.
        for k in range(users.shape[0]):
            pull[o] -= sales_to[k, o] * taken_by[k, o]
        offers[o].listed = listed[o]
        offers[o].pull = pull[o]
    typical = tastes / demand if demand > 0.0 else 0.0
    for index in range(n_labs):
        sell_elasticity(labs[index], LAB, index, offers, typical * worth_slope(labs[index].price, shared))
    for index in range(hosts.shape[0]):
        sell_elasticity(hosts[index], HOST, index, offers, typical * worth_slope(hosts[index].price, shared))


@inlined
def sell_elasticity(seller: Rows, kind: int, index: int, offers: Rows, typical: float) -> None:
    """Mean semi-elasticity (1/$) of the tokens that a seller sells at its list price, over its offers.

    A seller without sales at its list price goes by the ``typical`` customer, of whom it has no share.
    """
    pull = 0.0
    tokens = 0.0
    for o in range(offers.shape[0]):
        if offers[o].seller_kind == kind and offers[o].seller == index:
            pull += offers[o].pull
            tokens += offers[o].listed
    if tokens > 0.0 and pull > 0.0:
        seller.semi_elasticity = pull / tokens
    elif typical > 0.0:
        seller.semi_elasticity = typical

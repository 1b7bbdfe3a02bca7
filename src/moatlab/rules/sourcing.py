"""Sourcing: which lab, host or own model an app's tokens go to, and whether it makes or buys.

An app's offers are the columns of its routing: each lab's API, each open checkpoint at each host, and, last, its own
model.  Tokens follow a logit on the profit effect of each offer, in the users' own metric, with inertia, and move part
of the way each month: routing that jumps to the best offer freezes the labs' shares.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.compiled import Rows, inlined, kernel
from moatlab.rules.users import relative_data
from moatlab.world.draws import REVIEW, uniform

#: Codes of the rules that set a price, in the order of the registry's choices.
OPTIMAL, FROZEN, MARKUP = 0, 1, 2
#: An app ends a contract that carries a smaller share of its tokens, and signs none for less.
SMALLEST_SHARE = 0.01
#: Published capability of a lab that has published nothing.
UNPUBLISHED = -1000.0


@inlined
def offer_price(app: Rows, offer: Rows, shared: Rows) -> float:
    """What a token of the offer costs the app: the list price, or the transfer price of its owner, $ per Mtok."""
    if app.owner >= 0 and offer.seller_kind == 0 and offer.seller == app.owner:
        return offer.unit_cost + shared.labs_transfer_price * (offer.price - offer.unit_cost)
    return offer.price


@inlined
def reachable(row: int, owner: int, offer: Rows, sellers: Rows, labs: int) -> bool:
    """Whether the app of ``row`` has an edge to the offer's seller and the seller sells to it.

    A lab without a public API serves the apps that it owns.
    """
    if offer.seller_kind == 1:
        return bool(offer.open == 1 and sellers[row, labs + offer.seller] != 0)
    return bool((offer.open == 1 or (offer.open == 2 and owner == offer.seller)) and sellers[row, offer.seller] != 0)


@inlined
def hours_per_token(training_hours: float, shared: Rows, now: Rows) -> float:
    """GPU-hours per Mtok of a model of that many training hours (Mh), with the serving methods of the month.

    Parameters grow about as the root of training compute (Hoffmann et al. 2022), and a token's work with parameters.
    """
    size = (training_hours / shared.labs_reference_hours) ** shared.labs_serving_exponent
    return shared.labs_serving_hours * size * math.exp(-now.efficiency)


@kernel
def post_offers(offers: Rows, labs: Rows, hosts: Rows, shared_row: Rows, now_row: Rows) -> None:
    """Bring the table of offers up to date: what is for sale, at which price and marginal cost."""
    shared = shared_row[0]
    now = now_row[0]
    for o in range(offers.shape[0]):
        offer = offers[o]
        lab = labs[offer.lab]
        if offer.seller_kind == 0:
            offer.open = 0 if lab.alive == 0 else (1 if lab.api == 1 else 2)
            offer.price = lab.price
            offer.unit_cost = lab.unit_cost
        else:
            host = hosts[offer.seller]
            offer.open = 1 if host.alive == 1 and lab.published > UNPUBLISHED else 0
            hours = hours_per_token(max(lab.published_hours, 1e-9), shared, now) * (1.0 + host.serving_overhead)
            offer.unit_cost = hours * now.expected_rent / (1.0 - shared.hosts_licence_share)
            offer.price = offer.unit_cost + host.margin


@kernel
def grade_offers(grades: Rows, offers: Rows, labs: Rows, specialisation: Rows) -> None:
    """Capability (points) of each offer in each category, into ``grades`` [offers, categories]."""
    for o in range(offers.shape[0]):
        offer = offers[o]
        lab = labs[offer.lab]
        theta = lab.capability if offer.seller_kind == 0 else lab.published
        for k in range(grades.shape[1]):
            grades[o, k] = theta + specialisation[offer.lab, k]


@kernel
def carry_tokens(apps: Rows, live: Rows, routing: Rows, sellers: Rows, offers: Rows, labs: Rows, hosts: Rows) -> None:
    """Send each app's tokens (Ttok) along its routing to the offers it can reach, and to its own model.

    Shares of what has become unreachable go to the rest in proportion; an app that reaches nothing is not served.
    """
    count = offers.shape[0]
    n_labs = labs.shape[0]
    for o in range(count):
        offers[o].tokens = 0.0
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        app.tokens = (app.tourists + app.committed) * app.quota
        own = routing[row, count] if app.own_model == 1 else 0.0
        total = own
        for o in range(count):
            if reachable(row, app.owner, offers[o], sellers, n_labs):
                total += routing[row, o]
        if total <= 0.0:
            # Nothing of the old routing is left: start again evenly over what can be reached.
            reached = 0
            for o in range(count):
                if reachable(row, app.owner, offers[o], sellers, n_labs):
                    reached += 1
            for o in range(count):
                routing[row, o] = 1.0 / reached if reachable(row, app.owner, offers[o], sellers, n_labs) else 0.0
            if app.own_model == 1:
                routing[row, count] = 1.0
                for o in range(count):
                    routing[row, o] = 0.0
        else:
            for o in range(count):
                routing[row, o] = (
                    routing[row, o] / total if reachable(row, app.owner, offers[o], sellers, n_labs) else 0.0
                )
            routing[row, count] = own / total
        for o in range(count):
            offers[o].tokens += routing[row, o] * app.tokens
    for index in range(labs.shape[0]):
        labs[index].tokens = 0.0
    for index in range(hosts.shape[0]):
        hosts[index].tokens = 0.0
    for o in range(count):
        if offers[o].seller_kind == 0:
            labs[offers[o].seller].tokens += offers[o].tokens
        else:
            hosts[offers[o].seller].tokens += offers[o].tokens


@kernel
def decide_routing(
    users: Rows, apps: Rows, live: Rows, routing: Rows, next_routing: Rows, sellers: Rows, offers: Rows, grades: Rows,
    labs: Rows, hosts: Rows, shared_row: Rows,
) -> None:  # fmt: skip
    """Next month's routing of every app, and the elasticity that each seller faces.

    An app knows all posted prices and what each model does in its category; it expects both to stay.  It wants shares
    proportional to exp(rho (beta w theta - alpha q P) + inertia share), and moves ``routing_speed`` of the way.
    """
    shared = shared_row[0]
    count = offers.shape[0]
    n_labs = labs.shape[0]
    rho = shared.apps_routing_sharpness
    inertia = shared.apps_routing_inertia
    speed = shared.apps_routing_speed
    held = np.zeros(n_labs + hosts.shape[0])
    column = np.empty(count, np.int64)
    bonus = np.zeros(count)
    for o in range(count):
        offer = offers[o]
        offer.pull = 0.0
        column[o] = offer.seller if offer.seller_kind == 0 else n_labs + offer.seller
        if offer.seller_kind == 1:
            bonus[o] = shared.hosts_hub_taste * hosts[offer.seller].hub
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        user = users[app.category]
        sensitivity = user.price_taste * app.price_taste_factor * app.quota
        quality = rho * user.quality_taste * user.ai_centrality
        now = routing[row]
        wanted = next_routing[row]
        best = -1e300
        for o in range(count):
            offer = offers[o]
            wanted[o] = -1e300
            if reachable(row, app.owner, offer, sellers, n_labs):
                value = quality * grades[o, app.category] - rho * sensitivity * offer_price(app, offer, shared)
                wanted[o] = value + bonus[o] + inertia * now[o]
                best = max(best, wanted[o])
        wanted[count] = -1e300
        if app.own_model == 1:
            wanted[count] = quality * app.own_capability - rho * sensitivity * app.own_unit_cost + inertia * now[count]
            best = max(best, wanted[count])
        total = 0.0
        for o in range(count + 1):
            wanted[o] = math.exp(wanted[o] - best) if wanted[o] > -1e299 else 0.0
            total += wanted[o]
        for o in range(count):
            held[column[o]] = 0.0
        for o in range(count):
            held[column[o]] += now[o]
        # d ln(tokens of a seller) / dP: other sources, fewer tokens per plan, fewer customers.
        fewer = shared.users_usage_elasticity / max(app.token_cost, 1e-12)
        fewer += sensitivity * (1.0 - app.choice_share) / user.taste_scale
        for o in range(count + 1):
            share = now[o]
            aim = wanted[o] / total if total > 0.0 else share
            wanted[o] = share + speed * (aim - share)
            if aim < SMALLEST_SHARE and wanted[o] < SMALLEST_SHARE:
                wanted[o] = 0.0
            if o < count and share > 0.0 and not (offers[o].seller_kind == 0 and offers[o].seller == app.owner):
                mine = held[column[o]]
                offers[o].pull += app.tokens * share * (rho * sensitivity * (1.0 - mine) + fewer * mine)
    for index in range(n_labs):
        sell_elasticity(labs[index], 0, index, offers)
    for index in range(hosts.shape[0]):
        sell_elasticity(hosts[index], 1, index, offers)


@inlined
def sell_elasticity(seller: Rows, kind: int, index: int, offers: Rows) -> None:
    """Mean semi-elasticity (1/$) of a seller's tokens over its offers; kept when it sold nothing."""
    pull = 0.0
    tokens = 0.0
    for o in range(offers.shape[0]):
        if offers[o].seller_kind == kind and offers[o].seller == index:
            pull += offers[o].pull
            tokens += offers[o].tokens
    if tokens > 0.0 and pull > 0.0:
        seller.semi_elasticity = pull / tokens


@inlined
def annuity(rate: float, months: float) -> float:
    """Present value of 1 a month for ``months`` at a monthly ``rate``."""
    if rate < 1e-12:
        return months
    return (1.0 - (1.0 + rate) ** -months) / rate


@inlined
def gain_of_own(app: Rows, user: Rows, capability: float, unit_cost: float, shared: Rows) -> float:
    """Monthly gain (M$) of running a model of that capability and cost per Mtok instead of today's sources.

    Savings on today's tokens, the change of quality priced by the demand it moves (semi-elasticity of logit demand
    times today's margin), less the team and the upkeep.  The app expects its volume to stay.
    """
    customers = app.tourists + app.committed
    margin = app.price * (1.0 - shared.apps_variable_cost) - app.quota * app.token_cost
    quality = user.quality_taste * user.ai_centrality * (capability - app.capability) / user.taste_scale
    gain = app.tokens * (app.token_cost - unit_cost)
    gain += customers * margin * (1.0 - app.choice_share) * max(-1.0, min(quality, 1.0))
    return gain - shared.apps_team_cost - shared.apps_refresh_cost


@kernel
def decide_own_model(
    users: Rows, apps: Rows, live: Rows, sellers: Rows, offers: Rows, grades: Rows, labs: Rows, cash: Rows,
    shared_row: Rows, now_row: Rows,
) -> None:  # fmt: skip
    """Graduation and return: make-or-buy at a contract review (Stigler 1951; Williamson 1985 for the terms).

    At a review an app compares fine-tuning the best open checkpoint and training from scratch with buying: present
    value of the monthly gain over its horizon at the discount rate, less the one-off compute, which it must have in
    cash.  An app with a model of its own gives it up when buying the best reachable offer would gain more.
    """
    shared = shared_row[0]
    now = now_row[0]
    worth = annuity(now.discount, shared.apps_graduation_horizon)
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        user = users[app.category]
        bonus = shared.apps_own_data_gain * relative_data(app.data, user.mean_data)
        app.next_own = 0
        app.next_own_capability = app.own_capability
        app.next_own_hours = app.own_hours
        app.next_own_budget = 0.0
        if app.own_model == 1:
            app.next_own_budget = shared.apps_refresh_cost
            if now.open_frontier > UNPUBLISHED:
                gap = now.open_frontier + bonus - app.own_capability
                if gap > 0.0:
                    app.next_own_capability += shared.apps_refresh_rate * gap
                    app.next_own_hours += shared.apps_refresh_rate * (now.open_hours - app.own_hours)
        if app.owner >= 0 or uniform(now.seed, REVIEW, now.month, app.identity) >= shared.apps_review_rate:
            continue
        if app.own_model == 0 and shared.apps_graduation > 0.0:
            overhead = 1.0 + shared.apps_own_overhead
            best = 0.0
            for option in range(2):
                if option == 0:
                    if now.open_frontier <= UNPUBLISHED:
                        continue
                    hours = now.open_hours
                    capability = now.open_frontier + bonus
                    cost = shared.apps_finetune_cost
                else:
                    cost = shared.apps_scratch_cost
                    hours = cost / now.expected_rent
                    capability = math.log10(hours / shared.labs_reference_hours) + now.algorithms + bonus
                unit_cost = hours_per_token(hours, shared, now) * overhead * now.expected_rent
                value = worth * gain_of_own(app, user, capability, unit_cost, shared) - cost
                if value > best and (cash[app.account] >= cost or app.incumbent == 1):
                    best = value
                    app.next_own = 1
                    app.next_own_capability = capability
                    app.next_own_hours = hours
                    app.next_own_budget = cost
        elif app.own_model == 1:
            alpha = user.price_taste * app.price_taste_factor
            best = -1e300
            price = 0.0
            theta = 0.0
            for o in range(offers.shape[0]):
                offer = offers[o]
                if reachable(row, app.owner, offer, sellers, labs.shape[0]):
                    capability = grades[o, app.category]
                    quality = user.quality_taste * user.ai_centrality * capability
                    value = quality - alpha * app.quota * offer.price
                    if value > best:
                        best = value
                        price = offer.price
                        theta = capability
            if best > -1e299:
                customers = app.tourists + app.committed
                margin = app.price * (1.0 - shared.apps_variable_cost) - app.quota * app.token_cost
                quality = user.quality_taste * user.ai_centrality * (theta - app.own_capability) / user.taste_scale
                gain = app.tokens * (app.own_unit_cost - price)
                gain += customers * margin * (1.0 - app.choice_share) * max(-1.0, min(quality, 1.0))
                if gain + shared.apps_team_cost + shared.apps_refresh_cost > 0.0:
                    app.next_own = -1
                    app.next_own_budget = 0.0

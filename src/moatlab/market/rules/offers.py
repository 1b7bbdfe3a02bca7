"""Offers: what labs and hosts sell to whom, at which price and marginal cost.

The table of offers is derived from what sellers have decided, so it is posted again wherever it is about to be used.
"""

from __future__ import annotations

import math

import numpy as np

from moatlab.market.rules.costs import hosted_token_cost
from moatlab.market.rules.training import publish
from moatlab.market.rules.use import worth_of_price
from moatlab.market.state.codes import HOST, LAB, UNPUBLISHED
from moatlab.market.state.compiled import Rows, inlined, kernel

#: To whom a lab sells: nobody, everybody, its own apps, all but the rivals of its own apps.
CLOSED, OPEN, OWN_APPS, NOT_TO_RIVALS = 0, 1, 2, 3

#: Categories that the mask of a lab's rivals tells apart.
RIVAL_BITS = 62


@inlined
def offer_price(app: Rows, offer: Rows, shared: Rows) -> float:
    """What a token of the offer costs the app, $ per Mtok.

    The list price, the transfer price of the app's owner, or the price that a large customer has negotiated.
    """
    return offer.price if pays_list_price(app, offer) else special_price(app, offer, shared)


@inlined
def pays_list_price(app: Rows, offer: Rows) -> bool:
    """Whether the app pays the list price of the offer: neither the seller's own app nor a customer with a deal."""
    return bool(offer.seller_kind == HOST or (offer.seller != app.owner and app.deal == 0))


@inlined
def special_price(app: Rows, offer: Rows, shared: Rows) -> float:
    """The transfer price of the lab's own app, else the negotiated price."""
    share = shared.labs_transfer_price if offer.seller == app.owner else app.deal_share
    return offer.unit_cost + share * (offer.price - offer.unit_cost)


@inlined
def sold_to(offer: Rows, owner: int, category: int) -> bool:
    """Whether the offer is sold to apps of that owner (-1 for none) and category: open market, own apps, no rivals."""
    if offer.open == OPEN:
        return True
    if offer.open == CLOSED:
        return False
    if owner == offer.seller:
        return True
    return bool(offer.open == NOT_TO_RIVALS and (offer.rivals >> (category % RIVAL_BITS)) & 1 == 0)


@inlined
def reachable(row: int, app: Rows, offer: Rows, sellers: Rows, labs: int) -> bool:
    """Whether the app of ``row`` has an edge to the offer's seller and the seller sells to it."""
    if sellers[row, offer.seller + labs * offer.seller_kind] == 0:
        return False
    return bool(offer.open == OPEN or sold_to(offer, app.owner, app.category))


@inlined
def edge_columns(offers: Rows, labs: int) -> Rows:
    """Column of each offer's seller among the edges from apps."""
    columns = np.empty(offers.shape[0], np.int64)
    for o in range(offers.shape[0]):
        columns[o] = offers[o].seller + labs * offers[o].seller_kind
    return columns


@inlined
def sold_by_category(offers: Rows, categories: int) -> Rows:
    """Whether each offer is sold to apps that no lab owns, 0 or 1 [categories, offers].

    An owner's offer aside, which is the column of its row, all apps of a category are sold the same.
    """
    sold = np.empty((categories, offers.shape[0]), np.uint8)
    for k in range(categories):
        for o in range(offers.shape[0]):
            sold[k, o] = 1 if sold_to(offers[o], -1, k) else 0
    return sold


@inlined
def list_worths(offers: Rows, shared: Rows) -> Rows:
    """What tokens at each offer's list price leave (`worth_of_price`), utils per unit of K [offers]."""
    worths = np.empty(offers.shape[0])
    for o in range(offers.shape[0]):
        worths[o] = worth_of_price(offers[o].price, shared)
    return worths


@inlined
def hours_per_token(training_hours: float, shared: Rows, now: Rows) -> float:
    """GPU-hours per Mtok of a model of that many training hours (Mh), with the serving methods of the month.

    Parameters grow about as the root of training compute (Hoffmann et al. 2022), and a token's work with parameters.
    """
    size = (training_hours / shared.labs_reference_hours) ** shared.labs_serving_exponent
    return shared.labs_serving_hours * size * math.exp(-now.efficiency)


@inlined
def own_hours_per_token(serving_hours: float, tokens: float, shared: Rows) -> float:
    """GPU-hours per Mtok of an own model that carries that many tokens (Ttok a month).

    ``serving_hours`` are those of the same model at a lab (`hours_per_token`).  Beside the overhead of one's own
    operation, a fleet idles by the root of its load (square-root staffing: Halfin and
    Whitt 1981), which weighs little on a large one.
    """
    hours = serving_hours * (1.0 + shared.apps_own_overhead)
    if tokens > 0.0 and shared.apps_own_idle > 0.0:
        hours *= 1.0 + math.sqrt(shared.apps_own_idle / (hours * tokens))
    return hours


@kernel
def mark_rivals(s: Rows) -> None:
    """The categories, as bits, in which each lab has an app of its own."""
    labs, apps, live = s.labs, s.apps, s.live
    for index in range(labs.shape[0]):
        labs[index].rivals = 0
    for position in range(live.shape[0]):
        app = apps[live[position]]
        if app.owner >= 0:
            labs[app.owner].rivals |= 1 << (app.category % RIVAL_BITS)


@kernel
def post_offers(s: Rows) -> None:
    """Bring the table of offers up to date: what is for sale, at which price and marginal cost."""
    offers, labs, hosts = s.offers, s.labs, s.hosts
    shared = s.shared[0]
    now = s.now[0]
    for o in range(offers.shape[0]):
        offer = offers[o]
        lab = labs[offer.lab]
        if offer.seller_kind == LAB:
            offer.open = CLOSED
            if lab.alive == 1:
                offer.open = OPEN if lab.supply == 0 else (NOT_TO_RIVALS if lab.supply == 1 else OWN_APPS)
                if lab.api == 0:
                    offer.open = OWN_APPS
            offer.rivals = lab.rivals
            offer.price = lab.price
            offer.unit_cost = lab.unit_cost
        else:
            host = hosts[offer.seller]
            offer.open = OPEN if host.alive == 1 and lab.published > UNPUBLISHED and offer.licensed == 1 else CLOSED
            hours = hours_per_token(max(lab.published_hours, 1e-9), shared, now) * (1.0 + host.serving_overhead)
            fee = shared.hosts_licence_share if lab.hosting_agreement == 1 else 0.0
            offer.unit_cost = hosted_token_cost(host, hours * now.expected_rent, fee)
            offer.price = offer.unit_cost + host.margin


@kernel
def grade_offers(s: Rows) -> None:
    """Capability (points) of each offer in each category, into ``grades`` [offers, categories]."""
    grades, offers, labs, specialisation = s.grades, s.offers, s.labs, s.specialisation
    for o in range(offers.shape[0]):
        offer = offers[o]
        lab = labs[offer.lab]
        theta = lab.capability if offer.seller_kind == LAB else lab.published
        for k in range(grades.shape[1]):
            grades[o, k] = theta + specialisation[offer.lab, k]


@kernel
def price_hosted(s: Rows) -> None:
    """A host's mean price and cost of a token, weighted by what it sells; of its cheapest offer while it sells none."""
    hosts, offers = s.hosts, s.offers
    for index in range(hosts.shape[0]):
        host = hosts[index]
        tokens = 0.0
        value = 0.0
        cost = 0.0
        for o in range(offers.shape[0]):
            offer = offers[o]
            if offer.seller_kind == HOST and offer.seller == index and offer.open == 1:
                weight = offer.tokens + 1e-12
                tokens += weight
                value += weight * offer.price
                cost += weight * offer.unit_cost
        if tokens > 0.0:
            host.price = value / tokens
            host.unit_cost = cost / tokens


@kernel
def post(s: Rows) -> None:
    """Bring all that is for sale up to date: published models, who counts as a rival, offers, grades, hosts' prices.

    Checked: tests/market/test_one_truth.py, tests/reference/test_oracle.py.
    """
    publish(s)
    mark_rivals(s)
    post_offers(s)
    grade_offers(s)
    price_hosted(s)

"""Negotiated prices: what large API customers pay, by Nash bargaining with the lab whose model suits them best.

A customer whose monthly bill for tokens would exceed the threshold at list prices negotiates with one lab at a time.
The lab's alternative
is to sell it nothing; the customer's is the best of the other offers at the prices it would pay there, and a model of
its own with team, upkeep and one-off cost spread over the horizon.  With the volume given, transferable surplus and the
lab's weight b, the Nash solution splits the distance from the lab's marginal cost to the price at which the customer
would leave (Nash 1950; Binmore, Rubinstein and Wolinsky 1986; pairwise deals taken as given in one another: Horn and
Wolinsky 1988).  The other labs that it buys from match the deal, as a share of their own markups: nobody goes on buying
at ten times what it pays next door.
"""

from __future__ import annotations

from moatlab.market.rules.conventions import annuity
from moatlab.market.rules.costs import api_cost
from moatlab.market.rules.graduation import OFF, best_bases, best_offer, best_own, own_utility, plan_models, upkeep
from moatlab.market.rules.offers import list_worths, offer_price, reachable
from moatlab.market.rules.use import model_worth_at, price_of_worth, token_worth
from moatlab.market.state.compiled import Rows, inlined, kernel


@inlined
def bargained_price(cost: float, reservation: float, weight: float) -> float:
    """The Nash price between ``cost`` and ``reservation``, both $ per Mtok, at the seller's ``weight`` (0 to 1)."""
    return cost + weight * (reservation - cost)


@inlined
def favourite_lab(
    row: int, app: Rows, user: Rows, routing: Rows, sellers: Rows, offers: Rows, grades: Rows, worths: Rows, labs: int,
    shared: Rows,
) -> int:  # fmt: skip
    """The lab with which the app bargains: the best at list prices, the one in use having the advantage of inertia."""
    best = -1e300
    found = -1
    for o in range(labs):
        if not reachable(row, app, offers[o], sellers, labs):
            continue
        value = model_worth_at(app, user, grades[o, app.category], worths[o], shared)
        value += shared.apps_routing_inertia / max(shared.apps_routing_sharpness, 1e-12) * routing[row, o]
        if value > best:
            best = value
            found = o
    return found


@inlined
def list_bill(app: Rows, shares: Rows, offers: Rows, shared: Rows) -> float:
    """What an app's tokens would cost at list prices, M$: a customer is not large because it has no deal yet."""
    bill = app.inference
    if app.deal > 0:
        for o in range(offers.shape[0]):
            offer = offers[o]
            bill += app.tokens * shares[o] * offer.service * (offer.price - offer_price(app, offer, shared))
    return float(bill)


@kernel
def decide_deals(s: Rows) -> None:
    """Next month's deal of every app: the lab, and the share of list markups that the app pays, there and elsewhere.

    Both sides know list prices, marginal costs and what an own model would be; they expect them to stay.  A customer
    that the list price does not drive away pays it: a deal is never dearer.

    Checked: tests/reference/test_oracle.py,
    tests/textbook/test_tokens.py::test_a_large_customer_pays_the_nash_price.
    """
    users, apps, live, routing, sellers = s.users, s.apps, s.live, s.routing, s.sellers
    offers, grades, labs, specialisation = s.offers, s.grades, s.labs, s.specialisation
    shared = s.shared[0]
    now = s.now[0]
    if shared.labs_negotiation == 0.0:
        for position in range(live.shape[0]):
            apps[live[position]].next_deal = 0
        return
    worth = annuity(now.discount, shared.apps_graduation_horizon)
    bases = best_bases(users, labs, specialisation)
    plans = plan_models(bases, labs, specialisation, shared, now)
    worths = list_worths(offers, shared)
    for position in range(live.shape[0]):
        row = live[position]
        app = apps[row]
        app.next_deal = 0
        app.next_deal_share = 1.0
        customers = app.tourists + app.committed
        if app.owner >= 0 or customers <= 0.0:
            continue
        if list_bill(app, routing[row], offers, shared) < shared.labs_negotiation_threshold:
            continue
        user = users[app.category]
        o = favourite_lab(row, app, user, routing, sellers, offers, grades, worths, labs.shape[0], shared)
        if o < 0:
            continue
        taste = token_worth(app, user, grades[o, app.category], shared)
        if taste <= 0.0:
            continue
        offer = offers[o]
        lab = labs[offer.seller]
        outside, _ = best_offer(row, app, user, sellers, offers, grades, worths, labs.shape[0], offer.seller, shared)
        if app.own_model == 1:
            fixed = upkeep(app.base - 1, labs, shared)
            outside = max(outside, own_utility(app, user, app.own_capability, app.own_unit_cost, fixed, shared))
        elif shared.apps_graduation != OFF:
            value, _ = best_own(app, user, bases[app.category], plans[app.category], labs, worth, shared, now)
            outside = max(outside, value)
        quality = user.quality_taste * user.ai_centrality * grades[o, app.category]
        reservation = offer.price
        if outside > -1e299:
            reservation = price_of_worth((outside - quality) / taste, shared)
        cost = api_cost(lab, offer.unit_cost)
        if offer.price <= cost:
            continue
        # Where another source would be better even at cost, the lab goes down to its cost while the app moves away.
        price = max(bargained_price(cost, reservation, shared.labs_bargaining_weight), cost)
        price = min(price, offer.price)
        app.next_deal = offer.seller + 1
        app.next_deal_share = (price - offer.unit_cost) / (offer.price - offer.unit_cost)

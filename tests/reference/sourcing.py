"""Sourcing: tokens along the routing, next month's routing, the elasticity that sellers face."""

from __future__ import annotations

from math import exp
from typing import Any

from tests.reference.model import Reference
from tests.reference.use import of_point, relative_demand, worth


def carry(model: Reference) -> None:
    """Tokens of every app to the offers that it can reach and to its own model."""
    for offer in model.offers:
        offer.tokens = 0.0
    for app in model.apps:
        app.tokens = (app.tourists + app.committed) * app.quota
        reach = model.reachable(app)
        shares = [share if o in reach else 0.0 for o, share in enumerate(app.routing[:-1])]
        shares.append(app.routing[-1] if app.own_model else 0.0)
        if sum(shares) <= 0:
            if app.own_model:
                shares[-1] = 1.0
            else:
                shares = [1 / len(reach) if o in reach else 0.0 for o in range(len(shares))]
        total = sum(shares)
        app.routing = [share / total if total else 0.0 for share in shares]
        for o, offer in enumerate(model.offers):
            offer.tokens += app.routing[o] * app.tokens
    for kind, sellers in ((0, model.labs), (1, model.hosts)):
        for seller in sellers:
            seller.tokens = sum(o.tokens for o in model.offers if (o.seller_kind, o.seller) == (kind, seller.row))


def decide_routing(model: Reference) -> None:
    """Shares wanted are a logit of rho (beta w theta + K v(P)) / stake, inertia, and developers or hub.

    The app moves part of the way.  A seller's elasticity is the mean over the tokens that it sells at its list price.
    """
    s = model.shared
    pull = {(0, lab.row): 0.0 for lab in model.labs} | {(1, host.row): 0.0 for host in model.hosts}
    sold = dict.fromkeys(pull, 0.0)
    for app in model.apps:
        user = app.user
        stake = app.token_worth / user.usage_value
        rho = s.apps_routing_sharpness / stake
        point = of_point(model, app)
        value: dict[int, float] = {}
        for o in model.reachable(app):
            offer = model.offers[o]
            points = point * model.grades[o][app.category]
            tokens = app.token_worth * worth(model, model.price_to(app, offer))
            value[o] = rho * (points + tokens) + s.apps_routing_inertia * app.routing[o]
            if offer.seller_kind == 1:
                value[o] += s.hosts_hub_taste * model.hosts[offer.seller].hub
            else:
                value[o] += s.labs_ecosystem_taste * (1 - s.labs_portability) * model.labs[offer.seller].ecosystem
        own = len(model.offers)
        if app.own_model:
            points = point * app.own_capability
            value[own] = rho * (points + app.token_worth * worth(model, app.own_unit_cost))
            value[own] += s.apps_routing_inertia * app.routing[own]
        top = max(value.values(), default=0.0)
        total = sum(exp(v - top) for v in value.values())
        app.next_routing = []
        for o, share in enumerate(app.routing):
            aim = (exp(value[o] - top) / total if o in value else 0.0) if total else share
            moved = share + s.apps_routing_speed * (aim - share)
            app.next_routing.append(0.0 if aim < s.apps_smallest_share and moved < s.apps_smallest_share else moved)
        for o, offer in enumerate(model.offers):
            if app.routing[o] > 0 and model.lists(app, offer):
                key = (offer.seller_kind, offer.seller)
                tokens = app.tokens * app.routing[o]
                pull[key] += tokens * slope(model, app, offer, held(model, app, key))
                sold[key] += tokens
    buyers = [app for app in model.apps if app.owner < 0]
    everything = sum(app.tokens for app in buyers)
    for (kind, row), total in sold.items():
        seller = (model.labs, model.hosts)[kind][row]
        if total > 0 and pull[kind, row] > 0:
            seller.semi_elasticity = pull[kind, row] / total
        elif everything > 0:
            mean = sum(app.tokens * app.user.usage_value for app in buyers) / everything
            seller.semi_elasticity = s.apps_routing_sharpness * mean * worth_slope(model, seller.price)


def held(model: Reference, app: Any, key: tuple[int, int]) -> float:
    """Share of the app's tokens that a seller carries, over all its offers."""
    return sum(app.routing[o] for o, f in enumerate(model.offers) if (f.seller_kind, f.seller) == key)


def worth_slope(model: Reference, price: float) -> float:
    """Fall of the worth of a price with that price."""
    s = model.shared
    args = s.users_usage_elasticity, s.users_reference_price, s.users_time_price
    return relative_demand(price, *args) / s.users_reference_price


def slope(model: Reference, app: Any, offer: Any, share: float) -> float:
    """-d ln(tokens at a seller) / dP: other sources, smaller quotas as the mean cost rises, fewer customers.

    All apps that buy there at the list price get dearer at once: an app loses customers as its own price rises, and
    wins those whom others lose.
    """
    s = model.shared
    away = s.apps_routing_sharpness * app.user.usage_value * worth_slope(model, offer.price)
    dearer = (1 - away * (offer.price - app.token_cost)) / (app.token_cost + s.users_time_price)
    key = (offer.seller_kind, offer.seller)
    lost = passed_on(app, share)
    for other in model.apps:
        if other.user is app.user and model.lists(other, offer):
            lost -= rival_share(other) * passed_on(other, held(model, other, key))
    return away * (1 - share) + share * s.users_usage_elasticity * dearer + lost


def passed_on(app: Any, share: float) -> float:
    """Fall of an app's log attraction as that share of its tokens gets a dollar dearer and its price follows."""
    taste = app.user.price_taste * app.price_taste_factor / (app.user.dissimilarity * app.user.taste_scale)
    return float(taste * app.quota * share)


def rival_share(app: Any) -> float:
    """What takes the place of the choice share in elasticities: (1 - lambda) s_in + lambda s."""
    part = app.user.dissimilarity
    return float((1 - part) * app.inside_share + part * app.choice_share)

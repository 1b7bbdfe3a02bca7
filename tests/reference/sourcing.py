"""Sourcing: tokens along the routing, next month's routing, the elasticity that sellers face."""

from __future__ import annotations

from math import exp
from typing import Any

from tests.reference.model import Reference

SMALLEST_SHARE = 0.01


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
    """Shares wanted are a logit of rho (beta w theta - alpha q P) + inertia; the app moves part of the way."""
    s = model.shared
    rho = s.apps_routing_sharpness
    pull = {(0, lab.row): 0.0 for lab in model.labs} | {(1, host.row): 0.0 for host in model.hosts}
    sold = dict.fromkeys(pull, 0.0)
    for app in model.apps:
        user = app.user
        alpha_q = user.price_taste * app.price_taste_factor * app.quota
        value: dict[int, float] = {}
        for o in model.reachable(app):
            offer = model.offers[o]
            worth = user.quality_taste * user.ai_centrality * model.grades[o][app.category]
            value[o] = rho * (worth - alpha_q * model.price_to(app, offer)) + s.apps_routing_inertia * app.routing[o]
            if offer.seller_kind == 1:
                value[o] += s.hosts_hub_taste * model.hosts[offer.seller].hub
        own = len(model.offers)
        if app.own_model:
            worth = user.quality_taste * user.ai_centrality * app.own_capability
            value[own] = rho * (worth - alpha_q * app.own_unit_cost) + s.apps_routing_inertia * app.routing[own]
        top = max(value.values(), default=0.0)
        total = sum(exp(v - top) for v in value.values())
        app.next_routing = []
        for o, share in enumerate(app.routing):
            aim = (exp(value[o] - top) / total if o in value else 0.0) if total else share
            moved = share + s.apps_routing_speed * (aim - share)
            app.next_routing.append(0.0 if aim < SMALLEST_SHARE and moved < SMALLEST_SHARE else moved)
        for o, offer in enumerate(model.offers):
            if app.routing[o] > 0 and not (offer.seller_kind == 0 and offer.seller == app.owner):
                key = (offer.seller_kind, offer.seller)
                pull[key] += app.tokens * app.routing[o] * slope(model, app, held(model, app, key), alpha_q)
    for offer in model.offers:
        sold[offer.seller_kind, offer.seller] += offer.tokens
    for (kind, row), total in sold.items():
        seller = (model.labs, model.hosts)[kind][row]
        if total > 0 and pull[kind, row] > 0:
            seller.semi_elasticity = pull[kind, row] / total


def held(model: Reference, app: Any, key: tuple[int, int]) -> float:
    """Share of the app's tokens that a seller carries, over all its offers."""
    return sum(app.routing[o] for o, f in enumerate(model.offers) if (f.seller_kind, f.seller) == key)


def slope(model: Reference, app: Any, share: float, alpha_q: float) -> float:
    """d ln(tokens at a seller) / dP: other sources, smaller quotas, fewer customers."""
    quotas = model.shared.users_usage_elasticity * share / max(app.token_cost, 1e-12)
    users = alpha_q * share * (1 - app.choice_share) / app.user.taste_scale
    return model.shared.apps_routing_sharpness * alpha_q * (1 - share) + quotas + users

"""Make or buy: whether an app makes a model of its own, renews it or gives it up; and what large customers pay."""

from __future__ import annotations

from math import log10
from typing import Any

from tests.reference.draws import REVIEW, uniform
from tests.reference.model import Reference
from tests.reference.use import of_model, of_point, price_at, token_worth

#: Below this many customers (millions) an app does not think of a model of its own.
FEWEST_CUSTOMERS = 1e-6
UNPUBLISHED = -1000.0
NOTHING = -1e300
#: Below this many customers, in millions, nobody thinks of a model of its own.
FEWEST_CUSTOMERS = 1e-6
#: A way to an own model: utils per customer, capability, training hours, one-off cost, base (1 + its lab's row, or 0).
Plan = tuple[float, float, float, float, int]


def decide(model: Reference) -> None:
    """At a contract review all ways to an own model are compared with buying; an own model is kept up meanwhile."""
    s, now = model.shared, model.now
    for app in model.apps:
        app.next_own, app.next_base = 0, app.base
        app.next_own_capability, app.next_own_hours, app.next_own_budget = app.own_capability, app.own_hours, 0.0
        if app.own_model:
            keep_up(model, app)
        reviewed = uniform(now.seed, REVIEW, now.month, app.identity) < s.apps_review_rate
        few = app.tourists + app.committed < FEWEST_CUSTOMERS
        if app.owner >= 0 or few or not reviewed or (not app.own_model and s.apps_graduation == 0):
            continue
        if app.tourists + app.committed < FEWEST_CUSTOMERS:
            continue
        decline = s.apps_refresh_rate if app.own_model else 0.0
        months = sum_of_months(1.0, now.discount + decline, s.apps_graduation_horizon)
        made = max(ways(model, app, months))
        today = of_model(model, app, app.capability, app.token_cost)
        if app.own_model:
            stay = worth_of_own(model, app, app.own_capability, app.own_unit_cost, upkeep(model, app.base))
            bought = max((v for v, _ in offers(model, app)), default=NOTHING)
            free = now.month >= app.bound_until
            if s.apps_graduation != 2 and free and bought > max(stay, made[0]) and bought > NOTHING:
                app.next_own, app.next_own_budget, app.next_base = -1, 0.0, 0
                continue
            today = stay - of_point(model, app) * lag(model)
        elif now.month < app.bound_until and s.apps_graduation != 2:
            continue
        if made[0] > today or (s.apps_graduation == 2 and not app.own_model):
            _, capability, hours, cost, base = made
            if app.cash >= cost or app.incumbent or s.apps_graduation == 2:
                app.next_own, app.next_base = 1, base
                app.next_own_capability, app.next_own_hours, app.next_own_budget = capability, hours, cost


def keep_up(model: Reference, app: Any) -> None:
    """Part of what the best open checkpoint, tuned on the app's own data, is ahead."""
    s = model.shared
    app.next_own_budget = s.apps_refresh_cost
    base = best_base(model, app)
    if base:
        points, hours = checkpoint(model, app, base)
        if points > app.own_capability:
            app.next_own_capability += s.apps_refresh_rate * (points - app.own_capability)
            app.next_own_hours += s.apps_refresh_rate * (hours - app.own_hours)


def best_base(model: Reference, app: Any) -> int:
    """1 + row of the lab whose published checkpoint does most in the app's category; 0 for none."""
    published = [lab for lab in model.labs if lab.published > UNPUBLISHED]
    heights = [(lab.published + model.specialisation[lab.row][app.category], -lab.row) for lab in published]
    return 1 - max(heights)[1] if heights else 0


def checkpoint(model: Reference, app: Any, base: int) -> tuple[float, float]:
    """Points of that checkpoint tuned on the app's own data, and its training hours."""
    lab = model.labs[base - 1]
    return lab.published + model.specialisation[lab.row][app.category] + own_data(model, app), lab.published_hours


def own_data(model: Reference, app: Any) -> float:
    """Points from interaction data, against the mean of the category."""
    mean = app.user.mean_data
    if mean <= 0:
        return 0.0
    return model.shared.apps_own_data_gain * log10((app.data + mean + 1e-9) / (2 * mean + 1e-9))


def upkeep(model: Reference, base: int) -> float:
    """Team, refresh training, and the agreement with the maker of the checkpoint while it lives, M$ a month."""
    fee = model.labs[base - 1].enterprise_fee if base and model.labs[base - 1].alive else 0.0
    return model.shared.apps_team_cost + model.shared.apps_refresh_cost + fee


def lag(model: Reference) -> float:
    """Points that an own model is behind on average, as it is renewed only now and then."""
    s = model.shared
    span = s.apps_graduation_horizon / 2
    pace = s.apps_review_rate + s.apps_refresh_rate
    return s.labs_algorithm_growth * (min(span, 1 / pace) if pace else span)


def ways(model: Reference, app: Any, months: float) -> list[Plan]:
    """Fine-tuning the best open checkpoint, and training from scratch."""
    s, now = model.shared, model.now
    plans = []
    base = best_base(model, app)
    if base:
        points, hours = checkpoint(model, app, base)
        plans.append((points, hours, s.apps_finetune_cost + s.apps_finetune_share * hours * now.expected_rent, base))
    hours = s.apps_scratch_cost / now.expected_rent
    points = log10(hours / s.labs_reference_hours) + now.algorithms + own_data(model, app)
    plans.append((points, hours, s.apps_scratch_cost, 0))
    found = []
    for points, hours, cost, base in plans:
        unit_cost = model.own_hours_per_token(hours, app.tokens) * now.expected_rent
        fixed = upkeep(model, base) + cost / months
        found.append((worth_of_own(model, app, points - lag(model), unit_cost, fixed), points, hours, cost, base))
    return found


def sum_of_months(amount: float, rate: float, months: float) -> float:
    """Present value of an amount at the end of each month; ``months`` may be broken."""
    return amount * (months if rate < 1e-12 else (1 - (1 + rate) ** -months) / rate)


def worth_of_own(model: Reference, app: Any, points: float, unit_cost: float, fixed: float) -> float:
    """Utils per customer: capability, tokens at that cost, and M$ a month shared among the customers."""
    alpha = app.user.price_taste * app.price_taste_factor
    return of_model(model, app, points, unit_cost) - alpha * fixed / (app.tourists + app.committed)


def offers(model: Reference, app: Any, but: int = -1) -> list[tuple[float, int]]:
    """Utils per customer of what the app can reach, at its own prices, and the columns.

    Beside a lab ``but`` with which it bargains, all cost the list price.
    """
    found = []
    for o in model.reachable(app):
        offer = model.offers[o]
        if offer.seller_kind == 1 or offer.seller != but:
            price = model.price_to(app, offer) if but < 0 else offer.price
            found.append((of_model(model, app, model.grades[o][app.category], price), o))
    return found


def bought(model: Reference, app: Any) -> list[tuple[float, Any]]:
    """Shares of tokens from labs, with the offers."""
    return [(app.routing[o], model.offers[o]) for o in model.reachable(app) if model.offers[o].seller_kind == 0]


def bargain(model: Reference) -> None:
    """Large customers split with the lab they like best what they have over buying elsewhere or making."""
    s, now = model.shared, model.now
    months = sum_of_months(1.0, now.discount, s.apps_graduation_horizon)
    for app in model.apps:
        app.next_deal, app.next_deal_share = 0, 1.0
        if not s.labs_negotiation or app.owner >= 0:
            continue
        listed = [q * offer.service * (offer.price - model.price_to(app, offer)) for q, offer in bought(model, app)]
        if app.inference + app.tokens * sum(listed) < s.labs_negotiation_threshold:
            continue
        user, liked = app.user, []
        for o in model.reachable(app):
            if model.offers[o].seller_kind == 0:
                value = of_model(model, app, model.grades[o][app.category], model.offers[o].price)
                liked.append((value + s.apps_routing_inertia / s.apps_routing_sharpness * app.routing[o], -o))
        if not liked:
            continue
        o = -max(liked)[1]
        offer = model.offers[o]
        lab = model.labs[offer.seller]
        elsewhere = [value for value, _ in offers(model, app, lab.row)]
        if app.own_model:
            fixed = upkeep(model, app.base)
            elsewhere.append(worth_of_own(model, app, app.own_capability, app.own_unit_cost, fixed))
        elif s.apps_graduation:
            elsewhere.append(max(ways(model, app, months))[0])
        most = offer.price
        if elsewhere:
            left = max(elsewhere) - user.quality_taste * user.ai_centrality * model.grades[o][app.category]
            most = price_at(model, left / token_worth(model, app, model.grades[o][app.category]))
        cost = offer.unit_cost / (1 - lab.revenue_share)
        if offer.price > cost:
            price = (1 - s.labs_bargaining_weight) * cost + s.labs_bargaining_weight * most
            price = min(offer.price, max(price, cost))
            app.next_deal = lab.row + 1
            app.next_deal_share = (price - offer.unit_cost) / (offer.price - offer.unit_cost)

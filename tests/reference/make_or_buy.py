"""Make or buy: whether an app moves to a model of its own, makes it anew, keeps it, or gives it up.

All is compared in utils per customer of the app; a fixed cost of F dollars weighs alpha F / customers.
"""

from __future__ import annotations

from math import log, log10, sqrt
from typing import Any, NamedTuple

from tests.reference.draws import REVIEW, uniform
from tests.reference.model import Reference

OFF, FORCED = 0, 2
UNPUBLISHED, FEWEST_CUSTOMERS = -1000.0, 1e-6


class Plan(NamedTuple):
    """An own model that could be made now: points, training hours (Mh), one-off cost (M$), the checkpoint's maker."""

    capability: float
    hours: float
    cost: float
    maker: Any


def decide(model: Reference) -> None:
    """An own model follows the best open checkpoint; at a contract review making is compared with buying."""
    s, now = model.shared, model.now
    for app in model.apps:
        app.next_own, app.next_own_budget, app.next_base = 0, 0.0, app.base
        app.next_own_capability, app.next_own_hours = app.own_capability, app.own_hours
        plans = ways(model, app)
        if app.own_model:
            app.next_own_budget = s.apps_refresh_cost
            tuned = plans[0]
            if tuned.maker is not None and tuned.capability > app.own_capability:
                app.next_own_capability += s.apps_refresh_rate * (tuned.capability - app.own_capability)
                app.next_own_hours += s.apps_refresh_rate * (tuned.hours - app.own_hours)
        reviewed = uniform(now.seed, REVIEW, now.month, app.identity) < s.apps_review_rate
        if app.owner >= 0 or not reviewed or app.tourists + app.committed < FEWEST_CUSTOMERS:
            continue
        if not app.own_model and s.apps_graduation == OFF:
            continue
        plan = chosen(model, app, plans)
        if plan == "buy":
            app.next_own, app.next_own_budget, app.next_base = -1, 0.0, 0
        elif isinstance(plan, Plan) and (app.cash >= plan.cost or app.incumbent or s.apps_graduation == FORCED):
            app.next_own, app.next_own_budget = 1, plan.cost
            app.next_own_capability, app.next_own_hours = plan.capability, plan.hours
            app.next_base = plan.maker.row + 1 if plan.maker is not None else 0


def chosen(model: Reference, app: Any, plans: list[Plan]) -> Plan | str | None:
    """The plan that pays, "buy" where giving the own model up does, None to stay."""
    s, user = model.shared, app.user
    quality = user.quality_taste * user.ai_centrality
    # A lead in quality over a model in use fades at the rate at which refresh training closes it.
    fading = s.apps_refresh_rate if app.own_model else 0.0
    life = annuity(model.now.discount + fading, s.apps_graduation_horizon)
    worth = {plan: worth_of(model, app, plan, life) for plan in plans}
    best = max(plans, key=lambda plan: worth[plan])
    if not app.own_model:
        today = quality * app.capability + taste(model, app) * worth_of_price(model, app.token_cost)
        return best if worth[best] > today or s.apps_graduation == FORCED else None
    maker = model.labs[app.base - 1] if app.base else None
    stay = quality * app.own_capability + taste(model, app) * worth_of_price(model, app.own_unit_cost)
    stay -= alpha(app) * upkeep(model, maker) / (app.tourists + app.committed)
    offers = [
        quality * model.grades[o][app.category]
        + taste(model, app) * worth_of_price(model, model.price_to(app, model.offers[o]))
        for o in model.reachable(app)
    ]
    if s.apps_graduation != FORCED and offers and max(offers) > max(stay, worth[best]):
        return "buy"
    return best if worth[best] > stay - quality * ageing(model) else None


def ways(model: Reference, app: Any) -> list[Plan]:
    """Fine-tuning the open checkpoint that does most in the category, and training from scratch."""
    s, now, mean = model.shared, model.now, app.user.mean_data
    own = s.apps_own_data_gain * log10((app.data + mean + 1e-9) / (2 * mean + 1e-9)) if mean > 0 else 0.0
    hours = s.apps_scratch_cost / now.expected_rent
    plans = [Plan(log10(hours / s.labs_reference_hours) + now.algorithms + own, hours, s.apps_scratch_cost, None)]
    published = [lab for lab in model.labs if lab.published > UNPUBLISHED]
    if published:
        base = max(published, key=lambda lab: lab.published + model.specialisation[lab.row][app.category])
        points = base.published + model.specialisation[base.row][app.category] + own
        cost = s.apps_finetune_cost + s.apps_finetune_share * base.published_hours * now.expected_rent
        plans.insert(0, Plan(points, base.published_hours, cost, base))
    return plans


def worth_of(model: Reference, app: Any, plan: Plan, life: float) -> float:
    """Utils per customer of a new model: its quality as it ages, its cheaper tokens, less its costs by the month."""
    s, user = model.shared, app.user
    hours = model.hours_per_token(plan.hours) * (1 + s.apps_own_overhead)
    if app.tokens > 0:
        hours *= 1 + sqrt(s.apps_own_idle / (hours * app.tokens))
    utils = user.quality_taste * user.ai_centrality * (plan.capability - ageing(model))
    utils += taste(model, app) * worth_of_price(model, hours * model.now.expected_rent)
    return utils - alpha(app) * (upkeep(model, plan.maker) + plan.cost / life) / (app.tourists + app.committed)


def upkeep(model: Reference, maker: Any) -> float:
    """Team, refresh training, and the agreement with the checkpoint's maker while it lives, M$ a month."""
    fee = maker.enterprise_fee if maker is not None and maker.alive else 0.0
    return model.shared.apps_team_cost + model.shared.apps_refresh_cost + fee


def ageing(model: Reference) -> float:
    """Points by which an own model lags on average: public progress, until a review or refresh training."""
    s = model.shared
    pace, span = s.apps_review_rate + s.apps_refresh_rate, s.apps_graduation_horizon / 2
    return s.labs_algorithm_growth * (min(1 / pace, span) if pace else span)


def alpha(app: Any) -> float:
    """Weight of a dollar, utils."""
    return app.user.price_taste * app.price_taste_factor


def taste(model: Reference, app: Any) -> float:
    """gamma^eta alpha^(1-eta), the weight of a token's price."""
    eta = model.shared.users_usage_elasticity
    return app.token_worth**eta * alpha(app) ** (1 - eta)


def worth_of_price(model: Reference, price: float) -> float:
    """What the best quota at that price is worth after its cost, per unit of `taste`."""
    eta = model.shared.users_usage_elasticity
    return -log(price) if eta == 1 else price ** (1 - eta) / (eta - 1)


def annuity(rate: float, months: float) -> float:
    """Present value of 1 at the end of each month."""
    return months if rate < 1e-12 else (1 - (1 + rate) ** -months) / rate

"""Make or buy: whether an app moves to a model of its own, keeps it, or gives it up."""

from __future__ import annotations

from math import log10
from typing import Any

from tests.reference.draws import REVIEW, uniform
from tests.reference.model import Reference

UNPUBLISHED = -1000.0


def decide(model: Reference) -> None:
    """An own model follows the open frontier; at a contract review making is compared with buying."""
    s, now = model.shared, model.now
    for app in model.apps:
        app.next_own = 0
        app.next_own_capability, app.next_own_hours, app.next_own_budget = app.own_capability, app.own_hours, 0.0
        if app.own_model:
            refresh(model, app)
        reviewed = uniform(now.seed, REVIEW, now.month, app.identity) < s.apps_review_rate
        if app.owner >= 0 or not reviewed:
            continue
        if app.own_model:
            best = best_offer(model, app)
            if best is not None and gain_of_buying(model, app, *best) > 0:
                app.next_own, app.next_own_budget = -1, 0.0
        elif s.apps_graduation:
            plans = [plan for plan in ways(model, app) if app.cash >= plan[3] or app.incumbent]
            value, capability, hours, cost = max(plans, default=(0.0, 0.0, 0.0, 0.0))
            if value > 0:
                app.next_own = 1
                app.next_own_capability, app.next_own_hours, app.next_own_budget = capability, hours, cost


def refresh(model: Reference, app: Any) -> None:
    """Part of what the best open checkpoint, tuned on the app's own data, is ahead."""
    s, now = model.shared, model.now
    app.next_own_budget = s.apps_refresh_cost
    ahead = now.open_frontier + own_data(model, app) - app.own_capability
    if now.open_frontier > UNPUBLISHED and ahead > 0:
        app.next_own_capability += s.apps_refresh_rate * ahead
        app.next_own_hours += s.apps_refresh_rate * (now.open_hours - app.own_hours)


def own_data(model: Reference, app: Any) -> float:
    """Points from interaction data, against the mean of the category."""
    mean = app.user.mean_data
    if mean <= 0:
        return 0.0
    return model.shared.apps_own_data_gain * log10((app.data + mean + 1e-9) / (2 * mean + 1e-9))


def ways(model: Reference, app: Any) -> list[tuple[float, float, float, float]]:
    """Fine-tuning an open checkpoint and training from scratch: net present value, capability, hours, cost."""
    s, now = model.shared, model.now
    options = []
    if now.open_frontier > UNPUBLISHED:
        options.append((now.open_frontier, now.open_hours, s.apps_finetune_cost))
    hours = s.apps_scratch_cost / now.expected_rent
    options.append((log10(hours / s.labs_reference_hours) + now.algorithms, hours, s.apps_scratch_cost))
    plans = []
    for points, hours, cost in options:
        capability = points + own_data(model, app)
        unit_cost = model.hours_per_token(hours) * (1 + s.apps_own_overhead) * now.expected_rent
        saved = app.tokens * (app.token_cost - unit_cost)
        monthly = saved + worth_of_quality(model, app, capability - app.capability)
        monthly -= s.apps_team_cost + s.apps_refresh_cost
        value = sum_of_months(monthly, now.discount, s.apps_graduation_horizon) - cost
        plans.append((value, capability, hours, cost))
    return plans


def sum_of_months(amount: float, rate: float, months: float) -> float:
    """Present value of an amount at the end of each month; ``months`` may be broken."""
    return amount * (months if rate < 1e-12 else (1 - (1 + rate) ** -months) / rate)


def worth_of_quality(model: Reference, app: Any, points: float) -> float:
    """A change of capability, priced by the customers whom it moves and today's margin on them, M$ a month."""
    user = app.user
    margin = app.price * (1 - model.shared.apps_variable_cost) - app.quota * app.token_cost
    moved = user.quality_taste * user.ai_centrality * points / user.taste_scale * (1 - app.choice_share)
    most = 1 - app.choice_share
    return (app.tourists + app.committed) * margin * max(-most, min(moved, most))


def best_offer(model: Reference, app: Any) -> tuple[float, float] | None:
    """Capability and list price of the offer that the app's users would like best."""
    user, offers = app.user, []
    for o in model.reachable(app):
        points, price = model.grades[o][app.category], model.offers[o].price
        worth = user.quality_taste * user.ai_centrality * points
        offers.append((worth - user.price_taste * app.price_taste_factor * app.quota * price, -o, points, price))
    return max(offers)[2:] if offers else None


def gain_of_buying(model: Reference, app: Any, points: float, price: float) -> float:
    """Monthly gain of giving the own model up, M$."""
    saved = app.tokens * (app.own_unit_cost - price) + model.shared.apps_team_cost + model.shared.apps_refresh_cost
    return saved + worth_of_quality(model, app, points - app.own_capability)

"""Users: Bass consideration, nested logit choice, switching cost.

One loop over pairs of apps per category: everyone who reconsiders app i chooses among all apps and the outside option,
i having the advantage of the switching cost.
"""

from __future__ import annotations

from math import exp, log, log10
from typing import Any

from tests.reference.model import Reference
from tests.reference.use import growth, worth


def attraction(model: Reference, app: Any) -> float:
    """Reach times exp(V / (lambda mu))."""
    s, user = model.shared, app.user
    share = (app.tourists + app.committed) / user.potential if user.potential else 0.0
    value = user.quality_taste * (user.ai_centrality * app.capability + (1 - user.ai_centrality) * app.feature)
    if user.mean_data > 0:
        value += s.apps_data_taste * log10((app.data + user.mean_data + 1e-9) / (2 * user.mean_data + 1e-9))
    value += app.brand + user.network_taste * share + app.use_value
    value -= user.price_taste * app.price_taste_factor * app.price
    value += s.users_outage_taste * log(max(app.service, s.users_service_floor))
    return reach(app) * exp(value / user.taste_scale / user.dissimilarity)


def reach(app: Any) -> float:
    """Share of customers who have heard of the app."""
    return float(1 - exp(-(app.awareness + app.distribution)))


def nest_of(app: Any) -> Any:
    """The lab that carries most of the app's tokens; an app on its own model is a nest of one."""
    return app.nest if app.nest >= 0 else app


def within_nest(user: Any, weight: dict[Any, float], app: Any) -> float:
    """Probability of choosing the app, given its nest."""
    power = 1 / (1 - user.nest_correlation)
    own = weight[app] ** power
    return float(own / sum(w**power for other, w in weight.items() if nest_of(other) == nest_of(app)))


def nest_values(user: Any, weight: dict[Any, float]) -> dict[Any, float]:
    """Attraction of each nest: (sum of E^(1/lambda))^lambda."""
    part = 1 - user.nest_correlation
    sums: dict[Any, float] = {}
    for app, value in weight.items():
        sums[nest_of(app)] = sums.get(nest_of(app), 0.0) + value ** (1 / part)
    return {nest: total**part for nest, total in sums.items()}


def probabilities(user: Any, outside: float, weight: dict[Any, float]) -> dict[Any, float]:
    """Nested logit: the probability of any app, times that of the lab's nest, times that of the app within it."""
    values = nest_values(user, weight)
    together = sum(values.values())
    inside = together**user.dissimilarity
    everything = together * (outside + inside) / inside
    power = 1 / (1 - user.nest_correlation)
    return {
        app: (values[nest_of(app)] / everything) * (value / values[nest_of(app)]) ** power
        for app, value in weight.items()
    }


def choose(model: Reference) -> None:
    """Move the customers of the month."""
    s, now = model.shared, model.now
    hype = exp(s.users_hype_weight * now.hype)
    for k, user in enumerate(model.users):
        mine = [app for app in model.apps if app.category == k]
        potential = user.market_size * exp(user.market_growth * now.month)
        if user.customers > potential:
            for app in mine:
                app.tourists *= potential / user.customers
                app.committed *= potential / user.customers
            user.customers = potential
        user.potential = potential
        before = user.customers
        progress = user.quality_taste * user.ai_centrality * (now.frontier - now.first_frontier)
        tokens = max(0.0, worth(model, now.token_cost)) * growth(model, now.frontier)
        progress += user.usage_value * (tokens - worth(model, s.users_reference_price))
        progress = max(0.0, progress)
        outside = exp((s.users_outside_value + s.users_outside_catchup * progress) / user.taste_scale)
        crowd = sum(reach(app) for app in mine)
        user.dissimilarity = min(1.0, (s.users_crowding_start / crowd) ** s.users_crowding) if crowd else 1.0
        weight = {app: attraction(model, app) for app in mine}
        inside = sum(nest_values(user, weight).values()) ** user.dissimilarity
        rate = user.adoption_p * hype + (user.adoption_q * before / potential if potential else 0.0)
        considering = max(0.0, potential - before) * min(1.0, rate)
        odds = min(1.0, user.tourist_share * 2 ** (-now.month / user.tourist_half_life) * hype)
        gained = {app: [0.0, 0.0] for app in mine}
        lost = {app: [0.0, 0.0] for app in mine}
        for app in mine:
            stay = exp((user.switching_cost + app.depth) / user.taste_scale)
            loyal = weight[app] * stay ** (1 / user.dissimilarity)
            chosen = probabilities(user, outside, {**weight, app: loyal})
            for kind, moving in enumerate((user.hazard_tourist * app.tourists, user.hazard_committed * app.committed)):
                for other in mine:
                    if other is not app:
                        gained[other][kind] += moving * chosen[other]
                        lost[app][kind] += moving * chosen[other]
                lost[app][kind] += moving * (1 - sum(chosen.values()))
        fresh = probabilities(user, outside, weight)
        for app in mine:
            app.choice_share = fresh[app]
            new = considering * app.choice_share
            gained[app][0] += new * odds
            gained[app][1] += new * (1 - odds)
            app.tourists += gained[app][0] - lost[app][0]
            app.committed += gained[app][1] - lost[app][1]
            app.joined, app.left = sum(gained[app]), sum(lost[app])
            customers = app.tourists + app.committed
            stayed = (customers - app.joined) / customers if customers else 0.0
            app.depth = stayed * (app.depth * (1 - user.portability) + user.depth_gain)
            app.nest_share = within_nest(user, weight, app)
            app.inside_share = app.choice_share / sum(fresh.values())
        user.customers = sum(app.tourists + app.committed for app in mine)
        user.new_users = considering * inside / (outside + inside)
        logsum = log((outside + inside) / outside) * (outside + inside) / inside if inside else 0.0
        free = s.users_outside_catchup * progress
        user.consumer_surplus = user.customers * (user.taste_scale * logsum + free) / user.price_taste

"""The market for GPU-hours, cleared by plain damped price adjustment (a tatonnement)."""

from __future__ import annotations

from math import exp, log
from types import SimpleNamespace
from typing import Any

from tests.reference.model import Host, Lab, Reference


def buyers_of(model: Reference) -> list[Any]:
    """Who wants how many hours: inference with its choke rent, a training budget, or outside hours."""
    s, found = model.shared, []
    labs, hosts = len(model.labs), len(model.hosts)

    def buyer(who: Any, places: list[float], edges: list[int]) -> Any:
        new = SimpleNamespace(who=who, inference=0.0, choke=1.0, budget=0.0, elastic=0.0, lag=places, edges=edges)
        found.append(new)
        return new

    # What an hour costs to supply, over all fleets.
    supply = sum(c.capacity * c.full_cost for c in model.clouds) / sum(c.capacity for c in model.clouds)
    for lab in model.labs:
        if lab.alive:
            new = buyer(lab, model.places[lab.row], model.edges[lab.row])
            hours = model.hours_per_token(lab.model_hours)
            new.inference = lab.tokens * hours
            new.choke = s.compute_choke_multiple * max(lab.price / hours, supply)
            new.budget = lab.training_budget
    for host in model.hosts:
        if host.alive:
            new = buyer(host, model.places[labs + host.row], model.edges[labs + host.row])
            worth = 0.0
            for offer in model.offers:
                if offer.seller_kind == 1 and offer.seller == host.row and offer.tokens > 0:
                    hours = model.hours_per_token(model.labs[offer.lab].published_hours)
                    new.inference += offer.tokens * hours * (1 + host.serving_overhead)
                    worth += offer.tokens * offer.price
            if new.inference:
                new.choke = s.compute_choke_multiple * max(worth / new.inference, supply)
    outside = buyer(None, model.places[labs + hosts], model.edges[labs + hosts])
    outside.elastic = model.now.outside_hours
    for app in model.apps:
        if app.own_model or app.own_budget > 0:
            new = buyer(app, app.places, app.cloud_edges)
            new.budget = app.own_budget
            if app.own_model:
                hours = model.own_hours_per_token(app.own_hours, app.tokens)
                new.inference = app.tokens * app.routing[-1] * hours
                new.choke = s.compute_choke_multiple * max(app.price / (max(app.quota, 1e-12) * hours), supply)
    for new in found:
        new.affinity = [
            room(model, c) * exp(c.affinity + special(model, new, c) - rival(model, new, c)) * (e != 0)
            for c, e in zip(model.clouds, new.edges, strict=True)
        ]
    return found


def room(model: Reference, cloud: Any) -> float:
    """How easily hours are found there: its part of what the clouds of its company would count as one."""
    company = [c for c in model.clouds if c is cloud or (c.company and c.company == cloud.company)]
    whole = sum(c.capacity for c in company)
    return float(cloud.capacity / whole * whole**model.shared.compute_size_weight)


def special(model: Reference, buyer: Any, cloud: Any) -> float:
    """What a cloud's specialisation is worth to a buyer: none to outside demand; else by what it would spend on."""
    if buyer.who is None:
        return 0.0
    if isinstance(buyer.who, Host):
        return float(cloud.hosting_affinity)
    spent = buyer.budget + buyer.inference * model.now.mean_rent
    training = buyer.budget / spent if spent > 0 else 0.0
    return float(training * cloud.training_affinity + (1 - training) * cloud.inference_affinity)


def rival(model: Reference, buyer: Any, cloud: Any) -> float:
    """What a lab dislikes about paying a company that has a lab, other than its own and its partner."""
    if not isinstance(buyer.who, Lab) or not cloud.company:
        return 0.0
    if buyer.who.partner >= 0 and model.clouds[buyer.who.partner].company == cloud.company:
        return 0.0
    others = {lab.company for lab in model.labs if lab.alive} - {buyer.who.company}
    return float(model.shared.clouds_neutrality) if cloud.company in others else 0.0


def shares(model: Reference, buyer: Any, rents: list[float]) -> list[float]:
    """Where the buyer's hours go: mostly where they are, partly by logit on rent among reachable clouds."""
    s = model.shared
    open_ = [c.capacity > 0 and a > 0 for c, a in zip(model.clouds, buyer.affinity, strict=True)]
    pull = [a * r**-s.compute_rent_sharpness if o else 0.0
            for a, r, o in zip(buyer.affinity, rents, open_, strict=True)]  # fmt: skip
    if not any(open_):
        return [0.0] * len(rents)
    held = [w if o else 0.0 for w, o in zip(buyer.lag, open_, strict=True)]
    if sum(held) <= 0:
        return [p / sum(pull) for p in pull]
    stays = [
        w / sum(held) * (1 - s.compute_switching_rate * exp(-c.gravity))
        for w, c in zip(held, model.clouds, strict=True)
    ]
    return [w + (1 - sum(stays)) * p / sum(pull) for w, p in zip(stays, pull, strict=True)]


def bought(model: Reference, buyer: Any, rents: list[float]) -> list[tuple[float, float, float]]:
    """Hours of inference, of outside demand and of training at each cloud."""
    s, found = model.shared, []
    for weight, rent in zip(shares(model, buyer, rents), rents, strict=True):
        served = 1 / (1 + (rent / buyer.choke) ** s.compute_choke_steepness)
        outside = buyer.elastic * (rent / s.outside_reference_rent) ** -s.outside_spot_elasticity
        found.append((weight * buyer.inference * served, weight * outside, weight * buyer.budget / rent))
    return found


def clear(model: Reference) -> None:
    """Raise rents where more is wanted than there is, lower them to the reserve where not, until nothing moves."""
    buyers = buyers_of(model)
    rents = [max(c.rent, c.reserve) for c in model.clouds]
    for _ in range(20_000):
        moved = 0.0
        hours = [bought(model, buyer, rents) for buyer in buyers]
        for c, cloud in enumerate(model.clouds):
            if cloud.capacity > 0:
                wanted = sum(sum(h[c]) for h in hours)
                change = 0.35 * log(wanted / cloud.capacity) if wanted > 0 else -1.0
                new = max(cloud.reserve, rents[c] * exp(change))
                moved = max(moved, abs(log(new / rents[c])))
                rents[c] = new
        if moved < 1e-14:
            break
    model.buyers = buyers
    for buyer in buyers:
        buyer.hours = bought(model, buyer, rents)
        buyer.next_places = shares(model, buyer, rents)
        served = sum(h[0] for h in buyer.hours)
        buyer.service = served / buyer.inference if buyer.inference > 0 else 1.0
    for cloud, rent in zip(model.clouds, rents, strict=True):
        cloud.rent = rent
        cloud.hours = sum(sum(b.hours[cloud.row]) for b in buyers)

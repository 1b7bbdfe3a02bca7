"""Settlement: who pays whom for the month's goods and services."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.reference.model import App, Host, Lab, Reference

Payments = dict[tuple[str, int, int], float]
USERS, OUTSIDE, SUPPLIERS = 0, 1, 4


def overhead(s: Any, app: Any) -> float:
    """What an app earned last month of its fixed cost, between the lean share and the whole, and its team."""
    team = s.apps_team_cost * (app.own_model == 1)
    lean, whole = (share * s.apps_overhead + team for share in (s.apps_lean_share, 1))
    return float(max(lean, min(whole, app.gross_profit)))


def settle(model: Reference, hours: Any, trained: Any, buyers: list[tuple[str, int]]) -> Payments:
    """Payments by (kind, payer's account, payee's account), M$; ``hours`` and ``trained`` by buyer and cloud."""
    s = model.shared
    paid: Payments = defaultdict(float)
    revenue: dict[int, float] = defaultdict(float)
    for app in model.apps:
        service = app.routing[-1] * app.own_service if app.own_model else 0.0
        for o, offer in enumerate(model.offers):
            seller = (model.labs, model.hosts)[offer.seller_kind][offer.seller]
            served = app.routing[o] * seller.service
            service += served
            amount = app.tokens * served * model.price_to(app, offer)
            kind = "hosted inference" if offer.seller_kind else "transfer" if app.owner == offer.seller else "api"
            paid[kind, app.account, seller.account] += amount
            if offer.seller_kind == 0:
                revenue[offer.seller] += amount
            else:
                maker = model.labs[offer.lab]
                if maker.alive and maker.hosting_agreement:
                    fee = s.hosts_licence_share * app.tokens * served * offer.price
                    paid["licence", seller.account, maker.account] += fee
                    revenue[offer.lab] += fee
        app.service = min(service, 1.0)
        sales = app.price * (app.tourists + app.committed) * (1 - s.users_refund_share * (1 - app.service))
        paid["subscription", USERS, app.account] += sales
        paid["app variable cost", app.account, SUPPLIERS] += s.apps_variable_cost * sales
        paid["marketing", app.account, SUPPLIERS] += app.marketing
        paid["app rnd", app.account, SUPPLIERS] += app.rnd
        paid["app overhead", app.account, SUPPLIERS] += overhead(s, app)
        if app.own_model and app.base and model.labs[app.base - 1].alive:
            maker = model.labs[app.base - 1]
            paid["enterprise agreement", app.account, maker.account] += maker.enterprise_fee
            revenue[maker.row] += maker.enterprise_fee
    for host in model.hosts:
        paid["host staff", host.account, SUPPLIERS] += host.staff * host.number * (host.alive == 1)
    apps = {app.row: app for app in model.apps}
    for b, (kind, row) in enumerate(buyers):
        who = {"lab": model.labs, "host": model.hosts, "app": apps, "outside": {0: None}}[kind][row]  # type: ignore[index]
        for cloud in model.clouds:
            mixed = s.compute_contract_share * cloud.contract_rent + (1 - s.compute_contract_share) * cloud.rent
            inference, training = float(hours[b][cloud.row]), float(trained[b][cloud.row])
            if isinstance(who, Lab):
                paid["lab inference", who.account, cloud.account] += inference * mixed
                paid["lab training", who.account, cloud.account] += training * cloud.rent
            elif isinstance(who, Host):
                paid["host compute", who.account, cloud.account] += inference * mixed
            elif isinstance(who, App):
                paid["app compute", who.account, cloud.account] += inference * mixed
                paid["app training", who.account, cloud.account] += training * cloud.rent
            else:
                paid["outside compute", OUTSIDE, cloud.account] += inference * cloud.rent
    for cloud in model.clouds:
        paid["running cost", cloud.account, SUPPLIERS] += cloud.hours * cloud.running
    for lab in model.labs:
        if lab.alive:
            paid["lab staff", lab.account, SUPPLIERS] += lab.staff
            if lab.partner >= 0:
                partner = model.clouds[lab.partner]
                paid["revenue share", lab.account, partner.account] += lab.revenue_share * revenue[lab.row]
    return {key: amount for key, amount in paid.items() if amount != 0}


def contracted(model: Reference, paid: Payments) -> list[float]:
    """What labs pay of each cloud's revenue, smoothed: lenders go by it."""
    found = []
    for cloud in model.clouds:
        received = {kind: 0.0 for kind, _, _ in paid}
        for (kind, _, payee), amount in paid.items():
            received[kind] += amount * (payee == cloud.account)
        labs = received.get("lab inference", 0.0) + received.get("lab training", 0.0)
        part = labs / sum(received.values()) if sum(received.values()) > 0 else 0.0
        found.append(cloud.contracted + model.shared.clouds_smoothing * (part - cloud.contracted))
    return found

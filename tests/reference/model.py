"""Plain agents, read from a state of the market."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import mesa


class Plain(mesa.Agent):
    """An agent with ordinary attributes: those of one row of its kind."""

    def __init__(self, model: Reference, row: int, fields: dict[str, Any]) -> None:
        super().__init__(model)
        self.row = row
        self.__dict__.update(fields)


class App(Plain):
    """An application company."""


class Lab(Plain):
    """A model lab."""


class Host(Plain):
    """A host of open checkpoints."""


class Cloud(Plain):
    """A cloud."""


def fields_of(rows: Any, row: int) -> dict[str, Any]:
    """One row of a structured array as plain numbers."""
    return {name: rows[name][row].item() for name in rows.dtype.names}


class Reference(mesa.Model):
    """A market of plain agents as it stood in ``state``."""

    def __init__(self, state: Any) -> None:
        super().__init__(rng=0)
        space = SimpleNamespace
        self.shared: Any = space(**fields_of(state.shared, 0))
        self.now: Any = space(**fields_of(state.now, 0))
        self.users: list[Any] = [space(**fields_of(state.users, k)) for k in range(state.users.shape[0])]
        self.labs: list[Any] = [Lab(self, r, fields_of(state.labs, r)) for r in range(state.labs.shape[0])]
        self.hosts: list[Any] = [Host(self, r, fields_of(state.hosts, r)) for r in range(state.hosts.shape[0])]
        self.clouds: list[Any] = [Cloud(self, r, fields_of(state.clouds, r)) for r in range(state.clouds.shape[0])]
        self.offers: list[Any] = [space(**fields_of(state.offers, o)) for o in range(state.offers.shape[0])]
        self.apps: list[Any] = []
        for row in state.live.tolist():
            app: Any = App(self, row, fields_of(state.apps, row))
            app.user = self.users[app.category]
            app.routing = state.routing[row].tolist()
            app.edges = state.sellers[row].tolist()
            app.cloud_edges = state.app_edges[row].tolist()
            app.places = state.app_places[row].tolist()
            app.cash = state.cash[app.account].item()
            self.apps.append(app)
        self.places = state.places.tolist()
        self.edges = state.edges.tolist()
        self.grades = state.grades.tolist()
        self.specialisation = state.specialisation.tolist()

    def reachable(self, app: Any) -> list[int]:
        """Offers that the app has an edge to and that are sold to it."""
        found = []
        for o, offer in enumerate(self.offers):
            if offer.seller_kind == 1:
                if offer.open == 1 and app.edges[len(self.labs) + offer.seller]:
                    found.append(o)
            elif app.edges[offer.seller] and self.sold(app, offer):
                found.append(o)
        return found

    def sold(self, app: Any, offer: Any) -> bool:
        """Whether a lab sells to the app: to everybody, to its own apps, or to all but the rivals of those."""
        lab = self.labs[offer.seller]
        if not lab.alive or app.owner == lab.row:
            return bool(lab.alive)
        rivals = {other.category for other in self.apps if other.owner == lab.row}
        return bool(lab.api) and (lab.supply == 0 or (lab.supply == 1 and app.category not in rivals))

    def price_to(self, app: Any, offer: Any) -> float:
        """List price of a token, transfer price to an app of the lab's own, or a negotiated price, $ per Mtok."""
        if self.lists(app, offer):
            return offer.price
        share = self.shared.labs_transfer_price if app.owner == offer.seller else app.deal_share
        return offer.unit_cost + share * (offer.price - offer.unit_cost)

    def lists(self, app: Any, offer: Any) -> bool:
        """Whether the app pays the list price of the offer."""
        return offer.seller_kind == 1 or (offer.seller != app.owner and not app.deal)

    def own_hours_per_token(self, training_hours: float, tokens: float) -> float:
        """GPU-hours per Mtok of an own model: overhead, and a fleet that idles by the root of its load."""
        s = self.shared
        hours = self.hours_per_token(training_hours) * (1 + s.apps_own_overhead)
        if tokens <= 0:
            return hours
        load = hours * tokens
        return hours * (load + (s.apps_own_idle * load) ** 0.5) / load

    def hours_per_token(self, training_hours: float) -> float:
        """GPU-hours per Mtok of a model: grows with the root of its training, falls with serving methods."""
        from math import exp

        size = (training_hours / self.shared.labs_reference_hours) ** self.shared.labs_serving_exponent
        return self.shared.labs_serving_hours * size * exp(-self.now.efficiency)

"""What a deal does that ownership alone does not: partial stakes and cost savings, in a market that runs.

The market's own rule sets the prices of one company's apps jointly.  This rule from outside sets those of apps whose
company holds a part of a rival, or whose costs a deal has lowered, by the same rule: the best price at rivals' prices,
what a lost customer brings the owner elsewhere being a cost.
"""

from __future__ import annotations

import numpy as np

from moatlab.evidence.antitrust import Array, with_stake
from moatlab.evidence.frozen import Category, category_of
from moatlab.market.rule import Rule
from moatlab.scenario.registry import Moves, declare

_SOURCE = "set by the user"


class Integration(Rule):
    """A stake of one app's company in another's, and what the deal saves both."""

    name = "deal"
    parameters = (
        declare("deal", "holder", "row", 0, (0, 1_000_000), "The app whose company holds the stake, by its row.",
                _SOURCE, Moves("deal.saving", 0, reason="a name")),
        declare("deal", "held", "row", 0, (0, 1_000_000), "The app whose company it is held in, by its row.",
                _SOURCE, Moves("deal.saving", 0, reason="a name")),
        declare("deal", "stake", "share", 1.0, (0.0, 1.0), "Share of the profits; 1 for companies that are one.",
                _SOURCE, Moves("deal.saving", 0, reason="no cost")),
        declare("deal", "control", "flag", False, (0, 1), "Whether the holder also sets the prices of the held.",
                _SOURCE, Moves("deal.saving", 0, reason="no cost")),
        declare("deal", "saved", "share of cost", 0.0, (0.0, 0.99), "Fall of both companies' marginal cost.",
                _SOURCE, Moves("deal.saving", +1)),
        declare("deal", "first_month", "month", 0, (0, 1200), "The first month of the deal.", _SOURCE,
                Moves("deal.saving", -1)),
    )  # fmt: skip
    metrics = (
        ("saving", "M$", "cost that the deal saved the apps of both companies in the month, paid to them by their "
         "parents"),
    )  # fmt: skip

    holder: int
    held: int
    stake: float
    control: bool
    saved: float
    first_month: int

    def run(self) -> None:
        """Set next month's prices of the apps concerned, and pay what was saved."""
        self.record("saving", 0.0)
        if self.month < self.first_month:
            return
        apps = self.state.apps
        places = (int(apps["category"][self.holder]), int(apps["category"][self.held]))
        saving = 0.0
        for category in dict.fromkeys(places):
            saving += self._act(category_of(self.state, self.names, category))
        self.record("saving", saving)

    def _act(self, category: Category) -> float:
        holders, held = self._members(category, self.holder), self._members(category, self.held)
        parties = sorted({*holders, *held})
        products = category.products
        cost = products.cost.copy()
        cost[parties] *= 1.0 - self.saved
        owner = category.owner
        if self.stake < 1.0:
            owner = with_stake(owner, holders, held, self.stake, control=self.control)
        diverted = self._diverted(owner, products.diversion(), products.price - cost)
        changed = parties if self.saved else sorted({*(holders if self.stake < 1.0 else ()),
                                                     *(held if self.control and self.stake < 1.0 else ())})  # fmt: skip
        speed = float(self.state.shared["apps_price_speed"][0])
        for place in changed:
            if products.sets[place]:
                wanted = products.best_price(place, float(cost[place]), float(diverted[place]))
                before = float(products.price[place])
                self.state.apps["next_price"][category.rows[place]] = before + speed * (wanted - before)
        return sum((self._pay(int(category.rows[place])) for place in parties), 0.0)

    @staticmethod
    def _diverted(owner: Array, diversion: Array, margin: Array) -> Array:
        """What a lost customer of each product brings whoever sets its price, $."""
        others = owner * diversion
        np.fill_diagonal(others, 0.0)
        return np.asarray(others @ margin)

    def _members(self, category: Category, row: int) -> list[int]:
        """The places of the apps of one company among a category's products."""
        place = category.place(row)
        if place is not None:
            return [int(p) for p in np.flatnonzero(category.companies == category.companies[place])]
        app = self.state.apps[row]
        number = int(app["company"]) or (-1 - int(app["owner"]) if app["owner"] >= 0 else 0)
        return [int(p) for p in np.flatnonzero(category.companies == number)] if number else []

    def _pay(self, row: int) -> float:
        """Pay an app what it saved on its customers' tokens, M$."""
        app = self.state.apps[row]
        if app["alive"] != 1 or not self.saved:
            return 0.0
        amount = self.saved * float(app["quota"] * app["token_cost"] * (app["tourists"] + app["committed"]))
        self.pay("app support", "parents", f"apps.{self.names.slug('apps', row)}", amount)
        return amount

"""A frozen month: the market as it is when firms decide, as an agency would write it down.

Everything but prices stands still: features, brands, capability, costs, who has heard of what, how many customers
reconsider within firms' horizon.  The demand is that by which the market's own rule sets prices
(`moatlab.market.rules.pricing`), so the prices at which it would come to rest are its Bertrand-Nash prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.evidence.antitrust import Array, Products, one_owner
from moatlab.market.market import Market
from moatlab.market.rules.conventions import OPTIMAL
from moatlab.market.state.codes import LAB
from moatlab.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from moatlab.market.names import Names
    from moatlab.market.state.state import State

#: The plan with a quota, among the registry's choices; the price of the other one is per token.
_QUOTA = 0


@dataclass(frozen=True)
class Category:
    """The apps of one category in a frozen month, in the order of the market's rows.

    ``rows`` are those rows, ``companies`` a number for each company, ``customers`` (M) and ``revenue`` (M$ a month) as
    they were recorded; `products` are at the prices in force.
    """

    slug: str
    products: Products
    rows: NDArray[np.int64]
    companies: NDArray[np.int64]
    revenue: Array
    customers: float

    @property
    def owner(self) -> Array:
        """Ownership as it is."""
        return one_owner(self.companies.tolist())

    def place(self, row: int) -> int | None:
        """The place of an app among the products, None if it is not one of them."""
        found = np.flatnonzero(self.rows == row)
        return int(found[0]) if len(found) else None


@dataclass(frozen=True)
class Frozen:
    """A frozen month of one run: its categories, all firms as recorded, and what a lab's own app would save."""

    scenario: Scenario
    month: int
    seed: int
    categories: dict[str, Category]
    #: A row a firm alive: kind, slug, name, revenue, price, unit_cost, customers (volume sold).
    firms: pd.DataFrame
    #: $ a customer and month that an app's tokens would cost less if a lab owned it, [apps, labs].
    transfer: Array

    def category_of(self, app: str) -> Category:
        """The category of an app by its slug.  Raises `InputError` for one that is not in the market in that month."""
        for category in self.categories.values():
            if f"apps.{app}" in category.products.names:
                return category
        raise InputError(f"apps.{app} is not in the market in month {self.month} with seed {self.seed}")


def freeze(scenario: Scenario, month: int, seed: int = 1) -> Frozen:
    """Run a scenario to ``month`` and freeze it as its firms decide, before any price changes.

    Raises `InputError` for a month that is not one of the scenario's.
    """
    if not 0 <= month < scenario.months:
        raise InputError(f"month {month} is not one of the scenario's {scenario.months}, from 0 on")
    market = Market(scenario, rng=seed)
    if month:
        market.run(month)
    categories: dict[str, Category] = {}
    transfer = np.zeros((0, 0))
    for name, run in market.walk():
        if name == "decisions":
            slugs = scenario.slugs("users")
            categories = {slug: category_of(market.state, market.names, k) for k, slug in enumerate(slugs)}
            transfer = _transfer(market.state)
        run()
    firms = market.results.firms.to_pandas()
    return Frozen(scenario, month, seed, categories, firms[firms["month"] == month].reset_index(drop=True), transfer)


def category_of(state: State, names: Names, category: int) -> Category:
    """The apps of a category as the state has them while firms decide; those that nobody would choose are left out."""
    user, shared = state.users[category], state.shared[0]
    live = np.asarray(state.live)
    apps = state.apps[live]
    mine = (apps["category"] == category) & (apps["choice_share"] > 0.0)
    rows, apps = live[mine].astype(np.int64), apps[mine]
    taste = user["price_taste"] * apps["price_taste_factor"] / user["taste_scale"]
    customers = apps["tourists"] + apps["committed"]
    reconsider = user["hazard_tourist"] * apps["tourists"] + user["hazard_committed"] * apps["committed"]
    monthly = np.divide(reconsider, customers, out=np.full(len(rows), float(user["hazard_committed"])),
                        where=customers > 0.0)  # fmt: skip
    stay = np.maximum(1.0 - monthly, 1e-300)
    alone = -1 - np.arange(len(rows)) - state.labs.shape[0]
    owned = np.where(apps["owner"] >= 0, -1 - apps["owner"], alone)
    correlation = float(user["nest_correlation"])
    nest = np.where(apps["nest"] >= 0, apps["nest"], alone) if correlation else np.zeros(len(rows))
    products = Products(
        names=tuple(f"apps.{names.slug('apps', int(row))}" for row in rows),
        price=apps["price"].astype(float),
        cost=np.asarray((apps["quota"] * apps["token_cost"] + apps["levy"]) / (1.0 - shared["apps_variable_cost"])),
        share=apps["choice_share"].astype(float),
        slope=np.asarray(taste),
        moved=np.maximum(1.0 - stay ** float(shared["apps_planning_horizon"]), 1e-6),
        nest=nest.astype(np.int64),
        sets=(apps["price_rule"] == OPTIMAL) & (apps["plan"] == _QUOTA),
        correlation=correlation,
        dissimilarity=float(user["dissimilarity"]),
        surplus_slope=float(user["price_taste"] / user["taste_scale"]),
    )
    companies = np.where(apps["company"] != 0, apps["company"], owned).astype(np.int64)
    return Category(names.slugs["users"][category], products, rows, companies, apps["revenue"].astype(float),
                    float(customers.sum()))  # fmt: skip


def _transfer(state: State) -> Array:
    """What a customer's tokens would cost an app less at each lab's transfer price, $ a customer and month."""
    shared, offers = state.shared[0], state.offers
    saved = np.zeros((state.apps.shape[0], state.labs.shape[0]))
    for o in range(offers.shape[0]):
        offer: Any = offers[o]
        if offer["seller_kind"] == LAB:
            markup = max(0.0, float(offer["price"] - offer["unit_cost"])) * (1.0 - shared["labs_transfer_price"])
            saved[:, int(offer["seller"])] += state.routing[: state.apps.shape[0], o] * markup
    quotas = state.apps["quota"] / (1.0 - shared["apps_variable_cost"])
    return np.asarray(quotas[:, None] * saved)

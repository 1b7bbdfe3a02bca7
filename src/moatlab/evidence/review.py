"""A deal as an agency reviews it: the frozen month before and after, product by product and market by market."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from moatlab.errors import InputError
from moatlab.evidence import antitrust
from moatlab.evidence.antitrust import Array, Products
from moatlab.evidence.frozen import Category, Frozen
from moatlab.evidence.integration import Integration
from moatlab.evidence.mergers import Changes, company, divest, merge, stake
from moatlab.scenario.addresses import split_firm
from moatlab.scenario.scenario import Scenario

#: Layers whose firms are screened by their shares alone.
SCREENED = ("labs", "hosts", "clouds", "chipmakers", "foundry")


@dataclass(frozen=True)
class Deal:
    """Two firms (``kind.slug``), the share of the other's profits that the first gets, and what goes with it.

    ``control`` lets the holder of a stake set the other's prices, ``saving`` is the fall of both companies' marginal
    cost, ``remedies`` are firms of the merged company that are divested.
    """

    one: str
    other: str
    stake: float = 1.0
    control: bool = False
    saving: float = 0.0
    remedies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"merger {self.one} {self.other}"
        if not 0.0 < self.stake <= 1.0:
            raise InputError(f"a stake is a share above 0 and up to 1, not {self.stake:g}", where)
        if not 0.0 <= self.saving < 1.0:
            raise InputError(f"a saving is a share of marginal cost from 0 and below 1, not {self.saving:g}", where)
        kinds = {self.one.partition(".")[0], self.other.partition(".")[0]}
        if self.stake < 1.0 and kinds not in ({"apps"}, {"clouds", "labs"}):
            raise InputError("a partial stake is one in an app's company by another's, or a cloud's in a lab", where)
        if self.control and self.stake == 1.0:
            raise InputError("control goes with a stake below 1: the whole is controlled", where)
        if self.saving and kinds not in ({"apps"}, {"apps", "labs"}):
            raise InputError("a saving is one of apps' marginal cost", where)
        if self.remedies and (kinds == {"clouds", "labs"} or self.stake < 1.0):
            raise InputError("a remedy divests a firm of a merged company", where)

    @property
    def what(self) -> str:
        """The deal in words."""
        if {self.one.partition(".")[0], self.other.partition(".")[0]} == {"clouds", "labs"}:
            cloud, lab = sorted((self.one, self.other))
            how = f"{cloud} gets {100 * self.stake:.3g} % of the revenue of {lab}"
        elif self.stake < 1.0:
            how = f"{self.one} gets {100 * self.stake:.3g} % of {self.other}"
            how += ", with control of its prices" if self.control else ""
        else:
            how = f"{self.one} and {self.other} merge"
        how += f", which saves {100 * self.saving:.3g} % of marginal cost" if self.saving else ""
        return how + "".join(f", {firm} is divested" for firm in self.remedies)


def changes_of(scenario: Scenario, deal: Deal) -> Changes:
    """The values that a deal sets in a scenario; none where it is a stake that only `Integration` knows.

    Raises `InputError` for firms that do not exist or that the market has no rule of common ownership for.
    """
    kinds = (split_firm(deal.one, scenario.all_slugs)[0], split_firm(deal.other, scenario.all_slugs)[0])
    if set(kinds) == {"clouds", "labs"}:
        cloud, lab = (deal.one, deal.other) if kinds[0] == "clouds" else (deal.other, deal.one)
        return stake(scenario, cloud, lab, deal.stake)
    if deal.stake < 1.0:
        if deal.other in company(scenario, deal.one):
            raise InputError("they are one company already", f"stake {deal.one} {deal.other}")
        return {}
    changes = merge(scenario, deal.one, deal.other)
    for firm in deal.remedies:
        merged = scenario.set(changes)
        if firm not in (*company(merged, deal.one), *company(merged, deal.other)):
            raise InputError(f"{firm} is not part of the merged company", "remedy")
        changes |= divest(merged, firm)
    if deal.remedies:
        after = scenario.set(changes)
        sides = [company(scenario, firm) for firm in (deal.one, deal.other)]
        joint = {firm for own in sides[0] for firm in company(after, own)}
        if not joint & set(sides[1]) - set(sides[0]):
            raise InputError("with that remedy nothing is left of the merger", "remedy")
    return {address: value for address, value in changes.items() if scenario.value(*address.split(".")) != value}


def carried_out(scenario: Scenario, deal: Deal, month: int) -> Scenario:
    """The scenario with a deal in ``month``.  Raises `InputError` as `changes_of` does."""
    changes = changes_of(scenario, deal)
    if month:
        events = [f"month {month}: set {address} {_as_event(value)}" for address, value in changes.items()]
        changed = scenario.with_events(*events) if events else scenario
    else:
        changed = scenario.set(changes) if changes else scenario
    kinds = (deal.one.partition(".")[0], deal.other.partition(".")[0])
    if kinds == ("apps", "apps") and (deal.stake < 1.0 or deal.saving):
        rows = [scenario.slugs("apps").index(firm.partition(".")[2]) for firm in (deal.one, deal.other)]
    elif "apps" in kinds and deal.saving:
        app = next(firm for firm in (deal.one, deal.other) if firm.startswith("apps."))
        rows = [scenario.slugs("apps").index(app.partition(".")[2])] * 2
    else:
        return changed
    return changed.with_rule(Integration, "decisions", holder=rows[0], held=rows[1], stake=deal.stake,
                             control=deal.control, saved=deal.saving, first_month=month)  # fmt: skip


def _as_event(value: Any) -> str:
    return '""' if value == "" else str(value)


@dataclass(frozen=True)
class Review:
    """One category in a frozen month, before and after a deal.

    ``before`` is the category at rest, ``after`` where the market's own rule comes to rest with the deal, ``simulated``
    where an agency's simulation does, whose slopes come from margins (`Products.calibrated`); ``parties`` are the
    places of the two sides' products; ``owner`` and ``merged`` the ownership; ``observed`` the prices in force.
    """

    category: Category
    observed: Array
    before: Products
    after: Products
    simulated: Products
    parties: tuple[tuple[int, ...], tuple[int, ...]]
    owner: Array
    merged: Array
    customers: float

    @property
    def overlap(self) -> bool:
        """Whether both sides sell in the category."""
        return all(self.parties)

    @property
    def touched(self) -> bool:
        """Whether the deal changes ownership or costs in the category."""
        return not (np.array_equal(self.owner, self.merged) and np.array_equal(self.before.cost, self.after.cost))

    @property
    def products(self) -> tuple[int, ...]:
        """The places of both sides' products."""
        return tuple(dict.fromkeys((*self.parties[0], *self.parties[1])))

    def shares(self) -> Array:
        """Shares of the category's revenue, at rest before the deal."""
        sold = self.before.share * self.before.price
        return np.asarray(sold / sold.sum())

    def concentration(self) -> tuple[float, float, float]:
        """HHI of revenue before the deal, after it, and the joint share of both sides."""
        shares = self.shares()
        joint = float(shares[list(self.products)].sum())
        return antitrust.hhi(shares, self.owner), antitrust.hhi(shares, self.merged), joint

    def screens(self) -> list[dict[str, Any]]:
        """Product by product of both sides: prices, margin, diversion, pricing pressure, simulated prices."""
        places = list(self.products)
        before, part = self.before, np.ix_(places, places)
        diversion = before.diversion()
        price, cost = before.price[places], before.cost[places]
        with np.errstate(divide="ignore", invalid="ignore"):
            margin = 1.0 - cost / price
        saving = 1.0 - self.after.cost[places] / cost
        priced = bool(np.all(price > 0.0) and np.all(before.sets[places]))
        empty = np.full(len(places), np.nan)
        guppi = cmcr = empty
        if priced:
            known = price, margin, diversion[part], self.owner[part], self.merged[part]
            guppi = antitrust.pricing_pressure(*known, saving)
            cmcr = antitrust.compensating_reductions(*known)
        elasticity = np.diag(before.elasticities())[places]
        rows = []
        for at, place in enumerate(places):
            rival = self.parties[1] if place in self.parties[0] else self.parties[0]
            rows.append({
                "app": before.names[place], "observed_price": self.observed[place], "price": price[at],
                "cost": cost[at], "margin": margin[at], "revenue_share": self.shares()[place],
                "elasticity": elasticity[at], "diversion": diversion[place, list(rival)].sum(),
                "guppi": guppi[at], "upp": guppi[at] * price[at], "cmcr": cmcr[at],
                "simulated": self.simulated.price[place] / price[at] - 1.0 if price[at] > 0.0 else np.nan,
                "at_rest": self.after.price[place] / price[at] - 1.0 if price[at] > 0.0 else np.nan,
            })  # fmt: skip
        return rows

    def mean_price_change(self, after: Products) -> float:
        """Relative change of the category's mean price, at the customers there were."""
        weights = self.before.share
        return float(weights @ after.price / (weights @ self.before.price) - 1.0)

    def surplus_change(self) -> float:
        """Consumer surplus at rest with the deal less that without it, M$ a month."""
        return self.before.surplus_change(self.after) * self.customers


def review(frozen: Frozen, deal: Deal) -> list[Review]:
    """The categories in which both sides of a deal sell apps, or in which it changes costs, before and after it.

    Raises `InputError` for a deal that the market has no rule for, or an app that is not there in that month.
    """
    scenario = frozen.scenario
    changes_of(scenario, deal)
    sides = [_side(scenario, deal, firm) for firm in (deal.one, deal.other)]
    for firm in (deal.one, deal.other):
        if firm.startswith("apps."):
            frozen.category_of(firm.partition(".")[2])
    found = []
    for category in frozen.categories.values():
        names = category.products.names
        parties = tuple(tuple(names.index(app) for app in side if app in names) for side in sides)
        if any(parties):
            each = _review(frozen, deal, category, (parties[0], parties[1]))
            if each.overlap or each.touched:
                found.append(each)
    return found


def _side(scenario: Scenario, deal: Deal, firm: str) -> list[str]:
    """The apps on a firm's side of a deal; of an app that a lab buys, the others of its company stay out."""
    if firm.startswith("apps.") and any(other.startswith("labs.") for other in (deal.one, deal.other)):
        return [firm]
    return [each for each in company(scenario, firm) if each.startswith("apps.")]


def _review(frozen: Frozen, deal: Deal, category: Category, parties: tuple[tuple[int, ...], tuple[int, ...]]) -> Review:
    owner, products = category.owner, category.products
    merged = _merged(frozen.scenario, deal, category, parties)
    cost = products.cost.copy()
    cheaper = [place for side, firm in zip(parties, (deal.one, deal.other), strict=True)
               for place in side if firm.startswith("apps.")]  # fmt: skip
    cost[sorted(set(cheaper))] *= 1.0 - deal.saving
    cost -= _transferred(frozen, deal, category)
    before = products.equilibrium(owner)
    return Review(
        category, products.price, before, before.equilibrium(merged, cost),
        before.calibrated().equilibrium(merged, cost), parties, owner, merged, category.customers,
    )  # fmt: skip


def _merged(
    scenario: Scenario, deal: Deal, category: Category, parties: tuple[tuple[int, ...], tuple[int, ...]]
) -> Array:
    """Ownership with the deal, as the market reads the values that it sets."""
    if deal.stake < 1.0:
        return antitrust.with_stake(category.owner, parties[0], parties[1], deal.stake, control=deal.control)
    companies, names = category.companies.copy(), category.products.names
    labs = [firm.partition(".")[2] for firm in (deal.one, deal.other) if firm.startswith("labs.")]
    # Numbers that no company has: digests of names are below 2**48.
    joint = 2**60
    if not labs:
        companies[sorted({*parties[0], *parties[1]})] = joint
    else:
        app = next(firm for firm in (deal.one, deal.other) if firm.startswith("apps."))
        # An app that names its company sets prices with that company, whoever owns it.
        if app in names and not scenario.value("apps", app.partition(".")[2], "company"):
            companies[names.index(app)] = -1 - scenario.slugs("labs").index(labs[0])
    for number, firm in enumerate(deal.remedies, start=1):
        if firm in names:
            companies[names.index(firm)] = joint + number
    return antitrust.one_owner(companies.tolist())


def _transferred(frozen: Frozen, deal: Deal, category: Category) -> Array:
    """What the app's tokens cost less once a lab owns it, $ a customer and month, by product."""
    saved = np.zeros(len(category.rows))
    labs = [firm.partition(".")[2] for firm in (deal.one, deal.other) if firm.startswith("labs.")]
    apps = [firm for firm in (deal.one, deal.other) if firm.startswith("apps.")]
    if labs and apps and apps[0] in category.products.names:
        place = category.products.names.index(apps[0])
        lab = frozen.scenario.slugs("labs").index(labs[0])
        saved[place] = frozen.transfer[int(category.rows[place]), lab]
    return saved


@dataclass(frozen=True)
class Screen:
    """A layer in a frozen month, by shares alone: diversion in proportion to the volumes sold."""

    layer: str
    names: tuple[str, ...]
    shares: Array
    owner: Array
    merged: Array
    rows: list[dict[str, Any]]

    def concentration(self) -> tuple[float, float, float]:
        """HHI of revenue before the deal, after it, and the joint share of the parties."""
        joint = float(sum(row["revenue_share"] for row in self.rows))
        return antitrust.hhi(self.shares, self.owner), antitrust.hhi(self.shares, self.merged), joint


def screen(frozen: Frozen, deal: Deal) -> Screen | None:
    """The layer that both firms belong to, unless it is that of apps; None where they belong to two layers.

    Raises `InputError` for a firm that sells nothing in that month.
    """
    kinds = {firm.partition(".")[0] for firm in (deal.one, deal.other)}
    if len(kinds) > 1 or kinds == {"apps"}:
        return None
    (layer,) = kinds
    table = frozen.firms[(frozen.firms["kind"] == layer) & (frozen.firms["revenue"] > 0.0)]
    names = [f"{layer}.{slug}" for slug in table["slug"]]
    for firm in (deal.one, deal.other):
        if firm not in names:
            raise InputError(f"{firm} sells nothing in month {frozen.month} with seed {frozen.seed}")
    groups = [company(frozen.scenario, name) for name in names]
    numbers = [min((names.index(f) for f in group if f in names), default=at) for at, group in enumerate(groups)]
    first, second = numbers[names.index(deal.one)], numbers[names.index(deal.other)]
    owner = antitrust.one_owner(numbers)
    then = [first if number == second else number for number in numbers]
    for number, firm in enumerate(deal.remedies, start=len(names)):
        if firm in names:
            then[names.index(firm)] = number
    merged = antitrust.one_owner(then)
    price, cost = table["price"].to_numpy(float), table["unit_cost"].to_numpy(float)
    volume, revenue = table["customers"].to_numpy(float), table["revenue"].to_numpy(float)
    shares = revenue / revenue.sum()
    places = [at for at, number in enumerate(numbers) if number in (first, second)]
    part = np.ix_(places, places)
    diversion = antitrust.in_proportion(volume / volume.sum())[part]
    margin = 1.0 - cost[places] / price[places]
    known = price[places], margin, diversion, owner[part], merged[part]
    guppi, cmcr = antitrust.pricing_pressure(*known), antitrust.compensating_reductions(*known)
    rows = []
    for at, place in enumerate(places):
        others = [other for other, where in enumerate(places) if numbers[where] != numbers[place]]
        rows.append({
            "firm": names[place], "price": price[place], "cost": cost[place], "margin": margin[at],
            "revenue_share": shares[place], "diversion": diversion[at, others].sum(),
            "guppi": guppi[at], "upp": guppi[at] * price[place], "cmcr": cmcr[at],
        })  # fmt: skip
    return Screen(layer, tuple(names), shares, owner, merged, rows)

"""What money buys of a moat's stock: grants of equal dollars, at the market's own prices.

A grant *worth* W M$ over N months is the amount by which the stock would stand higher after N months in which W / N a
month more was spent on what builds it, at the prices, rates and laws of the month and with all else as it is.  So the
falling returns of R&D and marketing count, and what fades while it is being built is lost:

=============================  =====================================================================================
scale                          the money itself
algorithmic, distribution      gain x [ln(1 + (x + W/N) / scale) - ln(1 + x / scale)] a month on top of the spending x
ecosystem of chipmakers        the share in use of GPUs bought at the price of a chip and given away
ecosystem of labs              the share of API revenue of credits that developers spend
data                           tokens at the lab's price, or at what they cost the app
network                        customers at the category's marketing per customer won
supply-chain                   the gain of priority per share of orders prepaid; the price is interest on the advance
stickiness of apps             customers are bound for what they take for it: D utils are worth D / alpha $ a month to
                               each, for as long as the depth lasts
=============================  =====================================================================================

Where the market has no price in that month (nobody has been won, nothing is on order, research builds nothing), a
grant is *not comparable*, and says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from moatlab.errors import InputError
from moatlab.market.rules.orders import cost_of_capital
from moatlab.market.rules.vendors import price_to
from moatlab.scenario.moats import Stock, find_stock
from moatlab.scenario.tables import REGISTRY

if TYPE_CHECKING:
    from moatlab.market.state.state import State
    from moatlab.scenario.events import Event


class NotComparableError(InputError):
    """A grant of dollars that no price of the market turns into the stock; ``reason`` says why."""

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"not comparable: {reason}", where)
        self.reason = reason


class _Price:
    """What a rule of conversion sees: the state, the firm's row, money a month (M$), months, the stock's fading."""

    def __init__(self, state: State, stock: Stock, row: int, worth: float, months: int) -> None:
        self.state, self.row, self.monthly, self.months = state, row, worth / months, months
        self.firm: Any = state.kind(stock.kind)[row]
        self.shared: Any = state.shared[0]
        self.now: Any = state.now[0]
        self.fading = faded(state, stock, self.firm)

    def kept(self) -> float:
        """Months' inflows that are left after all months, of one unit a month."""
        if self.fading <= 0.0:
            return float(self.months)
        return (1.0 - (1.0 - self.fading) ** self.months) / self.fading


def amount_worth(state: State, event: Event, row: int) -> float:
    """What the event's money buys of its firm's stock now (M$ of a scale grant).

    Raises `NotComparableError` where the market has no price for it.
    """
    kind = event.firm.partition(".")[0]
    return bought(state, find_stock(event.moat, kind), row, float(event.value), event.over, f"event '{event}'")


def bought(state: State, stock: Stock, row: int, worth: float, months: int, where: str = "") -> float:
    """What ``worth`` M$ over ``months`` buy of the stock of the firm in ``row``, in the stock's unit.

    Raises `NotComparableError`, which names ``where``, if there is no price.
    """
    if stock.cash:
        return worth
    law = LAWS.get((stock.moat, stock.kind))
    try:
        if law is None:
            raise NotComparableError(f"nothing that has a price builds {stock.moat} of {stock.kind}")
        amount = float(law(_Price(state, stock, row, worth, months)))
        if not (amount > 0.0 and math.isfinite(amount)):
            raise NotComparableError(f"money builds no {stock.moat} of {stock.kind} in this market")
    except NotComparableError as problem:
        raise NotComparableError(problem.reason, where) from None
    return amount


def faded(state: State, stock: Stock, firm: Any) -> float:
    """Share of the stock that last month took away, by the stock's own decay."""
    if stock.decay == "":
        return 0.0
    if stock.decay == "churn":
        before = float(firm["tourists"] + firm["committed"] - firm["joined"] + firm["left"])
        return float(firm["left"]) / before if before > 0.0 else 0.0
    how, _, name = stock.decay.rpartition(" ")
    if how == "row":
        return float(firm[name])
    kind, _, parameter = name.partition(".")
    value = float(state.shared[f"{REGISTRY[kind, parameter].kind}_{parameter}"][0])
    return 1.0 - math.exp(-math.log(2.0) / value) if how == "half-life" else value


def _more(gain: float, spent: float, more: float, scale: float) -> float:
    """What spending ``more`` adds to gain x ln(1 + spent / scale)."""
    return gain * math.log1p(more / (spent + scale))


def _features(p: _Price) -> float:
    gain, scale = float(p.shared["apps_feature_gain"]), float(p.shared["apps_feature_scale"])
    return _more(gain, float(p.firm["rnd"]), p.monthly, scale) * p.kept()


def _awareness(p: _Price) -> float:
    user = p.state.users[int(p.firm["category"])]
    scale = float(p.shared["apps_awareness_scale"])
    if p.shared["apps_acquisition_saturation"] > 0.0:
        still = 1.0 - float(user["customers"] / user["potential"]) if user["potential"] > 0.0 else 1.0
        floor = float(p.shared["apps_saturation_floor"])
        scale *= max(still, floor) ** -float(p.shared["apps_acquisition_saturation"])
    return _more(float(p.shared["apps_awareness_gain"]), float(p.firm["marketing"]), p.monthly, scale) * p.kept()


def _lead(p: _Price) -> float:
    labs, shared = p.state.labs, p.shared
    part, weight = 1.0 - float(shared["labs_crawl_share"]), float(shared["labs_talent_weight"])
    alive = labs["alive"] == 1
    people = float(labs["talent"].sum())

    def research(more: float) -> float:
        own = (float(p.firm["staff"]) + more) * part
        if weight > 0.0 and people > 0.0:
            everybody = (float(labs["staff"][alive].sum()) + more) * part
            own = own ** (1.0 - weight) * (everybody * float(p.firm["talent"]) / people) ** weight
        return own

    spent = research(0.0)
    more = research(p.monthly) - spent
    return _more(float(shared["labs_lead_gain"]), spent, more, float(shared["labs_lead_scale"])) * p.kept()


def _software(p: _Price) -> float:
    """The research of the firm is smoothed, and its software moves towards what that builds."""
    shared = p.shared
    research, more, depth = float(p.firm["research"]), 0.0, 0.0
    for _ in range(p.months):
        more += float(shared["chipmakers_smoothing"]) * (p.monthly - more)
        built = _more(
            float(shared["chipmakers_software_gain"]), research, more, float(shared["chipmakers_software_scale"])
        )
        depth += p.fading * (built - depth)
    return depth


def _base(p: _Price) -> float:
    """GPUs given away stay in use; the network of developers moves towards their share."""
    state, firm = p.state, p.firm
    price = float(firm["price"])
    if firm["captive"] == 1:
        price = float(firm["cost"] * (1.0 + p.shared["chipmakers_own_markup"]))
    clouds = state.clouds
    in_use = np.divide(clouds["hours"], clouds["capacity"], out=np.zeros(len(clouds)), where=clouds["capacity"] > 0.0)
    used = (np.asarray(state.fleet).sum(axis=2) * in_use[:, None]).sum(axis=0)
    total, own = float(used.sum()), float(used[p.row])
    if price <= 0.0:
        raise NotComparableError("its chips have no price")
    if total <= 0.0:
        raise NotComparableError("no GPU is in use")
    share, given = 0.0, 0.0
    for _ in range(p.months):
        given += p.monthly / price
        share += p.fading * ((own + given) / (total + given) - own / total - share)
    return share


def _credits(p: _Price) -> float:
    sold = float(p.state.labs["api_revenue"].sum())
    if sold <= 0.0:
        raise NotComparableError("no lab sells tokens")
    own = float(p.firm["api_revenue"])
    if p.firm["api"] == 0:
        raise NotComparableError("the lab has no API on which developers could spend credits")
    return p.fading * ((own + p.monthly) / (sold + p.monthly) - own / sold) * p.kept()


def _lab_data(p: _Price) -> float:
    if p.firm["api"] == 0 or p.firm["price"] <= 0.0:
        raise NotComparableError("the lab sells no tokens, so that they have no price")
    return p.monthly / float(p.firm["price"]) * p.kept()


def _app_data(p: _Price) -> float:
    if p.firm["token_cost"] <= 0.0:
        raise NotComparableError("tokens cost the app nothing")
    return p.monthly / float(p.firm["token_cost"]) * p.kept()


def _customers(p: _Price) -> float:
    user = p.state.users[int(p.firm["category"])]
    if user["marketing"] <= 0.0 or user["joined"] <= 0.0:
        raise NotComparableError("no customer of its category has been won by marketing in the month before")
    won = p.monthly / float(user["marketing"] / user["joined"]) * p.kept()
    left = max(0.0, float(user["potential"] - user["customers"]))
    if won > left:
        raise NotComparableError(f"the money would win {won:.3g} M customers of a category that has {left:.3g} M left")
    return won


def _depth(p: _Price) -> float:
    user = p.state.users[int(p.firm["category"])]
    customers = float(p.firm["tourists"] + p.firm["committed"])
    if customers <= 0.0:
        raise NotComparableError("the app has no customers who could be bound")
    alpha = float(user["price_taste"] * p.firm["price_taste_factor"])
    return p.monthly * p.months * alpha * (p.fading + float(p.now["discount"])) / customers


def _priority(p: _Price) -> float:
    state, cloud = p.state, p.firm
    makers = state.chipmakers
    prices = np.array([price_to(cloud, v, makers[v], p.shared) for v in range(len(makers))])
    orders = float((state.backlog[p.row] * prices).sum())
    monthly = float(cost_of_capital(cloud, p.shared, p.now)) * orders
    if monthly <= 0.0:
        raise NotComparableError("the cloud has nothing on order that it could prepay")
    free = 1.0 - min(1.0, float(state.prepaid[p.row].sum()) / orders)
    if p.monthly > free * monthly:
        raise NotComparableError(f"to prepay all that is on order costs {free * monthly:.3g} M$ a month and no more")
    return float(p.shared["clouds_priority_gain"]) * p.monthly / monthly * p.kept()


#: The law of each stock that money builds, by moat and kind.
LAWS: dict[tuple[str, str], Callable[[_Price], float]] = {
    ("supply-chain", "clouds"): _priority,
    ("ecosystem", "chipmakers"): _base,
    ("ecosystem", "labs"): _credits,
    ("algorithmic", "labs"): _lead,
    ("algorithmic", "apps"): _features,
    ("algorithmic", "chipmakers"): _software,
    ("distribution", "apps"): _awareness,
    ("data", "labs"): _lab_data,
    ("data", "apps"): _app_data,
    ("network", "apps"): _customers,
    ("stickiness", "apps"): _depth,
}

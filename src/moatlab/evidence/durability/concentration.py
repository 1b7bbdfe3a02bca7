"""Moats that arise without a grant: how stocks concentrate, and on which of them the leader's profit rests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from moatlab.evidence.durability.accounts import branch, discount_rate, profit
from moatlab.evidence.durability.plan import LEAST_REVENUE, holders
from moatlab.evidence.durability.response import present_value
from moatlab.evidence.inference import Array
from moatlab.evidence.shapley import Coalition, shapley_of
from moatlab.market.market import Market
from moatlab.scenario.moats import STOCKS
from moatlab.scenario.scenario import Scenario

#: Month in which stocks are set neutral, and months after it whose profit counts.
SET_AT, AHEAD = 60, 24
#: Fields that go with a stock when it is set to that of the firm's peers.
WITH: dict[str, tuple[str, ...]] = {"committed": ("tourists", "committed")}


def gini(stock: Array) -> float:
    """Gini coefficient of stocks of 0 and more: 0 where all are equal, towards 1 where one has everything."""
    values = np.sort(np.maximum(stock, 0.0))
    total = float(values.sum())
    if total <= 0.0:
        return float("nan")
    count = len(values)
    return float((2.0 * np.arange(1, count + 1) - count - 1.0) @ values / (count * total))


def hhi(stock: Array) -> float:
    """Sum of squared shares in the sum of the stocks."""
    values = np.maximum(stock, 0.0)
    total = float(values.sum())
    return float(((values / total) ** 2).sum()) if total > 0.0 else float("nan")


@dataclass(frozen=True)
class Concentration:
    """How far a stock is in few hands in a month: of firms with sales, those of apps over all categories."""

    month: int
    layer: str
    moat: str
    firms: int
    gini: float
    hhi: float
    #: Share of the layer's largest firm by revenue in the stock.
    leader: float


def concentrations(market: Market) -> list[Concentration]:
    """All stocks of a market as it stands."""
    state, found = market.state, []
    for stock in STOCKS:
        table = state.kind(stock.kind)
        rows = np.asarray(state.live) if stock.kind == "apps" else np.flatnonzero(table["alive"] == 1)
        rows = rows[table["revenue"][rows] > LEAST_REVENUE]
        held = sum(np.asarray(table[name][rows], float) for name in WITH.get(stock.field, (stock.field,)))
        held = np.maximum(np.asarray(held, float), 0.0)
        total = float(held.sum()) if len(rows) else 0.0
        first = float(held[int(table["revenue"][rows].argmax())]) / total if total > 0.0 else float("nan")
        found.append(Concentration(market.month, stock.kind, stock.moat, len(rows), gini(held), hhi(held), first))
    return found


@dataclass(frozen=True)
class Excess:
    """What the leader of a layer earns more than it would with the stocks of its peers, and by which stocks, M$.

    Present values over the months ahead; ``parts`` add up to ``total``.
    """

    layer: str
    firm: str
    total: float
    parts: dict[str, float]


def excess(start: Market, kind: str, ahead: int = AHEAD) -> Excess | None:
    """The leader's profit by stocks (Shapley): a stock that does not count is set to the mean of the leader's peers.

    Peers are the other firms of the layer with sales, of an app those of its category.  None without a leader or peers.
    """
    state = start.state
    row = holders(start, kind).get("leader")
    if row is None:
        return None
    table = state.kind(kind)
    rows = np.asarray(state.live) if kind == "apps" else np.flatnonzero(table["alive"] == 1)
    peers = rows[(table["revenue"][rows] > LEAST_REVENUE) & (rows != row)]
    if kind == "apps":
        peers = peers[table["category"][peers] == table["category"][row]]
    stocks = [stock for stock in STOCKS if stock.kind == kind]
    if not len(peers) or not stocks:
        return None

    def worth(kept: Coalition) -> float:
        market = branch(start)
        rows_ = market.state.kind(kind)
        for stock in stocks:
            if stock.moat not in kept:
                for name in WITH.get(stock.field, (stock.field,)):
                    rows_[name][row] = float(np.mean(table[name][peers]))
        market.run(ahead)
        path = profit(market, kind, row)[start.month :]
        return float(present_value(path[None], discount_rate())[0])

    parts = shapley_of([stock.moat for stock in stocks], worth)
    return Excess(kind, start.slug(kind, row), sum(parts.values()), parts)


@dataclass(frozen=True)
class Arising:
    """One unit: concentrations in some months, and the leaders' excess profits."""

    concentrations: list[Concentration]
    excess: list[Excess]


def arise(scenario: Scenario, seed: int, months: Sequence[int], kinds: Sequence[str], set_at: int = SET_AT) -> Arising:
    """Run without a grant and look."""
    market = Market(scenario, rng=seed)
    seen: list[Concentration] = []
    found: list[Excess] = []
    for month in sorted({*months, set_at}):
        if month > market.month:
            market.run(month - market.month)
        if month in months:
            seen += concentrations(market)
        if month == set_at:
            found += [one for kind in kinds if (one := excess(market, kind)) is not None]
    return Arising(seen, found)

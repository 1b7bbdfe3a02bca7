"""The ultimate source of revenue: cash that carries its origin through the stack.

Money enters from outside in pools: what app users pay, what funds apps, labs and hosts, what outside demand pays, and
what the owners of clouds, chipmakers and the foundry put in.  Every payment carries the mix of its payer's money; a
payer's mix in a month is that of what it held at the start and of all that it received in the month.  With holdings h
and payments x_ji from j to i the mixes m solve, for every firm at once,

    m_i (h_i + sum_j x_ji) = h_i m0_i + sources_i + sum_j x_ji m_j

which is linear; since the pools of each payment add up to the payment, so do those of every account, revenue and gross
profit (an identity of accounting, computed from the ledger after the run).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array, csc_array, diags_array
from scipy.sparse.linalg import splu

from moatlab.results.metrics import MONEY
from moatlab.results.payments import INFRASTRUCTURE, KINDS_OF_PAYMENT, LAYERS, OUTSIDE_PARTIES

#: The pools of money.  Credit is what nobody paid: bills that an exit leaves, and overdrafts of a month.
POOLS = ("users", "funding", "outside", "owners", "credit")
_USERS, _FUNDING, _OUTSIDE, _OWNERS, _CREDIT = range(len(POOLS))

Matrix = NDArray[np.float64]


def _pool_of(kind: Any) -> int:
    """The pool that a payment from outside the stack belongs to."""
    if kind.payer == "users":
        return _USERS
    if kind.payer == "outside":
        return _OUTSIDE
    if kind.payer == "suppliers":
        return _CREDIT
    return _OWNERS if kind.payee in INFRASTRUCTURE else _FUNDING


#: By kind of payment: pool of its source, -1 within the stack; and whether it is a sale, and a cost of goods.
_SOURCE = np.array([_pool_of(k) if k.payer in OUTSIDE_PARTIES else -1 for k in KINDS_OF_PAYMENT])
_SALE = np.array([k.sale for k in KINDS_OF_PAYMENT])
_COST = np.array([k.use == "cost of goods" for k in KINDS_OF_PAYMENT])


def mixes(held: Matrix, sources: Matrix, paid: csc_array) -> Matrix:
    """Mix of each firm's money in a month: [firms, pools], rows that add to one.

    ``held`` [firms, pools] at the start, ``sources`` [firms, pools] from outside, ``paid`` [firms, firms] to the row
    from the column, all in M$ and none negative.  A firm without any money pays on credit.
    """
    own = held + sources
    total = own.sum(axis=1) + paid.sum(axis=1)
    empty = total <= 0.0
    own[empty, _CREDIT] = 1.0
    total[empty] = 1.0
    mix = np.maximum(splu(csc_array(diags_array(total) - paid)).solve(own), 0.0)
    whole: Matrix = mix / mix.sum(axis=1, keepdims=True)
    return whole


class Tracer:
    """Holdings of every account by pool, and the month's flows by layer and pool.

    ``first_cash`` [accounts] is what firms held at month 0: funding above the clouds, owners' money from them down.
    ``layer_of`` [accounts] is the layer of each, -1 outside the stack.
    """

    def __init__(self, first_cash: Matrix, layer_of: NDArray[np.int64]) -> None:
        self.layer_of = layer_of
        self.held: Matrix = np.zeros((len(layer_of), len(POOLS)))
        infrastructure = np.isin(layer_of, [LAYERS.index(layer) for layer in INFRASTRUCTURE])
        opening = np.where(layer_of >= 0, first_cash, 0.0)
        self.held[:, _OWNERS] = np.where(infrastructure, opening, 0.0)
        self.held[:, _FUNDING] = np.where(infrastructure, 0.0, opening)

    def month(self, kind: Any, payer: Any, payee: Any, amount: Any) -> dict[str, Matrix]:
        """Follow a month's payments (arrays of one length); returns [layers, pools] by figure."""
        # A payment of a negative amount is one the other way round, though the accounts keep it where it belongs.
        bought, sold = payer, payee
        payer, payee = np.where(amount < 0, payee, payer), np.where(amount < 0, payer, payee)
        sign, amount = np.sign(amount), np.abs(amount)
        firms, place = np.unique(np.concatenate([payer, payee]), return_inverse=True)
        inside = self.layer_of[firms] >= 0
        ends = np.cumsum(inside) - 1
        buyer, seller = place[: len(payer)], place[len(payer) :]
        count, pools = int(inside.sum()), len(POOLS)
        active = firms[inside]
        sources = np.zeros((count, pools))
        within = inside[buyer] & inside[seller]
        entering = ~inside[buyer] & inside[seller]
        where = (ends[seller[within]], ends[buyer[within]])
        paid = csc_array(coo_array((amount[within], where), (count, count)))
        np.add.at(sources, (ends[seller[entering]], _SOURCE[kind[entering]]), amount[entering])
        mix = mixes(np.maximum(self.held[active], 0.0), sources, paid)
        spent = np.bincount(ends[buyer[inside[buyer]]], amount[inside[buyer]], count)
        received = sources + paid @ mix
        self.held[active] += received - spent[:, None] * mix

        carried = np.zeros((len(amount), pools))
        carried[inside[buyer]] = mix[ends[buyer[inside[buyer]]]]
        carried[entering, _SOURCE[kind[entering]]] = 1.0
        carried *= amount[:, None]

        def by_layer(of: Any, flows: Matrix) -> Matrix:
            table = np.zeros((len(LAYERS), pools))
            layer = self.layer_of[of]
            np.add.at(table, layer[layer >= 0], flows[layer >= 0])
            return table

        came = by_layer(payee, carried)
        signed = carried * sign[:, None]
        holdings = np.zeros((len(LAYERS), pools))
        np.add.at(holdings, self.layer_of[self.layer_of >= 0], self.held[self.layer_of >= 0])
        return {
            "received": came,
            "stayed": came - by_layer(payer, carried * within[:, None]),
            "revenue": by_layer(sold, signed * _SALE[kind, None]),
            "cost_of_goods": by_layer(bought, signed * _COST[kind, None]),
            "cash": holdings,
        }


def money_table(
    payments: Any, postings: Any, first_account: dict[str, int], depreciation: Matrix, first_cash: Matrix
) -> pd.DataFrame:
    """A row per month, layer and pool.

    ``payments`` [months, kinds] M$; ``postings`` of all months, or None to follow money between layers only;
    ``depreciation`` [months, layers] M$; ``first_cash`` [accounts of month 0] M$.
    """
    months = payments.shape[0]
    accounts = int(max(postings["payer"].max(), postings["payee"].max())) + 1 if postings is not None else 0
    accounts = max(accounts, len(first_cash))
    layer_of = np.full(accounts, -1)
    for kind, first in sorted(first_account.items(), key=lambda item: item[1]):
        layer_of[first:] = LAYERS.index(kind)
    opening = np.zeros(accounts)
    opening[: len(first_cash)] = first_cash
    if postings is None:
        parties = OUTSIDE_PARTIES + LAYERS
        payer = np.array([parties.index(k.payer) for k in KINDS_OF_PAYMENT])
        payee = np.array([parties.index(k.payee) for k in KINDS_OF_PAYMENT])
        opening = np.concatenate(
            [np.zeros(len(OUTSIDE_PARTIES)), np.bincount(layer_of[layer_of >= 0], opening[layer_of >= 0], len(LAYERS))]
        )
        layer_of = np.arange(len(parties)) - len(OUTSIDE_PARTIES)
        layer_of[layer_of < 0] = -1
    tracer = Tracer(opening, layer_of)
    kinds = np.arange(len(KINDS_OF_PAYMENT))
    bounds = None if postings is None else np.searchsorted(postings["month"], np.arange(months + 1))
    found: dict[str, list[Matrix]] = {}
    for month in range(months):
        if bounds is None:
            flows = tracer.month(kinds, payer, payee, payments[month])
        else:
            book = postings[bounds[month] : bounds[month + 1]]
            flows = tracer.month(book["kind"], book["payer"], book["payee"], book["amount"])
        for name, table in flows.items():
            found.setdefault(name, []).append(table)
    figures = {name: np.stack(tables) for name, tables in found.items()}
    revenue = figures["revenue"]
    figures["gross_profit"] = revenue - figures["cost_of_goods"]
    sold = revenue.sum(axis=2, keepdims=True)
    borne = np.divide(revenue, sold, out=np.zeros_like(revenue), where=sold > 0)
    after = figures["gross_profit"] - depreciation[:, :, None] * borne
    figures["gross_profit_after_depreciation"] = after
    whole = after.sum(axis=2, keepdims=True)
    figures["share"] = np.divide(after, whole, out=np.full_like(after, np.nan), where=whole != 0)
    columns: dict[str, Any] = {
        "month": np.repeat(np.arange(months), len(LAYERS) * len(POOLS)),
        "layer": np.tile(np.repeat(LAYERS, len(POOLS)), months),
        "pool": np.tile(POOLS, months * len(LAYERS)),
    }
    return pd.DataFrame(columns | {metric.name: figures[metric.name].ravel() for metric in MONEY})


def origins(money: pd.DataFrame, first: int = 0, last: int | None = None) -> pd.DataFrame:
    """The sources of each layer's income from month ``first`` to ``last`` (both included), and where money stayed.

    A row a layer.  ``income`` is all that its firms received, M$; then a column a pool with its part of the income;
    then ``stayed of users`` and so on: of a dollar that the pool brought in during these months, what the layer
    received and did not pay to another, so each such column adds up to one.  A layer that spends what a pool brought
    in earlier has a negative part.
    """
    span = money[money["month"].between(first, money["month"].max() if last is None else last)]
    received, stayed = (
        span.pivot_table(index="layer", columns="pool", values=figure, aggfunc="sum").loc[list(LAYERS), list(POOLS)]
        for figure in ("received", "stayed")
    )
    income = received.sum(axis=1)
    parts = received.div(income.where(income > 0.0), axis=0)
    brought = stayed.sum()
    # What a pool brought is a sum of flows that cancel, so nothing is never exactly nothing.
    ends = stayed / brought.where(brought > 1e-9 * max(income.sum(), 1e-300))
    return pd.concat([income.rename("income"), parts, ends.add_prefix("stayed of ")], axis=1)

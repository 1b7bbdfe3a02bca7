"""The profit of one firm month by month, straight from a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from moatlab.evidence.inference import Array
from moatlab.market.market import Market
from moatlab.results import metrics
from moatlab.results.addresses import BY_COLUMN

#: What a payment is to an operating account.
EXPENSES = ("cost of goods", "rnd", "marketing", "overhead")


def measure() -> str:
    """The profit that is reported: economic where the market records it of a firm, else operating."""
    return "economic profit" if ("firm", "economic_profit") in BY_COLUMN else "operating profit"


def profit(market: Market, kind: str, row: int, depreciation: Array) -> Array:
    """M$ a month [months run] of the firm in ``row``; 0 in months in which it does not trade: exits count.

    ``depreciation`` [months run] is taken off operating profit, as in the accounts of layers.
    """
    if measure() == "economic profit":
        path = market.results.path(f"{kind}.{market.slug(kind, row)}.economic_profit")
        return np.nan_to_num(path)
    account = int(market.state.kind(kind)["account"][row])
    sales, spent = metrics.sales_of(kind), metrics.uses_of(kind, EXPENSES)
    found = np.zeros(market.month)
    for part in market.ledger.postings():
        mine: Any = part[(part["payer"] == account) | (part["payee"] == account)]
        into = (mine["payee"] == account) & np.isin(mine["kind"], sales)
        out = (mine["payer"] == account) & np.isin(mine["kind"], spent)
        np.add.at(found, mine["month"][into], mine["amount"][into])
        np.add.at(found, mine["month"][out], -mine["amount"][out])
    return found - depreciation

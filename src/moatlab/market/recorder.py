"""The recorder of a run: rows of the tables that `moatlab.results.metrics` defines, month by month."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.market import record
from moatlab.market.state.blocks import block
from moatlab.market.state.compiled import Rows, direct
from moatlab.market.state.ledger import Ledger
from moatlab.market.state.state import State, rows
from moatlab.results.payments import LAYERS

#: Months of a block of the monthly tables, and firms of a block of the firms' table.
MONTHS, FIRMS = 128, 1 << 13

_record_trade = direct(record.record_trade)


class Recorder:
    """Grows by blocks; what is recorded is never moved."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        self.months = 0
        self.market: list[Rows] = []
        self.layers: list[Rows] = []
        self.categories: list[Rows] = []
        self.payments: list[NDArray[np.float64]] = []
        self.firms: list[Rows] = []
        self.used: list[int] = []
        self._others = -1

    def _block(self, state: State, ledger: Ledger) -> tuple[int, int]:
        number, at = divmod(self.months, MONTHS)
        if number == len(self.market):
            self.market.append(rows(record.MARKET_DTYPE, MONTHS))
            self.layers.append(rows(record.LAYER_DTYPE, MONTHS * len(LAYERS)))
            self.categories.append(rows(record.CATEGORY_DTYPE, MONTHS * state.users.shape[0]))
            self.payments.append(np.zeros((MONTHS, ledger.totals.shape[0] - 1)))
        return number, at

    def place(self, s: State, ledger: Ledger) -> tuple[Rows, Rows, Rows, Rows, int, bool]:
        """Where what trades this month is recorded, as the last arguments of `moatlab.market.record.record_trade`."""
        number, at = self._block(s, ledger)
        kinds, categories = len(LAYERS), s.users.shape[0]
        with_firms = self.detail == "firm"
        if self._others < 0:
            # Only apps come and go in number.
            self._others = sum(s.kind(kind).shape[0] for kind in LAYERS if kind != "apps")
        most = s.live.shape[0] + self._others if with_firms else 0
        if not self.firms or self.firms[-1].shape[0] - self.used[-1] < most:
            self.firms.append(block(record.FIRM_DTYPE, max(FIRMS, most) if with_firms else 0))
            self.used.append(0)
        return (
            self.market[number][at : at + 1], self.layers[number][at * kinds : (at + 1) * kinds],
            self.categories[number][at * categories : (at + 1) * categories], self.firms[-1], self.used[-1],
            with_firms,
        )  # fmt: skip

    def trade(self, s: State, ledger: Ledger) -> None:
        """Record what traded, before firms leave and enter."""
        self.used[-1] = _record_trade(s.arrays, ledger.totals, *self.place(s, ledger))

    def turnover(self, s: State, ledger: Ledger) -> None:
        """Record who left and entered, and the month's payments; the month is complete."""
        number, at = self._block(s, ledger)
        record.record_turnover(self.layers[number], at * len(LAYERS), self.payments[number][at], ledger.totals, s.now)
        self.months += 1

    def value(self, table: str, column: str, month: int) -> float:
        """One recorded figure of the market's table of that month."""
        block, at = divmod(month, MONTHS)
        return float(getattr(self, table)[block][column][at])

    def parts(self, name: str) -> list[Any]:
        """A table of the months recorded, as parts that are not copied (payments: months by kind)."""
        if name == "firms":
            return [np.asarray(b[:used]) for b, used in zip(self.firms, self.used, strict=True)]
        blocks: list[Any] = getattr(self, name)
        found, left = [], self.months
        for table in blocks:
            per_month = table.shape[0] // MONTHS
            found.append(np.asarray(table[: min(left, MONTHS) * per_month]))
            left -= MONTHS
        return found

"""The ledger: every payment of a run, by month, kind, payer and payee."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from moatlab.market.state.blocks import block
from moatlab.market.state.compiled import Rows
from moatlab.market.state.posting import POSTING_DTYPE
from moatlab.market.state.state import State

#: Postings that a block of the journal holds at the least.
BLOCK = 1 << 17
#: No category has more entrants than this in a month.
MOST_ENTRANTS = 500

Detail = Literal["firm", "kind"]


class Ledger:
    """Double entry by construction: `moatlab.market.state.posting.pay` debits and credits in one move.

    ``detail`` "firm" keeps every posting, "kind" only the month's sums by kind of payment (for a million apps).
    """

    def __init__(self, detail: Detail = "firm") -> None:
        self.detail = detail
        self.blocks: list[Rows] = []
        self.used: list[int] = []
        self.month_starts: tuple[int, int] = (0, 0)

    def successor(self) -> Ledger:
        """The ledger of a copy of the market: it shares the postings so far, and the next ones are its own."""
        twin = Ledger(self.detail)
        # Cut to what is used, so that the next month begins a block of the copy's own.
        twin.blocks = [part[:used] for part, used in zip(self.blocks, self.used, strict=True)]
        twin.used, twin.month_starts = list(self.used), self.month_starts
        return twin

    def open_month(self, state: State) -> None:
        """Make room for a month's postings in the state's ``book``, and start the sums by kind at zero."""
        state.totals[:] = 0.0
        if self.detail == "kind":
            return
        apps = state.live.shape[0]
        clouds = state.clouds.shape[0]
        most = apps * (state.offers.shape[0] + 12) + state.buyers.shape[0] * 2 * clouds
        most += state.users.shape[0] * MOST_ENTRANTS + 40 * clouds * clouds + 512
        if not self.blocks or self.blocks[-1].shape[0] - self.used[-1] < most:
            self.blocks.append(block(POSTING_DTYPE, max(BLOCK, most)))
            self.used.append(0)
        self.month_starts = (len(self.blocks) - 1, self.used[-1])
        state.totals[-1] = self.used[-1]
        if state.book is not self.blocks[-1]:
            state.book = self.blocks[-1]
            state.gather()

    def close_month(self, state: State) -> None:
        """Count the month's postings as used; a full book is an error of this module's own estimate."""
        if self.detail == "kind":
            return
        used = int(state.totals[-1])
        if used >= state.book.shape[0]:
            raise RuntimeError(f"the journal had room for {state.book.shape[0]} postings and needed more")
        self.used[-1] = used

    def postings(self) -> list[NDArray[np.void]]:
        """All postings of the run so far, in order, in parts that are not copied; one part at the least."""
        kept = [np.asarray(part[:used]) for part, used in zip(self.blocks, self.used, strict=True)]
        return kept or [np.zeros(0, POSTING_DTYPE)]

    def last_month(self) -> NDArray[np.void]:
        """The postings of the last month closed."""
        if not self.blocks:
            return np.zeros(0, POSTING_DTYPE)
        last, start = self.month_starts
        return np.asarray(self.blocks[last][start : self.used[last]])

    def imbalance(self, cash_before: NDArray[np.float64], cash_after: NDArray[np.float64]) -> float:
        """Largest gap (M$) between an account's change of cash and its postings of the last month."""
        postings = self.last_month()
        change: Any = np.zeros(cash_after.shape[0])
        np.add.at(change, postings["payee"], postings["amount"])
        np.add.at(change, postings["payer"], -postings["amount"])
        before = np.zeros_like(cash_after)
        before[: cash_before.shape[0]] = cash_before
        return float(np.abs(cash_after - before - change).max())

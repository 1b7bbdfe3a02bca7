"""The recorder of a run: rows of the tables that `moatlab.results.metrics` defines, month by month."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.market.names import Names
from moatlab.market.state.blocks import block
from moatlab.market.state.codes import SELLER_KINDS
from moatlab.market.state.compiled import Rows
from moatlab.market.state.fields import CATEGORY_DTYPE, FIRM_DTYPE, LAYER_DTYPE, MARKET_DTYPE
from moatlab.market.state.ledger import Ledger
from moatlab.market.state.state import State, as_rows
from moatlab.results.addresses import OWNERS
from moatlab.results.measure import Measure
from moatlab.results.payments import KINDS_OF_PAYMENT, LAYERS
from moatlab.results.results import Results
from moatlab.scenario.owners import owner_names, owners_of_firms
from moatlab.scenario.scenario import Scenario

#: Months of a block of the monthly tables, and firms of a block of the firms' table.
MONTHS, FIRMS = 128, 1 << 13


def _unwritten(dtype: np.dtype[np.void], count: int) -> Rows:
    """Rows of not-a-number: what no rule writes does not look like a figure."""
    table = np.empty(count, dtype)
    for name in dtype.names or ():
        table[name] = np.nan
    return as_rows(table)


class Recorder:
    """Grows by blocks; what is recorded is never moved."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        self.months = 0
        self.market: list[Rows] = []
        self.layers: list[Rows] = []
        self.categories: list[Rows] = []
        self.payments: list[Rows] = []
        self.firms: list[Rows] = []
        self.used: list[int] = []
        #: What companies lost of their other businesses, by lab, a row a month, M$.
        self.lost: list[NDArray[np.float64]] = []
        self._others = -1

    def open_month(self, state: State) -> None:
        """Make room for a month in the state's records, and say which rows are its own."""
        number, at = divmod(self.months, MONTHS)
        if number == len(self.market):
            self.market.append(_unwritten(MARKET_DTYPE, MONTHS))
            self.layers.append(_unwritten(LAYER_DTYPE, MONTHS * len(LAYERS)))
            self.categories.append(_unwritten(CATEGORY_DTYPE, MONTHS * state.users.shape[0]))
            self.payments.append(np.zeros((MONTHS, len(KINDS_OF_PAYMENT))))
        if self.detail == "firm":
            if self._others < 0:
                # Only apps come and go in number.
                self._others = sum(state.kind(kind).shape[0] for kind in LAYERS if kind != "apps")
            most = state.live.shape[0] + self._others
            if not self.firms or self.firms[-1].shape[0] - self.used[-1] < most:
                self.firms.append(block(FIRM_DTYPE, max(FIRMS, most)))
                self.used.append(0)
            state.now["firm_records"] = self.used[-1]
        state.now["record"] = at
        if state.market_records is not self.market[-1] or (self.firms and state.firm_records is not self.firms[-1]):
            state.market_records, state.layer_records = self.market[-1], self.layers[-1]
            state.category_records, state.payment_records = self.categories[-1], self.payments[-1]
            if self.firms:
                state.firm_records = self.firms[-1]
            state.gather()

    def close_month(self, state: State) -> None:
        """Count the month as recorded."""
        if self.detail == "firm":
            self.used[-1] = int(state.now["firm_records"][0])
            # The ledger has these losses as one sum, since companies' other businesses have no accounts.
            self.lost.append(np.array(state.labs["lost"]))
        self.months += 1

    def value(self, table: str, column: str, month: int) -> float:
        """One recorded figure of the market's table of that month."""
        block, at = divmod(month, MONTHS)
        return float(getattr(self, table)[block][column][at])

    def parts(self, name: str) -> list[Any]:
        """A table of the months recorded, as parts that are not copied (payments: months by kind); one at the least."""
        if name == "firms":
            recorded = [np.asarray(b[:used]) for b, used in zip(self.firms, self.used, strict=True)]
            return recorded or [_nothing(name)]
        blocks: list[Any] = getattr(self, name)
        found, left = [], self.months
        for table in blocks:
            per_month = table.shape[0] // MONTHS
            found.append(np.asarray(table[: min(left, MONTHS) * per_month]))
            left -= MONTHS
        return found or [_nothing(name)]


def _nothing(name: str) -> Any:
    """A table of no rows, for a market that has not begun."""
    if name == "payments":
        return np.zeros((0, len(KINDS_OF_PAYMENT)))
    dtypes = {"market": MARKET_DTYPE, "layers": LAYER_DTYPE, "categories": CATEGORY_DTYPE, "firms": FIRM_DTYPE}
    return np.zeros(0, dtypes[name])


def collect(
    scenario: Scenario, seed: int, detail: str, names: Names, state: State, ledger: Ledger, recorder: Recorder,
    first_cash: NDArray[np.float64], first_books: NDArray[np.float64], own_metrics: dict[str, Any],
) -> Results:  # fmt: skip
    """The results of a market as it is.

    ``first_cash`` [accounts] is the cash of month 0, ``first_books`` the book value of fleets and fabs, M$;
    ``own_metrics`` are those of rules from outside (`moatlab.market.rule.recorded`).
    """
    parts: dict[str, list[Any]] = {
        name: recorder.parts(name) for name in ("market", "layers", "categories", "firms", "payments")
    }
    parts["postings"] = ledger.postings()
    parts["lost"] = [np.array(recorder.lost)]
    parts["flows"] = [np.zeros((0, 0, 0))]
    apps = state.apps
    firms, owners = names.slugs, owner_names(scenario)
    slugs = {**firms, OWNERS: tuple(owners)}
    about = {
        "scenario": scenario.name,
        "title": scenario.title,
        "start": scenario.start,
        "seed": seed,
        "months": recorder.months,
        "detail": detail,
        "events": tuple((event.month, event.dated(scenario.start)) for event in scenario.events),
        "slugs": slugs,
        "names": {
            (kind, row): names.display_name(kind, row) for kind in firms if kind != "users"
            for row in range(len(firms[kind]))
        },
        "app_identities": apps["identity"][: state.count].copy() if detail == "firm" else [],
        "app_categories": apps["category"][: state.count].copy() if detail == "firm" else [],
        "offers": [
            (SELLER_KINDS[int(o["seller_kind"])], int(o["seller"]), int(o["lab"]))
            for o in np.asarray(state.offers)
        ],
        "first_account": dict(state.first_account),
        "first_cash": first_cash,
        "first_books": first_books,
        "owner_of": owners_of_firms(scenario),
        "owner_names": owners,
        "outside": {
            name: float(scenario.kind_value("outside", name)) for name in ("reference_rent", "spot_elasticity")
        },
        "measure": Measure(),
        "own_metrics": own_metrics,
    }  # fmt: skip
    return Results(parts, about)

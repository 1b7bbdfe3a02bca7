"""The path of one metric by month, straight from a run's records: what an experiment takes out of a run.

`Results.series` looks the same address up in whole tables; here only the columns behind the one metric are touched, so
that a dozen metrics cost a fraction of a millisecond.  Both give the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moatlab.errors import InputError
from moatlab.results import metrics
from moatlab.results.addresses import BY_COLUMN, Slugs, find_metric, unknown_metric
from moatlab.results.economic import Economics
from moatlab.results.metrics import Level
from moatlab.results.payments import LAYERS
from moatlab.results.slugs import generated_slug

Path = NDArray[np.float64]

#: Shares over the layers of one month: the column that is shared out.
SHARED_OUT = {
    "revenue_share": "revenue",
    "value_share": "value_added",
    "profit_share": "gross_profit_after_depreciation",
}
_LEDGER: dict[str, Callable[[str], list[int]]] = {
    name: metrics.sales_of if uses is None else partial(metrics.uses_of, uses=uses)
    for name, _, uses in metrics.LAYER_LEDGER
}
_LEDGER |= {"purchases": metrics.purchases_of, "equity": metrics.finance_of}


class _Columns(Mapping[str, Any]):
    """Columns of one row of a table, computed when a formula asks for them."""

    def __init__(self, paths: Paths, level: Level, kind: str, row: int) -> None:
        self._paths, self._level, self._kind, self._row = paths, level, kind, row

    def __getitem__(self, column: str) -> Path:
        return self._paths.column(self._level, self._kind, self._row, column)

    def __iter__(self) -> Iterator[str]:
        return iter(name for level, name in BY_COLUMN if level == self._level)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Paths:
    """Reads paths out of the recorded arrays: ``raw(name)`` gives a recorded table in one piece."""

    def __init__(self, raw: Callable[[str], Any], about: Mapping[str, Any]) -> None:
        self._raw = raw
        self._about = about
        self._months = int(about["months"])
        self._known: dict[tuple[Level, str, int, str], Path] = {}
        self._places: dict[str, Path] = {}

    def __getitem__(self, address: str) -> Path:
        """The path at an address, a number a month; not-a-number in months in which a firm was not alive."""
        slugs: Slugs = self._about["slugs"]
        if address in self._about["own_metrics"]:
            return np.asarray(self._about["own_metrics"][address][0], float)
        metric = find_metric(address, slugs)
        parts = address.split(".")
        if metric is None and len(parts) == 3 and parts[0] == "apps":
            row = self._generated().get(parts[1])
            found = BY_COLUMN.get(("firm", parts[2]))
            if row is not None and found is not None:
                return self.column("firm", "apps", row, parts[2])
        if metric is None:
            raise unknown_metric(address, slugs, "this run")
        if metric.level in ("firm", "owner") and self._about["detail"] != "firm":
            raise InputError(f"there is no metric {address!r}: layers alone were recorded, no firms", "this run")
        if metric.level in ("market", "layer"):
            return self.column(metric.level, parts[0], LAYERS.index(parts[0]) if metric.level == "layer" else 0,
                               metric.column)  # fmt: skip
        return self.column(metric.level, parts[0], list(slugs[parts[0]]).index(parts[1]), metric.name)

    @cached_property
    def economics(self) -> Economics:
        """Economic profit, from the books of the whole run."""
        return Economics(self._raw, self._about)

    def column(self, level: Level, kind: str, row: int, column: str) -> Path:
        """One column of one row of a table (``row`` of its kind; of all layers for a layer)."""
        key = (level, kind, row, column)
        if key not in self._known:
            metric = BY_COLUMN.get((level, column))
            if level == "firm" and column == "rank":
                self._known[key] = self._rank(kind, row)
            elif metric is not None and metric.books:
                self._known[key] = self._from_books(level, kind, row, column)
            elif metric is not None and metric.derive is not None:
                scope = _Columns(self, level, kind, row)
                self._known[key] = np.asarray(metric.derive(scope), float)
            else:
                self._known[key] = getattr(self, f"_{level}")(kind, row, column)
        return self._known[key]

    def _from_books(self, level: Level, kind: str, row: int, column: str) -> Path:
        if level == "market":
            found = self.economics.outside_surplus
        elif level == "firm":
            alive = ~np.isnan(self._firm(kind, row, "revenue"))
            found = np.where(alive, self.economics.firm(kind, row, column), np.nan)
        else:
            table = self.economics.layers if level == "layer" else self.economics.owners
            found = table[column][:, row]
        return np.ascontiguousarray(found)

    def _market(self, kind: str, row: int, column: str) -> Path:
        if ("market", column) not in BY_COLUMN:
            # Formulas of market-wide metrics may take a layer's sum, as in ``apps.equity``.
            layer, _, name = column.partition(".")
            return self.column("layer", layer, LAYERS.index(layer), name)
        return np.ascontiguousarray(self._raw("market")[BY_COLUMN["market", column].field])

    def _layer(self, kind: str, row: int, column: str) -> Path:
        if column in SHARED_OUT:
            value = np.stack([self.column("layer", k, i, SHARED_OUT[column]) for i, k in enumerate(LAYERS)], axis=1)
            return layer_shares(column, value)[:, row].copy()
        if column in _LEDGER:
            return np.asarray(self._raw("payments")[:, _LEDGER[column](LAYERS[row])].sum(axis=1))
        return np.ascontiguousarray(self._raw("layers")[column][row :: len(LAYERS)])

    def _category(self, kind: str, row: int, column: str) -> Path:
        return np.ascontiguousarray(self._raw("categories")[column][row :: len(self._about["slugs"]["users"])])

    def _firm(self, kind: str, row: int, column: str) -> Path:
        rows = self._raw("firms")
        mine = rows[(rows["row"] == row) & (rows["kind"] == LAYERS.index(kind))]
        path = np.full(self._months, np.nan)
        path[mine["month"]] = mine[column]
        return path

    def _rank(self, kind: str, row: int) -> Path:
        """A firm's place month by month, which needs its rivals."""
        rows = self._raw("firms")
        rivals = rows[rows["kind"] == LAYERS.index(kind)]
        if kind not in self._places:
            self._places[kind] = metrics.places(rivals["month"], rivals["kind"], rivals["revenue"])
        mine = rivals["row"] == row
        path = np.full(self._months, np.nan)
        path[rivals["month"][mine]] = self._places[kind][mine]
        return path

    def _generated(self) -> dict[str, int]:
        users, named = self._about["slugs"]["users"], len(self._about["slugs"]["apps"])
        drawn = zip(self._about["app_categories"][named:], self._about["app_identities"][named:], strict=True)
        return {generated_slug(users[int(k)], int(who)): named + at for at, (k, who) in enumerate(drawn)}


def layer_shares(name: str, value: Path) -> Path:
    """Each layer's part of a month's sum over the layers; ``value`` is (months, layers), of profits losses count 0."""
    if name == "profit_share":
        value = np.maximum(value, 0.0)
    total = value.sum(axis=1, keepdims=True)
    shares: Path = np.divide(value, total, out=np.full(value.shape, np.nan), where=total != 0)
    return shares

"""Ratios over several months: sums over sums, undefined below a floor.

A mean of monthly ratios is whatever its worst month makes of it: the margin of a month with a millionth of a cent of
revenue outweighs ten years.  So over a window a quotient of two flows is the quotient of their sums, and it is not
defined where what it is divided by stays below a floor (`FLOORS`, a mean of the window's months).  Within one month the
same floor holds.

Prices, rents and markups are averages of what firms post, weighted within the month; they lie between the posted
figures, and their mean over a window is the mean of its months, as are concentration and quantiles over firms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moatlab.results.addresses import BY_COLUMN, Slugs, find_metric
from moatlab.results.metrics import FLOORS, Level
from moatlab.results.payments import LAYERS
from moatlab.scenario.addresses import ALL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Path = NDArray[np.float64]
else:
    Path = Any
#: Addresses, in which {kind} and {slug} stand for those of the ratio and * for every row, with their factors.
Sum = Mapping[str, float]


@dataclass(frozen=True)
class Ratio:
    """``part`` over ``over``; without a part the monthly ratio times what it is over.

    ``losses`` False counts a negative month as 0, above and below.
    """

    over: Sum
    part: Sum | None = None
    losses: bool = True


def _all(metric: str) -> dict[str, float]:
    return {f"{layer}.{metric}": 1.0 for layer in LAYERS}


_BEFORE = {"users.{slug}.customers": 1.0, "users.{slug}.joined": -1.0, "users.{slug}.left": 1.0}
#: Every metric that is a quotient of two flows, by its table and column.
RATIOS: dict[tuple[Level, str], Ratio] = {
    ("firm", "margin"): Ratio({"{kind}.{slug}.revenue": 1.0}, {"{kind}.{slug}.gross_profit": 1.0}),
    ("firm", "share"): Ratio({"{kind}.revenue": 1.0}, {"{kind}.{slug}.revenue": 1.0}),
    ("layer", "gross_margin"): Ratio({"{kind}.revenue": 1.0}, {"{kind}.gross_profit": 1.0}),
    ("layer", "revenue_share"): Ratio(_all("revenue"), {"{kind}.revenue": 1.0}),
    ("layer", "value_share"): Ratio(_all("value_added"), {"{kind}.value_added": 1.0}),
    ("layer", "profit_share"): Ratio(
        _all("gross_profit_after_depreciation"), {"{kind}.gross_profit_after_depreciation": 1.0}, losses=False
    ),
    ("layer", "economic_share"): Ratio(_all("generative_profit"), {"{kind}.generative_profit": 1.0}, losses=False),
    ("category", "churn"): Ratio(_BEFORE, {"users.{slug}.left": 1.0}),
    ("category", "acquisition_cost"): Ratio({"users.{slug}.joined": 1.0}, {"users.{slug}.marketing": 1.0}),
    ("category", "leave_tourists"): Ratio({"users.{slug}.tourists": 1.0}),
    ("category", "leave_committed"): Ratio({"users.{slug}.customers": 1.0, "users.{slug}.tourists": -1.0}),
    ("market", "apps.churn"): Ratio(
        {"apps.customers": 1.0, "apps.new_customers": -1.0, "users.*.left": 1.0}, {"users.*.left": 1.0}
    ),
    ("market", "apps.acquisition_cost"): Ratio({"apps.new_customers": 1.0}, {"users.*.marketing": 1.0}),
    ("market", "apps.lifetime_value"): Ratio({"users.*.left": 1.0}),
    ("market", "apps.inference_share"): Ratio({"apps.revenue": 1.0}),
    ("market", "apps.cloud_take"): Ratio({"apps.revenue": 1.0}),
    ("market", "apps.own_model_share"): Ratio({"market.tokens": 1.0}),
    ("market", "labs.inference_ratio"): Ratio({"labs.revenue": 1.0}),
    ("market", "labs.top5_customers"): Ratio({"labs.api_revenue": 1.0}),
    ("market", "utilisation"): Ratio({"market.hours_capacity": 1.0}, {"market.hours_sold": 1.0}),
    ("market", "generative_share"): Ratio({"market.hours_sold": 1.0}, {"market.generative_hours": 1.0}),
}


def ratio_of(address: str, slugs: Slugs) -> Ratio | None:
    """What the metric at an address divides by what, with full addresses; None for one that is no such ratio."""
    metric = find_metric(address, slugs)
    declared = RATIOS.get((metric.level, metric.column)) if metric is not None else None
    if declared is None:
        return None
    kind, *rest = address.split(".")
    slug = rest[0]

    def full(terms: Sum) -> dict[str, float]:
        named = {name.format(kind=kind, slug=slug): factor for name, factor in terms.items()}
        return {
            name.replace(ALL, row): factor for name, factor in named.items()
            for row in (slugs["users"] if ALL in name else ("",))
        }  # fmt: skip

    return Ratio(full(declared.over), None if declared.part is None else full(declared.part), declared.losses)


def behind(address: str, slugs: Slugs) -> tuple[str, ...]:
    """The metrics whose paths `over_window` needs beside that of ``address`` itself."""
    ratio = ratio_of(address, slugs)
    return () if ratio is None else tuple(dict.fromkeys([*ratio.over, *(ratio.part or ())]))


def over_window(address: str, slugs: Slugs, path: Callable[[str], Path]) -> float | None:
    """The ratio at an address over the months of the paths that ``path`` gives; None for a metric that is no ratio.

    Not-a-number below the floor.
    """
    # Declarations are read without numpy.
    import numpy as np

    ratio = ratio_of(address, slugs)
    if ratio is None:
        return None
    over = _total(ratio.over, path, ratio.losses)
    part = path(address) * over if ratio.part is None else _total(ratio.part, path, ratio.losses)
    known = np.isfinite(part) & np.isfinite(over)
    below = float(over[known].sum())
    if not known.any() or abs(below) / known.sum() < floor(next(iter(ratio.over)), slugs):
        return float("nan")
    return float(part[known].sum()) / below


def floor(address: str, slugs: Slugs) -> float:
    """What a month's value of a metric has to reach on average for a ratio over it to be defined."""
    metric = find_metric(address, slugs)
    return FLOORS.get(metric.unit, 0.0) if metric is not None else 0.0


def _total(terms: Sum, path: Callable[[str], Path], losses: bool) -> Path:
    import numpy as np

    parts = []
    for name, factor in terms.items():
        values = path(name)
        if name.count(".") == 2 and not name.startswith("users."):
            values = np.where(np.isnan(values), 0.0, values)  # a firm that is gone sells nothing
        parts.append(factor * (values if losses else np.maximum(values, 0.0)))
    total: Path = np.sum(parts, axis=0)
    return total


assert set(RATIOS) <= set(BY_COLUMN)

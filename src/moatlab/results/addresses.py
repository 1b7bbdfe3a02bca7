"""Addresses of metrics: which exist in a market with given firms and categories, and which metric each one is.

Needs neither numpy nor the compiled rules, so that files can be checked before anything heavy is imported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from moatlab.errors import InputError
from moatlab.results import metrics
from moatlab.results.metrics import Level, Metric
from moatlab.results.payments import LAYERS
from moatlab.scenario.addresses import nearest

#: The rows of each kind, in the order of the scenario.
Slugs = Mapping[str, Sequence[str]]

#: Every metric by its table and column.
BY_COLUMN: dict[tuple[Level, str], Metric] = {(m.level, m.column): m for m in metrics.TABLE}
#: How owners of firms are addressed; ``slugs`` have them as a further kind (`Scenario.metric_slugs`).
OWNERS = "owners"
_HIDDEN = {m.column for m in metrics.HIDDEN}


def find_metric(address: str, slugs: Slugs) -> Metric | None:
    """The metric at an address such as ``market.rent``, ``labs.revenue``, ``users.code.churn``, ``labs.openai.share``.

    ``slugs`` are the rows of each kind; None where there is no such metric or row.
    """
    parts = address.split(".")
    if len(parts) == 2:
        kind, name = parts
        column = name if kind == "market" else address
        found = BY_COLUMN.get(("market", column))
        if found is not None and found.kind == kind and column not in _HIDDEN:
            return found
        return BY_COLUMN.get(("layer", name)) if kind in LAYERS else None
    if len(parts) == 3 and parts[1] in slugs.get(parts[0], ()):
        if parts[0] == OWNERS:
            return BY_COLUMN.get(("owner", parts[2]))
        return BY_COLUMN.get(("category" if parts[0] == "users" else "firm", parts[2]))
    return None


def metric_addresses(slugs: Slugs) -> list[str]:
    """Every address of a metric in a market with these rows; generated firms have addresses too, not listed."""
    found = []
    for metric in metrics.TABLE:
        if metric.level == "market":
            if metric.column not in _HIDDEN:
                found.append(metric.column if "." in metric.column else f"market.{metric.column}")
        elif metric.level == "layer":
            found += [f"{layer}.{metric.name}" for layer in LAYERS]
        elif metric.level == "owner":
            found += [f"{OWNERS}.{owner}.{metric.name}" for owner in slugs.get(OWNERS, ())]
        elif metric.level in ("category", "firm"):
            kinds = ("users",) if metric.level == "category" else LAYERS
            found += [f"{kind}.{slug}.{metric.name}" for kind in kinds for slug in slugs.get(kind, ())]
    return found


def unknown_metric(address: str, slugs: Slugs, where: str = "") -> InputError:
    """The complaint about an address without a metric, with the nearest that exist."""
    return InputError(f"there is no metric {address!r}; {nearest(address, metric_addresses(slugs))}", where)

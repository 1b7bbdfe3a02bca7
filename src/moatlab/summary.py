"""What a run says, in a screen of plain text: who captured what, at which prices, with which churn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from moatlab.world.payments import LAYERS

if TYPE_CHECKING:
    from moatlab.results import Results

#: Layers whose sales also serve demand from outside generative AI.
SHARED_LAYERS = ("clouds", "chipmakers", "foundry")
ATTRIBUTION = "clouds', chipmakers' and foundry's figures times the generative share of GPU-hours sold in the month"


def _band(values: list[float], digits: int = 3) -> str:
    """A value, or the median and the 5-95 % band over seeds."""
    sound = [v for v in values if np.isfinite(v)]
    if not sound:
        return "-"
    middle = f"{np.median(sound):,.{digits}g}" if abs(np.median(sound)) < 1000 else f"{np.median(sound):,.0f}"
    if len(values) == 1:
        return middle
    low, high = np.quantile(sound, (0.05, 0.95))
    form = f",.{digits}g" if abs(high) < 1000 else ",.0f"
    return f"{middle} [{low:{form}}, {high:{form}}]"


def _years(months: int) -> list[int]:
    last = max(0, (months - 1) // 12)
    return sorted({0, *[y for y in (2, 4) if y < last], last})


def _table(title: str, head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    lines = [
        title,
        "  ".join(h.rjust(w) if i else h.ljust(w) for i, (h, w) in enumerate(zip(head, widths, strict=True))),
    ]
    for row in rows:
        lines.append(
            "  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        )
    return [*lines, ""]


def _layer_rows(runs: list[Results], year: int) -> list[list[str]]:
    found: dict[str, list[list[float]]] = {layer: [[] for _ in range(6)] for layer in LAYERS}
    for run in runs:
        layers, market = run.layers.to_pandas(), run.market.to_pandas()
        share = market.set_index("month")["generative_share"]
        mine = layers[(layers["month"] >= 12 * year) & (layers["month"] < 12 * year + 12)].copy()
        weight = np.where(mine["layer"].isin(SHARED_LAYERS), mine["month"].map(share), 1.0)
        for name in ("value_added", "gross_profit_after_depreciation"):
            mine[f"attributed {name}"] = mine[name] * weight
        sums: Any = mine.groupby("layer")[
            ["revenue", "value_added", "gross_profit_after_depreciation", "attributed gross_profit_after_depreciation"]
        ].sum()
        profits = sums["gross_profit_after_depreciation"].clip(lower=0.0)
        attributed = sums["attributed gross_profit_after_depreciation"].clip(lower=0.0)
        for layer in LAYERS:
            row = found[layer]
            row[0].append(sums.loc[layer, "revenue"] / 1000.0)
            row[1].append(sums.loc[layer, "value_added"] / 1000.0)
            row[2].append(sums.loc[layer, "gross_profit_after_depreciation"] / 1000.0)
            row[3].append(profits[layer] / max(profits.sum(), 1e-300))
            row[4].append(attributed[layer] / max(attributed.sum(), 1e-300))
            hhi = mine[mine["layer"] == layer]["hhi"]
            row[5].append(1.0 / hhi.mean() if hhi.mean() > 0 else np.nan)
    return [[layer, *(_band(column) for column in found[layer])] for layer in LAYERS]


def _mean(runs: list[Results], address: str, months: range) -> list[float]:
    return [float(run.series(address).reindex(list(months)).mean()) for run in runs]


def _leaders(run: Results, months: int) -> list[list[str]]:
    firms = run.firms.to_pandas()
    late = firms[firms["month"] >= max(0, months - 12)]
    rows = []
    for layer in LAYERS:
        mine = late[late["kind"] == layer]
        shares = mine.groupby("name")["revenue"].sum().sort_values(ascending=False)
        total = shares.sum()
        top = [f"{name} {value / total:.0%}" for name, value in shares.head(4).items()] if total > 0 else ["-"]
        rows.append([layer, ", ".join(top)])
    return rows


def _retention(runs: list[Results], joined: int, age: int) -> list[float]:
    values = []
    for run in runs:
        table = run.retention.to_pandas()
        mine = table[(table["joined"] == joined) & (table["age"] == age)]
        values.append(float(mine["retention"].mean()) if len(mine) else np.nan)
    return values


def summarise(runs: list[Results]) -> str:
    """The summary of one run, or of several seeds as median [5 %, 95 %]."""
    first = runs[0]
    months = first.months
    seeds = ", ".join(str(r.about["seed"]) for r in runs[:4]) + (", ..." if len(runs) > 4 else "")
    start = int(first.about["start"][:4])
    lines = [f"{first.about['title']}: {months} months from {first.about['start']}, seed {seeds}", ""]
    head = [
        "G$ a year",
        "revenue",
        "value added",
        "gross profit*",
        "share of profit",
        "attributed**",
        "effective firms",
    ]
    for year in _years(months):
        whole = "" if 12 * (year + 1) <= months else f" (its first {months - 12 * year} months)"
        lines += _table(f"Who captured what in {start + year}{whole}", head, _layer_rows(runs, year))
    lines += ["*  after depreciation; shares count losses as 0", f"** {ATTRIBUTION}", ""]
    if first.about["detail"] == "firm":
        lines += _table(f"Leaders of the last 12 months (seed {first.about['seed']})", ["layer", "shares"],
                        _leaders(first, months))  # fmt: skip
    windows = {"first year": range(min(12, months)), "last year": range(max(0, months - 12), months)}
    figures = [
        ("spot rent, $ per GPU-hour", "market.rent"),
        ("  running cost", "market.marginal_cost"),
        ("  markup", "market.markup"),
        ("  scarcity rent", "market.scarcity_rent"),
        ("full unit cost, $ per GPU-hour", "market.full_unit_cost"),
        ("list price, k$ per GPU", "market.chip_price"),
        ("lead time, months", "market.lead_time"),
        ("utilisation", "market.utilisation"),
        ("inference not served", "market.unserved"),
        ("generative share of GPU-hours", "market.generative_share"),
        ("API price, $ per Mtok", "labs.api_price"),
        ("labs' inference spending / token revenue", "labs.inference_ratio"),
        ("top five customers' share of API revenue", "labs.top5_customers"),
        ("apps' gross margin, median", "apps.margin_median"),
        ("apps' gross margin, 97th percentile", "apps.margin_best"),
        ("apps' inference / revenue", "apps.inference_share"),
        ("app revenue that reaches clouds", "apps.cloud_take"),
        ("apps' churn a month", "apps.churn"),
        ("acquisition cost, $", "apps.acquisition_cost"),
        ("lifetime value, $", "apps.lifetime_value"),
        ("tokens on own models", "apps.own_model_share"),
        ("consumer surplus, M$ a month", "market.consumer_surplus"),
    ]
    rows = [[name, *(_band(_mean(runs, address, window)) for window in windows.values())] for name, address in figures]
    late = max(0, months - 13)
    rows.append(["retention after 12 months, cohorts of month 0 and the last", *(
        _band(_retention(runs, joined, 12)) for joined in (0, late))])  # fmt: skip
    lines += _table("Prices, margins, churn (mean of the months)", ["", *windows], rows)
    totals = [
        [name, _band([float(pd.Series(run.series(address)).sum()) for run in runs])]
        for name, address in (
            ("apps entered", "apps.entries"), ("apps left", "apps.exits"), ("graduations", "apps.graduations"),
            ("returns", "apps.returns"), ("funding, M$", "investors.funding"),
        )
    ]  # fmt: skip
    lines += _table("Over the run", ["", "sum"], totals)
    return "\n".join(lines)

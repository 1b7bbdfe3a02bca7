"""Who captured what, in sentences and tables: economic profit by layer and by owner, and how other measures differ."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from moatlab.results.frames import Array
from moatlab.results.metrics import ratio
from moatlab.results.payments import LAYERS
from moatlab.results.text.numbers import number, percent
from moatlab.results.text.windows import Paths, Period, cell, table, total_of
from moatlab.scenario.months import month_name

#: Economic profit in half a sentence, for who meets it for the first time.
GLOSS = "what sales leave after every cost, that of all capital included"
#: The other measures, and their columns.
OTHERS = (
    ("operating profit", "operating_profit"), ("gross profit", "gross_profit_after_depreciation"),
    ("value added", "value_added"),
)  # fmt: skip
#: Months of the sums by which layers are compared month by month.
YEAR = 12
#: Layers of which another measure's amounts are named.
SHOWN = 3
#: Owners that are named, with the largest profits and with the largest losses.
MOST_OWNERS, MOST_LOSSES = 4, 4
#: A share or an amount below this is not worth naming in a sentence.
SMALL = 0.005


def profit_shares(paths: Paths, span: Period, generative: bool) -> dict[str, Array]:
    """Each layer's part of the positive gross profits after depreciation."""
    take = paths.generative if generative else paths.layer
    profits = {layer: total_of(take(layer, "gross_profit_after_depreciation"), span).clip(min=0.0) for layer in LAYERS}
    total = np.sum(list(profits.values()), axis=0)
    return {layer: ratio(profit, total) for layer, profit in profits.items()}


def economic_profits(paths: Paths, span: Period) -> dict[str, Array]:
    """Each layer's economic profit on generative AI over the period, M$ by seed."""
    return {layer: total_of(paths.layer(layer, "generative_profit"), span) for layer in LAYERS}


def economic_shares(paths: Paths, span: Period) -> dict[str, Array]:
    """Each layer's part of the positive economic profits on generative AI over the period."""
    profits = {layer: profit.clip(min=0.0) for layer, profit in economic_profits(paths, span).items()}
    total = np.sum(list(profits.values()), axis=0)
    return {layer: ratio(profit, total) for layer, profit in profits.items()}


def middle_of(values: Array) -> float:
    """The median over the seeds that have a value."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


# Sentences ------------------------------------------------------------------------------------------------------------


def sentence(paths: Paths, span: Period, unit: str, size: float, gloss: bool) -> str:
    """Which layers earned the economic profit of the period, and which lost; with the definition if it is the first."""
    shares = {layer: middle_of(share) for layer, share in economic_shares(paths, span).items()}
    amounts = {layer: middle_of(profit) / size for layer, profit in economic_profits(paths, span).items()}
    winners = sorted((la for la in LAYERS if shares[la] >= SMALL), key=lambda la: -shares[la])[:3]
    losers = sorted((la for la in LAYERS if amounts[la] < -SMALL), key=lambda la: amounts[la])
    meaning = f" ({GLOSS})" if gloss else ""
    lost = ", ".join(f"{layer} {number(-amounts[layer])}" for layer in losers)
    if not winners:
        told = f"no layer earned an economic profit on generative AI{meaning}"
        return f"{span.name}: {told}{f'; losses, {unit}: {lost}' if losers else ''}."
    first, *others = winners
    told = f"{span.name}: {first} earned {percent(shares[first])} of the economic profit on generative AI{meaning}"
    told += "".join(f", {layer} {percent(shares[layer])}" for layer in others)
    return f"{told}; losses, {unit}: {lost}." if losers else f"{told}."


def lead_sentence(paths: Paths) -> str:
    """Which layer earns most economic profit over twelve months at the end, since when, and which did before.

    Of several seeds: the layer that most of them end with, the median month, and the earliest and the latest.  Empty
    for a run too short to have two years.
    """
    months = len(paths.frames.months)
    if months < 2 * YEAR:
        return ""
    profits = np.array([paths.layer(layer, "generative_profit") for layer in LAYERS])
    sums = np.cumsum(np.nan_to_num(profits), axis=-1)
    sums[..., YEAR:] -= sums[..., :-YEAR].copy()
    leaders = sums[..., YEAR - 1 :].argmax(axis=0)
    final = Counter(leaders[:, -1].tolist()).most_common(1)[0][0]
    mine = leaders[leaders[:, -1] == final]
    others = [np.flatnonzero(row != final) for row in mine]
    since = np.array([YEAR - 1 + (places[-1] + 1 if places.size else 0) for places in others])
    seeds = f" in {len(mine)} of {len(leaders)} seeds" if len(mine) < len(leaders) else ""
    before = Counter(LAYERS[int(row[places[-1]])] for row, places in zip(mine, others, strict=True) if places.size)
    if not before:
        return f"Over any twelve months {LAYERS[final]} earned most{seeds}."
    first, middle, last = (month_name(int(f(since)), paths.frames.start) for f in (np.min, np.median, np.max))
    span = f" ({first} to {last} by seed)" if first != last else ""
    earlier = before.most_common(1)[0][0]
    return f"Over twelve months {LAYERS[final]} have earned most since {middle}{span}{seeds}, before that {earlier}."


def owners_sentence(paths: Paths, span: Period, unit: str, size: float) -> str:
    """Which owners earned most of the economic profit of the period, and which lost most; empty without owners."""
    owners = paths.frames.owners
    if owners is None or owners.empty:
        return ""
    months = owners[owners["month"].between(span.first, span.end - 1)]
    sums = months.groupby(["seed", "owner"])["generative_profit"].sum() / size
    profit = sums.groupby("owner").median().sort_values(kind="stable")
    names = dict(zip(owners["owner"], owners["name"], strict=True))
    best = [owner for owner in reversed(profit.index) if profit[owner] > SMALL][:MOST_OWNERS]
    worst = [owner for owner in profit.index if profit[owner] < -SMALL][:MOST_LOSSES]
    told = ", ".join(f"{names[owner]} {number(profit[owner])}" for owner in best) or "nobody"
    lost = ", ".join(f"{names[owner]} {number(-profit[owner])}" for owner in worst)
    return f"{span.name} by owner, {unit}: {told}{f'; losses: {lost}' if lost else ''}."


def other_measures(paths: Paths, span: Period, unit: str, size: float) -> str:
    """Which measures would order the layers otherwise than economic profit does, and how."""
    own = _order({layer: profit / size for layer, profit in economic_profits(paths, span).items()})
    differ, agree = [], []
    for name, column in OTHERS:
        found = {layer: total_of(paths.generative(layer, column), span) / size for layer in LAYERS}
        order = _order(found)
        if order == own:
            agree.append(name)
        else:
            first = ", ".join(f"{layer} {number(middle_of(found[layer]))}" for layer in order[:SHOWN])
            differ.append(f"{name} ({first})")
    if not differ:
        return f"{span.name}: {_listed(agree)} would order the layers as economic profit does."
    told = f"{span.name}, {unit}: other measures would order the layers otherwise: {_listed(differ)}"
    return f"{told}; {_listed(agree)} would not." if agree else f"{told}."


def _order(amounts: dict[str, Array]) -> list[str]:
    """Layers from the largest amount to the smallest, as the printed figures have them."""
    return sorted(amounts, key=lambda layer: -round(middle_of(amounts[layer]), 6))


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def beside(paths: Paths, span: Period, unit: str, size: float) -> str:
    """What companies lose of their other businesses, and what is in no account; empty where there is nothing."""
    kept, lost = (total_of(paths.market(f"labs.{name}"), span) / size for name in ("defended", "lost"))
    if not max(float(np.nanmedian(abs(each))) for each in (kept, lost)) > 0.0:
        return ""
    return (
        f"Owners bear what their other businesses lost to others' models, {cell(lost, number)}; what their labs' "
        f"models kept of these for them, {cell(kept, number)}, is in no account."
    )


# Tables ---------------------------------------------------------------------------------------------------------------


def by_layer(paths: Paths, span: Period, unit: str, size: float) -> list[str]:
    """The measures side by side, a row a layer, with the layer's part of economic profit and who leads it."""
    shares = economic_shares(paths, span)
    rows = []
    for layer in LAYERS:
        columns = ("revenue", "value_added", "gross_profit_after_depreciation", "operating_profit", "economic_profit",
                   "generative_profit")  # fmt: skip
        dollars = [number(middle_of(total_of(paths.layer(layer, name), span)) / size) for name in columns]
        leader, effective = _leader(paths, layer, span)
        rows.append([layer, *dollars, cell(shares[layer], percent), effective, leader])
    head = [f"{unit}: revenue", "value added", "gross", "operating", "economic", "AI only", "share", "1/HHI", "leader"]
    return table(span.name, head, rows, left=(0, len(head)))


def leaders_of(paths: Paths, layer: str, span: Period) -> tuple[Counter[str], list[float], list[float]]:
    """How often each firm leads by revenue, and, seed by seed, the leader's share and the effective number of firms."""
    firms = paths.frames.firms
    mine: pd.DataFrame = firms[(firms["kind"] == layer) & firms["month"].between(span.first, span.end - 1)]
    names = dict(zip(mine["slug"], mine["name"], strict=True))
    leaders: Counter[str] = Counter()
    shares, effective = [], []
    for _, own in mine.groupby("seed"):
        revenue = own.groupby("slug")["revenue"].sum()
        if revenue.sum() > 0:
            parts = revenue / revenue.sum()
            leaders[str(names[parts.idxmax()])] += 1
            shares.append(float(parts.max()))
            effective.append(1.0 / float((parts**2).sum()))
    return leaders, shares, effective


def _leader(paths: Paths, layer: str, span: Period) -> tuple[str, str]:
    """The leader by revenue with its share (with several seeds, of most of them), and the effective number of firms."""
    leaders, shares, effective = leaders_of(paths, layer, span)
    seeds = len(paths.frames.seeds)
    if not leaders:
        return "-", "-"
    name, times = leaders.most_common(1)[0]
    if seeds > 1:
        name = f"{name} (in {times} of {seeds})," if times > 1 else "differs by seed,"
    return f"{name} {percent(float(np.median(shares)))}", f"{np.median(effective):.1f}"

"""What a run says, in one screen of text: who captured what, who leads, at what prices and with which churn.

Every figure is computed for each seed by itself.  With several seeds a cell is the median and, of shares and prices,
in brackets the band from the 5th to the 95th percentile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import pandas as pd

from moatlab.results.frames import Array, Frames
from moatlab.results.metrics import ratio
from moatlab.results.money import origins
from moatlab.results.payments import INFRASTRUCTURE, LAYERS
from moatlab.results.text.numbers import cents, columns, count, number, percent

NOTE = (
    "Gross profit is after depreciation. Share: part of the layers' positive gross profits. Gen. AI: the same with "
    "clouds, chipmakers and foundry counted by generative AI's share of the GPU-hours sold in each month. "
    "Eff. firms: 1/HHI of revenue."
)
MONEY = (
    "Income: all that the layer's firms received, by whose money it was when it entered the stack. Users: spending of "
    "apps' customers. Outside: spending of other demand for GPU-hours. Funding: investors and parents of apps, labs "
    "and hosts. Owners: those of clouds, chipmakers and the foundry. Of $1: what of a dollar that came in went no "
    "further than the layer; where money raised earlier is spent, below 0."
)
STARTUP = " A name such as code-007-0 is a generated startup's: category, month of birth, number."
_WIDTH = 110


@dataclass(frozen=True)
class Period:
    """Some months of a run, as they are called in headings."""

    name: str
    first: int
    end: int

    @property
    def months(self) -> slice:
        """The columns of these months."""
        return slice(self.first, self.end)


def periods(frames: Frames) -> list[Period]:
    """The first twelve months and the last twelve; all months where there are fewer than thirteen."""
    months = len(frames.months)
    spans = [(0, min(12, months))] + [(months - 12, months)] * (months > 12)
    return [Period(_span(frames, *span), *span) for span in spans]


def _span(frames: Frames, first: int, end: int) -> str:
    """A calendar year by its number, other months by the first and the last."""
    begins, ends = (_calendar(frames, month) for month in (first, end - 1))
    if begins[:4] == ends[:4] and begins.endswith("-01") and ends.endswith("-12"):
        return begins[:4]
    return begins if begins == ends else f"{begins} to {ends}"


def _calendar(frames: Frames, month: int) -> str:
    year, first = (int(part) for part in frames.start.split("-")[:2])
    return f"{year + (first - 1 + month) // 12}-{(first - 1 + month) % 12 + 1:02d}"


class Paths:
    """The tables of a run as arrays with a row a seed and a column a month."""

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self._shape = len(frames.seeds), len(frames.months)
        self._layers = {str(layer): rows for layer, rows in frames.layers.groupby("layer")}

    def market(self, column: str) -> Array:
        """A metric of the market."""
        return self._array(self.frames.market, column)

    def layer(self, layer: str, column: str) -> Array:
        """A metric of a layer."""
        return self._array(self._layers[layer], column)

    def generative(self, layer: str, column: str) -> Array:
        """Dollars of a layer that are attributed to generative AI."""
        dollars = self.layer(layer, column)
        return dollars * np.nan_to_num(self.market("generative_share")) if layer in INFRASTRUCTURE else dollars

    def _array(self, frame: pd.DataFrame, column: str) -> Array:
        ordered = frame.sort_values(["seed", "month"], kind="stable")
        return ordered[column].to_numpy(dtype=np.float64).reshape(self._shape)


def summarise(frames: Frames, year: int | None = None) -> str:
    """The summary of one run, or of several seeds.

    ``year`` is the calendar year of the table of whose money; without it, the last twelve months.
    """
    paths, spans = Paths(frames), periods(frames)
    seeds, months = frames.seeds, len(frames.months)
    luck = f"seed {seeds[0]}" if len(seeds) == 1 else f"{len(seeds)} seeds from {seeds[0]}, median (5-95 %)"
    lines = [f"{frames.title}: {months} month{'s' * (months > 1)} from {frames.start}, {luck}"]
    lines += [*wrap("Events: " + "; ".join(text for _, text in frames.events), _WIDTH)] if frames.events else []
    lines += [""]
    lines += [_sentence(paths, span) for span in spans]
    largest = max(float(np.nanmedian(_sum(paths.layer(layer, "revenue"), spans[-1]))) for layer in LAYERS)
    unit, size = ("G$", 1e3) if largest >= 1e3 else ("M$", 1.0)
    for span in spans:
        lines += ["", *_capture(paths, span, unit, size)]
    lines += ["", *wrap(NOTE + STARTUP * (not frames.firms["named"].all()), _WIDTH), ""]
    if frames.money is not None:
        lines += [*_money(frames, _year(frames, year) if year else spans[-1], unit, size), ""]
        lines += [*wrap(MONEY, _WIDTH), ""]
    lines += _figures(paths, spans, unit, size)
    return "\n".join(lines) + "\n"


Form = Callable[[float], str]


def cell(values: Array, form: Form) -> str:
    """The value of one seed; of several, the median and the band.  A dash where no seed has a value."""
    known = values[np.isfinite(values)]
    if not known.size:
        return "-"
    middle = form(float(np.median(known)))
    if values.size == 1:
        return middle
    low, high = (form(float(np.quantile(known, q))) for q in (0.05, 0.95))
    low = low.removesuffix(" %")
    return f"{middle} ({low}{' to ' if low.startswith('-') else '-'}{high.removesuffix(' %')})"


def _table(title: str, head: list[str], rows: list[list[str]], left: tuple[int, ...] = (0,)) -> list[str]:
    """Lines of a table whose title is the head of its first column; all columns but ``left`` stand on the right."""
    return columns([[title, *head], *rows], left)


# Sums over months -----------------------------------------------------------------------------------------------------


def _sum(path: Array, span: Period) -> Array:
    total: Array = np.nansum(path[:, span.months], axis=1)
    return total


def _mean(path: Array, span: Period) -> Array:
    """The mean over the months in which there is a value."""
    part = path[:, span.months]
    return ratio(np.nansum(part, axis=1), np.isfinite(part).sum(axis=1))


def _profit_shares(paths: Paths, span: Period, generative: bool) -> dict[str, Array]:
    """Each layer's part of the positive gross profits after depreciation."""
    take = paths.generative if generative else paths.layer
    profits = {layer: _sum(take(layer, "gross_profit_after_depreciation"), span).clip(min=0.0) for layer in LAYERS}
    total = np.sum(list(profits.values()), axis=0)
    return {layer: ratio(profit, total) for layer, profit in profits.items()}


# Who captured what ----------------------------------------------------------------------------------------------------


def _sentence(paths: Paths, span: Period) -> str:
    found = _profit_shares(paths, span, generative=True)
    middle = {layer: float(np.nanmedian(share)) for layer, share in found.items() if np.isfinite(share).any()}
    if not middle:
        return f"{span.name}: no layer made a gross profit."
    first, second, third = sorted(middle, key=lambda layer: -middle[layer])[:3]
    return (
        f"{span.name}: of generative AI's gross profit {first} took {percent(middle[first])}, "
        f"{second} {percent(middle[second])}, {third} {percent(middle[third])}."
    )


def _capture(paths: Paths, span: Period, unit: str, size: float) -> list[str]:
    whole, part = (_profit_shares(paths, span, generative) for generative in (False, True))
    rows = []
    for layer in LAYERS:
        dollars = [
            number(float(np.median(_sum(paths.layer(layer, name), span))) / size)
            for name in ("revenue", "value_added", "gross_profit_after_depreciation")
        ]
        leader, effective = _leader(paths, layer, span)
        rows.append([layer, *dollars, cell(whole[layer], percent), cell(part[layer], percent), effective, leader])
    head = [
        f"revenue {unit}",
        f"value added {unit}",
        f"gross profit {unit}",
        "share",
        "gen. AI",
        "eff. firms",
        "leader",
    ]
    return _table(span.name, head, rows, left=(0, len(head)))


def _leader(paths: Paths, layer: str, span: Period) -> tuple[str, str]:
    """The leader by revenue with its share (with several seeds, of most of them), and the effective number of firms."""
    firms, seeds = paths.frames.firms, len(paths.frames.seeds)
    mine = firms[(firms["kind"] == layer) & firms["month"].between(span.first, span.end - 1)]
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
    if not leaders:
        return "-", "-"
    name, times = leaders.most_common(1)[0]
    if seeds > 1:
        name = f"{name} ({times} of {seeds})," if times > 1 else "another in each seed,"
    return f"{name} {percent(float(np.median(shares)))}", f"{np.median(effective):.1f}"


# Whose money ----------------------------------------------------------------------------------------------------------


def _year(frames: Frames, year: int) -> Period:
    """The months of a calendar year that are in the run."""
    mine = [month for month in frames.months if frames.year_of(month) == year]
    return Period(_span(frames, mine[0], mine[-1] + 1), mine[0], mine[-1] + 1)


def _money(frames: Frames, span: Period, unit: str, size: float) -> list[str]:
    """Whose money each layer's income was, and where a dollar of users and of funding stayed: medians over seeds."""
    assert frames.money is not None
    seeds = [origins(own, span.first, span.end - 1) for _, own in frames.money.groupby("seed")]
    pools = ("users", "outside", "funding", "owners")
    forms: list[tuple[str, str, Form]] = [("income", f"income {unit}", lambda value: number(value / size))]
    forms += [(pool, pool, percent) for pool in pools]
    forms += [(f"stayed of {pool}", f"of $1 of {pool}", cents) for pool in pools[:3]]
    rows = []
    for layer in LAYERS:
        row = [layer]
        for column, _, form in forms:
            values = np.array([table.loc[layer, column] for table in seeds])
            row.append(form(float(np.nanmedian(values))) if np.isfinite(values).any() else "-")
        rows.append(row)
    return _table(f"Whose money, {span.name}", [head for _, head, _ in forms], rows)


# Prices, margins, churn -----------------------------------------------------------------------------------------------

Take = Callable[[Paths, Period], Array]


def _of(column: str) -> Take:
    return lambda paths, span: _mean(paths.market(column), span)


def _total(column: str, layer: str = "") -> Take:
    return lambda paths, span: _sum(paths.layer(layer, column) if layer else paths.market(column), span)


def _retention(paths: Paths, span: Period) -> Array:
    """Customers still with their app a year on, of those who joined in the last quarter whose year ends in the span."""
    frames = paths.frames
    last = span.end - 13
    if last < 0:
        return np.full(len(frames.seeds), np.nan)
    curves = frames.retention[(frames.retention["age"] == 12) & frames.retention["joined"].between(last - 2, last)]
    came = frames.categories[["seed", "category", "month", "joined"]].rename(columns={"joined": "customers"})
    rows = curves.merge(came, left_on=["seed", "category", "joined"], right_on=["seed", "category", "month"])
    rows = rows.dropna(subset=["retention"])
    rows = rows.assign(stayed=rows["retention"] * rows["customers"])
    sums = rows.groupby("seed")[["stayed", "customers"]].sum().reindex(frames.seeds, fill_value=0.0)
    return ratio(sums["stayed"], sums["customers"])


#: Rows of figures: title, how they come from the paths, how they are written.  Dollars have their unit in the title.
FIGURES: tuple[tuple[str, Take, Form], ...] = (
    ("rent of a GPU-hour, $", _of("rent"), number),
    ("  of it scarcity rent", _of("scarcity_rent"), number),
    ("  full cost of a GPU-hour, $", _of("full_unit_cost"), number),
    ("generative AI's share of GPU-hours", _of("generative_share"), percent),
    ("accelerator, k$ per H100-equivalent", _of("chip_price"), number),
    ("  lead time, months", _of("lead_time"), number),
    ("API, $ per Mtok", _of("labs.api_price"), number),
    ("app, $ a month", _of("apps.price"), number),
    ("apps' gross margin, median", _of("apps.margin_median"), percent),
    ("  best (97th percentile)", _of("apps.margin_best"), percent),
    ("  inference and hosting, of revenue", _of("apps.inference_share"), percent),
    ("customers who leave their app in a month", _of("apps.churn"), percent),
    ("  still with it a year after joining", _retention, percent),
    ("tokens on apps' own models", _of("apps.own_model_share"), percent),
    ("apps that went over to a model of their own", _total("apps.graduations"), count),
    ("  that came back", _total("apps.returns"), count),
    ("apps that entered", _total("entries", "apps"), count),
    ("  that left", _total("exits", "apps"), count),
    ("rounds raised by apps, labs and hosts, {unit}", _total("investors.funding"), number),
    ("consumer surplus, {unit}", _total("consumer_surplus"), number),
)


def _figures(paths: Paths, spans: list[Period], unit: str, size: float) -> list[str]:
    rows = []
    for title, take, form in FIGURES:
        scale = size if "{unit}" in title else 1.0
        rows.append([title.format(unit=unit), *(cell(take(paths, span) / scale, form) for span in spans)])
    return _table("Mean or sum of the months", [span.name for span in spans], rows)

"""A run in one screen of text: who earned what, who leads, at what prices and with which churn.

Every figure is computed for each seed separately.  With several seeds a cell is the median and, of shares and prices,
in brackets the range from the 5th to the 95th percentile.
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
from moatlab.scenario.months import month_name

STACK = (
    "Apps sell to end users; labs sell access to their AI models; hosts run open models for others; clouds rent out "
    "GPUs by the hour, to generative AI and to other computing; chipmakers design GPUs, the foundry makes them."
)
NOTE = (
    "Value added: sales less purchases from other layers. Gross profit: after depreciation. Profit share: the "
    "layer's share of all layers' gross profits. AI only: the same for generative AI alone, that is, with clouds, "
    "chipmakers and the foundry counted in proportion to the GPU-hours that generative AI rents. Firms (1/HHI): the "
    "number of equally large firms that would be as concentrated by revenue."
)
MONEY = (
    "Income: all that the layer's firms received, by who paid it into the stack. Users: customers of apps, and "
    "of large companies' other businesses where labs win them. Other demand: who rents GPUs for other computing. "
    "Funding: investors and parent companies of apps, labs and hosts. Owners: those of clouds, chipmakers and the "
    "foundry. Kept of $1: the share of each dollar entering the stack that stays in the layer, from users, other "
    "demand and funding; negative where money raised earlier is spent."
)
STARTUP = " A name such as code-007-0 or code-start-4 is a generated startup: category, month of entry, number."
#: Pools of money in the table of sources: name in `moatlab.results.money`, heading.
_POOLS = (("users", "users"), ("outside", "other demand"), ("funding", "funding"), ("owners", "owners"))
_WIDTH = 118


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
    begins, ends = (month_name(month, frames.start) for month in (first, end - 1))
    if begins[:4] == ends[:4] and begins.endswith("-01") and ends.endswith("-12"):
        return begins[:4]
    return begins if begins == ends else f"{begins} to {ends}"


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

    ``year`` is the calendar year of the table of sources of income; without it, the last twelve months.
    """
    paths, spans = Paths(frames), periods(frames)
    seeds, months = frames.seeds, len(frames.months)
    which = f"seed {seeds[0]}"
    if len(seeds) > 1:
        which = f"{len(seeds)} seeds from {seeds[0]}; medians, with the 5-95 % range of shares and prices"
    lines = [f"{frames.title}, simulated for {months} month{'s' * (months > 1)} from {frames.start} ({which})"]
    lines += [*wrap("Events: " + "; ".join(text for _, text in frames.events), _WIDTH)] if frames.events else []
    lines += ["", *wrap(STACK, _WIDTH), ""]
    largest = max(float(np.nanmedian(total_of(paths.layer(layer, "revenue"), spans[-1]))) for layer in LAYERS)
    unit, size = ("$ bn", 1e3) if largest >= 1e3 else ("$ m", 1.0)
    lines += [_sentence(paths, span) for span in spans]
    lines += ["", *wrap(_after_investment(paths, spans[-1], unit, size), _WIDTH)]
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


def total_of(path: Array, span: Period) -> Array:
    """The sum over the months of a period, seed by seed."""
    total: Array = np.nansum(path[:, span.months], axis=1)
    return total


def _mean(path: Array, span: Period) -> Array:
    """The mean over the months in which there is a value."""
    part = path[:, span.months]
    return ratio(np.nansum(part, axis=1), np.isfinite(part).sum(axis=1))


def profit_shares(paths: Paths, span: Period, generative: bool) -> dict[str, Array]:
    """Each layer's part of the positive gross profits after depreciation."""
    take = paths.generative if generative else paths.layer
    profits = {layer: total_of(take(layer, "gross_profit_after_depreciation"), span).clip(min=0.0) for layer in LAYERS}
    total = np.sum(list(profits.values()), axis=0)
    return {layer: ratio(profit, total) for layer, profit in profits.items()}


# Who captured what ----------------------------------------------------------------------------------------------------


def _sentence(paths: Paths, span: Period) -> str:
    found = profit_shares(paths, span, generative=True)
    middle = {layer: float(np.nanmedian(share)) for layer, share in found.items() if np.isfinite(share).any()}
    if not middle:
        return f"{span.name}: no layer earned a gross profit."
    first, second, third = sorted(middle, key=lambda layer: -middle[layer])[:3]
    return (
        f"{span.name}: {first} earned {percent(middle[first])} of the gross profit on generative AI, "
        f"{second} {percent(middle[second])}, {third} {percent(middle[third])}."
    )


def _after_investment(paths: Paths, span: Period, unit: str, size: float) -> str:
    """Operating profit by layer, whether it puts another layer first, and what labs' spending brings in elsewhere."""
    profits = {layer: total_of(paths.generative(layer, "operating_profit"), span) / size for layer in LAYERS}
    order = sorted(profits, key=lambda layer: -float(np.nanmedian(profits[layer])))
    shown = ", ".join(f"{layer} {cell(profits[layer], number)}" for layer in order)
    gross = profit_shares(paths, span, generative=True)
    known = [layer for layer in LAYERS if np.isfinite(gross[layer]).any()]
    first = max(known, key=lambda layer: float(np.nanmedian(gross[layer])), default=order[0])
    leads = "both measures" if first == order[0] else f"this measure, {first} by gross profit"
    text = (
        f"{span.name}, less research, training, marketing and overhead (operating profit on generative AI, {unit}): "
        f"{shown}. {order[0].capitalize()} come first by {leads}."
    )
    elsewhere = [total_of(paths.market(f"labs.{name}"), span) / size for name in ("defended", "won")]
    if max(float(np.nanmedian(abs(each))) for each in elsewhere) > 0.0:
        kept, won = (cell(each, number) for each in elsewhere)
        text += (
            f" Not in it: what large companies keep of their other businesses' income because of their labs' models, "
            f"{kept}, and what labs win of it, {won}."
        )
    return text


def _capture(paths: Paths, span: Period, unit: str, size: float) -> list[str]:
    whole, part = (profit_shares(paths, span, generative) for generative in (False, True))
    rows = []
    for layer in LAYERS:
        dollars = [
            number(float(np.median(total_of(paths.layer(layer, name), span))) / size)
            for name in ("revenue", "value_added", "gross_profit_after_depreciation")
        ]
        leader, effective = _leader(paths, layer, span)
        rows.append([layer, *dollars, cell(whole[layer], percent), cell(part[layer], percent), effective, leader])
    head = [
        f"{unit}: revenue",
        "value added",
        "gross profit",
        "profit share",
        "AI only",
        "firms (1/HHI)",
        "leader",
    ]
    return _table(span.name, head, rows, left=(0, len(head)))


def leaders_of(paths: Paths, layer: str, span: Period) -> tuple[Counter[str], list[float], list[float]]:
    """How often each firm leads by revenue, and, seed by seed, the leader's share and the effective number of firms."""
    firms = paths.frames.firms
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


# Sources of income ----------------------------------------------------------------------------------------------------


def _year(frames: Frames, year: int) -> Period:
    """The months of a calendar year that are in the run."""
    mine = [month for month in frames.months if frames.year_of(month) == year]
    return Period(_span(frames, mine[0], mine[-1] + 1), mine[0], mine[-1] + 1)


def _money(frames: Frames, span: Period, unit: str, size: float) -> list[str]:
    """Who paid each layer's income into the stack, and where a dollar of each source stayed: medians over seeds."""
    assert frames.money is not None
    seeds = [origins(own, span.first, span.end - 1) for _, own in frames.money.groupby("seed")]
    forms: list[tuple[str, str, Form]] = [("income", f"income, {unit}", lambda value: number(value / size))]
    forms += [(pool, head, percent) for pool, head in _POOLS]
    forms += [(f"stayed of {pool}", f"{'kept of $1: ' * (pool == 'users')}{head}", cents) for pool, head in _POOLS[:3]]
    rows = []
    for layer in LAYERS:
        row = [layer]
        for column, _, form in forms:
            values = np.array([table.loc[layer, column] for table in seeds])
            row.append(form(float(np.nanmedian(values))) if np.isfinite(values).any() else "-")
        rows.append(row)
    return _table(f"Sources of income, {span.name}", [head for _, head, _ in forms], rows)


# Prices, margins, churn -----------------------------------------------------------------------------------------------

Take = Callable[[Paths, Period], Array]


def _of(column: str) -> Take:
    return lambda paths, span: _mean(paths.market(column), span)


def _total(column: str, layer: str = "") -> Take:
    return lambda paths, span: total_of(paths.layer(layer, column) if layer else paths.market(column), span)


def _retention(paths: Paths, span: Period) -> Array:
    """Share of customers still with their app after a year, of the last quarter's who joined a year before the end."""
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
    ("  of which scarcity rent, $", _of("scarcity_rent"), number),
    ("  cost of a GPU-hour, chip included, $", _of("full_unit_cost"), number),
    ("generative AI's share of GPU-hours", _of("generative_share"), percent),
    ("list price of a GPU (H100-equivalent), $ thousand", _of("chip_price"), number),
    ("  delivery time, months", _of("lead_time"), number),
    ("price of a lab's model, $ per million tokens", _of("labs.api_price"), number),
    ("price of an app, $ per month", _of("apps.price"), number),
    ("gross margin of apps, median", _of("apps.margin_median"), percent),
    ("  97th percentile", _of("apps.margin_best"), percent),
    ("  spending on AI models, share of revenue", _of("apps.inference_share"), percent),
    ("monthly churn of apps' customers", _of("apps.churn"), percent),
    ("  12-month retention", _retention, percent),
    ("in-house models' share of apps' tokens", _of("apps.own_model_share"), percent),
    ("  apps that moved to an in-house model", _total("apps.graduations"), count),
    ("  apps that returned to an API", _total("apps.returns"), count),
    ("apps that entered", _total("entries", "apps"), count),
    ("apps that exited", _total("exits", "apps"), count),
    ("funding rounds of apps, labs and hosts, {unit}", _total("investors.funding"), number),
    ("consumer surplus (apps and free AI), {unit}", _total("consumer_surplus"), number),
)


def _figures(paths: Paths, spans: list[Period], unit: str, size: float) -> list[str]:
    rows = []
    for title, take, form in FIGURES:
        scale = size if "{unit}" in title else 1.0
        rows.append([title.format(unit=unit), *(cell(take(paths, span) / scale, form) for span in spans)])
    return _table("Monthly means, and totals of the period", [span.name for span in spans], rows)

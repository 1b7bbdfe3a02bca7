"""A run in one screen of text: who earned what, who leads, at what prices and with which churn.

Every figure is computed for each seed separately.  With several seeds a cell is the median and, of shares and prices,
in brackets the range from the 5th to the 95th percentile.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import wrap

import numpy as np

from moatlab.results.frames import Array, Frames
from moatlab.results.metrics import ratio
from moatlab.results.money import origins
from moatlab.results.payments import LAYERS
from moatlab.results.text.captured import beside, by_layer, lead_sentence, other_measures, owners_sentence, sentence
from moatlab.results.text.numbers import cents, count, number, percent
from moatlab.results.text.windows import (
    Form,
    Paths,
    Period,
    cell,
    mean_of,
    periods,
    span_name_of,
    table,
    total_of,
)

STACK = (
    "Apps sell to end users; labs sell access to their AI models; hosts run open models for others; clouds rent out "
    "GPUs by the hour, to generative AI and to other computing; chipmakers design GPUs, the foundry makes them."
)
NOTE = (
    "Gross profit: after depreciation. Operating profit: after research, training, marketing and overhead as well. "
    "Economic profit: these are written off over years, and all capital costs {cost} % a year. AI only: economic "
    "profit with clouds, chipmakers and the foundry counted by the part of GPU-hours that generative AI rents; share: "
    "of its positive amounts. Value added: sales less purchases within the stack. 1/HHI: the number of equally large "
    "firms that would be as concentrated by revenue."
)
MONEY = (
    "Income: all that the layer's firms received, by who paid it into the stack. Users: of apps, and of large "
    "companies' other businesses where labs win them. Other demand: who rents GPUs for other computing. "
    "Funding: investors and parent companies of apps, labs and hosts. Owners: those of clouds, chipmakers and the "
    "foundry. Kept of $1: the share of each dollar entering the stack that stays in the layer, from users, other "
    "demand and funding; negative where money raised earlier is spent."
)
STARTUP = " A name such as code-007-0 or code-start-4 is a generated startup: category, month of entry, number."
#: Pools of money in the table of sources: name in `moatlab.results.money`, heading.
_POOLS = (("users", "users"), ("outside", "other demand"), ("funding", "funding"), ("owners", "owners"))
_WIDTH = 118


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
    for span in spans:
        lines += wrap(sentence(paths, span, unit, size, gloss=span is spans[0]), _WIDTH)
    lines += wrap(lead_sentence(paths), _WIDTH)
    owned = f"{owners_sentence(paths, spans[-1], unit, size)} {beside(paths, spans[-1], unit, size)}"
    lines += ["", *wrap(owned.strip(), _WIDTH)] if owned.strip() else []
    lines += ["", *wrap(other_measures(paths, spans[-1], unit, size), _WIDTH)]
    for span in spans:
        lines += ["", *by_layer(paths, span, unit, size)]
    note = NOTE.format(cost=f"{100 * frames.measure.cost_of_capital:g}")
    lines += ["", *wrap(note + STARTUP * (not frames.firms["named"].all()), _WIDTH), ""]
    if frames.money is not None:
        lines += [*_money(frames, _year(frames, year) if year else spans[-1], unit, size), ""]
        lines += [*wrap(MONEY, _WIDTH), ""]
    lines += _figures(paths, spans, unit, size)
    return "\n".join(lines) + "\n"


# Sources of income ----------------------------------------------------------------------------------------------------


def _year(frames: Frames, year: int) -> Period:
    """The months of a calendar year that are in the run."""
    mine = [month for month in frames.months if frames.year_of(month) == year]
    return Period(span_name_of(frames, mine[0], mine[-1] + 1), mine[0], mine[-1] + 1)


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
            values = np.array([each.loc[layer, column] for each in seeds])
            row.append(form(float(np.nanmedian(values))) if np.isfinite(values).any() else "-")
        rows.append(row)
    return table(f"Sources of income, {span.name}", [head for _, head, _ in forms], rows)


# Prices, margins, churn -----------------------------------------------------------------------------------------------

Take = Callable[[Paths, Period], Array]


def _of(column: str) -> Take:
    return lambda paths, span: mean_of(paths.market(column), span)


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
    return table("Monthly means, and totals of the period", [span.name for span in spans], rows)

"""Medians and bands over seeds, and market shares, from the tables of a run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from moatlab.results.frames import Array, Frames
from moatlab.results.payments import LAYERS
from moatlab.show.style import GREY, PENS, Pen

#: Largest share from which a generated firm is shown on its own when there is one seed.
LARGE_IN_LAYER, LARGE_IN_CATEGORY = 0.05, 0.25
#: Most generated firms that are shown on their own, in a layer and in a category.
MOST_IN_LAYER, MOST_IN_CATEGORY = 4, 2

Pens = dict[tuple[str, str], Pen]


@dataclass(frozen=True)
class Band:
    """The median of a series over seeds, month by month, with its 5 and 95 % quantiles."""

    low: Array
    mid: Array
    high: Array

    def scaled(self, factor: float) -> Band:
        """The band in another unit."""
        return Band(self.low * factor, self.mid * factor, self.high * factor)

    @property
    def end(self) -> float:
        """The last median that is a number, or NaN."""
        known = self.mid[np.isfinite(self.mid)]
        return float(known[-1]) if known.size else float("nan")


@dataclass(frozen=True)
class Line:
    """A named series with its pen."""

    name: str
    pen: Pen
    band: Band


def wide(table: pd.DataFrame, column: str, frames: Frames) -> pd.DataFrame:
    """``column`` with a row a month and a column a seed; NaN where it is missing or infinite."""
    grid = pd.DataFrame(np.nan, index=frames.months, columns=frames.seeds)
    if column not in table.columns or table.empty:
        return grid
    values = table.pivot_table(index="month", columns="seed", values=column, aggfunc="mean")
    return values.reindex(index=grid.index, columns=grid.columns).astype(float).replace([np.inf, -np.inf], np.nan)


def band(values: pd.DataFrame) -> Band:
    """Quantiles over the columns of ``values``."""
    low, mid, high = (values.quantile(q, axis=1).to_numpy(dtype=np.float64) for q in (0.05, 0.5, 0.95))
    return Band(low, mid, high)


def band_of(frames: Frames, column: str, factor: float = 1.0) -> Band:
    """The band of a market-wide metric."""
    return band(wide(frames.market, column, frames) * factor)


def by_layer(frames: Frames, column: str) -> dict[str, pd.DataFrame]:
    """A metric of the layers, layer by layer, for those that have any value."""
    found = {layer: wide(frames.layers[frames.layers["layer"] == layer], column, frames) for layer in LAYERS}
    return {layer: values for layer, values in found.items() if bool(values.notna().to_numpy().any())}


def category_names(frames: Frames) -> list[str]:
    """Names of the categories of customers, in order."""
    return sorted({str(name) for name in frames.categories["category"]})


def by_category(frames: Frames, column: str) -> dict[str, tuple[Pen, pd.DataFrame]]:
    """A metric of the categories with the pen of each, in the months in which they have customers."""
    table = frames.categories
    if "customers" in table.columns:
        table = table[table["customers"] > 0]
    return {
        name: (PENS[place % len(PENS)], wide(table[table["category"] == name], column, frames))
        for place, name in enumerate(category_names(frames))
    }


def share_table(firms: pd.DataFrame, frames: Frames, whole: pd.DataFrame | None = None) -> pd.DataFrame:
    """Shares in the revenue of ``whole`` (of the firms themselves, if not given).

    There is a row per (month, seed) and a column per firm; shares are NaN where nobody sold anything.
    """
    full = pd.MultiIndex.from_product([frames.months, frames.seeds], names=["month", "seed"])
    sold = firms.pivot_table(index=["month", "seed"], columns="slug", values="revenue", aggfunc="sum")
    sold = sold.reindex(full).fillna(0.0).clip(lower=0.0)
    if whole is None:
        total = sold.sum(axis=1)
    else:
        total = whole["revenue"].clip(lower=0.0).groupby([whole["month"], whole["seed"]]).sum().reindex(full)
    return sold.div(total.where(total > 0.0), axis=0)


def pens(frames: Frames) -> Pens:
    """The pen of every firm that is shown on its own: its colour is the same in every picture.

    A company that is active in several layers keeps its colour where that is free.
    """
    chosen: Pens = {}
    by_slug: dict[str, Pen] = {}
    for layer in LAYERS:
        ranked = _candidates(frames, layer)
        used: set[Pen] = set()
        for slug in ranked:
            pen = by_slug.get(slug)
            if pen is not None and pen not in used:
                chosen[layer, slug] = pen
                used.add(pen)
        for slug in ranked:
            if (layer, slug) not in chosen:
                pen = next((p for p in PENS if p not in used), PENS[len(used) % len(PENS)])
                chosen[layer, slug] = by_slug[slug] = pen
                used.add(pen)
    return chosen


def _candidates(frames: Frames, layer: str) -> list[str]:
    """Named firms as the scenario orders them, whatever the outcome, then large generated ones."""
    firms = frames.firms[frames.firms["kind"] == layer]
    named = [str(slug) for slug in firms.loc[firms["named"].astype(bool), "slug"].unique()]
    if firms.empty or len(frames.seeds) > 1:
        return named
    large = _large(firms, frames, LARGE_IN_LAYER, MOST_IN_LAYER) | _last_leader(firms, frames)
    if layer == "apps":
        for _, rivals in firms.groupby("category"):
            large |= _large(rivals, frames, LARGE_IN_CATEGORY, MOST_IN_CATEGORY) | _last_leader(rivals, frames)
    return named + sorted(large)


def _large(firms: pd.DataFrame, frames: Frames, least: float, most: int) -> set[str]:
    """The generated firms that once had a share of ``least``, the ``most`` largest of them by mean share."""
    shares = share_table(firms[~firms["named"].astype(bool)], frames, whole=firms)
    large = shares.columns[shares.max() >= least]
    return {str(slug) for slug in shares[large].mean().sort_values(ascending=False, kind="stable").index[:most]}


def _last_leader(firms: pd.DataFrame, frames: Frames) -> set[str]:
    """The firm with the largest revenue in the last month of a run, whoever it is."""
    last = firms[firms["month"] == frames.months[-1]]
    last = last[last["revenue"] > 0.0]
    return set() if last.empty else {str(last["slug"].iloc[int(last["revenue"].argmax())])}


def share_lines(firms: pd.DataFrame, layer: str, frames: Frames, colours: Pens, top: int) -> list[Line]:
    """The ``top`` firms of the layer by mean share, the sum of the others, and the largest of the others.

    Whoever leads in the last month is among the firms named, and so is a firm that would be the only other one.
    """
    if firms.empty:
        return []
    shares = share_table(firms, frames)
    mean = shares.fillna(0.0).mean()
    known = [slug for (kind, slug) in colours if kind == layer and slug in shares.columns and mean[slug] > 0.0]
    ranked = sorted(known, key=lambda slug: (-float(mean[slug]), slug))
    lead = ranked[:top]
    if len(ranked) > top:
        ends = {slug: float(shares[slug].unstack("seed").fillna(0.0).iloc[-1].median()) for slug in ranked}
        first = max(ranked, key=lambda slug: (ends[slug], slug))
        lead = lead if first in lead else [*lead[:-1], first]
    if len(ranked) == top + 1 and not float(shares.drop(columns=ranked).fillna(0.0).to_numpy().max(initial=0.0)) > 0.0:
        lead = ranked
    names = firms.drop_duplicates("slug").set_index("slug")["name"]
    lines = [
        Line(str(names[slug]), colours[layer, slug], _from_entry(band(shares[slug].unstack("seed")))) for slug in lead
    ]
    rest = shares.drop(columns=lead)
    if rest.shape[1] and float(rest.fillna(0.0).to_numpy().max()) > 0.0:
        last = firms[(firms["month"] == frames.months[-1]) & ~firms["slug"].isin(lead)]
        count = int(last.groupby("seed").size().reindex(frames.seeds).fillna(0).median())
        total = rest.sum(axis=1, min_count=1)
        if not lead and count > 1:
            return [Line(f"largest of {count}", Pen(GREY, ":"), band(rest.max(axis=1).unstack("seed")))]
        lines.append(Line(f"others ({count})" if count else "others", Pen(GREY, "-"), band(total.unstack("seed"))))
        if count > 1:
            lines.append(Line("largest other", Pen(GREY, ":"), band(rest.max(axis=1).unstack("seed"))))
    return lines


def _from_entry(shares: Band) -> Band:
    """Without the months before the firm first sells (in the 95 % quantile)."""
    sold = np.flatnonzero(shares.high > 0.0)
    if not sold.size:
        return shares
    early = np.arange(shares.mid.size) < sold[0]
    return Band(*(np.where(early, np.nan, values) for values in (shares.low, shares.mid, shares.high)))

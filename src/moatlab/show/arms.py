"""Pictures of a batch by arm: trajectories with bands, market shares, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Array, dates_of
from moatlab.results.payments import LAYERS
from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep, keep_line
from moatlab.show.series import Band, Line
from moatlab.show.style import EndLabel, Pen
from moatlab.show.trajectories import draw_lines

#: Most panels on a sheet, and most firms shown on their own in a layer.
MOST_PANELS, MOST_FIRMS = 12, 8


@dataclass(frozen=True)
class Arms:
    """What is drawn: tables by arm.

    ``bands`` has for each metric arm, month, mid, low, high; ``differences`` for each metric arm, month, mean, low,
    high of the paired difference from the control; ``effects`` outcome, arm, pairs, mean, low, high.  ``units`` and
    ``names`` are by metric, ``metric_of`` the metric of each outcome.
    """

    title: str
    source: str
    start: str
    months: int
    arms: tuple[str, ...]
    control: str
    runs: int
    confidence: float
    bands: Mapping[str, pd.DataFrame]
    differences: Mapping[str, pd.DataFrame]
    effects: pd.DataFrame
    units: Mapping[str, str]
    names: Mapping[str, str]
    metric_of: Mapping[str, str]

    @property
    def dates(self) -> Array:
        """The months as dates in years."""
        return dates_of(self.start, np.arange(self.months, dtype=np.float64))

    @property
    def marks(self) -> Array:
        """None: what happens differs from arm to arm."""
        return np.zeros(0)

    def pen(self, arm: str) -> Pen:
        """The pen of an arm: the control in ink, treatments in colour."""
        if arm == self.control:
            return Pen(style.INK)
        return style.PENS[[a for a in self.arms if a != self.control].index(arm) % len(style.PENS)]

    def band(self, table: pd.DataFrame, arm: str, middle: str) -> Band:
        """A table's rows of one arm as a band over all months."""
        mine = table[table["arm"] == arm].set_index("month").reindex(range(self.months))
        return Band(*(mine[c].to_numpy(dtype=np.float64) for c in ("low", middle, "high")))

    def parts(self, metric: str) -> tuple[str, float]:
        """Unit as drawn and the factor to it: shares are drawn in percent."""
        unit = self.units.get(metric, "")
        return ("%", 100.0) if unit == "share" else (unit, 1.0)


@picture
def trajectories(arms: Arms, metrics: Sequence[str]) -> Figure:
    """Median and band of each metric, arm by arm."""
    note = f"Lines: median of {arms.runs} runs an arm; bands: 5 to 95 %"
    return _sheet(arms, metrics, f"{arms.title}: by arm", note, _levels)


@picture
def paired(arms: Arms, metrics: Sequence[str]) -> Figure:
    """Mean paired difference of each metric from the control, with its interval."""
    interval = f"{100 * arms.confidence:g} % interval"
    note = f"Treatment less {arms.control}, same random draws; lines: mean of pairs, bands: {interval}"
    return _sheet(arms, metrics, f"{arms.title}: paired differences", note, _gaps)


@picture
def shares(arms: Arms, layer: str) -> Figure:
    """Market shares of one layer's firms, a panel an arm."""
    metrics = share_metrics(arms, layer)
    columns = min(3, len(arms.arms))
    rows = -(-len(arms.arms) // columns)
    figure = style.sheet(
        arms, f"{arms.title}: market shares, {layer}",
        f"Share of the layer's revenue; lines: median of {arms.runs} runs, bands: 5 to 95 %",
        max(7.0, 4.6 * columns), 1.6 + 2.9 * rows,
    )  # fmt: skip
    for axes, arm in zip(style.panels(figure, len(arms.arms), columns, right=1.6), arms.arms, strict=True):
        lines = [
            Line(arms.names[m].split(":")[0], style.PENS[at % len(style.PENS)],
                 arms.band(arms.bands[m], arm, "mid").scaled(100.0))
            for at, m in enumerate(metrics)
        ]  # fmt: skip
        draw_lines(axes, arms, lines, arm, "share of layer revenue (%)", unit="%", limits=(0, 103), room=1.55)
    return figure


@picture
def effects(arms: Arms) -> Figure:
    """The paired difference in each outcome: estimate and interval, treatment by treatment."""
    treatments = [arm for arm in arms.arms if arm != arms.control]
    outcomes = list(dict.fromkeys(arms.effects["outcome"]))
    columns = 2 if len(outcomes) == 4 else min(3, max(1, len(outcomes)))
    rows = -(-max(1, len(outcomes)) // columns)
    figure = style.sheet(
        arms, f"{arms.title}: effects",
        f"Mean paired difference from {arms.control}, with its {100 * arms.confidence:g} % interval",
        max(7.0, 4.4 * columns), 1.5 + rows * (0.9 + 0.34 * len(treatments)),
    )  # fmt: skip
    for axes, outcome in zip(style.panels(figure, len(outcomes), columns, left=1.5, right=0.35, hgap=0.85), outcomes,
                             strict=True):  # fmt: skip
        _forest(axes, arms, outcome, treatments)
    return figure


def _forest(axes: Axes, arms: Arms, outcome: str, treatments: Sequence[str]) -> None:
    unit, factor = arms.parts(arms.metric_of[outcome])
    style.dress(axes, outcome, "", xlabel="percentage points" if unit == "%" else unit)
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color=style.INK, linewidth=0.7)
    mine = arms.effects[arms.effects["outcome"] == outcome].set_index("arm")
    for place, arm in enumerate(treatments):
        if arm not in mine.index:
            continue
        mean, low, high = (float(v) * factor for v in mine.loc[[arm], ["mean", "low", "high"]].to_numpy()[0])
        keep(axes, pd.DataFrame({"name": [arm], "mean": mean, "low": low, "high": high}), axes.get_xlabel())
        colour = arms.pen(arm).colour
        if np.isfinite(low):
            axes.plot([low, high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
        axes.plot([mean], [place], marker="o", markersize=4.5, color=colour)
    names = [style.fit(arm, 1.3, style.SMALL) for arm in treatments]
    axes.set_yticks(range(len(treatments)), names)
    axes.set_ylim(len(treatments) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)


def _sheet(arms: Arms, metrics: Sequence[str], title: str, note: str, fill: object) -> Figure:
    columns = 2 if len(metrics) == 4 else min(3, max(1, len(metrics)))
    rows = -(-max(1, len(metrics)) // columns)
    figure = style.sheet(arms, title, note, max(7.0, 4.6 * columns), 1.6 + 2.8 * rows)
    for axes, metric in zip(style.panels(figure, len(metrics), columns, right=1.5), metrics, strict=True):
        assert callable(fill)
        fill(axes, arms, metric)
    return figure


def _levels(axes: Axes, arms: Arms, metric: str) -> None:
    unit, factor = arms.parts(metric)
    lines = [Line(arm, arms.pen(arm), arms.band(arms.bands[metric], arm, "mid").scaled(factor)) for arm in arms.arms]
    draw_lines(axes, arms, lines, arms.names[metric], unit, unit=_short(unit), room=1.45)


def _gaps(axes: Axes, arms: Arms, metric: str) -> None:
    unit, factor = arms.parts(metric)
    unit = "percentage points" if unit == "%" else unit
    style.dress(axes, arms.names[metric], f"difference ({unit})")
    style.calendar(axes, arms)
    axes.axhline(0, color=style.INK, linewidth=0.7)
    labels = []
    for arm in (arm for arm in arms.arms if arm != arms.control):
        band = arms.band(arms.differences[metric], arm, "mean").scaled(factor)
        style.stroke(axes, arms.dates, band.low, band.mid, band.high, arms.pen(arm))
        keep_line(axes, arm, arms.dates, band.mid, band.low, band.high, middle="mean")
        if end := style.end_of(arms.dates, band.mid):
            labels.append(EndLabel(*end, arm, f"{style.figures(end[1])} {_short(unit)}".strip(), arms.pen(arm).colour))
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -1e-12), max(high, 1e-12))
    style.end_labels(axes, labels, 1.45)


def _short(unit: str) -> str:
    """Units that are short enough to stand behind a figure at a line's end."""
    short = {"percentage points": "pp"}.get(unit, "$" if unit.startswith("$") else "")
    return unit if len(unit) <= 4 else short


def share_metrics(arms: Arms, layer: str) -> list[str]:
    """The recorded shares of a layer's firms, the largest first."""
    found = [m for m in arms.bands if m.startswith(f"{layer}.") and m.count(".") == 2 and m.endswith(".share")]
    size = {m: float(np.nan_to_num(arms.bands[m]["mid"].mean())) for m in found}
    return sorted(found, key=lambda m: (-size[m], m))[:MOST_FIRMS]


def plan(arms: Arms) -> dict[str, Callable[[], Figure]]:
    """The pictures that a batch gives, by name."""
    layers = [layer for layer in LAYERS if len(share_metrics(arms, layer)) > 1]
    apart = {m for layer in layers for m in share_metrics(arms, layer)}
    wanted = list(dict.fromkeys([*arms.metric_of.values(), *(m for m in arms.bands if m not in apart)]))[:MOST_PANELS]
    pictures: dict[str, Callable[[], Figure]] = {"arms": partial(trajectories, arms, wanted)}
    pictures |= {f"shares-{layer}": partial(shares, arms, layer) for layer in layers}
    if len(arms.effects):
        pictures |= {"differences": partial(paired, arms, wanted), "effects": partial(effects, arms)}
    return pictures

"""Pictures of a batch by arm: trajectories with bands, market shares, paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Array, dates_of
from moatlab.results.payments import LAYERS
from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.names import ROOM, distinct
from moatlab.show.numbers import keep, keep_line
from moatlab.show.series import Band, Line
from moatlab.show.style import EndLabel, Pen
from moatlab.show.trajectories import MOST_BANDS, draw_lines

#: Most panels on a sheet, and most firms shown on their own in a layer.
MOST_PANELS, MOST_FIRMS = 12, 8


@dataclass(frozen=True)
class Arms:
    """What is drawn: tables by arm.

    ``bands`` has for each metric arm, month, mid, low, high; ``differences`` for each metric arm, month, mean, low,
    high of the paired difference from the control; ``effects`` outcome, arm, pairs, mean, low, high.  ``units`` and
    ``names`` are by metric, ``metric_of`` the metric of each outcome, ``smallest`` its smallest effect of interest.
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
    smallest: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def called(self) -> dict[str, str]:
        """The arms' names, short where they are long, and different in what a label has room for."""
        return distinct({arm: arm for arm in self.arms})

    def size(self, metric: str) -> float:
        """The smallest effect of interest of an outcome on a metric, 0 for none."""
        return max((self.smallest.get(name, 0.0) for name, of in self.metric_of.items() if of == metric), default=0.0)

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

    def gap_parts(self, metric: str, sizes: Array | None = None) -> tuple[str, float]:
        """The same for differences, of which dollars are as large as they are (``sizes``, or the monthly ones)."""
        unit, factor = self.parts(metric)
        if self.units.get(metric, "") == "M$":
            table = self.differences.get(metric)
            sizes = sizes if sizes is not None or table is None else table["mean"].to_numpy(dtype=np.float64)
            most = 0.0 if sizes is None else style.largest(sizes)
            return ("$ bn", 1e-3) if most >= 1e3 else ("$ m", 1.0)
        return ("percentage points" if unit == "%" else unit), factor

    def parts(self, metric: str) -> tuple[str, float]:
        """Unit as drawn and the factor to it: shares are drawn in percent."""
        unit = self.units.get(metric, "")
        if unit in ("share", "probability"):
            return "%", 100.0
        if unit == "M$":
            most = style.largest(self.bands[metric]["mid"].to_numpy(dtype=np.float64)) if metric in self.bands else 0.0
            return ("$ bn", 1e-3) if most >= 1e3 else ("$ m", 1.0)
        return unit, 1.0


@picture
def trajectories(arms: Arms, metrics: Sequence[str]) -> Figure:
    """Median and band of each metric, arm by arm."""
    note = f"Lines: median of {arms.runs} runs an arm" + _banded(arms, len(arms.arms), "bands: 5 to 95 %", "arms")
    return _sheet(arms, metrics, _clearest(arms, "by arm"), note, _levels)


@picture
def by_arm(arms: Arms, metric: str) -> Figure:
    """Median and band of one metric, a panel an arm, with the control's median in grey."""
    note = f"{arms.names[metric]}; median of {arms.runs} runs, band: 5 to 95 %; grey: {arms.control}"
    return _multiples(arms, metric, f"{arms.title}: {arms.names[metric]} by arm", note, arms.arms, gaps=False)


@picture
def paired_by_arm(arms: Arms, metric: str) -> Figure:
    """Mean paired difference of one metric with its interval, a panel a treatment."""
    interval = f"{100 * arms.confidence:g} % interval"
    shaded = "; shaded: smaller than the smallest effect of interest" if arms.size(metric) else ""
    note = f"Treatment less {arms.control}, same random draws: mean of pairs, band: {interval}{shaded}"
    title = f"{arms.title}: paired differences in {arms.names[metric]}"
    return _multiples(arms, metric, title, note, [a for a in arms.arms if a != arms.control], gaps=True)


def _banded(arms: Arms, lines: int, words: str, name: str) -> str:
    """What is said of bands: more than three of them are in pictures of their own."""
    return f"; {words}" if lines <= MOST_BANDS else f"; {words}, arm by arm in {name}-METRIC"


def _multiples(arms: Arms, metric: str, title: str, note: str, shown: Sequence[str], *, gaps: bool) -> Figure:
    """A panel for each of the arms, all on one scale."""
    unit, factor = arms.gap_parts(metric) if gaps else arms.parts(metric)
    table, middle = (arms.differences[metric], "mean") if gaps else (arms.bands[metric], "mid")
    bands = {arm: arms.band(table, arm, middle).scaled(factor) for arm in shown}
    columns = min(3, len(shown))
    rows = -(-len(shown) // columns)
    figure = style.sheet(arms, title, note, style.ACROSS, 1.5 + 1.9 * rows)
    label = f"difference ({unit})" if gaps else unit
    known = [values for band in bands.values() for values in (band.low, band.mid, band.high)]
    for axes, arm in zip(style.panels(figure, len(shown), columns, right=0.7, left=0.75), shown, strict=True):
        band = bands[arm]
        style.dress(axes, style.fit(arms.called[arm], 2.2, style.NORMAL), style.fit(label, 1.6, style.SMALL))
        style.calendar(axes, arms)
        if gaps:
            _shade(axes, arms.size(metric) * factor)
            axes.axhline(0, color=style.INK, linewidth=0.7)
        elif arm != arms.control and arms.control in bands:
            axes.plot(*style.stretch(arms.dates, bands[arms.control].mid), color=style.GREY, linewidth=0.9)
        style.stroke(axes, arms.dates, band.low, band.mid, band.high, arms.pen(arm))
        keep_line(axes, arm, arms.dates, band.mid, band.low, band.high, middle="mean" if gaps else "median")
        if limits := _limits(metric, unit, known, gaps=gaps):
            axes.set_ylim(*limits)
        elif gaps:
            axes.set_ylim(*_both_sides(known))
        else:
            style.scale_by(axes, [b.mid for b in bands.values()], known)
        if end := style.end_of(arms.dates, band.mid):
            style.end_labels(axes, [EndLabel(*end, "", _amount(end[1], unit), arms.pen(arm).colour)], 0.65)
    return figure


def _both_sides(values: Sequence[Array]) -> tuple[float, float]:
    """Limits with all values and a little on either side of zero."""
    known = np.concatenate([part[np.isfinite(part)] for part in values])
    least, most = float(known.min(initial=0.0)), float(known.max(initial=0.0))
    some = 0.02 * (max(-least, most) or 1.0)
    return min(1.06 * least, -some), max(1.06 * most, some)


def _limits(metric: str, unit: str, values: Sequence[Array], *, gaps: bool) -> tuple[float, float] | None:
    """Limits of the axis of a share: it lies between 0 and 100 %, whatever a month without sales makes of it."""
    if gaps or unit != "%" or not (metric.endswith("share") or metric.endswith(".leads")):
        return None
    peak = max((float(v[np.isfinite(v)].max(initial=0.0)) for v in values), default=0.0)
    return 0.0, 103.0 if peak > 70 or peak <= 0 else 1.06 * peak


def _shade(axes: Axes, smallest: float, *, along: str = "y") -> None:
    """The part of an axis in which effects are smaller than the smallest effect of interest."""
    if smallest > 0:
        (axes.axhspan if along == "y" else axes.axvspan)(
            -smallest, smallest, color=style.SMALL_EFFECT, linewidth=0, zorder=0
        )


def _amount(value: float, unit: str) -> str:
    """A value as it stands at the end of a line."""
    if unit == "percentage points":
        return f"{style.figures(value)} pp"
    if unit == "%":
        return style.percent(value / 100)
    if unit in ("$ bn", "$ m"):
        return style.money(value * (1e3 if unit == "$ bn" else 1.0))
    return style.quantity(value, _short(unit))


@picture
def paired(arms: Arms, metrics: Sequence[str]) -> Figure:
    """Mean paired difference of each metric from the control, with its interval."""
    interval = f"{100 * arms.confidence:g} % interval"
    note = f"Treatment less {arms.control}, same random draws; lines: mean of pairs"
    note += _banded(arms, len(arms.arms) - 1, f"bands: {interval}", "differences")
    note += "; shaded: smaller than the smallest effect of interest" * any(arms.size(m) for m in metrics)
    return _sheet(arms, metrics, _clearest(arms, "paired differences"), note, _gaps)


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
        arms, _title_of_effects(arms),
        f"Mean paired difference from {arms.control}, with its {100 * arms.confidence:g} % interval"
        + "; shaded: smaller than the smallest effect of interest" * bool(arms.smallest),
        max(7.0, 4.4 * columns), 1.5 + rows * (0.9 + 0.34 * len(treatments)),
    )  # fmt: skip
    for axes, outcome in zip(style.panels(figure, len(outcomes), columns, left=1.5, right=0.35, hgap=0.85), outcomes,
                             strict=True):  # fmt: skip
        _forest(axes, arms, outcome, treatments)
    return figure


def _clearest(arms: Arms, otherwise: str) -> str:
    """The effect farthest from nothing in widths of its interval; ``otherwise`` where none is clear."""
    table = arms.effects.assign(size=[arms.smallest.get(str(name), 0.0) for name in arms.effects["outcome"]])
    clear = table[(table["low"] > table["size"]) | (table["high"] < -table["size"])]
    width = (clear["high"] - clear["low"]).to_numpy(dtype=np.float64)
    if not len(clear) or not (width > 0).any():
        return f"{arms.title}: {otherwise}"
    far = np.divide(np.abs(clear["mean"].to_numpy(dtype=np.float64)), width, out=np.zeros(len(width)), where=width > 0)
    best = clear.iloc[int(far.argmax())]
    verb = "raises" if float(best["mean"]) > 0 else "lowers"
    return f"{arms.title}: {arms.called[str(best['arm'])]} {verb} {best['outcome']} most clearly"


def _title_of_effects(arms: Arms) -> str:
    """How many of the intervals lie beyond the smallest effect of interest, or beyond 0 where there is none."""
    sizes = [arms.smallest.get(str(name), 0.0) for name in arms.effects["outcome"]]
    low, high = (arms.effects[column].to_numpy(dtype=float) for column in ("low", "high"))
    clear = int(((low > sizes) | (high < -np.array(sizes))).sum())
    beyond = "the smallest effect of interest" if all(sizes) and sizes else "zero" if not any(sizes) else "what matters"
    return f"{arms.title}: {clear} of {len(sizes)} intervals lie beyond {beyond}"


def _forest(axes: Axes, arms: Arms, outcome: str, treatments: Sequence[str]) -> None:
    sizes = arms.effects.loc[arms.effects["outcome"] == outcome, ["low", "high"]].to_numpy(dtype=np.float64)
    unit, factor = arms.gap_parts(arms.metric_of[outcome], sizes)
    style.dress(axes, outcome, "", xlabel=unit)
    axes.grid(axis="y", visible=False)
    axes.axvline(0, color=style.INK, linewidth=0.7)
    _shade(axes, arms.smallest.get(outcome, 0.0) * factor, along="x")
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
    names = [style.fit(arms.called[arm], 1.3, style.SMALL) for arm in treatments]
    axes.set_yticks(range(len(treatments)), names)
    axes.set_ylim(len(treatments) - 0.5, -0.5)
    axes.margins(x=0.12)
    axes.locator_params(axis="x", nbins=5)
    axes.tick_params(axis="y", length=0)


def _sheet(arms: Arms, metrics: Sequence[str], title: str, note: str, fill: object) -> Figure:
    columns = 2 if len(metrics) == 4 else min(3, max(1, len(metrics)))
    rows = -(-max(1, len(metrics)) // columns)
    # The longest name of an arm and a long number stand beside each other, so that no label is cut.
    right = style.room((name[:ROOM] for name in arms.called.values()), "−$0.000092", most=2.4)
    figure = style.sheet(arms, title, note, max(7.0, (3.1 + right) * columns), 1.6 + 2.8 * rows)
    for axes, metric in zip(style.panels(figure, len(metrics), columns, right=right), metrics, strict=True):
        assert callable(fill)
        fill(axes, arms, metric)
    return figure


def _levels(axes: Axes, arms: Arms, metric: str) -> None:
    unit, factor = arms.parts(metric)
    lines = [
        Line(arms.called[arm], arms.pen(arm), arms.band(arms.bands[metric], arm, "mid").scaled(factor))
        for arm in arms.arms
    ]
    limits = _limits(metric, unit, [line.band.mid for line in lines], gaps=False)
    shown = unit if unit in ("$ bn", "%") else "$ million" if unit == "$ m" else _short(unit)
    known = np.concatenate([line.band.mid for line in lines])
    beyond = limits is not None and bool(np.any((known < 0) | (known > 100.0)))
    title = arms.names[metric] + " (cut at 0 and 100 %)" * beyond
    draw_lines(axes, arms, lines, title, unit, unit=shown, room=_label_room(arms), limits=limits)


def _gaps(axes: Axes, arms: Arms, metric: str) -> None:
    unit, factor = arms.gap_parts(metric)
    style.dress(axes, arms.names[metric], f"difference ({unit})")
    style.calendar(axes, arms)
    _shade(axes, arms.size(metric) * factor)
    axes.axhline(0, color=style.INK, linewidth=0.7)
    labels = []
    treatments = [arm for arm in arms.arms if arm != arms.control]
    banded = len(treatments) <= MOST_BANDS
    for arm in treatments:
        band = arms.band(arms.differences[metric], arm, "mean").scaled(factor)
        style.stroke(axes, arms.dates, band.low, band.mid, band.high, arms.pen(arm), banded=banded)
        ends = (band.low, band.high) if banded else (None, None)
        keep_line(axes, arm, arms.dates, band.mid, *ends, middle="mean")
        if end := style.end_of(arms.dates, band.mid):
            labels.append(EndLabel(*end, arms.called[arm], _amount(end[1], unit), arms.pen(arm).colour))
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, -1e-12), max(high, 1e-12))
    style.end_labels(axes, labels, _label_room(arms))


def _label_room(arms: Arms) -> float:
    return style.room((name[:ROOM] for name in arms.called.values()), "−$0.000092", most=2.4) - 0.05


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
    of_outcomes = [m for m in dict.fromkeys(arms.metric_of.values()) if m in arms.bands]
    if len(arms.arms) > MOST_BANDS:
        pictures |= {f"arms-{metric}": partial(by_arm, arms, metric) for metric in of_outcomes}
    if len(arms.effects) and len(arms.arms) - 1 > MOST_BANDS:
        pictures |= {f"differences-{metric}": partial(paired_by_arm, arms, metric) for metric in of_outcomes}
    return pictures

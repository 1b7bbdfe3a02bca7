"""Paired effects: the paths of two arms with their difference, and many effects side by side."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from moatlab.results.frames import Array, Dated, dates_of
from moatlab.results.text.units import amount, said
from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep, keep_line
from moatlab.show.series import Band
from moatlab.show.style import EndLabel, Pen

WITHOUT, WITH = Pen(style.PALETTE[0]), Pen(style.PALETTE[1])
#: Colours of what was found.
FINDINGS = {"above": "#009e73", "below": "#d55e00", "within": "#0072b2", "same": "#777777", "undecided": "#777777"}
#: Inches of a row.
ROW = 0.24


@dataclass(frozen=True)
class Shown:
    """The months of a picture as dates in years, and where its data come from."""

    dates: Array
    source: str
    marks: Array = field(default_factory=lambda: np.zeros(0))


@picture
def difference(
    paths: Array, address: str, unit: str, what: str, source: str, start: str, since: int, smallest: float = 0.0
) -> Figure:
    """A metric by month without a change and with it, and the paired difference.

    ``paths`` are [2 arms, seeds, months] in ``unit``, ``since`` the first month that the change can touch; effects up
    to ``smallest`` do not matter, and are shaded.
    """
    how = said(unit, style.largest(paths), " a month")
    title, paths, smallest = _found(paths, address, unit, since), paths * how.factor, smallest * how.factor
    unit, of_differences = how.label or "0 to 1", how.of_differences or "0 to 1"
    told = f"moatlab, {source}; at right, dark: 95 % interval of the mean, light: 5 to 95 % of the seeds"
    dates = dates_of(start, np.arange(paths.shape[2], dtype=np.float64))
    frames = Shown(dates, told, dates[since : since + 1] if since else dates[:0])
    if smallest:
        what += "; shaded: smaller than the smallest effect of interest"
    figure = style.sheet(frames, title, what, 11.0, 4.4)
    arms, gap = style.panels(figure, 2, 2, right=1.35, left=0.85)
    bands = [_quantiles(arm) for arm in paths]
    _panel(
        arms,
        frames,
        f"Median and 5 to 95 % of {paths.shape[1]} seeds",
        style.fit(f"level ({unit})", 2.7, style.SMALL),
    )
    for band, pen in zip(bands, (WITHOUT, WITH), strict=True):
        style.stroke(arms, frames.dates, band.low, band.mid, band.high, pen)
    for band, name in zip(bands, ("without", "with"), strict=True):
        keep_line(arms, name, frames.dates, band.mid, band.low, band.high, unit=unit)
    style.scale_by(arms, [band.mid for band in bands], [v for band in bands for v in (band.low, band.high)])
    _ends(arms, frames, [("without", bands[0], WITHOUT), ("with", bands[1], WITH)])
    paired = paths[1] - paths[0]
    wide, mean = _quantiles(paired), _mean_interval(paired)
    _panel(
        gap,
        frames,
        "With less without, same random draws: mean of pairs",
        style.fit(f"difference ({of_differences})", 2.7, style.SMALL),
    )
    pen = Pen(style.PALETTE[2])
    if smallest:
        gap.axhspan(-smallest, smallest, color=style.SMALL_EFFECT, linewidth=0, zorder=0)
    style.stroke(gap, frames.dates, wide.low, mean.mid, wide.high, pen)
    style.stroke(gap, frames.dates, mean.low, mean.mid, mean.high, pen)
    keep_line(gap, "difference, mean of pairs, 95 % interval", frames.dates, mean.mid, mean.low, mean.high,
              middle="mean", unit=of_differences)  # fmt: skip
    keep_line(gap, "difference, 5 to 95 % of seeds", frames.dates, wide.mid, wide.low, wide.high, unit=of_differences)
    known = np.concatenate([band[np.isfinite(band)] for band in (wide.low, wide.high, mean.low, mean.high)])
    reach = float(np.abs(known).max(initial=0.0)) or 1.0
    gap.set_ylim(min(-0.06 * reach, float(known.min(initial=0.0)) * 1.08),
                 max(0.06 * reach, float(known.max(initial=0.0)) * 1.08))  # fmt: skip
    gap.axhline(0, color=style.INK, linewidth=0.7)
    _ends(gap, frames, [("difference", mean, pen)])
    return figure


def _found(paths: Array, address: str, unit: str, since: int) -> str:
    """The mean difference in the months that the change can touch, with its 95 % interval over seeds."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        by_seed = np.nanmean((paths[1] - paths[0])[:, since:], axis=1)
    known = by_seed[np.isfinite(by_seed)]
    if known.size < 2:
        return f"{address}: effect of the change"
    band = _mean_interval(known[:, None])
    low, mid, high = (float(values[0]) for values in (band.low, band.mid, band.high))
    if not known.any():
        return f"{address}: nothing changes"
    text = amount(abs(mid), unit, difference=True, per=" a month")
    sure = "" if low > 0 or high < 0 else ", which may be nothing: the interval includes 0"
    return f"{address} {'rises' if mid > 0 else 'falls'} by {text} on average{sure}"


class Measured(Protocol):
    """An effect, as the picture takes it."""

    @property
    def name(self) -> str:
        """The contrast."""
        ...

    @property
    def outcome(self) -> str:
        """What it is an effect on."""
        ...

    @property
    def baseline(self) -> float:
        """The control's mean."""
        ...


class Foretold(Protocol):
    """What was predicted of it."""

    @property
    def smallest(self) -> float:
        """The smallest effect of interest, 0 for none."""
        ...


class Judged(Protocol):
    """A verdict, as the picture takes it."""

    @property
    def effect(self) -> Measured:
        """The effect judged."""
        ...

    @property
    def prediction(self) -> Foretold:
        """What was predicted."""
        ...

    @property
    def estimate(self) -> float:
        """Its estimate."""
        ...

    @property
    def interval(self) -> tuple[float, float]:
        """Its interval."""
        ...

    @property
    def finding(self) -> str:
        """What was found, a key of the colours."""
        ...

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        ...


@picture
def effects(verdicts: Sequence[Judged], title: str, subtitle: str, source: str) -> Figure:
    """Effects side by side, each with its 95 % interval and its verdict.

    They are drawn in multiples of their smallest effects of interest if all have one, else as shares of the control's
    mean; the shaded part of a row is what is smaller than the smallest effect of interest.
    """
    shown = list(verdicts)
    several = len({v.effect.name for v in shown}) > 1
    names = [f"{v.effect.outcome}: {v.effect.name}" if several else v.effect.outcome for v in shown]
    texts = [_told(v) for v in shown]
    left = min(4.6, max((style.text_width(n, style.SMALL) for n in names), default=1.0) + 0.35)
    right = max((style.text_width(t, style.SMALL) for t in texts), default=1.0) + 0.4
    width, height = left + 4.2 + right, 1.6 + ROW * max(1, len(shown))
    figure = style.sheet(Shown(np.zeros(1), f"moatlab, {source}"), title, subtitle, width, height)
    axes = style.box(figure, left, 0.65, 4.2, height - 1.6)
    by_interest = bool(shown) and all(v.prediction.smallest > 0.0 for v in shown)
    unit = "multiples of the smallest effect of interest" if by_interest else "% of the control's mean"
    style.dress(axes, "Paired effect and 95 % interval", "", unit)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_yticks(range(len(shown)), [style.fit(n, left - 0.3, style.SMALL) for n in names])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=style.PALE, linewidth=0.5)
    reach = []
    for row, verdict in enumerate(shown):
        whole = verdict.prediction.smallest if by_interest else abs(verdict.effect.baseline) / 100.0
        scale = 1.0 / whole if whole else float("nan")
        low, high = (end * scale for end in verdict.interval)
        colour = FINDINGS[verdict.finding]
        small = verdict.prediction.smallest * scale
        if small > 0:
            axes.fill_between([-small, small], row - 0.38, row + 0.38, color=style.SMALL_EFFECT, linewidth=0)
            reach += [-small, small] if by_interest else []
        if np.isfinite(low) and np.isfinite(high):
            axes.plot([low, high], [row, row], color=colour, linewidth=1.6, solid_capstyle="butt")
            reach += [low, high]
        axes.plot([verdict.estimate * scale], [row], "o", color=colour, markersize=4)
        reach += [verdict.estimate * scale]
        axes.annotate(
            texts[row], (1.0, row), (6, 0), xycoords=("axes fraction", "data"), textcoords="offset points",
            fontsize=style.SMALL, va="center", color=style.dark(colour), annotation_clip=False, parse_math=False,
        )  # fmt: skip
    keep(axes, _as_table(shown), " ")
    _shares(axes, np.array([r for r in reach if np.isfinite(r)]))
    return figure


def _as_table(shown: Sequence[Judged]) -> pd.DataFrame:
    """The rows in the outcomes' units, and as drawn is left to the reader: the picture divides by one number each."""
    columns = ["outcome", "contrast", "baseline", "mean", "low", "high", "smallest", "verdict"]
    rows = [
        (v.effect.outcome, v.effect.name, v.effect.baseline, v.estimate, *v.interval, v.prediction.smallest, v.verdict)
        for v in shown
    ]
    return pd.DataFrame(rows, columns=columns)


def _told(verdict: Judged) -> str:
    from moatlab.results.text.numbers import short

    low, high = verdict.interval
    return f"{short(verdict.estimate)} [{short(low)}, {short(high)}]  {verdict.verdict}"


def _shares(axes: Axes, reach: Array) -> None:
    """An axis of multiples or shares, symmetric logarithmic where few effects are far larger than the others."""
    most = float(np.abs(reach).max(initial=0.0)) or 1.0
    typical = float(np.median(np.abs(reach[reach != 0]))) if np.any(reach != 0) else most
    if most > 25 * typical:
        linear = 10.0 ** np.floor(np.log10(typical))
        axes.set_xscale("symlog", linthresh=linear, linscale=0.6)
        sizes = [linear * 10.0**e for e in range(int(np.ceil(np.log10(most / linear))) + 1)]
        axes.set_xticks([-s for s in reversed(sizes)] + [0.0, *sizes])
        axes.minorticks_off()
        axes.set_xlabel(f"{axes.get_xlabel()}; linear up to {linear:g}")
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6))
    low, high = min(float(reach.min(initial=0.0)), -0.1 * most), max(float(reach.max(initial=0.0)), 0.1 * most)
    axes.set_xlim(low * 1.1, high * 1.1)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}".replace("-", "−") if value else "0"))
    axes.axvline(0, color=style.INK, linewidth=0.7)


def _panel(axes: Axes, frames: Dated, title: str, ylabel: str) -> None:
    style.dress(axes, title, ylabel)
    style.calendar(axes, frames)


def _ends(axes: Axes, frames: Dated, lines: Sequence[tuple[str, Band, Pen]]) -> None:
    style.end_labels(
        axes,
        [
            EndLabel(*end, name, style.figures(end[1]), pen.colour)
            for name, band, pen in lines
            if (end := style.end_of(frames.dates, band.mid))
        ],
        1.3,
    )


def _quantiles(values: Array) -> Band:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # months in which a firm is nowhere alive
        low, mid, high = np.nanquantile(values, (0.05, 0.5, 0.95), axis=0)
    return Band(low, mid, high)


def _mean_interval(values: Array) -> Band:
    """The mean over seeds by month with its 95 % interval; without one where fewer than two seeds have a value."""
    from scipy import stats

    count = np.isfinite(values).sum(axis=0)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        mid = np.nanmean(values, axis=0)
        reach = stats.t.ppf(0.975, np.maximum(count - 1, 1)) * np.nanstd(values, axis=0, ddof=1) / np.sqrt(count)
    return Band(mid - reach, mid, mid + reach)

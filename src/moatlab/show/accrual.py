"""Where value accrues: value added and gross profit of the layers, as shares and in dollars."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Frames
from moatlab.results.payments import INFRASTRUCTURE
from moatlab.show import series, style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep_line
from moatlab.show.series import Line
from moatlab.show.style import EndLabel, Pen
from moatlab.show.trajectories import draw_lines, nothing

#: Months that are summed: what a layer buys in a single month is lumpy, and its share then means little.
YEAR = 12
Money = dict[str, pd.DataFrame]


@picture
def accrual(frames: Frames) -> Figure:
    """Value added, gross profit, and the gross profit attributed to generative AI: shares left, dollars right.

    Sums of twelve months; in a run of less than two years, single months.  Of a sum of amounts of either sign there are
    no shares, so the shares are of what is positive, and the dollars stand beside them, negative ones below zero.
    """
    yearly = len(frames.months) >= 2 * YEAR
    mean = f"; shares: mean of {len(frames.seeds)} seeds" if len(frames.seeds) > 1 else ""
    figure = style.sheet(
        frames,
        _title(frames, series.by_layer(frames, "gross_profit_after_depreciation")),
        f"{'Sums of the last twelve months' if yearly else 'Month by month'}; shares of the positive amounts; a layer "
        "below zero has none. "
        "Gross profit is after depreciation. Attributed: clouds, chipmakers and the foundry counted in proportion to "
        f"generative AI's share of GPU-hours{mean}{style.bands_note(frames)}",
        style.PAGE,
        8.6,
        most=3,
    )
    added = series.by_layer(frames, "value_added")
    profit = series.by_layer(frames, "gross_profit_after_depreciation")
    generative = series.wide(frames.market, "generative_share", frames)
    attributed = {layer: v * generative if layer in INFRASTRUCTURE else v for layer, v in profit.items()}
    panels = style.panels(figure, 6, 2, right=style.room(style.LAYER_COLOURS, "$99.9 bn"))
    span = "in 12 months" if yearly else "a month"
    for row, (title, amounts, what) in enumerate((
        ("Value added", added, "value added"), ("Gross profit", profit, "gross profit"),
        ("Attributed gross profit", attributed, "gross profit"),
    )):  # fmt: skip
        sums = {layer: v.rolling(YEAR).sum() if yearly else v for layer, v in amounts.items()}
        _shares(panels[2 * row], frames, sums, f"{title}: shares", f"share of positive {what} (%)")
        # Thousands of M$ are said as $ bn.
        largest = style.largest(*(v.to_numpy(dtype=np.float64) for v in sums.values()))
        unit, scale = ("$ bn", 1e-3) if largest >= 1e3 else ("$ million", 1.0)
        lines = [Line(layer, Pen(style.LAYER_COLOURS[layer]), series.band(scale * v)) for layer, v in sums.items()]
        draw_lines(panels[2 * row + 1], frames, lines, f"{title}: $", f"{unit} {span}", unit=unit)
    return figure


@picture
def profits(frames: Frames) -> Figure:
    """Gross profit after depreciation, a panel a layer, each with its band over seeds."""
    yearly = len(frames.months) >= 2 * YEAR
    span = "in 12 months" if yearly else "a month"
    profit = series.by_layer(frames, "gross_profit_after_depreciation")
    figure = style.sheet(
        frames, _title(frames, profit),
        f"After depreciation, {'sums of twelve months' if yearly else 'month by month'}{style.bands_note(frames)}",
        style.ACROSS, 5.6,
    )  # fmt: skip
    for axes, (layer, values) in zip(style.panels(figure, len(profit), 3, right=0.95, left=0.65), profit.items(),
                                     strict=True):  # fmt: skip
        sums = values.rolling(YEAR).sum() if yearly else values
        most = style.largest(sums.to_numpy(dtype=np.float64))
        unit, scale = ("$ bn", 1e-3) if most >= 1e3 else ("$ million", 1.0)
        line = Line("", Pen(style.LAYER_COLOURS[layer]), series.band(scale * sums))
        draw_lines(axes, frames, [line], layer.capitalize(), f"{unit} {span}", unit=unit, room=0.9)
    return figure


def _title(frames: Frames, profit: Money) -> str:
    """Which layer earns most at the end, by gross profit, and which at the start."""
    year = {layer: v.clip(lower=0.0).fillna(0.0) for layer, v in profit.items()}
    found = []
    for months in (slice(0, YEAR), slice(-YEAR, None)):
        sums = {layer: float(v.iloc[months].sum().mean()) for layer, v in year.items()}
        total = sum(sums.values())
        if total <= 0:
            return "Value accrual by layer"
        first = max(sums, key=lambda layer: sums[layer])
        found.append(f"{first} ({style.percent(sums[first] / total)})")
    if len(frames.months) <= YEAR:
        return f"Most of the gross profit: {found[0]}"
    names = [text.split(" (")[0] for text in found]
    if names[0] == names[1]:
        shares = [text.split("(")[1].rstrip(")") for text in found]
        return f"Most of the gross profit stays with {names[0]}: {shares[0]}, then {shares[1]}"
    return f"Gross profit moves from {found[0]} to {found[1]}"


def _shares(axes: Axes, frames: Frames, amounts: Money, title: str, ylabel: str) -> None:
    """Stacked shares of the positive amounts, the mean over seeds."""
    style.dress(axes, title, ylabel)
    style.calendar(axes, frames)
    axes.set_ylim(0, 100)
    positive = {layer: values.clip(lower=0.0) for layer, values in amounts.items()}
    total = sum((values.fillna(0.0) for values in positive.values()), pd.DataFrame(0.0, frames.months, frames.seeds))
    below = np.zeros(len(frames.months))
    labels = []
    for layer, values in reversed(positive.items()):
        share = (100 * values / total.where(total > 0)).mean(axis=1).to_numpy(dtype=np.float64)
        keep_line(axes, layer, frames.dates, share, middle="mean")
        top = below + share
        dates, low, high = style.stretch(frames.dates, below, top)
        colour = style.LAYER_COLOURS[layer]
        axes.fill_between(dates, low, high, color=colour, alpha=0.8, linewidth=0)
        axes.plot(dates, high, color="white", linewidth=0.6)
        if end := style.end_of(frames.dates, below + share / 2):
            last = float(share[np.isfinite(share)][-1]) / 100
            labels.append(EndLabel(*end, layer, style.percent(last), colour))
        below = top
    if not labels:
        nothing(axes)
    style.end_labels(axes, labels)

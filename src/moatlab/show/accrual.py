"""Where value accrues: value added and gross profit of the layers, as shares and in dollars."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.show import series, style
from moatlab.show.frames import Frames
from moatlab.show.series import Line
from moatlab.show.style import EndLabel, Pen
from moatlab.show.trajectories import draw_lines, nothing

#: Layers that also sell to others than generative AI.
SHARED = ("clouds", "chipmakers", "foundry")
Money = dict[str, pd.DataFrame]


def accrual(frames: Frames) -> Figure:
    """Value added, gross profit, and the gross profit attributed to generative AI: shares left, dollars right."""
    mean = f"; shares: mean of {len(frames.seeds)} seeds" if len(frames.seeds) > 1 else ""
    figure = style.sheet(
        frames,
        "Value accrual by layer",
        "Gross profit is after depreciation. Attributed: clouds, chipmakers and foundry count with the generative "
        f"share of GPU-hours{mean}{style.bands_note(frames)}",
        style.PAGE,
        8.4,
    )
    added = series.by_layer(frames, "value_added")
    profit = series.by_layer(frames, "gross_profit_after_depreciation")
    generative = series.wide(frames.market, "generative_share", frames)
    attributed = {layer: v * generative if layer in SHARED else v for layer, v in profit.items()}
    panels = style.panels(figure, 6, 2)
    kept = {layer: v.clip(lower=0) for layer, v in profit.items()}
    kept_attributed = {layer: v.clip(lower=0) for layer, v in attributed.items()}
    for row, (title, share, dollars, of) in enumerate((
        ("Value added", added, added, "share of value added (%)"),
        ("Gross profit", kept, profit, "share of positive gross profit (%)"),
        ("Attributed gross profit", kept_attributed, attributed, "share of positive gross profit (%)"),
    )):  # fmt: skip
        _shares(panels[2 * row], frames, share, f"{title}: share", of)
        _dollars(panels[2 * row + 1], frames, dollars, title, "M$ a month")
    return figure


def _shares(axes: Axes, frames: Frames, amounts: Money, title: str, ylabel: str) -> None:
    """Shares of the layers' sum: stacked, or lines where a layer is negative."""
    style.calendar(axes, frames)
    if not amounts:
        style.dress(axes, title, ylabel)
        nothing(axes)
        return
    total = sum((values.fillna(0.0) for values in amounts.values()), pd.DataFrame(0.0, frames.months, frames.seeds))
    parts = {layer: 100 * values.fillna(0.0) / total.where(total > 0) for layer, values in amounts.items()}
    means = {layer: values.mean(axis=1).to_numpy(dtype=np.float64) for layer, values in parts.items()}
    if any(np.nanmin(np.append(values, 0.0)) < 0 for values in means.values()):
        lines = [Line(layer, Pen(style.LAYER_COLOURS[layer]), series.band(values)) for layer, values in parts.items()]
        draw_lines(axes, frames, lines, f"{title} (some layers negative)", ylabel, unit="%", limits=_window(lines))
        axes.axhline(0, color=style.INK, linewidth=0.7)
        return
    style.dress(axes, title, ylabel)
    axes.set_ylim(0, 100)
    below = np.zeros(len(frames.months))
    labels = []
    for layer, values in reversed(means.items()):
        top = below + values
        dates, low, high = style.stretch(frames.dates, below, top)
        colour = style.LAYER_COLOURS[layer]
        axes.fill_between(dates, low, high, color=colour, alpha=0.8, linewidth=0)
        axes.plot(dates, high, color="white", linewidth=0.6)
        if end := style.end_of(frames.dates, below + values / 2):
            last = float(values[np.isfinite(values)][-1]) / 100
            labels.append(EndLabel(*end, layer, style.percent(last), colour))
        below = top
    if not np.isfinite(below).any():
        nothing(axes)
    style.end_labels(axes, labels)


def _window(lines: list[Line]) -> tuple[float, float]:
    """Limits that show 96 % of the points: near a sum of zero shares have no bounds."""
    points = np.concatenate([line.band.mid for line in lines])
    points = points[np.isfinite(points)]
    if not points.size:
        return 0.0, 100.0
    low, high = (float(np.quantile(points, q)) for q in (0.02, 0.98))
    margin = 0.06 * max(high - low, 1.0)
    return min(low - margin, 0.0), max(high + margin, 0.0)


def _dollars(axes: Axes, frames: Frames, amounts: Money, title: str, ylabel: str) -> None:
    lines = [Line(layer, Pen(style.LAYER_COLOURS[layer]), series.band(values)) for layer, values in amounts.items()]
    draw_lines(axes, frames, lines, title, ylabel, unit="M$")

"""Market shares of the firms of each layer and category, and how concentrated they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.show import series, style
from moatlab.show.frames import Dated, Frames
from moatlab.show.series import Line
from moatlab.show.style import EndLabel, Pen
from moatlab.world.payments import LAYERS


def shares(frames: Frames) -> Figure:
    """Market shares in every layer that has more than one firm."""
    layers = [layer for layer in LAYERS if _firms(frames, layer)["slug"].nunique() > 1] or ["apps"]
    columns = min(2, len(layers))
    rows = -(-len(layers) // columns)
    figure = style.sheet(
        frames,
        "Market shares by layer",
        f"Share of the layer's revenue, month by month{style.bands_note(frames)}",
        style.PAGE,
        1.65 + 2.3 * rows,
    )
    colours = series.pens(frames)
    for axes, layer in zip(style.panels(figure, len(layers), columns, right=1.75), layers, strict=True):
        _draw(
            axes,
            frames,
            layer.capitalize(),
            series.share_lines(_firms(frames, layer), layer, frames, colours, 6),
            room=1.7,
        )
    return figure


def share(frames: Frames, layer: str) -> Figure:
    """Market shares in one layer, large."""
    figure = style.sheet(
        frames,
        f"Market shares: {layer}",
        f"Share of the layer's revenue, month by month{style.bands_note(frames)}",
        style.PAGE,
        4.4,
    )
    lines = series.share_lines(_firms(frames, layer), layer, frames, series.pens(frames), 10)
    _draw(style.panels(figure, 1, 1, right=1.9)[0], frames, layer.capitalize(), lines, room=1.85)
    return figure


def categories(frames: Frames) -> Figure:
    """Market shares of the apps within each category of customers."""
    names = series.category_names(frames) or ["apps"]
    columns = min(2, len(names))
    rows = -(-len(names) // columns)
    figure = style.sheet(
        frames,
        "Market shares of apps by category",
        f"Share of the category's revenue, month by month{style.bands_note(frames)}",
        style.PAGE,
        1.65 + 2.2 * rows,
    )
    apps, colours = _firms(frames, "apps"), series.pens(frames)
    for axes, name in zip(style.panels(figure, len(names), columns, right=1.75), names, strict=True):
        lines = series.share_lines(apps[apps["category"] == name], "apps", frames, colours, 5)
        _draw(axes, frames, name, lines, whole="category", room=1.7)
    return figure


def concentration(frames: Frames) -> Figure:
    """Concentration of each layer and of each category of apps."""
    figure = style.sheet(
        frames,
        "Concentration",
        "Sum of squared shares of revenue (HHI) and its inverse, the number of equally large firms "
        f"that would give it{style.bands_note(frames)}",
        style.PAGE,
        6.0,
    )
    layers, effective, apps = style.panels(figure, 3, 2)
    hhi = [
        Line(name, Pen(style.LAYER_COLOURS[name]), series.band(v.where(v > 0)))
        for name, v in series.by_layer(frames, "hhi").items()
    ]
    inverse = [
        Line(name, Pen(style.LAYER_COLOURS[name]), series.band(v.where(v > 0)))
        for name, v in series.by_layer(frames, "effective_firms").items()
    ]
    draw_lines(layers, frames, hhi, "By layer: HHI", "HHI of revenue (0 to 1)", unit="", limits=(0.0, 1.04))
    draw_lines(effective, frames, inverse, "By layer: effective number of firms", "1 / HHI (firms)", unit="")
    draw_lines(
        apps,
        frames,
        series.by_category(frames, "hhi"),
        "Apps by category: HHI" + (" (medians)" if len(frames.seeds) > 1 else ""),
        "HHI of revenue (0 to 1)",
        unit="",
        limits=(0.0, 1.04),
        banded=False,
    )
    return figure


def draw_lines(
    axes: Axes,
    frames: Dated,
    lines: list[Line],
    title: str,
    ylabel: str,
    *,
    unit: str,
    limits: tuple[float, float] | None = None,
    room: float = 1.3,
    banded: bool = True,
) -> None:
    """A panel of labelled lines; the labels give the last value in ``unit``."""
    style.dress(axes, title, ylabel)
    style.calendar(axes, frames)
    lines = [line for line in lines if np.isfinite(line.band.mid).any()]
    for line in lines:
        style.stroke(axes, frames.dates, line.band.low, line.band.mid, line.band.high, line.pen, banded=banded)
    if limits is None:
        bands = [values for line in lines for values in (line.band.low, line.band.high)] if banded else []
        style.scale_by(axes, [line.band.mid for line in lines], bands)
    else:
        axes.set_ylim(*limits)
    if not lines:
        nothing(axes)
    style.end_labels(
        axes,
        [
            EndLabel(
                *end,
                line.name,
                _value(end[1], unit),
                line.pen.colour,
            )
            for line in lines
            if (end := style.end_of(frames.dates, line.band.mid))
        ],
        room,
    )


def _value(value: float, unit: str) -> str:
    if unit == "%":
        return style.percent(value / 100)
    return style.money(value) if unit == "M$" else f"{style.figures(value)} {unit}".strip()


def nothing(axes: Axes) -> None:
    """Says that there is nothing to draw."""
    axes.text(0.5, 0.5, "no data", transform=axes.transAxes, ha="center", va="center", color=style.GREY, fontsize=8)


def _firms(frames: Frames, layer: str) -> pd.DataFrame:
    return frames.firms[frames.firms["kind"] == layer]


def _draw(
    axes: Axes,
    frames: Frames,
    title: str,
    lines: list[Line],
    *,
    whole: str = "layer",
    room: float = 1.3,
) -> None:
    """One panel of market shares; faint lines first, the leaders on top."""
    style.dress(axes, title, f"share of {whole} revenue (%)")
    style.calendar(axes, frames)
    peak = 0.0
    for line in reversed(lines):
        values = line.band.scaled(100)
        width = 1.1 if line.pen.colour == style.GREY else 1.6
        style.stroke(axes, frames.dates, values.low, values.mid, values.high, line.pen, width=width)
        peak = max(peak, float(np.nanmax(np.append(values.high, 0.0))))
    axes.set_ylim(0, 103 if peak > 70 or peak == 0 else peak * 1.06)
    if not lines:
        nothing(axes)
    style.end_labels(
        axes,
        [
            EndLabel(end[0], 100 * end[1], line.name, style.percent(end[1]), line.pen.colour)
            for line in lines
            if (end := style.end_of(frames.dates, line.band.mid))
        ],
        room,
    )

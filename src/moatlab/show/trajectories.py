"""Market shares of the firms of each layer and category, and how concentrated they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Dated, Frames
from moatlab.results.payments import LAYERS
from moatlab.show import series, style
from moatlab.show.drawn import picture
from moatlab.show.numbers import keep_line
from moatlab.show.series import Line
from moatlab.show.style import EndLabel, Pen

#: What the grey lines are.
OTHERS = "grey: all others together; dotted: the largest of them"


@picture
def shares(frames: Frames) -> Figure:
    """Market shares in every layer that has more than one firm."""
    layers = [layer for layer in LAYERS if _firms(frames, layer)["slug"].nunique() > 1] or ["apps"]
    pens = series.pens(frames)
    lines = {layer.capitalize(): series.share_lines(_firms(frames, layer), layer, frames, pens, 6) for layer in layers}
    return _sheet(frames, "Market shares by layer", "layer", lines)


@picture
def share(frames: Frames, layer: str) -> Figure:
    """Market shares in one layer, large."""
    lines = series.share_lines(_firms(frames, layer), layer, frames, series.pens(frames), 10)
    return _sheet(frames, f"Market shares: {layer}", "layer", {layer.capitalize(): lines})


@picture
def categories(frames: Frames) -> Figure:
    """Market shares of the apps within each category of customers."""
    apps, pens = _firms(frames, "apps"), series.pens(frames)
    lines = {
        name: series.share_lines(apps[apps["category"] == name], "apps", frames, pens, 5)
        for name in series.category_names(frames) or ["apps"]
    }
    return _sheet(frames, "Market shares of apps by category", "category", lines)


def _sheet(frames: Frames, title: str, whole: str, lines: dict[str, list[Line]]) -> Figure:
    """A panel of market shares for each of ``lines``, all with the room that the longest label needs."""
    note = f"Share of the {whole}'s revenue, month by month; {OTHERS}{style.bands_note(frames)}"
    columns = min(2, len(lines))
    width = style.ACROSS if columns > 1 else style.PAGE
    height = 1.5 + 2.2 * -(-len(lines) // columns) if columns > 1 else 4.4
    figure = style.sheet(frames, title, note, width, height)
    most = 1.8 if columns > 1 else 2.4
    right = style.room((line.name for part in lines.values() for line in part), most=most)
    for axes, (name, part) in zip(style.panels(figure, len(lines), columns, right=right), lines.items(), strict=True):
        _draw(axes, frames, name, part, whole=whole, room=right - 0.02)
    return figure


@picture
def concentration(frames: Frames) -> Figure:
    """Concentration of each layer and of each category of apps."""
    figure = style.sheet(
        frames,
        "Concentration",
        "Sum of squared shares of revenue (HHI) and its inverse, the number of equally large firms "
        f"with the same index{style.bands_note(frames)}",
        style.PAGE,
        6.0,
    )
    layers = {name: (Pen(style.LAYER_COLOURS[name]), values) for name, values in series.by_layer(frames, "hhi").items()}
    apps = series.by_category(frames, "hhi")
    right = style.room([*style.LAYER_COLOURS, *apps], "0.02")
    panels = style.panels(figure, 4, 2, right=right)
    medians = " (medians)" if len(frames.seeds) > 1 else ""
    for row, (title, parts, banded) in enumerate(
        (("By layer", layers, True), (f"Apps by category{medians}", apps, False))
    ):
        known = {name: (pen, values.where(values > 0)) for name, (pen, values) in parts.items()}
        hhi = [Line(name, pen, series.band(values)) for name, (pen, values) in known.items()]
        inverse = [Line(name, pen, series.band(1 / values)) for name, (pen, values) in known.items()]
        draw_lines(panels[2 * row], frames, hhi, f"{title}: HHI", "HHI of revenue (0 to 1)", unit="",
                   limits=(0.0, 1.04), banded=banded)  # fmt: skip
        draw_lines(panels[2 * row + 1], frames, inverse, f"{title}: effective firms", "1 / HHI (firms)", unit="",
                   banded=banded)  # fmt: skip
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
        low, high = (line.band.low, line.band.high) if banded else (None, None)
        keep_line(axes, line.name, frames.dates, line.band.mid, low, high)
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
    return style.quantity(value, unit)


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
        keep_line(axes, line.name, frames.dates, values.mid, values.low, values.high)
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

"""Market shares of the firms of each layer and category, and how concentrated they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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

#: Most bands in a panel: more of them hide each other.
MOST_BANDS = 3
#: What the grey lines are.
OTHERS = "grey: all others together; dotted: the largest of them"


@picture
def shares(frames: Frames) -> Figure:
    """Market shares in every layer that has more than one firm."""
    layers = [layer for layer in LAYERS if _firms(frames, layer)["slug"].nunique() > 1] or ["apps"]
    pens = series.pens(frames)
    lines = {layer.capitalize(): series.share_lines(_firms(frames, layer), layer, frames, pens, 6) for layer in layers}
    return _sheet(frames, _title_of_all(lines), "layer", lines)


@picture
def share(frames: Frames, layer: str) -> Figure:
    """Market shares in one layer, large; a panel for each firm where bands over seeds would hide each other."""
    lines = series.share_lines(_firms(frames, layer), layer, frames, series.pens(frames), 10)
    title = _title(layer, lines)
    if len(frames.seeds) > 1 and len(lines) > MOST_BANDS:
        return _multiples(frames, title, lines)
    return _sheet(frames, title, "layer", {layer.capitalize(): lines})


def _ends(lines: Sequence[Line]) -> list[tuple[float, str]]:
    """Last shares with names, the largest first; sums of several firms are no firm."""
    ends = [(line.band.end, line.name) for line in lines if not line.name.startswith("others (")]
    return sorted(((share, name) for share, name in ends if np.isfinite(share)), reverse=True)


def _title(layer: str, lines: Sequence[Line]) -> str:
    """Who leads at the end, and who led at the start."""
    last = _ends(lines)
    if not last or last[0][0] <= 0:
        return f"Market shares: {layer}"
    first = max(lines, key=lambda line: np.nan_to_num(line.band.mid[0]) if not line.name.startswith("others (") else -1)
    start = float(np.nan_to_num(first.band.mid[0]))
    led = f"; {first.name} led with {style.percent(start)}" if first.name != last[0][1] and start > 0 else ""
    verb = "has" if last[0][1] == "largest other" else "leads with"
    title = f"{layer.capitalize()}: {_who(last[0][1])} {verb} {style.percent(last[0][0])} at the end"
    # Who led at first, as far as it fits.
    return title + led if style.text_width(title + led, style.LARGE * 1.12) < style.PAGE - 0.3 else title


def _title_of_all(lines: Mapping[str, Sequence[Line]]) -> str:
    """Who leads at the end, panel by panel, or the largest and the smallest lead, as far as it fits."""
    leaders = [f"{_who(last[0][1])} in {name.lower()}" for name, part in lines.items() if (last := _ends(part))]
    names = [text.split(" in ")[0] for text in leaders]
    ends = sorted((*_ends(part)[0], name.lower()) for name, part in lines.items() if _ends(part))
    extremes = [f"{_who(firm)} with {style.percent(share)} of {name}" for share, firm, name in (ends[-1:] + ends[:1])]
    for title in (
        f"Leaders at the end: {', '.join(leaders)}",
        f"Leaders at the end: {', '.join(names)}",
        f"Leaders at the end, from {' to '.join(extremes)}",
    ):
        if leaders and style.text_width(title, style.LARGE * 1.12) < style.ACROSS - 0.3:
            return title
    return "Market shares"


def _who(name: str) -> str:
    return "a startup" if name == "largest other" else name


def _multiples(frames: Frames, title: str, lines: list[Line]) -> Figure:
    """A panel for each firm, with its band; the medians of the others are grey behind it."""
    columns = 3
    rows = -(-len(lines) // columns)
    note = (
        f"Share of the layer's revenue; colour: median of {len(frames.seeds)} seeds, band: 5 to 95 %; grey: the others"
    )
    figure = style.sheet(frames, title, note, style.ACROSS, 1.5 + 1.75 * rows)
    peak = max(100 * float(np.nanmax(np.append(line.band.high, 0.0))) for line in lines)
    for axes, mine in zip(style.panels(figure, len(lines), columns, right=0.55, left=0.55), lines, strict=True):
        style.dress(axes, style.fit(mine.name, 2.2, style.NORMAL), "share of revenue (%)")
        style.calendar(axes, frames)
        for other in lines:
            if other is not mine:
                axes.plot(*style.stretch(frames.dates, 100 * other.band.mid), color=style.PALE, linewidth=0.7)
        band = mine.band.scaled(100)
        pen = mine.pen if mine.pen.colour != style.GREY else Pen(style.INK, mine.pen.dashes)
        style.stroke(axes, frames.dates, band.low, band.mid, band.high, pen)
        keep_line(axes, mine.name, frames.dates, band.mid, band.low, band.high)
        axes.set_ylim(0, 103 if peak > 70 or peak == 0 else peak * 1.06)
        if end := style.end_of(frames.dates, band.mid):
            style.end_labels(axes, [EndLabel(*end, "", style.percent(end[1] / 100), pen.colour)], 0.5)
    return figure


@picture
def categories(frames: Frames) -> Figure:
    """Market shares of the apps within each category of customers."""
    apps, pens = _firms(frames, "apps"), series.pens(frames)
    lines = {
        name: series.share_lines(apps[apps["category"] == name], "apps", frames, pens, 5)
        for name in series.category_names(frames) or ["apps"]
    }
    return _sheet(frames, _title_of_all(lines), "category", lines)


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
        _title_of_concentration(frames),
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


def _title_of_concentration(frames: Frames) -> str:
    """The most and the least concentrated of the layers with several firms, at the end."""
    found = {layer: series.band(v.where(v > 0)).end for layer, v in series.by_layer(frames, "hhi").items()}
    rivals = {layer: 1 / hhi for layer, hhi in found.items() if np.isfinite(hhi) and hhi < 0.999}
    if len(rivals) < 2:
        return "Concentration"
    few, many = (of(rivals, key=lambda layer: rivals[layer]) for of in (min, max))
    return f"Most concentrated: {few} ({rivals[few]:.1f} effective firms); least: {many} ({rivals[many]:.1f})"


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
    banded = banded and len(lines) <= MOST_BANDS
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
        banded = len(lines) <= MOST_BANDS
        style.stroke(axes, frames.dates, values.low, values.mid, values.high, line.pen, width=width, banded=banded)
        low, high = (values.low, values.high) if banded else (None, None)
        keep_line(axes, line.name, frames.dates, values.mid, low, high)
        peak = max(peak, float(np.nanmax(np.append(values.high if banded else values.mid, 0.0))))
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

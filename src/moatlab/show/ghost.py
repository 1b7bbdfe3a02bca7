"""A change and what would have been without it: a panel for each metric, the run without the change as a ghost line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from moatlab.results.frames import Array
from moatlab.results.text.units import said
from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.effects import Shown
from moatlab.show.numbers import keep_line
from moatlab.show.series import Band, band
from moatlab.show.style import EndLabel, Pen

#: Dashes and colour of what would have been.
GHOST = Pen("#8a8a8a", "--")
#: Inches: width from which there are more columns, height of a single panel and of one of many, narrow and wide.
NARROW, SINGLE, MANY = 5.0, (2.6, 3.6), (1.2, 1.6)
#: Units of which all panels have one scale, so that they can be compared.
SHARES = ("share", "probability", "0 to 1")


@dataclass(frozen=True)
class Panel:
    """One metric: ``changed`` and ``plain`` are its paths [seeds, months] in ``unit``; None if nothing is changed."""

    name: str
    unit: str
    changed: Array
    plain: Array | None = None
    colour: str = style.PALETTE[0]


@picture
def ghost(panels: Sequence[Panel], shown: Shown, heading: str, note: str, width: float, titled: bool = True) -> Figure:
    """The panels in a sheet of ``width`` inches; ``heading`` and ``note`` are left out where a page has them."""
    count = len(panels)
    columns = 1 if count == 1 else 2 if width < NARROW else min(3, count)
    rows = -(-count // columns)
    high = (SINGLE if count == 1 else MANY)[width >= NARROW]
    top, bottom = (0.95, 0.5) if titled else (0.3, 0.3)
    height = top + bottom + rows * high + (rows - 1) * 0.5
    figure = style.sheet(shown, *((heading, note) if titled else ("", "")), width, height)
    if not titled:
        for text in figure.texts:
            text.set_visible(False)
    places = style.panels(
        figure, count, columns, right=0.48, left=0.46, top=top, bottom=bottom + 0.02, hgap=0.5
    )  # fmt: skip
    shares = {panel.unit for panel in panels} <= set(SHARES)
    most = max((style.largest(panel.changed, *_plain(panel)) for panel in panels), default=0.0)
    for axes, panel in zip(places, panels, strict=True):
        _draw(axes, shown, panel, most if shares else None)
    return figure


def _plain(panel: Panel) -> list[Array]:
    return [] if panel.plain is None else [panel.plain]


def _bands(panel: Panel, factor: float) -> list[Band]:
    return [band(pd.DataFrame(paths.T)).scaled(factor) for paths in (panel.changed, *_plain(panel))]


def _draw(axes: Axes, shown: Shown, panel: Panel, most: float | None) -> None:
    how = said(panel.unit, style.largest(panel.changed, *_plain(panel)))
    bands = _bands(panel, how.factor)
    inches = axes.get_position().width * float(axes.get_figure(root=True).get_size_inches()[0])  # type: ignore[union-attr]
    title = f"{panel.name} ({how.label})" if how.label else panel.name
    # Bold letters are wider than those that are measured.
    style.dress(axes, style.fit(title, 0.85 * (inches + 0.45), style.NORMAL), "", "")
    style.calendar(axes, shown)
    axes.set_xlabel("")
    mine = Pen(panel.colour)
    if len(bands) > 1:
        axes.plot(*style.stretch(shown.dates, bands[1].mid), color=GHOST.colour, linestyle=GHOST.dashes, linewidth=1.1)
        keep_line(axes, "without the change", shown.dates, bands[1].mid, bands[1].low, bands[1].high, unit=how.label)
    style.stroke(axes, shown.dates, bands[0].low, bands[0].mid, bands[0].high, mine)
    named = "with the change" if len(bands) > 1 else "median"
    keep_line(axes, named, shown.dates, bands[0].mid, bands[0].low, bands[0].high, unit=how.label)
    if most is None:
        style.scale_by(axes, [b.mid for b in bands], [v for b in bands[:1] for v in (b.low, b.high)])
    else:
        reach = most * how.factor
        whole = how.factor if how.factor > 1 else 1.0
        axes.set_ylim(0, whole * 1.03 if reach > 0.7 * whole or not reach else reach * 1.06)
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    labels = []
    for each, pen in zip(bands, (mine, GHOST), strict=False):
        if end := style.end_of(shown.dates, each.mid):
            labels.append(EndLabel(*end, "", style.figures(end[1]), pen.colour))
    # Where both end alike, one number says it.
    if len(labels) > 1 and labels[0].value == labels[1].value:
        labels = labels[:1]
    style.end_labels(axes, labels, 0.45)


def found(panels: Sequence[Panel], what: str) -> str:
    """What the panels show, in a sentence: ends of medians with and without the change."""
    known = [(panel, [b.end for b in _bands(panel, said(panel.unit, style.largest(panel.changed)).factor)])
             for panel in panels]  # fmt: skip
    known = [(panel, ends) for panel, ends in known if np.isfinite(ends).all()]
    if not known:
        return what
    if len(panels) == 1:
        panel, ends = known[0]
        unit = said(panel.unit, style.largest(panel.changed)).label
        then = f", {style.quantity(ends[1], unit)} without the change" if len(ends) > 1 else ""
        return f"{what}: {style.quantity(ends[0], unit)} at the end{then}"
    if len(known[0][1]) == 1:
        panel, ends = max(known, key=lambda item: item[1][0])
        unit = said(panel.unit, style.largest(panel.changed)).label
        return f"{what}: most at the end for {panel.name}, {style.quantity(ends[0], unit)}"
    panel, ends = max(known, key=lambda item: abs(item[1][0] - item[1][1]))
    unit = said(panel.unit, style.largest(panel.changed)).label
    one, other = (style.quantity(end, unit) for end in ends)
    if one == other:
        return f"{what}: about the same at the end with and without the change"
    return f"{what}: the change matters most to {panel.name}, {one} at the end instead of {other}"

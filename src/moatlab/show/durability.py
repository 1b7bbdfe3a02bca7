"""Moat durability: a forest of value per dollar and half-life, and the responses of the arms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from moatlab.results.frames import Array
from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.effects import Shown
from moatlab.show.numbers import keep
from moatlab.show.style import EndLabel, Pen

#: Inches of a row; colours by verdict, and by arm of a response.
ROW = 0.21
COLOURS = {"lasts": "#009e73", "fades": "#0072b2", "costs": "#d55e00", "undecided": "#777777"}
PENS = {
    "free": Pen(style.PALETTE[0]),
    "clamped": Pen(style.PALETTE[1], "--"),
    "frozen": Pen(style.PALETTE[2], "-."),
}
#: What the arms are called in a picture.
NAMES = {"free": "free", "clamped": "feedbacks off", "frozen": "rivals frozen"}


@dataclass(frozen=True)
class ForestRow:
    """A row of the forest: value per dollar and half-life (months), each with its interval, and the verdict."""

    name: str
    value: tuple[float, float, float]
    half_life: tuple[float, float, float]
    verdict: str


@dataclass(frozen=True)
class Curves:
    """A panel of responses [months] by arm, with the 95 % band of the free one."""

    title: str
    arms: Mapping[str, Array]
    low: Array
    high: Array


@picture
def durability(
    rows: Sequence[ForestRow], title: str, subtitle: str, source: str, profit: str, horizon: float
) -> Figure:
    """Value per dollar granted, and the half-life of the advantage in share, a row a moat, layer and holder."""
    names = [row.name for row in rows] or ["nothing is comparable"]
    left = min(3.4, max(style.text_width(name, style.SMALL) for name in names) + 0.3)
    inside = ROW * max(len(rows), 3)
    figure = style.sheet(Shown(np.zeros(1), source), title, subtitle, left + 7.6, inside + 2.1)
    value, life = style.box(figure, left, 0.7, 3.7, inside), style.box(figure, left + 4.0, 0.7, 3.2, inside)
    for axes, name, label in (
        (value, "Value per dollar", f"present value of {profit} won, dollars per dollar"),
        (life, "Half-life of the lead in share", "months; an arrow goes beyond the horizon"),
    ):
        style.dress(axes, name, "", label)
        axes.set_ylim(max(len(rows), 3) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [row.name for row in rows] if axes is value else [])
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color=style.PALE, linewidth=0.5)
    _values(value, rows)
    _lives(life, rows, horizon)
    return figure


def _values(axes: Axes, rows: Sequence[ForestRow]) -> None:
    table = pd.DataFrame([{"name": row.name, "value": row.value[0], "low": row.value[1], "high": row.value[2],
                           "verdict": row.verdict} for row in rows])  # fmt: skip
    keep(axes, table, "$ per $")
    middles = np.array([row.value[0] for row in rows] or [0.0])
    # A few very uncertain rows must not hide the others: intervals are cut at four times the largest estimate.
    reach = 4.0 * max(float(np.abs(middles).max()), 0.05)
    ends = np.array([row.value[1:] for row in rows] or [(0.0, 0.0)])
    low, high = max(float(ends.min()), -reach), min(float(ends.max()), reach)
    span = max(high, 0.0) - min(low, 0.0) or 1.0
    if span > 8.0:
        # Linear up to a dollar per dollar, which is where a grant pays for itself.
        axes.set_xscale("symlog", linthresh=1.0, linscale=1.2)
        ticks = [sign * 10.0**e for sign in (-1, 1) for e in range(6)]
        axes.set_xticks(sorted([0.0, *(tick for tick in ticks if 1.5 * low <= tick <= 1.5 * high)]), minor=False)
        axes.set_xlim(1.5 * low if low < 0.0 else -0.2, 1.5 * high if high > 0.0 else 0.2)
        axes.minorticks_off()
    else:
        axes.set_xlim(min(low, 0.0) - 0.04 * span, max(high, 0.0) + 0.04 * span)
        axes.xaxis.set_major_locator(MaxNLocator(6))
    for place, row in enumerate(rows):
        _interval(axes, place, row.value, COLOURS.get(row.verdict, style.INK))
    axes.axvline(0, color=style.INK, linewidth=0.7)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("-", "−")))


def _lives(axes: Axes, rows: Sequence[ForestRow], horizon: float) -> None:
    table = pd.DataFrame([{"name": row.name, "value": row.half_life[0], "low": row.half_life[1],
                           "high": row.half_life[2]} for row in rows])  # fmt: skip
    keep(axes, table.replace([np.inf], np.nan), "months")
    axes.set_xlim(0, horizon * 1.06)
    for place, row in enumerate(rows):
        ends = tuple(min(end, horizon) if np.isfinite(end) or end > 0 else np.nan for end in row.half_life)
        colour = COLOURS.get(row.verdict, style.INK)
        if np.isnan(ends[0]):
            continue
        _interval(axes, place, (ends[0], ends[1], ends[2]), colour)
        if row.half_life[2] >= horizon:
            axes.plot([horizon], [place], ">", color=colour, markersize=4, clip_on=False)
    axes.axvline(horizon, color=style.INK, linewidth=0.6, linestyle=":")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    keys = [
        axes.plot([], [], "o-", color=colour, markersize=3.5, linewidth=1.2, label=word)[0]
        for word, colour in COLOURS.items() if any(row.verdict == word for row in rows)
    ]  # fmt: skip
    if keys:
        above = 1.0 + 0.24 / (ROW * max(len(rows), 3))
        axes.legend(handles=keys, loc="lower right", bbox_to_anchor=(1.0, above), ncols=4, fontsize=style.SMALL,
                    frameon=False, handlelength=1.4, columnspacing=1.0)  # fmt: skip


def _interval(axes: Axes, place: int, ends: tuple[float, float, float], colour: str) -> None:
    left, right = axes.get_xlim()
    axes.hlines([place], [max(ends[1], left)], [min(ends[2], right)], color=colour, linewidth=1.3)
    if left <= ends[0] <= right:
        axes.plot([ends[0]], [place], "o", color=colour, markersize=3.8)


@picture
def responses(panels: Sequence[Curves], title: str, subtitle: str, source: str) -> Figure:
    """What a grant adds to the leader's share month by month: free, with feedbacks clamped, with rivals frozen."""
    columns = min(3, max(1, len(panels)))
    rows = -(-max(1, len(panels)) // columns)
    figure = style.sheet(Shown(np.zeros(1), source), title, subtitle, 1.1 + 3.4 * columns, 1.7 + 2.15 * rows)
    axes_of = style.panels(figure, max(1, len(panels)), columns, left=0.75, right=1.05, top=1.0, hgap=0.8)
    for axes, panel in zip(axes_of, panels, strict=False):
        _panel(axes, panel)
    return figure


def _panel(axes: Axes, panel: Curves) -> None:
    months = np.arange(len(panel.low), dtype=float)
    style.dress(axes, panel.title, "points of share", "months after the grant")
    axes.set_xlim(0, months[-1])
    axes.fill_between(months, 100 * panel.low, 100 * panel.high, color=PENS["free"].colour, alpha=0.16, linewidth=0)
    table, labels = [], []
    for arm, path in panel.arms.items():
        pen = PENS[arm]
        axes.plot(months, 100 * path, color=pen.colour, linestyle=pen.dashes, linewidth=1.4)
        labels.append(EndLabel(float(months[-1]), float(100 * path[-1]), NAMES[arm], "", pen.colour))
        band = {"low": 100 * panel.low, "high": 100 * panel.high} if arm == "free" else {}
        table.append(pd.DataFrame({"month": months, "name": NAMES[arm], "mean": 100 * path, **band}))
    keep(axes, pd.concat(table, ignore_index=True), "points of share")
    shown = np.concatenate([100 * path for path in panel.arms.values()])
    # The band may be wide; the lines decide the scale, with half as much again around them.
    low, high = min(float(shown.min()), 0.0), max(float(shown.max()), 0.0)
    room = 0.5 * (high - low) or 1e-9
    axes.set_ylim(max(low - room, min(float((100 * panel.low).min()), low) - 0.05 * room),
                  min(high + room, max(float((100 * panel.high).max()), high) + 0.05 * room))  # fmt: skip
    axes.axhline(0, color=style.INK, linewidth=0.7)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.3g}".replace("-", "−")))
    style.end_labels(axes, labels, room=1.0)

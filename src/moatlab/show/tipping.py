"""Tipping: the leader's share by the strength of network effects, from an even start and from a dominant one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.effects import Shown
from moatlab.show.numbers import keep
from moatlab.show.style import Pen

PENS = {"even": Pen(style.PALETTE[0]), "dominant": Pen(style.PALETTE[1], "--")}


@picture
def tipping(table: pd.DataFrame, title: str, subtitle: str, source: str) -> Figure:
    """A panel a category: median and 5 to 95 % of seeds of the leader's share; the gap between the lines is hysteresis.

    Columns of the table: category, strength, start ("even" or "dominant"), share, low, high.
    """
    categories = list(dict.fromkeys(table["category"]))
    columns = min(3, len(categories))
    rows = -(-len(categories) // columns)
    figure = style.sheet(Shown(np.zeros(1), source), title, subtitle, max(7.0, 3.2 * columns + 0.6), 1.9 + 2.2 * rows)
    panels = style.panels(figure, len(categories), columns, left=0.65, right=0.25, top=1.25, hgap=0.8)
    for axes, category in zip(panels, categories, strict=True):
        mine = table[table["category"] == category]
        keep(axes, mine.drop(columns="category"), "share of customers")
        style.dress(axes, str(category), "leader's share of customers", "strength of network effects, utils")
        for start, pen in PENS.items():
            line = mine[mine["start"] == start].sort_values("strength")
            at, low, mid, high = (line[name].to_numpy(float) for name in ("strength", "low", "share", "high"))
            style.stroke(axes, at, low, mid, high, pen)
        axes.set_ylim(0, 1.02)
        axes.set_xlim(float(mine["strength"].min()), float(mine["strength"].max()))
    looks: dict[str, Any] = {start: {"color": pen.colour, "linestyle": pen.dashes} for start, pen in PENS.items()}
    keys = [Line2D([], [], label=f"{start} start", **look) for start, look in looks.items()]
    height = float(figure.get_size_inches()[1])
    figure.legend(handles=keys, loc="upper left", bbox_to_anchor=(0.02, 1.0 - 0.68 / height), ncols=2,
                  fontsize=style.SMALL, frameon=False)  # fmt: skip
    return figure

"""What drives the answer: tables of numbers as shaded cells, a panel a month."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.effects import Shown
from moatlab.show.numbers import keep

#: Inches of a row and of a column.
ROW, COLUMN = 0.26, 0.82
_UP, _DOWN = style.PALETTE[0], style.PALETTE[1]
_AROUND_ZERO = LinearSegmentedColormap.from_list("around zero", [to_rgb(_DOWN), (1.0, 1.0, 1.0), to_rgb(_UP)])


@picture
def drivers(
    table: pd.DataFrame, rows: str, value: str, title: str, subtitle: str, source: str, digits: int = 2
) -> Figure:
    """Cells of ``value`` by ``rows`` (a column of the table) and layer, a panel a month; doubtful cells are grey text.

    Further columns of the table are ``month``, ``layer`` and ``sure``, whether the cell is told from nothing.
    """
    months = sorted(table["month"].unique())
    names = list(dict.fromkeys(table[rows]))
    layers = list(dict.fromkeys(table["layer"]))
    left = max(style.text_width(str(name), style.SMALL) for name in names) + 0.35
    wide, high = COLUMN * len(layers), ROW * len(names)
    width = left + len(months) * (wide + 0.25) + 0.2
    figure = style.sheet(Shown(np.zeros(1), source), title, subtitle, max(width, 7.0), high + 2.0)
    largest = float(table[value].abs().max()) or 1.0
    for place, month in enumerate(months):
        axes = style.box(figure, left + place * (wide + 0.25), 0.65, wide, high)
        mine = table[table["month"] == month]
        _panel(axes, mine, rows, value, names, layers, largest, digits, named=place == 0)
        style.dress(axes, f"Year to month {month}", "", "layer")
        axes.set_xticks(range(len(layers)), layers)
        axes.grid(visible=False)
        axes.tick_params(length=0)
    return figure


def _panel(
    axes: Axes, table: pd.DataFrame, rows: str, value: str, names: Sequence[str], layers: Sequence[str], largest: float,
    digits: int, named: bool,
) -> None:  # fmt: skip
    keep(axes, table.drop(columns="month"))
    axes.set_xlim(-0.5, len(layers) - 0.5)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_yticks(range(len(names)), [str(name) for name in names] if named else [])
    cells: Any = table.set_index([rows, "layer"])
    for y, name in enumerate(names):
        for x, layer in enumerate(layers):
            cell = cells.loc[(name, layer)]
            amount = float(cell[value])
            if np.isnan(amount):
                axes.text(x, y, "–", ha="center", va="center", fontsize=style.SMALL, color="#767676")
                continue
            colour = _AROUND_ZERO(0.5 + 0.5 * np.clip(amount / largest, -1.0, 1.0))
            axes.fill_between([x - 0.48, x + 0.48], y - 0.46, y + 0.46, color=colour, linewidth=0)
            dark = bool(cell["sure"]) and abs(amount) > 0.65 * largest
            ink = "white" if dark else style.INK if cell["sure"] else "#767676"
            text = f"{round(amount, digits) + 0.0:.{digits}f}".replace("-", "−")
            axes.text(x, y, text, ha="center", va="center", fontsize=style.SMALL, color=ink)

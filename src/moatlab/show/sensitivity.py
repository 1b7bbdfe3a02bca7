"""Sensitivity: which parameters move an outcome, by Morris or by Sobol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from moatlab.show import style
from moatlab.show.drawn import picture
from moatlab.show.effects import Shown
from moatlab.show.numbers import keep

#: Inches of a parameter's row, and most parameters of a panel.
ROW, MOST = 0.26, 24
TOTAL, FIRST = style.PALETTE[0], style.PALETTE[1]


class Analysis(Protocol):
    """A sensitivity analysis of one outcome, as the picture takes it."""

    @property
    def method(self) -> str:
        """``morris`` or ``sobol``."""
        ...

    @property
    def outcome(self) -> str:
        """The outcome."""
        ...

    @property
    def arm(self) -> str:
        """The arm, empty for the only one."""
        ...

    @property
    def table(self) -> pd.DataFrame:
        """A row a parameter."""
        ...

    def ranked(self) -> pd.DataFrame:
        """The table in the order of importance."""
        ...


@picture
def sensitivity(analyses: Sequence[Analysis], source: str) -> Figure:
    """A panel an outcome, the parameters in the order of their importance, with 95 % intervals."""
    method = analyses[0].method
    columns = min(2, len(analyses))
    rows = -(-len(analyses) // columns)
    count = min(MOST, len(analyses[0].table))
    names = [name for a in analyses for name in a.table["parameter"]]
    left = min(3.6, max(style.text_width(str(n), style.SMALL) for n in names) + 0.35)
    height = 1.75 + rows * ROW * count + (rows - 1) * 0.85
    subtitle = (
        "Change of the outcome over a parameter's range; bars: mean size (mu*), dots: standard deviation (sigma)"
        if method == "morris"
        else "Share of the outcome's variance; bars: with all interactions (total), dots: alone (first order)"
    )
    width = max(8.6, columns * (left + 4.1))
    title = f"Sensitivity ({method.capitalize()})"
    figure = style.sheet(Shown(np.zeros(1), source), title, subtitle, width, height)
    panels = style.panels(figure, len(analyses), columns, left=left, right=0.5, top=1.0, hgap=0.85)
    for axes, analysis in zip(panels, analyses, strict=True):
        _panel(axes, analysis)
    return figure


def _panel(axes: Axes, analysis: Analysis) -> None:
    table = analysis.ranked().head(MOST)
    morris = analysis.method == "morris"
    bar, dot = ("mu_star", "sigma") if morris else ("total", "first")
    title = analysis.outcome + (f", {analysis.arm}" if analysis.arm else "")
    keep(axes, table, "unit of the outcome" if morris else "share of the variance")
    style.dress(axes, title, "", "change over the range (unit of the outcome)" if morris else "share of the variance")
    rows = np.arange(len(table))
    axes.set_ylim(len(table) - 0.4, -0.6)
    axes.set_yticks(rows, [str(name) for name in table["parameter"]])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=style.PALE, linewidth=0.5)
    value = table[bar].to_numpy()
    axes.barh(rows, value, height=0.62, color=TOTAL, alpha=0.35, linewidth=0)
    axes.hlines(rows, table[f"{bar}_low"], table[f"{bar}_high"], color=TOTAL, linewidth=1.4)
    beside = rows + (0.0 if morris else 0.18)
    axes.plot(table[dot], beside, "o", color=FIRST, markersize=3.5)
    if not morris:
        axes.hlines(beside, table["first_low"], table["first_high"], color=FIRST, linewidth=1.0)
    reach = np.concatenate([table[f"{bar}_high"], table[dot], value])
    low = min(0.0, float(np.nanmin(table["first_low"])) if not morris else 0.0)
    axes.set_xlim(low * 1.05, max(float(np.nanmax(reach)), 1e-12) * 1.06)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("-", "−")))
    axes.axvline(0, color=style.INK, linewidth=0.7)
    keys = [Line2D([], [], color=TOTAL, linewidth=5, alpha=0.5), Line2D([], [], color=FIRST, marker="o", linewidth=0)]
    axes.legend(
        keys, ["mu*", "sigma"] if morris else ["total", "first order"], loc="lower right", fontsize=style.SMALL,
        frameon=False,
    )  # fmt: skip

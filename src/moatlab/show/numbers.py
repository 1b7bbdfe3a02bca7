"""The numbers that a picture shows, kept while it is drawn and written beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from moatlab.results.frames import Array
from moatlab.results.text.numbers import significant
from moatlab.show.settings import Sheet

#: Columns that come first, where a picture has them.
FIRST = ("panel", "date", "name", "median", "mean", "value", "low", "high", "unit")


def month_names(dates: Array) -> list[str]:
    """Dates in years as the calendar writes their months: 2025.0 is ``2025-01``."""
    months = np.round(np.asarray(dates, dtype=np.float64) * 12).astype(int)
    return [f"{month // 12:04d}-{month % 12 + 1:02d}" for month in months]


def keep_line(
    axes: Axes, name: str, dates: Array, values: Array, low: Array | None = None, high: Array | None = None,
    *, middle: str = "median", unit: str = "",
) -> None:  # fmt: skip
    """Note a line of a panel, month by month, with its band where it has one; months without a value are left out."""
    columns: dict[str, Any] = {"date": month_names(dates), "name": name, middle: values}
    if low is not None and high is not None:
        columns |= {"low": low, "high": high}
    table = pd.DataFrame(columns)
    keep(axes, table[np.isfinite(np.asarray(values, dtype=np.float64))], unit)


def keep(where: Axes | Figure, table: pd.DataFrame, unit: str = "") -> None:
    """Note a table of what is drawn in a panel or a figure, in ``unit`` (by default what is written on the y axis)."""
    figure = where.get_figure(root=True) if isinstance(where, Axes) else where
    if isinstance(figure, Sheet) and len(table):
        figure.drawn.append((where, table, unit))


def numbers_of(figure: Figure) -> pd.DataFrame:
    """What is drawn, as one table; panels are called by their titles."""
    parts = []
    for where, table, unit in figure.drawn if isinstance(figure, Sheet) else ():
        if isinstance(where, Axes):
            # An axis says in its label from where on it is logarithmic, which is no unit.
            unit = unit or where.get_ylabel().split("; linear")[0]
            table = table.assign(**{"panel": where.get_title(loc="left"), **({"unit": unit} if unit else {})})
        parts.append(table)
    if not parts:
        return pd.DataFrame()
    stacked = pd.concat(parts, ignore_index=True)
    # A single line in a panel needs no name.
    stacked = stacked.loc[:, [not (stacked[c].isna() | (stacked[c] == "")).all() for c in stacked]]
    first = [column for column in FIRST if column in stacked]
    ordered: pd.DataFrame = stacked.reindex(columns=first + [str(column) for column in stacked if column not in first])
    return ordered


def as_csv(table: pd.DataFrame) -> str:
    """A table as text for a spreadsheet, in six significant digits."""
    text: str = significant(table).to_csv(index=False, lineterminator="\n")
    return text

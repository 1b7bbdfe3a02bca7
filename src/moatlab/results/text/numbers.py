"""Numbers and tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

#: Significant digits of numbers in text files: what a run says has no more.
DIGITS = 6


def short(value: float, digits: int = 3) -> str:
    """A number in ``digits`` figures, large ones in full with separators."""
    if not np.isfinite(value):
        return "-" if np.isnan(value) else "inf" if value > 0 else "-inf"
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"


def number(value: float) -> str:
    """Three significant digits, without exponents unless very small."""
    if value == 0 or abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) < 5e-4:
        return f"{value:.0e}"
    return f"{value:.{max(0, 2 - int(np.floor(np.log10(abs(value)))))}f}"


def significant(table: pd.DataFrame, digits: int = DIGITS) -> pd.DataFrame:
    """A copy of a table whose numbers, other than whole ones, are rounded to so many significant digits."""
    rounded = table.copy()
    for column in (c for c in table if pd.api.types.is_float_dtype(table[c])):
        values = table[column].to_numpy(dtype=np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            size = np.floor(np.log10(np.abs(values)))
        known = np.isfinite(size)
        # Through text, since 10**-7 is no float and a product with it would have a tail of digits.
        rounded[column] = [float(f"{v:.{digits}g}") if k else v for v, k in zip(values.tolist(), known, strict=True)]
    return rounded


def records(table: pd.DataFrame, digits: int = DIGITS) -> list[dict[str, Any]]:
    """The rows of a table for JSON, in so many significant digits; what is missing is None."""
    rounded = significant(table, digits).astype(object)
    known = rounded.where(rounded.notna() & ~rounded.isin([np.inf, -np.inf]), None)
    return [{str(name): value for name, value in row.items()} for row in known.to_dict("records")]


def percent(share: float) -> str:
    """A share in per cent, with a decimal where it is small."""
    return f"{100 * share:.0f} %" if abs(share) >= 0.0995 or share == 0 else f"{100 * share:.1f} %"


def change(share: float) -> str:
    """A relative change in per cent with its sign; what rounds to nothing has none."""
    if not np.isfinite(share):
        return "-"
    rounded = round(100 * share, 1)
    return f"{rounded:+,.1f} %" if rounded else "0.0 %"


def cents(part: float) -> str:
    """A part of a dollar; what rounds to nothing has no sign."""
    return f"{round(part, 2) + 0.0:.2f}"


def count(value: float) -> str:
    """A number of things; a median over seeds may lie half-way."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


def columns(rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Lines of rows of equal length with their columns in line: those ``left`` to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            text.ljust(width) if i in left else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def aligned(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> list[str]:
    """Lines of a table under its title (see `columns`), and an empty line after it."""
    return [title, *columns([head, *rows], left), ""]


def p_text(p: float) -> str:
    """A P value; a dash where there is nothing to test."""
    return "-" if np.isnan(p) else f"{p:.3f}" if p >= 0.001 else "< 0.001"

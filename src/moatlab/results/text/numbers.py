"""Numbers and tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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


def percent(share: float) -> str:
    """A share in per cent, with a decimal where it is small."""
    return f"{100 * share:.0f} %" if abs(share) >= 0.0995 or share == 0 else f"{100 * share:.1f} %"


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

"""Numbers and tables as plain text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def short(value: float, digits: int = 3) -> str:
    """A number in ``digits`` figures, large ones in full with separators."""
    if not np.isfinite(value):
        return "-" if np.isnan(value) else "inf" if value > 0 else "-inf"
    return f"{value:,.0f}" if abs(value) >= 10**digits - 0.5 else f"{value:.{digits}g}"


def aligned(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table, its first column to the left and the others to the right, and an empty line after it."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    cells = [
        [cell.rjust(width) if i else cell.ljust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True))]
        for row in [head, *rows]
    ]
    return [title, *("  ".join(row).rstrip() for row in cells), ""]


def p_text(p: float) -> str:
    """A P value; a dash where there is nothing to test."""
    return "-" if np.isnan(p) else f"{p:.3f}" if p >= 0.001 else "< 0.001"

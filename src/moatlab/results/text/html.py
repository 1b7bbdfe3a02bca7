"""Tables for notebooks, as plain HTML without styles of their own."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pandas as pd

from moatlab.results.text.numbers import significant

#: Rows of a table that a notebook shows.
MOST_ROWS = 12


def page(title: str, *parts: str) -> str:
    """A title above parts that are HTML already."""
    return f"<div><p><b>{escape(title)}</b></p>{''.join(parts)}</div>"


def rows(head: Sequence[str], body: Sequence[Sequence[object]]) -> str:
    """A table of texts."""
    line = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in body)
    return f"<table><thead><tr>{line}</tr></thead><tbody>{lines}</tbody></table>"


def frame(table: pd.DataFrame, most: int = MOST_ROWS) -> str:
    """The first rows of a data frame in few digits, and how many more there are."""
    text: str = significant(table.head(most), 4).to_html(index=False, border=0, na_rep="")
    more = len(table) - most
    return text + (f"<p>and {more:,} more rows</p>" if more > 0 else "")

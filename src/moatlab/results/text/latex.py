"""Tables as LaTeX, with the rules of the package booktabs."""

from __future__ import annotations

from typing import Any

import pandas as pd

_SPECIAL = {"\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{",
            "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}  # fmt: skip


def escaped(text: str) -> str:
    """Text in which no character means anything to LaTeX."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def latex(table: pd.DataFrame, caption: str) -> str:
    """A table environment: numbers to the right with four significant digits, all else to the left."""
    kinds = [pd.api.types.is_numeric_dtype(table[column]) for column in table]
    head = " & ".join(escaped(str(column)) for column in table)
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escaped(caption)}}}",
             rf"\begin{{tabular}}{{{''.join('r' if number else 'l' for number in kinds)}}}", r"\toprule",
             rf"{head} \\", r"\midrule"]  # fmt: skip
    lines += [rf"{' & '.join(_cell(value) for value in row)} \\" for row in table.itertuples(index=False)]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""])


def _cell(value: Any) -> str:
    if isinstance(value, float):
        if value != value:
            return "--"
        mantissa, _, power = f"{value:.4g}".partition("e")
        return rf"${mantissa} \times 10^{{{int(power)}}}$" if power else f"${mantissa}$"
    return f"${value}$" if isinstance(value, int) and not isinstance(value, bool) else escaped(str(value))

"""Tables as LaTeX: what has a meaning there is escaped, numbers are numbers."""

from __future__ import annotations

import pandas as pd

from moatlab.results.text.latex import escaped, latex


def test_nothing_in_a_text_means_anything_to_latex() -> None:
    assert escaped("50 % of R&D_x #1 {a} ~^\\$") == (
        r"50 \% of R\&D\_x \#1 \{a\} \textasciitilde{}\textasciicircum{}\textbackslash{}\$"
    )


def test_a_table() -> None:
    table = pd.DataFrame({"arm": ["a_b", "c"], "runs": [3, 4], "mean": [1234567.0, float("nan")]})
    assert latex(table, "By arm").splitlines() == [
        r"\begin{table}", r"\centering", r"\caption{By arm}", r"\begin{tabular}{lrr}", r"\toprule",
        r"arm & runs & mean \\", r"\midrule", r"a\_b & $3$ & $1.235 \times 10^{6}$ \\", r"c & $4$ & -- \\",
        r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip
